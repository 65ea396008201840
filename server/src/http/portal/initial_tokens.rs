//! The initial access tokens of a tenant, with which programs register applications (RFC 7591).

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, InitialTokenRow, InitialTokensPage, Section},
    pages::portal::{addresses, initial_tokens_page},
};
use lanyard_domain::{clock::Timestamp, id::Id, registration::InitialAccessToken, secret::Token, user_flow::UserFlow};

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
    words,
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::{
        oauth::registration::endpoint,
        portal::{PortalError, registration},
    },
    state::App,
};

const TITLE: &str = "Initial access tokens";

/// `GET …/registration/tokens`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    page(&app, &place, fresh(), None, asked.done == "revoked").await
}

// As the command line does.
fn fresh() -> FormState {
    FormState::default().with("uses", "1").with("days", "7")
}

async fn page(
    app: &App,
    place: &Place,
    form: FormState,
    made: Option<(Id<UserFlow>, Token)>,
    revoked: bool,
) -> Result<Response, HttpError> {
    let mut frame = in_tenant(app, place, Section::Settings).await?;
    if revoked {
        frame.done = done("The token is revoked");
    }
    let (found, now) = (registration::tokens(app, place.tenant.id).await?, app.clock.now());
    let made = made.and_then(|(id, text)| {
        let flow = found.flows.iter().find(|flow| flow.id == id)?;
        Some((text.expose().to_owned(), endpoint(app, &place.tenant, flow)))
    });
    let page = InitialTokensPage {
        on: found.switch.on,
        rows: found.tokens.iter().map(|token| row(token, &found.flows, now)).collect(),
        flows: found.flows.iter().map(|flow| (flow.id.to_string(), flow.name.as_str().to_owned())).collect(),
        made,
        form,
    };
    let answer = Answer::of_form(TITLE, &frame, page.form.failed());
    Ok(answer.draw(app, move || initial_tokens_page(frame.clone(), page.clone())).await)
}

fn row(token: &InitialAccessToken, flows: &[UserFlow], now: Timestamp) -> InitialTokenRow {
    let flow = flows.iter().find(|flow| flow.id == token.flow).map(|flow| flow.name.as_str().to_owned());
    let works = match token.revoked_at {
        Some(at) => format!("Revoked on {}", words::day(at)),
        None if token.uses_left == 0 => "Used up".to_owned(),
        None if token.expires_at <= now => format!("Over since {}", words::day(token.expires_at)),
        None => words::moment(token.expires_at),
    };
    InitialTokenRow {
        id: token.id.to_string(),
        label: token.label.clone(),
        flow: flow.unwrap_or_default(),
        uses_left: token.uses_left,
        works,
        stands: token.stands(token.flow, now),
    }
}

/// `POST …/registration/tokens`: the answer itself shows the token, once; nothing is kept that could
/// show it again.
pub(super) async fn create(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let draft = match forms::initial_token(&fields) {
        Ok(draft) => draft,
        Err(problems) => return page(&app, &place, forms::typed(&fields, problems), None, false).await,
    };
    match registration::mint(&app, place.tenant.id, draft, place.by(client)).await {
        Ok((token, text)) => page(&app, &place, fresh(), Some((token.flow, text)), false).await,
        Err(PortalError::NotFound) => {
            let typed = forms::typed(&fields, Vec::new()).wrong("flow", "This user flow is gone. Choose another one.");
            page(&app, &place, typed, None, false).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/registration/tokens/{id}/revoke`. The service refuses what no longer stands, or is another
/// tenant's.
pub(super) async fn revoke(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    let id = id.parse().map_err(|_| HttpError::NotFound)?;
    match registration::revoke(&app, place.tenant.id, id, place.by(client)).await {
        Ok(()) => Ok(on_to(&addresses::initial_tokens(place.domain()), "revoked")),
        Err(PortalError::Conflict) => Err(HttpError::NotFound),
        Err(error) => Err(error.into()),
    }
}

/// `POST …/applications/{id}/registration`: revokes the token by which the application changes itself (RFC 7592).
pub(super) async fn revoke_client(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    let id = super::applications::parse(&id)?;
    let own = addresses::application(place.domain(), &id.to_string());
    match registration::revoke_client_token(&app, place.tenant.id, id, place.by(client)).await {
        Ok(()) => Ok(on_to(&own, "token-revoked")),
        Err(PortalError::Unchanged) => Ok(on_to(&own, "unchanged")),
        Err(error) => Err(error.into()),
    }
}
