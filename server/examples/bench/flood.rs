//! A flood of wrong passwords (D10): many at once, each from a network of its own and for an address of
//! its own, so that no limit of either takes them off. Meanwhile one client refreshes its token, again
//! and again. What the hashing queue has no place for is answered 503 with Retry-After.

use std::{
    cell::{Cell, RefCell},
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use lanyard_domain::{application::SigningAlgorithm, secret::Token};
use lanyard_server::http::csrf;

use crate::{
    Arguments, Outcome,
    http::Connection,
    seeded,
    server::{Place, Server},
    subject::{self, Subject},
    table::{Report, Times},
    world,
};

/// Attempts at the same time.
const ATTEMPTS: usize = 500;
/// Between two refreshes.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the attempts.
#[derive(Debug, Default)]
struct Answers {
    judged: Cell<u64>,
    busy: Cell<u64>,
}

/// Measures and reports.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let span = Duration::from_secs(arguments.seconds.max(10));
    let place = Place::sqlite(&arguments.folder.join("flood"));
    let seeded = seeded::ours(&place, SigningAlgorithm::ES256, "SQLite").await?;
    // As it comes: the limits are those of an installation.
    let server = Server::start(&arguments.server, &place).await?;
    let subject = seeded.at(server.port);
    let calm = refreshing(&subject, Instant::now() + span / 3).await?;
    let resting = server.memory()?.0;
    let (answers, end) = (Answers::default(), Instant::now() + span);
    let attackers = try_join_all((0..ATTEMPTS).map(|number| attacker(&subject, number, end, &answers)));
    let (times, _) = tokio::try_join!(refreshing(&subject, end), attackers)?;
    let (_, most) = server.memory()?;
    server.stop().await?;
    let (judged, busy) = (answers.judged.get(), answers.busy.get());
    let mebibytes = |kibibytes: u64| kibibytes as f64 / 1024.0;
    report.row(
        format!("{ATTEMPTS} wrong passwords at a time, {} s", span.as_secs()),
        format!("{:.1} judged a second, {busy} turned away of {}", judged as f64 / span.as_secs_f64(), judged + busy),
        "",
    );
    report.row(
        "– memory, before and at most",
        format!("{:.0} and {:.0} MiB", mebibytes(resting), mebibytes(most)),
        "512 MiB or less",
    );
    report.row(
        "– p50 / p99 of /token (refresh) meanwhile",
        format!("{times} ms ({}); before: {calm} ms", times.len()),
        "p99 under 200 ms",
    );
    Ok(())
}

async fn refreshing(subject: &Subject, end: Instant) -> Outcome<Times> {
    let mut connection = Connection::open(Ipv4Addr::LOCALHOST, subject.port).await?;
    let mut token = subject::first_token(subject, &mut connection, 0).await?;
    let times = RefCell::new(Times::default());
    while Instant::now() < end {
        let began = Instant::now();
        token = subject.refresh(&mut connection, &token).await?;
        times.borrow_mut().add(began.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times.into_inner())
}

// Begins a journey, types a wrong password, begins the next.
async fn attacker(subject: &Subject, number: usize, end: Instant, answers: &Answers) -> Outcome<()> {
    let mut round = 0;
    while Instant::now() < end {
        // Somebody else each time, from elsewhere: 125 rounds of 500 have addresses of their own.
        let who = number + ATTEMPTS * round;
        let mut connection = Connection::open(world::address(who), subject.port).await?;
        let begun = connection.get(&subject.authorize(&subject.client), "").await?;
        let location = begun.headers("location").next().unwrap_or_default().to_owned();
        let id = location.strip_prefix("/journey/").ok_or_else(|| format!("no journey: {}", begun.status))?;
        let cookie = begun.cookie("__Host-journey").ok_or("no cookie of the journey")?;
        let token = Token::parse(cookie).ok_or("the cookie of the journey")?;
        let headers = format!("Cookie: __Host-journey={cookie}\r\n");
        let form =
            format!("csrf={}&email=nobody{who}%40bench.example&password=wrong+horse+battery", csrf::token(&token, id));
        let reply = connection.post(&format!("/journey/{id}/sign-in"), &headers, &form).await?;
        match reply.status {
            303 => answers.judged.set(answers.judged.get() + 1),
            429 | 503 => {
                answers.busy.set(answers.busy.get() + 1);
                if reply.headers("retry-after").next().is_none() {
                    return Err("turned away without Retry-After".into());
                }
            }
            status => return Err(format!("a wrong password was answered {status}").into()),
        }
        round += 1;
    }
    Ok(())
}
