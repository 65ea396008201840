//! Signing keys: RSA 2048 with PKCS#1 v1.5 and SHA-256 (RS256; A38).

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{ALGORITHM, TokenType};

/// A key could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The library could not make a key.
    #[error("no signing key could be generated")]
    Generation,
    /// The bytes are no RSA private key in PKCS#8.
    #[error("the signing key cannot be read")]
    Unreadable,
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be serialized")]
    Claims(#[from] serde_json::Error),
    /// The library refused to sign.
    #[error("the signature could not be made")]
    Signature,
}

/// A fresh key, to be sealed and stored.
pub struct Generated {
    /// The private key, PKCS#8 DER. Wiped when dropped.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// The public half.
    pub public: PublicJwk,
}

impl fmt::Debug for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generated").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

/// A public RSA key as JWK (RFC 7517; RFC 7518, 6.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicJwk {
    /// `RSA`.
    pub kty: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `RS256`.
    pub alg: String,
    /// The RFC 7638 thumbprint, so that it is unique and never chosen by hand.
    pub kid: String,
    /// The modulus, base64url.
    pub n: String,
    /// The exponent, base64url.
    pub e: String,
}

impl PublicJwk {
    fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let (n, e) = (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint_input(&n, &e)));
        Self { kty: "RSA".into(), usage: "sig".into(), alg: ALGORITHM.into(), kid, n, e }
    }
}

// The required members in alphabetical order, without white space (RFC 7638, 3).
fn thumbprint_input(n: &str, e: &str) -> String {
    format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
}

/// The document at the key address (RFC 7517, 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, the signing one among them.
    pub keys: Vec<PublicJwk>,
}

/// A signing key, parsed once and kept: reading and checking an RSA key costs more than a signature.
///
/// `Send + Sync`; share it behind an `Arc`. This is why signing does not go through
/// `jsonwebtoken`, which parses the key for every token; verifying does, so that each of our
/// tokens is read by other code than wrote it.
pub struct SigningKey {
    pair: RsaKeyPair,
    public: PublicJwk,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A fresh RSA-2048 key. The randomness is the library's own (the operating system's): keys
    /// are never made from an injected source. Takes some 100 ms.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn generate() -> Result<Generated, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Generation)?;
        let pkcs8 = Zeroizing::new(der.as_ref().to_vec());
        Ok(Generated { pkcs8, public: public_half(&pair) })
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Unreadable)?;
        let public = public_half(&pair);
        Ok(Self { pair, public })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// Signs `claims` as a token of type `kind` (compact serialization, RFC 7515, 3.1).
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, kind: TokenType, claims: &impl Serialize) -> Result<String, SignError> {
        // Every part is a fixed word or base64url, so that nothing needs escaping.
        let header = format!(r#"{{"typ":"{}","alg":"{ALGORITHM}","kid":"{}"}}"#, kind.typ(), self.public.kid);
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| SignError::Signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

fn public_half(pair: &RsaKeyPair) -> PublicJwk {
    let public = pair.public_key();
    PublicJwk::rsa(
        public.modulus().big_endian_without_leading_zero(),
        public.exponent().big_endian_without_leading_zero(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of RFC 7638, 3.1.
    #[test]
    fn rfc7638_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
                 FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d\
                 0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-cs\
                 FCur-kEgU8awapJzKnqDKgw";
        let jwk = PublicJwk::rsa(&URL_SAFE_NO_PAD.decode(n).unwrap(), &[1, 0, 1]);
        assert_eq!((jwk.kid.as_str(), jwk.e.as_str()), ("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "AQAB"));
    }
}
