//! Codes sent out of band: N11, N12, A13, failures 10, 13, 15, 16, U14.

use lanyard_app::api::journey::{ProblemCode, StageView};
use lanyard_domain::clock::{MINUTE, SECOND};

use crate::support::{
    PASSWORD, Run, TestApp, Via, problem,
    world::{MARIA, PHONE},
};

const ADA: &str = "ada@new.example";

// A journey of sign-up that waits for its code, and the code.
async fn waiting(app: &TestApp, via: Via) -> (Run, String) {
    let mut run = Run::begin(app, &app.world.mfa, via).await;
    run.act("go-sign-up", &[]).await;
    run.act("request-code", &[("email", ADA)]).await;
    let code = app.code(ADA).await;
    (run, code)
}

fn other(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_a_code_dies_after_ten_minutes() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let (mut run, code) = waiting(&app, via).await;
        app.advance(10 * MINUTE - SECOND);
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Details { .. }), "9:59: {view:?}");

        app.advance(16 * MINUTE);
        let (mut run, code) = waiting(&app, via).await;
        app.advance(10 * MINUTE + SECOND);
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert_eq!(problem(&view, "code"), Some(&ProblemCode::CodeExpired), "10:01");
        assert!(matches!(view.stage, StageView::SignUpCode(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_f14_a_text_message_code_dies_after_ten_minutes() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
    run.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    app.advance(10 * MINUTE + SECOND);
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert_eq!(problem(&view, "code"), Some(&ProblemCode::CodeExpired));
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_codes_have_six_digits_and_differ() {
    let app = TestApp::new().await;
    let mut codes = Vec::new();
    for n in 0..6 {
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        run.act("go-sign-up", &[]).await;
        let email = format!("ada{n}@new.example");
        run.act("request-code", &[("email", &email)]).await;
        codes.push(app.code(&email).await);
    }
    assert!(codes.iter().all(|code| code.len() == 6));
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() >= 5, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_a_code_works_once() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let (mut run, code) = waiting(&app, via).await;
        run.act("submit-code", &[("code", &code)]).await;
        // Back at the beginning, the same address again: the used code does not prove it again.
        run.act("go-sign-in", &[]).await;
        let mut view = run.view().await;
        if matches!(view.stage, StageView::Details { .. }) {
            view = run.act("back", &[]).await;
        }
        if matches!(view.stage, StageView::SignIn { .. }) {
            run.act("go-sign-up", &[]).await;
            app.advance(31 * SECOND);
            run.act("request-code", &[("email", ADA)]).await;
            let view = run.act("submit-code", &[("code", &code)]).await;
            assert!(!matches!(view.stage, StageView::Details { .. }), "{view:?}");
            assert_eq!(problem(&view, "code"), Some(&ProblemCode::CodeUsed));
            app.drain().await;
        } else {
            // The stage cannot be left backwards: then the code has no place to be used again.
            let view = run.act("submit-code", &[("code", &code)]).await;
            assert_eq!(problem(&view, ""), Some(&ProblemCode::OutOfStep), "{view:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_a_code_of_the_challenge_works_once() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    run.act("submit-code", &[("code", &code)]).await;
    // Another journey of the same person.
    app.advance(31 * SECOND);
    let mut again = Run::begin(&app, &app.world.mfa, Via::Form).await;
    again.sign_in(MARIA, PASSWORD).await;
    let fresh = app.code(PHONE).await;
    if fresh != code {
        let view = again.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(problem(&view, "code"), Some(ProblemCode::CodeWrong { .. })), "{view:?}");
    }
    assert_eq!(app.count("sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_five_wrong_tries_lock_the_code_and_the_right_one_with_it() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let (mut run, code) = waiting(&app, via).await;
        let wrong = other(&code);
        for left in [4, 3, 2, 1] {
            let view = run.act("submit-code", &[("code", &wrong)]).await;
            assert_eq!(problem(&view, "code"), Some(&ProblemCode::CodeWrong { tries_left: left }));
        }
        let view = run.act("submit-code", &[("code", &wrong)]).await;
        assert!(matches!(problem(&view, "code"), Some(ProblemCode::CodeLocked { .. })), "{view:?}");
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(problem(&view, "code"), Some(ProblemCode::CodeLocked { .. })), "the right one: {view:?}");
        assert!(matches!(view.stage, StageView::SignUpCode(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_a_new_code_does_not_reset_the_counter() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let (mut run, code) = waiting(&app, via).await;
        for _ in 0..3 {
            run.act("submit-code", &[("code", &other(&code))]).await;
        }
        app.advance(31 * SECOND);
        run.act("resend", &[]).await;
        let new = app.code(ADA).await;
        // Not by a resend, and not by asking for the same address again either.
        run.act("back", &[]).await;
        run.act("request-code", &[("email", ADA)]).await;
        app.drain().await;
        let wrong = if other(&code) == new { other(&new) } else { other(&code) };
        let view = run.act("submit-code", &[("code", &wrong)]).await;
        assert_eq!(problem(&view, "code"), Some(&ProblemCode::CodeWrong { tries_left: 1 }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_code_never_appears_in_an_answer() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        run.sign_in(MARIA, PASSWORD).await;
        let text = app.code(PHONE).await;
        app.advance(31 * SECOND);
        run.act("resend", &[]).await;
        let again = app.code(PHONE).await;
        // Neither while it waits, nor beside a wrong one, nor once it was used.
        run.act("submit-code", &[("code", "12345")]).await;
        run.act("submit-code", &[("code", &again)]).await;
        run.page().await;
        let (mut new, mail) = waiting(&app, via).await;
        new.act("submit-code", &[("code", &mail)]).await;
        let answers = app.bodies.lock().unwrap().clone();
        assert!(answers.len() >= 12, "{}", answers.len());
        for code in [text, again, mail] {
            let shown = answers.iter().find(|(_, body)| body.contains(&code));
            assert!(shown.is_none(), "{code}: {shown:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_f16_no_field_and_no_header_alters_what_is_counted() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let email = "maria@patients.example";
    for n in 0u8..5 {
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        run.browser.extra = vec![
            ("x-forwarded-for", format!("198.51.100.{n}")),
            ("x-real-ip", format!("198.51.100.{n}")),
            ("forwarded", format!("for=198.51.100.{n}")),
            ("user-agent", format!("browser {n}")),
        ];
        let typed = format!(" {}{} ", "MARIA", "@Patients.example");
        let spelled = if n % 2 == 0 { typed.as_str() } else { email };
        let (ip, user) = (format!("10.0.0.{n}"), format!("user{n}"));
        let fields = [
            ("email", spelled),
            ("password", "a wrong password"),
            ("ip", &ip),
            ("username", &user),
            ("throttle_key", &user),
        ];
        let view = run.act("sign-in", &fields).await;
        assert_eq!(problem(&view, "email"), Some(&ProblemCode::WrongCredentials), "try {n}");
    }
    let before = app.durable().await;
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.browser.extra = vec![("x-forwarded-for", "192.0.2.99".into())];
    let view = run.sign_in(email, PASSWORD).await;
    assert!(matches!(problem(&view, ""), Some(ProblemCode::SignInLocked { .. })), "{view:?}");
    assert_eq!(app.durable().await, before);
    // Failure 18: the owner elsewhere is not locked out by it.
    let mut owner = Run::begin(&app, &clinic, Via::Form).await;
    owner.browser = owner.browser.at_ip([198, 51, 100, 200]);
    let view = owner.sign_in(email, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_no_field_leads_a_code_elsewhere() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
    let fields = [
        ("email", MARIA),
        ("password", PASSWORD),
        ("phone", "+12065550177"),
        ("number", "+12065550177"),
        ("to", "+12065550177"),
    ];
    run.act("sign-in", &fields).await;
    app.advance(31 * SECOND);
    run.act("resend", &[("phone", "+12065550177"), ("to", "eve@evil.example")]).await;
    app.drain().await;
    assert_eq!(app.inbox.list(None).len(), 2);
    assert_eq!(app.inbox.list(Some(PHONE)).len(), 2, "both went to the bound number");
}

#[tokio::test(flavor = "multi_thread")]
async fn u13_sends_are_limited_per_destination_whatever_the_journey() {
    let app = TestApp::new().await;
    for n in 0..5 {
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        run.act("go-sign-up", &[]).await;
        let view = run.act("request-code", &[("email", ADA)]).await;
        assert!(view.problems.is_empty(), "{n}: {view:?}");
    }
    let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
    run.act("go-sign-up", &[]).await;
    let view = run.act("request-code", &[("email", ADA)]).await;
    assert!(view.problems.iter().any(|p| matches!(p.code, ProblemCode::TooManySends { .. })), "{view:?}");
    assert_eq!(app.messages(ADA).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn u14_every_mistake_with_a_code_has_its_own_words() {
    let app = TestApp::new().await;
    let (mut run, code) = waiting(&app, Via::Form).await;
    let mut said = Vec::new();
    for typed in ["", "12345", "1234567", "abcdef", &other(&code)] {
        let view = run.act("submit-code", &[("code", typed)]).await;
        said.push(format!("{:?}", problem(&view, "code").unwrap()));
        let page = run.page().await;
        assert!(page.says("aria-invalid=\"true\"") || page.says("error"), "{}", page.text());
    }
    assert_eq!(said, ["CodeMissing", "CodeLength", "CodeLength", "CodeLength", "CodeWrong { tries_left: 4 }"]);
    // Spaces and dashes of a copier are no mistake (U4).
    let spaced = format!(" {}-{} ", &code[..3], &code[3..]);
    let view = run.act("submit-code", &[("code", &spaced)]).await;
    assert!(matches!(view.stage, StageView::Details { .. }), "{view:?}");
}
