//! Of which makes new passkeys of a tenant's staff must be: a form of the tenant's first page.

use axum::{extract::State, response::Response};
use lanyard_app::{api::portal::FormState, paths};
use lanyard_domain::makes::PasskeyMakes;

use super::{
    Place, forms,
    frame::on_to,
    tenants::{self as overview, Refused},
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, tenants},
    state::App,
};

/// `POST /portal/{tenant}/passkeys`. Fields `makes`, `roots` and `was`.
pub(super) async fn set(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted = match forms::staff_passkeys(&fields) {
        Ok(wanted) => wanted,
        Err(problems) => return refused(&app, &place, forms::typed(&fields, problems)).await,
    };
    // What is none of ours was drawn from nothing that is stored: a conflict, if not by chance the truth.
    let was = PasskeyMakes::from_stored(fields.get("was")).unwrap_or_default();
    match tenants::set_staff_passkeys(&app, place.tenant.id, Some(was), wanted, place.by(client)).await {
        Ok(_) => Ok(on_to(&paths::portal_tenant(place.domain()), "passkeys")),
        Err(PortalError::Conflict) => {
            let text = "Somebody else has changed the makes meanwhile. What you see above is how they stand now. Save again to replace them.";
            let present = place.tenant.staff_passkeys.stored();
            refused(&app, &place, forms::typed(&fields, Vec::new()).with("was", present).wrong("makes", text)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn refused(app: &App, place: &Place, typed: FormState) -> Result<Response, HttpError> {
    overview::refused(app, place, Refused { passkeys: Some(typed), ..Refused::default() }).await
}
