//! Pushed authorization requests (RFC 9126): each is used once, by its own application, in time.

use async_trait::async_trait;
use lanyard_domain::{
    application::Application,
    clock::Timestamp,
    grant::CLOCK_AHEAD,
    id::Id,
    secret::{Sealed, TokenHash},
    tenant::Tenant,
    user_flow::UserFlow,
};

use super::{both, hit};
use crate::error::{Result, StorageError};

/// Where a pushed request may be used: where it was pushed, by who pushed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushedAt {
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The flow.
    pub flow: Id<UserFlow>,
    /// The application.
    pub application: Id<Application>,
}

/// A pushed request as stored. Its parameters may tell who is about to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRequest {
    /// The hash of the reference.
    pub reference: TokenHash,
    /// Where it may be used.
    pub at: PushedAt,
    /// The parameters, sealed.
    pub parameters: Sealed,
    /// When it was pushed.
    pub created_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
}

/// Reads pushed requests; nobody reads what is in one without using it up.
#[async_trait]
pub trait PushedRequestReads {
    /// Whether there is a request to take ([`PushedRequestWrites::take_pushed_request`]).
    async fn has_pushed_request(&mut self, reference: &TokenHash, at: PushedAt, now: Timestamp) -> Result<bool>;
}

/// Changes pushed requests.
#[async_trait]
pub trait PushedRequestWrites {
    /// Stores a request.
    async fn create_pushed_request(&mut self, request: &PushedRequest) -> Result<()>;
    /// Uses a request up and gives its parameters; Conflict if it was used, is over at `now`, or
    /// was pushed elsewhere or by another application, which leaves it as it is. Another server's
    /// clock may be ahead by [`CLOCK_AHEAD`].
    async fn take_pushed_request(&mut self, reference: &TokenHash, at: PushedAt, now: Timestamp) -> Result<Sealed>;
    /// Deletes at most `limit` requests that were over before `before`; how many.
    async fn delete_expired_pushed_requests(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

both!(PushedRequestReads {
    async fn has_pushed_request(&mut self, reference: &TokenHash, at: PushedAt, now: Timestamp) -> Result<bool> {
        let find = sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM pushed_requests WHERE reference = $1 AND tenant_id = $2 AND flow_id = $3 \
             AND application_id = $4 AND expires_at > $5 AND created_at <= $6",
        );
        let find = find.bind(&reference.0[..]).bind(at.tenant.uuid()).bind(at.flow.uuid());
        let find = find.bind(at.application.uuid()).bind(now.0).bind(now.plus(CLOCK_AHEAD).0);
        Ok(find.fetch_one(&mut *self.db).await? > 0)
    }
});

both!(PushedRequestWrites {
    async fn create_pushed_request(&mut self, request: &PushedRequest) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO pushed_requests (reference, tenant_id, flow_id, application_id, parameters, created_at, \
                expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let at = request.at;
        let insert = insert.bind(&request.reference.0[..]).bind(at.tenant.uuid()).bind(at.flow.uuid());
        let insert = insert.bind(at.application.uuid()).bind(&request.parameters.0[..]);
        let insert = insert.bind(request.created_at.0).bind(request.expires_at.0);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn take_pushed_request(&mut self, reference: &TokenHash, at: PushedAt, now: Timestamp) -> Result<Sealed> {
        let delete = sqlx::query_scalar::<_, Vec<u8>>(
            "DELETE FROM pushed_requests WHERE reference = $1 AND tenant_id = $2 AND flow_id = $3 \
             AND application_id = $4 AND expires_at > $5 AND created_at <= $6 RETURNING parameters",
        );
        let delete = delete.bind(&reference.0[..]).bind(at.tenant.uuid()).bind(at.flow.uuid());
        let delete = delete.bind(at.application.uuid()).bind(now.0).bind(now.plus(CLOCK_AHEAD).0);
        let taken = delete.fetch_optional(&mut *self.db).await?;
        taken.map(Sealed).ok_or(StorageError::Conflict)
    }

    async fn delete_expired_pushed_requests(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM pushed_requests WHERE reference IN \
                (SELECT reference FROM pushed_requests WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
