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

    /// Its place in [`Self::ALL`], from 0, by which the database compares what accounts and roles demand.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The minimum of that [`Self::rank`].
    #[must_use]
    pub fn of_rank(rank: i64) -> Option<Self> {
        usize::try_from(rank).ok().and_then(|rank| Self::ALL.get(rank)).copied()
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
    /// The password that was given is long enough to be the only factor (N1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    long_password: bool,
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
            long_password: false,
            email_proved: false,
            second: BTreeSet::new(),
            passkey: None,
            remembered: None,
            postponed: false,
            new_account: false,
        }
    }

    /// With a password that was just chosen, or whose length is not known.
    pub(crate) const fn with_password(self) -> Self {
        self.with_password_of(false)
    }

    /// With the password; `long`: it is long enough to be the only factor (N1).
    pub(crate) const fn with_password_of(mut self, long: bool) -> Self {
        self.password = true;
        self.long_password = long;
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

    /// Whether it is as good as an account's own minimum wants it, whatever else was demanded: what was used, at the
    /// level that it came to. No remembered browser and nothing that was put off counts.
    #[must_use]
    pub fn reaches(&self, minimum: Assurance) -> bool {
        Demand::single_factor().at_least(minimum).is_met(self, self.level())
    }

    /// Whether the password was given or chosen.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.password
    }

    /// Whether a password was given that is long enough to be the only factor (N1). Where it is not known,
    /// as of one that was just chosen, it is not.
    #[must_use]
    pub const fn has_long_password(&self) -> bool {
        self.password && self.long_password
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
#[path = "assurance_tests.rs"]
mod tests;
