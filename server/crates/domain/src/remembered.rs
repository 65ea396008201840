//! Remembered browsers: a person who gave a second factor may have the browser remembered, so that the
//! next sign-ins in it ask for the password alone.
//!
//! That is a convenience and no factor (N22, decision 4): such a sign-in is AAL1 and its `amr` is `pwd`.
//! The cookie holds 256 random bits. The first half names the browser's entry and stays; the second half
//! is a secret that is good for one sign-in and replaced by it. Whoever comes with the name and another
//! secret has a copy, or the owner has: the entry is forgotten then.

use crate::{account::Account, clock::Timestamp, id::Id, secret::TokenHash, tenant::Tenant};

/// How many browsers of an account are remembered at most; the one that was not used for longest makes room.
pub const MAX_REMEMBERED: u32 = 5;

/// A remembered browser, as stored. It is of one account; who has the same browser remembered next takes
/// its place in the cookie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RememberedBrowser {
    /// Stable id; no secret.
    pub id: Id<RememberedBrowser>,
    /// The tenant of the account.
    pub tenant: Id<Tenant>,
    /// Whose browser it is.
    pub account: Id<Account>,
    /// The hash of the part of the cookie that stays ([`crate::secret::Token::series`]).
    pub series: TokenHash,
    /// The hash of the whole cookie that is good for the next sign-in.
    pub token: TokenHash,
    /// Browser and system in closed words, such as "Firefox on Linux"; empty where they are unknown.
    pub label: String,
    /// The network that it was last seen at, as limits are kept for.
    pub network: String,
    /// When the second factor was given.
    pub created_at: Timestamp,
    /// When it last stood in for a second factor.
    pub last_used_at: Option<Timestamp>,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

impl RememberedBrowser {
    /// Whether it counts at `now`. A clock that was set back makes nothing count.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.created_at <= now && now < self.expires_at
    }
}
