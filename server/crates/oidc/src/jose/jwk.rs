//! Public keys as JWK (RFC 7517; RFC 7518, 6; RFC 8037, 2), with their thumbprint as `kid` (RFC 7638).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::application::SigningAlgorithm;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyUse {
    /// Signing.
    #[serde(rename = "sig")]
    Signature,
}

/// The elliptic curve of ES256 (RFC 7518, 6.2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EcCurve {
    /// NIST P-256.
    #[serde(rename = "P-256")]
    P256,
}

/// The curve of EdDSA (RFC 8037, 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OkpCurve {
    /// Ed25519.
    Ed25519,
}

/// The members that depend on the kind of key; numbers are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kty")]
#[allow(missing_docs)] // the names are the standard's
pub enum KeyMaterial {
    RSA { n: String, e: String },
    EC { crv: EcCurve, x: String, y: String },
    OKP { crv: OkpCurve, x: String },
}

impl KeyMaterial {
    /// The one algorithm that a key of this kind is good for.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::RSA { .. } => SigningAlgorithm::RS256,
            Self::EC { crv: EcCurve::P256, .. } => SigningAlgorithm::ES256,
            Self::OKP { crv: OkpCurve::Ed25519, .. } => SigningAlgorithm::EdDSA,
        }
    }

    // The required members in alphabetical order, without white space (RFC 7638, 3; RFC 8037, 2).
    fn thumbprint_input(&self) -> String {
        match self {
            Self::RSA { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::EC { crv: EcCurve::P256, x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::OKP { crv: OkpCurve::Ed25519, x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        }
    }
}

/// A public signing key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicJwk {
    /// The key itself.
    #[serde(flatten)]
    pub material: KeyMaterial,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: KeyUse,
    /// The algorithm; of the kind of the key.
    pub alg: SigningAlgorithm,
    /// The RFC 7638 thumbprint, so that it is unique and never chosen by hand.
    pub kid: String,
}

impl PublicJwk {
    pub(super) fn new(material: KeyMaterial) -> Self {
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(material.thumbprint_input()));
        Self { usage: KeyUse::Signature, alg: material.algorithm(), kid, material }
    }

    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let (n, e) = (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
        Self::new(KeyMaterial::RSA { n, e })
    }
}

/// The document at the key address (RFC 7517, 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JwkSet {
    /// The published keys: those that will sign, those that do, and those that did.
    pub keys: Vec<PublicJwk>,
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
        assert_eq!(jwk.kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(matches!(jwk.material, KeyMaterial::RSA { e, .. } if e == "AQAB"));
    }

    // The example of RFC 8037, A.3.
    #[test]
    fn rfc8037_thumbprint() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        let jwk = PublicJwk::new(KeyMaterial::OKP { crv: OkpCurve::Ed25519, x });
        assert_eq!(jwk.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn an_rsa_key_stored_by_the_first_release_is_read() {
        let text = r#"{"kty":"RSA","use":"sig","alg":"RS256","kid":"k","n":"AQ","e":"AQAB"}"#;
        let jwk: PublicJwk = serde_json::from_str(text).unwrap();
        assert_eq!(jwk.alg, SigningAlgorithm::RS256);
        assert_eq!(serde_json::to_value(&jwk).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    }
}
