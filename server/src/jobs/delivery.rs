//! Delivers the outbox: a few messages at a time, with retries until each has lost its meaning.

use std::{sync::Arc, time::Duration};

use lanyard_crypto::Purpose;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{Millis, SECOND, Timestamp},
};
use lanyard_messaging::{DeliveryError, Message, Reason, retry};
use lanyard_storage::{ClaimedMessage, StorageError};
use tokio::sync::{Notify, Semaphore};

use crate::{
    service::{audit, sign_out},
    state::App,
};

/// Messages under way at once, over all providers.
const AT_ONCE: usize = 16;
/// How long a worker may hold a message before another takes it over.
const LEASE: Millis = 60 * SECOND;
/// How often the outbox is looked at when nothing wakes us.
const IDLE: Duration = Duration::from_secs(1);

/// Wakes the delivery after a commit that put something into the outbox.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There may be something to send.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Runs until the task is dropped.
pub async fn run(app: App) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let claimed = match claim(&app, slots.available_permits()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                Vec::new()
            }
        };
        if claimed.is_empty() {
            tokio::select! {
                () = app.outbox.0.notified() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
        for message in claimed {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let app = app.clone();
            // One dead provider holds its own messages only.
            tokio::spawn(async move {
                deliver(&app, message).await;
                drop(slot);
                app.outbox.wake();
            });
        }
    }
}

/// Delivers everything that is due now, one after the other; for tests and for shutting down.
///
/// # Errors
/// When the database does not answer.
pub async fn drain(app: &App) -> Result<usize, StorageError> {
    let mut count = 0;
    loop {
        let claimed = claim(app, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(count);
        }
        for message in claimed {
            deliver(app, message).await;
            count += 1;
        }
    }
}

async fn claim(app: &App, limit: usize) -> Result<Vec<ClaimedMessage>, StorageError> {
    let limit = u32::try_from(limit).unwrap_or(1);
    let now = app.clock.now();
    // A look without a lock first: most of the time there is nothing.
    let due = app.store.read(move |tx| Box::pin(async move { tx.next_message_due().await })).await?;
    if limit == 0 || due.is_none_or(|due: Timestamp| due > now) {
        return Ok(Vec::new());
    }
    app.store.write(move |tx| Box::pin(async move { tx.claim_messages(now, now.plus(LEASE), limit).await })).await
}

async fn deliver(app: &App, claimed: ClaimedMessage) {
    let result = match claimed.message.kind.as_str() {
        sign_out::KIND => sign_out::deliver(app, &claimed).await,
        _ => message(app, &claimed).await,
    };
    if let Err(error) = note(app, &claimed, result).await {
        // The lease runs out and the message is tried again: twice is better than never.
        tracing::warn!(%error, message = %claimed.message.id, "the result of a delivery was not stored");
    }
}

async fn message(app: &App, claimed: &ClaimedMessage) -> Result<(), DeliveryError> {
    match open(app, claimed).await {
        Some(message) => app.transport.deliver(&message).await.map(drop),
        None => {
            tracing::error!(message = %claimed.message.id, "a message in the outbox cannot be opened");
            Err(DeliveryError::Permanent(Reason::BadMessage("payload")))
        }
    }
}

async fn open(app: &App, claimed: &ClaimedMessage) -> Option<Message> {
    let entry = &claimed.message;
    let keys = app.tenant_keys_of(entry.tenant).await.ok()?;
    let plain = keys.open(Purpose::OutboxPayload, &entry.id.to_string(), &entry.payload).ok()?;
    serde_json::from_slice(&plain).ok()
}

async fn note(app: &App, claimed: &ClaimedMessage, result: Result<(), DeliveryError>) -> Result<(), StorageError> {
    let (entry, lease, now) = (&claimed.message, claimed.lease, app.clock.now());
    let id = entry.id;
    let error = match result {
        Ok(()) => {
            return app
                .store
                .write(move |tx| Box::pin(async move { tx.message_delivered(id, lease, now).await }))
                .await;
        }
        Err(error) => error,
    };
    let again = if error.is_retryable() {
        retry::next_attempt(claimed.attempts, entry.created_at.0, now.0, entry.expires_at.0)
    } else {
        None
    };
    let text = error.to_string();
    tracing::warn!(message = %id, kind = entry.kind, error = text, retry = again.is_some(), "delivery failed");
    let (own, tenant, kind) = (app.clone(), entry.tenant, entry.kind.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let Some(at) = again else {
                    tx.message_failed(id, lease, now, &text).await?;
                    let detail = serde_json::json!({"kind": kind, "reason": text});
                    let event = audit::Event::of(Action::MessageFailed, Outcome::Failure).on(id).with(detail);
                    return audit::append(&own, tx, tenant, event).await;
                };
                tx.retry_message(id, lease, Timestamp(at), &text).await
            })
        })
        .await
}
