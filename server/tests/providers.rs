//! A provider that is down holds nobody: the page says so and offers another way.

use std::time::{Duration, Instant};

use lanyard_app::api::journey::{Delivery, Method, ProblemCode, StageView};
use lanyard_crypto::Purpose;
use lanyard_domain::{
    clock::{MINUTE, SECOND},
    factor::{FactorSecret, NewFactor},
    id::Id,
};
use lanyard_server::jobs::delivery;

use crate::support::{
    PASSWORD, Run, TestApp, Via,
    app::Options,
    problem,
    world::{MARIA, NORA, PHONE, SEED, totp},
};

fn delivery_of(stage: &StageView) -> Delivery {
    match stage {
        StageView::SignUpCode(code) | StageView::ResetCode(code) | StageView::ConfirmEmail(code) => code.delivery,
        StageView::EnrolPhoneCode { code, .. } | StageView::Challenge { code: Some(code), .. } => code.delivery,
        other => panic!("{other:?}"),
    }
}

// Maria gets an authenticator app besides her phone.
async fn give_maria_an_app(app: &TestApp) {
    let clinic = app.world.mfa.clone();
    let (own, now) = (app.app.clone(), app.now());
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let keys = own.tenant_keys(tx, clinic.tenant.id).await?;
                let seed = keys.seal(Purpose::TotpSeed, "", &SEED, own.entropy().as_mut());
                let id = Id::new(now, own.entropy().as_mut());
                let secret = FactorSecret::AuthenticatorApp { seed };
                let factor = NewFactor { id, secret, name: "Tablet".into(), first_step: None };
                tx.bind_factor(clinic.maria, &factor, now).await?;
                Ok::<_, lanyard_server::service::journey::JourneyError>(())
            })
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_phone_provider_down_the_page_says_so_and_another_way_works() {
    for via in Via::BOTH {
        let mut app = TestApp::with(Options { dead_phone: true, ..Options::default() }).await;
        app.leave_messages();
        give_maria_an_app(&app).await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        let mut view = run.sign_in(MARIA, PASSWORD).await;
        if !matches!(view.stage, StageView::Challenge { method: Method::TextMessage, .. }) {
            view = run.act("choose-method", &[("method", "text_message")]).await;
        }
        assert_eq!(delivery_of(&view.stage), Delivery::OnItsWay);
        app.drain().await;
        let view = run.view().await;
        assert!(matches!(delivery_of(&view.stage), Delivery::Delayed | Delivery::Failed), "{view:?}");
        let StageView::Challenge { other_ways, .. } = &view.stage else { panic!("{view:?}") };
        assert!(other_ways.iter().any(|way| way.method == Method::AuthenticatorApp), "{other_ways:?}");
        let page = run.page().await;
        assert!(
            page.says("delay")
                || page.says("trouble")
                || page.says("can't")
                || page.says("later")
                || page.says("longer"),
            "{}",
            page.text()
        );
        run.act("choose-method", &[("method", "authenticator_app")]).await;
        let view = run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_mail_server_is_tried_again_until_the_code_is_worth_nothing() {
    let mut app = TestApp::with(Options { dead_mail: true, ..Options::default() }).await;
    app.leave_messages();
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.act("go-sign-up", &[]).await;
    let before = app.durable().await;
    run.act("request-code", &[("email", "ada@new.example")]).await;
    let mut tries = 0;
    for _ in 0..80 {
        tries += app.drain().await;
        app.advance(10 * SECOND);
    }
    assert!((2..=20).contains(&tries), "{tries} tries: more than one and not without end");
    assert_eq!(app.drain().await, 0, "given up");
    let view = run.view().await;
    assert_eq!(delivery_of(&view.stage), Delivery::Failed, "{view:?}");
    assert_eq!(app.durable().await, before);
    assert!(app.inbox.list(None).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_provider_holds_no_other_request() {
    // Takes connections and never says a word.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hung = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let mut app = TestApp::with(Options { phone_at: Some(format!("http://{hung}")), ..Options::default() }).await;
    app.leave_messages();
    let job = tokio::spawn(delivery::run(app.app.clone()));
    let began = Instant::now();
    let mut waiting = Run::begin(&app, &app.world.mfa, Via::Form).await;
    waiting.sign_in(MARIA, PASSWORD).await;
    for _ in 0..3 {
        let mut run = Run::begin(&app, &app.world.plain, Via::Json).await;
        assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    app.advance(6 * SECOND);
    let view = waiting.view().await;
    assert_eq!(delivery_of(&view.stage), Delivery::Delayed, "without an answer for a while it is as good as failing");
    // And mail goes out beside it.
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.act("go-sign-up", &[]).await;
    run.act("request-code", &[("email", "ada@new.example")]).await;
    let mut seen = false;
    for _ in 0..200 {
        seen = !app.inbox.list(Some("ada@new.example")).is_empty();
        if seen {
            break;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen, "the mail was held by the hung phone provider");
    job.abort();
    silent.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_mail_a_sign_up_is_told_and_makes_nothing() {
    for via in Via::BOTH {
        let app = TestApp::with(Options { no_mail: true, ..Options::default() }).await;
        let before = app.durable().await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        run.act("go-sign-up", &[]).await;
        let view = run.act("request-code", &[("email", "ada@new.example")]).await;
        assert_eq!(problem(&view, "email"), Some(&ProblemCode::EmailUnavailable), "{view:?}");
        assert!(matches!(view.stage, StageView::SignUpEmail), "{view:?}");
        assert_eq!(app.durable().await, before);
        assert_eq!(app.count("outbox").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_over_smtp_and_a_call_says_its_code_three_times() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    app.drain().await;
    app.advance(MINUTE);
    let view = run.act("choose-method", &[("method", "phone_call")]).await;
    assert!(matches!(view.stage, StageView::Challenge { method: Method::PhoneCall, .. }), "{view:?}");
    let call = app.message(PHONE).await;
    assert_eq!(call.kind, lanyard_messaging::Channel::Call);
    let code = app.code(PHONE).await;
    let digits: String = call.body.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits.matches(&code).count(), 3, "{}", call.body);
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}
