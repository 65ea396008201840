//! Remembered browsers. An entry is forgotten by deleting it: what counts is there.
//!
//! What one opened is found by its id, which sessions and grants carry in a column of their own.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    id::Id,
    remembered::{LOST_ANSWER, RememberedBrowser},
    secret::TokenHash,
    session::Session,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{both, collect, optional, time, token_hash};
use crate::error::{Result, StorageError};

/// Reads remembered browsers. Whether one still counts is for [`RememberedBrowser::is_live`] to say.
#[async_trait]
pub trait RememberedReads {
    /// The browser of `tenant` that the part of a cookie names which stays.
    async fn remembered_by_series(
        &mut self,
        tenant: Id<Tenant>,
        series: &TokenHash,
    ) -> Result<Option<RememberedBrowser>>;
    /// The browser of this id, if it is of `tenant`.
    async fn remembered_by_id(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<RememberedBrowser>,
    ) -> Result<Option<RememberedBrowser>>;
    /// The browsers of an account whose time is not over, the oldest first.
    async fn remembered_of_account(&mut self, account: Id<Account>, now: Timestamp) -> Result<Vec<RememberedBrowser>>;
}

/// Changes remembered browsers.
#[async_trait]
pub trait RememberedWrites {
    /// Stores a browser.
    async fn remember_browser(&mut self, browser: &RememberedBrowser) -> Result<()>;
    /// Forgets the browsers of an account beyond the `keep` that were used or made last.
    async fn trim_remembered(&mut self, account: Id<Account>, keep: u32) -> Result<()>;
    /// Uses the secret of the hash `shown` up and puts `token` in the place of `replaces`, once: Conflict if that
    /// one was used or replaced, the browser was forgotten, or its time is over. `replaces` is `shown` itself or,
    /// within [`LOST_ANSWER`] of the first use of `shown`, the successor that was lost; it dies by that.
    async fn renew_remembered(
        &mut self,
        id: Id<RememberedBrowser>,
        [shown, replaces]: [&TokenHash; 2],
        token: &TokenHash,
        network: &str,
        at: Timestamp,
    ) -> Result<()>;
    /// Forgets a browser of `account`; whether it was there.
    async fn forget_remembered(&mut self, account: Id<Account>, id: Id<RememberedBrowser>) -> Result<bool>;
    /// Forgets the browsers of `account` that were remembered when `session` was made; how many.
    async fn forget_remembered_by(&mut self, account: Id<Account>, session: Id<Session>) -> Result<u64>;
    /// Forgets the browser of `tenant` that a cookie names, whosesoever it is.
    async fn forget_series(&mut self, tenant: Id<Tenant>, series: &TokenHash) -> Result<()>;
    /// Forgets every browser of an account; how many there were.
    async fn forget_all_remembered(&mut self, account: Id<Account>) -> Result<u64>;
    /// Deletes at most `limit` browsers whose time was over before `before`; how many.
    async fn delete_expired_remembered(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct RememberedRow {
    id: Uuid,
    tenant_id: Uuid,
    account_id: Uuid,
    series: Vec<u8>,
    token: Vec<u8>,
    previous: Option<Vec<u8>>,
    session_id: Option<Uuid>,
    label: String,
    network: String,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: i64,
}

impl TryFrom<RememberedRow> for RememberedBrowser {
    type Error = StorageError;
    fn try_from(row: RememberedRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            account: Id::from_uuid(row.account_id),
            series: token_hash(&row.series)?,
            token: token_hash(&row.token)?,
            previous: row.previous.as_deref().map(token_hash).transpose()?,
            session: row.session_id.map(Id::from_uuid),
            label: row.label,
            network: row.network,
            created_at: Timestamp(row.created_at),
            last_used_at: time(row.last_used_at),
            expires_at: Timestamp(row.expires_at),
        })
    }
}

both!(RememberedReads {
    async fn remembered_by_series(
        &mut self,
        tenant: Id<Tenant>,
        series: &TokenHash,
    ) -> Result<Option<RememberedBrowser>> {
        let row = sqlx::query_as::<_, RememberedRow>(
            "SELECT * FROM remembered_browsers WHERE series = $1 AND tenant_id = $2",
        );
        optional(row.bind(&series.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn remembered_by_id(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<RememberedBrowser>,
    ) -> Result<Option<RememberedBrowser>> {
        let row = sqlx::query_as::<_, RememberedRow>(
            "SELECT * FROM remembered_browsers WHERE id = $1 AND tenant_id = $2",
        );
        optional(row.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn remembered_of_account(&mut self, account: Id<Account>, now: Timestamp) -> Result<Vec<RememberedBrowser>> {
        let rows = sqlx::query_as::<_, RememberedRow>(
            "SELECT * FROM remembered_browsers WHERE account_id = $1 AND expires_at > $2 ORDER BY created_at, id",
        );
        collect(rows.bind(account.uuid()).bind(now.0).fetch_all(&mut *self.db).await?)
    }
});

both!(RememberedWrites {
    async fn remember_browser(&mut self, browser: &RememberedBrowser) -> Result<()> {
        let insert = self.later(
            "INSERT INTO remembered_browsers (id, tenant_id, account_id, series, token, label, network, created_at, \
                last_used_at, expires_at, previous, session_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        );
        let insert = insert.bind(browser.id.uuid()).bind(browser.tenant.uuid()).bind(browser.account.uuid());
        let insert = insert.bind(&browser.series.0[..]).bind(&browser.token.0[..]);
        let insert = insert.bind(&browser.label).bind(&browser.network).bind(browser.created_at.0);
        let insert = insert.bind(browser.last_used_at.map(|at| at.0)).bind(browser.expires_at.0);
        let previous = browser.previous.as_ref().map(|hash| hash.0.to_vec());
        insert.bind(previous).bind(browser.session.map(Id::uuid)).one().await
    }

    async fn trim_remembered(&mut self, account: Id<Account>, keep: u32) -> Result<()> {
        let delete = self.later(
            "DELETE FROM remembered_browsers WHERE account_id = $1 AND id NOT IN \
             (SELECT id FROM remembered_browsers WHERE account_id = $1 \
              ORDER BY COALESCE(last_used_at, created_at) DESC, id DESC LIMIT $2)",
        );
        delete.bind(account.uuid()).bind(i64::from(keep)).any().await
    }

    async fn renew_remembered(
        &mut self,
        id: Id<RememberedBrowser>,
        [shown, replaces]: [&TokenHash; 2],
        token: &TokenHash,
        network: &str,
        at: Timestamp,
    ) -> Result<()> {
        if shown == replaces {
            let update = self.later(
                "UPDATE remembered_browsers SET token = $3, previous = $2, network = $4, last_used_at = $5 \
                 WHERE id = $1 AND token = $2 AND expires_at > $5",
            );
            let update = update.bind(id.uuid()).bind(&shown.0[..]).bind(&token.0[..]);
            return update.bind(network).bind(at.0).one().await;
        }
        // The time of the first use stands: coming again prolongs nothing.
        let update = self.later(
            "UPDATE remembered_browsers SET token = $4, network = $5 \
             WHERE id = $1 AND previous = $2 AND token = $3 AND expires_at > $6 AND last_used_at > $7",
        );
        let update = update.bind(id.uuid()).bind(&shown.0[..]).bind(&replaces.0[..]).bind(&token.0[..]);
        update.bind(network).bind(at.0).bind(at.minus(LOST_ANSWER).0).one().await
    }

    async fn forget_remembered(&mut self, account: Id<Account>, id: Id<RememberedBrowser>) -> Result<bool> {
        let delete = sqlx::query("DELETE FROM remembered_browsers WHERE id = $1 AND account_id = $2");
        Ok(delete.bind(id.uuid()).bind(account.uuid()).execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn forget_remembered_by(&mut self, account: Id<Account>, session: Id<Session>) -> Result<u64> {
        let delete = sqlx::query("DELETE FROM remembered_browsers WHERE account_id = $1 AND session_id = $2");
        Ok(delete.bind(account.uuid()).bind(session.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn forget_series(&mut self, tenant: Id<Tenant>, series: &TokenHash) -> Result<()> {
        let delete = self.later("DELETE FROM remembered_browsers WHERE series = $1 AND tenant_id = $2");
        delete.bind(&series.0[..]).bind(tenant.uuid()).any().await
    }

    async fn forget_all_remembered(&mut self, account: Id<Account>) -> Result<u64> {
        let delete = sqlx::query("DELETE FROM remembered_browsers WHERE account_id = $1");
        Ok(delete.bind(account.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_expired_remembered(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM remembered_browsers WHERE id IN \
             (SELECT id FROM remembered_browsers WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
