//! The queries for which SQLite needs its own words.

use crate::repository::select_refresh;

/// Leases what is due (`$1` now, `$2` end of the lease, `$3` how many). The one writer makes it safe.
pub(crate) const CLAIM_MESSAGES: &str = "UPDATE outbox \
    SET locked_until = $2, next_attempt_at = $2, attempts = attempts + 1 \
    WHERE id IN (SELECT id FROM outbox WHERE delivered_at IS NULL AND failed_at IS NULL \
        AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3) \
    RETURNING id, tenant_id, journey_id, kind, payload, created_at, expires_at, attempts";

/// A refresh token (`$1`) with what is asked about it; the one writer has everything for itself.
pub(crate) const LOCK_REFRESH_TOKEN: &str = select_refresh!("");
