-- The device grant (RFC 8628): what a device polls for, and what a person approves.

CREATE TABLE device_codes (
    hash           BLOB NOT NULL PRIMARY KEY, -- of the device code
    tenant_id      BLOB NOT NULL REFERENCES tenants (id),
    flow_id        BLOB NOT NULL REFERENCES user_flows (id) ON DELETE CASCADE,
    application_id BLOB NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    user_code      BLOB NOT NULL, -- a keyed hash: the code itself is short
    scope          TEXT NOT NULL,
    poll_interval  INTEGER NOT NULL, -- milliseconds
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    polled_at      INTEGER,
    grant_id       BLOB, -- set by the person's approval
    denied_at      INTEGER,
    redeemed_at    INTEGER,
    CONSTRAINT device_codes_user_code UNIQUE (tenant_id, user_code)
) STRICT;
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);
