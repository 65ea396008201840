//! The verifier against each class of attack (RFC 8725; failures 31 and 33; A26, A27).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lanyard_domain::{
    application::{ApplicationKind::Web, SigningAlgorithm},
    clock::{DAY, HOUR, MINUTE},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    claims::{self, Issuance},
    fixtures::{self, NOW},
};

fn claims_of(kind: TokenType) -> Map<String, Value> {
    let (issuer, flow, application) = (fixtures::issuer(), fixtures::flow(), fixtures::application(Web));
    let (account, grant) = (fixtures::account(), fixtures::grant());
    let issuance = Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &application,
        account: &account,
        grant: &grant,
        scope: "openid email",
        key: None,
        now: NOW,
    };
    match kind {
        TokenType::Id => claims::id_token(&issuance, None),
        TokenType::Access | TokenType::Logout => claims::access_token(&issuance, Uuid::from_u128(9)),
    }
}

fn signed(kind: TokenType) -> String {
    fixtures::key().sign(kind, &claims_of(kind)).unwrap()
}

fn with_header(header: &Value, claims: &Map<String, Value>) -> String {
    let encode = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(&serde_json::to_vec(claims).unwrap()))
}

fn access(token: &str) -> Result<AccessToken, VerifyError> {
    fixtures::verifier().access_token(token, &fixtures::issuer(), NOW)
}

#[test]
fn oidcc_idtoken_signature_and_key_set() {
    let header = jsonwebtoken::decode_header(signed(TokenType::Id)).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("JWT"), Algorithm::RS256));
    assert_eq!(header.kid.as_deref(), Some(fixtures::key().public().kid.as_str()));
    let jwks = serde_json::to_value(JwkSet { keys: vec![fixtures::key().public().clone()] }).unwrap();
    let key = jwks["keys"][0].as_object().unwrap();
    let names: Vec<_> = key.keys().map(String::as_str).collect();
    assert_eq!(names.iter().filter(|n| ["alg", "e", "kid", "kty", "n", "use"].contains(n)).count(), 6);
    assert_eq!(names.len(), 6, "nothing private: {names:?}");
    assert_eq!(URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 256);
}

#[test]
fn a_generated_key_comes_back_from_its_stored_form() {
    for algorithm in SigningAlgorithm::ALL {
        let generated = SigningKey::generate(algorithm, RsaBits::Bits3072).unwrap();
        let key = SigningKey::from_pkcs8(algorithm, &generated.pkcs8).unwrap();
        assert_eq!((key.public(), key.algorithm()), (&generated.public, algorithm));
        if let KeyMaterial::RSA { n, .. } = &key.public().material {
            assert_eq!(URL_SAFE_NO_PAD.decode(n).unwrap().len(), 384, "a38: 3072 bits by setting");
        }
        for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(SigningKey::from_pkcs8(other, &generated.pkcs8).unwrap_err(), KeyError::Unreadable);
        }
        assert_eq!(SigningKey::from_pkcs8(algorithm, b"nonsense").unwrap_err(), KeyError::Unreadable);
        assert!(!format!("{generated:?} {key:?}").contains("pkcs8"), "a50: Debug shows the kid only");
    }
    const fn shareable<T: Send + Sync>() {}
    shareable::<SigningKey>();
    shareable::<Verifier>();
}

#[test]
fn f31_a_token_of_one_kind_is_never_accepted_as_another() {
    let verifier = fixtures::verifier();
    assert!(access(&signed(TokenType::Access)).is_ok());
    assert_eq!(access(&signed(TokenType::Id)), Err(VerifyError::Type));
    assert_eq!(access(&signed(TokenType::Logout)), Err(VerifyError::Type));
    let hint = |token: &str| verifier.id_token_hint(token, &fixtures::issuer(), None, NOW);
    assert!(hint(&signed(TokenType::Id)).is_ok());
    assert_eq!(hint(&signed(TokenType::Access)), Err(VerifyError::Type));
    assert_eq!(hint(&signed(TokenType::Logout)), Err(VerifyError::Type));
    // The claims of the one under the header of the other do not help either.
    let mixed = fixtures::key().sign(TokenType::Access, &claims_of(TokenType::Id)).unwrap();
    assert_eq!(access(&mixed), Err(VerifyError::Claim));
}

#[test]
fn f33_alg_none_is_refused() {
    let claims = claims_of(TokenType::Access);
    let kid = &fixtures::key().public().kid;
    for alg in ["none", "None", "NONE", ""] {
        let unsigned = with_header(&json!({"typ": "at+jwt", "alg": alg, "kid": kid}), &claims);
        for token in [format!("{unsigned}."), format!("{unsigned}.AAAA"), unsigned.clone()] {
            assert_eq!(access(&token), Err(VerifyError::Malformed), "{alg}");
        }
    }
    let good = signed(TokenType::Access);
    let (message, _) = good.rsplit_once('.').unwrap();
    assert_eq!(access(&format!("{message}.")), Err(VerifyError::Signature), "signature cut off");
}

#[test]
fn f33_hs256_with_the_public_key_is_refused() {
    let public = fixtures::key().public();
    let claims = claims_of(TokenType::Access);
    let as_json = serde_json::to_vec(public).unwrap();
    let KeyMaterial::RSA { n, .. } = &public.material else { panic!("an RSA key") };
    let modulus = URL_SAFE_NO_PAD.decode(n).unwrap();
    let der = [&[0x02, 0x82, 0x01, 0x01, 0x00], modulus.as_slice()].concat();
    for secret in [as_json.as_slice(), n.as_bytes(), modulus.as_slice(), der.as_slice()] {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(alg);
            header.typ = Some("at+jwt".into());
            header.kid = Some(public.kid.clone());
            let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(access(&token), Err(VerifyError::Header));
        }
    }
}

#[test]
fn every_algorithm_signs_and_its_key_decides_which() {
    let claims = claims_of(TokenType::Access);
    for key in fixtures::keys() {
        let token = key.sign(TokenType::Access, &claims).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(format!("{:?}", header.alg), key.algorithm().as_str());
        assert!(access(&token).is_ok(), "{}", key.algorithm().as_str());
    }
}

#[test]
fn f33_a_key_of_one_kind_under_the_algorithm_of_another_is_refused() {
    let claims = claims_of(TokenType::Access);
    for key in fixtures::keys() {
        let good = key.sign(TokenType::Access, &claims).unwrap();
        let (_, signature) = good.rsplit_once('.').unwrap();
        for alg in ["RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "EdDSA", "HS256"] {
            if alg == key.algorithm().as_str() {
                continue;
            }
            let header = json!({"typ": "at+jwt", "alg": alg, "kid": key.public().kid});
            let token = format!("{}.{signature}", with_header(&header, &claims));
            assert_eq!(access(&token), Err(VerifyError::Header), "{alg} with {}", key.public().kid);
        }
        // A list that names another algorithm than its key has is not read at all.
        let mut lying = key.public().clone();
        lying.alg = SigningAlgorithm::ALL.into_iter().find(|other| *other != lying.alg).unwrap();
        assert!(Verifier::new(&JwkSet { keys: vec![lying] }).is_err());
    }
}

// ECDSA's own ways to forge: zeros (CVE-2022-21449), DER instead of the fixed form, (r, n - s) is
// another good signature of the same message and no new message.
#[test]
fn f33_degenerate_and_reencoded_signatures_are_refused() {
    let claims = claims_of(TokenType::Access);
    for key in fixtures::keys() {
        let good = key.sign(TokenType::Access, &claims).unwrap();
        let (message, signature) = good.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let half = bytes.len() / 2;
        let der = [&[0x30, 0x44, 0x02, 0x20], &bytes[..half], &[0x02, 0x20], &bytes[half..]].concat();
        let swapped = [&bytes[half..], &bytes[..half]].concat();
        let padded = [&[0], bytes.as_slice()].concat();
        for forged in
            [vec![0; bytes.len()], vec![0xff; bytes.len()], Vec::new(), bytes[1..].to_vec(), der, swapped, padded]
        {
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&forged));
            assert_eq!(access(&token), Err(VerifyError::Signature), "{} {forged:?}", key.algorithm().as_str());
        }
        // Other spellings of the same bytes: padding, the other alphabet, white space.
        for spelt in
            [format!("{signature}="), format!("{signature}=="), format!(" {signature}"), format!("{signature}\n")]
        {
            assert!(access(&format!("{message}.{spelt}")).is_err());
        }
    }
}

#[test]
fn a26_a_kid_that_is_missing_unknown_or_no_text_is_refused() {
    let claims = claims_of(TokenType::Access);
    for (kid, expected) in [
        (json!("unknown"), VerifyError::UnknownKey),
        (json!(""), VerifyError::UnknownKey),
        (json!("../../etc/passwd"), VerifyError::UnknownKey),
        (json!("' OR 1=1 --"), VerifyError::UnknownKey),
        (json!(null), VerifyError::UnknownKey),
        (json!(1), VerifyError::Malformed),
        (json!([fixtures::key().public().kid]), VerifyError::Malformed),
    ] {
        let header = json!({"typ": "at+jwt", "alg": "RS256", "kid": kid});
        let token = format!("{}.AAAA", with_header(&header, &claims));
        assert_eq!(access(&token), Err(expected), "{kid}");
    }
    let without = json!({"typ": "at+jwt", "alg": "RS256"});
    assert_eq!(access(&format!("{}.AAAA", with_header(&without, &claims))), Err(VerifyError::UnknownKey));
}

#[test]
fn a26_a_header_cannot_bring_its_own_key() {
    let public = serde_json::to_value(fixtures::key().public()).unwrap();
    let base = json!({"typ": "at+jwt", "alg": "RS256", "kid": fixtures::key().public().kid});
    for (name, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("jwk", public),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ] {
        let mut header = base.clone();
        header[name] = value;
        let token = format!("{}.AAAA", with_header(&header, &claims_of(TokenType::Access)));
        assert_eq!(access(&token), Err(VerifyError::Header), "{name}");
    }
}

#[test]
fn a27_issuer_audience_and_time_count() {
    let verifier = fixtures::verifier();
    let (token, issuer) = (signed(TokenType::Access), fixtures::issuer());
    let at = |now| verifier.access_token(&token, &issuer, now).map(|_| ());
    assert_eq!(at(NOW.plus(HOUR - 1)), Ok(()));
    assert_eq!(at(NOW.plus(HOUR)), Err(VerifyError::Time), "exp is the first moment it is dead");
    assert_eq!(at(NOW.minus(MINUTE)), Ok(()), "small skew");
    assert_eq!(at(NOW.minus(MINUTE + 1_000)), Err(VerifyError::Time));
    for other in [issuer.replace("susi", "other"), issuer.trim_end_matches('/').to_owned(), String::new()] {
        assert_eq!(verifier.access_token(&token, &other, NOW).map(|_| ()), Err(VerifyError::Issuer), "{other}");
    }
    let hint = signed(TokenType::Id);
    let application = fixtures::application(Web).id;
    let stranger = lanyard_domain::id::Id::from_uuid(Uuid::from_u128(1));
    assert!(verifier.id_token_hint(&hint, &issuer, Some(application), NOW.plus(400 * DAY)).is_ok(), "expiry ignored");
    assert_eq!(verifier.id_token_hint(&hint, &issuer, Some(stranger), NOW), Err(VerifyError::Audience));
    let mut claims = claims_of(TokenType::Access);
    claims.insert("aud".into(), json!(["a", "b"]));
    let listed = fixtures::key().sign(TokenType::Access, &claims).unwrap();
    assert_eq!(access(&listed), Err(VerifyError::Audience));
    for missing in ["exp", "nbf", "iss", "sub", "azp", "jti", "scp"] {
        let mut claims = claims_of(TokenType::Access);
        claims.remove(missing);
        let token = fixtures::key().sign(TokenType::Access, &claims).unwrap();
        assert_eq!(access(&token), Err(VerifyError::Claim), "{missing}");
    }
}

#[test]
fn a_key_of_somebody_else_is_unknown_even_under_our_kid() {
    let stranger = fixtures::fresh_key(SigningAlgorithm::RS256);
    let token = stranger.sign(TokenType::Access, &claims_of(TokenType::Access)).unwrap();
    assert_eq!(access(&token), Err(VerifyError::UnknownKey));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let header = json!({"typ": "at+jwt", "alg": "RS256", "kid": fixtures::key().public().kid}).to_string();
    let forged = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
    assert_eq!(access(&forged), Err(VerifyError::Signature));
}

#[test]
fn the_token_id_tells_the_grant() {
    let token = access(&signed(TokenType::Access)).unwrap();
    assert_eq!(token.id.grant, fixtures::grant().id);
    assert_eq!(AccessTokenId::parse(&token.id.to_string()), Some(token.id));
    assert_eq!(AccessTokenId::parse("x"), None);
}

proptest! {
    #[test]
    fn verifying_never_panics(text in prop_oneof![".{0,200}", "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}"]) {
        prop_assert!(access(&text).is_err());
    }

    #[test]
    fn no_altered_token_is_accepted(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let good = signed(TokenType::Access);
        let at = at.index(good.len());
        let altered = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assert_eq!(access(&altered).is_ok(), altered == good);
    }

    #[test]
    fn headers_never_panic(name in "(typ|alg|kid|jwk|crit|x)", value in "[a-z\"{}0-9]{0,12}") {
        let header = format!(r#"{{"typ":"at+jwt","alg":"RS256","{name}":"{}"}}"#, value.replace('"', ""));
        let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
        prop_assert!(access(&token).is_err());
    }
}
