//! Sessions. One cookie carries several, one for each tenant: the key is (cookie hash, tenant).

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::{MINUTE, Timestamp},
    id::Id,
    remembered::RememberedBrowser,
    secret::TokenHash,
    session::{ConsoleKind, Session},
    tenant::Tenant,
};
use uuid::Uuid;

use super::{both, collect, optional, time, token_hash, word};
use crate::error::{Result, StorageError};

/// Reads sessions.
#[async_trait]
pub trait SessionReads {
    /// The session of `tenant` that this cookie carries, unless it was ended. Whether it is still
    /// live is for [`Session::is_live`] to say.
    async fn session_by_token(&mut self, tenant: Id<Tenant>, token: &TokenHash) -> Result<Option<Session>>;
    /// The session of this id, ended or not.
    async fn session_by_id(&mut self, id: Id<Session>) -> Result<Option<Session>>;
    /// Every session that this cookie carries and that was not ended.
    async fn sessions_of_cookie(&mut self, token: &TokenHash) -> Result<Vec<Session>>;
    /// The sessions of an account that neither ended nor expired, oldest first.
    async fn live_sessions_of_account(&mut self, account: Id<Account>, now: Timestamp) -> Result<Vec<Session>>;
    /// Every session in which this remembered browser stood in for a second factor, ended or not, oldest first.
    async fn sessions_of_browser(&mut self, browser: Id<RememberedBrowser>) -> Result<Vec<Session>>;
}

/// Changes sessions.
#[async_trait]
pub trait SessionWrites {
    /// Stores a session.
    async fn create_session(&mut self, session: &Session) -> Result<()>;
    /// Notes that a session was used, once a minute at most, and renews it to `expires_at`
    /// ([`Session::renewed`]), which never shortens its life; whether it was noted.
    async fn touch_session(&mut self, id: Id<Session>, now: Timestamp, expires_at: Timestamp) -> Result<bool>;
    /// The session of this id, unless it was ended, held until this transaction ends: nobody ends it
    /// before what it allows is committed.
    async fn hold_session(&mut self, id: Id<Session>) -> Result<Option<Session>>;
    /// Ends a session; whether it was still standing.
    async fn end_session(&mut self, id: Id<Session>, at: Timestamp) -> Result<bool>;
    /// Ends every session of an account but `except`; how many there were.
    async fn end_sessions_of_account(
        &mut self,
        account: Id<Account>,
        except: Option<Id<Session>>,
        at: Timestamp,
    ) -> Result<u64>;
    /// Moves the sessions of all tenants but `except` from one cookie to the next (ASVS 7.2.4: a
    /// sign-in makes a new token); how many there were.
    async fn rekey_sessions(&mut self, old: &TokenHash, new: &TokenHash, except: Id<Tenant>) -> Result<u64>;
    /// Deletes at most `limit` sessions that expired before `before`; how many.
    async fn delete_expired_sessions(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

/// [`SessionReads::sessions_of_browser`]; the tests look at its plan.
pub(crate) const OF_BROWSER: &str = "SELECT * FROM sessions WHERE remembered = $1 ORDER BY created_at";

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    tenant_id: Uuid,
    account_id: Uuid,
    token: Vec<u8>,
    console: Option<String>,
    authentication: String,
    terms: String,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<SessionRow> for Session {
    type Error = StorageError;
    fn try_from(row: SessionRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            account: Id::from_uuid(row.account_id),
            token: token_hash(&row.token)?,
            console: row.console.as_deref().map(|name| word(ConsoleKind::parse(name))).transpose()?,
            authentication: serde_json::from_str(&row.authentication)?,
            terms: serde_json::from_str(&row.terms)?,
            created_at: Timestamp(row.created_at),
            last_seen_at: Timestamp(row.last_seen_at),
            expires_at: Timestamp(row.expires_at),
            ended_at: time(row.ended_at),
        })
    }
}

both!(SessionReads {
    async fn session_by_token(&mut self, tenant: Id<Tenant>, token: &TokenHash) -> Result<Option<Session>> {
        let row = sqlx::query_as::<_, SessionRow>(
            "SELECT * FROM sessions WHERE token = $1 AND tenant_id = $2 AND ended_at IS NULL",
        );
        optional(row.bind(&token.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn session_by_id(&mut self, id: Id<Session>) -> Result<Option<Session>> {
        let row = sqlx::query_as::<_, SessionRow>("SELECT * FROM sessions WHERE id = $1");
        optional(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn sessions_of_cookie(&mut self, token: &TokenHash) -> Result<Vec<Session>> {
        let rows = sqlx::query_as::<_, SessionRow>(
            "SELECT * FROM sessions WHERE token = $1 AND ended_at IS NULL ORDER BY tenant_id",
        );
        collect(rows.bind(&token.0[..]).fetch_all(&mut *self.db).await?)
    }

    async fn live_sessions_of_account(&mut self, account: Id<Account>, now: Timestamp) -> Result<Vec<Session>> {
        let rows = sqlx::query_as::<_, SessionRow>(
            "SELECT * FROM sessions WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 \
             ORDER BY created_at",
        );
        collect(rows.bind(account.uuid()).bind(now.0).fetch_all(&mut *self.db).await?)
    }

    async fn sessions_of_browser(&mut self, browser: Id<RememberedBrowser>) -> Result<Vec<Session>> {
        let rows = sqlx::query_as::<_, SessionRow>(OF_BROWSER);
        collect(rows.bind(browser.uuid()).fetch_all(&mut *self.db).await?)
    }
});

both!(SessionWrites {
    async fn create_session(&mut self, session: &Session) -> Result<()> {
        let insert = self.later(
            "INSERT INTO sessions (token, tenant_id, id, account_id, console, authentication, created_at, \
                last_seen_at, expires_at, ended_at, terms, remembered) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        );
        let insert = insert.bind(&session.token.0[..]).bind(session.tenant.uuid()).bind(session.id.uuid());
        let insert = insert.bind(session.account.uuid()).bind(session.console.map(ConsoleKind::as_str));
        let insert = insert.bind(serde_json::to_string(&session.authentication)?).bind(session.created_at.0);
        let insert = insert.bind(session.last_seen_at.0).bind(session.expires_at.0);
        let insert = insert.bind(session.ended_at.map(|at| at.0));
        let insert = insert.bind(serde_json::to_string(&session.terms)?);
        insert.bind(session.authentication.remembered().map(Id::uuid)).one().await
    }

    async fn touch_session(&mut self, id: Id<Session>, now: Timestamp, expires_at: Timestamp) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE sessions SET last_seen_at = $2, \
                expires_at = CASE WHEN expires_at < $4 THEN $4 ELSE expires_at END \
             WHERE id = $1 AND ended_at IS NULL AND last_seen_at <= $3",
        );
        let update = update.bind(id.uuid()).bind(now.0).bind(now.minus(MINUTE).0).bind(expires_at.0);
        Ok(update.execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn hold_session(&mut self, id: Id<Session>) -> Result<Option<Session>> {
        let row = sqlx::query_as::<_, SessionRow>(
            "UPDATE sessions SET ended_at = NULL WHERE id = $1 AND ended_at IS NULL RETURNING *",
        );
        optional(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn end_session(&mut self, id: Id<Session>, at: Timestamp) -> Result<bool> {
        let update = sqlx::query("UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL");
        Ok(update.bind(id.uuid()).bind(at.0).execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn end_sessions_of_account(
        &mut self,
        account: Id<Account>,
        except: Option<Id<Session>>,
        at: Timestamp,
    ) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL AND id <> $3",
        );
        let except = except.map_or(Uuid::nil(), Id::uuid);
        Ok(update.bind(account.uuid()).bind(at.0).bind(except).execute(&mut *self.db).await?.rows_affected())
    }

    async fn rekey_sessions(&mut self, old: &TokenHash, new: &TokenHash, except: Id<Tenant>) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE sessions SET token = $2 WHERE token = $1 AND tenant_id <> $3 AND ended_at IS NULL",
        );
        let update = update.bind(&old.0[..]).bind(&new.0[..]).bind(except.uuid());
        Ok(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_expired_sessions(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM sessions WHERE id IN \
             (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
