//! Device codes: asked for by a device, decided by a person once, redeemed once (RFC 8628).

use async_trait::async_trait;
use lanyard_domain::{
    clock::{Millis, Timestamp},
    device::DeviceCode,
    grant::{CLOCK_AHEAD, Grant},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{both, hit, optional, time, token_hash};
use crate::error::{Result, StorageError};

/// Reads device codes.
#[async_trait]
pub trait DeviceCodeReads {
    /// The device code of this hash, whatever became of it.
    async fn device_code(&mut self, hash: &TokenHash) -> Result<Option<DeviceCode>>;
    /// The device code of `tenant` with this user code, whatever became of it.
    async fn device_code_by_user_code(
        &mut self,
        tenant: Id<Tenant>,
        user_code: &TokenHash,
    ) -> Result<Option<DeviceCode>>;
}

/// Changes device codes. The clock of the server that made one may have been ahead by
/// [`CLOCK_AHEAD`].
#[async_trait]
pub trait DeviceCodeWrites {
    /// Stores a device code; Conflict if its user code is in use.
    async fn create_device_code(&mut self, code: &DeviceCode) -> Result<()>;
    /// Notes that the device asked at `at`, and how long it must wait from now on.
    async fn note_device_poll(&mut self, hash: &TokenHash, at: Timestamp, interval: Millis) -> Result<()>;
    /// Notes the person's yes, with what their journey led to: once, within its life, unless they
    /// said no; else Conflict.
    async fn approve_device_code(&mut self, hash: &TokenHash, grant: Id<Grant>, at: Timestamp) -> Result<()>;
    /// Notes the person's no: once, within its life, unless they said yes; else Conflict.
    async fn deny_device_code(&mut self, hash: &TokenHash, at: Timestamp) -> Result<()>;
    /// Redeems an approved device code: once, within its life; else Conflict.
    async fn redeem_device_code(&mut self, hash: &TokenHash, at: Timestamp) -> Result<()>;
    /// Deletes at most `limit` that expired before `before`; how many.
    async fn delete_expired_device_codes(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct DeviceCodeRow {
    hash: Vec<u8>,
    tenant_id: Uuid,
    flow_id: Uuid,
    application_id: Uuid,
    user_code: Vec<u8>,
    scope: String,
    poll_interval: i64,
    created_at: i64,
    expires_at: i64,
    polled_at: Option<i64>,
    grant_id: Option<Uuid>,
    denied_at: Option<i64>,
    redeemed_at: Option<i64>,
}

impl TryFrom<DeviceCodeRow> for DeviceCode {
    type Error = StorageError;
    fn try_from(row: DeviceCodeRow) -> Result<Self> {
        Ok(Self {
            hash: token_hash(&row.hash)?,
            tenant: Id::from_uuid(row.tenant_id),
            flow: Id::from_uuid(row.flow_id),
            application: Id::from_uuid(row.application_id),
            user_code: token_hash(&row.user_code)?,
            scope: row.scope,
            poll_interval: row.poll_interval,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            polled_at: time(row.polled_at),
            grant: row.grant_id.map(Id::from_uuid),
            denied_at: time(row.denied_at),
            redeemed_at: time(row.redeemed_at),
        })
    }
}

both!(DeviceCodeReads {
    async fn device_code(&mut self, hash: &TokenHash) -> Result<Option<DeviceCode>> {
        let row = sqlx::query_as::<_, DeviceCodeRow>("SELECT * FROM device_codes WHERE hash = $1");
        optional(row.bind(&hash.0[..]).fetch_optional(&mut *self.db).await?)
    }

    async fn device_code_by_user_code(
        &mut self,
        tenant: Id<Tenant>,
        user_code: &TokenHash,
    ) -> Result<Option<DeviceCode>> {
        let row = sqlx::query_as::<_, DeviceCodeRow>(
            "SELECT * FROM device_codes WHERE tenant_id = $1 AND user_code = $2",
        );
        optional(row.bind(tenant.uuid()).bind(&user_code.0[..]).fetch_optional(&mut *self.db).await?)
    }
});

both!(DeviceCodeWrites {
    async fn create_device_code(&mut self, code: &DeviceCode) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO device_codes (hash, tenant_id, flow_id, application_id, user_code, scope, poll_interval, \
                created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (tenant_id, user_code) DO NOTHING",
        );
        let insert = insert.bind(&code.hash.0[..]).bind(code.tenant.uuid()).bind(code.flow.uuid());
        let insert = insert.bind(code.application.uuid()).bind(&code.user_code.0[..]).bind(&code.scope);
        let insert = insert.bind(code.poll_interval).bind(code.created_at.0).bind(code.expires_at.0);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn note_device_poll(&mut self, hash: &TokenHash, at: Timestamp, interval: Millis) -> Result<()> {
        let update = sqlx::query("UPDATE device_codes SET polled_at = $2, poll_interval = $3 WHERE hash = $1");
        hit(update.bind(&hash.0[..]).bind(at.0).bind(interval).execute(&mut *self.db).await?.rows_affected())
    }

    async fn approve_device_code(&mut self, hash: &TokenHash, grant: Id<Grant>, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE device_codes SET grant_id = $2 \
             WHERE hash = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $3 AND created_at <= $4",
        );
        let update = update.bind(&hash.0[..]).bind(grant.uuid()).bind(at.0).bind(at.plus(CLOCK_AHEAD).0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn deny_device_code(&mut self, hash: &TokenHash, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE device_codes SET denied_at = $2 \
             WHERE hash = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $2 AND created_at <= $3",
        );
        let update = update.bind(&hash.0[..]).bind(at.0).bind(at.plus(CLOCK_AHEAD).0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn redeem_device_code(&mut self, hash: &TokenHash, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE device_codes SET redeemed_at = $2 WHERE hash = $1 AND grant_id IS NOT NULL \
                AND denied_at IS NULL AND redeemed_at IS NULL AND expires_at > $2 AND created_at <= $3",
        );
        let update = update.bind(&hash.0[..]).bind(at.0).bind(at.plus(CLOCK_AHEAD).0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_expired_device_codes(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM device_codes WHERE hash IN \
                (SELECT hash FROM device_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
