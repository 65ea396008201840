//! The provider's endpoints under load, beside npm `oidc-provider` ([`crate::peer`]) with the same
//! client, algorithm, number of signatures and durability.
//!
//! Each run is a closed loop of connections that are kept open; wrk asks, where it is installed, except for code
//! flows. A *code flow* is an authorization request that a live session answers, each connection's own, and the
//! exchange of its code; a *refresh* exchanges each connection's own refresh token for the next. Both sign an access token and an ID token.

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
use lanyard_domain::application::SigningAlgorithm;
use lanyard_oidc::jose::{RsaBits, SigningKey, TokenType};
use sqlx::Connection as _;

use crate::{
    Arguments, Outcome, floor,
    http::Connection,
    peer::Peer,
    process::{self, Cpu},
    seeded,
    server::{Place, Server},
    subject::{PEOPLE, Subject, first_token, own_token},
    table::{Report, Times},
    wrk,
};

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

/// How hard is asked.
#[derive(Clone, Copy)]
struct Load {
    connections: usize,
    span: Duration,
}

impl Load {
    // As hard for a part of the time.
    fn share(self, of: u32) -> Self {
        Self { span: self.span / of, ..self }
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
    for &connections in &arguments.connections {
        if !(1..=PEOPLE).contains(&connections) {
            return Err(format!("connections: 1 to {PEOPLE}").into());
        }
        let load = Load { connections, span: Duration::from_secs(arguments.seconds) };
        for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::RS256] {
            with(arguments, load, algorithm, report).await?;
        }
    }
    Ok(())
}

async fn with(arguments: &Arguments, load: Load, algorithm: SigningAlgorithm, report: &mut Report) -> Outcome<()> {
    let alg = algorithm.as_str();
    let span = load.span;
    let limit = signing_limit(algorithm, span / 3)?;
    let with = format!("{alg}, {} connections", load.connections);
    report.row(
        format!("bare {alg} limit, all cores, before the runs with {} connections", load.connections),
        format!("{limit:.0} signatures/s"),
        "",
    );
    let mut subjects = Vec::new();
    let sqlite = Place::sqlite(&arguments.folder.join(format!("provider-{alg}")));
    subjects.push((seeded::ours(&sqlite, algorithm, "SQLite").await?, sqlite));
    if let Some(url) = &arguments.postgres {
        let url = own_database(url, &format!("provider_{}", alg.to_lowercase())).await?;
        let place = Place { folder: arguments.folder.join(format!("provider-postgres-{alg}")), postgres: Some(url) };
        subjects.push((seeded::ours(&place, algorithm, "PostgreSQL").await?, place));
    }
    let mut columns: Vec<(String, Vec<Run>, u64)> = Vec::new();
    let mut floors = None;
    for (make, place) in subjects {
        let server = Server::start_with(&arguments.server, &place, &UNLIMITED).await?;
        let subject = make.at(server.port);
        let pid = server.id();
        let runs = all(&subject, place.postgres.as_deref(), load, || process::cpu(pid)).await?;
        if floors.is_none() && wrk::is_there() {
            floors = Some(bare_sockets(&subject, algorithm, load).await?);
        }
        columns.push((subject.name, runs, server.memory()?.1));
        server.stop().await?;
    }
    if arguments.peer {
        let url = arguments.postgres.as_deref().ok_or("--peer wants PostgreSQL: run it through tools/bench.sh")?;
        let url = own_database(url, &format!("peer_{}", alg.to_lowercase())).await?;
        let peer = Peer::start(&arguments.peer_folder, &url, alg).await?;
        let runs = all(peer.subject(), Some(&url), load, || peer.cpu()).await?;
        columns.push((peer.subject().name.clone(), runs, peer.memory()?));
    }
    tell(report, &with, &columns, limit);
    for (what, rate) in floors.into_iter().flatten() {
        report.row(format!("bare sockets, {what}, {with}"), format!("{rate:.0} a second"), "");
    }
    Ok(())
}

// The same answers, given by a responder that does nothing else; to a refresh it makes the two signatures.
async fn bare_sockets(
    subject: &Subject,
    algorithm: SigningAlgorithm,
    Load { connections, span }: Load,
) -> Outcome<Vec<(&'static str, f64)>> {
    let mut connection = Connection::open(Ipv4Addr::LOCALHOST, subject.port).await?;
    let discovery = connection.get(&subject.discovery, "").await?.expect(200)?;
    let keys = connection.get(&subject.keys, "").await?.expect(200)?;
    let token = first_token(subject, &mut connection, 0).await?;
    let form = subject.refresh_form();
    let refresh = connection.post(&subject.token, "", &format!("{form}{token}")).await?.expect(200)?;
    let bare = |reply| floor::rate(reply, None, |port| wrk::get(port, "/", connections, span));
    let tokens = vec![token; connections + 1];
    let signs = Some((signing_key(algorithm)?, 2));
    let refreshes = floor::rate(&refresh, signs, |port| wrk::post(port, "/", connections, span, &form, &tokens))?;
    Ok(vec![
        ("the answer of discovery", bare(&discovery)?),
        ("the answer of key set", bare(&keys)?),
        ("the answer of a refresh and its two signatures", refreshes),
    ])
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

fn tell(report: &mut Report, with: &str, columns: &[(String, Vec<Run>, u64)], limit: f64) {
    let mut heads = vec![with.to_owned()];
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
    report.detail(&format!("The provider's endpoints, {with}"), &heads, &lines);
}

fn signing_key(algorithm: SigningAlgorithm) -> Outcome<Arc<SigningKey>> {
    let made = SigningKey::generate(algorithm, RsaBits::Bits2048).map_err(|error| error.to_string())?;
    Ok(Arc::new(SigningKey::from_pkcs8(algorithm, &made.pkcs8).map_err(|error| error.to_string())?))
}

// Signatures per second of all cores with nothing else to do.
fn signing_limit(algorithm: SigningAlgorithm, span: Duration) -> Outcome<f64> {
    let key = signing_key(algorithm)?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let threads: Vec<_> = (0..lanyard_crypto::hasher::cores().get())
        .map(|_| {
            let (key, stop, done) = (Arc::clone(&key), Arc::clone(&stop), Arc::clone(&done));
            std::thread::spawn(move || {
                let claims = floor::claims();
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

async fn all(
    subject: &Subject,
    database: Option<&str>,
    load: Load,
    cpu: impl Fn() -> Outcome<Cpu>,
) -> Outcome<Vec<Run>> {
    for kind in [Kind::CodeFlow, Kind::Refresh] {
        drive(subject, kind, load.share(2), &cpu).await?;
    }
    if let Some(url) = database {
        // What autovacuum does within a minute: until then plans are those of empty tables, whoever made the schema.
        let mut connection = sqlx::PgConnection::connect(url).await?;
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
        connection.close().await?;
    }
    let mut runs = Vec::new();
    for kind in Kind::ALL {
        // A moment first, so that nobody is measured while it opens connections and compiles.
        drive(subject, kind, load.share(8), &cpu).await?;
        let run = drive(subject, kind, load, &cpu).await?;
        eprintln!("{}, {} connections, {}: {}", subject.name, load.connections, kind.name(), run.cell());
        runs.push(run);
    }
    Ok(runs)
}

async fn asked_by_wrk(subject: &Subject, kind: Kind, load: Load, cpu: &impl Fn() -> Outcome<Cpu>) -> Outcome<Run> {
    let Load { connections, span } = load;
    let mut tokens = Vec::new();
    let mut connection = Connection::open(Ipv4Addr::LOCALHOST, subject.port).await?;
    // wrk takes a redirect for an answer: what is asked for is there, and is no other thing.
    for path in [&subject.discovery, &subject.keys] {
        connection.get(path, "").await?.expect(200)?;
    }
    if kind == Kind::Refresh {
        for person in 0..=connections {
            tokens.push(first_token(subject, &mut connection, person).await?);
        }
    }
    let before = cpu()?;
    let post = |form: String| wrk::post(subject.port, &subject.token, connections, span, &form, &tokens);
    let wrk::Run { count, seconds, times, .. } = match kind {
        Kind::Discovery => wrk::get(subject.port, &subject.discovery, connections, span)?,
        Kind::Keys => wrk::get(subject.port, &subject.keys, connections, span)?,
        Kind::Refresh => post(subject.refresh_form())?,
        Kind::ClientCredentials => post(subject.own_form())?,
        Kind::CodeFlow => return Err("a code flow is more than one request".into()),
    };
    Ok(Run { count, times, seconds, server: cpu()?.since(before) })
}

async fn drive(subject: &Subject, kind: Kind, load: Load, cpu: &impl Fn() -> Outcome<Cpu>) -> Outcome<Run> {
    // Where it is installed, the client that costs the least asks for what is one request.
    if kind != Kind::CodeFlow && wrk::is_there() {
        return asked_by_wrk(subject, kind, load, cpu).await;
    }
    let mut ready = Vec::new();
    for person in 0..load.connections {
        let mut connection = Connection::open(Ipv4Addr::LOCALHOST, subject.port).await?;
        let token = match kind {
            Kind::Refresh => first_token(subject, &mut connection, person).await?,
            Kind::Discovery | Kind::Keys | Kind::ClientCredentials | Kind::CodeFlow => String::new(),
        };
        ready.push((person, connection, token));
    }
    let times = RefCell::new(Times::default());
    let (before, started) = (cpu()?, Instant::now());
    let end = Cell::new(started + load.span);
    let clients = ready.into_iter().map(|(person, mut connection, mut token)| {
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
                        let code = subject.code(&mut connection, &subject.client, person).await?;
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
