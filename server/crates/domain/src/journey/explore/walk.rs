//! The breadth-first walk. It runs the production code through a [`Machine`], so that the tests
//! can put a broken transition in its place.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    env,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write as _},
    panic, process,
    sync::Once,
};

use super::{
    super::{Event, Facts, Journey, Return, Step, Tools},
    moves::{self, Move},
    play::play,
    spec::Property,
    world::{Scenario, State},
};

/// The production code, or a broken variant of it.
pub(super) trait Machine {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        journey.step(event, facts, tools)
    }

    fn take_return(&self, journey: Journey) -> Result<(Journey, Return), Box<Journey>> {
        journey.take_return()
    }

    /// Compare-and-set of the store: whether a request that read version `read` may commit.
    fn wins(&self, read: u32, stored: u32) -> bool {
        read == stored
    }

    /// Whether one broken property is enough to know.
    fn stops_at_the_first(&self) -> bool {
        false
    }
}

/// As it runs in production.
pub(super) struct Production;

impl Machine for Production {
    fn stops_at_the_first(&self) -> bool {
        true
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) states: usize,
    pub(super) transitions: usize,
    /// Each broken property with the first way to break it.
    pub(super) broken: BTreeMap<Property, String>,
    /// What was reached: stages, and ends by account and flow.
    pub(super) goals: BTreeSet<String>,
}

// The other walks would go on for minutes where one failure says all: for the mutants (tools/mutants.sh).
fn end_with_the_first_failure() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if env::var_os("LANYARD_FIRST_FAILURE_ENDS").is_some() {
            panic::set_hook(Box::new(|failure| {
                // Not by `eprintln!`, which the test harness keeps for an end that does not come.
                let _ = writeln!(io::stderr(), "{failure}");
                process::exit(101);
            }));
        }
    });
}

/// Walks everything that `scenario` allows. A broken transition is reported and not followed.
pub(super) fn walk(scenario: &Scenario, machine: &dyn Machine) -> Report {
    end_with_the_first_failure();
    let mut report = Report::default();
    let mut seen = HashSet::new();
    let mut trail: Vec<(usize, &'static str)> = Vec::new();
    let mut queue = VecDeque::new();
    let start = scenario.start();
    seen.insert(digest(&start));
    trail.push((0, "start"));
    queue.push_back((0, start));
    while let Some((at, state)) = queue.pop_front() {
        report.states += 1;
        for seat in &state.seats {
            let stage = seat.journey.stage().name();
            if !report.goals.contains(stage) {
                report.goals.insert(stage.to_owned());
            }
        }
        for next in moves::all(scenario, &state) {
            report.transitions += 1;
            let name = name(&next);
            match play(scenario, machine, &state, next, &mut report.goals) {
                Ok(Some(state)) => {
                    if seen.insert(digest(&state)) {
                        trail.push((at, name));
                        queue.push_back((trail.len() - 1, state));
                    }
                }
                Ok(None) => {}
                Err((property, what)) => {
                    report.broken.entry(property).or_insert_with(|| format!("{what}: {}", path(&trail, at, name)));
                    if machine.stops_at_the_first() {
                        return report;
                    }
                }
            }
        }
    }
    report
}

fn digest(state: &State) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        state.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

fn path(trail: &[(usize, &'static str)], mut at: usize, last: &'static str) -> String {
    let mut names = vec![last];
    while at != 0 {
        names.push(trail[at].1);
        at = trail[at].0;
    }
    names.reverse();
    names.join(" > ")
}

fn name(next: &Move) -> &'static str {
    match next {
        Move::Send(_, event) => event.name(),
        Move::Return(_) => "return",
        Move::Redeem(_) => "redeem",
        Move::Hold(_) => "hold",
        Move::Release => "release",
        Move::Again(_) => "again",
        Move::Tick(_) => "tick",
        Move::Toggle => "toggle",
        Move::Disable => "disable",
        Move::Raise(_) => "raise",
        Move::Withdraw(_) => "withdraw",
        Move::Travel(_) => "travel",
        Move::Lose(_) => "lose",
    }
}
