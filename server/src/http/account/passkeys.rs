//! `/account/{tenant}/passkeys`: adding one.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use lanyard_app::{
    api::account::PasskeyFormView,
    pages::account::{NEW_PASSKEY_TITLE, passkey_page},
    paths,
};

use super::{AGAIN, head, home, owner};
use crate::{
    http::{
        console::{Oneself, OwnForm},
        error::HttpError,
        page,
    },
    service::account::passkeys::{self, Added},
    state::App,
};

// What the address says after something was done.
pub(super) const ADDED: &str = "passkey-added";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/{tenant}/passkeys", post(add))
        .route("/account/{tenant}/passkeys/new", get(show).post(begin))
}

async fn draw(app: &App, oneself: &Oneself, view: PasskeyFormView) -> Response {
    let failed = view.problem.is_some();
    let head = head(oneself, NEW_PASSKEY_TITLE, failed).with_passkeys();
    let status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page::render(app, status, head, move || passkey_page(view.clone())).await
}

/// `POST …/passkeys/new`: begins the making of a passkey.
async fn begin(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, .. } = form;
    match passkeys::begin(&app, &owner(&app, &oneself)).await? {
        true => Ok(Redirect::to(&paths::account_new_passkey(oneself.tenant.domain.as_str())).into_response()),
        false => Ok(home(&oneself, AGAIN)),
    }
}

/// `GET …/passkeys/new`: the page that makes it.
async fn show(State(app): State<App>, oneself: Oneself) -> Result<Response, HttpError> {
    match passkeys::form(&app, owner(&app, &oneself), None).await? {
        Some(view) => Ok(draw(&app, &oneself, view).await),
        None => Ok(Redirect::to(&paths::account(oneself.tenant.domain.as_str())).into_response()),
    }
}

/// `POST …/passkeys`: what the browser made.
async fn add(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    match passkeys::add(&app, owner(&app, &oneself), client, &fields).await? {
        Added::Done => Ok(home(&oneself, ADDED)),
        Added::SignInAgain => Ok(home(&oneself, AGAIN)),
        Added::Refused(view) => Ok(draw(&app, &oneself, *view).await),
    }
}
