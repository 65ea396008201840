-- The first schema. Paired with the file of the same name for the other database; both hold the
-- same tables and columns, so that one SQL text serves both.
-- Ids are UUIDs, times are milliseconds since 1970 (UTC), hashes are 32 bytes, JSON is text.
-- Migrations are append-only: never edit this file once it was released.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE tenants (
    id         BLOB NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL, -- the name folded: the order of lists
    domain     TEXT NOT NULL,
    region     TEXT NOT NULL,
    data_key   BLOB NOT NULL, -- sealed by the master key
    created_at INTEGER NOT NULL,
    CONSTRAINT tenants_domain UNIQUE (domain)
) STRICT;
CREATE INDEX tenants_by_name ON tenants (name_key, id);

CREATE TABLE applications (
    id         BLOB NOT NULL PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL,
    kind       TEXT NOT NULL,
    reply_urls TEXT NOT NULL, -- JSON array
    minimum    TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX applications_by_name ON applications (tenant_id, name_key, id);

CREATE TABLE client_secrets (
    hash           BLOB NOT NULL PRIMARY KEY,
    application_id BLOB NOT NULL REFERENCES applications (id),
    hint           TEXT NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX client_secrets_by_application ON client_secrets (application_id, created_at);

CREATE TABLE user_flows (
    id         BLOB NOT NULL PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL, -- the name in lower case
    kind       TEXT NOT NULL,
    audience   TEXT NOT NULL,
    settings   TEXT NOT NULL, -- JSON
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT user_flows_name UNIQUE (tenant_id, name_key)
) STRICT;

CREATE TABLE flow_links (
    application_id BLOB NOT NULL REFERENCES applications (id),
    flow_id        BLOB NOT NULL REFERENCES user_flows (id),
    PRIMARY KEY (application_id, flow_id)
) STRICT;
CREATE INDEX flow_links_by_flow ON flow_links (flow_id, application_id);

CREATE TABLE attributes (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    label      TEXT NOT NULL,
    kind       TEXT NOT NULL, -- JSON
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;

CREATE TABLE accounts (
    id               BLOB NOT NULL PRIMARY KEY,
    tenant_id        BLOB NOT NULL REFERENCES tenants (id),
    kind             TEXT NOT NULL,
    email            TEXT NOT NULL,
    attributes       TEXT NOT NULL, -- JSON object
    sort_name        TEXT NOT NULL, -- surname and given name folded: the order of lists
    phc              TEXT, -- the password's PHC string
    password_version INTEGER,
    mfa_enrolled     INTEGER NOT NULL, -- 1 while a factor is bound; kept for the lists
    disabled_at      INTEGER,
    created_at       INTEGER NOT NULL,
    last_sign_in_at  INTEGER NOT NULL, -- 0: never; not NULL, so that the keyset orders it
    CONSTRAINT accounts_email UNIQUE (tenant_id, email)
) STRICT;
-- One index for each order of the patient list, without and with the filter by second factor.
CREATE INDEX patients_by_name ON accounts (tenant_id, sort_name, id) WHERE kind = 'patient';
CREATE INDEX patients_by_created ON accounts (tenant_id, created_at, id) WHERE kind = 'patient';
CREATE INDEX patients_by_sign_in ON accounts (tenant_id, last_sign_in_at, id) WHERE kind = 'patient';
CREATE INDEX patients_by_mfa_name ON accounts (tenant_id, mfa_enrolled, sort_name, id) WHERE kind = 'patient';
CREATE INDEX patients_by_mfa_created ON accounts (tenant_id, mfa_enrolled, created_at, id) WHERE kind = 'patient';
CREATE INDEX patients_by_mfa_sign_in ON accounts (tenant_id, mfa_enrolled, last_sign_in_at, id) WHERE kind = 'patient';

-- What a patient can be found by, one row each; changes with the account.
CREATE TABLE patient_terms (
    tenant_id    BLOB NOT NULL,
    term         TEXT NOT NULL,
    account_id   BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mfa_enrolled INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, term, account_id)
) STRICT;
CREATE INDEX patient_terms_by_mfa ON patient_terms (tenant_id, mfa_enrolled, term, account_id);
CREATE INDEX patient_terms_by_account ON patient_terms (account_id, term);

CREATE TABLE factors (
    id           BLOB NOT NULL PRIMARY KEY,
    account_id   BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    secret       TEXT NOT NULL, -- JSON; seeds are sealed
    name         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    last_step    INTEGER,
    failures     INTEGER NOT NULL,
    locked_until INTEGER
) STRICT;
CREATE INDEX factors_by_account ON factors (account_id, id);

CREATE TABLE role_grants (
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role       TEXT NOT NULL, -- JSON: the role and its scope
    granted_at INTEGER NOT NULL,
    granted_by BLOB,
    revoked_at INTEGER,
    PRIMARY KEY (account_id, role, granted_at)
) STRICT;
CREATE UNIQUE INDEX role_grants_held ON role_grants (account_id, role) WHERE revoked_at IS NULL;

CREATE TABLE invitations (
    id         BLOB NOT NULL PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    token      BLOB NOT NULL,
    email      TEXT,
    kind       TEXT NOT NULL,
    role       TEXT NOT NULL, -- JSON
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    CONSTRAINT invitations_token UNIQUE (token)
) STRICT;

CREATE TABLE sessions (
    token          BLOB NOT NULL, -- one cookie carries one session for each tenant
    tenant_id      BLOB NOT NULL REFERENCES tenants (id),
    id             BLOB NOT NULL UNIQUE,
    account_id     BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    console        TEXT,
    authentication TEXT NOT NULL, -- JSON
    created_at     INTEGER NOT NULL,
    last_seen_at   INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    PRIMARY KEY (token, tenant_id)
) STRICT;
CREATE INDEX sessions_live ON sessions (account_id, created_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE journeys (
    id         BLOB NOT NULL PRIMARY KEY,
    tenant_id  BLOB NOT NULL,
    flow_id    BLOB NOT NULL,
    browser    BLOB NOT NULL,
    version    INTEGER NOT NULL, -- moved on by compare-and-set
    state      TEXT NOT NULL, -- JSON
    feedback   TEXT, -- JSON of the server: what the next page says
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX journeys_by_expiry ON journeys (expires_at);

CREATE TABLE grants (
    id              BLOB NOT NULL PRIMARY KEY,
    tenant_id       BLOB NOT NULL REFERENCES tenants (id),
    flow_id         BLOB NOT NULL,
    application_id  BLOB NOT NULL,
    account_id      BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    session_id      BLOB,
    authentication  TEXT NOT NULL, -- JSON
    scope           TEXT NOT NULL,
    nonce           TEXT,
    redirect_uri    TEXT NOT NULL,
    code_challenge  TEXT,
    code            BLOB NOT NULL,
    code_expires_at INTEGER NOT NULL,
    redeemed_at     INTEGER,
    revoked_at      INTEGER,
    created_at      INTEGER NOT NULL,
    CONSTRAINT grants_code UNIQUE (code)
) STRICT;
CREATE INDEX grants_live ON grants (account_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_by_session ON grants (session_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_by_age ON grants (created_at);

CREATE TABLE refresh_tokens (
    hash       BLOB NOT NULL PRIMARY KEY,
    grant_id   BLOB NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id, expires_at);

CREATE TABLE throttles (
    key_hash     BLOB NOT NULL,
    tenant_id    BLOB NOT NULL,
    failures     INTEGER NOT NULL,
    locked_until INTEGER,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (key_hash, tenant_id)
) STRICT;
CREATE INDEX throttles_by_age ON throttles (updated_at);

CREATE TABLE sends (
    destination BLOB NOT NULL, -- a hash
    sent_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sends_by_destination ON sends (destination, sent_at);
CREATE INDEX sends_by_age ON sends (sent_at);

CREATE TABLE outbox (
    id              BLOB NOT NULL PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    journey_id      BLOB,
    kind            TEXT NOT NULL,
    payload         BLOB NOT NULL, -- sealed; wiped when the message is done with
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    locked_until    INTEGER, -- the lease of the worker that has it
    delivered_at    INTEGER,
    failed_at       INTEGER,
    last_error      TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE delivered_at IS NULL AND failed_at IS NULL;
CREATE INDEX outbox_by_journey ON outbox (journey_id, created_at, id) WHERE journey_id IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (created_at);

CREATE TABLE audit (
    id        BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    at        INTEGER NOT NULL,
    actor     BLOB,
    action    TEXT NOT NULL,
    target    TEXT,
    outcome   TEXT NOT NULL,
    ip        TEXT,
    request   TEXT,
    detail    TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX audit_newest ON audit (tenant_id, at, id);

-- Append-only: nobody changes or deletes an event, by whatever way in.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit events never change');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit events never change');
END;

CREATE TABLE counters (
    tenant_id BLOB NOT NULL,
    name      TEXT NOT NULL,
    day       INTEGER NOT NULL, -- days since 1970 (UTC); 0: a running total
    shard     INTEGER NOT NULL, -- spreads writers over rows; a value is the sum of its shards
    value     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name, day, shard)
) STRICT;

CREATE TABLE signing_keys (
    id          TEXT NOT NULL PRIMARY KEY, -- the `kid`
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    alg         TEXT NOT NULL,
    private_key BLOB NOT NULL, -- sealed
    public_jwk  TEXT NOT NULL, -- JSON
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER
) STRICT;
CREATE INDEX signing_keys_by_tenant ON signing_keys (tenant_id, created_at);
