//! The server under test.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use lanyard_crypto::MasterKey;
use lanyard_domain::{
    audit::{Action, AuditEvent, Outcome},
    clock::{Clock, Millis, MockClock, Timestamp},
    entropy::{Entropy, SeededEntropy},
    id::Id,
    tenant::Tenant,
};
use lanyard_messaging::{
    Channel, Providers, Secret,
    inbox::{Inbox, InboxEntry, InboxServers},
    smtp::SmtpSender,
    twilio::TwilioClient,
};
use lanyard_server::{
    config::{Config, Limits},
    jobs::delivery,
    router::router,
    service::pace::Pace,
    start::{self, Outside},
    state::{App, EntropySource, Parts},
};
use lanyard_storage::{MessageKind, Store, StoreOptions, Wanted};

use super::{
    Browser,
    database::{Database, Kind},
    world::{MASTER_KEY, NOW, World},
};

/// The public origin of every test.
pub(crate) const ORIGIN: &str = "https://id.example";
/// What must not change when something is refused.
pub(crate) const DURABLE: [&str; 8] =
    ["accounts", "factors", "sessions", "grants", "refresh_tokens", "role_grants", "invitations", "applications"];

/// What may differ from the usual.
pub(crate) struct Options {
    pub(crate) kind: Kind,
    pub(crate) config: Config,
    /// Nobody listens where mails go.
    pub(crate) dead_mail: bool,
    /// Nobody listens where texts and calls go.
    pub(crate) dead_phone: bool,
    /// Where texts and calls go instead.
    pub(crate) phone_at: Option<String>,
    /// No provider of mail at all.
    pub(crate) no_mail: bool,
    /// A last hand at the parts.
    pub(crate) adjust: fn(&mut Parts),
}

impl Default for Options {
    fn default() -> Self {
        let limits = Limits {
            per_address_per_second: 1_000_000,
            per_address_burst: 1_000_000,
            calls_per_address_per_second: 1_000_000,
            calls_per_address_burst: 1_000_000,
            silent_per_address_per_second: 1_000_000,
            silent_per_address_burst: 1_000_000,
            hashing_threads: 1,
            hashing_queue: 512,
            ..Limits::default()
        };
        let config = Config { public_origin: Some(ORIGIN.to_owned()), limits, ..Config::default() };
        Self {
            kind: Kind::Sqlite,
            config,
            dead_mail: false,
            dead_phone: false,
            phone_at: None,
            no_mail: false,
            adjust: |_| {},
        }
    }
}

impl Options {
    pub(crate) fn postgres() -> Self {
        Self { kind: Kind::Postgres, ..Self::default() }
    }
}

/// A clock that stands still, and that panics at a call of one's choosing.
#[derive(Debug)]
pub(crate) struct TestClock {
    clock: MockClock,
    fuse: AtomicI64,
}

impl TestClock {
    /// The `nth` look at the clock from now on panics; 0: none.
    pub(crate) fn panic_at(&self, nth: i64) {
        self.fuse.store(nth, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        assert!(self.fuse.fetch_sub(1, Ordering::SeqCst) != 1, "the clock of the test goes off");
        self.clock.now()
    }
}

// Each source that is handed out has a seed of its own: reproducible in sum, and never the same.
pub(crate) fn randomness() -> EntropySource {
    static SEED: AtomicU64 = AtomicU64::new(1);
    Arc::new(|| Box::new(SeededEntropy::new(SEED.fetch_add(1, Ordering::SeqCst))) as Box<dyn Entropy>)
}

/// A server with a database of its own. Its end fails the test when a message was left unsent,
/// and when a code that was sent showed up in any answer (failure 13).
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) world: World,
    pub(crate) bodies: Arc<Mutex<Vec<(String, String)>>>,
    pub(crate) database: Database,
    leave_messages: bool,
    _servers: InboxServers,
}

const PROVIDER_TIME: Duration = Duration::from_secs(5);

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let (database, world) = Database::copy(options.kind).await;
        let store = Store::connect(&StoreOptions::new(database.url.clone())).await.unwrap();
        let clock = Arc::new(TestClock { clock: MockClock::at(NOW), fuse: AtomicI64::new(0) });
        let now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.clock.now().0)
        };
        let inbox = Arc::new(Inbox::new(now.clone()));
        let servers = InboxServers::start(Arc::clone(&inbox), Secret::from("token")).await.unwrap();
        let mut smtp = servers.smtp_config("Lanyard <lanyard@id.example>", PROVIDER_TIME);
        let mut twilio = servers.twilio_config("+12065550100", PROVIDER_TIME);
        if options.dead_mail {
            smtp.port = dead_port();
        }
        if options.dead_phone {
            twilio.base_url = format!("http://127.0.0.1:{}", dead_port());
        }
        if let Some(address) = options.phone_at {
            twilio.base_url = address;
        }
        let unique = {
            let next = AtomicU64::new(1);
            Arc::new(move || u128::from(next.fetch_add(1, Ordering::SeqCst)))
        };
        let providers = Providers {
            smtp: (!options.no_mail).then(|| SmtpSender::new(smtp, now, unique).unwrap()),
            twilio: Some(TwilioClient::new(twilio).unwrap()),
            ..Providers::default()
        };
        let outside = Outside {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            randomness: randomness(),
            providers,
            inbox: Some(Arc::clone(&inbox)),
        };
        let mut parts = start::parts(options.config, store, MasterKey::from_bytes(&MASTER_KEY), outside).unwrap();
        assert_eq!(std::mem::replace(&mut parts.pace, Pace::NONE), Pace::default(), "D11: as the server has it");
        (options.adjust)(&mut parts);
        let app = App::new(parts);
        Self {
            router: router(app.clone()),
            app,
            clock,
            inbox,
            world,
            bodies: Arc::default(),
            database,
            leave_messages: false,
            _servers: servers,
        }
    }

    /// A browser without any cookies.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.router.clone(), Arc::clone(&self.bodies))
    }

    /// Messages may be left over at the end.
    pub(crate) fn leave_messages(&mut self) {
        self.leave_messages = true;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.clock.now()
    }

    pub(crate) fn advance(&self, span: Millis) {
        self.clock.clock.advance(span);
    }

    /// Sends what is due, over SMTP and HTTP.
    pub(crate) async fn drain(&self) -> usize {
        delivery::drain(&self.app).await.unwrap()
    }

    /// The newest message to `to` after everything due was sent.
    pub(crate) async fn message(&self, to: &str) -> InboxEntry {
        self.drain().await;
        self.inbox.list(Some(to)).into_iter().next().unwrap_or_else(|| panic!("no message to {to}"))
    }

    /// How many messages `to` has got.
    pub(crate) async fn messages(&self, to: &str) -> usize {
        self.drain().await;
        self.inbox.list(Some(to)).len()
    }

    /// The code in the newest message to `to`.
    pub(crate) async fn code(&self, to: &str) -> String {
        let entry = self.message(to).await;
        code_in(&entry).unwrap_or_else(|| panic!("no code in: {}", entry.body))
    }

    /// The rows that must not change when something is refused.
    pub(crate) async fn durable(&self) -> Vec<String> {
        self.rows(&DURABLE).await
    }

    pub(crate) async fn rows(&self, tables: &[&str]) -> Vec<String> {
        self.database.rows(tables).await
    }

    pub(crate) async fn count(&self, table: &str) -> usize {
        self.rows(&[table]).await.len()
    }

    /// The audit log of `tenant`, oldest first.
    pub(crate) async fn audit(&self, tenant: Id<Tenant>) -> Vec<AuditEvent> {
        let list = self.app.store.read(move |tx| Box::pin(async move { tx.list_audit(tenant, None, 1000).await }));
        let mut list = list.await.unwrap();
        list.reverse();
        list
    }

    /// How many events of this kind the log has.
    pub(crate) async fn audited(&self, tenant: Id<Tenant>, action: Action, outcome: Outcome) -> usize {
        self.audit(tenant).await.iter().filter(|event| event.action == action && event.outcome == outcome).count()
    }
}

/// Six digits that stand alone: what a person would read off a text or a mail.
pub(crate) fn code_in(entry: &InboxEntry) -> Option<String> {
    if entry.kind == Channel::Call {
        // Read out with pauses: "1, 2, 3, 4, 5, 6".
        let digits: String = entry.body.chars().filter(char::is_ascii_digit).take(6).collect();
        return (digits.len() == 6).then_some(digits);
    }
    entry.body.split(|c: char| !c.is_ascii_alphanumeric()).find(|w| is_code(w)).map(ToOwned::to_owned)
}

fn is_code(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit())
}

fn dead_port() -> u16 {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.local_addr().unwrap().port()
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let codes: Vec<String> = self.inbox.list(None).iter().filter_map(code_in).collect();
        for (at, body) in self.bodies.lock().unwrap().iter() {
            let mut words = body.split(|c: char| !c.is_ascii_alphanumeric());
            let leaked = words.find(|word| is_code(word) && codes.iter().any(|code| code == word));
            assert!(leaked.is_none(), "f13: the code {leaked:?} is in the answer of {at}");
        }
        if self.leave_messages {
            return;
        }
        let store = self.app.store.clone();
        let due = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async move {
                let look = store.read(move |tx| {
                    Box::pin(async move {
                        let mut due = None;
                        for kind in MessageKind::ALL {
                            due = due.or(tx.next_message_due(&Wanted { kind, busy: Vec::new(), limit: 1 }).await?);
                        }
                        Ok(due)
                    })
                });
                look.await
            })
        });
        let due: Option<Timestamp> = due.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
        assert!(due.is_none(), "messages were left in the outbox");
    }
}
