//! The custom attributes of a tenant. The built-in ones are in the domain, not here.

use async_trait::async_trait;
use lanyard_domain::{attribute::Attribute, clock::Timestamp, id::Id, tenant::Tenant};

use super::{both, collect, unique};
use crate::error::{Constraint, Result, StorageError};

/// Reads custom attributes.
#[async_trait]
pub trait AttributeReads {
    /// All custom attributes of `tenant`, oldest first.
    async fn custom_attributes(&mut self, tenant: Id<Tenant>) -> Result<Vec<Attribute>>;
}

/// Defines custom attributes.
#[async_trait]
pub trait AttributeWrites {
    /// Defines an attribute; [`Constraint::AttributeName`] if the tenant has one of that name.
    async fn create_attribute(&mut self, tenant: Id<Tenant>, attribute: &Attribute, at: Timestamp) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct AttributeRow {
    name: String,
    label: String,
    kind: String,
}

impl TryFrom<AttributeRow> for Attribute {
    type Error = StorageError;
    fn try_from(row: AttributeRow) -> Result<Self> {
        Ok(Self { name: row.name, label: row.label, kind: serde_json::from_str(&row.kind)? })
    }
}

both!(AttributeReads {
    async fn custom_attributes(&mut self, tenant: Id<Tenant>) -> Result<Vec<Attribute>> {
        let rows = sqlx::query_as::<_, AttributeRow>(
            "SELECT name, label, kind FROM attributes WHERE tenant_id = $1 ORDER BY created_at, name",
        );
        collect(rows.bind(tenant.uuid()).fetch_all(&mut *self.db).await?)
    }
});

both!(AttributeWrites {
    async fn create_attribute(&mut self, tenant: Id<Tenant>, attribute: &Attribute, at: Timestamp) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO attributes (tenant_id, name, label, kind, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, name) DO NOTHING",
        );
        let insert = insert.bind(tenant.uuid()).bind(&attribute.name).bind(&attribute.label);
        let insert = insert.bind(serde_json::to_string(&attribute.kind)?).bind(at.0);
        unique(insert.execute(&mut *self.db).await?.rows_affected(), Constraint::AttributeName)
    }
});
