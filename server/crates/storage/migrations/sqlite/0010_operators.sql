-- Two operators at one application: a change names the version that it was made on. And the lists of
-- who holds a role, and of who is invited to one.

ALTER TABLE applications ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX role_grants_by_role ON role_grants (role, granted_at) WHERE revoked_at IS NULL;
CREATE INDEX invitations_open ON invitations (tenant_id, role, created_at) WHERE used_at IS NULL;
