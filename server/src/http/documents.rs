//! Discovery and key sets as bytes at hand: every client of every application asks for them, and they
//! change when an operator changes something.
//!
//! An answer is kept under the address exactly as it was spelled, whole and with its headers. It is
//! given again for a second at most, and never past the next commit of this process, whatever that
//! changed: so a change acts at the next request here and within a second on other servers.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Request,
    http::{HeaderMap, Method, Response as Answer, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use lanyard_domain::clock::{Millis, SECOND, Timestamp};
use lanyard_oidc::endpoints::{Endpoint, Route};

use crate::state::App;

/// For how long an answer is given again.
const LIFE: Millis = SECOND;
/// Answers that are kept. Addresses have endless spellings: when there are more, all are made anew.
const MOST: usize = 1024;
/// The longest address that an answer is kept for, in bytes.
const LONGEST: usize = 512;

/// When an answer was made, in time and in commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    at: Timestamp,
    commits: u64,
}

impl Moment {
    pub(super) fn now(app: &App) -> Self {
        Self { at: app.clock.now(), commits: app.store.commits() }
    }

    // A clock that was set back makes nothing live longer.
    fn holds(self, now: Self) -> bool {
        self.commits == now.commits && (0..LIFE).contains(&now.at.since(self.at))
    }
}

#[derive(Debug)]
struct Document {
    made: Moment,
    headers: HeaderMap,
    body: Bytes,
}

/// The answers at hand.
#[derive(Debug, Default)]
pub struct Documents(RwLock<HashMap<String, Arc<Document>>>);

impl Documents {
    fn get(&self, address: &str) -> Option<Arc<Document>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn keep(&self, address: String, document: Document) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&address) {
            all.clear();
        }
        all.insert(address, Arc::new(document));
    }
}

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
    let document = app.documents.get(address(request.uri())?)?;
    if !document.made.holds(Moment::now(app)) {
        return None;
    }
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
    let document = Document { made, headers: head.headers.clone(), body: body.clone() };
    app.documents.keep(address.to_owned(), document);
    Answer::from_parts(head, Body::from(body))
}
