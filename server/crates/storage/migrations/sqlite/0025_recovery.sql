-- Recovery codes. Their hashes stand in a factor's secret; here is which of them were used: bit n is the n-th
-- code. It is NULL for every other factor, which tells what counts as one.

ALTER TABLE factors ADD COLUMN used_codes INTEGER;
CREATE UNIQUE INDEX factors_recovery ON factors (account_id) WHERE used_codes IS NOT NULL;
