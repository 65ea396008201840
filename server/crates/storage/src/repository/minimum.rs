//! The minimum assurance of accounts and of roles, which stands against whatever a user flow says.
//!
//! What an account must show is the higher of its own and of those of its roles. It is read in the statement that
//! reads the account ([`minimum_columns`]), so that nobody judges an account without it.

use async_trait::async_trait;
use lanyard_domain::{
    account::{Account, AccountKind},
    assurance::Assurance,
    id::Id,
    role::Role,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{CounterWrites as _, both, hit};
use crate::error::{Result, StorageError};

/// Patients with a minimum of their own; kept by [`MinimumWrites::set_own_minimum`].
pub const PATIENTS_WITH_MINIMUM: &str = "patients_with_minimum";

/// Reads minimums.
#[async_trait]
pub trait MinimumReads {
    /// The minimum of an account's own, without those of its roles; `None` if there is no such account.
    async fn own_minimum(&mut self, id: Id<Account>) -> Result<Option<Assurance>>;
    /// The minimum of whoever holds `role`; [`Assurance::Aal1`] if none was ever set.
    async fn role_minimum(&mut self, role: Role) -> Result<Assurance>;
}

/// Changes minimums.
#[async_trait]
pub trait MinimumWrites {
    /// Sets an account's own minimum; Conflict if it is not `present` now, or the account is gone. Counts patients
    /// who have one.
    async fn set_own_minimum(&mut self, id: Id<Account>, present: Assurance, wanted: Assurance) -> Result<()>;
    /// Sets the minimum of whoever holds `role`, as a setting of `tenant`; Conflict if it is not `present` now. It
    /// acts at the next statement that reads an account.
    async fn set_role_minimum(
        &mut self,
        tenant: Id<Tenant>,
        role: Role,
        present: Assurance,
        wanted: Assurance,
    ) -> Result<()>;
}

/// An account's minimum, as two columns: `own_minimum` and `role_minimum`. The account is `a`.
macro_rules! minimum_columns {
    () => {
        "a.minimum_assurance AS own_minimum, \
            (SELECT MAX(m.minimum) FROM role_grants r JOIN role_minimums m ON m.role = r.role \
             WHERE r.account_id = a.id AND r.revoked_at IS NULL) AS role_minimum"
    };
}
pub(crate) use minimum_columns;

pub(super) fn of_column(rank: i64) -> Result<Assurance> {
    Assurance::of_rank(rank).ok_or(StorageError::Inconsistent("a minimum assurance"))
}

/// The higher of the two columns.
pub(super) fn minimum_of(own: i64, role: Option<i64>) -> Result<Assurance> {
    of_column(own.max(role.unwrap_or_default()))
}

both!(MinimumReads {
    async fn own_minimum(&mut self, id: Id<Account>) -> Result<Option<Assurance>> {
        let row = sqlx::query_as::<_, (i64,)>("SELECT minimum_assurance FROM accounts WHERE id = $1");
        let row = row.bind(id.uuid()).fetch_optional(&mut *self.db).await?;
        row.map(|(rank,)| of_column(rank)).transpose()
    }

    async fn role_minimum(&mut self, role: Role) -> Result<Assurance> {
        let row = sqlx::query_as::<_, (i64,)>("SELECT minimum FROM role_minimums WHERE role = $1");
        let row = row.bind(serde_json::to_string(&role)?).fetch_optional(&mut *self.db).await?;
        row.map_or(Ok(Assurance::Aal1), |(rank,)| of_column(rank))
    }
});

both!(MinimumWrites {
    async fn set_own_minimum(&mut self, id: Id<Account>, present: Assurance, wanted: Assurance) -> Result<()> {
        let update = sqlx::query_as::<_, (Uuid, String)>(
            "UPDATE accounts SET minimum_assurance = $3 WHERE id = $1 AND minimum_assurance = $2 \
             RETURNING tenant_id, kind",
        );
        let update = update.bind(id.uuid()).bind(i64::from(present.rank())).bind(i64::from(wanted.rank()));
        let (tenant, kind) = update.fetch_optional(&mut *self.db).await?.ok_or(StorageError::Conflict)?;
        let has = |minimum: Assurance| i64::from(minimum > Assurance::Aal1);
        let by = has(wanted) - has(present);
        if by != 0 && kind == AccountKind::Patient.as_str() {
            let spread = id.uuid().as_bytes()[15];
            self.bump_counter(Id::from_uuid(tenant), PATIENTS_WITH_MINIMUM, 0, by, spread).await?;
        }
        Ok(())
    }

    async fn set_role_minimum(
        &mut self,
        tenant: Id<Tenant>,
        role: Role,
        present: Assurance,
        wanted: Assurance,
    ) -> Result<()> {
        // Where there is no row, it is the lowest that stands.
        let upsert = sqlx::query(
            "INSERT INTO role_minimums (role, tenant_id, minimum) \
             SELECT $1, $2, $4 WHERE $3 = 0 OR EXISTS (SELECT 1 FROM role_minimums WHERE role = $1) \
             ON CONFLICT (role) DO UPDATE SET minimum = excluded.minimum WHERE role_minimums.minimum = $3",
        );
        let upsert = upsert.bind(serde_json::to_string(&role)?).bind(tenant.uuid());
        let upsert = upsert.bind(i64::from(present.rank())).bind(i64::from(wanted.rank()));
        hit(upsert.execute(&mut *self.db).await?.rows_affected())
    }
});
