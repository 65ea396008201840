//! What a step needs to know, read in the transaction that will store it.

use lanyard_domain::{
    account::Account,
    application::Application,
    assurance::Assurance,
    consent::{self, ConsentFacts},
    id::Id,
    journey::{AccountFacts, CodePurpose, Event, Facts, Journey, SEND_WINDOW, Target, Whose},
    phone::PhoneNumber,
    secret::{Token, TokenHash},
    tenant::Tenant,
    user_flow::UserFlow,
};
use lanyard_storage::{ReadTx, StepWants, StorageError, WriteTx};

use super::{
    JourneyError, Scene, budget,
    guessing::{self, Source},
    known::{self, Seen, Whence},
    remember,
};
use crate::{service::phone, state::App};

/// The account with this id.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn account(app: &App, tenant: Id<Tenant>, id: Id<Account>) -> Result<Option<Account>, JourneyError> {
    app.store.read(move |tx| Box::pin(async move { Ok(tx.account_by_id(tenant, id).await?) })).await
}

/// The key of a destination's history of sends for one purpose: what a stranger has sent there by
/// sign-up or reset does not use up the codes with which the owner signs in (failure 18).
pub(in crate::service) fn send_key(app: &App, tenant: Id<Tenant>, purpose: &str, destination: &str) -> TokenHash {
    app.throttle_key(tenant, "send", &[purpose, destination])
}

/// How `application` stands with an account that is about to use `flow` for `request`; `None` for
/// the tenant's own applications, which nobody is asked about (U29).
///
/// # Errors
/// When the database does not answer.
pub(super) async fn consent(
    tx: &mut (dyn ReadTx + '_),
    target: &Target,
    application: Option<&Application>,
    flow: &UserFlow,
    account: Option<Id<Account>>,
) -> Result<Option<ConsentFacts>, StorageError> {
    let Some(application) = application.filter(|application| application.settings.third_party) else {
        return Ok(None);
    };
    let request = match target {
        Target::Application(request) | Target::Device { request, .. } => request,
        // What the portal runs is shown to the operator and goes to no application.
        Target::Run { .. } | Target::Console { .. } => return Ok(None),
    };
    let given = tx.consent(account, application.id).await?;
    let agreed = given.map(|consent| consent.items).unwrap_or_default();
    Ok(Some(ConsentFacts { asked: consent::asked(&flow.settings, request), agreed }))
}

/// Reads the facts for `event`, which came from a browser that can make passkeys or not, in `journey`,
/// which was loaded as version `version`: as many statements whoever it is about (D11). Also whether the tenant is beset
/// by guesses.
///
/// # Errors
/// [`StorageError::Conflict`] if another step was stored since; or the database does not answer.
pub(super) async fn load(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    scene: &Scene,
    (journey, version): (&Journey, i64),
    (event, can_make_passkey, browser): (&Event, bool, Option<&Token>),
    (network, source): (&str, &Source),
    (whence, seen): (&Whence, Option<Seen>),
) -> Result<(Facts, bool), JourneyError> {
    let now = app.clock.now();
    let tenant = scene.tenant.id;
    let whose = journey.whose(event);
    let sign_in = match event {
        Event::SignIn { email, .. } => Some(guessing::keys(app, scene, email, source)),
        _ => None,
    };
    if app.store.is_postgres() {
        match (event, &whose) {
            // Right or wrong, somebody's or nobody's: of many at once one is judged after the other.
            (Event::SignIn { email, .. }, _) => {
                let number = guessing::number_of(app, tenant, email);
                tx.lock_for_sign_in((tenant, email, number), journey.header.id, version).await?;
            }
            // Two journeys of one account must not both find that it has no factor yet.
            (_, Whose::Account(id)) => tx.lock_account_for_step(*id, journey.header.id, version).await?,
            (_, Whose::Address(_) | Whose::Nobody) => {}
        }
    }
    let wants = StepWants { journey: journey.header.id, whose: &whose, sign_in: sign_in.as_ref() };
    let Some(found) = tx.step_facts(wants).await? else { return Err(JourneyError::NotFound) };
    if found.version != version {
        return Err(StorageError::Conflict.into());
    }
    let (network_locked_until, beset) = guessing::judged(&app.config.limits, &found, now);
    let account = found.account;
    let destinations = journey.destinations(event, account.as_ref());
    // Looked up even where there is none: an account with a phone must not cost a statement more
    // than an address without an account (A6).
    let key = |to: Option<(CodePurpose, &str)>| {
        to.map_or_else(|| send_key(app, tenant, "", ""), |(purpose, to)| send_key(app, tenant, purpose.as_str(), to))
    };
    let email = key(destinations.email.as_ref().map(|(purpose, to)| (*purpose, to.as_str())));
    let phone = key(destinations.phone.as_ref().map(|(purpose, to)| (*purpose, to.as_str())));
    let [email_sends, phone_sends] = tx.recent_sends([&email, &phone], now.minus(SEND_WINDOW)).await?;
    // Who is identified may be asked for a factor whatever the flow says. Nobody else is looked up for: it would take
    // time for accounts with a minimum alone (D11).
    let locked = network_locked_until.is_some() || found.locked_until.is_some_and(|until| until > now);
    let identified = account.as_ref().filter(|_| matches!(whose, Whose::Account(_)) && !locked);
    let raised = identified.is_some_and(|account| account.minimum > Assurance::Aal1);
    let phone_barred_until = match raised || budget::may_text(journey, event, &scene.demand) {
        true => budget::barred_until(app, tx, tenant, network, now).await?,
        false => None,
    };
    let phones_unserved = unserved(scene, &whose, account.as_ref(), destinations.phone.map(|(_, number)| number));
    let id = account.as_ref().map(|account| account.id);
    let demands = [&scene.demand, &journey.header.demand];
    let signals = known::signals(app, tx, demands, (tenant, id), (whence, seen)).await?;
    let consent = consent(tx, &journey.header.target, scene.application.as_ref(), &scene.flow, id).await?;
    let remembered = remember::shown(tx, scene, (journey, event), browser).await?;
    let facts = Facts {
        now,
        demand: scene.demand.clone(),
        account,
        sign_in_locked_until: found.locked_until,
        network_locked_until,
        email_sends,
        phone_sends,
        phone_barred_until,
        phones_unserved,
        can_make_passkey,
        consent,
        signals,
        remembered,
    };
    Ok((facts, beset))
}

// Of the numbers that this step may send to, those in countries to which the tenant sends nothing. Not
// looked up while nobody is identified: nothing is sent then, and it would take time for accounts with a
// phone alone (D11).
fn unserved(
    scene: &Scene,
    whose: &Whose,
    account: Option<&AccountFacts>,
    destination: Option<PhoneNumber>,
) -> Vec<PhoneNumber> {
    if matches!(whose, Whose::Address(_)) {
        return Vec::new();
    }
    let bound = account.into_iter().flat_map(|account| &account.factors).filter_map(|factor| factor.secret.number());
    let mut numbers: Vec<_> = bound.cloned().chain(destination).collect();
    numbers.retain(|number| !phone::is_served(&scene.tenant.phone_countries, number));
    numbers
}
