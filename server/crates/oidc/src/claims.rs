//! What the tokens and userinfo say about a person (`wire.md`, "Claims"; OpenID Connect Core, 2
//! and 5.3; RFC 9068, 2.2).
//!
//! The flow selects the claims about the person; the protocol's own claims are always there and a
//! selected claim can never replace one of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    account::Account,
    application::{Application, SigningAlgorithm},
    claims::{self, NEW_USER},
    clock::{MINUTE, Millis, SECOND, Timestamp},
    grant::Grant,
    user_flow::{FlowClaim, UserFlow},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use crate::{
    jose::AccessTokenId,
    scope::{self, Scopes},
    standard,
};

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
    /// The web APIs that the application's permissions name.
    pub apis: &'a [Application],
    /// The thumbprint of the key that the access token is bound to (RFC 9449, 6.1).
    pub key: Option<&'a str>,
    /// The present moment.
    pub now: Timestamp,
}

impl<'a> Issuance<'a> {
    /// The web API that the access token is for, with the short names of the scopes; `None`: it is
    /// for the application itself, and good at userinfo.
    #[must_use]
    pub fn api(&self) -> Option<(&'a Application, String)> {
        Scopes::new(self.application, self.apis).target(self.scope)
    }

    /// The application that the access token is for. Its settings say which algorithm signs.
    #[must_use]
    pub fn audience(&self) -> &'a Application {
        self.api().map_or(self.application, |(api, _)| api)
    }
}

/// A token that an application gets for itself (RFC 6749, 4.4).
#[derive(Debug, Clone, Copy)]
pub struct ApplicationIssuance<'a> {
    /// The flow's issuer.
    pub issuer: &'a str,
    /// The flow at which it was asked for.
    pub flow: &'a UserFlow,
    /// The application.
    pub application: &'a Application,
    /// The web API.
    pub api: &'a Application,
    /// What the application may do there.
    pub roles: &'a [&'a str],
    /// The thumbprint of the key that the token is bound to (RFC 9449, 6.1).
    pub key: Option<&'a str>,
    /// The present moment.
    pub now: Timestamp,
}

/// The claims of an application's own token (RFC 9068, 2.2: `sub` is the client). There is no
/// person and no `scp`, which stands for what a person allowed; what the operator permitted is in
/// `roles`, as in B2C. `serial` is a random UUID. Its `jti` names no grant, so that userinfo can
/// never take it.
#[must_use]
pub fn application_token(issuance: &ApplicationIssuance<'_>, serial: Uuid) -> Map<String, Value> {
    let now = issuance.now.as_seconds();
    let client = Value::from(issuance.application.id.to_string());
    let claims: [(&str, Value); 11] = [
        ("ver", "1.0".into()),
        ("iss", issuance.issuer.into()),
        ("sub", client.clone()),
        ("aud", issuance.api.id.to_string().into()),
        ("azp", client.clone()),
        ("client_id", client),
        ("exp", (now + issuance.flow.settings.tokens.life() / SECOND).into()),
        ("nbf", now.into()),
        ("iat", now.into()),
        ("jti", serial.to_string().into()),
        ("roles", issuance.roles.into()),
    ];
    let mut claims: Map<String, Value> = claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    bind(&mut claims, issuance.key);
    claims
}

/// The ID token's claims. With the access token issued beside it, `at_hash` binds the two.
#[must_use]
pub fn id_token(issuance: &Issuance<'_>, access_token: Option<&str>) -> Map<String, Value> {
    let mut claims = selected(issuance);
    claims.extend(asked_by_name(issuance));
    claims.extend(common(issuance, issuance.application));
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

/// The access token's claims, B2C's and those of RFC 9068 together.
///
/// Its header says `at+jwt` (RFC 9068, 2.1) where B2C says `JWT`: MSAL never looks into an access
/// token, and the verifiers that web APIs for B2C use (Microsoft.IdentityModel without `ValidTypes`,
/// jsonwebtoken, passport-azure-ad) take any type, while strict ones demand this one. So no ID
/// token is ever taken for an access token (failure 31).
#[must_use]
pub fn access_token(issuance: &Issuance<'_>, serial: Uuid) -> Map<String, Value> {
    let api = issuance.api();
    let audience = api.as_ref().map_or(issuance.application, |(api, _)| *api);
    let mut claims = common(issuance, audience);
    let id = AccessTokenId { grant: issuance.grant.id, serial };
    claims.insert("jti".into(), id.to_string().into());
    claims.insert("client_id".into(), issuance.application.id.to_string().into());
    let scope = api.map_or_else(|| issuance.scope.to_owned(), |(_, names)| names);
    claims.insert(scope::CLAIM.into(), scope.into());
    bind(&mut claims, issuance.key);
    claims
}

fn bind(claims: &mut Map<String, Value>, thumbprint: Option<&str>) {
    if let Some(thumbprint) = thumbprint {
        claims.insert("cnf".into(), serde_json::json!({ "jkt": thumbprint }));
    }
}

/// What userinfo answers: the subject, the claims the flow selects, and those of the standard
/// scopes, or asked for by name in `named`, as far as the flow gives them out.
#[must_use]
pub fn user_info(
    account: &Account,
    flow: &UserFlow,
    issuer: &str,
    scopes: &str,
    named: &[String],
) -> Map<String, Value> {
    let mut claims = claims::select(account, &flow.settings.claims, issuer, false);
    for name in PROTOCOL {
        claims.remove(name);
    }
    claims.insert("sub".into(), account.id.to_string().into());
    if flow.settings.claims.iter().any(|claim| claim == claims::OBJECT_ID) {
        claims.insert(claims::OBJECT_ID.into(), account.id.to_string().into());
    }
    claims.extend(standard::claims(account, flow, scopes, named));
    claims
}

// Standard claims that the request wants in the ID token itself (OpenID Connect Core, 5.5).
fn asked_by_name(issuance: &Issuance<'_>) -> Map<String, Value> {
    standard::claims(issuance.account, issuance.flow, "", &issuance.grant.details.id_token_claims)
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

fn common(issuance: &Issuance<'_>, audience: &Application) -> Map<String, Value> {
    let authentication = &issuance.grant.authentication;
    let now = issuance.now.as_seconds();
    let subject = Value::from(issuance.account.id.to_string());
    let settings = &issuance.flow.settings.tokens;
    // The original sign-in, also after a refresh: MSAL compares.
    let auth_time = authentication.at().as_seconds();
    let claims: [(&str, Value); 11] = [
        ("ver", "1.0".into()),
        ("iss", issuance.issuer.into()),
        ("sub", subject.clone()),
        ("oid", subject),
        ("aud", audience.id.to_string().into()),
        ("azp", issuance.application.id.to_string().into()),
        ("exp", (now + settings.life() / SECOND).into()),
        ("nbf", now.into()),
        ("iat", now.into()),
        ("auth_time", auth_time.into()),
        ("amr", authentication.amr().into()),
    ];
    let mut claims: Map<String, Value> = claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    match settings.flow_claim {
        FlowClaim::Tfp => {
            claims.insert("tfp".into(), issuance.flow.name.as_str().into());
            claims.insert("acr".into(), authentication.level().as_str().into());
        }
        // Old policies name the flow here, so the level is told by `amr` alone.
        FlowClaim::Acr => {
            claims.insert("acr".into(), issuance.flow.name.key().into());
        }
    }
    claims
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
