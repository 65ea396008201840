//! Userinfo: the claims behind an access token, while what it stands for still stands.

use lanyard_oidc::{claims, params::Params, userinfo as rules};
use serde_json::{Map, Value};

use super::{Place, ProtocolError};
use crate::{
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
) -> Result<Map<String, Value>, ProtocolError> {
    let bearer = rules::bearer(authorization, form)?;
    let signing = signing::of(app, place.tenant.id).await?;
    let token = rules::accept(&signing.verifier, bearer, &place.issuer, app.clock.now())?;
    let (tenant, grant_id, account_id) = (place.tenant.id, token.id.grant, token.subject);
    let (grant, account) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let grant = tx.grant_by_id(grant_id).await?;
                let account = tx.account_by_id(tenant, account_id).await?;
                Ok::<_, JourneyError>((grant, account))
            })
        })
        .await?;
    let account = rules::still_stands(&token, tenant, &place.flow, grant.as_ref(), account.as_ref())?;
    Ok(claims::user_info(account, &place.flow, &place.issuer, &token.scope))
}
