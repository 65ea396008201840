//! The journey as pages and plain forms (U1).

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use lanyard_app::{
    api::journey::StageView,
    pages::{
        self,
        account::{FAREWELL_TITLE, farewell_page},
    },
    paths, shell,
};
use lanyard_domain::{id::Id, journey::Journey};

use super::{browser, check_csrf, prefill_country, sent_to};
use crate::{
    http::{client::Client, cookies::Cookie, error::HttpError, form::Fields, oauth::response, page},
    service::journey::{self, Back, Transport},
    state::App,
};

/// `GET /journey/{id}`: the page of the stage, whatever it is now.
pub async fn show(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, HttpError> {
    let mut view = journey::show(&app, &id, browser(&headers).as_ref()).await?;
    prefill_country(&mut view, &headers);
    if let StageView::Done { location } = &view.stage {
        return Ok(Redirect::to(location).into_response());
    }
    let status = match view.stage {
        StageView::Over { .. } => StatusCode::GONE,
        _ => StatusCode::OK,
    };
    let head = page::Head::journey(pages::journey::page_title(&view));
    Ok(page::render(&app, status, head, move || pages::journey::journey_page(view.clone())).await)
}

/// `POST /journey/{id}/{event}`: one event, then back to the page.
pub async fn act(
    State(app): State<App>,
    client: Client,
    Path((id, event)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, HttpError> {
    // What is no id must not come back in a header: a line break in it would be a fault of ours.
    let _: Id<Journey> = id.parse().map_err(|_| HttpError::NotFound)?;
    let Some(browser) = browser(&headers) else {
        return Ok(Redirect::to(&paths::journey(&id)).into_response());
    };
    check_csrf(&browser, &id, fields.get("csrf"))?;
    let request = journey::Act { id: &id, event: &event, fields: &fields, browser: &browser, client: &client };
    let done = journey::act(&app, request, &headers, Transport::Form).await?;
    let mut response = Redirect::to(&paths::journey(&id)).into_response();
    done.set_cookies(response.headers_mut(), &headers);
    Ok(response)
}

/// `GET /journey/{id}/return`: the way back, open once. A 200 that moves on by itself, because a
/// redirect after a form post would be subject to `form-action` (wire.md).
pub async fn go_back(
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let back = journey::take_return(&app, &id, browser(&headers).as_ref(), &client).await?;
    match back {
        Back::Application(reply) => {
            let mut response = response::interactive(&app, &reply).await;
            response.headers_mut().append(header::SET_COOKIE, Cookie::Journey.clear());
            Ok(response)
        }
        Back::Own { path } => {
            let mut response = page::move_on(&app, &path).await;
            response.headers_mut().append(header::SET_COOKIE, Cookie::Journey.clear());
            Ok(response)
        }
        Back::Device { path } => {
            let mut response = Redirect::to(&path).into_response();
            response.headers_mut().append(header::SET_COOKIE, Cookie::Journey.clear());
            Ok(response)
        }
        Back::Nowhere => Ok(Redirect::to(&paths::journey(&id)).into_response()),
    }
}

/// `GET /journey/{id}/deletion`: a word to who goes on to an application with an account that is to be deleted.
pub async fn farewell(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let _: Id<Journey> = id.parse().map_err(|_| HttpError::NotFound)?;
    let Some(view) = journey::farewell(&app, &id, browser(&headers).as_ref()).await? else {
        return Ok(Redirect::to(&paths::journey(&id)).into_response());
    };
    let head = page::Head::plain(shell::title(FAREWELL_TITLE, &view.tenant, false));
    Ok(page::render(&app, StatusCode::OK, head, move || farewell_page(view.clone())).await)
}

/// `GET /journey/{id}/again`: the request of a journey that is over begins anew.
pub async fn again(
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    // It stores a row, like an authorization request.
    app.limiter.beginning(client.ip)?;
    let address = journey::again(&app, &id, browser(&headers).as_ref()).await?;
    Ok(Redirect::to(&address).into_response())
}

/// `GET /invitation/{token}`: a link begins a journey. Opening it uses nothing up: mail scanners
/// open links too.
pub async fn invitation(
    State(app): State<App>,
    client: Client,
    Path((domain, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    app.limiter.beginning(client.ip)?;
    let begun = journey::begin_invited(&app, &domain, &token, browser(&headers)).await?;
    let mut response = sent_to(&begun);
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}
