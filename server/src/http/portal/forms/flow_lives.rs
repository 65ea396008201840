//! How long a flow's tokens and sessions live, and how they look. The bounds are those of
//! [`TokenSettings`] and [`SessionSettings`].

use std::ops::RangeInclusive;

use lanyard_app::api::portal::FormState;
use lanyard_domain::user_flow::{FlowClaim, IssuerMode, SessionScope, SessionSettings, TokenSettings};

use super::{Problems, remember};
use crate::{http::form::Fields, service::portal::flows::Factors};

const ISSUERS: [(&str, IssuerMode); 2] = [("flow", IssuerMode::Flow), ("tenant", IssuerMode::Tenant)];
const CLAIMS: [(&str, FlowClaim); 2] = [("tfp", FlowClaim::Tfp), ("acr", FlowClaim::Acr)];
const ENDS: [(&str, bool); 2] = [("absolute", false), ("rolling", true)];
const SCOPES: [(&str, SessionScope); 4] = [
    ("tenant", SessionScope::Tenant),
    ("application", SessionScope::Application),
    ("flow", SessionScope::Flow),
    ("none", SessionScope::None),
];

/// Reads the life and form of tokens.
pub(super) fn tokens(fields: &Fields, problems: &mut Problems) -> TokenSettings {
    let default = TokenSettings::default();
    TokenSettings {
        minutes: number(fields, "token_minutes", (5..=1440, "minutes"), problems).unwrap_or(default.minutes),
        refresh_days: number(fields, "refresh_days", (1..=90, "days"), problems).unwrap_or(default.refresh_days),
        refresh_window_days: number_or_none(fields, "refresh_window_days", (1..=365, "days"), problems),
        issuer: choice(fields, "issuer", &ISSUERS, problems).unwrap_or(default.issuer),
        flow_claim: choice(fields, "flow_claim", &CLAIMS, problems).unwrap_or(default.flow_claim),
        strict_errors: fields.ticked("strict_errors"),
    }
}

/// Reads the life and reach of sessions.
pub(super) fn session(fields: &Fields, factors: Option<&Factors>, problems: &mut Problems) -> SessionSettings {
    let default = SessionSettings::default();
    SessionSettings {
        minutes: number(fields, "session_minutes", (15..=1440, "minutes"), problems).unwrap_or(default.minutes),
        rolling: choice(fields, "session_end", &ENDS, problems).unwrap_or(default.rolling),
        scope: choice(fields, "session_scope", &SCOPES, problems).unwrap_or(default.scope),
        keep_days: number_or_none(fields, "keep_days", (1..=90, "days"), problems),
        id_token_in_logout: fields.ticked("id_token_in_logout"),
        remember: remember::read(fields, factors, problems),
    }
}

pub(super) fn number(
    fields: &Fields,
    name: &str,
    (bounds, unit): (RangeInclusive<u32>, &str),
    problems: &mut Problems,
) -> Option<u32> {
    let read = fields.get(name).trim().parse().ok().filter(|number| bounds.contains(number));
    let (least, most) = (bounds.start(), bounds.end());
    problems.keep(name, read.ok_or_else(|| format!("Enter a whole number from {least} to {most} ({unit}).")))
}

fn number_or_none(
    fields: &Fields,
    name: &str,
    bounds: (RangeInclusive<u32>, &str),
    problems: &mut Problems,
) -> Option<u32> {
    if fields.get(name).trim().is_empty() { None } else { number(fields, name, bounds, problems) }
}

fn choice<T: Copy>(fields: &Fields, name: &str, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let found = choices.iter().find(|(value, _)| *value == fields.get(name)).map(|(_, choice)| *choice);
    problems.keep(name, found.ok_or_else(|| "Choose one.".to_owned()))
}

/// The fields of both, added to `form`.
pub(super) fn values(form: FormState, tokens: &TokenSettings, session: &SessionSettings) -> FormState {
    let days = |days: Option<u32>| days.map(|days| days.to_string()).unwrap_or_default();
    let mut form = form
        .with("token_minutes", tokens.minutes.to_string())
        .with("refresh_days", tokens.refresh_days.to_string())
        .with("refresh_window_days", days(tokens.refresh_window_days))
        .with("issuer", name_of(&ISSUERS, &tokens.issuer))
        .with("flow_claim", name_of(&CLAIMS, &tokens.flow_claim))
        .with("session_minutes", session.minutes.to_string())
        .with("session_end", name_of(&ENDS, &session.rolling))
        .with("session_scope", name_of(&SCOPES, &session.scope))
        .with("keep_days", days(session.keep_days));
    for (name, on) in [("strict_errors", tokens.strict_errors), ("id_token_in_logout", session.id_token_in_logout)] {
        if on {
            form = form.with(name, "true");
        }
    }
    remember::values(form, &session.remember)
}

fn name_of<T: PartialEq>(choices: &[(&'static str, T)], value: &T) -> &'static str {
    choices.iter().find(|(_, choice)| choice == value).map_or("", |(name, _)| name)
}
