//! Whether a reset by staff takes a second one: a section of a tenant's settings.

use axum::{extract::State, response::Response};

use super::{Place, saved};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::tenants,
    state::App,
};

/// `POST /portal/{tenant}/resets`. Field `to` (`on` or `off`).
pub(in super::super) async fn set(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let (wanted, done) = match fields.get("to") {
        "on" => (true, "resets-on"),
        "off" => (false, "resets-off"),
        _ => return Err(HttpError::NotFound),
    };
    tenants::set_second_approver(&app, place.tenant.id, wanted, place.by(client)).await?;
    Ok(saved(&place, done))
}
