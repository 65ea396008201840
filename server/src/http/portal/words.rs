//! The domain's values in words.

use lanyard_app::countries::COUNTRIES;
use lanyard_domain::{application::ApplicationKind, attribute::AttributeKind, clock::Timestamp, user_flow::FlowType};
use time::OffsetDateTime;

/// A moment: "22 November 2026, 06:52 UTC".
pub(super) fn moment(at: Timestamp) -> String {
    match OffsetDateTime::from_unix_timestamp(at.as_seconds()) {
        Ok(at) => format!("{} {} {}, {:02}:{:02} UTC", at.day(), at.month(), at.year(), at.hour(), at.minute()),
        Err(_) => "unknown".to_owned(),
    }
}

/// A day: "22 November 2026".
pub(super) fn day(at: Timestamp) -> String {
    let moment = moment(at);
    moment.split_once(',').map_or(moment.clone(), |(day, _)| day.to_owned())
}

/// The name of a region.
pub(super) fn region(code: &str) -> String {
    let found = COUNTRIES.iter().find(|(own, _)| *own == code);
    found.map_or_else(|| code.to_owned(), |(_, name)| (*name).to_owned())
}

pub(super) const fn application_kind(kind: ApplicationKind) -> &'static str {
    match kind {
        ApplicationKind::Web => "Web application",
        ApplicationKind::SinglePage => "Single-page application",
        ApplicationKind::Native => "Native application",
        ApplicationKind::WebApi => "Web API",
    }
}

pub(super) const fn flow_type(kind: FlowType) -> &'static str {
    match kind {
        FlowType::SignUpSignIn => "Sign up and sign in",
        FlowType::SignIn => "Sign in",
        FlowType::ProfileEditing => "Profile editing",
        FlowType::PasswordReset => "Password reset",
    }
}

pub(super) fn attribute_kind(kind: &AttributeKind) -> String {
    match kind {
        AttributeKind::String => "Text".to_owned(),
        AttributeKind::Boolean => "Yes or no".to_owned(),
        AttributeKind::Integer => "Whole number".to_owned(),
        AttributeKind::Dropdown { options } => format!("One of: {}", options.join(", ")),
        AttributeKind::Country => "Country or region".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_in_utc() {
        assert_eq!(moment(Timestamp(1_795_330_338_000)), "22 November 2026, 06:52 UTC");
        assert_eq!(day(Timestamp(0)), "1 January 1970");
        assert_eq!(moment(Timestamp(i64::MAX)), "unknown");
    }

    #[test]
    fn regions_have_names() {
        assert_eq!(region("DE"), "Germany");
        assert_eq!(region("ZZ"), "ZZ");
    }
}
