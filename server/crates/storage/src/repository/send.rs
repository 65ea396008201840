//! Sends: how many codes went to an address or number lately (U13). Destinations are hashed.

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, secret::TokenHash};

use super::both;
use crate::error::Result;

/// Reads sends.
#[async_trait]
pub trait SendReads {
    /// The sends to a destination since `since` (included), oldest first.
    async fn recent_sends(&mut self, destination: &TokenHash, since: Timestamp) -> Result<Vec<Timestamp>>;
}

/// Notes sends.
#[async_trait]
pub trait SendWrites {
    /// Notes a send.
    async fn note_send(&mut self, destination: &TokenHash, at: Timestamp) -> Result<()>;
    /// Deletes the sends before `before`; how many.
    async fn delete_old_sends(&mut self, before: Timestamp) -> Result<u64>;
}

both!(SendReads {
    async fn recent_sends(&mut self, destination: &TokenHash, since: Timestamp) -> Result<Vec<Timestamp>> {
        let rows = sqlx::query_as::<_, (i64,)>(
            "SELECT sent_at FROM sends WHERE destination = $1 AND sent_at >= $2 ORDER BY sent_at",
        );
        let rows = rows.bind(&destination.0[..]).bind(since.0).fetch_all(&mut *self.db).await?;
        Ok(rows.into_iter().map(|row| Timestamp(row.0)).collect())
    }
});

both!(SendWrites {
    async fn note_send(&mut self, destination: &TokenHash, at: Timestamp) -> Result<()> {
        let insert = sqlx::query("INSERT INTO sends (destination, sent_at) VALUES ($1, $2)");
        insert.bind(&destination.0[..]).bind(at.0).execute(&mut *self.db).await?;
        Ok(())
    }

    async fn delete_old_sends(&mut self, before: Timestamp) -> Result<u64> {
        let delete = sqlx::query("DELETE FROM sends WHERE sent_at < $1");
        Ok(delete.bind(before.0).execute(&mut *self.db).await?.rows_affected())
    }
});
