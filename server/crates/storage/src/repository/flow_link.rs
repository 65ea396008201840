//! Which flows sign people in to which application.

use async_trait::async_trait;
use lanyard_domain::{application::Application, id::Id, tenant::Tenant, user_flow::UserFlow};

use super::{application::ApplicationRow, both, collect, hit, user_flow::FlowRow};
use crate::error::Result;

/// Reads the links between flows and applications.
#[async_trait]
pub trait FlowLinkReads {
    /// Whether the flow may sign people in to the application.
    async fn is_linked(&mut self, application: Id<Application>, flow: Id<UserFlow>) -> Result<bool>;
    /// The flows linked to an application of `tenant`, in the order of their names.
    async fn flows_of_application(&mut self, tenant: Id<Tenant>, application: Id<Application>)
    -> Result<Vec<UserFlow>>;
    /// The applications that a flow of `tenant` is linked to, in the order of their names, without
    /// the secrets.
    async fn applications_of_flow(&mut self, tenant: Id<Tenant>, flow: Id<UserFlow>) -> Result<Vec<Application>>;
}

/// Changes the links between flows and applications.
#[async_trait]
pub trait FlowLinkWrites {
    /// Links a flow to an application; nothing happens if it is linked. Conflict unless both
    /// belong to `tenant` (A25).
    async fn link_flow(&mut self, tenant: Id<Tenant>, application: Id<Application>, flow: Id<UserFlow>) -> Result<()>;
    /// Takes the link away; whether there was one.
    async fn unlink_flow(
        &mut self,
        tenant: Id<Tenant>,
        application: Id<Application>,
        flow: Id<UserFlow>,
    ) -> Result<bool>;
}

both!(FlowLinkReads {
    async fn is_linked(&mut self, application: Id<Application>, flow: Id<UserFlow>) -> Result<bool> {
        let link = sqlx::query("SELECT 1 FROM flow_links WHERE application_id = $1 AND flow_id = $2");
        Ok(link.bind(application.uuid()).bind(flow.uuid()).fetch_optional(&mut *self.db).await?.is_some())
    }

    async fn flows_of_application(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<Vec<UserFlow>> {
        let rows = sqlx::query_as::<_, FlowRow>(
            "SELECT f.* FROM flow_links l JOIN user_flows f ON f.id = l.flow_id \
             WHERE l.application_id = $1 AND f.tenant_id = $2 ORDER BY f.name_key",
        );
        collect(rows.bind(application.uuid()).bind(tenant.uuid()).fetch_all(&mut *self.db).await?)
    }

    async fn applications_of_flow(&mut self, tenant: Id<Tenant>, flow: Id<UserFlow>) -> Result<Vec<Application>> {
        let rows = sqlx::query_as::<_, ApplicationRow>(
            "SELECT a.* FROM flow_links l JOIN applications a ON a.id = l.application_id \
             WHERE l.flow_id = $1 AND a.tenant_id = $2 ORDER BY a.name_key, a.id",
        );
        collect(rows.bind(flow.uuid()).bind(tenant.uuid()).fetch_all(&mut *self.db).await?)
    }
});

both!(FlowLinkWrites {
    async fn link_flow(&mut self, tenant: Id<Tenant>, application: Id<Application>, flow: Id<UserFlow>) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO flow_links (application_id, flow_id) \
             SELECT a.id, f.id FROM applications a CROSS JOIN user_flows f \
             WHERE a.id = $2 AND f.id = $3 AND a.tenant_id = $1 AND f.tenant_id = $1 \
             ON CONFLICT (application_id, flow_id) DO UPDATE SET flow_id = excluded.flow_id",
        );
        let insert = insert.bind(tenant.uuid()).bind(application.uuid()).bind(flow.uuid());
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn unlink_flow(
        &mut self,
        tenant: Id<Tenant>,
        application: Id<Application>,
        flow: Id<UserFlow>,
    ) -> Result<bool> {
        let delete = sqlx::query(
            "DELETE FROM flow_links WHERE application_id = $2 AND flow_id = $3 \
             AND EXISTS (SELECT 1 FROM applications WHERE id = $2 AND tenant_id = $1)",
        );
        let delete = delete.bind(tenant.uuid()).bind(application.uuid()).bind(flow.uuid());
        Ok(delete.execute(&mut *self.db).await?.rows_affected() == 1)
    }
});
