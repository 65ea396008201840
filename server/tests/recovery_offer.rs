//! The offer of recovery codes in the journey: U1, U20, U22, N15, N16, N20, A17, D7.

use futures::future::join_all;
use lanyard_app::{
    api::journey::{Method, OverReason, ProblemCode, StageView},
    paths,
};
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    clock::{DAY, MINUTE, Timestamp},
    id::Id,
    journey::ASK_AGAIN,
    recovery::{CODES, RecoveryCodes},
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::maria_at_home,
    account_recovery::press,
    support::{
        Browser, Clinic, PASSWORD, Run, TestApp, Via,
        app::Options,
        journey::problem,
        world::{MARIA, NORA, PHONE},
    },
};

const ADA: &str = "ada@patients.example";
const NUMBER: &str = "+12065550166";

/// How many codes each set of `account` has left.
async fn sets_of(app: &TestApp, account: Id<Account>) -> Vec<u32> {
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.factors_of_account(account).await })).await;
    let found = found.unwrap_or_else(|error: StorageError| panic!("{error}"));
    found.iter().filter_map(|factor| factor.secret.recovery().map(RecoveryCodes::left)).collect()
}

fn shown(stage: &StageView) -> Vec<String> {
    match stage {
        StageView::OfferRecoveryCodes { codes, .. } => codes.clone(),
        other => panic!("{other:?}"),
    }
}

/// Nora, who has just set up a first phone, and the codes that she is shown.
async fn at_offer(app: &TestApp, clinic: &Clinic, via: Via) -> (Run, Vec<String>) {
    let mut run = Run::begin(app, clinic, via).await;
    run.codes = true;
    run.sign_in(NORA, PASSWORD).await;
    let code = app.code(NORA).await;
    run.act("submit-code", &[("code", &code)]).await;
    let view = run.enrol_phone(app, NUMBER).await;
    app.drain().await;
    (run, shown(&view.stage))
}

/// Nora's password and the text to her new phone.
async fn again(app: &TestApp, clinic: &Clinic, via: Via) -> (Run, StageView) {
    app.advance(MINUTE);
    let mut run = Run::begin(app, clinic, via).await;
    run.codes = true;
    let stage = run.sign_in_with_phone(app, NORA, NUMBER).await.stage;
    (run, stage)
}

async fn a_new_account_keeps_its_codes(options: Options, via: Via) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let tenant = clinic.tenant.id;
    let mut run = Run::begin(&app, &clinic, via).await;
    run.codes = true;
    run.sign_up(&app, ADA, PASSWORD).await;
    let view = run.enrol_phone(&app, NUMBER).await;
    let codes = shown(&view.stage);
    assert_eq!(codes.len(), CODES);
    // The account stands by now, with its factor and without a session or codes.
    assert_eq!(app.audited(tenant, Action::SignUp, Outcome::Success).await, 1);
    assert_eq!((app.count("sessions").await, app.audited(tenant, Action::SignIn, Outcome::Success).await), (0, 0));
    let early = run.browser.get(&paths::journey_return(&run.id)).await;
    assert!(early.refresh().is_none(), "{}", early.text());
    // A page that is loaded again, or was lost on its way, shows the same, on both transports.
    let page = run.page().await;
    assert_eq!(page.header("cache-control").unwrap(), "no-store");
    for code in &codes {
        assert!(page.text().contains(code.as_str()), "{code}");
    }
    assert!(page.says("If you lose your phone, one of these codes lets you in") && page.says("Not now"));
    assert_eq!(shown(&run.stage().await), codes);
    // To another browser they are not shown, and nothing that is kept could show them.
    let mut stranger = Run { browser: app.browser(), id: run.id.clone(), via, codes: true };
    let other = stranger.stage().await;
    assert!(matches!(other, StageView::Over { reason: OverReason::OtherBrowser, .. }), "{other:?}");
    let tables = ["factors", "journeys", "audit", "outbox", "sessions", "accounts"];
    let nowhere = |rows: String| {
        for code in &codes {
            assert!(!rows.contains(code.as_str()) && !rows.contains(&code.replace('-', "")), "{code}");
        }
    };
    nowhere(app.rows(&tables).await.concat());

    app.drain().await;
    let mails = app.messages(ADA).await;
    let view = run.act("keep-recovery-codes", &[]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert_eq!(app.audited(tenant, Action::SignIn, Outcome::Success).await, 1);
    app.drain().await;
    assert_eq!(app.messages(ADA).await, mails + 1);
    let mail = app.message(ADA).await.body;
    assert!(mail.contains("recovery codes") && mail.contains("This wasn't me"), "{mail}");
    nowhere(app.rows(&tables).await.concat());
    // The way back is open once, and the page shows nothing any more.
    run.code().await;
    let page = run.page().await;
    nowhere(page.text());

    // One of them signs in, once, and no others are offered.
    for (n, code) in codes.iter().take(2).enumerate() {
        for expected in [true, false] {
            app.advance(MINUTE);
            let mut run = Run::begin(&app, &clinic, via).await;
            run.codes = true;
            run.sign_in(ADA, PASSWORD).await;
            run.act("choose-method", &[("method", "recovery_code")]).await;
            let view = run.act("submit-recovery-code", &[("code", code)]).await;
            assert_eq!(matches!(view.stage, StageView::Done { .. }), expected, "{n}: {view:?}");
            app.drain().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u20_n15_n20_a_new_account_keeps_the_codes_that_it_is_shown() {
    for via in Via::BOTH {
        a_new_account_keeps_its_codes(Options::default(), via).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u20_n15_n20_a_new_account_keeps_the_codes_that_it_is_shown_postgres() {
    a_new_account_keeps_its_codes(Options::postgres(), Via::Form).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u20_not_now_is_remembered_for_thirty_days_and_a_page_that_was_left_open_is_not() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        // Left open: other codes at the next sign-in.
        let (_, first) = at_offer(&app, &clinic, via).await;
        let (mut run, stage) = again(&app, &clinic, via).await;
        assert_ne!(shown(&stage), first);
        let view = run.act("not-now", &[]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        run.code().await;
        assert!(sets_of(&app, clinic.nora).await.is_empty());
        for (after, offered) in [(DAY, false), (ASK_AGAIN - DAY - 5 * MINUTE, false), (5 * MINUTE, true)] {
            app.advance(after);
            let (_, stage) = again(&app, &clinic, via).await;
            assert_eq!(matches!(stage, StageView::OfferRecoveryCodes { .. }), offered, "{after}: {stage:?}");
        }
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_a_second_press_a_replay_and_another_browser_make_no_second_set() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let (mut run, codes) = at_offer(&app, &clinic, via).await;
        let csrf = run.view().await.csrf;
        let mut stranger = Run { browser: app.browser(), id: run.id.clone(), via, codes: true };
        stranger.post("keep-recovery-codes", &csrf, &[]).await;
        assert!(sets_of(&app, clinic.nora).await.is_empty(), "the secret of the browser is wanted");
        assert_eq!(shown(&run.stage().await), codes);
        for _ in 0..3 {
            run.post("keep-recovery-codes", &csrf, &[]).await;
        }
        assert_eq!(sets_of(&app, clinic.nora).await, [10]);
        assert_eq!(app.count("sessions").await, 1);
        let late = run.act("not-now", &[]).await;
        assert!(matches!(late.stage, StageView::Done { .. }), "{late:?}");
        assert_eq!(sets_of(&app, clinic.nora).await, [10]);
        app.drain().await;
    }
}

async fn one_set_of_a_hundred(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (mut run, _) = at_offer(&app, &clinic, Via::Form).await;
    let (mails, csrf) = (app.messages(NORA).await, run.view().await.csrf);
    // Every tenth one says "Not now": whichever is first decides.
    let tries = (0..100_usize).map(|n| {
        let mut one = Run { browser: run.browser.clone(), id: run.id.clone(), via: Via::BOTH[n % 2], codes: true };
        let (csrf, event) = (csrf.clone(), if n % 10 == 9 { "not-now" } else { "keep-recovery-codes" });
        async move { tokio::spawn(async move { one.post(event, &csrf, &[]).await }).await.unwrap() }
    });
    let answers = join_all(tries).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    let cookies = answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")).count();
    assert_eq!((cookies, app.count("sessions").await), (1, 1), "one of them got the session");
    let sets = sets_of(&app, clinic.nora).await;
    assert!(sets.is_empty() || sets == [10], "{sets:?}");
    app.drain().await;
    assert_eq!(app.messages(NORA).await, mails + sets.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_of_a_hundred_answers_to_the_offer_one_counts() {
    one_set_of_a_hundred(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_of_a_hundred_answers_to_the_offer_one_counts_postgres() {
    one_set_of_a_hundred(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_codes_that_are_kept_end_other_journeys_and_those_of_the_account_page_end_the_offer() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut offered, _) = at_offer(&app, &clinic, Via::Json).await;
    // Another sign-in of hers waits for its text.
    app.advance(MINUTE);
    let mut waiting = Run::begin(&app, &clinic, Via::Json).await;
    waiting.sign_in(NORA, PASSWORD).await;
    let code = app.code(NUMBER).await;
    offered.act("keep-recovery-codes", &[]).await;
    let view = waiting.act("submit-code", &[("code", &code)]).await;
    assert_eq!(problem(&view, ""), Some(&ProblemCode::PasswordChangedMeanwhile), "{view:?}");
    app.drain().await;

    // Maria makes hers at the account page while the offer stands in another browser.
    let account = clinic.maria;
    let due = app
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.offer_recovery_codes_from(account, Timestamp(0)).await }));
    due.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let mut home: Browser = maria_at_home(&app, &clinic).await;
    app.advance(MINUTE);
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    run.codes = true;
    let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
    shown(&view.stage);
    assert_eq!(press(&mut home, &clinic).await.status, 200);
    let sessions = app.count("sessions").await;
    let view = run.act("keep-recovery-codes", &[]).await;
    assert_eq!(problem(&view, ""), Some(&ProblemCode::PasswordChangedMeanwhile), "{view:?}");
    assert_eq!((sets_of(&app, account).await, app.count("sessions").await), (vec![10], sessions));
    // And who has codes is not asked.
    app.advance(MINUTE);
    let view =
        Run { codes: true, ..Run::begin(&app, &clinic, Via::Json).await }.sign_in_with_phone(&app, MARIA, PHONE).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let other_ways = |view: &StageView| match view {
        StageView::Challenge { other_ways, .. } => other_ways.iter().any(|way| way.method == Method::RecoveryCode),
        other => panic!("{other:?}"),
    };
    app.advance(MINUTE);
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    assert!(other_ways(&run.sign_in(MARIA, PASSWORD).await.stage));
    app.drain().await;
}

/// Two browsers at the offer, fifty answers from each: one set, one mail, one event.
async fn two_offers_make_one_set(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (mut one, _) = at_offer(&app, &clinic, Via::Form).await;
    let (mut two, stage) = again(&app, &clinic, Via::Form).await;
    shown(&stage);
    app.drain().await;
    let mails = app.messages(NORA).await;
    let bound = app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await;
    let pages = [(one.view().await.csrf, one), (two.view().await.csrf, two)];
    let tries = (0..100_usize).map(|n| {
        let (csrf, run) = &pages[n % 2];
        let via = Via::BOTH[n / 2 % 2];
        let mut each = Run { browser: run.browser.clone(), id: run.id.clone(), via, codes: true };
        let csrf = csrf.clone();
        async move { tokio::spawn(async move { each.post("keep-recovery-codes", &csrf, &[]).await }).await.unwrap() }
    });
    let answers = join_all(tries).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    app.drain().await;
    assert_eq!((sets_of(&app, clinic.nora).await, app.messages(NORA).await), (vec![10], mails + 1));
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, bound + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_c1_two_browsers_at_the_offer_make_one_set() {
    two_offers_make_one_set(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_c1_two_browsers_at_the_offer_make_one_set_postgres() {
    two_offers_make_one_set(Options::postgres()).await;
}
