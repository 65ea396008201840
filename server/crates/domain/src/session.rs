//! Single sign-on sessions and console sessions.
//!
//! A session is made from a journey's [`crate::journey::Completion`] and in no other way.

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    assurance::{Authentication, Level},
    clock::{DAY, HOUR, Millis, Timestamp},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
};

/// The longest life of a session (wire.md: 1440 minutes).
pub const SESSION_LIFE: Millis = DAY;
/// How long a console session may stand idle (N21).
pub const CONSOLE_IDLE: Millis = HOUR;
/// The longest life of a console session (N21).
pub const CONSOLE_LIFE: Millis = 12 * HOUR;

/// Which console a session opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleKind {
    /// `/portal`, for operators.
    Portal,
    /// `/clinic/{tenant}`, for staff.
    Clinic,
    /// `/account/{tenant}`, for everybody about themselves.
    Account,
}

impl ConsoleKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Portal, Self::Clinic, Self::Account];

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Clinic => "clinic",
            Self::Account => "account",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A session, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Stable id: the `sid` of logout (it is no secret).
    pub id: Id<Session>,
    /// The tenant of the account.
    pub tenant: Id<Tenant>,
    /// Whose it is.
    pub account: Id<Account>,
    /// The hash of the cookie that carries it.
    pub token: TokenHash,
    /// `None`: single sign-on to applications. Else the console that it opens.
    pub console: Option<ConsoleKind>,
    /// What happened when it was made.
    pub authentication: Authentication,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// Whether it may still be used at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        let idle_ok = match self.console {
            Some(_) => now.since(self.last_seen_at) < CONSOLE_IDLE,
            None => true,
        };
        self.ended_at.is_none() && now < self.expires_at && now >= self.created_at && idle_ok
    }

    /// The level it counts for at `now` (N21, decision 4).
    #[must_use]
    pub fn level(&self, now: Timestamp) -> Level {
        self.authentication.level_at(now, self.last_seen_at)
    }
}
