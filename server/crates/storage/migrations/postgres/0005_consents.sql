-- The terms of a session, and what people agreed to give to applications of somebody else.

ALTER TABLE sessions ADD COLUMN terms TEXT NOT NULL DEFAULT '{}'; -- JSON

CREATE TABLE consents (
    account_id     UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    application_id UUID NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    items          TEXT NOT NULL, -- JSON: claims and scopes
    given_at       BIGINT NOT NULL,
    PRIMARY KEY (account_id, application_id)
);
