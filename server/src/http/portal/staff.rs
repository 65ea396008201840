//! Inviting clinic staff.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, Section, StaffPage},
    pages::portal::{addresses, staff_page},
};

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::invitations,
    state::App,
};

/// `GET …/staff`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    page(&app, &place, FormState::default(), asked.done == "invited").await
}

async fn page(app: &App, place: &Place, form: FormState, invited: bool) -> Result<Response, HttpError> {
    let mut frame = in_tenant(app, place, Section::Staff).await?;
    if invited {
        frame.done = done("The invitation is on its way");
    }
    let answer = Answer::of_form("Clinic staff", &frame, form.failed());
    let page = StaffPage { form, can_send: app.channels.email };
    Ok(answer.draw(app, move || staff_page(frame.clone(), page.clone())).await)
}

/// `POST …/staff`.
pub(super) async fn invite(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let typed = forms::typed(&fields, Vec::new());
    if !app.channels.email {
        let form = typed.wrong("", "Email can’t be sent: no mail server is configured. Nobody was invited.");
        return page(&app, &place, form, false).await;
    }
    let email = match forms::invited_address(&fields) {
        Ok(email) => email,
        Err(problem) => return page(&app, &place, typed.wrong("email", problem), false).await,
    };
    invitations::invite_staff(&app, &place.tenant, email, place.who.account.id, &client).await?;
    Ok(on_to(&addresses::staff(place.domain()), "invited"))
}
