//! `/account/{tenant}/factors`: another name, away with it. Adding one is in [`super::passkeys`].

use axum::{Router, extract::State, response::Response, routing::post};

use super::{AGAIN, home, owner};
use crate::{
    http::{
        console::{Oneself, OwnForm},
        error::HttpError,
    },
    service::account::factors::{self, Changed},
    state::App,
};

// What the address says after something was done.
pub(super) const RENAMED: &str = "factor-renamed";
pub(super) const REMOVED: &str = "factor-removed";
pub(super) const LAST: &str = "last-factor";
pub(super) const COOLING: &str = "cooling-down";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/{tenant}/factors/rename", post(rename))
        .route("/account/{tenant}/factors/remove", post(remove))
}

pub(super) fn changed(oneself: &Oneself, changed: &Changed, done: &str) -> Result<Response, HttpError> {
    match changed {
        Changed::Done => Ok(home(oneself, done)),
        Changed::SignInAgain => Ok(home(oneself, AGAIN)),
        Changed::Last => Ok(home(oneself, LAST)),
        Changed::CoolingDown => Ok(home(oneself, COOLING)),
        Changed::Missing => Err(HttpError::NotFound),
    }
}

/// `POST …/factors/rename` {factor, name}.
async fn rename(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let factor = fields.get("factor").parse().map_err(|_| HttpError::NotFound)?;
    // Nothing that can be shown is typed: the old name stays, as when nothing is changed.
    let Ok(name) = lanyard_domain::text::clean(fields.get("name"), 60) else { return Ok(home(&oneself, RENAMED)) };
    changed(&oneself, &factors::rename(&app, owner(&app, &oneself), client, factor, name).await?, RENAMED)
}

/// `POST …/factors/remove` {factor}.
async fn remove(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let factor = fields.get("factor").parse().map_err(|_| HttpError::NotFound)?;
    changed(&oneself, &factors::remove(&app, owner(&app, &oneself), client, factor).await?, REMOVED)
}
