-- Browsers that people had remembered, so that the next sign-ins in them ask for the password alone. The
-- cookie's first half stays (series); its hash as a whole (token) is another one after each use.
CREATE TABLE remembered_browsers (
    id           BLOB NOT NULL PRIMARY KEY,
    tenant_id    BLOB NOT NULL REFERENCES tenants (id),
    account_id   BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    series       BLOB NOT NULL UNIQUE,
    token        BLOB NOT NULL,
    label        TEXT NOT NULL,
    network      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX remembered_browsers_by_account ON remembered_browsers (account_id);
CREATE INDEX remembered_browsers_by_expiry ON remembered_browsers (expires_at);
