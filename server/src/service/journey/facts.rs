//! What a step needs to know, read in the transaction that will store it.

use lanyard_domain::{
    account::Account,
    email::EmailAddress,
    id::Id,
    journey::{Event, Facts, Journey, SEND_WINDOW, Whose},
    secret::TokenHash,
    tenant::Tenant,
};
use lanyard_storage::{StepWants, StorageError, WriteTx};

use super::{JourneyError, Scene};
use crate::state::App;

/// Wrong passwords for one address from one network before [`SIGN_IN_LOCK`].
pub(super) const SIGN_IN_FAILURES: u32 = 10;
/// How long they are locked then.
pub(super) const SIGN_IN_LOCK: lanyard_domain::clock::Millis = 15 * lanyard_domain::clock::MINUTE;

/// The account with this id.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn account(app: &App, tenant: Id<Tenant>, id: Id<Account>) -> Result<Option<Account>, JourneyError> {
    app.store.read(move |tx| Box::pin(async move { Ok(tx.account_by_id(tenant, id).await?) })).await
}

/// The key of the sign-in throttle: an address from a network. An attacker elsewhere does not
/// lock the owner out (failure 18), and the form's fields cannot alter it (failure 15).
pub(super) fn sign_in_key(app: &App, tenant: Id<Tenant>, email: &EmailAddress, network: &str) -> TokenHash {
    app.throttle_key(tenant, "sign-in", &[email.as_str(), network])
}

/// The key of a destination's history of sends.
pub(super) fn send_key(app: &App, tenant: Id<Tenant>, destination: &str) -> TokenHash {
    app.throttle_key(tenant, "send", &[destination])
}

/// Reads the facts for `event` in `journey`, which was loaded as version `version`: two statements,
/// whoever it is about (D11).
///
/// # Errors
/// [`StorageError::Conflict`] if another step was stored since; or the database does not answer.
pub(super) async fn load(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    scene: &Scene,
    (journey, version): (&Journey, i64),
    event: &Event,
    network: &str,
) -> Result<Facts, JourneyError> {
    let now = app.clock.now();
    let tenant = scene.tenant.id;
    let whose = journey.whose(event);
    // Two journeys of one account must not both find that it has no factor yet.
    if let Whose::Account(id) = whose
        && app.store.is_postgres()
    {
        tx.lock_account(id).await?;
    }
    let throttle = match event {
        Event::SignIn { email, .. } => Some(sign_in_key(app, tenant, email, network)),
        _ => None,
    };
    let wants = StepWants { journey: journey.header.id, whose: &whose, throttle: throttle.as_ref() };
    let Some(found) = tx.step_facts(wants).await? else { return Err(JourneyError::NotFound) };
    if found.version != version {
        return Err(StorageError::Conflict.into());
    }
    let account = found.account;
    let destinations = journey.destinations(event, account.as_ref());
    // Looked up even where there is none: an account with a phone must not cost a statement more
    // than an address without an account (A6).
    let key = |destination: Option<&str>| send_key(app, tenant, destination.unwrap_or_default());
    let email = key(destinations.email.as_ref().map(EmailAddress::as_str));
    let phone = key(destinations.phone.as_ref().map(|phone| phone.as_str()));
    let [email_sends, phone_sends] = tx.recent_sends([&email, &phone], now.minus(SEND_WINDOW)).await?;
    let sign_in_locked_until = found.locked_until;
    Ok(Facts { now, demand: scene.demand.clone(), account, sign_in_locked_until, email_sends, phone_sends })
}
