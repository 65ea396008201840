//! Failures 12 and 29 and D7: of many at once exactly one wins, on both databases.

use futures::future::join_all;
use lanyard_app::api::journey::StageView;
use lanyard_domain::audit::{Action, Outcome};

use crate::{
    account_contact::one_address_has_one_winner,
    account_factors::last_factor_has_one_winner,
    account_not_me::a_repudiation_has_one_winner,
    account_recovery::{new_codes_have_one_winner, recovery_code_has_one_winner},
    device,
    own_minimum::a_change_has_one_winner,
    passkeys,
    staff_reset::{a_code_from_staff_leads_to_a_new_factor, an_approval_has_one_winner, an_issued_code_has_one_winner},
    support::{
        PASSWORD, Run, TestApp, Via,
        app::Options,
        authenticator::Authenticator,
        journey::{redeem, refresh, with_code},
        world::{MARIA, NORA, PHONE, SEED, TINA, totp},
    },
};

const AT_ONCE: usize = 100;

// Sends the same field a hundred times at once, by form and by JSON.
async fn submit_all(run: &Run, csrf: &str, event: &str, field: (&str, &str)) -> Vec<crate::support::Page> {
    let tries = (0..AT_ONCE).map(|n| {
        let via = Via::BOTH[n % 2];
        let mut one = Run { browser: run.browser.clone(), id: run.id.clone(), via, codes: false };
        let (csrf, event) = (csrf.to_owned(), event.to_owned());
        let (name, value) = (field.0.to_owned(), field.1.to_owned());
        async move { tokio::spawn(async move { one.post(&event, &csrf, &[(&name, &value)]).await }).await.unwrap() }
    });
    join_all(tries).await
}

pub(crate) async fn code_has_one_winner(options: Options, email: &str) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let tenant = clinic.tenant.id;
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(email, PASSWORD).await;
    let code = if email == TINA { totp(SEED, app.now()) } else { app.code(PHONE).await };
    let csrf = run.view().await.csrf;
    let answers = submit_all(&run, &csrf, "submit-code", ("code", &code)).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    let cookies = answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")).count();
    assert_eq!(cookies, 1, "one of them got the session");
    assert_eq!(app.count("sessions").await, 1);
    assert_eq!(app.audited(tenant, Action::FactorChecked, Outcome::Success).await, 1);
    assert_eq!(app.audited(tenant, Action::SignIn, Outcome::Success).await, 1);
}

// Alone and as second factor, by a key that counts and by one that does not.
pub(crate) async fn passkey_has_one_winner(options: Options, counts: bool) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator { counts, ..Authenticator::default() };
    passkeys::enrolled(&app, &clinic, Via::Form, &mut device).await;
    for alone in [true, false] {
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        if !alone {
            run.sign_in(NORA, PASSWORD).await;
        }
        let view = run.view().await;
        let answer = device.get(&passkeys::prompt(&view).options);
        let sessions = app.count("sessions").await;
        let checked = app.audited(clinic.tenant.id, Action::FactorChecked, Outcome::Success).await;
        let answers = submit_all(&run, &view.csrf, "submit-passkey", ("credential", &answer)).await;
        assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
        let cookies = answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")).count();
        assert_eq!(cookies, 1, "one of them got the session");
        assert_eq!(app.count("sessions").await, sessions + 1);
        assert_eq!(app.audited(clinic.tenant.id, Action::FactorChecked, Outcome::Success).await, checked + 1);
    }
}

pub(crate) async fn email_code_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.act("go-sign-up", &[]).await;
    run.act("request-code", &[("email", "ada@new.example")]).await;
    let code = app.code("ada@new.example").await;
    let csrf = run.view().await.csrf;
    let answers = submit_all(&run, &csrf, "submit-code", ("code", &code)).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    assert_eq!(app.audited(clinic.tenant.id, Action::EmailProved, Outcome::Success).await, 1);
}

pub(crate) async fn redemption_has_one_winner(options: Options, rounds: usize) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    for round in 0..rounds {
        let (_, code) = with_code(&app, &clinic).await;
        let tries = (0..AT_ONCE).map(|_| {
            let (mut browser, clinic, code) = (app.browser(), clinic.clone(), code.clone());
            async move {
                tokio::spawn(async move { redeem(&mut browser, &clinic, &clinic.flow, &code, &[]).await })
                    .await
                    .unwrap()
            }
        });
        let answers = join_all(tries).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1, "round {round}: {:?}", answers.iter().map(|a| a.status.as_u16()).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 400));
        assert_eq!(app.count("refresh_tokens").await, round + 1);
    }
}

// Tokens that could still be used. Each round ends its family, so none are of an earlier one.
const LIVING: &str = "SELECT count(*) FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id \
     WHERE r.used_at IS NULL AND g.revoked_at IS NULL";

// A hundred send the same token at once: within the grace each is answered, and each answer ends
// the one before it. In the end exactly one token lives, and any other ends the family.
pub(crate) async fn refresh_has_one_winner(options: Options, rounds: usize) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    for round in 0..rounds {
        let (mut run, code) = with_code(&app, &clinic).await;
        let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let tries = (0..AT_ONCE).map(|_| {
            let (mut browser, clinic, token) = (app.browser(), clinic.clone(), token.clone());
            async move {
                tokio::spawn(async move { refresh(&mut browser, &clinic, &clinic.flow, &token).await }).await.unwrap()
            }
        });
        let answers = join_all(tries).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        // Too many at once for the time that a job has is 503. Whether such a job still committed,
        // nobody knows who was answered so: a commit under way when its time is up stands.
        assert!(statuses.iter().all(|status| [200, 400, 503].contains(status)), "round {round}: {statuses:?}");
        let mut live = Vec::new();
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            let next = answer.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
            let hash = lanyard_domain::secret::Token::parse(&next).unwrap().hash();
            let stored = app.app.store.read(move |tx| Box::pin(async move { tx.refresh_token(&hash).await }));
            let stored = stored.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
            if stored.is_some_and(|stored| stored.used_at.is_none()) {
                live.push(next);
            }
        }
        assert_eq!(app.database.number(LIVING).await, 1, "round {round}: exactly one lives: {statuses:?}");
        if live.is_empty() {
            // It is the one of a lost answer: asking again, within the grace, gives another instead.
            assert!(statuses.contains(&503), "round {round}: an answer that was given holds it: {statuses:?}");
            let again = refresh(&mut run.browser, &clinic, &clinic.flow, &token).await;
            assert_eq!(again.status, 200, "round {round}: {}", again.text());
            live.push(again.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned());
            assert_eq!(app.database.number(LIVING).await, 1, "round {round}: and still exactly one lives");
        }
        assert_eq!(live.len(), 1, "round {round}: one of those that were answered");
        // Ten seconds on, the first token is a stolen one: it ends the family.
        app.advance(10 * lanyard_domain::clock::SECOND);
        let next = refresh(&mut run.browser, &clinic, &clinic.flow, &live[0]).await;
        assert_eq!(next.status, 200, "round {round}: {}", next.text());
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &token).await.status, 400);
        let last = next.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &last).await.status, 400, "the family is dead");
    }
}

pub(crate) async fn the_way_back_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let path = lanyard_app::paths::journey_return(&run.id);
    let tries = (0..AT_ONCE).map(|_| {
        let (mut browser, path) = (run.browser.clone(), path.clone());
        async move { tokio::spawn(async move { browser.get(&path).await }).await.unwrap() }
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.refresh().is_some()).count(), 1);
    assert_eq!(app.count("grants").await, 1);
}

async fn an_address_has_one_account(options: Options) {
    let app = TestApp::with(options).await;
    let accounts = app.count("accounts").await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
        run.act("go-sign-up", &[]).await;
        run.prove(&app, "ada@new.example").await;
        let csrf = run.view().await.csrf;
        runs.push((run, csrf));
    }
    let tries = runs.into_iter().map(|(mut run, csrf)| async move {
        let fields = [("password", PASSWORD), ("givenName", "A"), ("surname", "B"), ("country", "GB")];
        tokio::spawn(async move { run.post("submit-details", &csrf, &fields).await }).await.unwrap()
    });
    let answers = join_all(tries).await;
    assert!(
        answers.iter().all(|answer| answer.status == 303),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_eq!(app.count("accounts").await, accounts + 1);
    assert_eq!(app.count("sessions").await, 1);
}

// The last form of one sign-up, sent many times: one account, and whoever sent it is signed in and not told that
// somebody else was quicker.
async fn a_sign_up_goes_on_however_often_it_is_sent(options: Options) {
    let app = TestApp::with(options).await;
    let accounts = app.count("accounts").await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    run.act("go-sign-up", &[]).await;
    run.prove(&app, "ada@new.example").await;
    let csrf = run.view().await.csrf;
    let tries = (0..40).map(|n| {
        let mut one = Run { browser: run.browser.clone(), id: run.id.clone(), via: Via::BOTH[n % 2], codes: false };
        let csrf = csrf.clone();
        let fields = [("password", PASSWORD), ("givenName", "A"), ("surname", "B"), ("country", "GB")];
        async move { tokio::spawn(async move { one.post("submit-details", &csrf, &fields).await }).await.unwrap() }
    });
    let answers = join_all(tries).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    let cookies = answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")).count();
    assert_eq!((cookies, app.count("sessions").await), (1, 1), "one of them got the session");
    assert_eq!(app.count("accounts").await, accounts + 1);
    let view = run.view().await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    run.code().await;
}

// A hundred ways back and a hundred polls at once: one grant, and its tokens once.
pub(crate) async fn device_code_has_one_winner(options: Options, rounds: usize) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    device::switched_on(&app, &clinic).await;
    let tenant = clinic.tenant.id;
    for round in 1..=rounds {
        let (code, user_code) = device::codes(&app, &clinic).await;
        let mut run = device::begin(&app, &clinic, &user_code).await;
        run.sign_in(NORA, PASSWORD).await;
        let path = lanyard_app::paths::journey_return(&run.id);
        let tries = (0..AT_ONCE).map(|_| {
            let (mut browser, path) = (run.browser.clone(), path.clone());
            async move { tokio::spawn(async move { browser.get(&path).await }).await.unwrap() }
        });
        join_all(tries).await;
        assert_eq!(app.count("grants").await, round, "approved once");
        let app = std::sync::Arc::new(&app);
        let answers = join_all((0..AT_ONCE).map(|_| device::poll(&app, &clinic, &code))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "round {round}");
        let lost = |answer: &crate::support::Page| answer.status == 503 || device::error(answer) == "invalid_grant";
        assert!(answers.iter().all(|answer| answer.status == 200 || lost(answer)));
        assert_eq!(app.count("refresh_tokens").await, round);
        assert_eq!(app.audited(tenant, Action::DeviceApproved, Outcome::Success).await, round);
        assert_eq!(app.audited(tenant, Action::CodeRedeemed, Outcome::Success).await, round);
        // The hundred were one holder or many: whoever lost says that the code is in two hands, once.
        assert_eq!(app.audited(tenant, Action::DeviceCodeReused, Outcome::Failure).await, round);
    }
}

macro_rules! on_both {
    ($($sqlite:ident, $postgres:ident: $check:ident($($more:expr),*);)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $sqlite() {
            $check(Options::default() $(, $more)*).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $postgres() {
            $check(Options::postgres() $(, $more)*).await;
        }
    )*};
}

on_both! {
    f12_concurrent_code_one_winner, f12_concurrent_code_one_winner_postgres: code_has_one_winner(MARIA);
    f12_concurrent_app_code_one_winner, f12_concurrent_app_code_one_winner_postgres: code_has_one_winner(TINA);
    f12_concurrent_passkey_one_winner, f12_concurrent_passkey_one_winner_postgres: passkey_has_one_winner(false);
    f12_concurrent_counting_passkey_one_winner, f12_concurrent_counting_passkey_one_winner_postgres:
        passkey_has_one_winner(true);
    f12_concurrent_email_code_one_winner, f12_concurrent_email_code_one_winner_postgres: email_code_has_one_winner();
    f12_concurrent_redemption_one_winner, f12_concurrent_redemption_one_winner_postgres: redemption_has_one_winner(5);
    f29_concurrent_refresh_one_winner, f29_concurrent_refresh_one_winner_postgres: refresh_has_one_winner(5);
    d7_concurrent_device_polls_one_winner, d7_concurrent_device_polls_one_winner_postgres: device_code_has_one_winner(5);
    d7_last_factor_removal_one_winner_sqlite, d7_last_factor_removal_one_winner_postgres: last_factor_has_one_winner();
    d7_two_accounts_take_one_address_one_winner_sqlite, d7_two_accounts_take_one_address_one_winner_postgres: one_address_has_one_winner();
    d7_f12_concurrent_recovery_code_one_winner, d7_f12_concurrent_recovery_code_one_winner_postgres:
        recovery_code_has_one_winner();
    d7_concurrent_new_recovery_codes_one_winner, d7_concurrent_new_recovery_codes_one_winner_postgres:
        new_codes_have_one_winner();
    d7_concurrent_minimum_one_winner, d7_concurrent_minimum_one_winner_postgres: a_change_has_one_winner();
    d7_concurrent_approval_one_winner, d7_concurrent_approval_one_winner_postgres: an_approval_has_one_winner();
    d7_n15_concurrent_issued_code_one_winner, d7_n15_concurrent_issued_code_one_winner_postgres:
        an_issued_code_has_one_winner();
    n17_n18_a_code_from_staff_on_sqlite, n17_n18_a_code_from_staff_on_postgres:
        a_code_from_staff_leads_to_a_new_factor(Via::Json);
    d7_concurrent_repudiation_one_winner, d7_concurrent_repudiation_one_winner_postgres: a_repudiation_has_one_winner();
    a47_concurrent_return_one_winner, a47_concurrent_return_one_winner_postgres: the_way_back_has_one_winner();
    a47_concurrent_sign_up_one_account, a47_concurrent_sign_up_one_account_postgres: an_address_has_one_account();
    d7_u5_concurrent_last_form_of_a_sign_up_goes_on, d7_u5_concurrent_last_form_of_a_sign_up_goes_on_postgres:
        a_sign_up_goes_on_however_often_it_is_sent();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_journey_runs_on_postgres() {
    let app = TestApp::with(Options::postgres()).await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_up(&app, "ada@new.example", PASSWORD).await;
    run.enrol_phone(&app, "+12065550181").await;
    let code = run.code().await;
    assert_eq!(redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.status, 200);
    assert!(app.app.store.is_postgres());
}
