-- How the providers of messages are doing, for all servers alike. A row comes with a provider's first
-- failure. failures: those in a row that tell of the provider; open_until: till then it is asked last.
CREATE TABLE message_providers (
    name            TEXT NOT NULL PRIMARY KEY,
    failures        BIGINT NOT NULL,
    open_until      BIGINT,
    last_failure    TEXT NOT NULL,
    last_failure_at BIGINT NOT NULL,
    recovered_at    BIGINT
);
