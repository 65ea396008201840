//! Dynamic client registration (RFC 7591, 7592): off until it is switched on, held to its bounds,
//! and no way to more than a stranger's application has.

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
    By { operator: None, client: Client { ip: [127, 0, 0, 1].into(), browser: None, request: "test".to_owned() } }
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
async fn rfc7592_a_client_reads_changes_and_deletes_itself() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let bearer = open(&app, &clinic, 1).await;
        let new = made(&app, &clinic, &bearer, &wanted()).await;
        let mut client = app.browser();
        let read = send(&mut client, Method::GET, &new.uri, &new.token, None).await;
        assert_eq!(read.status, 200, "{}", read.text());
        let read: Value = read.json();
        assert!(read.get("client_secret").is_none(), "kept as a hash: not told again");
        assert_eq!((&read["client_id"], &read["client_name"]), (&new.told["client_id"], &"Step counter".into()));

        // oidcc_redirect_uri_query_OK, _mismatch, _added: the query belongs to the URL.
        let exact = "https://app.example/callback?foo=bar";
        let change = json!({
            "client_id": new.told["client_id"], "client_secret": new.told["client_secret"], "client_name": "Steps",
            "redirect_uris": [exact], "backchannel_logout_uri": "https://hooks.example/out",
        });
        let changed = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let changed: Value = changed.json();
        assert_eq!((&changed["client_name"], &changed["redirect_uris"]), (&"Steps".into(), &json!([exact])));
        assert_eq!(changed["grant_types"], json!(["authorization_code", "refresh_token"]), "what it has");
        assert_eq!(changed["backchannel_logout_uri"], "https://hooks.example/out");
        // A client whose answer was lost asks again with the token that it has.
        assert_eq!(changed["registration_access_token"], new.token.as_str(), "a_lost_answer_locks_nobody_out");
        let again = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change)).await;
        assert_eq!((again.status.as_u16(), again.json::<Value>()), (200, changed), "{}", again.text());
        assert_eq!(app.audited(clinic.tenant.id, Action::ApplicationChanged, Outcome::Success).await, 2);
        for bad in [REPLY, "https://app.example/callback?foo=bar&x=y", "https://app.example/callback?foo=baz"] {
            let page = client.get(&authorize(&new.clinic, &clinic.flow, &[("redirect_uri", bad)])).await;
            assert_eq!((page.status.as_u16(), page.location()), (400, None), "{bad}");
        }
        let begin = authorize(&new.clinic, &clinic.flow, &[("redirect_uri", exact)]);
        let mut run = Run::at(app.browser(), &begin, Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.act("agree", &[]).await;
        let back = run.back().await;
        assert!(back.starts_with(&format!("{exact}&")), "{back}");
        client.extra = vec![basic(&new)];
        let code = parameter(&back, "code").unwrap();
        let tokens = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[("redirect_uri", exact)]).await;
        let tokens: Value = tokens.json();

        client.extra.clear();
        let before = app.rows(&TABLES).await;
        let bad = |name: &str, value: Value| {
            let mut body = change.clone();
            body[name] = value;
            body
        };
        for body in [
            bad("client_id", Id::<Application>::new(app.now(), app.app.entropy().as_mut()).to_string().into()),
            bad("client_secret", new.token.clone().into()),
            bad("registration_access_token", new.token.clone().into()),
            bad("token_endpoint_auth_method", "none".into()),
            bad("jwks_uri", "https://x.example".into()),
        ] {
            let answer = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&body)).await;
            assert_eq!(error(&answer), refused(400, "invalid_client_metadata"), "{body}");
        }
        assert_eq!(app.rows(&TABLES).await, before);

        assert_eq!(send(&mut client, Method::DELETE, &new.uri, &new.token, None).await.status, 204);
        assert_eq!(stored(&app, &clinic, new.clinic.application.id).await, None);
        assert_eq!((app.count("client_registrations").await, app.count("consents").await), (0, 0));
        assert_eq!(app.audited(clinic.tenant.id, Action::ApplicationDeleted, Outcome::Success).await, 1);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = send(&mut client, method, &new.uri, &new.token, Some(&change)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"));
        }
        // What it was given is worth nothing any more.
        client.extra = vec![("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
        let info = format!("{}/openid/v2.0/userinfo", place(&clinic, &clinic.flow));
        assert_eq!(client.get(&info).await.status, 401);
        client.extra = vec![basic(&new)];
        let token = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(error(&refresh(&mut client, &new.clinic, &clinic.flow, token).await).1, "invalid_client");
        assert_eq!(app.browser().get(&begin).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_the_token_of_another_client_flow_or_kind_opens_nothing() {
    let app = TestApp::new().await;
    let (clinic, other) = (app.world.plain.clone(), app.world.mfa.clone());
    let bearer = open(&app, &clinic, 2).await;
    let theirs = open(&app, &other, 1).await;
    let (one, two) = (made(&app, &clinic, &bearer, &wanted()).await, made(&app, &clinic, &bearer, &wanted()).await);
    let far = made(&app, &other, &theirs, &wanted()).await;
    let query = one.uri.split_once('?').unwrap().1;
    let elsewhere = format!("{}/oauth2/v2.0/register?{query}", place(&clinic, &clinic.edit));
    let abroad = format!("{}?{query}", path(&other));
    let own = format!("{}?client_id={}", path(&clinic), clinic.application.id);
    let change = |id: &Value| json!({"client_id": id, "redirect_uris": ["https://evil.example/cb"]});
    let before = app.rows(&TABLES).await;
    let mut client = app.browser();
    for (attack, uri, token) in [
        ("registration_token_of_another_client", &one.uri, &two.token),
        ("of_another_tenant", &one.uri, &far.token),
        ("initial_access_token", &one.uri, &bearer),
        ("no_token", &one.uri, &String::new()),
        ("at_another_flow", &elsewhere, &one.token),
        ("at_another_tenant", &abroad, &one.token),
        ("an_operators_application", &own, &one.token),
        ("no_client", &path(&clinic), &one.token),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let body = change(&one.told["client_id"]);
            let answer = send(&mut client, method.clone(), uri, token, Some(&body)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"), "{attack} {method}");
        }
    }
    assert_eq!(app.rows(&TABLES).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_once_an_operator_has_changed_it_a_client_only_looks() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    // An operator vouches for it: nobody is asked any more.
    let mut vouched = new.clinic.application.clone();
    vouched.settings.third_party = false;
    let done = app.app.store.write(move |tx| {
        Box::pin(async move {
            tx.advance_application(vouched.tenant, vouched.id, 1).await?;
            tx.update_application(&vouched).await
        })
    });
    done.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let before = app.rows(&TABLES).await;
    let mut client = app.browser();
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": ["https://evil.example/cb"]});
    for method in [Method::PUT, Method::DELETE] {
        let answer = send(&mut client, method, &new.uri, &new.token, Some(&change)).await;
        assert_eq!(error(&answer), refused(403, "access_denied"), "escalation_to_first_party");
    }
    assert_eq!(app.rows(&TABLES).await, before);
    assert_eq!(send(&mut client, Method::GET, &new.uri, &new.token, None).await.status, 200);
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
async fn c1_a_registration_token_that_is_not_the_clients_is_one_event_a_minute() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let mut client = app.browser();
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": [REPLY]});
    let (tenant, action) = (clinic.tenant.id, Action::ClientAuthenticationFailed);
    let own = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change)).await;
    assert_eq!((own.status.as_u16(), app.audited(tenant, action, Outcome::Failure).await), (200, 0), "{}", own.text());
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = send(&mut client, method, &new.uri, "nobody's", Some(&change)).await;
        assert_eq!(error(&answer), refused(401, "invalid_token"));
    }
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 1);
    // Of a client that nobody registered the log is told nothing.
    let nobody = Id::<Application>::new(app.now(), app.app.entropy().as_mut());
    let uri = format!("{}?client_id={nobody}", path(&clinic));
    assert_eq!(error(&send(&mut client, Method::GET, &uri, &new.token, None).await), refused(401, "invalid_token"));
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_initial_access_token_that_is_over_is_one_event_a_minute() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let used = open(&app, &clinic, 1).await;
    made(&app, &clinic, &used, &wanted()).await;
    let (id, revoked) = mint(&app, &clinic, 5).await;
    registration::revoke(&app.app, clinic.tenant.id, id, by()).await.unwrap();
    let (tenant, action) = (clinic.tenant.id, Action::InitialAccessTokenRefused);
    let foreign = open(&app, &app.world.mfa.clone(), 5).await;
    for bearer in ["", "x", &foreign] {
        assert_eq!(error(&post(&app, &clinic, bearer, &wanted()).await), refused(401, "invalid_token"));
    }
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 0, "nobody's here");
    let before = app.rows(&TABLES).await;
    for _ in 0..3 {
        for bearer in [&used, &revoked] {
            assert_eq!(error(&post(&app, &clinic, bearer, &wanted()).await), refused(401, "invalid_token"));
        }
    }
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 2, "one for each");
    assert_eq!(app.rows(&TABLES).await, before);
    let events = app.audit(tenant).await;
    assert!(events.iter().any(|event| event.action == action && event.target == Some(id.to_string())));
    let log = app.rows(&["audit"]).await.concat();
    assert!(!log.contains(&used) && !log.contains(&revoked), "c5");
}

// SQLite has one writer: whoever needed it would wait for the one who holds it.
#[tokio::test(flavor = "multi_thread")]
async fn a14_strangers_at_the_registration_get_no_write_transaction() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let nobodys = lanyard_domain::secret::Token::generate(app.app.entropy().as_mut()).expose().to_owned();
    let (began, begun) = tokio::sync::oneshot::channel::<()>();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (store, tenant) = (app.app.store.clone(), clinic.tenant.id);
    let holder = tokio::spawn(async move {
        let held = store.write(move |tx| {
            Box::pin(async move {
                tx.count_registration(tenant).await?;
                began.send(()).unwrap();
                released.await.unwrap();
                Ok::<_, StorageError>(())
            })
        });
        held.await.unwrap();
    });
    begun.await.unwrap();
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": [REPLY]});
    for token in ["", "x", &nobodys] {
        assert_eq!(error(&post(&app, &clinic, token, &wanted()).await), refused(401, "invalid_token"));
        let nobody = Id::<Application>::new(app.now(), app.app.entropy().as_mut());
        let uri = format!("{}?client_id={nobody}", path(&clinic));
        for method in [Method::PUT, Method::DELETE] {
            let answer = send(&mut app.browser(), method, &uri, token, Some(&change)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"));
        }
    }
    release.send(()).unwrap();
    holder.await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_every_change_that_a_client_makes_is_named_in_the_log() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let body = |key: &ClientKey| {
        let jwks: Value = serde_json::from_str(&key.jwks).unwrap();
        json!({"redirect_uris": [REPLY], "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks})
    };
    let new = made(&app, &clinic, &bearer, &body(&ClientKey::generate("k"))).await;
    let mut change = body(&ClientKey::generate("k"));
    change["client_id"] = new.told["client_id"].clone();
    let answer = send(&mut app.browser(), Method::PUT, &new.uri, &new.token, Some(&change)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = app.audit(clinic.tenant.id).await;
    let event = events.iter().find(|event| event.action == Action::ApplicationChanged).unwrap();
    let changes = event.detail["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "the keys, and not the reply URLs, which stayed: {changes:?}");
    assert!(changes[0].to_string().to_lowercase().contains("key"), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_requests_to_register_are_limited_by_network() {
    let mut options = Options::default();
    (options.config.limits.per_address_per_second, options.config.limits.per_address_burst) = (1, 2);
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    switch(&app, &clinic, true, 50).await;
    for expected in [401, 401, 429] {
        let answer = post(&app, &clinic, "", &wanted()).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (expected, expected == 429));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_switch_and_tokens_are_held_to_their_bounds_and_to_flows_of_patients() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let before = app.rows(&["registration_switches", "initial_access_tokens", "audit"]).await;
    for most in [0, 1_001] {
        let refused = registration::switch(&app.app, clinic.tenant.id, Some(most), by()).await;
        assert!(matches!(refused, Err(PortalError::NotAllowed)), "{most}");
    }
    let draft = |uses, days| TokenDraft { flow: clinic.flow.id, label: "Partner".to_owned(), uses, days };
    for (uses, days) in [(0, 7), (101, 7), (1, 0), (1, 91)] {
        let refused = registration::mint(&app.app, clinic.tenant.id, draft(uses, days), by()).await;
        assert!(matches!(refused, Err(PortalError::NotAllowed)), "{uses} {days}");
    }
    let (tenant, system) = (clinic.tenant.id, app.app.clone());
    let staff = system.store.read(move |tx| Box::pin(async move { tx.flow_by_key(tenant, "staff").await })).await;
    let staff: Option<lanyard_domain::user_flow::UserFlow> =
        staff.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let of_staff = TokenDraft { flow: staff.expect("the staff flow").id, ..draft(1, 7) };
    let refused = registration::mint(&app.app, clinic.tenant.id, of_staff, by()).await;
    assert!(matches!(refused, Err(PortalError::NotFound)));
    assert_eq!(app.rows(&["registration_switches", "initial_access_tokens", "audit"]).await, before);
}

async fn every_limit_holds(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 3).await;
    let at_first = app.count("applications").await;
    let body = json!({"redirect_uris": [REPLY]});
    let all = join_all((0..50).map(|_| post(&app, &clinic, &bearer, &body))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 201).count(), 3);
    assert!(all.iter().all(|answer| answer.status == 201 || answer.status == 401));
    assert_eq!(app.count("applications").await, at_first + 3);
    // The tenant's own limit: a refusal takes no use away.
    switch(&app, &clinic, true, 4).await;
    let (_, bearer) = mint(&app, &clinic, 50).await;
    let last = made(&app, &clinic, &bearer, &wanted()).await;
    let before = app.rows(&TABLES).await;
    assert_eq!(error(&post(&app, &clinic, &bearer, &wanted()).await), refused(403, "access_denied"));
    assert_eq!(app.rows(&TABLES).await, before);
    // Whoever goes makes room.
    let gone = send(&mut app.browser(), Method::DELETE, &last.uri, &last.token, None).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    made(&app, &clinic, &bearer, &wanted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_concurrent_registrations_keep_every_limit() {
    every_limit_holds(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_concurrent_registrations_keep_every_limit_postgres() {
    every_limit_holds(Options::postgres()).await;
}
