//! A reset by staff: a patient who lost the second factors is recognised by somebody at the clinic, who turns the
//! lost ones off and tells the patient a code for one sign-in ([`crate::recovery::RecoveryCodes::issue`]).
//!
//! Nothing is deleted by it, so that the account stays at its level: the code and the password are two factors, and
//! a new factor is bound behind them and the code to the address (N17, N18, N19, A9, A10).

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    clock::{DAY, HOUR, Millis, Timestamp},
    factor::Factor,
    id::Id,
    recovery::{ISSUED_BY_VOICE_LIFE, ISSUED_LIFE},
    tenant::Tenant,
    text::{self, TextProblem},
};

/// How long a request waits for a second member of staff.
pub const WAITS: Millis = DAY;
/// Requests for one patient within [`PATIENT_WINDOW`]: nobody loses more, and each turns something off.
pub const MOST_PER_PATIENT: u32 = 3;
/// See [`MOST_PER_PATIENT`].
pub const PATIENT_WINDOW: Millis = DAY;
/// Requests by one member of staff within [`STAFF_WINDOW`]: a stolen session must not empty the clinic.
pub const MOST_PER_STAFF: u32 = 10;
/// See [`MOST_PER_STAFF`].
pub const STAFF_WINDOW: Millis = HOUR;
/// The shortest reason, in characters.
pub const REASON_MIN: usize = 10;
/// The longest reason, in characters.
pub const REASON_MAX: usize = 500;

/// How the person was recognised (A9: at the level of enrolment, by somebody who answers for it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recognised {
    /// In person, with a document that has a picture.
    Document,
    /// By a call back to a number that the clinic had on record before.
    CallBack,
    /// In person, by somebody who knows them.
    Known,
}

impl Recognised {
    /// Every way, the surest first.
    pub const ALL: [Self; 3] = [Self::Document, Self::CallBack, Self::Known];

    /// The name used in forms, the database and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::CallBack => "call_back",
            Self::Known => "known",
        }
    }

    /// The way of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }

    /// How long the code is good that is told this way (N17).
    #[must_use]
    pub const fn code_life(self) -> Millis {
        match self {
            Self::Document | Self::Known => ISSUED_LIFE,
            Self::CallBack => ISSUED_BY_VOICE_LIFE,
        }
    }
}

/// Why a person needs a reset, in the words of the member of staff: [`REASON_MIN`] to [`REASON_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReasonProblem {
    /// Shorter than [`REASON_MIN`], or empty.
    #[error("is too short")]
    TooShort,
    /// Longer than [`REASON_MAX`].
    #[error("is too long")]
    TooLong,
    /// It holds a character that cannot be shown.
    #[error("holds a character that cannot be shown")]
    Control,
}

impl Reason {
    /// The reason in `typed`: on one line, trimmed.
    ///
    /// # Errors
    /// [`ReasonProblem`] says what is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, ReasonProblem> {
        // A cheap bound first (failure 53).
        if typed.len() > REASON_MAX * 16 {
            return Err(ReasonProblem::TooLong);
        }
        let line = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text::clean(&line, REASON_MAX).map_err(|problem| match problem {
            TextProblem::Empty => ReasonProblem::TooShort,
            TextProblem::TooLong(_) => ReasonProblem::TooLong,
            TextProblem::Control => ReasonProblem::Control,
        })?;
        if text.chars().count() < REASON_MIN { Err(ReasonProblem::TooShort) } else { Ok(Self(text)) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A reason as it was stored.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It needed nobody else and was carried out at once.
    Direct,
    /// A second member of staff approved it, and it was carried out.
    Approved,
    /// A member of staff refused it, or took it back.
    Refused,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Approved, Self::Refused];

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// The decision of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == text)
    }
}

/// A request for a reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Its id.
    pub id: Id<Reset>,
    /// The clinic.
    pub tenant: Id<Tenant>,
    /// The patient.
    pub account: Id<Account>,
    /// The member of staff who asked.
    pub asked_by: Id<Account>,
    /// When.
    pub asked_at: Timestamp,
    /// Until when it waits; nobody decides it afterwards.
    pub ends_at: Timestamp,
    /// How the patient was recognised.
    pub recognised: Recognised,
    /// Why.
    pub reason: Reason,
    /// The factors that are lost.
    pub lost: Vec<Id<Factor>>,
    /// What became of it; `None`: it waits.
    pub decision: Option<Decision>,
}

impl Reset {
    /// Whether it waits for a decision at `now`.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.decision.is_none() && now < self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a9_a_reason_has_ten_to_five_hundred_characters_on_one_line() {
        assert_eq!(Reason::parse("  lost\r\n\tthe phone ").unwrap().as_str(), "lost the phone");
        assert_eq!(Reason::parse("123456789"), Err(ReasonProblem::TooShort));
        assert_eq!(Reason::parse("1 2 3 4 5 "), Err(ReasonProblem::TooShort));
        assert!(Reason::parse("1234567890").is_ok() && Reason::parse("\u{1F600}".repeat(10).as_str()).is_ok());
        assert!(Reason::parse(&"é".repeat(REASON_MAX)).is_ok());
        assert_eq!(Reason::parse(&"é".repeat(REASON_MAX + 1)), Err(ReasonProblem::TooLong));
        assert_eq!(Reason::parse(&"x".repeat(10_000_000)), Err(ReasonProblem::TooLong));
        // Blanks count before they are taken away: so much is read at all.
        let blanks = |length: usize| format!("{}lost the phone", " ".repeat(length - "lost the phone".len()));
        assert!(Reason::parse(&blanks(REASON_MAX * 16)).is_ok());
        assert_eq!(Reason::parse(&blanks(REASON_MAX * 16 + 1)), Err(ReasonProblem::TooLong));
        assert_eq!(Reason::parse("lost the\0 phone"), Err(ReasonProblem::Control));
        for empty in ["", " ", "\n\n\n\n\n\n\n\n\n\n\n\n"] {
            assert_eq!(Reason::parse(empty), Err(ReasonProblem::TooShort));
        }
    }

    #[test]
    fn n18_a_request_waits_until_it_is_decided_or_over() {
        let of = |number| Id::from_uuid(uuid::Uuid::from_u128(number));
        let ends_at = Timestamp(1_000);
        let waiting = Reset {
            id: Id::from_uuid(uuid::Uuid::from_u128(1)),
            tenant: Id::from_uuid(uuid::Uuid::from_u128(2)),
            account: of(3),
            asked_by: of(4),
            asked_at: Timestamp(0),
            ends_at,
            recognised: Recognised::ALL[0],
            reason: Reason::parse("lost the phone").unwrap(),
            lost: Vec::new(),
            decision: None,
        };
        assert!(waiting.waits(ends_at.minus(1)));
        assert!(!waiting.waits(ends_at) && !waiting.waits(ends_at.plus(1)));
        for decision in Decision::ALL {
            let decided = Reset { decision: Some(decision), ..waiting.clone() };
            assert!(!decided.waits(ends_at.minus(1)), "{decision:?}");
        }
    }

    #[test]
    fn n17_a_code_lives_a_day_and_ten_minutes_where_it_was_told_on_the_phone() {
        let minutes = Recognised::ALL.map(|way| way.code_life() / 60_000);
        assert_eq!(minutes, [24 * 60, 10, 24 * 60]);
    }

    #[test]
    fn names_are_the_ones_in_the_database() {
        assert_eq!(Recognised::ALL.map(Recognised::as_str), ["document", "call_back", "known"]);
        assert_eq!(["document", "call_back", "known"].map(Recognised::parse), Recognised::ALL.map(Some));
        assert_eq!(["", "Document", "security_question"].map(Recognised::parse), [None; 3]);
        assert_eq!(Decision::ALL.map(|decision| Decision::parse(decision.as_str())), Decision::ALL.map(Some));
        assert_eq!(Decision::parse("maybe"), None);
    }
}
