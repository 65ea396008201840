//! The OpenID provider's endpoints. Every form of their addresses (any case, double slashes,
//! three prefixes) is read by `lanyard_oidc::endpoints`, so they are served by one fallback.

mod device;
mod dpop;
pub mod response;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest as _, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use lanyard_app::paths;
use lanyard_domain::{clock::SECOND, id::Id};
use lanyard_oidc::{
    authorize::pushed,
    endpoints::{Endpoint, Route},
    error::Refusal,
    metadata::Metadata,
    params::Params,
};

use super::{client::Client, cookies::Cookie, csrf, error::HttpError};
use crate::{
    service::{
        oauth::{self, Authorization, LogoutOutcome, Place, ProtocolError, Visitor, dpop::Call},
        signing,
    },
    state::App,
};

/// The route that a path and query name, if it is one of the provider's.
#[must_use]
pub fn route(uri: &axum::http::Uri) -> Option<Route> {
    Route::parse(uri.path(), uri.query())
}

/// Serves every endpoint of every flow; whatever else there is no page for is not found.
pub async fn serve(State(app): State<App>, client: Client, request: Request) -> Response {
    let Some(route) = route(request.uri()) else { return HttpError::NotFound.into_response() };
    let cross_origin = match route.endpoint {
        Endpoint::Discovery
        | Endpoint::Keys
        | Endpoint::Token
        | Endpoint::UserInfo
        | Endpoint::Revocation
        | Endpoint::PushedRequest => true,
        Endpoint::Authorize
        | Endpoint::Logout
        | Endpoint::Introspection
        | Endpoint::DeviceAuthorization
        | Endpoint::Device => false,
    };
    if cross_origin && request.method() == Method::OPTIONS {
        return preflight(methods(route.endpoint));
    }
    let mut response = match dispatch(&app, &client, &route, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    // Bearer tokens and codes decide, never cookies, so any origin may ask (wire.md).
    if cross_origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("dpop-nonce, www-authenticate"));
    }
    response
}

async fn dispatch(app: &App, client: &Client, route: &Route, request: Request) -> Result<Response, HttpError> {
    let place = oauth::place(app, route).await?;
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let call = dpop::call(app, &request);
    match (route.endpoint, method) {
        (Endpoint::Discovery, Method::GET | Method::HEAD) => {
            let linked = oauth::linked_applications(app, &place).await?;
            let (issuer, claims) = (place.issuer.clone(), &place.flow.settings.claims);
            Ok(cached(Json(Metadata::new(&app.public_origin, route, issuer, claims, &linked)).into_response()))
        }
        (Endpoint::Keys, Method::GET | Method::HEAD) => {
            let keys = signing::of(app, place.tenant.id).await?;
            Ok(cached(([(header::CONTENT_TYPE, "application/jwk-set+json")], keys.jwks.clone()).into_response()))
        }
        (Endpoint::Authorize, Method::GET) => authorize(app, &place, &headers, query.as_bytes(), client).await,
        (Endpoint::Authorize, Method::POST) => {
            let body = form(request).await?;
            authorize(app, &place, &headers, &body, client).await
        }
        (Endpoint::Token, Method::POST) => {
            let body = form(request).await?;
            token(app, &place, &headers, &body, (&call, client)).await
        }
        (Endpoint::UserInfo, Method::GET) => userinfo(app, &place, &headers, None, &call).await,
        (Endpoint::UserInfo, Method::POST) => {
            let is_form = is_form(request.headers());
            let body = if is_form { Some(form(request).await?) } else { None };
            userinfo(app, &place, &headers, body.as_deref(), &call).await
        }
        (Endpoint::Logout, Method::GET) => logout(app, &place, &headers, query.as_bytes(), false, client).await,
        (Endpoint::Logout, Method::POST) => {
            // Our own page's button carries the mark; a form of another site does not pass for it.
            let own = csrf::same_origin(&Method::POST, &headers, &app.origin);
            let body = form(request).await?;
            logout(app, &place, &headers, &body, own, client).await
        }
        (Endpoint::DeviceAuthorization, Method::POST) => {
            let body = form(request).await?;
            device::authorization(app, &place, &headers, &body).await
        }
        (Endpoint::Device, Method::GET) => device::show(app, &place, &headers, query.as_bytes()).await,
        (Endpoint::Device, Method::POST) => {
            let body = form(request).await?;
            device::decide(app, &place, &headers, &body, client).await
        }
        (Endpoint::PushedRequest, Method::POST) => {
            let body = form(request).await?;
            push(app, &place, &headers, &body).await
        }
        (endpoint, _) => Ok((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods(endpoint))]).into_response()),
    }
}

// What an endpoint takes, for `Allow` (RFC 9110, 15.5.6) and for preflights.
const fn methods(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Discovery | Endpoint::Keys => "GET, HEAD",
        Endpoint::Authorize | Endpoint::UserInfo | Endpoint::Logout | Endpoint::Device => "GET, POST",
        Endpoint::Token
        | Endpoint::Revocation
        | Endpoint::Introspection
        | Endpoint::PushedRequest
        | Endpoint::DeviceAuthorization => "POST",
    }
}

async fn authorize(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    raw: &[u8],
    client: &Client,
) -> Result<Response, HttpError> {
    let params = params(raw)?;
    let (sso, browser) = (Cookie::Sso.read(headers), Cookie::Journey.read(headers));
    let visitor = Visitor { sso: sso.as_ref(), browser: browser.as_ref(), client };
    match oauth::authorize(app, place, &params, visitor).await? {
        Authorization::Respond(reply) => Ok(response::direct(app, &reply).await),
        Authorization::Begin(begun) => {
            let mut answer = Redirect::to(&paths::journey(&begun.id)).into_response();
            answer.headers_mut().append(header::SET_COOKIE, Cookie::Journey.set(&begun.browser));
            Ok(answer)
        }
        Authorization::Page { code, text } => Ok(response::error_page(app, StatusCode::BAD_REQUEST, code, text).await),
        Authorization::TooMany => Err(HttpError::TooManyRequests { retry_after: 30 }),
    }
}

async fn token(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    raw: &[u8],
    (call, client): (&Call, &Client),
) -> Result<Response, HttpError> {
    let params = match Params::parse(raw) {
        Ok(params) => params,
        Err(_) => return Ok(protocol_error(app, Refusal::invalid_request("The form cannot be read."))),
    };
    match oauth::token(app, place, &params, authorization(headers), call, client).await {
        Ok(answer) => Ok(Json(answer).into_response()),
        Err(error) => failed(app, error),
    }
}

/// RFC 9126, 2.2: 201 with the reference, or an error as at the token endpoint.
async fn push(app: &App, place: &Place, headers: &HeaderMap, raw: &[u8]) -> Result<Response, HttpError> {
    let params = match Params::parse(raw) {
        Ok(params) => params,
        Err(error) => return Ok(protocol_error(app, error.into())),
    };
    match oauth::push(app, place, &params, authorization(headers)).await {
        Ok(reference) => {
            let answer = serde_json::json!({
                "request_uri": pushed::reference(&reference),
                "expires_in": pushed::LIFE / SECOND,
            });
            Ok((StatusCode::CREATED, Json(answer)).into_response())
        }
        Err(error) => failed(app, error),
    }
}

async fn userinfo(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    raw: Option<&[u8]>,
    call: &Call,
) -> Result<Response, HttpError> {
    let form = raw.map(params).transpose()?;
    match oauth::userinfo(app, place, authorization(headers), form.as_ref(), call).await {
        Ok(claims) => Ok(Json(claims).into_response()),
        Err(ProtocolError::Failed(error)) => Err(error.into()),
        Err(ProtocolError::Refused(refusal)) => Ok(dpop::resource_error(app, &refusal, authorization(headers))),
    }
}

async fn logout(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    raw: &[u8],
    own: bool,
    client: &Client,
) -> Result<Response, HttpError> {
    let params = params(raw)?;
    let confirmed = own && params.get("confirm") == Some("yes");
    let sso = Cookie::Sso.read(headers);
    match oauth::logout(app, place, &params, sso.as_ref(), confirmed, client).await? {
        LogoutOutcome::Confirm => Ok(response::confirm_logout(app, place, &params).await),
        LogoutOutcome::Done { redirect: Some(location), frames } if frames.is_empty() => Ok(found(&location)),
        LogoutOutcome::Done { redirect, frames } => Ok(response::signed_out(app, place, redirect, frames).await),
        LogoutOutcome::Refused(error) => {
            Ok(response::error_page(app, StatusCode::BAD_REQUEST, error.code.to_string(), error.text).await)
        }
    }
}

fn failed(app: &App, error: ProtocolError) -> Result<Response, HttpError> {
    match error {
        ProtocolError::Refused(refusal) => Ok(protocol_error(app, refusal)),
        ProtocolError::Failed(error) => Err(error.into()),
    }
}

/// An error of the token or userinfo endpoint, as JSON (RFC 6749, 5.2; RFC 6750, 3).
fn protocol_error(app: &App, refusal: Refusal) -> Response {
    let now = app.clock.now();
    let correlation = Id::<Place>::new(now, app.entropy().as_mut()).uuid();
    let status = StatusCode::from_u16(refusal.error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = (status, Json(refusal.body(correlation, now))).into_response();
    if status == StatusCode::UNAUTHORIZED
        && let Ok(value) = HeaderValue::try_from(lanyard_oidc::userinfo::challenge(&refusal, false))
    {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    dpop::add_nonce(app, &refusal, answer.headers_mut());
    answer
}

/// A redirect that never repeats a body (RFC 9700, 4.12).
pub(crate) fn found(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(value) => (StatusCode::SEE_OTHER, [(header::LOCATION, value)]).into_response(),
        Err(_) => HttpError::BadRequest("The address cannot be used.").into_response(),
    }
}

fn params(raw: &[u8]) -> Result<Params, HttpError> {
    Params::parse(raw)
        .map_err(|_| HttpError::BadRequest("The request cannot be read. Go back to the app and try again."))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

async fn form(request: Request) -> Result<Bytes, HttpError> {
    if !is_form(request.headers()) {
        return Err(HttpError::UnsupportedMediaType);
    }
    Bytes::from_request(request, &()).await.map_err(|_| HttpError::TooLarge)
}

fn cached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn preflight(methods: &'static str) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers, Body::empty()).into_response()
}
