//! `/account/{tenant}`: people about themselves. [`Oneself`] gives a person their own account and
//! no other, so no address names one.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use lanyard_app::{
    pages::account::{ACCOUNT_TITLE, PROFILE_TITLE, account_page, profile_page},
    paths, shell,
};

use super::{client::Client, console::Oneself, error::HttpError, form::Fields, page};
use crate::{
    service::account::{self, Change, Owner},
    state::App,
};

/// What the address says after the details were saved.
const SAVED: &str = "saved";

/// The routes of this console.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/account/{tenant}", get(show))
        .route("/account/{tenant}/profile", get(profile).post(change_profile))
}

fn owner(app: &App, oneself: &Oneself) -> Owner {
    let who = &oneself.who;
    Owner {
        account: who.account.clone(),
        session: who.session.id,
        visitor: account::visitor(app, &oneself.tenant, who.name(), &who.csrf),
    }
}

/// `GET /account/{tenant}`: what the server holds about who asks.
async fn show(State(app): State<App>, oneself: Oneself, RawQuery(query): RawQuery) -> Result<Response, HttpError> {
    let saved = query.as_deref() == Some(SAVED);
    let view = account::overview(&app, owner(&app, &oneself), saved).await?;
    let head = page::Head::plain(shell::title(ACCOUNT_TITLE, &oneself.tenant.name, false));
    Ok(page::render(&app, StatusCode::OK, head, move || account_page(view.clone())).await)
}

/// `GET /account/{tenant}/profile`: the form.
async fn profile(State(app): State<App>, oneself: Oneself) -> Result<Response, HttpError> {
    let view = account::form(&app, owner(&app, &oneself)).await?;
    let head = page::Head::plain(shell::title(PROFILE_TITLE, &oneself.tenant.name, false));
    Ok(page::render(&app, StatusCode::OK, head, move || profile_page(view.clone())).await)
}

/// `POST /account/{tenant}/profile`: saves and goes back to the account, or shows what is wrong
/// with everything that was typed (U4).
async fn change_profile(
    State(app): State<App>,
    oneself: Oneself,
    client: Client,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, HttpError> {
    oneself.who.check(&headers, &fields)?;
    match account::change(&app, owner(&app, &oneself), client, fields).await? {
        Change::Saved => {
            let home = paths::account(oneself.tenant.domain.as_str());
            Ok(Redirect::to(&format!("{home}?{SAVED}")).into_response())
        }
        Change::Refused(view) => {
            let head = page::Head::plain(shell::title(PROFILE_TITLE, &oneself.tenant.name, true));
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page::render(&app, status, head, move || profile_page(view.clone())).await)
        }
    }
}
