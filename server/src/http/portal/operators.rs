//! The operators of a tenant. Everybody who manages it sees who else does; only an operator of the
//! whole instance changes it.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, OperatorsPage, Section},
    pages::portal::{addresses, operators_page, revoke_operator_page},
};
use lanyard_domain::role::Role;

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

fn may_change(place: &Place) -> bool {
    place.who.roles.contains(&Role::InstanceOperator)
}

// Who may not is told that there is nothing here.
fn only_instance_operators(place: &Place) -> Result<(), HttpError> {
    if may_change(place) { Ok(()) } else { Err(HttpError::NotFound) }
}

/// `GET …/operators`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    page(&app, &place, FormState::default(), &asked.done).await
}

async fn page(app: &App, place: &Place, form: FormState, said: &str) -> Result<Response, HttpError> {
    let mut frame = in_tenant(app, place, Section::Operators).await?;
    frame.done = match said {
        "invited" => done("The invitation is on its way"),
        "granted" => done("This person is an operator already, and manages this tenant now"),
        "revoked" => done("The operator is removed. It acts at their next click."),
        "withdrawn" => done("The invitation is withdrawn. Its link works no more."),
        _ => None,
    };
    let list = posts::list(app, place.tenant.id, Post::Operator).await?;
    let page = OperatorsPage {
        operators: people::holders(&list),
        invited: people::invited(&list),
        may_change: may_change(place),
        can_send: app.channels.email,
        form,
    };
    let answer = Answer::of_form("Operators", &frame, page.form.failed());
    Ok(answer.draw(app, move || operators_page(frame.clone(), page.clone())).await)
}

/// `POST …/operators`.
pub(super) async fn invite(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    only_instance_operators(&place)?;
    let typed = forms::typed(&fields, Vec::new());
    if !app.channels.email {
        let form = typed.wrong("", "Email can’t be sent: no mail server is configured. Nobody was invited.");
        return page(&app, &place, form, "").await;
    }
    let email = match forms::invited_address(&fields) {
        Ok(email) => email,
        Err(problem) => return page(&app, &place, typed.wrong("email", problem), "").await,
    };
    let home = addresses::operators(place.domain());
    match posts::invite(&app, &place.tenant, (Post::Operator, email), place.by(client)).await {
        Ok(Outcome::Sent) => Ok(on_to(&home, "invited")),
        Ok(Outcome::Granted) => Ok(on_to(&home, "granted")),
        Err(PortalError::Taken) => {
            page(&app, &place, typed.wrong("email", "This person manages this tenant already."), "").await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET …/operators/{id}/revoke`: asks first.
pub(super) async fn ask(
    State(app): State<App>,
    place: Place,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    only_instance_operators(&place)?;
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    let account = posts::find(&app, place.tenant.id, (Post::Operator, id)).await?;
    let frame = in_tenant(&app, &place, Section::Operators).await?;
    let row = people::row(&account, String::new());
    let answer = Answer::ok("Remove an operator", &frame);
    Ok(answer.draw(&app, move || revoke_operator_page(frame.clone(), row.clone())).await)
}

/// `POST …/operators/{id}/revoke`.
pub(super) async fn revoke(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    only_instance_operators(&place)?;
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    posts::revoke(&app, place.tenant.id, (Post::Operator, id), place.by(client)).await?;
    Ok(on_to(&addresses::operators(place.domain()), "revoked"))
}

/// `POST …/operators/{id}/withdraw`: `id` is the invitation's.
pub(super) async fn withdraw(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    only_instance_operators(&place)?;
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    posts::withdraw(&app, place.tenant.id, (Post::Operator, id), place.by(client)).await?;
    Ok(on_to(&addresses::operators(place.domain()), "withdrawn"))
}
