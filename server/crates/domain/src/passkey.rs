//! Passkeys (WebAuthn Level 3): what is stored of one, the ceremony that asks for one, and what an
//! answer came to. The signature itself is checked outside; what the answer is worth is decided by
//! the journey.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, AccountKind},
    clock::{MINUTE, Millis, Timestamp},
    entropy::{self, Entropy},
    factor::Factor,
    id::Id,
};

/// How long a ceremony may be answered. A page that stands open for longer asks for a new one.
pub const CEREMONY_LIFE: Millis = 10 * MINUTE;
/// Passkeys that one account may have: the list of them goes to the browser at every challenge.
pub const MAX_PASSKEYS: usize = 20;

/// What an authenticator signs: 256 random bits, good for one answer (A15 asks for 64).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(pub [u8; 32]);

/// A ceremony under way: its challenge, and since when. It is kept on the server, and whoever
/// answers it uses it up, with whatever outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ceremony {
    /// What has to be signed.
    pub challenge: Challenge,
    /// When it began.
    pub began_at: Timestamp,
}

impl Ceremony {
    /// A new one.
    #[must_use]
    pub fn begin(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self { challenge: Challenge(entropy::bytes(entropy)), began_at: now }
    }

    /// Whether it may still be answered at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now >= self.began_at && now.since(self.began_at) < CEREMONY_LIFE
    }

    /// When it ends.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.began_at.plus(CEREMONY_LIFE)
    }
}

/// The id that an authenticator gave to a key pair; 1023 bytes at most (WebAuthn, 4).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialId(pub Vec<u8>);

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({} bytes)", self.0.len())
    }
}

/// A passkey, as it is stored with its factor. None of it is secret: the private key never leaves
/// the authenticator. The last signature counter is the factor's `last_step`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id; unique in the whole server.
    pub credential: CredentialId,
    /// Public key and algorithm, in the form of whoever checks signatures.
    pub record: String,
    /// Whether the key may be copied to other devices of its owner (the BE flag). Fixed when it is
    /// made.
    pub synced: bool,
    /// Whether it is backed up (the BS flag), as the last answer said.
    pub backed_up: bool,
    /// Since when it is taken for copied: its counter went back. It opens nothing any more.
    pub copied_at: Option<Timestamp>,
}

impl Passkey {
    /// What using it proves possession of.
    #[must_use]
    pub const fn kind(&self) -> PasskeyKind {
        if self.synced { PasskeyKind::Synced } else { PasskeyKind::DeviceBound }
    }
}

/// What kind of key was used in a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyKind {
    /// A key that cannot leave its device. Whether hardware guards it nobody attests.
    DeviceBound,
    /// A key that its owner's devices share, and that software therefore holds.
    Synced,
}

impl PasskeyKind {
    /// The `amr` value (RFC 8176, 2): `swk` for a key that software holds. `hwk` would be a claim
    /// that only attestation could prove, so that the other kind is a plain `pop`.
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::DeviceBound => "pop",
            Self::Synced => "swk",
        }
    }
}

/// An answer whose signature is right, by a key that is stored, with the user verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assertion {
    /// The factor whose key signed.
    pub factor: Id<Factor>,
    /// The account that it was bound to.
    pub account: Id<Account>,
    /// The signature counter; 0: the authenticator keeps none.
    pub counter: u32,
    /// Whether the key is backed up.
    pub backed_up: bool,
}

/// What checking an answer came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PasskeyCheck {
    /// The challenge that it was checked against.
    pub challenge: Challenge,
    /// `None`: an unknown key, a wrong signature, another challenge, another origin, no
    /// verification of the user; all the same to whoever sent it.
    pub assertion: Option<Assertion>,
}

/// A new key pair, whose making was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attestation {
    /// The passkey.
    pub passkey: Passkey,
    /// The signature counter that it begins with.
    pub counter: u32,
    /// What is known of its make.
    pub make: MakeCheck,
}

/// What attestation says of a new passkey's make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MakeCheck {
    /// The tenant names no makes.
    NotAsked,
    /// A maker that the tenant trusts signs that it is of one of the makes.
    Named,
    /// It is of another make, or says nothing that anybody signs for.
    Other,
}

impl Attestation {
    /// Whether an account of `kind` may have it: makes are for staff and operators.
    #[must_use]
    pub const fn suits(&self, kind: AccountKind) -> bool {
        match (self.make, kind) {
            (MakeCheck::Other, AccountKind::Staff | AccountKind::Operator) => false,
            (MakeCheck::Other, AccountKind::Patient) | (MakeCheck::NotAsked | MakeCheck::Named, _) => true,
        }
    }
}

/// What checking the making of a passkey came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PasskeyCreation {
    /// The challenge that it was checked against.
    pub challenge: Challenge,
    /// The passkey, if all was right.
    pub attestation: Option<Attestation>,
    /// The name that its owner gives it.
    pub name: String,
}

/// What a signature counter says (WebAuthn, 6.1.1 and 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// The authenticator keeps none and never did.
    None,
    /// It went on: the step to store.
    Forward(i64),
    /// It stood still or went back: there are two of that key.
    Back,
}

impl Counter {
    /// Judges `shown` by the `last` one that was stored.
    #[must_use]
    pub fn of(shown: u32, last: Option<i64>) -> Self {
        let shown = i64::from(shown);
        match last {
            None if shown == 0 => Self::None,
            Some(last) if shown <= last => Self::Back,
            None | Some(_) => Self::Forward(shown),
        }
    }

    /// The step that a new passkey begins with.
    #[must_use]
    pub fn first(shown: u32) -> Option<i64> {
        (shown > 0).then_some(i64::from(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn f20_a_counter_that_stands_still_or_goes_back_shows_a_copy() {
        assert_eq!(Counter::of(0, None), Counter::None);
        assert_eq!(Counter::of(1, None), Counter::Forward(1));
        assert_eq!(Counter::of(6, Some(5)), Counter::Forward(6));
        for shown in [0, 4, 5] {
            assert_eq!(Counter::of(shown, Some(5)), Counter::Back, "{shown}");
        }
        assert_eq!(Counter::of(u32::MAX, Some(5)), Counter::Forward(i64::from(u32::MAX)));
        assert_eq!((Counter::first(0), Counter::first(7)), (None, Some(7)));
    }

    #[test]
    fn a15_a_ceremony_has_256_random_bits_and_ends_by_itself() {
        assert_eq!(CEREMONY_LIFE, 600_000, "ten minutes");
        let mut entropy = SeededEntropy::new(1);
        let now = Timestamp(CEREMONY_LIFE);
        let (one, two) = (Ceremony::begin(now, &mut entropy), Ceremony::begin(now, &mut entropy));
        assert_ne!(one.challenge, two.challenge);
        assert!(one.is_open(now) && one.is_open(one.ends_at().minus(1)));
        assert!(!one.is_open(one.ends_at()));
        assert!(!one.is_open(now.minus(1)), "a clock set back revives nothing");
    }
}
