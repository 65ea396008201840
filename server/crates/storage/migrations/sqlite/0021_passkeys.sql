-- Passkeys. Public key and algorithm stand in a factor's secret; here is what is looked up by and what
-- changes with use. A factor's last_step holds the signature counter.

ALTER TABLE factors ADD COLUMN credential BLOB;
ALTER TABLE factors ADD COLUMN backed_up INTEGER;
ALTER TABLE factors ADD COLUMN copied_at INTEGER;
CREATE UNIQUE INDEX factors_by_credential ON factors (credential);

-- What an authenticator may sign for the account page of this session: JSON, taken by whoever answers.
ALTER TABLE sessions ADD COLUMN ceremony TEXT;
