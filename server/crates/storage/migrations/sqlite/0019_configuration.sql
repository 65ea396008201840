-- Counts the changes to what an operator configures in a tenant: a server that keeps configuration at
-- hand reads this number with the row that it needs anyway, and so knows whether its copy still holds,
-- whoever made the change.

ALTER TABLE tenants ADD COLUMN configuration INTEGER NOT NULL DEFAULT 1;

CREATE TRIGGER configuration_tenants_update AFTER UPDATE OF name, domain, region, data_key ON tenants
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER configuration_applications_insert AFTER INSERT ON applications
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_applications_update AFTER UPDATE ON applications
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_applications_delete AFTER DELETE ON applications
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = OLD.tenant_id;
END;
CREATE TRIGGER configuration_user_flows_insert AFTER INSERT ON user_flows
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_user_flows_update AFTER UPDATE ON user_flows
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_user_flows_delete AFTER DELETE ON user_flows
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = OLD.tenant_id;
END;
CREATE TRIGGER configuration_attributes_insert AFTER INSERT ON attributes
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_attributes_update AFTER UPDATE ON attributes
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_attributes_delete AFTER DELETE ON attributes
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = OLD.tenant_id;
END;
CREATE TRIGGER configuration_signing_keys_insert AFTER INSERT ON signing_keys
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_signing_keys_update AFTER UPDATE ON signing_keys
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER configuration_signing_keys_delete AFTER DELETE ON signing_keys
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = OLD.tenant_id;
END;
CREATE TRIGGER configuration_client_secrets_insert AFTER INSERT ON client_secrets
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications WHERE id = NEW.application_id);
END;
CREATE TRIGGER configuration_client_secrets_update AFTER UPDATE ON client_secrets
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications WHERE id = NEW.application_id);
END;
CREATE TRIGGER configuration_client_secrets_delete AFTER DELETE ON client_secrets
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications WHERE id = OLD.application_id);
END;
CREATE TRIGGER configuration_flow_links_insert AFTER INSERT ON flow_links
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications WHERE id = NEW.application_id);
END;
CREATE TRIGGER configuration_flow_links_update AFTER UPDATE ON flow_links
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications WHERE id = NEW.application_id);
END;
CREATE TRIGGER configuration_flow_links_delete AFTER DELETE ON flow_links
BEGIN
    UPDATE tenants SET configuration = configuration + 1 WHERE id = (SELECT tenant_id FROM applications WHERE id = OLD.application_id);
END;
