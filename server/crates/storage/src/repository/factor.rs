//! Second factors. Their counts of failures are here, so that they span journeys (failures 9, 10).

use async_trait::async_trait;
use lanyard_domain::{
    account::{Account, AccountKind},
    clock::Timestamp,
    delays::GUESSES,
    factor::{Factor, FactorSecret, MAX_CONSECUTIVE, NewFactor},
    id::Id,
    user_flow::FactorKinds,
};
use uuid::Uuid;

use super::{
    AccountWrites, CounterWrites as _, PATIENTS_WITH_MFA, both, collect, counter::patients_by_factors, hit, time,
    unique,
};
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
    /// Counts a wrong code, and locks the factor for as long as [`GUESSES`] says (failures 9 and 10).
    async fn factor_failed(&mut self, factor: Id<Factor>, at: Timestamp) -> Result<()>;
    /// Disables a factor of `account` (N9) that was bound at `since` or later; whether it was there and on.
    async fn disable_factor(&mut self, account: Id<Account>, factor: Id<Factor>, since: Timestamp) -> Result<bool>;
    /// Disables the recovery codes of `account` of which one was used at `since` or later: whoever used it may
    /// have the others; whether there were such.
    async fn disable_used_recovery_codes(&mut self, account: Id<Account>, since: Timestamp) -> Result<bool>;
    /// Removes a factor of `account` if at least `must_remain` others are left that open something, recovery
    /// codes not counted: else Conflict (D7). Recovery codes go with the last of the others, and what journeys
    /// know of the account is out of date.
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
    pub(super) issued_until: Option<i64>,
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
            codes.until = time(row.issued_until);
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
    factor_kinds: i64,
}

pub(super) const LOCK_HOLDER: &str =
    "UPDATE accounts SET mfa_enrolled = mfa_enrolled WHERE id = $1 RETURNING tenant_id, kind, factor_kinds";

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

/// Keeps account, search terms and counters in step with which factors there are.
macro_rules! set_kinds {
    ($tx:ident, $account:expr, $holder:expr, $kinds:expr) => {{
        let (account, holder, kinds): (Id<Account>, Holder, FactorKinds) = ($account, $holder, $kinds);
        let before = kinds_of(holder.factor_kinds);
        if before != kinds {
            let enrolled = i64::from(!kinds.is_empty());
            let update = sqlx::query("UPDATE accounts SET mfa_enrolled = $2, factor_kinds = $3 WHERE id = $1");
            let update = update.bind(account.uuid()).bind(enrolled).bind(i64::from(kinds.bits()));
            hit(update.execute(&mut *$tx.db).await?.rows_affected())?;
            if holder.kind == AccountKind::Patient.as_str() {
                let (tenant, spread) = (Id::from_uuid(holder.tenant_id), account.uuid().as_bytes()[15]);
                if before.is_empty() != kinds.is_empty() {
                    let update = sqlx::query("UPDATE patient_terms SET mfa_enrolled = $2 WHERE account_id = $1");
                    update.bind(account.uuid()).bind(enrolled).execute(&mut *$tx.db).await?;
                    let by = if kinds.is_empty() { -1 } else { 1 };
                    $tx.bump_counter(tenant, PATIENTS_WITH_MFA, 0, by, spread).await?;
                }
                for (kinds, by) in [(before, -1), (kinds, 1)] {
                    if !kinds.is_empty() {
                        $tx.bump_counter(tenant, &patients_by_factors(kinds), 0, by, spread).await?;
                    }
                }
            }
        }
    }};
}

/// The kinds in a column.
pub(super) fn kinds_of(column: i64) -> FactorKinds {
    FactorKinds::from_bits(u8::try_from(column).unwrap_or(0))
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
        let kinds = kinds_of(holder.factor_kinds).and(FactorKinds::of([&factor.secret]));
        set_kinds!(self, account, holder, kinds);
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
        let count = sqlx::query_as::<_, (i64,)>(
            "UPDATE factors SET failures = failures + 1 WHERE id = $1 RETURNING failures",
        );
        let (failures,) = count.bind(factor.uuid()).fetch_optional(&mut *self.db).await?.ok_or(StorageError::Conflict)?;
        let Some(wait) = GUESSES.after(u32::try_from(failures).unwrap_or(u32::MAX)) else { return Ok(()) };
        // The row is this transaction's own since it was counted: nobody counts in between.
        let lock = sqlx::query("UPDATE factors SET locked_until = $2 WHERE id = $1");
        hit(lock.bind(factor.uuid()).bind(at.plus(wait).0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn disable_factor(&mut self, account: Id<Account>, factor: Id<Factor>, since: Timestamp) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE factors SET failures = $4 WHERE id = $1 AND account_id = $2 AND created_at >= $3 AND failures < $4",
        );
        let update = update.bind(factor.uuid()).bind(account.uuid()).bind(since.0).bind(i64::from(MAX_CONSECUTIVE));
        Ok(update.execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn disable_used_recovery_codes(&mut self, account: Id<Account>, since: Timestamp) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE factors SET failures = $3 \
             WHERE account_id = $1 AND used_codes IS NOT NULL AND last_used_at >= $2 AND failures < $3",
        );
        let update = update.bind(account.uuid()).bind(since.0).bind(i64::from(MAX_CONSECUTIVE));
        Ok(update.execute(&mut *self.db).await?.rows_affected() > 0)
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
        let left = sqlx::query_as::<_, (String,)>("SELECT secret FROM factors WHERE account_id = $1 AND used_codes IS NULL");
        let left = left.bind(account.uuid()).fetch_all(&mut *self.db).await?;
        let left = left.iter().map(|(secret,)| Ok(serde_json::from_str(secret)?)).collect::<Result<Vec<FactorSecret>>>()?;
        if left.is_empty() {
            let alone = sqlx::query("DELETE FROM factors WHERE account_id = $1");
            alone.bind(account.uuid()).execute(&mut *self.db).await?;
        }
        set_kinds!(self, account, holder, FactorKinds::of(&left));
        // What journeys proved by it counts no more (failure 8).
        self.outdate_journeys(account).await
    }
});
