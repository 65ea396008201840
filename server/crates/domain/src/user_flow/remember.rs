//! Remembered browsers: whether people may have one at a flow, and for how long.

use serde::{Deserialize, Serialize};

use super::{Audience, Enforcement, FlowType, UserFlow};
use crate::{
    application::Minimum,
    assurance::{Assurance, Method},
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

/// Whether a flow with these methods and this minimum keeps to strict ones (decision 2): no code over the
/// phone network. Nothing is remembered where somebody chose that.
#[must_use]
pub fn is_strict<'a>(methods: impl IntoIterator<Item = &'a Method>, minimum: Assurance) -> bool {
    minimum > Assurance::Aal2Legacy || !methods.into_iter().any(|method| method.is_phone())
}

impl UserFlow {
    /// Whether a remembered browser counts at this flow: patients sign in by it, it is switched on, and the
    /// flow is not a strict one. One that asks under conditions does not take it: who set them wants a second
    /// factor where one of them fires, and where none does nothing is asked for.
    #[must_use]
    pub fn remembers(&self) -> bool {
        let (mfa, session) = (&self.settings.mfa, &self.settings.session);
        self.audience == Audience::Patients
            && self.kind.signs_in()
            && session.remember.on
            && mfa.enforcement != Enforcement::Conditional
            && !is_strict(&mfa.methods, mfa.minimum)
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
                let asks = |flow: &UserFlow| flow.settings.mfa.enforcement != Enforcement::Off;
                let strong = |flow: &&UserFlow| flow.kind.signs_in() && asks(flow);
                linked.into_iter().filter(strong).all(UserFlow::remembers)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_flow::{MfaPolicy, SessionSettings, testing::sign_in_flow};

    #[test]
    fn n22_it_is_off_by_default_and_in_older_documents() {
        assert!(!RememberSettings::default().on);
        let old: SessionSettings = serde_json::from_str(r#"{"minutes":60}"#).unwrap();
        assert_eq!(old.remember, RememberSettings::default());
    }

    #[test]
    fn n22_a_strict_flow_is_one_without_the_phone_network() {
        let any = Assurance::Aal1;
        assert!(is_strict(&[Method::Passkey, Method::AuthenticatorApp], any));
        assert!(!is_strict(&[Method::AuthenticatorApp, Method::TextMessage], any));
        assert!(!is_strict(&Method::ALL, any) && is_strict(&[], any));
        let by_minimum = Assurance::ALL.map(|minimum| is_strict(&Method::ALL, minimum));
        assert_eq!(by_minimum, [false, false, true, true]);
    }

    #[test]
    fn n22_a_flow_takes_it_where_people_always_give_a_second_factor_that_may_be_any() {
        let flow = |change: fn(&mut UserFlow)| {
            let mut flow = any_flow();
            change(&mut flow);
            flow.remembers()
        };
        assert!(flow(|_| ()));
        assert!(!flow(|flow| flow.settings.session.remember.on = false));
        assert!(!flow(|flow| flow.kind = FlowType::PasswordReset));
        assert!(!flow(|flow| flow.audience = Audience::Staff));
        assert!(!flow(|flow| flow.settings.mfa.minimum = Assurance::Aal2Strict));
        assert!(!flow(|flow| flow.settings.mfa.methods = [Method::Passkey].into()));
        let conditional = |flow: &mut UserFlow| flow.settings.mfa.enforcement = Enforcement::Conditional;
        assert!(!flow(conditional));
        let (always, mut at_times) = (any_flow(), any_flow());
        conditional(&mut at_times);
        assert!(Minimum::StrongestLinked.lets_remember([&always]));
        assert!(!Minimum::StrongestLinked.lets_remember([&always, &at_times]), "an edited address");
        // Flows that ask for no second factor, or sign nobody in, are none that one could go around.
        let (mut off, mut reset) = (any_flow(), any_flow());
        (off.settings.mfa.enforcement, reset.kind) = (Enforcement::Off, FlowType::PasswordReset);
        assert!(Minimum::StrongestLinked.lets_remember([&always, &off, &reset]));
    }

    fn any_flow() -> UserFlow {
        let remember = RememberSettings { on: true, days: 30 };
        let session = SessionSettings { remember, ..SessionSettings::default() };
        sign_in_flow(MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL), session)
    }

    #[test]
    fn n22_an_application_with_a_minimum_of_its_own_leaves_no_room() {
        assert!(!Minimum::Mfa.lets_remember([]));
        assert!(Minimum::None.lets_remember([]) && Minimum::StrongestLinked.lets_remember([]));
    }
}
