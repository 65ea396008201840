//! Secrets as types: wiped when dropped, never printed, compared in constant time.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entropy::{self, Entropy};

/// A secret text: a password as typed, a code on its way to its owner.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct SecretString(String);

impl SecretString {
    /// Takes `value` into custody.
    #[must_use]
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself. Every use is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(redacted)")
    }
}

/// How many bytes of a token stay when it is renewed.
const SERIES: usize = 16;

/// A bearer secret of 256 random bits (ASVS 7.2.3 asks for 128): a session cookie, an
/// authorization code, a refresh token, an invitation link. Its text form is base64url.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(test, derive(Hash))]
pub struct Token(String);

impl Token {
    /// A fresh token.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(URL_SAFE_NO_PAD.encode(entropy::bytes::<32>(entropy)))
    }

    /// A token that came in from outside; `None` unless it has the exact form of [`Token::generate`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut raw = [0u8; 33];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut raw) {
            Ok(32) => Some(Self(text.to_owned())),
            Ok(_) | Err(_) => None,
        }
    }

    /// The text that goes out to the owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same first half with a new second half: the cookie of a remembered browser after its use. The
    /// first half names the entry, the second is its secret of 128 bits (ASVS 7.2.3).
    #[must_use]
    pub fn renewed(&self, entropy: &mut dyn Entropy) -> Self {
        let mut raw = entropy::bytes::<32>(entropy);
        raw[..SERIES].copy_from_slice(&self.first_half());
        let next = Self(URL_SAFE_NO_PAD.encode(raw));
        raw.zeroize();
        next
    }

    /// What the database keeps of the half that [`Token::renewed`] leaves as it is.
    #[must_use]
    pub fn series(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.first_half()).into())
    }

    // Every token has this form: there is no other way to make one.
    fn first_half(&self) -> [u8; SERIES] {
        let raw = URL_SAFE_NO_PAD.decode(self.0.as_bytes()).unwrap_or_default();
        raw.first_chunk().copied().unwrap_or_default()
    }

    /// What the database keeps. A fast hash is enough: the input has 256 random bits.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// SHA-256 of a [`Token`], the form in which tokens are stored and looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// Equality in constant time (ASVS 11.2.4).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Bytes sealed by the keyring (XChaCha20-Poly1305); only the keyring can open them.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a17_tokens_carry_256_bits_and_only_their_form_parses() {
        let token = Token::generate(&mut SeededEntropy::new(7));
        assert_eq!(token.expose().len(), 43);
        assert_eq!(Token::parse(token.expose()), Some(token.clone()));
        for wrong in ["", "abc", &token.expose()[1..], "é".repeat(22).as_str()] {
            assert_eq!(Token::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn n22_a_renewed_token_keeps_its_name_and_nothing_of_its_secret() {
        let random = &mut SeededEntropy::new(9);
        let (first, other) = (Token::generate(random), Token::generate(random));
        let next = first.renewed(random);
        assert_eq!(Token::parse(next.expose()), Some(next.clone()), "of the same form");
        assert_eq!(next.series(), first.series());
        assert_ne!((next.hash(), next.series()), (first.hash(), first.hash()));
        assert_ne!(first.series(), other.series());
        assert_ne!(next.expose()[22..], first.expose()[22..]);
    }

    #[test]
    fn a50_debug_never_shows_a_secret() {
        let token = Token::generate(&mut SeededEntropy::new(7));
        assert!(!format!("{token:?}").contains(token.expose()));
        assert!(!format!("{:?}", SecretString::new("hunter2".into())).contains("hunter2"));
    }
}
