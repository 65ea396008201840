//! Of which makes new passkeys of a tenant's staff must be: a section of its settings.

use axum::{extract::State, response::Response};
use lanyard_app::api::portal::{FormState, PasskeysPanel};
use lanyard_domain::makes::PasskeyMakes;

use super::{Place, SettingsSection, forms, refused, saved};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, tenants},
    state::App,
};

/// The section, as it stands or as it was `typed`.
pub(super) fn panel(place: &Place, typed: Option<FormState>) -> PasskeysPanel {
    let makes = &place.tenant.staff_passkeys;
    PasskeysPanel {
        makes: makes.makes.iter().map(|make| make.name.clone()).collect(),
        form: typed.unwrap_or_else(|| forms::makes_values(makes)),
    }
}

/// `POST /portal/{tenant}/passkeys`. Fields `makes`, `roots` and `was`.
pub(in super::super) async fn set(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted = match forms::staff_passkeys(&fields) {
        Ok(wanted) => wanted,
        Err(problems) => {
            return refused(&app, &place, SettingsSection::StaffPasskeys, forms::typed(&fields, problems)).await;
        }
    };
    // What is none of ours was drawn from nothing that is stored: a conflict, if not by chance the truth.
    let was = PasskeyMakes::from_stored(fields.get("was")).unwrap_or_default();
    match tenants::set_staff_passkeys(&app, place.tenant.id, Some(was), wanted, place.by(client)).await {
        Ok(_) => Ok(saved(&place, "passkeys")),
        Err(PortalError::Conflict) => {
            let text = "Somebody else has changed the makes meanwhile. What you see above is how they stand now. Save again to replace them.";
            let present = place.tenant.staff_passkeys.stored();
            refused(
                &app,
                &place,
                SettingsSection::StaffPasskeys,
                forms::typed(&fields, Vec::new()).with("was", present).wrong("makes", text),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}
