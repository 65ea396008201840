-- Of which makes new passkeys of staff must be: JSON with makes and the makers' root certificates; empty: of
-- any. Kept at hand with the tenant, so that changes are counted.
ALTER TABLE tenants ADD COLUMN staff_passkeys TEXT NOT NULL DEFAULT '';

CREATE TRIGGER configuration_staff_passkeys BEFORE UPDATE OF staff_passkeys ON tenants
    FOR EACH ROW EXECUTE FUNCTION configuration_itself();
