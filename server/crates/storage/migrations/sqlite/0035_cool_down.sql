-- When an account was last recovered: a new password by the code to its address, or a recovery code used.
ALTER TABLE accounts ADD COLUMN recovered_at INTEGER;
-- For so many hours after that its factors stay, and its address and numbers do not change; 0: not at all.
ALTER TABLE tenants ADD COLUMN cool_down_hours INTEGER NOT NULL DEFAULT 24;
