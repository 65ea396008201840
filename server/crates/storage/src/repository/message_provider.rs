//! How the providers of messages are doing, as all servers on the database see it.
//!
//! A provider without a row never failed. Its circuit is open from so many failures in a row on; whoever
//! then tries it again is chosen by one conditional statement, so that it is one message at a time and not
//! one of every server.

use async_trait::async_trait;
use lanyard_domain::clock::Timestamp;

use super::{both, time};
use crate::error::Result;

/// A provider that has failed at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderHealth {
    /// Its section in the configuration.
    pub name: String,
    /// Failures in a row that tell of it; 0 once it works again.
    pub failures: u32,
    /// Until then it is asked last; `None` while the circuit is closed.
    pub open_until: Option<Timestamp>,
    /// What went wrong last, in fixed words.
    pub last_failure: String,
    /// When that was.
    pub last_failure_at: Timestamp,
    /// When it last worked again after its circuit had been open.
    pub recovered_at: Option<Timestamp>,
}

impl ProviderHealth {
    /// Whether anything is counted against it, which a message that it takes would end.
    #[must_use]
    pub const fn is_blamed(&self) -> bool {
        self.failures > 0 || self.open_until.is_some()
    }
}

/// A failure to be noted.
#[derive(Debug, Clone, Copy)]
pub struct ProviderFailure<'a> {
    /// The provider's section in the configuration.
    pub name: &'a str,
    /// When.
    pub at: Timestamp,
    /// What went wrong, in fixed words.
    pub reason: &'a str,
    /// Whether it tells of the provider, and not of one message: then it counts.
    pub counts: bool,
    /// So many in a row open the circuit; 2 or more.
    pub opens_at: u32,
    /// Until when it is then open.
    pub open_until: Timestamp,
}

/// Reads how providers are doing.
#[async_trait]
pub trait MessageProviderReads {
    /// All that ever failed, by name.
    async fn provider_health(&mut self) -> Result<Vec<ProviderHealth>>;
}

/// Notes how providers are doing.
#[async_trait]
pub trait MessageProviderWrites {
    /// Takes it on oneself to try a provider again whose circuit was open until `now` or earlier; for
    /// everybody else it is open until `until`. `false` when somebody else was first.
    async fn try_provider_again(&mut self, name: &str, now: Timestamp, until: Timestamp) -> Result<bool>;
    /// Notes a failure; the failures in a row, this one included.
    async fn provider_failed(&mut self, failure: ProviderFailure<'_>) -> Result<u32>;
    /// It took a message: nothing is counted against it any more. Whether its circuit was open.
    async fn provider_delivered(&mut self, name: &str, at: Timestamp) -> Result<bool>;
}

#[derive(sqlx::FromRow)]
struct HealthRow {
    name: String,
    failures: i64,
    open_until: Option<i64>,
    last_failure: String,
    last_failure_at: i64,
    recovered_at: Option<i64>,
}

fn count(failures: i64) -> u32 {
    u32::try_from(failures).unwrap_or(u32::MAX)
}

both!(MessageProviderReads {
    async fn provider_health(&mut self) -> Result<Vec<ProviderHealth>> {
        let rows = sqlx::query_as::<_, HealthRow>(
            "SELECT name, failures, open_until, last_failure, last_failure_at, recovered_at FROM message_providers \
             ORDER BY name",
        );
        let rows = rows.fetch_all(&mut *self.db).await?;
        let health = |row: HealthRow| ProviderHealth {
            name: row.name,
            failures: count(row.failures),
            open_until: time(row.open_until),
            last_failure: row.last_failure,
            last_failure_at: Timestamp(row.last_failure_at),
            recovered_at: time(row.recovered_at),
        };
        Ok(rows.into_iter().map(health).collect())
    }
});

both!(MessageProviderWrites {
    async fn try_provider_again(&mut self, name: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
        let update =
            sqlx::query("UPDATE message_providers SET open_until = $3 WHERE name = $1 AND open_until <= $2");
        let update = update.bind(name).bind(now.0).bind(until.0);
        Ok(update.execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn provider_failed(&mut self, failure: ProviderFailure<'_>) -> Result<u32> {
        let upsert = sqlx::query_as::<_, (i64,)>(
            "INSERT INTO message_providers (name, failures, last_failure, last_failure_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET failures = message_providers.failures + $2, last_failure = $3, \
                last_failure_at = $4, open_until = CASE WHEN $2 > 0 AND message_providers.failures + $2 >= $5 \
                THEN $6 ELSE message_providers.open_until END \
             RETURNING failures",
        );
        let upsert = upsert.bind(failure.name).bind(i64::from(failure.counts)).bind(failure.reason);
        let upsert = upsert.bind(failure.at.0).bind(i64::from(failure.opens_at)).bind(failure.open_until.0);
        Ok(count(upsert.fetch_one(&mut *self.db).await?.0))
    }

    async fn provider_delivered(&mut self, name: &str, at: Timestamp) -> Result<bool> {
        // Who was open is told by the moment of recovery, which is written for those alone.
        let clear = sqlx::query_as::<_, (Option<i64>,)>(
            "UPDATE message_providers SET failures = 0, open_until = NULL, \
                recovered_at = CASE WHEN open_until IS NULL THEN recovered_at ELSE $2 END \
             WHERE name = $1 AND (failures > 0 OR open_until IS NOT NULL) RETURNING recovered_at",
        );
        let cleared = clear.bind(name).bind(at.0).fetch_optional(&mut *self.db).await?;
        Ok(cleared.is_some_and(|(recovered,)| recovered == Some(at.0)))
    }
});
