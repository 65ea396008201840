//! Proofs of possession over HTTP (RFC 9449): the header that carries one, and the answers that
//! ask for another.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use lanyard_oidc::{
    dpop,
    error::{OAuthError, Refusal},
    userinfo,
};

use super::token;
use crate::{
    service::oauth::{dpop as service, dpop::Call},
    state::App,
};

const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What a proof of `request` must be about: the public origin, whatever `Host` says, and the path
/// in the form that was called. A header that is no text is passed on as one that cannot be read.
pub(super) fn call(app: &App, request: &Request) -> Call {
    let proofs = request.headers().get_all(PROOF).iter();
    Call {
        proofs: proofs.map(|value| value.to_str().unwrap_or_default().to_owned()).collect(),
        method: request.method().as_str().to_owned(),
        url: format!("{}{}", app.origin, request.uri().path()),
    }
}

/// Puts a nonce into an answer that asks for one (RFC 9449, 8).
pub(super) fn add_nonce(app: &App, refusal: &Refusal, headers: &mut HeaderMap) {
    if refusal.error == OAuthError::UseDpopNonce
        && let Ok(value) = HeaderValue::try_from(service::nonce(app))
    {
        headers.insert(NONCE, value);
    }
}

/// An error of the userinfo endpoint (RFC 6750, 3; RFC 9449, 7.1 and 9): what is wrong with a proof
/// is answered 401 there, with the scheme of the request.
pub(super) fn resource_error(app: &App, refusal: &Refusal, authorization: Option<&str>) -> Response {
    let of_proof = matches!(refusal.error, OAuthError::InvalidDpopProof | OAuthError::UseDpopNonce);
    let status = if of_proof { 401 } else { refusal.error.status() };
    let scheme = authorization.and_then(|header| header.trim().split(' ').next()).unwrap_or_default();
    let bound = scheme.eq_ignore_ascii_case(dpop::SCHEME);
    let challenge = (status == 401).then(|| userinfo::challenge(refusal, bound));
    let mut answer = token::error(app, refusal, status, challenge.as_deref());
    add_nonce(app, refusal, answer.headers_mut());
    answer
}
