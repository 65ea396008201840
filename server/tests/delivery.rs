//! The delivery job as it runs: each kind of message has slots of its own, and a host of sign-out notices one.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode};
use lanyard_crypto::{MasterKey, Purpose};
use lanyard_domain::{
    clock::{Clock, HOUR, MINUTE},
    entropy::SeededEntropy,
    id::Id,
};
use lanyard_messaging::{
    Message, Providers, Secret,
    smtp::{SmtpConfig, SmtpSender, SmtpTls},
    twilio::{TwilioClient, TwilioConfig},
};
use lanyard_server::{
    config::{Config, Outbound},
    jobs::{delivery, slots::at_once},
    service::{
        journey::JourneyError,
        outbox::{self, Letter},
    },
    start::{self, Outside},
    state::App,
};
use lanyard_storage::{MessageKind, NewMessage, Store, StoreOptions};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::mpsc,
    task::JoinHandle,
};
use uuid::Uuid;

use crate::support::{
    Options, TestApp,
    app::randomness,
    world::{MASTER_KEY, PHONE},
};

/// Longer than anything here takes where nothing waits for what hangs.
const SOON: Duration = Duration::from_secs(4);

/// Takes connections and never says a word; tells of each.
struct Hanging {
    address: SocketAddr,
    taken: mpsc::UnboundedReceiver<()>,
    count: Arc<AtomicUsize>,
    began: Instant,
    job: JoinHandle<()>,
}

impl Hanging {
    // On every address of this machine: 127.0.0.1, 127.0.0.2 and so on are hosts of their own.
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
        let (tell, taken) = mpsc::unbounded_channel();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let job = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = tell.send(());
            }
        });
        Self { address, taken, count, began: Instant::now(), job }
    }

    // Each of so many slots has come once, and once more for each time that a notice is waited for.
    fn assert_at_most(&self, slots: usize) {
        let rounds = 1 + usize::try_from(self.began.elapsed().as_secs() / 5).unwrap();
        let count = self.count.load(Ordering::SeqCst);
        assert!(count <= slots * rounds, "{count} connections in {:?}", self.began.elapsed());
    }

    async fn takes(&mut self, count: usize) {
        for n in 0..count {
            let next = tokio::time::timeout(SOON, self.taken.recv()).await;
            assert!(next.is_ok(), "connection {} of {count} did not come", n + 1);
        }
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.job.abort();
    }
}

/// A provider that takes everything, and tells of each.
async fn willing() -> (String, mpsc::UnboundedReceiver<()>) {
    let (tell, taken) = mpsc::unbounded_channel();
    let router = Router::new().fallback(move || {
        let _ = tell.send(());
        async { StatusCode::CREATED }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, taken)
}

/// A mail server that takes everything, and tells of each.
async fn willing_mail() -> (SocketAddr, mpsc::UnboundedReceiver<()>) {
    let (tell, taken) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let (reader, mut writer) = stream.split();
                let mut lines = BufReader::new(reader).lines();
                let mut in_mail = false;
                writer.write_all(b"220 post\r\n").await?;
                while let Some(line) = lines.next_line().await? {
                    let answer: &[u8] = match (in_mail, line.as_str()) {
                        (true, ".") => {
                            in_mail = false;
                            let _ = tell.send(());
                            b"250 taken\r\n"
                        }
                        (true, _) => b"",
                        (false, "DATA") => {
                            in_mail = true;
                            b"354 go on\r\n"
                        }
                        (false, _) => b"250 well\r\n",
                    };
                    writer.write_all(answer).await?;
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    (address, taken)
}

async fn all_arrive(taken: &mut mpsc::UnboundedReceiver<()>, count: usize, what: &str) {
    for n in 0..count {
        let next = tokio::time::timeout(SOON, taken.recv()).await;
        assert!(next.is_ok(), "{what}: {n} of {count} arrived while the others hang");
    }
}

// A server on the database of `app` whose mails go to `mail` and whose texts go to `phone`.
async fn server(app: &TestApp, mail: SocketAddr, phone: &str) -> App {
    let store = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
    let clock = Arc::clone(&app.clock) as Arc<dyn Clock>;
    let now = Arc::clone(&clock);
    let smtp = SmtpConfig {
        host: mail.ip().to_string(),
        port: mail.port(),
        tls: SmtpTls::None,
        ca_pem: None,
        credentials: None,
        from: "lanyard@id.example".to_owned(),
        timeout: Duration::from_secs(10),
    };
    let twilio = TwilioConfig {
        base_url: phone.to_owned(),
        account_sid: "AC1".to_owned(),
        auth_token: Secret::from("token"),
        from_number: Some("+15005550006".to_owned()),
        messaging_service_sid: None,
        timeout: Duration::from_secs(10),
    };
    let unique = Arc::new(|| 1);
    let providers = Providers {
        smtp: Some(SmtpSender::new(smtp, Arc::new(move || now.now().0), unique).unwrap()),
        twilio: Some(TwilioClient::new(twilio).unwrap()),
        ..Providers::default()
    };
    let outside = Outside { clock, randomness: randomness(), providers, inbox: None };
    let config = Config { outbound: Outbound { allow_private_addresses: true }, ..app.app.config.clone() };
    App::new(start::parts(config, store, MasterKey::from_bytes(&MASTER_KEY), outside).unwrap())
}

// Notices that somebody signed out, to these addresses, sealed as those of `sign_out` are.
async fn notices(app: &TestApp, addresses: Vec<String>) {
    let (own, tenant, now) = (app.app.clone(), app.world.plain.tenant.id, app.now());
    let application = app.world.plain.application.id;
    let job = app.app.store.write(move |tx| {
        Box::pin(async move {
            let keys = own.tenant_keys(tx, tenant).await?;
            for (n, url) in addresses.into_iter().enumerate() {
                let mut entropy = SeededEntropy::new(n as u64);
                let id = Id::from_uuid(Uuid::from_u128(0x7000 + n as u128));
                let host = url::Url::parse(&url).unwrap().host_str().unwrap().to_owned();
                let plain = serde_json::json!({"url": url, "issuer": "https://id.example/x", "application": application,
                    "subject": Uuid::from_u128(1), "sid": Uuid::from_u128(2)});
                let payload =
                    keys.seal(Purpose::OutboxPayload, &id.to_string(), plain.to_string().as_bytes(), &mut entropy);
                tx.enqueue_message(&NewMessage {
                    id,
                    tenant,
                    journey: None,
                    kind: MessageKind::Logout,
                    host,
                    payload,
                    created_at: now,
                    expires_at: now.plus(2 * HOUR),
                })
                .await?;
            }
            Ok::<_, JourneyError>(())
        })
    });
    job.await.unwrap();
}

async fn codes(app: &TestApp, count: usize, message: impl Fn(usize) -> Message + Send + 'static) {
    let (own, tenant, now) = (app.app.clone(), app.world.mfa.tenant.id, app.now());
    let job = app.app.store.write(move |tx| {
        Box::pin(async move {
            let keys = own.tenant_keys(tx, tenant).await?;
            for message in (0..count).map(message) {
                let letter = Letter { tenant, journey: None, message: &message, expires_at: now.plus(10 * MINUTE) };
                outbox::enqueue(&own, tx, &keys, letter).await?;
            }
            Ok::<_, JourneyError>(())
        })
    });
    job.await.unwrap();
}

fn text(n: usize) -> Message {
    Message::Text { to_e164: PHONE.to_owned(), body: format!("number {n}") }
}

fn mail(n: usize) -> Message {
    let words = format!("number {n}");
    Message::Email { to: format!("p{n}@patients.example"), subject: words.clone(), text: words.clone(), html: words }
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_codes_go_out_while_fifty_sign_out_notices_hang() {
    for options in [Options::default, Options::postgres] {
        let mut app = TestApp::with(options()).await;
        app.leave_messages();
        let (mut hung, (phone, mut texts)) = (Hanging::start().await, willing().await);
        let (post, mut mails) = willing_mail().await;
        let own = server(&app, post, &phone).await;
        let port = hung.address.port();
        notices(&app, (1..=50).map(|n| format!("http://127.0.0.{n}:{port}/out")).collect()).await;
        let job = tokio::spawn(delivery::run(own));
        hung.takes(at_once(MessageKind::Logout) as usize).await;
        codes(&app, 40, text).await;
        codes(&app, 20, mail).await;
        all_arrive(&mut texts, 40, "texts").await;
        all_arrive(&mut mails, 20, "mails").await;
        hung.assert_at_most(at_once(MessageKind::Logout) as usize);
        job.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_texts_go_out_while_mails_hang_and_the_other_way_round() {
    for options in [Options::default, Options::postgres] {
        let mut app = TestApp::with(options()).await;
        app.leave_messages();
        let (mut hung, (phone, mut texts)) = (Hanging::start().await, willing().await);
        let job = tokio::spawn(delivery::run(server(&app, hung.address, &phone).await));
        codes(&app, 40, mail).await;
        hung.takes(at_once(MessageKind::Email) as usize).await;
        codes(&app, 40, text).await;
        all_arrive(&mut texts, 40, "texts").await;
        job.abort();

        let mut app = TestApp::with(options()).await;
        app.leave_messages();
        let (mut silent, (post, mut mails)) = (Hanging::start().await, willing_mail().await);
        let job = tokio::spawn(delivery::run(server(&app, post, &format!("http://{}", silent.address)).await));
        codes(&app, 40, text).await;
        silent.takes(at_once(MessageKind::Text) as usize).await;
        codes(&app, 20, mail).await;
        all_arrive(&mut mails, 20, "mails").await;
        job.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_a_host_has_one_notice_at_a_time_and_holds_no_other_host() {
    let mut app = TestApp::new().await;
    app.leave_messages();
    let (mut hung, (taker, mut taken)) = (Hanging::start().await, willing().await);
    let port = hung.address.port();
    let mut addresses: Vec<String> = (0..20).map(|n| format!("http://127.0.0.1:{port}/out{n}")).collect();
    // A name of its own, so that it is another host.
    addresses.push(taker.replace("127.0.0.1", "localhost") + "/out");
    let job = tokio::spawn(delivery::run(server(&app, hung.address, &taker).await));
    notices(&app, addresses).await;
    hung.takes(1).await;
    all_arrive(&mut taken, 1, "the notice to the other host").await;
    hung.assert_at_most(1);
    job.abort();
}
