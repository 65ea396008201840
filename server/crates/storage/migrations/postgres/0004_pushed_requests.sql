-- Authorization requests that applications leave here before they send the browser (RFC 9126).

CREATE TABLE pushed_requests (
    reference      BYTEA NOT NULL PRIMARY KEY, -- a hash
    tenant_id      UUID NOT NULL,
    flow_id        UUID NOT NULL,
    application_id UUID NOT NULL,
    parameters     BYTEA NOT NULL, -- sealed
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);
