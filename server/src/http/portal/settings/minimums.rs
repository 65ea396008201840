//! `POST /portal/{tenant}/minimums`: what staff and operators must show whenever they sign in.

use axum::{extract::State, response::Response};
use lanyard_app::api::portal::{FormState, MinimumsPanel};
use lanyard_domain::assurance::Assurance;

use super::{Place, SettingsSection, forms, refused, saved};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::{
        minimum::is_reachable,
        portal::{
            PortalError,
            minimums::{self, RoleMinimums},
        },
    },
    state::App,
};

/// The panel, with the form as it was typed where it was refused.
pub(super) async fn panel(app: &App, place: &Place, typed: Option<FormState>) -> Result<MinimumsPanel, HttpError> {
    let form = match typed {
        Some(typed) => typed,
        None => present(minimums::show(app, &place.tenant).await?),
    };
    Ok(MinimumsPanel { passkeys: is_reachable(app, Assurance::PhishingResistant), form })
}

/// The form as it is drawn first.
fn present(now: RoleMinimums) -> FormState {
    let (staff, operators) = (now.staff.as_str(), now.operators.as_str());
    let form = FormState::default().with("staff", staff).with("operators", operators);
    form.with("was_staff", staff).with("was_operators", operators)
}

/// `POST /portal/{tenant}/minimums`. Fields `staff`, `operators`, and `was_staff` and `was_operators` for what the form
/// was drawn from.
pub(in super::super) async fn set(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted = match forms::role_minimums(&fields) {
        Ok(wanted) => wanted,
        Err(problems) => {
            return refused(&app, &place, SettingsSection::Minimums, forms::typed(&fields, problems)).await;
        }
    };
    // What is none of ours was drawn from nothing that is stored: a conflict, if not by chance the truth.
    let was = |name: &str| Assurance::parse(fields.get(name)).unwrap_or_default();
    let was = RoleMinimums { staff: was("was_staff"), operators: was("was_operators") };
    match minimums::set(&app, &place.tenant, (Some(was), wanted), place.by(client)).await {
        Ok(_) => Ok(saved(&place, "minimums")),
        Err(PortalError::Unreachable) => {
            let text = "Passkeys can’t be used at this address, so nobody could sign in any more.";
            let field = if wanted.staff == Assurance::PhishingResistant { "staff" } else { "operators" };
            refused(&app, &place, SettingsSection::Minimums, forms::typed(&fields, Vec::new()).wrong(field, text)).await
        }
        Err(PortalError::Conflict) => {
            let text = "Somebody else has changed this meanwhile. What you chose is not saved. Save again to replace what stands now.";
            let now = minimums::show(&app, &place.tenant).await?;
            let typed = forms::typed(&fields, Vec::new()).with("was_staff", now.staff.as_str());
            let typed = typed.with("was_operators", now.operators.as_str());
            refused(&app, &place, SettingsSection::Minimums, typed.wrong("staff", text)).await
        }
        Err(error) => Err(error.into()),
    }
}
