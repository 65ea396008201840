//! `/not-me/{tenant}/{token}`: the link "This wasn't me" in mails. Who has it reads the owner's mail; a
//! session is not needed, and a GET changes nothing.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use lanyard_app::{
    pages::account::{NOT_ME_TITLE, not_me_over_page, not_me_page, secured_page},
    shell,
};
use lanyard_domain::tenant::Tenant;

use crate::{
    http::{client::Client, error::HttpError, form::Fields, page},
    service::account::not_me::{self, Chosen},
    state::App,
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/not-me/{tenant}/{token}", get(show).post(secure))
}

fn head(tenant: &Tenant) -> page::Head {
    page::Head::plain(shell::title(NOT_ME_TITLE, &tenant.name, false))
}

async fn over(app: &App) -> Response {
    let head = page::Head::plain(shell::title(NOT_ME_TITLE, "Lanyard", false));
    page::render(app, StatusCode::GONE, head, not_me_over_page).await
}

/// `GET`: what it is about, and the button.
async fn show(
    State(app): State<App>,
    client: Client,
    Path((domain, token)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    app.limiter.beginning(client.ip)?;
    let Some((tenant, view)) = not_me::look(&app, &domain, &token).await? else { return Ok(over(&app).await) };
    Ok(page::render(&app, StatusCode::OK, head(&tenant), move || not_me_page(view.clone())).await)
}

/// `POST` {chosen, address, factor-…}: does it. The token in the path is the secret that a form of ours alone knows.
async fn secure(
    State(app): State<App>,
    client: Client,
    Path((domain, token)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, HttpError> {
    app.limiter.beginning(client.ip)?;
    let chosen = (client, Chosen::read(&fields));
    let Some((tenant, view)) = not_me::secure(&app, &domain, &token, chosen).await? else {
        return Ok(over(&app).await);
    };
    Ok(page::render(&app, StatusCode::OK, head(&tenant), move || secured_page(view.clone())).await)
}
