//! Revocation (RFC 7009): the grant behind a token ends, and with it the whole family.

use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    grant::Grant,
};
use lanyard_oidc::{
    jose::{Expiry, TokenType},
    params::Params,
    token::{
        introspection::Origin,
        revocation::{self as rules, Presented},
    },
};
use lanyard_storage::WriteTx;

use super::{Place, ProtocolError, client};
use crate::{
    http::client::Client,
    service::{audit, signing},
    state::App,
};

/// Revokes the token of a request; it is no error if nobody knows it. Only a commit is a success
/// (failure 35).
///
/// # Errors
/// [`ProtocolError::Refused`] when the client is not who it says, or the token is another's.
pub async fn revoke(
    app: &App,
    place: &Place,
    params: &Params,
    authorization: Option<&str>,
    from: &Client,
) -> Result<(), ProtocolError> {
    let application = client::authenticated(app, place, params, authorization, from).await?;
    let grant = match Presented::read(params)? {
        Presented::Refresh(token) => Wanted::Family(token.hash()),
        Presented::Access(token) => {
            let signing = signing::of(app, place.tenant.id).await?;
            let now = app.clock.now();
            let verified = signing.verifier.verify(&token, TokenType::Access, &place.issuer, Expiry::Enforced, now);
            // What is not ours, or has expired, needs no revoking.
            let Ok(claims) = verified else { return Ok(()) };
            match Origin::of(&claims) {
                Some(Origin::Grant(id)) => Wanted::Grant(id),
                Some(Origin::Client(id)) if id == application.id => return Err(rules::unsupported().into()),
                Some(Origin::Client(_)) => return Err(rules::others().into()),
                None => return Ok(()),
            }
        }
    };
    let (own, place, from) = (app.clone(), place.clone(), from.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let found = match grant {
                    Wanted::Family(hash) => tx.lock_refresh_token(&hash).await?.map(|(_, found)| found.grant),
                    Wanted::Grant(id) => tx.grant_by_id(id).await?,
                };
                let Some(grant) = found else { return Ok(()) };
                end(&own, tx, &place, &application, &grant, &from).await
            })
        })
        .await
}

// How the grant is found.
enum Wanted {
    Family(lanyard_domain::secret::TokenHash),
    Grant(lanyard_domain::id::Id<Grant>),
}

async fn end(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    place: &Place,
    application: &Application,
    grant: &Grant,
    from: &Client,
) -> Result<(), ProtocolError> {
    rules::may_revoke(application, place.tenant.id, grant)?;
    if tx.revoke_grant(grant.id, app.clock.now()).await? {
        let event =
            audit::Event::of(Action::TokenRevoked, Outcome::Success).by(grant.account).on(application.id).from(from);
        audit::append(app, tx, place.tenant.id, event).await?;
    }
    Ok(())
}
