//! Which applications have access to an account, and taking it away (A32); ending sessions (A19).

use std::collections::BTreeMap;

use lanyard_app::api::account::AppView;
use lanyard_domain::{
    account::Account,
    application::Application,
    attribute::Attribute,
    audit::{Action, Outcome},
    clock::Timestamp,
    consent::{self, Items},
    id::Id,
    session::Session,
    tenant::Tenant,
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use super::{Owner, browsers, words::moment};
use crate::{
    http::client::Client,
    service::{audit, consents, journey::JourneyError, sign_out},
    state::App,
};

#[derive(Default)]
struct Found {
    items: Items,
    since: Option<Timestamp>,
    last_used: Option<Timestamp>,
}

/// The applications with access: those that a consent stands for, and those that can get new tokens
/// while the person is away. The oldest first.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn apps(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    account: Id<Account>,
    custom: &[Attribute],
    now: Timestamp,
) -> Result<Vec<AppView>, StorageError> {
    let mut found: BTreeMap<Id<Application>, Found> = BTreeMap::new();
    for consent in tx.consents_of_account(account).await? {
        let app = Found { items: consent.items, since: Some(consent.given_at), last_used: None };
        found.insert(consent.application, app);
    }
    for access in tx.access_of_account(account, now).await? {
        if !access.offline && !found.contains_key(&access.application) {
            continue;
        }
        let app = found.entry(access.application).or_default();
        let flow = tx.flow_by_id(tenant, access.flow).await?;
        let own = tx.application_by_id(tenant, access.application).await?.filter(|own| !own.settings.third_party);
        // What somebody else's application gets is what its consent says, and is listed by that.
        if let (Some(flow), Some(_)) = (flow, own) {
            app.items.extend(consent::items(&flow.settings, &access.scope, access.application));
        }
        app.since = Some(app.since.map_or(access.since, |since| since.min(access.since)));
        app.last_used = app.last_used.max(Some(access.last_used));
    }
    let mut listed = Vec::with_capacity(found.len());
    for (id, app) in found {
        let Some(application) = tx.application_by_id(tenant, id).await? else { continue };
        let words = consents::words(&app.items, custom, &consents::rights(tx, &application).await?);
        let since = app.since.unwrap_or(application.created_at);
        listed.push((
            since,
            AppView {
                id: id.to_string(),
                name: application.name,
                third_party: application.settings.third_party,
                details: words.details,
                rights: words.rights,
                since: moment(since),
                last_used: app.last_used.map(moment),
            },
        ));
    }
    listed.sort_by_key(|(since, _)| *since);
    Ok(listed.into_iter().map(|(_, app)| app).collect())
}

/// Takes the access of `application` to the owner's account away: consent, grants, refresh tokens.
/// Whether there was any.
///
/// # Errors
/// When the database does not answer.
pub async fn remove_access(
    app: &App,
    owner: Owner,
    client: Client,
    application: Id<Application>,
) -> Result<bool, StorageError> {
    let (own, now, account) = (app.clone(), app.clock.now(), owner.account);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                // A code that is issued at the same moment comes before, and goes, or finds no consent.
                lock(&own, tx, account.id).await?;
                let consent = tx.delete_consent(account.id, application).await?;
                let grants = tx.revoke_grants_to(account.id, application, now).await?;
                if !consent && grants == 0 {
                    return Ok(false);
                }
                let event = audit::Event::of(Action::ConsentWithdrawn, Outcome::Success)
                    .by(account.id)
                    .on(application)
                    .from(&client)
                    .with(serde_json::json!({"grants": grants}));
                audit::append(&own, tx, account.tenant, event).await?;
                Ok(true)
            })
        })
        .await
}

/// Ends `session` of the owner, or every one but the session that asks; with them go the grants
/// that came from them and the remembered browsers that they were in, and with all of them every remembered
/// browser. How many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn end_sessions(
    app: &App,
    owner: Owner,
    client: Client,
    session: Option<Id<Session>>,
) -> Result<usize, JourneyError> {
    let (own, now, account) = (app.clone(), app.clock.now(), owner.account);
    let ended = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                lock(&own, tx, account.id).await?;
                let mut ended = 0;
                // Only the owner's own are looked at, whatever the form names.
                let live = tx.live_sessions_of_account(account.id, now).await?;
                let chosen = live.into_iter().filter(|live| live.id != owner.session);
                for live in chosen.filter(|live| session.is_none_or(|id| id == live.id)) {
                    if sign_out::end(&own, tx, &live, now).await? {
                        tx.revoke_grants_of_session(live.id, now).await?;
                        let event = audit::Event::of(Action::SessionEnded, Outcome::Success)
                            .by(account.id)
                            .on(live.id)
                            .from(&client);
                        audit::append(&own, tx, account.tenant, event).await?;
                        browsers::forget_of_session(&own, tx, (&account, &live), &client).await?;
                        ended += 1;
                    }
                }
                // Everywhere else: no browser is known any more, for a password to be enough in it.
                if session.is_none() {
                    tx.forget_places(account.id).await?;
                    tx.outdate_journeys(account.id).await?;
                }
                // And also where a device was signed in, which has no session here.
                let devices = match session {
                    None => tx.revoke_grants_without_session(account.id, now).await?,
                    Some(_) => 0,
                };
                if session.is_none() {
                    browsers::forget_all(&own, tx, &account, &client).await?;
                }
                if devices > 0 {
                    let event = audit::Event::of(Action::SessionEnded, Outcome::Success).by(account.id).from(&client);
                    let event = event.with(serde_json::json!({"devices": devices}));
                    audit::append(&own, tx, account.tenant, event).await?;
                }
                Ok::<_, JourneyError>(ended)
            })
        })
        .await?;
    // The applications that share those sessions are told.
    app.outbox.wake();
    Ok(ended)
}

pub(in crate::service) async fn lock(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
) -> Result<(), StorageError> {
    match app.store.is_postgres() {
        true => tx.lock_account(account).await,
        false => Ok(()),
    }
}
