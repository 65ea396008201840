-- Authorization requests that applications leave here before they send the browser (RFC 9126).

CREATE TABLE pushed_requests (
    reference      BLOB NOT NULL PRIMARY KEY, -- a hash
    tenant_id      BLOB NOT NULL,
    flow_id        BLOB NOT NULL,
    application_id BLOB NOT NULL,
    parameters     BLOB NOT NULL, -- sealed
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);
