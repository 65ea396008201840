//! Second factors. Their counts of failures are here, so that they span journeys (failures 9, 10).

use async_trait::async_trait;
use lanyard_domain::{
    account::{Account, AccountKind},
    clock::Timestamp,
    factor::{Factor, FactorSecret, LOCK_TIME, MAX_CONSECUTIVE, MAX_FAILURES, NewFactor},
    id::Id,
};
use uuid::Uuid;

use super::{CounterWrites as _, PATIENTS_WITH_MFA, both, collect, hit, time, unique};
use crate::error::{Constraint, Result, StorageError};

/// Reads factors.
#[async_trait]
pub trait FactorReads {
    /// The factors of an account, oldest first.
    async fn factors_of_account(&mut self, account: Id<Account>) -> Result<Vec<Factor>>;
}

/// Changes factors.
#[async_trait]
pub trait FactorWrites {
    /// Binds a factor; keeps the lists and counts of patients with a second factor. Conflict if
    /// there is no such account; [`Constraint::Credential`] if any account has this passkey.
    async fn bind_factor(&mut self, account: Id<Account>, factor: &NewFactor, at: Timestamp) -> Result<()>;
    /// Notes a right answer and clears the failures. `step` (authenticator app, passkey) must be later
    /// than the last one (N13), a passkey that keeps no count must never have kept one, and the factor
    /// be neither locked nor off: else Conflict.
    async fn factor_used(&mut self, factor: Id<Factor>, step: Option<i64>, at: Timestamp) -> Result<()>;
    /// Counts a wrong code; from [`MAX_FAILURES`] on each locks the factor for [`LOCK_TIME`].
    async fn factor_failed(&mut self, factor: Id<Factor>, at: Timestamp) -> Result<()>;
    /// Disables every factor of an account that was bound at `since` or later (N9), and recovery codes of which
    /// one was used since: whoever used it may have the others; how many.
    async fn disable_factors_since(&mut self, account: Id<Account>, since: Timestamp) -> Result<u64>;
    /// Removes a factor of `account` if at least `must_remain` others are left that open something, recovery
    /// codes not counted: else Conflict (D7). Recovery codes go with the last of the others.
    async fn remove_factor(&mut self, account: Id<Account>, factor: Id<Factor>, must_remain: u32) -> Result<()>;
}

#[derive(sqlx::FromRow)]
pub(super) struct FactorRow {
    pub(super) id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) secret: String,
    pub(super) name: String,
    pub(super) created_at: i64,
    pub(super) last_used_at: Option<i64>,
    pub(super) last_step: Option<i64>,
    pub(super) failures: i64,
    pub(super) locked_until: Option<i64>,
    pub(super) backed_up: Option<i64>,
    pub(super) copied_at: Option<i64>,
    pub(super) used_codes: Option<i64>,
}

impl TryFrom<FactorRow> for Factor {
    type Error = StorageError;
    fn try_from(row: FactorRow) -> Result<Self> {
        let mut secret: FactorSecret = serde_json::from_str(&row.secret)?;
        // What changes with use has columns of its own.
        if let FactorSecret::Passkey(passkey) = &mut secret {
            passkey.backed_up = row.backed_up == Some(1);
            passkey.copied_at = time(row.copied_at);
        }
        if let FactorSecret::RecoveryCodes(codes) = &mut secret {
            // Whatever is not written down as unused was used.
            codes.used = row.used_codes.and_then(|used| u32::try_from(used).ok()).unwrap_or(u32::MAX);
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            account: Id::from_uuid(row.account_id),
            secret,
            name: row.name,
            created_at: Timestamp(row.created_at),
            last_used_at: time(row.last_used_at),
            last_step: row.last_step,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            locked_until: time(row.locked_until),
        })
    }
}

// The account, locked against every other change of its factors until this transaction ends:
// without it, two at once could leave `mfa_enrolled` wrong on PostgreSQL.
#[derive(sqlx::FromRow)]
pub(super) struct Holder {
    tenant_id: Uuid,
    kind: String,
    mfa_enrolled: i64,
}

pub(super) const LOCK_HOLDER: &str =
    "UPDATE accounts SET mfa_enrolled = mfa_enrolled WHERE id = $1 RETURNING tenant_id, kind, mfa_enrolled";

/// Locks the account as above; Conflict if there is none.
macro_rules! lock_holder {
    ($tx:ident, $account:expr) => {{
        let account: lanyard_domain::id::Id<lanyard_domain::account::Account> = $account;
        let holder = sqlx::query_as::<_, $crate::repository::factor::Holder>($crate::repository::factor::LOCK_HOLDER);
        let holder = holder.bind(account.uuid()).fetch_optional(&mut *$tx.db).await?;
        holder.ok_or($crate::error::StorageError::Conflict)?
    }};
}
pub(super) use lock_holder;

/// Keeps account, search terms and counter in step with whether there is a factor.
macro_rules! set_enrolled {
    ($tx:ident, $account:expr, $holder:expr, $enrolled:expr) => {{
        let (account, holder, enrolled): (Id<Account>, Holder, i64) = ($account, $holder, $enrolled);
        if holder.mfa_enrolled != enrolled {
            let update = sqlx::query("UPDATE accounts SET mfa_enrolled = $2 WHERE id = $1");
            hit(update.bind(account.uuid()).bind(enrolled).execute(&mut *$tx.db).await?.rows_affected())?;
            if holder.kind == AccountKind::Patient.as_str() {
                let update = sqlx::query("UPDATE patient_terms SET mfa_enrolled = $2 WHERE account_id = $1");
                update.bind(account.uuid()).bind(enrolled).execute(&mut *$tx.db).await?;
                let (by, spread) = (if enrolled == 1 { 1 } else { -1 }, account.uuid().as_bytes()[15]);
                $tx.bump_counter(Id::from_uuid(holder.tenant_id), PATIENTS_WITH_MFA, 0, by, spread).await?;
            }
        }
    }};
}

both!(FactorReads {
    async fn factors_of_account(&mut self, account: Id<Account>) -> Result<Vec<Factor>> {
        let rows = sqlx::query_as::<_, FactorRow>("SELECT * FROM factors WHERE account_id = $1 ORDER BY id");
        collect(rows.bind(account.uuid()).fetch_all(&mut *self.db).await?)
    }
});

both!(FactorWrites {
    async fn bind_factor(&mut self, account: Id<Account>, factor: &NewFactor, at: Timestamp) -> Result<()> {
        if factor.secret.recovery().is_some() {
            return Err(StorageError::Inconsistent("recovery codes are bound beside other factors"));
        }
        let holder = lock_holder!(self, account);
        let insert = sqlx::query(
            "INSERT INTO factors (id, account_id, secret, name, created_at, last_step, failures, credential, backed_up) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8) ON CONFLICT (credential) DO NOTHING",
        );
        let passkey = factor.secret.passkey();
        let insert = insert.bind(factor.id.uuid()).bind(account.uuid()).bind(serde_json::to_string(&factor.secret)?);
        let insert = insert.bind(&factor.name).bind(at.0).bind(factor.first_step);
        let insert = insert.bind(passkey.map(|passkey| &passkey.credential.0[..]));
        let insert = insert.bind(passkey.map(|passkey| i64::from(passkey.backed_up)));
        unique(insert.execute(&mut *self.db).await?.rows_affected(), Constraint::Credential)?;
        set_enrolled!(self, account, holder, 1);
        Ok(())
    }

    async fn factor_used(&mut self, factor: Id<Factor>, step: Option<i64>, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE factors SET failures = 0, locked_until = NULL, last_used_at = $2, \
                last_step = COALESCE($3, last_step) \
             WHERE id = $1 AND (locked_until IS NULL OR locked_until <= $2) AND copied_at IS NULL AND failures < $4 \
                AND (last_step IS NULL OR last_step < $3 OR ($3 IS NULL AND credential IS NULL))",
        );
        hit(update.bind(factor.uuid()).bind(at.0).bind(step).bind(i64::from(MAX_CONSECUTIVE)).execute(&mut *self.db).await?.rows_affected())
    }

    async fn factor_failed(&mut self, factor: Id<Factor>, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE factors SET failures = failures + 1, \
                locked_until = CASE WHEN failures + 1 >= $2 THEN $3 ELSE locked_until END WHERE id = $1",
        );
        let update = update.bind(factor.uuid()).bind(i64::from(MAX_FAILURES)).bind(at.plus(LOCK_TIME).0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn disable_factors_since(&mut self, account: Id<Account>, since: Timestamp) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE factors SET failures = $3 WHERE account_id = $1 \
                AND (created_at >= $2 OR (used_codes IS NOT NULL AND last_used_at >= $2))",
        );
        let update = update.bind(account.uuid()).bind(since.0).bind(i64::from(MAX_CONSECUTIVE));
        Ok(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn remove_factor(&mut self, account: Id<Account>, factor: Id<Factor>, must_remain: u32) -> Result<()> {
        let holder = lock_holder!(self, account);
        // Recovery codes, a passkey that was copied, or what was disabled, opens nothing: it does not keep its owner in.
        let delete = sqlx::query(
            "DELETE FROM factors WHERE id = $1 AND account_id = $2 AND $3 <= (SELECT COUNT(*) FROM factors \
             WHERE account_id = $2 AND id <> $1 AND used_codes IS NULL AND copied_at IS NULL AND failures < $4)",
        );
        let delete = delete.bind(factor.uuid()).bind(account.uuid()).bind(i64::from(must_remain));
        let delete = delete.bind(i64::from(MAX_CONSECUTIVE));
        hit(delete.execute(&mut *self.db).await?.rows_affected())?;
        let count = sqlx::query_as::<_, (i64,)>(
            "SELECT COUNT(*) FROM factors WHERE account_id = $1 AND used_codes IS NULL",
        );
        let (left,) = count.bind(account.uuid()).fetch_one(&mut *self.db).await?;
        if left == 0 {
            let alone = sqlx::query("DELETE FROM factors WHERE account_id = $1");
            alone.bind(account.uuid()).execute(&mut *self.db).await?;
        }
        set_enrolled!(self, account, holder, i64::from(left > 0));
        Ok(())
    }
});
