//! Client assertions, by the attack.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use jsonwebtoken::{EncodingKey, encode};
use lanyard_domain::application::{ApplicationKind::Web, SigningAlgorithm};
use serde_json::json;

use super::*;
use crate::{
    fixtures::{self, NOW, params},
    jose::{RsaBits, SigningKey},
};

// PEM of fresh keys: none stands in the source.
static RSA: LazyLock<String> =
    LazyLock::new(|| pem(&SigningKey::generate(SigningAlgorithm::RS256, RsaBits::Bits2048).unwrap().pkcs8));
static OTHER_RSA: LazyLock<String> =
    LazyLock::new(|| pem(&SigningKey::generate(SigningAlgorithm::RS256, RsaBits::Bits2048).unwrap().pkcs8));
static EC: LazyLock<String> = LazyLock::new(|| {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    pem(pkcs8.as_ref())
});
// Only its bytes are ever hashed.
static CERTIFICATE: LazyLock<String> = LazyLock::new(|| STANDARD.encode("a certificate in DER"));

fn pem(pkcs8: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8))
}

fn key(alg: Algorithm, pem: &str) -> EncodingKey {
    match alg {
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
        _ => EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
    }
}

fn public(alg: Algorithm, pem: &str, more: Value) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key(alg, pem), alg).unwrap()).unwrap();
    let fields = jwk.as_object_mut().unwrap();
    fields.remove("alg");
    fields.extend(more.as_object().unwrap().clone());
    jwk
}

fn application() -> Application {
    let mut app = fixtures::application(Web);
    let keys = [
        public(Algorithm::RS256, &RSA, json!({"kid": "r", "x5c": [CERTIFICATE.as_str()]})),
        public(Algorithm::ES256, &EC, json!({"kid": "e", "use": "sig"})),
        json!({"kty": "unheard-of", "kid": "?"}),
    ];
    app.settings.client_keys = Some(json!({ "keys": keys }).to_string());
    app
}

fn claims() -> Value {
    let id = application().id.to_string();
    let now = NOW.as_seconds();
    json!({"iss": id, "sub": id, "aud": fixtures::issuer(), "exp": now + 300, "iat": now, "jti": "j1"})
}

fn header(alg: Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.into()), ..Header::new(alg) }
}

fn signed(header: &Header, claims: &Value, pem: &str) -> String {
    encode(header, claims, &key(header.alg, pem)).unwrap()
}

fn judge(app: &Application, jwt: &str) -> Result<Once, AssertionProblem> {
    let form = format!("client_assertion_type={ASSERTION_TYPE}&client_assertion={jwt}");
    let assertion = Assertion::read(&params(&form)).unwrap().unwrap();
    fixtures::addressed(&fixtures::flow(), |audience| assertion.verify(app, audience))
}

fn with(name: &str, value: Value) -> Result<Once, AssertionProblem> {
    let mut claims = claims();
    claims[name] = value;
    judge(&application(), &signed(&header(Algorithm::RS256, "r"), &claims, &RSA))
}

#[test]
fn rfc7523_each_algorithm_and_each_name_of_a_key_works() {
    let app = application();
    for (alg, kid, pem) in
        [(Algorithm::RS256, "r", &*RSA), (Algorithm::PS256, "r", &*RSA), (Algorithm::ES256, "e", &*EC)]
    {
        let once = judge(&app, &signed(&header(alg, kid), &claims(), pem)).unwrap();
        assert_eq!(once.expires_at, NOW.plus(300_000 + LEEWAY), "{alg:?}");
    }
    let der = STANDARD.decode(CERTIFICATE.as_str()).unwrap();
    let sha1 = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der));
    let sha256 = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
    let bare = || Header::new(Algorithm::PS256);
    for header in [
        Header { x5t: Some(sha1.clone()), ..bare() },
        Header { x5t_s256: Some(sha256.clone()), ..bare() },
        // MSAL sends the certificate along; it is not what is trusted.
        Header { x5t_s256: Some(sha256), x5c: Some(vec![CERTIFICATE.clone()]), ..bare() },
        // A kid of the library's own beside the thumbprint.
        Header { kid: Some("mine".into()), x5t: Some(sha1), ..bare() },
        // No name at all: the only key of this type.
        bare(),
    ] {
        assert!(judge(&app, &signed(&header, &claims(), &RSA)).is_ok(), "{header:?}");
    }
    let wrong = Header { x5t: Some("AAAA".into()), ..bare() };
    assert_eq!(judge(&app, &signed(&wrong, &claims(), &RSA)), Err(AssertionProblem::Key));
}

#[test]
fn rfc7523_the_audience_is_this_flow_and_nobody_else() {
    let token = "https://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/token";
    let guid = fixtures::tenant_id();
    for good in [
        json!(token),
        json!("https://login.example/tfp/Clinic.Example/B2C_1_SuSi/oauth2/v2.0/token"),
        json!("https://login.example/clinic.example/oauth2/v2.0/token?p=b2c_1_susi"),
        json!(format!("https://login.example/{guid}/b2c_1_susi/oauth2/v2.0/token")),
        json!("https://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/revoke"),
        json!([token, fixtures::issuer()]),
    ] {
        assert!(with("aud", good.clone()).is_ok(), "{good}");
    }
    for bad in [
        json!(null),
        json!([]),
        json!(""),
        json!("https://login.example"),
        json!("https://login.example/clinic.example/b2c_1_other/oauth2/v2.0/token"),
        json!("https://login.example/other.example/b2c_1_susi/oauth2/v2.0/token"),
        json!("https://login.example.evil/clinic.example/b2c_1_susi/oauth2/v2.0/token"),
        json!("http://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/token"),
        json!("https://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/authorize"),
        json!([token, "https://other.example/token"]),
        json!([[token]]),
    ] {
        assert_eq!(with("aud", bad.clone()), Err(AssertionProblem::Audience), "{bad}");
    }
}

#[test]
fn rfc7523_time_client_and_id_are_checked() {
    let now = NOW.as_seconds();
    for (name, value, problem) in [
        ("exp", json!(now - 60), AssertionProblem::Time),
        ("exp", json!(null), AssertionProblem::Time),
        ("exp", json!("tomorrow"), AssertionProblem::Time),
        ("exp", json!(now + 3_600 + 61), AssertionProblem::Time),
        ("exp", json!(i64::MAX), AssertionProblem::Time),
        ("nbf", json!(now + 61), AssertionProblem::Time),
        ("iat", json!(now + 61), AssertionProblem::Time),
        ("iss", json!("x"), AssertionProblem::Client),
        ("sub", json!(Uuid::from_u128(1).to_string()), AssertionProblem::Client),
        ("jti", json!(""), AssertionProblem::Id),
        ("jti", json!(7), AssertionProblem::Id),
        ("jti", json!("j".repeat(257)), AssertionProblem::Id),
    ] {
        assert_eq!(with(name, value.clone()), Err(problem), "{name}: {value}");
    }
    assert!(with("exp", json!(now - 59)).is_ok(), "clocks differ a little");
    assert!(with("exp", json!(now as f64 + 1.5)).is_ok(), "a NumericDate may have a fraction");
    let (one, other) = (with("jti", json!("a")).unwrap(), with("jti", json!("b")).unwrap());
    assert_ne!(one.hash, other.hash);
}

#[test]
fn f33_algorithm_confusion_and_keys_from_outside_are_refused() {
    let app = application();
    let body = URL_SAFE_NO_PAD.encode(claims().to_string());
    for head in [r#"{"alg":"none"}"#, r#"{"alg":"None","kid":"r"}"#, r#"{"kid":"r"}"#] {
        let jwt = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(head));
        assert_eq!(judge(&app, &jwt), Err(AssertionProblem::Malformed), "{head}");
    }
    // HMAC under the public key.
    let shared = EncodingKey::from_secret(app.settings.client_keys.as_ref().unwrap().as_bytes());
    let hs = encode(&header(Algorithm::HS256, "r"), &claims(), &shared).unwrap();
    assert_eq!(judge(&app, &hs), Err(AssertionProblem::Header));
    // The same RSA key under an algorithm that is not on the list, and a key of another type.
    assert_eq!(judge(&app, &signed(&header(Algorithm::RS512, "r"), &claims(), &RSA)), Err(AssertionProblem::Header));
    assert_eq!(judge(&app, &signed(&header(Algorithm::RS256, "e"), &claims(), &RSA)), Err(AssertionProblem::Key));
    // Another client's key, with its own key in the header, or under our key's name.
    let own = Jwk::from_encoding_key(&key(Algorithm::RS256, &OTHER_RSA), Algorithm::RS256).unwrap();
    for (header, problem) in [
        (header(Algorithm::RS256, "r"), AssertionProblem::Signature),
        (header(Algorithm::RS256, "other"), AssertionProblem::Key),
        (Header { jwk: Some(own), ..header(Algorithm::RS256, "r") }, AssertionProblem::Header),
        (Header { jku: Some("https://evil".into()), ..header(Algorithm::RS256, "r") }, AssertionProblem::Header),
        (Header { x5u: Some("https://evil".into()), ..header(Algorithm::RS256, "r") }, AssertionProblem::Header),
        (Header { crit: Some(vec!["x".into()]), ..header(Algorithm::RS256, "r") }, AssertionProblem::Header),
        (Header { typ: Some("at+jwt".into()), ..header(Algorithm::RS256, "r") }, AssertionProblem::Header),
    ] {
        assert_eq!(judge(&app, &signed(&header, &claims(), &OTHER_RSA)), Err(problem), "{header:?}");
    }
    // A key that is registered for something else, or for one algorithm.
    let mut app = application();
    for (more, problem) in [(json!({"use": "enc"}), Err(AssertionProblem::Key)), (json!({"alg": "RS256"}), Ok(()))] {
        app.settings.client_keys = Some(json!({"keys": [public(Algorithm::RS256, &RSA, more)]}).to_string());
        let judged = judge(&app, &signed(&Header::new(Algorithm::RS256), &claims(), &RSA));
        assert_eq!(judged.map(|_| ()), problem);
        assert_eq!(judge(&app, &signed(&Header::new(Algorithm::PS256), &claims(), &RSA)), Err(AssertionProblem::Key));
    }
    app.settings.client_keys = None;
    assert_eq!(judge(&app, &signed(&header(Algorithm::RS256, "r"), &claims(), &RSA)), Err(AssertionProblem::Key));
}

#[test]
fn rfc7523_both_parameters_go_together() {
    for bad in [
        "client_assertion=a.b.c".to_owned(),
        format!("client_assertion_type={ASSERTION_TYPE}"),
        "client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer".into(),
    ] {
        assert_eq!(Assertion::read(&params(&bad)).unwrap_err().error, OAuthError::InvalidClient, "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn assertions_never_panic(text in "[A-Za-z0-9_.{}\":-]{0,120}") {
        let app = application();
        let form = format!("client_assertion_type={ASSERTION_TYPE}&client_assertion=a{}", crate::params::percent_encode(&text));
        let assertion = Assertion::read(&params(&form)).unwrap().unwrap();
        let _ = assertion.claimed_client();
        let judged = fixtures::addressed(&fixtures::flow(), |audience| assertion.verify(&app, audience));
        proptest::prop_assert!(judged.is_err());
    }
}
