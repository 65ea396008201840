-- A code that staff issued to a patient who lost the second factor: a set of recovery codes with one code and an
-- end. It stands beside the owner's own set.
ALTER TABLE factors ADD COLUMN issued_until BIGINT;
DROP INDEX factors_recovery;
CREATE UNIQUE INDEX factors_recovery ON factors (account_id) WHERE used_codes IS NOT NULL AND issued_until IS NULL;
CREATE UNIQUE INDEX factors_issued ON factors (account_id) WHERE issued_until IS NOT NULL;
CREATE INDEX factors_by_end ON factors (issued_until) WHERE issued_until IS NOT NULL;

-- Requests of staff for such a reset. One of an account waits for a decision at most.
CREATE TABLE resets (
    id         UUID NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    asked_by   UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    asked_at   BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    recognised TEXT NOT NULL,
    reason     TEXT NOT NULL,
    lost       TEXT NOT NULL, -- JSON: ids of factors
    decision   TEXT,
    decided_by UUID,
    decided_at BIGINT
);
CREATE UNIQUE INDEX resets_waiting ON resets (account_id) WHERE decision IS NULL;
CREATE INDEX resets_to_decide ON resets (tenant_id, asked_at) WHERE decision IS NULL;
CREATE INDEX resets_of_account ON resets (account_id, asked_at);
CREATE INDEX resets_of_staff ON resets (asked_by, asked_at);
CREATE INDEX resets_by_age ON resets (asked_at);

-- Whether a reset takes a second member of staff. Kept at hand with the tenant, so that changes are counted.
ALTER TABLE tenants ADD COLUMN second_approver BIGINT NOT NULL DEFAULT 0;

CREATE TRIGGER configuration_second_approver BEFORE UPDATE OF second_approver ON tenants
    FOR EACH ROW EXECUTE FUNCTION configuration_itself();
