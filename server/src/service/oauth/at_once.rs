//! The token request that nearly all are, without asking first how things are configured: judged by what this server
//! knows of that, and carried out only while it still is so, which the database itself says in the same statement.
//!
//! Nothing is refused here, and nothing written before that statement. Whatever it does not settle (another server
//! changed something, a secret that is not right, a proof or an assertion to use up) comes to nothing, and is judged
//! anew by [`token`](super::token) with the configuration as it stands.

use lanyard_domain::application::Application;
use lanyard_oidc::{
    endpoints::Route,
    params::Params,
    token::{self, ClientCredentials, GrantRequest},
};

use super::{Place, ProtocolError, TokenAnswer, client, client_credentials, dpop::Call, redeem, refresh};
use crate::{http::client::Client, state::App};

/// What a token request at `route` is answered, and at what place, if it can be answered at once.
pub async fn at_once(
    app: &App,
    route: &Route,
    params: &Params,
    authorization: Option<&str>,
    (call, from): (&Call, &Client),
) -> Option<(Place, Result<TokenAnswer, ProtocolError>)> {
    // A proof has to be used up.
    if !call.proofs.is_empty() {
        return None;
    }
    let place = super::known_place(app, route)?;
    let request = token::parse(params).ok()?;
    let application = known_client(app, &place, params, authorization)?;
    let answered = match request {
        GrantRequest::Refresh(request) => {
            token::may_redeem(&application).ok()?;
            let redeemed = refresh::at_once(app, &place, &application, &request, from).await.ok()??;
            redeem::answer(app, &place, &application, &redeemed, None).await.map(TokenAnswer::of)
        }
        GrantRequest::ClientCredentials(scope) => {
            token::may_ask_for_itself(&application).ok()?;
            let granted =
                client_credentials::at_once(app, &place, &application, scope.as_deref(), from).await.ok()??;
            let scope = scope.unwrap_or_default();
            let issued = client_credentials::issue(app, &place, &application, (&granted, scope, None)).await;
            issued.map(TokenAnswer::Application)
        }
        GrantRequest::Code(_) | GrantRequest::Device(_) => return None,
    };
    Some((place, answered))
}

// The client as it is known, proved by its secret, or by nothing where it is public; an assertion has to be used up.
fn known_client(
    app: &App,
    place: &Place,
    params: &Params,
    authorization: Option<&str>,
) -> Option<std::sync::Arc<Application>> {
    let credentials = ClientCredentials::read(params, authorization).ok()?;
    let application = super::known_application(app, place, credentials.client_id)?;
    let audience = client::audience(app, place);
    let proved = token::authenticate(&credentials, Some(&application), &audience).ok()?;
    proved.once.is_none().then_some(application.clone())
}
