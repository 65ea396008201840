-- Browsers and networks in which an account signed in with a second factor, under keyed hashes that name
-- neither. A conditional flow asks for a second factor elsewhere.
CREATE TABLE known_places (
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    place      BLOB NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (account_id, place)
) STRICT;
CREATE INDEX known_places_by_age ON known_places (seen_at);

-- Which kinds of second factor an account has: 1 a phone, 2 an authenticator app, 4 a passkey. How many
-- patients have which is kept in counters, so that a dry run of a policy costs the same however many there
-- are.
ALTER TABLE accounts ADD COLUMN factor_kinds INTEGER NOT NULL DEFAULT 0;
UPDATE accounts SET factor_kinds = (
    SELECT COALESCE(MAX(CASE WHEN secret LIKE '%"type":"phone"%' THEN 1 ELSE 0 END), 0)
        + COALESCE(MAX(CASE WHEN secret LIKE '%"type":"authenticator_app"%' THEN 2 ELSE 0 END), 0)
        + COALESCE(MAX(CASE WHEN credential IS NOT NULL THEN 4 ELSE 0 END), 0)
    FROM factors WHERE factors.account_id = accounts.id
) WHERE mfa_enrolled = 1;
INSERT INTO counters (tenant_id, name, day, shard, value)
    SELECT tenant_id, 'patients_by_factors_' || factor_kinds, 0, 0, COUNT(*) FROM accounts
    WHERE kind = 'patient' AND factor_kinds > 0 GROUP BY tenant_id, factor_kinds;
