-- How much of an allowance is used (wrong passwords of a network, of a tenant): all of it is restored at that moment. The
-- key is a keyed hash, and names nobody.
CREATE TABLE allowances (
    key_hash    BYTEA NOT NULL,
    tenant_id   UUID NOT NULL,
    restored_at BIGINT NOT NULL,
    told_at     BIGINT, -- when somebody was last told that it is used up
    PRIMARY KEY (key_hash, tenant_id)
);
CREATE INDEX allowances_by_age ON allowances (restored_at);
