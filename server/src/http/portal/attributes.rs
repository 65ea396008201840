//! The attributes of a tenant.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{AttributeRow, AttributesPage, FormState, Section},
    pages::portal::{addresses, attributes_page},
};
use lanyard_domain::attribute::{self, Attribute};

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
    words,
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{PortalError, attributes},
    state::App,
};

/// `GET …/attributes`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    page(&app, &place, FormState::default().with("type", "string"), asked.done == "defined").await
}

async fn page(app: &App, place: &Place, form: FormState, defined: bool) -> Result<Response, HttpError> {
    let mut frame = in_tenant(app, place, Section::Attributes).await?;
    if defined {
        frame.done = done("The attribute is defined. User flows can use it now.");
    }
    let custom = attributes::custom(app, place.tenant.id).await?;
    let answer = Answer::of_form("Attributes", &frame, form.failed());
    let page = AttributesPage { rows: custom.iter().chain(&attribute::built_in()).map(row).collect(), form };
    Ok(answer.draw(app, move || attributes_page(frame.clone(), page.clone())).await)
}

fn row(attribute: &Attribute) -> AttributeRow {
    AttributeRow {
        name: attribute.name.clone(),
        label: attribute.label.clone(),
        kind: words::attribute_kind(&attribute.kind),
        custom: attribute.is_custom(),
    }
}

/// `POST …/attributes`.
pub(super) async fn define(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let attribute = match forms::attribute(&fields) {
        Ok(attribute) => attribute,
        Err(problems) => return page(&app, &place, forms::typed(&fields, problems), false).await,
    };
    let typed = forms::typed(&fields, Vec::new());
    let refused = match attributes::define(&app, place.tenant.id, attribute, place.by(client)).await {
        Ok(()) => return Ok(on_to(&addresses::attributes(place.domain()), "defined")),
        Err(PortalError::Taken) => {
            typed.wrong("name", "There is an attribute of this name already. Choose another name.")
        }
        Err(PortalError::TooMany) => {
            typed.wrong("", format!("A tenant can have {} custom attributes at most.", attributes::MAX_CUSTOM))
        }
        Err(error) => return Err(error.into()),
    };
    page(&app, &place, refused, false).await
}
