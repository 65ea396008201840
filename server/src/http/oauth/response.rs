//! How answers of the provider look in a browser.

use axum::{http::StatusCode, response::Response};
use lanyard_app::{pages, shell};
use lanyard_oidc::{params::Params, response::AuthorizationResponse};

use super::found;
use crate::{
    http::page::{self, Head},
    service::{journey::Reply, oauth::Place},
    state::App,
};

/// How long the page of a logout with frames stays, in seconds.
const FRAMES_SECONDS: u8 = 2;

/// An answer to a request that no form post led to: a plain redirect.
pub async fn direct(app: &App, reply: &AuthorizationResponse) -> Response {
    match reply {
        AuthorizationResponse::Redirect(location) => found(location),
        AuthorizationResponse::FormPost { action, fields } => form_post(app, action, fields).await,
    }
}

/// An answer at the end of a journey: a page that moves on by itself, because a redirect would be
/// subject to `form-action` (wire.md).
pub async fn interactive(app: &App, reply: &Reply) -> Response {
    match &reply.0 {
        AuthorizationResponse::Redirect(location) => page::move_on(app, location).await,
        AuthorizationResponse::FormPost { action, fields } => form_post(app, action, fields).await,
    }
}

async fn form_post(app: &App, action: &str, fields: &[(&'static str, String)]) -> Response {
    let (source, action, fields) = (source(action), action.to_owned(), fields.to_vec());
    let head = Head::plain("Going back to the app").posting_to(source);
    page::render(app, StatusCode::OK, head, move || pages::system::form_post_page(&action, &fields)).await
}

// The origin for `form-action`; a private-use scheme has none and stands for itself (CSP 3, 2.3.1).
fn source(action: &str) -> String {
    match url::Url::parse(action) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => "'none'".to_owned(),
    }
}

/// The page of a request that must never lead to its reply URL.
pub async fn error_page(app: &App, status: StatusCode, code: String, text: &'static str) -> Response {
    page::render(app, status, Head::plain("This sign-in link does not work"), move || {
        pages::system::protocol_error_page(&code, text)
    })
    .await
}

/// Asks "Sign out?" (A35).
pub async fn confirm_logout(app: &App, place: &Place, params: &Params, csrf: String) -> Response {
    let kept: Vec<(String, String)> = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), params.get(name)?.to_owned())))
        .chain([("csrf".to_owned(), csrf)])
        .collect();
    let tenant = place.tenant.name.clone();
    let title = shell::title("Sign out?", &tenant, false);
    page::render(app, StatusCode::OK, Head::plain(title), move || pages::system::confirm_logout_page(&tenant, &kept))
        .await
}

/// Says that it is done, signs out at the applications of `frames` (OpenID Connect Front-Channel
/// Logout), and goes on to `redirect` when they are loaded: a browser begins to count when the
/// page is complete, its frames included. Without frames it goes on at once.
pub async fn signed_out(app: &App, place: &Place, redirect: Option<String>, frames: Vec<String>) -> Response {
    let tenant = place.tenant.name.clone();
    let title = shell::title("You're signed out", &tenant, false);
    let origins = frames.iter().filter_map(|url| Some(url::Url::parse(url).ok()?.origin().ascii_serialization()));
    let mut head = Head::plain(title).framing(origins.collect());
    if let Some(location) = &redirect {
        let seconds = if frames.is_empty() { 0 } else { FRAMES_SECONDS };
        head = head.moving_to_after(location.clone(), seconds);
    }
    let page = move || pages::system::signed_out_page(&tenant, &frames, redirect.as_deref());
    page::render(app, StatusCode::OK, head, page).await
}
