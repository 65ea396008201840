//! Grants: an authorization code and the family of refresh tokens that comes of it.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    grant::{CLOCK_AHEAD, Grant, GrantDetails},
    id::Id,
    remembered::RememberedBrowser,
    secret::TokenHash,
    session::Session,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{both, collect, hit, optional, time, token_hash};
use crate::error::{Result, StorageError};

/// Reads grants.
#[async_trait]
pub trait GrantReads {
    /// The grant of this code if it is of `tenant` (failure 38), whatever became of it.
    async fn grant_by_code(&mut self, tenant: Id<Tenant>, code: &TokenHash) -> Result<Option<Grant>>;
    /// The grant of this id, whatever became of it.
    async fn grant_by_id(&mut self, id: Id<Grant>) -> Result<Option<Grant>>;
    /// The grants of an account that were not revoked and not yet cleaned up.
    async fn grants_of_account(&mut self, account: Id<Account>) -> Result<Vec<Grant>>;
}

/// Changes grants.
#[async_trait]
pub trait GrantWrites {
    /// Stores a grant with its code.
    async fn create_grant(&mut self, grant: &Grant) -> Result<()>;
    /// Redeems the code: it works once, within its life, unless revoked; else Conflict (A28). The
    /// clock of the process that made it may have been ahead by [`CLOCK_AHEAD`].
    async fn redeem_grant(&mut self, id: Id<Grant>, at: Timestamp) -> Result<()>;
    /// Replaces what a standing grant remembers besides: the key that it is bound to; else Conflict.
    async fn set_grant_details(&mut self, id: Id<Grant>, details: &GrantDetails) -> Result<()>;
    /// Revokes a grant and with it all its refresh tokens; whether it was still standing.
    async fn revoke_grant(&mut self, id: Id<Grant>, at: Timestamp) -> Result<bool>;
    /// Revokes every grant of an account (failure 28); how many there were.
    async fn revoke_grants_of_account(&mut self, account: Id<Account>, at: Timestamp) -> Result<u64>;
    /// Revokes every grant that came from a session, or from one in whose place it came
    /// ([`super::RelyingPartyWrites::inherit_relying_parties`]); how many there were.
    async fn revoke_grants_of_session(&mut self, session: Id<Session>, at: Timestamp) -> Result<u64>;
    /// Revokes every grant of a sign-in in which this remembered browser stood in for a second factor; how many
    /// there were.
    async fn revoke_grants_of_browser(&mut self, browser: Id<RememberedBrowser>, at: Timestamp) -> Result<u64>;
    /// Revokes every grant of an account that came from no session, as a device's does; how many there
    /// were.
    async fn revoke_grants_without_session(&mut self, account: Id<Account>, at: Timestamp) -> Result<u64>;
    /// Deletes at most `limit` grants made before `before` that have no refresh token alive at
    /// `before`; how many.
    async fn delete_old_grants(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

/// [`GrantWrites::revoke_grants_of_browser`]; the tests look at its plan.
pub(crate) const REVOKE_OF_BROWSER: &str =
    "UPDATE grants SET revoked_at = $2 WHERE remembered = $1 AND revoked_at IS NULL";

#[derive(Clone, sqlx::FromRow)]
pub(super) struct GrantRow {
    id: Uuid,
    tenant_id: Uuid,
    flow_id: Uuid,
    application_id: Uuid,
    account_id: Uuid,
    session_id: Option<Uuid>,
    authentication: String,
    scope: String,
    nonce: Option<String>,
    redirect_uri: String,
    details: String,
    code_challenge: Option<String>,
    code: Vec<u8>,
    code_expires_at: i64,
    redeemed_at: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<GrantRow> for Grant {
    type Error = StorageError;
    fn try_from(row: GrantRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            flow: Id::from_uuid(row.flow_id),
            application: Id::from_uuid(row.application_id),
            account: Id::from_uuid(row.account_id),
            session: row.session_id.map(Id::from_uuid),
            authentication: serde_json::from_str(&row.authentication)?,
            scope: row.scope,
            nonce: row.nonce,
            redirect_uri: row.redirect_uri,
            details: serde_json::from_str(&row.details)?,
            code_challenge: row.code_challenge,
            code: token_hash(&row.code)?,
            code_expires_at: Timestamp(row.code_expires_at),
            redeemed_at: time(row.redeemed_at),
            revoked_at: time(row.revoked_at),
            created_at: Timestamp(row.created_at),
        })
    }
}

both!(GrantReads {
    async fn grant_by_code(&mut self, tenant: Id<Tenant>, code: &TokenHash) -> Result<Option<Grant>> {
        let row = sqlx::query_as::<_, GrantRow>("SELECT * FROM grants WHERE code = $1 AND tenant_id = $2");
        optional(row.bind(&code.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn grant_by_id(&mut self, id: Id<Grant>) -> Result<Option<Grant>> {
        let row = sqlx::query_as::<_, GrantRow>("SELECT * FROM grants WHERE id = $1");
        optional(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn grants_of_account(&mut self, account: Id<Account>) -> Result<Vec<Grant>> {
        let rows = sqlx::query_as::<_, GrantRow>(
            "SELECT * FROM grants WHERE account_id = $1 AND revoked_at IS NULL ORDER BY id",
        );
        collect(rows.bind(account.uuid()).fetch_all(&mut *self.db).await?)
    }
});

both!(GrantWrites {
    async fn create_grant(&mut self, grant: &Grant) -> Result<()> {
        let insert = self.later(
            "INSERT INTO grants (id, tenant_id, flow_id, application_id, account_id, session_id, authentication, \
                scope, nonce, redirect_uri, code_challenge, code, code_expires_at, redeemed_at, revoked_at, created_at, \
                details, remembered) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        );
        let insert = insert.bind(grant.id.uuid()).bind(grant.tenant.uuid()).bind(grant.flow.uuid());
        let insert = insert.bind(grant.application.uuid()).bind(grant.account.uuid()).bind(grant.session.map(Id::uuid));
        let insert = insert.bind(serde_json::to_string(&grant.authentication)?).bind(&grant.scope).bind(&grant.nonce);
        let insert = insert.bind(&grant.redirect_uri).bind(&grant.code_challenge).bind(&grant.code.0[..]);
        let insert = insert.bind(grant.code_expires_at.0).bind(grant.redeemed_at.map(|at| at.0));
        let insert = insert.bind(grant.revoked_at.map(|at| at.0)).bind(grant.created_at.0);
        let insert = insert.bind(serde_json::to_string(&grant.details)?);
        insert.bind(grant.authentication.remembered().map(Id::uuid)).one().await
    }

    async fn redeem_grant(&mut self, id: Id<Grant>, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE grants SET redeemed_at = $2 WHERE id = $1 AND redeemed_at IS NULL AND revoked_at IS NULL \
             AND code_expires_at > $2 AND created_at <= $3",
        );
        let update = update.bind(id.uuid()).bind(at.0).bind(at.plus(CLOCK_AHEAD).0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn set_grant_details(&mut self, id: Id<Grant>, details: &GrantDetails) -> Result<()> {
        let update = sqlx::query("UPDATE grants SET details = $2 WHERE id = $1 AND revoked_at IS NULL");
        let update = update.bind(id.uuid()).bind(serde_json::to_string(details)?);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn revoke_grant(&mut self, id: Id<Grant>, at: Timestamp) -> Result<bool> {
        let update = sqlx::query("UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
        Ok(update.bind(id.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn revoke_grants_of_account(&mut self, account: Id<Account>, at: Timestamp) -> Result<u64> {
        let update = sqlx::query("UPDATE grants SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL");
        Ok(update.bind(account.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn revoke_grants_of_session(&mut self, session: Id<Session>, at: Timestamp) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE grants SET revoked_at = $2 WHERE revoked_at IS NULL AND session_id IN \
                (SELECT $1 UNION SELECT sid FROM relying_parties WHERE session_id = $1)",
        );
        Ok(update.bind(session.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn revoke_grants_of_browser(&mut self, browser: Id<RememberedBrowser>, at: Timestamp) -> Result<u64> {
        let update = sqlx::query(REVOKE_OF_BROWSER).bind(browser.uuid()).bind(at.0);
        Ok(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn revoke_grants_without_session(&mut self, account: Id<Account>, at: Timestamp) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE grants SET revoked_at = $2 WHERE account_id = $1 AND session_id IS NULL AND revoked_at IS NULL",
        );
        Ok(update.bind(account.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_old_grants(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM grants WHERE id IN (SELECT g.id FROM grants g WHERE g.created_at < $1 AND NOT EXISTS \
                (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = g.id AND r.expires_at >= $1) \
             ORDER BY g.created_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
