//! Broken machines that let somebody wait who may not.

use super::{
    broken::caught,
    remembered::ForgetsLength,
    scenarios::{BASE, plan},
    spec::Property,
    walk::{Machine, Production, walk},
    world::{Flow, Scenario, Who},
};
use crate::{
    application::Minimum,
    assurance::{Demand, Method},
    clock::{DAY, SECOND, Timestamp},
    journey::{Event, Facts, Journey, Stage, Step, Tools},
    user_flow::{FlowType, Grace},
};

// The step by another grace period than the one that stands.
fn by(
    grace: impl Fn(Grace) -> Grace,
    mut journey: Journey,
    event: Event,
    facts: &Facts,
    tools: &mut Tools<'_>,
) -> Step {
    let changed = |demand: &Demand| demand.clone().with_grace(demand.grace().map(&grace));
    let kept = journey.header.demand.clone();
    journey.header.demand = changed(&kept);
    let mut step = journey.step(event, &Facts { demand: changed(&facts.demand), ..facts.clone() }, tools);
    step.journey.header.demand = kept;
    step
}

/// Does not see that the grace period is over.
struct ForgetsEnd;

impl Machine for ForgetsEnd {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        by(|grace| Grace { until: grace.until.plus(DAY), ..grace }, journey, event, facts, tools)
    }
}

/// Does not see what the account has once somebody says "Not now".
struct ForgetsFactors;

impl Machine for ForgetsFactors {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let (Event::NotNow | Event::SignIn { .. }, Some(account)) = (&event, &mut facts.account) {
            account.factors.clear();
        }
        journey.step(event, &facts, tools)
    }
}

/// Lets whoever came by a forgotten password wait, and takes the new one for long.
struct ForgetsReset;

impl Machine for ForgetsReset {
    fn step(&self, mut journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let before = journey.clone();
        if let (Stage::ChooseMethod(person), Event::NotNow) = (&mut journey.stage, &event) {
            person.reset = false;
            person.authentication = person.authentication.clone().with_password_of(true);
        }
        let step = journey.step(event, facts, tools);
        // Where it is refused all the same nothing has changed.
        if step.refusal.is_some() { Step { journey: before, ..step } } else { step }
    }
}

/// Takes everybody for somebody who was there before.
struct ForgetsBeginning;

impl Machine for ForgetsBeginning {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let Some(account) = &mut facts.account {
            account.created_at = Timestamp(0);
        }
        journey.step(event, &facts, tools)
    }
}

#[test]
fn who_waits_too_long_with_a_factor_after_a_reset_or_as_a_newcomer_is_caught() {
    let base = Scenario {
        minimum: Minimum::None,
        strong_methods: &[Method::AuthenticatorApp, Method::TextMessage],
        grace: Some(30 * SECOND),
        steps: 2,
        together: 3,
        sends: 1,
        mistakes: 0,
        ..BASE
    };
    let sign_in = |who| plan(who, Flow::Strong, FlowType::SignIn);
    let own = Scenario { seats: [sign_in(Who::Owner), sign_in(Who::Intruder)], ..base };
    let late = Scenario { ticks: 1, ..own };
    let with_factor = Scenario { ticks: 0, ..own };
    let short = Scenario { short: true, ..with_factor };
    let forgotten = Scenario { ticks: 0, steps: 5, together: 5, sends: 2, ..own };
    for scenario in [late, with_factor, short, forgotten] {
        assert_eq!(walk(&scenario, &Production).broken, Default::default());
    }
    caught(&ForgetsEnd, &late, Property::DemandsMet);
    caught(&ForgetsFactors, &with_factor, Property::DemandsMet);
    caught(&ForgetsReset, &forgotten, Property::DemandsMet);
    caught(&ForgetsBeginning, &with_factor, Property::DemandsMet);
    caught(&ForgetsLength, &short, Property::DemandsMet);
}
