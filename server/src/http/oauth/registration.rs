//! Dynamic client registration over HTTP (RFC 7591, 3; RFC 7592, 2): JSON, with a bearer token.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use lanyard_domain::{application::Application, id::Id, secret::Token};
use lanyard_oidc::{
    error::{OAuthError, Refusal},
    params::Params,
    userinfo::{self, Presented},
};

use super::authorization;
use crate::{
    http::{client::Client, error::HttpError},
    service::oauth::{Place, ProtocolError, registration},
    state::App,
};

/// Answers a request to register, or one about a registration; which one, the query says.
pub(super) async fn serve(app: &App, place: &Place, request: Request, client: &Client) -> Result<Response, HttpError> {
    if !app.limiter.admits_beginning(client.ip) {
        return Err(HttpError::TooManyRequests { retry_after: 30 });
    }
    let method = request.method().clone();
    let bearer = bearer(authorization(request.headers()));
    let id = client_id(request.uri().query().unwrap_or_default());
    let body = match method {
        Method::POST | Method::PUT if !is_json(&request) => return Err(HttpError::UnsupportedMediaType),
        _ => Bytes::from_request(request, &()).await.map_err(|_| HttpError::TooLarge)?,
    };
    let answered = match method {
        Method::POST => registration::register(app, place, bearer, &body, client)
            .await
            .map(|made| (StatusCode::CREATED, Json(made)).into_response()),
        Method::PUT => {
            registration::update(app, place, (id, bearer), &body, client).await.map(|made| Json(made).into_response())
        }
        Method::DELETE => registration::delete(app, place, (id, bearer), client)
            .await
            .map(|()| StatusCode::NO_CONTENT.into_response()),
        _ => registration::read(app, place, id, bearer).await.map(|made| Json(made).into_response()),
    };
    match answered {
        Ok(answer) => Ok(answer),
        Err(ProtocolError::Refused(refusal)) => Ok(refused(app, &refusal)),
        Err(ProtocolError::TooMany) => Err(HttpError::TooManyRequests { retry_after: 30 }),
        Err(ProtocolError::Failed(error)) => Err(error.into()),
    }
}

fn refused(app: &App, refusal: &Refusal) -> Response {
    let now = app.clock.now();
    let correlation = Id::<Place>::new(now, app.entropy().as_mut()).uuid();
    let status = match refusal.error {
        OAuthError::AccessDenied => 403,
        other => other.status(),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = (status, Json(refusal.body(correlation, now))).into_response();
    if status == StatusCode::UNAUTHORIZED
        && let Ok(value) = HeaderValue::try_from(userinfo::challenge(refusal, false))
    {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    answer
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

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
