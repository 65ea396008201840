//! Passkeys: whose a credential is, what changes with its use, and the ceremonies of account pages.
//! Ceremonies of journeys stand in the journey.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    factor::Factor,
    id::Id,
    passkey::{Ceremony, CredentialId},
    session::Session,
    tenant::Tenant,
};

use super::{both, factor::FactorRow, hit, optional};
use crate::error::Result;

/// Reads what belongs to passkeys.
#[async_trait]
pub trait PasskeyReads {
    /// The factor of this credential, if an account of `tenant` has it.
    async fn factor_by_credential(&mut self, tenant: Id<Tenant>, credential: &CredentialId) -> Result<Option<Factor>>;
    /// What an authenticator may sign for the account page of a session.
    async fn session_ceremony(&mut self, session: Id<Session>) -> Result<Option<Ceremony>>;
}

/// Changes what belongs to passkeys.
#[async_trait]
pub trait PasskeyWrites {
    /// Notes whether a passkey is backed up; Conflict if it is gone.
    async fn set_backed_up(&mut self, factor: Id<Factor>, backed_up: bool) -> Result<()>;
    /// Turns a passkey off that was copied, once: a later call changes nothing.
    async fn set_copied(&mut self, factor: Id<Factor>, at: Timestamp) -> Result<()>;
    /// Gives a factor of `account` another name; Conflict if it has no such factor.
    async fn rename_factor(&mut self, account: Id<Account>, factor: Id<Factor>, name: &str) -> Result<()>;
    /// Begins a ceremony for the account page of a session, in place of the one before.
    async fn set_session_ceremony(&mut self, session: Id<Session>, ceremony: &Ceremony) -> Result<()>;
    /// Takes this very ceremony: of several who answer it one gets it, the others Conflict.
    async fn take_session_ceremony(&mut self, session: Id<Session>, ceremony: &Ceremony) -> Result<()>;
}

both!(PasskeyReads {
    async fn factor_by_credential(&mut self, tenant: Id<Tenant>, credential: &CredentialId) -> Result<Option<Factor>> {
        let row = sqlx::query_as::<_, FactorRow>(
            "SELECT f.* FROM factors f JOIN accounts a ON a.id = f.account_id \
             WHERE f.credential = $1 AND a.tenant_id = $2",
        );
        optional(row.bind(&credential.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn session_ceremony(&mut self, session: Id<Session>) -> Result<Option<Ceremony>> {
        let row = sqlx::query_as::<_, (Option<String>,)>("SELECT ceremony FROM sessions WHERE id = $1");
        let found = row.bind(session.uuid()).fetch_optional(&mut *self.db).await?;
        found.and_then(|(text,)| text).map(|text| Ok(serde_json::from_str(&text)?)).transpose()
    }
});

both!(PasskeyWrites {
    async fn set_backed_up(&mut self, factor: Id<Factor>, backed_up: bool) -> Result<()> {
        let update = sqlx::query("UPDATE factors SET backed_up = $2 WHERE id = $1 AND credential IS NOT NULL");
        let update = update.bind(factor.uuid()).bind(i64::from(backed_up));
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn set_copied(&mut self, factor: Id<Factor>, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE factors SET copied_at = COALESCE(copied_at, $2) WHERE id = $1 AND credential IS NOT NULL",
        );
        hit(update.bind(factor.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn rename_factor(&mut self, account: Id<Account>, factor: Id<Factor>, name: &str) -> Result<()> {
        let update = sqlx::query("UPDATE factors SET name = $3 WHERE id = $1 AND account_id = $2");
        let update = update.bind(factor.uuid()).bind(account.uuid()).bind(name);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn set_session_ceremony(&mut self, session: Id<Session>, ceremony: &Ceremony) -> Result<()> {
        let update = sqlx::query("UPDATE sessions SET ceremony = $2 WHERE id = $1 AND ended_at IS NULL");
        let update = update.bind(session.uuid()).bind(serde_json::to_string(ceremony)?);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn take_session_ceremony(&mut self, session: Id<Session>, ceremony: &Ceremony) -> Result<()> {
        let update = sqlx::query(
            "UPDATE sessions SET ceremony = NULL WHERE id = $1 AND ceremony = $2 AND ended_at IS NULL",
        );
        let update = update.bind(session.uuid()).bind(serde_json::to_string(ceremony)?);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }
});
