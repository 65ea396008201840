//! The queries for which PostgreSQL needs its own words.

use crate::repository::{event_columns, select_refresh, use_token, waiting};

// Audit events, each column an array, as the first arguments.
macro_rules! events {
    () => {
        "$1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], \
            $10::text[]"
    };
}

/// When the next message of a kind (`$1`) is due, less those to busy hosts (`$2`, JSON).
pub(crate) const NEXT_MESSAGE: &str = concat!(
    "SELECT next_attempt_at ",
    waiting!("jsonb_array_elements_text($2::jsonb)"),
    " ORDER BY next_attempt_at LIMIT 1"
);

/// Leases what is due of a kind (`$1`), less what goes to busy hosts (`$2`, JSON); `$3` is now, `$4` the end of the
/// lease, `$5` how many. Several servers do so at
/// once: each skips the rows that another has locked.
pub(crate) const CLAIM_MESSAGES: &str = concat!(
    "UPDATE outbox SET locked_until = $4, next_attempt_at = $4, attempts = attempts + 1 WHERE id IN (SELECT id ",
    waiting!("jsonb_array_elements_text($2::jsonb)"),
    " AND next_attempt_at <= $3 ORDER BY next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED) \
     RETURNING id, tenant_id, journey_id, host, payload, created_at, expires_at, attempts"
);

/// A refresh token (`$1`) with what is asked about it, locked. The grant before the token: who ends a
/// family's other tokens holds the grant by then. A row that had to be waited for is looked at again
/// as it is now; the account and the configuration are those of the moment when the statement began,
/// and whoever changes them in a way that ends grants changes the grant.
pub(crate) const LOCK_REFRESH_TOKEN: &str = select_refresh!("t.hash = $1 FOR UPDATE OF g FOR UPDATE OF t");

/// Uses a refresh token (`$1`) up and stores the next one (`$4`, made at `$5`, good until `$6`) of the
/// same grant (`$7`), in one round trip.
pub(crate) const EXCHANGE_REFRESH_TOKEN: &str = concat!(
    "WITH used AS (",
    use_token!(),
    " RETURNING grant_id) INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
        SELECT $4, grant_id, $5, $6 FROM used WHERE grant_id = $7"
);

/// The same for many, each with its audit event (`$1` and on) and while its grant stands and its tenant's configuration
/// has the version `$18`: the hashes of those that came in the place of a token. The grants are locked first, as by
/// [`LOCK_REFRESH_TOKEN`]: whoever revokes one comes before or after. A grant that somebody else has locked is left out:
/// nobody waits for another's grant. Each row is found by its key alone, which is all that an index is offered: an index
/// of the grants that stand, or of a family, would be read whole. The configuration is the one of the moment when the
/// statement began, as if the exchange had come just then.
pub(crate) const EXCHANGE_JUDGED_TOKENS: &str = concat!(
    "WITH asked AS (SELECT * FROM unnest(",
    events!(),
    ", $11::bytea[], $12::bigint[], $13::bigint[], $14::bytea[], $15::bigint[], $16::bigint[], $17::uuid[], \
            $18::bigint[]) AS a (",
    event_columns!(),
    ", hash, now, ahead, next, created_at, expires_at, grant_id, configuration)), \
    held AS ( \
        SELECT a.*, g.revoked_at FROM asked a JOIN grants g ON g.id = a.grant_id JOIN tenants n ON n.id = g.tenant_id \
        WHERE n.configuration = a.configuration FOR UPDATE OF g SKIP LOCKED), \
    used AS ( \
        UPDATE refresh_tokens t SET used_at = h.now, replaced_by = h.next FROM held h \
        WHERE t.hash = h.hash AND h.revoked_at IS NULL AND t.grant_id IS NOT DISTINCT FROM h.grant_id \
            AND t.used_at IS NULL AND t.expires_at > h.now AND t.created_at <= h.ahead \
        RETURNING h.*), \
    stored AS ( \
        INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
        SELECT next, grant_id, created_at, expires_at FROM used), \
    noted AS (INSERT INTO audit (",
    event_columns!(),
    ") SELECT ",
    event_columns!(),
    " FROM used) \
    SELECT next FROM used"
);

/// Audit events (`$1` and on), each while its tenant's configuration has the version `$11`: the ids of those that were
/// noted down.
pub(crate) const NOTE_EVENTS: &str = concat!(
    "INSERT INTO audit (",
    event_columns!(),
    ") SELECT a.id, n.id, a.at, a.actor, a.action, a.target, a.outcome, a.ip, a.request, a.detail FROM unnest(",
    events!(),
    ", $11::bigint[]) AS a (",
    event_columns!(),
    ", configuration) JOIN tenants n ON n.id = a.tenant_id AND n.configuration = a.configuration RETURNING id"
);

/// Holds the number `$5` of an address, then the account of the address `$2` in the tenant `$1`, and then the journey `$3` if
/// it is at version `$4`: how many of each. The number is there for addresses without an account: they wait for each other
/// as well (D11). The account before the rest, as everywhere. Not as strictly as a deletion would: rows that only name
/// them go on.
pub(crate) const LOCK_FOR_SIGN_IN: &str = "WITH a AS ( \
        SELECT id FROM accounts WHERE tenant_id = $1 AND email = $2 FOR NO KEY UPDATE), \
    j AS (SELECT id FROM journeys WHERE id = $3 AND version = $4 FOR NO KEY UPDATE) \
    SELECT pg_advisory_xact_lock($5)::text, (SELECT COUNT(*) FROM a), (SELECT COUNT(*) FROM j)";
