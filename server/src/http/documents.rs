//! Discovery and key sets as bytes at hand: every client of every application asks for them, and they
//! change when an operator changes something.
//!
//! An answer is kept under the address exactly as it was spelled, whole and with its headers. It is
//! given again for a second at most, and never past the next commit of this process, whatever that
//! changed: so a change acts at the next request here and within a second on other servers.

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Request,
    http::{HeaderMap, Method, Response as Answer, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use lanyard_domain::clock::{Millis, SECOND, Timestamp};
use lanyard_oidc::endpoints::{Endpoint, Route};

use crate::{service::at_hand::AtHand, state::App};

/// For how long an answer is given again.
const LIFE: Millis = SECOND;
/// The longest address that an answer is kept for, in bytes.
const LONGEST: usize = 512;

/// When an answer was made: in time, in commits, and in changes of the keys that are at hand, which
/// follow their commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    commits: u64,
    keys: u64,
}

impl Moment {
    pub(super) fn now(app: &App) -> Self {
        Self { at: app.clock.now(), commits: app.store.commits(), keys: app.signing.changes() }
    }

    // A clock that was set back makes nothing live longer.
    fn holds(self, now: Self) -> bool {
        (self.commits, self.keys) == (now.commits, now.keys) && (0..LIFE).contains(&now.at.since(self.at))
    }
}

/// An answer.
#[derive(Debug)]
pub struct Document {
    headers: HeaderMap,
    body: Bytes,
}

/// The answers at hand. Addresses have endless spellings: when there are too many, all are made anew.
pub type Documents = AtHand<String, Document, Moment>;

// A query may name the flow, so it is part of the address.
fn address(uri: &Uri) -> Option<&str> {
    let address = uri.path_and_query()?.as_str();
    let path = uri.path().as_bytes();
    let ends = |end: &[u8]| path.len() >= end.len() && path[path.len() - end.len()..].eq_ignore_ascii_case(end);
    (address.len() <= LONGEST && (ends(b"/openid-configuration") || ends(b"/keys"))).then_some(address)
}

/// The answer to `request`, if it is at hand.
pub(super) fn at_hand(app: &App, request: &Request) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    let document = app.documents.good(address(request.uri())?, |made| made.holds(Moment::now(app)))?;
    let mut answer = Answer::new(Body::from(document.body.clone()));
    *answer.headers_mut() = document.headers.clone();
    Some(answer)
}

/// Whether an answer to this request is one to keep.
pub(super) fn is_one(method: &Method, uri: &Uri) -> bool {
    *method == Method::GET
        && address(uri).is_some()
        && Route::parse(uri.path(), uri.query())
            .is_some_and(|route| matches!(route.endpoint, Endpoint::Discovery | Endpoint::Keys))
}

/// Keeps a finished `answer` to a request for `uri` that began at `made`.
pub(super) async fn keep(app: &App, uri: &Uri, made: Moment, answer: Response) -> Response {
    let whole = answer.body().size_hint().exact().is_some_and(|bytes| bytes <= 64 * 1024);
    let (Some(address), true, StatusCode::OK) = (address(uri), whole, answer.status()) else { return answer };
    let (head, body) = answer.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 * 1024).await else {
        return super::error::HttpError::Internal("a document".into()).into_response();
    };
    app.documents.keep(address.to_owned(), made, Document { headers: head.headers.clone(), body: body.clone() });
    Answer::from_parts(head, Body::from(body))
}
