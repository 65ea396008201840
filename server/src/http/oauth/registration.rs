//! Dynamic client registration over HTTP (RFC 7591, 3; RFC 7592, 2): JSON, with a bearer token.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use lanyard_domain::{application::Application, id::Id, secret::Token};
use lanyard_oidc::{
    error::{OAuthError, Refusal},
    params::Params,
    registration::ClientInformation,
    userinfo::{self, Presented},
};

use super::{authorization, token};
use crate::{
    http::{client::Client, error::HttpError, is_json},
    service::oauth::{Place, ProtocolError, registration},
    state::App,
};

/// The body of a request, which is counted first.
///
/// # Errors
/// When there are too many from one network, or the body is not JSON or too long.
pub(super) async fn body(app: &App, client: &Client, request: Request) -> Result<Bytes, HttpError> {
    app.limiter.beginning(client.ip)?;
    match *request.method() {
        Method::POST | Method::PUT if !is_json(request.headers()) => Err(HttpError::UnsupportedMediaType),
        _ => Bytes::from_request(request, &()).await.map_err(|_| HttpError::TooLarge),
    }
}

/// Answers a request to register, or one about a registration; which one, the query says.
pub(super) async fn serve(
    app: &App,
    place: &Place,
    (method, headers, query): (&Method, &HeaderMap, &str),
    body: &[u8],
    client: &Client,
) -> Result<Response, HttpError> {
    let (bearer, id) = (bearer(authorization(headers)), client_id(query));
    let answered = match *method {
        Method::POST => registration::register(app, place, bearer, body, client).await.map(|made| created(&made)),
        Method::PUT => registration::update(app, place, (id, bearer), body, client).await.map(|made| shown(&made)),
        Method::DELETE => registration::delete(app, place, (id, bearer), client).await.map(|()| gone()),
        _ => registration::read(app, place, id, bearer).await.map(|made| shown(&made)),
    };
    let answered = registration::telling_of_strangers(app, place, id, client, answered).await;
    match answered {
        Ok(answer) => Ok(answer),
        Err(ProtocolError::Refused(refusal)) => Ok(refused(app, &refusal)),
        Err(ProtocolError::TooMany) => Err(HttpError::TooManyRequests { retry_after: 30 }),
        Err(ProtocolError::Failed(error)) => Err(error.into()),
    }
}

fn created(made: &ClientInformation) -> Response {
    (StatusCode::CREATED, Json(made)).into_response()
}

fn shown(made: &ClientInformation) -> Response {
    Json(made).into_response()
}

fn gone() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn refused(app: &App, refusal: &Refusal) -> Response {
    let status = match refusal.error {
        OAuthError::AccessDenied => 403,
        other => other.status(),
    };
    let challenge = (status == 401).then(|| userinfo::challenge(refusal, false));
    token::error(app, refusal, status, challenge.as_deref())
}

// A token that cannot be ours is as good as none.
fn bearer(authorization: Option<&str>) -> Option<Token> {
    match userinfo::presented(authorization, None) {
        Ok(Presented::Bearer(text)) => Token::parse(text),
        Ok(Presented::Bound(_)) | Err(_) => None,
    }
}

fn client_id(query: &str) -> Option<Id<Application>> {
    Params::parse(query.as_bytes()).ok()?.get("client_id")?.parse().ok()
}
