//! Exhaustive exploration of the journey: a breadth-first walk over everything that two persons
//! in two browsers can do, in whatever order, within the bounds of each world ([`scenarios`]).
//!
//! The walk runs the production code. [`spec`] judges every transition by the seven properties of
//! the architecture, from outside. [`broken`] shows that each property has teeth.

mod broken;
mod grace;
mod moves;
mod offered;
mod own_minimum;
mod play;
mod remembered;
mod scenarios;
mod spec;
mod walk;
mod world;

use std::{
    iter,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use scenarios::scenarios;
use walk::{Production, Report, walk};
use world::Scenario;

use crate::application::Minimum;

// One world: the properties hold, and no intruder without a factor gets further than a password leads.
fn judged(scenario: &Scenario) -> Report {
    let began = std::time::Instant::now();
    let report = walk(scenario, &Production);
    println!(
        "{:>9} states {:>10} transitions {:?} {}",
        report.states,
        report.transitions,
        began.elapsed(),
        scenario.name
    );
    assert_eq!(report.broken, Default::default(), "{}", scenario.name);
    if scenario.minimum == Minimum::StrongestLinked {
        let entered = report.goals.iter().find(|goal| goal.starts_with("Intruder") && !goal.contains("mallory"));
        assert_eq!(entered, None, "the intruder knows passwords and has no factor");
    }
    // A password alone is enough for an account that may wait; so much a grace period costs.
    let waits = |goal: &str| scenario.grace.is_some() && goal == "Intruder a@example.com Strong SignIn Aal1";
    let faked = report.goals.iter().find(|goal| {
        goal.starts_with("Intruder")
            && !waits(goal)
            && !goal.contains("mallory")
            && (goal.contains("Strong") || goal.contains("Aal2"))
    });
    assert_eq!(faked, None, "{}", scenario.name);
    report
}

// The worlds have nothing to do with one another: each core takes the next one.
fn all_judged(scenarios: &[Scenario]) -> Vec<Report> {
    let next = AtomicUsize::new(0);
    let work = || iter::from_fn(|| scenarios.get(next.fetch_add(1, Ordering::Relaxed))).map(judged).collect::<Vec<_>>();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn the_seven_properties_hold_everywhere() {
    let scenarios = scenarios();
    let mut total = Report::default();
    let reports = all_judged(&scenarios);
    assert_eq!(reports.len(), scenarios.len());
    for report in reports {
        total.states += report.states;
        total.transitions += report.transitions;
        total.goals.extend(report.goals);
    }
    println!("states explored: {}", total.states);
    println!("transitions tried: {}", total.transitions);
    for goal in &total.goals {
        println!("reached: {goal}");
    }
    assert!(total.states > 50_000, "{}", total.states);
    for goal in [
        "code issued",
        "device approved",
        "Owner a@example.com Weak SignIn Aal1",
        "Owner a@example.com Strong SignIn Aal2",
        "Owner b@example.com Strong SignIn Aal2",
        "Owner b@example.com Weak SignIn Aal1",
        "Owner b@example.com Strong SignIn Aal1",
        "Owner b@example.com Strong SignIn Aal1 by session",
        "Owner a@example.com Strong SignIn Aal1",
        "Owner a@example.com Strong SignIn Aal1 by session",
        "Intruder mallory@example.com Strong SignIn Aal1",
        "Owner new@example.com Weak SignUpSignIn Aal1",
        "Owner new@example.com Weak SignUpSignIn Aal2",
        "Owner b@example.com Weak PasswordReset Aal2",
        "Owner b@example.com Weak ProfileEditing Aal2 by session",
        "Owner b@example.com Weak ProfileEditing Aal2",
    ] {
        assert!(total.goals.contains(goal), "never reached: {goal}");
    }
    for stage in [
        "consent",
        "confirm_email",
        "enrol_app",
        "enrol_phone_code",
        "enrol_passkey",
        "offer_passkey",
        "offer_recovery_codes",
        "edit_profile",
        "new_password",
        "returning",
        "ended",
    ] {
        assert!(total.goals.contains(stage), "never reached: {stage}");
    }
}
