//! Verifying our own tokens: access tokens at userinfo, ID tokens that come back as hints.
//!
//! RFC 8725: keys by `kid` from our own set only, each for the one algorithm of its kind, no key or
//! address out of the token (`jwk`, `jku`, `x5u`, `x5c`; A26), no `crit`; then `typ`, `iss`,
//! `aud`, `exp`, `nbf`.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use lanyard_domain::{
    account::Account,
    application::{Application, SigningAlgorithm},
    clock::{MINUTE, SECOND, Timestamp},
    grant::Grant,
    id::Id,
    session::Session,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{JwkSet, KeyError, KeyMaterial, MAX_TOKEN_LEN, PublicJwk, TokenType};

/// Why a token is not accepted. For the log; whoever sent it learns less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a compact JWS with readable parts, or longer than [`MAX_TOKEN_LEN`].
    #[error("the token is malformed")]
    Malformed,
    /// Another algorithm, or a header that brings its own key.
    #[error("the token's header is not allowed")]
    Header,
    /// A token of another kind.
    #[error("the token is of another kind")]
    Type,
    /// No such key.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// Issued by another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// No longer or not yet good.
    #[error("the token is expired or not yet valid")]
    Time,
    /// A claim is missing or of a wrong type.
    #[error("a claim is missing or malformed")]
    Claim,
}

/// Whether an expired token is still accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It is not.
    Enforced,
    /// It is: for `id_token_hint` (OpenID Connect RP-Initiated Logout, 2).
    Ignored,
}

/// The `jti` of an access token: the grant it came from and a serial, so that userinfo can ask
/// whether the grant still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessTokenId {
    /// The grant.
    pub grant: Id<Grant>,
    /// Random.
    pub serial: Uuid,
}

impl fmt::Display for AccessTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.grant, self.serial)
    }
}

impl AccessTokenId {
    /// Reads the text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (grant, serial) = text.split_once('.')?;
        Some(Self { grant: Id::from_uuid(Uuid::try_parse(grant).ok()?), serial: Uuid::try_parse(serial).ok()? })
    }
}

/// A verified access token of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Whose data it opens.
    pub subject: Id<Account>,
    /// The application it was issued to.
    pub application: Id<Application>,
    /// What it was issued for: the application itself, until web APIs join.
    pub audience: Id<Application>,
    /// The scopes.
    pub scope: String,
    /// The thumbprint of the key that it is bound to (RFC 9449, 6.1).
    pub key: Option<String>,
    /// Where it came from.
    pub id: AccessTokenId,
}

/// A verified ID token that came back as a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// Whom it names.
    pub subject: Id<Account>,
    /// The application it was issued to.
    pub application: Id<Application>,
    /// The session it was issued from (`sid`).
    pub session: Option<Id<Session>>,
}

#[derive(Clone)]
struct KnownKey {
    kid: String,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

/// The public keys of a tenant, ready to verify. Build it once and keep it.
#[derive(Clone)]
pub struct Verifier(Vec<KnownKey>);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|known| &known.kid)).finish()
    }
}

// How far the clocks of two of our processes may be apart.
const LEEWAY_SECONDS: i64 = MINUTE / SECOND;

impl Verifier {
    /// A verifier that knows the keys of `set`: every published one.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn new(set: &JwkSet) -> Result<Self, KeyError> {
        set.keys.iter().map(known).collect::<Result<_, _>>().map(Self)
    }

    /// The claims of `token`, if it is one of ours of this kind, by `issuer`, and good at `now`.
    ///
    /// The audience is left to the caller; [`Verifier::access_token`] and
    /// [`Verifier::id_token_hint`] give it typed.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        token: &str,
        kind: TokenType,
        issuer: &str,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<Map<String, Value>, VerifyError> {
        if token.len() > MAX_TOKEN_LEN || token.split('.').count() != 3 {
            return Err(VerifyError::Malformed);
        }
        let header = decode_header(token).map_err(|_| VerifyError::Malformed)?;
        let kid = acceptable(&header, kind)?;
        let known = self.0.iter().find(|known| known.kid == kid).ok_or(VerifyError::UnknownKey)?;
        // The key decides the algorithm, never the token (RFC 8725, 3.1; failure 33).
        let algorithm = library_name(known.algorithm);
        if header.alg != algorithm {
            return Err(VerifyError::Header);
        }
        let claims = decode::<Map<String, Value>>(token, &known.key, &signature_only(algorithm))
            .map_err(|_| VerifyError::Signature)?
            .claims;
        if text(&claims, "iss")? != issuer {
            return Err(VerifyError::Issuer);
        }
        check_times(&claims, kind, expiry, now)?;
        Ok(claims)
    }

    /// A verified access token.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn access_token(&self, token: &str, issuer: &str, now: Timestamp) -> Result<AccessToken, VerifyError> {
        let claims = self.verify(token, TokenType::Access, issuer, Expiry::Enforced, now)?;
        let id = AccessTokenId::parse(text(&claims, "jti")?).ok_or(VerifyError::Claim)?;
        Ok(AccessToken {
            subject: id_of(&claims, "sub")?,
            application: id_of(&claims, "azp")?,
            audience: id_of(&claims, "aud").map_err(|_| VerifyError::Audience)?,
            scope: text(&claims, "scp")?.to_owned(),
            key: confirmation(&claims)?,
            id,
        })
    }

    /// A verified ID token hint: the signature counts, the expiry does not.
    ///
    /// # Errors
    /// [`VerifyError`]. `application` = `None` accepts any audience.
    pub fn id_token_hint(
        &self,
        token: &str,
        issuer: &str,
        application: Option<Id<Application>>,
        now: Timestamp,
    ) -> Result<IdTokenHint, VerifyError> {
        let claims = self.verify(token, TokenType::Id, issuer, Expiry::Ignored, now)?;
        let audience = id_of(&claims, "aud").map_err(|_| VerifyError::Audience)?;
        if application.is_some_and(|expected| expected != audience) {
            return Err(VerifyError::Audience);
        }
        let session = if claims.contains_key("sid") { Some(id_of(&claims, "sid")?) } else { None };
        Ok(IdTokenHint { subject: id_of(&claims, "sub")?, application: audience, session })
    }
}

fn known(jwk: &PublicJwk) -> Result<KnownKey, KeyError> {
    // A document that says otherwise than its key is not ours.
    if jwk.alg != jwk.material.algorithm() {
        return Err(KeyError::Unreadable);
    }
    let key = match &jwk.material {
        KeyMaterial::RSA { n, e } => DecodingKey::from_rsa_components(n, e),
        KeyMaterial::EC { x, y, .. } => DecodingKey::from_ec_components(x, y),
        KeyMaterial::OKP { x, .. } => DecodingKey::from_ed_components(x),
    };
    Ok(KnownKey { kid: jwk.kid.clone(), algorithm: jwk.alg, key: key.map_err(|_| KeyError::Unreadable)? })
}

const fn library_name(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::RS256 => Algorithm::RS256,
        SigningAlgorithm::ES256 => Algorithm::ES256,
        SigningAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

// The library's own checks of time read the machine's clock, so they are off; ours follow.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn acceptable(header: &Header, kind: TokenType) -> Result<&str, VerifyError> {
    let own_key = header.jwk.is_some() || header.jku.is_some() || header.x5u.is_some() || header.x5c.is_some();
    let strange = header.crit.is_some() || header.zip.is_some() || header.enc.is_some() || header.cty.is_some();
    let allowed = SigningAlgorithm::ALL.into_iter().any(|algorithm| library_name(algorithm) == header.alg);
    if !allowed || own_key || strange || !header.extras.inner().is_empty() {
        return Err(VerifyError::Header);
    }
    if header.typ.as_deref() != Some(kind.typ()) {
        return Err(VerifyError::Type);
    }
    header.kid.as_deref().ok_or(VerifyError::UnknownKey)
}

fn check_times(
    claims: &Map<String, Value>,
    kind: TokenType,
    expiry: Expiry,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let time = |name| claims.get(name).and_then(Value::as_i64).ok_or(VerifyError::Claim);
    let now = now.as_seconds();
    // A logout token has no `nbf`.
    let begins = match kind {
        TokenType::Id | TokenType::Access => "nbf",
        TokenType::Logout => "iat",
    };
    let expired = match expiry {
        Expiry::Enforced => now >= time("exp")?,
        Expiry::Ignored => false,
    };
    let too_early = now.saturating_add(LEEWAY_SECONDS) < time(begins)?;
    if expired || too_early { Err(VerifyError::Time) } else { Ok(()) }
}

// A token bound in a way that cannot be read is no token that anybody may bear.
fn confirmation(claims: &Map<String, Value>) -> Result<Option<String>, VerifyError> {
    let jkt = |cnf: &Value| cnf.get("jkt").and_then(Value::as_str).map(str::to_owned).ok_or(VerifyError::Claim);
    claims.get("cnf").map(jkt).transpose()
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, VerifyError> {
    claims.get(name).and_then(Value::as_str).ok_or(VerifyError::Claim)
}

fn id_of<T>(claims: &Map<String, Value>, name: &str) -> Result<Id<T>, VerifyError> {
    Uuid::try_parse(text(claims, name)?).map(Id::from_uuid).map_err(|_| VerifyError::Claim)
}
