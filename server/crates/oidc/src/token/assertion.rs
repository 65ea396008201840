//! Client assertions: `private_key_jwt` (RFC 7523, 2.2 and 3; OpenID Connect Core, 9).
//!
//! Pure judgement of a signed statement "I am this client", made with a key that only the client
//! has. The keys are those registered with the application and nothing else: whatever key or
//! address a header brings along is refused (A26). That an assertion works once (failure 34) is
//! decided by the store, by the [`Once`] that goes out with every good one.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use lanyard_domain::{
    application::Application,
    clock::{HOUR, MINUTE, Millis, Timestamp},
    id::Id,
    secret::{SecretString, TokenHash},
    tenant::Tenant,
    user_flow::UserFlow,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::client_keys;
use crate::{
    endpoints::{Endpoint, PublicOrigin, Route, TenantRef},
    error::{Code, OAuthError, Refusal},
    jose::MAX_TOKEN_LEN,
    params::Params,
};

/// The only `client_assertion_type` (RFC 7523, 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The algorithms; discovery lists these. No symmetric one, so that a public key can never be
/// taken for a shared secret (failure 33).
pub const ALGORITHMS: [&str; 3] = ["RS256", "PS256", "ES256"];
/// How far the client's clock may be off.
pub const LEEWAY: Millis = MINUTE;
/// How far ahead an assertion may expire. Libraries use from 1 to 60 minutes; each assertion must
/// be remembered for so long.
pub const MAX_LIFE: Millis = HOUR;

const MAX_JTI: usize = 256;
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;
// The endpoints at which clients authenticate: an assertion for one of them is meant for us.
const AUDIENCES: [Endpoint; 5] = [
    Endpoint::Token,
    Endpoint::Revocation,
    Endpoint::Introspection,
    Endpoint::PushedRequest,
    Endpoint::DeviceAuthorization,
];

/// Whom an assertion has to be addressed to: this flow, by its issuer or by any form of the
/// address of one of its endpoints at which clients authenticate.
#[derive(Debug, Clone, Copy)]
pub struct AssertionAudience<'a> {
    /// The public origin.
    pub origin: &'a PublicOrigin,
    /// The tenant of the URL.
    pub tenant: &'a Tenant,
    /// The flow of the URL.
    pub flow: &'a UserFlow,
    /// The flow's issuer.
    pub issuer: &'a str,
    /// The present moment.
    pub now: Timestamp,
}

impl AssertionAudience<'_> {
    fn is_named_by(&self, text: &str) -> bool {
        if text == self.issuer {
            return true;
        }
        let Ok(url) = Url::parse(text) else { return false };
        if url.origin().ascii_serialization() != self.origin.as_str() || url.fragment().is_some() {
            return false;
        }
        Route::parse(url.path(), url.query()).is_some_and(|route| {
            let tenant = match &route.tenant {
                TenantRef::Domain(domain) => *domain == self.tenant.domain,
                TenantRef::Guid(id) => *id == self.tenant.id,
            };
            tenant && route.flow == self.flow.name.key() && AUDIENCES.contains(&route.endpoint)
        })
    }
}

/// Why an assertion is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionProblem {
    /// Not a compact JWS with readable parts.
    #[error("The client assertion cannot be read.")]
    Malformed,
    /// Another algorithm, another kind of token, or a header that brings its own key.
    #[error("The client assertion has a header that is not allowed.")]
    Header,
    /// No registered key fits, or several do.
    #[error("The key of the client assertion is not registered for this application.")]
    Key,
    /// The signature is wrong.
    #[error("The signature of the client assertion is wrong.")]
    Signature,
    /// `iss` and `sub` are not both the client id.
    #[error("The client assertion must be issued by and about the client itself.")]
    Client,
    /// For somebody else.
    #[error("The client assertion is meant for another audience.")]
    Audience,
    /// No longer or not yet good, without an end, or good for too long.
    #[error("The client assertion has expired, is not valid yet, or is valid for too long.")]
    Time,
    /// No `jti`.
    #[error("The client assertion has no usable jti.")]
    Id,
}

impl From<AssertionProblem> for Refusal {
    fn from(problem: AssertionProblem) -> Self {
        let text = match problem {
            AssertionProblem::Malformed => "The client assertion cannot be read.",
            AssertionProblem::Header => "The client assertion has a header that is not allowed.",
            AssertionProblem::Key => "The key of the client assertion is not registered for this application.",
            AssertionProblem::Signature => "The signature of the client assertion is wrong.",
            AssertionProblem::Client => "The client assertion must be issued by and about the client itself.",
            AssertionProblem::Audience => "The client assertion is meant for another audience.",
            AssertionProblem::Time => "The client assertion has expired, is not valid yet, or is valid for too long.",
            AssertionProblem::Id => "The client assertion has no usable jti.",
        };
        refuse(text)
    }
}

/// The refusal of an assertion that was used before (failure 34).
#[must_use]
pub const fn replayed() -> Refusal {
    refuse("The client assertion has been used already.")
}

const fn refuse(text: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidClient, Code::WrongSecret, text)
}

/// What the store must remember of a good assertion before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    /// The hash of the client id and the `jti`.
    pub hash: TokenHash,
    /// Until when the assertion would be good.
    pub expires_at: Timestamp,
}

/// A client assertion as it came, not yet verified.
#[derive(Debug, Clone)]
pub struct Assertion(SecretString);

impl Assertion {
    /// Reads the form; `None` when it holds no assertion.
    ///
    /// # Errors
    /// `invalid_client` when only one of its two parameters is there, or its type is another one.
    pub fn read(params: &Params) -> Result<Option<Self>, Refusal> {
        match (params.get("client_assertion_type"), params.get("client_assertion")) {
            (None, None) => Ok(None),
            (Some(ASSERTION_TYPE), Some(jwt)) if jwt.len() <= MAX_TOKEN_LEN => {
                Ok(Some(Self(SecretString::new(jwt.to_owned()))))
            }
            (Some(_) | None, Some(_) | None) => Err(refuse("The client assertion or its type is missing or unknown.")),
        }
    }

    /// The client that the assertion says it is of. Nothing is verified yet.
    #[must_use]
    pub fn claimed_client(&self) -> Option<Id<Application>> {
        let payload = self.0.expose().split('.').nth(1)?;
        let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let text = claims.get("sub")?.as_str().filter(|text| text.len() == 36)?;
        Uuid::try_parse(text).ok().map(Id::from_uuid)
    }

    /// Judges the assertion of `application`: header, key, signature, then each claim.
    ///
    /// # Errors
    /// [`AssertionProblem`].
    pub fn verify(
        &self,
        application: &Application,
        audience: &AssertionAudience<'_>,
    ) -> Result<Once, AssertionProblem> {
        let token = self.0.expose();
        let header = decode_header(token).map_err(|_| AssertionProblem::Malformed)?;
        check_header(&header)?;
        let jwk = registered_key(application, &header)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| AssertionProblem::Key)?;
        let claims = decode::<Map<String, Value>>(token, &key, &signature_only(header.alg))
            .map_err(|_| AssertionProblem::Signature)?
            .claims;
        let client = application.id.to_string();
        let is_client = |name: &str| claims.get(name).and_then(Value::as_str) == Some(client.as_str());
        if !is_client("iss") || !is_client("sub") {
            return Err(AssertionProblem::Client);
        }
        check_audience(claims.get("aud"), audience)?;
        let expires_at = check_times(&claims, audience.now)?;
        let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
        let jti = jti.ok_or(AssertionProblem::Id)?;
        let hash = Sha256::new().chain_update(b"client assertion\0").chain_update(application.id.uuid().as_bytes());
        Ok(Once { hash: TokenHash(hash.chain_update(jti).finalize().into()), expires_at })
    }
}

// `x5c` is neither trusted nor refused: MSAL sends its certificate along, and the key is found by
// its thumbprint among the registered ones.
fn check_header(header: &Header) -> Result<(), AssertionProblem> {
    let allowed = matches!(header.alg, Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256);
    let own_key = header.jwk.is_some() || header.jku.is_some() || header.x5u.is_some();
    let strange = header.crit.is_some() || header.zip.is_some() || header.enc.is_some();
    // A token of another kind that the client may sign is no assertion (failure 31; RFC 8725, 3.11).
    let kind = header
        .typ
        .as_deref()
        .is_none_or(|typ| ["JWT", "client-authentication+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typ)));
    if allowed && !own_key && !strange && kind { Ok(()) } else { Err(AssertionProblem::Header) }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

// A key that cannot be read is skipped: a set may hold keys for other purposes.
fn keys(text: &str) -> Option<Vec<Jwk>> {
    let set: KeySet = serde_json::from_str(text).ok()?;
    Some(set.keys.into_iter().take(client_keys::MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok()).collect())
}

// The one registered key that the header means. Without any name of a key, the only one that fits.
fn registered_key(application: &Application, header: &Header) -> Result<Jwk, AssertionProblem> {
    let text = application.settings.client_keys.as_deref().ok_or(AssertionProblem::Key)?;
    let fitting = keys(text).ok_or(AssertionProblem::Key)?.into_iter().filter(|jwk| fits(jwk, header.alg));
    let mut meant = fitting.filter(|jwk| is_meant(jwk, header));
    match (meant.next(), meant.next()) {
        (Some(key), None) => Ok(key),
        (Some(_) | None, Some(_) | None) => Err(AssertionProblem::Key),
    }
}

// By `kid`, or by the thumbprint of the certificate (RFC 7515, 4.1.7 and 4.1.8). Any one name is
// enough: some libraries put a `kid` of their own beside the thumbprint.
fn is_meant(jwk: &Jwk, header: &Header) -> bool {
    let same = |named: &Option<String>, known: Option<String>| named.is_some() && *named == known;
    let unnamed = header.kid.is_none() && header.x5t.is_none() && header.x5t_s256.is_none();
    let common = &jwk.common;
    let certificate = || STANDARD.decode(common.x509_chain.as_ref()?.first()?).ok();
    let sha1 = || Some(URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate()?)));
    let sha256 = || Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate()?)));
    unnamed
        || same(&header.kid, common.key_id.clone())
        || same(&header.x5t_s256, common.x509_sha256_fingerprint.clone().or_else(sha256))
        || same(&header.x5t, common.x509_sha1_fingerprint.clone().or_else(sha1))
}

// A key signs with the algorithms of its own type and curve only, and with the one it names.
fn fits(jwk: &Jwk, alg: Algorithm) -> bool {
    let meant = |named: KeyAlgorithm| jwk.common.key_algorithm.is_none_or(|own| own == named);
    let for_signing = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let strong = |n: &str| URL_SAFE_NO_PAD.decode(n).is_ok_and(|modulus| MODULUS.contains(&modulus.len()));
    for_signing
        && match (&jwk.algorithm, alg) {
            (AlgorithmParameters::RSA(rsa), Algorithm::RS256) => meant(KeyAlgorithm::RS256) && strong(&rsa.n),
            (AlgorithmParameters::RSA(rsa), Algorithm::PS256) => meant(KeyAlgorithm::PS256) && strong(&rsa.n),
            (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => {
                meant(KeyAlgorithm::ES256) && ec.curve == EllipticCurve::P256
            }
            _ => false,
        }
}

// The library's own checks of time read the machine's clock, so they are off; ours follow.
fn signature_only(alg: Algorithm) -> Validation {
    let mut validation = Validation::new(alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

// Every audience must be ours: an assertion that is good elsewhere too could be passed on to us.
fn check_audience(aud: Option<&Value>, audience: &AssertionAudience<'_>) -> Result<(), AssertionProblem> {
    let ours = |value: &Value| value.as_str().is_some_and(|text| audience.is_named_by(text));
    let good = match aud {
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(ours),
        Some(one) => ours(one),
        None => false,
    };
    if good { Ok(()) } else { Err(AssertionProblem::Audience) }
}

// Gives the moment after which nobody would accept the assertion any more.
fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, AssertionProblem> {
    // A NumericDate may have a fraction (RFC 7519, 2).
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64)) {
            Some(seconds) => Ok(Some(Timestamp(seconds.saturating_mul(1_000)))),
            None => Err(AssertionProblem::Time),
        },
    };
    let expires_at = time("exp")?.ok_or(AssertionProblem::Time)?.0.saturating_add(LEEWAY);
    let early = |at: Option<Timestamp>| at.is_some_and(|at| at > now.plus(LEEWAY));
    let dead = now.0 >= expires_at;
    let too_long = expires_at > now.plus(MAX_LIFE + 2 * LEEWAY).0;
    if dead || too_long || early(time("nbf")?) || early(time("iat")?) {
        return Err(AssertionProblem::Time);
    }
    Ok(Timestamp(expires_at))
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
