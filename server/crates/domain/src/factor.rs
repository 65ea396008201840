//! Second factors bound to an account.

use serde::{Deserialize, Serialize};

use crate::{
    account::Account, assurance::Method, clock::Timestamp, id::Id, passkey::Passkey, phone::PhoneNumber,
    recovery::RecoveryCodes, secret::Sealed,
};

/// Consecutive wrong tries of one authenticator, with pauses or without, after which it is disabled: it
/// opens nothing any more, and is bound anew or removed (N9; 800-63B-4, 3.2.2).
pub const MAX_CONSECUTIVE: u32 = 100;

/// A factor as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Hash))]
pub struct Factor {
    /// Stable id.
    pub id: Id<Factor>,
    /// The account it is bound to.
    pub account: Id<Account>,
    /// What it is.
    pub secret: FactorSecret,
    /// The name its owner gave it; for a phone the masked number.
    pub name: String,
    /// When it was bound.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// The last TOTP time step that was accepted: an older or equal one is a replay (N13). Of a
    /// passkey the last signature counter, if its authenticator keeps one: an older or equal one
    /// comes from a copy (failure 20).
    pub last_step: Option<i64>,
    /// Consecutive failures.
    pub failures: u32,
    /// Locked until then.
    pub locked_until: Option<Timestamp>,
}

/// What a factor rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FactorSecret {
    /// A phone that takes texts and calls; the number was verified when it was bound (N14).
    Phone {
        /// The number.
        number: PhoneNumber,
        /// Text or call, whichever its owner chose last.
        preferred: Method,
    },
    /// An authenticator app; the seed is sealed by the keyring.
    AuthenticatorApp {
        /// The sealed seed, 160 bits (RFC 4226, 4).
        seed: Sealed,
    },
    /// A passkey.
    Passkey(Passkey),
    /// A set of recovery codes. It is no factor by itself: it stands beside others, and is not counted.
    RecoveryCodes(RecoveryCodes),
}

/// A factor about to be bound.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewFactor {
    /// Its id.
    pub id: Id<Factor>,
    /// What it is.
    pub secret: FactorSecret,
    /// The name its owner gave it.
    pub name: String,
    /// For an authenticator app: the time step of the code that proved it. For a passkey: its
    /// signature counter, if it keeps one.
    pub first_step: Option<i64>,
}

impl FactorSecret {
    /// The methods it can serve.
    #[must_use]
    pub const fn methods(&self) -> &'static [Method] {
        match self {
            Self::Phone { .. } => &[Method::TextMessage, Method::PhoneCall],
            Self::AuthenticatorApp { .. } => &[Method::AuthenticatorApp],
            Self::Passkey(_) => &[Method::Passkey],
            Self::RecoveryCodes(_) => &[Method::RecoveryCode],
        }
    }

    /// The passkey, if it is one.
    #[must_use]
    pub const fn passkey(&self) -> Option<&Passkey> {
        match self {
            Self::Passkey(passkey) => Some(passkey),
            Self::Phone { .. } | Self::AuthenticatorApp { .. } | Self::RecoveryCodes(_) => None,
        }
    }

    /// The set of recovery codes, if it is one.
    #[must_use]
    pub const fn recovery(&self) -> Option<&RecoveryCodes> {
        match self {
            Self::RecoveryCodes(codes) => Some(codes),
            Self::Phone { .. } | Self::AuthenticatorApp { .. } | Self::Passkey(_) => None,
        }
    }

    /// The number, if it is a phone.
    #[must_use]
    pub const fn number(&self) -> Option<&PhoneNumber> {
        let Self::Phone { number, .. } = self else { return None };
        Some(number)
    }

    /// Whether it can serve `method`.
    #[must_use]
    pub fn serves(&self, method: Method) -> bool {
        self.methods().contains(&method)
    }
}

impl Factor {
    /// Whether it protects an account by itself. Recovery codes do not: they are never the only factor.
    #[must_use]
    pub const fn stands_alone(&self) -> bool {
        self.secret.recovery().is_none()
    }

    /// Whether it was guessed at so often that not even the right code counts (N9).
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        self.failures >= MAX_CONSECUTIVE
    }

    /// Whether it is out of use for good: disabled, a passkey that was copied, or codes that are used up.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.is_disabled()
            || self.secret.passkey().is_some_and(|passkey| passkey.copied_at.is_some())
            || self.secret.recovery().is_some_and(|codes| codes.left() == 0)
    }

    /// Whether it opens anything at `now`, if it is not locked: it is not out of use, and its time is not over.
    #[must_use]
    pub fn opens(&self, now: Timestamp) -> bool {
        !self.is_dead() && !self.secret.recovery().is_some_and(|codes| codes.is_over(now))
    }

    /// Whether staff issued it, to stand in for lost factors.
    #[must_use]
    pub const fn is_issued(&self) -> bool {
        match self.secret.recovery() {
            Some(codes) => codes.is_issued(),
            None => false,
        }
    }

    /// Whether it is locked at `now`, and until when.
    #[must_use]
    pub fn lock(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn factor(secret: FactorSecret) -> Factor {
        Factor {
            id: Id::new(Timestamp(0), &mut SeededEntropy::new(1)),
            account: Id::new(Timestamp(0), &mut SeededEntropy::new(2)),
            secret,
            name: String::new(),
            created_at: Timestamp(0),
            last_used_at: None,
            last_step: None,
            failures: 0,
            locked_until: None,
        }
    }

    #[test]
    fn n9_a_factor_is_locked_until_its_moment_and_disabled_at_a_hundred_failures() {
        let number = PhoneNumber::from_e164("+12065550142").unwrap();
        let phone = FactorSecret::Phone { number: number.clone(), preferred: Method::PhoneCall };
        let app = FactorSecret::AuthenticatorApp { seed: Sealed(vec![1]) };
        assert_eq!(phone.methods(), [Method::TextMessage, Method::PhoneCall]);
        assert_eq!(app.methods(), [Method::AuthenticatorApp]);
        assert_eq!((phone.number(), app.number()), (Some(&number), None));
        assert!(
            phone.passkey().is_none() && phone.serves(Method::PhoneCall) && !phone.serves(Method::AuthenticatorApp)
        );
        let until = Timestamp(1000);
        let locked = Factor { locked_until: Some(until), ..factor(phone.clone()) };
        assert_eq!([999, 1000, 1001].map(|now| locked.lock(Timestamp(now))), [Some(until), None, None]);
        assert_eq!(factor(app.clone()).lock(until), None);
        for (failures, disabled) in [(0, false), (99, false), (100, true), (101, true)] {
            let guessed = Factor { failures, ..factor(app.clone()) };
            assert_eq!((guessed.is_disabled(), guessed.is_dead()), (disabled, disabled), "{failures}");
        }
    }

    #[test]
    fn n17_codes_of_staff_open_something_in_their_time_and_stand_in_for_lost_factors() {
        let (own, _) = RecoveryCodes::generate(&mut SeededEntropy::new(3));
        let (issued, _) = RecoveryCodes::issue(Timestamp(1000), &mut SeededEntropy::new(4));
        let [own, issued] = [own, issued].map(|codes| factor(FactorSecret::RecoveryCodes(codes)));
        let app = factor(FactorSecret::AuthenticatorApp { seed: Sealed(vec![1]) });
        assert_eq!([&own, &issued, &app].map(Factor::is_issued), [false, true, false]);
        assert_eq!([999, 1000].map(|now| issued.opens(Timestamp(now))), [true, false]);
        assert!(own.opens(Timestamp(1000)) && app.opens(Timestamp(1000)));
        let guessed = Factor { failures: 100, ..issued };
        assert!(!guessed.opens(Timestamp(0)));
    }
}
