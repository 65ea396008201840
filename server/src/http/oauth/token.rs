//! The endpoints that clients call themselves: token, userinfo, revocation, introspection.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lanyard_domain::{clock::SECOND, id::Id};
use lanyard_oidc::{
    authorize::pushed,
    endpoints::{Endpoint, Route},
    error::Refusal,
    params::Params,
    token::{self as rules, ClientCredentials},
    userinfo as userinfo_rules,
};

use super::{authorization, cors, dpop};
use crate::{
    http::{client::Client, error::HttpError},
    service::oauth::{self, Place, ProtocolError, dpop::Call},
    state::App,
};

/// After how many seconds a program may try again: by then a network has a second's requests more.
pub(super) const RETRY_AFTER: u64 = 1;

/// Answers a token request by what this server knows of the configuration, if it still is so; see
/// [`oauth::at_once`].
pub(super) async fn at_once(
    app: &App,
    route: &Route,
    headers: &HeaderMap,
    raw: &[u8],
    by: (&Call, &Client),
) -> Option<Response> {
    let authorization = authorization(headers);
    let params = Params::parse(raw).ok()?;
    let (place, answered) = oauth::at_once(app, route, &params, authorization, by).await?;
    let answered = answered.map(|answer| Json(answer).into_response());
    Some(finished(app, &place, Endpoint::Token, headers, &params, answered).await)
}

/// Answers a form that a client posts to one of its endpoints.
pub(super) async fn form(
    app: &App,
    place: &Place,
    endpoint: Endpoint,
    headers: &HeaderMap,
    raw: &[u8],
    (call, client): (&Call, &Client),
) -> Response {
    let authorization = authorization(headers);
    let params = match Params::parse(raw) {
        Ok(params) => params,
        Err(_) => {
            let refusal = Refusal::invalid_request("The form cannot be read.");
            let mut answer = refused(app, &refusal, None);
            cors::open(app, place, None, headers, &mut answer).await;
            return answer;
        }
    };
    let answered = match endpoint {
        Endpoint::Token => oauth::token(app, place, &params, authorization, call, client)
            .await
            .map(|answer| Json(answer).into_response()),
        Endpoint::Revocation => {
            oauth::revoke(app, place, &params, authorization, client).await.map(|()| StatusCode::OK.into_response())
        }
        Endpoint::Introspection => oauth::introspect(app, place, &params, authorization, client)
            .await
            .map(|answer| Json(answer).into_response()),
        // RFC 9126, 2.2: 201 with the reference, or an error as at the token endpoint.
        Endpoint::PushedRequest => {
            oauth::push(app, place, &params, authorization, (call, client)).await.map(|reference| {
                let answer = serde_json::json!({
                    "request_uri": pushed::reference(&reference),
                    "expires_in": pushed::LIFE / SECOND,
                });
                (StatusCode::CREATED, Json(answer)).into_response()
            })
        }
        Endpoint::DeviceAuthorization => oauth::device::authorization(app, place, &params, authorization, client)
            .await
            .map(|answer| Json(answer).into_response()),
        Endpoint::Discovery
        | Endpoint::Keys
        | Endpoint::Authorize
        | Endpoint::Logout
        | Endpoint::UserInfo
        | Endpoint::Device
        | Endpoint::Registration => {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
    };
    finished(app, place, endpoint, headers, &params, answered).await
}

// The answer or the error, for whoever may read it.
async fn finished(
    app: &App,
    place: &Place,
    endpoint: Endpoint,
    headers: &HeaderMap,
    params: &Params,
    answered: Result<Response, ProtocolError>,
) -> Response {
    let authorization = authorization(headers);
    let mut answer = answered.unwrap_or_else(|error| match error {
        ProtocolError::Refused(refusal) => refused(app, &refusal, rules::challenge(&refusal, authorization)),
        ProtocolError::TooMany => HttpError::TooManyRequests { retry_after: RETRY_AFTER }.into_response(),
        ProtocolError::Failed(error) => HttpError::from(error).into_response(),
    });
    if cors::Readers::of(endpoint) == cors::Readers::Registered {
        let claimed = ClientCredentials::claimed(params, authorization);
        cors::open(app, place, claimed, headers, &mut answer).await;
    }
    answer
}

/// Answers a userinfo request; `raw` is the body of a form, if one was posted.
pub(super) async fn userinfo(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    raw: Option<&[u8]>,
    (call, client): (&Call, &Client),
) -> Response {
    let unreadable = |_| Refusal::invalid_request("The form cannot be read.");
    let (params, answered) = match raw.map(Params::parse).transpose().map_err(unreadable) {
        Ok(params) => {
            let answered = oauth::userinfo(app, place, authorization(headers), params.as_ref(), (call, client)).await;
            (params, answered)
        }
        Err(refusal) => (None, Err(refusal.into())),
    };
    let mut answer = match answered {
        Ok(claims) => Json(claims).into_response(),
        Err(ProtocolError::Refused(refusal)) => dpop::resource_error(app, &refusal, authorization(headers)),
        Err(ProtocolError::TooMany) => HttpError::TooManyRequests { retry_after: RETRY_AFTER }.into_response(),
        Err(ProtocolError::Failed(error)) => HttpError::from(error).into_response(),
    };
    let claimed = userinfo_rules::claimed_client(authorization(headers), params.as_ref());
    cors::open(app, place, claimed, headers, &mut answer).await;
    answer
}

fn refused(app: &App, refusal: &Refusal, challenge: Option<&str>) -> Response {
    let mut answer = error(app, refusal, refusal.error.status(), challenge);
    dpop::add_nonce(app, refusal, answer.headers_mut());
    answer
}

/// An error as JSON (RFC 6749, 5.2), with the challenge that belongs to it.
pub(super) fn error(app: &App, refusal: &Refusal, status: u16, challenge: Option<&str>) -> Response {
    let now = app.clock.now();
    let correlation = Id::<Place>::new(now, app.entropy().as_mut()).uuid();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = (status, Json(refusal.body(correlation, now))).into_response();
    if let Some(challenge) = challenge
        && let Ok(value) = HeaderValue::try_from(challenge)
    {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    answer
}
