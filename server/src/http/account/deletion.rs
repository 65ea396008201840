//! `/account/{tenant}/delete` and `/account/{tenant}/keep`.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use lanyard_app::pages::account::{DELETE_TITLE, delete_page};

use super::{AGAIN, head, home, owner};
use crate::{
    http::{
        console::{Oneself, OwnForm},
        error::HttpError,
        page,
    },
    service::account::deletion::{self, Wish},
    state::App,
};

// What the address says after something was done.
pub(super) const PLANNED: &str = "deletion-planned";
pub(super) const KEPT: &str = "kept";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/{tenant}/delete", get(show).post(plan)).route("/account/{tenant}/keep", post(keep))
}

async fn draw(app: &App, oneself: &Oneself, unticked: bool) -> Response {
    let visitor = owner(app, oneself).visitor;
    let head = head(oneself, DELETE_TITLE, unticked);
    let status = if unticked { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page::render(app, status, head, move || delete_page(visitor.clone(), unticked)).await
}

/// `GET …/delete`: what it means, and the box to tick.
async fn show(State(app): State<App>, oneself: Oneself) -> Result<Response, HttpError> {
    match deletion::may_ask(oneself.who.account.kind) {
        true => Ok(draw(&app, &oneself, false).await),
        false => Err(HttpError::NotFound),
    }
}

fn answer(oneself: &Oneself, wish: &Wish, done: &str) -> Result<Response, HttpError> {
    match wish {
        Wish::Granted => Ok(home(oneself, done)),
        Wish::SignInAgain => Ok(home(oneself, AGAIN)),
        Wish::NotHere => Err(HttpError::NotFound),
    }
}

/// `POST …/delete` {sure}.
async fn plan(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    if fields.get("sure") != "true" {
        return Ok(draw(&app, &oneself, true).await);
    }
    answer(&oneself, &deletion::plan(&app, owner(&app, &oneself), client).await?, PLANNED)
}

/// `POST …/keep`.
async fn keep(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, .. } = form;
    answer(&oneself, &deletion::undo(&app, owner(&app, &oneself), client).await?, KEPT)
}
