-- Client assertions work once; a used refresh token remembers the one that it was exchanged for.

CREATE TABLE client_assertions (
    hash       BLOB NOT NULL PRIMARY KEY, -- of the client id and the assertion's `jti`
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX client_assertions_by_expiry ON client_assertions (expires_at);

ALTER TABLE refresh_tokens ADD COLUMN replaced_by BLOB; -- the hash of the next token
