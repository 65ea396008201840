//! C1: each event gives exactly one entry: who, what, on whom, when, from where, result.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, AuditEvent, Outcome},
    clock::SECOND,
};

use crate::{
    sessions::staff,
    support::{
        PASSWORD, Run, TestApp, Via,
        journey::{authorize, redeem, refresh, with_code, with_tokens},
        world::{MARIA, NORA, PHONE},
    },
};

const WRONG: &str = "a wrong password";

fn only(events: &[AuditEvent], action: Action, outcome: Outcome) -> AuditEvent {
    let found: Vec<_> = events.iter().filter(|event| event.action == action && event.outcome == outcome).collect();
    assert_eq!(
        found.len(),
        1,
        "{action:?} {outcome:?} in {:?}",
        events.iter().map(|e| (e.action, e.outcome)).collect::<Vec<_>>()
    );
    found[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_sign_in_is_one_event() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut run = Run::begin(&app, &clinic, via).await;
        run.sign_in_with_phone(&app, MARIA, PHONE).await;
        let events = app.audit(clinic.tenant.id).await;
        let event = only(&events, Action::SignIn, Outcome::Success);
        assert_eq!(event.actor, Some(clinic.maria));
        assert_eq!(event.target, Some(clinic.maria.to_string()));
        assert_eq!((event.at, event.ip.as_deref()), (app.now(), Some("203.0.113.7")));
        assert!(event.request.is_some_and(|id| !id.is_empty()));
        only(&events, Action::FactorChecked, Outcome::Success);
        only(&events, Action::PasswordChecked, Outcome::Success);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_failure_is_one_event() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(MARIA, WRONG).await;
    let event = only(&app.audit(clinic.tenant.id).await, Action::PasswordChecked, Outcome::Failure);
    assert_eq!(event.target, Some(clinic.maria.to_string()));
    // Of nobody: an event without a name, and without the address that was typed (C5).
    app.advance(SECOND);
    run.sign_in("stranger@patients.example", WRONG).await;
    let events = app.audit(clinic.tenant.id).await;
    let failures: Vec<_> = events.iter().filter(|event| event.action == Action::PasswordChecked).collect();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[1].actor, None);

    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    run.act("submit-code", &[("code", wrong)]).await;
    only(&app.audit(clinic.tenant.id).await, Action::FactorChecked, Outcome::Failure);
    let rows = app.rows(&["audit"]).await.concat();
    for secret in [WRONG, PASSWORD, &code, wrong, "stranger@"] {
        assert!(!rows.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_sign_up_and_a_factor_are_one_event_each() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_up(&app, "ada@new.example", PASSWORD).await;
    assert_eq!(app.audited(clinic.tenant.id, Action::SignUp, Outcome::Success).await, 0, "not before it is done");
    run.enrol_phone(&app, "+12065550181").await;
    let events = app.audit(clinic.tenant.id).await;
    let sign_up = only(&events, Action::SignUp, Outcome::Success);
    let bound = only(&events, Action::FactorBound, Outcome::Success);
    assert_eq!(sign_up.target, bound.target);
    assert!(bound.detail.to_string().contains("text_message"), "{}", bound.detail);
    only(&events, Action::EmailProved, Outcome::Success);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_change_of_claims_is_one_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.edit, &[]), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let view = run.act("submit-profile", &[("givenName", "Eleanor"), ("surname", "Lopez"), ("country", "US")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let event = only(&app.audit(clinic.tenant.id).await, Action::ProfileChanged, Outcome::Success);
    assert_eq!(event.target, Some(clinic.nora.to_string()));
    assert!(app.rows(&["accounts"]).await.concat().contains("Eleanor"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_reset_is_one_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Form).await;
    run.prove(&app, NORA).await;
    // The account has no second factor, so the address is enough here.
    let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
    assert!(view.problems.is_empty(), "{view:?}");
    let event = only(&app.audit(clinic.tenant.id).await, Action::PasswordReset, Outcome::Success);
    assert_eq!(event.target, Some(clinic.nora.to_string()));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_each_view_of_a_patient_by_staff_is_one_event() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = staff(&app).await;
    let path = paths::clinic_patient(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    let page = run.browser.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let event = only(&app.audit(clinic.tenant.id).await, Action::PatientViewed, Outcome::Success);
    assert_eq!((event.actor, event.target), (Some(clinic.sam), Some(clinic.maria.to_string())));
    assert_eq!(event.ip.as_deref(), Some("203.0.113.7"));
    // Somebody else's patient is none, and is not looked at.
    let other = app.world.plain.maria.to_string();
    let page = run.browser.get(&paths::clinic_patient(clinic.tenant.domain.as_str(), &other)).await;
    assert_eq!(page.status, 404);
    only(&app.audit(clinic.tenant.id).await, Action::PatientViewed, Outcome::Success);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_tokens_and_sign_out_are_one_event_each() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, tokens) = with_tokens(&app, &clinic).await;
    refresh(&mut run.browser, &clinic, &clinic.flow, tokens["refresh_token"].as_str().unwrap()).await;
    let logout = format!("{}/oauth2/v2.0/logout", crate::support::journey::place(&clinic, &clinic.flow));
    let csrf = run.browser.get(&logout).await.csrf().unwrap();
    for _ in 0..2 {
        run.browser.post(&logout, &[("confirm", "yes"), ("csrf", &csrf)]).await;
    }
    let events = app.audit(clinic.tenant.id).await;
    for action in [Action::CodeIssued, Action::CodeRedeemed, Action::TokenRefreshed, Action::SignOut] {
        let event = only(&events, action, Outcome::Success);
        assert_eq!(event.actor, Some(clinic.nora), "{action:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_code_that_is_replayed_twice_is_one_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, code) = with_code(&app, &clinic).await;
    let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
    for _ in 0..3 {
        assert_eq!(redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.status, 400);
    }
    only(&app.audit(clinic.tenant.id).await, Action::CodeReused, Outcome::Failure);
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, token).await.status, 400, "the first one revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_wrong_client_secret_is_one_event_a_minute() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (web, secret) = crate::oidc::register_web(&app, &plain).await;
    let id = web.application.id.to_string();
    let token = format!("{}/oauth2/v2.0/token", crate::support::journey::place(&web, &web.flow));
    let ask = |secret| [("grant_type", "client_credentials"), ("client_id", &*id), ("client_secret", secret)];
    for network in [[203, 0, 113, 7], [198, 51, 100, 4]] {
        let mut client = app.browser().at_ip(network);
        for _ in 0..4 {
            assert_eq!(client.post_bare(&token, &ask("wrong")).await.status, 400 + 1);
        }
    }
    let events = app.audit(plain.tenant.id).await;
    let told: Vec<_> = events.iter().filter(|event| event.action == Action::ClientAuthenticationFailed).collect();
    let mut from: Vec<_> = told.iter().map(|event| (event.target.as_deref(), event.ip.as_deref())).collect();
    // Within one moment of the clock that stands still, the log has no order.
    from.sort_unstable();
    assert_eq!(from, [(Some(&*id), Some("198.51.100.4")), (Some(&*id), Some("203.0.113.7"))]);
    assert!(!format!("{told:?}").contains("wrong") && !format!("{told:?}").contains(&secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_silent_code_says_from_where() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.browser.ip = [198, 51, 100, 4].into();
    let silent = crate::support::journey::authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    assert!(run.browser.get(&silent).await.location().unwrap().contains("code="));
    let events = app.audit(clinic.tenant.id).await;
    let event = only(&events, Action::CodeIssued, Outcome::Success);
    assert_eq!(event.ip.as_deref(), Some("198.51.100.4"));
    assert!(event.request.as_ref().is_some_and(|id| !id.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_the_log_is_appended_to_only() {
    use sqlx::Connection as _;
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let before = app.rows(&["audit"]).await;
    assert!(!before.is_empty());
    let mut db = sqlx::SqliteConnection::connect(&app.database.url).await.unwrap();
    for sql in ["DELETE FROM audit", "UPDATE audit SET outcome = 'success'", "UPDATE audit SET at = 0"] {
        assert!(sqlx::query(sql).execute(&mut db).await.is_err(), "{sql}");
    }
    assert_eq!(app.rows(&["audit"]).await, before);
}
