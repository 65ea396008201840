//! Passkeys over HTTP with an authenticator in software: A15, N23, N26, failures 19 to 22, and what
//! an answer that lies comes to.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_app::api::journey::{JourneyView, Method as Way, PasskeyPrompt, ProblemCode, StageView};
use lanyard_domain::{
    assurance::Method,
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
    passkey::CEREMONY_LIFE,
};
use serde_json::Value;

use crate::support::{
    Clinic, PASSWORD, Run, TestApp, Via,
    app::Options,
    authenticator::Authenticator,
    journey::{problem, redeem},
    world::{MARIA, NORA, PHONE},
};

/// What the page asks the browser for.
pub(crate) fn prompt(view: &JourneyView) -> PasskeyPrompt {
    match &view.stage {
        StageView::SignIn { passkey: Some(prompt), .. }
        | StageView::EnrolPasskey { passkey: prompt, .. }
        | StageView::OfferPasskey { passkey: Some(prompt) }
        | StageView::Challenge { passkey: Some(prompt), .. } => prompt.clone(),
        other => panic!("no passkey is asked for: {other:?}"),
    }
}

impl Run {
    /// Answers the page's passkey.
    pub(crate) async fn use_passkey(&mut self, device: &mut Authenticator) -> JourneyView {
        let answer = device.get(&prompt(&self.view().await).options);
        self.act("submit-passkey", &[("credential", &answer)]).await
    }

    /// Makes the passkey that the page asks for.
    pub(crate) async fn create_passkey(&mut self, device: &mut Authenticator, name: &str) -> JourneyView {
        let made = device.create(&prompt(&self.view().await).options);
        self.act("create-passkey", &[("credential", &made), ("name", name)]).await
    }
}

/// Nora, who has no second factor, sets a passkey up.
pub(crate) async fn enrolled(app: &TestApp, clinic: &Clinic, via: Via, device: &mut Authenticator) -> Run {
    let mut run = Run::begin(app, clinic, via).await;
    run.sign_in(NORA, PASSWORD).await;
    let code = app.code(NORA).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    let StageView::ChooseMethod { methods } = &view.stage else { panic!("{view:?}") };
    assert_eq!(methods[0].method, Way::Passkey, "strongest first (U19)");
    run.act("choose-method", &[("method", "passkey")]).await;
    let view = run.create_passkey(device, "Nora’s laptop").await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    app.drain().await;
    run
}

async fn claims(app: &TestApp, clinic: &Clinic, run: &mut Run) -> Value {
    let code = run.code().await;
    let mut browser = app.browser();
    let tokens: Value = redeem(&mut browser, clinic, &clinic.flow, &code, &[]).await.json();
    let payload = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn page_problem(view: &JourneyView) -> Option<&ProblemCode> {
    problem(view, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn n26_a_passkey_is_set_up_and_answers_the_challenge_after_the_password() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut device = Authenticator::default();
        let mut first = enrolled(&app, &clinic, via, &mut device).await;
        assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, 1);
        assert!(app.message(NORA).await.body.contains("a passkey"), "N20: its owner is told");
        assert_eq!(claims(&app, &clinic, &mut first).await["amr"], serde_json::json!(["pwd", "pop", "user", "mfa"]));

        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in(NORA, PASSWORD).await;
        let StageView::Challenge { method: Way::Passkey, other_ways, .. } = &view.stage else { panic!("{view:?}") };
        assert!(other_ways.is_empty(), "{other_ways:?}");
        let options: Value = serde_json::from_str(&prompt(&view).options).unwrap();
        assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(1));
        assert_eq!(options["allowCredentials"][0]["id"], URL_SAFE_NO_PAD.encode(device.id()));
        let view = run.use_passkey(&mut device).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let token = claims(&app, &clinic, &mut run).await;
        assert_eq!(token["amr"], serde_json::json!(["pwd", "pop", "user", "mfa"]));
        assert_eq!(token["sub"], clinic.nora.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n26_a_passkey_alone_signs_in_and_is_both_factors() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut device = Authenticator { synced: true, ..Authenticator::default() };
        enrolled(&app, &clinic, via, &mut device).await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.view().await;
        let options: Value = serde_json::from_str(&prompt(&view).options).unwrap();
        assert!(options["allowCredentials"].as_array().is_none_or(Vec::is_empty), "it says itself whose it is");
        let view = run.use_passkey(&mut device).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let token = claims(&app, &clinic, &mut run).await;
        assert_eq!(token["amr"], serde_json::json!(["swk", "user", "mfa"]));
        assert_eq!(token["sub"], clinic.nora.to_string());
        let stored = app.rows(&["factors"]).await;
        assert!(stored.iter().any(|row| row.contains("Nora’s laptop")), "{stored:?}");
        assert_eq!(app.app.passwords.hashes_done(), 1, "no password was asked for but at the set-up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n26_a_new_account_is_made_with_a_passkey() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator::default();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_up(&app, "ada@new.example", PASSWORD).await;
    let before = app.durable().await;
    run.act("choose-method", &[("method", "passkey")]).await;
    assert_eq!(app.durable().await, before, "who turns back leaves nothing behind");
    let view = run.create_passkey(&mut device, "").await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let mut again = Run::begin(&app, &clinic, Via::Json).await;
    let view = again.use_passkey(&mut device).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}

/// One way to lie, and what it is.
type Lie = (&'static str, fn(&mut Authenticator));

#[tokio::test(flavor = "multi_thread")]
async fn f20_every_field_of_an_answer_is_checked() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    let lies: [Lie; 7] = [
        ("f22: no verification of the user", |device| device.verifies = false),
        ("another site's page", |device| device.origin = "https://id.example.evil.test".to_owned()),
        ("another port", |device| device.origin = "https://id.example:8443".to_owned()),
        ("a frame in another site", |device| device.framed = true),
        ("another relying party", |device| device.rp_id = "example".to_owned()),
        ("somebody else's account", |device| device.set_user(vec![9; 16])),
        ("a key that may be copied after all", |device| (device.synced, device.backed_up) = (true, false)),
    ];
    for (lie, tell) in lies {
        for second in [false, true] {
            let mut run = Run::begin(&app, &clinic, Via::Json).await;
            if second {
                run.sign_in(NORA, PASSWORD).await;
            }
            let before = app.durable().await;
            let kept = (device.verifies, device.origin.clone(), device.rp_id.clone(), device.user());
            tell(&mut device);
            let view = run.use_passkey(&mut device).await;
            assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong), "{lie}: {view:?}");
            assert_eq!(app.durable().await, before, "{lie}");
            (device.verifies, device.origin, device.rp_id, device.framed) = (kept.0, kept.1, kept.2, false);
            (device.synced, device.backed_up) = (false, true);
            device.set_user(kept.3);
            // The same page takes the truth.
            let view = run.use_passkey(&mut device).await;
            assert!(matches!(view.stage, StageView::Done { .. }), "{lie}: {view:?}");
        }
    }
    // After the password it needs not name the account; on the first page nobody else says whose it is.
    device.names_user = false;
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    let view = run.use_passkey(&mut device).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong));
    run.sign_in(NORA, PASSWORD).await;
    let view = run.use_passkey(&mut device).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f20_a_new_passkey_that_lies_is_not_bound() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let lies: [Lie; 4] = [
        ("f22: no verification of the user", |device| device.verifies = false),
        ("another site's page", |device| device.origin = "https://evil.test".to_owned()),
        ("a frame in another site", |device| device.framed = true),
        ("another relying party", |device| device.rp_id = "example".to_owned()),
    ];
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    run.sign_in(NORA, PASSWORD).await;
    let code = app.code(NORA).await;
    run.act("submit-code", &[("code", &code)]).await;
    run.act("choose-method", &[("method", "passkey")]).await;
    for (lie, tell) in lies {
        let before = app.durable().await;
        let mut device = Authenticator::default();
        tell(&mut device);
        let view = run.create_passkey(&mut device, "x").await;
        assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong), "{lie}: {view:?}");
        assert_eq!(app.durable().await, before, "{lie}");
    }
    for nonsense in ["", "{}", "[1]", "{\"id\":\"\",\"rawId\":\"\"}"] {
        let view = run.act("create-passkey", &[("credential", nonsense)]).await;
        assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong), "{nonsense}");
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, 0);
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Failure).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a15_an_answer_counts_once_in_its_own_journey_and_for_ten_minutes() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    // Another journey of the same browser.
    let mut one = Run::begin(&app, &clinic, Via::Json).await;
    let mut two = Run::begin(&app, &clinic, Via::Json).await;
    let answer = device.get(&prompt(&one.view().await).options);
    let before = app.durable().await;
    let view = two.act("submit-passkey", &[("credential", &answer)]).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong));
    // A failure in between uses the challenge up.
    device.verifies = false;
    let view = one.use_passkey(&mut device).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong));
    device.verifies = true;
    let view = one.act("submit-passkey", &[("credential", &answer)]).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong), "its challenge is gone");
    assert_eq!(app.durable().await, before);
    // Ten minutes on.
    let mut late = Run::begin(&app, &clinic, Via::Json).await;
    let answer = device.get(&prompt(&late.view().await).options);
    app.advance(CEREMONY_LIFE);
    assert_eq!(prompt(&late.view().await).lives_seconds, 0);
    let before = app.durable().await;
    let view = late.act("submit-passkey", &[("credential", &answer)]).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyExpired));
    assert_eq!(app.durable().await, before);
    // The page has a new one now, and the script may ask for one.
    assert_eq!(prompt(&view).lives_seconds, 600);
    app.advance(9 * MINUTE + 40 * SECOND);
    let view = late.act("renew-passkey", &[]).await;
    assert_eq!(prompt(&view).lives_seconds, 600);
    let view = late.use_passkey(&mut device).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    // Once is enough: the journey is over, and its answer opens no other.
    let mut next = Run::begin(&app, &clinic, Via::Json).await;
    let answer = device.get(&prompt(&next.view().await).options);
    next.act("submit-passkey", &[("credential", &answer)]).await;
    let sessions = app.count("sessions").await;
    next.act("submit-passkey", &[("credential", &answer)]).await;
    let mut other = Run::begin(&app, &clinic, Via::Form).await;
    let view = other.act("submit-passkey", &[("credential", &answer)]).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong));
    assert_eq!(app.count("sessions").await, sessions);
}

async fn live_sessions(app: &TestApp, clinic: &Clinic) -> usize {
    let (id, now) = (clinic.nora, app.now());
    let list = app.app.store.read(move |tx| Box::pin(async move { tx.live_sessions_of_account(id, now).await }));
    list.await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn f20_a_copy_is_refused_audited_and_turned_off() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator { counts: true, ..Authenticator::default() };
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    for _ in 0..2 {
        let mut run = Run::begin(&app, &clinic, Via::Json).await;
        let view = run.use_passkey(&mut device).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
    // A copy made before those two counts on from there.
    app.advance(SECOND);
    device.set_counter(1);
    let sessions = app.count("sessions").await;
    assert!(live_sessions(&app, &clinic).await > 0);
    let mut copy = Run::begin(&app, &clinic, Via::Json).await;
    let view = copy.use_passkey(&mut device).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyCopied));
    let log = app.audit(clinic.tenant.id).await;
    let last = log.iter().rev().find(|event| event.action == Action::FactorChecked).unwrap();
    assert_eq!((last.outcome, &last.detail["detail"]), (Outcome::Failure, &"passkey_copied".into()));
    assert_eq!(last.target, Some(clinic.nora.to_string()));
    // A19, A5: what was signed in ends, the copy's sessions among it, and the owner is told.
    assert_eq!(live_sessions(&app, &clinic).await, 0);
    let mail = app.message(NORA).await;
    assert!(mail.body.contains("turned off"), "{}", mail.body);
    // Nobody can tell the copy from the key: it opens nothing more, with any count.
    device.set_counter(900);
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    let view = run.use_passkey(&mut device).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyCopied));
    let view = run.sign_in(NORA, PASSWORD).await;
    let StageView::Challenge { method: Way::Passkey, .. } = view.stage else { panic!("{view:?}") };
    assert_eq!(app.count("sessions").await, sessions);
}

#[tokio::test(flavor = "multi_thread")]
async fn f21_a_passkey_belongs_to_one_account_in_one_tenant() {
    let app = TestApp::new().await;
    let (clinic, other) = (app.world.mfa.clone(), app.world.plain.clone());
    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    // Maria's challenge is no matter of Nora's key.
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    run.sign_in(MARIA, PASSWORD).await;
    app.code(PHONE).await;
    let view = run.act("choose-method", &[("method", "passkey")]).await;
    assert_eq!(problem(&view, "method"), Some(&ProblemCode::MethodUnavailable));
    // Nor is another clinic's page.
    let mut run = Run::begin(&app, &other, Via::Json).await;
    let before = app.durable().await;
    let view = run.use_passkey(&mut device).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong));
    // A second account cannot have the same credential.
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    run.sign_up(&app, "eve@new.example", PASSWORD).await;
    run.act("choose-method", &[("method", "passkey")]).await;
    let answer = device.recreate(&prompt(&run.view().await).options);
    let view = run.act("create-passkey", &[("credential", &answer)]).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::PasskeyWrong));
    assert_eq!(app.durable().await, before, "no account, no factor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_an_unknown_passkey_says_the_same_as_a_wrong_one() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    let mut seen = Vec::new();
    for id in [device.id(), vec![5; 16]] {
        let mut run = Run::begin(&app, &clinic, Via::Json).await;
        let options: Value = serde_json::from_str(&prompt(&run.view().await).options).unwrap();
        // A stranger's key signs, in the name of Nora's and of nobody's.
        let mut stranger = Authenticator::default();
        stranger.create(&creation_for(&options));
        let answer = stranger.sign(&options, &id, &device.user(), 0);
        let before = app.durable().await;
        let view = run.act("submit-passkey", &[("credential", &answer)]).await;
        assert_eq!(app.durable().await, before);
        seen.push(view.problems);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0][0].code, ProblemCode::PasskeyWrong);
}

// Options for a key that is nobody's.
fn creation_for(options: &Value) -> String {
    serde_json::json!({
        "rp": {"id": "id.example"}, "attestation": "none", "challenge": options["challenge"],
        "user": {"id": URL_SAFE_NO_PAD.encode([5; 16])},
        "authenticatorSelection": {"userVerification": "required", "residentKey": "preferred"},
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_a_flow_without_passkeys_offers_and_takes_none() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    let answer = device.get(&prompt(&run.view().await).options);
    let (tenant, key) = (clinic.tenant.id, clinic.flow.name.key());
    let changed = app.app.store.write(move |tx| {
        Box::pin(async move {
            let mut flow = tx.flow_by_key(tenant, &key).await?.unwrap();
            flow.settings.mfa.methods.remove(&Method::Passkey);
            tx.update_flow_settings(tenant, flow.id, flow.version, &flow.settings, flow.updated_at).await
        })
    });
    changed.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
    // The journey that began before: its passkey is taken and is not enough any more.
    let view = run.act("submit-passkey", &[("credential", &answer)]).await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let mut fresh = Run::begin(&app, &clinic, Via::Json).await;
    let view = fresh.view().await;
    assert!(matches!(view.stage, StageView::SignIn { passkey: None, .. }), "{view:?}");
    let view = fresh.act("submit-passkey", &[("credential", &answer)]).await;
    assert_eq!(page_problem(&view), Some(&ProblemCode::OutOfStep));
    // The code to the address, behind which the first journey would go on.
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u1_without_scripts_other_ways_are_there_and_passkeys_are_not_shown() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let page = run.page().await.text();
    let (_, form) = page.split_once("<passkey-ceremony").expect("the form of the ceremony");
    assert!(form.split('>').next().is_some_and(|tag| tag.contains("needs-passkeys")), "{form}");
    assert!(form.contains("Sign in with a passkey"));
    let (_, script) = page.split_once("src=\"/pkg/passkey.").expect("the script of the ceremony");
    let script = app.browser().get(&format!("/pkg/passkey.{}", script.split('"').next().unwrap())).await;
    assert_eq!(script.status, 200);
    assert!(script.text().len() < 6_000, "small: {}", script.text().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_passkeys_where_the_origin_is_an_address() {
    let app = TestApp::with(Options { adjust: |parts| parts.passkeys = None, ..Options::default() }).await;
    let mut run = Run::begin(&app, &app.world.mfa.clone(), Via::Json).await;
    assert!(matches!(run.stage().await, StageView::SignIn { passkey: None, .. }));
    let view = run.sign_up(&app, "ada@new.example", PASSWORD).await;
    let StageView::ChooseMethod { methods } = &view.stage else { panic!("{view:?}") };
    assert!(methods.iter().all(|choice| choice.method != Way::Passkey));
}
