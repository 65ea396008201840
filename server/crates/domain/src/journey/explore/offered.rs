//! Broken offers of recovery codes, which the walk must report.

use super::{
    broken::caught,
    scenarios::{BASE, plan},
    spec::Property,
    walk::{Machine, Production, walk},
    world::{Flow, PHONE_EVIL, Scenario, Who},
};
use crate::{
    application::Minimum,
    assurance::Method,
    journey::{
        Event, Facts, Journey, Person, Stage, Step, Then, Tools,
        testing::{browser, phone_factor},
    },
    recovery::CodeSeed,
    user_flow::FlowType,
};

const OFFERING: Scenario = Scenario {
    seats: [plan(Who::Owner, Flow::Strong, FlowType::SignIn), plan(Who::Intruder, Flow::Weak, FlowType::SignIn)],
    minimum: Minimum::None,
    codes: true,
    strong_methods: &[Method::TextMessage],
    steps: 3,
    together: 4,
    mistakes: 0,
    ticks: 0,
    ..BASE
};

/// Takes the word of any browser for that of the one that shows the codes.
struct ForgetsBrowser;

impl Machine for ForgetsBrowser {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let event = match event {
            Event::KeepRecoveryCodes { .. } => Event::KeepRecoveryCodes { browser: browser() },
            event => event,
        };
        journey.step(event, facts, tools)
    }
}

// By the browser that shows them: another one is refused, and nothing is changed by that.
fn is_kept(event: &Event) -> bool {
    matches!(event, Event::KeepRecoveryCodes { browser: by } if *by == browser())
}

/// Takes codes that were shown for codes that were used.
struct CountsAsUse;

impl Machine for CountsAsUse {
    fn step(&self, mut journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        if let (Stage::OfferRecoveryCodes { person, .. }, true) = (&mut journey.stage, is_kept(&event)) {
            person.authentication = person.authentication.clone().with_second(Method::RecoveryCode, facts.now);
        }
        journey.step(event, facts, tools)
    }
}

/// Offers codes to whoever knows a password, and takes something for bound.
struct OffersToAnybody;

impl Machine for OffersToAnybody {
    fn step(&self, mut journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        let keeps = is_kept(&event);
        if let (Stage::OfferRecoveryCodes { person, .. }, true, Some(account)) =
            (&mut journey.stage, keeps, &mut facts.account)
            && account.factors.is_empty()
        {
            let now = facts.now;
            account.factors.push(crate::factor::Factor {
                id: super::super::testing::id(998),
                account: account.id,
                secret: phone_factor(PHONE_EVIL),
                name: String::new(),
                created_at: now,
                last_used_at: None,
                last_step: None,
                failures: 0,
                locked_until: None,
            });
            person.authentication = person.authentication.clone().with_second(Method::TextMessage, now);
        }
        let signs_in = matches!(event, Event::SignIn { .. });
        let mut step = journey.step(event, &facts, tools);
        if let (true, Stage::Complete(completion)) = (signs_in, step.journey.stage()) {
            let version = facts.account.as_ref().and_then(|account| account.password_version);
            let person = Person::identified(completion.authentication().clone(), Then::Finish, version);
            step.journey.stage = Stage::OfferRecoveryCodes { person, seed: CodeSeed([0; 32]) };
        }
        step
    }
}

#[test]
fn recovery_codes_for_the_wrong_browser_or_person_are_caught() {
    let report = walk(&OFFERING, &Production);
    assert_eq!(report.broken, Default::default());
    assert!(report.goals.contains("offer_recovery_codes"), "{:?}", report.goals);
    caught(&ForgetsBrowser, &OFFERING, Property::Codes);
    caught(&CountsAsUse, &OFFERING, Property::Codes);
    caught(&OffersToAnybody, &OFFERING, Property::Codes);
}
