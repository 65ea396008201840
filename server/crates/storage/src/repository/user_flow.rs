//! User flows.

use async_trait::async_trait;
use lanyard_domain::{
    clock::Timestamp,
    id::Id,
    tenant::Tenant,
    user_flow::{Audience, FlowName, FlowSettings, FlowType, UserFlow},
};
use uuid::Uuid;

use super::{NameCursor, both, collect, hit, name_start, optional, unique, word};
use crate::error::{Constraint, Result, StorageError};

/// Reads user flows.
#[async_trait]
pub trait FlowReads {
    /// The flow of this id, if it belongs to `tenant`.
    async fn flow_by_id(&mut self, tenant: Id<Tenant>, id: Id<UserFlow>) -> Result<Option<UserFlow>>;
    /// The flow of this name; `key` as [`FlowName::key`] gives it.
    async fn flow_by_key(&mut self, tenant: Id<Tenant>, key: &str) -> Result<Option<UserFlow>>;
    /// At most `limit` flows of `tenant` in the order of their names, the built-in ones included.
    async fn list_flows(
        &mut self,
        tenant: Id<Tenant>,
        after: Option<&NameCursor<UserFlow>>,
        limit: u32,
    ) -> Result<Vec<UserFlow>>;
}

/// Changes user flows.
#[async_trait]
pub trait FlowWrites {
    /// Creates a flow; [`Constraint::FlowName`] if the tenant has one of that name.
    async fn create_flow(&mut self, flow: &UserFlow) -> Result<()>;
    /// Replaces the settings of version `replaces` and returns the new version; Conflict if
    /// somebody else made another version in the meantime.
    async fn update_flow_settings(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<UserFlow>,
        replaces: i64,
        settings: &FlowSettings,
        at: Timestamp,
    ) -> Result<i64>;
}

#[derive(sqlx::FromRow)]
pub(super) struct FlowRow {
    id: Uuid,
    tenant_id: Uuid,
    name: String,
    kind: String,
    audience: String,
    settings: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<FlowRow> for UserFlow {
    type Error = StorageError;
    fn try_from(row: FlowRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            name: FlowName::parse(&row.name).map_err(|_| StorageError::Inconsistent("a flow's name"))?,
            kind: word(FlowType::parse(&row.kind))?,
            audience: word(Audience::parse(&row.audience))?,
            settings: serde_json::from_str(&row.settings)?,
            version: row.version,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

both!(FlowReads {
    async fn flow_by_id(&mut self, tenant: Id<Tenant>, id: Id<UserFlow>) -> Result<Option<UserFlow>> {
        let row = sqlx::query_as::<_, FlowRow>("SELECT * FROM user_flows WHERE id = $1 AND tenant_id = $2");
        optional(row.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn flow_by_key(&mut self, tenant: Id<Tenant>, key: &str) -> Result<Option<UserFlow>> {
        let row = sqlx::query_as::<_, FlowRow>("SELECT * FROM user_flows WHERE tenant_id = $1 AND name_key = $2");
        optional(row.bind(tenant.uuid()).bind(key).fetch_optional(&mut *self.db).await?)
    }

    async fn list_flows(
        &mut self,
        tenant: Id<Tenant>,
        after: Option<&NameCursor<UserFlow>>,
        limit: u32,
    ) -> Result<Vec<UserFlow>> {
        // The name is unique in the tenant: the id is not needed to tell two entries apart.
        let (key, _) = name_start(after);
        let rows = sqlx::query_as::<_, FlowRow>(
            "SELECT * FROM user_flows WHERE tenant_id = $1 AND name_key > $2 ORDER BY name_key LIMIT $3",
        );
        collect(rows.bind(tenant.uuid()).bind(key).bind(i64::from(limit)).fetch_all(&mut *self.db).await?)
    }
});

both!(FlowWrites {
    async fn create_flow(&mut self, flow: &UserFlow) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO user_flows \
             (id, tenant_id, name, name_key, kind, audience, settings, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id, name_key) DO NOTHING",
        );
        let insert = insert.bind(flow.id.uuid()).bind(flow.tenant.uuid()).bind(flow.name.as_str());
        let insert = insert.bind(flow.name.key()).bind(flow.kind.as_str()).bind(flow.audience.as_str());
        let insert = insert.bind(serde_json::to_string(&flow.settings)?).bind(flow.version);
        let done = insert.bind(flow.created_at.0).bind(flow.updated_at.0).execute(&mut *self.db).await?;
        unique(done.rows_affected(), Constraint::FlowName)
    }

    async fn update_flow_settings(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<UserFlow>,
        replaces: i64,
        settings: &FlowSettings,
        at: Timestamp,
    ) -> Result<i64> {
        let update = sqlx::query(
            "UPDATE user_flows SET settings = $4, version = version + 1, updated_at = $5 \
             WHERE id = $1 AND tenant_id = $2 AND version = $3",
        );
        let update = update.bind(id.uuid()).bind(tenant.uuid()).bind(replaces);
        let update = update.bind(serde_json::to_string(settings)?).bind(at.0);
        hit(update.execute(&mut *self.db).await?.rows_affected())?;
        Ok(replaces + 1)
    }
});
