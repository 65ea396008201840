//! Client authentication (RFC 6749, 2.3; OpenID Connect Core, 9): a secret in the form or in the
//! `Authorization` header, or a signed assertion ([`assertion`]) for confidential applications, none
//! for public ones.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanyard_domain::{
    application::{Application, ApplicationKind},
    id::Id,
    secret::{SecretString, Token},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::assertion::{Assertion, AssertionAudience, Once};
use crate::{
    error::{Code, OAuthError, Refusal},
    params::{Params, form_decode},
};

// The longest secret and the longest Basic header that are looked at, in bytes.
const MAX_SECRET: usize = 512;
const MAX_HEADER: usize = 2_048;

/// The parameters of client authentication; none of them may be repeated.
pub const KNOWN: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// The ways to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuthMethod {
    /// The secret in the form.
    SecretPost,
    /// The secret in the `Authorization` header.
    SecretBasic,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// Nothing: a public client, protected by PKCE.
    None,
}

impl ClientAuthMethod {
    /// Every method; discovery lists these.
    pub const ALL: [Self; 4] = [Self::SecretPost, Self::SecretBasic, Self::PrivateKeyJwt, Self::None];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretPost => "client_secret_post",
            Self::SecretBasic => "client_secret_basic",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// What a client shows for itself.
#[derive(Debug, Clone)]
pub enum Proof {
    /// `client_secret_post`.
    SecretPost(SecretString),
    /// `client_secret_basic`.
    SecretBasic(SecretString),
    /// `private_key_jwt`.
    PrivateKeyJwt(Assertion),
    /// `none`.
    None,
}

impl Proof {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> ClientAuthMethod {
        match self {
            Self::SecretPost(_) => ClientAuthMethod::SecretPost,
            Self::SecretBasic(_) => ClientAuthMethod::SecretBasic,
            Self::PrivateKeyJwt(_) => ClientAuthMethod::PrivateKeyJwt,
            Self::None => ClientAuthMethod::None,
        }
    }
}

/// Who a client says it is, and its proof.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The `client_id`.
    pub client_id: Id<Application>,
    /// The proof.
    pub proof: Proof,
}

impl ClientCredentials {
    /// The client that a request says it is of, however little else of it can be read. Nothing is
    /// proved by it.
    #[must_use]
    pub fn claimed(params: &Params, authorization: Option<&str>) -> Option<Id<Application>> {
        let by_assertion = || Assertion::read(params).ok().flatten()?.claimed_client();
        let named = params.get("client_id").map(str::to_owned);
        let named = named.or_else(|| basic(authorization?).map(|(id, _)| id));
        named.and_then(|id| Uuid::try_parse(&id).ok()).map(Id::from_uuid).or_else(by_assertion)
    }

    /// Reads the form and the `Authorization` header.
    ///
    /// # Errors
    /// `invalid_request` when two methods are used at once (RFC 6749, 2.3); `invalid_client` when
    /// there is no readable client.
    pub fn read(params: &Params, authorization: Option<&str>) -> Result<Self, Refusal> {
        params.require_single(&KNOWN)?;
        let in_form = params.get("client_id");
        let (secret, assertion) = (params.get("client_secret"), Assertion::read(params)?);
        let missing = invalid_client("The request does not name its client.");
        let (client_id, proof) = match (authorization, secret, assertion) {
            (None, None, None) => (in_form.ok_or(missing)?.to_owned(), Proof::None),
            (None, Some(secret), None) => {
                (in_form.ok_or(missing)?.to_owned(), Proof::SecretPost(SecretString::new(secret.to_owned())))
            }
            (None, None, Some(assertion)) => {
                let id = assertion.claimed_client().ok_or(missing)?.to_string();
                if in_form.is_some_and(|other| !other.eq_ignore_ascii_case(&id)) {
                    return Err(Refusal::invalid_request("The client gives two different ids."));
                }
                (id, Proof::PrivateKeyJwt(assertion))
            }
            (Some(header), None, None) => {
                let (id, secret) = basic(header).ok_or(invalid_client("The Authorization header cannot be read."))?;
                if in_form.is_some_and(|other| !other.eq_ignore_ascii_case(&id)) {
                    return Err(Refusal::invalid_request("The client gives two different ids."));
                }
                (id, Proof::SecretBasic(secret))
            }
            (Some(_) | None, Some(_) | None, Some(_) | None) => {
                return Err(Refusal::invalid_request("The client authenticates in two ways at once."));
            }
        };
        match Uuid::try_parse(&client_id) {
            Ok(id) if client_id.len() == 36 => Ok(Self { client_id: Id::from_uuid(id), proof }),
            Ok(_) | Err(_) => Err(unknown_client()),
        }
    }
}

/// A client that proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated<'a> {
    /// The application.
    pub application: &'a Application,
    /// What the store must take first; the proof is worth nothing if it was there before.
    pub once: Option<Once>,
}

/// Proves that `credentials` are those of `application` (`None`: no such application in this
/// tenant) at the flow that `audience` tells.
///
/// # Errors
/// `invalid_client` (401).
pub fn authenticate<'a>(
    credentials: &ClientCredentials,
    application: Option<&'a Application>,
    audience: &AssertionAudience<'_>,
) -> Result<Authenticated<'a>, Refusal> {
    let application = application.filter(|app| app.id == credentials.client_id).ok_or(unknown_client())?;
    let once = match (application.kind, &credentials.proof) {
        (ApplicationKind::SinglePage | ApplicationKind::Native, Proof::None) => None,
        (
            ApplicationKind::SinglePage | ApplicationKind::Native,
            Proof::SecretPost(_) | Proof::SecretBasic(_) | Proof::PrivateKeyJwt(_),
        ) => return Err(refuse(Code::UnwantedSecret, "A public client must not send a client secret.")),
        (ApplicationKind::Web | ApplicationKind::WebApi, Proof::None) => {
            return Err(refuse(Code::NoSecret, "The client secret is missing."));
        }
        (ApplicationKind::Web | ApplicationKind::WebApi, Proof::SecretPost(secret) | Proof::SecretBasic(secret)) => {
            if !is_secret_of(application, secret) {
                return Err(refuse(Code::WrongSecret, "The client secret is wrong."));
            }
            None
        }
        (ApplicationKind::Web | ApplicationKind::WebApi, Proof::PrivateKeyJwt(assertion)) => {
            Some(assertion.verify(application, audience)?)
        }
    };
    Ok(Authenticated { application, once })
}

/// Whether this application may redeem codes and refresh tokens at all.
///
/// # Errors
/// `unauthorized_client` for a web API, which signs nobody in.
pub const fn may_redeem(application: &Application) -> Result<(), Refusal> {
    match application.kind {
        ApplicationKind::Web | ApplicationKind::SinglePage | ApplicationKind::Native => Ok(()),
        ApplicationKind::WebApi => Err(Refusal::new(
            OAuthError::UnauthorizedClient,
            Code::Permission,
            "A web API cannot redeem codes or refresh tokens.",
        )),
    }
}

/// Whether this application may ask for a token of its own (RFC 6749, 4.4).
///
/// # Errors
/// `unauthorized_client` for a public one, and where the operator did not switch it on.
pub const fn may_ask_for_itself(application: &Application) -> Result<(), Refusal> {
    if !application.kind.is_public() && application.settings.client_credentials {
        return Ok(());
    }
    Err(Refusal::new(
        OAuthError::UnauthorizedClient,
        Code::Permission,
        "The client credentials grant is not switched on for this application.",
    ))
}

// All live secrets are compared, in constant time each, so that nothing tells which one was near.
fn is_secret_of(application: &Application, secret: &SecretString) -> bool {
    if secret.expose().len() > MAX_SECRET {
        return false;
    }
    let Some(token) = Token::parse(secret.expose()) else { return false };
    let hash = token.hash();
    application.secrets.iter().fold(false, |found, secret| found | secret.hash.matches(&hash))
}

// `Basic base64(form(id) ":" form(secret))` (RFC 6749, 2.3.1; RFC 7617).
fn basic(header: &str) -> Option<(String, SecretString)> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let raw = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let colon = raw.iter().position(|byte| *byte == b':')?;
    let id = form_decode(&raw[..colon]).ok()?;
    let secret = form_decode(&raw[colon + 1..]).ok()?;
    Some((id, SecretString::new(secret)))
}

const fn refuse(code: Code, text: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidClient, code, text)
}

const fn invalid_client(text: &'static str) -> Refusal {
    refuse(Code::NoSecret, text)
}

const fn unknown_client() -> Refusal {
    refuse(Code::UnknownClient, "The client is not registered here.")
}

#[cfg(test)]
#[path = "client_auth_tests.rs"]
mod tests;
