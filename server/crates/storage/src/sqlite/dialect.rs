//! The queries for which SQLite needs its own words.

use crate::repository::{event_columns, select_refresh, use_token, waiting};

/// When the next message of a kind (`$1`) is due, less those to busy hosts (`$2`, JSON).
pub(crate) const NEXT_MESSAGE: &str =
    concat!("SELECT next_attempt_at ", waiting!("value FROM json_each($2)"), " ORDER BY next_attempt_at LIMIT 1");

/// Leases what is due of a kind (`$1`), less what goes to busy hosts (`$2`, JSON); `$3` is now, `$4` the end of the
/// lease, `$5` how many. The one writer makes it safe.
pub(crate) const CLAIM_MESSAGES: &str = concat!(
    "UPDATE outbox SET locked_until = $4, next_attempt_at = $4, attempts = attempts + 1 WHERE id IN (SELECT id ",
    waiting!("value FROM json_each($2)"),
    " AND next_attempt_at <= $3 ORDER BY next_attempt_at LIMIT $5) \
     RETURNING id, tenant_id, journey_id, host, payload, created_at, expires_at, attempts"
);

/// A refresh token (`$1`) with what is asked about it; the one writer has everything for itself.
pub(crate) const LOCK_REFRESH_TOKEN: &str = select_refresh!("t.hash = $1");

/// Uses a refresh token (`$1`) of the grant `$6` up at `$2` (or `$3`, by a clock that is ahead) in exchange for `$4`, while
/// its tenant's configuration has the version `$5`.
pub(crate) const USE_JUDGED_TOKEN: &str = concat!(
    use_token!(),
    " AND EXISTS (SELECT 1 FROM grants g JOIN tenants n ON n.id = g.tenant_id \
        WHERE g.id = refresh_tokens.grant_id AND n.configuration = $5) AND grant_id = $6"
);

/// Stores what a token (`$4`) was exchanged for (`$1`), if it was.
pub(crate) const STORE_JUDGED_TOKEN: &str = "INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
    SELECT $1, grant_id, $2, $3 FROM refresh_tokens WHERE hash = $4 AND replaced_by = $1";

/// The audit event of an exchange for the token `$11`, if that was stored.
pub(crate) const NOTE_EXCHANGE: &str = concat!(
    "INSERT INTO audit (",
    event_columns!(),
    ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM refresh_tokens WHERE hash = $11"
);

/// Whether there is an account of the address `$2` in the tenant `$1`, and the journey `$3` at version `$4`: with one
/// writer there is nothing to hold.
pub(crate) const LOCK_FOR_SIGN_IN: &str = "SELECT CAST($5 AS TEXT), \
    (SELECT COUNT(*) FROM accounts WHERE tenant_id = $1 AND email = $2), \
    (SELECT COUNT(*) FROM journeys WHERE id = $3 AND version = $4)";
