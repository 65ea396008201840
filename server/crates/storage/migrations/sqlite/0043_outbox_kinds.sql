-- Each kind of message is claimed by itself, so that none waits behind another (D6), and sign-out notices
-- one host at a time: the host that a notice goes to; '' for what providers send.
ALTER TABLE outbox ADD COLUMN host TEXT NOT NULL DEFAULT '';
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (kind, next_attempt_at, host) WHERE delivered_at IS NULL AND failed_at IS NULL;
