//! The discovery document (`oidcc-config-certification-test-plan`), in every form of its address.

use axum::{
    body::Body,
    http::{Method, Request},
};

use super::*;

async fn document(app: &TestApp, path: &str) -> Value {
    let page = app.browser().get(path).await;
    assert_eq!((page.status.as_u16(), page.location()), (200, None), "{path}: openid-client follows no redirect");
    assert_eq!(page.header("content-type").as_deref(), Some("application/json"), "{path}");
    assert_eq!(page.header("access-control-allow-origin").as_deref(), Some("*"), "{path}");
    page.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn config_oidcc_discovery_endpoint_verification() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // At the issuer's own address the issuer inside is that very address.
    let own = issuer(&clinic);
    let at_issuer = format!("{}.well-known/openid-configuration", own.strip_prefix("https://id.example").unwrap());
    let document = document(&app, &at_issuer).await;
    assert_eq!(document["issuer"], own);
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "end_session_endpoint",
        "jwks_uri",
        "pushed_authorization_request_endpoint",
    ] {
        assert!(document[name].as_str().unwrap().starts_with("https://id.example/"), "{name}");
    }
    let list = |name: &str| -> Vec<&str> {
        document[name].as_array().unwrap_or_else(|| panic!("{name}")).iter().map(|v| v.as_str().unwrap()).collect()
    };
    assert_eq!(list("response_types_supported"), ["code"]);
    assert_eq!(list("response_modes_supported"), ["query", "fragment", "form_post"]);
    assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
    assert_eq!(list("subject_types_supported"), ["public"]);
    assert_eq!(list("acr_values_supported"), ["aal1", "aal2"]);
    assert!(list("scopes_supported").contains(&"openid"));
    assert!(list("id_token_signing_alg_values_supported").contains(&"RS256"));
    assert!(!list("grant_types_supported").contains(&"implicit"));
    for (name, expected) in [
        ("claims_parameter_supported", true),
        ("request_parameter_supported", false),
        ("request_uri_parameter_supported", false),
        ("authorization_response_iss_parameter_supported", true),
        ("require_pushed_authorization_requests", false),
    ] {
        assert_eq!(document[name], expected, "{name}");
    }
    let keys: Value = app.browser().get(document["jwks_uri"].as_str().unwrap()).await.json();
    let ids: std::collections::BTreeSet<&str> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), keys["keys"].as_array().unwrap().len(), "every kid once");
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key["use"] == "sig" && key.get("d").is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn config_every_form_of_the_address_answers_at_once_and_keeps_its_form() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (domain, id) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
    let end = ".well-known/openid-configuration";
    for (path, form) in [
        (format!("/{domain}/B2C_1_SuSi/v2.0/{end}"), format!("/{domain}/b2c_1_susi/oauth2/v2.0/authorize")),
        (format!("/{domain}/b2c_1_susi/{end}"), format!("/{domain}/b2c_1_susi/oauth2/v2.0/authorize")),
        (format!("//{domain}//b2c_1_susi/v2.0//{end}"), format!("/{domain}/b2c_1_susi/oauth2/v2.0/authorize")),
        (format!("/TFP/{id}/B2C_1_SUSI/v2.0/{end}"), format!("/tfp/{id}/b2c_1_susi/oauth2/v2.0/authorize")),
        (format!("/{domain}/v2.0/{end}?p=B2C_1_SUSI"), format!("/{domain}/oauth2/v2.0/authorize?p=b2c_1_susi")),
    ] {
        let document = document(&app, &path).await;
        assert_eq!(document["authorization_endpoint"], format!("https://id.example{form}"), "{path}");
        assert_eq!(document["issuer"], issuer(&clinic), "{path}: whatever form was used");
        let head = Request::head(&path).body(Body::empty()).unwrap();
        let head = app.browser().send(head).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_tells_what_at_least_one_linked_application_may_use() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| {
        application.settings.hybrid = true;
        application.settings.implicit_id_token = true;
        application.settings.require_pushed_requests = true;
    })
    .await;
    let path = endpoint(&clinic, "v2.0/.well-known/openid-configuration");
    let told = document(&app, &path).await;
    assert_eq!(told["response_types_supported"], serde_json::json!(["code", "code id_token", "id_token"]));
    assert!(told["grant_types_supported"].as_array().unwrap().contains(&"implicit".into()));
    assert_eq!(told["require_pushed_authorization_requests"], true);
    // The other clinic's flows know nothing of it.
    let other = app.world.mfa.clone();
    let told = document(&app, &endpoint(&other, "v2.0/.well-known/openid-configuration")).await;
    assert_eq!(told["response_types_supported"], serde_json::json!(["code"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn config_a_wrong_method_is_405_and_says_which_are_right() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    for (path, method, allowed) in [
        ("v2.0/.well-known/openid-configuration", Method::POST, "GET, HEAD"),
        ("discovery/v2.0/keys", Method::DELETE, "GET, HEAD"),
        ("oauth2/v2.0/authorize", Method::PUT, "GET, POST"),
        ("oauth2/v2.0/authorize", Method::HEAD, "GET, POST"),
        ("oauth2/v2.0/token", Method::GET, "POST"),
        ("oauth2/v2.0/par", Method::GET, "POST"),
        ("oauth2/v2.0/logout", Method::PATCH, "GET, POST"),
        ("openid/v2.0/userinfo", Method::DELETE, "GET, POST"),
    ] {
        let page = app.browser().post_raw(&endpoint(&clinic, path), method.clone(), "text/plain", "").await;
        assert_eq!(page.status, 405, "{method} {path}");
        assert_eq!(page.header("allow").as_deref(), Some(allowed), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_the_flow_by_query_works_with_forms_too() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let at = |path: &str| format!("/{}/{path}?p=B2C_1_SUSI", clinic.tenant.domain.as_str().to_uppercase());
    let (client, code) = (clinic.application.id.to_string(), parameter(&back, "code").unwrap());
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", crate::support::world::REPLY),
        ("code_verifier", crate::support::journey::VERIFIER),
    ];
    let answer = run.browser.post_bare(&at("oauth2/v2.0/token"), &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json::<Value>()["access_token"].as_str().unwrap().to_owned();
    let info = run.browser.post_bare(&at("openid/v2.0/userinfo"), &[("access_token", token.as_str())]).await;
    assert_eq!(info.json::<Value>()["sub"], clinic.nora.to_string());
    let pushed = run.browser.post_bare(&at("oauth2/v2.0/par"), &[("client_id", client.as_str())]).await;
    assert_eq!(pushed.status, 400, "{}", pushed.text());
    // Two flows in one address are none.
    let twice = format!("{}&p=B2C_1_edit", at("oauth2/v2.0/token"));
    assert_eq!(run.browser.post_bare(&twice, &form).await.status, 404);
}
