//! Client authentication, for every endpoint that clients call themselves.

use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    consent::Agreed,
    grant::Grant,
    id::Id,
    registration::InitialAccessToken,
};
use lanyard_oidc::{
    dpop,
    params::Params,
    token::{self, AssertionAudience, ClientCredentials, assertion},
};
use lanyard_storage::{ReadTx, StorageError};

use super::{Place, ProtocolError, redeem::claimed};
use crate::{
    http::client::{Client, network_of},
    service::{audit, consents, journey::JourneyError},
    state::App,
};

/// The application that a request comes from, proved by a secret in the form or the
/// `Authorization` header, by a signed assertion (which is used up by this), or, for a public
/// client, by nothing. What the application may do is for the caller to judge.
///
/// # Errors
/// [`ProtocolError::Refused`] with `invalid_client` or `invalid_request`.
pub async fn authenticated(
    app: &App,
    place: &Place,
    params: &Params,
    authorization: Option<&str>,
    from: &Client,
) -> Result<Application, ProtocolError> {
    let credentials = ClientCredentials::read(params, authorization)?;
    let application = super::application(app, place, credentials.client_id).await?;
    let proved = match token::authenticate(&credentials, application.as_deref(), &audience(app, place)) {
        Ok(proved) => proved,
        Err(refusal) => {
            if let Some(application) = &application {
                tell_failure(app, place, application.id, from).await?;
            }
            return Err(refusal.into());
        }
    };
    let (application, once) = (proved.application.clone(), proved.once);
    // The insert decides who used the assertion first, whoever else holds a copy (failure 34).
    if let Some(once) = once {
        let taken = app
            .store
            .write(move |tx| Box::pin(async move { tx.use_client_assertion(&once.hash, once.expires_at).await }))
            .await;
        if !claimed(taken)? {
            tracing::warn!(client = %application.id, "a client assertion was sent a second time");
            tell_failure(app, place, application.id, from).await?;
            return Err(assertion::replayed().into());
        }
    }
    Ok(application)
}

/// For whom an assertion has to be, at `place`.
pub(super) fn audience<'a>(app: &'a App, place: &'a Place) -> AssertionAudience<'a> {
    AssertionAudience {
        origin: &app.public_origin,
        tenant: &place.tenant,
        flow: &place.flow,
        issuer: &place.issuer,
        now: app.clock.now(),
    }
}

/// Counts what the database keeps for a request of `application` before any person acts: a public
/// client proves nothing, so anybody can ask in its name.
///
/// # Errors
/// [`ProtocolError::TooMany`] when the network of `from` began too much.
pub(super) fn may_begin(app: &App, application: &Application, from: &Client) -> Result<(), ProtocolError> {
    if application.kind.is_public() && !app.limiter.admits_beginning(from.ip) {
        return Err(ProtocolError::TooMany);
    }
    Ok(())
}

// Anybody may fail in the name of a client, any number of times: the log, which nobody can prune,
// is told once a minute for each client and network, and so often an hour for each client (C1);
// of the rest it is told how many there were (`service/left_out.rs`).
pub(super) async fn tell_failure(
    app: &App,
    place: &Place,
    client: Id<Application>,
    from: &Client,
) -> Result<(), JourneyError> {
    let event = audit::Event::of(Action::ClientAuthenticationFailed, Outcome::Failure).on(client).from(from);
    tell(app, place, &client.to_string(), event, from).await
}

// Of an initial access token that is over, and was somebody's once.
pub(super) async fn tell_dead_token(
    app: &App,
    place: &Place,
    token: Id<InitialAccessToken>,
    from: &Client,
) -> Result<(), JourneyError> {
    let event = audit::Event::of(Action::InitialAccessTokenRefused, Outcome::Failure).on(token).from(from);
    tell(app, place, &token.to_string(), event, from).await
}

/// Passes on what became of a request of `client` that may carry a proof of possession, and tells
/// the log of a proof that is suspicious. Whatever the request had begun is rolled back by then.
///
/// # Errors
/// The error of `result`; else when the log cannot be written.
pub(super) async fn telling_of_proof<T>(
    app: &App,
    place: &Place,
    client: Id<Application>,
    from: &Client,
    result: Result<T, ProtocolError>,
) -> Result<T, ProtocolError> {
    if let Err(ProtocolError::Refused(refusal)) = &result
        && dpop::is_suspicious(refusal)
    {
        let why = serde_json::json!({"why": refusal.text});
        let event = audit::Event::of(Action::ProofRefused, Outcome::Failure).on(client).from(from).with(why);
        // By its reason: proofs that anybody can spoil must not hide the one that somebody stole.
        tell(app, place, &format!("proof {client} {}", refusal.text), event, from).await?;
    }
    result
}

async fn tell(app: &App, place: &Place, what: &str, event: audit::Event, from: &Client) -> Result<(), JourneyError> {
    if !app.limiter.tells_failure(what, from.ip) {
        app.left_out.count(place.tenant.id, event.kind(), network_of(from.ip), app.clock.now());
        return Ok(());
    }
    let (own, tenant) = (app.clone(), place.tenant.id);
    app.store
        .write(move |tx| Box::pin(async move { Ok::<_, JourneyError>(audit::append(&own, tx, tenant, event).await?) }))
        .await
}

/// The web APIs that the permissions of `application` name.
pub(super) async fn apis_of(
    tx: &mut (dyn ReadTx + '_),
    application: &Application,
) -> Result<Vec<Application>, StorageError> {
    let mut apis = Vec::new();
    for permission in &application.settings.permissions {
        apis.extend(tx.application_by_id(application.tenant, permission.api).await?);
    }
    Ok(apis)
}

/// What `application` still gets out of `grant`; `None` if nothing: it is no longer linked to the
/// flow, or it is somebody else's and the person does not agree (U29). Both may have changed since the
/// grant was given.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn entitlement(
    tx: &mut (dyn ReadTx + '_),
    application: &Application,
    grant: &Grant,
) -> Result<Option<Agreed>, StorageError> {
    if !tx.is_linked(application.id, grant.flow).await? {
        return Ok(None);
    }
    consents::agreed(tx, application, grant).await
}

/// Whether a page of `origin` may read what the application `id` is answered at `place`; without
/// an id, what any application is answered that the flow signs people in to.
///
/// # Errors
/// When the database does not answer.
pub async fn allows_origin(
    app: &App,
    place: &Place,
    id: Option<Id<Application>>,
    origin: &str,
) -> Result<bool, JourneyError> {
    let (tenant, flow) = (place.tenant.id, place.flow.id);
    let applications = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                match id {
                    Some(id) => Ok::<_, StorageError>(tx.application_by_id(tenant, id).await?.into_iter().collect()),
                    None => tx.applications_of_flow(tenant, flow).await,
                }
            })
        })
        .await?;
    let applications: Vec<Application> = applications;
    Ok(applications.iter().any(|application| token::allows_origin(application, origin)))
}
