//! Sessions and cookies: A17, N24, N25, failures 23, 24, 44, 50, A24.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{DAY, HOUR, MINUTE},
    email::EmailAddress,
    invitation::OPERATOR_LINK_LIFE,
    role::Role,
    tenant::{SYSTEM_DOMAIN, TenantDomain},
};
use lanyard_server::{
    http::client::Client,
    service::{
        invitations,
        portal::{
            By,
            posts::{self, Post},
        },
    },
};
use lanyard_storage::StorageError;

use crate::support::{
    PASSWORD, Run, TestApp, Via,
    journey::{authorize, place, with_code},
    world::{MARIA, NORA, PHONE, SAM, totp},
};

/// Signs Sam in to the clinic's console.
pub(crate) async fn staff(app: &TestApp) -> Run {
    let clinic = app.world.mfa.clone();
    let home = paths::clinic(clinic.tenant.domain.as_str());
    let mut run = Run::at(app.browser(), &home, Via::Form).await;
    let view = run.sign_in_with_phone(app, SAM, PHONE).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert_eq!(run.back().await, home);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_every_sign_in_makes_a_new_secret_and_the_old_one_dies() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.plain.clone();
        let mut secrets = Vec::new();
        let mut browser = app.browser();
        for _ in 0..3 {
            let address = authorize(&clinic, &clinic.flow, &[("prompt", "login")]);
            let mut run = Run::at(browser, &address, via).await;
            assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
            run.code().await;
            secrets.push(run.browser.jar["__Host-sso"].clone());
            browser = run.browser;
        }
        assert!(secrets[0] != secrets[1] && secrets[1] != secrets[2], "a new one each time");
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        for (n, secret) in secrets.iter().enumerate() {
            let mut old = app.browser();
            old.jar.insert("__Host-sso".into(), secret.clone());
            let back = old.get(&silent).await.location().unwrap();
            assert_eq!(back.contains("code="), n == 2, "{n}: {back}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_a_secret_that_was_planted_before_the_sign_in_is_worth_nothing_after_it() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let planted = "A".repeat(43);
    let mut browser = app.browser();
    browser.jar.insert("__Host-sso".into(), planted.clone());
    let mut run = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    assert_ne!(run.browser.jar["__Host-sso"], planted);
    let mut thief = app.browser();
    thief.jar.insert("__Host-sso".into(), planted);
    let back = thief.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await.location().unwrap();
    assert!(back.contains("error="), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_a_cancelled_prompt_login_gives_no_session() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let plain = app.world.plain.clone();
        let login = ("prompt", "login");
        let cancelled = |back: &str| back.contains("error=access_denied") && !back.contains("code=");
        // Nobody is signed in; then with the right password given, before the second factor.
        for (clinic, password) in [(&plain, false), (&app.world.mfa, true)] {
            let mut run = Run::at(app.browser(), &authorize(clinic, &clinic.flow, &[login]), via).await;
            if password {
                run.sign_in(MARIA, PASSWORD).await;
                app.drain().await;
            }
            run.act("cancel", &[]).await;
            let back = run.back().await;
            assert!(cancelled(&back), "{back}");
            assert_eq!((app.count("sessions").await, app.count("grants").await), (0, 0));
            assert!(!run.browser.jar.contains_key("__Host-sso"));
            let silent = authorize(clinic, &clinic.flow, &[("prompt", "none")]);
            let back = run.browser.get(&silent).await.location().unwrap();
            assert!(back.contains("error=") && !back.contains("code="), "{back}");
        }
        // Somebody is signed in already: that session answers for nothing that was cancelled.
        let (run, _) = with_code(&app, &plain).await;
        let before = app.rows(&["sessions", "grants"]).await;
        let mut again = Run::at(run.browser, &authorize(&plain, &plain.flow, &[login]), via).await;
        again.act("cancel", &[]).await;
        let back = again.back().await;
        assert!(cancelled(&back), "{back}");
        assert_eq!(app.rows(&["sessions", "grants"]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n24_f24_a_session_is_dead_after_logout() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    let secret = run.browser.jar["__Host-sso"].clone();
    let logout = format!("{}/oauth2/v2.0/logout", place(&clinic, &clinic.flow));
    // A link of another site only asks (A35).
    let before = app.rows(&["sessions"]).await;
    let page = run.browser.get(&logout).await;
    assert_eq!(page.status, 200);
    assert!(page.says("Sign out?"), "{}", page.text());
    let forged = run.browser.post_bare(&logout, &[]).await;
    assert!(forged.says("Sign out?"));
    run.browser.extra = vec![("sec-fetch-site", "cross-site".into())];
    let csrf = page.csrf().unwrap();
    let pressed = [("confirm", "yes"), ("csrf", csrf.as_str())];
    assert!(run.browser.post_bare(&logout, &pressed).await.says("Sign out?"));
    run.browser.extra.clear();
    // Nor does a form that carries the right marks without the token of this cookie.
    for forged in ["", "x"] {
        assert!(run.browser.post(&logout, &[("confirm", "yes"), ("csrf", forged)]).await.says("Sign out?"));
    }
    assert_eq!(app.rows(&["sessions"]).await, before);

    let done = run.browser.post(&logout, &pressed).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(!run.browser.jar.contains_key("__Host-sso"), "the dead cookie is taken away");
    let mut thief = app.browser();
    thief.jar.insert("__Host-sso".into(), secret);
    let back = thief.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await.location().unwrap();
    assert!(back.contains("error=") && !back.contains("code="), "f24: {back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n24_f24_a_console_session_is_dead_after_sign_out_idleness_and_its_life() {
    let app = TestApp::new().await;
    let home = paths::clinic(app.world.mfa.tenant.domain.as_str());
    let mut run = staff(&app).await;
    let secret = run.browser.jar["__Host-console"].clone();
    let page = run.browser.get(&home).await;
    assert_eq!(page.status, 200);
    // Without the form's token nothing ends.
    let refused = run.browser.post(paths::CONSOLE_SIGN_OUT, &[("csrf", "x")]).await;
    assert_eq!(refused.status, 403);
    assert_eq!(run.browser.get(&home).await.status, 200);
    run.browser.post(paths::CONSOLE_SIGN_OUT, &[("csrf", &page.csrf().unwrap())]).await;
    let mut thief = app.browser();
    thief.jar.insert("__Host-console".into(), secret);
    assert!(thief.get(&home).await.status.is_redirection(), "f24");

    app.advance(HOUR);
    let mut run = staff(&app).await;
    app.advance(14 * MINUTE);
    assert_eq!(run.browser.get(&home).await.status, 200);
    app.advance(15 * MINUTE);
    assert!(run.browser.get(&home).await.status.is_redirection(), "c8: idle for a quarter of an hour");

    let mut run = staff(&app).await;
    for _ in 0..59 {
        app.advance(12 * MINUTE);
        assert_eq!(run.browser.get(&home).await.status, 200);
    }
    app.advance(13 * MINUTE);
    assert!(run.browser.get(&home).await.status.is_redirection(), "twelve hours at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_u26_a_page_that_stood_idle_ends_the_session_and_says_so() {
    let app = TestApp::new().await;
    let home = paths::clinic(app.world.mfa.tenant.domain.as_str());
    let mut run = staff(&app).await;
    let secret = run.browser.jar["__Host-console"].clone();
    let page = run.browser.get(&home).await;
    // A minute less than the session lives: its use is noted once a minute.
    assert!(page.text().contains("data-seconds=\"840\"") && page.text().contains("/pkg/session."), "{}", page.text());
    // Asking for more time is a use like any other, and opens no list of patients.
    let keeps = paths::account(app.world.mfa.tenant.domain.as_str());
    assert!(page.text().contains(&format!("data-home=\"{keeps}\"")), "{}", page.text());
    let listed = app.audited(app.world.mfa.tenant.id, Action::PatientsListed, Outcome::Success).await;
    for _ in 0..2 {
        app.advance(14 * MINUTE);
        assert_eq!(run.browser.head(&keeps).await.status, 200);
    }
    assert_eq!(app.audited(app.world.mfa.tenant.id, Action::PatientsListed, Outcome::Success).await, listed);
    // The same session on the account page ends no later.
    let own = run.browser.get(&keeps).await;
    assert!(own.text().contains("data-seconds=\"840\""), "{}", own.text());
    let csrf = page.csrf().unwrap();
    let refused = run.browser.post(paths::CONSOLE_SIGN_OUT, &[("csrf", "x"), ("idle", "yes")]).await;
    assert_eq!(refused.status, 403);
    let ended = run.browser.post(paths::CONSOLE_SIGN_OUT, &[("csrf", &csrf), ("idle", "yes")]).await;
    assert_eq!(ended.status, 200);
    assert!(ended.text().contains("You were signed out"), "{}", ended.text());
    let mut thief = app.browser();
    thief.jar.insert("__Host-console".into(), secret);
    assert!(thief.head(&home).await.status.is_redirection());
    // Nobody signed in: the same page.
    let again = app.browser().post(paths::CONSOLE_SIGN_OUT, &[("idle", "yes")]).await;
    assert_eq!(again.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn u26_every_page_of_the_account_and_the_clinic_warns_before_it_ends() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut maria = crate::account_factors::maria_at_home(&app, &clinic).await;
    for path in [
        paths::account(domain),
        paths::account_profile(domain),
        paths::account_history(domain),
        paths::account_data(domain),
        paths::account_delete(domain),
        paths::account_email(domain),
    ] {
        let page = maria.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains("<session-end") && page.text().contains("/pkg/session."), "{path}");
    }
    let mut run = staff(&app).await;
    for path in [paths::clinic(domain), paths::clinic_patient(domain, &clinic.maria.to_string())] {
        let page = run.browser.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains("<session-end") && page.text().contains("/pkg/session."), "{path}");
    }
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_sign_on_session_ends_within_a_day() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    app.advance(DAY - MINUTE);
    assert!(run.browser.get(&silent).await.location().unwrap().contains("code="));
    app.advance(2 * MINUTE);
    assert!(run.browser.get(&silent).await.location().unwrap().contains("error="));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_counts_for_an_hour_of_idleness_only() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    run.code().await;
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    app.advance(59 * MINUTE);
    assert!(run.browser.get(&silent).await.location().unwrap().contains("code="));
    app.advance(61 * MINUTE);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(back.contains("error="), "after an hour of idleness it is one factor (decision 4): {back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_cookies_are_host_only_secure_and_opaque() {
    let app = TestApp::new().await;
    // The browser itself checks each cookie that it gets; here: which ones, and how far they go.
    let mut run = staff(&app).await;
    assert!(run.browser.jar.contains_key("__Host-console"));
    let mut patient = app.browser();
    let page = patient.get(&authorize(&app.world.mfa, &app.world.mfa.flow, &[])).await;
    let line = page.header("set-cookie").unwrap();
    assert!(line.starts_with("__Host-journey=") && line.contains("SameSite=Lax"), "{line}");
    let silent = authorize(&app.world.mfa, &app.world.mfa.flow, &[("prompt", "none")]);
    assert!(run.browser.get(&silent).await.location().unwrap().contains("error="), "a console is no single sign-on");
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_no_state_changes_without_the_right_csrf_token() {
    let app = TestApp::new().await;
    for via in Via::BOTH {
        let mut run = Run::begin(&app, &app.world.plain, via).await;
        let other = Run::begin(&app, &app.world.plain, via).await.view().await.csrf;
        let journey = app.rows(&["journeys", "sessions"]).await;
        for csrf in ["", "x", &other, &"A".repeat(43)] {
            let answer = run.post("sign-in", csrf, &[("email", NORA), ("password", PASSWORD)]).await;
            assert_eq!(answer.status, 403, "{via:?} {csrf:?}");
        }
        assert_eq!(app.rows(&["journeys", "sessions"]).await, journey);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_a_request_of_another_site_is_refused_whatever_it_carries() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    let csrf = run.view().await.csrf;
    let before = app.rows(&["journeys", "sessions"]).await;
    let fields = [("csrf", csrf.as_str()), ("email", NORA), ("password", PASSWORD)];
    for extra in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "http://id.example")],
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://id.example")],
    ] {
        run.browser.extra = extra.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        for path in [paths::journey_event(&run.id, "sign-in"), paths::api_journey_event(&run.id, "sign-in")] {
            let answer = run.browser.post_bare(&path, &fields).await;
            assert_eq!(answer.status, 403, "{extra:?}");
        }
    }
    run.browser.extra.clear();
    assert_eq!(app.rows(&["journeys", "sessions"]).await, before);
    assert_eq!(run.browser.post(&paths::journey_event(&run.id, "sign-in"), &fields).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_a_role_that_is_taken_away_is_gone_at_the_next_request() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let home = paths::clinic(clinic.tenant.domain.as_str());
    let mut run = staff(&app).await;
    assert_eq!(run.browser.get(&home).await.status, 200);
    // Another clinic's list is not theirs, and says nothing about itself.
    let other = run.browser.get(&paths::clinic(app.world.plain.tenant.domain.as_str())).await;
    assert!(other.status.is_redirection() || other.status == 404);
    let (sam, role, now) = (clinic.sam, Role::ClinicStaff(clinic.tenant.id), app.now());
    app.app
        .store
        .write(move |tx| Box::pin(async move { tx.revoke_role(sam, role, now).await }))
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    assert_eq!(run.browser.get(&home).await.status, 404);
}

fn nobody() -> Client {
    Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn f50_an_invitation_works_once() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let email = "new.nurse@staff.example";
    let address = EmailAddress::parse(email).unwrap();
    let by = By { operator: Some(clinic.sam), client: nobody() };
    posts::invite(&app.app, &clinic.tenant, (Post::Staff, address), by).await.unwrap();
    let mail = app.message(email).await;
    let from = mail.body.find("/invitation/").unwrap_or_else(|| panic!("{}", mail.body));
    let path = mail.body[from..].split_whitespace().next().unwrap().to_owned();
    // f43: the link is of the configured origin.
    assert!(mail.body.contains(&format!("https://id.example{path}")), "{}", mail.body);
    let mut first = Run::at(app.browser(), &path, Via::Form).await;
    // Opening it uses nothing up; a second browser may begin too, and only one may end.
    let mut second = Run::at(app.browser(), &path, Via::Json).await;
    let accounts = app.count("accounts").await;
    for run in [&mut first, &mut second] {
        let view = run.details(PASSWORD, &[]).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
    }
    let view = first.enrol_phone(&app, "+12065550144").await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    app.advance(MINUTE);
    let view = second.enrol_phone(&app, "+12065550145").await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert!(!second.browser.jar.contains_key("__Host-console"));
    assert_eq!(app.count("accounts").await, accounts + 1);
    assert_eq!(app.browser().get(&path).await.status, 404, "used up");
    let rows = app.rows(&["invitations"]).await.concat();
    assert!(!rows.contains(path.rsplit('/').next().unwrap()), "stored hashed");
}

#[tokio::test(flavor = "multi_thread")]
async fn f50_the_first_operators_link_works_once_and_for_an_hour() {
    let mut options = crate::support::Options::default();
    options.config.data_dir = crate::support::database::temp_dir();
    let app = TestApp::with(options).await;
    let domain = TenantDomain::parse(SYSTEM_DOMAIN).unwrap();
    let system = app.app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await;
    let system = system.unwrap_or_else(|error: StorageError| panic!("{error}")).unwrap();
    let link = invitations::first_operator_link(&app.app, &system).await.unwrap().expect("a first link");
    assert_eq!(invitations::first_operator_link(&app.app, &system).await.unwrap(), None, "one winner");
    // As `serve` leaves it where nobody is at a terminal.
    let file = lanyard_server::files::first_operator_link(&app.app.config);
    lanyard_server::files::write_private(&file, format!("{link}\n").as_bytes()).unwrap();
    let path = link.strip_prefix("https://id.example").unwrap().to_owned();
    let mut late = Run::at(app.browser(), &path, Via::Form).await;
    let mut run = Run::at(app.browser(), &path, Via::Form).await;
    let view = run.details(PASSWORD, &[("email", "olga@operators.example")]).await;
    // Authenticator app only: neither text nor call, whatever is posted (N26, product.md).
    let refused = run.act("choose-method", &[("method", "text_message")]).await;
    assert!(!matches!(refused.stage, StageView::EnrolPhone { .. }), "{view:?} {refused:?}");
    let mut view = run.view().await;
    if matches!(view.stage, StageView::ChooseMethod { .. }) {
        view = run.act("choose-method", &[("method", "authenticator_app")]).await;
    }
    let StageView::EnrolApp { secret, .. } = view.stage else { panic!("{view:?}") };
    assert!(file.exists(), "while nobody has used it");
    let seed = crate::factors::base32(&secret.replace(' ', "")).try_into().unwrap();
    let view = run.act("submit-app-code", &[("code", &totp(seed, app.now())), ("name", "Phone")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert!(!file.exists(), "erased when used");
    run.back().await;
    assert!(run.browser.jar.contains_key("__Host-console"));
    let view = late.details(PASSWORD, &[("email", "eve@operators.example")]).await;
    assert!(!matches!(view.stage, StageView::Done { .. }));
    assert_eq!(app.browser().get(&path).await.status, 404);

    let link = invitations::operator_link(&app.app, &system).await.unwrap();
    app.advance(OPERATOR_LINK_LIFE + MINUTE);
    let answer = app.browser().get(link.strip_prefix("https://id.example").unwrap()).await;
    assert_eq!(answer.status, 404, "too old");
    lanyard_server::files::write_private(&file, link.as_bytes()).unwrap();
    invitations::forget_first_link(&app.app).await.unwrap();
    assert!(!file.exists(), "erased when its time is over");
    crate::support::database::remove(&app.app.config.data_dir);
}
