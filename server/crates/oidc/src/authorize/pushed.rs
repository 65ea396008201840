//! Pushed authorization requests (RFC 9126): a request is left at the server first, and the
//! browser carries a reference to it.
//!
//! A pushed request passes the very rules of [`super::check`], when it is pushed and again when it
//! is used. What stands beside the reference in the browser's address is ignored, so that nobody
//! can mix parameters in (RFC 9126, 4; RFC 9101, 6.3).

use lanyard_domain::{
    application::Application,
    clock::{Millis, SECOND},
    secret::Token,
};

use super::AuthorizeError;
use crate::{
    dpop::{self, Proof},
    error::{Code, Refusal},
    params::Params,
};

/// How long a pushed request waits to be used.
pub const LIFE: Millis = 90 * SECOND;
/// What every reference begins with (RFC 9126, 2.2).
pub const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// The longest request that is kept, encoded, in bytes. Clients' longest have some 6 KB.
pub const MAX_KEPT: usize = 16 * 1024;

/// The reference to hand out for `token` (256 random bits, stored hashed).
#[must_use]
pub fn reference(token: &Token) -> String {
    format!("{URN}{}", token.expose())
}

/// The reference in an authorization request; `None`: the request is not a pushed one.
///
/// # Errors
/// [`AuthorizeError::Page`] when it cannot be one of ours: no reply URL is known to be good.
pub fn referred(params: &Params) -> Result<Option<Token>, AuthorizeError> {
    let Some(token) = params.get("request_uri").and_then(|uri| uri.strip_prefix(URN)) else { return Ok(None) };
    Token::parse(token).map(Some).ok_or(gone())
}

/// The answer to a reference that nobody knows: used, too old, of another application, invented.
#[must_use]
pub const fn gone() -> AuthorizeError {
    AuthorizeError::Page {
        code: Code::Parameter,
        text: "The pushed request is unknown, was used already, or is older than 90 seconds.",
    }
}

/// The request that a client pushes: what the rules read of what it sent. Its credentials prove who
/// pushes and are no part of it; what nobody reads is not kept, for anybody may push for a public
/// client (f54).
///
/// # Errors
/// `invalid_request` when it refers to another request (RFC 9126, 2.1), or is longer than
/// [`MAX_KEPT`].
pub fn request(form: &Params, client_id: &str) -> Result<Params, Refusal> {
    form.require_single(&["client_id", "request_uri"])?;
    if form.get("request_uri").is_some() {
        return Err(Refusal::invalid_request("A pushed request cannot refer to another one."));
    }
    let request = form.only(&super::KNOWN).with("client_id", client_id);
    if request.encode().len() > MAX_KEPT {
        return Err(Refusal::invalid_request("The request is too long to be pushed."));
    }
    Ok(request)
}

/// The pushed request bound to the key of `proof`, if there is one (RFC 9449, 10.1).
///
/// # Errors
/// `invalid_dpop_proof` when the request names another key; `use_dpop_nonce` where the application's
/// proofs must carry one.
pub fn bound(request: Params, application: &Application, proof: Option<&Proof>) -> Result<Params, Refusal> {
    let Some(proof) = proof else { return Ok(request) };
    dpop::demanded(application, Some(proof))?;
    match request.get("dpop_jkt") {
        Some(named) if named != proof.thumbprint => Err(dpop::another_key()),
        Some(_) | None => Ok(request.with("dpop_jkt", &proof.thumbprint)),
    }
}

// An application that always pushes has taken care that no browser makes its requests (RFC 9126, 6).
pub(super) fn where_required(pushed: bool, application: &Application) -> Result<(), Refusal> {
    if application.settings.require_pushed_requests && !pushed {
        return Err(Refusal::invalid_request("This application must push its requests first."));
    }
    Ok(())
}

/// The refusal of a push, in words that can be told to the client: it is not a browser.
#[must_use]
pub fn refusal(error: AuthorizeError) -> Refusal {
    match error {
        AuthorizeError::Page { code, text } => Refusal { code, ..Refusal::invalid_request(text) },
        AuthorizeError::Redirect { refusal, .. } => refusal,
    }
}
