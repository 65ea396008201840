//! Client authentication (RFC 6749, 2.3; OpenID Connect Core, 9): a secret in the form or in the
//! `Authorization` header for confidential applications, none for public ones.
//!
//! `private_key_jwt` joins as one more [`Proof`].

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanyard_domain::{
    application::{Application, ApplicationKind},
    id::Id,
    secret::{SecretString, Token},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    error::{Code, OAuthError, Refusal},
    params::{Params, form_decode},
};

// The longest secret and the longest Basic header that are looked at, in bytes.
const MAX_SECRET: usize = 512;
const MAX_HEADER: usize = 2_048;

/// The ways to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuthMethod {
    /// The secret in the form.
    SecretPost,
    /// The secret in the `Authorization` header.
    SecretBasic,
    /// Nothing: a public client, protected by PKCE.
    None,
}

impl ClientAuthMethod {
    /// Every method; discovery lists these.
    pub const ALL: [Self; 3] = [Self::SecretPost, Self::SecretBasic, Self::None];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretPost => "client_secret_post",
            Self::SecretBasic => "client_secret_basic",
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
    /// Reads the form and the `Authorization` header.
    ///
    /// # Errors
    /// `invalid_request` when two methods are used at once (RFC 6749, 2.3); `invalid_client` when
    /// there is no readable client.
    pub fn read(params: &Params, authorization: Option<&str>) -> Result<Self, Refusal> {
        params.require_single(&["client_id", "client_secret", "client_assertion"])?;
        if params.get("client_assertion").is_some() {
            return Err(invalid_client("Client assertions are not supported for this application."));
        }
        let in_form = params.get("client_id");
        let secret = params.get("client_secret");
        let (client_id, proof) = match (authorization, secret) {
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid_request("The client authenticates in two ways at once."));
            }
            (Some(header), None) => {
                let (id, secret) = basic(header).ok_or(invalid_client("The Authorization header cannot be read."))?;
                if in_form.is_some_and(|other| !other.eq_ignore_ascii_case(&id)) {
                    return Err(Refusal::invalid_request("The client gives two different ids."));
                }
                (id, Proof::SecretBasic(secret))
            }
            (None, secret) => {
                let id = in_form.ok_or(invalid_client("The request does not name its client."))?.to_owned();
                let take = |secret: &str| Proof::SecretPost(SecretString::new(secret.to_owned()));
                (id, secret.map_or(Proof::None, take))
            }
        };
        match Uuid::try_parse(&client_id) {
            Ok(id) if client_id.len() == 36 => Ok(Self { client_id: Id::from_uuid(id), proof }),
            Ok(_) | Err(_) => Err(unknown_client()),
        }
    }
}

/// Proves that `credentials` are those of `application` (`None`: no such application in this
/// tenant).
///
/// # Errors
/// `invalid_client` (401), or `unauthorized_client` for a web API.
pub fn authenticate<'a>(
    credentials: &ClientCredentials,
    application: Option<&'a Application>,
) -> Result<&'a Application, Refusal> {
    let application = application.filter(|app| app.id == credentials.client_id).ok_or(unknown_client())?;
    match (application.kind, &credentials.proof) {
        (ApplicationKind::WebApi, _) => Err(Refusal::new(
            OAuthError::UnauthorizedClient,
            Code::Permission,
            "A web API cannot redeem codes or refresh tokens.",
        )),
        (ApplicationKind::SinglePage | ApplicationKind::Native, Proof::None) => Ok(application),
        (ApplicationKind::SinglePage | ApplicationKind::Native, Proof::SecretPost(_) | Proof::SecretBasic(_)) => {
            Err(refuse(Code::UnwantedSecret, "A public client must not send a client secret."))
        }
        (ApplicationKind::Web, Proof::None) => Err(refuse(Code::NoSecret, "The client secret is missing.")),
        (ApplicationKind::Web, Proof::SecretPost(secret) | Proof::SecretBasic(secret)) => {
            if is_secret_of(application, secret) {
                Ok(application)
            } else {
                Err(refuse(Code::WrongSecret, "The client secret is wrong."))
            }
        }
    }
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
