-- The rank of the account's own minimum assurance before the change of it that the mail tells of; NULL where the mail tells
-- of something else. "This wasn't me" raises the minimum to it again (A5).
ALTER TABLE repudiations ADD COLUMN minimum_before INTEGER;
