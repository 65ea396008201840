//! Introspection (RFC 7662): a web API, or the client itself, asks what a token is worth.

use lanyard_domain::{application::Application, clock::Timestamp, secret::Token};
use lanyard_oidc::{
    jose::{Expiry, TokenType},
    params::Params,
    scope::Scopes,
    token::{
        introspection::{self as rules, Origin},
        revocation::Presented,
    },
};
use lanyard_storage::ReadTx;
use serde_json::{Map, Value};

use super::{
    Place, ProtocolError,
    client::{self, apis_of, entitlement},
};
use crate::{
    http::client::Client,
    service::{journey::JourneyError, signing},
    state::App,
};

/// Answers an introspection request.
///
/// # Errors
/// [`ProtocolError::Refused`] when the asker does not prove who it is. A token that is not good,
/// or not the asker's business, is no error but inactive.
pub async fn introspect(
    app: &App,
    place: &Place,
    params: &Params,
    authorization: Option<&str>,
    from: &Client,
) -> Result<Map<String, Value>, ProtocolError> {
    let application = client::authenticated(app, place, params, authorization, from).await?;
    rules::may_ask(&application)?;
    let now = app.clock.now();
    match Presented::read(params)? {
        Presented::Refresh(token) => Ok(app
            .store
            .read(move |tx| Box::pin(async move { refresh_token(tx, &application, &token, now).await }))
            .await?),
        Presented::Access(token) => {
            let signing = signing::of(app, place.tenant.id).await?;
            let verified = signing.verifier.verify(&token, TokenType::Access, &place.issuer, Expiry::Enforced, now);
            let Ok(claims) = verified else { return Ok(rules::inactive()) };
            if !rules::concerns(&application, &claims) {
                return Ok(rules::inactive());
            }
            let place = place.clone();
            Ok(app.store.read(move |tx| Box::pin(async move { access_token(tx, &place, &claims).await })).await?)
        }
    }
}

async fn refresh_token(
    tx: &mut (dyn ReadTx + '_),
    application: &Application,
    token: &Token,
    now: Timestamp,
) -> Result<Map<String, Value>, JourneyError> {
    let Some(stored) = tx.refresh_token(&token.hash()).await? else { return Ok(rules::inactive()) };
    let Some(grant) = tx.grant_by_id(stored.grant).await? else { return Ok(rules::inactive()) };
    if entitlement(tx, application, &grant).await?.is_none() {
        return Ok(rules::inactive());
    }
    let account = tx.account_by_id(grant.tenant, grant.account).await?;
    let apis = apis_of(tx, application).await?;
    Ok(rules::of_refresh_token(Scopes::new(application, &apis), &stored, &grant, account.as_ref(), now))
}

async fn access_token(
    tx: &mut (dyn ReadTx + '_),
    place: &Place,
    claims: &Map<String, Value>,
) -> Result<Map<String, Value>, JourneyError> {
    let tenant = place.tenant.id;
    match Origin::of(claims) {
        Some(Origin::Grant(id)) => {
            let Some(grant) = tx.grant_by_id(id).await? else { return Ok(rules::inactive()) };
            let Some(client) = tx.application_by_id(tenant, grant.application).await? else {
                return Ok(rules::inactive());
            };
            if entitlement(tx, &client, &grant).await?.is_none() {
                return Ok(rules::inactive());
            }
            let account = tx.account_by_id(tenant, grant.account).await?;
            let apis = apis_of(tx, &client).await?;
            Ok(rules::of_grant(claims, Scopes::new(&client, &apis), &grant, account.as_ref()))
        }
        Some(Origin::Client(id)) => {
            let client = tx.application_by_id(tenant, id).await?;
            let Some(client) = client.filter(|client| client.settings.client_credentials) else {
                return Ok(rules::inactive());
            };
            if !tx.is_linked(client.id, place.flow.id).await? {
                return Ok(rules::inactive());
            }
            let apis = apis_of(tx, &client).await?;
            Ok(rules::of_client(claims, Scopes::new(&client, &apis)))
        }
        None => Ok(rules::inactive()),
    }
}
