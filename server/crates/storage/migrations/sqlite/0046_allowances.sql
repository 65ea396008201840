-- How much of an allowance is used (wrong passwords of a network, of a tenant): all of it is restored at that moment. The
-- key is a keyed hash, and names nobody.
CREATE TABLE allowances (
    key_hash    BLOB NOT NULL,
    tenant_id   BLOB NOT NULL,
    restored_at INTEGER NOT NULL,
    told_at     INTEGER, -- when somebody was last told that it is used up
    PRIMARY KEY (key_hash, tenant_id)
) STRICT;
CREATE INDEX allowances_by_age ON allowances (restored_at);
