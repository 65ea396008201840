//! No order of requests leads past a demand: failures 1 to 4, A47, N25 within the journey, and
//! the journey's own bounds (browser, age, use).

use lanyard_app::{
    api::journey::{OverReason, ProblemCode, StageView},
    paths,
};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
};

use crate::support::{
    PASSWORD, Run, TestApp, Via,
    journey::{authorize, redeem},
    problem,
    world::{MARIA, NORA, PHONE, SEED, TINA, totp},
};

/// Every event that a form can send.
pub(crate) const EVENTS: [&str; 15] = [
    "sign-in",
    "submit-details",
    "submit-new-password",
    "go-sign-up",
    "go-sign-in",
    "go-forgot-password",
    "resend",
    "back",
    "request-code",
    "submit-code",
    "submit-app-code",
    "choose-method",
    "enter-phone",
    "submit-profile",
    "cancel",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_signs_up_with_a_second_factor_and_the_application_gets_tokens() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    for (via, email, phone) in [(Via::Form, "ada@new.example", "+12065550181"), (Via::Json, "bea@new.example", "+12065550182")] {
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_up(&app, email, PASSWORD).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
        let view = run.enrol_phone(&app, phone).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let code = run.code().await;
        let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let tokens: serde_json::Value = answer.json();
        assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string(), "{tokens}");
    }
}
