-- The history that people see of their own account: what they did themselves, less what only servers
-- care for. The query names the same conditions, word for word.
CREATE INDEX audit_of_actor ON audit (actor, at, id)
    WHERE actor IS NOT NULL
        AND action NOT IN ('token_refreshed', 'code_issued', 'code_redeemed', 'id_token_issued', 'token_revoked', 'factor_challenged', 'email_code_sent', 'email_proved', 'journey_cancelled', 'flow_run', 'patient_viewed', 'patients_listed')
        AND (outcome = 'failure' OR action NOT IN ('password_checked', 'factor_checked'));

-- Links "This wasn't me" in mails about changes: hashes, each used once, and not after its end.
CREATE TABLE repudiations (
    token      BYTEA NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX repudiations_by_account ON repudiations (account_id);
CREATE INDEX repudiations_by_expiry ON repudiations (expires_at);

-- When an account whose owner asked for it is deleted; until then it can be kept.
ALTER TABLE accounts ADD COLUMN delete_at BIGINT;
CREATE INDEX accounts_to_delete ON accounts (delete_at) WHERE delete_at IS NOT NULL;
