//! Deletes what is dead: accounts whose owners asked for it, journeys, throttles, sends, delivered messages, expired grants. In small
//! batches, so that no request waits for it.

use std::time::Duration;

use lanyard_domain::{
    clock::{DAY, HOUR, Timestamp},
    user_flow::KNOWN_LIFE,
};
use lanyard_storage::StorageError;

use crate::{
    service::{account, invitations, left_out},
    state::App,
};

/// Rows per batch and table.
const BATCH: u32 = 500;
/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// Between two batches, so that requests come in between.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs until the task is dropped.
pub async fn run(app: App) {
    tokio::join!(delete(&app), tidy(&app));
}

// In its own time: under a flood the deletions go on for long.
async fn tidy(app: &App) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        app.limiter.tidy();
        if let Err(error) = left_out::tell_due(app, app.clock.now()).await {
            tracing::warn!(%error, "the log was not told what was left out of it; it will be");
        }
        if let Err(error) = invitations::forget_first_link(app).await {
            tracing::warn!(%error, "whether the first operator's link is used up cannot be read");
        }
    }
}

async fn delete(app: &App) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match all(app).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "cleaned up"),
            Err(error) => tracing::warn!(%error, "clean-up failed"),
        }
    }
}

// As many passes as it takes: anybody may begin journeys, so one batch a minute would fall behind.
async fn all(app: &App) -> Result<u64, StorageError> {
    let mut total = match account::deletion::carry_out(app, app.clock.now()).await {
        Ok(gone) => gone,
        // What else is dead goes all the same.
        Err(error) => {
            tracing::warn!(%error, "accounts were not deleted");
            0
        }
    };
    loop {
        let rows = once(app, app.clock.now()).await?;
        total += rows;
        if rows < u64::from(BATCH) {
            return Ok(total);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One pass; gives the number of rows deleted.
///
/// # Errors
/// When the database does not answer.
pub async fn once(app: &App, now: Timestamp) -> Result<u64, StorageError> {
    // By itself: every wrong password of a tenant waits for one of these rows. A day longer than needed, for when somebody
    // was last told of it.
    let job =
        app.store.write(move |tx| Box::pin(async move { tx.delete_restored_allowances(now.minus(DAY), BATCH).await }));
    let restored: u64 = job.await?;
    let rows: u64 = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let mut rows = tx.delete_expired_journeys(now.minus(HOUR), BATCH).await?;
                rows += tx.delete_old_throttles(now.minus(DAY), BATCH).await?;
                rows += tx.delete_old_sends(now.minus(HOUR)).await?;
                rows += tx.delete_expired_sessions(now.minus(DAY), BATCH).await?;
                rows += tx.delete_old_grants(now.minus(30 * DAY), BATCH).await?;
                rows += tx.delete_expired_pushed_requests(now, BATCH).await?;
                rows += tx.delete_old_messages(now.minus(DAY), BATCH).await?;
                // Not at once: another process's clock may be behind ours.
                rows += tx.delete_expired_client_assertions(now.minus(HOUR), BATCH).await?;
                rows += tx.delete_expired_device_codes(now.minus(HOUR), BATCH).await?;
                rows += tx.delete_expired_dpop_proofs(now.minus(HOUR), BATCH).await?;
                rows += tx.delete_old_contact_changes(now.minus(HOUR), BATCH).await?;
                rows += tx.delete_old_repudiations(now.minus(DAY), BATCH).await?;
                rows += tx.delete_old_issued_codes(now.minus(DAY), BATCH).await?;
                rows += tx.delete_old_resets(now.minus(30 * DAY), BATCH).await?;
                rows += tx.delete_expired_remembered(now.minus(DAY), BATCH).await?;
                rows += tx.delete_old_initial_access_tokens(now.minus(30 * DAY), BATCH).await?;
                rows += tx.delete_old_places(now.minus(KNOWN_LIFE), BATCH).await?;
                Ok::<_, StorageError>(rows)
            })
        })
        .await?;
    Ok(restored + rows)
}
