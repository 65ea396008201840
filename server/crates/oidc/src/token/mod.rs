//! The token endpoint (RFC 6749, 3.2, 4.1.3 and 6; RFC 7636, 4.5 and 4.6).
//!
//! In this order: [`parse`] reads the request, the caller loads the application,
//! [`client_auth::authenticate`] proves who asks, the caller loads the grant by the token's hash,
//! [`code::check`] or [`refresh::check`] judge it, and the caller claims it by compare-and-set
//! before it answers with a [`TokenResponse`]. A further grant type is one more variant and file.

pub mod assertion;
pub mod client_auth;
pub mod client_keys;
pub mod code;
pub mod introspection;
pub mod pkce;
pub mod refresh;
mod response;
pub mod revocation;

use lanyard_domain::{
    account::Account,
    application::{Application, ApplicationKind},
    clock::Timestamp,
    grant::Grant,
    id::Id,
    secret::Token,
    tenant::Tenant,
    user_flow::UserFlow,
};

pub use self::{
    assertion::AssertionAudience,
    client_auth::{Authenticated, ClientAuthMethod, ClientCredentials, authenticate, may_ask_for_itself, may_redeem},
    pkce::CodeVerifier,
    response::{ApplicationToken, Keys, Refresh, TokenResponse},
};
use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
    scope::Scopes,
};

/// The parameters that are read; none of them may be repeated.
pub const KNOWN: [&str; 12] = [
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_assertion",
    "client_assertion_type",
    "client_info",
    "device_code",
];

/// The grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// RFC 6749, 4.1.
    AuthorizationCode,
    /// RFC 6749, 6.
    RefreshToken,
    /// RFC 6749, 4.4.
    ClientCredentials,
    /// RFC 8628, 3.4.
    DeviceCode,
}

impl GrantType {
    /// Every grant; discovery lists these.
    pub const ALL: [Self; 4] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::DeviceCode];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }
}

/// What a token request brings.
#[derive(Debug, Clone)]
pub enum GrantRequest {
    /// An authorization code.
    Code(code::CodeRequest),
    /// A refresh token.
    Refresh(refresh::RefreshRequest),
    /// Nothing: the application asks for itself, with this scope.
    ClientCredentials(Option<String>),
    /// A device code.
    Device(Token),
}

/// Whom and where a code or refresh token is redeemed; loaded by the caller.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// The tenant of the URL.
    pub tenant: Id<Tenant>,
    /// The flow of the URL.
    pub flow: Id<UserFlow>,
    /// The application, authenticated.
    pub application: &'a Application,
    /// The web APIs that its permissions name.
    pub apis: &'a [Application],
    /// The account of the grant, if it still exists.
    pub account: Option<&'a Account>,
    /// Whether the browser that stood in for a second factor is remembered still; true where none did (N22).
    pub recognised: bool,
    /// The present moment.
    pub now: Timestamp,
}

impl<'a> Redemption<'a> {
    /// What the application may ask for now.
    #[must_use]
    pub const fn scopes(&self) -> Scopes<'a> {
        Scopes::new(self.application, self.apis)
    }

    // Failure 37: a disabled account is refused at redemption as well.
    pub(crate) fn account_stands(&self) -> bool {
        self.account.is_some_and(|account| account.disabled_at.is_none())
    }

    // What the account itself must show, whatever flow and application say; it may have risen since the sign-in. And
    // what stood in for a factor counts no longer than its owner lets it.
    pub(crate) fn measures_up(&self, grant: &Grant) -> bool {
        self.recognised && self.account.is_some_and(|account| grant.authentication.reaches(account.minimum))
    }
}

/// Reads what a token request asks for out of its form.
///
/// # Errors
/// A [`Refusal`], to be answered with its status.
pub fn parse(params: &Params) -> Result<GrantRequest, Refusal> {
    params.require_single(&KNOWN)?;
    let kind = params.get("grant_type").ok_or(Refusal::invalid_request("The request has no grant type."))?;
    let kind = GrantType::ALL.into_iter().find(|grant| grant.as_str() == kind).ok_or(Refusal::new(
        OAuthError::UnsupportedGrantType,
        Code::GrantType,
        "The grant type is not supported.",
    ))?;
    Ok(match kind {
        GrantType::AuthorizationCode => GrantRequest::Code(code::CodeRequest::read(params)?),
        GrantType::RefreshToken => GrantRequest::Refresh(refresh::RefreshRequest::read(params)?),
        GrantType::ClientCredentials => GrantRequest::ClientCredentials(params.get("scope").map(str::to_owned)),
        GrantType::DeviceCode => GrantRequest::Device(token(params, "device_code", "The request has no device code.")?),
    })
}

// A code or refresh token out of a form. One that cannot be ours is as good as unknown.
fn token(params: &Params, name: &str, missing: &'static str) -> Result<Token, Refusal> {
    let text = params.get(name).ok_or(Refusal::invalid_request(missing))?;
    Token::parse(text).ok_or(unknown_grant())
}

/// The refusal of a code or refresh token that nobody knows.
#[must_use]
pub const fn unknown_grant() -> Refusal {
    Refusal::new(OAuthError::InvalidGrant, Code::GrantExpired, "The code or refresh token has expired or is unknown.")
}

/// Whether a page of `origin` may read the answer (CORS), errors included: only where a reply URL
/// of this single-page application lives. Send `Access-Control-Allow-Origin` and `Vary: Origin`.
#[must_use]
pub fn allows_origin(application: &Application, origin: &str) -> bool {
    match application.kind {
        ApplicationKind::SinglePage => application.reply_urls.iter().any(|url| url.origin().as_deref() == Some(origin)),
        ApplicationKind::Web | ApplicationKind::Native | ApplicationKind::WebApi => false,
    }
}

/// The `WWW-Authenticate` header that must go with `invalid_client` when the client tried the
/// `Authorization` header (RFC 6749, 5.2).
#[must_use]
pub fn challenge(refusal: &Refusal, authorization: Option<&str>) -> Option<&'static str> {
    (refusal.error == OAuthError::InvalidClient && authorization.is_some()).then_some(r#"Basic realm="token""#)
}

#[cfg(test)]
mod tests;
