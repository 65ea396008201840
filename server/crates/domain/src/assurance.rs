//! Assurance: which methods were used, and the level that follows (NIST SP 800-63B-4).
//!
//! The level is always computed from what happened in this sign-in, never from configuration
//! (decision 4 of the security rules). An email code proves an address and adds nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use crate::demand::Demand;
use crate::{
    account::Account,
    clock::{DAY, HOUR, Timestamp},
    factor::Factor,
    id::Id,
    passkey::PasskeyKind,
    remembered::RememberedBrowser,
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

/// The minimum assurance of a flow, weakest first: how good a second factor must be wherever one is
/// asked for (decision 2 of the security rules).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// No minimum: whatever the flow allows, where it asks at all.
    #[default]
    Aal1,
    /// AAL2 with the restricted methods of the phone network (NIST SP 800-63B-4, 3.2.9).
    Aal2Legacy,
    /// AAL2 without them.
    Aal2Strict,
    /// Nothing that can be told to a false page (NIST SP 800-63B-4, 3.2.5): a passkey.
    PhishingResistant,
}

impl Assurance {
    /// Every minimum, in the order of the portal's form.
    pub const ALL: [Self; 4] = [Self::Aal1, Self::Aal2Legacy, Self::Aal2Strict, Self::PhishingResistant];

    /// The name used in forms and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2Legacy => "aal2_legacy",
            Self::Aal2Strict => "aal2_strict",
            Self::PhishingResistant => "phishing_resistant",
        }
    }

    /// The minimum of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|minimum| minimum.as_str() == text)
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

    /// The highest minimum that it reaches.
    #[must_use]
    pub const fn assurance(self) -> Assurance {
        match self {
            Self::Passkey => Assurance::PhishingResistant,
            Self::AuthenticatorApp | Self::RecoveryCode => Assurance::Aal2Strict,
            Self::TextMessage | Self::PhoneCall => Assurance::Aal2Legacy,
        }
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
    /// The remembered browser that stood in for a second factor. It is none itself: level and `amr` know
    /// nothing of it (N22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remembered: Option<Id<RememberedBrowser>>,
    /// The person put off setting up a second factor, as the flow lets them for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    postponed: bool,
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
            remembered: None,
            postponed: false,
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
        // What was shown stands for itself.
        self.remembered = None;
        self.postponed = false;
        self
    }

    pub(crate) const fn with_remembered(mut self, browser: Id<RememberedBrowser>) -> Self {
        self.remembered = Some(browser);
        self
    }

    pub(crate) const fn without_remembered(mut self) -> Self {
        self.remembered = None;
        self
    }

    pub(crate) const fn with_postponed(mut self) -> Self {
        self.postponed = true;
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

    /// Whether it used a factor as good as the best of `factors`, of those that still opened something and were
    /// bound before it: what protects an account is changed by the best that the account has, or a swapped SIM
    /// card would do away with a passkey (N19). A recovery code is as good as any: it stands in, once, for
    /// what was lost, and its owner is told.
    #[must_use]
    pub fn measures_up_to(&self, factors: &[Factor]) -> bool {
        let earlier = factors.iter().filter(|f| f.stands_alone() && !f.is_dead() && f.created_at < self.at);
        let best = earlier.flat_map(|factor| factor.secret.methods()).map(|method| method.assurance()).max();
        let used = self.second.iter().map(|method| method.assurance()).max();
        self.second.contains(&Method::RecoveryCode) || used >= best
    }

    /// Whether the password was given or chosen.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.password
    }

    /// The remembered browser that stood in for a second factor, if one did.
    #[must_use]
    pub const fn remembered(&self) -> Option<Id<RememberedBrowser>> {
        self.remembered
    }

    /// Whether setting up a second factor was put off.
    #[must_use]
    pub const fn has_postponed(&self) -> bool {
        self.postponed
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
        if self.is_stale(now, last_seen) { Level::Aal1 } else { self.level() }
    }

    /// Whether this sign-in, last used at `last_seen`, is too old at `now` to count for more than a password.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp, last_seen: Timestamp) -> bool {
        now.since(last_seen) >= HOUR || now.since(self.at) >= DAY || now < self.at
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
    fn names_and_claims_are_the_ones_that_others_rely_on() {
        assert_eq!([Level::Aal1, Level::Aal2].map(Level::as_str), ["aal1", "aal2"]);
        assert_eq!(["aal1", "aal2", "AAL2", ""].map(Level::parse), [Some(Level::Aal1), Some(Level::Aal2), None, None]);
        let names = ["passkey", "authenticator_app", "text_message", "phone_call"];
        assert_eq!(Method::ALL.map(Method::as_str), names);
        assert_eq!(names.map(Method::parse), Method::ALL.map(Some));
        assert_eq!(["email", "", "Passkey"].map(Method::parse), [None; 3]);
        assert_eq!(Method::ALL.map(Method::is_phone), [false, false, true, true]);
        let at = Timestamp(DAY);
        for (method, amr) in
            [(Method::AuthenticatorApp, "otp"), (Method::TextMessage, "sms"), (Method::PhoneCall, "tel")]
        {
            assert_eq!(someone().with_password().with_second(method, at).amr(), ["pwd", amr, "mfa"]);
        }
        let someone = someone();
        assert!(!someone.email_proved() && !someone.is_new_account() && someone.second().is_empty());
        let new = someone.clone().with_email().for_new_account().with_second(Method::PhoneCall, at.plus(1));
        assert!(new.email_proved() && new.is_new_account() && new.second().contains(&Method::PhoneCall));
        assert_eq!((new.account(), new.at()), (someone.account(), at.plus(1)));
        let later = new.carried_over(Level::Aal2);
        assert!(!later.email_proved() && !later.is_new_account() && !later.second().is_empty());
    }

    #[test]
    fn n23_a_session_never_counts_for_more_than_its_sign_in() {
        let (password, email) = (someone().with_password(), someone().with_email());
        let one = [password, email, someone().with_second(Method::TextMessage, Timestamp(DAY))];
        for sign_in in one {
            // Neither time nor use adds a factor, nor does handing it on as what it is not.
            for age in [-1, 0, 1, HOUR - 1, HOUR, DAY, 400 * DAY] {
                let now = sign_in.at().plus(age);
                for last_seen in [sign_in.at(), now] {
                    assert_eq!(sign_in.level_at(now, last_seen), Level::Aal1, "{sign_in:?}");
                }
            }
            assert_eq!(sign_in.clone().carried_over(Level::Aal2).level(), Level::Aal1);
            assert!(!sign_in.amr().contains(&"mfa"), "{sign_in:?}");
        }
    }

    #[test]
    fn n19_what_protects_an_account_is_changed_by_the_best_that_it_has() {
        use crate::{
            factor::{FactorSecret, MAX_CONSECUTIVE},
            phone::PhoneNumber,
            secret::Sealed,
        };
        let at = Timestamp(DAY);
        let factor = |secret, created_at| Factor {
            id: Id::new(at, &mut SeededEntropy::new(2)),
            account: someone().account(),
            secret,
            name: String::new(),
            created_at,
            last_used_at: None,
            last_step: None,
            failures: 0,
            locked_until: None,
        };
        let number = PhoneNumber::from_e164("+12065550123").unwrap();
        let phone = factor(FactorSecret::Phone { number, preferred: Method::TextMessage }, Timestamp(0));
        let app = factor(FactorSecret::AuthenticatorApp { seed: Sealed(vec![1]) }, Timestamp(0));
        let by = |method| someone().with_password().with_second(method, at);
        for weak in [Method::TextMessage, Method::PhoneCall] {
            assert!(by(weak).measures_up_to(std::slice::from_ref(&phone)));
            assert!(!by(weak).measures_up_to(&[phone.clone(), app.clone()]));
            // What it bound itself does not stand above it, nor does what opens nothing any more.
            let own = Factor { created_at: at, ..app.clone() };
            assert!(by(weak).measures_up_to(&[phone.clone(), own]));
            let dead = Factor { failures: MAX_CONSECUTIVE, ..app.clone() };
            assert!(by(weak).measures_up_to(&[phone.clone(), dead]));
        }
        assert!(!someone().with_password().measures_up_to(std::slice::from_ref(&phone)));
        assert!(someone().with_password().measures_up_to(&[]));
        for strong in [Method::AuthenticatorApp, Method::Passkey, Method::RecoveryCode] {
            assert!(by(strong).measures_up_to(&[phone.clone(), app.clone()]), "{strong:?}");
        }
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
    fn n22_a_remembered_browser_is_no_factor_and_counts_only_where_it_may() {
        let browser = Id::new(Timestamp(DAY), &mut SeededEntropy::new(2));
        let known = someone().with_password().with_remembered(browser);
        assert_eq!((known.level(), known.amr()), (Level::Aal1, vec!["pwd"]));
        assert!(known.second().is_empty());
        let strict = Demand::mfa(Method::ALL);
        let lax = strict.clone().remembering(true);
        assert!(!strict.is_met(&known, known.level()) && lax.is_met(&known, known.level()));
        assert!(!lax.is_met(&someone().with_remembered(browser), Level::Aal1), "never without the password");
        assert!(!lax.is_met(&someone().with_password(), Level::Aal1));
        assert!(!lax.clone().stricter(&strict).takes_remembered() && !strict.stricter(&lax).takes_remembered());
        let shown = known.with_second(Method::TextMessage, Timestamp(DAY));
        assert_eq!((shown.level(), shown.remembered()), (Level::Aal2, None));
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
}
