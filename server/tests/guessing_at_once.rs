//! Passwords that are typed at one moment at one address: each that is judged counts, whoever hangs up, and nobody waits
//! for them who has nothing to do with it.

use lanyard_app::{api::journey::ProblemCode, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::DAY,
    id::Id,
    tenant::Tenant,
};
use sqlx::Connection as _;

use crate::{
    enumeration::STRANGER,
    guessing::{CAFE, WRONG, both, guess, network, nobody, typed, with},
    support::{
        Options, PASSWORD, Run, TestApp, Via,
        journey::authorize,
        problem,
        world::{MARIA, TINA},
    },
};

/// Wrong ones for somebody and for nobody, at once and in one journey: nobody waits for somebody who waits for them, and
/// each step that was stored is in the log.
#[tokio::test(flavor = "multi_thread")]
async fn d7_of_passwords_that_are_typed_into_one_journey_at_once_each_that_is_judged_is_counted() {
    for options in both(100) {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        for _ in 0..3 {
            let mut run = Run::begin(&app, &clinic, Via::Json).await;
            let csrf = run.view().await.csrf;
            let tries = (0..12).map(|n| {
                let (mut browser, id, csrf) = (run.browser.clone(), run.id.clone(), csrf.clone());
                tokio::spawn(async move {
                    let email = if n % 3 == 0 { TINA.to_owned() } else { nobody(n) };
                    let fields = [("csrf", csrf.as_str()), ("email", email.as_str()), ("password", WRONG)];
                    browser.post(&paths::journey_event(&id, "sign-in"), &fields).await.status
                })
            });
            let before = checked(&app, clinic.tenant.id).await;
            let stood = app.database.number("SELECT CAST(SUM(version - 1) AS BIGINT) FROM journeys").await;
            for answer in futures::future::join_all(tries).await {
                assert!(answer.unwrap().is_redirection(), "no 503: nobody waited too long");
            }
            let judged = checked(&app, clinic.tenant.id).await - before;
            let steps = app.database.number("SELECT CAST(SUM(version - 1) AS BIGINT) FROM journeys").await - stood;
            assert!(judged >= 1 && i64::try_from(judged).unwrap() == steps, "{judged} judged in {steps} steps");
        }
        app.drain().await;
    }
}

// How many passwords were judged.
async fn checked(app: &TestApp, tenant: Id<Tenant>) -> usize {
    app.audited(tenant, Action::PasswordChecked, Outcome::Failure).await
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_right_and_wrong_passwords_of_one_account_at_once_all_end_in_order() {
    for options in both(1_000) {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        for round in 0..3 {
            // One wrong one before, so that there is something to take back.
            guess(&app, CAFE, TINA).await;
            let tries = (0..16).map(|n| {
                let (app_browser, clinic) = (app.browser().at_ip(CAFE), clinic.clone());
                tokio::spawn(async move {
                    typed(app_browser, &clinic, TINA, if n % 4 == 0 { PASSWORD } else { WRONG }).await.1
                })
            });
            let codes: Vec<_> = futures::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
            // Each was judged, or had to wait; none was given up.
            let waited = |code: &Option<ProblemCode>| matches!(code, Some(ProblemCode::SignInLocked { .. }));
            assert!(!codes.iter().all(waited), "{round}: {codes:?}");
            let judged = |code: &Option<ProblemCode>| {
                matches!(code, None | Some(ProblemCode::WrongCredentials | ProblemCode::SignInLocked { .. }))
            };
            assert!(codes.iter().all(judged), "{round}: {codes:?}");
            app.advance(DAY);
        }
        app.drain().await;
    }
}

// Holds the row of `email`, which a step about it waits for, until it is committed.
async fn held(app: &TestApp, email: &str) -> sqlx::PgConnection {
    let mut db = sqlx::PgConnection::connect(&app.database.url).await.unwrap();
    sqlx::query("BEGIN").execute(&mut db).await.unwrap();
    let lock = sqlx::query("SELECT 1 FROM accounts WHERE email = $1 FOR UPDATE").bind(email);
    // Another tenant has somebody of that address, too.
    assert!(lock.execute(&mut db).await.unwrap().rows_affected() > 0);
    db
}

// How many statements of this test's database wait for a lock. Within a transaction it would always be as many.
async fn waiting(app: &TestApp) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    app.database.number(sql).await
}

/// Hanging up when a right one would have been answered does not take a wrong one back.
#[tokio::test(flavor = "multi_thread")]
async fn n9_a_wrong_password_counts_though_its_client_has_hung_up() {
    let app = TestApp::with(with(100, Options::postgres())).await;
    let tenant = app.world.mfa.tenant.id;
    let mut db = held(&app, TINA).await;
    let guess = {
        let (browser, clinic) = (app.browser().at_ip(CAFE), app.world.mfa.clone());
        tokio::spawn(async move { typed(browser, &clinic, TINA, WRONG).await.1 })
    };
    while waiting(&app).await == 0 {
        assert!(!guess.is_finished(), "it waits for the row");
    }
    guess.abort();
    assert!(guess.await.unwrap_err().is_cancelled());
    assert_eq!(checked(&app, tenant).await, 0);
    sqlx::query("COMMIT").execute(&mut db).await.unwrap();
    let patience = std::time::Instant::now();
    while checked(&app, tenant).await == 0 {
        assert!(patience.elapsed().as_secs() < 10, "never counted");
    }
    assert_eq!(app.count("allowances").await, 3, "its network, the wider one and the tenant");
}

/// They wait for each other without a connection each: everybody else, of every tenant, goes on.
#[tokio::test(flavor = "multi_thread")]
async fn d10_guesses_at_one_address_do_not_hold_every_connection() {
    let app = TestApp::with(with(100, Options::postgres())).await;
    let clinic = app.world.mfa.clone();
    let mut runs = Vec::new();
    // More than there are connections, each from elsewhere.
    for n in 0..14 {
        let browser = app.browser().at_ip(network(n));
        let mut run = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
        let csrf = run.view().await.csrf;
        runs.push((run, csrf));
    }
    let (mut db, hashes) = (held(&app, TINA).await, app.app.passwords.hashes_done());
    let tries = runs.into_iter().map(|(mut run, csrf)| {
        tokio::spawn(async move { run.post("sign-in", &csrf, &[("email", TINA), ("password", WRONG)]).await.status })
    });
    let tries: Vec<_> = tries.collect();
    let mut rounds = 0;
    while rounds < 200 {
        let asked = std::time::Instant::now();
        app.app.store.ping().await.unwrap();
        assert!(asked.elapsed().as_millis() < 1_000, "nobody else waits");
        // All of them were hashed, and stand where they wait.
        rounds += i32::from(app.app.passwords.hashes_done() - hashes == 14);
    }
    assert_eq!(waiting(&app).await, 1);
    sqlx::query("COMMIT").execute(&mut db).await.unwrap();
    for task in tries {
        let status = task.await.unwrap();
        assert!(status.is_redirection() || status.is_success() || status.as_u16() == 503, "{status}");
    }
}

/// The edge of a wait is the same for all: of guesses that come at once as many are judged, whether anybody has the
/// address or not.
#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_of_guesses_at_one_address_at_once_as_many_are_judged_for_nobody_as_for_somebody() {
    for options in both(1_000) {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        let mut judged = Vec::new();
        for email in [MARIA, STRANGER] {
            for _ in 0..4 {
                guess(&app, CAFE, email).await;
            }
            let mut runs = Vec::new();
            for _ in 0..10 {
                runs.push(Run::at(app.browser().at_ip(CAFE), &authorize(&clinic, &clinic.flow, &[]), Via::Json).await);
            }
            let tries = runs.into_iter().map(|mut run| {
                tokio::spawn(async move {
                    let view = run.sign_in(email, WRONG).await;
                    problem(&view, "email").cloned() == Some(ProblemCode::WrongCredentials)
                })
            });
            let wrong = futures::future::join_all(tries).await.into_iter().filter(|wrong| *wrong.as_ref().unwrap());
            judged.push(wrong.count());
        }
        assert_eq!(judged, [1, 1]);
        app.drain().await;
    }
}
