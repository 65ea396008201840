//! Proofs, good ones and one for each attack.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    },
};
use lanyard_domain::application::ApplicationKind::{SinglePage, Web};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixtures::{self, NOW};

const URL: &str = "https://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/token";

struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({"kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65)})
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec()
    }

    fn proof(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, |text| self.sign(text))
    }
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(&text));
    format!("{text}.{signature}")
}

fn header(key: &Key) -> Value {
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk()})
}

fn claims() -> Value {
    json!({"jti": "j-1", "htm": "POST", "htu": URL, "iat": NOW.as_seconds()})
}

fn with(mut value: Value, name: &str, to: Value) -> Value {
    value[name] = to;
    value
}

fn expected<'a>(access_token: Option<&'a str>, now: Timestamp) -> Expected<'a> {
    let nonce = &|text: &str| (text == "ours").then_some(NOW);
    Expected { method: "POST", url: URL, access_token, nonce, now }
}

fn judge(proof: &str) -> Result<Proof, ProofProblem> {
    Proof::verify(proof, &expected(None, NOW))
}

#[test]
fn rfc9449_a_good_proof_gives_its_keys_thumbprint() {
    let key = Key::new();
    let proof = judge(&key.proof(&header(&key), &claims())).unwrap();
    assert!(is_thumbprint(&proof.thumbprint) && !proof.with_nonce);
    assert_eq!(proof.once.expires_at, NOW.plus(WINDOW + 1));
    let again = judge(&key.proof(&header(&key), &claims())).unwrap();
    assert_eq!(again.once.hash, proof.once.hash, "the same jti of the same key is the same proof");
    let other = judge(&key.proof(&header(&key), &with(claims(), "jti", "j-2".into()))).unwrap();
    assert_ne!(other.once.hash, proof.once.hash);
}

// The example of RFC 9449, 4.1 and 6.1: its proof verifies, and its key has that thumbprint.
#[test]
fn rfc9449_example() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let expected = Expected {
        method: "POST",
        url: "https://server.example.com/token",
        access_token: None,
        nonce: &|_| None,
        now: Timestamp(1_562_262_616_000),
    };
    let proof = Proof::verify(proof, &expected).unwrap();
    assert_eq!(proof.thumbprint, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn rfc9449_every_listed_algorithm_is_taken_and_no_other() {
    let (random, claims) = (SystemRandom::new(), claims());
    let ed = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(ed.public_key().as_ref())});
    let ed_header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk});
    assert!(judge(&signed(&ed_header, &claims, |text| ed.sign(text.as_bytes()).as_ref().to_vec())).is_ok());

    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = rsa.public_key();
    let n = part(public.modulus().big_endian_without_leading_zero());
    let e = part(public.exponent().big_endian_without_leading_zero());
    let rsa_sign = |padding: &'static dyn aws_lc_rs::signature::RsaEncoding| {
        let (rsa, random) = (&rsa, &random);
        move |text: &str| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(padding, random, text.as_bytes(), &mut signature).unwrap();
            signature
        }
    };
    let head = |alg: &str| json!({"typ": "dpop+jwt", "alg": alg, "jwk": {"kty": "RSA", "n": n, "e": e}});
    assert!(judge(&signed(&head("RS256"), &claims, rsa_sign(&RSA_PKCS1_SHA256))).is_ok());
    assert!(judge(&signed(&head("PS256"), &claims, rsa_sign(&RSA_PSS_SHA256))).is_ok());
    assert_eq!(judge(&signed(&head("PS256"), &claims, rsa_sign(&RSA_PKCS1_SHA256))), Err(ProofProblem::Signature));
    for alg in ["RS384", "RS1", "rs256", ""] {
        assert_eq!(judge(&signed(&head(alg), &claims, rsa_sign(&RSA_PKCS1_SHA256))), Err(ProofProblem::Header));
    }
    let small = json!({"typ": "dpop+jwt", "alg": "RS256", "jwk": {"kty": "RSA", "n": part(&[0xff; 128]), "e": "AQAB"}});
    assert_eq!(judge(&signed(&small, &claims, rsa_sign(&RSA_PKCS1_SHA256))), Err(ProofProblem::Key));
}

#[test]
fn rfc9449_alg_none_and_hs256_are_refused() {
    let key = Key::new();
    for alg in ["none", "HS256", "HS512"] {
        let header = with(header(&key), "alg", alg.into());
        assert_eq!(judge(&key.proof(&header, &claims())), Err(ProofProblem::Header), "{alg}");
        assert_eq!(judge(&signed(&header, &claims(), |_| Vec::new())), Err(ProofProblem::Header), "{alg}");
    }
    // The public key taken for a shared secret.
    let octets = json!({"kty": "oct", "k": "c2VjcmV0"});
    assert_eq!(judge(&key.proof(&with(header(&key), "jwk", octets), &claims())), Err(ProofProblem::Key));
}

#[test]
fn rfc9449_a_private_or_strange_key_is_refused() {
    let key = Key::new();
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let jwk = with(key.jwk(), private, "AQAB".into());
        assert_eq!(judge(&key.proof(&with(header(&key), "jwk", jwk), &claims())), Err(ProofProblem::Key), "{private}");
    }
    for (name, value) in
        [("crv", "P-384"), ("kty", "RSA"), ("x", "AAAA"), ("y", "****"), ("alg", "ES384"), ("use", "enc")]
    {
        let jwk = with(key.jwk(), name, value.into());
        assert_eq!(judge(&key.proof(&with(header(&key), "jwk", jwk), &claims())), Err(ProofProblem::Key), "{name}");
    }
    for (name, value) in [("typ", json!("JWT")), ("typ", json!("at+jwt")), ("crit", json!(["exp"]))] {
        assert_eq!(judge(&key.proof(&with(header(&key), name, value), &claims())), Err(ProofProblem::Header), "{name}");
    }
    // A key of somebody else over our signature.
    let theirs = with(header(&key), "jwk", Key::new().jwk());
    assert_eq!(judge(&key.proof(&theirs, &claims())), Err(ProofProblem::Signature));
}

#[test]
fn rfc9449_other_method_other_url_and_missing_claims_are_refused() {
    let key = Key::new();
    let refuse = |claims: &Value| judge(&key.proof(&header(&key), claims)).unwrap_err();
    for method in ["GET", "post", ""] {
        assert_eq!(refuse(&with(claims(), "htm", method.into())), ProofProblem::Method, "{method}");
    }
    for url in [
        "https://evil.example/clinic.example/b2c_1_susi/oauth2/v2.0/token",
        "http://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/token",
        "https://login.example/clinic.example/b2c_1_other/oauth2/v2.0/token",
        "https://login.example:8443/clinic.example/b2c_1_susi/oauth2/v2.0/token",
        "https://u@login.example/clinic.example/b2c_1_susi/oauth2/v2.0/token",
        "https://login.example/clinic.example/b2c_1_susi/openid/v2.0/userinfo",
        "/clinic.example/b2c_1_susi/oauth2/v2.0/token",
        "",
    ] {
        assert_eq!(refuse(&with(claims(), "htu", url.into())), ProofProblem::Address, "{url}");
    }
    for url in [format!("{URL}?x=1#y"), URL.replace("login.example", "LOGIN.example:443")] {
        assert!(judge(&key.proof(&header(&key), &with(claims(), "htu", url.clone().into()))).is_ok(), "{url}");
    }
    for name in ["jti", "htm", "htu", "iat"] {
        let mut short = claims();
        short.as_object_mut().unwrap().remove(name);
        assert_eq!(refuse(&short), ProofProblem::Claim, "{name}");
        assert_eq!(refuse(&with(claims(), name, Value::Null)), ProofProblem::Claim, "{name}");
    }
    assert_eq!(refuse(&with(claims(), "jti", "".into())), ProofProblem::Claim);
    assert_eq!(refuse(&with(claims(), "jti", "j".repeat(MAX_JTI + 1).into())), ProofProblem::Claim);
}

#[test]
fn rfc9449_a_stale_iat_is_refused_unless_a_nonce_of_ours_stands_for_the_clock() {
    let key = Key::new();
    let at = |iat: i64, nonce: Option<&str>, now| {
        let mut claims = with(claims(), "iat", iat.into());
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        Proof::verify(&key.proof(&header(&key), &claims), &expected(None, now)).map(|proof| proof.once.expires_at)
    };
    let now = NOW.as_seconds();
    assert!(at(now - 60, None, NOW).is_ok() && at(now + 60, None, NOW).is_ok());
    for iat in [now - 61, now + 61, 0, -1, i64::MAX, i64::MIN] {
        assert_eq!(at(iat, None, NOW), Err(ProofProblem::NotFresh), "{iat}");
        assert_eq!(at(iat, Some("theirs"), NOW), Err(ProofProblem::NotFresh), "{iat}");
        assert_eq!(at(iat, Some("ours"), NOW), Ok(NOW.plus(NONCE_LIFE)), "{iat}");
    }
    assert_eq!(at(now, Some("ours"), NOW.plus(NONCE_LIFE)), Err(ProofProblem::NotFresh));
    assert_eq!(at(now, Some("theirs"), NOW), Err(ProofProblem::NotFresh), "a wrong nonce is never ignored");
}

#[test]
fn rfc9449_a_missing_ath_or_that_of_another_token_is_refused() {
    let key = Key::new();
    let judge = |claims: &Value| Proof::verify(&key.proof(&header(&key), claims), &expected(Some("token"), NOW));
    let ath = URL_SAFE_NO_PAD.encode(Sha256::digest("token"));
    assert!(judge(&with(claims(), "ath", ath.into())).is_ok());
    assert_eq!(judge(&claims()), Err(ProofProblem::AccessToken));
    let other = URL_SAFE_NO_PAD.encode(Sha256::digest("other"));
    assert_eq!(judge(&with(claims(), "ath", other.into())), Err(ProofProblem::AccessToken));
}

#[test]
fn rfc9449_codes_and_refresh_tokens_are_good_with_their_own_key_only() {
    let (public, confidential) = (fixtures::application(SinglePage), fixtures::application(Web));
    let proof = |key: &Key| judge(&key.proof(&header(key), &claims())).unwrap();
    let (own, other) = (proof(&Key::new()), proof(&Key::new()));
    let bound = GrantDetails { dpop_jkt: Some(own.thumbprint.clone()), ..GrantDetails::default() };
    let free = GrantDetails::default();
    let error = |result: Result<(), Refusal>| result.unwrap_err().error;
    for app in [&public, &confidential] {
        assert!(check_code(&bound, app, Some(&own)).is_ok() && check_code(&free, app, Some(&own)).is_ok());
        assert!(check_code(&free, app, None).is_ok());
        assert_eq!(error(check_code(&bound, app, Some(&other))), OAuthError::InvalidGrant);
        assert_eq!(error(check_code(&bound, app, None)), OAuthError::InvalidDpopProof);
    }
    assert!(check_refresh(&bound, &public, Some(&own)).is_ok());
    assert_eq!(error(check_refresh(&bound, &public, Some(&other))), OAuthError::InvalidGrant);
    assert_eq!(error(check_refresh(&bound, &public, None)), OAuthError::InvalidDpopProof);
    assert!(check_refresh(&bound, &confidential, Some(&other)).is_ok(), "it proves itself by its secret");
    let mut strict = public;
    strict.settings.require_dpop = true;
    assert_eq!(error(check_code(&free, &strict, None)), OAuthError::InvalidDpopProof);
    assert_eq!(error(check_refresh(&free, &strict, None)), OAuthError::InvalidDpopProof);
    strict.settings.require_dpop_nonce = true;
    assert_eq!(error(check_code(&free, &strict, Some(&own))), OAuthError::UseDpopNonce);
    assert!(check_code(&free, &strict, Some(&Proof { with_nonce: true, ..own })).is_ok());
}

proptest! {
    #[test]
    fn garbage_is_refused_and_never_panics(a in ".{0,80}", b in ".{0,80}", c in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(judge(&c).is_err());
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let proof = format!("{}.{}.{c}", encode(&a), encode(&b));
        prop_assert!(judge(&proof).is_err());
    }

    // Whatever single byte of a good proof is changed, it is another proof or none.
    #[test]
    fn a_changed_proof_is_refused(at in 0usize..1_000, to in "[A-Za-z0-9_-]") {
        let key = Key::new();
        let good = key.proof(&header(&key), &claims());
        let at = at % good.len();
        let mut bad = good.clone();
        bad.replace_range(at..=at, &to);
        prop_assume!(bad != good);
        prop_assert!(judge(&bad).is_err());
    }
}
