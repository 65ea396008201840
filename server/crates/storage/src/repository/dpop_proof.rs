//! Proofs of possession that were used: each works once (RFC 9449, 11.1).

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, secret::TokenHash};

use super::{both, hit};
use crate::error::Result;

/// Changes the list of used proofs.
#[async_trait]
pub trait DpopProofWrites {
    /// Notes that the proof of this hash, which is good until `expires_at`, was used; Conflict if
    /// it was used before.
    async fn use_dpop_proof(&mut self, hash: &TokenHash, expires_at: Timestamp) -> Result<()>;
    /// Deletes at most `limit` that expired before `before`; how many.
    async fn delete_expired_dpop_proofs(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

both!(DpopProofWrites {
    async fn use_dpop_proof(&mut self, hash: &TokenHash, expires_at: Timestamp) -> Result<()> {
        let insert =
            sqlx::query("INSERT INTO dpop_proofs (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING");
        hit(insert.bind(&hash.0[..]).bind(expires_at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_expired_dpop_proofs(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM dpop_proofs WHERE hash IN \
                (SELECT hash FROM dpop_proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
