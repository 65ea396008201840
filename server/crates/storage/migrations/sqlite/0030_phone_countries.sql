-- Where the texts and calls of a tenant go: country codes (ISO 3166-1 alpha-2) in order, with ", " between
-- them; none stands for every country. Kept at hand with the tenant, so that changes are counted.
ALTER TABLE tenants ADD COLUMN phone_countries TEXT NOT NULL DEFAULT '';

CREATE TRIGGER configuration_tenants_phone_countries AFTER UPDATE OF phone_countries ON tenants
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.id;
END;
