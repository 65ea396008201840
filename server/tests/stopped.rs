//! An account that an operator stops: out everywhere at once, and in again from the beginning. A19, failure 8.

use lanyard_app::api::journey::StageView;
use lanyard_server::{
    http::client::Client,
    service::portal::{By, accounts},
};

use crate::{
    oidc::tokens,
    support::{
        PASSWORD, Run, TestApp, Via,
        journey::{authorize, refresh},
        world::{MARIA, PHONE},
    },
};

fn by() -> By {
    By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "test".to_owned() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_f8_an_account_that_is_stopped_is_out_everywhere_at_once_and_begins_anew() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut inside = Run::begin(&app, &clinic, Via::Form).await;
    inside.sign_in_with_phone(&app, MARIA, PHONE).await;
    let back = inside.back().await;
    let given = tokens(&mut inside, &clinic, &back).await;
    app.advance(60_000);
    // A sign-in on its way, with its code in the hand.
    let mut open = Run::begin(&app, &clinic, Via::Form).await;
    open.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    assert!(inside.browser.get(&silent).await.location().unwrap().contains("code="), "until then she is in");

    accounts::disable(&app.app, clinic.tenant.id, clinic.maria, by()).await.unwrap();
    assert!(!inside.browser.get(&silent).await.location().unwrap().contains("code="));
    let token = given["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&mut inside.browser, &clinic, &clinic.flow, token).await.status, 400);
    // Let in again, what was begun or held before is worth nothing.
    accounts::enable(&app.app, clinic.tenant.id, (clinic.maria, None), by()).await.unwrap();
    let view = open.act("submit-code", &[("code", &code)]).await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert!(!inside.browser.get(&silent).await.location().unwrap().contains("code="));
    assert_eq!(refresh(&mut inside.browser, &clinic, &clinic.flow, token).await.status, 400);
    app.drain().await;
    app.advance(60_000);
    let mut again = Run::begin(&app, &clinic, Via::Form).await;
    assert!(matches!(again.sign_in_with_phone(&app, MARIA, PHONE).await.stage, StageView::Done { .. }));
}
