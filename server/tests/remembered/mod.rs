//! Remembered browsers: where one counts, and for what. N1, N21 to N23, decision 4, A25.

mod copies;
mod crowd;
mod kept;

use futures::future::join_all;
use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    application::Minimum,
    assurance::{Assurance, Method},
    audit::{Action, Outcome},
    clock::{DAY, HOUR, MINUTE},
    password::Password,
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
        journey::{authorize, is_let_in, refresh},
        world::{MARIA, NORA, PHONE, SEED, TINA, totp},
    },
};

/// The name of the cookie of a browser that is remembered at the clinic.
fn cookie(clinic: &Clinic) -> String {
    format!("__Host-browser-{}", clinic.tenant.id)
}

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
    assert!(run.browser.jar.contains_key(&cookie(clinic)));
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
async fn n22_a25_it_is_of_one_account_in_its_time_with_the_right_password() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    assert!(!passes(&clinic, run.browser.clone(), TINA, &[]).await.0, "somebody else in the same browser");
    let mut wrong = begin(&clinic, run.browser.clone(), &[], Via::Form).await;
    assert!(matches!(wrong.sign_in(MARIA, "not the password at all").await.stage, StageView::SignIn { .. }));
    assert_eq!(wrong.browser.jar[&cookie(&clinic)], run.browser.jar[&cookie(&clinic)], "not used up");
    assert_eq!(browsers(&app).await, 1);
    app.advance(28 * DAY);
    app.drain().await;
    assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0, "its time is over, used or not");
    app.drain().await;
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
async fn n22_a_minimum_above_any_second_factor_and_conditions_get_the_factor() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    much_later(&app).await;
    change_application(&app, &clinic, |application| application.minimum = Minimum::None).await;
    let always = MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL);
    let strict = MfaPolicy { minimum: Assurance::Aal2Strict, ..always.clone() };
    let conditions = Conditions { new_browser: true, ..Conditions::default() };
    let at_times = MfaPolicy { enforcement: Enforcement::Conditional, conditions, ..always.clone() };
    let mut remembered = run.browser;
    // Where conditions ask, it is a known browser that is not asked: this one is remembered alone.
    assert!(remembered.jar.remove("__Host-known").is_some());
    for policy in [strict, at_times] {
        change(&app, &clinic.flow, move |settings| settings.mfa = policy).await;
        let (passed, mut run) = passes(&clinic, remembered.clone(), MARIA, &[]).await;
        assert!(!passed);
        let page = run.page().await;
        assert!(!page.says("Remember this browser"), "nor is it offered: {}", page.text());
        app.advance(5 * MINUTE);
        app.drain().await;
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await, 0);
    // None of that used it up.
    change(&app, &clinic.flow, move |settings| settings.mfa = always).await;
    assert!(passes(&clinic, remembered, MARIA, &[]).await.0);
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

/// A password that a second factor goes with, and that is too short to be the only one.
const SHORT: &str = "plum otter 93";

/// Maria and Nora have a short password, from before.
pub(crate) async fn shorten(app: &TestApp, clinic: &Clinic, short: &str) {
    let phc = app.app.passwords.hash(Password::new(short).unwrap()).await.unwrap();
    for account in [clinic.maria, clinic.nora] {
        let phc = phc.clone();
        let set = app.app.store.write(move |tx| Box::pin(async move { tx.set_password(account, Some(1), &phc).await }));
        set.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_beside_a_short_password_the_factor_is_asked_for_each_time_and_the_page_says_why() {
    for via in Via::BOTH {
        let (app, clinic) = remembering(Options::default()).await;
        let run = remember(&app, &clinic, app.browser(), via).await;
        much_later(&app).await;
        // As if it had been chosen before anything was remembered here: nothing forgets the browser.
        shorten(&app, &clinic, SHORT).await;
        let mut again = begin(&clinic, run.browser.clone(), &[], via).await;
        let view = again.sign_in(MARIA, SHORT).await;
        assert!(matches!(view.stage, StageView::Challenge { remember_days: None, .. }), "{view:?}");
        assert_eq!(view.longer_password, Some(15));
        let page = again.page().await;
        assert!(page.says("To have this browser remembered, you need a password with at least 15 characters."));
        assert!(!page.says("Remember this browser for"), "{}", page.text());
        assert_eq!(again.browser.jar[&cookie(&clinic)], run.browser.jar[&cookie(&clinic)], "nothing is used up");
        // Nobody is locked out, and an edited form remembers nothing.
        let code = app.code(PHONE).await;
        let view = again.act("submit-code", &[("code", &code), ("remember", "true")]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(browsers(&app).await, 1, "the one from before");
        assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await, 0);
        // A wrong one tells nothing of the length.
        let mut wrong = begin(&clinic, app.browser(), &[], via).await;
        assert_eq!(wrong.sign_in(MARIA, "plum otter 94").await.longer_password, None);
        app.drain().await;
    }
}
