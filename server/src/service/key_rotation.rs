//! Rotation of the signing keys (D12; A38): one use case for the schedule, the command line, and
//! the emergency. The times are `lanyard_oidc::jose::rotation`'s.
//!
//! Several processes may rotate one database at once: the unique number of the next generation
//! lets one of them in, and the others find nothing left to do.

use lanyard_domain::{
    application::SigningAlgorithm,
    audit::{Action, Outcome},
    clock::Timestamp,
    id::Id,
    tenant::Tenant,
};
use lanyard_oidc::jose::rotation::{self, KeyState};
use lanyard_storage::{SigningKey, StorageError, WriteTx};

use super::{
    audit,
    journey::JourneyError,
    signing::{self, NewKey},
};
use crate::state::App;

/// Tenants and keys per look.
const BATCH: u32 = 50;

/// A key that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its `kid`.
    pub kid: String,
    /// When it begins to sign.
    pub signs_from: Timestamp,
}

/// What became of a key that was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retirement {
    /// There is no such key.
    Unknown,
    /// It was published and had not signed yet: it is gone.
    Withdrawn,
    /// It signs until its successor does; the successor's times.
    Succeeded(Added),
    /// A successor was published already.
    AlreadySucceeded,
    /// It signs nothing more, and is deleted by itself.
    AlreadyRetired,
    /// Its trust ended at once.
    Revoked,
}

/// Publishes the next key of `algorithm`, if every key that there is signs from `due` or earlier.
/// It signs after the configured lead, or at once if it is the first.
///
/// # Errors
/// When the key cannot be made or the database does not answer.
pub async fn rotate(
    app: &App,
    tenant: Id<Tenant>,
    algorithm: SigningAlgorithm,
    due: Timestamp,
    why: &'static str,
) -> Result<Option<Added>, JourneyError> {
    let (key, keys) = (generate(app, algorithm).await?, app.tenant_keys_of(tenant).await?);
    let own = app.clone();
    let added = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                let first = !tx.signing_keys(tenant).await?.iter().any(|row| row.alg == algorithm);
                let signs_from = if first { now } else { now.plus(own.config.keys.lead()) };
                let row = key.seal(tenant, &keys, signs_from, now, own.entropy().as_mut())?;
                if !tx.add_signing_key(&row, due).await? {
                    return Ok(None);
                }
                note(&own, tx, tenant, Action::SigningKeyCreated, &row.id, algorithm, why).await?;
                Ok::<_, JourneyError>(Some(Added { kid: row.id, signs_from }))
            })
        })
        .await?;
    app.signing.forget(tenant);
    Ok(added)
}

/// Rotates whatever is due, makes what tenants of earlier releases lack, and deletes keys whose
/// every token is dead. Gives the number of keys added and deleted.
///
/// # Errors
/// When a key cannot be made or the database does not answer.
pub async fn keep_up(app: &App) -> Result<(usize, usize), JourneyError> {
    let mut added = 0;
    for algorithm in SigningAlgorithm::ALL {
        loop {
            let due = rotation::due(app.config.keys.interval(), app.config.keys.lead(), app.clock.now());
            let job =
                app.store.read(move |tx| Box::pin(async move { tx.tenants_to_rotate(algorithm, due, BATCH).await }));
            let tenants = job.await.map_err(|error: StorageError| JourneyError::from(error))?;
            let before = added;
            for tenant in tenants {
                added += usize::from(rotate(app, tenant, algorithm, due, "schedule").await?.is_some());
            }
            // Nothing more, or another process is at it.
            if added == before {
                break;
            }
        }
    }
    Ok((added, delete_retired(app).await?))
}

async fn delete_retired(app: &App) -> Result<usize, JourneyError> {
    let own = app.clone();
    let before = app.clock.now().minus(rotation::RETENTION);
    let deleted = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let deleted = tx.delete_retired_signing_keys(before, BATCH).await?;
                for (tenant, kid) in &deleted {
                    let event = audit::Event::of(Action::SigningKeyDeleted, Outcome::Success).on(kid);
                    let event = event.with(serde_json::json!({"reason": "expired"}));
                    audit::append(&own, tx, *tenant, event).await?;
                }
                Ok::<_, JourneyError>(deleted)
            })
        })
        .await?;
    for (tenant, _) in &deleted {
        app.signing.forget(*tenant);
    }
    Ok(deleted.len())
}

/// Lets a key go in good order: one that signs is followed by the next, one that has not signed
/// yet is withdrawn.
///
/// # Errors
/// When a key cannot be made or the database does not answer.
pub async fn retire(app: &App, tenant: Id<Tenant>, kid: &str) -> Result<Retirement, JourneyError> {
    let now = app.clock.now();
    let Some((row, state)) = find(app, tenant, kid).await? else { return Ok(Retirement::Unknown) };
    match state {
        KeyState::Retired { .. } => Ok(Retirement::AlreadyRetired),
        KeyState::Current => {
            let added = rotate(app, tenant, row.alg, now, "command").await?;
            Ok(added.map_or(Retirement::AlreadySucceeded, Retirement::Succeeded))
        }
        KeyState::Next => {
            let (own, id, algorithm) = (app.clone(), row.id, row.alg);
            let gone = app
                .store
                .write(move |tx| {
                    Box::pin(async move {
                        let gone = tx.withdraw_signing_key(tenant, &id, now).await?;
                        if gone {
                            note(&own, tx, tenant, Action::SigningKeyDeleted, &id, algorithm, "withdrawn").await?;
                        }
                        Ok::<_, JourneyError>(gone)
                    })
                })
                .await?;
            app.signing.forget(tenant);
            Ok(if gone { Retirement::Withdrawn } else { Retirement::Unknown })
        }
    }
}

/// Ends the trust in a key at once: it is deleted, every process refuses what it signed within
/// seconds, and if it was signing, the next key signs from now on, known to clients or not.
///
/// # Errors
/// When a key cannot be made or the database does not answer.
pub async fn revoke(app: &App, tenant: Id<Tenant>, kid: &str) -> Result<Retirement, JourneyError> {
    let Some(algorithm) = find(app, tenant, kid).await?.map(|(row, _)| row.alg) else {
        return Ok(Retirement::Unknown);
    };
    // Made whether it is needed or not: what is needed is decided in the transaction.
    let (spare, keys) = (generate(app, algorithm).await?, app.tenant_keys_of(tenant).await?);
    let (own, id) = (app.clone(), kid.to_owned());
    let revoked = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                let rows = tx.signing_keys(tenant).await?;
                let was_signing = signing::signer(&rows, algorithm, now).is_some_and(|row| row.id == id);
                if !tx.delete_signing_key(tenant, &id).await? {
                    return Ok(Retirement::Unknown);
                }
                note(&own, tx, tenant, Action::SigningKeyRevoked, &id, algorithm, "command").await?;
                // Its predecessor must not sign again: that key may be deleted at any moment.
                if was_signing && !tx.advance_signing_key(tenant, algorithm, now).await? {
                    let row = spare.seal(tenant, &keys, now, now, own.entropy().as_mut())?;
                    if !tx.add_signing_key(&row, Timestamp(i64::MAX)).await? {
                        return Err(StorageError::Conflict.into());
                    }
                    note(&own, tx, tenant, Action::SigningKeyCreated, &row.id, algorithm, "revocation").await?;
                }
                Ok::<_, JourneyError>(Retirement::Revoked)
            })
        })
        .await?;
    app.signing.forget(tenant);
    Ok(revoked)
}

/// Every key of `tenant`, and what each is doing.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App, tenant: Id<Tenant>) -> Result<Vec<(SigningKey, KeyState)>, JourneyError> {
    let rows = app.store.read(move |tx| Box::pin(async move { tx.signing_keys(tenant).await })).await;
    let rows: Vec<SigningKey> = rows.map_err(|error: StorageError| JourneyError::from(error))?;
    let now = app.clock.now();
    let states: Vec<_> = rows.iter().map(|row| signing::state_of(row, &rows, now)).collect();
    Ok(rows.into_iter().zip(states).collect())
}

async fn find(app: &App, tenant: Id<Tenant>, kid: &str) -> Result<Option<(SigningKey, KeyState)>, JourneyError> {
    Ok(list(app, tenant).await?.into_iter().find(|(row, _)| row.id == kid))
}

async fn generate(app: &App, algorithm: SigningAlgorithm) -> Result<NewKey, JourneyError> {
    let own = app.clone();
    let made = tokio::task::spawn_blocking(move || NewKey::generate(&own, algorithm)).await;
    let made = made.map_err(|error| JourneyError::Internal(format!("signing key: {error}")))?;
    made.map_err(|error| JourneyError::Internal(format!("signing key: {error}")))
}

async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    action: Action,
    kid: &str,
    algorithm: SigningAlgorithm,
    reason: &str,
) -> Result<(), StorageError> {
    let detail = serde_json::json!({"algorithm": algorithm.as_str(), "reason": reason});
    let event = audit::Event::of(action, Outcome::Success).on(kid).with(detail);
    audit::append(app, tx, tenant, event).await
}
