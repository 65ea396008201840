//! RFC 9449: tokens bound to a key, and what a thief without it can do with them: nothing.

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
async fn c1_a_replayed_proof_is_an_event_and_one_that_wants_a_nonce_is_none() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path) = (ClientKey::generate("k"), token_path(&clinic));
    let proof = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let stale = key.proof(&Call::post(&app, &path, "b"), |_, claims| {
        claims["iat"] = (claims["iat"].as_i64().unwrap() - 61).into();
    });
    let second = code(&app, &clinic, &[]).await;
    assert_eq!(error(&redeemed(&app, &clinic, &second, Some(stale)).await), refused(400, "use_dpop_nonce"));
    let first = code(&app, &clinic, &[]).await;
    assert_eq!(redeemed(&app, &clinic, &first, Some(proof.clone())).await.status, 200);
    assert_eq!(told(&app, &clinic).await, [], "nothing is wrong with that");
    assert_eq!(error(&redeemed(&app, &clinic, &second, Some(proof)).await), refused(400, "invalid_dpop_proof"));
    let events = told(&app, &clinic).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].0, Some(clinic.application.id.to_string()));
    assert!(events[0].1.is_some(), "from where");
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
async fn c1_a_replayed_proof_is_one_event_a_minute_for_each_client_and_network() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let first = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(first.clone())).await.json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    // A nonce that is wanted is every client's way: nothing to tell.
    let stale = key.proof(&Call::post(&app, &path, "s"), |_, claims| claims["iat"] = 1.into());
    assert_eq!(error(&refreshed(&app, &clinic, refresh, Some(stale)).await), refused(400, "use_dpop_nonce"));
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(access), at: app.now().as_seconds() };
    let proof = key.proof(&call, |_, _| {});
    let mut browser = app.browser();
    assert_eq!(userinfo(&mut browser, &clinic, "DPoP", access, Some(proof.clone())).await.status, 200);
    assert!(told(&app, &clinic).await.is_empty());

    for network in [[203, 0, 113, 7], [198, 51, 100, 4]] {
        let mut thief = app.browser().at_ip(network);
        for _ in 0..3 {
            let page = userinfo(&mut thief, &clinic, "DPoP", access, Some(proof.clone())).await;
            assert_eq!(error(&page), refused(401, "invalid_dpop_proof"));
        }
    }
    // At the token endpoint too: it is the same client and network, so nothing more is told.
    assert_eq!(
        error(&refreshed(&app, &clinic, refresh, Some(first.clone())).await),
        refused(400, "invalid_dpop_proof")
    );
    let mut events = told(&app, &clinic).await;
    events.sort();
    let (id, why) = (Some(clinic.application.id.to_string()), "The DPoP proof has been used already.");
    let expected = ["198.51.100.4", "203.0.113.7"].map(|ip| (id.clone(), Some(ip.to_owned()), why.to_owned()));
    assert_eq!(events, expected);
    let log = app.rows(&["audit"]).await.concat();
    for secret in [access, refresh, proof.as_str(), first.as_str()] {
        assert!(!log.contains(secret), "c5: nothing that could be used");
    }
}

// Public clients prove nothing: proofs that are wrong come from anybody, and from any number of networks.
#[tokio::test(flavor = "multi_thread")]
async fn c1_proofs_that_anybody_can_spoil_neither_fill_the_log_nor_hide_a_stolen_one() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let proof = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(proof)).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(access), at: app.now().as_seconds() };
    let stolen = key.proof(&call, |_, _| {});
    let mut browser = app.browser();
    assert_eq!(userinfo(&mut browser, &clinic, "DPoP", access, Some(stolen.clone())).await.status, 200);

    let spare = code(&app, &clinic, &[]).await;
    let spoilt = key.proof(&Call::post(&app, &path, "c"), |header, _| header["alg"] = "none".into());
    let most = u8::try_from(TOLD_PER_HOUR.get()).unwrap();
    for network in 0..most + 20 {
        let mut anybody = app.browser().at_ip([203, 0, network, 7]);
        anybody.extra = vec![("dpop", spoilt.clone())];
        let page = redeem(&mut anybody, &clinic, &clinic.flow, &spare, &[]).await;
        assert_eq!(error(&page), refused(400, "invalid_dpop_proof"));
    }
    let spoils = told(&app, &clinic).await;
    assert_eq!(spoils.len(), usize::from(most), "bounded, whatever the networks");
    // From a network that has just been told of, and beyond every bound of the others.
    let mut thief = app.browser().at_ip([203, 0, 1, 7]);
    let page = userinfo(&mut thief, &clinic, "DPoP", access, Some(stolen)).await;
    assert_eq!(error(&page), refused(401, "invalid_dpop_proof"));
    let all = told(&app, &clinic).await;
    let news: Vec<_> = all.iter().filter(|event| !spoils.contains(event)).collect();
    assert_eq!(news.len(), 1, "{news:?}");
    assert_eq!(
        (news[0].1.as_deref(), news[0].2.as_str()),
        (Some("203.0.1.7"), "The DPoP proof has been used already.")
    );
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
async fn c1_a_grant_in_the_hands_of_another_key_is_an_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, thief, path) = (ClientKey::generate("k"), ClientKey::generate("t"), token_path(&clinic));
    let own = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(own)).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let before = app.durable().await;
    let stolen = thief.proof(&Call::post(&app, &path, "b"), |_, _| {});
    assert_eq!(error(&refreshed(&app, &clinic, refresh, Some(stolen)).await), refused(400, "invalid_grant"));
    assert_eq!(app.durable().await, before);
    let events = told(&app, &clinic).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].2, "The grant is bound to another key.");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_access_token_in_the_hands_of_another_key_is_an_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, thief) = (ClientKey::generate("k"), ClientKey::generate("t"));
    let (path, info) = (token_path(&clinic), userinfo_path(&clinic));
    let own = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(own)).await.json();
    let bound = tokens["access_token"].as_str().unwrap();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(bound), at: app.now().as_seconds() };
    let stolen = thief.proof(&call, |_, _| {});
    let page = userinfo(&mut app.browser(), &clinic, "DPoP", bound, Some(stolen)).await;
    assert_eq!(error(&page), refused(401, "invalid_token"));
    let events = told(&app, &clinic).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].2, "The access token is bound to another key.");
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

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_an_application_can_demand_a_key_and_a_nonce() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    strict(&app, &clinic, true).await;
    let (key, path) = (ClientKey::generate("k"), token_path(&clinic));
    let code = code(&app, &clinic, &[]).await;
    assert_eq!(error(&redeemed(&app, &clinic, &code, None).await), refused(400, "invalid_dpop_proof"));
    let asked = redeemed(&app, &clinic, &code, Some(key.proof(&Call::post(&app, &path, "a"), |_, _| {}))).await;
    assert_eq!(error(&asked), refused(400, "use_dpop_nonce"));
    let nonce = asked.header("dpop-nonce").unwrap();
    let with_nonce = |jti| {
        let nonce = nonce.clone();
        // The clock of this client is a year slow: the nonce stands for it.
        Some(key.proof(&Call::post(&app, &path, jti), move |_, claims| {
            claims["nonce"] = nonce.clone().into();
            claims["iat"] = (claims["iat"].as_i64().unwrap() - 31_536_000).into();
        }))
    };
    let proof = with_nonce("b");
    let tokens = redeemed(&app, &clinic, &code, proof.clone()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let refresh = tokens.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(error(&refreshed(&app, &clinic, &refresh, proof).await), refused(400, "invalid_dpop_proof"), "replayed");
    app.advance(5 * MINUTE);
    assert_eq!(error(&refreshed(&app, &clinic, &refresh, with_nonce("c")).await), refused(400, "use_dpop_nonce"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_client_credentials_follow_the_same_rules() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, _) = web_api(&app, &plain, "api://records").await;
    let allowed = permission(&api, &["read"]);
    let (clinic, secret) = register(&app, &plain, ApplicationKind::Web, |own| {
        own.settings.client_credentials = true;
        own.settings.require_dpop = true;
        own.settings.permissions = vec![allowed];
    })
    .await;
    let (key, path, id) = (ClientKey::generate("k"), token_path(&clinic), clinic.application.id.to_string());
    let ask = |proof: Option<String>| {
        let mut browser = app.browser();
        browser.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
        let (path, id, secret) = (path.clone(), id.clone(), secret.clone());
        async move {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", id.as_str()),
                ("client_secret", secret.as_str()),
                ("scope", "api://records/.default"),
            ];
            browser.post_bare(&path, &fields).await
        }
    };
    let with = |jti| key.proof(&Call::post(&app, &path, jti), |_, _| {});
    assert_eq!(error(&ask(None).await), refused(400, "invalid_dpop_proof"));
    let elsewhere = key.proof(&Call::post(&app, &userinfo_path(&clinic), "a"), |_, _| {});
    assert_eq!(error(&ask(Some(elsewhere)).await), refused(400, "invalid_dpop_proof"));
    let issued = || app.audited(clinic.tenant.id, Action::ApplicationTokenIssued, Outcome::Success);
    assert_eq!(issued().await, 0);
    let proof = with("b");
    let given = ask(Some(proof.clone())).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let given: Value = given.json();
    assert_eq!(given["token_type"], "DPoP");
    let claims = URL_SAFE_NO_PAD.decode(given["access_token"].as_str().unwrap().split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    assert_eq!(error(&ask(Some(proof)).await), refused(400, "invalid_dpop_proof"), "replayed_proof");
    assert_eq!(issued().await, 1);
}

async fn a_proof_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let proof = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(proof)).await.json();
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(&access), at: app.now().as_seconds() };
    let proof = key.proof(&call, |_, _| {});
    let tries = (0..100).map(|_| {
        let (mut browser, clinic, access, proof) = (app.browser(), clinic.clone(), access.clone(), proof.clone());
        async move {
            tokio::spawn(async move { userinfo(&mut browser, &clinic, "DPoP", &access, Some(proof)).await })
                .await
                .unwrap()
        }
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 401));
    // D5: kept an hour beyond its life, for a server whose clock is behind; then forgotten.
    app.advance(HOUR - SECOND);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("dpop_proofs").await, 2, "a server whose clock is behind would still take it");
    app.advance(MINUTE + 3 * SECOND);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("dpop_proofs").await, 0, "remembered no longer than that");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_concurrent_replays_one_winner() {
    a_proof_has_one_winner(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_concurrent_replays_one_winner_postgres() {
    a_proof_has_one_winner(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_a_device_follows_the_same_rules() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    change_application(&app, &clinic, |own| (own.settings.device, own.settings.require_dpop) = (true, true)).await;
    let (key, other, path) = (ClientKey::generate("k"), ClientKey::generate("k"), token_path(&clinic));
    let (code, user_code) = crate::device::codes(&app, &clinic).await;
    let mut run = crate::device::begin(&app, &clinic, &user_code).await;
    run.sign_in(NORA, PASSWORD).await;
    run.browser.get(&lanyard_app::paths::journey_return(&run.id)).await;
    let id = clinic.application.id.to_string();
    let ask = async |proof: Option<String>| {
        let mut device = app.browser();
        device.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        device.post_bare(&path, &[("grant_type", grant), ("client_id", &id), ("device_code", &code)]).await
    };
    let before = app.rows(&["grants", "device_codes", "refresh_tokens"]).await;
    assert_eq!(error(&ask(None).await), refused(400, "invalid_dpop_proof"));
    assert_eq!(app.rows(&["grants", "device_codes", "refresh_tokens"]).await, before, "the code is as good as it was");
    let tokens = ask(Some(key.proof(&Call::post(&app, &path, "a"), |_, _| {}))).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let tokens: Value = tokens.json();
    assert_eq!(tokens["token_type"], "DPoP");
    let access = tokens["access_token"].as_str().unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(access.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let stolen = refreshed(&app, &clinic, refresh, Some(other.proof(&Call::post(&app, &path, "b"), |_, _| {}))).await;
    assert_eq!(stolen.status, 400, "{}", stolen.text());
    let own = refreshed(&app, &clinic, refresh, Some(key.proof(&Call::post(&app, &path, "c"), |_, _| {}))).await;
    assert_eq!(own.status, 200, "{}", own.text());
}
