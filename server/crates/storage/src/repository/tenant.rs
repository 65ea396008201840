//! Tenants.

use async_trait::async_trait;
use lanyard_domain::{
    clock::Timestamp,
    id::Id,
    makes::PasskeyMakes,
    phone::PhoneCountries,
    secret::Sealed,
    tenant::{Tenant, TenantDomain},
};
use uuid::Uuid;

use super::{NameCursor, both, collect, hit, name_key, name_start, optional, unique};
use crate::error::{Constraint, Result, StorageError};

/// Reads tenants.
#[async_trait]
pub trait TenantReads {
    /// The tenant of this id.
    async fn tenant_by_id(&mut self, id: Id<Tenant>) -> Result<Option<Tenant>>;
    /// The tenant of this domain.
    async fn tenant_by_domain(&mut self, domain: &TenantDomain) -> Result<Option<Tenant>>;
    /// The data key of a tenant, sealed by the master key.
    async fn tenant_data_key(&mut self, id: Id<Tenant>) -> Result<Option<Sealed>>;
    /// Counts the changes to what is configured in the tenant: its own row, its applications with
    /// their secrets and links, flows, attributes and signing keys. The database counts by itself.
    async fn configuration_version(&mut self, id: Id<Tenant>) -> Result<Option<i64>>;
    /// The same, of the tenant of this domain, with its id.
    async fn configuration_by_domain(&mut self, domain: &TenantDomain) -> Result<Option<(Id<Tenant>, i64)>>;
    /// At most `limit` tenants in the order of their names.
    async fn list_tenants(&mut self, after: Option<&NameCursor<Tenant>>, limit: u32) -> Result<Vec<Tenant>>;
}

/// Changes tenants.
#[async_trait]
pub trait TenantWrites {
    /// Creates a tenant with its sealed data key; [`Constraint::TenantDomain`] if the domain is taken.
    async fn create_tenant(&mut self, tenant: &Tenant, data_key: &Sealed) -> Result<()>;
    /// Holds a tenant until the transaction ends, so that what is counted or looked for in it stays so; Conflict if
    /// there is none. After applications and flows, whose changes hold their tenant as well.
    async fn lock_tenant(&mut self, id: Id<Tenant>) -> Result<()>;
    /// Sets where the texts and calls of a tenant go; Conflict if they do not go to `present` now.
    async fn set_phone_countries(
        &mut self,
        id: Id<Tenant>,
        present: &PhoneCountries,
        wanted: &PhoneCountries,
    ) -> Result<()>;
    /// Sets whether a reset takes a second member of staff; Conflict if it is so already.
    async fn set_second_approver(&mut self, id: Id<Tenant>, wanted: bool) -> Result<()>;
    /// Sets of which makes new passkeys of the staff must be; Conflict if that is not `present` now.
    async fn set_staff_passkeys(&mut self, id: Id<Tenant>, present: &PasskeyMakes, wanted: &PasskeyMakes)
    -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct TenantRow {
    id: Uuid,
    name: String,
    domain: String,
    region: String,
    phone_countries: String,
    second_approver: i64,
    staff_passkeys: String,
    created_at: i64,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = StorageError;
    fn try_from(row: TenantRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            name: row.name,
            domain: TenantDomain::parse(&row.domain).map_err(|_| StorageError::Inconsistent("a tenant's domain"))?,
            region: row.region,
            phone_countries: PhoneCountries::from_listed(&row.phone_countries),
            second_approver: row.second_approver == 1,
            staff_passkeys: PasskeyMakes::from_stored(&row.staff_passkeys)
                .ok_or(StorageError::Inconsistent("the makes of a tenant's passkeys"))?,
            created_at: Timestamp(row.created_at),
        })
    }
}

both!(TenantReads {
    async fn tenant_by_id(&mut self, id: Id<Tenant>) -> Result<Option<Tenant>> {
        let row = sqlx::query_as::<_, TenantRow>("SELECT id, name, domain, region, phone_countries, second_approver, staff_passkeys, created_at FROM tenants WHERE id = $1");
        optional(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn tenant_by_domain(&mut self, domain: &TenantDomain) -> Result<Option<Tenant>> {
        let row = sqlx::query_as::<_, TenantRow>("SELECT id, name, domain, region, phone_countries, second_approver, staff_passkeys, created_at FROM tenants WHERE domain = $1");
        optional(row.bind(domain.as_str()).fetch_optional(&mut *self.db).await?)
    }

    async fn tenant_data_key(&mut self, id: Id<Tenant>) -> Result<Option<Sealed>> {
        let row = sqlx::query_as::<_, (Vec<u8>,)>("SELECT data_key FROM tenants WHERE id = $1");
        Ok(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?.map(|row| Sealed(row.0)))
    }

    async fn configuration_version(&mut self, id: Id<Tenant>) -> Result<Option<i64>> {
        let row = sqlx::query_as::<_, (i64,)>("SELECT configuration FROM tenants WHERE id = $1");
        Ok(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?.map(|row| row.0))
    }

    async fn configuration_by_domain(&mut self, domain: &TenantDomain) -> Result<Option<(Id<Tenant>, i64)>> {
        let row = sqlx::query_as::<_, (Uuid, i64)>("SELECT id, configuration FROM tenants WHERE domain = $1");
        let row = row.bind(domain.as_str()).fetch_optional(&mut *self.db).await?;
        Ok(row.map(|(id, version)| (Id::from_uuid(id), version)))
    }

    async fn list_tenants(&mut self, after: Option<&NameCursor<Tenant>>, limit: u32) -> Result<Vec<Tenant>> {
        let (key, id) = name_start(after);
        let rows = sqlx::query_as::<_, TenantRow>(
            "SELECT id, name, domain, region, phone_countries, second_approver, staff_passkeys, created_at FROM tenants \
             WHERE (name_key, id) > ($1, $2) ORDER BY name_key, id LIMIT $3",
        );
        collect(rows.bind(key).bind(id).bind(i64::from(limit)).fetch_all(&mut *self.db).await?)
    }
});

both!(TenantWrites {
    async fn create_tenant(&mut self, tenant: &Tenant, data_key: &Sealed) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO tenants (id, name, name_key, domain, region, data_key, created_at, phone_countries, \
                second_approver, staff_passkeys) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (domain) DO NOTHING",
        );
        let insert = insert.bind(tenant.id.uuid()).bind(&tenant.name).bind(name_key(&tenant.name));
        let insert = insert.bind(tenant.domain.as_str()).bind(&tenant.region).bind(&data_key.0[..]);
        let insert = insert.bind(tenant.created_at.0).bind(tenant.phone_countries.listed());
        let insert = insert.bind(i64::from(tenant.second_approver)).bind(tenant.staff_passkeys.stored());
        let done = insert.execute(&mut *self.db).await?;
        unique(done.rows_affected(), Constraint::TenantDomain)
    }

    async fn set_phone_countries(
        &mut self,
        id: Id<Tenant>,
        present: &PhoneCountries,
        wanted: &PhoneCountries,
    ) -> Result<()> {
        let update = sqlx::query("UPDATE tenants SET phone_countries = $3 WHERE id = $1 AND phone_countries = $2");
        let update = update.bind(id.uuid()).bind(present.listed()).bind(wanted.listed());
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn lock_tenant(&mut self, id: Id<Tenant>) -> Result<()> {
        let update = sqlx::query("UPDATE tenants SET configuration = configuration WHERE id = $1");
        hit(update.bind(id.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn set_second_approver(&mut self, id: Id<Tenant>, wanted: bool) -> Result<()> {
        let update = sqlx::query("UPDATE tenants SET second_approver = $2 WHERE id = $1 AND second_approver <> $2");
        hit(update.bind(id.uuid()).bind(i64::from(wanted)).execute(&mut *self.db).await?.rows_affected())
    }

    async fn set_staff_passkeys(
        &mut self,
        id: Id<Tenant>,
        present: &PasskeyMakes,
        wanted: &PasskeyMakes,
    ) -> Result<()> {
        let update = sqlx::query("UPDATE tenants SET staff_passkeys = $3 WHERE id = $1 AND staff_passkeys = $2");
        let update = update.bind(id.uuid()).bind(present.stored()).bind(wanted.stored());
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }
});
