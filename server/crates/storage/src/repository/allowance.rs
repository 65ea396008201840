//! Allowances: how much of one is used under a key (a keyed hash, of a network say), as the moment at which all of it
//! is restored.

use async_trait::async_trait;
use lanyard_domain::{
    allowance::Allowance,
    clock::{HOUR, Timestamp},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
};

use super::both;
use crate::error::Result;

/// Reads allowances.
#[async_trait]
pub trait AllowanceReads {
    /// When the allowance of `key` in `tenant` is wholly restored; `None`: nothing of it was used, or long ago.
    async fn allowance_restored_at(&mut self, tenant: Id<Tenant>, key: &TokenHash) -> Result<Option<Timestamp>>;
}

/// Changes allowances.
#[async_trait]
pub trait AllowanceWrites {
    /// Uses one of the allowance of `key` at `now`; when all of it is restored then, as [`Allowance::used`] says. Those
    /// that use it at the same time all count.
    async fn use_allowance(
        &mut self,
        tenant: Id<Tenant>,
        key: &TokenHash,
        now: Timestamp,
        allowance: Allowance,
    ) -> Result<Timestamp>;
    /// Notes that somebody is told at `now` that the allowance of `key` is used up; whether nobody was since `since`.
    async fn tell_of_allowance(
        &mut self,
        tenant: Id<Tenant>,
        key: &TokenHash,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<bool>;
    /// Deletes at most `limit` rows of allowances that were restored before `before`; how many.
    async fn delete_restored_allowances(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

both!(AllowanceReads {
    async fn allowance_restored_at(&mut self, tenant: Id<Tenant>, key: &TokenHash) -> Result<Option<Timestamp>> {
        let row = sqlx::query_as::<_, (i64,)>(
            "SELECT restored_at FROM allowances WHERE key_hash = $1 AND tenant_id = $2",
        );
        let row = row.bind(&key.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?;
        Ok(row.map(|(at,)| Timestamp(at)))
    }
});

// The clean-up of at most `$2` rows that were restored before `$1`.
macro_rules! delete_restored {
    ($lock:literal) => {
        concat!(
            "DELETE FROM allowances WHERE (key_hash, tenant_id) IN (SELECT key_hash, tenant_id FROM allowances \
             WHERE restored_at < $1 ORDER BY restored_at LIMIT $2",
            $lock,
            ") AND restored_at < $1"
        )
    };
}

impl crate::sqlite::SqliteTx<'_> {
    const DELETE_RESTORED: &'static str = delete_restored!("");
}

impl crate::postgres::PostgresTx<'_> {
    // What a step uses just now is left for the next time: nobody waits for rows in another order than steps do.
    const DELETE_RESTORED: &'static str = delete_restored!(" FOR UPDATE SKIP LOCKED");
}

both!(AllowanceWrites {
    async fn use_allowance(
        &mut self,
        tenant: Id<Tenant>,
        key: &TokenHash,
        now: Timestamp,
        allowance: Allowance,
    ) -> Result<Timestamp> {
        // $3 now, $4 one pause, $5 the latest moment to set, $6 the latest to take at its word.
        let row = sqlx::query_as::<_, (i64,)>(
            "INSERT INTO allowances (key_hash, tenant_id, restored_at) VALUES ($1, $2, $3 + $4) \
             ON CONFLICT (key_hash, tenant_id) DO UPDATE SET restored_at = CASE \
                WHEN allowances.restored_at <= $3 OR allowances.restored_at > $6 THEN $3 + $4 \
                WHEN allowances.restored_at > $5 THEN allowances.restored_at \
                WHEN allowances.restored_at + $4 > $5 THEN $5 \
                ELSE allowances.restored_at + $4 END \
             RETURNING restored_at",
        );
        let row = row.bind(&key.0[..]).bind(tenant.uuid()).bind(now.0);
        let row = row.bind(allowance.pause()).bind(now.plus(allowance.longest()).0).bind(now.plus(allowance.most()).0);
        Ok(Timestamp(row.fetch_one(&mut *self.db).await?.0))
    }

    async fn tell_of_allowance(
        &mut self,
        tenant: Id<Tenant>,
        key: &TokenHash,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE allowances SET told_at = $3 \
             WHERE key_hash = $1 AND tenant_id = $2 AND (told_at IS NULL OR told_at <= $4 OR told_at > $5)",
        );
        let update = update.bind(&key.0[..]).bind(tenant.uuid()).bind(now.0).bind(since.0);
        // By a clock that went wrong (D5).
        let update = update.bind(now.plus(HOUR).0);
        Ok(update.execute(&mut *self.db).await?.rows_affected() > 0)
    }

    async fn delete_restored_allowances(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(Self::DELETE_RESTORED);
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
