-- Signing keys come in generations: which of them signs follows from `signs_from` alone.
ALTER TABLE signing_keys ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;
-- A key that was retired was never the only one.
DELETE FROM signing_keys WHERE retired_at IS NOT NULL;
ALTER TABLE signing_keys DROP COLUMN retired_at;
DROP INDEX signing_keys_by_tenant;
-- Of two processes that rotate at once, this lets one in.
CREATE UNIQUE INDEX signing_keys_generation ON signing_keys (tenant_id, alg, generation);
