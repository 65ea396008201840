-- Of which makes new passkeys of staff must be: JSON with makes and the makers' root certificates; empty: of
-- any. Kept at hand with the tenant, so that changes are counted.
ALTER TABLE tenants ADD COLUMN staff_passkeys TEXT NOT NULL DEFAULT '';

CREATE TRIGGER configuration_tenants_staff_passkeys AFTER UPDATE OF staff_passkeys ON tenants
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.id;
END;
