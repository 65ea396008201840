//! Invitations: each works once (failure 50).

use async_trait::async_trait;
use lanyard_domain::{
    account::AccountKind, clock::Timestamp, id::Id, invitation::Invitation, role::Role, secret::TokenHash,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{account::address, both, collect, hit, optional, time, token_hash, word};
use crate::error::{Result, StorageError};

/// Reads invitations.
#[async_trait]
pub trait InvitationReads {
    /// The invitation whose link has this token, used or not, if it is of `tenant`.
    async fn invitation_by_token(&mut self, tenant: Id<Tenant>, token: &TokenHash) -> Result<Option<Invitation>>;
    /// At most `limit` invitations of `tenant` to a role that can still be used at `now`, oldest first.
    async fn open_invitations(
        &mut self,
        tenant: Id<Tenant>,
        role: Role,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Invitation>>;
    /// Whether `tenant` has an account yet, or an invitation that can still be used at `now`.
    async fn is_inhabited(&mut self, tenant: Id<Tenant>, now: Timestamp) -> Result<bool>;
}

/// Changes invitations.
#[async_trait]
pub trait InvitationWrites {
    /// Stores an invitation.
    async fn create_invitation(&mut self, invitation: &Invitation) -> Result<()>;
    /// Uses an open invitation of `tenant` up and returns it; Conflict if it was used or is over.
    async fn use_invitation(&mut self, tenant: Id<Tenant>, id: Id<Invitation>, at: Timestamp) -> Result<Invitation>;
    /// Ends an open invitation of `tenant` to `role`; Conflict if it was used or is over.
    async fn withdraw_invitation(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<Invitation>,
        role: Role,
        at: Timestamp,
    ) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: Uuid,
    tenant_id: Uuid,
    token: Vec<u8>,
    email: Option<String>,
    kind: String,
    role: String,
    invited_by: Option<Uuid>,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = StorageError;
    fn try_from(row: InvitationRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            token: token_hash(&row.token)?,
            email: row.email.as_deref().map(address).transpose()?,
            kind: word(AccountKind::parse(&row.kind))?,
            role: serde_json::from_str(&row.role)?,
            invited_by: row.invited_by.map(Id::from_uuid),
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            used_at: time(row.used_at),
        })
    }
}

both!(InvitationReads {
    async fn invitation_by_token(&mut self, tenant: Id<Tenant>, token: &TokenHash) -> Result<Option<Invitation>> {
        let row = sqlx::query_as::<_, InvitationRow>("SELECT * FROM invitations WHERE token = $1 AND tenant_id = $2");
        optional(row.bind(&token.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn open_invitations(
        &mut self,
        tenant: Id<Tenant>,
        role: Role,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Invitation>> {
        let rows = sqlx::query_as::<_, InvitationRow>(
            "SELECT * FROM invitations WHERE tenant_id = $1 AND role = $2 AND used_at IS NULL AND expires_at > $3 \
             ORDER BY created_at LIMIT $4",
        );
        let rows = rows.bind(tenant.uuid()).bind(serde_json::to_string(&role)?).bind(now.0).bind(i64::from(limit));
        collect(rows.fetch_all(&mut *self.db).await?)
    }

    async fn is_inhabited(&mut self, tenant: Id<Tenant>, now: Timestamp) -> Result<bool> {
        let found = sqlx::query_scalar::<_, i64>(
            "SELECT CAST(1 AS BIGINT) WHERE EXISTS (SELECT 1 FROM accounts WHERE tenant_id = $1) OR EXISTS \
             (SELECT 1 FROM invitations WHERE tenant_id = $1 AND used_at IS NULL AND expires_at > $2)",
        );
        Ok(found.bind(tenant.uuid()).bind(now.0).fetch_optional(&mut *self.db).await?.is_some())
    }
});

both!(InvitationWrites {
    async fn create_invitation(&mut self, invitation: &Invitation) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO invitations (id, tenant_id, token, email, kind, role, created_at, expires_at, used_at, \
                invited_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        );
        let insert = insert.bind(invitation.id.uuid()).bind(invitation.tenant.uuid()).bind(&invitation.token.0[..]);
        let insert = insert.bind(invitation.email.as_ref().map(|email| email.as_str())).bind(invitation.kind.as_str());
        let insert = insert.bind(serde_json::to_string(&invitation.role)?).bind(invitation.created_at.0);
        let insert = insert.bind(invitation.expires_at.0).bind(invitation.used_at.map(|at| at.0));
        let insert = insert.bind(invitation.invited_by.map(Id::uuid));
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn use_invitation(&mut self, tenant: Id<Tenant>, id: Id<Invitation>, at: Timestamp) -> Result<Invitation> {
        let update = sqlx::query_as::<_, InvitationRow>(
            "UPDATE invitations SET used_at = $3 WHERE id = $1 AND tenant_id = $2 \
             AND used_at IS NULL AND expires_at > $3 AND created_at <= $3 RETURNING *",
        );
        let row = update.bind(id.uuid()).bind(tenant.uuid()).bind(at.0).fetch_optional(&mut *self.db).await?;
        row.ok_or(StorageError::Conflict)?.try_into()
    }

    async fn withdraw_invitation(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<Invitation>,
        role: Role,
        at: Timestamp,
    ) -> Result<()> {
        let update = sqlx::query(
            "UPDATE invitations SET expires_at = $4 WHERE id = $1 AND tenant_id = $2 AND role = $3 \
             AND used_at IS NULL AND expires_at > $4",
        );
        let update = update.bind(id.uuid()).bind(tenant.uuid()).bind(serde_json::to_string(&role)?).bind(at.0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }
});
