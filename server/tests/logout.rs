//! Logout: by the application, in frames, and over the back channel; A35, f48.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    clock::{DAY, HOUR, SECOND},
};
use lanyard_oidc::{
    jose::{Expiry, JwkSet, TokenType, Verifier},
    logout::BACK_CHANNEL_EVENT,
};
use lanyard_server::{
    config::{Config, Outbound},
    service::sign_out,
};
use serde_json::{Map, Value};

use crate::support::{
    Browser, Clinic, Options, PASSWORD, Page, Run, TestApp, Via,
    browser::encode,
    journey::{authorize, place, redeem},
    world::{NORA, REPLY},
};

// A relying party that answers with what it is told to, and remembers what it got.
#[derive(Clone, Default)]
struct Party {
    got: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
    elsewhere: Arc<Mutex<usize>>,
}

impl Party {
    async fn start() -> (Self, SocketAddr) {
        let party = Self::default();
        let take = |State(party): State<Self>, Form(form): Form<Vec<(String, String)>>| async move {
            assert_eq!(form.len(), 1);
            assert_eq!(form[0].0, "logout_token");
            party.got.lock().unwrap().push(form[0].1.clone());
            let status = party.answers.lock().unwrap().pop().unwrap_or(StatusCode::OK);
            (status, HeaderMap::from_iter([(header::LOCATION, "/elsewhere".parse().unwrap())]))
        };
        let elsewhere = |State(party): State<Self>| async move { *party.elsewhere.lock().unwrap() += 1 };
        let router = Router::new().route("/logout", post(take)).route("/elsewhere", get(elsewhere).post(elsewhere));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router.with_state(party.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (party, address)
    }

    fn tokens(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

async fn reaching_loopback() -> TestApp {
    let usual = Options::default();
    let outbound = Outbound { allow_private_addresses: true };
    TestApp::with(Options { config: Config { outbound, ..usual.config }, ..usual }).await
}

async fn set(app: &TestApp, clinic: &mut Clinic, change: impl FnOnce(&mut Application)) {
    change(&mut clinic.application);
    let changed = clinic.application.clone();
    app.app.store.write(move |tx| Box::pin(async move { tx.update_application(&changed).await })).await.unwrap();
}

async fn signed_in(app: &TestApp, clinic: &Clinic) -> (Run, String) {
    let mut run = Run::begin(app, clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let token = id_token(&mut run, clinic).await;
    (run, token)
}

async fn id_token(run: &mut Run, clinic: &Clinic) -> String {
    let code = run.code().await;
    let answer: Value = redeem(&mut run.browser, clinic, &clinic.flow, &code, &[]).await.json();
    answer["id_token"].as_str().unwrap().to_owned()
}

async fn logout(browser: &mut Browser, clinic: &Clinic, fields: &[(&str, &str)]) -> Page {
    browser.get(&format!("{}/oauth2/v2.0/logout?{}", place(clinic, &clinic.flow), encode(fields))).await
}

async fn verified(
    browser: &mut Browser,
    app: &TestApp,
    clinic: &Clinic,
    token: &str,
    kind: TokenType,
) -> Map<String, Value> {
    let page = browser.get(&format!("{}/discovery/v2.0/keys", place(clinic, &clinic.flow))).await;
    let verifier = Verifier::new(&page.json::<JwkSet>()).unwrap();
    let issuer = app.app.issuer(&clinic.flow);
    verifier.verify(token, kind, &issuer, Expiry::Enforced, app.now()).unwrap()
}

// Whether the browser still has its session: a silent request gets a code.
async fn is_signed_in(browser: &mut Browser, clinic: &Clinic) -> bool {
    let page = browser.get(&authorize(clinic, &clinic.flow, &[("prompt", "none")])).await;
    page.location().is_some_and(|to| to.contains("code="))
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_rp_initiated_logout() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, hint) = signed_in(&app, &clinic).await;
    assert!(is_signed_in(&mut run.browser, &clinic).await);
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", REPLY), ("state", "st=a|te")];
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!(page.status, 303, "{}", page.text());
    assert_eq!(page.location().unwrap(), format!("{REPLY}?state=st%3Da%7Cte"));
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
    assert_eq!(app.audited(clinic.tenant.id, Action::SignOut, Outcome::Success).await, 1);
    // An old token names the session as well: it is no proof of anything but who is meant.
    let (mut run, hint) = signed_in(&app, &clinic).await;
    app.advance(20 * HOUR);
    assert_eq!(logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await.status, 200);
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_rp_initiated_logout_bad_requests_are_error_pages_and_end_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, hint) = signed_in(&app, &clinic).await;
    let (message, _) = hint.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let altered = format!("{REPLY}/x");
    let query = format!("{REPLY}?foo=bar");
    let other = app.world.mfa.application.id.to_string();
    let before = app.durable().await;
    for (name, hint, redirect, client) in [
        ("bad_post_logout_redirect_uri", Some(hint.as_str()), "https://evil.example/", None),
        ("modified_post_logout_redirect_uri", Some(hint.as_str()), altered.as_str(), None),
        ("query_added_to_post_logout_redirect_uri", Some(hint.as_str()), query.as_str(), None),
        ("bad_id_token_hint", Some("not-a-token"), REPLY, None),
        ("modified_id_token_hint", Some(unsigned.as_str()), REPLY, None),
        ("no_id_token_hint", None, "https://evil.example/", None),
        ("hint of another client", Some(hint.as_str()), REPLY, Some(other.as_str())),
        ("client of another tenant", None, REPLY, Some(other.as_str())),
    ] {
        let mut fields = vec![("post_logout_redirect_uri", redirect), ("state", "x")];
        fields.extend(hint.map(|hint| ("id_token_hint", hint)));
        fields.extend(client.map(|client| ("client_id", client)));
        let page = logout(&mut run.browser, &clinic, &fields).await;
        assert_eq!(page.status, 400, "{name}: {}", page.text());
        assert_eq!((page.location(), page.refresh()), (None, None), "{name}");
        assert!(!page.says("evil.example"), "{name}");
    }
    assert_eq!(app.durable().await, before);
    assert!(is_signed_in(&mut run.browser, &clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wire_logout_without_hint_and_client_returns_to_a_reply_url_of_the_flow() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let fields = [("post_logout_redirect_uri", REPLY), ("state", "a=b|c")];
    let (mut run, _) = signed_in(&app, &clinic).await;
    let before = app.rows(&["sessions", "grants", "audit"]).await;
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert!(page.status == 200 && page.says("Do you want to sign out?"), "{}", page.text());
    assert_eq!((page.location(), page.refresh()), (None, None), "A35: not before the person has said so");
    assert_eq!(app.rows(&["sessions", "grants", "audit"]).await, before);
    let csrf = page.hidden("csrf").unwrap();
    let confirmed = [("confirm", "yes"), ("csrf", &csrf), fields[0], fields[1]];
    let done = run.browser.post(&format!("{}/oauth2/v2.0/logout", place(&clinic, &clinic.flow)), &confirmed).await;
    // By a page: the browser would block a redirect that follows our own form.
    assert_eq!((done.status.as_u16(), done.location()), (200, None));
    assert_eq!(done.refresh().unwrap(), format!("{REPLY}?state=a%3Db%7Cc"));
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
    // Who is not signed in any more gets back to the application, too.
    let again = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!(again.location().unwrap(), format!("{REPLY}?state=a%3Db%7Cc"));
    // The address of an application that is not linked to this flow is as good as none.
    crate::oidc::unlink(&app, &clinic).await;
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!((page.status.as_u16(), page.location(), page.refresh()), (400, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a35_nobody_is_signed_out_by_a_link_without_a_hint() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, _) = signed_in(&app, &clinic).await;
    let before = app.rows(&["sessions", "grants", "audit"]).await;
    let client = clinic.application.id.to_string();
    for (name, fields) in [
        ("oidcc_rp_initiated_logout_no_params", vec![]),
        ("oidcc_rp_initiated_logout_only_state", vec![("state", "x")]),
        ("client_id", vec![("client_id", client.as_str()), ("post_logout_redirect_uri", REPLY)]),
        ("confirm in the query", vec![("confirm", "yes")]),
    ] {
        let page = logout(&mut run.browser, &clinic, &fields).await;
        assert_eq!(page.status, 200, "{name}");
        assert!(page.says("Do you want to sign out?"), "{name}: {}", page.text());
        assert_eq!((page.location(), page.refresh()), (None, None), "{name}");
    }
    assert_eq!(app.rows(&["sessions", "grants", "audit"]).await, before);
    // Who is not signed in has nothing to be asked.
    assert!(logout(&mut app.browser(), &clinic, &[]).await.says("signed out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a35_a_hint_of_another_session_is_no_proof() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (_, old) = signed_in(&app, &clinic).await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    let before = app.rows(&["sessions", "grants", "audit"]).await;
    let page = logout(&mut run.browser, &clinic, &[("id_token_hint", &old)]).await;
    assert!(page.status == 200 && page.says("Do you want to sign out?"), "{}", page.text());
    assert_eq!(app.rows(&["sessions", "grants", "audit"]).await, before);
    // The one that it was signed in with before it signed in again is.
    let again = authorize(&clinic, &clinic.flow, &[("prompt", "login")]);
    let mut run = Run::at(run.browser, &again, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_signing_out_with_a_hint_of_a_deleted_key_asks() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, hint) = signed_in(&app, &clinic).await;
    // Another server's key is as unknown here as one that was deleted.
    let (_, payload) = hint.split_once('.').unwrap();
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT","kid":"gone"}"#);
    let gone = format!("{header}.{payload}");
    let before = app.rows(&["sessions", "grants", "audit"]).await;
    let fields = [("id_token_hint", gone.as_str()), ("post_logout_redirect_uri", REPLY)];
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert!(page.status == 200 && page.says("Do you want to sign out?"), "{}", page.text());
    let evil = [("id_token_hint", gone.as_str()), ("post_logout_redirect_uri", "https://evil.example/")];
    assert_eq!(logout(&mut run.browser, &clinic, &evil).await.status, 400);
    assert_eq!(app.rows(&["sessions", "grants", "audit"]).await, before);
    let csrf = page.csrf().unwrap();
    let address = format!("{}/oauth2/v2.0/logout", place(&clinic, &clinic.flow));
    let pressed = [fields[0], fields[1], ("confirm", "yes"), ("csrf", csrf.as_str())];
    let done = run.browser.post(&address, &pressed).await;
    assert_eq!((done.status.as_u16(), done.refresh().as_deref()), (200, Some(REPLY)));
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a35_a_flow_may_want_an_id_token_in_logout() {
    let app = TestApp::new().await;
    let mut clinic = app.world.plain.clone();
    let (mut run, hint) = signed_in(&app, &clinic).await;
    clinic.flow.settings.session.id_token_in_logout = true;
    let (flow, now) = (clinic.flow.clone(), app.now());
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.update_flow_settings(flow.tenant, flow.id, flow.version, &flow.settings, now).await.map(drop)
            })
        })
        .await
        .unwrap();
    let address = format!("{}/oauth2/v2.0/logout", place(&clinic, &clinic.flow));
    for page in [logout(&mut run.browser, &clinic, &[]).await, run.browser.post(&address, &[("confirm", "yes")]).await]
    {
        assert_eq!(page.status, 400, "{}", page.text());
    }
    assert!(is_signed_in(&mut run.browser, &clinic).await);
    assert_eq!(logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await.status, 200);
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let app = TestApp::new().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| {
        a.settings.front_channel_logout = Some("https://app.example:8443/bye?x=1".into());
    })
    .await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    let sid = verified(&mut run.browser, &app, &clinic, &hint, TokenType::Id).await["sid"].as_str().unwrap().to_owned();
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", REPLY), ("state", "s")];
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let frame = text.split("<iframe").nth(1).unwrap().split('>').next().unwrap().replace("&amp;", "&");
    let issuer = app.app.issuer(&clinic.flow);
    let query = encode(&[("iss", &issuer), ("sid", &sid)]);
    assert!(frame.contains(&format!("src=\"https://app.example:8443/bye?x=1&{query}\"")), "{frame} {query}");
    assert_eq!(text.matches("<iframe").count(), 1);
    let policy = page.header("content-security-policy").unwrap();
    let frames = policy.split("; ").find(|part| part.starts_with("frame-src")).unwrap();
    assert_eq!(frames, "frame-src https://app.example:8443", "that origin and no other");
    assert_eq!(page.header("refresh").unwrap(), format!("2; url={REPLY}?state=s"));
    assert!(page.says("Continue"), "a plain link for who does not want to wait");
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
    // Nobody is framed for who had no session.
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!(page.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_rp_initiated_logout() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    let id = verified(&mut run.browser, &app, &clinic, &hint, TokenType::Id).await;
    app.drain().await;
    assert!(party.tokens().is_empty(), "nobody signed out");
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    assert!(party.tokens().is_empty(), "the outbox delivers, not the request");
    app.drain().await;
    let tokens = party.tokens();
    assert_eq!(tokens.len(), 1);
    let claims = verified(&mut run.browser, &app, &clinic, &tokens[0], TokenType::Logout).await;
    for name in ["sid", "sub", "aud", "iss"] {
        assert_eq!(claims[name], id[name], "{name}");
    }
    assert!(claims["events"][BACK_CHANNEL_EVENT].is_object() && claims["jti"].is_string());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    assert!(!claims.contains_key("nonce"));
    // It is no ID token and no hint.
    let again = logout(&mut run.browser, &clinic, &[("id_token_hint", &tokens[0])]).await;
    assert_eq!(again.status, 400, "f31");
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    app.drain().await;
    assert_eq!(party.tokens().len(), 1, "a session ends once");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_is_tried_again_and_follows_no_redirect() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    *party.answers.lock().unwrap() = vec![StatusCode::NO_CONTENT, StatusCode::SERVICE_UNAVAILABLE];
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    app.drain().await;
    assert_eq!(party.tokens().len(), 1);
    app.advance(2 * SECOND);
    app.drain().await;
    app.advance(DAY);
    app.drain().await;
    let tokens = party.tokens();
    assert_eq!(tokens.len(), 2, "once more, and not again after it was taken");
    let mut jtis = Vec::new();
    for token in &tokens {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        jtis.push(serde_json::from_slice::<Value>(&payload).unwrap()["jti"].clone());
    }
    assert_eq!(jtis[0], jtis[1], "the same notice");
    let (mut run, hint) = signed_in(&app, &clinic).await;
    *party.answers.lock().unwrap() = vec![StatusCode::TEMPORARY_REDIRECT];
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    app.drain().await;
    assert_eq!((party.tokens().len(), *party.elsewhere.lock().unwrap()), (3, 0), "f48");
    assert_eq!(app.audited(clinic.tenant.id, Action::MessageFailed, Outcome::Failure).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f48_back_channel_logout_never_calls_a_private_address() {
    let app = TestApp::new().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    for (number, url) in [
        format!("http://{address}/logout"),
        format!("https://{address}/logout"),
        format!("http://localhost:{}/logout", address.port()),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(url.clone())).await;
        let (mut run, hint) = signed_in(&app, &clinic).await;
        logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
        assert!(!is_signed_in(&mut run.browser, &clinic).await, "logout itself does not depend on it");
        app.drain().await;
        let failed = app.audited(clinic.tenant.id, Action::MessageFailed, Outcome::Failure).await;
        assert_eq!(failed, number + 1, "{url}");
    }
    assert!(party.tokens().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_whatever_ends_the_session_tells_the_applications() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (first, second) = (signed_in(&app, &clinic).await, signed_in(&app, &clinic).await);
    let (own, nora, now) = (app.app.clone(), clinic.nora, app.now());
    app.app
        .store
        .write(move |tx| Box::pin(async move { sign_out::end_all(&own, tx, nora, None, now).await }))
        .await
        .unwrap();
    app.drain().await;
    assert_eq!(party.tokens().len(), 2, "one for each session");
    for (mut run, _) in [first, second] {
        assert!(!is_signed_in(&mut run.browser, &clinic).await);
    }
}

// A new password ends every session (f28), and who relied on one is told.
#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_a_password_reset_tells_the_applications() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (mut run, token) = signed_in(&app, &clinic).await;
    let known = verified(&mut run.browser, &app, &clinic, &token, TokenType::Id).await;

    // Another browser: somebody who forgot the password, and gives up before it is changed.
    let reset = authorize(&clinic, &clinic.reset, &[]);
    let mut forgot = Run::at(app.browser(), &reset, Via::Form).await;
    forgot.prove(&app, NORA).await;
    app.drain().await;
    assert!(party.tokens().is_empty(), "nothing has changed yet");
    assert!(is_signed_in(&mut run.browser, &clinic).await);

    let view = forgot.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
    assert!(view.problems.is_empty(), "{view:?}");
    app.drain().await;
    let told = party.tokens();
    assert_eq!(told.len(), 1, "one notice for the one session");
    let told = verified(&mut run.browser, &app, &clinic, &told[0], TokenType::Logout).await;
    for claim in ["sub", "sid", "aud", "iss"] {
        assert_eq!(told[claim], known[claim], "{claim}");
    }
    assert!(told["events"].get(BACK_CHANNEL_EVENT).is_some() && !told.contains_key("nonce"));
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
    app.drain().await;
    assert_eq!(party.tokens().len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_signing_in_again_keeps_the_sid_that_the_application_knows() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (run, first) = signed_in(&app, &clinic).await;
    let again = authorize(&clinic, &clinic.flow, &[("prompt", "login")]);
    let mut run = Run::at(run.browser, &again, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let second = id_token(&mut run, &clinic).await;
    app.drain().await;
    assert!(party.tokens().is_empty(), "the same person: nobody is signed out");
    let mut known = Vec::new();
    for token in [&first, &second] {
        known.push(verified(&mut run.browser, &app, &clinic, token, TokenType::Id).await["sid"].clone());
    }
    assert_ne!(known[0], known[1]);
    logout(&mut run.browser, &clinic, &[("id_token_hint", &second)]).await;
    app.drain().await;
    let mut told = Vec::new();
    for token in party.tokens() {
        told.push(verified(&mut run.browser, &app, &clinic, &token, TokenType::Logout).await["sid"].clone());
    }
    known.sort_by_key(ToString::to_string);
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_logout_discovery() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let address = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
    let document: Value = app.browser().get(&address).await.json();
    for name in ["frontchannel_logout", "backchannel_logout"] {
        assert_eq!(document[format!("{name}_supported")], true);
        assert_eq!(document[format!("{name}_session_supported")], true);
    }
    assert!(document["end_session_endpoint"].as_str().unwrap().ends_with("/oauth2/v2.0/logout"));
    assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["RS256", "ES256", "EdDSA"]));
}
