-- The device grant (RFC 8628): what a device polls for, and what a person approves.

CREATE TABLE device_codes (
    hash           BYTEA NOT NULL PRIMARY KEY, -- of the device code
    tenant_id      UUID NOT NULL REFERENCES tenants (id),
    flow_id        UUID NOT NULL REFERENCES user_flows (id) ON DELETE CASCADE,
    application_id UUID NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    user_code      BYTEA NOT NULL, -- a keyed hash: the code itself is short
    scope          TEXT NOT NULL,
    poll_interval  BIGINT NOT NULL, -- milliseconds
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    polled_at      BIGINT,
    grant_id       UUID, -- set by the person's approval
    denied_at      BIGINT,
    redeemed_at    BIGINT,
    CONSTRAINT device_codes_user_code UNIQUE (tenant_id, user_code)
);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);
