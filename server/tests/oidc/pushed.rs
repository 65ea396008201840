//! Pushed authorization requests (RFC 9126).

use lanyard_app::{
    api::journey::{JourneyView, StageView},
    paths,
};
use lanyard_domain::{
    application::{ApplicationKind, ClientSecret},
    clock::SECOND,
    secret::Token,
};

use super::*;
use crate::support::{
    Browser,
    client_key::{Call, ClientKey},
    world::{self, REPLY},
};

// What `authorize` puts into an address, as a form to push.
fn request(clinic: &Clinic, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let address = authorize(clinic, &clinic.flow, more);
    serde_urlencoded::from_str(address.split_once('?').unwrap().1).unwrap()
}

async fn push(browser: &mut Browser, clinic: &Clinic, fields: &[(String, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    browser.post_bare(&endpoint(clinic, "oauth2/v2.0/par"), &fields).await
}

async fn pushed(app: &TestApp, clinic: &Clinic, more: &[(&str, &str)]) -> String {
    let answer = push(&mut app.browser(), clinic, &request(clinic, more)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let answer: Value = answer.json();
    assert_eq!(answer["expires_in"], 90);
    answer["request_uri"].as_str().unwrap().to_owned()
}

fn by_reference(clinic: &Clinic, request_uri: &str, more: &[(&str, &str)]) -> String {
    let id = clinic.application.id.to_string();
    let mut fields = vec![("client_id", id.as_str()), ("request_uri", request_uri)];
    fields.extend(more);
    format!("{}?{}", endpoint(clinic, "oauth2/v2.0/authorize"), crate::support::browser::encode(&fields))
}

// An error page, no redirect; the database is as before.
async fn assert_gone(app: &TestApp, address: &str) {
    let before = app.rows(&UNTOUCHED).await;
    let page = app.browser().get(address).await;
    assert_eq!((page.status.as_u16(), page.location(), page.refresh()), (400, None, None), "{}", page.text());
    assert!(page.says("AADB2C90083"), "{}", page.text());
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_a_pushed_request_leads_to_a_code() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let uri = pushed(&app, &clinic, &[("acr_values", "aal1"), ("login_hint", NORA)]).await;
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:") && uri.len() == 34 + 43, "256 bits: {uri}");
    let rows = app.rows(&["pushed_requests"]).await.concat();
    let secret = uri.rsplit(':').next().unwrap();
    assert!(!rows.contains(secret) && !rows.contains(NORA), "hashed and sealed: {rows}");
    let mut run = Run::at(app.browser(), &by_reference(&clinic, &uri, &[]), Via::Form).await;
    assert_eq!(app.count("pushed_requests").await, 0, "used up");
    run.sign_in(NORA, PASSWORD).await;
    let back = run.back().await;
    assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
    assert_eq!(parameter(&back, "iss"), Some(issuer(&clinic)));
    assert_eq!(id_token(&tokens(&mut run, &clinic, &back).await)["nonce"], "n-1");
    // Silent, by POST: the same.
    let uri = pushed(&app, &clinic, &[("prompt", "none")]).await;
    let id = clinic.application.id.to_string();
    let fields = [("client_id", id.as_str()), ("request_uri", uri.as_str())];
    let page = run.browser.post_bare(&endpoint(&clinic, "oauth2/v2.0/authorize"), &fields).await;
    assert!(parameter(&page.location().unwrap(), "code").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_a_replayed_an_expired_and_an_invented_reference_are_pages() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let uri = pushed(&app, &clinic, &[]).await;
    let address = by_reference(&clinic, &uri, &[]);
    assert_eq!(app.browser().get(&address).await.status, 303);
    assert_gone(&app, &address).await;
    let late = pushed(&app, &clinic, &[]).await;
    app.advance(89 * SECOND);
    let in_time = pushed(&app, &clinic, &[]).await;
    app.advance(SECOND);
    assert_gone(&app, &by_reference(&clinic, &late, &[])).await;
    app.advance(88 * SECOND);
    assert_eq!(app.browser().get(&by_reference(&clinic, &in_time, &[])).await.status, 303);
    let invented = Token::generate(app.app.entropy().as_mut());
    for uri in [invented.expose(), "", "x", "../../etc/passwd"] {
        assert_gone(&app, &by_reference(&clinic, &format!("urn:ietf:params:oauth:request_uri:{uri}"), &[])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_a_reference_of_another_client_flow_or_tenant_is_not_used_up() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let other = world::application(&app.app, &clinic.tenant, "Other app", ApplicationKind::SinglePage);
    let (made, flow) = (other.clone(), clinic.flow.id);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_application(&made).await?;
                tx.link_flow(made.tenant, made.id, flow).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let uri = pushed(&app, &clinic, &[]).await;
    let with_other = Clinic { application: other, ..clinic.clone() };
    assert_gone(&app, &by_reference(&with_other, &uri, &[])).await;
    let at_edit = Clinic { flow: clinic.edit.clone(), ..clinic.clone() };
    assert_gone(&app, &by_reference(&at_edit, &uri, &[])).await;
    let elsewhere = Clinic { application: clinic.application.clone(), ..app.world.mfa.clone() };
    assert_gone(&app, &by_reference(&elsewhere, &uri, &[])).await;
    assert_eq!(app.browser().get(&by_reference(&clinic, &uri, &[])).await.status, 303, "its own client");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_parameters_beside_the_reference_are_not_mixed_in() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let uri = pushed(&app, &clinic, &[("acr_values", "aal1"), ("prompt", "login")]).await;
    let mixed = [
        ("redirect_uri", "https://evil.example/"),
        ("state", "evil"),
        ("nonce", "evil"),
        ("scope", "openid email"),
        ("prompt", "none"),
        ("response_mode", "fragment"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cA"),
    ];
    let mut run = Run::at(app.browser(), &by_reference(&clinic, &uri, &mixed), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let back = run.back().await;
    assert!(back.starts_with(&format!("{REPLY}?")), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
    let tokens = tokens(&mut run, &clinic, &back).await;
    assert_eq!((&id_token(&tokens)["nonce"], &tokens["scope"]), (&"n-1".into(), &"openid offline_access".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_what_would_be_refused_is_refused_when_it_is_pushed() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let before = app.rows(&UNTOUCHED).await;
    for (more, expected) in [
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", "code id_token"), "unauthorized_client"),
        (("scope", "openid https://api.example/read"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("request", "e30.e30."), "request_not_supported"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("request_uri", "https://app.example/r"), "invalid_request"),
        (("claims", "{"), "invalid_request"),
        (("client_id", "018f0000-0000-7000-8000-000000000000"), "invalid_client"),
    ] {
        let mut page = app.browser();
        page.extra = vec![("origin", "https://app.example".into())];
        let answer = push(&mut page, &clinic, &request(&clinic, &[more])).await;
        let status = if expected == "invalid_client" { 401 } else { 400 };
        assert_eq!(answer.status, status, "{more:?}: {}", answer.text());
        assert_eq!(answer.json::<Value>()["error"], expected, "{more:?}");
        let readable = (status == 400).then_some("https://app.example");
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), readable, "errors too");
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    }
    let mut twice = request(&clinic, &[]);
    twice.push(("state".into(), "x".into()));
    assert_eq!(push(&mut app.browser(), &clinic, &twice).await.status, 400, "f52");
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_a_confidential_client_proves_itself_when_it_pushes() {
    let app = TestApp::new().await;
    let secret = Token::generate(app.app.entropy().as_mut());
    let mut web = world::application(&app.app, &app.world.plain.tenant, "Web app", ApplicationKind::Web);
    web.secrets = vec![ClientSecret { hash: secret.hash(), hint: "abcd".to_owned(), created_at: app.now() }];
    let clinic = Clinic { application: web.clone(), ..app.world.plain.clone() };
    let flow = clinic.flow.id;
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_application(&web).await?;
                tx.link_flow(web.tenant, web.id, flow).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let stranger = Token::generate(app.app.entropy().as_mut());
    for wrong in ["", "x", stranger.expose()] {
        let answer = push(&mut app.browser(), &clinic, &request(&clinic, &[("client_secret", wrong)])).await;
        assert_eq!((answer.status.as_u16(), app.count("pushed_requests").await), (401, 0), "{}", answer.text());
    }
    let answer = push(&mut app.browser(), &clinic, &request(&clinic, &[("client_secret", secret.expose())])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let mut basic = app.browser();
    let pair = format!("{}:{}", clinic.application.id, secret.expose());
    let header = base64::engine::general_purpose::STANDARD.encode(pair);
    basic.extra = vec![("authorization", format!("Basic {header}"))];
    let answer = push(&mut basic, &clinic, &request(&clinic, &[("client_id", "")])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let uri = answer.json::<Value>()["request_uri"].as_str().unwrap().to_owned();
    assert_eq!(app.browser().get(&by_reference(&clinic, &uri, &[])).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_an_application_that_must_push_cannot_ask_by_a_browser() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| application.settings.require_pushed_requests = true).await;
    for prompt in ["", "none"] {
        let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[("prompt", prompt)])).await;
        assert_eq!(refused(&page, &clinic).0, "invalid_request");
    }
    assert_eq!(app.rows(&UNTOUCHED).await, Vec::<String>::new());
    let uri = pushed(&app, &clinic, &[]).await;
    let mut run = Run::at(app.browser(), &by_reference(&clinic, &uri, &[]), Via::Form).await;
    // "Start again" pushes on its behalf, and the reference works once.
    let view: JourneyView = app.browser().get(&paths::api_journey(&run.id)).await.json();
    let StageView::Over { start_again: Some(address), .. } = view.stage else { panic!("{view:?}") };
    let mut browser = app.browser();
    let to = browser.get(&address).await.location().unwrap();
    assert!(to.contains("request_uri=urn"), "{to}");
    let mut again = Run::at(browser, &to, Via::Form).await;
    assert_gone(&app, &to).await;
    for run in [&mut run, &mut again] {
        run.sign_in(NORA, PASSWORD).await;
        let back = run.back().await;
        assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
        tokens(run, &clinic, &back).await;
    }
    for wrong in ["018f0000-0000-7000-8000-000000000000", "x"] {
        assert_eq!(app.browser().get(&paths::journey_again(wrong)).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_concurrent_uses_of_one_reference_one_winner() {
    for options in [crate::support::Options::default(), crate::support::Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let address = by_reference(&clinic, &pushed(&app, &clinic, &[]).await, &[]);
        let tries = (0..20).map(|_| {
            let (mut browser, address) = (app.browser(), address.clone());
            tokio::spawn(async move { browser.get(&address).await.status.as_u16() })
        });
        let mut begun = 0;
        for answer in tries.collect::<Vec<_>>() {
            match answer.await.unwrap() {
                303 => begun += 1,
                status => assert_eq!(status, 400),
            }
        }
        assert_eq!((begun, app.count("journeys").await), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f54_a_pushed_request_keeps_known_parameters_and_16_kb_at_most() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (blank, long) = ("a".repeat(60_000), "!".repeat(8_000));
    // What nobody reads is not kept, however long it is.
    let before = app.rows(&["pushed_requests"]).await;
    assert!(before.is_empty());
    let uri = pushed(&app, &clinic, &[("x", &blank)]).await;
    let kept = app.rows(&["pushed_requests"]).await.concat();
    assert!(kept.len() < 4_000, "{}", kept.len());
    assert_eq!(app.browser().get(&by_reference(&clinic, &uri, &[])).await.status, 303);
    // What is read has its bound, before anything is stored, and no request that was taken fails.
    for field in ["login_hint", "acr_values", "display", "state", "claims"] {
        for value in [&blank, &long] {
            let answer = push(&mut app.browser(), &clinic, &request(&clinic, &[(field, value)])).await;
            assert_eq!(answer.status, 400, "{field}: {}", answer.text());
            assert_eq!(answer.json::<Value>()["error"], "invalid_request");
        }
    }
    assert_eq!(app.count("pushed_requests").await, 0);
    let uri = pushed(&app, &clinic, &[("login_hint", &"!".repeat(4_000))]).await;
    assert_eq!(app.browser().get(&by_reference(&clinic, &uri, &[])).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_to_push_for_a_public_client_is_to_begin_a_journey() {
    let mut options = crate::support::Options::default();
    (options.config.limits.per_address_per_second, options.config.limits.per_address_burst) = (1, 2);
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    for expected in [201, 201, 429] {
        let mut browser = app.browser();
        browser.extra = vec![("origin", "https://app.example".into())];
        let answer = push(&mut browser, &clinic, &request(&clinic, &[])).await;
        assert_eq!(answer.status, expected, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("https://app.example"));
        assert_eq!(answer.header("retry-after").as_deref(), (expected == 429).then_some("1"));
    }
    assert_eq!(app.count("pushed_requests").await, 2);
    let elsewhere = &mut app.browser().at_ip([198, 51, 100, 1]);
    assert_eq!(push(elsewhere, &clinic, &request(&clinic, &[])).await.status, 201, "one network, not another");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_a_proof_at_par_binds_the_code() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (own, other) = (ClientKey::generate("k"), ClientKey::generate("k"));
    let (par, token) = (endpoint(&clinic, "oauth2/v2.0/par"), endpoint(&clinic, "oauth2/v2.0/token"));
    let mut client = app.browser();
    client.extra = vec![("dpop", own.proof(&Call::post(&app, &par, "j-1"), |_, _| {}))];
    // Another key in the request, and a proof of another place.
    let wrong = request(&clinic, &[("dpop_jkt", &"A".repeat(43))]);
    let answer = push(&mut client, &clinic, &wrong).await;
    assert_eq!(answer.json::<Value>()["error"], "invalid_dpop_proof", "{}", answer.text());
    client.extra = vec![("dpop", own.proof(&Call::post(&app, &token, "j-2"), |_, _| {}))];
    let answer = push(&mut client, &clinic, &request(&clinic, &[])).await;
    assert_eq!((answer.status.as_u16(), app.count("pushed_requests").await), (400, 0), "{}", answer.text());
    client.extra = vec![("dpop", own.proof(&Call::post(&app, &par, "j-3"), |_, _| {}))];
    let answer = push(&mut client, &clinic, &request(&clinic, &[])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let uri = answer.json::<Value>()["request_uri"].as_str().unwrap().to_owned();
    let again = push(&mut client, &clinic, &request(&clinic, &[])).await;
    assert_eq!(again.json::<Value>()["error"], "invalid_dpop_proof", "a proof works once");
    let (action, outcome) = (lanyard_domain::audit::Action::ProofRefused, lanyard_domain::audit::Outcome::Failure);
    assert_eq!(
        app.audited(clinic.tenant.id, action, outcome).await,
        3,
        "c1: another key, another place, and once more"
    );
    let mut run = Run::at(app.browser(), &by_reference(&clinic, &uri, &[]), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let code = run.code().await;
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    for proof in [None, Some(other.proof(&Call::post(&app, &token, "j-4"), |_, _| {}))] {
        run.browser.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
        assert_eq!(redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.status, 400);
    }
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
    run.browser.extra = vec![("dpop", own.proof(&Call::post(&app, &token, "j-5"), |_, _| {}))];
    let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn f34_d5_a_proof_is_remembered_by_a_clock_that_is_ahead() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let par = endpoint(&clinic, "oauth2/v2.0/par");
    let mut client = app.browser();
    client.extra = vec![("dpop", ClientKey::generate("k").proof(&Call::post(&app, &par, "j-1"), |_, _| {}))];
    assert_eq!(push(&mut client, &clinic, &request(&clinic, &[])).await.status, 201);
    // Another process, whose clock is two minutes ahead, cleans up.
    lanyard_server::jobs::clean_up::once(&app.app, app.now().plus(120 * SECOND)).await.unwrap();
    let before = app.rows(&UNTOUCHED).await;
    let again = push(&mut client, &clinic, &request(&clinic, &[])).await;
    assert_eq!(again.json::<Value>()["error"], "invalid_dpop_proof");
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn u10_another_browser_is_not_told_the_login_hint() {
    for always_pushed in [false, true] {
        let app = TestApp::new().await;
        let clinic =
            clinic_with(&app, |application| application.settings.require_pushed_requests = always_pushed).await;
        let wish = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, clinic.nora);
        let uri = pushed(&app, &clinic, &[("login_hint", NORA), ("claims", &wish)]).await;
        let mut run = Run::at(app.browser(), &by_reference(&clinic, &uri, &[]), Via::Form).await;
        assert!(run.page().await.says(NORA), "its own browser");
        let mut other = app.browser();
        let text = other.get(&paths::api_journey(&run.id)).await.text();
        assert!(!text.contains("nora") && !text.contains(&clinic.nora.to_string()), "{text}");
        let view: JourneyView = serde_json::from_str(&text).unwrap();
        let StageView::Over { start_again: Some(address), .. } = view.stage else { panic!("{view:?}") };
        let began = other.get(&address).await.location().unwrap();
        let address = if always_pushed { other.get(&began).await.location().unwrap() } else { began };
        let page = other.get(&address).await;
        assert!(page.status == 200 && !page.says("nora"), "{}", page.text());
    }
}
