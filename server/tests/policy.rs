//! What a flow may do for an application: `policy_substitution_refused`, and the toggle.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    application::{ApplicationKind, Minimum},
    assurance::Method,
    clock::Timestamp,
    user_flow::{Enforcement, FlowType, MfaPolicy, UserFlow},
};
use lanyard_storage::{StorageError, Store, StoreOptions};

use crate::support::{
    Clinic, Options, PASSWORD, Run, TestApp, Via,
    browser::parameter,
    journey::{authorize, redeem, refresh, with_tokens},
    world::{self, MARIA, NORA, PHONE, REPLY},
};

/// Switches the second factor of `flow` as an operator's toggle does.
pub(crate) async fn toggle(app: &TestApp, flow: &UserFlow, enforcement: Enforcement) {
    toggle_by(&app.app.store, flow, enforcement, app.now()).await;
}

async fn toggle_by(store: &Store, flow: &UserFlow, enforcement: Enforcement, now: Timestamp) {
    let (tenant, id) = (flow.tenant, flow.id);
    store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_id(tenant, id).await?.unwrap();
                let mut settings = flow.settings;
                settings.mfa = MfaPolicy::new(enforcement, Method::ALL);
                tx.update_flow_settings(tenant, id, flow.version, &settings, now).await?;
                Ok::<_, StorageError>(())
            })
        })
        .await
        .unwrap();
}

// A second flow without a second factor, linked to the application of a clinic that demands one.
async fn weak_flow(app: &TestApp, clinic: &Clinic, kind: FlowType, link: bool) -> UserFlow {
    let flow = world::flow(&app.app, &clinic.tenant, "B2C_1_weak", kind, Enforcement::Off);
    let (made, application) = (flow.clone(), clinic.application.id);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_flow(&made).await?;
                if link {
                    tx.link_flow(made.tenant, application, made.id).await?;
                }
                Ok::<_, StorageError>(())
            })
        })
        .await
        .unwrap();
    flow
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_substitution_refused() {
    for kind in [FlowType::SignUpSignIn, FlowType::SignIn] {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let weak = weak_flow(&app, &clinic, kind, true).await;
        // The weaker flow, by an edited address: an error page, no journey and no redirect.
        let mut browser = app.browser();
        let page = browser.get(&authorize(&clinic, &weak, &[])).await;
        assert_eq!(page.status, 400, "{kind:?}: {}", page.text());
        assert_eq!((page.location(), page.refresh()), (None, None));
        let page = browser.get(&authorize(&clinic, &weak, &[("prompt", "none")])).await;
        assert!(page.location().is_none_or(|back| !back.contains("code=")), "{kind:?}");
        assert_eq!(app.rows(&["journeys", "grants", "sessions"]).await, Vec::<String>::new(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_substitution_refused_by_reset_and_profile_editing() {
    for kind in [FlowType::PasswordReset, FlowType::ProfileEditing] {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let weak = weak_flow(&app, &clinic, kind, true).await;
        let before = app.durable().await;
        // They demand what the application demands: here a first factor, behind a proof.
        let mut run = Run::at(app.browser(), &authorize(&clinic, &weak, &[]), Via::Form).await;
        if kind == FlowType::ProfileEditing {
            let view = run.sign_in(NORA, PASSWORD).await;
            assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
            run.act("submit-profile", &[("givenName", "Eve"), ("surname", "Eve"), ("country", "GB")]).await;
        } else {
            run.prove(&app, NORA).await;
            let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
            assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
        }
        app.drain().await;
        let page = run.browser.get(&paths::journey_return(&run.id)).await;
        assert_eq!(page.refresh(), None, "{kind:?}");
        let mut now = app.durable().await;
        now.retain(|row| !row.starts_with("accounts"));
        assert_eq!(now, before.into_iter().filter(|row| !row.starts_with("accounts")).collect::<Vec<_>>(), "{kind:?}");
        assert!(!run.browser.jar.contains_key("__Host-sso"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_substitution_refused_for_a_flow_that_is_not_linked() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let weak = weak_flow(&app, &clinic, FlowType::SignUpSignIn, false).await;
    let mut browser = app.browser();
    let page = browser.get(&authorize(&clinic, &weak, &[])).await;
    let back = page.location().unwrap_or_default();
    assert!(page.status == 400 || back.contains("error=unauthorized_client"), "{} {back}", page.status);
    assert!(!back.contains("code=") && !back.starts_with("/journey"), "{back}");
    // Nor another tenant's flow: there the application does not exist.
    let mut other = clinic.clone();
    other.tenant = app.world.plain.tenant.clone();
    assert_eq!(browser.get(&authorize(&other, &app.world.plain.flow, &[])).await.status, 400);
    assert_eq!(app.count("journeys").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_substitution_refused_at_the_token_endpoint() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let weak = weak_flow(&app, &clinic, FlowType::SignUpSignIn, true).await;
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    let code = run.code().await;
    let answer = redeem(&mut run.browser, &clinic, &weak, &code, &[]).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(app.count("refresh_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applications_own_minimum_decides() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // The same weak flows, but an application that always wants a second factor.
    let mut strict = world::application(&app.app, &clinic.tenant, "Strict app", ApplicationKind::SinglePage);
    strict.minimum = Minimum::Mfa;
    let (made, flow) = (strict.clone(), clinic.flow.id);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_application(&made).await?;
                tx.link_flow(made.tenant, made.id, flow).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let mut with_strict = clinic.clone();
    with_strict.application = strict;
    let page = app.browser().get(&authorize(&with_strict, &clinic.flow, &[])).await;
    assert_eq!(page.status, 400, "{}", page.text());
    // And a session of the flow without a second factor opens nothing there.
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    let page = run.browser.get(&authorize(&with_strict, &clinic.flow, &[("prompt", "none")])).await;
    assert!(page.location().is_none_or(|back| !back.contains("code=")));
    assert_eq!(app.count("grants").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn n23_toggle_ends_silent_sign_in_and_refresh_below_the_new_level() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, tokens) = with_tokens(&app, &clinic).await;
    let token = tokens["refresh_token"].as_str().unwrap().to_owned();
    // Before: silent sign-in and refresh work.
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(back.contains("code="), "{back}");
    let renewed = refresh(&mut run.browser, &clinic, &clinic.flow, &token).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let token = renewed.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();

    toggle(&app, &clinic.flow, Enforcement::AlwaysOn).await;
    let before = app.rows(&["grants", "refresh_tokens", "sessions"]).await;
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(back.contains("error=interaction_required") || back.contains("error=login_required"), "{back}");
    assert!(back.contains("AADB2C90077") && !back.contains("code="), "{back}");
    let refused = refresh(&mut run.browser, &clinic, &clinic.flow, &token).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json::<serde_json::Value>()["error"], "invalid_grant");
    assert_eq!(app.rows(&["grants", "refresh_tokens", "sessions"]).await, before);
    // The browser with the old session has to go through the flow: the session is not enough.
    let mut again = Run::at(run.browser.clone(), &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
    let view = again.view().await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let answer = again.browser.get(&paths::journey_return(&again.id)).await;
    assert_eq!(answer.refresh(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn toggle_during_a_journey_takes_the_stricter_of_both() {
    for via in Via::BOTH {
        // Switched on while the person types the password.
        let app = TestApp::new().await;
        let clinic = app.world.plain.clone();
        let mut run = Run::begin(&app, &clinic, via).await;
        toggle(&app, &clinic.flow, Enforcement::AlwaysOn).await;
        let view = run.sign_in(NORA, PASSWORD).await;
        assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(app.rows(&["sessions", "grants"]).await, Vec::<String>::new());
        app.drain().await;

        // Switched off in the meantime: the journey keeps what it began with.
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut run = Run::begin(&app, &clinic, via).await;
        toggle(&app, &clinic.flow, Enforcement::Off).await;
        let view = run.sign_in(MARIA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
        app.drain().await;
    }
}

// What stands around journeys is kept at hand: a change must show whoever makes it.
#[tokio::test(flavor = "multi_thread")]
async fn toggle_by_another_server_acts_at_the_next_request() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let other = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
        let clinic = app.world.plain.clone();
        // Read, and kept.
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        assert!(matches!(run.view().await.stage, StageView::SignIn { .. }));
        toggle_by(&other, &clinic.flow, Enforcement::AlwaysOn, app.now()).await;
        let view = run.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
        assert_eq!(app.count("sessions").await, 0);
        app.drain().await;
        // And back.
        toggle_by(&other, &clinic.flow, Enforcement::Off, app.now()).await;
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn toggle_between_completion_and_the_way_back_issues_no_code() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
    toggle(&app, &clinic.flow, Enforcement::AlwaysOn).await;
    let page = run.browser.get(&paths::journey_return(&run.id)).await;
    let code = page.refresh().and_then(|back| parameter(&back, "code"));
    assert_eq!(code, None, "the code is below the level that is demanded now");
    assert_eq!(app.count("grants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_tenant_opens_nothing_in_another() {
    let app = TestApp::new().await;
    let (mfa, plain) = (app.world.mfa.clone(), app.world.plain.clone());
    let mut run = Run::begin(&app, &mfa, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    run.code().await;
    let back = run.browser.get(&authorize(&plain, &plain.flow, &[("prompt", "none")])).await.location().unwrap();
    assert!(back.starts_with(REPLY) && back.contains("error="), "{back}");
    let again = run.browser.get(&authorize(&mfa, &mfa.flow, &[("prompt", "none")])).await.location().unwrap();
    assert!(again.contains("code="), "its own tenant's does: {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_flow_never_signs_staff_in_nor_yields_a_console() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let view = run.sign_in(world::SAM, PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "staff are no patients: {view:?}");
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    run.code().await;
    assert!(!run.browser.jar.contains_key("__Host-console"));
    // Her single sign-on secret, given as the console's cookie, opens neither console.
    let stolen = run.browser.jar["__Host-sso"].clone();
    run.browser.jar.insert("__Host-console".into(), stolen);
    for path in [
        paths::clinic(clinic.tenant.domain.as_str()),
        paths::account(clinic.tenant.domain.as_str()),
        paths::PORTAL.to_owned(),
    ] {
        let page = run.browser.get(&path).await;
        assert!(page.status.is_redirection() || page.status == 404, "{path}: {}", page.status);
    }
}
