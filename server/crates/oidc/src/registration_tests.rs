//! What may be registered.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixtures;

const URL: &str = "https://app.example/cb";

fn read(body: &Value) -> Result<Registration, Refusal> {
    Registration::read(body.to_string().as_bytes(), &fixtures::origin())
}

fn with(name: &str, value: Value) -> Value {
    let mut body = json!({"redirect_uris": [URL]});
    body[name] = value;
    body
}

#[test]
fn rfc7591_the_defaults_are_those_of_the_standard() {
    let made = read(&json!({"redirect_uris": [URL, URL], "logo_uri": "https://x.example", "unknown": 1})).unwrap();
    assert_eq!((made.kind, made.method), (ApplicationKind::Web, ClientAuthMethod::SecretBasic));
    assert_eq!((made.name.as_str(), made.reply_urls.len()), (UNNAMED, 1));
    assert_eq!(made.settings, ApplicationSettings { third_party: true, ..ApplicationSettings::default() });
}

#[test]
fn rfc7591_a_registration_never_widens_what_it_may() {
    for (name, value) in [
        ("third_party", json!(false)),
        ("hybrid", json!(true)),
        ("implicit_id_token", json!(true)),
        ("device", json!(true)),
        ("client_credentials", json!(true)),
        ("minimum", json!("none")),
        ("permissions", json!([{"api": "x", "scopes": ["all"]}])),
    ] {
        let made = read(&with(name, value)).unwrap();
        assert_eq!(made.settings, ApplicationSettings { third_party: true, ..ApplicationSettings::default() });
    }
    for grants in [
        json!(["client_credentials"]),
        json!(["authorization_code", "client_credentials"]),
        json!(["authorization_code", "implicit"]),
        json!(["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]),
        json!(["refresh_token"]),
        json!([]),
    ] {
        assert_eq!(read(&with("grant_types", grants)).unwrap_err().error, OAuthError::InvalidClientMetadata);
    }
    assert!(read(&with("grant_types", json!(["authorization_code", "refresh_token"]))).is_ok());
}

#[test]
fn rfc7591_f48_nothing_makes_us_fetch_an_address() {
    for (name, value) in [
        ("jwks_uri", json!("https://169.254.169.254/keys")),
        ("sector_identifier_uri", json!("https://x.example")),
        ("request_uris", json!(["https://x.example"])),
        ("response_types", json!(["id_token"])),
        ("subject_type", json!("pairwise")),
        ("id_token_signed_response_alg", json!("none")),
        ("id_token_signed_response_alg", json!("HS256")),
        ("token_endpoint_auth_method", json!("client_secret_jwt")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("application_type", json!("native")),
        ("client_name", json!("a".repeat(81))),
        ("client_name", json!("Clinic\u{202e}")),
        ("client_name", json!(1)),
    ] {
        let refusal = read(&with(name, value.clone())).unwrap_err();
        assert_eq!(refusal.error, OAuthError::InvalidClientMetadata, "{name} {value}");
    }
}

#[test]
fn rfc7591_a28_reply_urls_follow_the_rules_of_the_portal() {
    for bad in [
        json!([]),
        json!(["http://app.example/cb"]),
        json!(["https://app.example/cb#x"]),
        json!(["https://*.app.example/cb"]),
        json!([" https://app.example/cb"]),
        json!([URL, "javascript:alert(1)"]),
        json!(["com.example.app://auth"]),
        json!(["http://localhost:3000/cb"]),
        json!(["https://localhost/cb"]),
        json!(["https://169.254.169.254/latest"]),
        json!(["https://10.0.0.1/cb"]),
        json!(["https://0x7f000001/cb"]),
        json!(["https://[::1]/cb"]),
        json!(["https://intranet/cb"]),
        json!(["https://records.clinic.internal./cb"]),
        json!([format!("{}/account", fixtures::origin().as_str())]),
        json!([format!("{}./account", fixtures::origin().as_str())]),
        json!(vec![URL; MAX_REPLY_URLS + 1]),
    ] {
        let refusal = read(&json!({"redirect_uris": bad})).unwrap_err();
        assert_eq!(refusal.error, OAuthError::InvalidRedirectUri, "{bad}");
    }
    assert_eq!(read(&json!({})).unwrap_err().error, OAuthError::InvalidRedirectUri);
    let native = json!({
        "redirect_uris": ["com.example.app://auth"], "application_type": "native",
        "token_endpoint_auth_method": "none",
    });
    assert_eq!(read(&native).unwrap().kind, ApplicationKind::Native);
}

#[test]
fn rfc7591_f48_logout_urls_lead_to_public_names_and_where_people_go_anyway() {
    let with_both = |front: &str, back: &str| {
        let mut body = with("frontchannel_logout_uri", front.into());
        body["backchannel_logout_uri"] = back.into();
        read(&body)
    };
    let made = with_both("https://app.example/out", "https://hooks.example/out").unwrap();
    assert_eq!(made.settings.front_channel_logout.as_deref(), Some("https://app.example/out"));
    assert_eq!(made.settings.back_channel_logout.as_deref(), Some("https://hooks.example/out"));
    let bad =
        ["http://localhost/out", "https://127.0.0.1/", "https://[fd00::1]/", "https://db.internal/", "https://x/", "x"];
    for bad in bad {
        let refused = with_both("https://app.example/out", bad).unwrap_err();
        assert_eq!(refused.error, OAuthError::InvalidClientMetadata, "{bad}");
    }
    for bad in bad.into_iter().chain(["https://other.example/out"]) {
        let refused = with_both(bad, "https://hooks.example/out").unwrap_err();
        assert_eq!(refused.error, OAuthError::InvalidClientMetadata, "{bad}");
    }
    let both = read(&with("post_logout_redirect_uris", json!(["https://app.example/bye", URL]))).unwrap();
    let texts = |urls: &[ReplyUrl]| urls.iter().map(|url| url.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&both.reply_urls), [URL], "no code is sent where people only say goodbye");
    assert_eq!(texts(&both.settings.post_logout_urls), ["https://app.example/bye"]);
    assert!(read(&with("post_logout_redirect_uris", json!(["https://10.0.0.1/bye"]))).is_err());
    assert!(read(&json!({"post_logout_redirect_uris": [URL]})).is_err());
}

#[test]
fn rfc7592_an_update_names_its_client_and_nothing_that_we_say() {
    let update = |change: fn(&mut Value)| {
        let mut body = with("client_id", "me".into());
        change(&mut body);
        Update::read(body.to_string().as_bytes(), "me", &fixtures::origin())
    };
    assert!(update(|_| ()).is_ok());
    assert!(update(|body| body["client_id"] = "you".into()).is_err());
    assert!(update(|body| drop(body.as_object_mut().unwrap().remove("client_id"))).is_err());
    assert!(update(|body| body["client_secret"] = "short".into()).is_err());
    assert!(update(|body| body["registration_access_token"] = "x".into()).is_err());
    assert!(update(|body| body["registration_client_uri"] = "x".into()).is_err());
    assert!(update(|body| body["client_id_issued_at"] = 1.into()).is_err());
    assert!(update(|body| body["client_secret_expires_at"] = 0.into()).is_err());
    let (web, native) = (fixtures::application(ApplicationKind::Web), fixtures::application(ApplicationKind::Native));
    let made = read(&json!({"redirect_uris": [URL]})).unwrap();
    assert!(made.updates(&web, "client_secret_basic") && made.updates(&web, "client_secret_post"));
    assert!(!made.updates(&web, "private_key_jwt") && !made.updates(&native, "none"));
}

#[test]
fn rfc7591_keys_are_public_ones_that_we_can_use() {
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "1",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    });
    let with_keys = |keys: Value| {
        let mut body = with("token_endpoint_auth_method", json!("private_key_jwt"));
        body["jwks"] = keys;
        read(&body)
    };
    assert!(with_keys(json!({"keys": [key]})).unwrap().settings.client_keys.is_some());
    let (mut private, mut other) = (key.clone(), key.clone());
    private["d"] = "AQAB".into();
    other["crv"] = "P-384".into();
    for bad in [
        json!({"keys": [key, private]}),
        json!({"keys": [key, other]}),
        json!({"keys": [key, key]}),
        json!({"keys": []}),
        json!([]),
        json!(null),
    ] {
        assert_eq!(with_keys(bad).unwrap_err().error, OAuthError::InvalidClientMetadata);
    }
}

#[test]
fn f52_f54_doubled_members_and_long_bodies_are_refused() {
    let doubled = format!(r#"{{"redirect_uris":["{URL}"],"client_name":"a","client_name":"b"}}"#);
    assert!(Registration::read(doubled.as_bytes(), &fixtures::origin()).is_err());
    let long = with("x", "x".repeat(MAX_BYTES).into());
    assert!(read(&long).is_err());
}

proptest! {
    #[test]
    fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Registration::read(&body, &fixtures::origin());
    }

    #[test]
    fn whatever_is_accepted_stays_within_bounds(name in ".{0,90}", rest in "[a-z0-9.*#@:/]{1,40}") {
        let url = format!("https://{rest}");
        if let Ok(made) = read(&json!({"redirect_uris": [url], "client_name": name})) {
            prop_assert!(made.settings.third_party);
            let clean = parse_name(&made.name);
            prop_assert_eq!(clean.as_deref(), Ok(made.name.as_str()));
            prop_assert!(made.reply_urls.iter().all(|url| is_elsewhere(url, made.kind, &fixtures::origin())));
            prop_assert!(!rest.contains(['*', '#', '@']), "{}", url);
        }
    }

    // So that the property above is about something.
    #[test]
    fn public_names_are_accepted(name in "[a-z]{1,10}", path in "[a-z0-9/]{0,20}") {
        let url = format!("https://{name}.example/{path}");
        let made = read(&json!({"redirect_uris": [url]}));
        prop_assert!(made.is_ok());
    }
}
