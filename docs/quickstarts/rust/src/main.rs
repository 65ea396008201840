//! A web application with the openidconnect crate: a generic library and nothing but the issuer.

use std::{collections::BTreeMap, env, error::Error, fs};

use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, LogoutRequest,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _, UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
    reqwest::{self, Certificate, blocking, redirect},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tiny_http::{Header, Response, Server};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The claims that the flow selects beyond the standard ones, under whatever names.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FlowClaims {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}
impl AdditionalClaims for FlowClaims {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        FlowClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
type Provider = Client<
    FlowClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What is shown, or where to go.
enum Answer {
    Show(Value),
    Go(String),
}

/// One person's session: a real application keeps one for each browser.
struct Application {
    origin: String,
    metadata: ProviderMetadataWithLogout,
    provider: Provider,
    http: blocking::Client,
    started: Option<(CsrfToken, Nonce, PkceCodeVerifier)>,
    tokens: Option<Tokens>,
}

impl Application {
    fn new(origin: String) -> Outcome<Self> {
        // Redirects are not followed: nobody is to lead this program elsewhere.
        let mut http = blocking::ClientBuilder::new().redirect(redirect::Policy::none());
        if let Ok(path) = env::var("SSL_CERT_FILE") {
            http = http.add_root_certificate(Certificate::from_pem(&fs::read(path)?)?);
        }
        let http = http.build()?;
        let metadata = ProviderMetadataWithLogout::discover(&IssuerUrl::new(env::var("AUTHORITY")?)?, &http)?;
        let (id, secret) = (ClientId::new(env::var("CLIENT_ID")?), ClientSecret::new(env::var("CLIENT_SECRET")?));
        let provider = Provider::from_provider_metadata(metadata.clone(), id, Some(secret))
            .set_redirect_uri(RedirectUrl::new(format!("{origin}/redirect"))?);
        Ok(Self { origin, metadata, provider, http, started: None, tokens: None })
    }

    fn sign_in(&mut self) -> Answer {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = self.provider.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        let scopes = ["profile", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
        let (address, state, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        self.started = Some((state, nonce, verifier));
        Answer::Go(address.into())
    }

    fn redirect(&mut self, query: &BTreeMap<String, String>) -> Outcome<Answer> {
        let (state, nonce, verifier) = self.started.take().ok_or("This answer was not asked for.")?;
        if query.get("state") != Some(state.secret()) {
            return Err("This answer was not asked for.".into());
        }
        if let Some(error) = query.get("error") {
            return Err(query.get("error_description").unwrap_or(error).clone().into());
        }
        let code = AuthorizationCode::new(query.get("code").ok_or("There is no code.")?.clone());
        let tokens = self.provider.exchange_code(code)?.set_pkce_verifier(verifier).request(&self.http)?;
        let claims = self.claims(&tokens, |found: Option<&Nonce>| match found {
            Some(found) if found.secret() == nonce.secret() => Ok(()),
            _ => Err("the nonce is another one".to_owned()),
        })?;
        let subject = tokens.id_token().map(|_| openidconnect::SubjectIdentifier::new(text(&claims, "sub")));
        let userinfo: UserInfoClaims<FlowClaims, CoreGenderClaim> =
            self.provider.user_info(tokens.access_token().clone(), subject)?.request(&self.http)?;
        self.tokens = Some(tokens);
        Ok(Answer::Show(json!({"claims": claims, "userinfo": userinfo})))
    }

    fn renew(&mut self) -> Outcome<Answer> {
        let old = self.tokens.as_ref().and_then(|tokens| tokens.refresh_token()).ok_or("Nobody is signed in.")?;
        let old = RefreshToken::new(old.secret().clone());
        let tokens = self.provider.exchange_refresh_token(&old)?.request(&self.http)?;
        // A renewed ID token need not repeat the nonce.
        let claims = self.claims(&tokens, |_: Option<&Nonce>| Ok(()))?;
        self.tokens = Some(tokens);
        Ok(Answer::Show(json!({"claims": claims})))
    }

    /// The claims of the ID token, once its signature, issuer, audience, times and nonce are right and the
    /// access token is the one that it names.
    fn claims(&self, tokens: &Tokens, nonce: impl openidconnect::NonceVerifier) -> Outcome<Value> {
        let id_token = tokens.id_token().ok_or("There is no ID token.")?;
        let verifier = self.provider.id_token_verifier();
        let claims = id_token.claims(&verifier, nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let (algorithm, key) = (id_token.signing_alg()?, id_token.signing_key(&verifier)?);
            if AccessTokenHash::from_token(tokens.access_token(), algorithm, key)? != *expected {
                return Err("The access token is another one.".into());
            }
        }
        Ok(serde_json::to_value(claims)?)
    }

    fn sign_out(&mut self) -> Outcome<Answer> {
        let end = self.metadata.additional_metadata().end_session_endpoint.clone().ok_or("There is no sign-out.")?;
        let mut request = LogoutRequest::from(end)
            .set_client_id(ClientId::new(env::var("CLIENT_ID")?))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(format!("{}/", self.origin))?)
            .set_state(CsrfToken::new("bye".to_owned()));
        // With it the person is not asked whether to sign out.
        if let Some(token) = self.tokens.take().and_then(|tokens| tokens.id_token().cloned()) {
            request = request.set_id_token_hint(&token);
        }
        Ok(Answer::Go(request.http_get_url().into()))
    }

    fn answer(&mut self, target: &str) -> Outcome<Option<Answer>> {
        let address = reqwest::Url::parse(&self.origin)?.join(target)?;
        let query = address.query_pairs().into_owned().collect();
        Ok(Some(match address.path() {
            "/" => Answer::Show(json!({"signed_in": self.tokens.is_some()})),
            "/sign-in" => self.sign_in(),
            "/redirect" => self.redirect(&query)?,
            "/renew" => self.renew()?,
            "/sign-out" => self.sign_out()?,
            _ => return Ok(None),
        }))
    }
}

fn text(claims: &Value, name: &str) -> String {
    claims[name].as_str().unwrap_or_default().to_owned()
}

fn page(shown: &Value) -> String {
    let shown = format!("{shown:#}").replace('&', "&amp;").replace('<', "&lt;");
    let title = "openidconnect and Lanyard";
    format!(
        "<!doctype html><html lang=\"en\"><link rel=\"icon\" href=\"data:,\"><title>{title}</title><h1>{title}</h1>\
         <pre id=\"shown\">{shown}</pre></html>"
    )
}

fn main() -> Outcome<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let mut application = Application::new(format!("http://localhost:{port}"))?;
    let server = Server::http(format!("localhost:{port}")).map_err(|error| error.to_string())?;
    println!("{}", application.origin);
    for request in server.incoming_requests() {
        let answer = application.answer(request.url());
        let (status, name, value, body) = match answer {
            Ok(Some(Answer::Go(address))) => (302, "Location", address, String::new()),
            Ok(Some(Answer::Show(shown))) => (200, "Content-Type", "text/html; charset=utf-8".into(), page(&shown)),
            Ok(None) => (404, "Content-Type", "text/html; charset=utf-8".into(), page(&json!({}))),
            // Shown, so that one can see what went wrong.
            Err(error) => {
                (400, "Content-Type", "text/html; charset=utf-8".into(), page(&json!({"error": said(&*error)})))
            }
        };
        let header = Header::from_bytes(name, value).map_err(|()| "a header that cannot be sent")?;
        request.respond(Response::from_string(body).with_status_code(status).with_header(header))?;
    }
    Ok(())
}

/// An error with its causes.
fn said(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
