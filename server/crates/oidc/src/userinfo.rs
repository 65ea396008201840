//! The userinfo endpoint: the bearer token of a request, and what its answer needs
//! (OpenID Connect Core, 5.3; RFC 6750, 2 and 3).

use crate::{
    dpop,
    error::{Code, OAuthError, Refusal},
    jose::{AccessToken, MAX_TOKEN_LEN, Verifier},
    params::Params,
    scope,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    account::Account, application::Application, clock::Timestamp, grant::Grant, id::Id, tenant::Tenant,
    user_flow::UserFlow,
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// An access token as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented<'a> {
    /// As a bearer token (RFC 6750).
    Bearer(&'a str),
    /// With the scheme of a bound token, which needs a proof (RFC 9449, 7.1).
    Bound(&'a str),
}

impl<'a> Presented<'a> {
    /// The token itself.
    #[must_use]
    pub const fn token(self) -> &'a str {
        match self {
            Self::Bearer(token) | Self::Bound(token) => token,
        }
    }
}

/// The access token of a request: in the `Authorization` header, or in a form body. A token in the
/// query is not looked at (RFC 9700, 4.3.2).
///
/// # Errors
/// `invalid_request` when it is sent in two ways; `invalid_token` when there is none.
pub fn presented<'a>(authorization: Option<&'a str>, form: Option<&'a Params>) -> Result<Presented<'a>, Refusal> {
    if let Some(form) = form {
        form.require_single(&["access_token"])?;
    }
    let in_form = form.and_then(|form| form.get("access_token")).map(Presented::Bearer);
    let in_header = authorization.and_then(|header| {
        let (scheme, token) = header.trim().split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            Some(Presented::Bearer(token.trim()))
        } else {
            scheme.eq_ignore_ascii_case(dpop::SCHEME).then(|| Presented::Bound(token.trim()))
        }
    });
    match (in_header, in_form) {
        (Some(_), Some(_)) => Err(Refusal::invalid_request("The access token is sent in two ways at once.")),
        (Some(sent), None) | (None, Some(sent)) if !sent.token().is_empty() && sent.token().len() <= MAX_TOKEN_LEN => {
            Ok(sent)
        }
        (Some(_), None) | (None, Some(_) | None) => Err(invalid_token()),
    }
}

/// Whether a token came as it must: a bound one with the proof of its key, any other as a bearer
/// token without one (RFC 9449, 7.1 and 7.2). A stolen bound token is worth nothing.
///
/// # Errors
/// `invalid_token`.
pub fn check_key(sent: Presented<'_>, token: &AccessToken, proof: Option<&dpop::Proof>) -> Result<(), Refusal> {
    match (sent, &token.key, proof) {
        (Presented::Bearer(_), None, _) => Ok(()),
        (Presented::Bound(_), Some(key), Some(proof)) if *key == proof.thumbprint => Ok(()),
        (Presented::Bearer(_) | Presented::Bound(_), Some(_), Some(_) | None) => Err(bound_elsewhere()),
        (Presented::Bound(_), None, Some(_) | None) => Err(invalid_token()),
    }
}

/// A token that is bound to a key, without that key: it is in other hands than those it was given to.
#[must_use]
pub(crate) const fn bound_elsewhere() -> Refusal {
    Refusal::new(OAuthError::InvalidToken, Code::Verifier, "The access token is bound to another key.")
}

/// The client that the access token of a request says it was issued to. Nothing is verified: this
/// only chooses whose registered origins may read the answer.
#[must_use]
pub fn claimed_client(authorization: Option<&str>, form: Option<&Params>) -> Option<Id<Application>> {
    let payload = presented(authorization, form).ok()?.token().split('.').nth(1)?;
    let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Uuid::try_parse(claims.get("azp")?.as_str()?).ok().map(Id::from_uuid)
}

/// Verifies an access token for userinfo: one of ours, of a person, for the application itself, with
/// `openid`. A token for a web API opens nothing here: that API holds it too, and could read who the
/// person is (RFC 9068, 4). An application that calls one gets a token of its own by a refresh with
/// `scope=openid` and what else it needs here.
///
/// # Errors
/// `invalid_token` (401) or `insufficient_scope` (403). The log may say more than the answer.
pub fn accept(verifier: &Verifier, token: &str, issuer: &str, now: Timestamp) -> Result<AccessToken, Refusal> {
    let token = verifier.access_token(token, issuer, now).map_err(|_| invalid_token())?;
    if token.audience != token.application {
        return Err(invalid_token());
    }
    if !scope::contains(&token.scope, scope::OPENID) {
        return Err(no_openid());
    }
    Ok(token)
}

/// Whether what an accepted token stands for still stands: its grant (RFC 6749, 4.1.2: a reused
/// code revokes), and its account (C4). `grant` is only given if its application is still entitled
/// to it.
///
/// # Errors
/// `invalid_token`.
pub fn still_stands<'a>(
    token: &AccessToken,
    tenant: Id<Tenant>,
    flow: &UserFlow,
    grant: Option<&Grant>,
    account: Option<&'a Account>,
) -> Result<&'a Account, Refusal> {
    let granted = |grant: &&Grant| {
        grant.id == token.id.grant
            && grant.revoked_at.is_none()
            && grant.tenant == tenant
            && grant.flow == flow.id
            && grant.account == token.subject
            && grant.application == token.application
    };
    let stands =
        |account: &&Account| account.id == token.subject && account.tenant == tenant && account.disabled_at.is_none();
    match (grant.filter(granted), account.filter(stands)) {
        (Some(grant), Some(account)) if grant.authentication.reaches(account.minimum) => Ok(account),
        (Some(_) | None, Some(_) | None) => Err(invalid_token()),
    }
}

/// The `WWW-Authenticate` header that goes with a refusal (RFC 6750, 3; RFC 9449, 7.1). `bound`:
/// the request used the scheme of a bound token.
#[must_use]
pub fn challenge(refusal: &Refusal, bound: bool) -> String {
    let (error, code, text) = (refusal.error.as_str(), refusal.code, refusal.text);
    if bound {
        let algorithms = dpop::ALGORITHMS.join(" ");
        format!(r#"DPoP error="{error}", error_description="{code}: {text}", algs="{algorithms}""#)
    } else {
        format!(r#"Bearer error="{error}", error_description="{code}: {text}""#)
    }
}

const fn no_openid() -> Refusal {
    Refusal::new(OAuthError::InsufficientScope, Code::Permission, "The token lacks the openid scope.")
}

const fn invalid_token() -> Refusal {
    Refusal::new(
        OAuthError::InvalidToken,
        Code::GrantExpired,
        "The access token is missing, expired or not valid here.",
    )
}

#[cfg(test)]
#[path = "userinfo_tests.rs"]
mod tests;
