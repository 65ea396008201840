-- The secret of a remembered browser that was used last: it comes again where an answer was lost. And the session
-- that was made when the browser was remembered: who ends it forgets the browser.
ALTER TABLE remembered_browsers ADD COLUMN previous BLOB;
ALTER TABLE remembered_browsers ADD COLUMN session_id BLOB;

-- The remembered browser that stood in for a second factor, as the JSON beside it says too: what a copy opened is
-- found by it.
ALTER TABLE sessions ADD COLUMN remembered BLOB;
ALTER TABLE grants ADD COLUMN remembered BLOB;
UPDATE sessions SET remembered = unhex(replace(json_extract(authentication, '$.remembered'), '-', '')) WHERE json_extract(authentication, '$.remembered') IS NOT NULL;
UPDATE grants SET remembered = unhex(replace(json_extract(authentication, '$.remembered'), '-', '')) WHERE json_extract(authentication, '$.remembered') IS NOT NULL;
CREATE INDEX sessions_by_browser ON sessions (remembered) WHERE remembered IS NOT NULL;
CREATE INDEX grants_by_browser ON grants (remembered) WHERE remembered IS NOT NULL;
