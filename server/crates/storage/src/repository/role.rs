//! Roles that accounts hold or held: a revoked grant stays on record (C7).

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    id::Id,
    role::{Role, RoleGrant},
    tenant::Tenant,
};
use uuid::Uuid;

use super::{
    account::{AccountRow, listed_columns},
    both, collect, hit, unique,
};
use crate::error::{Constraint, Result, StorageError};

/// Reads roles.
#[async_trait]
pub trait RoleReads {
    /// The roles that an account holds now.
    async fn roles_of_account(&mut self, account: Id<Account>) -> Result<Vec<RoleGrant>>;
    /// At most `limit` accounts of `tenant` that hold a role now, and since when, the oldest grant first.
    async fn holders_of_role(
        &mut self,
        tenant: Id<Tenant>,
        role: Role,
        limit: u32,
    ) -> Result<Vec<(Account, Timestamp)>>;
}

/// Changes roles.
#[async_trait]
pub trait RoleWrites {
    /// Grants a role; [`Constraint::RoleHeld`] if the account holds it.
    async fn grant_role(&mut self, grant: &RoleGrant) -> Result<()>;
    /// Takes a role away; Conflict if the account does not hold it.
    async fn revoke_role(&mut self, account: Id<Account>, role: Role, at: Timestamp) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct RoleRow {
    account_id: Uuid,
    role: String,
    granted_at: i64,
    granted_by: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct HolderRow {
    #[sqlx(flatten)]
    account: AccountRow,
    granted_at: i64,
}

impl TryFrom<RoleRow> for RoleGrant {
    type Error = StorageError;
    fn try_from(row: RoleRow) -> Result<Self> {
        Ok(Self {
            account: Id::from_uuid(row.account_id),
            role: serde_json::from_str(&row.role)?,
            granted_at: Timestamp(row.granted_at),
            granted_by: row.granted_by.map(Id::from_uuid),
        })
    }
}

both!(RoleReads {
    async fn roles_of_account(&mut self, account: Id<Account>) -> Result<Vec<RoleGrant>> {
        let rows = sqlx::query_as::<_, RoleRow>(
            "SELECT account_id, role, granted_at, granted_by FROM role_grants \
             WHERE account_id = $1 AND revoked_at IS NULL ORDER BY granted_at, role",
        );
        collect(rows.bind(account.uuid()).fetch_all(&mut *self.db).await?)
    }

    async fn holders_of_role(
        &mut self,
        tenant: Id<Tenant>,
        role: Role,
        limit: u32,
    ) -> Result<Vec<(Account, Timestamp)>> {
        let rows = sqlx::query_as::<_, HolderRow>(concat!(
            "SELECT ",
            listed_columns!(),
            ", r.granted_at FROM role_grants r JOIN accounts a ON a.id = r.account_id \
             WHERE r.role = $1 AND r.revoked_at IS NULL AND a.tenant_id = $2 ORDER BY r.granted_at, a.id LIMIT $3"
        ));
        let rows = rows.bind(serde_json::to_string(&role)?).bind(tenant.uuid()).bind(i64::from(limit));
        let rows = rows.fetch_all(&mut *self.db).await?;
        rows.into_iter().map(|row| Ok((row.account.try_into()?, Timestamp(row.granted_at)))).collect()
    }
});

both!(RoleWrites {
    async fn grant_role(&mut self, grant: &RoleGrant) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO role_grants (account_id, role, granted_at, granted_by) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id, role) WHERE revoked_at IS NULL DO NOTHING",
        );
        let insert = insert.bind(grant.account.uuid()).bind(serde_json::to_string(&grant.role)?);
        let insert = insert.bind(grant.granted_at.0).bind(grant.granted_by.map(Id::uuid));
        unique(insert.execute(&mut *self.db).await?.rows_affected(), Constraint::RoleHeld)
    }

    async fn revoke_role(&mut self, account: Id<Account>, role: Role, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE role_grants SET revoked_at = $3 WHERE account_id = $1 AND role = $2 AND revoked_at IS NULL",
        );
        let update = update.bind(account.uuid()).bind(serde_json::to_string(&role)?).bind(at.0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }
});
