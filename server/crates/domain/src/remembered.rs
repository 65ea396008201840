//! Remembered browsers: a person who gave a second factor may have the browser remembered, so that the
//! next sign-ins in it ask for the password alone.
//!
//! That is a convenience and no factor (N22, decision 4): such a sign-in is AAL1 and its `amr` is `pwd`.
//! The cookie holds 256 random bits. The first half names the browser's entry and stays; the second half
//! is a secret that is good for one sign-in and replaced by it. Whoever comes with the name and another
//! secret has a copy, or the owner has: the entry is forgotten then, and all that it opened ends.
//!
//! Answers get lost. The secret that was just used counts once more within [`LOST_ANSWER`], and the successor
//! that nobody used dies with that: there is never more than one live secret.

use crate::{
    account::Account,
    clock::{Millis, Timestamp},
    grant::{CLOCK_AHEAD, REFRESH_GRACE},
    id::Id,
    secret::TokenHash,
    session::Session,
    tenant::Tenant,
};

/// How long after its use a secret may come again, because the answer with the next one was lost: as long as a
/// refresh token.
pub const LOST_ANSWER: Millis = REFRESH_GRACE;

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
    /// The hash of the whole cookie that was used at `last_used_at`.
    pub previous: Option<TokenHash>,
    /// The session that was made when the person had it remembered: who ends that one forgets the browser.
    pub session: Option<Id<Session>>,
    /// Browser and system in closed words, such as "Firefox on Linux"; empty where they are unknown.
    pub label: String,
    /// The network that it was last seen at, as limits are kept for.
    pub network: String,
    /// When the second factor was given.
    pub created_at: Timestamp,
    /// When it last stood in for a second factor, by a secret that was not used before.
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

    /// How the cookie of the hash `shown`, which names this entry, stands at `now`.
    #[must_use]
    pub fn judge(&self, shown: &TokenHash, now: Timestamp) -> Shown {
        if shown.matches(&self.token) {
            return Shown::Good;
        }
        // Neither after that time nor, by a clock that was set back, long before.
        let just_now = |used: Timestamp| now < used.plus(LOST_ANSWER) && now.plus(CLOCK_AHEAD) >= used;
        let again = self.last_used_at.is_some_and(just_now) && self.previous.is_some_and(|used| shown.matches(&used));
        if again { Shown::Again } else { Shown::Copied }
    }
}

/// How the secret in a cookie stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is the one that was given out last.
    Good,
    /// It was used a moment ago and nobody used its successor: the answer was lost.
    Again,
    /// It was used up, or replaced, before: there are two of it.
    Copied,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, SECOND};

    const USED: Timestamp = Timestamp(100 * DAY);

    const fn hash(number: u8) -> TokenHash {
        TokenHash([number; 32])
    }

    fn browser() -> RememberedBrowser {
        RememberedBrowser {
            id: Id::from_uuid(uuid::Uuid::from_u128(1)),
            tenant: Id::from_uuid(uuid::Uuid::from_u128(2)),
            account: Id::from_uuid(uuid::Uuid::from_u128(3)),
            series: hash(1),
            token: hash(12),
            previous: Some(hash(11)),
            session: None,
            label: String::new(),
            network: String::new(),
            created_at: USED.minus(DAY),
            last_used_at: Some(USED),
            expires_at: USED.plus(DAY),
        }
    }

    #[test]
    fn n22_an_entry_counts_from_its_beginning_to_its_end() {
        let (own, from, end) = (browser(), USED.minus(DAY), USED.plus(DAY));
        assert!(own.is_live(from) && own.is_live(end.minus(1)));
        assert!(!own.is_live(end) && !own.is_live(from.minus(1)));
    }

    #[test]
    fn n22_a_used_secret_counts_once_more_for_ten_seconds_and_is_a_copy_afterwards() {
        let used = browser();
        for (at, shown) in [
            (USED, Shown::Again),
            (USED.plus(10 * SECOND - 1), Shown::Again),
            (USED.plus(10 * SECOND), Shown::Copied),
            (USED.minus(CLOCK_AHEAD), Shown::Again),
            (USED.minus(CLOCK_AHEAD + 1), Shown::Copied),
        ] {
            assert_eq!(used.judge(&hash(11), at), shown, "{at:?}");
            assert_eq!(used.judge(&hash(12), at), Shown::Good);
            assert_eq!(used.judge(&hash(10), at), Shown::Copied, "one before that, or one that was replaced");
        }
        let fresh = RememberedBrowser { previous: None, last_used_at: None, ..used };
        assert_eq!(fresh.judge(&hash(11), USED), Shown::Copied);
    }
}
