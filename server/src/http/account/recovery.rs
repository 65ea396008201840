//! `/account/{tenant}/recovery-codes`: making a set, which the answer itself shows, once; away with it.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use lanyard_app::{
    api::account::NewCodesView,
    pages::account::{NEW_CODES_TITLE, new_codes_page},
    paths, shell,
};
use lanyard_domain::recovery::RecoveryCode;

use super::{AGAIN, factors::changed, home, owner};
use crate::{
    http::{
        console::{Oneself, OwnForm},
        error::HttpError,
        page,
    },
    service::account::{
        factors,
        recovery::{self, Made},
    },
    state::App,
};

// What the address says after something was done.
pub(super) const REMOVED: &str = "recovery-codes-removed";
pub(super) const ALREADY: &str = "recovery-codes-made";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/{tenant}/recovery-codes", get(leave).post(make))
        .route("/account/{tenant}/recovery-codes/remove", post(remove))
}

/// `GET …/recovery-codes`: there is nothing to see a second time.
async fn leave(oneself: Oneself) -> Redirect {
    Redirect::to(&paths::account(oneself.tenant.domain.as_str()))
}

/// `POST …/recovery-codes` {replaces?}.
async fn make(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let replaces = match fields.get("replaces") {
        "" => None,
        id => Some(id.parse().map_err(|_| HttpError::NotFound)?),
    };
    let owner = owner(&app, &oneself);
    let visitor = owner.visitor.clone();
    match recovery::make(&app, owner, client, replaces).await? {
        Made::Codes(codes) => {
            let view = NewCodesView { visitor, codes: codes.iter().map(RecoveryCode::grouped).collect() };
            let head = page::Head::staff(shell::title(NEW_CODES_TITLE, &oneself.tenant.name, false)).ending_when_idle();
            Ok(page::render(&app, StatusCode::OK, head, move || new_codes_page(view.clone())).await)
        }
        Made::SignInAgain => Ok(home(&oneself, AGAIN)),
        Made::Already => Ok(home(&oneself, ALREADY)),
        Made::Alone => Ok(Redirect::to(&paths::account(oneself.tenant.domain.as_str())).into_response()),
    }
}

/// `POST …/recovery-codes/remove` {factor}.
async fn remove(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let factor = fields.get("factor").parse().map_err(|_| HttpError::NotFound)?;
    changed(&oneself, &factors::remove(&app, owner(&app, &oneself), client, factor).await?, REMOVED)
}
