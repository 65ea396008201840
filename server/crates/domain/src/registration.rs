//! Dynamic client registration (RFC 7591): the tenant's switch, the tokens with which a program may
//! register an application, and what is remembered of one that was registered so.

use serde::{Deserialize, Serialize};

use crate::{
    application::Application, clock::Timestamp, id::Id, secret::TokenHash, tenant::Tenant, user_flow::UserFlow,
};

/// The most applications that a tenant may let be registered so.
pub const MOST_REGISTRATIONS: u32 = 1_000;
/// The most registrations of one initial access token.
pub const MOST_USES: u32 = 100;
/// The most days that an initial access token is good for.
pub const MOST_DAYS: u32 = 90;

/// Whether programs may register applications in a tenant. Off where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RegistrationSwitch {
    /// Whether it is on.
    pub on: bool,
    /// At most so many applications.
    pub most: u32,
    /// So many are registered now.
    pub registered: u32,
}

/// An initial access token (RFC 7591, 3): an operator gives it to whom may register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialAccessToken {
    /// Stable id, for lists and to revoke it.
    pub id: Id<InitialAccessToken>,
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The one flow at which it may be used, and that what it registers is linked to.
    pub flow: Id<UserFlow>,
    /// Its hash.
    #[serde(skip_serializing)]
    pub hash: TokenHash,
    /// Whom it is for, in the operator's words.
    pub label: String,
    /// How many registrations are left.
    pub uses_left: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When an operator revoked it.
    pub revoked_at: Option<Timestamp>,
}

impl InitialAccessToken {
    /// Whether it is good at `flow` and `now`.
    #[must_use]
    pub fn stands(&self, flow: Id<UserFlow>, now: Timestamp) -> bool {
        self.flow == flow && self.uses_left > 0 && self.revoked_at.is_none() && self.expires_at > now
    }
}

/// What is remembered of an application that a program registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRegistration {
    /// The application.
    pub application: Id<Application>,
    /// Its tenant.
    pub tenant: Id<Tenant>,
    /// The flow that it registered at: the only one that it is linked to.
    pub flow: Id<UserFlow>,
    /// The hash of its registration access token (RFC 7592, 3).
    pub token: TokenHash,
    /// The `token_endpoint_auth_method` that it registered.
    pub method: String,
    /// The version of the application that the registration made last. Once an operator has changed
    /// the application, it is another one, and the application is theirs; 0 where they took it over by a link or a
    /// secret, which make no version.
    pub version: i64,
}
