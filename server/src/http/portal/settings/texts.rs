//! To which countries a tenant sends texts and calls (A14): a section of its settings.

use axum::{extract::State, response::Response};
use lanyard_app::api::portal::{FormState, TextsPanel};
use lanyard_domain::phone::PhoneCountries;

use super::{Place, SettingsSection, forms, refused, saved};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, tenants},
    state::App,
};

/// The section, as it stands or as it was `typed`.
pub(super) fn panel(place: &Place, typed: Option<FormState>) -> TextsPanel {
    let countries = forms::country_names(&place.tenant.phone_countries);
    let present = || {
        let was = place.tenant.phone_countries.listed();
        FormState::default().with("countries", countries.join(", ")).with("was", was)
    };
    TextsPanel { form: typed.unwrap_or_else(present), countries }
}

/// `POST /portal/{tenant}/texts`. Fields `countries` and `was`.
pub(in super::super) async fn set(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted = match forms::phone_countries(&fields) {
        Ok(wanted) => wanted,
        Err(problems) => return refused(&app, &place, SettingsSection::Texts, forms::typed(&fields, problems)).await,
    };
    let was = PhoneCountries::from_listed(fields.get("was"));
    match tenants::set_phone_countries(&app, place.tenant.id, Some(was), wanted, place.by(client)).await {
        Ok(_) => Ok(saved(&place, "texts")),
        Err(PortalError::Conflict) => {
            let text = "Somebody else has changed the countries meanwhile. What you see above is how they stand now. Save again to replace them.";
            let present = place.tenant.phone_countries.listed();
            let typed = forms::typed(&fields, Vec::new()).with("was", present).wrong("countries", text);
            refused(&app, &place, SettingsSection::Texts, typed).await
        }
        Err(error) => Err(error.into()),
    }
}
