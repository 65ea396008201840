//! N1 to N8 and A1, through the whole server.

use lanyard_app::api::journey::{ProblemCode, StageView};
use lanyard_domain::clock::DAY;

use crate::support::{
    Clinic, PASSWORD, Run, TestApp, Via, problem,
    world::{MARIA, NORA, PHONE},
};

// A sign-up that stands before its details.
async fn details(app: &TestApp, clinic: &Clinic, via: Via, email: &str) -> Run {
    let mut run = Run::begin(app, clinic, via).await;
    run.act("go-sign-up", &[]).await;
    run.prove(app, email).await;
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_fourteen_characters_are_too_few_for_a_single_factor_and_fifteen_enough() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let before = app.durable().await;
        let mut run = details(&app, &app.world.plain, via, "ada@new.example").await;
        let view = run.details("qvxkzjwmbphfrt", &[]).await;
        assert_eq!(problem(&view, "password"), Some(&ProblemCode::PasswordTooShort { min: 15 }));
        assert_eq!(app.durable().await, before);
        let view = run.details("qvxkzjwmbphfrtl", &[]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_seven_characters_are_too_few_with_a_second_factor_and_eight_enough() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let before = app.durable().await;
        let mut run = details(&app, &app.world.mfa, via, "ada@new.example").await;
        let view = run.details("qvxkzjw", &[]).await;
        assert_eq!(problem(&view, "password"), Some(&ProblemCode::PasswordTooShort { min: 8 }));
        assert_eq!(app.durable().await, before);
        let view = run.details("qvxkzjwm", &[]).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_long_passwords_count_to_their_last_character() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    for length in [64usize, 128] {
        let email = format!("long{length}@new.example");
        let mut state = 17usize;
        let mut letter = || {
            state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
            char::from(b'a' + u8::try_from((state >> 16) % 26).unwrap())
        };
        let password: String = (0..length).map(|_| letter()).collect();
        let mut run = details(&app, &plain, Via::Form, &email).await;
        assert!(matches!(run.details(&password, &[]).await.stage, StageView::Done { .. }), "{length}");
        let mut wrong = password.clone();
        wrong.pop();
        let mut run = Run::begin(&app, &plain, Via::Form).await;
        for attempt in [wrong.clone(), format!("{wrong}!")] {
            let view = run.sign_in(&email, &attempt).await;
            assert_eq!(problem(&view, "email"), Some(&ProblemCode::WrongCredentials), "{length}: the last one matters");
        }
        assert!(matches!(run.sign_in(&email, &password).await.stage, StageView::Done { .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_more_than_a_kilobyte_is_refused_before_hashing() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    let mut run = details(&app, &app.world.plain, Via::Form, "ada@new.example").await;
    let hashes = app.app.passwords.hashes_done();
    let long = "plum otter 93 ladder ".repeat(60);
    let view = run.details(&long, &[]).await;
    assert_eq!(problem(&view, "password"), Some(&ProblemCode::PasswordTooLong));
    run.act("go-sign-in", &[]).await;
    let mut other = Run::begin(&app, &app.world.plain, Via::Json).await;
    let view = other.sign_in(NORA, &long).await;
    assert_eq!(problem(&view, "password"), Some(&ProblemCode::PasswordTooLong));
    let csrf = other.view().await.csrf;
    let huge = "x".repeat(1024 * 1024);
    for via in Via::BOTH {
        other.via = via;
        let answer = other.post("sign-in", &csrf, &[("email", NORA), ("password", &huge)]).await;
        assert!(answer.status == 413 || answer.status == 400, "{}", answer.status);
    }
    assert_eq!(app.app.passwords.hashes_done(), hashes, "nothing was hashed");
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n3_fifteen_emoji_count_as_fifteen_and_both_normal_forms_sign_in() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let emoji = "🦊🐙🌵🎈🚲🧩🪁🥕🛶🎺🧭🍋🦉🪴🧊";
    assert_eq!(emoji.chars().count(), 15);
    let mut run = details(&app, &plain, Via::Form, "ada@new.example").await;
    let short: String = emoji.chars().take(14).collect();
    let view = run.details(&short, &[]).await;
    assert_eq!(problem(&view, "password"), Some(&ProblemCode::PasswordTooShort { min: 15 }));
    assert!(matches!(run.details(emoji, &[]).await.stage, StageView::Done { .. }));

    // "é" as one character and as "e" with an accent that follows.
    let (composed, decomposed) = ("caf\u{e9} otter 93 ladder", "cafe\u{301} otter 93 ladder");
    let mut run = details(&app, &plain, Via::Json, "bea@new.example").await;
    assert!(matches!(run.details(composed, &[]).await.stage, StageView::Done { .. }));
    for form in [composed, decomposed] {
        let mut run = Run::begin(&app, &plain, Via::Form).await;
        assert!(matches!(run.sign_in("bea@new.example", form).await.stage, StageView::Done { .. }), "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n4_there_are_no_rules_of_composition() {
    let app = TestApp::new().await;
    for (n, password) in
        ["horsebatterypluma", "               x                ", "837465920174658", "ÄÖÜ äöü ÄÖÜ ßß qx"]
            .iter()
            .enumerate()
    {
        let mut run = details(&app, &app.world.plain, Via::Form, &format!("ada{n}@new.example")).await;
        let view = run.details(password, &[]).await;
        if n == 1 {
            // Nothing but blanks around one letter is a pattern, not a matter of composition.
            continue;
        }
        assert!(matches!(view.stage, StageView::Done { .. }), "{password:?}: {view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n5_passwords_do_not_expire() {
    let app = TestApp::new().await;
    app.advance(400 * DAY);
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn n6_common_passwords_are_refused_on_set_and_on_change_with_the_reason() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let before = app.durable().await;
        let mfa = app.world.mfa.clone();
        let mut run = details(&app, &mfa, via, "ada@new.example").await;
        for (password, code) in [
            ("password", ProblemCode::PasswordCommon),
            ("PassWord", ProblemCode::PasswordCommon),
            ("iloveyou", ProblemCode::PasswordCommon),
            ("aaaaaaaa", ProblemCode::PasswordPattern),
            ("abcdefghijkl", ProblemCode::PasswordPattern),
            ("riverside clinic", ProblemCode::PasswordContext),
            ("ada@new.example", ProblemCode::PasswordContext),
        ] {
            let view = run.details(password, &[]).await;
            let said = problem(&view, "password").unwrap();
            // The list itself may know a pattern.
            let listed = *said == ProblemCode::PasswordCommon && code == ProblemCode::PasswordPattern;
            assert!(*said == code || listed, "{password}: {said:?}");
            if via == Via::Form {
                assert!(run.page().await.says("password"), "the reason is on the page");
            }
        }
        // Whole password only: a common word within a longer one is no reason.
        let view = run.details("password of the otter", &[]).await;
        assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
        assert_eq!(app.durable().await, before);

        let mut run = Run::begin(&app, &mfa, via).await;
        run.act("go-forgot-password", &[]).await;
        run.prove(&app, MARIA).await;
        let code = app.code(PHONE).await;
        run.act("submit-code", &[("code", &code)]).await;
        let before = app.rows(&["accounts"]).await;
        let view = run.act("submit-new-password", &[("password", "password")]).await;
        assert_eq!(problem(&view, "password"), Some(&ProblemCode::PasswordCommon), "{view:?}");
        assert_eq!(app.rows(&["accounts"]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n7_pages_have_no_hints_and_let_a_password_be_pasted() {
    let app = TestApp::new().await;
    let mut run = details(&app, &app.world.plain, Via::Form, "ada@new.example").await;
    let page = run.page().await;
    let text = page.text().to_lowercase();
    assert!(page.says("autocomplete=\"new-password\""), "{text}");
    for word in ["security question", "password hint", "onpaste", "mother's maiden"] {
        assert!(!text.contains(word), "{word}");
    }
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    let page = run.page().await;
    assert!(page.says("autocomplete=\"current-password\"") && !page.says("onpaste"));
}

#[tokio::test(flavor = "multi_thread")]
async fn n8_a36_passwords_are_stored_with_salt_algorithm_and_cost() {
    let app = TestApp::new().await;
    for email in ["ada@new.example", "bea@new.example"] {
        let mut run = details(&app, &app.world.plain, Via::Form, email).await;
        run.details("the very same otter", &[]).await;
    }
    let rows: Vec<String> =
        app.rows(&["accounts"]).await.into_iter().filter(|row| row.contains("@new.example")).collect();
    let phc = |row: &str| {
        let from = row.find("$argon2id$").unwrap_or_else(|| panic!("{row}"));
        row[from..].split('\'').next().unwrap().to_owned()
    };
    let (one, two) = (phc(&rows[0]), phc(&rows[1]));
    assert_ne!(one, two, "the same password, another salt");
    for stored in [&one, &two] {
        let parts: Vec<&str> = stored.split('$').collect();
        assert_eq!(parts[1..3], ["argon2id", "v=19"]);
        // The pepper is named, never stored.
        assert!(parts[3].starts_with("m=19456,t=2,p=1"), "{}", parts[3]);
        // 128 bits in base64: well over the 32 that N8 asks for.
        assert!(parts[4].len() >= 22, "salt {}", parts[4]);
    }
    assert!(!rows.concat().contains("the very same otter"));
}
