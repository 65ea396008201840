//! Dynamic client registration (RFC 7591) and what a client may do with its own (RFC 7592).
//!
//! Off unless an operator has switched it on for the tenant; whoever registers shows an initial
//! access token. What comes of it belongs to somebody else, and signs people in through the one flow
//! it registered at. Once an operator changes its settings, it is theirs: the client may look, no more.

use lanyard_domain::{
    application::{Application, ClientSecret, Minimum},
    audit::{Action, Outcome},
    id::Id,
    registration::{ClientRegistration, InitialAccessToken},
    secret::{Token, TokenHash},
    tenant::Tenant,
    user_flow::UserFlow,
};
use lanyard_oidc::{
    endpoints::{Endpoint, Route, TenantRef, UrlForm},
    error::Refusal,
    registration::{self as rules, Access, ClientInformation, Registration, Update},
    token::ClientAuthMethod,
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use super::{Place, ProtocolError, redeem::claimed};
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError, portal::changes},
    state::App,
};

/// Whether programs may register applications in the tenant of `place`.
///
/// # Errors
/// When the database does not answer.
pub async fn is_on(app: &App, place: &Place) -> Result<bool, JourneyError> {
    let tenant = place.tenant.id;
    let switch = app.store.read(move |tx| Box::pin(async move { tx.registration_switch(tenant).await })).await;
    switch.map(|switch| switch.on).map_err(|error: StorageError| error.into())
}

/// Registers an application for whoever has the initial access token `bearer`.
///
/// # Errors
/// [`ProtocolError::Refused`] in the protocol's words; not found where it is switched off.
pub async fn register(
    app: &App,
    place: &Place,
    bearer: Option<Token>,
    body: &[u8],
    client: &Client,
) -> Result<ClientInformation, ProtocolError> {
    let initial = standing(app, place, bearer, client).await?;
    // Who has no token that stands learns nothing else, and costs no more than a read.
    let judged = Registration::read(body, &app.public_origin)?;
    let (own, here, client) = (app.clone(), place.clone(), client.clone());
    let token = Token::generate(app.entropy().as_mut());
    let secret = Token::generate(app.entropy().as_mut());
    let (hash, new_secret) = (token.hash(), ClientSecret::of(&secret, app.clock.now()));
    let (application, method) = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                switched_on(tx, &here).await?;
                let (tenant, now) = (here.tenant.id, own.clock.now());
                let initial = match tx.use_initial_access_token((tenant, here.flow.id), &initial, now).await {
                    Ok(initial) => initial,
                    Err(StorageError::Conflict) => return Err(rules::unknown_token().into()),
                    Err(error) => return Err(error.into()),
                };
                // From here on a refusal gives the use back: the transaction is given up.
                if !claimed(tx.count_registration(tenant).await)? {
                    return Err(rules::full().into());
                }
                let application = Application {
                    id: Id::new(now, own.entropy().as_mut()),
                    tenant,
                    name: judged.name,
                    kind: judged.kind,
                    reply_urls: judged.reply_urls,
                    minimum: Minimum::StrongestLinked,
                    secrets: if has_secret(judged.method) { vec![new_secret] } else { Vec::new() },
                    settings: judged.settings,
                    created_at: now,
                };
                tx.create_application(&application).await?;
                tx.link_flow(tenant, application.id, here.flow.id).await?;
                let version = version(tx, &application).await?;
                let registration = ClientRegistration {
                    application: application.id,
                    tenant,
                    flow: here.flow.id,
                    token: hash,
                    method: judged.method.as_str().to_owned(),
                    version,
                };
                tx.create_client_registration(&registration).await?;
                let detail = serde_json::json!({
                    "by": "registration", "initial_access_token": initial, "name": application.name,
                    "kind": application.kind, "reply_urls": application.reply_urls,
                    "flows": [here.flow.name.as_str()], "settings": changes::of_new_application(&application.settings),
                });
                note(&own, tx, &application, Action::ApplicationRegistered, &client, detail).await?;
                Ok::<_, ProtocolError>((application, judged.method))
            })
        })
        .await?;
    let access =
        Access { token: &token, uri: address(app, place, &application), secret: has_secret(method).then_some(&secret) };
    Ok(ClientInformation::new(&application, method.as_str().to_owned(), access))
}

// The hash of `bearer`, if it is an initial access token that stands at `place`: without one there is
// nothing to write, but that one of ours was tried that is over, or at another flow (C1).
async fn standing(
    app: &App,
    place: &Place,
    bearer: Option<Token>,
    client: &Client,
) -> Result<TokenHash, ProtocolError> {
    let (here, hash) = (place.clone(), bearer.map(|bearer| bearer.hash()));
    let found: Result<Option<InitialAccessToken>, ProtocolError> = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                switched_on(tx, &here).await?;
                let Some(hash) = hash else { return Ok(None) };
                Ok(tx.initial_access_token(here.tenant.id, &hash).await?)
            })
        })
        .await;
    match found? {
        Some(token) if token.stands(place.flow.id, app.clock.now()) => Ok(token.hash),
        Some(token) => {
            super::client::tell_dead_token(app, place, token.id, client).await?;
            Err(rules::unknown_token().into())
        }
        None => Err(rules::unknown_token().into()),
    }
}

/// What the client `id` registered; `bearer` is its registration access token.
///
/// # Errors
/// As [`register`].
pub async fn read(
    app: &App,
    place: &Place,
    id: Option<Id<Application>>,
    bearer: Option<Token>,
) -> Result<ClientInformation, ProtocolError> {
    let (application, registration) = known(app, place, id, bearer.as_ref()).await?;
    told(app, place, &application, registration, bearer)
}

/// Replaces what the client `id` registered. Its registration access token stays the same: had this made
/// another one, a client whose answer was lost would be locked out (RFC 7592, 2.2 leaves the choice).
///
/// # Errors
/// As [`register`].
pub async fn update(
    app: &App,
    place: &Place,
    (id, bearer): (Option<Id<Application>>, Option<Token>),
    body: &[u8],
    client: &Client,
) -> Result<ClientInformation, ProtocolError> {
    known(app, place, id, bearer.as_ref()).await?;
    let named = id.map(|id| id.to_string()).unwrap_or_default();
    let judged = Update::read(body, &named, &app.public_origin);
    let (own, here, client, shown) = (app.clone(), place.clone(), client.clone(), bearer.clone());
    let (application, registration) = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (mut application, mut registration) = held(tx, &here, id, shown.as_ref()).await?;
                let Update { secret, registration: wanted } = judged?;
                let known = |secret: &Token| application.secrets.iter().any(|own| own.hash.matches(&secret.hash()));
                if secret.is_some_and(|secret| !known(&secret)) {
                    return Err(rules::wrong_secret().into());
                }
                if !wanted.updates(&application, &registration.method) {
                    return Err(rules::fixed().into());
                }
                let advanced = tx.advance_application(here.tenant.id, application.id, registration.version).await;
                if !claimed(advanced)? {
                    return Err(rules::taken_over().into());
                }
                let before = application.clone();
                application.name = wanted.name;
                application.reply_urls = wanted.reply_urls;
                application.settings = wanted.settings;
                tx.update_application(&application).await?;
                registration.method = wanted.method.as_str().to_owned();
                registration.version = version(tx, &application).await?;
                tx.update_client_registration(&registration).await?;
                let changes = changes::of_application(&before, &application, (&[], &[]));
                let detail = serde_json::json!({
                    "by": "registration", "name": application.name, "reply_urls": application.reply_urls,
                    "changes": changes,
                });
                note(&own, tx, &application, Action::ApplicationChanged, &client, detail).await?;
                ask_anew(&own, tx, (&before, &application), &client).await?;
                Ok::<_, ProtocolError>((application, registration))
            })
        })
        .await?;
    told(app, place, &application, registration, bearer)
}

// Who agreed to give something to an application saw where it leads. Once it leads somewhere else, too, nobody has
// agreed to that; and who holds its registration access token may be somebody else as well (U29).
async fn ask_anew(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (before, after): (&Application, &Application),
    client: &Client,
) -> Result<(), StorageError> {
    let places = after.new_places(before);
    if places.is_empty() {
        return Ok(());
    }
    let (consents, grants) = tx.forget_consents_to(after.id, app.clock.now()).await?;
    let detail = serde_json::json!({
        "by": "registration", "why": "it leads somewhere else", "to": places, "consents": consents, "grants": grants,
    });
    note(app, tx, after, Action::ConsentWithdrawn, client, detail).await
}

/// Deletes the client `id`, with all that it was given.
///
/// # Errors
/// As [`register`].
pub async fn delete(
    app: &App,
    place: &Place,
    (id, bearer): (Option<Id<Application>>, Option<Token>),
    client: &Client,
) -> Result<(), ProtocolError> {
    known(app, place, id, bearer.as_ref()).await?;
    let (own, here, client) = (app.clone(), place.clone(), client.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (application, registration) = held(tx, &here, id, bearer.as_ref()).await?;
                if !claimed(tx.delete_registered_application(&registration, own.clock.now()).await)? {
                    return Err(rules::taken_over().into());
                }
                let detail = serde_json::json!({"by": "registration", "name": application.name});
                note(&own, tx, &application, Action::ApplicationDeleted, &client, detail).await?;
                Ok(())
            })
        })
        .await
}

/// Passes on what became of a request about the registration of `id`, and tells the log of a token that
/// is not its own (C1).
///
/// # Errors
/// The error of `result`; else when the log cannot be written.
pub async fn telling_of_strangers<T>(
    app: &App,
    place: &Place,
    id: Option<Id<Application>>,
    client: &Client,
    result: Result<T, ProtocolError>,
) -> Result<T, ProtocolError> {
    if let (Some(id), Err(ProtocolError::Refused(refusal))) = (id, &result)
        && *refusal == rules::unknown_token()
        && super::application(app, place, id).await?.is_some()
    {
        super::client::tell_failure(app, place, id, client).await?;
    }
    result
}

// By a read alone, which a stranger may ask for: a change is judged once more where it is made.
async fn known(
    app: &App,
    place: &Place,
    id: Option<Id<Application>>,
    bearer: Option<&Token>,
) -> Result<(Application, ClientRegistration), ProtocolError> {
    let (here, shown) = (place.clone(), bearer.cloned());
    app.store.read(move |tx| Box::pin(async move { registered(tx, &here, id, shown.as_ref()).await })).await
}

async fn switched_on(tx: &mut (dyn ReadTx + '_), place: &Place) -> Result<(), ProtocolError> {
    if tx.registration_switch(place.tenant.id).await?.on { Ok(()) } else { Err(JourneyError::NotFound.into()) }
}

// The same, held: of a client's own changes each sees what the one before it made.
async fn held(
    tx: &mut (dyn WriteTx + '_),
    place: &Place,
    id: Option<Id<Application>>,
    token: Option<&Token>,
) -> Result<(Application, ClientRegistration), ProtocolError> {
    if let Some(id) = id {
        tx.lock_client_registration(place.tenant.id, id).await?;
    }
    registered(tx, place, id, token).await
}

// The registration of `id` at `place`, if the token is its own: to strangers there is none.
async fn registered(
    tx: &mut (dyn ReadTx + '_),
    place: &Place,
    id: Option<Id<Application>>,
    token: Option<&Token>,
) -> Result<(Application, ClientRegistration), ProtocolError> {
    switched_on(tx, place).await?;
    let unknown = || ProtocolError::from(rules::unknown_token());
    let (Some(id), Some(token)) = (id, token) else { return Err(unknown()) };
    let at = (place.tenant.id, place.flow.id);
    let registration = tx.client_registration(at, id, &token.hash()).await?.ok_or_else(unknown)?;
    let application = tx.application_by_id(place.tenant.id, id).await?.ok_or_else(unknown)?;
    Ok((application, registration))
}

fn told(
    app: &App,
    place: &Place,
    application: &Application,
    registration: ClientRegistration,
    bearer: Option<Token>,
) -> Result<ClientInformation, ProtocolError> {
    let token: Token = bearer.ok_or::<Refusal>(rules::unknown_token())?;
    let access = Access { token: &token, uri: address(app, place, application), secret: None };
    Ok(ClientInformation::new(application, registration.method, access))
}

async fn version(tx: &mut (dyn ReadTx + '_), application: &Application) -> Result<i64, StorageError> {
    let version = tx.application_version(application.tenant, application.id).await?;
    version.ok_or(StorageError::Inconsistent("a registered application"))
}

/// Where programs register at `flow`: always the shortest form.
#[must_use]
pub fn endpoint(app: &App, tenant: &Tenant, flow: &UserFlow) -> String {
    let route = Route {
        tenant: TenantRef::Domain(tenant.domain.clone()),
        flow: flow.name.key(),
        form: UrlForm::Plain,
        endpoint: Endpoint::Registration,
    };
    route.url(&app.public_origin, Endpoint::Registration)
}

// The address of a registration.
fn address(app: &App, place: &Place, application: &Application) -> String {
    format!("{}?client_id={}", endpoint(app, &place.tenant, &place.flow), application.id)
}

const fn has_secret(method: ClientAuthMethod) -> bool {
    match method {
        ClientAuthMethod::SecretPost | ClientAuthMethod::SecretBasic => true,
        ClientAuthMethod::PrivateKeyJwt | ClientAuthMethod::None => false,
    }
}

async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    application: &Application,
    action: Action,
    client: &Client,
    detail: serde_json::Value,
) -> Result<(), StorageError> {
    let event = audit::Event::of(action, Outcome::Success).on(application.id).from(client).with(detail);
    audit::append(app, tx, application.tenant, event).await
}
