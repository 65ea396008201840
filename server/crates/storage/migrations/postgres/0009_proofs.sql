-- Proofs of possession work once (RFC 9449, 11.1).

CREATE TABLE dpop_proofs (
    hash       BYTEA NOT NULL PRIMARY KEY, -- of the key's thumbprint and the proof's `jti`
    expires_at BIGINT NOT NULL
);
CREATE INDEX dpop_proofs_by_expiry ON dpop_proofs (expires_at);
