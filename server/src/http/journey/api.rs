//! The journey as JSON: what the WASM frontend speaks. The same events, the same service.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use lanyard_app::api::journey::JourneyView;
use serde::Deserialize;

use super::{browser, check_csrf, prefill_country};
use crate::{
    http::{client::Client, error::HttpError, form::Fields, is_json},
    service::journey::{self, Transport},
    state::App,
};

/// `lanyard_app::api::journey::EventBody` as it is read here: no field twice (failure 52).
#[derive(Deserialize)]
struct Body {
    csrf: String,
    fields: Fields,
}

/// `GET /api/journeys/{id}`.
pub async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<JourneyView>, HttpError> {
    let mut view = journey::show(&app, &id, browser(&headers).as_ref()).await?;
    prefill_country(&mut view, &headers);
    Ok(Json(view))
}

/// `POST /api/journeys/{id}/{event}`.
pub async fn act(
    State(app): State<App>,
    client: Client,
    Path((id, event)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, HttpError> {
    if !is_json(&headers) {
        return Err(HttpError::UnsupportedMediaType);
    }
    let body: Body =
        serde_json::from_slice(&body).map_err(|_| HttpError::BadRequest("The request is not the JSON we expect."))?;
    let fields = body.fields.checked()?;
    let Some(browser) = browser(&headers) else {
        return Ok(Json(journey::show(&app, &id, None).await?).into_response());
    };
    check_csrf(&browser, &id, &body.csrf)?;
    let request = journey::Act { id: &id, event: &event, fields: &fields, browser: &browser, client: &client };
    let done = journey::act(&app, request, &headers, Transport::Json).await?;
    let mut view = match done.view.clone() {
        Some(view) => view,
        None => journey::show(&app, &id, Some(&browser)).await?,
    };
    prefill_country(&mut view, &headers);
    let mut response = Json(view).into_response();
    done.set_cookies(response.headers_mut(), &headers);
    Ok(response)
}
