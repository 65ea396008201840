//! Whom a second-factor policy would touch, from counts of what people have (O3): nobody's own row is read.

use std::collections::BTreeSet;

use super::MfaPolicy;
use crate::{assurance::Method, clock::Timestamp, factor::FactorSecret};

/// Which kinds of second factor an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FactorKinds(u8);

const PHONE: u8 = 0b001;
const APP: u8 = 0b010;
const PASSKEY: u8 = 0b100;
const EVERY: u8 = 0b111;

impl FactorKinds {
    /// The kinds of these factors.
    #[must_use]
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a FactorSecret>) -> Self {
        let bit = |secret: &FactorSecret| match secret {
            FactorSecret::Phone { .. } => PHONE,
            FactorSecret::AuthenticatorApp { .. } => APP,
            FactorSecret::Passkey(_) => PASSKEY,
            // Beside others, never alone.
            FactorSecret::RecoveryCodes(_) => 0,
        };
        Self(secrets.into_iter().map(bit).fold(0, |all, one| all | one))
    }

    /// The kinds as the database has them: a sum of 1 (a phone), 2 (an authenticator app), 4 (a passkey).
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & EVERY)
    }

    /// The reverse of [`Self::from_bits`].
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of them can answer by one of `methods`.
    #[must_use]
    pub fn serves(self, methods: &BTreeSet<Method>) -> bool {
        let bit = |method: &Method| match method {
            Method::TextMessage | Method::PhoneCall => PHONE,
            Method::AuthenticatorApp => APP,
            Method::Passkey => PASSKEY,
            Method::RecoveryCode => 0,
        };
        methods.iter().any(|method| self.0 & bit(method) != 0)
    }
}

/// How many people a policy would touch wherever it asks, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Affected {
    /// All of them.
    pub patients: u64,
    /// Who have no second factor: they would set one up.
    pub without: u64,
    /// Who have only such as do not count: they would set up another.
    pub weaker: u64,
    /// Of those without one, how many may put it off for now, at most: who came after the demand began is
    /// among them and may not.
    pub waiting: u64,
    /// Who have a minimum of their own, which stands whatever the policy says. They are among the others too.
    pub raised: u64,
}

impl MfaPolicy {
    /// Whom it would touch at `now`, of `patients` people, `raised` of whom have a minimum of their own, and so many
    /// these kinds of factor.
    #[must_use]
    pub fn affects(
        &self,
        now: Timestamp,
        (patients, raised): (u64, u64),
        having: impl IntoIterator<Item = (FactorKinds, u64)>,
    ) -> Affected {
        let methods = self.second_factor().methods;
        let (mut with, mut weaker) = (0, 0);
        for (kinds, number) in having.into_iter().filter(|(kinds, _)| !kinds.is_empty()) {
            with += number;
            weaker += if kinds.serves(&methods) { 0 } else { number };
        }
        // Counters of two moments may disagree for a blink.
        let without = patients.saturating_sub(with);
        let waiting = if self.grace().is_some_and(|grace| grace.is_open(now)) { without } else { 0 };
        Affected { patients, without, weaker, waiting, raised: raised.min(patients) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assurance::Assurance, clock::DAY, phone::PhoneNumber, secret::Sealed, user_flow::Enforcement};

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn these_and_those_are_each_of_them_once() {
        let of = FactorKinds::from_bits;
        assert_eq!((of(0b011).and(of(0b110)), of(0b001).and(of(0b001))), (of(0b111), of(0b001)));
    }

    #[test]
    fn o3_who_is_touched_follows_from_methods_and_minimum() {
        let having =
            [(1, 50), (2, 20), (3, 5), (4, 3), (7, 2)].map(|(bits, number)| (FactorKinds::from_bits(bits), number));
        let policy = |methods: &[Method], minimum| MfaPolicy {
            minimum,
            ..MfaPolicy::new(Enforcement::AlwaysOn, methods.iter().copied())
        };
        for (methods, minimum, weaker) in [
            (&Method::ALL[..], Assurance::Aal1, 0),
            (&Method::ALL[..], Assurance::Aal2Strict, 50),
            (&Method::ALL[..], Assurance::PhishingResistant, 75),
            (&[Method::PhoneCall], Assurance::Aal2Legacy, 23),
            (&[Method::Passkey, Method::TextMessage], Assurance::Aal1, 20),
        ] {
            let affected = policy(methods, minimum).affects(NOW, (100, 7), having);
            assert_eq!(
                affected,
                Affected { patients: 100, without: 20, weaker, waiting: 0, raised: 7 },
                "{methods:?} {minimum:?}"
            );
        }
        let blink = policy(&Method::ALL, Assurance::Aal1).affects(NOW, (10, 70), having);
        assert_eq!((blink.without, blink.raised), (0, 10), "never a negative number, nor more than there are");
        let lax = MfaPolicy { grace_days: 14, since: Some(NOW), ..policy(&Method::ALL, Assurance::Aal1) };
        let end = NOW.plus(14 * DAY);
        let waiting = [NOW, end.minus(1), end].map(|now| lax.affects(now, (100, 0), having).waiting);
        assert_eq!(waiting, [20, 20, 0]);
        assert_eq!(MfaPolicy { enforcement: Enforcement::Off, ..lax }.affects(NOW, (100, 7), having).waiting, 0);
    }

    #[test]
    fn kinds_are_those_of_the_factors() {
        let phone = FactorSecret::Phone {
            number: PhoneNumber::from_e164("+491700000001").unwrap(),
            preferred: Method::TextMessage,
        };
        let app = FactorSecret::AuthenticatorApp { seed: Sealed(vec![1]) };
        assert!(FactorKinds::of([]).is_empty());
        assert_eq!(FactorKinds::of([&phone, &app, &app]).bits(), 3);
        assert_eq!(FactorKinds::of([&app]).and(FactorKinds::of([&phone])).bits(), 3);
        assert_eq!(FactorKinds::from_bits(255).bits(), EVERY);
    }
}
