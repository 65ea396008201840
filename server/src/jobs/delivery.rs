//! Delivers the outbox: a few messages of each kind at a time, with retries until each has lost its meaning. Where
//! there is a second provider, each attempt asks both before it counts as failed.

use std::{sync::Arc, time::Duration};

use lanyard_crypto::Purpose;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{Millis, SECOND, Timestamp},
};
use lanyard_messaging::{Attempt, DeliveryError, Message, Reason, fallback, retry};
use lanyard_storage::{ClaimedMessage, MessageKind, StorageError, Wanted};
use tokio::sync::Notify;

use super::{
    providers,
    slots::{Slots, at_once},
};
use crate::{
    service::{audit, sign_out},
    state::App,
};

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
    let slots = Slots::default();
    loop {
        let claimed = match claim(&app, slots.wanted()).await {
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
            let (app, slot) = (app.clone(), slots.take(&message.message));
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
        let all = MessageKind::ALL.map(|kind| Wanted { kind, busy: Vec::new(), limit: at_once(kind) });
        let claimed = claim(app, all.to_vec()).await?;
        if claimed.is_empty() {
            return Ok(count);
        }
        for message in claimed {
            deliver(app, message).await;
            count += 1;
        }
    }
}

async fn claim(app: &App, wanted: Vec<Wanted>) -> Result<Vec<ClaimedMessage>, StorageError> {
    let now = app.clock.now();
    // A look without a lock first: most of the time there is nothing.
    let look = app.store.read(move |tx| {
        Box::pin(async move {
            let mut due = Vec::new();
            for wanted in wanted {
                if tx.next_message_due(&wanted).await?.is_some_and(|at| at <= now) {
                    due.push(wanted);
                }
            }
            Ok::<_, StorageError>(due)
        })
    });
    let due = look.await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let lease = now.plus(LEASE);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let mut claimed = Vec::new();
                for wanted in &due {
                    claimed.extend(tx.claim_messages(wanted, now, lease).await?);
                }
                Ok(claimed)
            })
        })
        .await
}

async fn deliver(app: &App, claimed: ClaimedMessage) {
    let tried = match claimed.message.kind {
        MessageKind::Logout => Tried::Alone(sign_out::deliver(app, &claimed).await),
        MessageKind::Email | MessageKind::Text | MessageKind::Call => message(app, &claimed).await,
    };
    if let Err(error) = note(app, &claimed, tried).await {
        // The lease runs out and the message is tried again: twice is better than never.
        tracing::warn!(%error, message = %claimed.message.id, "the result of a delivery was not stored");
    }
}

// What was tried, and what came of it.
enum Tried {
    // No provider was asked: a relying party was, or nobody.
    Alone(Result<(), DeliveryError>),
    // The providers of a channel.
    Providers(Attempt),
}

impl Tried {
    fn result(&self) -> Result<(), DeliveryError> {
        match self {
            Self::Alone(result) => *result,
            Self::Providers(attempt) => attempt.result(),
        }
    }

    fn errors(&self) -> String {
        match self {
            Self::Alone(result) => result.err().map(|error| error.to_string()).unwrap_or_default(),
            Self::Providers(attempt) => attempt.errors(),
        }
    }
}

async fn message(app: &App, claimed: &ClaimedMessage) -> Tried {
    let Some(message) = open(app, claimed).await else {
        tracing::error!(message = %claimed.message.id, "a message in the outbox cannot be opened");
        return Tried::Alone(Err(DeliveryError::Permanent(Reason::BadMessage("payload"))));
    };
    let open = providers::open_circuits(app, message.channel()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "how the providers are doing cannot be read: they are asked in order");
        Vec::new()
    });
    let attempt = fallback::attempt(app.transport.as_ref(), &message, &open).await;
    if attempt.result().is_ok() && attempt.answers().len() > 1 {
        let (id, errors) = (claimed.message.id, attempt.errors());
        tracing::warn!(message = %id, kind = %claimed.message.kind, errors, "went by another provider");
    }
    Tried::Providers(attempt)
}

async fn open(app: &App, claimed: &ClaimedMessage) -> Option<Message> {
    let entry = &claimed.message;
    let keys = app.tenant_keys_of(entry.tenant).await.ok()?;
    let plain = keys.open(Purpose::OutboxPayload, &entry.id.to_string(), &entry.payload).ok()?;
    serde_json::from_slice(&plain).ok()
}

async fn note(app: &App, claimed: &ClaimedMessage, tried: Tried) -> Result<(), StorageError> {
    let (entry, lease, now) = (&claimed.message, claimed.lease, app.clock.now());
    let id = entry.id;
    let result = tried.result();
    let again = match result {
        Err(error) if error.is_retryable() => {
            retry::next_attempt(claimed.attempts, entry.created_at.0, now.0, entry.expires_at.0)
        }
        Ok(()) | Err(_) => None,
    };
    let text = tried.errors();
    if result.is_err() {
        tracing::warn!(message = %id, kind = %entry.kind, error = text, retry = again.is_some(), "delivery failed");
    }
    let (own, tenant, kind) = (app.clone(), entry.tenant, entry.kind.as_str());
    let stored = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                match (result, again) {
                    (Ok(()), _) => tx.message_delivered(id, lease, now).await?,
                    (Err(_), Some(at)) => tx.retry_message(id, lease, Timestamp(at), &text).await?,
                    (Err(_), None) => tx.message_failed(id, lease, now, &text).await?,
                }
                if result.is_err() && again.is_none() {
                    let detail = serde_json::json!({"kind": kind, "reason": text});
                    let event = audit::Event::of(Action::MessageFailed, Outcome::Failure).on(id).with(detail);
                    audit::append(&own, tx, tenant, event).await?;
                }
                Ok(())
            })
        })
        .await;
    // Apart: what is told of the providers may fail, and the message stays delivered for all that.
    if let Tried::Providers(attempt) = tried
        && let Err(error) = providers::note(app, tenant, attempt, now).await
    {
        tracing::warn!(%error, message = %id, "how the providers are doing was not stored");
    }
    stored
}
