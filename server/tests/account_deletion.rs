//! Deleting one's own account: A19, A20, A23, N20, C1.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    session::FRESH,
};
use lanyard_server::service::account::deletion::{self, DELAY};

use crate::{
    account_factors::{maria_at_home, token},
    sessions::staff,
    support::{
        Run, TestApp, Via,
        app::Options,
        world::{MARIA, PHONE},
    },
};

async fn the_whole_way(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (domain, tenant) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
    let (delete, keep) = (paths::account_delete(domain), paths::account_keep(domain));
    let mut other = maria_at_home(&app, &clinic).await;
    let mut browser = maria_at_home(&app, &clinic).await;
    browser.extra = vec![("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".into())];
    let csrf = token(&mut browser, &clinic).await;
    let tables = ["accounts", "sessions", "audit", "outbox"];
    let before = app.rows(&tables).await;
    // Without the tick, without the token: nothing.
    let unsure = browser.post(&delete, &[("csrf", &csrf)]).await;
    assert_eq!(unsure.status, 422);
    assert_eq!(browser.post(&delete, &[("csrf", "x"), ("sure", "true")]).await.status, 403);
    assert_eq!(app.rows(&tables).await, before);

    let mails = app.messages(MARIA).await;
    let fields = [("csrf", csrf.as_str()), ("sure", "true")];
    let planned = browser.post(&delete, &fields).await;
    assert_eq!(planned.location().unwrap(), format!("{}?deletion-planned", paths::account(domain)));
    let page = browser.get(&paths::account(domain)).await;
    assert!(page.text().contains("Keep my account"), "{}", page.text());
    assert!(other.get(&paths::account(domain)).await.location().unwrap().starts_with("/journey/"), "a19");
    assert_eq!(app.messages(MARIA).await, mails + 1, "n20");
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("will be deleted on") && mail.contains("Asked for: 2 September 2026"), "{mail}");
    assert!(mail.contains("Device: Firefox on Linux"), "u24: {mail}");
    // Twice is once.
    browser.post(&delete, &fields).await;
    assert_eq!(app.audited(tenant, Action::DeletionRequested, Outcome::Success).await, 1);

    // Undone in time: the job finds nothing, ever.
    let kept = browser.post(&keep, &[("csrf", &csrf)]).await;
    assert_eq!(kept.location().unwrap(), format!("{}?kept", paths::account(domain)));
    assert!(app.message(MARIA).await.body.contains("will not be deleted"));
    assert_eq!(deletion::carry_out(&app.app, app.now().plus(2 * DELAY)).await.unwrap(), 0);
    assert_eq!(app.audited(tenant, Action::DeletionUndone, Outcome::Success).await, 1);

    // Asked for again, and the time passes.
    browser.post(&delete, &fields).await;
    app.drain().await;
    app.advance(DELAY - 1);
    assert_eq!(deletion::carry_out(&app.app, app.now()).await.unwrap(), 0, "not a moment too early");
    app.advance(1);
    let accounts = app.count("accounts").await;
    // As PostgreSQL writes an id, and as SQLite quotes one.
    let id = clinic.maria.to_string();
    let quoted = id.replace('-', "").to_uppercase();
    let mentioned = async |table: &'static str| {
        app.rows(&[table]).await.iter().any(|row| row.contains(&id) || row.contains(&quoted))
    };
    for table in ["sessions", "factors", "patient_terms", "repudiations"] {
        assert!(mentioned(table).await, "{table} has nothing to delete");
    }
    assert_eq!(deletion::carry_out(&app.app, app.now()).await.unwrap(), 1);
    assert_eq!(app.count("accounts").await, accounts - 1);
    for table in ["accounts", "sessions", "grants", "factors", "patient_terms", "repudiations", "consents"] {
        assert!(!mentioned(table).await, "{table}");
    }
    assert!(app.message(MARIA).await.body.contains("was deleted"));
    assert_eq!(app.audited(tenant, Action::AccountDeleted, Outcome::Success).await, 1);
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    let view = run.sign_in(MARIA, crate::support::PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_n20_an_account_is_deleted_after_14_days_unless_its_owner_keeps_it() {
    the_whole_way(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_n20_an_account_is_deleted_after_14_days_unless_its_owner_keeps_it_postgres() {
    the_whole_way(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_a23_it_takes_a_fresh_sign_in_and_is_for_patients() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let delete = paths::account_delete(domain);
    let mut browser = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut browser, &clinic).await;
    app.advance(FRESH + 1);
    let mut sam = staff(&app).await.browser;
    let sams = token(&mut sam, &clinic).await;
    let before = app.rows(&["accounts", "audit", "outbox"]).await;
    let late = browser.post(&delete, &[("csrf", &csrf), ("sure", "true")]).await;
    assert_eq!(late.location().unwrap(), format!("{}?sign-in-again", paths::account(domain)));
    assert_eq!(sam.get(&delete).await.status, 404);
    assert_eq!(sam.post(&delete, &[("csrf", &sams), ("sure", "true")]).await.status, 404);
    assert_eq!(app.rows(&["accounts", "audit", "outbox"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_this_wasnt_me_keeps_the_account_too() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut browser, &clinic).await;
    browser.post(&paths::account_delete(domain), &[("csrf", &csrf), ("sure", "true")]).await;
    let link = crate::account_not_me::link(&app, MARIA).await;
    assert_eq!(app.browser().post(&link, &[]).await.status, 200);
    assert_eq!(deletion::carry_out(&app.app, app.now().plus(2 * DELAY)).await.unwrap(), 0);
    assert_eq!(app.audited(clinic.tenant.id, Action::DeletionUndone, Outcome::Success).await, 1);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_who_signs_in_to_an_application_is_told_that_the_account_will_be_deleted() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let domain = clinic.tenant.domain.as_str();
        let mut browser = maria_at_home(&app, &clinic).await;
        let csrf = token(&mut browser, &clinic).await;
        browser.post(&paths::account_delete(domain), &[("csrf", &csrf), ("sure", "true")]).await;

        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
        let notice = paths::journey_deletion(&run.id);
        assert!(matches!(&view.stage, StageView::Done { location } if *location == notice), "{view:?}");
        let page = run.browser.get(&notice).await;
        assert_eq!(page.status, 200, "{}", page.text());
        for part in ["Your account will be deleted", "16 September 2026", &paths::account(domain), "Patient app"] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        assert!(page.text().contains(&paths::journey_return(&run.id)), "the way on: {}", page.text());
        // Somebody else's browser learns nothing of it, and the way back is as open as ever.
        let other = app.browser().get(&notice).await;
        assert_eq!(other.location().unwrap(), paths::journey(&run.id), "{}", other.text());
        run.code().await;
        let after = run.browser.get(&notice).await;
        assert_eq!(after.location().unwrap(), paths::journey(&run.id));

        // Once it is kept, nothing of the kind is said.
        browser.post(&paths::account_keep(domain), &[("csrf", &csrf)]).await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
        assert!(matches!(&view.stage, StageView::Done { location } if *location == paths::journey_return(&run.id)));
        let answer = run.browser.get(&paths::journey_deletion(&run.id)).await;
        assert_eq!(answer.location().unwrap(), paths::journey(&run.id));
        app.drain().await;
    }
}
