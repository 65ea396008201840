//! Refresh tokens: each is exchanged once; the grant that they share is what is revoked.

use async_trait::async_trait;
use lanyard_domain::{
    clock::Timestamp,
    grant::{Grant, RefreshToken},
    id::Id,
    secret::TokenHash,
};
use uuid::Uuid;

use super::{both, grant::GrantRow, hit, optional, time, token_hash};
use crate::error::{Result, StorageError};

/// Reads refresh tokens.
#[async_trait]
pub trait RefreshTokenReads {
    /// The token of this hash, used or not.
    async fn refresh_token(&mut self, hash: &TokenHash) -> Result<Option<RefreshToken>>;
}

/// Changes refresh tokens.
#[async_trait]
pub trait RefreshTokenWrites {
    /// Stores a token.
    async fn create_refresh_token(&mut self, token: &RefreshToken) -> Result<()>;
    /// The grant of this token, locked until the transaction ends: whoever refreshes or revokes
    /// the same family at the same moment comes before or after, never in between.
    async fn lock_grant_of_refresh_token(&mut self, hash: &TokenHash) -> Result<Option<Grant>>;
    /// Puts `next` in the place of `lost`, the token that this used one was exchanged for, and
    /// ends `lost`. Conflict if `lost` was used, is not its successor, or the grant is revoked.
    async fn replace_successor(
        &mut self,
        hash: &TokenHash,
        lost: &TokenHash,
        next: &TokenHash,
        at: Timestamp,
    ) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    hash: Vec<u8>,
    grant_id: Uuid,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
    replaced_by: Option<Vec<u8>>,
}

impl TryFrom<TokenRow> for RefreshToken {
    type Error = StorageError;
    fn try_from(row: TokenRow) -> Result<Self> {
        Ok(Self {
            hash: token_hash(&row.hash)?,
            grant: Id::from_uuid(row.grant_id),
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            used_at: time(row.used_at),
            replaced_by: row.replaced_by.as_deref().map(token_hash).transpose()?,
        })
    }
}

both!(RefreshTokenReads {
    async fn refresh_token(&mut self, hash: &TokenHash) -> Result<Option<RefreshToken>> {
        let row = sqlx::query_as::<_, TokenRow>("SELECT * FROM refresh_tokens WHERE hash = $1");
        optional(row.bind(&hash.0[..]).fetch_optional(&mut *self.db).await?)
    }
});

impl crate::sqlite::SqliteTx<'_> {
    const LOCK_GRANT: &'static str = crate::sqlite::dialect::LOCK_GRANT_OF_REFRESH_TOKEN;
}

impl crate::postgres::PostgresTx<'_> {
    const LOCK_GRANT: &'static str = crate::postgres::dialect::LOCK_GRANT_OF_REFRESH_TOKEN;
}

both!(RefreshTokenWrites {
    async fn lock_grant_of_refresh_token(&mut self, hash: &TokenHash) -> Result<Option<Grant>> {
        let row = sqlx::query_as::<_, GrantRow>(Self::LOCK_GRANT);
        optional(row.bind(&hash.0[..]).fetch_optional(&mut *self.db).await?)
    }

    async fn create_refresh_token(&mut self, token: &RefreshToken) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at, used_at, replaced_by) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let insert = insert.bind(&token.hash.0[..]).bind(token.grant.uuid()).bind(token.created_at.0);
        let insert = insert.bind(token.expires_at.0).bind(token.used_at.map(|at| at.0));
        let insert = insert.bind(token.replaced_by.map(|hash| hash.0.to_vec()));
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn replace_successor(
        &mut self,
        hash: &TokenHash,
        lost: &TokenHash,
        next: &TokenHash,
        at: Timestamp,
    ) -> Result<()> {
        let end = sqlx::query(
            "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL \
                AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.revoked_at IS NULL)",
        );
        hit(end.bind(&lost.0[..]).bind(at.0).execute(&mut *self.db).await?.rows_affected())?;
        let place = sqlx::query("UPDATE refresh_tokens SET replaced_by = $3 WHERE hash = $1 AND replaced_by = $2");
        let place = place.bind(&hash.0[..]).bind(&lost.0[..]).bind(&next.0[..]);
        hit(place.execute(&mut *self.db).await?.rows_affected())
    }
});
