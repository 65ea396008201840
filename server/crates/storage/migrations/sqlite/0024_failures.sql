-- Consecutive wrong passwords of an account, from wherever: at 100 its password is disabled (N9).

ALTER TABLE accounts ADD COLUMN password_failures INTEGER NOT NULL DEFAULT 0;
