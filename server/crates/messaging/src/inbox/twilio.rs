//! The demo's telephone exchange: Twilio's two resources over HTTP on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Inbox;
use crate::address::is_e164;
use crate::error::Channel;
use crate::secret::Secret;
use crate::twiml;

/// Largest request body in bytes.
const MAX_REQUEST: usize = 64 * 1024;

/// A running listener; stops when dropped.
#[derive(Debug)]
pub struct TwilioListener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct Exchange {
    inbox: Arc<Inbox>,
    account_sid: String,
    /// The whole `Authorization` header that is expected.
    authorization: Secret,
}

impl TwilioListener {
    /// Listens on 127.0.0.1, on a port of the system's choosing, for one account.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(inbox: Arc<Inbox>, account_sid: &str, token: Secret) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let basic = STANDARD.encode(format!("{account_sid}:{}", token.expose()));
        let exchange = Arc::new(Exchange {
            inbox,
            account_sid: account_sid.to_owned(),
            authorization: Secret::from(format!("Basic {basic}")),
        });
        let router = Router::new()
            .route("/2010-04-01/Accounts/{sid}/Messages.json", post(messages))
            .route("/2010-04-01/Accounts/{sid}/Calls.json", post(calls))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .with_state(exchange);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the demo's telephone exchange stopped");
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TwilioListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A refusal in Twilio's form: HTTP status, Twilio's error number, words.
struct Refusal(StatusCode, u32, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let body = json!({ "code": code, "message": message, "status": status.as_u16() });
        (status, Json(body)).into_response()
    }
}

async fn messages(
    State(exchange): State<Arc<Exchange>>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let form = exchange.open(&sid, &headers, &body)?;
    let to = form.recipient()?;
    if form.get("From").or_else(|| form.get("MessagingServiceSid")).is_none() {
        return Err(Refusal(StatusCode::BAD_REQUEST, 21603, "A 'From' number is required"));
    }
    let text = form.get("Body").ok_or(Refusal(StatusCode::BAD_REQUEST, 21602, "Message body is required"))?;
    let id = exchange.inbox.add(Channel::Text, to, "", text);
    Ok(created("SM", id))
}

async fn calls(
    State(exchange): State<Arc<Exchange>>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let form = exchange.open(&sid, &headers, &body)?;
    let to = form.recipient()?;
    if form.get("From").is_none() {
        return Err(Refusal(StatusCode::BAD_REQUEST, 21213, "A 'From' number is required"));
    }
    let document =
        form.get("Twiml").ok_or(Refusal(StatusCode::BAD_REQUEST, 21205, "Url or Twiml parameter is required"))?;
    let id = exchange.inbox.add(Channel::Call, to, "", &twiml::transcript(document));
    Ok(created("CA", id))
}

fn created(prefix: &str, id: u64) -> Response {
    let body = json!({ "sid": format!("{prefix}{id:032x}"), "status": "queued" });
    (StatusCode::CREATED, Json(body)).into_response()
}

impl Exchange {
    /// Checks account and token, then reads the form.
    fn open(&self, sid: &str, headers: &HeaderMap, body: &[u8]) -> Result<Form, Refusal> {
        let sent = headers.get(header::AUTHORIZATION).map_or(&b""[..], |v| v.as_bytes());
        let known = sent.ct_eq(self.authorization.expose().as_bytes());
        if !bool::from(known) || sid != self.account_sid {
            return Err(Refusal(StatusCode::UNAUTHORIZED, 20003, "Authenticate"));
        }
        serde_urlencoded::from_bytes(body)
            .map(Form)
            .map_err(|_| Refusal(StatusCode::BAD_REQUEST, 20001, "The form can't be read"))
    }
}

struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn recipient(&self) -> Result<&str, Refusal> {
        let missing = Refusal(StatusCode::BAD_REQUEST, 21604, "A 'To' number is required");
        let to = self.get("To").ok_or(missing)?;
        if !is_e164(to) {
            return Err(Refusal(StatusCode::BAD_REQUEST, 21211, "Invalid 'To' number"));
        }
        Ok(to)
    }
}
