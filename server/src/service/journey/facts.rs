//! What a step needs to know, read in the transaction that will store it.

use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    email::EmailAddress,
    id::Id,
    journey::{Event, Facts, Journey, SEND_WINDOW, Whose},
    password::StoredPassword,
    secret::TokenHash,
    tenant::Tenant,
};
use lanyard_storage::WriteTx;

use super::{JourneyError, Scene};
use crate::state::App;

/// Wrong passwords for one address from one network before [`SIGN_IN_LOCK`].
pub(super) const SIGN_IN_FAILURES: u32 = 10;
/// How long they are locked then.
pub(super) const SIGN_IN_LOCK: lanyard_domain::clock::Millis = 15 * lanyard_domain::clock::MINUTE;

/// The account and its password for the check outside the transaction.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn stored_password(
    app: &App,
    tenant: Id<Tenant>,
    email: &EmailAddress,
) -> Result<Option<(Id<Account>, StoredPassword)>, JourneyError> {
    let email = email.clone();
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let found = tx.account_by_email(tenant, &email).await?;
                Ok(found.and_then(|(account, password)| Some((account.id, password?))))
            })
        })
        .await
}

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

/// Reads the facts for `event` in `journey`.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn load(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    scene: &Scene,
    journey: &Journey,
    event: &Event,
    network: &str,
) -> Result<Facts, JourneyError> {
    let now = app.clock.now();
    let tenant = scene.tenant.id;
    let account = match journey.whose(event) {
        Whose::Nobody => None,
        Whose::Account(id) => {
            // Two journeys of one account must not both find that it has no factor yet.
            if app.store.is_postgres() {
                tx.lock_account(id).await?;
            }
            tx.account_facts(tenant, id).await?
        }
        Whose::Address(email) => tx.account_facts_by_email(tenant, &email).await?,
    };
    let sign_in_locked_until = match event {
        Event::SignIn { email, .. } => {
            let key = sign_in_key(app, tenant, email, network);
            tx.throttle(tenant, &key).await?.and_then(|throttle| throttle.locked_until)
        }
        _ => None,
    };
    let destinations = journey.destinations(event, account.as_ref());
    let since = now.minus(SEND_WINDOW);
    let mut histories: [Vec<Timestamp>; 2] = [Vec::new(), Vec::new()];
    let wanted =
        [destinations.email.as_ref().map(EmailAddress::as_str), destinations.phone.as_ref().map(|p| p.as_str())];
    for (history, destination) in histories.iter_mut().zip(wanted) {
        // Looked up even where there is none: an account with a phone must not cost a statement
        // more than an address without an account (A6).
        *history = tx.recent_sends(&send_key(app, tenant, destination.unwrap_or_default()), since).await?;
    }
    let [email_sends, phone_sends] = histories;
    Ok(Facts { now, demand: scene.demand.clone(), account, sign_in_locked_until, email_sends, phone_sends })
}
