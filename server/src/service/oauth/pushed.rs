//! Pushed authorization requests (RFC 9126): kept sealed under the hash of their reference, and
//! used up by the one authorization request that names it.

use lanyard_crypto::Purpose;
use lanyard_domain::{application::Application, id::Id, secret::Token};
use lanyard_oidc::{
    authorize::{self, Input, pushed},
    endpoints::{Endpoint, Route, TenantRef, UrlForm},
    params::Params,
    response::with_query,
};
use lanyard_storage::{PushedAt, PushedRequest, StorageError};

use super::{Place, ProtocolError, client, dpop};
use crate::{http::client::Client, service::journey::JourneyError, state::App};

/// Takes a request from a client at `place` and gives the reference to it.
///
/// # Errors
/// [`ProtocolError::Refused`]: the client did not prove itself, or the request breaks a rule;
/// [`ProtocolError::TooMany`]: anybody may push for a public client, so it counts as a journey that
/// is begun there.
pub async fn push(
    app: &App,
    place: &Place,
    form: &Params,
    authorization: Option<&str>,
    (call, from): (&dpop::Call, &Client),
) -> Result<Token, ProtocolError> {
    let application = client::authenticated(app, place, form, authorization, from).await?;
    let (flow, id) = (place.flow.id, application.id);
    let client = application.clone();
    let (linked, apis) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                Ok::<_, StorageError>((tx.is_linked(id, flow).await?, client::apis_of(tx, &client).await?))
            })
        })
        .await?;
    let pushed = accept(app, place, form, (&application, apis, linked), (call, from)).await;
    client::telling_of_proof(app, place, id, from, pushed).await
}

async fn accept(
    app: &App,
    place: &Place,
    form: &Params,
    (application, apis, linked): (&Application, Vec<Application>, bool),
    (call, from): (&dpop::Call, &Client),
) -> Result<Token, ProtocolError> {
    let (tenant, id) = (place.tenant.id, application.id);
    // A proof here binds the code to its key, as `dpop_jkt` does (RFC 9449, 10.1).
    let proof = dpop::proof(app, call, None)?;
    let params = pushed::bound(pushed::request(form, &id.to_string())?, application, proof.as_ref())?;
    let input = Input { params: &params, tenant, application: Some(application), apis: &apis, linked, pushed: true };
    authorize::check(&input).map_err(pushed::refusal)?;
    client::may_begin(app, application, from)?;
    let (reference, request) = sealed(app, place, id, &params).await?;
    app.store
        .write(move |tx| {
            Box::pin(async move {
                dpop::consume(tx, proof.as_ref()).await?;
                Ok::<_, ProtocolError>(tx.create_pushed_request(&request).await?)
            })
        })
        .await?;
    Ok(reference)
}

/// The address, on our own origin, of an authorization request that we push on behalf of
/// `application`: one that it made before, or that an operator makes for it.
///
/// # Errors
/// When the database does not answer.
pub async fn address(
    app: &App,
    place: &Place,
    application: Id<Application>,
    fields: &[(&'static str, String)],
) -> Result<String, JourneyError> {
    let params = fields.iter().fold(Params::default(), |params, (name, value)| params.with(name, value));
    let (reference, request) = sealed(app, place, application, &params).await?;
    let stored = app.store.write(move |tx| Box::pin(async move { tx.create_pushed_request(&request).await })).await;
    stored.map_err(|error: StorageError| JourneyError::from(error))?;
    let route = Route {
        tenant: TenantRef::Domain(place.tenant.domain.clone()),
        flow: place.flow.name.key(),
        form: UrlForm::Plain,
        endpoint: Endpoint::Authorize,
    };
    let fields = [("client_id", application.to_string()), ("request_uri", pushed::reference(&reference))];
    let url = with_query(&route.url(&app.public_origin, Endpoint::Authorize), &fields);
    Ok(url.strip_prefix(&app.origin).map_or(url.clone(), ToOwned::to_owned))
}

// `params` for one authorization request of `application` at `place`, sealed, and the reference to it.
async fn sealed(
    app: &App,
    place: &Place,
    application: Id<Application>,
    params: &Params,
) -> Result<(Token, PushedRequest), JourneyError> {
    let now = app.clock.now();
    let keys = app.tenant_keys_of(place.tenant.id).await?;
    let reference = Token::generate(app.entropy().as_mut());
    let owner = application.to_string();
    let request = PushedRequest {
        reference: reference.hash(),
        at: at(place, application),
        parameters: keys.seal(Purpose::PushedRequest, &owner, params.encode().as_bytes(), app.entropy().as_mut()),
        created_at: now,
        expires_at: now.plus(pushed::LIFE),
    };
    Ok((reference, request))
}

/// The request behind `reference`, which is used up; `None` if there is none for `application` at
/// `place`, not any more, or not in time.
///
/// # Errors
/// When the database does not answer or the request cannot be opened.
pub(super) async fn take(
    app: &App,
    place: &Place,
    application: Id<Application>,
    reference: &Token,
) -> Result<Option<Params>, JourneyError> {
    let (hash, at, now) = (reference.hash(), at(place, application), app.clock.now());
    // An invented reference opens no transaction that writes (D8).
    let waits = app.store.glance(move |tx| Box::pin(async move { tx.has_pushed_request(&hash, at, now).await })).await;
    if !waits.map_err(|error: StorageError| JourneyError::from(error))? {
        return Ok(None);
    }
    let taken = app.store.write(move |tx| Box::pin(async move { tx.take_pushed_request(&hash, at, now).await })).await;
    let sealed = match taken {
        Ok(sealed) => sealed,
        Err(StorageError::Conflict) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let keys = app.tenant_keys_of(place.tenant.id).await?;
    let unreadable = || JourneyError::Internal("a pushed request cannot be opened".to_owned());
    let opened = keys.open(Purpose::PushedRequest, &application.to_string(), &sealed).map_err(|_| unreadable())?;
    Params::parse(&opened).map(Some).map_err(|_| unreadable())
}

fn at(place: &Place, application: Id<Application>) -> PushedAt {
    PushedAt { tenant: place.tenant.id, flow: place.flow.id, application }
}
