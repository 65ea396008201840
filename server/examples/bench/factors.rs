//! What a sign-in costs with each factor: time, statements, the share of argon2.
//!
//! The server of the tests, in this process: its router, a real database, real SMTP and Twilio over
//! loopback, a software authenticator, and a clock that stands still, so that nobody has to wait for the
//! next code of an app. No sockets: what a browser waits for on the way is not in these figures.

use std::time::{Duration, Instant};

use futures::future::join_all;
use lanyard_app::api::journey::{JourneyView, StageView};
use lanyard_domain::{clock::MINUTE, password::Password};

use crate::{
    Arguments, Outcome,
    support::{
        Clinic, Options, PASSWORD, Run, TestApp, Via,
        authenticator::Authenticator,
        statements,
        world::{MARIA, NORA, PHONE, SEED, TINA, totp},
    },
    table::{Report, Times},
};

/// Sign-ins of each kind.
const ROUNDS: usize = 100;
/// People with a passkey, and how often each of them signs in.
const PEOPLE: usize = 16;
const EACH: usize = 25;

/// How somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Password,
    App,
    Text,
    PasswordAndPasskey,
    Passkey,
}

impl Way {
    const ALL: [Self; 5] = [Self::Password, Self::App, Self::Text, Self::PasswordAndPasskey, Self::Passkey];

    const fn name(self) -> &'static str {
        match self {
            Self::Password => "password alone",
            Self::App => "password and authenticator app",
            Self::Text => "password and text message",
            Self::PasswordAndPasskey => "password and passkey",
            Self::Passkey => "passkey alone",
        }
    }
}

/// Sums the time and the statements of a sign-in's requests; what lies between them is not its own.
#[derive(Default)]
struct Meter {
    time: Duration,
    statements: u64,
}

impl Meter {
    async fn post(&mut self, run: &mut Run, event: &str, fields: &[(&str, &str)]) -> JourneyView {
        let csrf = run.view().await.csrf;
        let (before, started) = (statements::sent(), Instant::now());
        let answer = run.post(event, &csrf, fields).await;
        self.time += started.elapsed();
        self.statements += statements::sent() - before;
        answer.json()
    }
}

/// Measures and reports. On several threads, as the server runs: this program has but one.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let postgres = arguments.postgres.clone();
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            statements::count();
            let mut lines = vec![on("SQLite", Options::default()).await];
            if postgres.is_some() {
                lines.push(on("PostgreSQL", Options::postgres()).await);
            }
            Ok::<_, std::io::Error>(lines)
        })
    });
    for (what, figure, aim) in worker.join().map_err(|_| "the measurement of the factors panicked")??.concat() {
        report.row(what, figure, aim);
    }
    Ok(())
}

type Lines = Vec<(String, String, &'static str)>;

async fn on(database: &str, options: Options) -> Lines {
    let mut options = options;
    options.config.limits.hashing_threads = 0;
    let app = TestApp::with(options).await;
    let mut device = device();
    let mut lines = Vec::new();
    set_up(&app, NORA, &mut device).await;
    let hash = hash_alone(&app).await;
    for way in Way::ALL {
        let (mut times, mut counts) = (Times::default(), Vec::new());
        for _ in 0..ROUNDS {
            // The next step of an app, and past the limit of sends.
            app.advance(4 * MINUTE);
            let meter = sign_in(&app, way, &mut device).await;
            times.add(meter.time);
            counts.push(meter.statements);
        }
        counts.sort_unstable();
        let statements = counts[counts.len() / 2];
        let figure = format!("{times} ms, {statements} statements");
        lines.push((format!("{}, p50 / p99, {database}", way.name()), figure, ""));
        if way == Way::App {
            let share = 100.0 * hash.at(50) / times.at(50);
            lines.push((format!("– share of argon2, {database}"), format!("{share:.0} %"), ""));
        }
    }
    let rate = passkeys_a_second(&app).await;
    lines.push((format!("passkey sign-ins, {PEOPLE} at a time, {database}"), format!("{rate:.0} a second"), ""));
    app.drain().await;
    lines
}

fn device() -> Authenticator {
    Authenticator { synced: true, ..Authenticator::default() }
}

// The median hash of the server's own queue, with nothing else to do.
async fn hash_alone(app: &TestApp) -> Times {
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let done = app.app.passwords.check(Password::new(PASSWORD).unwrap(), None).await;
        times.add(started.elapsed());
        done.unwrap();
    }
    times
}

fn options_of(view: &JourneyView) -> &str {
    match &view.stage {
        StageView::SignIn { passkey: Some(prompt), .. }
        | StageView::EnrolPasskey { passkey: prompt, .. }
        | StageView::Challenge { passkey: Some(prompt), .. } => &prompt.options,
        other => panic!("no passkey is asked for: {other:?}"),
    }
}

// Sets a passkey up for somebody who has no second factor.
async fn set_up(app: &TestApp, email: &str, device: &mut Authenticator) {
    let mut run = Run::begin(app, &app.world.mfa, Via::Json).await;
    run.sign_in(email, PASSWORD).await;
    let code = app.code(email).await;
    run.act("submit-code", &[("code", &code)]).await;
    let view = run.act("choose-method", &[("method", "passkey")]).await;
    bind(&mut run, &view, device).await;
    app.drain().await;
}

async fn bind(run: &mut Run, view: &JourneyView, device: &mut Authenticator) {
    let made = device.create(options_of(view));
    let view = run.act("create-passkey", &[("credential", &made), ("name", "Bench")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}

async fn sign_in(app: &TestApp, way: Way, device: &mut Authenticator) -> Meter {
    let clinic: &Clinic = if way == Way::Password { &app.world.plain } else { &app.world.mfa };
    let mut run = Run::begin(app, clinic, Via::Json).await;
    let mut meter = Meter::default();
    let email = match way {
        Way::App => TINA,
        Way::Text => MARIA,
        Way::Password | Way::PasswordAndPasskey | Way::Passkey => NORA,
    };
    let credentials = [("email", email), ("password", PASSWORD)];
    let view = match way {
        Way::Passkey => run.view().await,
        _ => meter.post(&mut run, "sign-in", &credentials).await,
    };
    let view = match way {
        Way::Password => view,
        Way::App => meter.post(&mut run, "submit-code", &[("code", &totp(SEED, app.now()))]).await,
        Way::Text => {
            let code = app.code(PHONE).await;
            meter.post(&mut run, "submit-code", &[("code", &code)]).await
        }
        Way::PasswordAndPasskey | Way::Passkey => {
            let answer = device.get(options_of(&view));
            meter.post(&mut run, "submit-passkey", &[("credential", &answer)]).await
        }
    };
    assert!(matches!(view.stage, StageView::Done { .. }), "{way:?}: {view:?}");
    meter
}

// The journeys are begun and the answers signed beforehand: what is timed is the server's part.
async fn passkeys_a_second(app: &TestApp) -> f64 {
    let mut ready = Vec::new();
    for number in 0..PEOPLE {
        let mut device = device();
        let mut run = Run::begin(app, &app.world.mfa, Via::Json).await;
        run.sign_up(app, &format!("passkey{number}@new.example"), PASSWORD).await;
        let view = run.act("choose-method", &[("method", "passkey")]).await;
        bind(&mut run, &view, &mut device).await;
        let mut mine = Vec::new();
        for _ in 0..EACH {
            let mut run = Run::begin(app, &app.world.mfa, Via::Json).await;
            let view = run.view().await;
            mine.push((device.get(options_of(&view)), view.csrf, run));
        }
        ready.push(mine);
    }
    app.drain().await;
    let started = Instant::now();
    let people = ready.into_iter().map(|mine| {
        tokio::spawn(async move {
            for (answer, csrf, mut run) in mine {
                let view: JourneyView = run.post("submit-passkey", &csrf, &[("credential", &answer)]).await.json();
                assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
            }
        })
    });
    join_all(people).await.into_iter().for_each(Result::unwrap);
    (PEOPLE * EACH) as f64 / started.elapsed().as_secs_f64()
}
