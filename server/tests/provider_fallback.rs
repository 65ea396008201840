//! A second provider of texts and calls: what the first one fails at goes by it, on every server alike.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use lanyard_app::api::journey::{Delivery, StageView};
use lanyard_crypto::MasterKey;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{Clock, MINUTE, SECOND},
};
use lanyard_messaging::{
    Message, Provider, Providers, Rank, Secret,
    fallback::{OPEN_FOR_MS, OPENS_AT},
    twilio::{TwilioClient, TwilioConfig},
};
use lanyard_server::{
    jobs::delivery,
    service::outbox::{self, Letter},
    start::{self, Outside},
    state::App,
};
use lanyard_storage::{Store, StoreOptions};

use crate::support::{
    Options, PASSWORD, Run, TestApp, Via,
    app::randomness,
    world::{MARIA, MASTER_KEY, PHONE},
};

/// A provider that answers as it is told, and keeps what it was asked.
struct Phone {
    status: Arc<AtomicU16>,
    asked: Arc<Mutex<Vec<String>>>,
    address: String,
}

type Script = (Arc<AtomicU16>, Arc<Mutex<Vec<String>>>);

async fn answer(State((status, asked)): State<Script>, body: Bytes) -> StatusCode {
    asked.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
    StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap()
}

impl Phone {
    async fn with(status: u16) -> Self {
        let script: Script = (Arc::new(AtomicU16::new(status)), Arc::default());
        let router = Router::new().fallback(answer).with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { status: script.0, asked: script.1, address }
    }

    fn becomes(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn client(&self) -> TwilioClient {
        let config = TwilioConfig {
            base_url: self.address.clone(),
            account_sid: "AC1".to_owned(),
            auth_token: Secret::from("token"),
            from_number: Some("+15005550006".to_owned()),
            messaging_service_sid: None,
            timeout: std::time::Duration::from_secs(5),
        };
        TwilioClient::new(config).unwrap()
    }

    /// The code that the newest text carries.
    fn code(&self) -> String {
        let asked = self.asked.lock().unwrap();
        let body = asked.last().unwrap();
        let digits = body.split(|c: char| !c.is_ascii_digit()).rfind(|word| word.len() == 6);
        digits.unwrap_or_else(|| panic!("{body}")).to_owned()
    }
}

// A server on the database of `app`, with two providers of its own.
async fn server(app: &TestApp, first: &Phone, second: &Phone) -> App {
    let store = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
    let outside = Outside {
        clock: Arc::clone(&app.clock) as Arc<dyn Clock>,
        randomness: randomness(),
        providers: Providers {
            twilio: Some(first.client()),
            second_twilio: Some(second.client()),
            ..Providers::default()
        },
        inbox: None,
    };
    let parts = start::parts(app.app.config.clone(), store, MasterKey::from_bytes(&MASTER_KEY), outside).unwrap();
    App::new(parts)
}

async fn enqueue(app: &TestApp, texts: usize) {
    let (own, tenant, now) = (app.app.clone(), app.world.mfa.tenant.id, app.now());
    let job = app.app.store.write(move |tx| {
        Box::pin(async move {
            let keys = own.tenant_keys(tx, tenant).await?;
            for n in 0..texts {
                let message = Message::Text { to_e164: PHONE.to_owned(), body: format!("{n} of {texts} at {}", now.0) };
                let letter = Letter { tenant, journey: None, message: &message, expires_at: now.plus(60 * MINUTE) };
                outbox::enqueue(&own, tx, &keys, letter).await?;
            }
            Ok::<_, lanyard_server::service::journey::JourneyError>(())
        })
    });
    job.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_a14_the_code_comes_by_the_second_provider_in_the_same_run_and_is_paid_once() {
    for options in [Options::default, Options::postgres] {
        let mut options = options();
        options.config.limits.texts_per_tenant_per_day = 2;
        let mut app = TestApp::with(options).await;
        app.leave_messages();
        let (first, second) = (Phone::with(500).await, Phone::with(201).await);
        let sends = server(&app, &first, &second).await;
        for (n, via) in [(1, Via::Form), (2, Via::Json)] {
            let mut run = Run::begin(&app, &app.world.mfa, via).await;
            run.sign_in(MARIA, PASSWORD).await;
            assert_eq!(delivery::drain(&sends).await.unwrap(), 1);
            assert_eq!((first.asked(), second.asked()), (n, n), "one run of the job");
            let view = run.view().await;
            let StageView::Challenge { code: Some(code), .. } = &view.stage else { panic!("{view:?}") };
            assert_eq!(code.delivery, Delivery::OnItsWay);
            // What both were given is the same code; it works once.
            assert_eq!(first.code(), second.code());
            let view = run.act("submit-code", &[("code", &second.code())]).await;
            assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
            app.advance(MINUTE);
        }
        // Two texts were sent, four requests made: the day's two are used up, not passed.
        let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
        run.sign_in(MARIA, PASSWORD).await;
        assert_eq!((delivery::drain(&sends).await.unwrap(), second.asked()), (0, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_a_circuit_that_one_server_opens_spares_the_others_and_one_message_tries_it_again() {
    for options in [Options::default, Options::postgres] {
        let mut app = TestApp::with(options()).await;
        app.leave_messages();
        let tenant = app.world.mfa.tenant.id;
        let (first, second) = (Phone::with(503).await, Phone::with(201).await);
        let (one, two) = (server(&app, &first, &second).await, server(&app, &first, &second).await);
        let opens = usize::try_from(OPENS_AT).unwrap();
        enqueue(&app, opens).await;
        delivery::drain(&one).await.unwrap();
        assert_eq!((first.asked(), second.asked()), (opens, opens));
        assert_eq!(app.audited(tenant, Action::ProviderFailing, Outcome::Failure).await, 1);
        // The other server never asked the first provider itself, and knows.
        enqueue(&app, 3).await;
        delivery::drain(&two).await.unwrap();
        assert_eq!((first.asked(), second.asked()), (opens, opens + 3));
        // A minute later one message tries it, whoever has it; each message is sent once.
        app.advance(OPEN_FOR_MS);
        enqueue(&app, 8).await;
        let (by_one, by_two) = tokio::join!(delivery::drain(&one), delivery::drain(&two));
        assert_eq!(by_one.unwrap() + by_two.unwrap(), 8);
        assert_eq!((first.asked(), second.asked()), (opens + 1, opens + 11));
        let mut sent = second.asked.lock().unwrap().clone();
        sent.sort_unstable();
        sent.dedup();
        assert_eq!(sent.len(), opens + 11, "nothing went twice");
        assert_eq!(app.audited(tenant, Action::ProviderFailing, Outcome::Failure).await, 1, "told once");
        // It works again: the first try closes the circuit, for both servers.
        first.becomes(201);
        app.advance(OPEN_FOR_MS);
        enqueue(&app, 1).await;
        delivery::drain(&two).await.unwrap();
        enqueue(&app, 2).await;
        delivery::drain(&one).await.unwrap();
        assert_eq!((first.asked(), second.asked()), (opens + 4, opens + 11));
        assert_eq!(app.audited(tenant, Action::ProviderRecovered, Outcome::Success).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_with_both_down_it_is_tried_again_and_what_both_refuse_is_given_up() {
    let mut app = TestApp::new().await;
    app.leave_messages();
    let tenant = app.world.mfa.tenant.id;
    let (first, second) = (Phone::with(503).await, Phone::with(503).await);
    let sends = server(&app, &first, &second).await;
    enqueue(&app, 1).await;
    delivery::drain(&sends).await.unwrap();
    assert_eq!((first.asked(), second.asked()), (1, 1));
    assert_eq!(delivery::drain(&sends).await.unwrap(), 0, "not before its time");
    second.becomes(400);
    app.advance(2 * SECOND);
    delivery::drain(&sends).await.unwrap();
    assert_eq!((first.asked(), second.asked()), (2, 2));
    assert_eq!(app.audited(tenant, Action::MessageFailed, Outcome::Failure).await, 0, "the first one may come back");
    first.becomes(401);
    app.advance(5 * SECOND);
    delivery::drain(&sends).await.unwrap();
    app.advance(60 * MINUTE);
    assert_eq!(delivery::drain(&sends).await.unwrap(), 0, "given up");
    let log = app.audit(tenant).await;
    let failed = log.iter().find(|event| event.action == Action::MessageFailed).unwrap();
    let detail = failed.detail.to_string();
    assert!(detail.contains("twilio: ") && detail.contains("second_twilio: "), "{detail}");
    assert!(!detail.contains("2065550123"), "{detail}");
    let health = app.app.store.read(|tx| Box::pin(async move { tx.provider_health().await }));
    let health = health.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
    let shown: Vec<_> = health.iter().map(|health| (health.name.as_str(), health.failures)).collect();
    let (one, two) = (Provider::Phone(Rank::First).name(), Provider::Phone(Rank::Second).name());
    assert_eq!(shown, [(two, 1), (one, 3)], "a refused number is not the provider's failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_a_note_about_providers_that_fails_sends_no_message_twice() {
    for options in [Options::default, Options::postgres] {
        let mut app = TestApp::with(options()).await;
        app.leave_messages();
        let (first, second) = (Phone::with(503).await, Phone::with(201).await);
        let sends = server(&app, &first, &second).await;
        // Whatever keeps the note from being written.
        app.database.execute("ALTER TABLE message_providers RENAME TO elsewhere").await;
        enqueue(&app, 1).await;
        delivery::drain(&sends).await.unwrap();
        assert_eq!((first.asked(), second.asked()), (1, 1));
        app.advance(2 * MINUTE);
        assert_eq!(
            delivery::drain(&sends).await.unwrap(),
            0,
            "it is delivered, and its lease is no reason to send it again"
        );
        assert_eq!((first.asked(), second.asked()), (1, 1));
        app.database.execute("ALTER TABLE elsewhere RENAME TO message_providers").await;
    }
}
