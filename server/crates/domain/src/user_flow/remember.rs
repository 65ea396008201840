//! Remembered browsers: whether people may have one at a flow, and for how long.

use serde::{Deserialize, Serialize};

use super::{Audience, FlowType, UserFlow};
use crate::{
    application::Minimum,
    assurance::{Level, Method},
    clock::{DAY, Millis},
};

/// Whether people may have their browser remembered, so that the next sign-ins in it ask for the
/// password alone. Off unless an operator switches it on: what is remembered is no factor (N22).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct RememberSettings {
    /// Whether it is offered, and counts.
    pub on: bool,
    /// For how many days, counted from the second factor: 1 to 90. Use does not prolong it.
    pub days: u32,
}

impl Default for RememberSettings {
    fn default() -> Self {
        Self { on: false, days: 30 }
    }
}

impl RememberSettings {
    /// How long a browser is remembered.
    #[must_use]
    pub fn life(&self) -> Millis {
        i64::from(self.days) * DAY
    }
}

/// Whether a flow with these methods keeps to strict ones (decision 2): no code over the phone network.
/// Nothing is remembered where somebody chose that.
#[must_use]
pub fn is_strict<'a>(methods: impl IntoIterator<Item = &'a Method>) -> bool {
    !methods.into_iter().any(|method| method.is_phone())
}

impl UserFlow {
    /// Whether a remembered browser counts at this flow: patients sign in by it, it is switched on, and the
    /// flow is not a strict one.
    #[must_use]
    pub fn remembers(&self) -> bool {
        let settings = &self.settings;
        self.audience == Audience::Patients
            && self.kind.signs_in()
            && settings.session.remember.on
            && !is_strict(&settings.mfa.methods)
    }
}

impl FlowType {
    /// Whether people come to it to sign in, and not to change something.
    #[must_use]
    pub const fn signs_in(self) -> bool {
        match self {
            Self::SignUpSignIn | Self::SignIn => true,
            Self::ProfileEditing | Self::PasswordReset => false,
        }
    }
}

impl Minimum {
    /// Whether an application that asks for this leaves room for remembered browsers, given all linked
    /// flows. One that asks for a second factor does not. One that asks for the strongest of its flows does
    /// where every flow with a second factor remembers: or the edited address of another flow would be a
    /// way around the one that does not.
    #[must_use]
    pub fn lets_remember<'a>(self, linked: impl IntoIterator<Item = &'a UserFlow>) -> bool {
        match self {
            Self::Mfa => false,
            Self::None => true,
            Self::StrongestLinked => {
                let strong = |flow: &&UserFlow| flow.kind.signs_in() && flow.settings.mfa.level() > Level::Aal1;
                linked.into_iter().filter(strong).all(UserFlow::remembers)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n22_it_is_off_by_default_and_in_older_documents() {
        assert!(!RememberSettings::default().on);
        let old: crate::user_flow::SessionSettings = serde_json::from_str(r#"{"minutes":60}"#).unwrap();
        assert_eq!(old.remember, RememberSettings::default());
    }

    #[test]
    fn n22_a_strict_flow_is_one_without_the_phone_network() {
        assert!(is_strict(&[Method::Passkey, Method::AuthenticatorApp]));
        assert!(!is_strict(&[Method::AuthenticatorApp, Method::TextMessage]));
        assert!(!is_strict(&Method::ALL) && is_strict(&[]));
    }

    #[test]
    fn n22_an_application_with_a_minimum_of_its_own_leaves_no_room() {
        assert!(!Minimum::Mfa.lets_remember([]));
        assert!(Minimum::None.lets_remember([]) && Minimum::StrongestLinked.lets_remember([]));
    }
}
