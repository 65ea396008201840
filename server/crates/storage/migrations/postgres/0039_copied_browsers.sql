-- The secret of a remembered browser that was used last: it comes again where an answer was lost. And the session
-- that was made when the browser was remembered: who ends it forgets the browser.
ALTER TABLE remembered_browsers ADD COLUMN previous BYTEA;
ALTER TABLE remembered_browsers ADD COLUMN session_id UUID;

-- The remembered browser that stood in for a second factor, as the JSON beside it says too: what a copy opened is
-- found by it.
ALTER TABLE sessions ADD COLUMN remembered UUID;
ALTER TABLE grants ADD COLUMN remembered UUID;
UPDATE sessions SET remembered = (authentication::json ->> 'remembered')::uuid WHERE authentication::json ->> 'remembered' IS NOT NULL;
UPDATE grants SET remembered = (authentication::json ->> 'remembered')::uuid WHERE authentication::json ->> 'remembered' IS NOT NULL;
CREATE INDEX sessions_by_browser ON sessions (remembered) WHERE remembered IS NOT NULL;
CREATE INDEX grants_by_browser ON grants (remembered) WHERE remembered IS NOT NULL;
