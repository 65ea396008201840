//! `POST /portal/{tenant}/cool-down`: how long after a recovery an account stays as it is.

use axum::{extract::State, response::Response};
use lanyard_app::api::portal::{CoolDownPanel, FormState};
use lanyard_domain::cool_down::CoolDown;

use super::{Place, SettingsSection, forms, refused, saved};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, cool_down},
    state::App,
};

/// The section, as it stands or as it was `typed`.
pub(super) async fn panel(app: &App, place: &Place, typed: Option<FormState>) -> Result<CoolDownPanel, HttpError> {
    let now = cool_down::show(app, place.tenant.id).await?;
    let hours = now.hours().to_string();
    let present = || FormState::default().with("hours", hours.clone()).with("was", hours.clone());
    Ok(CoolDownPanel { hours: now.hours(), form: typed.unwrap_or_else(present) })
}

/// `POST /portal/{tenant}/cool-down`. Fields `hours`, and `was` for what the form was drawn from.
pub(in super::super) async fn set(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted = match forms::cool_down(&fields) {
        Ok(wanted) => wanted,
        Err(problems) => {
            return refused(&app, &place, SettingsSection::CoolDown, forms::typed(&fields, problems)).await;
        }
    };
    let was = fields.get("was").parse().ok().and_then(CoolDown::of_hours);
    match cool_down::set(&app, place.tenant.id, (Some(was.unwrap_or(wanted)), wanted), place.by(client)).await {
        Ok(_) => Ok(saved(&place, "cool-down")),
        Err(PortalError::Conflict) => {
            let text = "Somebody else has changed this meanwhile. What you see above is how it stands now. Save again to replace it.";
            let now = cool_down::show(&app, place.tenant.id).await?;
            let typed = forms::typed(&fields, Vec::new()).with("was", now.hours().to_string()).wrong("hours", text);
            refused(&app, &place, SettingsSection::CoolDown, typed).await
        }
        Err(error) => Err(error.into()),
    }
}
