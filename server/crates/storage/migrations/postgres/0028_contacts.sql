-- A new address or number of an account that waits for its code; one of each kind at most. What was
-- tried in vain stays counted when a change is called off.
CREATE TABLE contact_changes (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    version    BIGINT NOT NULL, -- moved on by compare-and-set
    state      TEXT NOT NULL, -- JSON; codes are keyed hashes
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, kind)
);
CREATE INDEX contact_changes_by_expiry ON contact_changes (expires_at);

-- The address that a link "This wasn't me" was mailed to: using the link makes it the account's again.
-- NULL: mailed before addresses could be changed.
ALTER TABLE repudiations ADD COLUMN address TEXT;

-- What others did to an account. The query names the same conditions, word for word.
CREATE INDEX audit_of_subject ON audit (target, at, id)
    WHERE target IS NOT NULL
        AND action NOT IN ('token_refreshed', 'code_issued', 'code_redeemed', 'id_token_issued', 'token_revoked', 'factor_challenged', 'email_code_sent', 'email_proved', 'journey_cancelled', 'flow_run');

-- The invitations to an address go with the account.
CREATE INDEX invitations_by_email ON invitations (tenant_id, email) WHERE email IS NOT NULL;

-- When the owner of an account was last asked whether they want a passkey, and did not.
ALTER TABLE accounts ADD COLUMN passkey_declined_at BIGINT;
