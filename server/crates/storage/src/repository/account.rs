//! Accounts and their passwords.

use async_trait::async_trait;
use lanyard_domain::{
    account::{Account, AccountKind},
    attribute::Attributes,
    clock::Timestamp,
    email::EmailAddress,
    factor::MAX_CONSECUTIVE,
    id::Id,
    journey::{Journey, NewAccount},
    password::StoredPassword,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{
    CounterWrites as _, FactorWrites as _, PATIENTS_TOTAL, PATIENTS_WITH_MFA, PATIENTS_WITH_MINIMUM, both, collect,
    counter::patients_by_factors,
    factor::kinds_of,
    hit,
    minimum::{minimum_columns, minimum_of},
    optional,
    patient_terms::{Terms, sort_name, store_terms},
    time, unique, word,
};
use crate::error::{Constraint, Result, StorageError};

/// Reads accounts.
#[async_trait]
pub trait AccountReads {
    /// The account of this id, if it belongs to `tenant`.
    async fn account_by_id(&mut self, tenant: Id<Tenant>, id: Id<Account>) -> Result<Option<Account>>;
    /// The account with this address and its password, if it has one. One statement, found or not.
    async fn account_by_email(
        &mut self,
        tenant: Id<Tenant>,
        email: &EmailAddress,
    ) -> Result<Option<(Account, Option<StoredPassword>)>>;
    /// When the account is deleted, if its owner asked for it.
    async fn deletion_of(&mut self, id: Id<Account>) -> Result<Option<Timestamp>>;
    /// At most `limit` accounts whose time to be deleted has come, the longest due first.
    async fn due_deletions(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Account>>;
}

/// Changes accounts.
#[async_trait]
pub trait AccountWrites {
    /// Holds the account's row until the transaction ends, so that two steps about one account
    /// follow one another. Needless on SQLite, which has one writer.
    async fn lock_account(&mut self, id: Id<Account>) -> Result<()>;
    /// The same for a step of a journey: not if the journey is no longer at `version`, so that a step which
    /// has lost already waits for nobody.
    async fn lock_account_for_step(&mut self, id: Id<Account>, journey: Id<Journey>, version: i64) -> Result<()>;
    /// Holds the address `email` of `tenant`, by a number that stands for both, whoever has it, if anybody does, and then a
    /// journey of this version, until the transaction ends: of the passwords for one address, or typed into one journey,
    /// one is judged after the other. Conflict if another step was stored since. One statement, whether there is an
    /// account or not (D11).
    async fn lock_for_sign_in(
        &mut self,
        of: (Id<Tenant>, &EmailAddress, i64),
        journey: Id<Journey>,
        version: i64,
    ) -> Result<()>;
    /// Creates an account with its password and factors, and counts it; [`Constraint::AccountEmail`]
    /// if the tenant has one with that address. Its invitation is not touched.
    async fn create_account(&mut self, tenant: Id<Tenant>, new: &NewAccount, at: Timestamp) -> Result<()>;
    /// Ends what journeys have proved so far for the account: whoever is on the way begins anew. For a change that
    /// forgets browsers or sessions, so that none comes back by a page that was left open (N22, A19).
    async fn outdate_journeys(&mut self, id: Id<Account>) -> Result<()>;
    /// Stores all attributes of an account as given; Conflict if there is no such account.
    async fn set_attributes(&mut self, id: Id<Account>, attributes: &Attributes) -> Result<()>;
    /// Gives an account the address `to` instead of `from`, for good: what was proved by the old one in a
    /// journey that goes on counts no more, and no invitation names it. [`Constraint::AccountEmail`] if the
    /// tenant has another account with that address; the transaction is lost then. Conflict if the account
    /// has another address by now, or may not sign in.
    async fn change_email(&mut self, id: Id<Account>, from: &EmailAddress, to: &EmailAddress) -> Result<()>;
    /// Replaces the password of version `replaces` (`None`: there was none); Conflict if it was
    /// changed in the meantime.
    async fn set_password(&mut self, id: Id<Account>, replaces: Option<i64>, phc: &str) -> Result<()>;
    /// Counts a wrong password for whoever has the address; the new count, `None` if nobody has it.
    async fn password_failed(&mut self, tenant: Id<Tenant>, email: &EmailAddress) -> Result<Option<u32>>;
    /// The right password: the count begins anew; Conflict if it was disabled in the meantime (N9).
    async fn clear_password_failures(&mut self, id: Id<Account>) -> Result<()>;
    /// Takes the password away: what was proved by it counts no more, and only a reset sets another.
    async fn clear_password(&mut self, id: Id<Account>) -> Result<()>;
    /// Notes a completed sign-in; Conflict if the account is disabled or gone.
    async fn note_sign_in(&mut self, id: Id<Account>, at: Timestamp) -> Result<()>;
    /// Notes that the owner of an account was offered a passkey and did not want one; Conflict if it is gone.
    async fn note_passkey_declined(&mut self, id: Id<Account>, at: Timestamp) -> Result<()>;
    /// Has the owner of an account offered recovery codes at sign-ins from `from` on; Conflict if it is gone.
    async fn offer_recovery_codes_from(&mut self, id: Id<Account>, from: Timestamp) -> Result<()>;
    /// Plans the deletion of an account for `at`; Conflict if it is planned already.
    async fn plan_deletion(&mut self, id: Id<Account>, at: Timestamp) -> Result<()>;
    /// Keeps an account whose deletion was planned; Conflict if it was not.
    async fn keep_account(&mut self, id: Id<Account>) -> Result<()>;
    /// Deletes an account, with all that is its own and every invitation to its address, and counts it no
    /// more; Conflict if its time has
    /// not come by `now`, or its owner keeps it.
    async fn delete_account(&mut self, id: Id<Account>, now: Timestamp) -> Result<()>;
    /// Disables the account from `at` on, or lets it sign in again.
    async fn set_disabled(&mut self, id: Id<Account>, at: Option<Timestamp>) -> Result<()>;
}

/// The columns of [`AccountRow`].
macro_rules! account_columns {
    () => {
        concat!(
            "a.id, a.tenant_id, a.kind, a.email, a.attributes, a.disabled_at, a.created_at, a.last_sign_in_at, ",
            minimum_columns!()
        )
    };
}

/// The same for lists, by which nobody is judged: what roles demand is not looked up. Patients hold none; of staff and
/// operators, who are listed too, it is missing from the minimum, so that whoever is to be judged is read anew by
/// [`AccountReads::account_by_id`].
macro_rules! listed_columns {
    () => {
        "a.id, a.tenant_id, a.kind, a.email, a.attributes, a.disabled_at, a.created_at, a.last_sign_in_at, \
            a.minimum_assurance AS own_minimum, CAST(NULL AS BIGINT) AS role_minimum"
    };
}
pub(super) use listed_columns;

#[derive(sqlx::FromRow)]
pub(super) struct AccountRow {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) kind: String,
    pub(super) email: String,
    pub(super) attributes: String,
    pub(super) disabled_at: Option<i64>,
    pub(super) created_at: i64,
    pub(super) last_sign_in_at: i64,
    pub(super) own_minimum: i64,
    pub(super) role_minimum: Option<i64>,
}

pub(super) fn address(column: &str) -> Result<EmailAddress> {
    EmailAddress::parse(column).map_err(|_| StorageError::Inconsistent("an email address"))
}

impl TryFrom<AccountRow> for Account {
    type Error = StorageError;
    fn try_from(row: AccountRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            kind: word(AccountKind::parse(&row.kind))?,
            email: address(&row.email)?,
            attributes: serde_json::from_str(&row.attributes)?,
            minimum: minimum_of(row.own_minimum, row.role_minimum)?,
            disabled_at: time(row.disabled_at),
            created_at: Timestamp(row.created_at),
            last_sign_in_at: (row.last_sign_in_at != 0).then_some(Timestamp(row.last_sign_in_at)),
        })
    }
}

#[derive(sqlx::FromRow)]
struct PasswordRow {
    #[sqlx(flatten)]
    account: AccountRow,
    phc: Option<String>,
    password_version: Option<i64>,
}

// A test looks at its plan.
pub(crate) const DUE_DELETIONS: &str = concat!(
    "SELECT ",
    listed_columns!(),
    " FROM accounts a WHERE a.delete_at IS NOT NULL AND a.delete_at <= $1 ORDER BY a.delete_at LIMIT $2"
);

both!(AccountReads {
    async fn account_by_id(&mut self, tenant: Id<Tenant>, id: Id<Account>) -> Result<Option<Account>> {
        let row = sqlx::query_as::<_, AccountRow>(concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts a WHERE a.id = $1 AND a.tenant_id = $2"
        ));
        optional(row.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn account_by_email(
        &mut self,
        tenant: Id<Tenant>,
        email: &EmailAddress,
    ) -> Result<Option<(Account, Option<StoredPassword>)>> {
        let row = sqlx::query_as::<_, PasswordRow>(concat!(
            "SELECT ",
            account_columns!(),
            ", a.phc, a.password_version FROM accounts a WHERE a.tenant_id = $1 AND a.email = $2"
        ));
        let Some(row) = row.bind(tenant.uuid()).bind(email.as_str()).fetch_optional(&mut *self.db).await? else {
            return Ok(None);
        };
        let password = row.phc.zip(row.password_version).map(|(phc, version)| StoredPassword { phc, version });
        Ok(Some((row.account.try_into()?, password)))
    }

    async fn deletion_of(&mut self, id: Id<Account>) -> Result<Option<Timestamp>> {
        let row = sqlx::query_as::<_, (Option<i64>,)>("SELECT delete_at FROM accounts WHERE id = $1");
        Ok(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?.and_then(|(at,)| time(at)))
    }

    async fn due_deletions(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Account>> {
        let rows = sqlx::query_as::<_, AccountRow>(DUE_DELETIONS);
        collect(rows.bind(now.0).bind(i64::from(limit)).fetch_all(&mut *self.db).await?)
    }
});

#[derive(sqlx::FromRow)]
struct ChangedRow {
    tenant_id: Uuid,
    kind: String,
    email: String,
    mfa_enrolled: i64,
    factor_kinds: i64,
    minimum_assurance: i64,
}

#[derive(sqlx::FromRow)]
struct MovedRow {
    tenant_id: Uuid,
    kind: String,
    attributes: String,
    mfa_enrolled: i64,
}

impl crate::sqlite::SqliteTx<'_> {
    const LOCK: &'static str = "UPDATE accounts SET disabled_at = disabled_at WHERE id = $1";
    const LOCK_FOR_SIGN_IN: &'static str = crate::sqlite::dialect::LOCK_FOR_SIGN_IN;
}

impl crate::postgres::PostgresTx<'_> {
    const LOCK: &'static str = "SELECT 1 FROM accounts WHERE id = $1 FOR NO KEY UPDATE";
    const LOCK_FOR_SIGN_IN: &'static str = crate::postgres::dialect::LOCK_FOR_SIGN_IN;
}

both!(AccountWrites {
    async fn lock_account(&mut self, id: Id<Account>) -> Result<()> {
        sqlx::query(Self::LOCK).bind(id.uuid()).execute(&mut *self.db).await?;
        Ok(())
    }

    async fn lock_account_for_step(&mut self, id: Id<Account>, journey: Id<Journey>, version: i64) -> Result<()> {
        let update = sqlx::query(
            "UPDATE accounts SET disabled_at = disabled_at WHERE id = $1 \
             AND EXISTS (SELECT 1 FROM journeys WHERE id = $2 AND version = $3)",
        );
        update.bind(id.uuid()).bind(journey.uuid()).bind(version).execute(&mut *self.db).await?;
        Ok(())
    }

    async fn lock_for_sign_in(
        &mut self,
        (tenant, email, number): (Id<Tenant>, &EmailAddress, i64),
        journey: Id<Journey>,
        version: i64,
    ) -> Result<()> {
        let held = sqlx::query_as::<_, (Option<String>, i64, i64)>(Self::LOCK_FOR_SIGN_IN).bind(tenant.uuid());
        let held = held.bind(email.as_str()).bind(journey.uuid()).bind(version).bind(number);
        let (_, _, journeys) = held.fetch_one(&mut *self.db).await?;
        hit(u64::try_from(journeys).unwrap_or_default())
    }

    async fn create_account(&mut self, tenant: Id<Tenant>, new: &NewAccount, at: Timestamp) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO accounts (id, tenant_id, kind, email, attributes, sort_name, phc, password_version, \
                mfa_enrolled, created_at, last_sign_in_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 0, $8, 0) ON CONFLICT (tenant_id, email) DO NOTHING",
        );
        let insert = insert.bind(new.id.uuid()).bind(tenant.uuid()).bind(new.kind.as_str()).bind(new.email.as_str());
        let insert = insert.bind(serde_json::to_string(&new.attributes)?).bind(sort_name(&new.attributes));
        let done = insert.bind(&new.phc).bind(at.0).execute(&mut *self.db).await?;
        unique(done.rows_affected(), Constraint::AccountEmail)?;
        if new.kind == AccountKind::Patient {
            let terms = Terms { tenant: tenant.uuid(), account: new.id.uuid(), mfa_enrolled: 0 };
            store_terms!(self, terms, &new.email, &new.attributes);
            self.bump_counter(tenant, PATIENTS_TOTAL, 0, 1, new.id.uuid().as_bytes()[15]).await?;
        }
        for factor in &new.factors {
            self.bind_factor(new.id, factor, at).await?;
        }
        Ok(())
    }

    async fn set_attributes(&mut self, id: Id<Account>, attributes: &Attributes) -> Result<()> {
        let update = sqlx::query_as::<_, ChangedRow>(
            "UPDATE accounts SET attributes = $2, sort_name = $3 WHERE id = $1 \
             RETURNING tenant_id, kind, email, mfa_enrolled, factor_kinds, minimum_assurance",
        );
        let update = update.bind(id.uuid()).bind(serde_json::to_string(attributes)?).bind(sort_name(attributes));
        let changed = update.fetch_optional(&mut *self.db).await?.ok_or(StorageError::Conflict)?;
        if changed.kind == AccountKind::Patient.as_str() {
            let delete = sqlx::query("DELETE FROM patient_terms WHERE account_id = $1");
            delete.bind(id.uuid()).execute(&mut *self.db).await?;
            let terms =
                Terms { tenant: changed.tenant_id, account: id.uuid(), mfa_enrolled: changed.mfa_enrolled };
            store_terms!(self, terms, &address(&changed.email)?, attributes);
        }
        Ok(())
    }

    async fn change_email(&mut self, id: Id<Account>, from: &EmailAddress, to: &EmailAddress) -> Result<()> {
        let taken = sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM accounts WHERE email = $2 \
             AND tenant_id = (SELECT tenant_id FROM accounts WHERE id = $1)",
        );
        if taken.bind(id.uuid()).bind(to.as_str()).fetch_one(&mut *self.db).await? > 0 {
            return Err(StorageError::Unique(Constraint::AccountEmail));
        }
        let update = sqlx::query_as::<_, MovedRow>(
            "UPDATE accounts SET email = $3, password_version = COALESCE(password_version, 0) + 1 \
             WHERE id = $1 AND email = $2 AND disabled_at IS NULL \
             RETURNING tenant_id, kind, attributes, mfa_enrolled",
        );
        let update = update.bind(id.uuid()).bind(from.as_str()).bind(to.as_str());
        // Of two that take one address at once, the schema lets one.
        let moved = update.fetch_optional(&mut *self.db).await.map_err(|error| {
            match error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
                true => StorageError::Unique(Constraint::AccountEmail),
                false => error.into(),
            }
        })?;
        let moved = moved.ok_or(StorageError::Conflict)?;
        let forget = sqlx::query(
            "UPDATE invitations SET email = NULL WHERE tenant_id = $1 AND email = $2 AND used_at IS NOT NULL",
        );
        forget.bind(moved.tenant_id).bind(from.as_str()).execute(&mut *self.db).await?;
        if moved.kind == AccountKind::Patient.as_str() {
            let delete = sqlx::query("DELETE FROM patient_terms WHERE account_id = $1");
            delete.bind(id.uuid()).execute(&mut *self.db).await?;
            let terms = Terms { tenant: moved.tenant_id, account: id.uuid(), mfa_enrolled: moved.mfa_enrolled };
            store_terms!(self, terms, to, &serde_json::from_str(&moved.attributes)?);
        }
        Ok(())
    }

    async fn set_password(&mut self, id: Id<Account>, replaces: Option<i64>, phc: &str) -> Result<()> {
        // 0 stands for "none": versions begin with 1.
        let update = sqlx::query(
            "UPDATE accounts SET phc = $3, password_version = COALESCE(password_version, 0) + 1, \
                password_failures = 0 WHERE id = $1 AND COALESCE(password_version, 0) = $2",
        );
        let update = update.bind(id.uuid()).bind(replaces.unwrap_or(0)).bind(phc);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn password_failed(&mut self, tenant: Id<Tenant>, email: &EmailAddress) -> Result<Option<u32>> {
        let update = sqlx::query_scalar::<_, i64>(
            "UPDATE accounts SET password_failures = password_failures + 1 \
             WHERE tenant_id = $1 AND email = $2 RETURNING password_failures",
        );
        let count = update.bind(tenant.uuid()).bind(email.as_str()).fetch_optional(&mut *self.db).await?;
        Ok(count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    async fn clear_password_failures(&mut self, id: Id<Account>) -> Result<()> {
        let update = sqlx::query("UPDATE accounts SET password_failures = 0 WHERE id = $1 AND password_failures < $2");
        let update = update.bind(id.uuid()).bind(i64::from(MAX_CONSECUTIVE));
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn outdate_journeys(&mut self, id: Id<Account>) -> Result<()> {
        let update = sqlx::query(
            "UPDATE accounts SET password_version = COALESCE(password_version, 0) + 1 WHERE id = $1",
        );
        hit(update.bind(id.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn clear_password(&mut self, id: Id<Account>) -> Result<()> {
        let update = sqlx::query(
            "UPDATE accounts SET phc = NULL, password_version = COALESCE(password_version, 0) + 1 WHERE id = $1",
        );
        hit(update.bind(id.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn note_sign_in(&mut self, id: Id<Account>, at: Timestamp) -> Result<()> {
        let update = self.later("UPDATE accounts SET last_sign_in_at = $2 WHERE id = $1 AND disabled_at IS NULL");
        update.bind(id.uuid()).bind(at.0).one().await
    }

    async fn note_passkey_declined(&mut self, id: Id<Account>, at: Timestamp) -> Result<()> {
        let update = self.later("UPDATE accounts SET passkey_declined_at = $2 WHERE id = $1");
        update.bind(id.uuid()).bind(at.0).one().await
    }

    async fn offer_recovery_codes_from(&mut self, id: Id<Account>, from: Timestamp) -> Result<()> {
        let update = self.later("UPDATE accounts SET recovery_offer_from = $2 WHERE id = $1");
        update.bind(id.uuid()).bind(from.0).one().await
    }

    async fn plan_deletion(&mut self, id: Id<Account>, at: Timestamp) -> Result<()> {
        let update = sqlx::query("UPDATE accounts SET delete_at = $2 WHERE id = $1 AND delete_at IS NULL");
        hit(update.bind(id.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn keep_account(&mut self, id: Id<Account>) -> Result<()> {
        let update = sqlx::query("UPDATE accounts SET delete_at = NULL WHERE id = $1 AND delete_at IS NOT NULL");
        hit(update.bind(id.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_account(&mut self, id: Id<Account>, now: Timestamp) -> Result<()> {
        let delete = sqlx::query_as::<_, ChangedRow>(
            "DELETE FROM accounts WHERE id = $1 AND delete_at IS NOT NULL AND delete_at <= $2 \
             RETURNING tenant_id, kind, email, mfa_enrolled, factor_kinds, minimum_assurance",
        );
        let gone = delete.bind(id.uuid()).bind(now.0).fetch_optional(&mut *self.db).await?;
        let gone = gone.ok_or(StorageError::Conflict)?;
        let forget = sqlx::query("DELETE FROM invitations WHERE tenant_id = $1 AND email = $2");
        forget.bind(gone.tenant_id).bind(&gone.email).execute(&mut *self.db).await?;
        if gone.kind == AccountKind::Patient.as_str() {
            let (tenant, spread) = (Id::from_uuid(gone.tenant_id), id.uuid().as_bytes()[15]);
            self.bump_counter(tenant, PATIENTS_TOTAL, 0, -1, spread).await?;
            if gone.minimum_assurance > 0 {
                self.bump_counter(tenant, PATIENTS_WITH_MINIMUM, 0, -1, spread).await?;
            }
            if gone.mfa_enrolled == 1 {
                self.bump_counter(tenant, PATIENTS_WITH_MFA, 0, -1, spread).await?;
                let counter = patients_by_factors(kinds_of(gone.factor_kinds));
                self.bump_counter(tenant, &counter, 0, -1, spread).await?;
            }
        }
        Ok(())
    }

    async fn set_disabled(&mut self, id: Id<Account>, at: Option<Timestamp>) -> Result<()> {
        let update = sqlx::query("UPDATE accounts SET disabled_at = $2 WHERE id = $1");
        hit(update.bind(id.uuid()).bind(at.map(|at| at.0)).execute(&mut *self.db).await?.rows_affected())
    }
});
