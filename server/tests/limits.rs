//! Waits that grow with each wrong try, and after a hundred in a row not even the right one counts: N9 to
//! N11, failures 17 and 18.

use std::sync::Arc;

use lanyard_app::{
    api::journey::{ProblemCode, StageView},
    paths,
};
use lanyard_crypto::MasterKey;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{Clock, DAY, MINUTE, SECOND},
    delays::GUESSES,
    factor::MAX_CONSECUTIVE,
};
use lanyard_messaging::Providers;
use lanyard_server::{
    router::router,
    start::{self, Outside},
    state::App,
};
use lanyard_storage::{StorageError, Store, StoreOptions};

use crate::support::{
    Browser, Options, PASSWORD, Run, TestApp, Via,
    app::randomness,
    journey::authorize,
    problem,
    world::{MARIA, MASTER_KEY, NORA, PHONE, SEED, TINA, totp},
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
    assert!(mail.body.contains("/not-me/"), "u24: {}", mail.body);
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
async fn n9_f18_a_completed_reset_ends_the_wait_of_its_address_in_its_network_alone() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        // A neighbour behind the same address guesses, and so does somebody elsewhere.
        for _ in 0..11 {
            app.advance(16 * MINUTE);
            for n in [1, 2] {
                let (_, code) = sign_in_from(&app, n, MARIA, "a wrong password").await;
                assert_eq!(code, Some(ProblemCode::WrongCredentials));
            }
        }
        let (mut run, code) = sign_in_from(&app, 1, MARIA, PASSWORD).await;
        assert!(matches!(code, Some(ProblemCode::SignInLocked { .. })), "{code:?}");
        run.act("go-forgot-password", &[]).await;
        run.act("request-code", &[("email", MARIA)]).await;
        let code = app.code(MARIA).await;
        run.act("submit-code", &[("code", &code)]).await;
        // The code to the address alone ends nothing.
        let (_, code) = sign_in_from(&app, 1, MARIA, PASSWORD).await;
        assert!(matches!(code, Some(ProblemCode::SignInLocked { .. })), "{code:?}");
        let code = app.code(PHONE).await;
        run.act("submit-code", &[("code", &code)]).await;
        let new = "plum otter 94 ladder";
        let view = run.act("submit-new-password", &[("password", new)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let (_, code) = sign_in_from(&app, 1, MARIA, new).await;
        assert_eq!(code, None);
        let (_, code) = sign_in_from(&app, 2, MARIA, new).await;
        assert!(matches!(code, Some(ProblemCode::SignInLocked { .. })), "{code:?}");
        app.drain().await;
    }
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
    assert!(mail.body.contains("/not-me/"), "u24: {}", mail.body);
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

const WRONG: &str = "a wrong password";
/// Of the same length as Maria's, and nobody's.
const STRANGER: &str = "mario@patients.example";

#[tokio::test(flavor = "multi_thread")]
async fn n9_d11_waits_grow_by_address_and_network_whether_there_is_an_account_or_not() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        for email in [MARIA, STRANGER] {
            for n in 0..=GUESSES.free {
                let (_, code) = sign_in_from(&app, 1, email, WRONG).await;
                assert_eq!(code, Some(ProblemCode::WrongCredentials), "{email} {n}");
            }
            for wait in [30_u32, 60, 120, 240, 480, 900, 900] {
                // Not even the right one, to the last moment.
                let before = app.rows(&["throttles", "accounts", "sessions"]).await;
                for (left, pause) in [(wait, i64::from(wait) * SECOND - 1), (1, 1)] {
                    let (mut run, code) = sign_in_from(&app, 1, email, PASSWORD).await;
                    assert_eq!(code, Some(ProblemCode::SignInLocked { seconds: left }), "{email}");
                    // U14: how long, and what to do instead.
                    let page = run.page().await;
                    assert!(page.says("then try again, or reset your password."), "{}", page.text());
                    assert!(page.says("Forgot your password?"), "{}", page.text());
                    app.advance(pause);
                }
                assert_eq!(app.rows(&["throttles", "accounts", "sessions"]).await, before, "it counts for nothing");
                let (_, code) = sign_in_from(&app, 1, email, WRONG).await;
                assert_eq!(code, Some(ProblemCode::WrongCredentials), "{email}");
            }
        }
        sign_in_from(&app, 1, MARIA, WRONG).await;
        // Failure 18: whoever is elsewhere is not kept waiting, and other people here are not either.
        let (_, code) = sign_in_from(&app, 2, MARIA, PASSWORD).await;
        assert_eq!(code, None);
        let (_, code) = sign_in_from(&app, 1, TINA, PASSWORD).await;
        assert_eq!(code, None);
        // Her sign-in there does not end the wait of whoever guesses here.
        let (_, code) = sign_in_from(&app, 1, MARIA, PASSWORD).await;
        assert!(matches!(code, Some(ProblemCode::SignInLocked { .. })), "{code:?}");
        // The right one, after the wait, begins the count anew.
        app.advance(GUESSES.longest);
        let (_, code) = sign_in_from(&app, 1, MARIA, PASSWORD).await;
        assert_eq!(code, None);
        for _ in 0..GUESSES.free {
            sign_in_from(&app, 1, MARIA, WRONG).await;
        }
        let (_, code) = sign_in_from(&app, 1, MARIA, PASSWORD).await;
        assert_eq!(code, None, "four are free again");
        // The stranger's count is forgotten after a day without a try.
        app.advance(DAY);
        for _ in 0..GUESSES.free {
            sign_in_from(&app, 1, STRANGER, WRONG).await;
        }
        let (_, code) = sign_in_from(&app, 1, STRANGER, WRONG).await;
        assert_eq!(code, Some(ProblemCode::WrongCredentials));
        app.drain().await;
    }
}

// A server that begins now, on the same database.
pub(crate) async fn another_server(app: &TestApp) -> App {
    let store = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
    let outside = Outside {
        clock: Arc::clone(&app.clock) as Arc<dyn Clock>,
        randomness: randomness(),
        providers: Providers::default(),
        inbox: None,
    };
    let parts = start::parts(app.app.config.clone(), store, MasterKey::from_bytes(&MASTER_KEY), outside).unwrap();
    App::new(parts)
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_waits_hold_on_every_server_and_after_a_restart() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let clinic = app.world.mfa.clone();
        let other = another_server(&app).await;
        let there = Browser::new(router(other.clone()), Arc::default()).at_ip([198, 51, 0, 1]);
        // Half of the tries here, half there.
        for n in 0..=GUESSES.free {
            if n % 2 == 0 {
                sign_in_from(&app, 1, TINA, WRONG).await;
            } else {
                let mut run = Run::at(there.clone(), &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
                run.sign_in(TINA, WRONG).await;
            }
        }
        let mut run = Run::at(there, &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
        let view = run.sign_in(TINA, PASSWORD).await;
        assert_eq!(problem(&view, ""), Some(&ProblemCode::SignInLocked { seconds: 30 }), "{view:?}");
        other.store.close().await;
        let begun = another_server(&app).await;
        let later = Browser::new(router(begun.clone()), Arc::default()).at_ip([198, 51, 0, 1]);
        let mut run = Run::at(later, &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
        let view = run.sign_in(TINA, PASSWORD).await;
        assert_eq!(problem(&view, ""), Some(&ProblemCode::SignInLocked { seconds: 30 }), "{view:?}");
        begun.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_lock_stops_every_sign_in_that_is_under_way() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let clinic = app.world.mfa.clone();
        let mut pending = Run::begin(&app, &clinic, Via::Json).await;
        pending.sign_in(TINA, PASSWORD).await;
        let mut guessing = Run::begin(&app, &clinic, Via::Json).await;
        guessing.sign_in(TINA, PASSWORD).await;
        for _ in 0..GUESSES.free {
            guessing.act("submit-code", &[("code", "000000")]).await;
        }
        let view = guessing.act("submit-code", &[("code", "000000")]).await;
        assert_eq!(problem(&view, "code"), Some(&ProblemCode::FactorLocked { seconds: 30 }), "{view:?}");
        let before = app.rows(&["sessions", "grants", "factors"]).await;
        for run in [&mut pending, &mut guessing] {
            let view = run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
            assert_eq!(problem(&view, "code"), Some(&ProblemCode::FactorLocked { seconds: 30 }), "{view:?}");
            assert_eq!(run.browser.get(&paths::journey_return(&run.id)).await.refresh(), None);
        }
        assert_eq!(app.rows(&["sessions", "grants", "factors"]).await, before);
        app.advance(30 * SECOND);
        let view = pending.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}
