//! The OpenID provider's endpoints. Every form of their addresses (any case, double slashes,
//! three prefixes) is read by `lanyard_oidc::endpoints`, so they are served by one fallback.

mod cors;
mod device;
mod dpop;
mod registration;
pub mod response;
mod token;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use lanyard_oidc::{
    endpoints::{Endpoint, Route},
    metadata::Metadata,
    params::Params,
};

use self::cors::Readers;
use super::{
    client::Client,
    cookies::{Cookie, KnownCookie},
    csrf,
    error::HttpError,
    journey::sent_to,
};
use crate::{
    service::{
        journey::Whence,
        oauth::{self, Authorization, LogoutOutcome, Place, Visitor},
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
    let readers = Readers::of(route.endpoint);
    if readers != Readers::Nobody && request.method() == Method::OPTIONS {
        return cors::preflight(&app, &route, request.headers()).await;
    }
    let mut response = match dispatch(&app, &client, &route, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    if readers == Readers::Anybody {
        cors::anybody(&mut response);
    }
    response
}

async fn dispatch(app: &App, client: &Client, route: &Route, request: Request) -> Result<Response, HttpError> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let call = dpop::call(app, &request);
    // The body first: while a slow one arrives, nothing is held and no configuration grows old.
    let body = body(app, client, route.endpoint, request).await?;
    if (route.endpoint, &method) == (Endpoint::Token, &Method::POST)
        && let Some(answer) = token::at_once(app, route, &headers, &body, (&call, client)).await
    {
        return Ok(answer);
    }
    let place = oauth::place(app, route).await?;
    match (route.endpoint, method.clone()) {
        (Endpoint::Discovery, Method::GET | Method::HEAD) => {
            let linked = oauth::linked_applications(app, &place).await?;
            let registration = oauth::registration::is_on(app, &place).await?;
            let (issuer, claims) = (place.issuer.clone(), &place.flow.settings.claims);
            Ok(cached(
                Json(Metadata::new(&app.public_origin, route, issuer, claims, &linked, registration)).into_response(),
            ))
        }
        (Endpoint::Keys, Method::GET | Method::HEAD) => {
            let keys = signing::of(app, place.tenant.id).await?;
            Ok(cached(([(header::CONTENT_TYPE, "application/jwk-set+json")], keys.jwks.clone()).into_response()))
        }
        (Endpoint::Authorize, Method::GET) => authorize(app, &place, &headers, query.as_bytes(), client).await,
        (Endpoint::Authorize, Method::POST) => authorize(app, &place, &headers, &body, client).await,
        (
            Endpoint::Token
            | Endpoint::Revocation
            | Endpoint::Introspection
            | Endpoint::PushedRequest
            | Endpoint::DeviceAuthorization,
            Method::POST,
        ) => Ok(token::form(app, &place, route.endpoint, &headers, &body, (&call, client)).await),
        (Endpoint::UserInfo, Method::GET) => Ok(token::userinfo(app, &place, &headers, None, (&call, client)).await),
        (Endpoint::UserInfo, Method::POST) => {
            let form = is_form(&headers).then_some(&body[..]);
            Ok(token::userinfo(app, &place, &headers, form, (&call, client)).await)
        }
        (Endpoint::Logout, Method::GET) => logout(app, &place, &headers, query.as_bytes(), false, client).await,
        (Endpoint::Logout, Method::POST) => {
            // Our own page's button carries the mark; a form of another site does not pass for it.
            let own = csrf::same_origin(&Method::POST, &headers, &app.origin);
            logout(app, &place, &headers, &body, own, client).await
        }
        (Endpoint::Device, Method::GET) => device::show(app, &place, &headers, query.as_bytes()).await,
        (Endpoint::Device, Method::POST) => device::decide(app, &place, &headers, &body, client).await,
        (Endpoint::Registration, Method::GET | Method::POST | Method::PUT | Method::DELETE) => {
            registration::serve(app, &place, (&method, &headers, &query), &body, client).await
        }
        (endpoint, _) => Ok((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods(endpoint))]).into_response()),
    }
}

// What is read of a request before anything else is looked at; empty where an endpoint reads none.
async fn body(app: &App, client: &Client, endpoint: Endpoint, request: Request) -> Result<Bytes, HttpError> {
    match endpoint {
        Endpoint::Discovery | Endpoint::Keys => Ok(Bytes::new()),
        Endpoint::Registration => registration::body(app, client, request).await,
        Endpoint::UserInfo if !is_form(request.headers()) => Ok(Bytes::new()),
        _ if request.method() == Method::POST => form(request).await,
        _ => Ok(Bytes::new()),
    }
}

// What an endpoint takes, for `Allow` (RFC 9110, 15.5.6) and for preflights.
const fn methods(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Discovery | Endpoint::Keys => "GET, HEAD",
        Endpoint::Authorize | Endpoint::UserInfo | Endpoint::Logout | Endpoint::Device => "GET, POST",
        Endpoint::Registration => "GET, POST, PUT, DELETE",
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
    let whence = Whence::of(client, KnownCookie::read(headers));
    let visitor = Visitor { sso: sso.as_ref(), browser: browser.as_ref(), client, whence: &whence };
    match oauth::authorize(app, place, &params, visitor).await? {
        Authorization::Respond(reply) => Ok(response::direct(app, &reply).await),
        Authorization::Begin(begun) => Ok(sent_to(&begun)),
        Authorization::Page { code, text } => Ok(response::error_page(app, StatusCode::BAD_REQUEST, code, text).await),
        Authorization::TooMany => Err(HttpError::TooManyRequests { retry_after: 30 }),
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
    let sso = Cookie::Sso.read(headers);
    // The button of our own page, which alone knows the token of this cookie (N25).
    let token = params.get("csrf").unwrap_or_default();
    let ours = own && sso.as_ref().is_some_and(|sso| csrf::matches(sso, LOGOUT_FORM, token));
    let confirmed = ours && params.get("confirm") == Some("yes");
    let mut response = match oauth::logout(app, place, &params, sso.as_ref(), confirmed, client).await? {
        LogoutOutcome::Confirm => {
            let token = sso.as_ref().map(|sso| csrf::token(sso, LOGOUT_FORM)).unwrap_or_default();
            return Ok(response::confirm_logout(app, place, &params, token).await);
        }
        LogoutOutcome::Refused(error) => {
            let code = error.code.to_string();
            return Ok(response::error_page(app, StatusCode::BAD_REQUEST, code, error.text).await);
        }
        // A redirect that follows our own form is blocked by `form-action 'self'`: a page moves on.
        LogoutOutcome::Done { redirect: Some(location), frames } if frames.is_empty() && !own => found(&location),
        LogoutOutcome::Done { redirect, frames } => response::signed_out(app, place, redirect, frames).await,
    };
    // Another tenant's session may live on under the same cookie; a dead one is taken away.
    if let Some(sso) = &sso
        && oauth::is_dead(app, sso).await?
    {
        response.headers_mut().append(header::SET_COOKIE, Cookie::Sso.clear());
    }
    Ok(response)
}

// What the token of the page "Sign out?" is bound to, next to the cookie.
const LOGOUT_FORM: &str = "logout";

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
