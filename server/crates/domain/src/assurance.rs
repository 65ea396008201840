//! Assurance: which methods were used, and the level that follows (NIST SP 800-63B-4).
//!
//! The level is always computed from what happened in this sign-in, never from configuration
//! (decision 4 of the security rules). An email code proves an address and adds nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    clock::{DAY, HOUR, Timestamp},
    id::Id,
    passkey::PasskeyKind,
};

/// Authenticator assurance level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One factor.
    #[default]
    Aal1,
    /// Two different factors.
    Aal2,
}

impl Level {
    /// The value of the `acr` claim and of the database column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Aal1, Self::Aal2].into_iter().find(|level| level.as_str() == text)
    }
}

/// A second-factor method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A passkey, always with the user verified: both factors in one, and safe from phishing (N26).
    Passkey,
    /// A time-based code from an authenticator app (RFC 6238).
    AuthenticatorApp,
    /// A code by text message. Restricted (NIST 3.2.9).
    TextMessage,
    /// A code read out by a phone call. Restricted (NIST 3.2.9).
    PhoneCall,
    /// A recovery code. No flow lists it: it stands in for a factor that is bound, wherever one is asked for.
    RecoveryCode,
}

impl Method {
    /// Every method that a flow can allow, strongest first (U19).
    pub const ALL: [Self; 4] = [Self::Passkey, Self::AuthenticatorApp, Self::TextMessage, Self::PhoneCall];

    /// The name used in forms, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::AuthenticatorApp => "authenticator_app",
            Self::TextMessage => "text_message",
            Self::PhoneCall => "phone_call",
            Self::RecoveryCode => "recovery_code",
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::RecoveryCode]).find(|method| method.as_str() == text)
    }

    /// Whether the code travels over the phone network, so that a number is needed.
    #[must_use]
    pub const fn is_phone(self) -> bool {
        match self {
            Self::TextMessage | Self::PhoneCall => true,
            Self::Passkey | Self::AuthenticatorApp | Self::RecoveryCode => false,
        }
    }

    /// The `amr` value (RFC 8176, 2); a passkey's depends on its kind ([`PasskeyKind::amr`]).
    const fn amr(self) -> Option<&'static str> {
        match self {
            Self::Passkey => None,
            // A look-up secret is good once: of the registered values, that is what fits.
            Self::AuthenticatorApp | Self::RecoveryCode => Some("otp"),
            Self::TextMessage => Some("sms"),
            Self::PhoneCall => Some("tel"),
        }
    }
}

/// What really happened in one sign-in. Only the journey can write one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Authentication {
    account: Id<Account>,
    at: Timestamp,
    password: bool,
    email_proved: bool,
    second: BTreeSet<Method>,
    /// The kind of the passkey that was used, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyKind>,
    new_account: bool,
}

impl Authentication {
    /// Somebody who proved nothing yet but the claim to be `account`.
    pub(crate) const fn begin(account: Id<Account>, at: Timestamp) -> Self {
        Self {
            account,
            at,
            password: false,
            email_proved: false,
            second: BTreeSet::new(),
            passkey: None,
            new_account: false,
        }
    }

    pub(crate) const fn with_password(mut self) -> Self {
        self.password = true;
        self
    }

    pub(crate) const fn with_email(mut self) -> Self {
        self.email_proved = true;
        self
    }

    pub(crate) const fn for_new_account(mut self) -> Self {
        self.new_account = true;
        self
    }

    pub(crate) fn with_second(mut self, method: Method, at: Timestamp) -> Self {
        self.second.insert(method);
        self.at = at;
        self
    }

    pub(crate) fn with_passkey(self, kind: PasskeyKind, at: Timestamp) -> Self {
        Self { passkey: Some(kind), ..self.with_second(Method::Passkey, at) }
    }

    /// This sign-in as a later journey may build on it, for what it still counts there: whatever
    /// was proved for that other journey alone (the address, being new) stays behind.
    pub(crate) fn carried_over(mut self, level: Level) -> Self {
        self.email_proved = false;
        self.new_account = false;
        if level < Level::Aal2 {
            self.second.clear();
            // How somebody came in who has no password stays told.
            self.passkey = self.passkey.filter(|_| !self.password);
        }
        self
    }

    /// Whose sign-in it is.
    #[must_use]
    pub const fn account(&self) -> Id<Account> {
        self.account
    }

    /// When the last factor was proved: the `auth_time` claim.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether the account came into being in this very journey (the `newUser` claim).
    #[must_use]
    pub const fn is_new_account(&self) -> bool {
        self.new_account
    }

    /// Whether the address was proved in this journey by a code.
    #[must_use]
    pub const fn email_proved(&self) -> bool {
        self.email_proved
    }

    /// The second-factor methods that were used.
    #[must_use]
    pub const fn second(&self) -> &BTreeSet<Method> {
        &self.second
    }

    /// The level that was reached: a password *and* a second method, or a passkey, which is never
    /// taken without verification of the user and so is two factors by itself (NIST SP 800-63B-4,
    /// 3.1.7).
    #[must_use]
    pub fn level(&self) -> Level {
        let both = self.password && !self.second.is_empty();
        if both || self.second.contains(&Method::Passkey) { Level::Aal2 } else { Level::Aal1 }
    }

    /// The level this sign-in still counts for at `now`, if last used at `last_seen`: after an
    /// hour of silence or a day in all it is AAL1 again (NIST SP 800-63B-4, 2.2.3).
    #[must_use]
    pub fn level_at(&self, now: Timestamp, last_seen: Timestamp) -> Level {
        let stale = now.since(last_seen) >= HOUR || now.since(self.at) >= DAY || now < self.at;
        if stale { Level::Aal1 } else { self.level() }
    }

    /// The `amr` claim (RFC 8176): `pwd`, a passkey's kind with `user`, the second methods, and `mfa`
    /// when two factors met.
    #[must_use]
    pub fn amr(&self) -> Vec<&'static str> {
        let mut amr = Vec::with_capacity(5);
        if self.password {
            amr.push("pwd");
        }
        if let Some(kind) = self.passkey {
            amr.extend([kind.amr(), "user"]);
        }
        for value in self.second.iter().filter_map(|method| method.amr()) {
            // An app and a recovery code have the same one.
            if !amr.contains(&value) {
                amr.push(value);
            }
        }
        if self.level() == Level::Aal2 {
            amr.push("mfa");
        }
        amr
    }
}

/// What a sign-in must reach: the flow's policy, the application's minimum, and both versions of
/// the flow taken together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// The level to reach.
    pub level: Level,
    /// The second methods that count, next to a recovery code, which counts wherever one is asked for (decision
    /// 2). Without effect at AAL1.
    pub methods: BTreeSet<Method>,
}

impl Demand {
    /// One factor is enough.
    #[must_use]
    pub const fn single_factor() -> Self {
        Self { level: Level::Aal1, methods: BTreeSet::new() }
    }

    /// A second factor out of `methods`; an empty set means any method.
    #[must_use]
    pub fn mfa(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut methods: BTreeSet<Method> =
            methods.into_iter().filter(|method| *method != Method::RecoveryCode).collect();
        if methods.is_empty() {
            methods.extend(Method::ALL);
        }
        Self { level: Level::Aal2, methods }
    }

    /// The stricter of two demands; `self` is the one that stands now.
    ///
    /// Where both ask for a second factor, the present list of methods holds.
    #[must_use]
    pub fn stricter(self, earlier: &Self) -> Self {
        match (self.level, earlier.level) {
            (Level::Aal1, Level::Aal2) => earlier.clone(),
            (Level::Aal1, Level::Aal1) | (Level::Aal2, Level::Aal1 | Level::Aal2) => self,
        }
    }

    /// Raised to `minimum`: an application that asks for a second factor gets one from any flow.
    #[must_use]
    pub fn at_least(self, minimum: Level) -> Self {
        if self.level < minimum { Self::mfa(self.methods) } else { self }
    }

    /// Whether `authentication`, with the level it counts for now, is enough.
    #[must_use]
    pub fn is_met(&self, authentication: &Authentication, level: Level) -> bool {
        match self.level {
            Level::Aal1 => true,
            Level::Aal2 => {
                let second = authentication.second();
                let counts = second.contains(&Method::RecoveryCode) || !self.methods.is_disjoint(second);
                level >= Level::Aal2 && counts
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn someone() -> Authentication {
        let at = Timestamp(DAY);
        Authentication::begin(Id::new(at, &mut SeededEntropy::new(1)), at)
    }

    #[test]
    fn the_level_follows_from_what_happened() {
        assert_eq!(someone().with_password().level(), Level::Aal1);
        assert_eq!(someone().with_password().with_email().level(), Level::Aal1, "email is no second factor");
        assert_eq!(someone().with_second(Method::TextMessage, Timestamp(DAY)).level(), Level::Aal1);
        let both = someone().with_password().with_second(Method::AuthenticatorApp, Timestamp(DAY));
        assert_eq!(both.level(), Level::Aal2);
        assert_eq!(both.amr(), ["pwd", "otp", "mfa"]);
    }

    #[test]
    fn n26_a_passkey_is_both_factors_and_says_what_it_proved() {
        let at = Timestamp(DAY);
        let alone = someone().with_passkey(PasskeyKind::Synced, at);
        assert_eq!((alone.level(), alone.amr()), (Level::Aal2, vec!["swk", "user", "mfa"]));
        let bound = someone().with_passkey(PasskeyKind::DeviceBound, at);
        assert_eq!(bound.amr(), ["pop", "user", "mfa"], "hardware is claimed by attestation alone");
        let second = someone().with_password().with_passkey(PasskeyKind::Synced, at);
        assert_eq!(second.amr(), ["pwd", "swk", "user", "mfa"]);
        let faded = alone.carried_over(Level::Aal1);
        assert_eq!((faded.level(), faded.amr()), (Level::Aal1, vec!["swk", "user"]));
        assert_eq!(second.carried_over(Level::Aal1).amr(), ["pwd"]);
        assert!(Demand::mfa([Method::Passkey]).is_met(&bound, bound.level()));
        assert!(!Demand::mfa([Method::AuthenticatorApp]).is_met(&bound, bound.level()), "the methods still count");
    }

    #[test]
    fn n18_a_recovery_code_counts_beside_a_password_wherever_a_second_factor_is_asked_for() {
        let at = Timestamp(DAY);
        let both = someone().with_password().with_second(Method::RecoveryCode, at);
        assert_eq!((both.level(), both.amr()), (Level::Aal2, vec!["pwd", "otp", "mfa"]));
        assert!(Demand::mfa([Method::Passkey]).is_met(&both, both.level()));
        let alone = someone().with_email().with_second(Method::RecoveryCode, at);
        assert_eq!(alone.level(), Level::Aal1, "two codes without a password are no sign-in");
        assert!(!Demand::mfa([Method::Passkey]).is_met(&alone, alone.level()));
        let three = both.with_second(Method::AuthenticatorApp, at);
        assert_eq!(three.amr(), ["pwd", "otp", "mfa"], "each value once");
        assert_eq!(Demand::mfa([Method::RecoveryCode]), Demand::mfa([]), "no flow lists it");
        assert_eq!(Method::parse("recovery_code"), Some(Method::RecoveryCode));
    }

    #[test]
    fn n21_aal2_fades_after_an_hour_of_silence_or_a_day() {
        let both = someone().with_password().with_second(Method::AuthenticatorApp, Timestamp(DAY));
        let at = both.at();
        assert_eq!(both.level_at(at.plus(HOUR - 1), at), Level::Aal2);
        assert_eq!(both.level_at(at.plus(HOUR), at), Level::Aal1);
        assert_eq!(both.level_at(at.plus(DAY), at.plus(DAY - 1)), Level::Aal1);
        assert_eq!(both.level_at(at.minus(1), at), Level::Aal1, "a clock set back revives nothing");
    }

    #[test]
    fn the_stricter_demand_wins_whichever_came_first() {
        let off = Demand::single_factor();
        let on = Demand::mfa([Method::TextMessage]);
        assert_eq!(off.clone().stricter(&on), on);
        assert_eq!(on.clone().stricter(&off), on);
        let app = Demand::mfa([Method::AuthenticatorApp]);
        assert_eq!(app.clone().stricter(&on), app, "the present methods hold");
        assert_eq!(off.at_least(Level::Aal2).methods.len(), Method::ALL.len());
    }
}
