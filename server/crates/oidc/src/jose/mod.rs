//! Signed tokens: keys, signing and verifying (RFC 7515, 7517, 7518, 7519, 7638, 8725).
//!
//! Tokens of different kinds carry different `typ` headers, and the verifier demands the right
//! one, so that an ID token is never taken for an access token (failure 31; RFC 8725, 3.11).

mod jwk;
mod key;
pub mod rotation;
mod verify;

pub use self::{
    jwk::{EcCurve, JwkSet, KeyMaterial, KeyUse, OkpCurve, PublicJwk},
    key::{Generated, KeyError, RsaBits, SignError, SigningKey},
    verify::{AccessToken, AccessTokenId, Expiry, IdTokenHint, Verifier, VerifyError},
};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// An ID token: `JWT`, which is what B2C's clients expect.
    Id,
    /// An access token: `at+jwt` (RFC 9068, 2.1).
    Access,
    /// A logout token: `logout+jwt` (OpenID Connect Back-Channel Logout, 2.4).
    Logout,
}

impl TokenType {
    /// The `typ` header.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

#[cfg(test)]
mod tests;
