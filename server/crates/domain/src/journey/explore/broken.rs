//! Machines with one broken transition each: the walk must report that property and no other, or the
//! property has no teeth.

use super::{
    scenarios::{BASE, ELSEWHERE, plan, then},
    spec::Property,
    walk::{Machine, Production, walk},
    world::{Flow, PHONE_B, Recovery, Scenario, Who},
};
use crate::{
    application::Minimum,
    assurance::{Assurance, Demand, Level, Method},
    factor::{FactorSecret, MAX_CONSECUTIVE},
    journey::{
        Event, Facts, Journey, Return, Stage, Step, Tools,
        testing::{id, phone_factor},
    },
    passkey::{Assertion, PasskeyCheck},
    user_flow::{FlowType, Signals},
};

/// One broken transition each: the walk must report that property and no other.
pub(super) fn caught(machine: &dyn Machine, scenario: &Scenario, expected: Property) {
    let report = walk(scenario, machine);
    println!("{:?}", report.broken);
    assert_eq!(report.broken.keys().copied().collect::<Vec<_>>(), [expected], "{:?}", report.broken);
}

/// Forgets what the flow demands once the password is right.
struct ForgetsDemand;

impl Machine for ForgetsDemand {
    fn step(&self, mut journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        if matches!((journey.stage(), &event), (Stage::SignIn, Event::SignIn { .. })) {
            let kept = journey.header.demand.clone();
            journey.header.demand = Demand::single_factor();
            let lax = Facts { demand: Demand::single_factor(), ..facts.clone() };
            let mut step = journey.step(event, &lax, tools);
            step.journey.header.demand = kept;
            return step;
        }
        journey.step(event, facts, tools)
    }
}

#[test]
fn a_sign_in_that_forgets_the_demand_is_caught() {
    let scenario = Scenario { steps: 2, mistakes: 0, ticks: 0, ..BASE };
    caught(&ForgetsDemand, &scenario, Property::DemandsMet);
}

/// Takes any second factor for one that is good enough.
struct ForgetsMinimum;

impl Machine for ForgetsMinimum {
    fn step(&self, mut journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let lax = |demand: &Demand| if demand.level == Level::Aal2 { Demand::mfa([]) } else { demand.clone() };
        let kept = journey.header.demand.clone();
        journey.header.demand = lax(&kept);
        let mut step = journey.step(event, &Facts { demand: lax(&facts.demand), ..facts.clone() }, tools);
        step.journey.header.demand = kept;
        step
    }
}

#[test]
fn a_second_factor_below_the_minimum_is_caught() {
    let seats = [plan(Who::Owner, Flow::Strong, FlowType::SignIn), plan(Who::Intruder, Flow::Weak, FlowType::SignIn)];
    let scenario = Scenario { seats, least: Assurance::Aal2Strict, steps: 3, mistakes: 0, ticks: 0, ..BASE };
    assert_eq!(walk(&scenario, &Production).broken, Default::default());
    caught(&ForgetsMinimum, &scenario, Property::DemandsMet);
}

/// Takes every browser, network and country for known.
struct ForgetsConditions;

impl Machine for ForgetsConditions {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let last_strong_at = Some(facts.now);
        let signals = Signals { browser_known: true, network_known: true, country_known: true, last_strong_at };
        journey.step(event, &Facts { signals: Some(signals), ..facts.clone() }, tools)
    }
}

#[test]
fn a_password_alone_in_a_new_place_is_caught() {
    let seats = [
        then(plan(Who::Owner, Flow::Weak, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
        plan(Who::Intruder, Flow::Weak, FlowType::SignIn),
    ];
    let scenario = Scenario {
        seats,
        minimum: Minimum::None,
        strong_methods: &[Method::TextMessage],
        conditions: Some(ELSEWHERE),
        // No session leads in: the person signs in once more.
        device: true,
        steps: 4,
        together: 4,
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    let report = walk(&scenario, &Production);
    assert_eq!(report.broken, Default::default());
    for goal in ["Owner b@example.com Weak SignIn Aal2", "Owner b@example.com Weak SignIn Aal1"] {
        assert!(report.goals.contains(goal), "never reached: {goal}: {:?}", report.goals);
    }
    caught(&ForgetsConditions, &scenario, Property::DemandsMet);
}

/// Shows the first page after a wrong code.
struct AdvancesOnRefusal;

impl Machine for AdvancesOnRefusal {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let at_challenge = matches!(journey.stage(), Stage::Challenge { .. });
        let mut step = journey.step(event, facts, tools);
        if at_challenge && step.refusal.is_some() {
            step.journey.stage = Stage::SignIn;
        }
        step
    }
}

#[test]
fn a_refusal_that_moves_the_journey_is_caught() {
    let scenario = Scenario { steps: 2, ticks: 0, ..BASE };
    caught(&AdvancesOnRefusal, &scenario, Property::RefusalStays);
}

/// Forgets that a code was used: the page stays open for it.
struct ForgetsUsedCodes;

impl Machine for ForgetsUsedCodes {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let before = journey.clone();
        let mut step = journey.step(event, facts, tools);
        if matches!(before.stage(), Stage::SignUpCode { .. }) && matches!(step.journey.stage(), Stage::Details(_)) {
            step.journey = before;
        }
        step
    }
}

#[test]
fn a_code_that_can_be_used_twice_is_caught() {
    let scenario = Scenario { steps: 4, mistakes: 0, ticks: 0, ..BASE };
    caught(&ForgetsUsedCodes, &scenario, Property::CodeOnce);
}

/// Leaves the way back open.
struct LeavesReturnOpen;

impl Machine for LeavesReturnOpen {
    fn take_return(&self, journey: Journey) -> Result<(Journey, Return), Box<Journey>> {
        let open = journey.clone();
        journey.take_return().map(|(_, back)| (open, back))
    }
}

/// A store without compare-and-set.
struct LastWriterWins;

impl Machine for LastWriterWins {
    fn wins(&self, _read: u32, _stored: u32) -> bool {
        true
    }
}

#[test]
fn two_authorization_codes_of_one_journey_are_caught() {
    let seats = [plan(Who::Owner, Flow::Weak, FlowType::SignIn), plan(Who::Intruder, Flow::Strong, FlowType::SignIn)];
    let scenario = Scenario { seats, minimum: Minimum::None, steps: 1, mistakes: 0, ticks: 0, holds: 1, ..BASE };
    assert_eq!(walk(&scenario, &Production).broken, Default::default());
    assert_eq!(walk(&scenario, &Production).broken, Default::default());
    caught(&LeavesReturnOpen, &scenario, Property::CodeOnce);
    caught(&LastWriterWins, &scenario, Property::CodeOnce);
}

/// A reset that does not see the bound factor.
pub(super) struct ResetSkipsFactor;

impl Machine for ResetSkipsFactor {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if matches!(journey.stage(), Stage::ResetCode { .. } | Stage::NewPassword(_))
            && let Some(account) = &mut facts.account
        {
            account.factors.clear();
        }
        journey.step(event, &facts, tools)
    }
}

#[test]
fn a_reset_below_the_accounts_level_is_caught() {
    let seats =
        [plan(Who::Owner, Flow::Weak, FlowType::PasswordReset), plan(Who::Intruder, Flow::Weak, FlowType::SignIn)];
    let scenario = Scenario { seats, minimum: Minimum::None, steps: 3, mistakes: 0, ticks: 0, ..BASE };
    caught(&ResetSkipsFactor, &scenario, Property::OwnLevel);
}

/// Takes whoever signs in for somebody who agreed.
struct ForgetsConsent;

impl Machine for ForgetsConsent {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        journey.step(event, &Facts { consent: None, ..facts.clone() }, tools)
    }
}

#[test]
fn data_that_goes_out_without_consent_is_caught() {
    let seats = [plan(Who::Owner, Flow::Weak, FlowType::SignIn), plan(Who::Intruder, Flow::Strong, FlowType::SignIn)];
    let scenario = Scenario {
        seats,
        minimum: Minimum::None,
        third_party: true,
        steps: 2,
        together: 3,
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    assert_eq!(walk(&scenario, &Production).broken, Default::default());
    caught(&ForgetsConsent, &scenario, Property::Consent);
}

/// Takes the challenge that an answer names for the one that is open.
struct ForgetsChallenge;

impl Machine for ForgetsChallenge {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let event = match (event, journey.ceremony(facts.now)) {
            (Event::SubmitPasskey(check), Some(open)) => {
                Event::SubmitPasskey(PasskeyCheck { challenge: open.challenge, ..check })
            }
            (event, _) => event,
        };
        journey.step(event, facts, tools)
    }
}

/// Does not know how far a passkey's counter was.
struct ForgetsCounter;

impl Machine for ForgetsCounter {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        for factor in facts.account.iter_mut().flat_map(|account| &mut account.factors) {
            factor.last_step = None;
        }
        journey.step(event, &facts, tools)
    }
}

/// Lets a passkey in without a look at whose it is.
struct AnybodysPasskey;

impl Machine for AnybodysPasskey {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let event = match (event, facts.account.as_ref(), journey.ceremony(facts.now)) {
            (Event::SubmitPasskey(_), Some(account), Some(open)) if journey.stage().person().is_some() => {
                let bound = account.factors.iter().find(|factor| factor.secret.passkey().is_some());
                let assertion = bound.map(|factor| Assertion {
                    factor: factor.id,
                    account: account.id,
                    counter: u32::try_from(factor.last_step.unwrap_or_default() + 1).unwrap_or_default(),
                    backed_up: false,
                });
                Event::SubmitPasskey(PasskeyCheck { challenge: open.challenge, assertion })
            }
            (event, _, _) => event,
        };
        journey.step(event, facts, tools)
    }
}

#[test]
fn a_passkey_that_counts_twice_or_for_anybody_is_caught() {
    let seats = [plan(Who::Owner, Flow::Strong, FlowType::SignIn), plan(Who::Owner, Flow::Strong, FlowType::SignIn)];
    let passkeys = Scenario {
        seats,
        passkeys: true,
        strong_methods: &[Method::Passkey],
        steps: 2,
        together: 4,
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    assert_eq!(walk(&passkeys, &Production).broken, Default::default());
    caught(&ForgetsChallenge, &passkeys, Property::CodeOnce);
    caught(&ForgetsCounter, &passkeys, Property::CodeOnce);
    let seats =
        [plan(Who::Intruder, Flow::Strong, FlowType::SignIn), plan(Who::Intruder, Flow::Weak, FlowType::SignIn)];
    caught(&AnybodysPasskey, &Scenario { seats, ..passkeys }, Property::DemandsMet);
}

/// Does not know which recovery codes were used.
struct ForgetsUsedRecovery;

impl Machine for ForgetsUsedRecovery {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        for factor in facts.account.iter_mut().flat_map(|account| &mut account.factors) {
            if let FactorSecret::RecoveryCodes(codes) = &mut factor.secret {
                codes.used = 0;
            }
        }
        journey.step(event, &facts, tools)
    }
}

/// Takes recovery codes for a factor like any other, which may stand alone.
struct RecoveryAlone;

impl Machine for RecoveryAlone {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if let Some(account) = facts.account.as_mut().filter(|account| !account.factors.is_empty()) {
            // As if something stood beside them: a phone that was disabled.
            let mut phone = account.factors[0].clone();
            (phone.id, phone.secret, phone.failures) = (id(999), phone_factor(PHONE_B), MAX_CONSECUTIVE);
            account.factors.push(phone);
        }
        journey.step(event, &facts, tools)
    }
}

/// Lets who used a code go on without a new factor, as if the lost ones opened something.
struct SkipsRenewal;

impl Machine for SkipsRenewal {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let mut facts = facts.clone();
        if matches!(event, Event::SubmitRecoveryCode { .. }) {
            for factor in facts.account.iter_mut().flat_map(|account| &mut account.factors) {
                factor.failures = 0;
            }
        }
        journey.step(event, &facts, tools)
    }
}

#[test]
fn recovery_codes_that_work_twice_or_alone_are_caught() {
    let seats = [plan(Who::Owner, Flow::Strong, FlowType::SignIn), plan(Who::Owner, Flow::Strong, FlowType::SignIn)];
    let recovering = Scenario {
        seats,
        recovery: Recovery::Beside,
        strong_methods: &[Method::AuthenticatorApp],
        steps: 3,
        together: 6,
        sends: 1,
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    assert_eq!(walk(&recovering, &Production).broken, Default::default());
    caught(&ForgetsUsedRecovery, &recovering, Property::CodeOnce);
    let alone = Scenario { recovery: Recovery::Alone, ..recovering };
    assert_eq!(walk(&alone, &Production).broken, Default::default());
    caught(&RecoveryAlone, &alone, Property::DemandsMet);
    let issued = Scenario { recovery: Recovery::Issued, ..recovering };
    assert_eq!(walk(&issued, &Production).broken, Default::default());
    caught(&ForgetsUsedRecovery, &issued, Property::CodeOnce);
    caught(&SkipsRenewal, &issued, Property::OwnLevel);
}
