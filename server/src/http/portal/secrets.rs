//! Client secrets: a new one, shown once, and removing one.

use axum::{
    extract::{Path, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, SecretRemoval, Section},
    pages::portal::{addresses, application_page, remove_secret_page},
};
use lanyard_domain::{application::Application, id::Id};

use super::{
    Place,
    applications::{detail, parse, secret_row},
    forms,
    frame::{Answer, in_tenant, on_to},
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, applications},
    state::App,
};

/// `POST …/applications/{id}/secret`: the answer itself shows the secret, once; nothing is kept
/// that could show it again.
pub(super) async fn create(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    let id = parse(&id)?;
    let made = applications::create_secret(&app, place.tenant.id, id, place.by(client)).await;
    let shown = applications::show(&app, place.tenant.id, id).await?;
    let mut detail = detail(&app, &place.tenant, &shown);
    let frame = in_tenant(&app, &place, Section::Applications).await?;
    let answer = match made {
        Ok(secret) => {
            detail.new_secret = Some(secret.expose().to_owned());
            Answer::ok(&detail.name, &frame)
        }
        Err(PortalError::TooMany) => {
            let text = format!("An application can have {} client secrets at most.", applications::MAX_SECRETS);
            detail.form = detail.form.wrong("", text);
            Answer::refused(&detail.name, &frame)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await)
}

/// `GET …/applications/{id}/secret/{secret}`: asks first.
pub(super) async fn ask(
    State(app): State<App>,
    place: Place,
    Path((_, id, secret)): Path<(String, String, String)>,
) -> Result<Response, HttpError> {
    question(&app, &place, (parse(&id)?, &secret), FormState::default()).await
}

async fn question(
    app: &App,
    place: &Place,
    (id, key): (Id<Application>, &str),
    form: FormState,
) -> Result<Response, HttpError> {
    let application = applications::show(app, place.tenant.id, id).await?.registered.application;
    let secret = applications::secret_of(&application, key).ok_or(HttpError::NotFound)?;
    let removal = SecretRemoval {
        application: id.to_string(),
        name: application.name.clone(),
        secret: secret_row(secret),
        last: application.secrets.len() == 1,
        form,
    };
    let frame = in_tenant(app, place, Section::Applications).await?;
    let answer = Answer::of_form("Remove a client secret", &frame, removal.form.failed());
    Ok(answer.draw(app, move || remove_secret_page(frame.clone(), removal.clone())).await)
}

/// `POST …/applications/{id}/secret/{secret}`.
pub(super) async fn remove(
    State(app): State<App>,
    Path((_, id, secret)): Path<(String, String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let id = parse(&id)?;
    let typed = fields.get("confirm").to_owned();
    match applications::remove_secret(&app, place.tenant.id, id, secret.clone(), typed, place.by(client)).await {
        Ok(()) => Ok(on_to(&addresses::application(place.domain(), &id.to_string()), "removed")),
        Err(PortalError::NotConfirmed) => {
            let text = "Type the last characters of the secret exactly as they are shown above.";
            question(&app, &place, (id, &secret), forms::typed(&fields, Vec::new()).wrong("confirm", text)).await
        }
        Err(error) => Err(error.into()),
    }
}
