//! Sends: how many codes went to an address or number lately (U13). Destinations are hashed.

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, secret::TokenHash};

use super::both;
use crate::error::Result;

/// Reads sends.
#[async_trait]
pub trait SendReads {
    /// The sends to each of two destinations since `since` (included), oldest first. One statement.
    async fn recent_sends(&mut self, destinations: [&TokenHash; 2], since: Timestamp) -> Result<[Vec<Timestamp>; 2]>;
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
    async fn recent_sends(&mut self, destinations: [&TokenHash; 2], since: Timestamp) -> Result<[Vec<Timestamp>; 2]> {
        let rows = sqlx::query_as::<_, (Vec<u8>, i64)>(
            "SELECT destination, sent_at FROM sends WHERE destination IN ($1, $2) AND sent_at >= $3 ORDER BY sent_at",
        );
        let rows = destinations.iter().fold(rows, |rows, destination| rows.bind(&destination.0[..]));
        let rows = rows.bind(since.0).fetch_all(&mut *self.db).await?;
        Ok(destinations.map(|destination| {
            let own = rows.iter().filter(|(to, _)| *to == destination.0);
            own.map(|(_, at)| Timestamp(*at)).collect()
        }))
    }
});

both!(SendWrites {
    async fn note_send(&mut self, destination: &TokenHash, at: Timestamp) -> Result<()> {
        let insert = self.later("INSERT INTO sends (destination, sent_at) VALUES ($1, $2)");
        insert.bind(&destination.0[..]).bind(at.0).one().await
    }

    async fn delete_old_sends(&mut self, before: Timestamp) -> Result<u64> {
        let delete = sqlx::query("DELETE FROM sends WHERE sent_at < $1");
        Ok(delete.bind(before.0).execute(&mut *self.db).await?.rows_affected())
    }
});
