-- Dynamic client registration (RFC 7591, 7592): off where a tenant has no row in registration_switches.

CREATE TABLE registration_switches (
    tenant_id   UUID NOT NULL PRIMARY KEY REFERENCES tenants (id),
    switched_on BIGINT NOT NULL, -- 1 or 0
    most        BIGINT NOT NULL,
    registered  BIGINT NOT NULL -- applications that stand, for the limit
);

CREATE TABLE initial_access_tokens (
    id         UUID NOT NULL PRIMARY KEY,
    tenant_id  UUID NOT NULL REFERENCES tenants (id),
    flow_id    UUID NOT NULL REFERENCES user_flows (id),
    hash       BYTEA NOT NULL UNIQUE,
    label      TEXT NOT NULL,
    uses_left  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX initial_access_tokens_of_tenant ON initial_access_tokens (tenant_id, created_at);
CREATE INDEX initial_access_tokens_by_expiry ON initial_access_tokens (expires_at);

CREATE TABLE client_registrations (
    application_id UUID NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    tenant_id      UUID NOT NULL REFERENCES tenants (id),
    flow_id        UUID NOT NULL REFERENCES user_flows (id),
    token          BYTEA NOT NULL, -- the hash of the registration access token
    method         TEXT NOT NULL,
    version        BIGINT NOT NULL -- of the application; another one there means that an operator changed it
);
