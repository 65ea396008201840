//! What the tokens and userinfo say about a person (`wire.md`, "Claims"; OpenID Connect Core, 2
//! and 5.3; RFC 9068, 2.2).
//!
//! The flow selects the claims about the person; the protocol's own claims are always there and a
//! selected claim can never replace one of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    account::Account,
    application::{Application, SigningAlgorithm},
    claims::{self, EMAILS, NEW_USER},
    clock::{MINUTE, Millis, SECOND, Timestamp},
    grant::{Grant, TOKEN_LIFE},
    user_flow::UserFlow,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use crate::{jose::AccessTokenId, scope};

/// The claims that the protocol itself puts into an ID token, whatever the flow selects.
pub const PROTOCOL: [&str; 16] = [
    "iss",
    "sub",
    "oid",
    "aud",
    "azp",
    "exp",
    "nbf",
    "iat",
    "auth_time",
    "nonce",
    "tfp",
    "acr",
    "amr",
    "ver",
    "at_hash",
    "sid",
];

/// How long after the sign-up `newUser` is told: single sign-on later the same day is not "right
/// after".
pub const NEW_USER_WINDOW: Millis = 10 * MINUTE;

/// Everything that goes into one answer of the token endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Issuance<'a> {
    /// The flow's issuer ([`crate::endpoints::issuer`]).
    pub issuer: &'a str,
    /// The flow, as it stands now.
    pub flow: &'a UserFlow,
    /// The application.
    pub application: &'a Application,
    /// The person, as they stand now.
    pub account: &'a Account,
    /// What the tokens come from.
    pub grant: &'a Grant,
    /// The scopes of this answer ([`crate::token::refresh::check`] may narrow them).
    pub scope: &'a str,
    /// The thumbprint of the key that the access token is bound to (RFC 9449, 6.1).
    pub key: Option<&'a str>,
    /// The present moment.
    pub now: Timestamp,
}

/// The ID token's claims. With the access token issued beside it, `at_hash` binds the two.
#[must_use]
pub fn id_token(issuance: &Issuance<'_>, access_token: Option<&str>) -> Map<String, Value> {
    let mut claims = selected(issuance);
    claims.extend(common(issuance));
    // Left out when none was asked for: `null` or `""` breaks MSAL.
    if let Some(nonce) = &issuance.grant.nonce {
        claims.insert("nonce".into(), nonce.as_str().into());
    }
    // The session that logout ends (OpenID Connect Front-Channel Logout, 3).
    if let Some(session) = issuance.grant.session {
        claims.insert("sid".into(), session.to_string().into());
    }
    if let Some(token) = access_token {
        claims.insert("at_hash".into(), half_hash(issuance.application.settings.signing, token).into());
    }
    claims
}

/// The access token's claims. Until web APIs join, its audience is the application itself and it
/// is good at userinfo.
#[must_use]
pub fn access_token(issuance: &Issuance<'_>, serial: Uuid) -> Map<String, Value> {
    let mut claims = common(issuance);
    let id = AccessTokenId { grant: issuance.grant.id, serial };
    claims.insert("jti".into(), id.to_string().into());
    claims.insert("client_id".into(), issuance.application.id.to_string().into());
    claims.insert("scp".into(), issuance.scope.into());
    if let Some(thumbprint) = issuance.key {
        claims.insert("cnf".into(), serde_json::json!({ "jkt": thumbprint }));
    }
    claims
}

/// What userinfo answers: the subject, the claims the flow selects, and the standard `email` where
/// the scope asks for it and the flow gives the address out.
#[must_use]
pub fn user_info(account: &Account, flow: &UserFlow, issuer: &str, scopes: &str) -> Map<String, Value> {
    let mut claims = claims::select(account, &flow.settings.claims, issuer, false);
    for name in PROTOCOL {
        claims.remove(name);
    }
    claims.insert("sub".into(), account.id.to_string().into());
    if flow.settings.claims.iter().any(|claim| claim == claims::OBJECT_ID) {
        claims.insert(claims::OBJECT_ID.into(), account.id.to_string().into());
    }
    if scope::contains(scopes, scope::EMAIL) && claims.contains_key(EMAILS) {
        claims.insert("email".into(), account.email.as_str().into());
        // Nobody has an account whose address was not proved by a code.
        claims.insert("email_verified".into(), true.into());
    }
    claims
}

/// The claims the flow selects, without any name that belongs to the protocol.
#[must_use]
pub fn selected(issuance: &Issuance<'_>) -> Map<String, Value> {
    let authentication = &issuance.grant.authentication;
    let age = issuance.now.since(authentication.at());
    let new_user = authentication.is_new_account() && (0..NEW_USER_WINDOW).contains(&age);
    let mut claims = claims::select(issuance.account, &issuance.flow.settings.claims, issuance.issuer, new_user);
    if !new_user {
        claims.remove(NEW_USER);
    }
    for name in PROTOCOL {
        claims.remove(name);
    }
    claims
}

fn common(issuance: &Issuance<'_>) -> Map<String, Value> {
    let authentication = &issuance.grant.authentication;
    let now = issuance.now.as_seconds();
    let subject = Value::from(issuance.account.id.to_string());
    let client = Value::from(issuance.application.id.to_string());
    // The original sign-in, also after a refresh: MSAL compares.
    let auth_time = authentication.at().as_seconds();
    let claims: [(&str, Value); 13] = [
        ("ver", "1.0".into()),
        ("iss", issuance.issuer.into()),
        ("sub", subject.clone()),
        ("oid", subject),
        ("aud", client.clone()),
        ("azp", client),
        ("exp", (now + TOKEN_LIFE / SECOND).into()),
        ("nbf", now.into()),
        ("iat", now.into()),
        ("auth_time", auth_time.into()),
        ("tfp", issuance.flow.name.as_str().into()),
        ("acr", authentication.level().as_str().into()),
        ("amr", authentication.amr().into()),
    ];
    claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

// The left half of the hash that the ID token's algorithm uses, base64url (OpenID Connect Core,
// 3.1.3.6); Ed25519 hashes with SHA-512 (RFC 8032, 5.1).
pub(crate) fn half_hash(algorithm: SigningAlgorithm, text: &str) -> String {
    match algorithm {
        SigningAlgorithm::RS256 | SigningAlgorithm::ES256 => {
            URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..16])
        }
        SigningAlgorithm::EdDSA => URL_SAFE_NO_PAD.encode(&Sha512::digest(text.as_bytes())[..32]),
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
