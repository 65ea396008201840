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

/// A second-factor method that a flow can allow.
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
}

impl Method {
    /// Every method, strongest first (U19).
    pub const ALL: [Self; 4] = [Self::Passkey, Self::AuthenticatorApp, Self::TextMessage, Self::PhoneCall];

    /// The name used in forms, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::AuthenticatorApp => "authenticator_app",
            Self::TextMessage => "text_message",
            Self::PhoneCall => "phone_call",
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Whether the code travels over the phone network, so that a number is needed.
    #[must_use]
    pub const fn is_phone(self) -> bool {
        match self {
            Self::TextMessage | Self::PhoneCall => true,
            Self::Passkey | Self::AuthenticatorApp => false,
        }
    }

    /// The `amr` value (RFC 8176, 2); a passkey's depends on its kind ([`PasskeyKind::amr`]).
    const fn amr(self) -> Option<&'static str> {
        match self {
            Self::Passkey => None,
            Self::AuthenticatorApp => Some("otp"),
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
        amr.extend(self.second.iter().filter_map(|method| method.amr()));
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
    /// The second methods that count. Without effect at AAL1.
    pub methods: BTreeSet<Method>,
    /// Whether a remembered browser may stand in for them. Without effect at AAL1.
    #[serde(default)]
    remembered: bool,
}

impl Demand {
    /// One factor is enough.
    #[must_use]
    pub const fn single_factor() -> Self {
        Self { level: Level::Aal1, methods: BTreeSet::new(), remembered: false }
    }

    /// A second factor out of `methods`; an empty set means any method.
    #[must_use]
    pub fn mfa(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut methods: BTreeSet<Method> = methods.into_iter().collect();
        if methods.is_empty() {
            methods.extend(Method::ALL);
        }
        Self { level: Level::Aal2, methods, remembered: false }
    }

    /// The same demand, and whether a remembered browser may stand in for the second factor.
    #[must_use]
    pub fn remembering(self, remembered: bool) -> Self {
        Self { remembered, ..self }
    }

    /// Whether it asks for a second factor and a remembered browser may stand in for it.
    #[must_use]
    pub fn takes_remembered(&self) -> bool {
        self.level > Level::Aal1 && self.remembered
    }

    /// The stricter of two demands; `self` is the one that stands now.
    ///
    /// Where both ask for a second factor, the present list of methods holds, and a remembered browser
    /// counts if it does in both.
    #[must_use]
    pub fn stricter(self, earlier: &Self) -> Self {
        match (self.level, earlier.level) {
            (Level::Aal1, Level::Aal2) => earlier.clone(),
            (Level::Aal2, Level::Aal2) => {
                let both = self.remembered && earlier.remembered;
                self.remembering(both)
            }
            (Level::Aal1 | Level::Aal2, Level::Aal1) => self,
        }
    }

    /// Raised to `minimum`: an application that asks for a second factor gets one from any flow.
    #[must_use]
    pub fn at_least(self, minimum: Level) -> Self {
        if self.level < minimum { Self::mfa(self.methods) } else { self }
    }

    /// Whether `authentication`, with the level it counts for now, is enough: the factors themselves, or a
    /// remembered browser where it may stand in for them.
    #[must_use]
    pub fn is_met(&self, authentication: &Authentication, level: Level) -> bool {
        match self.level {
            Level::Aal1 => true,
            Level::Aal2 => {
                let stands_in = self.remembered && authentication.password && authentication.remembered.is_some();
                stands_in || (level >= Level::Aal2 && !self.methods.is_disjoint(authentication.second()))
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
        assert!(!Demand::single_factor().remembering(true).at_least(Level::Aal2).takes_remembered());
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
