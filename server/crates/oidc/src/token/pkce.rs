//! The proof key at redemption (RFC 7636, 4.1 and 4.6; RFC 9700, 2.1.1 and 4.8.2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::secret::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A code verifier of the right form: 43 to 128 unreserved characters.
#[derive(Debug, Clone)]
pub struct CodeVerifier(SecretString);

/// What is wrong with the proof key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceProblem {
    /// The authorization request had a challenge; the verifier is missing (PKCE removed).
    #[error("the code_verifier is missing")]
    Missing,
    /// The authorization request had no challenge (a challenge stripped on the way: downgrade).
    #[error("a code_verifier was given, but the authorization request had no challenge")]
    Unexpected,
    /// It does not fit the challenge.
    #[error("the code_verifier does not fit the challenge")]
    Mismatch,
}

impl CodeVerifier {
    /// A verifier out of a request.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let ok = (43..=128).contains(&text.len()) && text.bytes().all(unreserved);
        ok.then(|| Self(SecretString::new(text.to_owned())))
    }

    /// The S256 challenge that belongs to it.
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose().as_bytes()))
    }
}

/// Checks `verifier` against the `challenge` of the authorization request, in constant time.
///
/// # Errors
/// [`PkceProblem`]; a verifier without a challenge is one too.
pub fn check(challenge: Option<&str>, verifier: Option<&CodeVerifier>) -> Result<(), PkceProblem> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(PkceProblem::Missing),
        (None, Some(_)) => Err(PkceProblem::Unexpected),
        (Some(challenge), Some(verifier)) => {
            let equal: bool = verifier.challenge().as_bytes().ct_eq(challenge.as_bytes()).into();
            if equal { Ok(()) } else { Err(PkceProblem::Mismatch) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc7636_example() {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        assert_eq!(check(Some(CHALLENGE), Some(&verifier)), Ok(()));
        assert_eq!(check(Some(VERIFIER), Some(&verifier)), Err(PkceProblem::Mismatch), "plain is not S256");
    }

    #[test]
    fn f32_removing_pkce_is_refused() {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        assert_eq!(check(Some(CHALLENGE), None), Err(PkceProblem::Missing));
        assert_eq!(check(None, Some(&verifier)), Err(PkceProblem::Unexpected));
        assert_eq!(check(None, None), Ok(()));
    }

    #[test]
    fn verifiers_have_43_to_128_unreserved_characters() {
        for (len, ok) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(CodeVerifier::parse(&"~".repeat(len)).is_some(), ok, "{len}");
        }
        for bad in ["+", "=", " ", "/", "é", "%"] {
            assert!(CodeVerifier::parse(&format!("{}{bad}", "a".repeat(50))).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn only_the_right_verifier_fits(a in "[A-Za-z0-9._~-]{43,128}", b in "[A-Za-z0-9._~-]{43,128}") {
            let challenge = CodeVerifier::parse(&a).unwrap().challenge();
            let fits = check(Some(&challenge), Some(&CodeVerifier::parse(&b).unwrap())).is_ok();
            prop_assert_eq!(fits, a == b);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,200}") {
            let _ = CodeVerifier::parse(&text);
        }
    }
}
