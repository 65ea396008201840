//! Keeps the signing keys up: adds the next ones in time, deletes those that nobody needs.

use std::time::Duration;

use crate::{service::key_rotation, state::App};

/// How often; much more often than the least lead of a key.
const EVERY: Duration = Duration::from_secs(60);

/// Runs until the task is dropped.
pub async fn run(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match key_rotation::keep_up(&app).await {
            Ok((0, 0)) => {}
            Ok((added, deleted)) => tracing::info!(added, deleted, "signing keys"),
            Err(error) => tracing::warn!(%error, "the signing keys could not be looked after"),
        }
    }
}
