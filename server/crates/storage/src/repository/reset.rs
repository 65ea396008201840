//! Resets by staff: requests, and what became of them.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    id::Id,
    reset::{Decision, Reason, Recognised, Reset},
    role::Role,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{
    account::{AccountRow, listed_columns},
    both, collect, hit, optional, word,
};
use crate::error::{Result, StorageError};

/// Reads resets.
#[async_trait]
pub trait ResetReads {
    /// The reset of this id, if it is of `tenant`.
    async fn reset(&mut self, tenant: Id<Tenant>, id: Id<Reset>) -> Result<Option<Reset>>;
    /// The newest reset of an account, whatever became of it; of those of one moment the one that waits.
    async fn newest_reset(&mut self, account: Id<Account>) -> Result<Option<Reset>>;
    /// At most `limit` resets of `tenant` that wait for a decision at `now`, the oldest first.
    async fn waiting_resets(&mut self, tenant: Id<Tenant>, now: Timestamp, limit: u32) -> Result<Vec<Reset>>;
    /// The accounts that [`Self::waiting_resets`] is about, and those of who asked, in no order; one statement.
    async fn people_of_waiting_resets(
        &mut self,
        tenant: Id<Tenant>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Account>>;
    /// How many resets of an account were asked for after `since`.
    async fn resets_of_account(&mut self, account: Id<Account>, since: Timestamp) -> Result<u32>;
    /// How many a member of staff asked for after `since`.
    async fn resets_of_staff(&mut self, staff: Id<Account>, since: Timestamp) -> Result<u32>;
}

/// Changes resets.
#[async_trait]
pub trait ResetWrites {
    /// Stores a request, in the place of one that was not decided in time; one that is decided already also in the
    /// place of one that waits. Conflict if another one of the account waits, or if who asks is no staff of the tenant any more (A24).
    async fn ask_reset(&mut self, reset: &Reset) -> Result<()>;
    /// Decides a request that waits at `at`, once. Conflict if it does not, or if `by` is no staff of the tenant;
    /// for an approval also if `by` is who asked, or if who asked is no staff any more or may not sign in (A24).
    async fn decide_reset(&mut self, reset: &Reset, decision: Decision, by: Id<Account>, at: Timestamp) -> Result<()>;
    /// Refuses the request of an account that waits, if there is one; whether there was.
    async fn refuse_waiting_reset(&mut self, account: Id<Account>, at: Timestamp) -> Result<bool>;
    /// Refuses the requests of a member of staff of `tenant` that wait, who is none any more; whose accounts they were
    /// for, and which.
    async fn refuse_resets_of_staff(
        &mut self,
        tenant: Id<Tenant>,
        staff: Id<Account>,
        at: Timestamp,
    ) -> Result<Vec<(Id<Account>, Id<Reset>)>>;
    /// Deletes at most `limit` resets that were asked for before `before`; how many.
    async fn delete_old_resets(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct ResetRow {
    id: Uuid,
    tenant_id: Uuid,
    account_id: Uuid,
    asked_by: Uuid,
    asked_at: i64,
    ends_at: i64,
    recognised: String,
    reason: String,
    lost: String,
    decision: Option<String>,
}

impl TryFrom<ResetRow> for Reset {
    type Error = StorageError;
    fn try_from(row: ResetRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            account: Id::from_uuid(row.account_id),
            asked_by: Id::from_uuid(row.asked_by),
            asked_at: Timestamp(row.asked_at),
            ends_at: Timestamp(row.ends_at),
            recognised: word(Recognised::parse(&row.recognised))?,
            reason: Reason::stored(row.reason),
            lost: serde_json::from_str(&row.lost)?,
            decision: row.decision.map(|text| word(Decision::parse(&text))).transpose()?,
        })
    }
}

both!(ResetReads {
    async fn reset(&mut self, tenant: Id<Tenant>, id: Id<Reset>) -> Result<Option<Reset>> {
        let row = sqlx::query_as::<_, ResetRow>("SELECT * FROM resets WHERE id = $1 AND tenant_id = $2");
        optional(row.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn newest_reset(&mut self, account: Id<Account>) -> Result<Option<Reset>> {
        let row = sqlx::query_as::<_, ResetRow>(
            "SELECT * FROM resets WHERE account_id = $1 ORDER BY asked_at DESC, \
                CASE WHEN decision IS NULL THEN 0 ELSE 1 END, id DESC LIMIT 1",
        );
        optional(row.bind(account.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn waiting_resets(&mut self, tenant: Id<Tenant>, now: Timestamp, limit: u32) -> Result<Vec<Reset>> {
        let rows = sqlx::query_as::<_, ResetRow>(
            "SELECT * FROM resets WHERE tenant_id = $1 AND decision IS NULL AND ends_at > $2 \
             ORDER BY asked_at, id LIMIT $3",
        );
        collect(rows.bind(tenant.uuid()).bind(now.0).bind(i64::from(limit)).fetch_all(&mut *self.db).await?)
    }

    async fn people_of_waiting_resets(
        &mut self,
        tenant: Id<Tenant>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Account>> {
        let rows = sqlx::query_as::<_, AccountRow>(concat!(
            "WITH waiting AS (SELECT account_id, asked_by FROM resets WHERE tenant_id = $1 AND decision IS NULL \
                AND ends_at > $2 ORDER BY asked_at, id LIMIT $3) SELECT ",
            listed_columns!(),
            " FROM accounts a WHERE a.tenant_id = $1 \
                AND a.id IN (SELECT account_id FROM waiting UNION SELECT asked_by FROM waiting)"
        ));
        collect(rows.bind(tenant.uuid()).bind(now.0).bind(i64::from(limit)).fetch_all(&mut *self.db).await?)
    }

    async fn resets_of_account(&mut self, account: Id<Account>, since: Timestamp) -> Result<u32> {
        let count = sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM resets WHERE account_id = $1 AND asked_at > $2");
        let (count,) = count.bind(account.uuid()).bind(since.0).fetch_one(&mut *self.db).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn resets_of_staff(&mut self, staff: Id<Account>, since: Timestamp) -> Result<u32> {
        let count = sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM resets WHERE asked_by = $1 AND asked_at > $2");
        let (count,) = count.bind(staff.uuid()).bind(since.0).fetch_one(&mut *self.db).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
});

fn staff_of(tenant: Id<Tenant>) -> Result<String> {
    Ok(serde_json::to_string(&Role::ClinicStaff(tenant))?)
}

both!(ResetWrites {
    async fn ask_reset(&mut self, reset: &Reset) -> Result<()> {
        // What nobody decided in time makes room, and so does what still waits for one that waits for nobody; it
        // stays counted as asked for.
        let over = sqlx::query(
            "UPDATE resets SET decision = 'refused', decided_at = $2 \
             WHERE account_id = $1 AND decision IS NULL AND (ends_at <= $2 OR $3 = 1)",
        );
        let over = over.bind(reset.account.uuid()).bind(reset.asked_at.0);
        over.bind(i64::from(reset.decision.is_some())).execute(&mut *self.db).await?;
        let insert = sqlx::query(
            "INSERT INTO resets (id, tenant_id, account_id, asked_by, asked_at, ends_at, recognised, reason, lost, \
                decision) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE EXISTS (SELECT 1 FROM role_grants \
                WHERE account_id = $4 AND role = $11 AND revoked_at IS NULL) \
             ON CONFLICT DO NOTHING",
        );
        let insert = insert.bind(reset.id.uuid()).bind(reset.tenant.uuid()).bind(reset.account.uuid());
        let insert = insert.bind(reset.asked_by.uuid()).bind(reset.asked_at.0).bind(reset.ends_at.0);
        let insert = insert.bind(reset.recognised.as_str()).bind(reset.reason.as_str());
        let insert = insert.bind(serde_json::to_string(&reset.lost)?).bind(reset.decision.map(Decision::as_str));
        let insert = insert.bind(staff_of(reset.tenant)?);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn decide_reset(
        &mut self,
        reset: &Reset,
        decision: Decision,
        by: Id<Account>,
        at: Timestamp,
    ) -> Result<()> {
        let update = sqlx::query(
            "UPDATE resets SET decision = $3, decided_by = $4, decided_at = $5 \
             WHERE id = $1 AND tenant_id = $2 AND decision IS NULL AND ends_at > $5 \
                AND EXISTS (SELECT 1 FROM role_grants \
                    WHERE account_id = $4 AND role = $6 AND revoked_at IS NULL) \
                AND ($7 = 0 OR (asked_by <> $4 AND EXISTS (SELECT 1 FROM role_grants g \
                    JOIN accounts a ON a.id = g.account_id AND a.disabled_at IS NULL \
                    WHERE g.account_id = resets.asked_by AND g.role = $6 AND g.revoked_at IS NULL)))",
        );
        let update = update.bind(reset.id.uuid()).bind(reset.tenant.uuid()).bind(decision.as_str());
        let update = update.bind(by.uuid()).bind(at.0).bind(staff_of(reset.tenant)?);
        let update = update.bind(i64::from(decision != Decision::Refused));
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn refuse_waiting_reset(&mut self, account: Id<Account>, at: Timestamp) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE resets SET decision = 'refused', decided_at = $2 WHERE account_id = $1 AND decision IS NULL",
        );
        Ok(update.bind(account.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected() > 0)
    }

    async fn refuse_resets_of_staff(
        &mut self,
        tenant: Id<Tenant>,
        staff: Id<Account>,
        at: Timestamp,
    ) -> Result<Vec<(Id<Account>, Id<Reset>)>> {
        let update = sqlx::query_as::<_, (Uuid, Uuid)>(
            "UPDATE resets SET decision = 'refused', decided_at = $3 \
             WHERE tenant_id = $1 AND asked_by = $2 AND decision IS NULL AND ends_at > $3 RETURNING account_id, id",
        );
        let rows = update.bind(tenant.uuid()).bind(staff.uuid()).bind(at.0).fetch_all(&mut *self.db).await?;
        Ok(rows.into_iter().map(|(account, id)| (Id::from_uuid(account), Id::from_uuid(id))).collect())
    }

    async fn delete_old_resets(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM resets WHERE id IN (SELECT id FROM resets WHERE asked_at < $1 ORDER BY asked_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
