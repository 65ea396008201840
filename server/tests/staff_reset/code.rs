//! What the code does: told to the patient, used once within a day, and a new factor behind it. N15, N17, N18, N19, N20,
//! A5, A8, D7, O11, failure 8.

use lanyard_app::{
    api::journey::{Method, StageView},
    paths,
};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{DAY, MINUTE},
};

use super::{REASON, ask, audited, code_on, filled, hana, page_of, send, set_up_app, with_issued};
use crate::{
    account_factors::{factors, maria_at_home, one_more},
    account_not_me,
    support::{
        PASSWORD, Page, Run, TestApp, Via,
        app::{Options, code_in},
        journey::{authorize, redeem, refresh},
        world::{MARIA, PHONE},
    },
};

/// From the request to a new app, on the database of `options`.
pub(crate) async fn a_code_from_staff_leads_to_a_new_factor(options: Options, via: Via) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (tenant, domain) = (clinic.tenant.id, clinic.tenant.domain.as_str());
    let second = one_more(&app, clinic.maria, "+12065550177").await;
    let mut inside = maria_at_home(&app, &clinic).await;
    let (mut browser, hana) = hana(&app, &clinic).await;
    let patient = browser.get(&paths::clinic_patient(domain, &clinic.maria.to_string())).await;
    assert!(patient.says(&page_of(&clinic, clinic.maria)), "{}", patient.text());
    let (mails, texts) = (app.messages(MARIA).await, [PHONE, "+12065550177"]);
    let before = [app.messages(texts[0]).await, app.messages(texts[1]).await];

    let shown = ask(&app, &mut browser, &clinic, clinic.maria).await;
    let code = code_on(&shown);
    assert_eq!(shown.header("cache-control").unwrap(), "no-store");
    assert!(!shown.text().contains(PHONE), "o11: numbers are masked");
    // Told on every channel (N20).
    assert_eq!(app.messages(MARIA).await, mails + 1);
    let mail = app.message(MARIA).await.body;
    for said in ["Riverside", "in person with a document", "text messages to", "This wasn't me", "/not-me/"] {
        assert!(mail.contains(said), "{said}: {mail}");
    }
    for (number, before) in texts.into_iter().zip(before) {
        assert_eq!(app.messages(number).await, before + 1, "{number}");
        let text = app.message(number).await.body;
        assert!(text.contains("gave out a code") && !text.contains("http"), "{text}");
    }
    // Nothing keeps it in the clear, and no message has it.
    let rows = app.rows(&["factors", "resets", "audit", "outbox"]).await.concat();
    for form in [code.clone(), code.replace('-', "")] {
        assert!(!rows.contains(&form) && !mail.contains(&form), "{form}");
    }
    assert!(browser.get(&page_of(&clinic, clinic.maria)).await.says("A code was given out"));
    assert_eq!(audited(&app, &clinic).await, [1, 0, 0, 1]);
    assert_eq!(app.audited(tenant, Action::FactorDisabled, Outcome::Success).await, 2, "{second}");
    let log = app.audit(tenant).await;
    let issued = log.iter().find(|event| event.action == Action::ResetIssued).unwrap();
    assert_eq!((issued.actor, issued.target.clone()), (Some(hana), Some(clinic.maria.to_string())));
    assert_eq!((&issued.detail["reason"], &issued.detail["recognised"]), (&REASON.into(), &"document".into()));
    // Everybody is out.
    assert_ne!(inside.get(&paths::account(domain)).await.status, 200);

    let mut run = with_issued(&app, &clinic, via, &code).await;
    let view = run.view().await;
    assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "n18: {view:?}");
    // The mail about the use of the code came with it.
    app.drain().await;
    let digits = app.inbox.list(Some(MARIA)).iter().find_map(code_in).unwrap();
    let view = run.act("submit-code", &[("code", &digits)]).await;
    assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "no way around it: {view:?}");
    assert!(matches!(set_up_app(&app, &mut run).await, StageView::Done { .. }));
    let answer = run.code().await;
    let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &answer, &[]).await.json();
    assert!(tokens["id_token"].is_string(), "{tokens}");
    let used = app.audit(tenant).await;
    let used: Vec<_> = used.iter().filter(|event| event.action == Action::RecoveryCodeUsed).collect();
    assert_eq!((used.len(), &used[0].detail["issued"]), (1, &true.into()));
    app.drain().await;
    let told: Vec<String> = app.inbox.list(Some(MARIA)).into_iter().map(|entry| entry.body).collect();
    assert!(told.iter().any(|body| body.contains("was used for your account")), "n16: {told:?}");

    // Used up; the new app is asked for, and what was lost stays off.
    let mut again = Run::begin(&app, &clinic, via).await;
    let view = again.sign_in(MARIA, PASSWORD).await;
    let StageView::Challenge { method: Method::AuthenticatorApp, other_ways, .. } = &view.stage else {
        panic!("{view:?}")
    };
    assert!(other_ways.is_empty(), "{view:?}");
    assert_eq!(factors(&app, clinic.maria).await.len(), 4, "a8: two phones that are off, the code, the app");
}

#[tokio::test(flavor = "multi_thread")]
async fn n17_n18_n20_a_code_from_staff_leads_to_a_new_factor() {
    for via in Via::BOTH {
        a_code_from_staff_leads_to_a_new_factor(Options::default(), via).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_the_patient_reads_in_the_history_what_staff_did_and_why() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    one_more(&app, clinic.maria, "+12065550177").await;
    let (mut browser, _) = hana(&app, &clinic).await;
    let mut form = filled(&app, &mut browser, &clinic, clinic.maria).await;
    // One phone is kept: its owner signs in with that.
    let kept = factors(&app, clinic.maria).await.remove(0);
    form.retain(|(name, _)| *name != format!("lost-{kept}"));
    code_on(&send(&mut browser, &page_of(&clinic, clinic.maria), &form).await);
    app.drain().await;
    app.advance(MINUTE);
    let mut inside = maria_at_home(&app, &clinic).await;
    let page = inside.get(&paths::account_history(domain)).await;
    for said in ["Staff asked to help you sign in", "Staff gave out a code to sign in", REASON] {
        assert!(page.says(said), "{said}: {}", page.text());
    }
    assert!(!inside.get(&paths::account(domain)).await.says("1 code left"), "it is no set of the owner's");
}

#[tokio::test(flavor = "multi_thread")]
async fn n17_a8_an_issued_code_lives_a_day_and_the_account_stays_at_its_level() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut browser, _) = hana(&app, &clinic).await;
    let code = code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    app.drain().await;
    app.advance(DAY - MINUTE);
    let mut open = Run::begin(&app, &clinic, Via::Form).await;
    open.sign_in(MARIA, PASSWORD).await;
    app.advance(MINUTE);
    let before = app.rows(&["sessions", "factors", "grants"]).await;
    let view = open.act("submit-recovery-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }) && !view.problems.is_empty(), "{view:?}");
    // The password alone gets nobody below the second step.
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Challenge { method: Method::TextMessage, .. }), "{view:?}");
    assert_eq!(app.rows(&["sessions", "factors", "grants"]).await, before);
    lanyard_server::jobs::clean_up::once(&app.app, app.now().plus(DAY + MINUTE)).await.unwrap();
    assert_eq!(factors(&app, clinic.maria).await.len(), 1, "the code is gone, the phone stays and is off");
}

#[tokio::test(flavor = "multi_thread")]
async fn n17_a_code_that_is_told_on_the_phone_lives_ten_minutes() {
    for (age, counts) in [(10 * MINUTE - 1, true), (10 * MINUTE, false)] {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let (mut browser, _) = hana(&app, &clinic).await;
        let mut form = filled(&app, &mut browser, &clinic, clinic.maria).await;
        form.retain(|(name, _)| name != "recognised");
        form.push(("recognised".to_owned(), "call_back".to_owned()));
        let issued = app.now();
        let code = code_on(&send(&mut browser, &page_of(&clinic, clinic.maria), &form).await);
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        run.sign_in(MARIA, PASSWORD).await;
        app.drain().await;
        app.advance(issued.plus(age).since(app.now()));
        let view = run.act("submit-recovery-code", &[("code", &code)]).await;
        assert_eq!(matches!(view.stage, StageView::ConfirmEmail(_)), counts, "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_a_forgotten_password_takes_the_code_to_the_address_and_the_code_from_staff() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut browser, _) = hana(&app, &clinic).await;
    let code = code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    app.drain().await;
    app.advance(MINUTE);
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Form).await;
    let view = run.prove(&app, MARIA).await;
    assert!(matches!(view.stage, StageView::Challenge { method: Method::RecoveryCode, .. }), "a8: {view:?}");
    let view = run.act("submit-recovery-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::NewPassword { .. }), "{view:?}");
    let view = run.act("submit-new-password", &[("password", "heron lamp 58 orchard")]).await;
    assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "a new second step before the end: {view:?}");
    assert!(matches!(set_up_app(&app, &mut run).await, StageView::Done { .. }));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_a_flow_without_a_second_step_leads_to_a_new_one_after_a_code_from_staff() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut browser, _) = hana(&app, &clinic).await;
    let code = code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    app.drain().await;
    app.advance(MINUTE);
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Json).await;
    run.prove(&app, MARIA).await;
    run.act("submit-recovery-code", &[("code", &code)]).await;
    let view = run.act("submit-new-password", &[("password", "heron lamp 58 orchard")]).await;
    let StageView::ChooseMethod { methods } = &view.stage else { panic!("{view:?}") };
    assert!(methods.iter().any(|choice| choice.method == Method::AuthenticatorApp), "{methods:?}");
    assert!(matches!(set_up_app(&app, &mut run).await, StageView::Done { .. }));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_n19_what_was_begun_with_the_lost_factor_ends_tokens_included() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut before = Run::begin(&app, &clinic, Via::Form).await;
    before.sign_in_with_phone(&app, MARIA, PHONE).await;
    let answer = before.code().await;
    let tokens: serde_json::Value = redeem(&mut before.browser, &clinic, &clinic.flow, &answer, &[]).await.json();
    app.advance(MINUTE);
    // Whoever found the phone, and knows the password, stands before the code.
    let mut thief = Run::begin(&app, &clinic, Via::Form).await;
    thief.sign_in(MARIA, PASSWORD).await;
    let digits = app.code(PHONE).await;
    let (mut browser, _) = hana(&app, &clinic).await;
    code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    app.drain().await;
    let sessions = app.audited(clinic.tenant.id, Action::SignIn, Outcome::Success).await;
    let view = thief.act("submit-code", &[("code", &digits)]).await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert_eq!(app.audited(clinic.tenant.id, Action::SignIn, Outcome::Success).await, sessions);
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&mut before.browser, &clinic, &clinic.flow, token).await.status, 400);
    let silent = before.browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await;
    assert!(!silent.location().unwrap().contains("code="));
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_this_wasnt_me_in_the_mail_turns_the_code_off() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut browser, _) = hana(&app, &clinic).await;
    let code = code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    let link = account_not_me::link(&app, MARIA).await;
    let mut reader = app.browser();
    let page = reader.get(&link).await;
    assert!(page.says("Code from the clinic") && page.says("Staff gave out a code"), "{}", page.text());
    assert_eq!(reader.post(&link, &[]).await.status, 200);
    app.drain().await;
    app.advance(MINUTE);
    assert!(!browser.get(&page_of(&clinic, clinic.maria)).await.says("A code was given out"));
    // The password is gone, and the mailbox with the code opens nothing.
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Form).await;
    run.prove(&app, MARIA).await;
    run.act("choose-method", &[("method", "recovery_code")]).await;
    let view = run.act("submit-recovery-code", &[("code", &code)]).await;
    assert!(!matches!(view.stage, StageView::NewPassword { .. } | StageView::Done { .. }), "{view:?}");
    app.drain().await;
}

/// Of many forms at once one is carried out; of many uses of its code one counts.
pub(crate) async fn an_issued_code_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (mut browser, _) = hana(&app, &clinic).await;
    let form = filled(&app, &mut browser, &clinic, clinic.maria).await;
    let tries = (0..20).map(|_| {
        let (mut browser, form, path) = (browser.clone(), form.clone(), page_of(&clinic, clinic.maria));
        async move { tokio::spawn(async move { send(&mut browser, &path, &form).await }).await.unwrap() }
    });
    let answers = futures::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 409));
    let shown: Vec<&Page> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!((shown.len(), audited(&app, &clinic).await), (1, [1, 0, 0, 1]));
    let code = code_on(shown[0]);
    app.drain().await;
    let mut runs = Vec::new();
    for _ in 0..10 {
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        run.sign_in(MARIA, PASSWORD).await;
        let csrf = run.view().await.csrf;
        runs.push((run, csrf));
    }
    let tries = (0..100_usize).map(|n| {
        let (run, csrf) = &runs[n % 10];
        let mut one =
            Run { browser: run.browser.clone(), id: run.id.clone(), via: Via::BOTH[n / 10 % 2], codes: false };
        let (csrf, code) = (csrf.clone(), code.clone());
        async move {
            tokio::spawn(async move { one.post("submit-recovery-code", &csrf, &[("code", &code)]).await })
                .await
                .unwrap()
        }
    });
    let answers = futures::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    assert_eq!(app.audited(clinic.tenant.id, Action::RecoveryCodeUsed, Outcome::Success).await, 1);
    let mut through = 0;
    for (run, _) in &mut runs {
        through += usize::from(matches!(run.stage().await, StageView::ConfirmEmail(_)));
    }
    assert_eq!(through, 1, "one journey went on");
    app.drain().await;
}
