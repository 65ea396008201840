//! The one way to the server's API from the browser: gloo-net's `fetch`, with a time-out. Answers
//! are read by the caller's own reader: gloo-net's `json` feature would bring serde_json along.

use std::time::Duration;

use gloo_net::http::Request;
use leptos::prelude::set_timeout_with_handle;
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

/// Reads an answer's text; `None` for one that makes no sense.
type Reader<T> = fn(&str) -> Option<T>;

/// GET of a JSON document.
pub(crate) async fn get<T>(url: &str, reader: Reader<T>) -> Result<T, FetchError> {
    read(send(url, None).await, reader)
}

/// POST of a JSON document.
#[cfg(feature = "journey")]
pub(crate) async fn post_json<T>(url: &str, body: String, reader: Reader<T>) -> Result<T, FetchError> {
    read(send(url, Some(("application/json", body))).await, reader)
}

/// POST of an encoded form.
#[cfg(feature = "claims")]
pub(crate) async fn post_form<T>(url: &str, body: String, reader: Reader<T>) -> Result<T, FetchError> {
    read(send(url, Some(("application/x-www-form-urlencoded", body))).await, reader)
}

/// The document whatever the status: problems come with a page of their own.
fn read<T>(answer: Option<(u16, String)>, reader: Reader<T>) -> Result<T, FetchError> {
    let (status, text) = answer.ok_or(FetchError::Unreachable)?;
    reader(&text).ok_or(FetchError::Refused(status))
}

/// Status and text of the answer; nothing where there is none in time.
async fn send(url: &str, body: Option<(&str, String)>) -> Option<(u16, String)> {
    let controller = AbortController::new().ok()?;
    let signal = controller.signal();
    let begun = if body.is_some() { Request::post(url) } else { Request::get(url) };
    let begun = begun.header("accept", "application/json").abort_signal(Some(&signal));
    let request = match body {
        Some((kind, body)) => begun.header("content-type", kind).body(body),
        None => begun.build(),
    };
    let timer = set_timeout_with_handle(move || controller.abort(), TIMEOUT);
    let answer = exchange(request.ok()?).await;
    if let Ok(timer) = timer {
        timer.clear();
    }
    answer
}

async fn exchange(request: Request) -> Option<(u16, String)> {
    let response = request.send().await.ok()?;
    let text = response.text().await.ok()?;
    Some((response.status(), text))
}
