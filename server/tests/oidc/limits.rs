//! What one network may cause: requests that a browser makes by itself, references that nobody
//! pushed (D8), and how a program is told to wait.

use lanyard_app::paths;
use lanyard_domain::{clock::SECOND, grant::CLOCK_AHEAD, secret::Token};

use super::*;
use crate::support::{Options, browser::encode, journey::refresh};

const WRITTEN: [&str; 5] = ["journeys", "grants", "audit", "pushed_requests", "sessions"];

fn limited(change: impl FnOnce(&mut lanyard_server::config::Limits)) -> Options {
    let mut options = Options::default();
    change(&mut options.config.limits);
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_silent_requests_are_limited_per_network() {
    let app = TestApp::with(limited(|limits| {
        (limits.silent_per_address_per_second, limits.silent_per_address_burst) = (1, 3);
    }))
    .await;
    let clinic = app.world.plain.clone();
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    for _ in 0..3 {
        let back = run.browser.get(&silent).await.location().unwrap();
        assert!(parameter(&back, "code").is_some(), "{back}");
    }
    let before = app.rows(&WRITTEN).await;
    assert_eq!(refused(&run.browser.get(&silent).await, &clinic).0, "temporarily_unavailable");
    // A person is told on a page; nothing of it is stored either.
    assert_eq!(run.browser.get(&authorize(&clinic, &clinic.flow, &[])).await.status, 429);
    assert_eq!(app.rows(&WRITTEN).await, before);
    // A cookie of no session is no reason to wait, and to write nothing.
    let commits = app.app.store.commits();
    let mut stranger = app.browser();
    stranger.jar.insert("__Host-sso".into(), Token::generate(app.app.entropy().as_mut()).expose().to_owned());
    assert_eq!(refused(&stranger.get(&silent).await, &clinic).0, "interaction_required");
    assert_eq!(app.app.store.commits(), commits);
    run.browser.ip = [198, 51, 100, 9].into();
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(parameter(&back, "code").is_some(), "another network: {back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_an_invented_request_uri_makes_no_write_transaction() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let id = clinic.application.id.to_string();
    let before = app.rows(&WRITTEN).await;
    let commits = app.app.store.commits();
    let invented = Token::generate(app.app.entropy().as_mut());
    let uri = format!("urn:ietf:params:oauth:request_uri:{}", invented.expose());
    let query = encode(&[("client_id", id.as_str()), ("request_uri", uri.as_str())]);
    let page = app.browser().get(&format!("{}?{query}", endpoint(&clinic, "oauth2/v2.0/authorize"))).await;
    assert_eq!(page.status, 400);
    assert_eq!((app.app.store.commits(), app.rows(&WRITTEN).await), (commits, before));
    // Nor is what was taken back a commit.
    let link = paths::invitation(clinic.tenant.domain.as_str(), invented.expose());
    assert_eq!(app.browser().get(&link).await.status, 404);
    assert_eq!(app.app.store.commits(), commits);
    // What is done is counted.
    signed_in(&app, &clinic, &[]).await;
    assert!(app.app.store.commits() > commits);
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_an_invented_refresh_token_makes_no_write_transaction() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let commits = app.app.store.commits();
    let invented = Token::generate(app.app.entropy().as_mut());
    let answer = refresh(&mut app.browser(), &clinic, &clinic.flow, invented.expose()).await;
    assert_eq!((answer.status.as_u16(), answer.says("invalid_grant")), (400, true), "{}", answer.text());
    assert_eq!(app.app.store.commits(), commits);
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_invitations_are_limited_as_journeys_are() {
    let app = TestApp::with(limited(|limits| {
        (limits.per_address_per_second, limits.per_address_burst) = (1, 2);
    }))
    .await;
    let link = paths::invitation("hilltop.example", "x");
    let mut browser = app.browser();
    for expected in [404, 404, 429] {
        assert_eq!(browser.get(&link).await.status, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_is_said_on_429() {
    let app = TestApp::with(limited(|limits| {
        (limits.calls_per_address_per_second, limits.calls_per_address_burst) = (1, 1);
    }))
    .await;
    let clinic = app.world.plain.clone();
    let mut page = app.browser();
    page.extra = vec![("origin", "https://app.example".into())];
    let token = endpoint(&clinic, "oauth2/v2.0/token");
    assert_ne!(page.post_bare(&token, &[]).await.status, 429);
    let busy = page.post_bare(&token, &[]).await;
    assert_eq!((busy.status.as_u16(), busy.header("retry-after").as_deref()), (429, Some("1")), "{}", busy.text());
    assert_eq!(busy.header("access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(busy.header("access-control-allow-credentials"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn d5_a_push_of_a_clock_a_minute_ahead_is_found() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let address = authorize(&clinic, &clinic.flow, &[]);
        let fields: Vec<(String, String)> = serde_urlencoded::from_str(address.split_once('?').unwrap().1).unwrap();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let id = clinic.application.id.to_string();
        for (behind, status) in [(CLOCK_AHEAD, 303), (CLOCK_AHEAD + SECOND, 400)] {
            let answer = app.browser().post_bare(&endpoint(&clinic, "oauth2/v2.0/par"), &fields).await;
            let uri = answer.json::<Value>()["request_uri"].as_str().unwrap().to_owned();
            let query = encode(&[("client_id", id.as_str()), ("request_uri", uri.as_str())]);
            app.advance(-behind);
            let page = app.browser().get(&format!("{}?{query}", endpoint(&clinic, "oauth2/v2.0/authorize"))).await;
            assert_eq!(page.status, status, "{behind}: {}", page.text());
            app.advance(behind);
        }
    }
}
