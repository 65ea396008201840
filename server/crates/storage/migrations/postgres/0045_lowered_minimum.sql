-- The account's own minimum assurance before the change that the mail tells of lowered it (its rank; 0: it did not):
-- what "This wasn't me" raises it to again (A5).
ALTER TABLE repudiations ADD COLUMN minimum BIGINT NOT NULL DEFAULT 0;
