//! The queries for which PostgreSQL needs its own words.

use crate::repository::{select_refresh, use_token, waiting};

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
pub(crate) const LOCK_REFRESH_TOKEN: &str = select_refresh!(" FOR UPDATE OF g FOR UPDATE OF t");

/// Uses a refresh token (`$1`) up and stores the next one (`$4`, made at `$5`, good until `$6`) of the
/// same grant (`$7`), in one round trip.
pub(crate) const EXCHANGE_REFRESH_TOKEN: &str = concat!(
    "WITH used AS (",
    use_token!(),
    " RETURNING grant_id) INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
        SELECT $4, grant_id, $5, $6 FROM used WHERE grant_id = $7"
);

/// The same, with an audit event (`$9` and on), while the grant stands and its tenant's configuration has the version
/// `$8`. The grant is locked first, as by [`LOCK_REFRESH_TOKEN`]: whoever revokes it comes before or after. The
/// configuration is the one of the moment when the statement began, as if the exchange had come just then: a change
/// that is committed while the statement waits for the grant acts from the next exchange on, and one that ends grants
/// ends this one.
pub(crate) const EXCHANGE_JUDGED_TOKEN: &str = "WITH held AS ( \
        SELECT g.id FROM grants g JOIN tenants n ON n.id = g.tenant_id \
        WHERE g.id = $7 AND g.revoked_at IS NULL AND n.configuration = $8 FOR UPDATE OF g), \
    used AS ( \
        UPDATE refresh_tokens t SET used_at = $2, replaced_by = $4 FROM held \
        WHERE t.hash = $1 AND t.grant_id = held.id AND t.used_at IS NULL AND t.expires_at > $2 AND t.created_at <= $3 \
        RETURNING t.grant_id), \
    next AS ( \
        INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) SELECT $4, grant_id, $5, $6 FROM used \
        RETURNING grant_id) \
    INSERT INTO audit (id, tenant_id, at, actor, action, target, outcome, ip, request, detail) \
        SELECT $9, $10, $11, $12, $13, $14, $15, $16, $17, $18 FROM next";

/// Holds the number `$5` of an address, then the account of the address `$2` in the tenant `$1`, and then the journey `$3` if
/// it is at version `$4`: how many of each. The number is there for addresses without an account: they wait for each other
/// as well (D11). The account before the rest, as everywhere. Not as strictly as a deletion would: rows that only name
/// them go on.
pub(crate) const LOCK_FOR_SIGN_IN: &str = "WITH a AS ( \
        SELECT id FROM accounts WHERE tenant_id = $1 AND email = $2 FOR NO KEY UPDATE), \
    j AS (SELECT id FROM journeys WHERE id = $3 AND version = $4 FOR NO KEY UPDATE) \
    SELECT pg_advisory_xact_lock($5)::text, (SELECT COUNT(*) FROM a), (SELECT COUNT(*) FROM j)";
