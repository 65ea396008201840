//! Invitations: a one-time link that lets a person create a staff or operator account.

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, AccountKind},
    clock::{DAY, MINUTE, Millis, Timestamp},
    email::EmailAddress,
    id::Id,
    role::Role,
    secret::TokenHash,
    tenant::Tenant,
};

/// How long the operator link lives.
pub const OPERATOR_LINK_LIFE: Millis = 60 * MINUTE;
/// How long an emailed invitation of staff lives (A7).
pub const STAFF_INVITATION_LIFE: Millis = 7 * DAY;

/// An invitation as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Stable id.
    pub id: Id<Invitation>,
    /// The tenant in which the account will live.
    pub tenant: Id<Tenant>,
    /// The hash of the link's token.
    pub token: TokenHash,
    /// The address it was sent to; `None` for a printed link, whose holder gives one.
    pub email: Option<EmailAddress>,
    /// The kind of account it makes.
    pub kind: AccountKind,
    /// The role it grants.
    pub role: Role,
    /// Who invited them; `None` for a printed link.
    pub invited_by: Option<Id<Account>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
    /// When it was used: it works once (failure 50).
    pub used_at: Option<Timestamp>,
}

impl Invitation {
    /// Whether it can still be used at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at && now >= self.created_at
    }
}
