//! The person's pages of the device grant (RFC 8628, 3.3): the code, the question, how it ended.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use lanyard_app::{
    pages::{device as pages, journey::words},
    paths, shell,
};
use lanyard_domain::{device::UserCode, secret::Token};

use super::params;
use crate::{
    http::{client::Client, cookies::Cookie, csrf, error::HttpError, journey::sent_to, page},
    service::{
        journey::{self, seconds_until},
        oauth::{
            Place,
            device::{self, Found},
        },
    },
    state::App,
};

// What the token against forged requests is bound to, besides the browser's secret.
const SCOPE: &str = "device";

/// `GET …/device`: the form, filled in by the device's own link but never sent by it; or how it
/// ended.
pub(super) async fn show(app: &App, place: &Place, headers: &HeaderMap, raw: &[u8]) -> Result<Response, HttpError> {
    let params = params(raw)?;
    if let Some(result) = params.get("result").and_then(paths::DeviceResult::parse) {
        return Ok(result_page(app, place, result).await);
    }
    let browser = journey::browser_secret(app, Cookie::Journey.read(headers));
    let code = params.get("user_code").and_then(UserCode::parse).map(|code| code.shown()).unwrap_or_default();
    Ok(enter(app, place, &browser, code, None).await)
}

/// `POST …/device`: looks the code up, and then does what the person decides.
pub(super) async fn decide(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    raw: &[u8],
    client: &Client,
) -> Result<Response, HttpError> {
    let params = params(raw)?;
    let Some(browser) = Cookie::Journey.read(headers) else { return Ok(again(place)) };
    if !csrf::matches(&browser, SCOPE, params.get("csrf").unwrap_or_default()) {
        return Err(HttpError::CrossSite);
    }
    let typed = params.get("user_code").unwrap_or_default();
    let waiting = match device::find(app, place, typed, client).await? {
        Found::Waiting(waiting) => *waiting,
        Found::Over(result) => return Ok(over(place, result)),
        Found::Malformed => {
            let empty = typed.trim().is_empty();
            let problem = if empty { "Type the code that your device shows." } else { "A code has 8 letters." };
            return Ok(enter(app, place, &browser, shortened(typed), Some(problem.to_owned())).await);
        }
        Found::Nothing => {
            let problem = "This code does not work. Check it, or ask your device for a new one.";
            return Ok(enter(app, place, &browser, shortened(typed), Some(problem.to_owned())).await);
        }
        Found::Locked(until) => {
            let wait = words::duration(seconds_until(until, app.clock.now()));
            let problem = format!("There were too many wrong codes. Wait {wait}, then try again.");
            let mut answer = enter(app, place, &browser, String::new(), Some(problem)).await;
            *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            return Ok(answer);
        }
    };
    match params.get("confirm") {
        Some("yes") => {
            app.limiter.beginning(client.ip)?;
            Ok(sent_to(&device::begin(app, place, waiting, Some(browser)).await?))
        }
        Some("no") => {
            let said = device::deny(app, place, waiting, client).await?;
            Ok(over(place, if said { paths::DeviceResult::Denied } else { paths::DeviceResult::TooLate }))
        }
        Some(_) | None => {
            let code = UserCode::parse(typed).map(|code| code.shown()).unwrap_or_default();
            let (form, application) = (form(app, place, &browser, code), waiting.application.name);
            let head = page::Head::plain(shell::title("Is this your device?", &place.tenant.name, false));
            Ok(page::render(app, StatusCode::OK, head, move || pages::confirm_page(&form, &application)).await)
        }
    }
}

fn over(place: &Place, result: paths::DeviceResult) -> Response {
    Redirect::to(&paths::device_result(place.tenant.domain.as_str(), &place.flow.name.key(), result)).into_response()
}

// What was typed comes back, within reason.
fn shortened(typed: &str) -> String {
    typed.chars().take(64).collect()
}

fn form(app: &App, place: &Place, browser: &Token, code: String) -> pages::DeviceForm {
    let (tenant, action) = (place.tenant.name.clone(), device::page(place));
    pages::DeviceForm { tenant, action, csrf: csrf::token(browser, SCOPE), code, demo: app.config.demo }
}

async fn enter(app: &App, place: &Place, browser: &Token, code: String, problem: Option<String>) -> Response {
    let form = form(app, place, browser, code);
    let head = page::Head::plain(shell::title("Sign in on another device", &place.tenant.name, problem.is_some()));
    let mut answer = page::render(app, StatusCode::OK, head, move || pages::enter_page(&form, problem.clone())).await;
    answer.headers_mut().append(header::SET_COOKIE, Cookie::Journey.set(browser));
    answer
}

async fn result_page(app: &App, place: &Place, result: paths::DeviceResult) -> Response {
    let (tenant, demo) = (place.tenant.name.clone(), app.config.demo);
    let head = page::Head::plain(shell::title(pages::result_title(result), &tenant, false));
    page::render(app, StatusCode::OK, head, move || pages::result_page(&tenant, demo, result)).await
}

// The cookie is gone: the page sets a new one.
fn again(place: &Place) -> Response {
    Redirect::to(&device::page(place)).into_response()
}
