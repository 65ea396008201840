//! Broken machines that do not see what an account itself must show.

use super::{
    broken::caught,
    scenarios::{BASE, ELSEWHERE, plan, then},
    spec::Property,
    walk::{Machine, Production, walk},
    world::{Flow, Scenario, Who},
};
use crate::{
    application::Minimum,
    assurance::{Assurance, Method},
    clock::SECOND,
    journey::{Event, Facts, Journey, Step, Tools},
    user_flow::FlowType,
};

/// Judges by the flow alone.
struct ForgetsOwnMinimum;

impl Machine for ForgetsOwnMinimum {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let Some(account) = &mut facts.account {
            account.minimum = Assurance::Aal1;
        }
        journey.step(event, &facts, tools)
    }
}

/// Takes any second factor for what the account must show.
struct TakesAny;

impl Machine for TakesAny {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let Some(account) = &mut facts.account {
            account.minimum = account.minimum.min(Assurance::Aal2Legacy);
        }
        journey.step(event, &facts, tools)
    }
}

#[test]
fn n22_n23_an_account_that_comes_in_below_its_own_minimum_is_caught() {
    let base = Scenario {
        minimum: Minimum::None,
        strong_methods: &[Method::AuthenticatorApp, Method::TextMessage],
        raise: Some(Assurance::Aal2Strict),
        steps: 2,
        together: 3,
        sends: 1,
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    let weak = plan(Who::Owner, Flow::Weak, FlowType::SignIn);
    let intruder = plan(Who::Intruder, Flow::Weak, FlowType::SignIn);
    let strong = plan(Who::Owner, Flow::Strong, FlowType::SignIn);
    let off = Scenario { seats: [weak, intruder], ..base };
    let twice = Scenario { seats: [then(weak, Flow::Weak, FlowType::SignIn), intruder], steps: 4, ..base };
    let at_times = Scenario { conditions: Some(ELSEWHERE), device: true, together: 4, ..twice };
    let remembered = Scenario { seats: [strong, intruder], remembered: true, ..base };
    let waiting = Scenario { seats: [strong, intruder], grace: Some(30 * SECOND), ..base };
    for scenario in [off, twice, at_times, remembered, waiting] {
        assert_eq!(walk(&scenario, &Production).broken, Default::default());
        caught(&ForgetsOwnMinimum, &scenario, Property::OwnMinimum);
    }
    caught(&TakesAny, &Scenario { seats: [strong, intruder], ..base }, Property::OwnMinimum);
}
