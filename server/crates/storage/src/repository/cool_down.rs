//! The cool-down after a recovery: a tenant's hours, an account's moment.

use async_trait::async_trait;
use lanyard_domain::{account::Account, clock::Timestamp, cool_down::CoolDown, id::Id, tenant::Tenant};

use super::{both, hit};
use crate::error::{Result, StorageError};

/// Reads cool-downs.
#[async_trait]
pub trait CoolDownReads {
    /// The cool-down of a tenant; `None` if there is no such tenant.
    async fn cool_down(&mut self, tenant: Id<Tenant>) -> Result<Option<CoolDown>>;
    /// Until when what protects `account` stays, at `now`; `None`: it may be changed. One statement.
    async fn cooling_until(&mut self, account: Id<Account>, now: Timestamp) -> Result<Option<Timestamp>>;
}

/// Changes cool-downs.
#[async_trait]
pub trait CoolDownWrites {
    /// Sets the cool-down of a tenant; Conflict if it is not `present` now.
    async fn set_cool_down(&mut self, tenant: Id<Tenant>, present: CoolDown, wanted: CoolDown) -> Result<()>;
    /// Notes that an account was recovered.
    async fn note_recovery(&mut self, account: Id<Account>, at: Timestamp) -> Result<()>;
}

fn of_column(hours: i64) -> Result<CoolDown> {
    let hours = u32::try_from(hours).ok().and_then(CoolDown::of_hours);
    hours.ok_or(StorageError::Inconsistent("the hours of a cool-down"))
}

both!(CoolDownReads {
    async fn cool_down(&mut self, tenant: Id<Tenant>) -> Result<Option<CoolDown>> {
        let row = sqlx::query_as::<_, (i64,)>("SELECT cool_down_hours FROM tenants WHERE id = $1");
        let row = row.bind(tenant.uuid()).fetch_optional(&mut *self.db).await?;
        row.map(|(hours,)| of_column(hours)).transpose()
    }

    async fn cooling_until(&mut self, account: Id<Account>, now: Timestamp) -> Result<Option<Timestamp>> {
        let row = sqlx::query_as::<_, (i64, i64)>(
            "SELECT t.cool_down_hours, a.recovered_at FROM accounts a JOIN tenants t ON t.id = a.tenant_id \
             WHERE a.id = $1 AND a.recovered_at IS NOT NULL",
        );
        let Some((hours, at)) = row.bind(account.uuid()).fetch_optional(&mut *self.db).await? else { return Ok(None) };
        Ok(of_column(hours)?.until(Timestamp(at), now))
    }
});

both!(CoolDownWrites {
    async fn set_cool_down(&mut self, tenant: Id<Tenant>, present: CoolDown, wanted: CoolDown) -> Result<()> {
        let update = sqlx::query("UPDATE tenants SET cool_down_hours = $3 WHERE id = $1 AND cool_down_hours = $2");
        let update = update.bind(tenant.uuid()).bind(i64::from(present.hours())).bind(i64::from(wanted.hours()));
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn note_recovery(&mut self, account: Id<Account>, at: Timestamp) -> Result<()> {
        let update = self.later("UPDATE accounts SET recovered_at = $2 WHERE id = $1");
        update.bind(account.uuid()).bind(at.0).one().await
    }
});
