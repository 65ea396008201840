//! What a change makes of a user flow's settings, and what no change may make of them.
//!
//! Nothing is stored here: [`super::flows`] does that, with what [`FlowEdit::apply`] gives it.

use std::collections::BTreeSet;

use lanyard_domain::{
    assurance::{Assurance, Method},
    clock::Timestamp,
    user_flow::{
        Audience, CollectedAttribute, Conditions, Enforcement, FlowSettings, FlowType, MfaPolicy, SessionSettings,
        TokenSettings, UserFlow, is_strict,
    },
};

use super::PortalError;
use crate::config::Config;

/// What a flow asks of a second factor, wherever it asks for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factors {
    /// The methods that people may choose from.
    pub methods: BTreeSet<Method>,
    /// How good it must be.
    pub minimum: Assurance,
    /// For how many days people who were there before may put off setting one up; staff never may.
    pub grace_days: u32,
}

impl Factors {
    fn put(self, mfa: &mut MfaPolicy) {
        mfa.methods = self.methods;
        mfa.minimum = self.minimum;
        mfa.grace_days = self.grace_days;
    }
}

/// A change to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowEdit {
    /// Everything but whether MFA is on.
    Settings {
        /// The second factor.
        factors: Factors,
        /// What is collected.
        attributes: Vec<CollectedAttribute>,
        /// What is returned.
        claims: Vec<String>,
        /// Tokens and sessions.
        lives: Box<(TokenSettings, SessionSettings)>,
    },
    /// The second factor alone.
    Factors(Factors),
    /// MFA is switched on, and asks for this.
    TurnOn(Factors),
    /// MFA asks for this under conditions.
    AskWhen(Conditions, Factors),
    /// MFA is switched off; what it asked for is kept.
    TurnOff,
}

/// Whether a flow of this type asks people for attributes.
#[must_use]
pub const fn collects(kind: FlowType) -> bool {
    match kind {
        FlowType::SignUpSignIn | FlowType::ProfileEditing => true,
        FlowType::SignIn | FlowType::PasswordReset => false,
    }
}

impl FlowEdit {
    /// The settings of `flow` after this change at `now`. Entries that stay keep their order.
    ///
    /// # Errors
    /// [`PortalError::NotAllowed`] when the flow's audience does not allow it,
    /// [`PortalError::NoMethod`] when a second factor is demanded without any method,
    /// [`PortalError::NoCondition`] when it is demanded under none, [`PortalError::EveryBrowser`] when those that
    /// there are would let a stolen password in anywhere, [`PortalError::Unreachable`] when none of the methods
    /// reaches the minimum, [`PortalError::Strict`] when a strict flow would remember browsers.
    pub fn apply(self, flow: &UserFlow, now: Timestamp) -> Result<FlowSettings, PortalError> {
        let mut settings = flow.settings.clone();
        match (flow.audience, self) {
            (Audience::Patients, Self::Settings { factors, mut attributes, mut claims, lives }) => {
                let old = &flow.settings;
                attributes
                    .sort_by_key(|new| old.attributes.iter().position(|it| it.name == new.name).unwrap_or(usize::MAX));
                claims.sort_by_key(|new| old.claims.iter().position(|it| it == new).unwrap_or(usize::MAX));
                factors.put(&mut settings.mfa);
                settings.attributes = if collects(flow.kind) { attributes } else { Vec::new() };
                settings.claims = claims;
                (settings.tokens, settings.session) = *lives;
                // Nobody signs in there.
                settings.session.remember.on &= flow.kind.signs_in();
            }
            (Audience::Patients | Audience::Staff, Self::Factors(factors)) => factors.put(&mut settings.mfa),
            (Audience::Patients, Self::TurnOn(factors)) => {
                settings.mfa.enforcement = Enforcement::AlwaysOn;
                factors.put(&mut settings.mfa);
            }
            (Audience::Patients, Self::AskWhen(conditions, factors)) => {
                settings.mfa.enforcement = Enforcement::Conditional;
                settings.mfa.conditions = conditions;
                factors.put(&mut settings.mfa);
            }
            (Audience::Patients, Self::TurnOff) => settings.mfa.enforcement = Enforcement::Off,
            (Audience::Staff, Self::Settings { .. } | Self::TurnOn(_) | Self::AskWhen(..) | Self::TurnOff)
            | (Audience::Operators | Audience::SelfService, _) => return Err(PortalError::NotAllowed),
        }
        if flow.audience != Audience::Patients || !flow.kind.signs_in() {
            settings.mfa.grace_days = 0;
        }
        settings.mfa = settings.mfa.noted(flow.settings.mfa.enforcement, now);
        check(&settings)?;
        // Nobody is kept from switching it off by what an earlier version let through.
        if settings.mfa.enforcement != Enforcement::Off || settings.session.remember != flow.settings.session.remember {
            check_remember(&settings)?;
        }
        Ok(settings)
    }
}

/// What an operator is told of a flow that asks in a new country on a server that no proxy tells countries: it asks at
/// every sign-in.
#[must_use]
pub fn remark(config: &Config, mfa: &MfaPolicy) -> Option<&'static str> {
    let asks = mfa.enforcement == Enforcement::Conditional && mfa.conditions.new_country;
    (asks && config.country_header.is_none()).then_some(
        "It asks in a new country, and this server is never told one (country_header is not configured): it asks at every sign-in.",
    )
}

pub(super) fn check(settings: &FlowSettings) -> Result<(), PortalError> {
    match &settings.mfa {
        mfa if mfa.enforcement != Enforcement::Off && mfa.methods.is_empty() => Err(PortalError::NoMethod),
        mfa if mfa.enforcement == Enforcement::Conditional && mfa.conditions.is_empty() => {
            Err(PortalError::NoCondition)
        }
        mfa if mfa.enforcement == Enforcement::Conditional
            && (mfa.conditions.trusts_every_browser() || mfa.conditions.trusts_a_whole_country()) =>
        {
            Err(PortalError::EveryBrowser)
        }
        mfa if !mfa.is_reachable() => Err(PortalError::Unreachable),
        _ => Ok(()),
    }
}

// N22: where somebody chose strict methods nothing may stand in for them.
pub(super) fn check_remember(settings: &FlowSettings) -> Result<(), PortalError> {
    let strict = is_strict(&settings.mfa.methods, settings.mfa.minimum);
    if strict && settings.session.remember.on { Err(PortalError::Strict) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{id::Id, user_flow::FlowName};
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn flow(audience: Audience, enforcement: Enforcement) -> UserFlow {
        UserFlow {
            id: Id::from_uuid(Uuid::from_u128(1)),
            tenant: Id::from_uuid(Uuid::from_u128(2)),
            name: FlowName::parse("x").unwrap(),
            kind: FlowType::SignUpSignIn,
            audience,
            settings: FlowSettings {
                mfa: MfaPolicy::new(enforcement, [Method::AuthenticatorApp]),
                attributes: vec![
                    CollectedAttribute { name: "surname".into(), required: true },
                    CollectedAttribute { name: "givenName".into(), required: true },
                ],
                claims: Vec::new(),
                tokens: TokenSettings::default(),
                session: SessionSettings::default(),
            },
            version: 1,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    fn factors(methods: impl IntoIterator<Item = Method>) -> Factors {
        Factors { methods: methods.into_iter().collect(), minimum: Assurance::Aal1, grace_days: 0 }
    }

    fn settings_edit() -> FlowEdit {
        FlowEdit::Settings {
            factors: factors([Method::PhoneCall]),
            attributes: ["country", "givenName", "surname"]
                .map(|name| CollectedAttribute { name: name.into(), required: false })
                .to_vec(),
            claims: vec!["emails".into()],
            lives: Box::default(),
        }
    }

    #[test]
    fn staff_flow_allows_methods_only_and_never_goes_off() {
        let staff = flow(Audience::Staff, Enforcement::AlwaysOn);
        let after = FlowEdit::Factors(factors([Method::TextMessage])).apply(&staff, NOW).unwrap();
        assert_eq!(after.mfa, MfaPolicy::new(Enforcement::AlwaysOn, [Method::TextMessage]));
        let lax = Factors { grace_days: 14, ..factors([Method::TextMessage]) };
        assert_eq!(FlowEdit::Factors(lax).apply(&staff, NOW).unwrap().mfa.grace_days, 0, "staff never wait");
        assert!(matches!(FlowEdit::TurnOff.apply(&staff, NOW), Err(PortalError::NotAllowed)));
        assert!(matches!(settings_edit().apply(&staff, NOW), Err(PortalError::NotAllowed)));
        assert!(matches!(FlowEdit::Factors(factors([])).apply(&staff, NOW), Err(PortalError::NoMethod)));
    }

    #[test]
    fn flows_of_operators_and_accounts_cannot_be_edited() {
        for audience in [Audience::Operators, Audience::SelfService] {
            let built_in = flow(audience, Enforcement::AlwaysOn);
            for edit in [
                settings_edit(),
                FlowEdit::Factors(factors([])),
                FlowEdit::TurnOff,
                FlowEdit::TurnOn(factors([])),
                FlowEdit::AskWhen(ELSEWHERE, factors([])),
            ] {
                assert!(matches!(edit.apply(&built_in, NOW), Err(PortalError::NotAllowed)), "{audience:?}");
            }
        }
    }

    #[test]
    fn the_form_of_settings_cannot_switch_mfa() {
        for enforcement in [Enforcement::Off, Enforcement::AlwaysOn] {
            let after = settings_edit().apply(&flow(Audience::Patients, enforcement), NOW).unwrap();
            assert_eq!(after.mfa.enforcement, enforcement);
        }
    }

    #[test]
    fn mfa_is_never_on_without_a_method_and_off_keeps_the_methods() {
        let off = flow(Audience::Patients, Enforcement::Off);
        assert!(matches!(FlowEdit::TurnOn(factors([])).apply(&off, NOW), Err(PortalError::NoMethod)));
        let on = flow(Audience::Patients, Enforcement::AlwaysOn);
        assert_eq!(FlowEdit::TurnOff.apply(&on, NOW).unwrap().mfa.methods, on.settings.mfa.methods);
    }

    #[test]
    fn n22_a_strict_flow_that_remembers_browsers_is_refused_however_it_comes_in() {
        let strict = || factors([Method::AuthenticatorApp, Method::Passkey]);
        let above = || Factors { minimum: Assurance::Aal2Strict, ..factors(Method::ALL) };
        let lax = || factors(Method::ALL);
        let settings = |factors| {
            let FlowEdit::Settings { attributes, claims, mut lives, .. } = settings_edit() else { panic!("settings") };
            lives.1.remember.on = true;
            FlowEdit::Settings { factors, attributes, claims, lives }
        };
        let mut remembers = flow(Audience::Patients, Enforcement::AlwaysOn);
        remembers.settings.session.remember.on = true;
        for factors in [strict, above] {
            for enforcement in [Enforcement::Off, Enforcement::AlwaysOn] {
                let plain = flow(Audience::Patients, enforcement);
                assert!(matches!(settings(factors()).apply(&plain, NOW), Err(PortalError::Strict)));
            }
            for edit in [FlowEdit::Factors(factors()), FlowEdit::TurnOn(factors()), settings(factors())] {
                assert!(matches!(edit.apply(&remembers, NOW), Err(PortalError::Strict)));
            }
            assert!(FlowEdit::Factors(factors()).apply(&flow(Audience::Patients, Enforcement::AlwaysOn), NOW).is_ok());
        }
        assert!(settings(lax()).apply(&remembers, NOW).is_ok() && FlowEdit::TurnOff.apply(&remembers, NOW).is_ok());
        let mut before = remembers;
        before.settings.mfa.methods = strict().methods;
        assert!(FlowEdit::TurnOff.apply(&before, NOW).is_ok(), "what an earlier version let through");
    }

    #[test]
    fn a_minimum_that_no_method_reaches_is_refused_however_it_comes_in() {
        let weak = || Factors { minimum: Assurance::PhishingResistant, ..factors([Method::AuthenticatorApp]) };
        let strong = || Factors { minimum: Assurance::PhishingResistant, ..factors(Method::ALL) };
        for enforcement in [Enforcement::Off, Enforcement::AlwaysOn] {
            let patients = flow(Audience::Patients, enforcement);
            for edit in [FlowEdit::TurnOn(weak()), FlowEdit::Factors(weak())] {
                assert!(matches!(edit.apply(&patients, NOW), Err(PortalError::Unreachable)));
            }
            let FlowEdit::Settings { attributes, claims, lives, .. } = settings_edit() else { panic!("the settings") };
            let edit = FlowEdit::Settings { factors: weak(), attributes, claims, lives };
            assert!(matches!(edit.apply(&patients, NOW), Err(PortalError::Unreachable)));
            let after = FlowEdit::Factors(strong()).apply(&patients, NOW).unwrap();
            assert_eq!((after.mfa.enforcement, after.mfa.minimum), (enforcement, Assurance::PhishingResistant));
        }
        let staff = flow(Audience::Staff, Enforcement::AlwaysOn);
        assert!(matches!(FlowEdit::Factors(weak()).apply(&staff, NOW), Err(PortalError::Unreachable)));
        assert_eq!(FlowEdit::Factors(strong()).apply(&staff, NOW).unwrap().mfa.minimum, Assurance::PhishingResistant);
    }

    #[test]
    fn the_toggle_notes_when_a_second_factor_began_to_be_demanded_and_a_form_cannot_move_it() {
        let off = flow(Audience::Patients, Enforcement::Off);
        let waiting = || Factors { grace_days: 14, ..factors([Method::AuthenticatorApp]) };
        let mut on = off.clone();
        on.settings = FlowEdit::TurnOn(waiting()).apply(&off, NOW).unwrap();
        assert_eq!((on.settings.mfa.since, on.settings.mfa.grace_days), (Some(NOW), 14));
        let later = NOW.plus(1_000);
        for edit in [FlowEdit::TurnOn(waiting()), FlowEdit::AskWhen(ELSEWHERE, waiting()), settings_edit()] {
            assert_eq!(edit.apply(&on, later).unwrap().mfa.since, Some(NOW));
        }
        assert_eq!(settings_edit().apply(&on, later).unwrap().mfa.grace_days, 0, "a form that has no such field");
        let off_again = UserFlow { settings: FlowEdit::TurnOff.apply(&on, later).unwrap(), ..on };
        assert_eq!(off_again.settings.mfa.since, None);
        assert_eq!(FlowEdit::TurnOn(waiting()).apply(&off_again, later).unwrap().mfa.since, Some(later));
        let reset = UserFlow { kind: FlowType::PasswordReset, ..off };
        assert_eq!(FlowEdit::TurnOn(waiting()).apply(&reset, NOW).unwrap().mfa.grace_days, 0);
    }

    const ELSEWHERE: Conditions =
        Conditions { new_browser: true, new_network: true, new_country: true, strong_days: None };

    #[test]
    fn conditions_need_a_trigger_and_a_method_and_are_kept_while_they_do_not_act() {
        let off = flow(Audience::Patients, Enforcement::Off);
        let app = || factors([Method::AuthenticatorApp]);
        let none = FlowEdit::AskWhen(Conditions::default(), app());
        assert!(matches!(none.apply(&off, NOW), Err(PortalError::NoCondition)));
        for new_network in [false, true] {
            let days = Conditions { new_network, strong_days: Some(90), ..Conditions::default() };
            let refused = FlowEdit::AskWhen(days, app()).apply(&off, NOW);
            assert!(matches!(refused, Err(PortalError::EveryBrowser)), "a stolen password in any browser");
            // Nor is one that stands in the database from before changed and kept.
            let mut old = flow(Audience::Patients, Enforcement::Conditional);
            old.settings.mfa.conditions = days;
            assert!(matches!(settings_edit().apply(&old, NOW), Err(PortalError::EveryBrowser)));
            assert!(
                FlowEdit::TurnOff.apply(&old, NOW).is_ok()
                    && FlowEdit::AskWhen(ELSEWHERE, app()).apply(&old, NOW).is_ok()
            );
        }
        let country = Conditions { new_country: true, ..Conditions::default() };
        let refused = FlowEdit::AskWhen(country, app()).apply(&off, NOW);
        assert!(matches!(refused, Err(PortalError::EveryBrowser)), "a stolen password in any browser of the country");
        for told_apart in [Conditions { new_browser: true, ..country }, Conditions { new_network: true, ..country }] {
            assert!(FlowEdit::AskWhen(told_apart, app()).apply(&off, NOW).is_ok(), "{told_apart:?}");
        }
        let none = FlowEdit::AskWhen(ELSEWHERE, factors([]));
        assert!(matches!(none.apply(&off, NOW), Err(PortalError::NoMethod)));
        let mut asking = off.clone();
        asking.settings = FlowEdit::AskWhen(ELSEWHERE, app()).apply(&off, NOW).unwrap();
        assert_eq!(
            (asking.settings.mfa.enforcement, asking.settings.mfa.conditions),
            (Enforcement::Conditional, ELSEWHERE)
        );
        for edit in [FlowEdit::TurnOff, FlowEdit::TurnOn(app()), settings_edit()] {
            assert_eq!(edit.apply(&asking, NOW).unwrap().mfa.conditions, ELSEWHERE);
        }
        let staff = flow(Audience::Staff, Enforcement::AlwaysOn);
        assert!(matches!(FlowEdit::AskWhen(ELSEWHERE, app()).apply(&staff, NOW), Err(PortalError::NotAllowed)));
    }

    #[test]
    fn a_flow_that_asks_in_a_new_country_where_none_is_told_is_remarked_on() {
        let told = Config { country_header: Some("CF-IPCountry".into()), ..Config::default() };
        for (enforcement, conditions, remarked) in [
            (Enforcement::Conditional, ELSEWHERE, true),
            (Enforcement::Conditional, Conditions { new_country: false, ..ELSEWHERE }, false),
            (Enforcement::AlwaysOn, ELSEWHERE, false),
            (Enforcement::Off, ELSEWHERE, false),
        ] {
            let mfa = MfaPolicy { conditions, ..MfaPolicy::new(enforcement, Method::ALL) };
            assert_eq!(remark(&Config::default(), &mfa).is_some(), remarked, "{enforcement:?} {conditions:?}");
            assert_eq!(remark(&told, &mfa), None);
        }
    }

    #[test]
    fn attributes_that_stay_keep_their_order() {
        let after = settings_edit().apply(&flow(Audience::Patients, Enforcement::Off), NOW).unwrap();
        let names: Vec<&str> = after.attributes.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["surname", "givenName", "country"]);
    }
}
