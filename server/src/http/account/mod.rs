//! `/account/{tenant}`: people about themselves. [`Oneself`] gives a person their own account and
//! no other, so no address names one.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use lanyard_app::{
    api::account::Done,
    pages::account::{ACCOUNT_TITLE, PROFILE_TITLE, account_page, profile_page},
    paths, shell,
};
use lanyard_domain::{assurance::Level, session::ConsoleKind, user_flow::Audience};

mod browsers;
mod contact;
mod data;
mod deletion;
mod factors;
mod not_me;
mod passkeys;
mod recovery;
mod way;

use super::{
    client::Client,
    console::{self, Oneself, OwnForm},
    error::HttpError,
    page,
};
use crate::{
    service::account::{self, Change, Owner},
    state::App,
};

// What the address says after something was done.
const SAVED: &str = "saved";
const REMOVED: &str = "removed";
const SIGNED_OUT: &str = "signed-out";
const AGAIN: &str = "sign-in-again";

/// The routes of this console.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/account", get(way::show))
        .route("/account/{tenant}", get(show))
        .route("/account/{tenant}/profile", get(profile).post(change_profile))
        .route("/account/{tenant}/remove-access", post(remove_access))
        .route("/account/{tenant}/end-sessions", post(end_sessions))
        .route("/account/{tenant}/sign-in-again", get(sign_in_again))
        .merge(browsers::routes())
        .merge(contact::routes())
        .merge(data::routes())
        .merge(deletion::routes())
        .merge(factors::routes())
        .merge(not_me::routes())
        .merge(passkeys::routes())
        .merge(recovery::routes())
}

fn owner(app: &App, oneself: &Oneself) -> Owner {
    let (who, now) = (&oneself.who, app.clock.now());
    Owner {
        account: who.account.clone(),
        session: who.session.id,
        strong: who.session.level(now) == Level::Aal2,
        fresh: who.session.may_change_factors(now),
        recent: who.session.is_fresh(now),
        authentication: who.session.authentication.clone(),
        visitor: account::visitor(
            app,
            who.session.console.unwrap_or(ConsoleKind::Account),
            &oneself.tenant,
            who.name(),
            &who.csrf,
        ),
    }
}

/// `GET /account/{tenant}`: what the server holds about who asks.
async fn show(State(app): State<App>, oneself: Oneself, RawQuery(query): RawQuery) -> Result<Response, HttpError> {
    let done = match query.as_deref() {
        Some(SAVED) => Some(Done::Saved),
        Some(REMOVED) => Some(Done::AccessRemoved),
        Some(SIGNED_OUT) => Some(Done::SignedOut),
        Some(browsers::FORGOTTEN) => Some(Done::BrowsersForgotten),
        Some(passkeys::ADDED) => Some(Done::PasskeyAdded),
        Some(factors::RENAMED) => Some(Done::FactorRenamed),
        Some(factors::REMOVED) => Some(Done::FactorRemoved),
        Some(contact::EMAIL_CHANGED) => Some(Done::EmailChanged),
        Some(contact::PHONE_CHANGED) => Some(Done::PhoneChanged),
        Some(contact::CALLED_OFF) => Some(Done::CalledOff),
        Some(deletion::PLANNED) => Some(Done::DeletionPlanned),
        Some(deletion::KEPT) => Some(Done::Kept),
        Some(factors::LAST) => Some(Done::LastFactor),
        Some(factors::COOLING) => Some(Done::CoolingDown),
        Some(recovery::REMOVED) => Some(Done::RecoveryRemoved),
        Some(recovery::ALREADY) => Some(Done::RecoveryMadeAlready),
        Some(AGAIN) => Some(Done::SignInAgain),
        Some(_) | None => None,
    };
    let view = account::overview(&app, owner(&app, &oneself), done).await?;
    let head = head(&oneself, ACCOUNT_TITLE, false).with_passkeys();
    Ok(page::render(&app, StatusCode::OK, head, move || account_page(view.clone())).await)
}

/// `GET /account/{tenant}/sign-in-again`: a fresh sign-in (A20), and back to the account.
async fn sign_in_again(
    State(app): State<App>,
    oneself: Oneself,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let home = paths::account(oneself.tenant.domain.as_str());
    console::begin(&app, &headers, &client, oneself.tenant, Audience::SelfService, home).await
}

/// `GET /account/{tenant}/profile`: the form.
async fn profile(State(app): State<App>, oneself: Oneself) -> Result<Response, HttpError> {
    let view = account::form(&app, owner(&app, &oneself)).await?;
    let head = head(&oneself, PROFILE_TITLE, false);
    Ok(page::render(&app, StatusCode::OK, head, move || profile_page(view.clone())).await)
}

/// `POST /account/{tenant}/profile`: saves and goes back to the account, or shows what is wrong
/// with everything that was typed (U4).
async fn change_profile(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    match account::change(&app, owner(&app, &oneself), client, fields).await? {
        Change::Saved => {
            let home = paths::account(oneself.tenant.domain.as_str());
            Ok(Redirect::to(&format!("{home}?{SAVED}")).into_response())
        }
        Change::Refused(view) => {
            let head = head(&oneself, PROFILE_TITLE, true);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page::render(&app, status, head, move || profile_page(view.clone())).await)
        }
    }
}

// What every page here says about itself: its title (U2), and that it ends when idle (U26).
fn head(oneself: &Oneself, title: &str, failed: bool) -> page::Head {
    page::Head::plain(shell::title(title, &oneself.tenant.name, failed)).ending_when_idle()
}

fn home(oneself: &Oneself, done: &str) -> Response {
    let home = paths::account(oneself.tenant.domain.as_str());
    Redirect::to(&format!("{home}?{done}")).into_response()
}

/// `POST /account/{tenant}/remove-access`.
async fn remove_access(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let application = fields.get("application").parse().map_err(|_| HttpError::NotFound)?;
    match account::remove_access(&app, owner(&app, &oneself), client, application).await? {
        true => Ok(home(&oneself, REMOVED)),
        false => Err(HttpError::NotFound),
    }
}

/// `POST /account/{tenant}/end-sessions`: one (`session`), or all but this one.
async fn end_sessions(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, fields } = form;
    let session = match fields.get("session") {
        "" => None,
        id => Some(id.parse().map_err(|_| HttpError::NotFound)?),
    };
    match (account::end_sessions(&app, owner(&app, &oneself), client, session).await?, session) {
        (0, Some(_)) => Err(HttpError::NotFound),
        (_, Some(_) | None) => Ok(home(&oneself, SIGNED_OUT)),
    }
}
