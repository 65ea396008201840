//! Second factors: N13, N14, N18 to N20, failures 9 and 11, and the first factor of an existing
//! account.

use lanyard_app::api::journey::{ProblemCode, StageView};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
};

use crate::support::{
    PASSWORD, Run, TestApp, Via, problem,
    world::{MARIA, NORA, PHONE, SEED, TINA, totp},
};

#[tokio::test(flavor = "multi_thread")]
async fn n13_f11_an_app_code_is_single_use() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let code = totp(SEED, app.now());
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        run.sign_in(TINA, PASSWORD).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let before = app.rows(&["sessions", "grants"]).await;
        // In another journey, within the same step and within the next one.
        for _ in 0..2 {
            let mut again = Run::begin(&app, &app.world.mfa, via).await;
            again.sign_in(TINA, PASSWORD).await;
            let view = again.act("submit-code", &[("code", &code)]).await;
            assert!(problem(&view, "code").is_some(), "{view:?}");
            assert!(matches!(view.stage, StageView::Challenge { .. }));
            app.advance(30 * SECOND);
        }
        assert_eq!(app.rows(&["sessions", "grants"]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n13_the_present_step_and_the_one_before_are_accepted_and_no_other() {
    for (age, good) in [(0, true), (30, true), (60, false), (-30, false)] {
        let app = TestApp::new().await;
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        run.sign_in(TINA, PASSWORD).await;
        let code = totp(SEED, app.now().minus(age * SECOND));
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert_eq!(matches!(view.stage, StageView::Done { .. }), good, "a code {age} s old: {view:?}");
        assert_eq!(app.count("sessions").await, usize::from(good));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n13_an_app_is_bound_by_a_code_and_its_key_has_160_bits() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        run.sign_up(&app, "ada@new.example", PASSWORD).await;
        let view = run.act("choose-method", &[("method", "authenticator_app")]).await;
        let StageView::EnrolApp { secret, uri, qr_svg, .. } = view.stage else { panic!("{view:?}") };
        let text: String = secret.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(text.len(), 32, "160 bits in base32");
        assert!(uri.starts_with("otpauth://totp/") && qr_svg.starts_with("<svg"));
        let seed: [u8; 20] = base32(&text).try_into().unwrap();
        let before = app.durable().await;
        let wrong = if totp(seed, app.now()) == "123456" { "123457" } else { "123456" };
        let view = run.act("submit-app-code", &[("code", wrong), ("name", "Phone")]).await;
        assert!(problem(&view, "code").is_some(), "{view:?}");
        assert_eq!(app.durable().await, before);
        let code = totp(seed, app.now());
        let view = run.act("submit-app-code", &[("code", &code), ("name", "My phone")]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        // The code that bound it is used up.
        let mut again = Run::begin(&app, &app.world.mfa, via).await;
        again.sign_in("ada@new.example", PASSWORD).await;
        let view = again.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
        // A41: the seed is nowhere in clear.
        let rows = app.rows(&["factors", "journeys", "audit"]).await.concat();
        let hex = |upper: bool| -> String {
            seed.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect()
        };
        for form in [text, hex(true), hex(false)] {
            assert!(!rows.contains(&form), "the seed is in the database");
        }
    }
}

pub(crate) fn base32(text: &str) -> Vec<u8> {
    let (mut out, mut bits, mut value) = (Vec::new(), 0u32, 0u32);
    for c in text.bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            _ => c - b'2' + 26,
        };
        value = (value << 5) | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((value >> bits) & 0xff).unwrap());
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn f9_the_counter_of_a_factor_spans_journeys() {
    for (email, method) in [(TINA, "app"), (MARIA, "phone")] {
        let app = TestApp::new().await;
        let mut tries = 0;
        let mut locked = None;
        for _ in 0..6 {
            let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
            run.sign_in(email, PASSWORD).await;
            app.drain().await;
            for _ in 0..3 {
                let view = run.act("submit-code", &[("code", "000000")]).await;
                match problem(&view, "code") {
                    Some(ProblemCode::FactorLocked { .. }) => locked = Some(tries),
                    Some(_) if locked.is_none() => tries += 1,
                    _ => {}
                }
            }
            app.advance(5 * SECOND);
        }
        let locked = locked.unwrap_or_else(|| panic!("{method}: never locked after {tries}"));
        assert!(locked <= 10, "{method}: locked after {locked}");
        // The right code does not help while it is locked, in a new journey either.
        let before = app.rows(&["sessions", "grants"]).await;
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        let view = run.sign_in(email, PASSWORD).await;
        let code = if method == "app" { totp(SEED, app.now()) } else { app.code(PHONE).await };
        let stage = view.stage;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(!matches!(view.stage, StageView::Done { .. }), "{method}: {stage:?} -> {view:?}");
        assert_eq!(app.rows(&["sessions", "grants"]).await, before);
        // It is not for ever.
        app.advance(20 * MINUTE);
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        run.sign_in(email, PASSWORD).await;
        let code = if method == "app" { totp(SEED, app.now()) } else { app.code(PHONE).await };
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{method}: {view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_no_way_to_lock_a_factor() {
    let app = TestApp::new().await;
    let factors = app.rows(&["factors"]).await;
    for n in 0..12 {
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        run.browser = run.browser.at_ip([198, 51, 100, n]);
        run.sign_in(TINA, "a wrong password").await;
        run.act("submit-code", &[("code", "000000")]).await;
    }
    assert_eq!(app.rows(&["factors"]).await, factors, "failures count only after a right first factor");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_factor_of_an_existing_account_needs_a_code_by_email_and_its_owner_is_told() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let before = app.durable().await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
        // No way around the proof.
        for (event, fields) in [
            ("choose-method", vec![("method", "text_message")]),
            ("enter-phone", vec![("phone", "+12065550166"), ("country", "US"), ("method", "text_message")]),
            ("submit-app-code", vec![("code", "000000")]),
        ] {
            let view = run.act(event, &fields).await;
            assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{event}: {view:?}");
        }
        assert_eq!(app.durable().await, before);
        let code = app.code(NORA).await;
        let mails = app.messages(NORA).await;
        run.act("submit-code", &[("code", &code)]).await;
        let view = run.enrol_phone(&app, "+12065550166").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(app.messages(NORA).await, mails + 1, "the owner is told");
        assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, 1);
        assert_eq!(app.count("sessions").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n14_a_number_is_bound_only_after_its_code_and_premium_rates_are_refused_at_the_field() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let before = app.durable().await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        run.sign_up(&app, "ada@new.example", PASSWORD).await;
        run.act("choose-method", &[("method", "text_message")]).await;
        for (phone, country, code) in [
            ("", "US", ProblemCode::PhoneMissing),
            ("12", "US", ProblemCode::PhoneInvalid),
            ("not a number", "US", ProblemCode::PhoneInvalid),
            ("+1 900 555 0123", "US", ProblemCode::PhonePremiumRate),
            ("+44 909 879 0000", "GB", ProblemCode::PhonePremiumRate),
        ] {
            let view =
                run.act("enter-phone", &[("phone", phone), ("country", country), ("method", "text_message")]).await;
            assert_eq!(problem(&view, "phone"), Some(&code), "{phone}");
        }
        let sent = app.inbox.list(None).len();
        run.act("enter-phone", &[("phone", "(206) 555-0166"), ("country", "US"), ("method", "phone_call")]).await;
        let code = app.code("+12065550166").await;
        assert_eq!(app.inbox.list(None).len(), sent + 1);
        let wrong = if code == "111111" { "111112" } else { "111111" };
        run.act("submit-code", &[("code", wrong)]).await;
        assert_eq!(app.durable().await, before, "nothing is bound by a wrong code");
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_another_factor_is_not_bound_without_the_one_that_is_there() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    for email in [MARIA, TINA] {
        let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
        run.sign_in(email, PASSWORD).await;
        for (event, fields) in [
            ("choose-method", vec![("method", "authenticator_app")]),
            ("enter-phone", vec![("phone", "+12065550166"), ("country", "US"), ("method", "text_message")]),
            ("back", vec![]),
        ] {
            let view = run.act(event, &fields).await;
            let enrolling = matches!(
                view.stage,
                StageView::EnrolApp { .. } | StageView::EnrolPhone { .. } | StageView::EnrolPhoneCode { .. }
            );
            assert!(!enrolling, "{email} {event}: {view:?}");
        }
        app.drain().await;
    }
    assert_eq!(app.durable().await, before);
}
