//! The queries for which SQLite needs its own words.

/// Leases what is due (`$1` now, `$2` end of the lease, `$3` how many). The one writer makes it safe.
pub(crate) const CLAIM_MESSAGES: &str = "UPDATE outbox \
    SET locked_until = $2, next_attempt_at = $2, attempts = attempts + 1 \
    WHERE id IN (SELECT id FROM outbox WHERE delivered_at IS NULL AND failed_at IS NULL \
        AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3) \
    RETURNING id, tenant_id, journey_id, kind, payload, created_at, expires_at, attempts";

/// The grant of a refresh token (`$1`), which the one writer has for itself anyway.
pub(crate) const LOCK_GRANT_OF_REFRESH_TOKEN: &str = "SELECT * FROM grants \
    WHERE id = (SELECT grant_id FROM refresh_tokens WHERE hash = $1)";
