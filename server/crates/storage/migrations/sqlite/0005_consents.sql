-- The terms of a session, and what people agreed to give to applications of somebody else.

ALTER TABLE sessions ADD COLUMN terms TEXT NOT NULL DEFAULT '{}'; -- JSON

CREATE TABLE consents (
    account_id     BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    application_id BLOB NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    items          TEXT NOT NULL, -- JSON: claims and scopes
    given_at       INTEGER NOT NULL,
    PRIMARY KEY (account_id, application_id)
) STRICT;
