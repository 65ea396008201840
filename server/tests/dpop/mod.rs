//! RFC 9449: tokens bound to a key, and what a thief without it can do with them: nothing.

mod grants;
mod log;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use lanyard_domain::{
    application::ApplicationKind,
    audit::{Action, Outcome},
    clock::{HOUR, MINUTE, SECOND},
};
use serde_json::{Value, json};

use crate::oidc::{
    change_application,
    clients::{permission, register, web_api},
};
use crate::support::{
    Clinic, PASSWORD, Page, Run, TestApp, Via,
    app::Options,
    browser::{Browser, encode},
    client_key::{Call, ClientKey},
    journey::{VERIFIER, authorize, place, redeem},
    world::{NORA, REPLY},
};
use lanyard_server::http::limit::TOLD_PER_HOUR;

fn token_path(clinic: &Clinic) -> String {
    format!("{}/oauth2/v2.0/token", place(clinic, &clinic.flow))
}

fn userinfo_path(clinic: &Clinic) -> String {
    format!("{}/openid/v2.0/userinfo", place(clinic, &clinic.flow))
}

// Nora's code, and a browser without anything.
async fn code(app: &TestApp, clinic: &Clinic, more: &[(&str, &str)]) -> String {
    let mut run = Run::at(app.browser(), &authorize(clinic, &clinic.flow, more), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await
}

async fn redeemed(app: &TestApp, clinic: &Clinic, code: &str, proof: Option<String>) -> Page {
    let mut browser = app.browser();
    browser.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
    redeem(&mut browser, clinic, &clinic.flow, code, &[]).await
}

async fn refreshed(app: &TestApp, clinic: &Clinic, token: &str, proof: Option<String>) -> Page {
    let mut browser = app.browser();
    browser.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
    crate::support::journey::refresh(&mut browser, clinic, &clinic.flow, token).await
}

async fn userinfo(browser: &mut Browser, clinic: &Clinic, scheme: &str, token: &str, proof: Option<String>) -> Page {
    browser.extra = vec![("authorization", format!("{scheme} {token}"))];
    browser.extra.extend(proof.map(|proof| ("dpop", proof)));
    browser.get(&userinfo_path(clinic)).await
}

fn error(page: &Page) -> (u16, String) {
    (page.status.as_u16(), page.json::<Value>()["error"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

async fn strict(app: &TestApp, clinic: &Clinic, nonce: bool) {
    change_application(app, clinic, |own| {
        (own.settings.require_dpop, own.settings.require_dpop_nonce) = (true, nonce);
    })
    .await;
}

// What the log has to say of proofs: on which application, from where, and why.
async fn told(app: &TestApp, clinic: &Clinic) -> Vec<(Option<String>, Option<String>, String)> {
    let events = app.audit(clinic.tenant.id).await.into_iter().filter(|event| event.action == Action::ProofRefused);
    events
        .map(|event| {
            assert_eq!((event.outcome, event.actor), (Outcome::Failure, None));
            (event.target, event.ip, event.detail["why"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_tokens_are_bound_to_the_key_and_good_with_it() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path) = (ClientKey::generate("k"), token_path(&clinic));
    let code = code(&app, &clinic, &[]).await;
    let tokens = redeemed(&app, &clinic, &code, Some(key.proof(&Call::post(&app, &path, "a"), |_, _| {}))).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let tokens: Value = tokens.json();
    assert_eq!(tokens["token_type"], "DPoP");
    let access = tokens["access_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(access.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));

    let info = userinfo_path(&clinic);
    let at = app.now().as_seconds();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(access), at };
    let mut browser = app.browser();
    let answer = userinfo(&mut browser, &clinic, "DPoP", access, Some(key.proof(&call, |_, _| {}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Another spelling of the address, and the proof says so.
    let upper = info.to_ascii_uppercase();
    let call = Call { jti: "c", path: &upper, ..call };
    browser.extra = vec![("authorization", format!("dpop {access}")), ("dpop", key.proof(&call, |_, _| {}))];
    assert_eq!(browser.get(&upper).await.status, 200);

    let proof = key.proof(&Call::post(&app, &path, "d"), |_, _| {});
    let next = refreshed(&app, &clinic, tokens["refresh_token"].as_str().unwrap(), Some(proof)).await;
    assert_eq!((next.status.as_u16(), next.json::<Value>()["token_type"].clone()), (200, "DPoP".into()));
    let path = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
    let document: Value = app.browser().get(&path).await.json();
    assert_eq!(document["dpop_signing_alg_values_supported"][0], "ES256");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_bad_proofs_at_the_token_endpoint_are_refused_and_leave_the_code_alone() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path) = (ClientKey::generate("k"), token_path(&clinic));
    let code = code(&app, &clinic, &[]).await;
    let before = app.durable().await;
    type Change = fn(&mut Value, &mut Value);
    let attacks: [(&str, Change, &str); 10] = [
        ("other_method", |_, claims| claims["htm"] = "GET".into(), "invalid_dpop_proof"),
        ("other_url", |_, claims| claims["htu"] = "https://evil.example/token".into(), "invalid_dpop_proof"),
        ("stale_iat", |_, claims| claims["iat"] = (claims["iat"].as_i64().unwrap() - 61).into(), "use_dpop_nonce"),
        ("early_iat", |_, claims| claims["iat"] = (claims["iat"].as_i64().unwrap() + 61).into(), "use_dpop_nonce"),
        ("foreign_nonce", |_, claims| claims["nonce"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(), "use_dpop_nonce"),
        ("alg_none", |header, _| header["alg"] = "none".into(), "invalid_dpop_proof"),
        ("alg_hs256", |header, _| header["alg"] = "HS256".into(), "invalid_dpop_proof"),
        ("private_key", |header, _| header["jwk"]["d"] = "AQAB".into(), "invalid_dpop_proof"),
        ("other_kind", |header, _| header["typ"] = "at+jwt".into(), "invalid_dpop_proof"),
        ("no_jti", |_, claims| claims["jti"] = Value::Null, "invalid_dpop_proof"),
    ];
    for (attack, change, expected) in attacks {
        let page = redeemed(&app, &clinic, &code, Some(key.proof(&Call::post(&app, &path, "j"), change))).await;
        assert_eq!(error(&page), refused(400, expected), "{attack}");
        assert_eq!(page.header("dpop-nonce").is_some(), expected == "use_dpop_nonce", "{attack}");
    }
    // Two proofs at once, a mutilated one, and one that is no text.
    let good = key.proof(&Call::post(&app, &path, "j"), |_, _| {});
    for bad in [format!("{good}x"), "x".to_owned(), String::new(), "a".repeat(10_000)] {
        assert_eq!(error(&redeemed(&app, &clinic, &code, Some(bad)).await), refused(400, "invalid_dpop_proof"));
    }
    assert_eq!(app.durable().await, before);
    assert_eq!(redeemed(&app, &clinic, &code, Some(good)).await.status, 200, "the code is still good");
    let mut told: Vec<String> = told(&app, &clinic).await.into_iter().map(|event| event.2).collect();
    let events = told.len();
    told.sort();
    told.dedup();
    assert!(events == told.len() && events < attacks.len(), "c1: once a minute for a reason and a network: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_bearer_downgrade_other_key_missing_ath_and_replayed_proof_are_refused_at_userinfo() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let bound = redeemed(
        &app,
        &clinic,
        &code(&app, &clinic, &[]).await,
        Some(key.proof(&Call::post(&app, &path, "a"), |_, _| {})),
    )
    .await;
    let bound = bound.json::<Value>()["access_token"].as_str().unwrap().to_owned();
    let free = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, None).await.json::<Value>();
    assert_eq!(free["token_type"], "Bearer");
    let free = free["access_token"].as_str().unwrap().to_owned();
    let (mut browser, at) = (app.browser(), app.now().as_seconds());
    let call = |jti, token| Call { jti, method: "GET", path: &info, token, at };
    let good = |jti, token| key.proof(&call(jti, token), |_, _| {});
    let cases = [
        ("bearer_downgrade", "Bearer", &bound, None, "invalid_token"),
        ("bearer_with_proof", "Bearer", &bound, Some(good("b", Some(&bound[..]))), "invalid_token"),
        ("no_proof", "DPoP", &bound, None, "invalid_token"),
        (
            "other_key",
            "DPoP",
            &bound,
            Some(ClientKey::generate("k").proof(&call("c", Some(&bound[..])), |_, _| {})),
            "invalid_token",
        ),
        ("missing_ath", "DPoP", &bound, Some(good("d", None)), "invalid_dpop_proof"),
        ("ath_of_another", "DPoP", &bound, Some(good("e", Some(&free[..]))), "invalid_dpop_proof"),
        ("unbound_token", "DPoP", &free, Some(good("f", Some(&free[..]))), "invalid_token"),
        (
            "proof_for_the_token_endpoint",
            "DPoP",
            &bound,
            Some(key.proof(&Call::post(&app, &path, "g"), |_, _| {})),
            "invalid_dpop_proof",
        ),
    ];
    for (attack, scheme, token, proof, expected) in cases {
        let page = userinfo(&mut browser, &clinic, scheme, token, proof).await;
        assert_eq!(error(&page), refused(401, expected), "{attack}");
        let challenge = page.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(&format!("{scheme} error=\"{expected}\"")), "{attack}: {challenge}");
        assert!(!page.says("nora"), "{attack}");
    }
    let proof = good("h", Some(&bound[..]));
    assert_eq!(userinfo(&mut browser, &clinic, "DPoP", &bound, Some(proof.clone())).await.status, 200);
    let replayed = userinfo(&mut browser, &clinic, "DPoP", &bound, Some(proof)).await;
    assert_eq!(error(&replayed), refused(401, "invalid_dpop_proof"), "replayed_proof");
}

// What an operator changed while a body was on its way holds for the request: nothing is read before it.
#[tokio::test(flavor = "multi_thread")]
async fn d5_a_change_that_is_made_while_a_slow_body_arrives_holds_for_the_request() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // From here on the application is at hand, as it was then.
    let first = code(&app, &clinic, &[]).await;
    assert_eq!(redeemed(&app, &clinic, &first, None).await.status, 200);
    let code = code(&app, &clinic, &[]).await;
    let (begun, begins) = tokio::sync::oneshot::channel::<()>();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let client = clinic.application.id.to_string();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", REPLY),
        ("code_verifier", VERIFIER),
    ];
    let form = encode(&fields);
    let body = futures::stream::once(async move {
        begun.send(()).unwrap();
        gone.await.unwrap();
        Ok::<_, std::io::Error>(form)
    });
    let (mut browser, path) = (app.browser(), token_path(&clinic));
    let slow = tokio::spawn(async move {
        let body = axum::body::Body::from_stream(body);
        browser.post_raw(&path, axum::http::Method::POST, "application/x-www-form-urlencoded", body).await
    });
    begins.await.unwrap();
    strict(&app, &clinic, false).await;
    let before = app.durable().await;
    go.send(()).unwrap();
    assert_eq!(error(&slow.await.unwrap()), refused(400, "invalid_dpop_proof"), "a proof is asked for by now");
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_codes_and_refresh_tokens_of_public_clients_need_their_own_key() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, thief, path) = (ClientKey::generate("k"), ClientKey::generate("k"), token_path(&clinic));
    let bad = authorize(&clinic, &clinic.flow, &[("dpop_jkt", "short")]);
    assert!(app.browser().get(&bad).await.location().unwrap().contains("error=invalid_request"));

    let bound = code(&app, &clinic, &[("dpop_jkt", &key.thumbprint())]).await;
    let before = app.durable().await;
    let with = |key: &ClientKey, jti| Some(key.proof(&Call::post(&app, &path, jti), |_, _| {}));
    assert_eq!(error(&redeemed(&app, &clinic, &bound, with(&thief, "a")).await), refused(400, "invalid_grant"));
    assert_eq!(error(&redeemed(&app, &clinic, &bound, None).await), refused(400, "invalid_dpop_proof"));
    assert_eq!(app.durable().await, before);
    let tokens: Value = redeemed(&app, &clinic, &bound, with(&key, "b")).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();

    let before = app.durable().await;
    assert_eq!(error(&refreshed(&app, &clinic, refresh, with(&thief, "c")).await), refused(400, "invalid_grant"));
    assert_eq!(error(&refreshed(&app, &clinic, refresh, None).await), refused(400, "invalid_dpop_proof"));
    assert_eq!(app.durable().await, before, "a stolen refresh token does not even end the family");
    assert_eq!(refreshed(&app, &clinic, refresh, with(&key, "d")).await.status, 200);
}
