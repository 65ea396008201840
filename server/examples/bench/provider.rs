//! The provider's endpoints under load, beside npm `oidc-provider` ([`crate::peer`]) with the same
//! client, algorithm, number of signatures and durability.
//!
//! Each run is a closed loop of 16 connections that are kept open. A *code flow* is an authorization
//! request that a live session answers, and the exchange of its code; a *refresh* exchanges each
//! connection's own refresh token for the next. Both sign an access token and an ID token.

use std::{
    cell::{Cell, RefCell},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use lanyard_domain::{
    account::Account,
    application::{
        ApiPermission, ApiScope, Application, ApplicationKind, ApplicationSettings, ClientSecret, Minimum,
        SigningAlgorithm,
    },
    clock::DAY,
    entropy::OsEntropy,
    id::Id,
    reply_url::ReplyUrl,
    secret::Token,
    session::{Session, SessionTerms},
    tenant::Tenant,
};
use lanyard_oidc::jose::{RsaBits, SigningKey, TokenType};
use lanyard_server::{service::journey::JourneyError, state::App};
use sqlx::Connection as _;

use crate::{
    Arguments, Outcome, floor,
    http::{Connection, Reply},
    peer::Peer,
    process::{self, Cpu},
    server::{Place, Server},
    table::{Report, Times},
    world, wrk,
};

/// Connections at the same time.
const CONNECTIONS: usize = 16;
/// All clients come from one address, as an application's server does; the limit for each address is
/// not what is measured here.
const UNLIMITED: [(&str, &str); 6] = [
    ("LANYARD_LIMITS__PER_ADDRESS_PER_SECOND", "1000000"),
    ("LANYARD_LIMITS__PER_ADDRESS_BURST", "1000000"),
    ("LANYARD_LIMITS__CALLS_PER_ADDRESS_PER_SECOND", "1000000"),
    ("LANYARD_LIMITS__CALLS_PER_ADDRESS_BURST", "1000000"),
    ("LANYARD_LIMITS__SILENT_PER_ADDRESS_PER_SECOND", "1000000"),
    ("LANYARD_LIMITS__SILENT_PER_ADDRESS_BURST", "1000000"),
];
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The reply URL, and the same in a query.
pub(crate) const REPLY_URL: [&str; 2] =
    ["https://app.bench.example/signed-in", "https%3A%2F%2Fapp.bench.example%2Fsigned-in"];

/// A client as it was registered.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Its id.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: String,
    /// What it asks for, escaped.
    pub(crate) scope: &'static str,
}

/// A provider that answers, and how it is spoken to.
pub(crate) struct Subject {
    /// What the table calls it.
    pub(crate) name: String,
    /// Its port.
    pub(crate) port: u16,
    /// The path of the discovery document.
    pub(crate) discovery: String,
    /// The path of the key set.
    pub(crate) keys: String,
    /// The path of the token endpoint.
    pub(crate) token: String,
    /// The path of the authorization endpoint.
    pub(crate) authorize: String,
    /// The client of code flows.
    pub(crate) client: Client,
    /// The one that also gets refresh tokens.
    pub(crate) refreshing: Client,
    /// The one that asks for tokens of its own.
    pub(crate) service: Client,
    /// The cookies of a live session.
    pub(crate) cookies: String,
}

impl Subject {
    /// The path of an authorization request of `client`.
    pub(crate) fn authorize(&self, client: &Client) -> String {
        format!(
            "{}?client_id={}&response_type=code&redirect_uri={}&scope={}&state=bench\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.authorize, client.id, REPLY_URL[1], client.scope
        )
    }

    async fn code(&self, connection: &mut Connection, client: &Client) -> Outcome<String> {
        let cookies = format!("Cookie: {}\r\n", self.cookies);
        let reply = connection.get(&self.authorize(client), &cookies).await?;
        let location = reply.headers("location").next().unwrap_or_default();
        let code = location.split(['?', '&', '#']).find_map(|part| part.strip_prefix("code="));
        code.map(str::to_owned).ok_or_else(|| format!("{}: no code: {} {location}", self.name, reply.status).into())
    }

    async fn exchange(&self, connection: &mut Connection, client: &Client, code: &str) -> Outcome<Reply> {
        let Client { id, secret, .. } = client;
        let form = format!(
            "grant_type=authorization_code&client_id={id}&client_secret={secret}&code={code}\
             &redirect_uri={}&code_verifier={VERIFIER}",
            REPLY_URL[1]
        );
        connection.post(&self.token, "", &form).await?.expect(200)
    }

    pub(crate) async fn refresh(&self, connection: &mut Connection, token: &str) -> Outcome<String> {
        let Client { id, secret, .. } = &self.refreshing;
        let form = format!("grant_type=refresh_token&client_id={id}&client_secret={secret}&refresh_token={token}");
        next_token(&connection.post(&self.token, "", &form).await?.expect(200)?)
    }
}

/// A refresh token, by a code flow.
pub(crate) async fn first_token(subject: &Subject, connection: &mut Connection) -> Outcome<String> {
    let code = subject.code(connection, &subject.refreshing).await?;
    next_token(&subject.exchange(connection, &subject.refreshing, &code).await?)
}

async fn own_token(subject: &Subject, connection: &mut Connection) -> Outcome<()> {
    let Client { id, secret, scope } = &subject.service;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}");
    let reply = connection.post(&subject.token, "", &form).await?.expect(200)?;
    let answer: serde_json::Value = serde_json::from_slice(&reply.body)?;
    // A JWT of three parts on both sides.
    match answer["access_token"].as_str() {
        Some(token) if token.split('.').count() == 3 => Ok(()),
        Some(_) | None => Err(format!("not a token: {answer}").into()),
    }
}

fn next_token(reply: &Reply) -> Outcome<String> {
    let answer: serde_json::Value = serde_json::from_slice(&reply.body)?;
    let both = answer["access_token"].is_string() && answer["id_token"].is_string();
    let token = answer["refresh_token"].as_str().filter(|_| both);
    token.map(str::to_owned).ok_or_else(|| format!("not three tokens: {answer}").into())
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Discovery,
    Keys,
    Refresh,
    ClientCredentials,
    CodeFlow,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Discovery, Self::Keys, Self::Refresh, Self::ClientCredentials, Self::CodeFlow];

    const fn name(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Keys => "key set",
            Self::Refresh => "refresh grant with rotation",
            Self::ClientCredentials => "client credentials grant",
            Self::CodeFlow => "code flow (authorize by a session, exchange)",
        }
    }
}

struct Run {
    count: f64,
    // p50 and p99 in milliseconds.
    times: String,
    seconds: f64,
    server: Cpu,
}

impl Run {
    fn rate(&self) -> f64 {
        self.count / self.seconds
    }

    fn cell(&self) -> String {
        let each = 1000.0 * self.server.all() / self.count;
        format!("{:.0}/s, p50 / p99 {} ms, {each:.3} ms of its processor time", self.rate(), self.times)
    }
}

/// Measures and reports.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::RS256] {
        with(arguments, algorithm, report).await?;
    }
    Ok(())
}

async fn with(arguments: &Arguments, algorithm: SigningAlgorithm, report: &mut Report) -> Outcome<()> {
    let alg = algorithm.as_str();
    let span = Duration::from_secs(arguments.seconds);
    let limit = signing_limit(algorithm, span / 3)?;
    report.row(format!("bare {alg} limit, all cores"), format!("{limit:.0} signatures/s"), "");
    let mut subjects = Vec::new();
    let sqlite = Place::sqlite(&arguments.folder.join(format!("provider-{alg}")));
    subjects.push((ours(&sqlite, algorithm, "SQLite").await?, sqlite));
    if let Some(url) = &arguments.postgres {
        let url = own_database(url, &format!("provider_{}", alg.to_lowercase())).await?;
        let place = Place { folder: arguments.folder.join(format!("provider-postgres-{alg}")), postgres: Some(url) };
        subjects.push((ours(&place, algorithm, "PostgreSQL").await?, place));
    }
    let mut columns: Vec<(String, Vec<Run>, u64)> = Vec::new();
    let mut floors = Vec::new();
    for (make, place) in subjects {
        let server = Server::start_with(&arguments.server, &place, &UNLIMITED).await?;
        let subject = make.at(server.port);
        let pid = server.id();
        let runs = all(&subject, span, || process::cpu(pid)).await?;
        if floors.is_empty() && wrk::is_there() {
            floors = bare_sockets(&subject, span).await?;
        }
        columns.push((subject.name, runs, server.memory()?.1));
        server.stop().await?;
    }
    if arguments.peer {
        let url = arguments.postgres.as_deref().ok_or("--peer wants PostgreSQL: run it through tools/bench.sh")?;
        let url = own_database(url, &format!("peer_{}", alg.to_lowercase())).await?;
        let peer = Peer::start(&arguments.peer_folder, &url, alg).await?;
        let runs = all(peer.subject(), span, || peer.cpu()).await?;
        columns.push((peer.subject().name.clone(), runs, peer.memory()?));
    }
    tell(report, alg, &columns, limit);
    for (kind, rate) in [Kind::Discovery, Kind::Keys].into_iter().zip(floors) {
        report.row(format!("bare sockets, the answer of {}, {alg}", kind.name()), format!("{rate:.0} a second"), "");
    }
    Ok(())
}

// The answers of discovery and the key set, given by a responder that does nothing else.
async fn bare_sockets(subject: &Subject, span: Duration) -> Outcome<Vec<f64>> {
    let mut connection = Connection::open(Ipv4Addr::LOCALHOST, subject.port).await?;
    let mut rates = Vec::new();
    for path in [&subject.discovery, &subject.keys] {
        let reply = connection.get(path, "").await?.expect(200)?;
        rates.push(floor::rate(&reply, CONNECTIONS, span)?);
    }
    Ok(rates)
}

// A new database in the same cluster: the same durability, and nobody else's tables.
async fn own_database(url: &str, name: &str) -> Outcome<String> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    connection.close().await?;
    let (server, _) = url.rsplit_once('/').ok_or("the address of PostgreSQL names no database")?;
    Ok(format!("{server}/{name}"))
}

fn tell(report: &mut Report, alg: &str, columns: &[(String, Vec<Run>, u64)], limit: f64) {
    let mut heads = vec!["16 connections".to_owned()];
    heads.extend(columns.iter().map(|(name, ..)| name.clone()));
    let mut lines = Vec::new();
    let peer = columns.last().filter(|_| columns.len() > 2);
    for (row, kind) in Kind::ALL.into_iter().enumerate() {
        let mut line = vec![kind.name().to_owned()];
        for (_, runs, _) in columns {
            let run = &runs[row];
            let ratio = match peer {
                Some((_, theirs, _)) if !std::ptr::eq(runs, theirs) => {
                    format!(" = {:.1} times the peer", run.rate() / theirs[row].rate())
                }
                Some(_) | None => String::new(),
            };
            let signatures = match kind {
                Kind::Refresh | Kind::CodeFlow => 2.0,
                Kind::ClientCredentials => 1.0,
                Kind::Discovery | Kind::Keys => 0.0,
            };
            let share = signatures * run.rate() / limit;
            let share = if signatures > 0.0 { format!(", {share:.2} of the signing limit") } else { String::new() };
            line.push(format!("{}{ratio}{share}", run.cell()));
        }
        lines.push(line);
    }
    let mut memory = vec!["memory at most (RSS, all its processes)".to_owned()];
    memory.extend(columns.iter().map(|(_, _, kib)| format!("{:.0} MiB", *kib as f64 / 1024.0)));
    lines.push(memory);
    report.detail(&format!("The provider's endpoints, {alg}"), &heads, &lines);
}

// Signatures per second of all cores with nothing else to do.
fn signing_limit(algorithm: SigningAlgorithm, span: Duration) -> Outcome<f64> {
    let made = SigningKey::generate(algorithm, RsaBits::Bits2048).map_err(|error| error.to_string())?;
    let key = Arc::new(SigningKey::from_pkcs8(algorithm, &made.pkcs8).map_err(|error| error.to_string())?);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let threads: Vec<_> = (0..lanyard_crypto::hasher::cores().get())
        .map(|_| {
            let (key, stop, done) = (Arc::clone(&key), Arc::clone(&stop), Arc::clone(&done));
            std::thread::spawn(move || {
                // Of the length of our tokens' claims.
                let claims = serde_json::json!({"sub": "x".repeat(36), "claims": "y".repeat(500)});
                while !stop.load(Ordering::Relaxed) && key.sign(TokenType::Id, &claims).is_ok() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    std::thread::sleep(span);
    let rate = done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().map_err(|_| "a signing thread panicked")?;
    }
    Ok(rate)
}

async fn all(subject: &Subject, span: Duration, cpu: impl Fn() -> Outcome<Cpu>) -> Outcome<Vec<Run>> {
    let mut runs = Vec::new();
    for kind in Kind::ALL {
        // A moment first, so that nobody is measured while it opens connections and compiles.
        drive(subject, kind, span / 8, &cpu).await?;
        let run = drive(subject, kind, span, &cpu).await?;
        eprintln!("{}, {}: {}", subject.name, kind.name(), run.cell());
        runs.push(run);
    }
    Ok(runs)
}

async fn drive(subject: &Subject, kind: Kind, span: Duration, cpu: &impl Fn() -> Outcome<Cpu>) -> Outcome<Run> {
    let path = match kind {
        Kind::Discovery => Some(&subject.discovery),
        Kind::Keys => Some(&subject.keys),
        Kind::Refresh | Kind::ClientCredentials | Kind::CodeFlow => None,
    };
    // Where it is installed, the client that costs the least asks for what anybody may get.
    if let (Some(path), true) = (path, wrk::is_there()) {
        let before = cpu()?;
        let wrk::Run { count, seconds, times } = wrk::get(subject.port, path, CONNECTIONS, span)?;
        return Ok(Run { count, times, seconds, server: cpu()?.since(before) });
    }
    let mut ready = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(Ipv4Addr::LOCALHOST, subject.port).await?;
        let token = match kind {
            Kind::Refresh => first_token(subject, &mut connection).await?,
            Kind::Discovery | Kind::Keys | Kind::ClientCredentials | Kind::CodeFlow => String::new(),
        };
        ready.push((connection, token));
    }
    let times = RefCell::new(Times::default());
    let (before, started) = (cpu()?, Instant::now());
    let end = Cell::new(started + span);
    let clients = ready.into_iter().map(|(mut connection, mut token)| {
        let (times, end) = (&times, &end);
        async move {
            while Instant::now() < end.get() {
                let began = Instant::now();
                match kind {
                    Kind::Discovery => drop(connection.get(&subject.discovery, "").await?.expect(200)?),
                    Kind::Keys => drop(connection.get(&subject.keys, "").await?.expect(200)?),
                    Kind::Refresh => token = subject.refresh(&mut connection, &token).await?,
                    Kind::ClientCredentials => own_token(subject, &mut connection).await?,
                    Kind::CodeFlow => {
                        let code = subject.code(&mut connection, &subject.client).await?;
                        drop(subject.exchange(&mut connection, &subject.client, &code).await?);
                    }
                }
                times.borrow_mut().add(began.elapsed());
            }
            Outcome::Ok(())
        }
    });
    try_join_all(clients).await?;
    let seconds = started.elapsed().as_secs_f64();
    let times = times.take();
    Ok(Run { count: times.len() as f64, times: times.to_string(), seconds, server: cpu()?.since(before) })
}

/// Our side, seeded and not yet started.
pub(crate) struct Seeded {
    name: String,
    application: Id<Application>,
    secret: String,
    cookie: String,
}

impl Seeded {
    /// It, answering at `port`.
    pub(crate) fn at(self, port: u16) -> Subject {
        let base = format!("/{}/{}", world::DOMAIN, world::FLOW);
        let client = |scope| Client { id: self.application.to_string(), secret: self.secret.clone(), scope };
        Subject {
            name: self.name,
            port,
            discovery: format!("{base}/v2.0/.well-known/openid-configuration"),
            keys: format!("{base}/discovery/v2.0/keys"),
            token: format!("{base}/oauth2/v2.0/token"),
            authorize: format!("{base}/oauth2/v2.0/authorize"),
            client: client("openid"),
            refreshing: client("openid%20offline_access"),
            service: client("api%3A%2F%2Fbench.example%2F.default"),
            cookies: self.cookie,
        }
    }
}

/// Seeds our side on `place`; `database` is what the table calls it.
pub(crate) async fn ours(place: &Place, algorithm: SigningAlgorithm, database: &str) -> Outcome<Seeded> {
    let app = world::open(place).await?;
    let tenant = world::tenant(&app).await?;
    let secret = Token::generate(&mut OsEntropy);
    let api = api(&tenant, algorithm);
    let application = application(&tenant, &secret, algorithm, &api)?;
    let (flow, id) = (world::flow(&tenant)?, application.id);
    let new = world::patient(&tenant, 0, "$argon2id$v=19$nobody-signs-in-with-it")?;
    let cookie = Token::generate(&mut OsEntropy);
    let session = session(&app, &tenant, new.id, &cookie)?;
    let ready = app.store.write(move |tx| {
        Box::pin(async move {
            tx.create_flow(&flow).await?;
            tx.create_application(&api).await?;
            tx.create_application(&application).await?;
            tx.link_flow(tenant.id, application.id, flow.id).await?;
            tx.create_account(tenant.id, &new, tenant.created_at).await?;
            tx.create_session(&session).await?;
            Ok::<_, JourneyError>(())
        })
    });
    ready.await?;
    app.store.close().await;
    Ok(Seeded {
        name: format!("Lanyard, {database}"),
        application: id,
        secret: secret.expose().to_owned(),
        cookie: format!("__Host-sso={}", cookie.expose()),
    })
}

// The web API that the application may call in its own name.
fn api(tenant: &Tenant, signing: SigningAlgorithm) -> Application {
    let scope = ApiScope { name: "read".into(), description: "Read".into() };
    Application {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        tenant: tenant.id,
        name: "Provider bench API".into(),
        kind: ApplicationKind::WebApi,
        reply_urls: Vec::new(),
        minimum: Minimum::StrongestLinked,
        secrets: Vec::new(),
        settings: ApplicationSettings {
            signing,
            app_id_uri: Some("api://bench.example".into()),
            scopes: vec![scope],
            ..ApplicationSettings::default()
        },
        created_at: tenant.created_at,
    }
}

fn application(tenant: &Tenant, secret: &Token, signing: SigningAlgorithm, api: &Application) -> Outcome<Application> {
    let kind = ApplicationKind::Web;
    Ok(Application {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        tenant: tenant.id,
        name: "Provider bench".into(),
        kind,
        reply_urls: vec![ReplyUrl::parse(REPLY_URL[0], kind)?],
        minimum: Minimum::StrongestLinked,
        secrets: vec![ClientSecret { hash: secret.hash(), hint: "none".into(), created_at: tenant.created_at }],
        settings: ApplicationSettings {
            signing,
            client_credentials: true,
            permissions: vec![ApiPermission { api: api.id, scopes: vec!["read".into()] }],
            ..ApplicationSettings::default()
        },
        created_at: tenant.created_at,
    })
}

fn session(app: &App, tenant: &Tenant, account: Id<Account>, cookie: &Token) -> Outcome<Session> {
    let now = app.clock.now();
    // The journey alone writes one; this is the form in which it is stored.
    let authentication = serde_json::from_value(serde_json::json!({
        "account": account, "at": now, "password": true, "email_proved": false, "second": [], "new_account": false,
    }))?;
    Ok(Session {
        id: Id::new(now, &mut OsEntropy),
        tenant: tenant.id,
        account,
        token: cookie.hash(),
        console: None,
        terms: SessionTerms::default(),
        authentication,
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(DAY),
        ended_at: None,
    })
}
