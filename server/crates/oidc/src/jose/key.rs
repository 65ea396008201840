//! Signing keys: RSA with PKCS#1 v1.5 and SHA-256 (RS256; A38), ECDSA on P-256 (ES256), Ed25519 (EdDSA).

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::application::SigningAlgorithm;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    PublicJwk, TokenType,
    jwk::{EcCurve, KeyMaterial, OkpCurve},
};

/// A key could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The library could not make a key.
    #[error("no signing key could be generated")]
    Generation,
    /// The bytes are no private key in PKCS#8 of the algorithm, or no public one.
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

/// The size of new RSA keys (A38: 2048 for B2C compatibility, 3072 by setting), in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum RsaBits {
    /// What B2C has, and what every client reads.
    #[default]
    Bits2048,
    /// 128 bits of strength (NIST SP 800-57); signing takes some three times as long.
    Bits3072,
}

impl From<RsaBits> for u16 {
    fn from(bits: RsaBits) -> Self {
        match bits {
            RsaBits::Bits2048 => 2048,
            RsaBits::Bits3072 => 3072,
        }
    }
}

impl TryFrom<u16> for RsaBits {
    type Error = &'static str;
    fn try_from(bits: u16) -> Result<Self, Self::Error> {
        match bits {
            2048 => Ok(Self::Bits2048),
            3072 => Ok(Self::Bits3072),
            _ => Err("RSA keys have 2048 or 3072 bits"),
        }
    }
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

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A signing key, parsed once and kept: reading and checking an RSA key costs more than a signature.
///
/// `Send + Sync`; share it behind an `Arc`. This is why signing does not go through
/// `jsonwebtoken`, which parses the key for every token; verifying does, so that each of our
/// tokens is read by other code than wrote it.
pub struct SigningKey {
    pair: Pair,
    public: PublicJwk,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A fresh key of `algorithm`; `rsa` is the size if it is an RSA key. The randomness is the
    /// library's own (the operating system's): keys are never made from an injected source. An
    /// RSA key takes some 100 ms (2048 bits) to 300 ms, the others microseconds.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn generate(algorithm: SigningAlgorithm, rsa: RsaBits) -> Result<Generated, KeyError> {
        let failed = |_| KeyError::Generation;
        let pkcs8 = match algorithm {
            SigningAlgorithm::RS256 => {
                let size = match rsa {
                    RsaBits::Bits2048 => KeySize::Rsa2048,
                    RsaBits::Bits3072 => KeySize::Rsa3072,
                };
                let pair = RsaKeyPair::generate(size).map_err(failed)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                Zeroizing::new(der.as_ref().to_vec())
            }
            SigningAlgorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
                Zeroizing::new(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec())
            }
            SigningAlgorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                Zeroizing::new(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec())
            }
        };
        let public = Self::from_pkcs8(algorithm, &pkcs8)?.public;
        Ok(Generated { pkcs8, public })
    }

    /// Reads a stored key of `algorithm`.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn from_pkcs8(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (pair, public) = match algorithm {
            SigningAlgorithm::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Unreadable)?;
                let public = pair.public_key();
                let public = PublicJwk::rsa(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                );
                (Pair::Rsa(pair), public)
            }
            SigningAlgorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(|_| KeyError::Unreadable)?;
                // Uncompressed: 4, then both coordinates of 32 bytes (SEC 1, 2.3.3).
                let (x, y) = match pair.public_key().as_ref() {
                    [4, point @ ..] if point.len() == 64 => point.split_at(32),
                    _ => return Err(KeyError::Unreadable),
                };
                let material = KeyMaterial::EC { crv: EcCurve::P256, x: encode(x), y: encode(y) };
                (Pair::P256(pair), PublicJwk::new(material))
            }
            SigningAlgorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Unreadable)?;
                let material = KeyMaterial::OKP { crv: OkpCurve::Ed25519, x: encode(pair.public_key().as_ref()) };
                (Pair::Ed25519(pair), PublicJwk::new(material))
            }
        };
        Ok(Self { pair, public })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.public.alg
    }

    /// Signs `claims` as a token of type `kind` (compact serialization, RFC 7515, 3.1).
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, kind: TokenType, claims: &impl Serialize) -> Result<String, SignError> {
        // Every part is a fixed word or base64url, so that nothing needs escaping.
        let (typ, alg, kid) = (kind.typ(), self.algorithm().as_str(), &self.public.kid);
        let mut token = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{typ}","alg":"{alg}","kid":"{kid}"}}"#));
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::Signature;
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Pair::P256(pair) => Ok(pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}
