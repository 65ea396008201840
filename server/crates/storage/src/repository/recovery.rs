//! Recovery codes: one set for an account, made anew as a whole, each code used once.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    factor::{Factor, MAX_CONSECUTIVE, NewFactor},
    id::Id,
};

use super::{AccountWrites as _, both, factor::lock_holder, hit};
use crate::error::{Result, StorageError};

/// Changes recovery codes.
#[async_trait]
pub trait RecoveryWrites {
    /// Puts a set in place of the one called `replaces`, or of none, in one transaction. Conflict if another
    /// set stands there by now, or if the account has no other factor that opens something: codes never
    /// stand alone. The caller rolls back then.
    async fn replace_recovery_codes(
        &mut self,
        account: Id<Account>,
        set: &NewFactor,
        replaces: Option<Id<Factor>>,
        at: Timestamp,
    ) -> Result<()>;
    /// Puts a code that staff issued in the place of the one before, if there was one, good until `until`; and what
    /// journeys know of the account is out of date (failure 8). Conflict if the account has no factor at all that
    /// the code could stand in for.
    async fn issue_recovery_code(
        &mut self,
        account: Id<Account>,
        set: &NewFactor,
        until: Timestamp,
        at: Timestamp,
    ) -> Result<()>;
    /// Deletes at most `limit` issued codes, used or not, that ended before `before`; how many.
    async fn delete_old_issued_codes(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
    /// Uses up the `code`-th code of a set (0 to 31) and clears the set's failures. Conflict if it was used, if
    /// the set is locked, off, over or gone: of several at once one wins (D7).
    async fn use_recovery_code(&mut self, set: Id<Factor>, code: u32, at: Timestamp) -> Result<()>;
}

both!(RecoveryWrites {
    async fn replace_recovery_codes(
        &mut self,
        account: Id<Account>,
        set: &NewFactor,
        replaces: Option<Id<Factor>>,
        at: Timestamp,
    ) -> Result<()> {
        if set.secret.recovery().is_none() {
            return Err(StorageError::Inconsistent("another factor than recovery codes"));
        }
        lock_holder!(self, account);
        if let Some(old) = replaces {
            let delete = sqlx::query("DELETE FROM factors WHERE id = $1 AND account_id = $2 AND used_codes IS NOT NULL AND issued_until IS NULL");
            hit(delete.bind(old.uuid()).bind(account.uuid()).execute(&mut *self.db).await?.rows_affected())?;
        }
        let insert = sqlx::query(
            "INSERT INTO factors (id, account_id, secret, name, created_at, failures, used_codes) \
             SELECT $1, $2, $3, $4, $5, 0, 0 WHERE EXISTS (SELECT 1 FROM factors \
                WHERE account_id = $2 AND used_codes IS NULL AND copied_at IS NULL AND failures < $6) \
             ON CONFLICT DO NOTHING",
        );
        let insert = insert.bind(set.id.uuid()).bind(account.uuid()).bind(serde_json::to_string(&set.secret)?);
        let insert = insert.bind(&set.name).bind(at.0).bind(i64::from(MAX_CONSECUTIVE));
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn issue_recovery_code(
        &mut self,
        account: Id<Account>,
        set: &NewFactor,
        until: Timestamp,
        at: Timestamp,
    ) -> Result<()> {
        if set.secret.recovery().is_none() {
            return Err(StorageError::Inconsistent("another factor than recovery codes"));
        }
        lock_holder!(self, account);
        let delete = sqlx::query("DELETE FROM factors WHERE account_id = $1 AND issued_until IS NOT NULL");
        delete.bind(account.uuid()).execute(&mut *self.db).await?;
        let insert = sqlx::query(
            "INSERT INTO factors (id, account_id, secret, name, created_at, failures, used_codes, issued_until) \
             SELECT $1, $2, $3, $4, $5, 0, 0, $6 WHERE EXISTS (SELECT 1 FROM factors \
                WHERE account_id = $2 AND used_codes IS NULL) \
             ON CONFLICT DO NOTHING",
        );
        let insert = insert.bind(set.id.uuid()).bind(account.uuid()).bind(serde_json::to_string(&set.secret)?);
        let insert = insert.bind(&set.name).bind(at.0).bind(until.0);
        hit(insert.execute(&mut *self.db).await?.rows_affected())?;
        self.outdate_journeys(account).await
    }

    async fn delete_old_issued_codes(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM factors WHERE id IN \
             (SELECT id FROM factors WHERE issued_until < $1 ORDER BY issued_until LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }

    async fn use_recovery_code(&mut self, set: Id<Factor>, code: u32, at: Timestamp) -> Result<()> {
        if code >= u32::BITS {
            return Err(StorageError::Conflict);
        }
        let bit = 1i64 << code;
        let update = sqlx::query(
            "UPDATE factors SET failures = 0, locked_until = NULL, last_used_at = $2, used_codes = used_codes | $3 \
             WHERE id = $1 AND (locked_until IS NULL OR locked_until <= $2) AND failures < $4 \
                AND used_codes IS NOT NULL AND (used_codes & $3) = 0 AND (issued_until IS NULL OR issued_until > $2)",
        );
        let update = update.bind(set.uuid()).bind(at.0).bind(bit).bind(i64::from(MAX_CONSECUTIVE));
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }
});
