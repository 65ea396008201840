//! Password sign-ins per second, as a share of what the cores could hash if they did nothing else.
//!
//! A sign-in is a password POST whose answer sets the cookie of a session, which is sent after
//! the commit. Each patient has a connection and a network address of their own; the limiter is
//! on. In the first run the journeys were begun beforehand, so that the rate is that of the POSTs
//! alone; in the second each client does all of it: authorize, the page, the POST. Bare hashes are
//! timed before and after each run, in this process, with the server idle.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use lanyard_crypto::{Argon2Passwords, hasher};
use lanyard_domain::{
    entropy::OsEntropy,
    password::{Password, PasswordVerifier as _},
    secret::Token,
};
use lanyard_server::http::csrf;

use crate::{
    Arguments, Outcome,
    http::Connection,
    process::{self, Cpu},
    server::Server,
    table::{Report, Spread, Times},
    world::{self, ACCOUNTS, PASSWORD, World},
};

/// A journey that waits for the password.
struct Begun {
    number: usize,
    id: String,
    cookie: String,
    csrf: String,
}

/// What a run came to.
#[derive(Default)]
struct Run {
    posts: Times,
    seconds: f64,
    server: Cpu,
    clients: Cpu,
    busy: f64,
}

impl Run {
    /// All of `runs` as one.
    fn sum(runs: &[Self]) -> Self {
        let mut sum = Self::default();
        for run in runs {
            sum.posts.append(run.posts.clone());
            sum.seconds += run.seconds;
            sum.server = sum.server.plus(run.server);
            sum.clients = sum.clients.plus(run.clients);
            sum.busy += run.busy / runs.len() as f64;
        }
        sum
    }

    fn rate(&self) -> f64 {
        self.posts.len() as f64 / self.seconds
    }

    /// Milliseconds of processor time for each sign-in, the clients' included.
    fn cost(&self) -> f64 {
        1000.0 * (self.server.all() + self.clients.all()) / self.posts.len() as f64
    }

    /// Milliseconds of processor time for each sign-in, by who used it.
    fn costs(&self) -> String {
        let each = |seconds: f64| 1000.0 * seconds / self.posts.len() as f64;
        format!(
            "{:.2} hashing + {:.2} SQLite + {:.2} all else of the server + {:.2} this program's clients; \
             cores busy {:.0} %, others' work included",
            each(self.server.hashing),
            each(self.server.database),
            each(self.server.rest),
            each(self.clients.all()),
            100.0 * self.busy
        )
    }
}

/// Runs of one kind, each with the share of the limit that it reached.
#[derive(Default)]
struct Runs {
    all: Vec<Run>,
    by_clock: Vec<f64>,
    by_cost: Vec<f64>,
}

impl Runs {
    /// A run between two timings of bare hashes.
    fn add(&mut self, run: Run, before: &Bare, after: &Bare) {
        let limit = before.and(after);
        self.by_clock.push(run.rate() / limit.rate);
        self.by_cost.push(limit.cost / run.cost());
        self.all.push(run);
    }

    fn report(&self, what: &str, aim: &str, clients: usize, report: &mut Report) {
        let rate = Spread::of(self.all.iter().map(Run::rate));
        let (by_clock, by_cost) = (Spread::of(self.by_clock.iter().copied()), Spread::of(self.by_cost.iter().copied()));
        report.row(
            what,
            format!("{rate:.1} a second = {by_clock:.2} of the limit ({by_cost:.2} by processor time)"),
            aim,
        );
        let together = Run::sum(&self.all);
        let posts = &together.posts;
        report.row(
            format!("– p50 / p99 of the POST with {clients} clients"),
            format!("{posts} ms ({} sign-ins)", posts.len()),
            "",
        );
        report.row("– processor ms for each", together.costs(), "");
    }
}

/// Measures and reports.
///
/// Other guests of the same host change the speed of memory, and with it that of a hash, within
/// seconds. So the runs are short and many, and each is compared with the bare hashes timed just
/// before and just after it.
pub(crate) async fn measure(arguments: &Arguments, world: &World, report: &mut Report) -> Outcome<()> {
    let server = Server::start(&arguments.server, &world.place).await?;
    let span = Duration::from_secs(arguments.seconds);
    let (mut bare_runs, mut alone, mut whole) = (vec![bare(world, span)?], Runs::default(), Runs::default());
    for _ in 0..arguments.rounds {
        let before = bare_runs[bare_runs.len() - 1];
        let wanted = (before.rate * span.as_secs_f64() * 1.6) as usize + arguments.clients;
        let ready = begin_many(world, &server, wanted).await?;
        let run = drive(arguments.clients, &server, span, Work::Posts(ready)).await?;
        let between = bare(world, span)?;
        alone.add(run, &before, &between);
        let run = drive(arguments.clients, &server, span, Work::Journeys(world)).await?;
        let after = bare(world, span)?;
        whole.add(run, &between, &after);
        bare_runs.extend([between, after]);
    }
    let calm = drive(1, &server, span, Work::Journeys(world)).await?;
    server.stop().await?;

    let cores = hasher::cores();
    report.row(
        format!("bare argon2id limit, {cores} threads (19 MiB, 2 passes), {} runs", bare_runs.len()),
        format!(
            "{:.1} a second at {:.2} ms of a core each",
            Spread::of(bare_runs.iter().map(|run| run.rate)),
            Spread::of(bare_runs.iter().map(|run| run.cost))
        ),
        "",
    );
    alone.report("password POSTs to committed sessions", "0.9 or more", arguments.clients, report);
    whole.report("whole journeys (authorize, page, POST)", "", arguments.clients, report);
    report.row(
        "p50 / p99 of the POST with one client",
        format!("{} ms ({} sign-ins)", calm.posts, calm.posts.len()),
        "",
    );
    Ok(())
}

/// What hashing alone came to.
#[derive(Debug, Clone, Copy)]
struct Bare {
    /// Hashes per second, all cores together.
    rate: f64,
    /// Milliseconds of processor time for one.
    cost: f64,
}

impl Bare {
    /// The mean of two runs.
    fn and(&self, other: &Self) -> Self {
        Self { rate: (self.rate + other.rate) / 2.0, cost: (self.cost + other.cost) / 2.0 }
    }
}

// Hashes per second of all cores with nothing else to do: what the server does for a password.
fn bare(world: &World, span: Duration) -> Outcome<Bare> {
    // Without the pepper, which costs one more block of BLAKE2b in tens of thousands.
    let passwords = Arc::new(Argon2Passwords::new(None, &mut OsEntropy));
    let typed = Password::new(PASSWORD).map_err(|_| "the password")?;
    let phc = passwords.hash(&typed, &mut OsEntropy).map_err(|_| "no memory for a hash")?;
    let same = |phc: &str| phc.split('$').nth(3).map(|parameters| parameters.split(",keyid").next().map(str::to_owned));
    if same(&phc) != same(&world.phc) {
        return Err(format!("other parameters than the server's: {phc}").into());
    }
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (started, before) = (Instant::now(), process::cpu(std::process::id())?);
    let threads: Vec<_> = (0..hasher::cores().get())
        .map(|_| {
            let (passwords, stop, done) = (Arc::clone(&passwords), Arc::clone(&stop), Arc::clone(&done));
            let (typed, phc) = (Password::new(PASSWORD), phc.clone());
            std::thread::spawn(move || {
                let Ok(typed) = typed else { return };
                while !stop.load(Ordering::Relaxed) && passwords.verify(&typed, &phc) {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    std::thread::sleep(span);
    let hashes = done.load(Ordering::Relaxed) as f64;
    let rate = hashes / started.elapsed().as_secs_f64();
    // Read while the threads live: what ended is no longer listed.
    let cost = 1000.0 * process::cpu(std::process::id())?.since(before).all() / hashes;
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().map_err(|_| "a hashing thread panicked")?;
    }
    Ok(Bare { rate, cost })
}

async fn authorize(connection: &mut Connection, world: &World, number: usize) -> Outcome<Begun> {
    let reply = connection.get(&world.authorize, "").await?;
    let id = reply.headers("location").next().and_then(|location| location.strip_prefix("/journey/"));
    let (Some(id), Some(cookie)) = (id, reply.cookie("__Host-journey")) else {
        return Err(format!("authorize answered {}: {}", reply.status, reply.text()).into());
    };
    let token = Token::parse(cookie).ok_or("the journey's cookie")?;
    Ok(Begun { number, id: id.to_owned(), cookie: cookie.to_owned(), csrf: csrf::token(&token, id) })
}

// The password POST; the answer must set the session's cookie.
async fn post(connection: &mut Connection, begun: &Begun) -> Outcome<Duration> {
    let headers = format!("Cookie: __Host-journey={}\r\n", begun.cookie);
    let form = format!(
        "csrf={}&email={}&password={}",
        begun.csrf,
        world::email(begun.number).replace('@', "%40"),
        PASSWORD.replace(' ', "+")
    );
    let started = Instant::now();
    let reply = connection.post(&format!("/journey/{}/sign-in", begun.id), &headers, &form).await?;
    let took = started.elapsed();
    let reply = reply.expect(303)?;
    if reply.cookie("__Host-sso").is_none() {
        return Err("a sign-in came to nothing".into());
    }
    Ok(took)
}

/// One journey as a browser without scripts does it; how long its POST took.
pub(crate) async fn whole(world: &World, port: u16, number: usize) -> Outcome<Duration> {
    let mut connection = Connection::open(world::address(number), port).await?;
    let begun = authorize(&mut connection, world, number).await?;
    let headers = format!("Accept: text/html\r\nCookie: __Host-journey={}\r\n", begun.cookie);
    let page = connection.get(&format!("/journey/{}", begun.id), &headers).await?.expect(200)?;
    if !page.text().contains(&begun.csrf) {
        return Err("the page does not carry the form's token".into());
    }
    post(&mut connection, &begun).await
}

async fn begin_many(world: &World, server: &Server, wanted: usize) -> Outcome<Vec<Begun>> {
    let mut begun = Vec::with_capacity(wanted);
    for first in (0..wanted).step_by(32) {
        let some = (first..wanted.min(first + 32)).map(|number| async move {
            let number = number % ACCOUNTS;
            let mut connection = Connection::open(world::address(number), server.port).await?;
            authorize(&mut connection, world, number).await
        });
        begun.extend(try_join_all(some).await?);
    }
    Ok(begun)
}

enum Work<'a> {
    Posts(Vec<Begun>),
    Journeys(&'a World),
}

// A closed loop: each client begins its next sign-in when the last one is done.
async fn drive(clients: usize, server: &Server, span: Duration, work: Work<'_>) -> Outcome<Run> {
    let posts = RefCell::new(Times::default());
    let next = Cell::new(0);
    let (cpu, own, machine) = (server.cpu()?, process::cpu(std::process::id())?, process::machine_time()?);
    let started = Instant::now();
    let client = || async {
        while started.elapsed() < span {
            let number = next.replace(next.get() + 1);
            let took = match &work {
                Work::Posts(ready) => {
                    let Some(begun) = ready.get(number) else { break };
                    let mut connection = Connection::open(world::address(begun.number), server.port).await?;
                    post(&mut connection, begun).await?
                }
                Work::Journeys(world) => whole(world, server.port, number % ACCOUNTS).await?,
            };
            posts.borrow_mut().add(took);
        }
        Outcome::Ok(())
    };
    try_join_all((0..clients).map(|_| client())).await?;
    let seconds = started.elapsed().as_secs_f64();
    let now = process::machine_time()?;
    Ok(Run {
        posts: posts.take(),
        seconds,
        server: server.cpu()?.since(cpu),
        clients: process::cpu(std::process::id())?.since(own),
        busy: (now.0 - machine.0) / (now.1 - machine.1),
    })
}
