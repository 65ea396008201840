-- What an application may ask of the provider, and what a grant remembers of its request.

ALTER TABLE applications ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'; -- JSON
ALTER TABLE grants ADD COLUMN details TEXT NOT NULL DEFAULT '{}'; -- JSON
