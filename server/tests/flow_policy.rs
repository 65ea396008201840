//! The second-factor policy of a flow, over HTTP: how it is set in the portal, and what it does to the
//! next sign-in.

use axum::http::StatusCode;
use lanyard_app::api::journey::StageView;
use lanyard_domain::{
    assurance::Assurance,
    audit::Action,
    user_flow::{Enforcement, FlowType, UserFlow},
};
use lanyard_storage::StorageError;

use crate::{
    factors::base32,
    portal::{RIVERSIDE, boss, save},
    support::{
        Clinic, Options, PASSWORD, Run, TestApp, Via,
        journey::{authorize, redeem, refresh},
        world::{self, MARIA, PHONE, SEED, TINA, totp},
    },
};

fn flow_path(flow: &UserFlow) -> String {
    format!("{RIVERSIDE}/flows/{}", flow.name.key())
}

async fn flow_of(app: &TestApp, flow: &UserFlow) -> UserFlow {
    let (tenant, id) = (flow.tenant, flow.id);
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.flow_by_id(tenant, id).await })).await;
    found.unwrap_or_else(|error: StorageError| panic!("{error}")).unwrap()
}

/// Sets up an authenticator app where the page offers it.
async fn enrol_app(app: &TestApp, run: &mut Run) -> StageView {
    let view = run.act("choose-method", &[("method", "authenticator_app")]).await;
    let StageView::EnrolApp { secret, .. } = view.stage else { panic!("{view:?}") };
    let text: String = secret.chars().filter(|c| !c.is_whitespace()).collect();
    let code = totp(base32(&text).try_into().unwrap(), app.now());
    run.act("submit-app-code", &[("code", &code), ("name", "My phone")]).await.stage
}

#[tokio::test(flavor = "multi_thread")]
async fn n14_a_minimum_set_in_the_portal_acts_at_the_next_sign_in() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        // Maria signs in with a text message, as the flow allows until now.
        let mut before = Run::begin(&app, &clinic, Via::Form).await;
        before.sign_in_with_phone(&app, MARIA, PHONE).await;
        let code = before.code().await;
        let tokens = redeem(&mut before.browser, &clinic, &clinic.flow, &code, &[]).await;
        let tokens: serde_json::Value = tokens.json();
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();

        let mut ann = boss(&app, "Ann").await;
        let path = flow_path(&clinic.flow);
        let saved = save(&mut ann, &path, &path, &[("minimum", "aal2_strict")]).await;
        assert_eq!(saved.location(), Some(format!("{path}?done=saved")), "{}", saved.text());
        assert!(ann.get(&format!("{path}?done=saved")).await.says("Minimum assurance"));
        let mfa = flow_of(&app, &clinic.flow).await.settings.mfa;
        assert_eq!(
            (mfa.minimum, mfa.enforcement, mfa.methods.len()),
            (Assurance::Aal2Strict, Enforcement::AlwaysOn, 4)
        );
        let changed = app.audit(clinic.tenant.id).await.into_iter().filter(|it| it.action == Action::FlowChanged);
        assert_eq!(changed.count(), 1);

        // N23: what she reached before is not enough any more, for a token or for a silent sign-in.
        let refused = refresh(&mut before.browser, &clinic, &clinic.flow, &token).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        let back = before.browser.get(&silent).await.location().unwrap();
        assert!(!back.contains("code="), "{back}");
        app.advance(60_000);

        // N19: the phone is asked first; then something better is set up, and nothing weaker is offered.
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "n18: by two routes: {view:?}");
        let code = app.code(MARIA).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
        assert_eq!(app.count("sessions").await, 2, "Ann's and the old one");
        let view = run.act("choose-method", &[("method", "text_message")]).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
        assert!(matches!(enrol_app(&app, &mut run).await, StageView::Done { .. }));
        // Tina has an app: nothing changes for her.
        let mut run = Run::begin(&app, &clinic, Via::Json).await;
        run.sign_in(TINA, PASSWORD).await;
        let view = run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minimum_that_no_method_reaches_is_refused_on_save() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut ann = boss(&app, "Ann").await;
    let path = flow_path(&clinic.flow);
    let staff = format!("{RIVERSIDE}/flows/staff");
    let weak = [("method-passkey", ""), ("method-authenticator_app", ""), ("minimum", "aal2_strict")];
    let no_key = [("method-passkey", ""), ("minimum", "phishing_resistant")];
    let before = app.rows(&["user_flows", "audit"]).await;
    for (page, action) in
        [(path.clone(), path.clone()), (staff.clone(), staff), (format!("{path}/mfa?to=on"), format!("{path}/mfa"))]
    {
        for changes in [&weak[..], &no_key] {
            let refused = save(&mut ann, &page, &action, changes).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{page}: {}", refused.text());
            assert!(refused.says("None of the methods you ticked is good enough."), "{}", refused.text());
        }
        let refused = save(&mut ann, &page, &action, &[("minimum", "aal9")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
}

// A second flow of the clinic's application, which takes any second factor.
async fn lax_flow(app: &TestApp, clinic: &Clinic) -> UserFlow {
    let flow = world::flow(&app.app, &clinic.tenant, "B2C_1_lax", FlowType::SignIn, Enforcement::AlwaysOn);
    let (made, application) = (flow.clone(), clinic.application.id);
    let stored = app.app.store.write(move |tx| {
        Box::pin(async move {
            tx.create_flow(&made).await?;
            tx.link_flow(made.tenant, application, made.id).await
        })
    });
    stored.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    flow
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_substitution_refused_below_the_minimum_of_another_flow() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let lax = lax_flow(&app, &clinic).await;
    assert_eq!(app.browser().get(&authorize(&clinic, &lax, &[])).await.status, 303, "as good as the other");
    let before = app.count("journeys").await;
    let mut ann = boss(&app, "Ann").await;
    let path = flow_path(&clinic.flow);
    save(&mut ann, &path, &path, &[("minimum", "phishing_resistant")]).await;
    // Both ask for a second factor; the other one would take a text message.
    let page = app.browser().get(&authorize(&clinic, &lax, &[])).await;
    assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None), "{}", page.text());
    assert_eq!(app.count("journeys").await, before);
}
