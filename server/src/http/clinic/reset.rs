//! `/clinic/{tenant}/patients/{id}/reset`: "Help with signing in". The answer to the POST that gives a code out shows
//! it, once.

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use lanyard_app::{
    api::reset::{ResetCodeView, ResetSaid},
    components::ErrorItem,
    pages::clinic::{RESET_CODE_TITLE, RESET_TITLE, reset_code_page, reset_page},
    paths, shell,
};
use lanyard_domain::{
    account::Account,
    id::Id,
    reset::{Reason, ReasonProblem, Recognised},
    user_flow::Audience,
};

use super::looker;
use crate::{
    http::{
        client::Client,
        console::{self, ConsoleForm, Staff},
        error::HttpError,
        form::Fields,
        page,
    },
    service::{
        account::words::moment,
        clinic::reset::{self, Draft, Helper, Outcome, Typed},
    },
    state::App,
};

// What the address says after something was done.
const ASKED: &str = "asked";
const REFUSED: &str = "refused";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/clinic/{tenant}/patients/{id}/reset", get(show).post(ask))
        .route("/clinic/{tenant}/patients/{id}/reset/decide", post(decide))
        .route("/clinic/{tenant}/patients/{id}/reset/sign-in-again", get(sign_in_again))
}

pub(super) fn helper(app: &App, staff: &Staff, client: Client) -> Helper {
    Helper {
        looker: looker(app, staff, client),
        tenant: staff.tenant.clone(),
        session: staff.who.session.id,
        fresh: staff.who.session.may_change_factors(app.clock.now()),
    }
}

pub(super) fn patient(id: &str) -> Result<Id<Account>, HttpError> {
    id.parse().map_err(|_| HttpError::NotFound)
}

async fn draw(
    app: &App,
    helper: Helper,
    id: Id<Account>,
    (status, typed): (StatusCode, Typed),
) -> Result<Response, HttpError> {
    let name = helper.tenant.name.clone();
    let view = reset::show(app, helper, id, typed).await?.ok_or(HttpError::NotFound)?;
    let head = page::Head::plain(shell::title(RESET_TITLE, &name, status.is_client_error())).ending_when_idle();
    Ok(page::render(app, status, head, move || reset_page(view.clone())).await)
}

/// `GET …/reset`. Audited.
async fn show(
    State(app): State<App>,
    staff: Staff,
    client: Client,
    Path((_, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let said = match query.as_deref() {
        Some(ASKED) => Some(ResetSaid::Asked),
        Some(REFUSED) => Some(ResetSaid::Refused),
        Some(_) | None => None,
    };
    let typed = Typed { said, ..Typed::default() };
    draw(&app, helper(&app, &staff, client), patient(&id)?, (StatusCode::OK, typed)).await
}

/// `GET …/reset/sign-in-again`: a fresh sign-in (A20), and back.
async fn sign_in_again(
    State(app): State<App>,
    staff: Staff,
    client: Client,
    headers: HeaderMap,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let home = paths::clinic_reset(staff.tenant.domain.as_str(), &patient(&id)?.to_string());
    console::begin(&app, &headers, &client, staff.tenant, Audience::Staff, home).await
}

/// `POST …/reset` {known, recognised, reason, lost-{id}…}.
async fn ask(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    form: ConsoleForm<Staff>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: staff, client, fields } = form;
    let (id, helper, typed) = (patient(&id)?, helper(&app, &staff, client), typed(&fields));
    let draft = match draft(&fields) {
        Ok(draft) => draft,
        Err(problems) => {
            let typed = Typed { problems, ..typed };
            return draw(&app, helper, id, (StatusCode::UNPROCESSABLE_ENTITY, typed)).await;
        }
    };
    let outcome = reset::ask(&app, helper.clone(), id, draft).await?;
    answer(&app, helper, id, (outcome, typed)).await
}

/// `POST …/reset/decide` {request, decision: `approve` or `refuse`}.
async fn decide(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    form: ConsoleForm<Staff>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: staff, client, fields } = form;
    let approves = match fields.get("decision") {
        "approve" => true,
        "refuse" => false,
        _ => return Err(HttpError::NotFound),
    };
    let request = fields.get("request").parse().map_err(|_| HttpError::NotFound)?;
    let (id, helper) = (patient(&id)?, helper(&app, &staff, client));
    let outcome = reset::decide(&app, helper.clone(), (id, request), approves).await?;
    answer(&app, helper, id, (outcome, Typed::default())).await
}

async fn answer(
    app: &App,
    helper: Helper,
    id: Id<Account>,
    (outcome, typed): (Outcome, Typed),
) -> Result<Response, HttpError> {
    let home = paths::clinic_reset(helper.tenant.domain.as_str(), &id.to_string());
    match outcome {
        Outcome::Issued(code, name, until) => {
            let view = ResetCodeView {
                visitor: helper.looker.visitor,
                patient: id.to_string(),
                name,
                code: code.grouped(),
                until: moment(until),
            };
            let title = shell::title(RESET_CODE_TITLE, &helper.tenant.name, false);
            let head = page::Head::staff(title).ending_when_idle();
            Ok(page::render(app, StatusCode::OK, head, move || reset_code_page(view.clone())).await)
        }
        Outcome::Said(ResetSaid::Asked) => Ok(Redirect::to(&format!("{home}?{ASKED}")).into_response()),
        Outcome::Said(ResetSaid::Refused) => Ok(Redirect::to(&format!("{home}?{REFUSED}")).into_response()),
        Outcome::Said(said) => draw(app, helper, id, (StatusCode::CONFLICT, Typed { said: Some(said), ..typed })).await,
        Outcome::NothingLost => {
            let problems = vec![wrong("lost", "Tick what the patient lost.")];
            draw(app, helper, id, (StatusCode::UNPROCESSABLE_ENTITY, Typed { problems, ..typed })).await
        }
        Outcome::Missing => Err(HttpError::NotFound),
    }
}

fn typed(fields: &Fields) -> Typed {
    let reason = fields.get("reason").chars().take(2_000).collect();
    let lost = fields.with_prefix("lost-").map(|(id, _)| id.to_owned()).collect();
    Typed { recognised: fields.get("recognised").to_owned(), reason, lost, ..Typed::default() }
}

fn wrong(field: &str, text: &str) -> ErrorItem {
    ErrorItem { field: field.to_owned(), text: text.to_owned() }
}

fn draft(fields: &Fields) -> Result<Draft, Vec<ErrorItem>> {
    let mut problems = Vec::new();
    let recognised = Recognised::parse(fields.get("recognised"));
    if recognised.is_none() {
        problems.push(wrong("recognised", "Choose how you recognised the patient."));
    }
    let reason = Reason::parse(fields.get("reason")).map_err(|problem| {
        let text = match problem {
            ReasonProblem::TooShort => "Write a reason of at least 10 characters.",
            ReasonProblem::TooLong => "Write a reason of at most 500 characters.",
            ReasonProblem::Control => "The reason has a character that can’t be shown. Type it anew.",
        };
        problems.push(wrong("reason", text));
    });
    let lost = typed(fields).lost.iter().filter_map(|id| id.parse().ok()).collect();
    let known = fields.get("known").parse().ok();
    match (recognised, reason) {
        (Some(recognised), Ok(reason)) => Ok(Draft { recognised, reason, lost, known }),
        _ => Err(problems),
    }
}
