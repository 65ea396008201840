//! The level that a request asks for: it raises what the flow demands, and never lowers it.

use lanyard_app::api::journey::StageView;

use super::*;
use crate::support::world::{MARIA, PHONE};

const ESSENTIAL: &str = r#"{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_claims_acr_essential_and_acr_values_raise_the_demand() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    for wish in [("acr_values", "aal2"), ("claims", ESSENTIAL)] {
        // A session of one factor does not satisfy, silently or not.
        let (mut run, _) = signed_in(&app, &clinic, &[]).await;
        let before = app.rows(&["grants"]).await;
        let silent = authorize(&clinic, &clinic.flow, &[wish, ("prompt", "none")]);
        assert_eq!(refused(&run.browser.get(&silent).await, &clinic).0, "interaction_required");
        let address = authorize(&clinic, &clinic.flow, &[wish]);
        let mut again = Run::at(run.browser, &address, Via::Form).await;
        // Nora has no factor: she proves her address first, and sets one up.
        assert!(matches!(again.sign_in(NORA, PASSWORD).await.stage, StageView::ConfirmEmail(_)), "{wish:?}");
        assert_eq!(app.rows(&["grants"]).await, before, "no code below the level");
        // Maria has one.
        let mut maria = Run::at(app.browser(), &address, Via::Form).await;
        maria.sign_in_with_phone(&app, MARIA, PHONE).await;
        let back = maria.back().await;
        assert_eq!(id_token(&tokens(&mut maria, &clinic, &back).await)["acr"], "aal2", "{wish:?}");
        // And her session is good enough now.
        let back = maria.browser.get(&silent).await.location().unwrap();
        assert!(parameter(&back, "code").is_some(), "{back}");
        app.advance(60_000);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acr_values_never_lower_what_the_flow_demands() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let lower = r#"{"id_token":{"acr":{"essential":true,"value":"aal1"}}}"#;
    for wish in [("acr_values", "aal1"), ("claims", lower)] {
        let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[wish]), Via::Form).await;
        let view = run.sign_in(MARIA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{wish:?}: {view:?}");
        assert_eq!(app.rows(&["grants", "sessions"]).await, Vec::<String>::new());
        app.advance(60_000);
        app.drain().await;
    }
}
