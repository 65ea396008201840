//! What remembers a browser, and what forgets it: U23, U24, N25, A19, A20.

use super::*;
use crate::account_recovery::with_recovery_codes;
use lanyard_domain::{id::Id, remembered::MAX_REMEMBERED, session::Session};

const MARIA_ELSEWHERE: &str = "maria@new.example";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0";

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
        assert!(!run.browser.jar.contains_key(&cookie(&clinic)));
        let (code, csrf) = (app.code(PHONE).await, run.view().await.csrf);
        let mails = app.messages(MARIA).await;
        let answer = run.post("submit-code", &csrf, &[("code", &code), ("remember", "true")]).await;
        let cookies = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
        let set = cookies.into_iter().find(|line| line.starts_with(&cookie(&clinic))).unwrap();
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
    assert!(!run.browser.jar.contains_key(&cookie(&clinic)) && browsers(&app).await == 0);
    // With an app the box is there as well, and left alone nothing is remembered.
    switch(&app, &clinic, true).await;
    let mut run = begin(&clinic, app.browser(), &[], Via::Form).await;
    run.sign_in(TINA, PASSWORD).await;
    assert!(run.page().await.says("Remember this browser for 30 days"));
    run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
    assert!(!run.browser.jar.contains_key(&cookie(&clinic)) && browsers(&app).await == 0);
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
        assert!(!run.browser.jar.contains_key(&cookie(&clinic)) && browsers(&app).await == 0);
        app.drain().await;
    }
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
async fn n22_a_recovery_code_forgets_every_browser() {
    for options in [Options::default(), Options::postgres()] {
        let (app, clinic) = remembering(options).await;
        let (_, codes) = with_recovery_codes(&app, &clinic).await;
        remember(&app, &clinic, app.browser(), Via::Form).await;
        app.advance(20 * MINUTE);
        app.drain().await;
        assert_eq!(browsers(&app).await, 1);
        let mut run = begin(&clinic, app.browser(), &[], Via::Form).await;
        run.sign_in(MARIA, PASSWORD).await;
        run.act("choose-method", &[("method", "recovery_code")]).await;
        run.act("submit-recovery-code", &[("code", "0000-0000-0000-0000-0000-0000")]).await;
        assert_eq!(browsers(&app).await, 1, "a wrong one forgets nothing");
        let view = run.act("submit-recovery-code", &[("code", &codes[0])]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(browsers(&app).await, 0);
        app.drain().await;
    }
}

async fn sessions(app: &TestApp, clinic: &Clinic) -> Vec<Session> {
    let (account, now) = (clinic.maria, app.now());
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.live_sessions_of_account(account, now).await }));
    found.await.unwrap_or_else(|error: StorageError| panic!("{error}"))
}

async fn end(app: &TestApp, clinic: &Clinic, session: Id<Session>) {
    let mut home = maria_at_home(app, clinic).await;
    let csrf = token(&mut home, clinic).await;
    let form = [("csrf", csrf.as_str()), ("session", &session.to_string())];
    let done = home.post(&paths::account_end_sessions(clinic.tenant.domain.as_str()), &form).await;
    assert_eq!(done.status, 303, "{}", done.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a19_whoever_ends_one_session_forgets_the_browser_that_it_was_in_and_no_other() {
    for options in [Options::default(), Options::postgres()] {
        let (app, clinic) = remembering(options).await;
        let other = remember(&app, &clinic, app.browser(), Via::Form).await;
        much_later(&app).await;
        // The session in which it was remembered, and one that it opened.
        for opened in [false, true] {
            let run = remember(&app, &clinic, app.browser(), Via::Form).await;
            let run = match opened {
                false => run,
                true => {
                    much_later(&app).await;
                    let (passed, mut run) = passes(&clinic, run.browser, MARIA, &[]).await;
                    assert!(passed);
                    run.back().await;
                    run
                }
            };
            app.advance(5 * MINUTE);
            app.drain().await;
            assert_eq!(browsers(&app).await, 2);
            let all = sessions(&app, &clinic).await;
            end(&app, &clinic, all.last().unwrap().id).await;
            assert_eq!(browsers(&app).await, 1, "{opened}");
            much_later(&app).await;
            assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0);
            app.advance(5 * MINUTE);
            app.drain().await;
        }
        assert_eq!(app.audited(clinic.tenant.id, Action::BrowserForgotten, Outcome::Success).await, 2);
        assert!(passes(&clinic, other.browser, MARIA, &[]).await.0);
        // A session by a factor is in no remembered browser.
        let mut run = begin(&clinic, app.browser(), &[], Via::Form).await;
        run.sign_in_with_phone(&app, MARIA, PHONE).await;
        app.advance(5 * MINUTE);
        app.drain().await;
        let all = sessions(&app, &clinic).await;
        let by_factor = all.iter().rfind(|session| session.authentication.remembered().is_none()).unwrap();
        end(&app, &clinic, by_factor.id).await;
        assert_eq!(browsers(&app).await, 1);
        app.drain().await;
    }
}
