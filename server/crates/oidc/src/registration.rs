//! Dynamic client registration (RFC 7591; OpenID Connect Dynamic Client Registration): what a
//! program may register for itself, held to the bounds that an operator's form has.
//!
//! Nothing in a registration can widen what the operator gave: the application belongs to somebody
//! else (people are asked before data goes to it), asks for the strength of its flow, and gets no
//! grant but the code's. What we do not understand is ignored (RFC 7591, 2); what we understand and
//! do not do is refused.

use lanyard_domain::{
    application::{ApplicationKind, ApplicationSettings, SigningAlgorithm},
    reply_url::ReplyUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{Code, OAuthError, Refusal},
    token::{ClientAuthMethod, GrantType, assertion},
};

/// The longest registration that is read, in bytes.
pub const MAX_BYTES: usize = 32 * 1024;
/// The most reply URLs.
pub const MAX_REPLY_URLS: usize = 20;

const MAX_NAME: usize = 80;
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
    /// Whether it asked for refresh tokens; told back, and given by scope as to anybody.
    pub refresh: bool,
    /// Its settings: those of an application of somebody else.
    pub settings: ApplicationSettings,
}

// Members of the same name twice are refused by `serde`.
#[derive(Deserialize)]
struct Request {
    redirect_uris: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    application_type: Option<String>,
    client_name: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<Value>,
    id_token_signed_response_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    sector_identifier_uri: Option<Value>,
    subject_type: Option<String>,
    request_uris: Option<Vec<Value>>,
}

impl Registration {
    /// Reads and judges the body of a registration or of an update, which replaces all (RFC 7592,
    /// 2.2).
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591, 3.2.2).
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > MAX_BYTES {
            return Err(metadata("The registration is too long."));
        }
        let request: Request =
            serde_json::from_slice(body).map_err(|_| metadata("The registration is not the JSON that we expect."))?;
        unsupported(&request)?;
        let refresh = grants(request.grant_types.as_deref())?;
        let method = method(request.token_endpoint_auth_method.as_deref())?;
        let kind = kind(method, request.application_type.as_deref())?;
        let client_keys = keys(method, request.jwks.as_ref())?;
        let signing = match request.id_token_signed_response_alg.as_deref() {
            None => SigningAlgorithm::default(),
            Some(text) => {
                SigningAlgorithm::parse(text).ok_or(metadata("The id_token_signed_response_alg is not supported."))?
            }
        };
        let settings = ApplicationSettings {
            signing,
            third_party: true,
            client_keys,
            require_dpop: request.dpop_bound_access_tokens.unwrap_or(false),
            ..ApplicationSettings::default()
        };
        let reply_urls = reply_urls(request.redirect_uris.as_deref().unwrap_or_default(), kind)?;
        Ok(Self { name: name(request.client_name.as_deref())?, kind, method, reply_urls, refresh, settings })
    }

    /// The grants that it may use, for the answer.
    #[must_use]
    pub fn grant_types(&self) -> Vec<&'static str> {
        let refresh = self.refresh.then_some(GrantType::RefreshToken);
        std::iter::once(GrantType::AuthorizationCode).chain(refresh).map(GrantType::as_str).collect()
    }
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
    pub token_endpoint_auth_method: &'static str,
    pub grant_types: Vec<&'static str>,
    pub response_types: Vec<&'static str>,
    pub application_type: &'static str,
    pub id_token_signed_response_alg: &'static str,
    pub dpop_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
}

impl std::fmt::Debug for ClientInformation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientInformation").field("client_id", &self.client_id).finish_non_exhaustive()
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

// The code grant, with or without refresh tokens: nothing that works without a person.
fn grants(asked: Option<&[String]>) -> Result<bool, Refusal> {
    let Some(asked) = asked else { return Ok(false) };
    let known = |grant: GrantType| asked.iter().any(|name| name == grant.as_str());
    let (code, refresh) = (known(GrantType::AuthorizationCode), known(GrantType::RefreshToken));
    let others = asked
        .iter()
        .any(|name| name != GrantType::AuthorizationCode.as_str() && name != GrantType::RefreshToken.as_str());
    if code && !others {
        Ok(refresh)
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

// Public keys only: whoever sends us a private key has lost it.
fn keys(method: ClientAuthMethod, jwks: Option<&Value>) -> Result<Option<String>, Refusal> {
    let wanted = method == ClientAuthMethod::PrivateKeyJwt;
    let Some(jwks) = jwks.filter(|_| wanted) else {
        return if wanted { Err(metadata("The method private_key_jwt needs jwks.")) } else { Ok(None) };
    };
    let all = jwks.get("keys").and_then(Value::as_array).ok_or(metadata("The jwks is no JWK set."))?;
    let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    if all.iter().any(|key| secret.iter().any(|member| key.get(member).is_some())) {
        return Err(metadata("The jwks holds a private key."));
    }
    let text = jwks.to_string();
    match assertion::usable_keys(&text) {
        Some(usable) if usable > 0 => Ok(Some(text)),
        Some(_) | None => Err(metadata("The jwks holds no key that we can use.")),
    }
}

fn reply_urls(asked: &[String], kind: ApplicationKind) -> Result<Vec<ReplyUrl>, Refusal> {
    if asked.is_empty() {
        return Err(redirect("At least one redirect_uri is needed."));
    }
    if asked.len() > MAX_REPLY_URLS {
        return Err(redirect("There are too many redirect_uris."));
    }
    let mut urls: Vec<ReplyUrl> = Vec::with_capacity(asked.len());
    for text in asked {
        // The portal trims what a person typed; a program means what it sends.
        let url = ReplyUrl::parse(text, kind).ok().filter(|url| url.as_str() == text);
        let url =
            url.ok_or(redirect("A redirect_uri is not allowed: https, or http on loopback, without a # part."))?;
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    Ok(urls)
}

fn name(asked: Option<&str>) -> Result<String, Refusal> {
    let Some(asked) = asked.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(UNNAMED.to_owned()) };
    let plain = asked.chars().all(|c| !c.is_control() && !is_misleading(c));
    if plain && asked.chars().count() <= MAX_NAME {
        Ok(asked.to_owned())
    } else {
        Err(metadata("The client_name is too long or holds a character that is not allowed."))
    }
}

// Marks that turn or hide text: the name is shown where people decide.
const fn is_misleading(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const URL: &str = "https://app.example/cb";

    fn read(body: &Value) -> Result<Registration, Refusal> {
        Registration::read(body.to_string().as_bytes())
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = json!({"redirect_uris": [URL]});
        body[name] = value;
        body
    }

    #[test]
    fn rfc7591_the_defaults_are_those_of_the_standard() {
        let made = read(&json!({"redirect_uris": [URL, URL], "logo_uri": "https://x.example", "unknown": 1})).unwrap();
        assert_eq!((made.kind, made.method), (ApplicationKind::Web, ClientAuthMethod::SecretBasic));
        assert_eq!((made.name.as_str(), made.reply_urls.len()), (UNNAMED, 1));
        assert_eq!(made.grant_types(), ["authorization_code"]);
        assert_eq!(made.settings, ApplicationSettings { third_party: true, ..ApplicationSettings::default() });
    }

    #[test]
    fn rfc7591_a_registration_never_widens_what_it_may() {
        for (name, value) in [
            ("third_party", json!(false)),
            ("hybrid", json!(true)),
            ("implicit_id_token", json!(true)),
            ("device", json!(true)),
            ("client_credentials", json!(true)),
            ("minimum", json!("none")),
            ("permissions", json!([{"api": "x", "scopes": ["all"]}])),
        ] {
            let made = read(&with(name, value)).unwrap();
            assert_eq!(made.settings, ApplicationSettings { third_party: true, ..ApplicationSettings::default() });
        }
        for grants in [
            json!(["client_credentials"]),
            json!(["authorization_code", "client_credentials"]),
            json!(["authorization_code", "implicit"]),
            json!(["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]),
            json!(["refresh_token"]),
            json!([]),
        ] {
            assert_eq!(read(&with("grant_types", grants)).unwrap_err().error, OAuthError::InvalidClientMetadata);
        }
        assert!(read(&with("grant_types", json!(["authorization_code", "refresh_token"]))).unwrap().refresh);
    }

    #[test]
    fn rfc7591_f48_nothing_makes_us_fetch_an_address() {
        for (name, value) in [
            ("jwks_uri", json!("https://169.254.169.254/keys")),
            ("sector_identifier_uri", json!("https://x.example")),
            ("request_uris", json!(["https://x.example"])),
            ("response_types", json!(["id_token"])),
            ("subject_type", json!("pairwise")),
            ("id_token_signed_response_alg", json!("none")),
            ("id_token_signed_response_alg", json!("HS256")),
            ("token_endpoint_auth_method", json!("client_secret_jwt")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("application_type", json!("native")),
            ("client_name", json!("a".repeat(81))),
            ("client_name", json!("Clinic\u{202e}")),
            ("client_name", json!(1)),
        ] {
            let refusal = read(&with(name, value.clone())).unwrap_err();
            assert_eq!(refusal.error, OAuthError::InvalidClientMetadata, "{name} {value}");
        }
    }

    #[test]
    fn rfc7591_a28_reply_urls_follow_the_rules_of_the_portal() {
        for bad in [
            json!([]),
            json!(["http://app.example/cb"]),
            json!(["https://app.example/cb#x"]),
            json!(["https://*.app.example/cb"]),
            json!([" https://app.example/cb"]),
            json!([URL, "javascript:alert(1)"]),
            json!(["com.example.app://auth"]),
            json!(vec![URL; MAX_REPLY_URLS + 1]),
        ] {
            let refusal = read(&json!({"redirect_uris": bad})).unwrap_err();
            assert_eq!(refusal.error, OAuthError::InvalidRedirectUri, "{bad}");
        }
        assert_eq!(read(&json!({})).unwrap_err().error, OAuthError::InvalidRedirectUri);
        let native = json!({
            "redirect_uris": ["com.example.app://auth"], "application_type": "native",
            "token_endpoint_auth_method": "none",
        });
        assert_eq!(read(&native).unwrap().kind, ApplicationKind::Native);
    }

    #[test]
    fn rfc7591_keys_are_public_ones_that_we_can_use() {
        let key = json!({
            "kty": "EC", "crv": "P-256", "kid": "1",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        let with_keys = |keys: Value| {
            let mut body = with("token_endpoint_auth_method", json!("private_key_jwt"));
            body["jwks"] = keys;
            read(&body)
        };
        assert!(with_keys(json!({"keys": [key]})).unwrap().settings.client_keys.is_some());
        let mut private = key.clone();
        private["d"] = "AQAB".into();
        for bad in [json!({"keys": [key, private]}), json!({"keys": []}), json!({"keys": [1]}), json!([]), json!(null)]
        {
            assert_eq!(with_keys(bad).unwrap_err().error, OAuthError::InvalidClientMetadata);
        }
    }

    #[test]
    fn f52_f54_doubled_members_and_long_bodies_are_refused() {
        let doubled = format!(r#"{{"redirect_uris":["{URL}"],"client_name":"a","client_name":"b"}}"#);
        assert!(Registration::read(doubled.as_bytes()).is_err());
        let long = with("x", "x".repeat(MAX_BYTES).into());
        assert!(read(&long).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Registration::read(&body);
        }

        #[test]
        fn whatever_is_accepted_stays_within_bounds(name in ".{0,100}", url in "[a-z]{2,6}://[a-z.*#@:/]{0,40}") {
            if let Ok(made) = read(&json!({"redirect_uris": [url], "client_name": name})) {
                prop_assert!(made.settings.third_party && made.name.chars().count() <= MAX_NAME);
                prop_assert!(made.reply_urls.iter().all(|url| url.origin().is_some()));
            }
        }
    }
}
