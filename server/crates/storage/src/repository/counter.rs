//! Counters: what the clinic's front page shows, kept in the transaction of the change itself so
//! that reading them costs the same however large the tables are.

use async_trait::async_trait;
use lanyard_domain::{id::Id, tenant::Tenant, user_flow::FactorKinds};

use super::both;
use crate::error::Result;

/// Patients of a tenant; kept by [`super::AccountWrites::create_account`].
pub const PATIENTS_TOTAL: &str = "patients_total";
/// Patients with a second factor; kept by [`super::FactorWrites`].
pub const PATIENTS_WITH_MFA: &str = "patients_with_mfa";

/// Patients by the kinds of second factor that they have; kept by [`super::FactorWrites`].
const PATIENTS_BY_FACTORS: &str = "patients_by_factors_";

/// The counter of patients who have just these kinds of second factor.
pub(super) fn patients_by_factors(kinds: FactorKinds) -> String {
    format!("{PATIENTS_BY_FACTORS}{}", kinds.bits())
}

/// Rows over which the writers of one counter are spread.
const SHARDS: u8 = 16;

/// Reads counters.
#[async_trait]
pub trait CounterReads {
    /// The running total `name`; 0 if nothing was counted.
    async fn counter_total(&mut self, tenant: Id<Tenant>, name: &str) -> Result<i64>;
    /// The days of `first..=last` (days since 1970, UTC) on which something was counted, with the count.
    async fn counter_days(&mut self, tenant: Id<Tenant>, name: &str, first: i64, last: i64) -> Result<Vec<(i64, i64)>>;
    /// How many patients have just these kinds of second factor; those with none are in no entry.
    async fn patients_by_factors(&mut self, tenant: Id<Tenant>) -> Result<Vec<(FactorKinds, u64)>>;
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

    async fn patients_by_factors(&mut self, tenant: Id<Tenant>) -> Result<Vec<(FactorKinds, u64)>> {
        let rows = sqlx::query_as::<_, (String, i64)>(
            "SELECT name, CAST(SUM(value) AS BIGINT) FROM counters \
             WHERE tenant_id = $1 AND name IN ('patients_by_factors_1', 'patients_by_factors_2', \
                'patients_by_factors_3', 'patients_by_factors_4', 'patients_by_factors_5', 'patients_by_factors_6', \
                'patients_by_factors_7') AND day = 0 GROUP BY name",
        );
        let rows = rows.bind(tenant.uuid()).fetch_all(&mut *self.db).await?;
        let kinds = |name: &str| name.strip_prefix(PATIENTS_BY_FACTORS)?.parse().ok().map(FactorKinds::from_bits);
        let found = rows.iter().filter_map(|(name, sum)| Some((kinds(name)?, u64::try_from(*sum).unwrap_or(0))));
        Ok(found.collect())
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
