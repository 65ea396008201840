//! `/dev/inbox`: what the demo sent, to look at and for tests.
//!
//! It exists in demo mode only, answers a loopback `Host` only, and refuses anything that came
//! through a proxy (A42).

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::Response,
};
use serde::Deserialize;

use super::{error::HttpError, page};
use crate::state::App;

/// The filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// An address or a number, or nothing for all.
    to: String,
}

/// The messages as a page.
pub async fn show(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, HttpError> {
    let entries = entries(&app, (&uri, &headers), &filter)?;
    let now = app.clock.now();
    Ok(page::render(&app, StatusCode::OK, page::Head::plain("Demo inbox"), move || {
        lanyard_app::pages::inbox::inbox_page(entries.iter().map(|entry| view(entry, now)).collect())
    })
    .await)
}

/// The messages as JSON, newest first.
pub async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Json<serde_json::Value>, HttpError> {
    let entries = entries(&app, (&uri, &headers), &filter)?;
    let list: Vec<_> = entries
        .into_iter()
        .map(|e| serde_json::json!({"id": e.id, "kind": kind(e.kind), "to": e.to, "subject": e.subject, "body": e.body, "at": e.at_ms}))
        .collect();
    Ok(Json(list.into()))
}

const fn kind(channel: lanyard_messaging::Channel) -> &'static str {
    match channel {
        lanyard_messaging::Channel::Email => "email",
        lanyard_messaging::Channel::Text => "text",
        lanyard_messaging::Channel::Call => "call",
    }
}

fn view(
    entry: &lanyard_messaging::inbox::InboxEntry,
    now: lanyard_domain::clock::Timestamp,
) -> lanyard_app::api::inbox::InboxMessage {
    use lanyard_app::api::inbox::{InboxKind, InboxMessage};
    use lanyard_messaging::Channel;
    InboxMessage {
        kind: match entry.kind {
            Channel::Email => InboxKind::Email,
            Channel::Text => InboxKind::Text,
            Channel::Call => InboxKind::Call,
        },
        to: entry.to.clone(),
        subject: entry.subject.clone(),
        body: entry.body.clone(),
        seconds_ago: u64::try_from(now.since(lanyard_domain::clock::Timestamp(entry.at_ms)) / 1000).unwrap_or(0),
    }
}

fn entries(
    app: &App,
    (uri, headers): (&Uri, &HeaderMap),
    filter: &Filter,
) -> Result<Vec<lanyard_messaging::inbox::InboxEntry>, HttpError> {
    let inbox = app.inbox.as_ref().ok_or(HttpError::NotFound)?;
    if !is_direct_loopback(uri, headers) {
        return Err(HttpError::NotFound);
    }
    Ok(inbox.list(Some(filter.to.as_str()).filter(|to| !to.is_empty())))
}

// HTTP/2 says the host in the address (`:authority`) and seldom in a header; each that is there counts.
fn is_direct_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = uri.authority().map(|authority| authority.as_str().to_owned());
    let hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default().to_owned());
    let hosts: Vec<String> = named.into_iter().chain(hosts).collect();
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    !hosts.is_empty()
        && hosts.iter().all(|host| is_loopback_name(host))
        && !forwarded.iter().any(|name| headers.contains_key(*name))
}

fn is_loopback_name(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(pairs: &[(&'static str, &'static str)]) -> bool {
        direct_at("/dev/inbox", pairs)
    }

    fn direct_at(uri: &'static str, pairs: &[(&'static str, &'static str)]) -> bool {
        is_direct_loopback(
            &Uri::from_static(uri),
            &pairs
                .iter()
                .map(|(n, v)| (header::HeaderName::from_static(n), header::HeaderValue::from_static(v)))
                .collect(),
        )
    }

    #[test]
    fn a42_the_demo_inbox_answers_loopback_hosts_without_proxies_only() {
        assert!(direct(&[("host", "localhost:8080")]));
        assert!(direct(&[("host", "127.0.0.1")]));
        assert!(!direct(&[("host", "evil.example")]));
        assert!(!direct(&[("host", "localhost:8080"), ("x-forwarded-for", "1.2.3.4")]));
        assert!(!direct(&[]));
    }

    #[test]
    fn a42_over_http_2_the_authority_of_the_address_is_the_host() {
        assert!(direct_at("https://localhost:8080/dev/inbox", &[]));
        assert!(direct_at("https://localhost:8080/dev/inbox", &[("host", "localhost:8080")]));
        assert!(!direct_at("https://evil.example/dev/inbox", &[]));
        assert!(!direct_at("https://localhost:8080/dev/inbox", &[("host", "evil.example")]));
        assert!(!direct_at("https://evil.example/dev/inbox", &[("host", "localhost")]));
        assert!(!direct_at("https://localhost/dev/inbox", &[("via", "1.1 proxy")]));
    }
}
