//! No order of requests leads past a demand: failures 1 to 4, 6 and 7, A8, A47.

use lanyard_app::{
    api::journey::{ProblemCode, StageView},
    paths,
};
use lanyard_domain::clock::{MINUTE, SECOND};

use crate::support::{
    PASSWORD, Run, TestApp, Via,
    journey::{authorize, redeem},
    problem,
    world::{MARIA, NORA, PHONE, SEED, TINA, totp},
};

/// Every event that a form can send.
pub(crate) const EVENTS: [&str; 16] = [
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
    "keep-recovery-codes",
    "cancel",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_signs_up_with_a_second_factor_and_the_application_gets_tokens() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    for (via, email, phone) in
        [(Via::Form, "ada@new.example", "+12065550181"), (Via::Json, "bea@new.example", "+12065550182")]
    {
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

// Fields that make every event well-formed, so that only the order can be wrong.
fn plausible(event: &str) -> Vec<(&'static str, &'static str)> {
    match event {
        "sign-in" => vec![("email", NORA), ("password", "a wrong password")],
        "request-code" => vec![("email", "else@new.example")],
        "submit-code" | "submit-app-code" => vec![("code", "000000"), ("name", "Phone")],
        "submit-details" => {
            vec![("password", "plum otter 94 ladder"), ("givenName", "A"), ("surname", "B"), ("country", "GB")]
        }
        "submit-new-password" => vec![("password", "plum otter 94 ladder")],
        "choose-method" => vec![("method", "authenticator_app")],
        "enter-phone" => vec![("phone", "+12065550199"), ("country", "US"), ("method", "text_message")],
        "submit-profile" => vec![("givenName", "Eve"), ("surname", "Eve"), ("country", "GB")],
        _ => vec![],
    }
}

/// The places where a journey waits for its second factor or for a proof.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    Start,
    SignUpCode,
    Details,
    ChooseMethod,
    EnrolPhoneCode,
    EnrolApp,
    ResetCode,
    ConfirmEmail,
    ChallengePhone,
    ChallengeApp,
}

impl Waiting {
    const ALL: [Self; 10] = [
        Self::Start,
        Self::SignUpCode,
        Self::Details,
        Self::ChooseMethod,
        Self::EnrolPhoneCode,
        Self::EnrolApp,
        Self::ResetCode,
        Self::ConfirmEmail,
        Self::ChallengePhone,
        Self::ChallengeApp,
    ];

    async fn reach(self, app: &TestApp, via: Via) -> Run {
        let clinic = &app.world.mfa;
        let mut run = Run::begin(app, clinic, via).await;
        let new = "new@new.example";
        match self {
            Self::Start => {}
            Self::SignUpCode => {
                run.act("go-sign-up", &[]).await;
                run.act("request-code", &[("email", new)]).await;
            }
            Self::Details => {
                run.act("go-sign-up", &[]).await;
                run.prove(app, new).await;
            }
            Self::ChooseMethod | Self::EnrolPhoneCode | Self::EnrolApp => {
                run.sign_up(app, new, PASSWORD).await;
                match self {
                    Self::EnrolPhoneCode => {
                        run.act("choose-method", &[("method", "text_message")]).await;
                        let fields = [("phone", "+12065550190"), ("country", "US"), ("method", "text_message")];
                        run.act("enter-phone", &fields).await;
                    }
                    Self::EnrolApp => {
                        run.act("choose-method", &[("method", "authenticator_app")]).await;
                    }
                    _ => {}
                }
            }
            Self::ResetCode => {
                run.act("go-forgot-password", &[]).await;
                run.act("request-code", &[("email", MARIA)]).await;
            }
            Self::ConfirmEmail => {
                run.sign_in(NORA, PASSWORD).await;
            }
            Self::ChallengePhone => {
                run.sign_in(MARIA, PASSWORD).await;
            }
            Self::ChallengeApp => {
                run.sign_in(TINA, PASSWORD).await;
            }
        }
        app.drain().await;
        // The window of sends must not decide any of these tests.
        app.advance(16 * MINUTE);
        run
    }
}

// Neither a way back, nor a session, nor a code, nor silence about it at the silent door.
async fn assert_nothing_won(app: &TestApp, run: &mut Run, what: &str) {
    let answer = run.browser.get(&paths::journey_return(&run.id)).await;
    let back = answer.refresh().unwrap_or_default();
    assert!(!back.contains("code="), "{what}: {back}");
    assert!(!run.browser.jar.contains_key("__Host-sso"), "{what}: a session cookie");
    let silent = authorize(&app.world.mfa, &app.world.mfa.flow, &[("prompt", "none")]);
    let answer = run.browser.get(&silent).await;
    let back = answer.location().unwrap();
    assert!(back.contains("error=") && !back.contains("code="), "{what}: {back}");
    assert_eq!(app.rows(&["sessions", "grants", "refresh_tokens"]).await, Vec::<String>::new(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a47_no_event_out_of_step_reaches_a_code_or_a_session() {
    for via in Via::BOTH {
        let mut app = TestApp::new().await;
        app.leave_messages();
        let before = app.durable().await;
        for waiting in Waiting::ALL {
            let mut run = waiting.reach(&app, via).await;
            for event in EVENTS {
                let view = run.act(event, &plausible(event)).await;
                let what = format!("{waiting:?}, {event} by {via:?}");
                if matches!(view.stage, StageView::Done { .. }) {
                    assert_eq!(event, "cancel", "{what}");
                }
            }
            assert_nothing_won(&app, &mut run, &format!("{waiting:?} by {via:?}")).await;
        }
        let mut after = app.durable().await;
        // Wrong codes are counted at the factor; nothing else may differ.
        after.retain(|row| !row.starts_with("factors"));
        let mut before = before;
        before.retain(|row| !row.starts_with("factors"));
        assert_eq!(after, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_an_empty_post_fails_at_every_stage() {
    for via in Via::BOTH {
        let mut app = TestApp::new().await;
        app.leave_messages();
        let before = app.durable().await;
        for waiting in Waiting::ALL {
            let mut run = waiting.reach(&app, via).await;
            let stage = run.stage().await;
            for event in
                ["sign-in", "request-code", "submit-code", "submit-app-code", "submit-details", "submit-new-password"]
            {
                let view = run.act(event, &[]).await;
                assert!(!view.problems.is_empty(), "{waiting:?} {event}: nothing is said");
                assert_eq!(std::mem::discriminant(&view.stage), std::mem::discriminant(&stage), "{waiting:?} {event}");
            }
            // Without even a token: refused before anything is read.
            let answer = run.post("sign-in", "", &[]).await;
            assert_eq!(answer.status, 403, "{waiting:?}");
            assert_nothing_won(&app, &mut run, &format!("{waiting:?}")).await;
        }
        assert_eq!(app.durable().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_new_password_needs_the_code_of_this_very_journey() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let before = app.durable().await;
    // A code that this address got for something else, in another journey, is worth nothing here.
    let mut other = Run::begin(&app, &clinic, Via::Form).await;
    other.act("go-forgot-password", &[]).await;
    other.act("request-code", &[("email", MARIA)]).await;
    let code_of_other = app.code(MARIA).await;

    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    for _ in 0..2 {
        let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder"), ("email", MARIA)]).await;
        assert_eq!(problem(&view, ""), Some(&ProblemCode::OutOfStep));
        app.advance(31 * SECOND);
        run.act("request-code", &[("email", MARIA)]).await;
    }
    let own = app.code(MARIA).await;
    if own != code_of_other {
        let view = run.act("submit-code", &[("code", &code_of_other)]).await;
        assert!(matches!(problem(&view, "code"), Some(ProblemCode::CodeWrong { .. })), "{view:?}");
    }
    assert_eq!(app.durable().await, before);
    let mut again = Run::begin(&app, &clinic, Via::Form).await;
    let view = again.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "the old password still holds");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_reset_by_email_alone_does_not_get_past_the_second_factor() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let before = app.durable().await;
    for address in [authorize(&clinic, &clinic.flow, &[]), authorize(&clinic, &clinic.reset, &[])] {
        app.advance(16 * MINUTE);
        let mut run = Run::at(app.browser(), &address, Via::Form).await;
        if address.contains("susi") {
            run.act("go-forgot-password", &[]).await;
        }
        let view = run.prove(&app, MARIA).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
        let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
        assert_eq!(problem(&view, ""), Some(&ProblemCode::OutOfStep));
        app.drain().await;
        assert_eq!(app.durable().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_restart_does_not_skip_forced_enrolment() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let before = app.durable().await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_up(&app, "ada@new.example", PASSWORD).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }));
        // Away from the page and in again, in the same browser and in another one.
        let browsers = [run.browser.clone(), app.browser()];
        for browser in browsers {
            let mut again = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), via).await;
            let view = again.sign_in("ada@new.example", PASSWORD).await;
            assert_eq!(problem(&view, "email"), Some(&ProblemCode::WrongCredentials), "no account before its factor");
            assert_nothing_won(&app, &mut again, "restart").await;
        }
        assert_eq!(app.durable().await, before);
        // An account that has no factor yet is led back to the very same demand, every time.
        for _ in 0..2 {
            app.advance(16 * MINUTE);
            let mut again = Run::begin(&app, &clinic, via).await;
            let view = again.sign_in(NORA, PASSWORD).await;
            assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
            let code = app.code(NORA).await;
            let view = again.act("submit-code", &[("code", &code)]).await;
            assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
            assert_nothing_won(&app, &mut again, "before enrolment").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_a_right_app_code_does_not_make_up_for_a_wrong_password() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let before = app.rows(&["sessions", "grants", "factors"]).await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        let code = totp(SEED, app.now());
        let view = run.act("sign-in", &[("email", TINA), ("password", "a wrong password"), ("code", &code)]).await;
        assert_eq!(problem(&view, "email"), Some(&ProblemCode::WrongCredentials));
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::SignIn { .. }));
        assert_eq!(app.rows(&["sessions", "grants", "factors"]).await, before);
        // The code was not used up: with the right password it signs in.
        run.sign_in(TINA, PASSWORD).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_f7_a_session_and_a_code_exist_only_after_the_second_factor() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut run = Run::begin(&app, &clinic, via).await;
        run.sign_in(MARIA, PASSWORD).await;
        assert_nothing_won(&app, &mut run, "password alone").await;
        let code = app.code(PHONE).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!((app.count("sessions").await, app.count("grants").await), (1, 0));
        run.code().await;
        assert_eq!(app.count("grants").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a47_a_second_tab_cannot_carry_a_journey_past_its_demand() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut first = Run::begin(&app, &clinic, Via::Form).await;
    // The same browser, two journeys: each asks for its own proof.
    let mut second = Run::at(first.browser.clone(), &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
    first.sign_in(MARIA, PASSWORD).await;
    second.sign_in(TINA, PASSWORD).await;
    let code = app.code(PHONE).await;
    let view = second.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "Maria's code is not Tina's");
    assert_nothing_won(&app, &mut second, "second tab").await;
    // A form of one journey, sent to the other: its token does not fit.
    let csrf = first.view().await.csrf;
    let answer = second.post("submit-code", &csrf, &[("code", &code)]).await;
    assert_eq!(answer.status, 403);
}
