//! How the providers of messages are doing: whose circuit is open, and what an attempt adds to that.
//!
//! It stands in the database, so that what one server found out holds for all, and after a restart.

use lanyard_domain::{
    audit::{Action, Outcome},
    clock::Timestamp,
    id::Id,
    tenant::Tenant,
};
use lanyard_messaging::{
    Attempt, Channel, Provider, Rank,
    fallback::{OPEN_FOR_MS, OPENS_AT, blames_provider},
};
use lanyard_storage::{ProviderFailure, StorageError, WriteTx};

use crate::{
    service::audit::{self, Event},
    state::App,
};

/// Which providers of `channel` are to be asked last. One that has stood aside for long enough is left
/// out for one message, whose delivery tries it again.
///
/// # Errors
/// When the database does not answer.
pub async fn open_circuits(app: &App, channel: Channel) -> Result<Vec<Provider>, StorageError> {
    let providers = app.transport.providers(channel);
    if providers.len() < 2 {
        return Ok(Vec::new());
    }
    let health = app.store.read(|tx| Box::pin(async move { tx.provider_health().await })).await?;
    let now = app.clock.now();
    let mut open = Vec::new();
    for provider in providers {
        let own = health.iter().find(|health| health.name == provider.name());
        let Some(until) = own.and_then(|health| health.open_until) else { continue };
        // The second one is asked only where the first one fails: there is nothing to try out.
        let due = until <= now && provider.rank() == Rank::First;
        if !(due && try_again(app, provider, now).await?) {
            open.push(provider);
        }
    }
    Ok(open)
}

async fn try_again(app: &App, provider: Provider, now: Timestamp) -> Result<bool, StorageError> {
    let until = now.plus(OPEN_FOR_MS);
    let job =
        app.store.write(move |tx| Box::pin(async move { tx.try_provider_again(provider.name(), now, until).await }));
    job.await
}

/// Notes what each provider said. Opening and closing of a circuit are in the audit log, of the tenant whose message
/// it was. It is a transaction of its own: no message depends on it.
///
/// # Errors
/// When the database does not take it.
pub async fn note(app: &App, tenant: Id<Tenant>, attempt: Attempt, now: Timestamp) -> Result<(), StorageError> {
    if attempt.result().is_ok() && attempt.answers().len() == 1 {
        // Most of the time all is well and stays so: nothing is to be written.
        let health = app.store.read(|tx| Box::pin(async move { tx.provider_health().await })).await?;
        let blamed = |name: &str| health.iter().any(|own| own.name == name && own.is_blamed());
        if !attempt.answers().iter().any(|answer| blamed(answer.provider.name())) {
            return Ok(());
        }
    }
    let own = app.clone();
    app.store.write(move |tx| Box::pin(async move { write(&own, tx, tenant, &attempt, now).await })).await
}

async fn write(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut answers = attempt.answers().to_vec();
    // One order for everybody, and the log's chain last: nobody waits for each other.
    answers.sort_by_key(|answer| answer.provider.name());
    let mut events = Vec::new();
    for answer in answers {
        let name = answer.provider.name();
        let Err(error) = answer.result else {
            if tx.provider_delivered(name, now).await? {
                tracing::info!(provider = name, "works again");
                let detail = serde_json::json!({"provider": name});
                events.push(Event::of(Action::ProviderRecovered, Outcome::Success).with(detail));
            }
            continue;
        };
        let (reason, counts) = (error.to_string(), blames_provider(error));
        let open_until = now.plus(OPEN_FOR_MS);
        let failure = ProviderFailure { name, at: now, reason: &reason, counts, opens_at: OPENS_AT, open_until };
        if tx.provider_failed(failure).await? == OPENS_AT && counts {
            tracing::warn!(provider = name, reason, failures = OPENS_AT, "fails again and again");
            let detail = serde_json::json!({"provider": name, "reason": reason, "failures": OPENS_AT});
            events.push(Event::of(Action::ProviderFailing, Outcome::Failure).with(detail));
        }
    }
    for event in events {
        audit::append(app, tx, tenant, event).await?;
    }
    Ok(())
}
