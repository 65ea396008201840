//! A hundred wrong tries in a row, and not even the right one counts: N9 to N11, failure 18.

use lanyard_app::api::journey::{ProblemCode, StageView};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::MINUTE,
    factor::MAX_CONSECUTIVE,
};
use lanyard_storage::StorageError;

use crate::support::{
    PASSWORD, Run, TestApp, Via, problem,
    world::{MARIA, NORA, PHONE, SEED, TINA, totp},
};

/// From a network of its own each, so that no throttle of a network is in the way.
async fn sign_in_from(app: &TestApp, n: u32, email: &str, password: &str) -> (Run, Option<ProblemCode>) {
    let mut run = Run::begin(app, &app.world.mfa, Via::Json).await;
    let [_, _, high, low] = n.to_be_bytes();
    run.browser = run.browser.at_ip([198, 51, high, low]);
    let view = run.sign_in(email, password).await;
    let code = problem(&view, "email").or_else(|| problem(&view, "")).cloned();
    (run, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_after_a_hundred_wrong_passwords_not_even_the_right_one_counts() {
    let app = TestApp::new().await;
    for n in 1..=MAX_CONSECUTIVE {
        let (_, code) = sign_in_from(&app, n, MARIA, "a wrong password").await;
        assert_eq!(code, Some(ProblemCode::WrongCredentials), "{n}");
    }
    // The owner is told once, and what to do.
    let mail = app.message(MARIA).await;
    assert!(mail.body.contains("the password was turned off"), "{}", mail.body);
    let mails = app.messages(MARIA).await;
    let before = app.rows(&["sessions", "grants", "factors"]).await;
    // It looks like any other refusal (A6).
    app.advance(MINUTE);
    let (_, code) = sign_in_from(&app, 200, MARIA, PASSWORD).await;
    assert_eq!(code, Some(ProblemCode::WrongCredentials));
    assert_eq!(app.rows(&["sessions", "grants", "factors"]).await, before);
    assert_eq!(app.messages(MARIA).await, mails);
    let log = app.audit(app.world.mfa.tenant.id).await;
    let last = log.iter().rev().find(|event| event.action == Action::PasswordChecked).unwrap();
    assert_eq!(last.detail["detail"], "password_disabled");
    // No time heals it: the count is of tries, not of hours.
    app.advance(400 * 24 * 60 * MINUTE);
    let (_, code) = sign_in_from(&app, 201, MARIA, PASSWORD).await;
    assert_eq!(code, Some(ProblemCode::WrongCredentials));
    // Failure 18: a second way stays. The code by mail and the bound factor make another password.
    let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", MARIA)]).await;
    let code = app.code(MARIA).await;
    run.act("submit-code", &[("code", &code)]).await;
    let code = app.code(PHONE).await;
    run.act("submit-code", &[("code", &code)]).await;
    let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let (run, code) = sign_in_from(&app, 202, MARIA, "plum otter 94 ladder").await;
    assert_eq!(code, None);
    drop(run);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_the_right_password_begins_the_count_anew() {
    let app = TestApp::new().await;
    let fail = |email| {
        let (tenant, email) = (app.world.mfa.tenant.id, lanyard_domain::email::EmailAddress::parse(email).unwrap());
        let store = app.app.store.clone();
        async move {
            let write = store.write(move |tx| Box::pin(async move { tx.password_failed(tenant, &email).await }));
            let count: Result<_, StorageError> = write.await;
            count.unwrap()
        }
    };
    for n in 1..MAX_CONSECUTIVE {
        assert_eq!(fail(NORA).await, Some(n));
    }
    let (_, code) = sign_in_from(&app, 1, NORA, PASSWORD).await;
    assert_eq!(code, None, "the hundredth try is the right one");
    assert_eq!(fail(NORA).await, Some(1));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_n10_after_a_hundred_wrong_codes_a_factor_is_disabled() {
    let app = TestApp::new().await;
    let (clinic, tenant) = (app.world.mfa.clone(), app.world.mfa.tenant.id);
    let email = lanyard_domain::email::EmailAddress::parse(TINA).unwrap();
    let now = app.now();
    let write = app.app.store.write(move |tx| {
        Box::pin(async move {
            let (account, _) = tx.account_by_email(tenant, &email).await?.unwrap();
            let factor = tx.factors_of_account(account.id).await?.remove(0).id;
            for _ in 1..MAX_CONSECUTIVE {
                tx.factor_failed(factor, now).await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    write.await.unwrap();
    app.advance(20 * MINUTE);
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    run.sign_in(TINA, PASSWORD).await;
    run.act("submit-code", &[("code", "000000")]).await;
    // That was the hundredth: one event, and the owner is told.
    assert_eq!(app.audited(tenant, Action::FactorDisabled, Outcome::Success).await, 1);
    let mail = app.message(TINA).await;
    assert!(mail.body.contains("this second step was turned off: an authenticator app"), "{}", mail.body);
    // The lock is over, the clock is right, and so is the code.
    app.advance(20 * MINUTE);
    let before = app.rows(&["sessions", "grants", "factors"]).await;
    for via in Via::BOTH {
        let mut run = Run::begin(&app, &clinic, via).await;
        run.sign_in(TINA, PASSWORD).await;
        let view = run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
        assert_eq!(problem(&view, ""), Some(&ProblemCode::FactorDisabled), "{view:?}");
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
    }
    assert_eq!(app.rows(&["sessions", "grants", "factors"]).await, before);
}
