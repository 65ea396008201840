//! Authorization codes and refresh tokens: what an application holds of a completed journey.

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    application::Application,
    assurance::{Authentication, Level},
    clock::{DAY, MINUTE, Millis, Timestamp},
    id::Id,
    secret::TokenHash,
    session::Session,
    tenant::Tenant,
    user_flow::UserFlow,
};

/// How long an authorization code lives (A28: one minute at most).
pub const CODE_LIFE: Millis = MINUTE;
/// How long a refresh token lives unless the application is a single-page one (wire.md).
pub const REFRESH_LIFE: Millis = 14 * DAY;
/// How long a single-page application's refresh token lives (wire.md).
pub const REFRESH_LIFE_SINGLE_PAGE: Millis = DAY;
/// How long access and ID tokens live (wire.md: 60 minutes).
pub const TOKEN_LIFE: Millis = 60 * MINUTE;

/// How the authorization response travels back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query (the default for `code`).
    Query,
    /// In the fragment.
    Fragment,
    /// As a self-submitting form.
    FormPost,
}

/// What the authorization endpoint answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseType {
    /// A code (RFC 6749, 4.1).
    #[default]
    Code,
    /// A code and an ID token (OpenID Connect Core, 3.3).
    CodeIdToken,
    /// An ID token alone (OpenID Connect Core, 3.2).
    IdToken,
}

impl ResponseType {
    /// Every response type.
    pub const ALL: [Self; 3] = [Self::Code, Self::CodeIdToken, Self::IdToken];

    /// The words on the wire; their order means nothing there.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::CodeIdToken => "code id_token",
            Self::IdToken => "id_token",
        }
    }

    /// Whether the answer holds a code.
    #[must_use]
    pub const fn has_code(self) -> bool {
        match self {
            Self::Code | Self::CodeIdToken => true,
            Self::IdToken => false,
        }
    }

    /// Whether the answer holds an ID token.
    #[must_use]
    pub const fn has_id_token(self) -> bool {
        match self {
            Self::CodeIdToken | Self::IdToken => true,
            Self::Code => false,
        }
    }
}

/// What a request may ask for besides; the default asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestOptions {
    /// What the answer holds.
    pub response_type: ResponseType,
    /// `prompt=consent`: ask before data goes out, even where it was agreed to before.
    pub consent: bool,
    /// The least level that `acr_values` or the `claims` parameter ask for.
    pub acr: Option<Level>,
    /// The one person whom the answer may be about (`id_token_hint`, or `sub` in `claims`; OpenID
    /// Connect Core, 3.1.2.2).
    pub subject: Option<Id<Account>>,
    /// Claims asked for by name for the ID token (OpenID Connect Core, 5.5).
    pub id_token_claims: Vec<String>,
    /// Claims asked for by name at userinfo.
    pub userinfo_claims: Vec<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449, 10).
    pub dpop_jkt: Option<String>,
    /// The languages of the pages, as asked for.
    pub ui_locales: Option<String>,
}

/// An authorization request after all checks: what the journey must remember of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The application.
    pub application: Id<Application>,
    /// The registered reply URL that was asked for, byte for byte as asked.
    pub redirect_uri: String,
    /// How the response travels.
    pub response_mode: ResponseMode,
    /// The scopes asked for, as given.
    pub scope: String,
    /// Echoed byte for byte.
    pub state: Option<String>,
    /// Goes into the ID token.
    pub nonce: Option<String>,
    /// PKCE S256 challenge; always there for public clients.
    pub code_challenge: Option<String>,
    /// Prefills the email field; never trusted.
    pub login_hint: Option<String>,
    /// An existing session must not be used (`prompt=login`, `max_age` passed).
    pub fresh_login: bool,
    /// Shown first where the flow can sign up (`prompt=create`).
    pub start_with_sign_up: bool,
    /// What it asks for besides.
    #[serde(default)]
    pub options: RequestOptions,
}

/// What a grant remembers besides of its request; the default remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GrantDetails {
    /// Claims asked for by name for the ID token.
    pub id_token_claims: Vec<String>,
    /// Claims asked for by name at userinfo.
    pub userinfo_claims: Vec<String>,
    /// The thumbprint of the key that code and tokens are bound to (RFC 9449).
    pub dpop_jkt: Option<String>,
}

/// What a code or a refresh token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Stable id; all refresh tokens of one family share it.
    pub id: Id<Grant>,
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The flow it was issued by.
    pub flow: Id<UserFlow>,
    /// The application it was issued to.
    pub application: Id<Application>,
    /// Whose it is.
    pub account: Id<Account>,
    /// The session it came from.
    pub session: Option<Id<Session>>,
    /// What really happened (decision 4).
    pub authentication: Authentication,
    /// The scopes.
    pub scope: String,
    /// The nonce of the request.
    pub nonce: Option<String>,
    /// Where the code was sent; must be repeated at redemption.
    pub redirect_uri: String,
    /// What else it remembers of the request.
    pub details: GrantDetails,
    /// PKCE challenge.
    pub code_challenge: Option<String>,
    /// The hash of the authorization code.
    pub code: TokenHash,
    /// When the code dies.
    pub code_expires_at: Timestamp,
    /// When the code was redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// When the whole grant was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A refresh token as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// Its hash.
    pub hash: TokenHash,
    /// The family.
    pub grant: Id<Grant>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
    /// When it was exchanged for the next one.
    pub used_at: Option<Timestamp>,
}
