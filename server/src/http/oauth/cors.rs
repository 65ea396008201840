//! Who may read the provider's answers from a page of another origin (`wire.md`, "Token").
//!
//! Discovery and keys are public. The endpoints that hold tokens answer the origins of registered
//! single-page reply URLs only, and say so on errors as well. No cookie ever decides there.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use lanyard_domain::{application::Application, id::Id};
use lanyard_oidc::endpoints::{Endpoint, Route};

use crate::{service::oauth, state::App};

/// Which origins may read the answers of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// All.
    Anybody,
    /// Those of the application's registered single-page reply URLs.
    Registered,
    /// None but our own.
    Nobody,
}

impl Readers {
    /// Those of `endpoint`.
    pub(super) const fn of(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Discovery | Endpoint::Keys => Self::Anybody,
            Endpoint::Token | Endpoint::UserInfo | Endpoint::Revocation | Endpoint::PushedRequest => Self::Registered,
            // Pages are no API; introspection is for servers.
            Endpoint::Authorize
            | Endpoint::Logout
            | Endpoint::Introspection
            | Endpoint::DeviceAuthorization
            | Endpoint::Device
            | Endpoint::Registration => Self::Nobody,
        }
    }
}

/// The answer to a preflight: it names no application, so any that the flow signs people in to
/// will do; the request itself is judged by its own.
pub(super) async fn preflight(app: &App, route: &Route, headers: &HeaderMap) -> Response {
    let mut answer = (StatusCode::NO_CONTENT, Body::empty()).into_response();
    match Readers::of(route.endpoint) {
        Readers::Anybody => anybody(&mut answer),
        Readers::Registered => {
            if let Ok(place) = oauth::place(app, route).await {
                open(app, &place, None, headers, &mut answer).await;
            }
        }
        Readers::Nobody => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
    if answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, super::methods(route.endpoint)),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
            (header::ACCESS_CONTROL_MAX_AGE, "7200"),
        ];
        for (name, value) in allowed {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    answer
}

/// Lets every page read `answer`.
pub(super) fn anybody(answer: &mut Response) {
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// Lets the page that asked read `answer`, if it is of an origin of the application `id`, or,
/// where the request does not say which it is, of any that is linked to the flow.
pub(super) async fn open(
    app: &App,
    place: &oauth::Place,
    id: Option<Id<Application>>,
    headers: &HeaderMap,
    answer: &mut Response,
) {
    // Caches must not hand the answer for one origin to another, nor the one for none.
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    let Some(value) = headers.get(header::ORIGIN) else { return };
    let Ok(origin) = value.to_str() else { return };
    match oauth::allows_origin(app, place, id, origin).await {
        Ok(true) => {
            let exposed = HeaderValue::from_static("www-authenticate, dpop-nonce, retry-after");
            answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value.clone());
            answer.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        Ok(false) => {}
        // The answer itself is not worse for it; the page just cannot read it.
        Err(error) => tracing::warn!(%error, "whether an origin may read an answer is unknown"),
    }
}
