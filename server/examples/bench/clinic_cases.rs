//! The lists that are timed: every order, the filter, searches common and rare, later pages.

use lanyard_app::api::clinic::{MfaFilter, PatientListQuery, SortBy};
use lanyard_domain::id::Id;
use lanyard_storage::{PatientCursor, PatientKey, Position};
use uuid::Uuid;

use crate::patients;

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first.
    First,
    /// The second.
    Second,
    /// One that begins in the middle of the list, where no browser comes by itself.
    Middle,
}

/// A list that is timed.
pub(crate) struct Case {
    /// What it is, for the table.
    pub(crate) name: &'static str,
    /// Its query; each time the next of them, where there are several.
    pub(crate) queries: Vec<PatientListQuery>,
    /// Which page.
    pub(crate) which: Which,
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let sorted = |sort, descending| PatientListQuery { sort, descending, ..PatientListQuery::default() };
    let filtered = |mfa, query: PatientListQuery| PatientListQuery { mfa, ..query };
    let search = |text: String| PatientListQuery { search: text, ..PatientListQuery::default() };
    let first = |name, query| Case { name, queries: vec![query], which: Which::First };
    let letters = || "bdfghjklmnprstvw".chars().map(|letter| search(letter.to_string()));
    // They are among the first thousand: found in every size.
    let full =
        || (0..40).map(|i| patients::full_name(i * 24)).map(|(surname, given)| search(format!("{surname} {given}")));
    let by_name = || sorted(SortBy::Name, false);
    vec![
        first("by name (default)", by_name()),
        first("by name, last first", sorted(SortBy::Name, true)),
        first("by created, newest first", sorted(SortBy::Created, true)),
        first("by created, oldest first", sorted(SortBy::Created, false)),
        first("by last sign-in, latest first", sorted(SortBy::LastSignIn, true)),
        first("by last sign-in, never first", sorted(SortBy::LastSignIn, false)),
        first("second factor set up, by name", filtered(MfaFilter::Enrolled, by_name())),
        first("none set up, by last sign-in", filtered(MfaFilter::NotEnrolled, sorted(SortBy::LastSignIn, true))),
        Case { name: "search, one letter", queries: letters().collect(), which: Which::First },
        Case {
            name: "search, one letter, none set up",
            queries: letters().map(|query| filtered(MfaFilter::NotEnrolled, query)).collect(),
            which: Which::First,
        },
        Case {
            name: "search, two letters",
            queries: letters().map(|query| search(format!("{}a", query.search))).collect(),
            which: Which::First,
        },
        Case { name: "search, full name", queries: full().collect(), which: Which::First },
        first("search, nobody", search("zzyzx".into())),
        Case { name: "second page by name", queries: vec![by_name()], which: Which::Second },
        Case { name: "second page of a search", queries: letters().collect(), which: Which::Second },
        Case { name: "from the middle, by name", queries: vec![by_name()], which: Which::Middle },
    ]
}

/// The place in the middle of the list by name.
pub(crate) fn middle() -> Position {
    Position::After(PatientCursor {
        key: PatientKey::Text(patients::surname(1_250).to_lowercase()),
        id: Id::from_uuid(Uuid::nil()),
    })
}
