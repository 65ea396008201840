//! Logout: by the application, in frames, and over the back channel; A35, f48.

mod channels;

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
