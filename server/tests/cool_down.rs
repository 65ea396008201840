//! After a recovery what protects an account stays for a while: A5, A20, N20.

use lanyard_app::paths;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{DAY, MINUTE},
    cool_down::CoolDown,
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::{factors, maria_at_home, one_more, token},
    account_not_me::link,
    account_recovery::{press, with_recovery_codes},
    support::{
        Browser, Clinic, PASSWORD, Run, TestApp, Via,
        app::Options,
        world::{MARIA, PHONE},
    },
};

const NEW: &str = "maria@new.example";
const TABLES: [&str; 4] = ["accounts", "factors", "contact_changes", "audit"];

fn home(clinic: &Clinic) -> String {
    paths::account(clinic.tenant.domain.as_str())
}

fn cooling(clinic: &Clinic) -> Option<String> {
    Some(format!("{}?cooling-down", home(clinic)))
}

/// Maria at her account page, by a recovery code.
async fn by_code(app: &TestApp, clinic: &Clinic, code: &str) -> Browser {
    let mut run = Run::at(app.browser(), &home(clinic), Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    run.act("choose-method", &[("method", "recovery_code")]).await;
    run.act("submit-recovery-code", &[("code", code)]).await;
    assert_eq!(run.back().await, home(clinic));
    run.browser
}

/// Sets the cool-down of the clinic.
pub(crate) async fn set(app: &TestApp, clinic: &Clinic, hours: u32) {
    let (tenant, wanted) = (clinic.tenant.id, CoolDown::of_hours(hours).unwrap());
    let done = app.app.store.write(move |tx| {
        Box::pin(async move {
            let now = tx.cool_down(tenant).await?.unwrap();
            tx.set_cool_down(tenant, now, wanted).await
        })
    });
    done.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

async fn post(browser: &mut Browser, clinic: &Clinic, path: &str, fields: &[(&str, &str)]) -> Option<String> {
    let csrf = token(browser, clinic).await;
    let all: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
    browser.post(path, &all).await.location()
}

async fn a_recovery_code_begins_it(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let (_, codes) = with_recovery_codes(&app, &clinic).await;
    let extra = one_more(&app, clinic.maria, "+12065550177").await;
    let mut browser = by_code(&app, &clinic, &codes[0]).await;
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("for the next 24 hours nobody can remove a second step"), "n20: {mail}");
    let page = browser.get(&home(&clinic)).await;
    assert!(page.says("Some things can’t be changed yet") && page.says("You can still add"), "{}", page.text());
    assert!(!page.text().contains(&paths::account_remove_factor(domain)), "{}", page.text());

    let (remove, email, phone) =
        (paths::account_remove_factor(domain), paths::account_email(domain), paths::account_phone(domain));
    let number = [("factor", extra.as_str()), ("country", "US"), ("phone", "206 555 0188"), ("method", "text_message")];
    let before = app.rows(&TABLES).await;
    let sets = factors(&app, clinic.maria).await;
    for factor in &sets {
        assert_eq!(post(&mut browser, &clinic, &remove, &[("factor", factor)]).await, cooling(&clinic), "{factor}");
    }
    assert_eq!(post(&mut browser, &clinic, &email, &[("email", NEW)]).await, cooling(&clinic));
    assert_eq!(post(&mut browser, &clinic, &phone, &number).await, cooling(&clinic));
    assert_eq!(app.rows(&TABLES).await, before);
    for path in [&email, &format!("{phone}?factor={extra}")] {
        let page = browser.get(path).await;
        assert!(page.status == 200 && page.says("stays as it is until"), "{}", page.text());
    }
    // What protects the account better goes on, and so does putting others out.
    assert_eq!(press(&mut browser, &clinic).await.status, 200);
    let end = paths::account_end_sessions(domain);
    let out = post(&mut browser, &clinic, &end, &[]).await;
    assert!(out.as_ref().is_some_and(|to| to.ends_with("?signed-out")), "{out:?}");

    // Nobody sits it out by signing in another way, to its last moment.
    app.drain().await;
    app.advance(DAY - MINUTE);
    let mut again = maria_at_home(&app, &clinic).await;
    assert_eq!(post(&mut again, &clinic, &remove, &[("factor", &extra)]).await, cooling(&clinic));
    app.advance(MINUTE);
    let removed = post(&mut again, &clinic, &remove, &[("factor", &extra)]).await;
    assert_eq!(removed, Some(format!("{}?factor-removed", home(&clinic))));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_a20_after_a_recovery_code_factors_stay_and_address_and_numbers_do_not_change_for_a_day() {
    a_recovery_code_begins_it(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_a20_after_a_recovery_code_factors_stay_and_address_and_numbers_do_not_change_for_a_day_postgres() {
    a_recovery_code_begins_it(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_a8_after_a_reset_nothing_that_protects_the_account_goes_and_the_tenants_hours_count() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut run = Run::at(app.browser(), &home(&clinic), Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", MARIA)]).await;
    let code = app.code(MARIA).await;
    run.act("submit-code", &[("code", &code)]).await;
    let code = app.code(PHONE).await;
    run.act("submit-code", &[("code", &code)]).await;
    run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
    assert_eq!(run.back().await, home(&clinic));
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("for the next 24 hours nobody can remove a second step"), "n20: {mail}");
    let extra = one_more(&app, clinic.maria, "+12065550177").await;
    let remove = paths::account_remove_factor(domain);
    assert_eq!(post(&mut run.browser, &clinic, &remove, &[("factor", &extra)]).await, cooling(&clinic));
    // The tenant's hours are read where the change is judged: switched off, it counts for nobody.
    set(&app, &clinic, 0).await;
    let page = run.browser.get(&home(&clinic)).await;
    assert!(!page.says("Some things can’t be changed yet"), "{}", page.text());
    assert!(
        post(&mut run.browser, &clinic, &remove, &[("factor", &extra)]).await.unwrap().ends_with("?factor-removed")
    );
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_a_change_that_waits_for_its_code_waits_for_the_cool_down_too_and_this_wasnt_me_does_not() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let (mut browser, codes) = with_recovery_codes(&app, &clinic).await;
    post(&mut browser, &clinic, &paths::account_email(domain), &[("email", NEW)]).await;
    let code = app.code(NEW).await;
    by_code(&app, &clinic, &codes[0]).await;
    let link = link(&app, MARIA).await;
    let before = app.rows(&TABLES).await;
    let answer = paths::account_email_code(domain);
    assert_eq!(post(&mut browser, &clinic, &answer, &[("code", &code)]).await, cooling(&clinic));
    assert_eq!(app.rows(&TABLES).await, before);
    let cancel = paths::account_email_cancel(domain);
    assert!(post(&mut browser, &clinic, &cancel, &[]).await.unwrap().ends_with("?called-off"));
    assert_eq!(app.browser().post(&link, &[]).await.status, 200);
    assert!(app.audited(clinic.tenant.id, Action::FactorDisabled, Outcome::Success).await > 0, "the codes");
    assert_eq!(app.audited(clinic.tenant.id, Action::AccountSecured, Outcome::Success).await, 1);
    app.drain().await;
}
