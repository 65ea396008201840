//! The result of a step, and why it may not have advanced.

use serde::{Deserialize, Serialize};

use super::{Effect, Journey, Stage};
use crate::clock::Timestamp;

/// Why an event did not advance the journey. Each has its own message (U14).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The journey is too old.
    JourneyExpired,
    /// The event does not belong to the stage: a second tab, a replay, an edited form.
    OutOfStep,
    /// Wrong address or password; never says which (U10).
    WrongCredentials,
    /// Too many wrong sign-ins.
    SignInLocked {
        /// Until then.
        until: Timestamp,
    },
    /// Too many wrong passwords from this network, whosesoever they were.
    NetworkLocked {
        /// Until then.
        until: Timestamp,
    },
    /// The account may not sign in.
    AccountUnavailable,
    /// Not six digits.
    CodeLength,
    /// The wrong code.
    CodeWrong {
        /// How many tries are left for it.
        tries_left: u32,
    },
    /// The right code, too late.
    CodeExpired,
    /// The right code, for the second time.
    CodeUsed,
    /// Too many wrong codes.
    CodeLocked {
        /// Until then.
        until: Timestamp,
    },
    /// The factor is locked after too many wrong codes.
    FactorLocked {
        /// Until then.
        until: Timestamp,
    },
    /// A new code was asked for too soon.
    ResendTooSoon {
        /// From then on it may be.
        from: Timestamp,
    },
    /// Too many codes were sent to this address or number.
    TooManySends {
        /// From then on there may be more.
        from: Timestamp,
    },
    /// The tenant sends nothing to the country of this number (A14).
    PhoneUnserved,
    /// This flow does not allow that method, or the account has no such factor.
    MethodUnavailable,
    /// No answer of a passkey that this account, or any account, has: unknown key, wrong signature,
    /// wrong challenge. Never says which.
    PasskeyWrong,
    /// The new passkey is of no make that the tenant wants its staff to use, or nobody signs for its make.
    PasskeyMake,
    /// The answer of a passkey came too late, or for the second time.
    PasskeyExpired,
    /// The passkey seems to have been copied and opens nothing any more.
    PasskeyCopied,
    /// The factor was guessed at too often and opens nothing any more (N9).
    FactorDisabled,
    /// Somebody made an account with this address in the meantime.
    AddressTaken,
    /// The password was changed in the meantime.
    PasswordChangedMeanwhile,
}

/// The result of a step. A refused journey stands at the same stage as before; only its counters
/// of wrong tries may have moved.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Step {
    /// The journey to store.
    pub journey: Journey,
    /// What to do in the same transaction.
    pub effects: Vec<Effect>,
    /// Why it did not advance, if it did not.
    pub refusal: Option<Refusal>,
}

/// What a transition gives.
pub(crate) type Next = Result<Stage, (Stage, Refusal)>;
