//! `/clinic/{tenant}/patients/{id}/minimum`: what every sign-in of a patient must show.

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use lanyard_app::{
    api::minimum::MinimumSaid,
    pages::clinic::{MINIMUM_TITLE, minimum_page},
    paths, shell,
};
use lanyard_domain::{account::Account, assurance::Assurance, id::Id, user_flow::Audience};

use super::reset::{helper, patient};
use crate::{
    http::{
        client::Client,
        console::{self, ConsoleForm, Staff},
        error::HttpError,
        page,
    },
    service::clinic::{
        minimum::{self, Outcome},
        reset::Helper,
    },
    state::App,
};

// What the address says after something was done.
const SAVED: &str = "saved";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/clinic/{tenant}/patients/{id}/minimum", get(show).post(set))
        .route("/clinic/{tenant}/patients/{id}/minimum/sign-in-again", get(sign_in_again))
}

async fn draw(
    app: &App,
    helper: Helper,
    id: Id<Account>,
    (status, said, problem): (StatusCode, Option<MinimumSaid>, Option<&str>),
) -> Result<Response, HttpError> {
    let name = helper.tenant.name.clone();
    let view = minimum::show(app, helper, id, (said, problem.map(str::to_owned))).await?.ok_or(HttpError::NotFound)?;
    let head = page::Head::plain(shell::title(MINIMUM_TITLE, &name, status.is_client_error())).ending_when_idle();
    Ok(page::render(app, status, head, move || minimum_page(view.clone())).await)
}

/// `GET …/minimum`. Audited.
async fn show(
    State(app): State<App>,
    staff: Staff,
    client: Client,
    Path((_, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let said = (query.as_deref() == Some(SAVED)).then_some(MinimumSaid::Saved);
    draw(&app, helper(&app, &staff, client), patient(&id)?, (StatusCode::OK, said, None)).await
}

/// `GET …/minimum/sign-in-again`: a fresh sign-in (A20), and back.
async fn sign_in_again(
    State(app): State<App>,
    staff: Staff,
    client: Client,
    headers: HeaderMap,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let home = paths::clinic_minimum(staff.tenant.domain.as_str(), &patient(&id)?.to_string());
    console::begin(&app, &headers, &client, staff.tenant, Audience::Staff, home).await
}

/// `POST …/minimum` {minimum, was}.
async fn set(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    form: ConsoleForm<Staff>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: staff, client, fields } = form;
    let (id, helper) = (patient(&id)?, helper(&app, &staff, client));
    let refused = |text| (StatusCode::UNPROCESSABLE_ENTITY, None, Some(text));
    let Some(wanted) = Assurance::parse(fields.get("minimum")) else {
        return draw(&app, helper, id, refused("Choose one.")).await;
    };
    let present = Assurance::parse(fields.get("was")).ok_or(HttpError::NotFound)?;
    let home = paths::clinic_minimum(helper.tenant.domain.as_str(), &id.to_string());
    match minimum::set(&app, helper.clone(), id, (present, wanted)).await? {
        Outcome::Said(MinimumSaid::Saved) => Ok(Redirect::to(&format!("{home}?{SAVED}")).into_response()),
        Outcome::Said(said) => draw(&app, helper, id, (StatusCode::CONFLICT, Some(said), None)).await,
        Outcome::Unreachable => draw(&app, helper, id, refused("Passkeys can’t be used at this address.")).await,
        Outcome::Missing => Err(HttpError::NotFound),
    }
}
