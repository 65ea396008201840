//! The authorization endpoint, module by module (`oidcc-basic-certification-test-plan`).

use lanyard_app::api::journey::StageView;
use lanyard_domain::clock::SECOND;

use super::*;
use crate::support::{journey::challenge, world::MARIA};

// A request with `more` leads to a journey whose end is a code.
async fn succeeds(more: &[(&str, &str)]) -> Value {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, more).await;
    assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
    assert_eq!(parameter(&back, "iss"), Some(issuer(&clinic)));
    id_token(&tokens(&mut run, &clinic, &back).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_response_type_missing() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut browser = app.browser();
    for kind in ["", "token", "code token", "id_token", "code id_token"] {
        let page = browser.get(&authorize(&clinic, &clinic.flow, &[("response_type", kind)])).await;
        let expected = match kind {
            "" => "invalid_request",
            "id_token" | "code id_token" => "unauthorized_client",
            _ => "unsupported_response_type",
        };
        assert_eq!(refused(&page, &clinic).0, expected, "{kind}");
    }
    assert_eq!(app.rows(&UNTOUCHED).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    assert_eq!(succeeds(&[("nonce", "")]).await.get("nonce"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    let claims = succeeds(&[
        ("client-request-id", "0190"),
        ("clidata", "1"),
        ("client_info", "1"),
        ("x-client-SKU", "msal.js.browser"),
        ("pocd", "1"),
        ("extra", "foobar"),
        ("claims", r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#),
    ])
    .await;
    assert_eq!(claims["nonce"], "n-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    succeeds(&[("code_challenge", &challenge()), ("code_challenge_method", "S256")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_display_page() {
    succeeds(&[("display", "page")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_display_popup() {
    succeeds(&[("display", "popup")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ui_locales() {
    succeeds(&[("ui_locales", "se de-AT")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_claims_locales() {
    succeeds(&[("claims_locales", "se")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    assert_eq!(succeeds(&[("acr_values", "1 2 aal1")]).await["acr"], "aal1");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_claims_essential() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let wish = r#"{"userinfo":{"name":{"essential":true}},"id_token":{"auth_time":{"essential":true}}}"#;
    let (mut run, back) = signed_in(&app, &clinic, &[("claims", wish)]).await;
    assert!(id_token(&tokens(&mut run, &clinic, &back).await)["auth_time"].is_number());
    let kept = app.rows(&["grants"]).await.concat();
    assert!(kept.contains(r#""userinfo_claims":["name"]"#), "{kept}");
    let before = app.rows(&UNTOUCHED).await;
    // Malformed, and a level that does not exist: told at once.
    let unknown = r#"{"id_token":{"acr":{"essential":true,"value":"loa4"}}}"#;
    for (claims, expected) in [("{", "invalid_request"), (unknown, "unmet_authentication_requirements")] {
        let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[("claims", claims)])).await;
        assert_eq!(refused(&page, &clinic).0, expected);
    }
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_login_hint() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[("login_hint", NORA)]), Via::Form).await;
    assert_eq!(run.view().await.values["email"], NORA);
    assert!(matches!(run.stage().await, StageView::SignIn { .. }), "a hint proves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_prompt_login() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let first = id_token(&tokens(&mut run, &clinic, &back).await);
    for prompt in ["login", "select_account", "no_session", "create"] {
        app.advance(2 * SECOND);
        let mut again =
            Run::at(run.browser.clone(), &authorize(&clinic, &clinic.flow, &[("prompt", prompt)]), Via::Form).await;
        if prompt == "create" {
            assert!(matches!(again.stage().await, StageView::SignUpEmail));
            continue;
        }
        assert!(matches!(again.stage().await, StageView::SignIn { .. }), "{prompt}");
        again.sign_in(NORA, PASSWORD).await;
        let back = again.back().await;
        let second = id_token(&tokens(&mut again, &clinic, &back).await);
        assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64(), "{prompt}");
        assert_eq!(second["sub"], first["sub"]);
        run = again;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_prompt_none_not_logged_in() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await;
    let (error, description) = refused(&page, &clinic);
    assert_eq!(error, "interaction_required");
    assert!(description.starts_with("AADB2C90077: "), "{description}");
    assert_eq!(app.rows(&UNTOUCHED).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_prompt_none_logged_in() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let first = id_token(&tokens(&mut run, &clinic, &back).await);
    app.advance(5 * SECOND);
    let back = run.browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await.location().unwrap();
    let second = id_token(&tokens(&mut run, &clinic, &back).await);
    for same in ["sub", "auth_time", "acr"] {
        assert_eq!(second[same], first[same], "{same}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_max_age_1() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    app.advance(2 * SECOND);
    let aged = authorize(&clinic, &clinic.flow, &[("max_age", "1")]);
    let silent = authorize(&clinic, &clinic.flow, &[("max_age", "1"), ("prompt", "none")]);
    assert_eq!(refused(&run.browser.get(&silent).await, &clinic).0, "interaction_required");
    let mut again = Run::at(run.browser.clone(), &aged, Via::Form).await;
    assert!(matches!(again.stage().await, StageView::SignIn { .. }));
    again.sign_in(NORA, PASSWORD).await;
    let back = again.back().await;
    let claims = id_token(&tokens(&mut again, &clinic, &back).await);
    assert_eq!(claims["auth_time"], app.now().as_seconds());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_max_age_10000() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    let at = app.now().as_seconds();
    app.advance(2 * SECOND);
    let back = run.browser.get(&authorize(&clinic, &clinic.flow, &[("max_age", "10000")])).await.location().unwrap();
    assert_eq!(id_token(&tokens(&mut run, &clinic, &back).await)["auth_time"], at);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_id_token_hint() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let token = tokens(&mut run, &clinic, &back).await["id_token"].as_str().unwrap().to_owned();
    let with =
        |hint: &str, prompt: &str| authorize(&clinic, &clinic.flow, &[("id_token_hint", hint), ("prompt", prompt)]);
    let back = run.browser.get(&with(&token, "none")).await.location().unwrap();
    assert!(parameter(&back, "code").is_some(), "{back}");
    let before = app.rows(&["grants", "sessions"]).await;
    // Altered, unsigned, of somebody else's making: no answer about whoever is signed in.
    let mut parts: Vec<&str> = token.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    (parts[0], parts[2]) = (&none, "");
    for bad in [parts.join("."), format!("{token}x"), "x.y.z".to_owned()] {
        assert_eq!(refused(&run.browser.get(&with(&bad, "none")).await, &clinic).0, "interaction_required");
        let page = run.browser.get(&with(&bad, "")).await;
        assert!(page.location().unwrap().starts_with("/journey/"), "a new sign-in");
    }
    assert_eq!(app.rows(&["grants", "sessions"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_id_token_hint_no_answer_is_about_somebody_else() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let hint = tokens(&mut run, &clinic, &back).await["id_token"].as_str().unwrap().to_owned();
    let sub = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, clinic.nora);
    for about_nora in [("id_token_hint", hint.as_str()), ("claims", sub.as_str())] {
        // Maria signs in where Nora was meant.
        let mut other = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[about_nora]), Via::Form).await;
        other.sign_in(MARIA, PASSWORD).await;
        let grants = app.rows(&["grants"]).await;
        let back = other.back().await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("login_required"), "{back}");
        assert_eq!((parameter(&back, "code"), parameter(&back, "iss")), (None, Some(issuer(&clinic))));
        assert_eq!(app.rows(&["grants"]).await, grants, "nothing was issued");
        // Nor does her session answer silently.
        let silent = authorize(&clinic, &clinic.flow, &[about_nora, ("prompt", "none")]);
        assert_eq!(refused(&other.browser.get(&silent).await, &clinic).0, "interaction_required");
        assert_eq!(app.rows(&["grants"]).await, grants);
    }
    let maria = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, clinic.maria);
    let both = authorize(&clinic, &clinic.flow, &[("id_token_hint", &hint), ("claims", &maria)]);
    assert_eq!(refused(&run.browser.get(&both).await, &clinic).0, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_request_uri_unsigned_and_unsigned_request_object() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let object = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
    for (name, value, expected) in [
        ("request", object.as_str(), "request_not_supported"),
        // f48: nothing is ever fetched.
        ("request_uri", "https://app.example/request.jwt", "request_uri_not_supported"),
        ("request_uri", "http://169.254.169.254/latest", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[(name, value)])).await;
        assert_eq!(refused(&page, &clinic).0, expected);
    }
    assert_eq!(app.rows(&UNTOUCHED).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn f52_repeated_parameters_are_refused() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let good = authorize(&clinic, &clinic.flow, &[]);
    for name in ["scope", "nonce", "prompt", "response_type", "code_challenge", "acr_values", "claims", "max_age"] {
        let page = app.browser().get(&format!("{good}&{name}=a&{name}=a")).await;
        assert_eq!(refused(&page, &clinic).0, "invalid_request", "{name}");
    }
    for name in ["client_id", "redirect_uri"] {
        let page = app.browser().get(&format!("{good}&{name}=https://app.example/callback")).await;
        assert_eq!((page.status.as_u16(), page.location()), (400, None), "{name}: never a redirect");
    }
    assert_eq!(app.rows(&UNTOUCHED).await, Vec::<String>::new());
}
