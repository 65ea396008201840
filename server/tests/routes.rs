//! The route table: what is reachable without a console session, and what the CSRF check passes by.
//!
//! The routes are read out of the source, so that a new one cannot be forgotten here. One
//! that is open to everybody is a decision, made in the list of those.

use std::path::Path;

use axum::{
    body::Body,
    http::{Method, Request},
};
use lanyard_domain::role::Role;
use lanyard_oidc::endpoints::Endpoint;
use lanyard_server::http::csrf::EXEMPT;

use crate::support::{TestApp, journey::place};

/// Open to everybody; every other route wants a session of a console. A new line here is a decision.
const OPEN: [&str; 19] = [
    "/",
    "/account",
    "/livez",
    "/readyz",
    "/pkg/{file}",
    "/favicon.svg",
    "/claims",
    "/dev/inbox",
    "/dev/inbox.json",
    "/invitation/{tenant}/{token}",
    "/not-me/{tenant}/{token}",
    "/journey/{id}",
    "/journey/{id}/return",
    "/journey/{id}/again",
    "/journey/{id}/deletion",
    "/journey/{id}/{event}",
    "/api/journeys/{id}",
    "/api/journeys/{id}/{event}",
    "/sign-out",
];

pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) methods: Vec<Method>,
}

fn sources(dir: &Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

// Every `.route("path", …)` of the source with the methods that it names.
pub(crate) fn routes() -> Vec<Found> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut found = Vec::new();
    for file in &files {
        for call in file.split(".route(").skip(1) {
            let inner = call.trim_start();
            assert!(
                inner.starts_with('"'),
                "a path that is no literal cannot be checked here: {}",
                &inner[..40.min(inner.len())]
            );
            let path = inner[1..].split('"').next().unwrap().to_owned();
            let mut depth = 1;
            let end = inner.find(|c: char| {
                depth += match c {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                depth == 0
            });
            let handlers = &inner[path.len() + 2..end.unwrap()];
            let names = [
                ("get(", Method::GET),
                ("post(", Method::POST),
                ("put(", Method::PUT),
                ("delete(", Method::DELETE),
                ("patch(", Method::PATCH),
                ("any(", Method::TRACE),
            ];
            let methods: Vec<Method> =
                names.into_iter().filter(|(name, _)| handlers.contains(name)).map(|(_, m)| m).collect();
            assert!(!methods.is_empty() && !methods.contains(&Method::TRACE), "{path}: {handlers}");
            found.push(Found { path, methods });
        }
    }
    assert!(found.len() >= 19, "the source has fewer routes than there are: {}", found.len());
    found
}

fn filled(path: &str) -> String {
    let id = "018f0000-0000-7000-8000-000000000000";
    path.replace("{tenant}", "riverside.example")
        .replace("{flow}", "b2c_1_susi")
        .replace("{id}", id)
        .replace("{event}", "sign-in")
        .replace("{token}", "x")
        .replace("{secret}", "x")
        .replace("{file}", "x.js")
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_the_routes_that_are_open_to_everybody_are_the_pinned_ones() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    let mut open = Vec::new();
    for route in routes() {
        for method in &route.methods {
            let mut browser = app.browser();
            let request = Request::builder()
                .method(method.clone())
                .uri(filled(&route.path))
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("accept", "text/html");
            let answer = browser.send(request.body(Body::from("csrf=x")).unwrap()).await;
            // Closed: sent to sign in, by a journey of a console.
            let closed = answer.status == 303
                && answer.location().is_some_and(|l| l.starts_with("/journey/"))
                && answer.headers.contains_key("set-cookie");
            if !closed {
                open.push(route.path.clone());
            }
        }
    }
    open.sort();
    open.dedup();
    let mut pinned = OPEN.map(str::to_owned).to_vec();
    pinned.sort();
    assert_eq!(open, pinned);
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_every_route_that_changes_state_refuses_other_sites() {
    let app = TestApp::new().await;
    let tables = ["journeys", "sessions", "accounts", "audit", "outbox", "tenants", "user_flows", "applications"];
    let before = app.rows(&tables).await;
    let mut checked = 0;
    for route in routes() {
        for method in route.methods.iter().filter(|method| **method != Method::GET) {
            for (name, value) in [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("origin", "https://evil.example"),
                ("origin", "null"),
            ] {
                let request = Request::builder()
                    .method(method.clone())
                    .uri(filled(&route.path))
                    .header(name, value)
                    .header("content-type", "application/x-www-form-urlencoded");
                let answer = app.browser().send(request.body(Body::from("csrf=x")).unwrap()).await;
                assert_eq!(answer.status, 403, "{method} {} {name}: {value}", route.path);
                checked += 1;
            }
        }
    }
    assert!(checked >= 12);
    assert_eq!(app.rows(&tables).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_every_form_of_the_portal_wants_the_token_of_its_operator() {
    let app = TestApp::new().await;
    let roles = [Role::InstanceOperator, Role::TenantOperator(app.world.mfa.tenant.id)];
    let (mut ann, _) = crate::portal::operator(&app, "Ann", &roles).await;
    let (mut ben, _) = crate::portal::operator(&app, "Ben", &roles).await;
    let of_ben = ben.get("/portal/new").await.csrf().unwrap();
    let before = app.durable().await;
    let mut checked = 0;
    for route in routes().into_iter().filter(|route| route.path.starts_with("/portal")) {
        for method in route.methods.iter().filter(|method| **method != Method::GET) {
            let forms: [&[(&str, &str)]; 4] = [&[], &[("csrf", "")], &[("csrf", "x")], &[("csrf", of_ben.as_str())]];
            for fields in forms {
                let request = Request::builder()
                    .method(method.clone())
                    .uri(filled(&route.path))
                    .header("sec-fetch-site", "same-origin")
                    .header("content-type", "application/x-www-form-urlencoded");
                let body = Body::from(crate::support::browser::encode(fields));
                let answer = ann.send(request.body(body).unwrap()).await;
                assert_eq!(answer.status, 403, "{method} {} {fields:?}", route.path);
            }
            checked += 1;
        }
    }
    assert!(checked >= 19, "{checked} forms");
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_the_exempt_endpoints_are_the_pinned_ones() {
    let pinned = [Endpoint::Authorize, Endpoint::Token, Endpoint::UserInfo, Endpoint::Logout];
    assert_eq!(EXEMPT[..4], pinned);
    let later = [
        Endpoint::Revocation,
        Endpoint::Introspection,
        Endpoint::PushedRequest,
        Endpoint::DeviceAuthorization,
        Endpoint::Registration,
    ];
    assert_eq!(EXEMPT[4..], later);
    let app = TestApp::new().await;
    let base = place(&app.world.plain, &app.world.plain.flow);
    let mut browser = app.browser();
    browser.extra = vec![("sec-fetch-site", "cross-site".into())];
    for (path, exempt) in [
        ("/oauth2/v2.0/authorize", true),
        ("/oauth2/v2.0/token", true),
        ("/oauth2/v2.0/logout", true),
        ("/openid/v2.0/userinfo", true),
        ("/oauth2/v2.0/revoke", true),
        ("/oauth2/v2.0/introspect", true),
        ("/oauth2/v2.0/par", true),
        ("/oauth2/v2.0/devicecode", true),
        ("/oauth2/v2.0/register", true),
        ("/device", false),
        ("/discovery/v2.0/keys", false),
        ("/v2.0/.well-known/openid-configuration", false),
    ] {
        let answer = browser.post_bare(&format!("{base}{path}"), &[("a", "b")]).await;
        assert_eq!(answer.status != 403, exempt, "{path}: {}", answer.status);
    }
    // None of a console's paths can be dressed up as one of them.
    for path in [
        "/sign-out?p=b2c_1_susi",
        "/portal/oauth2/v2.0/token?p=x",
        "/journey/x/oauth2/v2.0/token",
        "//sign-out",
        "/SIGN-OUT",
    ] {
        let answer = browser.post_bare(path, &[("csrf", "x")]).await;
        assert!(answer.status == 403 || answer.status == 404, "{path}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a42_there_is_no_debug_route_and_the_inbox_exists_on_loopback_only() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    for path in [
        "/metrics",
        "/debug",
        "/.git/config",
        "/.env",
        "/admin",
        "/server-status",
        "/pkg/",
        "/pkg",
        "/dev",
        "/dev/inbox",
        "/dev/inbox.json",
    ] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    browser.extra = vec![("host", "localhost:8080".into())];
    assert_eq!(browser.get("/dev/inbox.json").await.status, 200, "as the demo");
    browser.extra.push(("x-forwarded-for", "1.2.3.4".into()));
    assert_eq!(browser.get("/dev/inbox.json").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_cannot_take_all_the_time() {
    let mut options = crate::support::Options::default();
    options.config.limits.per_address_per_second = 1;
    options.config.limits.per_address_burst = 5;
    let app = TestApp::with(options).await;
    let mut browser = app.browser();
    let mut limited = None;
    for n in 0..12u8 {
        // f16: no header makes it another network.
        browser.extra = vec![("x-forwarded-for", format!("198.51.100.{n}"))];
        let answer = browser.post("/sign-out", &[]).await;
        if answer.status == 429 {
            limited = Some(answer);
        }
    }
    let limited = limited.expect("the limit");
    assert!(limited.header("retry-after").is_some());
    let answer = app.browser().at_ip([198, 51, 100, 1]).post("/sign-out", &[]).await;
    assert_ne!(answer.status, 429, "another network is not held");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applications_server_is_not_held_to_what_one_person_may_send() {
    let mut options = crate::support::Options::default();
    options.config.limits.per_address_per_second = 1;
    options.config.limits.per_address_burst = 3;
    options.config.limits.calls_per_address_per_second = 1;
    options.config.limits.calls_per_address_burst = 40;
    let app = TestApp::with(options).await;
    let clinic = &app.world.plain;
    let mut browser = app.browser();
    let token = format!("{}/oauth2/v2.0/token", place(clinic, &clinic.flow));
    for call in 0..40 {
        let answer = browser.post_bare(&token, &[("grant_type", "authorization_code")]).await;
        assert_ne!(answer.status, 429, "call {call}");
    }
    assert_eq!(browser.post_bare(&token, &[("grant_type", "authorization_code")]).await.status, 429);
    assert_ne!(browser.post("/sign-out", &[]).await.status, 429, "a person's requests are counted apart");
}
