//! `/clinic/{tenant}`: the staff's pages. [`Staff`] lets nobody else in.

mod minimum;
mod reset;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use lanyard_app::{
    api::clinic::PatientListQuery,
    pages::clinic::{LIST_TITLE, patient_page, patients_page},
    shell,
};
use lanyard_domain::session::ConsoleKind;

use super::{client::Client, console::Staff, error::HttpError, form::Fields, page};
use crate::{
    service::{
        account,
        clinic::{self, Looker},
    },
    state::App,
};

/// The routes of this console.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/clinic/{tenant}", get(list))
        .route("/clinic/{tenant}/patients/{id}", get(patient))
        .merge(minimum::routes())
        .merge(reset::routes())
}

fn looker(app: &App, staff: &Staff, client: Client) -> Looker {
    Looker {
        account: staff.who.account.id,
        tenant: staff.tenant.id,
        client,
        visitor: account::visitor(app, ConsoleKind::Clinic, &staff.tenant, staff.who.name(), &staff.who.csrf),
    }
}

/// `GET /clinic/{tenant}`: the figures and a page of the list; everything else is in the address.
async fn list(
    State(app): State<App>,
    staff: Staff,
    client: Client,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes())?;
    let query = PatientListQuery::read(|name| fields.get(name));
    let view = clinic::list(&app, looker(&app, &staff, client), query).await?;
    let head = page::Head::plain(shell::title(LIST_TITLE, &staff.tenant.name, false)).ending_when_idle();
    Ok(page::render(&app, StatusCode::OK, head, move || patients_page(view.clone())).await)
}

/// `GET /clinic/{tenant}/patients/{id}`: a patient of this tenant. Audited.
async fn patient(
    State(app): State<App>,
    staff: Staff,
    client: Client,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    let view = clinic::open(&app, looker(&app, &staff, client), id).await?.ok_or(HttpError::NotFound)?;
    let head = page::Head::plain(shell::title(&view.name, &staff.tenant.name, false)).ending_when_idle();
    Ok(page::render(&app, StatusCode::OK, head, move || patient_page(view.clone())).await)
}
