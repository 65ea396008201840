//! The long tests (`make soak`): races over and over, timing as a statistic, garbage without end.
//! Races have a hundred rounds; all else goes on for `LANYARD_SOAK_MINUTES`. Each prints its figures.

use std::time::{Duration, Instant};

use lanyard_domain::journey::SEND_WINDOW;
use lanyard_server::{jobs::clean_up, service::pace::Pace};

use crate::{
    input_abuse, races,
    support::{
        Run, TestApp, Via,
        app::Options,
        world::{MARIA, TINA},
    },
};

/// The bound of security.md, D11: above it a difference in time counts as seen.
const WELCH_BOUND: f64 = 4.5;
/// Rounds of races on each database.
const ROUNDS: u32 = 100;
/// Samples of each kind that are enough.
const SAMPLES: usize = 5_000;

fn until() -> Instant {
    let minutes = std::env::var("LANYARD_SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    Instant::now() + Duration::from_secs(60 * minutes)
}

async fn rounds_of_races(options: fn() -> Options) {
    // However long they take: "one winner each time" means so many times.
    for _ in 0..ROUNDS {
        races::code_has_one_winner(options(), MARIA).await;
        races::code_has_one_winner(options(), TINA).await;
        races::email_code_has_one_winner(options()).await;
        races::redemption_has_one_winner(options(), 1).await;
        races::refresh_has_one_winner(options(), 1).await;
        races::device_code_has_one_winner(options(), 1).await;
        races::the_way_back_has_one_winner(options()).await;
    }
    println!("soak: {ROUNDS} rounds of seven races, one winner each time");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: races on SQLite"]
async fn soak_d7_one_winner_every_time() {
    rounds_of_races(Options::default).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: races on PostgreSQL"]
async fn soak_d7_one_winner_every_time_postgres() {
    rounds_of_races(Options::postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: garbage"]
async fn soak_f53_no_garbage_gets_a_500() {
    let (end, mut seed) = (until(), 1);
    while Instant::now() < end {
        input_abuse::garbage(seed, 1500).await;
        seed += 1;
    }
    println!("soak: {} random requests, no 500", (seed - 1) * 1500);
}

/// Mean and variance of the mean.
fn moments(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance / n)
}

/// The same length as the known one's.
const STRANGER: &str = "mario@patients.example";

/// How many servers are asked at a time: most of the time goes by waiting.
const SERVERS: usize = 8;

#[derive(Clone, Copy)]
struct Asks {
    first: Option<&'static str>,
    event: &'static str,
    fields: &'static [(&'static str, &'static str)],
}

// The times of answers for a known and for an unknown address, in turns, by a server at the pace of the real one, each
// from a network of its own so that no throttle shows, and late enough for no limit of sends to show either.
async fn times(asks: Asks, end: Instant) -> [Vec<f64>; 2] {
    let mut app = TestApp::with(Options { adjust: |parts| parts.pace = Pace::default(), ..Options::default() }).await;
    app.leave_messages();
    let mut times = [Vec::new(), Vec::new()];
    let mut n = 0_usize;
    while times[1].len() < SAMPLES / SERVERS && Instant::now() < end {
        // The order changes, so that whatever comes first in a pair is not always the same.
        for kind in [n % 2, 1 - n % 2] {
            let email = [MARIA, STRANGER][kind];
            let ip = [10, kind as u8, (n / 256) as u8, (n % 256) as u8];
            let mut run = Run::begin(&app, &app.world.mfa, Via::Json).await;
            run.browser = run.browser.at_ip(ip);
            if let Some(first) = asks.first {
                run.act(first, &[]).await;
            }
            let csrf = run.view().await.csrf;
            let all: Vec<_> = [("email", email)].into_iter().chain(asks.fields.iter().copied()).collect();
            let started = Instant::now();
            let answer = run.post(asks.event, &csrf, &all).await;
            let took = started.elapsed();
            assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
            times[kind].push(took.as_secs_f64() * 1e6);
        }
        n += 1;
        app.advance(SEND_WINDOW);
        if n.is_multiple_of(50) {
            app.drain().await;
            clean_up::once(&app.app, app.now()).await.unwrap();
        }
    }
    times
}

async fn takes_the_same_time(what: &str, asks: Asks) {
    let end = until();
    let servers: Vec<_> = (0..SERVERS).map(|_| tokio::spawn(times(asks, end))).collect();
    let mut times = [Vec::new(), Vec::new()];
    for server in servers {
        let [known, unknown] = server.await.unwrap();
        times[0].extend(known);
        times[1].extend(unknown);
    }
    let n = times[0].len();
    let [(known, of_known), (unknown, of_unknown)] = [moments(&times[0]), moments(&times[1])];
    let t = (known - unknown) / (of_known + of_unknown).sqrt();
    let enough = if n < SAMPLES { ", too few to tell" } else { "" };
    println!("soak: {what}: {n} pairs{enough}; known {known:.0} us, unknown {unknown:.0} us, Welch t = {t:.2}");
    assert!(t.abs() < WELCH_BOUND, "{what}: t = {t:.2}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: timing of sign-in"]
async fn soak_d11_sign_in_takes_the_same_time_for_strangers() {
    let fields = &[("password", "a wrong password")];
    takes_the_same_time("sign-in", Asks { first: None, event: "sign-in", fields }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: timing of a forgotten password"]
async fn soak_d11_reset_takes_the_same_time_for_strangers() {
    takes_the_same_time("reset", Asks { first: Some("go-forgot-password"), event: "request-code", fields: &[] }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: timing of sign-up"]
async fn soak_d11_sign_up_takes_the_same_time_for_strangers() {
    takes_the_same_time("sign-up", Asks { first: Some("go-sign-up"), event: "request-code", fields: &[] }).await;
}
