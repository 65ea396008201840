-- The first schema. Paired with the file of the same name for the other database; both hold the
-- same tables and columns, so that one SQL text serves both.
-- Ids are UUIDs, times are milliseconds since 1970 (UTC), hashes are 32 bytes, JSON is text.
-- Migrations are append-only: never edit this file once it was released.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE tenants (
    id         UUID NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT COLLATE "C" NOT NULL, -- the name folded: the order of lists
    domain     TEXT NOT NULL,
    region     TEXT NOT NULL,
    data_key   BYTEA NOT NULL, -- sealed by the master key
    created_at BIGINT NOT NULL,
    CONSTRAINT tenants_domain UNIQUE (domain)
);
CREATE INDEX tenants_by_name ON tenants (name_key, id);

CREATE TABLE applications (
    id         UUID NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    name_key   TEXT COLLATE "C" NOT NULL,
    kind       TEXT NOT NULL,
    reply_urls TEXT NOT NULL, -- JSON array
    minimum    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX applications_by_name ON applications (tenant_id, name_key, id);

CREATE TABLE client_secrets (
    hash           BYTEA NOT NULL PRIMARY KEY,
    application_id UUID NOT NULL REFERENCES applications (id),
    hint           TEXT NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX client_secrets_by_application ON client_secrets (application_id, created_at);

CREATE TABLE user_flows (
    id         UUID NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    name_key   TEXT COLLATE "C" NOT NULL, -- the name in lower case
    kind       TEXT NOT NULL,
    audience   TEXT NOT NULL,
    settings   TEXT NOT NULL, -- JSON
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT user_flows_name UNIQUE (tenant_id, name_key)
);

CREATE TABLE flow_links (
    application_id UUID NOT NULL REFERENCES applications (id),
    flow_id        UUID NOT NULL REFERENCES user_flows (id),
    PRIMARY KEY (application_id, flow_id)
);
CREATE INDEX flow_links_by_flow ON flow_links (flow_id, application_id);

CREATE TABLE attributes (
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    label      TEXT NOT NULL,
    kind       TEXT NOT NULL, -- JSON
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE accounts (
    id               UUID NOT NULL PRIMARY KEY,
    tenant_id        UUID NOT NULL REFERENCES tenants (id),
    kind             TEXT NOT NULL,
    email            TEXT COLLATE "C" NOT NULL,
    attributes       TEXT NOT NULL, -- JSON object
    sort_name        TEXT COLLATE "C" NOT NULL, -- surname and given name folded: the order of lists
    phc              TEXT, -- the password's PHC string
    password_version BIGINT,
    mfa_enrolled     BIGINT NOT NULL, -- 1 while a factor is bound; kept for the lists
    disabled_at      BIGINT,
    created_at       BIGINT NOT NULL,
    last_sign_in_at  BIGINT NOT NULL, -- 0: never; not NULL, so that the keyset orders it
    CONSTRAINT accounts_email UNIQUE (tenant_id, email)
);
-- One index for each order of the patient list, without and with the filter by second factor.
CREATE INDEX patients_by_name ON accounts (tenant_id, sort_name, id) WHERE kind = 'patient';
CREATE INDEX patients_by_created ON accounts (tenant_id, created_at, id) WHERE kind = 'patient';
CREATE INDEX patients_by_sign_in ON accounts (tenant_id, last_sign_in_at, id) WHERE kind = 'patient';
CREATE INDEX patients_by_mfa_name ON accounts (tenant_id, mfa_enrolled, sort_name, id) WHERE kind = 'patient';
CREATE INDEX patients_by_mfa_created ON accounts (tenant_id, mfa_enrolled, created_at, id) WHERE kind = 'patient';
CREATE INDEX patients_by_mfa_sign_in ON accounts (tenant_id, mfa_enrolled, last_sign_in_at, id) WHERE kind = 'patient';

-- What a patient can be found by, one row each; changes with the account.
CREATE TABLE patient_terms (
    tenant_id    UUID NOT NULL,
    term         TEXT COLLATE "C" NOT NULL,
    account_id   UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mfa_enrolled BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, term, account_id)
);
CREATE INDEX patient_terms_by_mfa ON patient_terms (tenant_id, mfa_enrolled, term, account_id);
CREATE INDEX patient_terms_by_account ON patient_terms (account_id, term);

CREATE TABLE factors (
    id           UUID NOT NULL PRIMARY KEY,
    account_id   UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    secret       TEXT NOT NULL, -- JSON; seeds are sealed
    name         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    last_step    BIGINT,
    failures     BIGINT NOT NULL,
    locked_until BIGINT
);
CREATE INDEX factors_by_account ON factors (account_id, id);

CREATE TABLE role_grants (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role       TEXT NOT NULL, -- JSON: the role and its scope
    granted_at BIGINT NOT NULL,
    granted_by UUID,
    revoked_at BIGINT,
    PRIMARY KEY (account_id, role, granted_at)
);
CREATE UNIQUE INDEX role_grants_held ON role_grants (account_id, role) WHERE revoked_at IS NULL;

CREATE TABLE invitations (
    id         UUID NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    token      BYTEA NOT NULL,
    email      TEXT,
    kind       TEXT NOT NULL,
    role       TEXT NOT NULL, -- JSON
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    CONSTRAINT invitations_token UNIQUE (token)
);

CREATE TABLE sessions (
    token          BYTEA NOT NULL, -- one cookie carries one session for each tenant
    tenant_id      UUID NOT NULL REFERENCES tenants (id),
    id             UUID NOT NULL UNIQUE,
    account_id     UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    console        TEXT,
    authentication TEXT NOT NULL, -- JSON
    created_at     BIGINT NOT NULL,
    last_seen_at   BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    ended_at       BIGINT,
    PRIMARY KEY (token, tenant_id)
);
CREATE INDEX sessions_live ON sessions (account_id, created_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE journeys (
    id         UUID NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL,
    flow_id    UUID NOT NULL,
    browser    BYTEA NOT NULL,
    version    BIGINT NOT NULL, -- moved on by compare-and-set
    state      TEXT NOT NULL, -- JSON
    feedback   TEXT, -- JSON of the server: what the next page says
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX journeys_by_expiry ON journeys (expires_at);

CREATE TABLE grants (
    id              UUID NOT NULL PRIMARY KEY,
    tenant_id       UUID NOT NULL REFERENCES tenants (id),
    flow_id         UUID NOT NULL,
    application_id  UUID NOT NULL,
    account_id      UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    session_id      UUID,
    authentication  TEXT NOT NULL, -- JSON
    scope           TEXT NOT NULL,
    nonce           TEXT,
    redirect_uri    TEXT NOT NULL,
    code_challenge  TEXT,
    code            BYTEA NOT NULL,
    code_expires_at BIGINT NOT NULL,
    redeemed_at     BIGINT,
    revoked_at      BIGINT,
    created_at      BIGINT NOT NULL,
    CONSTRAINT grants_code UNIQUE (code)
);
CREATE INDEX grants_live ON grants (account_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_by_session ON grants (session_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_by_age ON grants (created_at);

CREATE TABLE refresh_tokens (
    hash       BYTEA NOT NULL PRIMARY KEY,
    grant_id   UUID NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id, expires_at);

CREATE TABLE throttles (
    key_hash     BYTEA NOT NULL,
    tenant_id    UUID NOT NULL,
    failures     BIGINT NOT NULL,
    locked_until BIGINT,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (key_hash, tenant_id)
);
CREATE INDEX throttles_by_age ON throttles (updated_at);

CREATE TABLE sends (
    destination BYTEA NOT NULL, -- a hash
    sent_at     BIGINT NOT NULL
);
CREATE INDEX sends_by_destination ON sends (destination, sent_at);
CREATE INDEX sends_by_age ON sends (sent_at);

CREATE TABLE outbox (
    id              UUID NOT NULL PRIMARY KEY,
    tenant_id       UUID NOT NULL,
    journey_id      UUID,
    kind            TEXT NOT NULL,
    payload         BYTEA NOT NULL, -- sealed; wiped when the message is done with
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    locked_until    BIGINT, -- the lease of the worker that has it
    delivered_at    BIGINT,
    failed_at       BIGINT,
    last_error      TEXT
);
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE delivered_at IS NULL AND failed_at IS NULL;
CREATE INDEX outbox_by_journey ON outbox (journey_id, created_at, id) WHERE journey_id IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (created_at);

CREATE TABLE audit (
    id        UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    at        BIGINT NOT NULL,
    actor     UUID,
    action    TEXT NOT NULL,
    target    TEXT,
    outcome   TEXT NOT NULL,
    ip        TEXT,
    request   TEXT,
    detail    TEXT NOT NULL -- JSON
);
CREATE INDEX audit_newest ON audit (tenant_id, at, id);

-- Append-only: nobody changes or deletes an event, by whatever way in.
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events never change';
END;
$$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TABLE counters (
    tenant_id UUID NOT NULL,
    name      TEXT NOT NULL,
    day       BIGINT NOT NULL, -- days since 1970 (UTC); 0: a running total
    shard     BIGINT NOT NULL, -- spreads writers over rows; a value is the sum of its shards
    value     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name, day, shard)
);

CREATE TABLE signing_keys (
    id          TEXT NOT NULL PRIMARY KEY, -- the `kid`
    tenant_id   UUID NOT NULL REFERENCES tenants (id),
    alg         TEXT NOT NULL,
    private_key BYTEA NOT NULL, -- sealed
    public_jwk  TEXT NOT NULL, -- JSON
    created_at  BIGINT NOT NULL,
    retired_at  BIGINT
);
CREATE INDEX signing_keys_by_tenant ON signing_keys (tenant_id, created_at);
