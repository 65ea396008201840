//! `/account/{tenant}/history` and `/account/{tenant}/data`: what was done, and a copy of everything.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use lanyard_app::pages::account::{DATA_TITLE, HISTORY_TITLE, data_page, history_page};

use super::{AGAIN, head, home, owner};
use crate::{
    http::{
        console::{Oneself, OwnForm},
        error::HttpError,
        page,
    },
    service::account::{data, history},
    state::App,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/{tenant}/history", get(show_history))
        .route("/account/{tenant}/data", get(show_data).post(download))
}

/// `GET …/history?before=…`.
async fn show_history(
    State(app): State<App>,
    oneself: Oneself,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let before = match query.as_deref().and_then(|query| query.strip_prefix("before=")) {
        Some(text) => Some(history::cursor(text).ok_or(HttpError::NotFound)?),
        None => None,
    };
    let view = history::page(&app, owner(&app, &oneself), before).await?;
    let head = head(&oneself, HISTORY_TITLE, false);
    Ok(page::render(&app, StatusCode::OK, head, move || history_page(view.clone())).await)
}

/// `GET …/data`: what one would get, and the button.
async fn show_data(State(app): State<App>, oneself: Oneself) -> Result<Response, HttpError> {
    let visitor = owner(&app, &oneself).visitor;
    let head = head(&oneself, DATA_TITLE, false);
    Ok(page::render(&app, StatusCode::OK, head, move || data_page(visitor.clone())).await)
}

/// `POST …/data`: the file.
async fn download(State(app): State<App>, form: OwnForm) -> Result<Response, HttpError> {
    let OwnForm { oneself, client, .. } = form;
    let Some(document) = data::export(&app, owner(&app, &oneself), client).await? else {
        return Ok(home(&oneself, AGAIN));
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| HttpError::Internal(error.to_string()))?;
    let mut answer = text.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"my-data.json\""));
    Ok(answer)
}
