//! Dynamic client registration (RFC 7591, 7592): off until it is switched on, held to its bounds,
//! and no way to more than a stranger's application has.

mod at_once;
mod limits;
mod management;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::join_all;
use lanyard_app::api::journey::StageView;
use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    clock::DAY,
    id::Id,
    registration::InitialAccessToken,
};
use lanyard_server::{
    http::client::Client,
    service::portal::{
        By, PortalError,
        registration::{self, TokenDraft},
    },
};
use lanyard_storage::StorageError;
use serde_json::{Value, json};

use crate::support::{
    Clinic, Options, PASSWORD, Page, Run, TestApp, Via,
    browser::{Browser, encode, parameter},
    client_key::ClientKey,
    journey::{authorize, place, redeem, refresh},
    world::{NORA, REPLY},
};

const TABLES: [&str; 6] =
    ["applications", "client_secrets", "flow_links", "client_registrations", "initial_access_tokens", "grants"];

fn by() -> By {
    By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "test".to_owned() },
    }
}

async fn switch(app: &TestApp, clinic: &Clinic, on: bool, most: u32) {
    registration::switch(&app.app, clinic.tenant.id, on.then_some(most), by()).await.unwrap();
}

async fn mint(app: &TestApp, clinic: &Clinic, uses: u32) -> (Id<InitialAccessToken>, String) {
    let draft = TokenDraft { flow: clinic.flow.id, label: "Partner".to_owned(), uses, days: 7 };
    let (token, text) = registration::mint(&app.app, clinic.tenant.id, draft, by()).await.unwrap();
    (token.id, text.expose().to_owned())
}

// Switched on, and a token for `uses` registrations.
async fn open(app: &TestApp, clinic: &Clinic, uses: u32) -> String {
    switch(app, clinic, true, 50).await;
    mint(app, clinic, uses).await.1
}

fn path(clinic: &Clinic) -> String {
    format!("{}/oauth2/v2.0/register", place(clinic, &clinic.flow))
}

pub(crate) async fn send(
    browser: &mut Browser,
    method: Method,
    path: &str,
    bearer: &str,
    body: Option<&Value>,
) -> Page {
    let mut request = Request::builder().method(method).uri(path);
    if !bearer.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    browser.send(request.body(body).unwrap()).await
}

async fn post(app: &TestApp, clinic: &Clinic, bearer: &str, body: &Value) -> Page {
    send(&mut app.browser(), Method::POST, &path(clinic), bearer, Some(body)).await
}

fn wanted() -> Value {
    json!({"client_name": "Step counter", "redirect_uris": [REPLY], "grant_types": ["authorization_code", "refresh_token"]})
}

// What a client is told, as it uses it.
struct Made {
    told: Value,
    clinic: Clinic,
    uri: String,
    token: String,
}

async fn made(app: &TestApp, clinic: &Clinic, bearer: &str, body: &Value) -> Made {
    let answer = post(app, clinic, bearer, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    let told: Value = answer.json();
    let id: Id<Application> = told["client_id"].as_str().unwrap().parse().unwrap();
    let mut own = clinic.clone();
    own.application = stored(app, clinic, id).await.unwrap();
    let uri = told["registration_client_uri"].as_str().unwrap();
    let uri = uri.strip_prefix("https://id.example").unwrap().to_owned();
    Made { clinic: own, uri, token: told["registration_access_token"].as_str().unwrap().to_owned(), told }
}

async fn stored(app: &TestApp, clinic: &Clinic, id: Id<Application>) -> Option<Application> {
    let tenant = clinic.tenant.id;
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.application_by_id(tenant, id).await })).await;
    found.unwrap_or_else(|error: StorageError| panic!("{error}"))
}

fn error(page: &Page) -> (u16, String) {
    (page.status.as_u16(), page.json::<Value>()["error"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, word: &str) -> (u16, String) {
    (status, word.to_owned())
}

fn basic(made: &Made) -> (&'static str, String) {
    let pair = format!("{}:{}", made.told["client_id"].as_str().unwrap(), made.told["client_secret"].as_str().unwrap());
    ("authorization", format!("Basic {}", STANDARD.encode(pair)))
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_registration_dynamic_a_new_client_signs_people_in_with_their_consent() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let discovery = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
    let document: Value = app.browser().get(&discovery).await.json();
    assert_eq!(document["registration_endpoint"], format!("https://id.example{}", path(&clinic)));
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    assert_eq!(new.told["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(new.told["client_secret_expires_at"], 0);
    assert_eq!(new.told["grant_types"], json!(["authorization_code", "refresh_token"]));
    let application = &new.clinic.application;
    assert!(application.settings.third_party);
    let (tenant, id) = (clinic.tenant.id, application.id);
    let linked = app.app.store.read(move |tx| Box::pin(async move { tx.flows_of_application(tenant, id).await })).await;
    let linked = linked.unwrap_or_else(|error: StorageError| panic!("{error}"));
    assert_eq!(linked.iter().map(|flow| flow.id).collect::<Vec<_>>(), [clinic.flow.id], "the flow it registered at");
    assert_eq!(app.audited(tenant, Action::ApplicationRegistered, Outcome::Success).await, 1);
    let at_rest =
        app.rows(&["client_registrations", "client_secrets", "initial_access_tokens", "audit"]).await.concat();
    let secret = new.told["client_secret"].as_str().unwrap();
    for text in [secret, &new.token, &bearer] {
        assert!(!at_rest.contains(text), "a37: stored as hashes alone");
    }

    let mut run = Run::at(app.browser(), &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Consent { .. }), "u29: {view:?}");
    run.act("agree", &[]).await;
    let code = run.code().await;
    let mut client = app.browser();
    assert_eq!(error(&redeem(&mut client, &new.clinic, &clinic.flow, &code, &[]).await).1, "invalid_client");
    client.extra = vec![basic(&new)];
    let tokens = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let token = tokens.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&mut client, &new.clinic, &clinic.flow, &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_off_by_default_there_is_no_such_endpoint() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // Another tenant's switch is not this one's.
    let other = app.world.mfa.clone();
    let bearer = open(&app, &other, 5).await;
    let theirs = made(&app, &other, &bearer, &wanted()).await;
    let before = app.rows(&TABLES).await;
    let discovery = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
    let document: Value = app.browser().get(&discovery).await.json();
    assert!(document.get("registration_endpoint").is_none());
    let mut browser = app.browser();
    let query = theirs.uri.split_once('?').unwrap().1;
    let uri = format!("{}?{query}", path(&clinic));
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let body = wanted();
        for token in ["", &bearer, &theirs.token] {
            let answer = send(&mut browser, method.clone(), &uri, token, Some(&body)).await;
            assert_eq!(answer.status, 404, "{method}");
        }
    }
    // Switched off again, a client that is there keeps its grants, but cannot change itself.
    switch(&app, &other, false, 50).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(send(&mut browser, method, &theirs.uri, &theirs.token, Some(&wanted())).await.status, 404);
    }
    assert_eq!(app.rows(&TABLES).await, before);
    assert_eq!(app.audited(other.tenant.id, Action::RegistrationSwitched, Outcome::Success).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_nobody_registers_without_an_initial_access_token_that_stands() {
    let app = TestApp::new().await;
    let (clinic, other) = (app.world.plain.clone(), app.world.mfa.clone());
    let foreign = open(&app, &other, 5).await;
    let used = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &used, &wanted()).await;
    let (id, revoked) = mint(&app, &clinic, 5).await;
    registration::revoke(&app.app, clinic.tenant.id, id, by()).await.unwrap();
    assert!(registration::revoke(&app.app, other.tenant.id, id, by()).await.is_err(), "a25");
    let (_, late) = mint(&app, &clinic, 5).await;
    app.advance(7 * DAY);
    let before = app.rows(&TABLES).await;
    for bearer in ["", "x", &foreign, &used, &revoked, &late, &new.token, new.told["client_secret"].as_str().unwrap()] {
        for body in [wanted(), json!({"redirect_uris": 7})] {
            let answer = post(&app, &clinic, bearer, &body).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"), "{bearer}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
        }
    }
    assert_eq!(app.rows(&TABLES).await, before);
    // Good, but at another flow than the one it names.
    let (_, good) = mint(&app, &clinic, 5).await;
    let stood = app.rows(&TABLES).await;
    let elsewhere = format!("{}/oauth2/v2.0/register", place(&clinic, &clinic.edit));
    let answer = send(&mut app.browser(), Method::POST, &elsewhere, &good, Some(&wanted())).await;
    assert_eq!(error(&answer), refused(401, "invalid_token"), "initial_access_token_of_another_flow");
    assert_eq!(app.rows(&TABLES).await, stood);
    made(&app, &clinic, &good, &wanted()).await;
    assert_eq!(app.audited(clinic.tenant.id, Action::InitialAccessTokenRevoked, Outcome::Success).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_registration_what_a_client_may_not_have_is_refused_and_costs_no_use() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let before = app.rows(&TABLES).await;
    let with = |name: &str, value: Value| {
        let mut body = wanted();
        body[name] = value;
        body
    };
    for (module, body, word) in [
        (
            "oidcc_registration_jwks_uri",
            with("jwks_uri", "https://169.254.169.254/keys".into()),
            "invalid_client_metadata",
        ),
        (
            "oidcc_registration_sector_uri",
            with("sector_identifier_uri", "https://x.example/s".into()),
            "invalid_client_metadata",
        ),
        ("oidcc_request_uri", with("request_uris", json!(["https://x.example/r"])), "invalid_client_metadata"),
        (
            "oidcc_redirect_uri_regfrag",
            with("redirect_uris", json!(["https://app.example/cb#x"])),
            "invalid_redirect_uri",
        ),
        (
            "a_host_that_ends_the_policy",
            with("redirect_uris", json!(["https://x.example,default-src/cb"])),
            "invalid_redirect_uri",
        ),
        (
            "a_logout_host_that_ends_the_policy",
            with("frontchannel_logout_uri", "https://x.example,default-src/out".into()),
            "invalid_client_metadata",
        ),
        (
            "a_host_that_ends_the_directive",
            with("post_logout_redirect_uris", json!(["https://x.example;sandbox/out"])),
            "invalid_redirect_uri",
        ),
        ("internal_redirect_uri", with("redirect_uris", json!(["https://10.0.0.1/cb"])), "invalid_redirect_uri"),
        ("loopback_redirect_uri", with("redirect_uris", json!(["http://localhost/cb"])), "invalid_redirect_uri"),
        ("own_origin", with("redirect_uris", json!(["https://id.example/account"])), "invalid_redirect_uri"),
        ("ssrf_back_channel", with("backchannel_logout_uri", "https://[::1]/out".into()), "invalid_client_metadata"),
        ("ssrf_front_channel", with("frontchannel_logout_uri", "https://127.0.0.1/".into()), "invalid_client_metadata"),
        ("client_credentials", with("grant_types", json!(["client_credentials"])), "invalid_client_metadata"),
        ("implicit", with("response_types", json!(["id_token"])), "invalid_client_metadata"),
        ("alg_none", with("id_token_signed_response_alg", "none".into()), "invalid_client_metadata"),
    ] {
        assert_eq!(error(&post(&app, &clinic, &bearer, &body).await), refused(400, word), "{module}");
    }
    let raw = format!("{{\"redirect_uris\":[\"{REPLY}\"],\"redirect_uris\":[\"{REPLY}\"]}}");
    let mut browser = app.browser();
    browser.extra = vec![("authorization", format!("Bearer {bearer}"))];
    let doubled = browser.post_raw(&path(&clinic), Method::POST, "application/json", raw).await;
    assert_eq!(error(&doubled), refused(400, "invalid_client_metadata"), "f52");
    let form = browser.post_raw(&path(&clinic), Method::POST, "application/x-www-form-urlencoded", "a=b").await;
    assert_eq!(form.status, 415);
    assert_eq!(app.rows(&TABLES).await, before);
    // What would widen its rights is not even read.
    let mut greedy = wanted();
    for (name, value) in [
        ("third_party", json!(false)),
        ("device", json!(true)),
        ("client_credentials", json!(true)),
        ("minimum", json!("none")),
        ("scope", json!("openid admin")),
    ] {
        greedy[name] = value;
    }
    let new = made(&app, &clinic, &bearer, &greedy).await;
    let plain = lanyard_domain::application::ApplicationSettings { third_party: true, ..Default::default() };
    assert_eq!(new.clinic.application.settings, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_clients_that_keep_no_secret_are_given_none() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 3).await;
    let key = ClientKey::generate("k");
    let jwks: Value = serde_json::from_str(&key.jwks).unwrap();
    let before = app.count("client_secrets").await;
    for (method, kind) in [("none", "web"), ("none", "native"), ("private_key_jwt", "web")] {
        let mut body = json!({
            "redirect_uris": [REPLY], "token_endpoint_auth_method": method, "application_type": kind,
        });
        if method == "private_key_jwt" {
            body["jwks"] = jwks.clone();
        }
        let new = made(&app, &clinic, &bearer, &body).await;
        assert!(new.told.get("client_secret").is_none() && new.told.get("client_secret_expires_at").is_none());
        assert_eq!((app.count("client_secrets").await, &new.told["application_type"]), (before, &json!(kind)));
        let mut run = Run::at(app.browser(), &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.act("agree", &[]).await;
        let code = run.code().await;
        let mut client = app.browser();
        if method == "private_key_jwt" {
            let bare = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[]).await;
            assert_eq!(error(&bare).1, "invalid_client", "the key is asked for");
            let assertion = key.assertion(&app, &new.clinic, |_| {});
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let more = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
            let answer = redeem(&mut client, &new.clinic, &clinic.flow, &code, &more).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        } else {
            let answer = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[]).await;
            assert_eq!(answer.status, 200, "{method} {kind}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_registration_an_address_after_signing_out_gets_no_code() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let bye = "https://app.example/bye";
    let mut body = wanted();
    body["post_logout_redirect_uris"] = json!([bye, REPLY]);
    let new = made(&app, &clinic, &bearer, &body).await;
    assert_eq!(new.told["redirect_uris"], json!([REPLY]));
    assert_eq!(new.told["post_logout_redirect_uris"], json!([REPLY, bye]));
    let before = app.durable().await;
    let asked = authorize(&new.clinic, &clinic.flow, &[("redirect_uri", bye)]);
    let answer = app.browser().get(&asked).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (400, None), "{}", answer.text());
    assert_eq!(app.durable().await, before);
    let id = new.told["client_id"].as_str().unwrap();
    let out = |url: &str| {
        let fields = [("client_id", id), ("post_logout_redirect_uri", url)];
        format!("{}/oauth2/v2.0/logout?{}", place(&clinic, &clinic.flow), encode(&fields))
    };
    for url in [bye, REPLY] {
        assert_eq!(app.browser().get(&out(url)).await.location().as_deref(), Some(url));
    }
    let answer = app.browser().get(&out("https://app.example/other")).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (400, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9126_a_registration_may_ask_that_its_sign_ins_be_pushed_first() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let mut body = wanted();
    body["require_pushed_authorization_requests"] = "yes".into();
    assert_eq!(error(&post(&app, &clinic, &bearer, &body).await), refused(400, "invalid_client_metadata"));
    body["require_pushed_authorization_requests"] = true.into();
    let new = made(&app, &clinic, &bearer, &body).await;
    assert_eq!(new.told["require_pushed_authorization_requests"], true);
    let before = app.count("journeys").await;
    let answer = app.browser().get(&authorize(&new.clinic, &clinic.flow, &[])).await;
    let location = answer.location().unwrap_or_default();
    assert_eq!(parameter(&location, "error").as_deref(), Some("invalid_request"), "{location}");
    assert_eq!(app.count("journeys").await, before);
}
