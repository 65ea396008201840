//! Dynamic client registration (RFC 7591; OpenID Connect Dynamic Client Registration): what a
//! program may register for itself, held to the bounds that an operator's form has.
//!
//! Nothing in a registration can widen what the operator gave: the application belongs to somebody
//! else (people are asked before data goes to it), asks for the strength of its flow, and gets no
//! grant but the code's. What we do not understand is ignored (RFC 7591, 2); what we understand and
//! do not do is refused.

use lanyard_domain::{
    application::{Application, ApplicationKind, ApplicationSettings, SigningAlgorithm},
    reply_url::ReplyUrl,
    secret::Token,
    tenant::parse_name,
    text::TextProblem,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};

use crate::{
    endpoints::PublicOrigin,
    error::{Code, OAuthError, Refusal},
    token::{
        ClientAuthMethod, GrantType,
        client_keys::{self, KeyProblem, KeysProblem},
    },
};

/// The longest registration that is read, in bytes.
pub const MAX_BYTES: usize = 32 * 1024;
/// The most reply URLs.
pub const MAX_REPLY_URLS: usize = 20;

const UNNAMED: &str = "Unnamed app";

/// A registration that passed every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The name that people see.
    pub name: String,
    /// What kind of application it is.
    pub kind: ApplicationKind,
    /// How it proves itself.
    pub method: ClientAuthMethod,
    /// Where codes may be sent.
    pub reply_urls: Vec<ReplyUrl>,
    /// Its settings: those of an application of somebody else.
    pub settings: ApplicationSettings,
}

// Members of the same name twice are refused by `serde`.
#[derive(Deserialize)]
struct Request {
    redirect_uris: Option<Vec<String>>,
    post_logout_redirect_uris: Option<Vec<String>>,
    frontchannel_logout_uri: Option<String>,
    backchannel_logout_uri: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    application_type: Option<String>,
    client_name: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<Value>,
    id_token_signed_response_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    require_pushed_authorization_requests: Option<bool>,
    sector_identifier_uri: Option<Value>,
    subject_type: Option<String>,
    request_uris: Option<Vec<Value>>,
}

impl Registration {
    /// Reads and judges the body of a registration or of an update, which replaces all (RFC 7592,
    /// 2.2). Nothing may lead back to `own`, our origin.
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591, 3.2.2).
    pub fn read(body: &[u8], own: &PublicOrigin) -> Result<Self, Refusal> {
        if body.len() > MAX_BYTES {
            return Err(metadata("The registration is too long."));
        }
        let request: Request =
            serde_json::from_slice(body).map_err(|_| metadata("The registration is not the JSON that we expect."))?;
        unsupported(&request)?;
        grants(request.grant_types.as_deref())?;
        let method = method(request.token_endpoint_auth_method.as_deref())?;
        let kind = kind(method, request.application_type.as_deref())?;
        let client_keys = keys(method, request.jwks.as_ref())?;
        let signing = match request.id_token_signed_response_alg.as_deref() {
            None => SigningAlgorithm::default(),
            Some(text) => {
                SigningAlgorithm::parse(text).ok_or(metadata("The id_token_signed_response_alg is not supported."))?
            }
        };
        let reply_urls = urls(request.redirect_uris.as_deref(), kind, own)?;
        if reply_urls.is_empty() {
            return Err(redirect("At least one redirect_uri is needed."));
        }
        // No code is ever sent to these: an address that only says goodbye need not keep one safe.
        let mut post_logout_urls = urls(request.post_logout_redirect_uris.as_deref(), kind, own)?;
        post_logout_urls.retain(|url| !reply_urls.contains(url));
        let (front, back) = (request.frontchannel_logout_uri.as_deref(), request.backchannel_logout_uri.as_deref());
        let settings = ApplicationSettings {
            signing,
            third_party: true,
            front_channel_logout: front.map(|text| front_channel(text, &reply_urls, own)).transpose()?,
            back_channel_logout: back.map(|text| back_channel(text, kind, own)).transpose()?,
            client_keys,
            post_logout_urls,
            require_pushed_requests: request.require_pushed_authorization_requests.unwrap_or(false),
            require_dpop: request.dpop_bound_access_tokens.unwrap_or(false),
            ..ApplicationSettings::default()
        };
        Ok(Self { name: name(request.client_name.as_deref())?, kind, method, reply_urls, settings })
    }

    /// Whether this, as an update of `application`, leaves what cannot be changed: its kind, and
    /// how it proves itself.
    #[must_use]
    pub fn updates(&self, application: &Application, method: &str) -> bool {
        let secret = |method: &str| {
            [ClientAuthMethod::SecretBasic, ClientAuthMethod::SecretPost].iter().any(|known| known.as_str() == method)
        };
        let own = self.method.as_str();
        self.kind == application.kind && (own == method || secret(own) && secret(method))
    }
}

/// What an update carries besides the registration itself (RFC 7592, 2.2).
#[derive(Debug, Clone)]
pub struct Update {
    /// The secret that the client says it has.
    pub secret: Option<Token>,
    /// What is registered from now on.
    pub registration: Registration,
}

#[derive(Deserialize)]
struct Addressed {
    client_id: Option<String>,
    client_secret: Option<String>,
    registration_access_token: Option<Value>,
    registration_client_uri: Option<Value>,
    client_id_issued_at: Option<Value>,
    client_secret_expires_at: Option<Value>,
}

impl Update {
    /// Reads and judges the body of an update of the client `id`.
    ///
    /// # Errors
    /// As [`Registration::read`]; also where it is for another client or carries what only we say.
    pub fn read(body: &[u8], id: &str, own: &PublicOrigin) -> Result<Self, Refusal> {
        let registration = Registration::read(body, own)?;
        let addressed: Addressed =
            serde_json::from_slice(body).map_err(|_| metadata("The registration is not the JSON that we expect."))?;
        if addressed.client_id.as_deref() != Some(id) {
            return Err(metadata("The client_id must be the client's own."));
        }
        let ours = [
            &addressed.registration_access_token,
            &addressed.registration_client_uri,
            &addressed.client_id_issued_at,
            &addressed.client_secret_expires_at,
        ];
        if ours.iter().any(|member| member.is_some()) {
            return Err(metadata("An update must not hold what only the server says."));
        }
        let secret = match addressed.client_secret {
            Some(text) => Some(Token::parse(&text).ok_or(wrong_secret())?),
            None => None,
        };
        Ok(Self { secret, registration })
    }
}

/// A client's secret in an update must be the one it has.
#[must_use]
pub const fn wrong_secret() -> Refusal {
    metadata("The client_secret is not the client's.")
}

/// What cannot be changed by an update.
#[must_use]
pub const fn fixed() -> Refusal {
    metadata("The kind of the client and how it proves itself cannot be changed; register a new one.")
}

/// The tenant has as many registrations as it may.
#[must_use]
pub const fn full() -> Refusal {
    Refusal::new(OAuthError::AccessDenied, Code::Permission, "No more clients can be registered here.")
}

/// An operator has changed the application, which is theirs from then on.
#[must_use]
pub const fn taken_over() -> Refusal {
    let text = "An operator has changed this client; ask them to change it again.";
    Refusal::new(OAuthError::AccessDenied, Code::Permission, text)
}

/// The bearer token of a request to register, or about a registered client, is not good.
#[must_use]
pub const fn unknown_token() -> Refusal {
    Refusal::new(OAuthError::InvalidToken, Code::GrantExpired, "The access token is not good for this.")
}

/// What a registered client is told about itself (RFC 7591, 3.2.1; RFC 7592, 3). Its `Debug` shows
/// no secret.
#[derive(Clone, Serialize)]
#[allow(missing_docs)]
pub struct ClientInformation {
    pub client_id: String,
    // Seconds since the epoch.
    pub client_id_issued_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    // 0: it does not expire. Only beside a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
    pub registration_access_token: String,
    pub registration_client_uri: String,
    pub client_name: String,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    pub token_endpoint_auth_method: String,
    pub grant_types: Vec<&'static str>,
    pub response_types: Vec<&'static str>,
    pub application_type: &'static str,
    pub id_token_signed_response_alg: &'static str,
    pub dpop_bound_access_tokens: bool,
    pub require_pushed_authorization_requests: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
}

impl std::fmt::Debug for ClientInformation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientInformation").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// How a client gets at its own registration (RFC 7592, 3).
#[derive(Debug)]
pub struct Access<'a> {
    /// Its registration access token.
    pub token: &'a Token,
    /// The address of its registration.
    pub uri: String,
    /// Its secret, when it was just made; afterwards only a hash of it is known.
    pub secret: Option<&'a Token>,
}

impl ClientInformation {
    /// What `application` is told, which registered this `method`. The grants are those that it has,
    /// whichever of them it named (RFC 7591, 3.2.1): a refresh token comes by `offline_access`.
    #[must_use]
    pub fn new(application: &Application, method: String, access: Access<'_>) -> Self {
        let settings = &application.settings;
        let told = |urls: &[ReplyUrl]| urls.iter().map(|url| url.as_str().to_owned()).collect::<Vec<_>>();
        let redirect_uris = told(&application.reply_urls);
        Self {
            client_id: application.id.to_string(),
            client_id_issued_at: application.created_at.as_seconds(),
            client_secret: access.secret.map(|secret| secret.expose().to_owned()),
            client_secret_expires_at: access.secret.map(|_| 0),
            registration_access_token: access.token.expose().to_owned(),
            registration_client_uri: access.uri,
            client_name: application.name.clone(),
            post_logout_redirect_uris: [redirect_uris.clone(), told(&settings.post_logout_urls)].concat(),
            redirect_uris,
            frontchannel_logout_uri: settings.front_channel_logout.clone(),
            backchannel_logout_uri: settings.back_channel_logout.clone(),
            token_endpoint_auth_method: method,
            grant_types: GRANTS.map(GrantType::as_str).to_vec(),
            response_types: vec!["code"],
            application_type: match application.kind {
                ApplicationKind::Native => "native",
                ApplicationKind::Web | ApplicationKind::SinglePage | ApplicationKind::WebApi => "web",
            },
            id_token_signed_response_alg: settings.signing.as_str(),
            dpop_bound_access_tokens: settings.require_dpop,
            require_pushed_authorization_requests: settings.require_pushed_requests,
            jwks: settings.client_keys.as_deref().and_then(|keys| serde_json::from_str(keys).ok()),
        }
    }
}

const fn metadata(text: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidClientMetadata, Code::Parameter, text)
}

const fn redirect(text: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidRedirectUri, Code::ReplyUrl, text)
}

// What would make us fetch an address (failure 48), or what we do not do.
fn unsupported(request: &Request) -> Result<(), Refusal> {
    if request.jwks_uri.is_some() {
        return Err(metadata("Keys by jwks_uri are not supported; send them as jwks."));
    }
    if request.sector_identifier_uri.is_some() {
        return Err(metadata("A sector_identifier_uri is not supported."));
    }
    if request.request_uris.as_ref().is_some_and(|uris| !uris.is_empty()) {
        return Err(metadata("Request objects by reference are not supported."));
    }
    if request.subject_type.as_deref().is_some_and(|kind| kind != "public") {
        return Err(metadata("The subject_type must be public."));
    }
    if request.response_types.as_ref().is_some_and(|types| types.iter().any(|kind| kind != "code")) {
        return Err(metadata("The response type must be code."));
    }
    Ok(())
}

// The code grant, and the refresh tokens that its scope asks for: nothing that works without a person.
const GRANTS: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

fn grants(asked: Option<&[String]>) -> Result<(), Refusal> {
    let Some(asked) = asked else { return Ok(()) };
    let code = asked.iter().any(|name| name == GrantType::AuthorizationCode.as_str());
    let known = asked.iter().all(|name| GRANTS.iter().any(|grant| grant.as_str() == name));
    if code && known {
        Ok(())
    } else {
        Err(metadata("The grant types must be authorization_code and, if wanted, refresh_token."))
    }
}

fn method(asked: Option<&str>) -> Result<ClientAuthMethod, Refusal> {
    // RFC 7591, 2: the default.
    let Some(asked) = asked else { return Ok(ClientAuthMethod::SecretBasic) };
    let known = ClientAuthMethod::ALL.into_iter().find(|method| method.as_str() == asked);
    known.ok_or(metadata("The token_endpoint_auth_method is not supported."))
}

fn kind(method: ClientAuthMethod, application_type: Option<&str>) -> Result<ApplicationKind, Refusal> {
    match (method, application_type) {
        (ClientAuthMethod::None, Some("native")) => Ok(ApplicationKind::Native),
        (ClientAuthMethod::None, None | Some("web")) => Ok(ApplicationKind::SinglePage),
        (_, None | Some("web")) => Ok(ApplicationKind::Web),
        (_, Some("native")) => Err(metadata("A native application can keep no secret: its method must be none.")),
        (_, Some(_)) => Err(metadata("The application_type must be web or native.")),
    }
}

fn keys(method: ClientAuthMethod, jwks: Option<&Value>) -> Result<Option<String>, Refusal> {
    let wanted = method == ClientAuthMethod::PrivateKeyJwt;
    let Some(jwks) = jwks.filter(|_| wanted) else {
        return if wanted { Err(metadata("The method private_key_jwt needs jwks.")) } else { Ok(None) };
    };
    // The program is told the very reason; the words hold nothing of what it sent.
    client_keys::registrable(jwks.clone()).map(Some).map_err(|problem| metadata(words(&problem)))
}

const fn words(problem: &KeysProblem) -> &'static str {
    match problem {
        KeysProblem::NotASet => "The jwks must be a JWK set.",
        KeysProblem::Count => "The jwks must hold 1 to 20 keys.",
        KeysProblem::Key(_, key) => match key {
            KeyProblem::Private => "The jwks holds a private key.",
            KeyProblem::Use => "A key of the jwks is not for signatures.",
            KeyProblem::Weak => "An RSA key of the jwks has fewer than 2048 bits, or too many.",
            KeyProblem::Point => "The point of an EC key of the jwks is not complete.",
            KeyProblem::Type => "The jwks may hold RSA keys and EC keys on P-256 only.",
            KeyProblem::Algorithm => {
                "The alg of a key of the jwks is none of RS256, PS256 and ES256, or not of its type."
            }
            KeyProblem::Name => "The kid of a key of the jwks must be a text of 1 to 200 characters.",
            KeyProblem::Thumbprint => "The x5t or x5t#S256 of a key of the jwks is no thumbprint in base64url.",
            KeyProblem::Twice => "Two keys of the jwks have the same kid.",
            KeyProblem::SameThumbprint => "Two keys of the jwks have the same x5t or x5t#S256.",
        },
    }
}

fn urls(asked: Option<&[String]>, kind: ApplicationKind, own: &PublicOrigin) -> Result<Vec<ReplyUrl>, Refusal> {
    let asked = asked.unwrap_or_default();
    if asked.len() > MAX_REPLY_URLS {
        return Err(redirect("There are too many redirect_uris."));
    }
    let mut urls: Vec<ReplyUrl> = Vec::with_capacity(asked.len());
    for text in asked {
        // The portal trims what a person typed; a program means what it sends.
        let url = ReplyUrl::parse(text, kind).ok().filter(|url| url.as_str() == text);
        let url = url.filter(|url| is_elsewhere(url, kind, own)).ok_or(redirect(
            "A redirect_uri is not allowed: https on a public name (native: loopback, or a scheme of its own), without a # part.",
        ))?;
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    Ok(urls)
}

// Whether a URL leads to the public Internet by a name, and not to us, to this network or to an
// address: nobody behind a registration has been looked at. A native application may have loopback
// and schemes of its own.
fn is_elsewhere(url: &ReplyUrl, kind: ApplicationKind, own: &PublicOrigin) -> bool {
    let Ok(parsed) = Url::parse(url.as_str()) else { return false };
    match parsed.scheme() {
        "https" => url.origin().as_deref() != Some(own.as_str()) && has_public_name(&parsed),
        _ => kind == ApplicationKind::Native,
    }
}

fn has_public_name(url: &Url) -> bool {
    let inner = ["localhost", "local", "internal", "lan", "home", "corp", "intranet", "arpa", "onion"];
    match url.host() {
        Some(Host::Domain(name)) => {
            // A dot at the end would make another origin of a name that leads to the same place.
            name.rsplit_once('.').is_some_and(|(_, last)| !last.is_empty() && !inner.contains(&last))
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => false,
    }
}

// Loaded in a frame: of an origin that people are sent to anyway (as the portal wants it).
fn front_channel(text: &str, reply_urls: &[ReplyUrl], own: &PublicOrigin) -> Result<String, Refusal> {
    let refused =
        metadata("The frontchannel_logout_uri must begin like a redirect_uri: the same scheme, host and port.");
    let url = ReplyUrl::parse(text, ApplicationKind::Web).ok().filter(|url| url.as_str() == text).ok_or(refused)?;
    let near = reply_urls.iter().any(|reply| reply.origin().is_some() && reply.origin() == url.origin());
    if near && is_elsewhere(&url, ApplicationKind::Web, own) { Ok(text.to_owned()) } else { Err(refused) }
}

// Called by us, and so by a public name only; where that leads is looked at again at each call.
fn back_channel(text: &str, kind: ApplicationKind, own: &PublicOrigin) -> Result<String, Refusal> {
    let url = ReplyUrl::parse(text, ApplicationKind::Web).ok().filter(|url| url.as_str() == text);
    let url = url.filter(|url| kind == ApplicationKind::Web && is_elsewhere(url, ApplicationKind::Web, own));
    url.map(|_| text.to_owned())
        .ok_or(metadata("The backchannel_logout_uri is not allowed: https on a public name, of a web application."))
}

fn name(asked: Option<&str>) -> Result<String, Refusal> {
    match parse_name(asked.unwrap_or_default()) {
        Ok(name) => Ok(name),
        Err(TextProblem::Empty) => Ok(UNNAMED.to_owned()),
        Err(TextProblem::TooLong(_) | TextProblem::Control) => {
            Err(metadata("The client_name is too long or holds a character that is not allowed."))
        }
    }
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
