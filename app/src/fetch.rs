//! The one way to the server's API from the browser: gloo-net with a time-out.

use std::time::Duration;

use gloo_net::http::{Request, RequestBuilder, Response};
use leptos::prelude::set_timeout_with_handle;
use serde::de::DeserializeOwned;
use web_sys::AbortController;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no answer to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// No connection, or no answer in time.
    Unreachable,
    /// An answer with this status and nothing in it that we know.
    Refused(u16),
}

/// An answer: status and text.
type Answer = Result<(u16, String), FetchError>;

/// GET of a JSON document.
pub(crate) async fn get<T: DeserializeOwned>(url: &str) -> Result<T, FetchError> {
    read(send(Request::get(url), None).await)
}

/// POST of a JSON document.
pub(crate) async fn post_json<T: DeserializeOwned>(url: &str, body: String) -> Result<T, FetchError> {
    read(send(Request::post(url), Some(("application/json", body))).await)
}

/// POST of an encoded form.
pub(crate) async fn post_form<T: DeserializeOwned>(url: &str, body: String) -> Result<T, FetchError> {
    read(send(Request::post(url), Some(("application/x-www-form-urlencoded", body))).await)
}

/// The document whatever the status: problems come with a page of their own.
fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, FetchError> {
    let (status, text) = answer?;
    serde_json::from_str(&text).map_err(|_| FetchError::Refused(status))
}

async fn send(builder: RequestBuilder, body: Option<(&str, String)>) -> Answer {
    let controller = AbortController::new().map_err(|_| FetchError::Unreachable)?;
    let builder = builder.header("accept", "application/json").abort_signal(Some(&controller.signal()));
    let timer = set_timeout_with_handle(move || controller.abort(), TIMEOUT);
    let answer = exchange(builder, body).await;
    if let Ok(timer) = timer {
        timer.clear();
    }
    answer
}

async fn exchange(builder: RequestBuilder, body: Option<(&str, String)>) -> Answer {
    let request = match body {
        Some((kind, body)) => builder.header("content-type", kind).body(body),
        None => builder.build(),
    };
    let response: Response =
        request.map_err(|_| FetchError::Unreachable)?.send().await.map_err(|_| FetchError::Unreachable)?;
    let status = response.status();
    let text = response.text().await.map_err(|_| FetchError::Unreachable)?;
    Ok((status, text))
}
