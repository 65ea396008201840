//! The offer of a passkey after a sign-in: U25, N19, N20.

use lanyard_app::{
    api::journey::{JourneyView, StageView},
    paths,
};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{DAY, MINUTE},
    journey::ASK_AGAIN,
};

use crate::{
    account_factors::factors,
    support::{
        PASSWORD, Run, TestApp, Via,
        app::Options,
        authenticator::Authenticator,
        world::{MARIA, PHONE},
    },
};

/// Maria signs in with her phone, in a browser that says that it can make passkeys, or says nothing.
async fn signed_in(app: &TestApp, via: Via, says: bool) -> (Run, JourneyView) {
    let mut run = Run::begin(app, &app.world.mfa.clone(), via).await;
    run.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    let mut fields = vec![("code", code.as_str())];
    fields.extend(says.then_some(("passkeys", "true")));
    let view = run.act("submit-code", &fields).await;
    (run, view)
}

async fn said_not_now(options: Options, via: Via) {
    let app = TestApp::with(options).await;
    let (mut run, view) = signed_in(&app, via, true).await;
    assert!(matches!(view.stage, StageView::OfferPasskey { passkey: Some(_) }), "{view:?}");
    assert_eq!(app.count("sessions").await, 0, "nothing is complete yet");
    let page = run.page().await.text();
    assert!(page.contains("Sign in faster next time") && page.contains("Not now"), "{page}");
    // The way back is not open before the answer, by whatever address.
    let early = run.browser.get(&paths::journey_return(&run.id)).await;
    assert!(early.refresh().is_none(), "{}", early.text());
    let view = run.act("not-now", &[]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    run.code().await;
    // For thirty days nobody asks.
    for (after, offered) in [(DAY, false), (ASK_AGAIN - DAY - MINUTE, false), (2 * MINUTE, true)] {
        app.advance(after);
        let (_, view) = signed_in(&app, via, true).await;
        assert_eq!(matches!(view.stage, StageView::OfferPasskey { .. }), offered, "{after}: {view:?}");
    }
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u25_a_passkey_is_offered_after_the_password_and_not_again_for_thirty_days() {
    for via in Via::BOTH {
        said_not_now(Options::default(), via).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u25_a_passkey_is_offered_after_the_password_and_not_again_for_thirty_days_postgres() {
    said_not_now(Options::postgres(), Via::Form).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u25_n20_what_is_offered_is_bound_told_and_signs_in() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut device = Authenticator::default();
        let (mut run, view) = signed_in(&app, via, true).await;
        let StageView::OfferPasskey { passkey: Some(asked) } = view.stage else { panic!("{view:?}") };
        // A wrong answer is said, and the page offers both again.
        let view = run.act("create-passkey", &[("credential", "x"), ("name", "x")]).await;
        let StageView::OfferPasskey { passkey: Some(again) } = &view.stage else { panic!("{view:?}") };
        assert!(!view.problems.is_empty() && again.options != asked.options, "{view:?}");
        let made = device.create(&again.options);
        let view = run.act("create-passkey", &[("credential", &made), ("name", "My passkey")]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(factors(&app, clinic.maria).await.len(), 2);
        assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, 1);
        assert!(app.message(MARIA).await.body.contains("a passkey"), "n20");
        run.code().await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.use_passkey(&mut device).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u25_without_a_script_that_says_so_nothing_is_offered() {
    let app = TestApp::new().await;
    for via in Via::BOTH {
        let (_, view) = signed_in(&app, via, false).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
    // One factor alone binds no other (N19): where no second one is asked for there is no offer.
    let mut run = Run::begin(&app, &app.world.plain.clone(), Via::Form).await;
    let fields = [("email", MARIA), ("password", PASSWORD), ("passkeys", "true")];
    let view = run.act("sign-in", &fields).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}
