//! `/account/{tenant}/forget-browsers`: remembered browsers, taken away.

use axum::{Router, extract::State, response::Response, routing::post};

use super::{home, owner};
use crate::{
    http::{console::OwnForm, error::HttpError},
    service::account::browsers,
    state::App,
};

// What the address says after something was done.
pub(super) const FORGOTTEN: &str = "forgotten";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/{tenant}/forget-browsers", post(forget))
}

/// `POST …/forget-browsers`: one (`browser`), or all.
async fn forget(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let browser = match fields.get("browser") {
        "" => None,
        id => Some(id.parse().map_err(|_| HttpError::NotFound)?),
    };
    match (browsers::forget(&app, owner(&app, &oneself), client, browser).await?, browser) {
        (0, Some(_)) => Err(HttpError::NotFound),
        (_, Some(_) | None) => Ok(home(&oneself, FORGOTTEN)),
    }
}
