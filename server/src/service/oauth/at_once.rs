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
            match settled(refresh::at_once(app, &place, &application, &request, from).await)? {
                Ok(redeemed) => redeem::answer(app, &place, &application, &redeemed, None).await.map(TokenAnswer::of),
                Err(error) => Err(error),
            }
        }
        GrantRequest::ClientCredentials(scope) => {
            token::may_ask_for_itself(&application).ok()?;
            let scoped = scope.as_deref();
            match settled(client_credentials::at_once(app, &place, &application, scoped, from).await)? {
                Ok(granted) => {
                    let asked = (&granted, scope.unwrap_or_default(), None);
                    client_credentials::issue(app, &place, &application, asked).await.map(TokenAnswer::Application)
                }
                Err(error) => Err(error),
            }
        }
        GrantRequest::Code(_) | GrantRequest::Device(_) => return None,
    };
    Some((place, answered))
}

// What came of it, unless it is to be judged anew: what is refused is. A database that does not answer is not asked twice.
fn settled<T>(came: Result<Option<T>, ProtocolError>) -> Option<Result<T, ProtocolError>> {
    match came {
        Ok(done) => done.map(Ok),
        Err(ProtocolError::Refused(_)) => None,
        Err(error) => Some(Err(error)),
    }
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
