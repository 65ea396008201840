//! From a configuration to a server that is ready: keys, database, providers, queue.
//!
//! What is wrong is said in one line and nothing is started (S7): an unreachable database, a
//! schema from the future, a key that is not the database's own.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, RwLock},
    time::Duration,
};

use lanyard_crypto::{Argon2Passwords, CommonPasswords, MasterKey, PasswordQueue, RelyingParty, hasher};
use lanyard_domain::{
    clock::{Clock, SystemClock},
    entropy::{Entropy, OsEntropy},
};
use lanyard_messaging::{
    NowFn, Providers, Secret, UniqueFn,
    inbox::{Inbox, InboxServers},
    smtp::{SmtpConfig, SmtpSender, SmtpTls},
    twilio::{TwilioClient, TwilioConfig},
};
use lanyard_oidc::endpoints::PublicOrigin;
use lanyard_storage::{META_DEMO, META_KEY_CHECK, Schema, StorageError, Store, StoreOptions};

use crate::{
    config::{self, Config},
    files,
    http::{documents::Documents, limit::Limiter},
    jobs::delivery::Wake,
    outbound::{Outbound, Reach},
    service::{journey, left_out::LeftOut, oauth, pace::Pace, signing::SigningKeys},
    state::{App, Channels, EntropySource, Parts},
};

/// How long a provider may take for one message. Two of them, asked one after the other, stay well within
/// the lease of the delivery job.
const PROVIDER_TIME: Duration = Duration::from_secs(10);

/// Why the server does not start; one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

fn say(text: impl Into<String>) -> StartError {
    StartError(text.into())
}

/// A server that is ready, and what must live as long as it does.
pub struct Started {
    /// The server.
    pub app: App,
    /// The demo's listeners; they stop when this is dropped.
    _inbox: Option<InboxServers>,
}

/// Opens everything that `config` names.
///
/// # Errors
/// [`StartError`] in one line.
pub async fn open(config: Config) -> Result<Started, StartError> {
    files::private_folder(&config.data_dir)
        .map_err(|error| say(format!("data_dir {}: {error}", config.data_dir.display())))?;
    for file in files::of_database(&config) {
        files::tighten(&file);
    }
    let (store, master) = open_store(&config).await?;
    mark_key(&config, &store, &master).await?;
    mark_demo(&config, &store).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let randomness: EntropySource = Arc::new(|| Box::new(OsEntropy));
    let (providers, inbox, servers) = providers(&config, &clock).await?;
    let parts = parts(config, store, master, Outside { clock, randomness, providers, inbox })?;
    Ok(Started { app: App::new(parts), _inbox: servers })
}

/// What of the outside a server is given; tests give their own.
pub struct Outside {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub randomness: EntropySource,
    /// The providers.
    pub providers: Providers,
    /// The demo's inbox.
    pub inbox: Option<Arc<Inbox>>,
}

/// Puts a server together.
///
/// # Errors
/// [`StartError`] when the origin is none or the threads cannot be started.
pub fn parts(config: Config, store: Store, master: MasterKey, outside: Outside) -> Result<Parts, StartError> {
    let Outside { clock, randomness, providers, inbox } = outside;
    // What draws the pages needs to know where tasks run; saying it twice does no harm.
    let _ = any_spawner::Executor::init_tokio();
    let origin = config.origin();
    let reach = match (config.outbound.allow_private_addresses, config.demo) {
        (true, _) => Reach::Everywhere,
        (false, true) => Reach::PublicAndLoopback,
        (false, false) => Reach::Public,
    };
    let threads = NonZeroUsize::new(config.limits.hashing_threads).unwrap_or_else(hasher::cores);
    let argon2 = Argon2Passwords::new(Some(master.pepper()), randomness().as_mut());
    let passwords = PasswordQueue::new(argon2, threads, config.limits.hashing_queue, randomness())
        .map_err(|error| say(format!("hashing threads: {error}")))?;
    let channels = Channels {
        email: providers.can(lanyard_messaging::Channel::Email),
        text: providers.can(lanyard_messaging::Channel::Text),
        call: providers.can(lanyard_messaging::Channel::Call),
    };
    Ok(Parts {
        public_origin: PublicOrigin::parse(&origin).map_err(|error| say(format!("public_origin: {error}")))?,
        links: lanyard_messaging::PublicOrigin::parse(&origin)
            .map_err(|error| say(format!("public_origin: {error}")))?,
        passkeys: RelyingParty::new(&origin),
        limiter: Limiter::new(&config.limits),
        left_out: LeftOut::default(),
        origin,
        config,
        store,
        master,
        passwords,
        blocklist: Arc::new(CommonPasswords),
        clock,
        randomness,
        transport: Arc::new(providers),
        channels,
        inbox,
        pace: Pace::default(),
        turns: journey::Turns::default(),
        outbox: Wake::default(),
        outbound: Outbound::new(reach).map_err(|error| say(chain("outbound requests", &error)))?,
        signing: SigningKeys::default(),
        surroundings: journey::Known::default(),
        configured: oauth::Configured::default(),
        documents: Documents::default(),
        opened: RwLock::new(HashMap::new()),
    })
}

// The database, migrated, and the key that opens what it holds.
async fn open_store(config: &Config) -> Result<(Store, MasterKey), StartError> {
    let mut options = StoreOptions::new(config.database());
    if config.is_postgres() {
        options.max_connections = config.limits.database_connections;
    }
    let store = Store::connect(&options).await.map_err(|error| say(chain("database", &error)))?;
    let exists = store.schema().await.map_err(|error| say(chain("database", &error)))? != Schema::Empty;
    let path = config.master_key();
    // An existing database without its key must not be touched.
    if exists && !path.exists() {
        return Err(say(format!(
            "the sealing key {} is missing, but the database exists: put the key back",
            path.display()
        )));
    }
    let master = MasterKey::load_or_create(&path, &mut OsEntropy).map_err(|error| say(chain("sealing key", &error)))?;
    // Neither with another one: not even migrated, so that it stays the backup that it may be.
    if exists {
        let stored = store.glance(|tx| Box::pin(async move { tx.meta(META_KEY_CHECK).await })).await;
        let stored = stored.map_err(|error: StorageError| say(chain("database", &error)))?;
        stored.map_or(Ok(()), |stored| check(&master, &stored, &path))?;
    }
    store.migrate().await.map_err(|error| say(chain("database", &error)))?;
    Ok((store, master))
}

fn check(master: &MasterKey, stored: &[u8], path: &Path) -> Result<(), StartError> {
    let fits = master.check(stored);
    fits.map_err(|_| say(format!("the sealing key {} is not the one of this database", path.display())))
}

fn chain(what: &str, error: &dyn std::error::Error) -> String {
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text.replace('\n', " ")
}

/// Whether the sealing key, if its file is there, can be used as it is.
///
/// # Errors
/// [`StartError`] in one line.
pub fn check_key(config: &Config) -> Result<(), StartError> {
    let path = config.master_key();
    if !path.exists() {
        return Ok(());
    }
    let loaded = MasterKey::load_or_create(&path, &mut OsEntropy);
    loaded.map(drop).map_err(|error| say(chain("sealing key", &error)))
}

// A new database is of the first key that it was opened with.
async fn mark_key(config: &Config, store: &Store, master: &MasterKey) -> Result<(), StartError> {
    let value = master.check_value();
    let stored = store
        .write(move |tx| {
            Box::pin(async move {
                match tx.set_meta_once(META_KEY_CHECK, &value).await {
                    Ok(()) => Ok(value.to_vec()),
                    Err(StorageError::Unique(_)) => {
                        Ok::<_, StorageError>(tx.meta(META_KEY_CHECK).await?.unwrap_or_default())
                    }
                    Err(error) => Err(error),
                }
            })
        })
        .await
        .map_err(|error| say(chain("database", &error)))?;
    check(master, &stored, &config.master_key())
}

// The demo runs on databases that it made itself, and nothing else runs on those.
async fn mark_demo(config: &Config, store: &Store) -> Result<(), StartError> {
    let demo = config.demo;
    let mark: &[u8] = if demo { b"yes" } else { b"no" };
    let stored = store
        .write(move |tx| {
            Box::pin(async move {
                match tx.set_meta_once(META_DEMO, mark).await {
                    Ok(()) => Ok(mark.to_vec()),
                    Err(StorageError::Unique(_)) => {
                        Ok::<_, StorageError>(tx.meta(META_DEMO).await?.unwrap_or_default())
                    }
                    Err(error) => Err(error),
                }
            })
        })
        .await
        .map_err(|error| say(chain("database", &error)))?;
    match (stored == b"yes", demo) {
        (true, false) => Err(say("this is a database of the demo: start with --demo, or with another database")),
        (false, true) => Err(say("this database was not made by the demo: the demo touches none but its own")),
        (true, true) | (false, false) => Ok(()),
    }
}

type Wired = (Providers, Option<Arc<Inbox>>, Option<InboxServers>);

async fn providers(config: &Config, clock: &Arc<dyn Clock>) -> Result<Wired, StartError> {
    let now: NowFn = {
        let clock = Arc::clone(clock);
        Arc::new(move || clock.now().0)
    };
    let unique: UniqueFn = Arc::new(|| u128::from_be_bytes(lanyard_domain::entropy::bytes(&mut OsEntropy)));
    if config.demo {
        let inbox = Arc::new(Inbox::new(Arc::clone(&now)));
        let token = lanyard_domain::secret::Token::generate(&mut OsEntropy as &mut dyn Entropy);
        let servers = InboxServers::start(Arc::clone(&inbox), Secret::from(token.expose()))
            .await
            .map_err(|error| say(format!("demo inbox: {error}")))?;
        let smtp =
            SmtpSender::new(servers.smtp_config("Lanyard demo <demo@lanyard.example>", PROVIDER_TIME), now, unique)
                .map_err(|error| say(chain("demo mail", &error)))?;
        let twilio = TwilioClient::new(servers.twilio_config("+12065550100", PROVIDER_TIME))
            .map_err(|error| say(chain("demo texts", &error)))?;
        return Ok((
            Providers { smtp: Some(smtp), twilio: Some(twilio), ..Providers::default() },
            Some(inbox),
            Some(servers),
        ));
    }
    Ok((configured(config, &now, &unique)?, None, None))
}

// The providers that are configured; it connects to none.
fn configured(config: &Config, now: &NowFn, unique: &UniqueFn) -> Result<Providers, StartError> {
    let mail = |section, smtp: &Option<config::Smtp>| {
        let Some(smtp) = smtp else { return Ok(None) };
        let made = SmtpSender::new(smtp_config(section, smtp)?, Arc::clone(now), Arc::clone(unique));
        made.map(Some).map_err(|error| say(chain(section, &error)))
    };
    let phone = |section, twilio: &Option<config::Twilio>| {
        let made = twilio.as_ref().map(|twilio| TwilioClient::new(twilio_config(twilio)));
        made.transpose().map_err(|error| say(chain(section, &error)))
    };
    Ok(Providers {
        smtp: mail("smtp", &config.smtp)?,
        twilio: phone("twilio", &config.twilio)?,
        second_smtp: mail("second_smtp", &config.second_smtp)?,
        second_twilio: phone("second_twilio", &config.second_twilio)?,
    })
}

/// Whether the providers that are configured could be used; nobody is asked.
///
/// # Errors
/// [`StartError`] in one line: a sender that is no address, a certificate that cannot be read and the like.
pub fn check_providers(config: &Config) -> Result<(), StartError> {
    let (now, unique): (NowFn, UniqueFn) = (Arc::new(|| 0_i64), Arc::new(|| 0_u128));
    configured(config, &now, &unique).map(drop)
}

fn smtp_config(section: &str, smtp: &config::Smtp) -> Result<SmtpConfig, StartError> {
    let read = |path: &Path| {
        let failed = |error| say(format!("{section}.ca_file: {}: {error}", path.display()));
        std::fs::read_to_string(path).map_err(failed)
    };
    let ca_pem = smtp.ca_file.as_deref().map(read).transpose()?;
    let password = smtp.password.as_ref().map(|password| Secret::from(password.0.as_str()));
    Ok(SmtpConfig {
        host: smtp.host.clone(),
        port: smtp.port,
        tls: match smtp.tls {
            config::SmtpTls::Starttls => SmtpTls::Starttls,
            config::SmtpTls::Implicit => SmtpTls::Implicit,
            config::SmtpTls::None => SmtpTls::None,
        },
        ca_pem,
        credentials: smtp.username.clone().zip(password),
        from: smtp.from.clone(),
        timeout: PROVIDER_TIME,
    })
}

fn twilio_config(twilio: &config::Twilio) -> TwilioConfig {
    TwilioConfig {
        base_url: twilio.base_url.clone(),
        account_sid: twilio.account_sid.clone(),
        auth_token: Secret::from(twilio.auth_token.as_ref().map_or("", |token| token.0.as_str())),
        from_number: Some(twilio.from_number.clone()),
        messaging_service_sid: None,
        timeout: PROVIDER_TIME,
    }
}
