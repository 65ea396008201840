-- How the providers of messages are doing, for all servers alike. A row comes with a provider's first
-- failure. failures: those in a row that tell of the provider; open_until: till then it is asked last.
CREATE TABLE message_providers (
    name            TEXT NOT NULL PRIMARY KEY,
    failures        INTEGER NOT NULL,
    open_until      INTEGER,
    last_failure    TEXT NOT NULL,
    last_failure_at INTEGER NOT NULL,
    recovered_at    INTEGER
) STRICT;
