//! What every request and response passes: an id, the CSRF check, the limit per network, a bound
//! on time, and the headers of `security.md` (A43, A46).

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use lanyard_domain::entropy;
use lanyard_oidc::endpoints::{Endpoint, Route};

use super::{
    client::{Client, RequestId},
    csrf, documents,
    error::{Failed, HttpError},
    page,
};
use crate::state::App;

/// The longest a request may take; providers are never waited for within one.
const REQUEST_TIME: Duration = Duration::from_secs(20);

/// The policy of answers that are no pages.
const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The outermost layer of ours.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = request_id(&app);
    if let Some(mut answer) = documents::at_hand(&app, &request) {
        // Thousands a second, all alike, of what is public: not for the log.
        tracing::debug!(request = %id, "a document at hand");
        name(answer.headers_mut(), &id);
        return answer;
    }
    let began = documents::is_one(request.method(), request.uri()).then(|| documents::Moment::now(&app));
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let uri = request.uri().clone();
    let path = uri.path().to_owned();
    let wants = Wants::of(&path, request.headers());
    let client = Client::of(request.headers(), request.extensions(), &app.config);

    let mut response = match admit(&app, &method, &uri, request.headers(), &client) {
        Err(error) => {
            let mut refused = error.into_response();
            // The application's page may read that it must wait: it says nothing of anybody, and whose
            // page it is would cost the work that is spared here.
            if is_called_by_programs(&uri) {
                let all = HeaderValue::from_static("*");
                refused.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, all);
                let shown = HeaderValue::from_static("retry-after");
                refused.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
            }
            refused
        }
        Ok(()) => match tokio::time::timeout(REQUEST_TIME, next.run(request)).await {
            Ok(response) => response,
            Err(_) => HttpError::Unavailable("timed out".into()).into_response(),
        },
    };
    if let Some(failed) = response.extensions().get::<Failed>().cloned() {
        response = explain(&app, response, &failed, wants, &id).await;
    }
    tracing::info!(request = %id, %method, path = %loggable(&path), status = response.status().as_u16(), ip = %client.ip, "request");
    finish(&app, &uri, response.headers_mut());
    if let Some(began) = began {
        response = documents::keep(&app, &uri, began, response).await;
    }
    name(response.headers_mut(), &id);
    response
}

fn name(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::try_from(id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

fn admit(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap, client: &Client) -> Result<(), HttpError> {
    if method.is_safe() {
        return Ok(());
    }
    let endpoint = Route::parse(uri.path(), uri.query()).map(|route| route.endpoint);
    // The protocol endpoints of a flow, and nothing else, take no cookie as authority.
    if !endpoint.is_some_and(|it| csrf::EXEMPT.contains(&it)) && !csrf::same_origin(method, headers, &app.origin) {
        return Err(HttpError::CrossSite);
    }
    let by_program = is_called_by_programs(uri);
    let admitted = if by_program { app.limiter.admits_call(client.ip) } else { app.limiter.admits(client.ip) };
    if !admitted {
        return Err(HttpError::TooManyRequests { retry_after: if by_program { 1 } else { 30 } });
    }
    Ok(())
}

fn is_called_by_programs(uri: &Uri) -> bool {
    Route::parse(uri.path(), uri.query()).is_some_and(|route| csrf::CALLED_BY_PROGRAMS.contains(&route.endpoint))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Page,
    Json,
    Text,
}

impl Wants {
    fn of(path: &str, headers: &HeaderMap) -> Self {
        let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if path.starts_with("/api/") {
            Self::Json
        } else if accepts.contains("text/html") {
            Self::Page
        } else {
            Self::Text
        }
    }
}

// The same failure, in the form that the asker reads, with the id that is in the log.
async fn explain(app: &App, response: Response, failed: &Failed, wants: Wants, id: &str) -> Response {
    const KEPT: [HeaderName; 4] =
        [header::RETRY_AFTER, header::ACCESS_CONTROL_ALLOW_ORIGIN, header::ACCESS_CONTROL_EXPOSE_HEADERS, header::VARY];
    let (status, headers) = (response.status(), response.headers().clone());
    let mut better = match wants {
        Wants::Text => return response,
        Wants::Json => {
            let body = serde_json::json!({"title": failed.title, "advice": failed.advice, "request": id});
            (status, axum::Json(body)).into_response()
        }
        Wants::Page => page::failure(app, status, failed, id).await,
    };
    for name in KEPT {
        if let Some(value) = headers.get(&name) {
            better.headers_mut().insert(name, value.clone());
        }
    }
    better
}

fn finish(app: &App, uri: &Uri, headers: &mut HeaderMap) {
    let mut fill = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    fill(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    fill(header::REFERRER_POLICY, "same-origin");
    fill(header::X_FRAME_OPTIONS, "DENY");
    fill(header::CONTENT_SECURITY_POLICY, BARE_POLICY);
    fill(header::CACHE_CONTROL, "no-store");
    fill(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if app.origin.starts_with("https:") {
        fill(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    // Journey and end-session pages send none: popups of MSAL 2 and 4 need their opener (A43).
    if !may_be_a_popup(uri) {
        fill(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
}

fn may_be_a_popup(uri: &Uri) -> bool {
    // The device's pages are opened by a person, never by an application.
    let opened = |route: Route| route.endpoint != Endpoint::Device;
    uri.path().starts_with("/journey/") || Route::parse(uri.path(), uri.query()).is_some_and(opened)
}

// Links in mails are secrets; they stay out of the log (A50).
fn loggable(path: &str) -> &str {
    let first = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    if first.eq_ignore_ascii_case("invitation") {
        "/invitation/…"
    } else if first.eq_ignore_ascii_case("not-me") {
        "/not-me/…"
    } else {
        path
    }
}

fn request_id(app: &App) -> String {
    let bytes: [u8; 9] = entropy::bytes(app.entropy().as_mut());
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The last resort: a panic was caught; the log has its message and the answer has none of it.
pub fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".into());
    tracing::error!(panic = %text, "a handler panicked");
    HttpError::Internal("panic".into()).into_response()
}

/// A path that exists, asked with a method that it does not take.
pub async fn method_not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed\n").into_response()
}
