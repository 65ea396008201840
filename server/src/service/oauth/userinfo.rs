//! Userinfo: the claims behind an access token, while what it stands for still stands.

use std::borrow::Cow;

use lanyard_oidc::{claims, jose::AccessToken, params::Params, userinfo as rules};
use serde_json::{Map, Value};

use super::{
    Place, ProtocolError,
    client::{self, entitlement},
    dpop,
};
use crate::{
    http::client::Client,
    service::{journey::JourneyError, signing},
    state::App,
};

/// Answers a userinfo request.
///
/// # Errors
/// [`ProtocolError::Refused`] with 401 or 403.
pub async fn userinfo(
    app: &App,
    place: &Place,
    authorization: Option<&str>,
    form: Option<&Params>,
    (call, from): (&dpop::Call, &Client),
) -> Result<Map<String, Value>, ProtocolError> {
    let sent = rules::presented(authorization, form)?;
    let signing = signing::of(app, place.tenant.id).await?;
    let token = rules::accept(&signing.verifier, sent.token(), &place.issuer, app.clock.now())?;
    let proved = prove(app, sent, &token, call).await;
    client::telling_of_proof(app, place, token.application, from, proved).await?;
    let (tenant, grant_id, account_id) = (place.tenant.id, token.id.grant, token.subject);
    let application_id = token.application;
    let (account, entitled) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let account = tx.account_by_id(tenant, account_id).await?;
                let Some(grant) = tx.grant_by_id(grant_id).await? else { return Ok((account, None)) };
                let Some(application) = tx.application_by_id(tenant, application_id).await? else {
                    return Ok((account, None));
                };
                let agreed = entitlement(tx, &application, &grant).await?;
                Ok::<_, JourneyError>((account, agreed.map(|agreed| (grant, agreed))))
            })
        })
        .await?;
    let grant = entitled.as_ref().map(|(grant, _)| grant);
    let account = rules::still_stands(&token, tenant, &place.flow, grant, account.as_ref())?;
    let named = grant.map_or(&[][..], |grant| &grant.details.userinfo_claims);
    // Without a grant nothing stands, so that there is one here.
    let flow = entitled.as_ref().map_or(Cow::Borrowed(&place.flow), |(_, agreed)| agreed.limit(&place.flow));
    Ok(claims::user_info(account, &flow, &place.issuer, &token.scope, named))
}

// Whoever sends the token holds the key that it is bound to, if it is bound to one.
async fn prove(
    app: &App,
    sent: rules::Presented<'_>,
    token: &AccessToken,
    call: &dpop::Call,
) -> Result<(), ProtocolError> {
    let proof = match sent {
        rules::Presented::Bound(token) => dpop::proof(app, call, Some(token))?,
        rules::Presented::Bearer(_) => None,
    };
    rules::check_key(sent, token, proof.as_ref())?;
    if proof.is_some() {
        app.store.write(move |tx| Box::pin(async move { dpop::consume(tx, proof.as_ref()).await })).await?;
    }
    Ok(())
}
