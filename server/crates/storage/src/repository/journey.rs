//! Journeys: one row each, moved on by compare-and-set on its version.

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, id::Id, journey::Journey};

use super::{both, time};
use crate::error::{Result, StorageError};

/// A journey as stored.
#[derive(Debug)]
pub struct StoredJourney {
    /// The journey.
    pub journey: Journey,
    /// Its version: what [`JourneyWrites::save_journey`] must name.
    pub version: i64,
    /// What the server wants to say on the next page: JSON of its own.
    pub feedback: Option<String>,
    /// Set once the journey is over.
    pub ended_at: Option<Timestamp>,
}

/// A step to store.
#[derive(Debug)]
pub struct JourneySave<'a> {
    /// The journey after the step.
    pub journey: &'a Journey,
    /// The version that the step began with.
    pub replaces: i64,
    /// What to say on the next page.
    pub feedback: Option<&'a str>,
    /// Set when the journey is over with this step; no later step is stored.
    pub ended_at: Option<Timestamp>,
    /// If given, the step counts only while the flow still has this version.
    pub flow_version: Option<i64>,
}

/// Reads journeys.
#[async_trait]
pub trait JourneyReads {
    /// The journey of this id, over or not.
    async fn journey(&mut self, id: Id<Journey>) -> Result<Option<StoredJourney>>;
}

/// Changes journeys.
#[async_trait]
pub trait JourneyWrites {
    /// Stores a new journey as version 1.
    async fn create_journey(&mut self, journey: &Journey, feedback: Option<&str>) -> Result<()>;
    /// Stores a step and returns the new version. Conflict if another step was first, the journey
    /// is over, or the flow has another version.
    async fn save_journey(&mut self, save: JourneySave<'_>) -> Result<i64>;
    /// Deletes at most `limit` journeys that expired before `before`; how many.
    async fn delete_expired_journeys(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
pub(super) struct JourneyRow {
    state: String,
    version: i64,
    feedback: Option<String>,
    ended_at: Option<i64>,
}

impl TryFrom<JourneyRow> for StoredJourney {
    type Error = StorageError;
    fn try_from(row: JourneyRow) -> Result<Self> {
        Ok(Self {
            journey: serde_json::from_str(&row.state)?,
            version: row.version,
            feedback: row.feedback,
            ended_at: time(row.ended_at),
        })
    }
}

both!(JourneyReads {
    async fn journey(&mut self, id: Id<Journey>) -> Result<Option<StoredJourney>> {
        let row = sqlx::query_as::<_, JourneyRow>(
            "SELECT state, version, feedback, ended_at FROM journeys WHERE id = $1",
        );
        super::optional(row.bind(id.uuid()).fetch_optional(&mut *self.db).await?)
    }
});

both!(JourneyWrites {
    async fn create_journey(&mut self, journey: &Journey, feedback: Option<&str>) -> Result<()> {
        let header = &journey.header;
        let insert = self.later(
            "INSERT INTO journeys (id, tenant_id, flow_id, browser, version, state, feedback, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8)",
        );
        let insert = insert.bind(header.id.uuid()).bind(header.tenant.uuid()).bind(header.flow.id.uuid());
        let insert = insert.bind(&header.browser.0[..]).bind(serde_json::to_string(journey)?).bind(feedback);
        let insert = insert.bind(header.created_at.0).bind(header.expires_at.0);
        insert.one().await
    }

    async fn save_journey(&mut self, save: JourneySave<'_>) -> Result<i64> {
        let update = self.later(
            "UPDATE journeys SET state = $3, feedback = $4, ended_at = $5, version = version + 1 \
             WHERE id = $1 AND version = $2 AND ended_at IS NULL AND ($6 IS NULL OR EXISTS \
                (SELECT 1 FROM user_flows f WHERE f.id = journeys.flow_id AND f.version = $6))",
        );
        let update = update.bind(save.journey.header.id.uuid()).bind(save.replaces);
        let update = update.bind(serde_json::to_string(save.journey)?).bind(save.feedback);
        let update = update.bind(save.ended_at.map(|at| at.0)).bind(save.flow_version);
        update.one().await?;
        Ok(save.replaces + 1)
    }

    async fn delete_expired_journeys(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM journeys WHERE id IN \
             (SELECT id FROM journeys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
