//! `/account` without a tenant: the account of the only one there is, else how to find one's own.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use lanyard_app::{
    pages::account::{WAY_TITLE, way_page},
    paths,
};

use crate::{
    http::{error::HttpError, home, page},
    service::tenants,
    state::App,
};

/// `GET /account`: on to the account at the demo's clinic, or at the only tenant.
pub(super) async fn show(State(app): State<App>) -> Result<Response, HttpError> {
    let tenant = if app.config.demo { home::clinic(&app).await? } else { tenants::only(&app).await? };
    match tenant {
        Some(tenant) => Ok(Redirect::to(&paths::account(tenant.domain.as_str())).into_response()),
        None => Ok(page::render(&app, StatusCode::OK, page::Head::plain(WAY_TITLE), way_page).await),
    }
}
