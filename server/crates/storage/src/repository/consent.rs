//! Consents, and which applications have access to an account.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    application::Application,
    clock::Timestamp,
    consent::{Consent, Items},
    id::Id,
    user_flow::UserFlow,
};
use uuid::Uuid;

use super::{both, collect, optional};
use crate::error::{Result, StorageError};

/// What an application holds of an account by one flow, with one set of scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The application.
    pub application: Id<Application>,
    /// The flow.
    pub flow: Id<UserFlow>,
    /// The scopes.
    pub scope: String,
    /// The oldest grant that still stands.
    pub since: Timestamp,
    /// When tokens were last given out.
    pub last_used: Timestamp,
    /// Whether it can get new tokens while the person is away.
    pub offline: bool,
}

/// Reads consents.
#[async_trait]
pub trait ConsentReads {
    /// What an account agreed to give to an application. One statement, for nobody as well (D11).
    async fn consent(&mut self, account: Option<Id<Account>>, application: Id<Application>) -> Result<Option<Consent>>;
    /// Everything that an account agreed to, oldest first.
    async fn consents_of_account(&mut self, account: Id<Account>) -> Result<Vec<Consent>>;
    /// What applications hold of an account by grants that stand at `now`.
    async fn access_of_account(&mut self, account: Id<Account>, now: Timestamp) -> Result<Vec<Access>>;
}

/// Changes consents.
#[async_trait]
pub trait ConsentWrites {
    /// Notes what an account agrees to in all; the moment of the first consent stays.
    async fn set_consent(&mut self, consent: &Consent) -> Result<()>;
    /// Forgets a consent; whether there was one.
    async fn delete_consent(&mut self, account: Id<Account>, application: Id<Application>) -> Result<bool>;
    /// Forgets every consent to an application and revokes every grant to it: what it is has changed (U29). How many
    /// there were of each.
    async fn forget_consents_to(&mut self, application: Id<Application>, at: Timestamp) -> Result<(u64, u64)>;
    /// Revokes every grant of an account to an application; how many there were (A32).
    async fn revoke_grants_to(
        &mut self,
        account: Id<Account>,
        application: Id<Application>,
        at: Timestamp,
    ) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct ConsentRow {
    account_id: Uuid,
    application_id: Uuid,
    items: String,
    given_at: i64,
}

impl TryFrom<ConsentRow> for Consent {
    type Error = StorageError;
    fn try_from(row: ConsentRow) -> Result<Self> {
        let items: Items = serde_json::from_str(&row.items)?;
        Ok(Self {
            account: Id::from_uuid(row.account_id),
            application: Id::from_uuid(row.application_id),
            items,
            given_at: Timestamp(row.given_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct AccessRow {
    application_id: Uuid,
    flow_id: Uuid,
    scope: String,
    since: i64,
    last_used: i64,
    offline: i64,
}

impl From<AccessRow> for Access {
    fn from(row: AccessRow) -> Self {
        Self {
            application: Id::from_uuid(row.application_id),
            flow: Id::from_uuid(row.flow_id),
            scope: row.scope,
            since: Timestamp(row.since),
            last_used: Timestamp(row.last_used),
            offline: row.offline > 0,
        }
    }
}

both!(ConsentReads {
    async fn consent(
        &mut self,
        account: Option<Id<Account>>,
        application: Id<Application>,
    ) -> Result<Option<Consent>> {
        let row = sqlx::query_as::<_, ConsentRow>(
            "SELECT account_id, application_id, items, given_at FROM consents \
             WHERE account_id = $1 AND application_id = $2",
        );
        optional(row.bind(account.map(Id::uuid)).bind(application.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn consents_of_account(&mut self, account: Id<Account>) -> Result<Vec<Consent>> {
        let rows = sqlx::query_as::<_, ConsentRow>(
            "SELECT account_id, application_id, items, given_at FROM consents \
             WHERE account_id = $1 ORDER BY given_at, application_id",
        );
        collect(rows.bind(account.uuid()).fetch_all(&mut *self.db).await?)
    }

    async fn access_of_account(&mut self, account: Id<Account>, now: Timestamp) -> Result<Vec<Access>> {
        let rows = sqlx::query_as::<_, AccessRow>(
            "SELECT g.application_id, g.flow_id, g.scope, MIN(g.created_at) AS since, \
                MAX(COALESCE(r.created_at, g.created_at)) AS last_used, \
                SUM(CASE WHEN r.used_at IS NULL AND r.expires_at > $2 THEN 1 ELSE 0 END) AS offline \
             FROM grants g LEFT JOIN refresh_tokens r ON r.grant_id = g.id \
             WHERE g.account_id = $1 AND g.revoked_at IS NULL AND g.redeemed_at IS NOT NULL \
             GROUP BY g.application_id, g.flow_id, g.scope ORDER BY since, g.application_id",
        );
        let rows = rows.bind(account.uuid()).bind(now.0).fetch_all(&mut *self.db).await?;
        Ok(rows.into_iter().map(Access::from).collect())
    }
});

both!(ConsentWrites {
    async fn set_consent(&mut self, consent: &Consent) -> Result<()> {
        let upsert = self.later(
            "INSERT INTO consents (account_id, application_id, items, given_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id, application_id) DO UPDATE SET items = $3",
        );
        let upsert = upsert.bind(consent.account.uuid()).bind(consent.application.uuid());
        upsert.bind(serde_json::to_string(&consent.items)?).bind(consent.given_at.0).one().await
    }

    async fn delete_consent(&mut self, account: Id<Account>, application: Id<Application>) -> Result<bool> {
        let delete = sqlx::query("DELETE FROM consents WHERE account_id = $1 AND application_id = $2");
        let delete = delete.bind(account.uuid()).bind(application.uuid());
        Ok(delete.execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn forget_consents_to(&mut self, application: Id<Application>, at: Timestamp) -> Result<(u64, u64)> {
        let delete = sqlx::query("DELETE FROM consents WHERE application_id = $1");
        let consents = delete.bind(application.uuid()).execute(&mut *self.db).await?.rows_affected();
        let revoke = sqlx::query("UPDATE grants SET revoked_at = $2 WHERE application_id = $1 AND revoked_at IS NULL");
        let revoke = revoke.bind(application.uuid()).bind(at.0);
        Ok((consents, revoke.execute(&mut *self.db).await?.rows_affected()))
    }

    async fn revoke_grants_to(
        &mut self,
        account: Id<Account>,
        application: Id<Application>,
        at: Timestamp,
    ) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE grants SET revoked_at = $3 WHERE account_id = $1 AND application_id = $2 AND revoked_at IS NULL",
        );
        let update = update.bind(account.uuid()).bind(application.uuid()).bind(at.0);
        Ok(update.execute(&mut *self.db).await?.rows_affected())
    }
});
