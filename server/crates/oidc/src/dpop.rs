//! Proof of possession (RFC 9449): whoever uses a token shows that they hold the key it is bound to.
//!
//! A proof is a small signed statement "I call this method of this address now", made with a key
//! whose public half it carries. It names nobody: what counts is that the same key stands behind
//! the request for a token and every use of it. That a proof works once is decided by the store, by
//! the [`Once`] that goes out with every good one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use lanyard_domain::{
    application::Application,
    clock::{MINUTE, Millis, Timestamp},
    grant::GrantDetails,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use crate::{
    error::{Code, OAuthError, Refusal},
    token::assertion::Once,
};

/// The algorithms; discovery lists these. None is symmetric (failure 33).
pub const ALGORITHMS: [&str; 4] = ["ES256", "EdDSA", "RS256", "PS256"];
/// How far the `iat` of a proof may be from our clock, either way.
pub const WINDOW: Millis = MINUTE;
/// How long a nonce of ours is good. It stands for the client's clock (RFC 9449, 8).
pub const NONCE_LIFE: Millis = 5 * MINUTE;
/// The `token_type` of a bound token, and the scheme of the header that carries it.
pub const SCHEME: &str = "DPoP";

// Bounds on what is looked at, in bytes.
const MAX_PROOF: usize = 4 * 1024;
const MAX_JTI: usize = 256;
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;

/// What a proof must be about.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The address that was called: on the public origin, without query and fragment.
    pub url: &'a str,
    /// The access token that comes along, where one does.
    pub access_token: Option<&'a str>,
    /// When a nonce was given out, if it is one of ours; its life is judged here.
    pub nonce: &'a dyn Fn(&str) -> Option<Timestamp>,
    /// The present moment.
    pub now: Timestamp,
}

/// A good proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub thumbprint: String,
    /// What the store must remember of it before it counts.
    pub once: Once,
    /// Whether it carries a nonce of ours.
    pub with_nonce: bool,
}

/// Why a proof is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofProblem {
    /// Not a compact JWS with readable parts, or more than one.
    #[error("the proof cannot be read")]
    Malformed,
    /// Another kind of token, another algorithm, or a header with more in it than it may have.
    #[error("the proof has a header that is not allowed")]
    Header,
    /// The key is private, too weak, or not one for the algorithm.
    #[error("the key of the proof is not allowed")]
    Key,
    /// The signature is wrong.
    #[error("the signature of the proof is wrong")]
    Signature,
    /// A claim is missing or malformed.
    #[error("a claim of the proof is missing or malformed")]
    Claim,
    /// Made for another method.
    #[error("the proof is for another method")]
    Method,
    /// Made for another address.
    #[error("the proof is for another address")]
    Address,
    /// Not made for this access token.
    #[error("the proof is not for this access token")]
    AccessToken,
    /// Made too long ago, or its nonce is old or not ours: a fresh nonce is wanted.
    #[error("the proof is not fresh")]
    NotFresh,
}

impl From<ProofProblem> for Refusal {
    fn from(problem: ProofProblem) -> Self {
        match problem {
            ProofProblem::Malformed => invalid_proof("The DPoP proof cannot be read."),
            ProofProblem::Header => invalid_proof("The DPoP proof has a header that is not allowed."),
            ProofProblem::Key => invalid_proof("The key of the DPoP proof is not allowed."),
            ProofProblem::Signature => invalid_proof("The signature of the DPoP proof is wrong."),
            ProofProblem::Claim => invalid_proof("A claim of the DPoP proof is missing or malformed."),
            ProofProblem::Method => invalid_proof("The DPoP proof is for another method."),
            ProofProblem::Address => invalid_proof("The DPoP proof is for another address."),
            ProofProblem::AccessToken => invalid_proof("The DPoP proof is not for this access token."),
            ProofProblem::NotFresh => nonce_wanted(),
        }
    }
}

/// The refusal that sends the client a nonce to put into its proof (RFC 9449, 8).
#[must_use]
pub const fn nonce_wanted() -> Refusal {
    Refusal::new(OAuthError::UseDpopNonce, Code::Parameter, "The DPoP proof must carry the nonce of this answer.")
}

/// The refusal of a proof that was used before.
#[must_use]
pub const fn replayed() -> Refusal {
    invalid_proof("The DPoP proof has been used already.")
}

const fn invalid_proof(text: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidDpopProof, Code::Parameter, text)
}

// Known members only once each: `serde` refuses a repeated one. A `crit` that we do not know must
// be refused, and we know none.
#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Map<String, Value>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
    nonce: Option<String>,
}

impl Proof {
    /// Judges a proof, in the order of RFC 9449, 4.3.
    ///
    /// # Errors
    /// [`ProofProblem`].
    pub fn verify(text: &str, expected: &Expected<'_>) -> Result<Self, ProofProblem> {
        if text.len() > MAX_PROOF {
            return Err(ProofProblem::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(ProofProblem::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(ProofProblem::Malformed)?;
        let header: Header = read(header).ok_or(ProofProblem::Malformed)?;
        let (algorithm, key, thumbprint) = accepted_key(&header)?;
        let signed = crypto::verify(signature, signed.as_bytes(), &key, algorithm);
        if !matches!(signed, Ok(true)) {
            return Err(ProofProblem::Signature);
        }
        let claims: Claims = read(claims).ok_or(ProofProblem::Claim)?;
        if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
            return Err(ProofProblem::Claim);
        }
        if claims.htm != expected.method {
            return Err(ProofProblem::Method);
        }
        if !same_address(&claims.htu, expected.url) {
            return Err(ProofProblem::Address);
        }
        if let Some(token) = expected.access_token {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
            let fits = claims.ath.as_ref().is_some_and(|ath| ath.as_bytes().ct_eq(hash.as_bytes()).into());
            if !fits {
                return Err(ProofProblem::AccessToken);
            }
        }
        let expires_at = good_until(&claims, expected).ok_or(ProofProblem::NotFresh)?;
        let hash = Sha256::new().chain_update(b"dpop proof\0").chain_update(thumbprint.as_bytes());
        let hash = hash.chain_update(b"\0").chain_update(claims.jti.as_bytes());
        let once = Once { hash: lanyard_domain::secret::TokenHash(hash.finalize().into()), expires_at };
        Ok(Self { thumbprint, once, with_nonce: claims.nonce.is_some() })
    }
}

// The whole part must be UTF-8 (RFC 7515, 5.2), also what is in members that nobody reads.
fn read<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_str(&String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()?).ok()
}

// A nonce of ours says when the proof was made; without one the client's clock does. Gives the
// moment from which nobody accepts the proof any more.
fn good_until(claims: &Claims, expected: &Expected<'_>) -> Option<Timestamp> {
    let now = expected.now;
    match &claims.nonce {
        Some(nonce) => {
            let end = (expected.nonce)(nonce)?.plus(NONCE_LIFE);
            (now < end).then_some(end)
        }
        None => {
            let made = Timestamp(claims.iat.checked_mul(1_000)?);
            let age = now.0.checked_sub(made.0)?;
            (-WINDOW..=WINDOW).contains(&age).then(|| made.plus(WINDOW + 1))
        }
    }
}

// The key of the header: public, strong, and of the algorithm's own type (failure 33). The
// thumbprint is taken over what was read, so that no spelling of a key makes a second one.
fn accepted_key(header: &Header) -> Result<(Algorithm, DecodingKey, String), ProofProblem> {
    if !header.typ.eq_ignore_ascii_case("dpop+jwt") || header.crit.is_some() {
        return Err(ProofProblem::Header);
    }
    let algorithm = match header.alg.as_str() {
        "ES256" => Algorithm::ES256,
        "EdDSA" => Algorithm::EdDSA,
        "RS256" => Algorithm::RS256,
        "PS256" => Algorithm::PS256,
        _ => return Err(ProofProblem::Header),
    };
    let jwk = &header.jwk;
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|member| jwk.contains_key(*member)) {
        return Err(ProofProblem::Key);
    }
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).ok_or(ProofProblem::Key);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).map_err(|_| ProofProblem::Key);
    if jwk.get("alg").is_some_and(|alg| alg != header.alg.as_str()) || jwk.get("use").is_some_and(|u| u != "sig") {
        return Err(ProofProblem::Key);
    }
    let made = match (algorithm, text("kty")?) {
        (Algorithm::ES256, "EC") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if text("crv")? != "P-256" || x.len() != 32 || y.len() != 32 {
                return Err(ProofProblem::Key);
            }
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            let key = DecodingKey::from_ec_components(&x, &y);
            (key, format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
        }
        (Algorithm::EdDSA, "OKP") => {
            let x = bytes("x")?;
            if text("crv")? != "Ed25519" || x.len() != 32 {
                return Err(ProofProblem::Key);
            }
            let x = URL_SAFE_NO_PAD.encode(x);
            (DecodingKey::from_ed_components(&x), format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#))
        }
        (Algorithm::RS256 | Algorithm::PS256, "RSA") => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            let canonical = n.first().is_some_and(|b| *b != 0) && e.first().is_some_and(|b| *b != 0);
            if !MODULUS.contains(&n.len()) || e.len() > 8 || !canonical {
                return Err(ProofProblem::Key);
            }
            let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
            (DecodingKey::from_rsa_components(&n, &e), format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
        }
        _ => return Err(ProofProblem::Key),
    };
    let key = made.0.map_err(|_| ProofProblem::Key)?;
    Ok((algorithm, key, URL_SAFE_NO_PAD.encode(Sha256::digest(made.1.as_bytes()))))
}

// Without query and fragment, after the usual normalisation of scheme, host and port (RFC 9449,
// 4.3). The path is compared as it was called: a proof for another spelling is another proof.
fn same_address(claimed: &str, called: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        (url.username().is_empty() && url.password().is_none()).then_some(url)
    };
    bare(claimed).is_some_and(|claimed| Some(claimed) == bare(called))
}

/// Whether `text` has the form of a thumbprint (RFC 7638): a SHA-256 hash in base64url.
#[must_use]
pub fn is_thumbprint(text: &str) -> bool {
    // One byte more than expected, so that a longer text is an error and not cut.
    let mut hash = [0u8; 33];
    text.len() == 43 && matches!(URL_SAFE_NO_PAD.decode_slice(text, &mut hash), Ok(32))
}

/// Judges the key behind the redemption of a code: a code that was asked for with `dpop_jkt` is
/// good with that key only (RFC 9449, 10).
///
/// # Errors
/// `invalid_dpop_proof` when a proof is missing; `invalid_grant` when it is another key.
pub fn check_code(details: &GrantDetails, application: &Application, proof: Option<&Proof>) -> Result<(), Refusal> {
    demanded(application, proof)?;
    same_key(details.dpop_jkt.as_deref(), proof)
}

/// Judges the key behind a refresh. The refresh tokens of a public application are bound to the
/// key (RFC 9449, 5); a confidential one proves itself, so it may change its key.
///
/// # Errors
/// As [`check_code`].
pub fn check_refresh(details: &GrantDetails, application: &Application, proof: Option<&Proof>) -> Result<(), Refusal> {
    demanded(application, proof)?;
    let bound = details.dpop_jkt.as_deref().filter(|_| application.kind.is_public());
    same_key(bound, proof)
}

/// The refusal of a pushed request that names another key than its proof (RFC 9449, 10.1).
#[must_use]
pub const fn another_key() -> Refusal {
    invalid_proof("The DPoP proof is of another key than the request's dpop_jkt.")
}

/// Whether `application` may be given tokens without a key, or with this proof.
///
/// # Errors
/// `invalid_dpop_proof`, or `use_dpop_nonce` where the application's proofs must carry one.
pub fn demanded(application: &Application, proof: Option<&Proof>) -> Result<(), Refusal> {
    match proof {
        None if application.settings.require_dpop => {
            Err(invalid_proof("This application must send a DPoP proof with its token requests."))
        }
        Some(proof) if application.settings.require_dpop_nonce && !proof.with_nonce => Err(nonce_wanted()),
        Some(_) | None => Ok(()),
    }
}

const fn bound_elsewhere() -> Refusal {
    Refusal::new(OAuthError::InvalidGrant, Code::Verifier, "The grant is bound to another key.")
}

/// Whether a refusal is one that the audit log should tell of: a proof that was used before or is
/// no good, one that is missing where a key is demanded, a grant or an access token without its key. A
/// proof that only wants a nonce is none: every client meets that.
#[must_use]
pub fn is_suspicious(refusal: &Refusal) -> bool {
    refusal.error == OAuthError::InvalidDpopProof
        || *refusal == bound_elsewhere()
        || *refusal == crate::userinfo::bound_elsewhere()
}

fn same_key(bound: Option<&str>, proof: Option<&Proof>) -> Result<(), Refusal> {
    match (bound, proof) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(invalid_proof("This grant is bound to a key; the DPoP proof is missing.")),
        (Some(bound), Some(proof)) if bound.as_bytes().ct_eq(proof.thumbprint.as_bytes()).into() => Ok(()),
        (Some(_), Some(_)) => Err(bound_elsewhere()),
    }
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
