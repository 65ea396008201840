//! "Help with signing in" as data: what staff of the clinic fill in for a patient who lost the second step, what
//! a second member of staff decides, and the code.

use super::account::{Moment, Visitor};
use crate::components::ErrorItem;

/// What the page says about what was just done, or not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetSaid {
    /// The request waits for somebody else.
    Asked,
    /// The request was refused.
    Refused,
    /// It takes a sign-in of the last ten minutes; nothing was done.
    SignInAgain,
    /// Somebody, or the same button, was quicker; the page shows how things stand.
    Changed,
    /// Who asked cannot approve.
    Own,
    /// The patient had too many.
    TooManyForPatient,
    /// The member of staff asked too often.
    TooManyByStaff,
}

/// `/clinic/{tenant}/patients/{id}/reset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetView {
    /// The frame.
    pub visitor: Visitor,
    /// The patient's id.
    pub patient: String,
    /// The patient's name; the address if none was given.
    pub name: String,
    /// The patient's address.
    pub email: String,
    /// What was just done.
    pub said: Option<ResetSaid>,
    /// What can be done.
    pub state: ResetState,
    /// A code was given out and not used yet; until then it works.
    pub open_until: Option<Moment>,
    /// Whether a second member of staff has to approve.
    pub second_approver: bool,
}

/// What can be done for the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetState {
    /// There is no second step to reset.
    Nothing,
    /// The account may not sign in at all.
    Disabled,
    /// The member of staff signs in again first.
    SignInAgain {
        /// The reason that was typed, so that it is not lost.
        typed: String,
    },
    /// The form.
    Form(ResetForm),
    /// A request waits.
    Waits(WaitingReset),
}

/// The form. Fields `recognised`, `reason`, `lost-{id}` for each factor, and `known`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResetForm {
    /// The newest reset that the form knows of: of two forms, one is carried out.
    pub known: String,
    /// How the patient was recognised: one of [`RECOGNISED`].
    pub recognised: String,
    /// The reason.
    pub reason: String,
    /// What can be lost.
    pub live: Vec<LostFactor>,
    /// What is turned off already.
    pub off: Vec<String>,
    /// What is wrong.
    pub problems: Vec<ErrorItem>,
}

/// The ways to recognise a patient: value, words on the form, words in "They were recognised …".
pub const RECOGNISED: [(&str, &str, &str); 3] = [
    (
        "document",
        "In person, with a passport, driving licence or other document with a picture",
        "in person with a document",
    ),
    (
        "call_back",
        "By phone: I called a number back that the clinic had on record before",
        "by a call to a number on record",
    ),
    ("known", "In person: I know them", "in person by somebody who knows you"),
];

impl ResetForm {
    /// What is wrong with the field of that name.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<String> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.text.clone())
    }
}

/// A second step that may be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostFactor {
    /// Its id.
    pub id: String,
    /// What it is, and which one.
    pub what: String,
    /// Whether it is ticked.
    pub ticked: bool,
}

/// A request that waits for a second member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingReset {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked: Moment,
    /// Until when it waits.
    pub until: Moment,
    /// How the patient was recognised: one of [`RECOGNISED`].
    pub recognised: String,
    /// Why.
    pub reason: String,
    /// What is turned off.
    pub lost: Vec<String>,
    /// Whether who looks is who asked.
    pub own: bool,
    /// Whether who looks signed in lately enough to approve.
    pub fresh: bool,
}

/// A line of the list of requests that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// The patient's id.
    pub patient: String,
    /// The patient's name.
    pub name: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked: Moment,
}

/// The answer to a POST that gave a code out; nothing shows it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetCodeView {
    /// The frame.
    pub visitor: Visitor,
    /// The patient's id.
    pub patient: String,
    /// The patient's name.
    pub name: String,
    /// The code, in groups.
    pub code: String,
    /// Until when it works.
    pub until: Moment,
}
