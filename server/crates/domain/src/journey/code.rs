//! Codes sent out of band: six digits, ten minutes, once, five tries (N12, U13, U14).
//!
//! Only a keyed hash is kept: six digits would fall to a million guesses. After a resend the
//! earlier code lives on within its own life; the count of wrong tries spans resends (N11).

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{Journey, Refusal};
use crate::{
    assurance::Method,
    clock::{MINUTE, Millis, SECOND, Timestamp},
    entropy::{self, Entropy},
    id::Id,
    secret::SecretString,
};

/// Digits of a code.
pub const CODE_DIGITS: u32 = 6;
/// How long a code lives.
pub const CODE_LIFE: Millis = 10 * MINUTE;
/// Wrong tries after which no code of this proof is taken for [`CODE_LOCK`].
pub const MAX_TRIES: u32 = 5;
/// How long a proof stays locked after [`MAX_TRIES`].
pub const CODE_LOCK: Millis = 15 * MINUTE;
/// How long to wait before a resend (U13).
pub const RESEND_AFTER: Millis = 30 * SECOND;
/// Codes per destination within [`SEND_WINDOW`] (U13).
pub const SEND_LIMIT: usize = 5;
/// The window of [`SEND_LIMIT`].
pub const SEND_WINDOW: Millis = 15 * MINUTE;

/// The keyed hash of a code.
pub(crate) type Mac = [u8; 32];

/// What a code is for; part of what is hashed, so a code of one purpose fits no other (A13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    /// Proves the address of a new account.
    SignUp,
    /// Proves the address before a new password.
    Reset,
    /// Proves the address before a first factor on an existing account.
    ConfirmEmail,
    /// Proves the new address of an account.
    ChangeEmail,
    /// Proves the present address of an account before another one takes its place.
    LeaveEmail,
    /// Proves a phone number about to be bound.
    EnrolPhone,
    /// Answers a challenge.
    Challenge,
}

impl CodePurpose {
    /// The word that goes into the hash.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Reset => "reset",
            Self::ConfirmEmail => "confirm_email",
            Self::ChangeEmail => "change_email",
            Self::LeaveEmail => "leave_email",
            Self::EnrolPhone => "enrol_phone",
            Self::Challenge => "challenge",
        }
    }
}

/// HMAC-SHA-256 under a key of the keyring, over all four arguments.
pub trait CodeMac {
    /// The keyed hash of `digits`, sent to `destination` for `purpose` in `journey`.
    fn mac(&self, journey: Id<Journey>, purpose: CodePurpose, destination: &str, digits: &str) -> [u8; 32];
}

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct SentCode {
    mac: Mac,
    /// How it travelled, if over the phone network: the token states what was really used.
    by: Option<Method>,
    sent_at: Timestamp,
}

/// The proof that somebody reads a mailbox or holds a phone, as far as it has come.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct CodeProof {
    purpose: CodePurpose,
    destination: String,
    sent: Vec<SentCode>,
    failures: u32,
    locked_until: Option<Timestamp>,
    /// Set while the limit of sends keeps a code from going out.
    withheld_until: Option<Timestamp>,
}

/// Refused: the reason, for [`super::Next`].
pub(crate) type Checked<T = ()> = Result<T, Refusal>;

impl CodeProof {
    /// A proof for which nothing was sent yet.
    pub(crate) const fn new(purpose: CodePurpose, destination: String) -> Self {
        Self { purpose, destination, sent: Vec::new(), failures: 0, locked_until: None, withheld_until: None }
    }

    /// A proof of another destination, for which nothing was sent yet. What was tried in vain counts on, or
    /// whoever guesses would begin anew with each destination (N11).
    pub(crate) fn elsewhere(self, purpose: CodePurpose, destination: String) -> Self {
        let (failures, locked_until) = (self.failures, self.locked_until);
        Self { failures, locked_until, ..Self::new(purpose, destination) }
    }

    /// Whether this proof is about `destination` for `purpose`.
    pub(crate) fn is_for(&self, purpose: CodePurpose, destination: &str) -> bool {
        self.purpose == purpose && self.destination == destination
    }

    /// Where its codes go.
    pub(crate) fn destination(&self) -> &str {
        &self.destination
    }

    /// What its codes are for.
    pub(crate) const fn purpose(&self) -> CodePurpose {
        self.purpose
    }

    /// Whether anything happened yet that must not be forgotten.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.sent.is_empty() && self.failures == 0 && self.locked_until.is_none()
    }

    /// When the newest code was sent.
    #[must_use]
    pub fn last_sent_at(&self) -> Option<Timestamp> {
        self.sent.last().map(|code| code.sent_at)
    }

    /// From when a resend is taken.
    #[must_use]
    pub fn resend_from(&self) -> Timestamp {
        let after_last = self.last_sent_at().map_or(Timestamp(0), |at| at.plus(RESEND_AFTER));
        after_last.max(self.withheld_until.unwrap_or_default()).max(self.locked_until.unwrap_or_default())
    }

    /// Until when no code is taken, if it is locked at `now`.
    #[must_use]
    pub fn lock(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| *until > now)
    }

    /// How many wrong tries are left.
    #[must_use]
    pub const fn tries_left(&self) -> u32 {
        MAX_TRIES.saturating_sub(self.failures)
    }

    /// Makes a code and keeps its hash. The code itself goes into an effect and nowhere else.
    ///
    /// With `decoy`, the hash is random: it looks the same and no code fits it. `by` is the
    /// method of the phone network that carries it.
    pub(crate) fn issue(
        &mut self,
        journey: Id<Journey>,
        now: Timestamp,
        entropy: &mut dyn Entropy,
        codes: &dyn CodeMac,
        by: Option<Method>,
        decoy: bool,
    ) -> SecretString {
        let digits = SecretString::new(entropy::digits(entropy, CODE_DIGITS));
        let mac = codes.mac(journey, self.purpose, &self.destination, digits.expose());
        let unmatched: Mac = entropy::bytes(entropy);
        self.sent.retain(|code| now.since(code.sent_at) < 2 * CODE_LIFE);
        self.sent.push(SentCode { mac: if decoy { unmatched } else { mac }, by, sent_at: now });
        self.withheld_until = None;
        digits
    }

    /// Notes that the limit of sends kept a code from going out.
    pub(crate) const fn withhold(&mut self, until: Timestamp) {
        self.withheld_until = Some(until);
    }

    /// Whether another code may go out now, `by` a method of the phone network or by email.
    ///
    /// The wait is for a code of the same kind: who sees that no text comes asks for a call at
    /// once (U19). The limit of sends counts both.
    pub(crate) fn may_resend(&mut self, now: Timestamp, history: &[Timestamp], by: Option<Method>) -> Checked {
        self.open(now)?;
        let same_kind = self.sent.iter().rev().find(|code| code.by == by);
        if let Some(from) = same_kind.map(|code| code.sent_at.plus(RESEND_AFTER)).filter(|from| *from > now) {
            return Err(Refusal::ResendTooSoon { from });
        }
        may_send(now, history)
    }

    // A lock that has run out takes the count with it, and nothing else does (N11).
    fn open(&mut self, now: Timestamp) -> Checked {
        if let Some(until) = self.lock(now) {
            return Err(Refusal::CodeLocked { until });
        }
        if self.locked_until.take().is_some() {
            self.failures = 0;
        }
        Ok(())
    }

    /// Whether `digits` is one of the codes that were sent, and still good; and how that very
    /// code travelled.
    pub(crate) fn check(
        &mut self,
        journey: Id<Journey>,
        digits: &str,
        now: Timestamp,
        codes: &dyn CodeMac,
        spent: &mut Vec<Mac>,
    ) -> Checked<Option<Method>> {
        self.open(now)?;
        if !is_code(digits) {
            return Err(Refusal::CodeLength);
        }
        let mac = codes.mac(journey, self.purpose, &self.destination, digits);
        let newest_match = self.sent.iter().rev().find(|code| bool::from(code.mac.ct_eq(&mac)));
        match newest_match {
            _ if spent.contains(&mac) => Err(Refusal::CodeUsed),
            Some(code) if now.since(code.sent_at) < CODE_LIFE && now >= code.sent_at => {
                spent.push(mac);
                Ok(code.by)
            }
            Some(_) => Err(Refusal::CodeExpired),
            None => Err(self.count_failure(now)),
        }
    }

    fn count_failure(&mut self, now: Timestamp) -> Refusal {
        self.failures += 1;
        if self.failures >= MAX_TRIES {
            let until = now.plus(CODE_LOCK);
            self.locked_until = Some(until);
            self.sent.clear();
            return Refusal::CodeLocked { until };
        }
        Refusal::CodeWrong { tries_left: self.tries_left() }
    }
}

/// Whether one more code may go to a destination with this `history` of sends.
///
/// # Errors
/// [`Refusal::TooManySends`] with the moment when the oldest send leaves the window.
pub(crate) fn may_send(now: Timestamp, history: &[Timestamp]) -> Checked {
    let recent: Vec<_> = history.iter().filter(|at| now.since(**at) < SEND_WINDOW).collect();
    match recent.len().checked_sub(SEND_LIMIT).and_then(|oldest| recent.get(oldest)) {
        Some(oldest) => Err(Refusal::TooManySends { from: oldest.plus(SEND_WINDOW) }),
        None => Ok(()),
    }
}

/// Whether `digits` has the form of a code.
pub(crate) fn is_code(digits: &str) -> bool {
    digits.len() == CODE_DIGITS as usize && digits.bytes().all(|b| b.is_ascii_digit())
}
