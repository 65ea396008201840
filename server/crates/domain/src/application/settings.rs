//! What an application may ask of the provider beyond the plain code flow.
//!
//! Everything is off by default: an operator switches on what an application needs. Kept as one
//! JSON document, so that a new setting needs no new column; an old document reads as the default.

use serde::{Deserialize, Serialize};

use super::Application;
use crate::{id::Id, reply_url::ReplyUrl};

/// The algorithm that signs an application's tokens (RFC 7518, 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what B2C's clients expect.
    #[default]
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// Every algorithm, in the order of the portal's form.
    pub const ALL: [Self; 3] = [Self::RS256, Self::ES256, Self::EdDSA];

    /// The name in JOSE headers, in the database and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that name; case matters, as in JOSE.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// A scope that a web API exposes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApiScope {
    /// The short name, as in the `scp` claim: `read`.
    pub name: String,
    /// What it allows, in plain words, for the consent page.
    pub description: String,
}

/// What an application may ask of a web API of its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApiPermission {
    /// The web API.
    pub api: Id<Application>,
    /// The short names of its scopes that may be asked for.
    pub scopes: Vec<String>,
}

/// The settings of an application; see the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationSettings {
    /// Signs its ID tokens, and the access tokens whose audience it is.
    pub signing: SigningAlgorithm,
    /// `response_type=code id_token` is allowed.
    pub hybrid: bool,
    /// `response_type=id_token` is allowed (A28: off unless B2C compatibility needs it).
    pub implicit_id_token: bool,
    /// Belongs to somebody else: before data first goes to it, the person is asked (U29).
    pub third_party: bool,
    /// "Forgot your password?" goes back to the application as AADB2C90118 (`wire.md`).
    pub handles_password_reset: bool,
    /// Where people may be sent after signing out, besides the reply URLs; no code goes there.
    pub post_logout_urls: Vec<ReplyUrl>,
    /// Loaded in a frame when the person signs out (OpenID Connect Front-Channel Logout).
    pub front_channel_logout: Option<String>,
    /// Called with a logout token (OpenID Connect Back-Channel Logout).
    pub back_channel_logout: Option<String>,
    /// Public keys (a JWK set, JSON) for `private_key_jwt` (RFC 7523, 2.2).
    pub client_keys: Option<String>,
    /// The client credentials grant is allowed (RFC 6749, 4.4).
    pub client_credentials: bool,
    /// The device grant is allowed (RFC 8628).
    pub device: bool,
    /// Authorization requests must be pushed first (RFC 9126, 6).
    pub require_pushed_requests: bool,
    /// Tokens must be bound to a key (RFC 9449).
    pub require_dpop: bool,
    /// The proofs of its token requests must carry a nonce of ours (RFC 9449, 8).
    pub require_dpop_nonce: bool,
    /// A web API's identifier: scopes are asked for as `{app_id_uri}/{scope}`.
    pub app_id_uri: Option<String>,
    /// The scopes that a web API exposes.
    pub scopes: Vec<ApiScope>,
    /// The web APIs that it may call.
    pub permissions: Vec<ApiPermission>,
}
