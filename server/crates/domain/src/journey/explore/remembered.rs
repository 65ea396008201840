//! Broken machines that take a remembered browser for more than it is.

use super::{
    broken::{ResetSkipsFactor, caught},
    scenarios::{BASE, plan},
    spec::Property,
    walk::{Machine, Production, walk},
    world::{Flow, Scenario, Who},
};
use crate::{
    application::Minimum,
    assurance::Method,
    journey::{Effect, Event, Facts, Journey, Stage, Step, Tools},
    password::PasswordCheck,
    user_flow::FlowType,
};

/// Takes any remembered browser for one of whoever gave the password.
struct AnybodysBrowser;

impl Machine for AnybodysBrowser {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let (Some(shown), Some(account)) = (&mut facts.remembered, &facts.account) {
            shown.browser.account = account.id;
        }
        journey.step(event, &facts, tools)
    }
}

/// Takes a copy of the cookie that was used up before.
struct ForgetsSecret;

impl Machine for ForgetsSecret {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let Some(shown) = &mut facts.remembered {
            shown.secret = Some(shown.browser.token);
        }
        journey.step(event, &facts, tools)
    }
}

/// Takes a secret that was used before for one whose answer was lost, however long ago that was.
struct ForgetsTime;

impl Machine for ForgetsTime {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let Some(shown) = &mut facts.remembered {
            shown.browser.last_used_at = Some(facts.now);
        }
        journey.step(event, &facts, tools)
    }
}

/// Gives a browser another secret in any journey that went on in it.
struct AnswersAnybody;

impl Machine for AnswersAnybody {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let effect = facts.remembered.as_ref().map(|shown| Effect::BrowserRecognised {
            browser: shown.browser.id,
            shown: shown.browser.token,
            replaces: shown.browser.token,
            until: shown.browser.expires_at,
        });
        let gone_on = matches!((&event, journey.stage()), (Event::SignIn { .. }, Stage::Returning(_)));
        let mut step = journey.step(event, facts, tools);
        if let Some(effect) = effect.filter(|_| gone_on) {
            (step.refusal, step.effects) = (None, vec![effect]);
        }
        step
    }
}

/// Takes every right password for one that is long enough to be the only factor.
pub(super) struct ForgetsLength;

impl Machine for ForgetsLength {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let event = match event {
            Event::SignIn { email, check, keep } => {
                Event::SignIn { email, check: PasswordCheck::for_model(check.matched(), true), keep }
            }
            other => other,
        };
        journey.step(event, facts, tools)
    }
}

/// Takes a remembered browser for the factor that was given in it.
struct CountsAsFactor;

impl Machine for CountsAsFactor {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut step = journey.step(event, facts, tools);
        if let Stage::Consent { person, .. } = &mut step.journey.stage
            && person.authentication.remembered().is_some()
        {
            person.authentication = person.authentication.clone().with_second(Method::TextMessage, facts.now);
        }
        step
    }
}

/// Lets a remembered browser count in a reset.
struct CountsInReset;

impl Machine for CountsInReset {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        if facts.remembered.is_some() {
            return ResetSkipsFactor.step(journey, event, facts, tools);
        }
        journey.step(event, facts, tools)
    }
}

#[test]
fn n1_n22_a_remembered_browser_that_counts_for_anybody_twice_too_late_beside_a_short_password_as_a_factor_or_in_a_reset_is_caught()
 {
    let base = Scenario {
        minimum: Minimum::None,
        remembered: true,
        steps: 2,
        together: 3,
        sends: 1,
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    let sign_in = |who| plan(who, Flow::Strong, FlowType::SignIn);
    let own = Scenario { seats: [sign_in(Who::Owner), sign_in(Who::Intruder)], ..base };
    let copied = Scenario { copied: true, ticks: 1, ..own };
    let lost = Scenario { lost: true, ..copied };
    let short = Scenario { short: true, ..own };
    let consent = Scenario { third_party: true, ..own };
    let reset = plan(Who::Owner, Flow::Strong, FlowType::PasswordReset);
    let reset = Scenario { seats: [reset, sign_in(Who::Intruder)], steps: 3, sends: 2, ..base };
    for scenario in [own, copied, lost, short, consent, reset] {
        assert_eq!(walk(&scenario, &Production).broken, Default::default());
    }
    caught(&AnybodysBrowser, &own, Property::DemandsMet);
    caught(&ForgetsSecret, &copied, Property::DemandsMet);
    caught(&ForgetsTime, &lost, Property::DemandsMet);
    caught(&AnswersAnybody, &lost, Property::DemandsMet);
    caught(&ForgetsLength, &short, Property::DemandsMet);
    caught(&CountsAsFactor, &consent, Property::DemandsMet);
    caught(&CountsInReset, &reset, Property::OwnLevel);
}
