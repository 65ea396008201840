//! New addresses and numbers of accounts that wait for their code.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    contact::{ContactChange, ContactKind},
    id::Id,
};

use super::{both, hit};
use crate::error::Result;

/// Reads changes of contacts.
#[async_trait]
pub trait ContactReads {
    /// The change of this kind that an account has, and its version.
    async fn contact_change(&mut self, account: Id<Account>, kind: ContactKind)
    -> Result<Option<(i64, ContactChange)>>;
}

/// Stores changes of contacts.
#[async_trait]
pub trait ContactWrites {
    /// Stores a change in the place of version `replaces` (`None`: there was none); Conflict if another
    /// one was stored in the meantime.
    async fn save_contact_change(
        &mut self,
        account: Id<Account>,
        replaces: Option<i64>,
        change: &ContactChange,
    ) -> Result<()>;
    /// Takes the change of this kind and version away; Conflict if it is not there.
    async fn drop_contact_change(&mut self, account: Id<Account>, kind: ContactKind, version: i64) -> Result<()>;
    /// Takes every change of an account away; how many.
    async fn drop_contact_changes(&mut self, account: Id<Account>) -> Result<u64>;
    /// Deletes at most `limit` changes that ended before `before`; how many.
    async fn delete_old_contact_changes(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

both!(ContactReads {
    async fn contact_change(
        &mut self,
        account: Id<Account>,
        kind: ContactKind,
    ) -> Result<Option<(i64, ContactChange)>> {
        let row = sqlx::query_as::<_, (i64, String)>(
            "SELECT version, state FROM contact_changes WHERE account_id = $1 AND kind = $2",
        );
        let row = row.bind(account.uuid()).bind(kind.as_str()).fetch_optional(&mut *self.db).await?;
        row.map(|(version, state)| Ok((version, serde_json::from_str(&state)?))).transpose()
    }
});

both!(ContactWrites {
    async fn save_contact_change(
        &mut self,
        account: Id<Account>,
        replaces: Option<i64>,
        change: &ContactChange,
    ) -> Result<()> {
        // 0 stands for "none": versions begin with 1.
        let upsert = sqlx::query(
            "INSERT INTO contact_changes (account_id, kind, version, state, expires_at) \
             VALUES ($1, $2, $3 + 1, $4, $5) ON CONFLICT (account_id, kind) DO UPDATE SET \
                version = excluded.version, state = excluded.state, expires_at = excluded.expires_at \
             WHERE contact_changes.version = $3",
        );
        let upsert = upsert.bind(account.uuid()).bind(change.contact().kind().as_str()).bind(replaces.unwrap_or(0));
        let upsert = upsert.bind(serde_json::to_string(change)?).bind(change.ends_at().0);
        hit(upsert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn drop_contact_change(&mut self, account: Id<Account>, kind: ContactKind, version: i64) -> Result<()> {
        let delete =
            sqlx::query("DELETE FROM contact_changes WHERE account_id = $1 AND kind = $2 AND version = $3");
        let delete = delete.bind(account.uuid()).bind(kind.as_str()).bind(version);
        hit(delete.execute(&mut *self.db).await?.rows_affected())
    }

    async fn drop_contact_changes(&mut self, account: Id<Account>) -> Result<u64> {
        let delete = sqlx::query("DELETE FROM contact_changes WHERE account_id = $1");
        Ok(delete.bind(account.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_old_contact_changes(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        // A lock may outlive the change: it is kept a while longer by who calls.
        let delete = sqlx::query(
            "DELETE FROM contact_changes WHERE (account_id, kind) IN (SELECT account_id, kind FROM contact_changes \
             WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
