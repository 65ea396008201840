//! Signing keys: rotation under load (D12), revocation, algorithms, whose keys count.

use std::sync::Arc;

use axum::Router;
use lanyard_crypto::MasterKey;
use lanyard_domain::{
    application::SigningAlgorithm,
    audit::{Action, Outcome},
    clock::{DAY, HOUR, MINUTE, Millis, SECOND, Timestamp},
    id::Id,
    tenant::Tenant,
};
use lanyard_messaging::Providers;
use lanyard_oidc::jose::{
    Expiry, JwkSet, TokenType, Verifier,
    rotation::{CACHE_LIFE, JWKS_MAX_AGE, RETENTION},
};
use lanyard_server::{
    config::{Config, Keys},
    router::router,
    service::{
        key_rotation::{self, Retirement},
        signing,
    },
    start::{self, Outside},
    state::App,
};
use lanyard_storage::{Store, StoreOptions};
use serde_json::Value;

use crate::support::{
    Browser, Clinic, Options, TestApp,
    app::randomness,
    database::Kind,
    journey::{place, redeem, refresh, with_code, with_tokens},
    world::MASTER_KEY,
};

fn options(kind: Kind, publish_ahead_minutes: u32) -> Options {
    let usual = Options { kind, ..Options::default() };
    let keys = Keys { rotation_days: 2, publish_ahead_minutes, ..Keys::default() };
    Options { config: Config { keys, ..usual.config }, ..usual }
}

// Another process on the same database.
async fn twin(app: &TestApp) -> App {
    let store = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
    let outside = Outside {
        clock: Arc::clone(&app.clock) as Arc<_>,
        randomness: randomness(),
        providers: Providers::default(),
        inbox: None,
    };
    let parts = start::parts(app.app.config.clone(), store, MasterKey::from_bytes(&MASTER_KEY), outside).unwrap();
    App::new(parts)
}

fn browser(app: &TestApp, router: &Router) -> Browser {
    Browser::new(router.clone(), Arc::clone(&app.bodies))
}

async fn key_set(browser: &mut Browser, clinic: &Clinic) -> JwkSet {
    let page = browser.get(&format!("{}/discovery/v2.0/keys", place(clinic, &clinic.flow))).await;
    assert_eq!(page.header("cache-control").unwrap(), format!("public, max-age={}", JWKS_MAX_AGE / SECOND));
    page.json()
}

// A client that keeps the key set as long as it is told to, and never asks in between.
struct CachingClient {
    offset: Millis,
    fetched_at: Timestamp,
    verifier: Verifier,
}

impl CachingClient {
    async fn verifies(
        &mut self,
        from: &mut Browser,
        clinic: &Clinic,
        tokens: &[(String, TokenType)],
        at: (&str, Timestamp),
    ) -> usize {
        let (issuer, now) = at;
        if now.since(self.fetched_at) >= JWKS_MAX_AGE - self.offset {
            self.verifier = Verifier::new(&key_set(from, clinic).await).unwrap();
            self.fetched_at = now;
        }
        let good = |(token, kind): &&(String, TokenType)| {
            self.verifier.verify(token, *kind, issuer, Expiry::Enforced, now).is_ok()
        };
        tokens.iter().filter(good).count()
    }
}

// Four hours in which keys are rotated as often as it goes, by both processes at once. Gives how
// many verifications there were, how many of them failed, and how many keys were added.
async fn rotate_under_load(app: &TestApp) -> (usize, usize, usize) {
    let clinic = app.world.plain.clone();
    let tenant = clinic.tenant.id;
    let other = twin(app).await;
    let apps = [app.app.clone(), other.clone()];
    let mut browsers = [app.browser(), browser(app, &router(other))];
    let issuer = app.app.issuer(&clinic.flow);
    let (_, code) = with_code(app, &clinic).await;
    let mut answer: Value = redeem(&mut browsers[0], &clinic, &clinic.flow, &code, &[]).await.json();
    let verifier = Verifier::new(&key_set(&mut browsers[1], &clinic).await).unwrap();
    let mut clients = [0, 90 * SECOND, 210 * SECOND].map(|offset| CachingClient {
        offset,
        fetched_at: app.now(),
        verifier: verifier.clone(),
    });
    let mut tokens: Vec<(Timestamp, Vec<(String, TokenType)>)> = Vec::new();
    let (mut checked, mut failed, mut added) = (0, 0, 0);
    for step in 0..230_usize {
        app.advance(61 * SECOND);
        let now = app.now();
        for algorithm in SigningAlgorithm::ALL {
            // RSA keys take long to make: they rotate more rarely.
            if algorithm != SigningAlgorithm::RS256 || step % 40 == 3 {
                let both = [0, 1].map(|n| key_rotation::rotate(&apps[n], tenant, algorithm, now, "test"));
                added += futures::future::join_all(both)
                    .await
                    .into_iter()
                    .filter(|key| key.as_ref().unwrap().is_some())
                    .count();
            }
        }
        let at = step % 2;
        let token = answer["refresh_token"].as_str().unwrap().to_owned();
        answer = refresh(&mut browsers[at], &clinic, &clinic.flow, &token).await.json();
        let claims: serde_json::Map<String, Value> = claims(answer["id_token"].as_str().unwrap());
        let mut issued = vec![(answer["id_token"].as_str().unwrap().to_owned(), TokenType::Id)];
        for algorithm in SigningAlgorithm::ALL {
            let keys = signing::of(&apps[1 - at], tenant).await.unwrap();
            issued.push((keys.key(algorithm).unwrap().sign(TokenType::Id, &claims).unwrap(), TokenType::Id));
        }
        tokens.push((now, issued));
        tokens.retain(|(at, _)| now.since(*at) < HOUR);
        let seen = tokens.iter().take(2).chain(tokens.iter().rev().take(2));
        for (_, issued) in seen {
            for client in &mut clients {
                let good = client.verifies(&mut browsers[1 - at], &clinic, issued, (&issuer, now)).await;
                checked += issued.len();
                failed += issued.len() - good;
            }
        }
        // And our own verifiers, in the process that did not issue it.
        browsers[1 - at].extra =
            vec![("authorization", format!("Bearer {}", answer["access_token"].as_str().unwrap()))];
        let info = browsers[1 - at].get(&format!("{}/openid/v2.0/userinfo", place(&clinic, &clinic.flow))).await;
        browsers[1 - at].extra.clear();
        assert_eq!(info.status, 200, "{}", info.text());
    }
    (checked, failed, added)
}

fn claims(token: &str) -> serde_json::Map<String, Value> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn d12_on(kind: Kind) {
    let app = TestApp::with(options(kind, 10)).await;
    let (checked, failed, added) = rotate_under_load(&app).await;
    assert_eq!(failed, 0, "of {checked}");
    assert!(checked > 5_000 && added >= 30, "{checked} {added}");
    // What nothing alive was signed with goes, in one process or the other.
    let (tenant, other) = (app.world.plain.tenant.id, twin(&app).await);
    app.advance(RETENTION + 10 * MINUTE);
    while key_rotation::keep_up(&other).await.unwrap().1 > 0 {}
    let left = key_rotation::list(&app.app, tenant).await.unwrap();
    assert_eq!(left.len(), 3, "one of each algorithm: {left:?}");
    assert_eq!(key_set(&mut app.browser(), &app.world.plain).await.keys.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_key_rotation_under_load_no_failed_verification() {
    d12_on(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_key_rotation_under_load_no_failed_verification_on_postgres() {
    d12_on(Kind::Postgres).await;
}

// The very same load sees failures when keys sign before they were known: it is able to.
#[tokio::test(flavor = "multi_thread")]
async fn d12_without_a_lead_the_same_load_fails() {
    let app = TestApp::with(options(Kind::Sqlite, 0)).await;
    assert!(rotate_under_load(&app).await.1 > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_the_schedule_rotates_once_however_many_look_after_it() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let app = TestApp::with(options(kind, 10)).await;
        let tenant = app.world.plain.tenant.id;
        let (one, two) = (app.app.clone(), twin(&app).await);
        key_rotation::keep_up(&one).await.unwrap(); // the world is a month old
        app.advance(2 * DAY);
        let before = key_rotation::list(&one, tenant).await.unwrap().len();
        let all = (0..6).map(|n| {
            let app = if n % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move { key_rotation::keep_up(&app).await.unwrap().0 })
        });
        let added: usize = futures::future::join_all(all).await.into_iter().map(|n| n.unwrap()).sum();
        assert_eq!(added, 3 * 3, "three algorithms of three tenants");
        assert_eq!(key_rotation::keep_up(&two).await.unwrap().0, 0, "nothing is due");
        assert!(key_rotation::list(&two, tenant).await.unwrap().len() <= before + 3);
        assert_eq!(key_rotation::rotate(&one, tenant, SigningAlgorithm::ES256, app.now(), "test").await.unwrap(), None);
    }
}

async fn user_info(browser: &mut Browser, clinic: &Clinic, token: &str) -> u16 {
    browser.extra = vec![("authorization", format!("Bearer {token}"))];
    let page = browser.get(&format!("{}/openid/v2.0/userinfo", place(clinic, &clinic.flow))).await;
    browser.extra.clear();
    page.status.as_u16()
}

async fn current(app: &App, tenant: Id<Tenant>) -> String {
    signing::of(app, tenant).await.unwrap().key(SigningAlgorithm::RS256).unwrap().public().kid.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_a_revoked_key_is_refused_at_once_here_and_in_seconds_elsewhere() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let tenant = clinic.tenant.id;
    let other = twin(&app).await;
    let mut elsewhere = browser(&app, &router(other));
    let (mut run, answer) = with_tokens(&app, &clinic).await;
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(user_info(&mut elsewhere, &clinic, token).await, 200);
    let kid = current(&app.app, tenant).await;
    let foreign = key_rotation::revoke(&app.app, app.world.mfa.tenant.id, &kid).await.unwrap();
    assert_eq!(foreign, Retirement::Unknown, "a25: a key of another tenant");
    assert_eq!(key_rotation::revoke(&app.app, tenant, &kid).await.unwrap(), Retirement::Revoked);
    assert_eq!(user_info(&mut run.browser, &clinic, token).await, 401);
    app.advance(2 * CACHE_LIFE);
    assert_eq!(user_info(&mut elsewhere, &clinic, token).await, 401);
    let published = key_set(&mut elsewhere, &clinic).await;
    assert!(published.keys.iter().all(|key| key.kid != kid));
    assert_eq!(app.audited(tenant, Action::SigningKeyRevoked, Outcome::Success).await, 1);
    assert_eq!(app.audited(tenant, Action::SigningKeyCreated, Outcome::Success).await, 1);
    // Work goes on with a new key, and the session of the person stands.
    let again = refresh(&mut elsewhere, &clinic, &clinic.flow, answer["refresh_token"].as_str().unwrap()).await;
    let again: Value = again.json();
    assert_eq!(user_info(&mut run.browser, &clinic, again["access_token"].as_str().unwrap()).await, 200);
    assert_ne!(current(&app.app, tenant).await, kid);
    assert_eq!(key_rotation::revoke(&app.app, tenant, &kid).await.unwrap(), Retirement::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_followed_by_the_one_that_waits_and_never_by_its_predecessor() {
    let app = TestApp::with(options(Kind::Sqlite, 10)).await;
    let tenant = app.world.plain.tenant.id;
    let alg = SigningAlgorithm::RS256;
    let first = current(&app.app, tenant).await;
    let second = key_rotation::rotate(&app.app, tenant, alg, app.now(), "test").await.unwrap().unwrap();
    app.advance(10 * MINUTE);
    assert_eq!(current(&app.app, tenant).await, second.kid);
    let Retirement::Succeeded(third) = key_rotation::retire(&app.app, tenant, &second.kid).await.unwrap() else {
        panic!("a successor")
    };
    assert_eq!(key_rotation::retire(&app.app, tenant, &second.kid).await.unwrap(), Retirement::AlreadySucceeded);
    assert_eq!(key_rotation::retire(&app.app, tenant, &first).await.unwrap(), Retirement::AlreadyRetired);
    assert_eq!(current(&app.app, tenant).await, second.kid, "it signs until its successor does");
    key_rotation::revoke(&app.app, tenant, &second.kid).await.unwrap();
    assert_eq!(current(&app.app, tenant).await, third.kid);
    key_rotation::revoke(&app.app, tenant, &third.kid).await.unwrap();
    let last = current(&app.app, tenant).await;
    assert!(![first.clone(), second.kid, third.kid].contains(&last));
    let next = key_rotation::rotate(&app.app, tenant, alg, app.now(), "test").await.unwrap().unwrap();
    assert_eq!(key_rotation::retire(&app.app, tenant, &next.kid).await.unwrap(), Retirement::Withdrawn);
    assert_eq!(current(&app.app, tenant).await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_a_key_of_another_tenant_is_unknown_here() {
    let app = TestApp::new().await;
    let (own, other) = (app.world.plain.clone(), app.world.mfa.clone());
    let (mut run, answer) = with_tokens(&app, &own).await;
    let claims = claims(answer["access_token"].as_str().unwrap());
    for (tenant, status) in [(own.tenant.id, 200), (other.tenant.id, 401)] {
        let keys = signing::of(&app.app, tenant).await.unwrap();
        for algorithm in SigningAlgorithm::ALL {
            let token = keys.key(algorithm).unwrap().sign(TokenType::Access, &claims).unwrap();
            assert_eq!(user_info(&mut run.browser, &own, &token).await, status, "{}", algorithm.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_its_tokens_signed_by_the_algorithm_of_its_setting() {
    let app = TestApp::new().await;
    let mut clinic = app.world.plain.clone();
    for algorithm in SigningAlgorithm::ALL {
        clinic.application.settings.signing = algorithm;
        let changed = clinic.application.clone();
        let job = app.app.store.write(move |tx| Box::pin(async move { tx.update_application(&changed).await }));
        job.await.unwrap();
        let (mut run, answer) = with_tokens(&app, &clinic).await;
        let set = key_set(&mut run.browser, &clinic).await;
        let kid = signing::of(&app.app, clinic.tenant.id).await.unwrap().key(algorithm).unwrap().public().kid.clone();
        let only = JwkSet { keys: set.keys.into_iter().filter(|key| key.kid == kid).collect() };
        let issuer = app.app.issuer(&clinic.flow);
        let verifier = Verifier::new(&only).unwrap();
        for (name, kind) in [("id_token", TokenType::Id), ("access_token", TokenType::Access)] {
            let token = answer[name].as_str().unwrap();
            verifier.verify(token, kind, &issuer, Expiry::Enforced, app.now()).unwrap();
        }
        assert_eq!(user_info(&mut run.browser, &clinic, answer["access_token"].as_str().unwrap()).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a41_private_keys_are_sealed_at_rest() {
    let app = TestApp::new().await;
    let rows = app.rows(&["signing_keys"]).await.join("\n").to_lowercase();
    // The PKCS#8 names of the algorithms, in hex as both databases print bytes.
    for oid in ["2a864886f70d010101", "2a8648ce3d0201", "06032b6570"] {
        assert!(!rows.contains(oid), "{oid}");
    }
    assert_eq!(app.count("signing_keys").await, 9);
}
