//! Refresh tokens: each is exchanged once; the grant that they share is what is revoked.

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, grant::RefreshToken, id::Id, secret::TokenHash};
use uuid::Uuid;

use super::{both, optional, time, token_hash};
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

both!(RefreshTokenWrites {
    async fn create_refresh_token(&mut self, token: &RefreshToken) -> Result<()> {
        let insert = self.later(
            "INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at, used_at, replaced_by) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let insert = insert.bind(&token.hash.0[..]).bind(token.grant.uuid()).bind(token.created_at.0);
        let insert = insert.bind(token.expires_at.0).bind(token.used_at.map(|at| at.0));
        let insert = insert.bind(token.replaced_by.map(|hash| hash.0.to_vec()));
        insert.one().await
    }

    async fn replace_successor(
        &mut self,
        hash: &TokenHash,
        lost: &TokenHash,
        next: &TokenHash,
        at: Timestamp,
    ) -> Result<()> {
        let end = self.later(
            "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL \
                AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.revoked_at IS NULL)",
        );
        end.bind(&lost.0[..]).bind(at.0).one().await?;
        let place =
            self.later("UPDATE refresh_tokens SET replaced_by = $3 WHERE hash = $1 AND replaced_by = $2");
        place.bind(&hash.0[..]).bind(&lost.0[..]).bind(&next.0[..]).one().await
    }
});
