//! `/account/{tenant}/email` and `/account/{tenant}/phone`: another address, another number.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use lanyard_app::{
    api::account::ContactProblem,
    pages::account::{EMAIL_TITLE, PHONE_TITLE, contact_page},
    paths,
};
use lanyard_domain::contact::ContactKind;

use super::{AGAIN, factors::COOLING, head, home, owner};
use crate::{
    http::{
        console::{Oneself, OwnForm},
        error::HttpError,
        form::Fields,
        page,
    },
    service::account::contact::{self, Came, Wanted},
    state::App,
};

// What the address says after something was done.
pub(super) const EMAIL_CHANGED: &str = "email-changed";
pub(super) const PHONE_CHANGED: &str = "phone-changed";
pub(super) const CALLED_OFF: &str = "called-off";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/{tenant}/email", get(show_email).post(ask_email))
        .route("/account/{tenant}/email/code", post(answer_email))
        .route("/account/{tenant}/email/resend", post(resend_email))
        .route("/account/{tenant}/email/cancel", post(cancel_email))
        .route("/account/{tenant}/phone", get(show_phone).post(ask_phone))
        .route("/account/{tenant}/phone/code", post(answer_phone))
        .route("/account/{tenant}/phone/resend", post(resend_phone))
        .route("/account/{tenant}/phone/cancel", post(cancel_phone))
}

async fn draw(
    app: &App,
    oneself: &Oneself,
    wanted: Wanted,
    (typed, problem): (Fields, Option<ContactProblem>),
) -> Result<Response, HttpError> {
    let failed = problem.is_some();
    let Some(view) = contact::view(app, owner(app, oneself), wanted, (typed, problem)).await? else {
        return match wanted {
            Wanted::Email | Wanted::Phone(Some(_)) => Err(HttpError::NotFound),
            // The change that the page was about is over.
            Wanted::Phone(None) => Ok(Redirect::to(&paths::account(oneself.tenant.domain.as_str())).into_response()),
        };
    };
    let title = if wanted == Wanted::Email { EMAIL_TITLE } else { PHONE_TITLE };
    let status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page::render(app, status, head(oneself, title, failed), move || contact_page(view.clone())).await)
}

// The page again after a form, or on to where it leads.
async fn after(
    app: &App,
    oneself: &Oneself,
    wanted: Wanted,
    (came, typed): (Came, Fields),
) -> Result<Response, HttpError> {
    let domain = oneself.tenant.domain.as_str();
    let (own, done) = match wanted.kind() {
        ContactKind::Email => (paths::account_email(domain), EMAIL_CHANGED),
        ContactKind::Phone => (paths::account_phone(domain), PHONE_CHANGED),
    };
    match came {
        Came::Changed => Ok(home(oneself, done)),
        Came::CalledOff => Ok(home(oneself, CALLED_OFF)),
        Came::SignInAgain => Ok(home(oneself, AGAIN)),
        Came::CoolingDown => Ok(home(oneself, COOLING)),
        Came::Waiting | Came::Missing => Ok(Redirect::to(&own).into_response()),
        Came::Refused(problem) => draw(app, oneself, wanted, (typed, Some(problem))).await,
    }
}

async fn ask(app: &App, form: OwnForm, wanted: Wanted) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let came = match contact::read(wanted.kind(), &oneself.tenant.phone_countries, &fields) {
        Ok(contact) => contact::ask(app, owner(app, &oneself), client, contact).await?,
        Err(Some(problem)) => Came::Refused(ContactProblem::Field(problem)),
        Err(None) => Came::Missing,
    };
    match came {
        Came::Missing => Err(HttpError::NotFound),
        came => after(app, &oneself, wanted, (came, fields)).await,
    }
}

async fn answer(app: &App, form: OwnForm, wanted: Wanted) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let came = contact::answer(app, owner(app, &oneself), client, wanted.kind(), &fields).await?;
    after(app, &oneself, wanted, (came, Fields::default())).await
}

async fn resend(app: &App, form: OwnForm, wanted: Wanted) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, .. } = form;
    let came = contact::resend(app, owner(app, &oneself), client, wanted.kind()).await?;
    after(app, &oneself, wanted, (came, Fields::default())).await
}

async fn cancel(app: &App, form: OwnForm, wanted: Wanted) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, .. } = form;
    let came = contact::call_off(app, owner(app, &oneself), client, wanted.kind()).await?;
    after(app, &oneself, wanted, (came, Fields::default())).await
}

/// `GET …/email`: the form, or the code where one is waited for.
async fn show_email(State(app): State<App>, oneself: Oneself) -> Result<Response, HttpError> {
    draw(&app, &oneself, Wanted::Email, (Fields::default(), None)).await
}

/// `POST …/email` {email}.
async fn ask_email(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    ask(&app, form, Wanted::Email).await
}

/// `POST …/email/code` {code}.
async fn answer_email(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    answer(&app, form, Wanted::Email).await
}

/// `POST …/email/resend`.
async fn resend_email(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    resend(&app, form, Wanted::Email).await
}

/// `POST …/email/cancel`.
async fn cancel_email(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    cancel(&app, form, Wanted::Email).await
}

/// `GET …/phone?factor=…`: the form; without a factor the code of the change that waits for one.
async fn show_phone(
    State(app): State<App>,
    oneself: Oneself,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let factor = match query.as_deref().and_then(|query| query.strip_prefix("factor=")) {
        Some(id) => Some(id.parse().map_err(|_| HttpError::NotFound)?),
        None => None,
    };
    draw(&app, &oneself, Wanted::Phone(factor), (Fields::default(), None)).await
}

/// `POST …/phone` {factor, country, phone, method}.
async fn ask_phone(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let factor = form.fields.get("factor").parse().map_err(|_| HttpError::NotFound)?;
    ask(&app, form, Wanted::Phone(Some(factor))).await
}

/// `POST …/phone/code` {code}.
async fn answer_phone(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    answer(&app, form, Wanted::Phone(None)).await
}

/// `POST …/phone/resend`.
async fn resend_phone(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    resend(&app, form, Wanted::Phone(None)).await
}

/// `POST …/phone/cancel`.
async fn cancel_phone(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    cancel(&app, form, Wanted::Phone(None)).await
}
