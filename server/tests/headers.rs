//! What every answer carries: A43, A46, failure 27; and what no header can do: A45, failures 43
//! and 44.

use axum::http::Method;
use lanyard_app::paths;
use lanyard_domain::{audit::Action, clock::SECOND};

use crate::support::{
    Browser, PASSWORD, Page, Run, TestApp, Via,
    app::Options,
    journey::{authorize, place, redeem},
    world::{MARIA, NORA},
};

fn assert_headers(page: &Page, what: &str) {
    let has = |name: &str, wanted: &str| {
        let value = page.header(name).unwrap_or_else(|| panic!("{what}: no {name}"));
        assert!(value.contains(wanted), "{what}: {name}: {value}");
    };
    has("x-content-type-options", "nosniff");
    has("referrer-policy", if what.contains("invitation") { "no-referrer" } else { "same-origin" });
    has("content-security-policy", "default-src 'none'");
    has("content-security-policy", "frame-ancestors 'none'");
    has("content-security-policy", "base-uri 'none'");
    has("x-frame-options", "DENY");
    has("strict-transport-security", "max-age=");
    has("permissions-policy", "camera=()");
    assert!(page.header("x-request-id").is_some_and(|id| id.len() >= 12), "{what}: no request id");
    assert!(page.header("server").is_none() && page.header("x-powered-by").is_none(), "{what}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("unsafe-eval'") || policy.contains("wasm-unsafe-eval"),
        "{policy}"
    );
    let cache = page.header("cache-control").unwrap_or_else(|| panic!("{what}: no cache-control"));
    if page.headers.contains_key("set-cookie") {
        assert!(cache.contains("no-store"), "f27 {what}: {cache}");
    }
}

// One answer of every kind: page, JSON, redirect, error, asset, protocol, refusal.
async fn every_kind(app: &TestApp) -> Vec<(&'static str, Page)> {
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(app, &clinic, Via::Form).await;
    let mut browser = app.browser();
    let mut all = vec![
        ("home", browser.get("/").await),
        ("live", browser.get("/livez").await),
        ("not found", browser.get("/nothing").await),
        ("unknown journey", browser.get("/journey/x").await),
        ("method not allowed", browser.post_raw("/livez", Method::DELETE, "text/plain", "").await),
        ("journey", run.page().await),
        ("journey as JSON", run.browser.get(&paths::api_journey(&run.id)).await),
        ("another browser's journey", browser.get(&paths::journey(&run.id)).await),
        ("begin", browser.get(&authorize(&clinic, &clinic.flow, &[])).await),
        ("silent", browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await),
        ("protocol error page", browser.get(&authorize(&clinic, &clinic.flow, &[("client_id", "x")])).await),
        ("refused form", run.post("sign-in", "x", &[]).await),
        ("wrong type", browser.post_raw("/sign-out", Method::POST, "text/plain", "x").await),
        (
            "too large",
            browser
                .post_raw("/sign-out", Method::POST, "application/x-www-form-urlencoded", vec![b'x'; 2_000_000])
                .await,
        ),
        ("token error", redeem(&mut browser, &clinic, &clinic.flow, "x", &[]).await),
        ("userinfo error", browser.get(&format!("{}/openid/v2.0/userinfo", place(&clinic, &clinic.flow))).await),
        (
            "discovery",
            browser.get(&format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow))).await,
        ),
        ("keys", browser.get(&format!("{}/discovery/v2.0/keys", place(&clinic, &clinic.flow))).await),
        ("logout", browser.get(&format!("{}/oauth2/v2.0/logout", place(&clinic, &clinic.flow))).await),
        ("device", browser.get(&paths::device(clinic.tenant.domain.as_str(), &clinic.flow.name.key())).await),
        ("console", browser.get("/portal").await),
        ("claims", browser.get("/claims").await),
        ("icon", browser.get("/favicon.svg").await),
        ("asset that is none", browser.get("/pkg/none.js").await),
        ("inbox", browser.get("/dev/inbox").await),
        ("invitation that is none", browser.get("/invitation/riverside.example/x").await),
    ];
    run.sign_in(NORA, PASSWORD).await;
    all.push(("way back", run.browser.get(&paths::journey_return(&run.id)).await));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_every_kind_of_answer_has_the_headers() {
    let app = TestApp::new().await;
    for (what, page) in every_kind(&app).await {
        let what = if what.starts_with("invitation") { "not found" } else { what };
        assert_headers(&page, what);
        assert_ne!(page.status, 500, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_journeys_and_logout_leave_a_popup_its_opener_and_others_do_not() {
    let app = TestApp::new().await;
    for (what, page) in every_kind(&app).await {
        let opener = page.header("cross-origin-opener-policy");
        let popup = page.at.contains("/journey/") || page.at.contains("/oauth2/") || page.at.contains("/v2.0/");
        let api = page.at.contains("/api/");
        assert_eq!(opener.is_none(), popup && !api, "{what}: {} {opener:?}", page.at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_inline_scripts_carry_the_nonce_of_the_policy_and_it_is_never_the_same() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let page = run.page().await;
        let policy = page.header("content-security-policy").unwrap();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        assert!(nonce.len() >= 16, "{nonce}");
        for tag in page.text().split("<script").skip(1) {
            let head = tag.split('>').next().unwrap();
            assert!(head.contains(&format!("nonce=\"{nonce}\"")) || head.contains("src="), "{head}");
        }
        assert!(!page.says(" style=\"") && !page.says("<style") && !page.says(" onclick="));
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a46_what_is_personal_is_never_stored_by_a_cache() {
    let app = TestApp::new().await;
    for (what, page) in every_kind(&app).await {
        let cache = page.header("cache-control").unwrap();
        let public = ["discovery", "keys", "icon"].contains(&what);
        assert_eq!(cache.contains("no-store"), !public, "{what}: {cache}");
    }
    let mut run = crate::sessions::staff(&app).await;
    let home = paths::clinic(app.world.mfa.tenant.domain.as_str());
    assert!(run.browser.get(&home).await.header("cache-control").unwrap().contains("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f27_a_cookie_is_never_set_by_an_answer_that_a_cache_may_keep() {
    let app = TestApp::new().await;
    every_kind(&app).await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    let logout = format!("{}/oauth2/v2.0/logout", crate::support::journey::place(&clinic, &clinic.flow));
    let csrf = run.browser.get(&logout).await.csrf().unwrap();
    run.browser.post(&logout, &[("confirm", "yes"), ("csrf", &csrf)]).await;
    let mut staff = crate::sessions::staff(&app).await;
    let home = staff.browser.get(&paths::clinic(app.world.mfa.tenant.domain.as_str())).await;
    staff.browser.post(paths::CONSOLE_SIGN_OUT, &[("csrf", &home.csrf().unwrap())]).await;
    let answers = app.bodies.lock().unwrap().clone();
    let setting: Vec<_> = answers
        .iter()
        .filter_map(|(at, answer)| answer.rsplit_once('\n').map(|(_, headers)| (at, headers)))
        .filter(|(_, headers)| headers.contains("\"set-cookie\": "))
        .collect();
    for (at, headers) in &setting {
        assert!(headers.contains("no-store") && !headers.contains("public"), "{at}: {headers}");
    }
    // Journeys, a session and its end, a console and its end.
    for cookie in ["__Host-journey=", "__Host-sso=", "__Host-console="] {
        assert!(setting.iter().filter(|(_, headers)| headers.contains(cookie)).count() >= 2, "{cookie}: {setting:?}");
    }
}

async fn ip_of_sign_in(app: &TestApp, mut browser: Browser) -> String {
    browser.extra.push(("x-forwarded-for", "192.0.2.66, 198.51.100.5".into()));
    let clinic = app.world.plain.clone();
    // Events of one moment have no order.
    app.advance(SECOND);
    let mut run = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let events = app.audit(clinic.tenant.id).await;
    events.iter().rev().find(|event| event.action == Action::PasswordChecked).unwrap().ip.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a45_f44_forwarded_addresses_count_from_configured_proxies_only() {
    let app = TestApp::new().await;
    assert_eq!(ip_of_sign_in(&app, app.browser()).await, "203.0.113.7", "the peer itself");
    let mut options = Options::default();
    options.config.trusted_proxies = vec!["203.0.113.7".parse::<std::net::IpAddr>().unwrap()].into();
    let app = TestApp::with(options).await;
    assert_eq!(
        ip_of_sign_in(&app, app.browser()).await,
        "198.51.100.5",
        "what the proxy saw, not what the client says"
    );
    assert_eq!(ip_of_sign_in(&app, app.browser().at_ip([203, 0, 113, 8])).await, "203.0.113.8", "another peer");
}

#[tokio::test(flavor = "multi_thread")]
async fn f44_a_forwarded_address_never_opens_anything() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.extra = ["x-forwarded-for", "x-real-ip", "x-client-ip", "forwarded"]
        .map(|name| (name, "127.0.0.1".to_owned()))
        .to_vec();
    for path in ["/portal", "/clinic/riverside.example", "/account/riverside.example"] {
        assert!(browser.get(path).await.status.is_redirection(), "{path}");
    }
    assert_eq!(browser.get("/dev/inbox").await.status, 404);
    assert_eq!(browser.get("/dev/inbox.json").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn f43_addresses_in_mails_and_pages_ignore_host_and_forwarded() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let hostile = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-forwarded-proto", "http"),
    ];
    let mut browser = app.browser();
    browser.extra = hostile.map(|(name, value)| (name, value.to_owned())).to_vec();
    let mut run = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
    // A known address at sign-up, an unknown one at reset, and a code: every mail with a link.
    run.act("go-sign-up", &[]).await;
    run.act("request-code", &[("email", MARIA)]).await;
    run.act("back", &[]).await;
    run.act("go-sign-in", &[]).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", "nobody@patients.example")]).await;
    app.drain().await;
    let mails = app.inbox.list(None);
    assert_eq!(mails.len(), 2, "{mails:?}");
    for mail in &mails {
        assert!(!mail.body.contains("evil.example"), "{}", mail.body);
    }
    let bodies: Vec<&str> = mails.iter().map(|mail| mail.body.as_str()).collect();
    assert!(bodies.iter().any(|body| body.contains("https://id.example")), "{bodies:#?}");
    let discovery = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
    let page = run.browser.get(&discovery).await;
    assert!(!page.says("evil.example") && page.says("https://id.example/"), "{}", page.text());
    assert!(!run.page().await.says("evil.example"));
}
