//! The grace period of a flow: who was there before may put off a second factor, until it ends. N22, N23,
//! decision 4, N18, A8, O3.

use axum::http::StatusCode;
use lanyard_app::api::journey::StageView;
use lanyard_domain::{
    application::Minimum,
    assurance::Method,
    audit::{Action, Outcome},
    clock::{DAY, MINUTE},
    factor::MAX_CONSECUTIVE,
    user_flow::{Enforcement, MfaPolicy},
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::one_more,
    oidc::{change_application, change_flow, id_token, tokens},
    portal::{boss, save},
    support::{
        Clinic, Options, PASSWORD, Run, TestApp, Via,
        browser::parameter,
        journey::{authorize, refresh},
        world::{MARIA, NORA},
    },
};

const DAYS: i64 = 14;

/// The clinic without a second factor, whose flow always asks for one from now on, and waits `days`.
pub(crate) async fn switched_on(app: &TestApp, days: u32) -> Clinic {
    let (clinic, now) = (app.world.plain.clone(), app.now());
    change_flow(app, &clinic.flow, |settings| {
        let always = MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL);
        settings.mfa = MfaPolicy { grace_days: days, since: Some(now), ..always };
    })
    .await;
    clinic
}

async fn begin(app: &TestApp, clinic: &Clinic, via: Via, more: &[(&str, &str)]) -> Run {
    Run::at(app.browser(), &authorize(clinic, &clinic.flow, more), via).await
}

/// Nora's password is right, and she stands where a second factor is set up.
async fn nora(app: &TestApp, clinic: &Clinic, via: Via, more: &[(&str, &str)]) -> (Run, Option<String>) {
    let mut run = begin(app, clinic, via, more).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
    app.drain().await;
    (run, view.postpone_until)
}

/// "Not now" is refused: the page stays, and nobody is signed in.
async fn waits_for_nothing(app: &TestApp, run: &mut Run) {
    let before = run.view().await;
    assert_eq!(before.postpone_until, None);
    let rows = app.rows(&["sessions", "accounts", "factors", "audit"]).await;
    let after = run.act("not-now", &[]).await;
    assert_eq!(std::mem::discriminant(&after.stage), std::mem::discriminant(&before.stage), "{after:?}");
    assert!(!run.page().await.says("You can put this off"));
    assert_eq!(app.rows(&["sessions", "accounts", "factors", "audit"]).await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn n23_who_puts_it_off_is_signed_in_by_the_password_alone_until_the_grace_ends() {
    for (options, via) in [(Options::default(), Via::Form), (Options::postgres(), Via::Json)] {
        let app = TestApp::with(options).await;
        let clinic = switched_on(&app, 14).await;
        let (mut run, until) = nora(&app, &clinic, via, &[]).await;
        let day = until.unwrap();
        let page = run.page().await;
        assert!(page.says(&format!("You can put this off until {day}.")), "{}", page.text());
        app.advance(DAYS * DAY - 2);
        // A page that stood open for so long is over; the same day, another one.
        let (mut run, _) = nora(&app, &clinic, via, &[]).await;
        let view = run.act("not-now", &[]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let back = run.back().await;
        let answer = tokens(&mut run, &clinic, &back).await;
        let told = id_token(&answer);
        assert_eq!((told["acr"].as_str(), &told["amr"]), (Some("aal1"), &serde_json::json!(["pwd"])));
        assert_eq!(app.audited(clinic.tenant.id, Action::EnrolmentPostponed, Outcome::Success).await, 1);

        // One millisecond before the end all of it goes on, and none of it at the end.
        let (mut open, offered) = nora(&app, &clinic, via, &[]).await;
        assert_eq!(offered, Some(day));
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        app.advance(1);
        let answered = run.browser.get(&silent).await.location().unwrap();
        assert!(parameter(&answered, "code").is_some(), "{answered}");
        let token = answer["refresh_token"].as_str().unwrap();
        let refreshed = refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
        assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.text());
        let next: serde_json::Value = refreshed.json();
        assert_eq!(id_token(&next)["acr"], "aal1");
        app.advance(1);
        let refused = run.browser.get(&silent).await.location().unwrap();
        assert_eq!(parameter(&refused, "code"), None, "{refused}");
        let token = next["refresh_token"].as_str().unwrap();
        let refused = refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
        assert_eq!(
            (refused.status, refused.json::<serde_json::Value>()["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_grant"))
        );
        waits_for_nothing(&app, &mut open).await;
        let (mut late, _) = nora(&app, &clinic, via, &[]).await;
        waits_for_nothing(&app, &mut late).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_an_edited_form_skips_nothing_where_there_is_no_grace() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = switched_on(&app, 0).await;
        let (mut run, _) = nora(&app, &clinic, via, &[]).await;
        waits_for_nothing(&app, &mut run).await;
        // Nor where it asks for more: by the request, by the application.
        let app = TestApp::new().await;
        let clinic = switched_on(&app, 14).await;
        let (mut run, _) = nora(&app, &clinic, via, &[("acr_values", "aal2")]).await;
        waits_for_nothing(&app, &mut run).await;
        app.advance(MINUTE);
        let (mut run, until) = nora(&app, &clinic, via, &[]).await;
        assert!(until.is_some());
        // The operator thinks better of it while the page stands open.
        change_application(&app, &clinic, |application| application.minimum = Minimum::Mfa).await;
        waits_for_nothing(&app, &mut run).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_tab_signs_in_no_second_time_and_a_factor_bound_meanwhile_is_asked_for() {
    let app = TestApp::new().await;
    let clinic = switched_on(&app, 14).await;
    let (mut run, _) = nora(&app, &clinic, Via::Form, &[]).await;
    let csrf = run.view().await.csrf;
    assert!(matches!(run.act("not-now", &[]).await.stage, StageView::Done { .. }));
    let sessions = app.count("sessions").await;
    assert_eq!(run.post("not-now", &csrf, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(app.count("sessions").await, sessions, "the second tab");

    app.advance(MINUTE);
    let (mut open, until) = nora(&app, &clinic, Via::Form, &[]).await;
    assert!(until.is_some());
    one_more(&app, clinic.nora, "+12065550188").await;
    waits_for_nothing(&app, &mut open).await;
    let mut again = begin(&app, &clinic, Via::Form, &[]).await;
    let view = again.sign_in(NORA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
    app.drain().await;
    // What was put off goes no further either.
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert_eq!(parameter(&back, "code"), None, "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_who_has_a_factor_a_newcomer_and_who_forgot_the_password_wait_for_nothing() {
    let app = TestApp::new().await;
    let clinic = switched_on(&app, 14).await;
    let mut run = begin(&app, &clinic, Via::Form, &[]).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
    app.drain().await;
    waits_for_nothing(&app, &mut run).await;
    // Not even where it opens nothing any more.
    let (account, tenant, now) = (clinic.maria, clinic.tenant.id, app.now());
    let failed = app.app.store.write(move |tx| {
        Box::pin(async move {
            let facts = tx.account_facts(tenant, account).await?.unwrap();
            for _ in 0..MAX_CONSECUTIVE {
                tx.factor_failed(facts.factors[0].id, now).await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    failed.await.unwrap();
    let mut run = begin(&app, &clinic, Via::Form, &[]).await;
    run.sign_in(MARIA, PASSWORD).await;
    app.drain().await;
    waits_for_nothing(&app, &mut run).await;

    let mut run = begin(&app, &clinic, Via::Form, &[]).await;
    let view = run.sign_up(&app, "newcomer@patients.example", PASSWORD).await;
    assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
    waits_for_nothing(&app, &mut run).await;

    let mut run = begin(&app, &clinic, Via::Form, &[]).await;
    run.act("go-forgot-password", &[]).await;
    run.prove(&app, NORA).await;
    let view = run.act("submit-new-password", &[("password", "quiet marble 58 lantern")]).await;
    assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
    app.drain().await;
    waits_for_nothing(&app, &mut run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_the_toggle_begins_the_grace_and_the_dry_run_says_how_many_may_wait() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut ann = boss(&app, "Ann").await;
    let path = format!("/portal/hilltop.example/flows/{}", clinic.flow.name.key());
    let (page, action) = (format!("{path}/mfa?to=on"), format!("{path}/mfa"));
    let tried = save(&mut ann, &page, &action, &[("grace_days", "14"), ("dry_run", "true")]).await;
    assert!(tried.says("1 of those without one may put it off until"), "{}", tried.text());
    let tried = save(&mut ann, &page, &action, &[("grace_days", "0"), ("dry_run", "true")]).await;
    assert!(!tried.says("may put it off until"), "{}", tried.text());
    let refused = save(&mut ann, &page, &action, &[("grace_days", "91")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("Enter a whole number from 0 to 90 (days)."), "{}", refused.text());
    let on = save(&mut ann, &page, &action, &[("grace_days", "14")]).await;
    assert_eq!(on.location(), Some(format!("{path}?done=saved")), "{}", on.text());
    let (mut run, first) = nora(&app, &clinic, Via::Form, &[]).await;
    assert!(first.is_some());
    // A shorter one acts at once; its beginning stays, whatever else is saved.
    app.advance(DAY);
    let mut bea = boss(&app, "Bea").await;
    let saved = save(&mut bea, &path, &path, &[("grace_days", "2")]).await;
    assert_eq!(saved.location(), Some(format!("{path}?done=saved")), "{}", saved.text());
    let (_, second) = nora(&app, &clinic, Via::Form, &[]).await;
    assert!(second.is_some() && second != first, "{second:?}");
    app.advance(DAY);
    let (_, over) = nora(&app, &clinic, Via::Form, &[]).await;
    assert_eq!(over, None);
    assert!(matches!(run.act("not-now", &[]).await.stage, StageView::Over { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_who_has_a_short_password_puts_nothing_off_and_is_told_why() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = switched_on(&app, 14).await;
        let short = "plum otter 93";
        crate::remembered::shorten(&app, &clinic, short).await;
        let mut run = begin(&app, &clinic, via, &[]).await;
        let view = run.sign_in(NORA, short).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
        assert_eq!((&view.postpone_until, view.longer_password), (&None, Some(15)));
        app.drain().await;
        let page = run.page().await;
        assert!(page.says("To put this off, you need a password with at least 15 characters."), "{}", page.text());
        waits_for_nothing(&app, &mut run).await;
        // Nobody is locked out: a second step is set up as ever.
        let code = app.code(NORA).await;
        run.act("submit-code", &[("code", &code)]).await;
        let view = run.enrol_phone(&app, "+12065550188").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;
    }
}
