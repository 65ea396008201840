//! Remembered browsers: N22, N23, N25, decision 4, A17 to A20, U23, U24, D7.

use futures::future::join_all;
use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    application::Minimum,
    assurance::{Assurance, Method},
    audit::{Action, Outcome},
    clock::{DAY, HOUR, MINUTE},
    remembered::MAX_REMEMBERED,
    user_flow::{Conditions, Enforcement, FlowSettings, MfaPolicy, RememberSettings, UserFlow},
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::{maria_at_home, one_more, token},
    account_not_me::link,
    oidc::{change_application, id_token, tokens},
    support::{
        Browser, Clinic, PASSWORD, Run, TestApp, Via,
        app::Options,
        browser::parameter,
        journey::{authorize, refresh},
        world::{MARIA, NORA, PHONE, SEED, TINA, totp},
    },
};

const COOKIE: &str = "__Host-browser";
const MARIA_ELSEWHERE: &str = "maria@new.example";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0";

async fn change(app: &TestApp, flow: &UserFlow, change: impl FnOnce(&mut FlowSettings) + Send + 'static) {
    let (tenant, id, now) = (flow.tenant, flow.id, app.now());
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_id(tenant, id).await?.unwrap();
                let mut settings = flow.settings;
                change(&mut settings);
                tx.update_flow_settings(tenant, id, flow.version, &settings, now).await.map(drop)
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
}

/// Whether people may have their browser remembered at the clinic.
pub(crate) async fn switch(app: &TestApp, clinic: &Clinic, on: bool) {
    change(app, &clinic.flow, move |settings| settings.session.remember = RememberSettings { on, days: 30 }).await;
}

/// The clinic whose flow always asks for a second factor and lets people have their browser remembered.
async fn remembering(options: Options) -> (TestApp, Clinic) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    switch(&app, &clinic, true).await;
    (app, clinic)
}

async fn begin(clinic: &Clinic, browser: Browser, more: &[(&str, &str)], via: Via) -> Run {
    Run::at(browser, &authorize(clinic, &clinic.flow, more), via).await
}

/// Maria signs in with her phone in `browser` and has it remembered.
pub(crate) async fn remember(app: &TestApp, clinic: &Clinic, browser: Browser, via: Via) -> Run {
    let mut run = begin(clinic, browser, &[], via).await;
    run.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    let view = run.act("submit-code", &[("code", &code), ("remember", "true")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    run.back().await;
    assert!(run.browser.jar.contains_key(COOKIE));
    run
}

// A day later the session is over.
pub(crate) async fn much_later(app: &TestApp) {
    app.advance(2 * DAY);
    app.drain().await;
}

async fn browsers(app: &TestApp) -> usize {
    app.count("remembered_browsers").await
}

/// Whether the password alone was enough; a journey is begun for it.
async fn passes(clinic: &Clinic, browser: Browser, email: &str, more: &[(&str, &str)]) -> (bool, Run) {
    let mut run = begin(clinic, browser, more, Via::Form).await;
    let view = run.sign_in(email, PASSWORD).await;
    let asked = matches!(view.stage, StageView::Challenge { .. });
    assert!(asked || matches!(view.stage, StageView::Done { .. }), "{view:?}");
    (!asked, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_n23_the_token_of_a_remembered_browser_tells_of_the_password_alone() {
    for via in Via::BOTH {
        let (app, clinic) = remembering(Options::default()).await;
        let run = remember(&app, &clinic, app.browser(), via).await;
        much_later(&app).await;
        let mut again = begin(&clinic, run.browser, &[], via).await;
        let view = again.sign_in(MARIA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let back = again.back().await;
        let answer = tokens(&mut again, &clinic, &back).await;
        let told = id_token(&answer);
        assert_eq!((told["acr"].as_str(), &told["amr"]), (Some("aal1"), &serde_json::json!(["pwd"])));
        assert_eq!(told["auth_time"], app.now().as_seconds());
        assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await, 1);
        let stored = app.rows(&["sessions"]).await.join("\n");
        assert!(stored.contains("remembered"), "the session says how it came about: {stored}");
        // What it got goes on, until nothing is remembered here any more.
        let refreshed = refresh(&mut again.browser, &clinic, &clinic.flow, answer["refresh_token"].as_str().unwrap());
        let answer: serde_json::Value = refreshed.await.json();
        assert_eq!(id_token(&answer)["acr"], "aal1");
        switch(&app, &clinic, false).await;
        let token = answer["refresh_token"].as_str().unwrap();
        assert_eq!(refresh(&mut again.browser, &clinic, &clinic.flow, token).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_whoever_asks_for_more_gets_the_factor() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}"#;
    for more in [("acr_values", "aal2"), ("claims", essential), ("max_age", "60"), ("prompt", "login")] {
        let (passed, mut run) = passes(&clinic, run.browser.clone(), MARIA, &[more]).await;
        assert!(!passed, "{more:?}");
        let page = run.page().await;
        assert!(!page.says("Remember this browser"), "nor is it offered: {}", page.text());
        app.advance(5 * MINUTE);
        app.drain().await;
    }
    // Changing data, and the account's own page.
    let domain = clinic.tenant.domain.as_str();
    for address in [authorize(&clinic, &clinic.edit, &[]), paths::account(domain)] {
        let mut run = Run::at(run.browser.clone(), &address, Via::Form).await;
        let view = run.sign_in(MARIA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{address}: {view:?}");
        app.advance(5 * MINUTE);
        app.drain().await;
    }
    // An application with a minimum of its own; a flow of strict methods; a flow that remembers no more.
    let strict = change_application(&app, &clinic, |application| application.minimum = Minimum::Mfa).await;
    assert!(!passes(&clinic, run.browser.clone(), MARIA, &[]).await.0);
    app.advance(5 * MINUTE);
    change_application(&app, &Clinic { application: strict, ..clinic.clone() }, |application| {
        application.minimum = Minimum::StrongestLinked;
    })
    .await;
    switch(&app, &clinic, false).await;
    assert!(!passes(&clinic, run.browser.clone(), MARIA, &[]).await.0);
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await, 0);
    // None of that used it up.
    app.advance(5 * MINUTE);
    switch(&app, &clinic, true).await;
    assert!(passes(&clinic, run.browser.clone(), MARIA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a17_its_secret_changes_with_each_use_and_a_copy_forgets_the_browser() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    let first = run.browser.jar[COOKIE].clone();
    let mut thief = app.browser().at_ip([198, 51, 100, 9]);
    thief.jar.insert(COOKIE.to_owned(), first.clone());
    much_later(&app).await;
    let (passed, run) = passes(&clinic, run.browser, MARIA, &[]).await;
    let second = run.browser.jar[COOKIE].clone();
    assert!(passed && first != second);
    let stored = app.rows(&["remembered_browsers"]).await.join("\n");
    assert!(!stored.contains(&first) && !stored.contains(&second), "hashes alone: {stored}");
    // The copy is noticed by whoever comes second, and the browser is forgotten for both.
    assert!(!passes(&clinic, thief, MARIA, &[]).await.0);
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Failure).await, 1);
    assert_eq!(browsers(&app).await, 0);
    much_later(&app).await;
    assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a25_it_is_of_one_account_in_its_time_with_the_right_password() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    assert!(!passes(&clinic, run.browser.clone(), TINA, &[]).await.0, "somebody else in the same browser");
    let mut wrong = begin(&clinic, run.browser.clone(), &[], Via::Form).await;
    assert!(matches!(wrong.sign_in(MARIA, "not the password at all").await.stage, StageView::SignIn { .. }));
    assert_eq!(wrong.browser.jar[COOKIE], run.browser.jar[COOKIE], "not used up");
    assert_eq!(browsers(&app).await, 1);
    app.advance(28 * DAY);
    app.drain().await;
    assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0, "its time is over, used or not");
    app.drain().await;
}

/// Many at once with one cookie: one passes, the others are asked.
pub(crate) async fn a_secret_has_one_winner(options: Options) {
    let (app, clinic) = remembering(options).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    let mut runs = Vec::new();
    for at in 0..8 {
        let mut one = begin(&clinic, run.browser.clone(), &[], Via::BOTH[at % 2]).await;
        let csrf = one.view().await.csrf;
        runs.push((one, csrf));
    }
    let tries = runs.into_iter().map(|(mut one, csrf)| async move {
        tokio::spawn(async move {
            let answer = one.post("sign-in", &csrf, &[("email", MARIA), ("password", PASSWORD)]).await;
            assert!(!answer.status.is_server_error(), "{}", answer.text());
            matches!(one.stage().await, StageView::Done { .. })
        })
        .await
        .unwrap()
    });
    let passed = join_all(tries).await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 1);
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await, 1);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_concurrent_sign_ins_of_a_remembered_browser_one_winner_sqlite() {
    a_secret_has_one_winner(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_concurrent_sign_ins_of_a_remembered_browser_one_winner_postgres() {
    a_secret_has_one_winner(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u23_u24_n25_it_is_asked_for_unticked_and_its_owner_is_told() {
    for via in Via::BOTH {
        let (app, clinic) = remembering(Options::default()).await;
        let mut browser = app.browser();
        browser.extra = vec![("user-agent", FIREFOX.into())];
        let mut run = begin(&clinic, browser, &[], via).await;
        run.sign_in(MARIA, PASSWORD).await;
        let page = run.page().await;
        assert!(page.says("Remember this browser for 30 days") && page.says("share with others"), "{}", page.text());
        let text = page.text();
        let tag = text.split("<input").find(|tag| tag.contains(r#"name="remember""#)).unwrap();
        assert!(!tag.split('>').next().unwrap().contains("checked"), "{tag}");
        let wrong = run.act("submit-code", &[("code", "000000"), ("remember", "true")]).await;
        assert_eq!(wrong.values.get("remember").map(String::as_str), Some("true"), "u4");
        assert!(!run.browser.jar.contains_key(COOKIE));
        let (code, csrf) = (app.code(PHONE).await, run.view().await.csrf);
        let mails = app.messages(MARIA).await;
        let answer = run.post("submit-code", &csrf, &[("code", &code), ("remember", "true")]).await;
        let cookies = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
        let set = cookies.into_iter().find(|line| line.starts_with(COOKIE)).unwrap();
        for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=2592000"] {
            assert!(set.split("; ").any(|found| found == part), "{set} lacks {part}");
        }
        app.drain().await;
        assert_eq!(app.messages(MARIA).await, mails + 1);
        let mail = app.message(MARIA).await.body;
        assert!(mail.contains("browser is remembered") && mail.contains("Firefox on Linux"), "{mail}");
        let not_me = link(&app, MARIA).await;
        assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRemembered, Outcome::Success).await, 1);
        assert_eq!(browsers(&app).await, 1);
        assert_eq!(app.browser().post(&not_me, &[]).await.status, 200);
        assert_eq!(browsers(&app).await, 0, "“This wasn’t me” forgets it");
        assert_eq!(app.drain().await, 1, "the mail that the account was secured");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u23_where_it_is_not_offered_an_edited_form_remembers_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = begin(&clinic, app.browser(), &[], Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    assert!(!run.page().await.says("Remember this browser"), "off by default");
    let code = app.code(PHONE).await;
    let view = run.act("submit-code", &[("code", &code), ("remember", "true")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "the code counts: {view:?}");
    assert!(!run.browser.jar.contains_key(COOKIE) && browsers(&app).await == 0);
    // With an app the box is there as well, and left alone nothing is remembered.
    switch(&app, &clinic, true).await;
    let mut run = begin(&clinic, app.browser(), &[], Via::Form).await;
    run.sign_in(TINA, PASSWORD).await;
    assert!(run.page().await.says("Remember this browser for 30 days"));
    run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
    assert!(!run.browser.jar.contains_key(COOKIE) && browsers(&app).await == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_at_most_five_browsers_are_remembered_and_the_oldest_makes_room() {
    let (app, clinic) = remembering(Options::default()).await;
    let mut first = None;
    for _ in 0..=MAX_REMEMBERED {
        let run = remember(&app, &clinic, app.browser(), Via::Form).await;
        first.get_or_insert(run.browser);
        app.advance(16 * MINUTE);
        app.drain().await;
    }
    assert_eq!(browsers(&app).await, MAX_REMEMBERED as usize);
    much_later(&app).await;
    assert!(!passes(&clinic, first.unwrap(), MARIA, &[]).await.0);
    // Somebody else in one of these browsers takes the place of who was remembered there.
    much_later(&app).await;
    let shared = remember(&app, &clinic, app.browser(), Via::Form).await;
    let before = browsers(&app).await;
    much_later(&app).await;
    let mut run = begin(&clinic, shared.browser, &[], Via::Form).await;
    run.sign_in(TINA, PASSWORD).await;
    run.act("submit-code", &[("code", &totp(SEED, app.now())), ("remember", "true")]).await;
    assert_eq!(browsers(&app).await, before);
    much_later(&app).await;
    assert!(!passes(&clinic, run.browser.clone(), MARIA, &[]).await.0);
    assert!(passes(&clinic, run.browser, TINA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a19_whatever_protects_the_account_forgets_its_browsers() {
    let (app, clinic) = remembering(Options::default()).await;
    let domain = clinic.tenant.domain.as_str();
    let next = || {
        let (app, clinic) = (&app, &clinic);
        async move {
            app.advance(20 * MINUTE);
            app.drain().await;
            remember(app, clinic, app.browser(), Via::Form).await;
            assert_eq!(browsers(app).await, 1);
            app.advance(20 * MINUTE);
            app.drain().await;
        }
    };
    // Signing out everywhere else.
    next().await;
    let mut home = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut home, &clinic).await;
    home.post(&paths::account_end_sessions(domain), &[("csrf", &csrf)]).await;
    assert_eq!(browsers(&app).await, 0);
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserForgotten, Outcome::Success).await, 1);
    // A factor that is removed.
    next().await;
    let second = one_more(&app, clinic.maria, "+12065550177").await;
    let mut home = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut home, &clinic).await;
    home.post(&paths::account_remove_factor(domain), &[("csrf", &csrf), ("factor", &second)]).await;
    assert_eq!(browsers(&app).await, 0);
    // Recovery codes.
    next().await;
    let mut home = maria_at_home(&app, &clinic).await;
    let page = home.get(&paths::account(domain)).await;
    let (csrf, replaces) = (page.hidden("csrf").unwrap(), page.hidden("replaces").unwrap());
    let made = home.post(&paths::account_recovery_codes(domain), &[("csrf", &csrf), ("replaces", &replaces)]).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(browsers(&app).await, 0);
    // A new password.
    next().await;
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Form).await;
    run.prove(&app, MARIA).await;
    let code = app.code(PHONE).await;
    run.act("submit-code", &[("code", &code)]).await;
    assert_eq!(browsers(&app).await, 1);
    run.act("submit-new-password", &[("password", "another plum otter 93 ladder")]).await;
    assert_eq!(browsers(&app).await, 0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a19_a_page_that_was_left_open_brings_nothing_back_after_signing_out_everywhere() {
    for via in Via::BOTH {
        let (app, clinic) = remembering(Options::default()).await;
        let mut run = begin(&clinic, app.browser(), &[], via).await;
        run.sign_in(MARIA, PASSWORD).await;
        let code = app.code(PHONE).await;
        app.advance(MINUTE);
        let mut home = maria_at_home(&app, &clinic).await;
        let csrf = token(&mut home, &clinic).await;
        home.post(&paths::account_end_sessions(clinic.tenant.domain.as_str()), &[("csrf", &csrf)]).await;
        let view = run.act("submit-code", &[("code", &code), ("remember", "true")]).await;
        assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert!(!run.browser.jar.contains_key(COOKIE) && browsers(&app).await == 0);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_the_days_are_those_of_the_flow_that_is_used() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    let days =
        |days| move |settings: &mut FlowSettings| settings.session.remember = RememberSettings { on: true, days };
    change(&app, &clinic.flow, days(2)).await;
    assert!(!passes(&clinic, run.browser.clone(), MARIA, &[]).await.0, "two days are over to the millisecond");
    change(&app, &clinic.flow, days(3)).await;
    assert!(passes(&clinic, run.browser, MARIA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a20_another_address_forgets_the_browsers_once_it_is_proved() {
    let (app, clinic) = remembering(Options::default()).await;
    let domain = clinic.tenant.domain.as_str();
    remember(&app, &clinic, app.browser(), Via::Form).await;
    app.advance(20 * MINUTE);
    app.drain().await;
    let mut home = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut home, &clinic).await;
    home.post(&paths::account_email(domain), &[("csrf", &csrf), ("email", MARIA_ELSEWHERE)]).await;
    assert_eq!(browsers(&app).await, 1);
    let code = app.code(MARIA_ELSEWHERE).await;
    home.post(&paths::account_email_code(domain), &[("csrf", &csrf), ("code", &code)]).await;
    assert_eq!(browsers(&app).await, 0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a_minimum_above_any_second_factor_and_conditions_get_the_factor() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    change_application(&app, &clinic, |application| application.minimum = Minimum::None).await;
    let always = MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL);
    let strict = MfaPolicy { minimum: Assurance::Aal2Strict, ..always.clone() };
    let conditions = Conditions { new_browser: true, ..Conditions::default() };
    let at_times = MfaPolicy { enforcement: Enforcement::Conditional, conditions, ..always.clone() };
    for policy in [strict, at_times] {
        change(&app, &clinic.flow, move |settings| settings.mfa = policy).await;
        let (passed, mut run) = passes(&clinic, run.browser.clone(), MARIA, &[]).await;
        assert!(!passed);
        let page = run.page().await;
        assert!(!page.says("Remember this browser"), "nor is it offered: {}", page.text());
        app.advance(5 * MINUTE);
        app.drain().await;
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await, 0);
    // None of that used it up.
    change(&app, &clinic.flow, move |settings| settings.mfa = always).await;
    assert!(passes(&clinic, run.browser, MARIA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u23_a20_the_account_page_lists_browsers_and_forgets_them() {
    let (app, clinic) = remembering(Options::default()).await;
    let domain = clinic.tenant.domain.as_str();
    let mut browser = app.browser();
    browser.extra = vec![("user-agent", FIREFOX.into())];
    let first = remember(&app, &clinic, browser, Via::Form).await;
    app.advance(20 * MINUTE);
    let mut home = maria_at_home(&app, &clinic).await;
    let page = home.get(&paths::account(domain)).await;
    assert!(page.says("Remembered browsers") && page.says("Firefox on Linux"), "{}", page.text());
    assert!(page.says("203.0.113.7") && page.says("2 October 2026"), "{}", page.text());
    let (csrf, id) = (page.hidden("csrf").unwrap(), page.hidden("browser").unwrap());
    let forget = paths::account_forget_browsers(domain);
    let tables = ["remembered_browsers", "audit", "sessions"];
    let before = app.rows(&tables).await;
    for (csrf, browser, status) in [("x", id.as_str(), 403), (&csrf, "x", 404), (&csrf, &clinic.sam.to_string(), 404)] {
        assert_eq!(home.post(&forget, &[("csrf", csrf), ("browser", browser)]).await.status, status);
    }
    assert_eq!(app.rows(&tables).await, before);
    let done = home.post(&forget, &[("csrf", &csrf), ("browser", &id)]).await;
    assert_eq!(done.location().unwrap(), format!("{}?forgotten", paths::account(domain)));
    let page = home.get(&done.location().unwrap()).await;
    assert!(page.says("Forgotten") && !page.says("Firefox on Linux"), "{}", page.text());
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserForgotten, Outcome::Success).await, 1);
    much_later(&app).await;
    assert!(!passes(&clinic, first.browser, MARIA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n21_n22_single_sign_on_of_a_remembered_browser_ends_with_it_and_after_an_hour_of_silence() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    let (passed, mut run) = passes(&clinic, run.browser, MARIA, &[]).await;
    assert!(passed);
    run.back().await;
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(parameter(&back, "code").is_some(), "{back}");
    let strong = authorize(&clinic, &clinic.flow, &[("prompt", "none"), ("acr_values", "aal2")]);
    let back = run.browser.get(&strong).await.location().unwrap();
    assert!(parameter(&back, "code").is_none(), "{back}");
    let mut idle = run.browser.clone();
    app.database.execute("DELETE FROM remembered_browsers").await;
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(parameter(&back, "code").is_none(), "forgotten: {back}");
    app.advance(HOUR + MINUTE);
    let back = idle.get(&silent).await.location().unwrap();
    assert!(parameter(&back, "code").is_none(), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_a_new_password_is_long_where_a_browser_may_be_remembered() {
    let (app, clinic) = remembering(Options::default()).await;
    let least = |on: bool| {
        let (app, clinic) = (&app, &clinic);
        async move {
            switch(app, clinic, on).await;
            app.advance(16 * MINUTE);
            let mut run = begin(clinic, app.browser(), &[], Via::Form).await;
            run.act("go-sign-up", &[]).await;
            let view = run.prove(app, "ada@new.example").await;
            let StageView::Details { min_length, .. } = view.stage else { panic!("{view:?}") };
            min_length
        }
    };
    assert_eq!((least(true).await, least(false).await), (15, 8));
    assert!(passes(&app.world.plain.clone(), app.browser(), NORA, &[]).await.0, "nothing changes elsewhere");
}
