//! Counters: what the clinic's front page shows, kept in the transaction of the change itself so
//! that reading them costs the same however large the tables are.

use async_trait::async_trait;
use lanyard_domain::{id::Id, tenant::Tenant};

use super::both;
use crate::error::Result;

/// Patients of a tenant; kept by [`super::AccountWrites::create_account`].
pub const PATIENTS_TOTAL: &str = "patients_total";
/// Patients with a second factor; kept by [`super::FactorWrites`].
pub const PATIENTS_WITH_MFA: &str = "patients_with_mfa";

/// Rows over which the writers of one counter are spread.
const SHARDS: u8 = 16;

/// Reads counters.
#[async_trait]
pub trait CounterReads {
    /// The running total `name`; 0 if nothing was counted.
    async fn counter_total(&mut self, tenant: Id<Tenant>, name: &str) -> Result<i64>;
    /// The days of `first..=last` (days since 1970, UTC) on which something was counted, with the count.
    async fn counter_days(&mut self, tenant: Id<Tenant>, name: &str, first: i64, last: i64) -> Result<Vec<(i64, i64)>>;
}

/// Changes counters.
#[async_trait]
pub trait CounterWrites {
    /// Adds `by` to the counter `name` of `day` (0: the running total). `spread` picks the row, so
    /// that writers don't queue for one: a random byte, or the last byte of an id.
    async fn bump_counter(&mut self, tenant: Id<Tenant>, name: &str, day: i64, by: i64, spread: u8) -> Result<()>;
}

both!(CounterReads {
    async fn counter_total(&mut self, tenant: Id<Tenant>, name: &str) -> Result<i64> {
        let row = sqlx::query_as::<_, (i64,)>(
            "SELECT CAST(COALESCE(SUM(value), 0) AS BIGINT) FROM counters \
             WHERE tenant_id = $1 AND name = $2 AND day = 0",
        );
        Ok(row.bind(tenant.uuid()).bind(name).fetch_one(&mut *self.db).await?.0)
    }

    async fn counter_days(&mut self, tenant: Id<Tenant>, name: &str, first: i64, last: i64) -> Result<Vec<(i64, i64)>> {
        let rows = sqlx::query_as::<_, (i64, i64)>(
            "SELECT day, CAST(SUM(value) AS BIGINT) FROM counters \
             WHERE tenant_id = $1 AND name = $2 AND day >= $3 AND day <= $4 AND day > 0 GROUP BY day ORDER BY day",
        );
        let rows = rows.bind(tenant.uuid()).bind(name).bind(first).bind(last);
        Ok(rows.fetch_all(&mut *self.db).await?)
    }
});

both!(CounterWrites {
    async fn bump_counter(&mut self, tenant: Id<Tenant>, name: &str, day: i64, by: i64, spread: u8) -> Result<()> {
        let upsert = self.later(
            "INSERT INTO counters (tenant_id, name, day, shard, value) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, name, day, shard) DO UPDATE SET value = counters.value + excluded.value",
        );
        let upsert = upsert.bind(tenant.uuid()).bind(name).bind(day).bind(i64::from(spread % SHARDS)).bind(by);
        upsert.any().await
    }
});
