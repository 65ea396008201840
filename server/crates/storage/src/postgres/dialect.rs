//! The queries for which PostgreSQL needs its own words.

use crate::repository::{select_refresh, use_token};

/// Leases what is due (`$1` now, `$2` end of the lease, `$3` how many). Several servers do so at
/// once: each skips the rows that another has locked.
pub(crate) const CLAIM_MESSAGES: &str = "UPDATE outbox \
    SET locked_until = $2, next_attempt_at = $2, attempts = attempts + 1 \
    WHERE id IN (SELECT id FROM outbox WHERE delivered_at IS NULL AND failed_at IS NULL \
        AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
    RETURNING id, tenant_id, journey_id, kind, payload, created_at, expires_at, attempts";

/// A refresh token (`$1`) with what is asked about it, locked. The grant before the token: who ends a
/// family's other tokens holds the grant by then. A row that had to be waited for is looked at again
/// as it is now; the account and the configuration are those of the moment when the statement began,
/// and whoever changes them in a way that ends grants changes the grant.
pub(crate) const LOCK_REFRESH_TOKEN: &str = select_refresh!(" FOR UPDATE OF g FOR UPDATE OF t");

/// Uses a refresh token (`$1`) up and stores the next one (`$4`, made at `$5`, good until `$6`) of the
/// same grant (`$7`), in one round trip.
pub(crate) const EXCHANGE_REFRESH_TOKEN: &str = concat!(
    "WITH used AS (",
    use_token!(),
    " RETURNING grant_id) INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
        SELECT $4, grant_id, $5, $6 FROM used WHERE grant_id = $7"
);
