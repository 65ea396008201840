//! Throttles: consecutive failures under a key (a keyed hash, of address and network say).

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, delays::Delays, id::Id, secret::TokenHash, tenant::Tenant};

use super::both;
use crate::error::{Result, StorageError};

/// How a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Failures since the last success, or since the window began anew.
    pub failures: u32,
    /// Locked until then.
    pub locked_until: Option<Timestamp>,
    /// The last failure.
    pub updated_at: Timestamp,
}

impl Throttle {
    /// Whether the key is locked at `now`, and until when.
    #[must_use]
    pub fn lock(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| *until > now)
    }
}

/// Reads throttles.
#[async_trait]
pub trait ThrottleReads {
    /// How `key` stands in `tenant`; `None` without a failure.
    async fn throttle(&mut self, tenant: Id<Tenant>, key: &TokenHash) -> Result<Option<Throttle>>;
}

/// Changes throttles.
#[async_trait]
pub trait ThrottleWrites {
    /// Counts a failure and locks the key for as long as `delays` say. The count begins anew once
    /// their memory has passed without a failure.
    async fn throttle_failed(
        &mut self,
        tenant: Id<Tenant>,
        key: &TokenHash,
        now: Timestamp,
        delays: Delays,
    ) -> Result<Throttle>;
    /// Forgets the failures of a key: it succeeded.
    async fn clear_throttle(&mut self, tenant: Id<Tenant>, key: &TokenHash) -> Result<()>;
    /// Deletes at most `limit` throttles without a failure since `before`; how many.
    async fn delete_old_throttles(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct ThrottleRow {
    failures: i64,
    locked_until: Option<i64>,
    updated_at: i64,
}

impl TryFrom<ThrottleRow> for Throttle {
    type Error = StorageError;
    fn try_from(row: ThrottleRow) -> Result<Self> {
        Ok(Self {
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            locked_until: super::time(row.locked_until),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

both!(ThrottleReads {
    async fn throttle(&mut self, tenant: Id<Tenant>, key: &TokenHash) -> Result<Option<Throttle>> {
        let row = sqlx::query_as::<_, ThrottleRow>(
            "SELECT failures, locked_until, updated_at FROM throttles WHERE key_hash = $1 AND tenant_id = $2",
        );
        super::optional(row.bind(&key.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }
});

both!(ThrottleWrites {
    async fn throttle_failed(
        &mut self,
        tenant: Id<Tenant>,
        key: &TokenHash,
        now: Timestamp,
        delays: Delays,
    ) -> Result<Throttle> {
        // $3 now, $4 failures before this are forgotten, with the lock that they brought.
        let count = sqlx::query_as::<_, ThrottleRow>(
            "INSERT INTO throttles (key_hash, tenant_id, failures, locked_until, updated_at) \
             VALUES ($1, $2, 1, NULL, $3) \
             ON CONFLICT (key_hash, tenant_id) DO UPDATE SET \
                failures = CASE WHEN throttles.updated_at <= $4 THEN 1 ELSE throttles.failures + 1 END, \
                locked_until = CASE WHEN throttles.updated_at <= $4 THEN NULL ELSE throttles.locked_until END, \
                updated_at = $3 \
             RETURNING failures, locked_until, updated_at",
        );
        let count = count.bind(&key.0[..]).bind(tenant.uuid()).bind(now.0).bind(now.minus(delays.memory).0);
        let counted: Throttle = count.fetch_one(&mut *self.db).await?.try_into()?;
        let Some(wait) = delays.after(counted.failures) else { return Ok(counted) };
        // The row is this transaction's own since it was counted: nobody counts in between.
        let until = now.plus(wait);
        let lock = sqlx::query("UPDATE throttles SET locked_until = $3 WHERE key_hash = $1 AND tenant_id = $2");
        lock.bind(&key.0[..]).bind(tenant.uuid()).bind(until.0).execute(&mut *self.db).await?;
        Ok(Throttle { locked_until: Some(until), ..counted })
    }

    async fn clear_throttle(&mut self, tenant: Id<Tenant>, key: &TokenHash) -> Result<()> {
        let delete = self.later("DELETE FROM throttles WHERE key_hash = $1 AND tenant_id = $2");
        delete.bind(&key.0[..]).bind(tenant.uuid()).any().await
    }

    async fn delete_old_throttles(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM throttles WHERE (key_hash, tenant_id) IN \
             (SELECT key_hash, tenant_id FROM throttles WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
