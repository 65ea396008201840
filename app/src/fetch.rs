//! The one way to the server's API from the browser: `fetch` with a time-out.

use std::time::Duration;

use leptos::prelude::{set_timeout_with_handle, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestInit, Response};

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
    let request = RequestInit::new();
    request.set_signal(Some(&controller.signal()));
    let headers = Headers::new().ok()?;
    headers.set("accept", "application/json").ok()?;
    if let Some((kind, body)) = body {
        request.set_method("POST");
        headers.set("content-type", kind).ok()?;
        request.set_body(&JsValue::from_str(&body));
    }
    request.set_headers(&headers);
    let timer = set_timeout_with_handle(move || controller.abort(), TIMEOUT);
    let answer = exchange(url, &request).await;
    if let Ok(timer) = timer {
        timer.clear();
    }
    answer
}

async fn exchange(url: &str, request: &RequestInit) -> Option<(u16, String)> {
    let response = JsFuture::from(window().fetch_with_str_and_init(url, request)).await.ok()?;
    let response = response.dyn_into::<Response>().ok()?;
    let text = JsFuture::from(response.text().ok()?).await.ok()?;
    Some((response.status(), text.as_string()?))
}
