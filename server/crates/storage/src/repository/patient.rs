//! The clinic's list of patients: ordered, filtered, searched, a page at a time.
//!
//! Each combination is its own static statement with an index that fits it exactly, so a page
//! costs the same among a hundred patients as among a million. Pages go on from a key, never from
//! an offset. A missing key is the least (or greatest) one there is.

use async_trait::async_trait;
use lanyard_domain::{account::Account, id::Id, tenant::Tenant};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    account::{AccountRow, listed_columns},
    both,
    patient_terms::range,
};
use crate::error::{Result, StorageError};

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// The account.
    pub account: Account,
    /// Whether a second factor is bound.
    pub has_mfa: bool,
}

/// What the list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatientSort {
    /// Surname, then given name.
    Name,
    /// When the account was created.
    Created,
    /// The last sign-in; who never signed in comes before all others.
    LastSignIn,
}

/// Which patients, and in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatientOrder {
    /// All of them.
    Sorted {
        /// By what.
        by: PatientSort,
        /// Greatest first.
        descending: bool,
    },
    /// Those whose address or name (begun from either end) begins with this, in alphabetic order.
    Search(String),
}

/// The place of a line in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PatientKey {
    /// A moment in milliseconds.
    Number(i64),
    /// A folded name or search term.
    Text(String),
}

/// A place in the list. It goes out to browsers: the server signs it together with the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientCursor {
    /// The key of the line.
    pub key: PatientKey,
    /// Whose line it is.
    pub id: Id<Account>,
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The first.
    First,
    /// The one after this line.
    After(PatientCursor),
    /// The one before this line.
    Before(PatientCursor),
}

/// A page asked for.
#[derive(Debug, Clone)]
pub struct PatientQuery {
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// Which patients, in what order.
    pub order: PatientOrder,
    /// Only those with (`true`) or without (`false`) a second factor.
    pub has_mfa: Option<bool>,
    /// Which page.
    pub position: Position,
    /// Lines on a page, at most 200.
    pub limit: u32,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientPage {
    /// Its lines, in order.
    pub patients: Vec<Patient>,
    /// Ask for [`Position::Before`] this, if there is an earlier page.
    pub previous: Option<PatientCursor>,
    /// Ask for [`Position::After`] this, if there is a later page.
    pub next: Option<PatientCursor>,
}

/// Reads patients.
#[async_trait]
pub trait PatientReads {
    /// A page of the list.
    async fn list_patients(&mut self, query: &PatientQuery) -> Result<PatientPage>;
}

/// The greatest page.
const MAX_LIMIT: u32 = 200;

macro_rules! sorted_sql {
    ($key:literal, $filter:literal, $compare:literal, $direction:literal) => {
        concat!(
            "SELECT ",
            listed_columns!(),
            ", a.mfa_enrolled, a.",
            $key,
            " AS place FROM accounts a \
             WHERE a.tenant_id = $1 AND a.kind = 'patient'",
            $filter,
            " AND (a.",
            $key,
            ", a.id) ",
            $compare,
            " ($2, $3) \
             ORDER BY a.",
            $key,
            " ",
            $direction,
            ", a.id ",
            $direction,
            " LIMIT $4"
        )
    };
    // The four statements of a key: [any, with filter] x [up, down].
    ($key:literal) => {
        [
            [sorted_sql!($key, "", ">", "ASC"), sorted_sql!($key, "", "<", "DESC")],
            [
                sorted_sql!($key, " AND a.mfa_enrolled = $5", ">", "ASC"),
                sorted_sql!($key, " AND a.mfa_enrolled = $5", "<", "DESC"),
            ],
        ]
    };
}

// A patient with several fitting terms appears once, at the least of them. The place to start from
// lies within the searched range (`Plan::text_key`), so the walk needs only the range's far end:
// given both ends, SQLite would begin every page at the near one.
macro_rules! search_sql {
    ($filter:literal, $compare:literal, $far_end:literal, $direction:literal) => {
        concat!(
            "SELECT ",
            listed_columns!(),
            ", a.mfa_enrolled, t.term AS place \
             FROM patient_terms t CROSS JOIN accounts a \
             WHERE t.tenant_id = $1",
            $filter,
            " AND (t.term, t.account_id) ",
            $compare,
            " ($2, $3) AND t.term ",
            $far_end,
            " AND a.id = t.account_id \
                AND NOT EXISTS (SELECT 1 FROM patient_terms s \
                    WHERE s.account_id = t.account_id AND s.term >= $5 AND s.term < t.term) \
             ORDER BY t.term ",
            $direction,
            ", t.account_id ",
            $direction,
            " LIMIT $4"
        )
    };
}

type Statements = [[&'static str; 2]; 2];

const BY_NAME: Statements = sorted_sql!("sort_name");
const BY_CREATED: Statements = sorted_sql!("created_at");
const BY_SIGN_IN: Statements = sorted_sql!("last_sign_in_at");
const SEARCH: Statements = [
    [search_sql!("", ">", "< $6", "ASC"), search_sql!("", "<", ">= $5", "DESC")],
    [
        search_sql!(" AND t.mfa_enrolled = $7", ">", "< $6", "ASC"),
        search_sql!(" AND t.mfa_enrolled = $7", "<", ">= $5", "DESC"),
    ],
];

#[derive(sqlx::FromRow)]
struct TextRow {
    #[sqlx(flatten)]
    account: AccountRow,
    mfa_enrolled: i64,
    place: String,
}

#[derive(sqlx::FromRow)]
struct NumberRow {
    #[sqlx(flatten)]
    account: AccountRow,
    mfa_enrolled: i64,
    place: i64,
}

struct Line {
    patient: Patient,
    key: PatientKey,
}

impl Line {
    fn new(account: AccountRow, mfa_enrolled: i64, key: PatientKey) -> Result<Self> {
        Ok(Self { patient: Patient { account: account.try_into()?, has_mfa: mfa_enrolled == 1 }, key })
    }

    fn cursor(&self) -> PatientCursor {
        PatientCursor { key: self.key.clone(), id: self.patient.account.id }
    }
}

impl TryFrom<TextRow> for Line {
    type Error = StorageError;
    fn try_from(row: TextRow) -> Result<Self> {
        Self::new(row.account, row.mfa_enrolled, PatientKey::Text(row.place))
    }
}

impl TryFrom<NumberRow> for Line {
    type Error = StorageError;
    fn try_from(row: NumberRow) -> Result<Self> {
        Self::new(row.account, row.mfa_enrolled, PatientKey::Number(row.place))
    }
}

/// The statement and the place to start from.
struct Plan {
    sql: &'static str,
    text: bool,
    key: Option<PatientKey>,
    id: Uuid,
    // Read against the order: the page before.
    backwards: bool,
    // Greatest first in the database.
    down: bool,
    range: Option<(String, String)>,
}

fn plan(query: &PatientQuery) -> Plan {
    let (statements, descending, text) = match &query.order {
        PatientOrder::Sorted { by: PatientSort::Name, descending } => (BY_NAME, *descending, true),
        PatientOrder::Sorted { by: PatientSort::Created, descending } => (BY_CREATED, *descending, false),
        PatientOrder::Sorted { by: PatientSort::LastSignIn, descending } => (BY_SIGN_IN, *descending, false),
        PatientOrder::Search(_) => (SEARCH, false, true),
    };
    let (cursor, backwards) = match &query.position {
        Position::First => (None, false),
        Position::After(cursor) => (Some(cursor), false),
        Position::Before(cursor) => (Some(cursor), true),
    };
    let down = descending != backwards;
    let limit_id = if down { Uuid::max() } else { Uuid::nil() };
    Plan {
        sql: statements[usize::from(query.has_mfa.is_some())][usize::from(down)],
        text,
        key: cursor.map(|cursor| cursor.key.clone()),
        id: cursor.map_or(limit_id, |cursor| cursor.id.uuid()),
        backwards,
        down,
        range: match &query.order {
            PatientOrder::Search(typed) => Some(range(typed)),
            PatientOrder::Sorted { .. } => None,
        },
    }
}

impl Plan {
    fn text_key(&self) -> Result<String> {
        let (least, greatest) = match &self.range {
            Some((from, to)) => (from.as_str(), to.as_str()),
            None => ("", "\u{10FFFF}"),
        };
        match &self.key {
            None if self.down => Ok(greatest.to_owned()),
            None => Ok(least.to_owned()),
            Some(PatientKey::Text(text)) if (least..=greatest).contains(&text.as_str()) => Ok(text.clone()),
            Some(PatientKey::Text(_) | PatientKey::Number(_)) => {
                Err(StorageError::Inconsistent("a cursor of another order"))
            }
        }
    }

    fn number_key(&self) -> Result<i64> {
        match &self.key {
            None if self.down => Ok(i64::MAX),
            None => Ok(i64::MIN),
            Some(PatientKey::Number(number)) => Ok(*number),
            Some(PatientKey::Text(_)) => Err(StorageError::Inconsistent("a cursor of another order")),
        }
    }
}

// One line more than asked for was read: it says whether there is another page.
fn page(mut lines: Vec<Line>, plan: &Plan, limit: usize) -> PatientPage {
    let more = lines.len() > limit;
    lines.truncate(limit);
    if plan.backwards {
        lines.reverse();
    }
    let (earlier, later) = if plan.backwards { (more, true) } else { (plan.key.is_some(), more) };
    let previous = lines.first().filter(|_| earlier).map(Line::cursor);
    let next = lines.last().filter(|_| later).map(Line::cursor);
    PatientPage { patients: lines.into_iter().map(|line| line.patient).collect(), previous, next }
}

both!(PatientReads {
    async fn list_patients(&mut self, query: &PatientQuery) -> Result<PatientPage> {
        let plan = plan(query);
        let limit = query.limit.clamp(1, MAX_LIMIT);
        let wanted = i64::from(limit) + 1;
        let lines: Vec<Line> = if plan.text {
            let rows = sqlx::query_as::<_, TextRow>(plan.sql).bind(query.tenant.uuid()).bind(plan.text_key()?);
            let mut rows = rows.bind(plan.id).bind(wanted);
            if let Some((from, to)) = &plan.range {
                rows = rows.bind(from).bind(to);
            }
            if let Some(has_mfa) = query.has_mfa {
                rows = rows.bind(i64::from(has_mfa));
            }
            super::collect(rows.fetch_all(&mut *self.db).await?)?
        } else {
            let rows = sqlx::query_as::<_, NumberRow>(plan.sql).bind(query.tenant.uuid()).bind(plan.number_key()?);
            let mut rows = rows.bind(plan.id).bind(wanted);
            if let Some(has_mfa) = query.has_mfa {
                rows = rows.bind(i64::from(has_mfa));
            }
            super::collect(rows.fetch_all(&mut *self.db).await?)?
        };
        Ok(page(lines, &plan, limit as usize))
    }
});

/// The statements, for the tests of their query plans.
#[cfg(test)]
pub(crate) mod plans {
    /// Each statement over numbers: with filter or not.
    pub(crate) fn numbers() -> Vec<(&'static str, bool)> {
        both([super::BY_CREATED, super::BY_SIGN_IN])
    }
    /// Each statement over names.
    pub(crate) fn names() -> Vec<(&'static str, bool)> {
        both([super::BY_NAME])
    }
    /// Each statement of the search.
    pub(crate) fn searches() -> Vec<(&'static str, bool)> {
        both([super::SEARCH])
    }
    fn both<const N: usize>(all: [super::Statements; N]) -> Vec<(&'static str, bool)> {
        let each = |[any, filtered]: super::Statements| {
            any.into_iter().map(|sql| (sql, false)).chain(filtered.into_iter().map(|sql| (sql, true)))
        };
        all.into_iter().flat_map(each).collect()
    }
}
