-- Counts the changes to what an operator configures in a tenant: a server that keeps configuration at
-- hand reads this number with the row that it needs anyway, and so knows whether its copy still holds,
-- whoever made the change.

ALTER TABLE tenants ADD COLUMN configuration BIGINT NOT NULL DEFAULT 1;

CREATE FUNCTION configuration_of_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenants SET configuration = configuration + 1
        WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
    RETURN NULL;
END;
$$;
CREATE FUNCTION configuration_of_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications
        WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.application_id ELSE NEW.application_id END);
    RETURN NULL;
END;
$$;
CREATE FUNCTION configuration_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.configuration := OLD.configuration + 1;
    RETURN NEW;
END;
$$;

CREATE TRIGGER configuration BEFORE UPDATE OF name, domain, region, data_key ON tenants
    FOR EACH ROW EXECUTE FUNCTION configuration_itself();
CREATE TRIGGER configuration AFTER INSERT OR UPDATE OR DELETE ON applications
    FOR EACH ROW EXECUTE FUNCTION configuration_of_tenant();
CREATE TRIGGER configuration AFTER INSERT OR UPDATE OR DELETE ON user_flows
    FOR EACH ROW EXECUTE FUNCTION configuration_of_tenant();
CREATE TRIGGER configuration AFTER INSERT OR UPDATE OR DELETE ON attributes
    FOR EACH ROW EXECUTE FUNCTION configuration_of_tenant();
CREATE TRIGGER configuration AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION configuration_of_tenant();
CREATE TRIGGER configuration AFTER INSERT OR UPDATE OR DELETE ON client_secrets
    FOR EACH ROW EXECUTE FUNCTION configuration_of_application();
CREATE TRIGGER configuration AFTER INSERT OR UPDATE OR DELETE ON flow_links
    FOR EACH ROW EXECUTE FUNCTION configuration_of_application();
