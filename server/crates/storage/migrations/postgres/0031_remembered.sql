-- Browsers that people had remembered, so that the next sign-ins in them ask for the password alone. The
-- cookie's first half stays (series); its hash as a whole (token) is another one after each use.
CREATE TABLE remembered_browsers (
    id           UUID NOT NULL PRIMARY KEY,
    tenant_id    UUID NOT NULL REFERENCES tenants (id),
    account_id   UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    series       BYTEA NOT NULL UNIQUE,
    token        BYTEA NOT NULL,
    label        TEXT NOT NULL,
    network      TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX remembered_browsers_by_account ON remembered_browsers (account_id);
CREATE INDEX remembered_browsers_by_expiry ON remembered_browsers (expires_at);
