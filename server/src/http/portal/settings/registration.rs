//! Whether programs may register applications (RFC 7591): a section of a tenant's settings.

use axum::{extract::State, response::Response};
use lanyard_app::api::portal::{FormState, RegistrationPanel};
use lanyard_domain::registration::MOST_REGISTRATIONS;

use super::{Place, SettingsSection, forms, refused, saved};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, registration},
    state::App,
};

// What the form offers as a limit where none was set, as the command line does.
const USUAL_MOST: u32 = 50;

/// The section, as it stands or as it was `typed`.
pub(super) async fn panel(app: &App, place: &Place, typed: Option<FormState>) -> Result<RegistrationPanel, HttpError> {
    let switch = registration::standing(app, place.tenant.id).await?;
    let usual = if switch.most == 0 { USUAL_MOST } else { switch.most };
    Ok(RegistrationPanel {
        on: switch.on,
        registered: switch.registered,
        most: switch.most,
        form: typed.unwrap_or_else(|| FormState::default().with("most", usual.to_string())),
    })
}

/// `POST /portal/{tenant}/registration`. Fields `to` (`on` or `off`) and, for `on`, `most`.
pub(in super::super) async fn switch(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let most = match fields.get("to") {
        "off" => None,
        // What is no number is out of bounds like 0.
        "on" => Some(fields.get("most").trim().parse().unwrap_or(0)),
        _ => return Err(HttpError::NotFound),
    };
    match registration::switch(&app, place.tenant.id, most, place.by(client)).await {
        Ok(switch) => {
            let done = if switch.on { "registration-on" } else { "registration-off" };
            Ok(saved(&place, done))
        }
        Err(PortalError::NotAllowed) => {
            let text = format!("Enter a whole number from 1 to {MOST_REGISTRATIONS}.");
            let typed = forms::typed(&fields, Vec::new()).wrong("most", text);
            refused(&app, &place, SettingsSection::Registration, typed).await
        }
        Err(error) => Err(error.into()),
    }
}
