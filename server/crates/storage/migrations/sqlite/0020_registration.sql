-- Dynamic client registration (RFC 7591, 7592): off where a tenant has no row in registration_switches.

CREATE TABLE registration_switches (
    tenant_id   BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id),
    switched_on INTEGER NOT NULL, -- 1 or 0
    most        INTEGER NOT NULL,
    registered  INTEGER NOT NULL -- applications that stand, for the limit
) STRICT;

CREATE TABLE initial_access_tokens (
    id         BLOB NOT NULL PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    flow_id    BLOB NOT NULL REFERENCES user_flows (id),
    hash       BLOB NOT NULL UNIQUE,
    label      TEXT NOT NULL,
    uses_left  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX initial_access_tokens_of_tenant ON initial_access_tokens (tenant_id, created_at);
CREATE INDEX initial_access_tokens_by_expiry ON initial_access_tokens (expires_at);

CREATE TABLE client_registrations (
    application_id BLOB NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    tenant_id      BLOB NOT NULL REFERENCES tenants (id),
    flow_id        BLOB NOT NULL REFERENCES user_flows (id),
    token          BLOB NOT NULL, -- the hash of the registration access token
    method         TEXT NOT NULL,
    version        INTEGER NOT NULL -- of the application; another one there means that an operator changed it
) STRICT;
