//! Links "This wasn't me" in mails about changes: each works once (U24).

use async_trait::async_trait;
use lanyard_domain::{account::Account, clock::Timestamp, id::Id, secret::TokenHash, tenant::Tenant};
use uuid::Uuid;

use super::{both, hit};
use crate::error::{Result, StorageError};

/// Reads these links.
#[async_trait]
pub trait RepudiationReads {
    /// The account whose link this is, if it is of `tenant` and can be used at `now`.
    async fn repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Id<Account>>>;
}

/// Changes these links.
#[async_trait]
pub trait RepudiationWrites {
    /// Stores a link of an account of `tenant` that works until `expires_at`.
    async fn create_repudiation(
        &mut self,
        tenant: Id<Tenant>,
        account: Id<Account>,
        token: &TokenHash,
        expires_at: Timestamp,
    ) -> Result<()>;
    /// Uses a link up: whose it is, and when it would have ended; Conflict if `tenant` has no such link, it
    /// was used or is over.
    async fn use_repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        at: Timestamp,
    ) -> Result<(Id<Account>, Timestamp)>;
    /// Deletes at most `limit` links that ended before `before`; how many.
    async fn delete_old_repudiations(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

both!(RepudiationReads {
    async fn repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Id<Account>>> {
        let row = sqlx::query_as::<_, (Uuid,)>(
            "SELECT account_id FROM repudiations \
             WHERE token = $1 AND tenant_id = $2 AND used_at IS NULL AND expires_at > $3",
        );
        let row = row.bind(&token.0[..]).bind(tenant.uuid()).bind(now.0).fetch_optional(&mut *self.db).await?;
        Ok(row.map(|(account,)| Id::from_uuid(account)))
    }
});

both!(RepudiationWrites {
    async fn create_repudiation(
        &mut self,
        tenant: Id<Tenant>,
        account: Id<Account>,
        token: &TokenHash,
        expires_at: Timestamp,
    ) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO repudiations (token, tenant_id, account_id, expires_at) VALUES ($1, $2, $3, $4)",
        );
        let insert = insert.bind(&token.0[..]).bind(tenant.uuid()).bind(account.uuid()).bind(expires_at.0);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn use_repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        at: Timestamp,
    ) -> Result<(Id<Account>, Timestamp)> {
        let update = sqlx::query_as::<_, (Uuid, i64)>(
            "UPDATE repudiations SET used_at = $3 \
             WHERE token = $1 AND tenant_id = $2 AND used_at IS NULL AND expires_at > $3 RETURNING account_id, expires_at",
        );
        let update = update.bind(&token.0[..]).bind(tenant.uuid()).bind(at.0);
        let (account, end) = update.fetch_optional(&mut *self.db).await?.ok_or(StorageError::Conflict)?;
        Ok((Id::from_uuid(account), Timestamp(end)))
    }

    async fn delete_old_repudiations(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM repudiations WHERE token IN \
             (SELECT token FROM repudiations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
