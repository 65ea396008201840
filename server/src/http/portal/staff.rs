//! The clinic's staff: who they are, inviting somebody, taking the role away.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, Section, StaffPage},
    pages::portal::{addresses, revoke_staff_page, staff_page},
};

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
    people,
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{
        PortalError,
        posts::{self, Outcome, Post},
    },
    state::App,
};

/// `GET …/staff`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    page(&app, &place, FormState::default(), &asked.done).await
}

async fn page(app: &App, place: &Place, form: FormState, said: &str) -> Result<Response, HttpError> {
    let mut frame = in_tenant(app, place, Section::Staff).await?;
    frame.done = match said {
        "invited" => done("The invitation is on its way"),
        "granted" => done("This person has a staff account already, and belongs to the staff now"),
        "revoked" => done("This person is removed from the staff. It acts at their next click."),
        "withdrawn" => done("The invitation is withdrawn. Its link works no more."),
        _ => None,
    };
    let list = posts::list(app, place.tenant.id, Post::Staff).await?;
    let answer = Answer::of_form("Clinic staff", &frame, form.failed());
    let (staff, invited) = (people::holders(&list), people::invited(&list));
    let page = StaffPage { staff, invited, can_send: app.channels.email, form };
    Ok(answer.draw(app, move || staff_page(frame.clone(), page.clone())).await)
}

/// `POST …/staff`.
pub(super) async fn invite(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let typed = forms::typed(&fields, Vec::new());
    if !app.channels.email {
        let form = typed.wrong("", "Email can’t be sent: no mail server is configured. Nobody was invited.");
        return page(&app, &place, form, "").await;
    }
    let email = match forms::invited_address(&fields) {
        Ok(email) => email,
        Err(problem) => return page(&app, &place, typed.wrong("email", problem), "").await,
    };
    let home = addresses::staff(place.domain());
    match posts::invite(&app, &place.tenant, (Post::Staff, email), place.by(client)).await {
        Ok(Outcome::Sent) => Ok(on_to(&home, "invited")),
        Ok(Outcome::Granted) => Ok(on_to(&home, "granted")),
        Err(PortalError::Taken) => {
            page(&app, &place, typed.wrong("email", "This person belongs to the staff already."), "").await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET …/staff/{id}/revoke`: asks first.
pub(super) async fn ask(
    State(app): State<App>,
    place: Place,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    let account = posts::find(&app, place.tenant.id, (Post::Staff, id)).await?;
    let frame = in_tenant(&app, &place, Section::Staff).await?;
    let row = people::row(&account, String::new());
    let answer = Answer::ok("Remove from staff", &frame);
    Ok(answer.draw(&app, move || revoke_staff_page(frame.clone(), row.clone())).await)
}

/// `POST …/staff/{id}/revoke`.
pub(super) async fn revoke(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    posts::revoke(&app, place.tenant.id, (Post::Staff, id), place.by(client)).await?;
    Ok(on_to(&addresses::staff(place.domain()), "revoked"))
}

/// `POST …/staff/{id}/withdraw`: `id` is the invitation's.
pub(super) async fn withdraw(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    posts::withdraw(&app, place.tenant.id, (Post::Staff, id), place.by(client)).await?;
    Ok(on_to(&addresses::staff(place.domain()), "withdrawn"))
}
