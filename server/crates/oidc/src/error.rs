//! Errors as they go over the wire: the OAuth error word, B2C's code, and the text that clients
//! written for B2C take apart (`wire.md`, table of errors).
//!
//! The texts are fixed: nothing that came in from outside is ever repeated in them. MSAL searches
//! the text for the words `interaction_required`, `login_required`, `consent_required` and
//! `bad_token`, so no text holds one of them.

use std::fmt;

use lanyard_domain::clock::Timestamp;
use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

/// The `error` parameter (RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6; RFC 6750, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OAuthError {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest,
    /// This application may not do this.
    UnauthorizedClient,
    /// The person said no.
    AccessDenied,
    /// Not a response type we give.
    UnsupportedResponseType,
    /// The scope is malformed or unknown.
    InvalidScope,
    /// We failed.
    ServerError,
    /// We are overloaded.
    TemporarilyUnavailable,
    /// `prompt=none`, but a person would have to act.
    InteractionRequired,
    /// `prompt=none`, but nobody is signed in.
    LoginRequired,
    /// `prompt=none`, but the person would have to be asked before data goes out.
    ConsentRequired,
    /// The level that was asked for cannot be reached (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements`; RFC 9470, 5).
    UnmetAuthenticationRequirements,
    /// `request` is not taken.
    RequestNotSupported,
    /// `request_uri` is not taken.
    RequestUriNotSupported,
    /// `registration` is not taken.
    RegistrationNotSupported,
    /// The application did not prove who it is.
    InvalidClient,
    /// The code or refresh token is not good.
    InvalidGrant,
    /// Not a grant type we know.
    UnsupportedGrantType,
    /// The access token is not good.
    InvalidToken,
    /// The access token is good, but not for this.
    InsufficientScope,
    /// The DPoP proof is not good (RFC 9449, 12.2).
    InvalidDpopProof,
    /// The DPoP proof must carry a nonce (RFC 9449, 8).
    UseDpopNonce,
    /// The person has not answered yet (RFC 8628, 3.5).
    AuthorizationPending,
    /// The device asks too often (RFC 8628, 3.5).
    SlowDown,
    /// The device code has expired (RFC 8628, 3.5).
    ExpiredToken,
    /// A reply URL cannot be registered (RFC 7591, 3.2.2).
    InvalidRedirectUri,
    /// Something else in a registration cannot be taken (RFC 7591, 3.2.2).
    InvalidClientMetadata,
}

impl OAuthError {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InteractionRequired => "interaction_required",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
        }
    }

    /// The status of a direct answer (token and userinfo endpoints; RFC 6749, 5.2; RFC 6750, 3.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::AccessDenied
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::InteractionRequired
            | Self::LoginRequired
            | Self::ConsentRequired
            | Self::UnmetAuthenticationRequirements
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::RegistrationNotSupported
            | Self::InvalidGrant
            | Self::UnsupportedGrantType
            | Self::InvalidDpopProof
            | Self::UseDpopNonce
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken
            | Self::InvalidRedirectUri
            | Self::InvalidClientMetadata => 400,
        }
    }
}

/// B2C's error codes, as far as we give them (Microsoft's table "Error codes: Azure AD B2C").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The reply URL is not registered.
    ReplyUrl,
    /// No `client_id`.
    NoClientId,
    /// No `scope`.
    NoScope,
    /// Not a response type we give.
    ResponseType,
    /// Not a response mode we give.
    ResponseMode,
    /// The client is not registered in this tenant, or not for this flow.
    UnknownClient,
    /// `prompt` holds a wrong value.
    Prompt,
    /// The application may not be sent tokens by the authorization endpoint.
    ImplicitOff,
    /// `prompt=none` without a session.
    NoSession,
    /// A confidential client sent no secret.
    NoSecret,
    /// The code or refresh token has expired.
    GrantExpired,
    /// The secret is wrong.
    WrongSecret,
    /// A parameter is missing or malformed.
    Parameter,
    /// A public client sent a secret.
    UnwantedSecret,
    /// Something in the server failed.
    Internal,
    /// Unknown grant type.
    GrantType,
    /// The grant belongs to another flow.
    OtherEndpoint,
    /// The person cancelled.
    Cancelled,
    /// The scope is not known.
    Scope,
    /// The person forgot the password and the application handles that itself.
    ForgottenPassword,
    /// The account of the grant is gone or disabled.
    AccountGone,
    /// The grant was revoked.
    GrantRevoked,
    /// The code verifier does not fit.
    Verifier,
    /// The application has no right to this.
    Permission,
    /// The `id_token_hint` could not be validated.
    IdTokenHint,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 25] = [
        Self::ReplyUrl,
        Self::NoClientId,
        Self::NoScope,
        Self::ResponseType,
        Self::ResponseMode,
        Self::UnknownClient,
        Self::Prompt,
        Self::ImplicitOff,
        Self::NoSession,
        Self::NoSecret,
        Self::GrantExpired,
        Self::WrongSecret,
        Self::Parameter,
        Self::UnwantedSecret,
        Self::Internal,
        Self::GrantType,
        Self::OtherEndpoint,
        Self::Cancelled,
        Self::Scope,
        Self::ForgottenPassword,
        Self::AccountGone,
        Self::GrantRevoked,
        Self::Verifier,
        Self::Permission,
        Self::IdTokenHint,
    ];

    /// The code with which `error_description` begins.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReplyUrl => "AADB2C90006",
            Self::NoClientId => "AADB2C90008",
            Self::NoScope => "AADB2C90010",
            Self::ResponseType => "AADB2C90013",
            Self::ResponseMode => "AADB2C90014",
            Self::UnknownClient => "AADB2C90018",
            Self::Prompt => "AADB2C90043",
            Self::ImplicitOff => "AADB2C90057",
            Self::NoSession => "AADB2C90077",
            Self::NoSecret => "AADB2C90079",
            Self::GrantExpired => "AADB2C90080",
            Self::WrongSecret => "AADB2C90081",
            Self::Parameter => "AADB2C90083",
            Self::UnwantedSecret => "AADB2C90084",
            Self::Internal => "AADB2C90085",
            Self::GrantType => "AADB2C90086",
            Self::OtherEndpoint => "AADB2C90088",
            Self::Cancelled => "AADB2C90091",
            Self::Scope => "AADB2C90117",
            Self::ForgottenPassword => "AADB2C90118",
            Self::AccountGone => "AADB2C90128",
            Self::GrantRevoked => "AADB2C90129",
            Self::Verifier => "AADB2C90183",
            Self::Permission => "AADB2C90205",
            Self::IdTokenHint => "AADB2C90210",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request with `prompt=none` cannot be answered without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Silent {
    /// Nobody is signed in, or not well enough for this request.
    NoSession,
    /// Somebody else is signed in than the person whom the application asked for.
    OtherPerson,
    /// The person would have to agree before data goes out.
    Consent,
    /// The flow signs nobody in as strongly as the application asks for.
    WeakFlow,
}

/// Why a request was refused, without any word of the request itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}: {code}: {text}", error.as_str())]
pub struct Refusal {
    /// The OAuth error.
    pub error: OAuthError,
    /// B2C's code.
    pub code: Code,
    /// One sentence for the developer.
    pub text: &'static str,
}

impl Refusal {
    /// A refusal; `text` is one plain sentence.
    #[must_use]
    pub const fn new(error: OAuthError, code: Code, text: &'static str) -> Self {
        Self { error, code, text }
    }

    /// `invalid_request`: a parameter is missing or malformed.
    #[must_use]
    pub const fn invalid_request(text: &'static str) -> Self {
        Self::new(OAuthError::InvalidRequest, Code::Parameter, text)
    }

    /// The person cancelled the journey.
    #[must_use]
    pub const fn cancelled() -> Self {
        Self::new(OAuthError::AccessDenied, Code::Cancelled, "The user cancelled the sign-in.")
    }

    /// The person followed "Forgot your password?" where the application handles it (`wire.md`).
    #[must_use]
    pub const fn forgotten_password() -> Self {
        Self::new(OAuthError::AccessDenied, Code::ForgottenPassword, "The user has forgotten their password.")
    }

    /// `prompt=none`, but a person would have to act (OpenID Connect Core, 3.1.2.6). Where nobody
    /// fitting is signed in, B2C says `interaction_required`; `strict` gives `login_required`.
    #[must_use]
    pub const fn silent(reason: Silent, strict: bool) -> Self {
        let login = if strict { OAuthError::LoginRequired } else { OAuthError::InteractionRequired };
        let (error, text) = match reason {
            Silent::NoSession => (login, "There is no session that this request could use without asking the user."),
            Silent::OtherPerson => (login, "The session is of another user than the one that the request asks for."),
            Silent::Consent => (OAuthError::ConsentRequired, "The user has not yet agreed to give data to this app."),
            Silent::WeakFlow => {
                (OAuthError::InteractionRequired, "This user flow does not ask for the second step that the app needs.")
            }
        };
        Self::new(error, Code::NoSession, text)
    }

    /// Somebody else signed in than the person whom the application asked for (OpenID Connect
    /// Core, 3.1.2.1: `login_required`).
    #[must_use]
    pub const fn other_person() -> Self {
        let text = "Another user signed in than the one that the request asks for.";
        Self::new(OAuthError::LoginRequired, Code::NoSession, text)
    }

    /// We are overloaded or our database does not answer.
    #[must_use]
    pub const fn unavailable() -> Self {
        Self::new(OAuthError::TemporarilyUnavailable, Code::Internal, "The server cannot answer right now.")
    }

    /// We failed; the log says why, under the correlation id.
    #[must_use]
    pub const fn server_error() -> Self {
        Self::new(OAuthError::ServerError, Code::Internal, "The server could not finish the request.")
    }

    /// The `error_description`: the code, the text, and the two lines B2C's clients expect.
    #[must_use]
    pub fn description(&self, correlation: Uuid, now: Timestamp) -> String {
        format!(
            "{}: {}\r\nCorrelation ID: {correlation}\r\nTimestamp: {}\r\n",
            self.code,
            self.text,
            universal_time(now)
        )
    }

    /// The body of a direct answer (RFC 6749, 5.2), to be sent with [`OAuthError::status`].
    #[must_use]
    pub fn body(&self, correlation: Uuid, now: Timestamp) -> ErrorBody {
        ErrorBody { error: self.error.as_str(), error_description: self.description(correlation, now) }
    }
}

/// The JSON of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// The OAuth error word.
    pub error: &'static str,
    /// See [`Refusal::description`].
    pub error_description: String,
}

// `2026-09-02 15:22:59Z`, the form in B2C's messages.
fn universal_time(now: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    let time = OffsetDateTime::from_unix_timestamp(now.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_b2cs_three_lines() {
        let text = Refusal::cancelled().description(Uuid::nil(), Timestamp(1_788_362_579_000));
        assert_eq!(
            text,
            "AADB2C90091: The user cancelled the sign-in.\r\n\
             Correlation ID: 00000000-0000-0000-0000-000000000000\r\nTimestamp: 2026-09-02 15:22:59Z\r\n"
        );
    }

    #[test]
    fn codes_are_distinct_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(code.as_str().starts_with("AADB2C90") && code.as_str().len() == 11, "{code}");
            assert!(seen.insert(code.as_str()), "{code} twice");
        }
    }

    // MSAL searches the text for its own words (wire.md). Refusals are made all over this crate, so
    // this reads the sources: the words may stand in `OAuthError::as_str` only.
    #[test]
    fn no_text_holds_a_word_that_msal_searches_for() {
        let mut files = 0;
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let production = text.split("#[cfg(test)]").next().unwrap();
                let code = production.lines().filter(|line| {
                    let line = line.trim();
                    !line.starts_with("//") && !line.starts_with("Self::")
                });
                for line in code {
                    for word in ["interaction_required", "consent_required", "login_required", "bad_token"] {
                        assert!(!line.contains(word), "{}: {line}", path.display());
                    }
                }
                files += 1;
            }
        }
        assert!(files > 20, "the sources were read");
    }
}
