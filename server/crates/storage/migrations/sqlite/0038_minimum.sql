-- What an account must show at every sign-in, whatever its user flow says: 0 as the flow says, 1 any second factor,
-- 2 none of the phone network, 3 a passkey. It only ever raises.
ALTER TABLE accounts ADD COLUMN minimum_assurance INTEGER NOT NULL DEFAULT 0 CHECK (minimum_assurance BETWEEN 0 AND 3);

-- The same for whoever holds a role. The role is written as in role_grants; without a row there is no minimum.
CREATE TABLE role_minimums (
    role      TEXT NOT NULL PRIMARY KEY, -- JSON: the role and its scope
    tenant_id BLOB NOT NULL REFERENCES tenants (id), -- whose setting it is
    minimum   INTEGER NOT NULL CHECK (minimum BETWEEN 0 AND 3)
) STRICT;
