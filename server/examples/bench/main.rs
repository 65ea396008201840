//! `make bench`: measures the release build of Lanyard and prints the figures as Markdown.
//!
//! Everything goes over real sockets to the real binary in a process of its own ([`server`]); this
//! program seeds its databases ([`world`], [`patients`]), plays its clients ([`http`]) and reads
//! what the kernel counted ([`process`]). One module a subject: [`sign_in`], [`footprint`], [`clinic`],
//! [`flood`], [`provider`] ([`subject`]: who answers; [`seeded`]: our side; [`peer`]; [`wrk`] with token.lua;
//! [`floor`]: bare sockets). Only [`factors`] runs the server in this process. `tools/bench.sh` builds both
//! and says on which machine.

mod clinic;
mod clinic_cases;
// What fails there ends the measurement, as it ends a test.
#[allow(clippy::unwrap_used)]
mod factors;
mod flood;
mod floor;
mod footprint;
mod http;
mod patients;
mod peer;
mod process;
mod provider;
mod seeded;
mod server;
mod sign_in;
mod subject;
// The server of the tests; not all of it is wanted here.
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used)]
mod support;
mod table;
mod world;
mod wrk;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::table::Report;

/// Whatever went wrong, in one line.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the server and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's binary.
    #[arg(long, default_value = "target/release/lanyard")]
    server: PathBuf,
    /// An empty folder for databases; removed at the end.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// A private PostgreSQL that may be filled; without it only SQLite is measured.
    #[arg(long, env = "LANYARD_TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    /// Only these parts: sign-in, footprint, provider, clinic, factors, flood (all by default).
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds that each run of sign-ins, and of bare hashes, takes.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Rounds of sign-ins; their medians are told.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Clients at the same time in the runs of sign-ins.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Sizes of the clinic's list, smallest first.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000")]
    patients: Vec<u32>,
    /// Connections, each of a person with a session, that the provider's endpoints are asked over: one run for each.
    #[arg(long, value_delimiter = ',', default_value = "16,64")]
    connections: Vec<usize>,
    /// The npm package `oidc-provider` beside our provider; wants PostgreSQL.
    #[arg(long)]
    peer: bool,
    /// Where the peer is, with its packages installed.
    #[arg(long, default_value = "tools/bench-peer")]
    peer_folder: PathBuf,
    /// A million patients too; takes some minutes more.
    #[arg(long)]
    large: bool,
}

impl Arguments {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    fn sizes(&self) -> Vec<u32> {
        let mut sizes = self.patients.clone();
        if self.large {
            sizes.push(1_000_000);
        }
        sizes
    }
}

// One thread: the clients take as little as they can of the cores that they share with the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = run(&arguments).await;
    // Some gigabytes that nobody wants to keep; a folder that cannot be removed is no failure.
    let _ = std::fs::remove_dir_all(&arguments.folder);
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Outcome<Report> {
    let _ = std::fs::remove_dir_all(&arguments.folder);
    std::fs::create_dir_all(&arguments.folder)?;
    let mut report = Report::default();
    report.note(format!("Load when it began: {}.", process::load()));
    if arguments.wants("sign-in") || arguments.wants("footprint") {
        let world = world::World::make(&arguments.folder.join("sign-in")).await?;
        if arguments.wants("footprint") {
            footprint::measure(arguments, &world, &mut report).await?;
        }
        if arguments.wants("sign-in") {
            sign_in::measure(arguments, &world, &mut report).await?;
        }
    }
    if arguments.wants("provider") || arguments.peer {
        provider::measure(arguments, &mut report).await?;
    }
    if arguments.wants("clinic") {
        clinic::measure(arguments, &mut report).await?;
    }
    if arguments.wants("factors") {
        factors::measure(arguments, &mut report).await?;
    }
    if arguments.wants("flood") {
        flood::measure(arguments, &mut report).await?;
    }
    report.note(format!("Load when it ended: {}.", process::load()));
    Ok(report)
}
