//! Signed tokens: keys, signing and verifying (RFC 7515, 7517, 7518, 7519, 7638, 8725).
//!
//! Tokens of different kinds carry different `typ` headers, and the verifier demands the right
//! one, so that an ID token is never taken for an access token (failure 31; RFC 8725, 3.11).

mod key;
mod verify;

pub use self::{
    key::{Generated, JwkSet, KeyError, PublicJwk, SignError, SigningKey},
    verify::{AccessToken, AccessTokenId, Expiry, IdTokenHint, Verifier, VerifyError},
};

/// The one signing algorithm, and the verifier's whole allow-list (A26).
pub const ALGORITHM: &str = "RS256";
/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// An ID token: `JWT`, which is what B2C's clients expect.
    Id,
    /// An access token: `at+jwt` (RFC 9068, 2.1).
    Access,
}

impl TokenType {
    /// The `typ` header.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
        }
    }
}

#[cfg(test)]
mod tests;
