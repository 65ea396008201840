//! Exhaustive exploration of the journey: a breadth-first walk over everything that two persons
//! in two browsers can do, in whatever order, within the bounds of each [`world::Scenario`].
//!
//! The walk runs the production code. [`spec`] judges every transition by the five properties of
//! the architecture, from outside. The faults at the end show that each property has teeth: one
//! broken transition each, and the walk reports that very property.

mod moves;
mod remembered;
mod spec;
mod walk;
mod world;

use spec::Property;
use walk::{Machine, Production, Report, walk};
use world::{Flow, PHONE_B, Plan, Recovery, Scenario, Who};

use super::{
    Event, Facts, Journey, Return, Stage, Step, Tools,
    testing::{id, phone_factor},
};
use crate::{
    application::Minimum,
    assurance::{Assurance, Demand, Level, Method},
    factor::{FactorSecret, MAX_CONSECUTIVE},
    passkey::{Assertion, PasskeyCheck},
    user_flow::{Audience, Conditions, FlowType, Signals},
};

const fn plan(who: Who, flow: Flow, kind: FlowType) -> Plan {
    Plan { who, flow, kind, audience: Audience::Patients, again: None }
}

const fn then(plan: Plan, flow: Flow, kind: FlowType) -> Plan {
    Plan { again: Some((flow, kind)), ..plan }
}

/// In a new browser, or from a new network.
const ELSEWHERE: Conditions = Conditions { new_browser: true, new_network: true, strong_days: None };

/// The methods with a code; passkeys have scenarios of their own.
const CODES: [Method; 3] = [Method::AuthenticatorApp, Method::TextMessage, Method::PhoneCall];

const BASE: Scenario = Scenario {
    name: "",
    seats: [
        plan(Who::Owner, Flow::Strong, FlowType::SignUpSignIn),
        plan(Who::Intruder, Flow::Weak, FlowType::SignUpSignIn),
    ],
    minimum: Minimum::StrongestLinked,
    strong_methods: &CODES,
    least: Assurance::Aal1,
    conditions: None,
    b_has_app: false,
    recovery: Recovery::None,
    passkeys: false,
    offers: false,
    steps: 6,
    together: 5,
    sends: 2,
    mistakes: 1,
    ticks: 1,
    toggle: false,
    disable: false,
    holds: 0,
    device: false,
    third_party: false,
    remembered: false,
    copied: false,
};

/// The worlds that are walked.
fn scenarios() -> Vec<Scenario> {
    let owner = |flow, kind| plan(Who::Owner, flow, kind);
    let intruder = |flow, kind| plan(Who::Intruder, flow, kind);
    let account = |who| Plan { audience: Audience::SelfService, ..plan(who, Flow::Weak, FlowType::SignIn) };
    let holders = Scenario {
        seats: [
            then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::ProfileEditing),
            intruder(Flow::Strong, FlowType::SignIn),
        ],
        passkeys: true,
        strong_methods: &[Method::Passkey, Method::TextMessage],
        together: 4,
        sends: 1,
        ..BASE
    };
    let enrolling = Scenario {
        seats: [owner(Flow::Strong, FlowType::SignUpSignIn), owner(Flow::Weak, FlowType::PasswordReset)],
        passkeys: true,
        strong_methods: &[Method::Passkey],
        mistakes: 0,
        ticks: 0,
        ..BASE
    };
    let recovering = Scenario {
        recovery: Recovery::Beside,
        strong_methods: &[Method::AuthenticatorApp, Method::TextMessage],
        together: 4,
        sends: 1,
        ticks: 0,
        ..BASE
    };
    vec![
        Scenario {
            name: "owner at the strong flow, intruder at the weak one, which is raised",
            steps: 4,
            together: 5,
            mistakes: 0,
            ..BASE
        },
        Scenario {
            name: "no minimum: the weak flow stays weak until it is toggled, and sessions carry over",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                intruder(Flow::Strong, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            toggle: true,
            together: 4,
            mistakes: 0,
            ..BASE
        },
        Scenario {
            name: "two journeys of one owner: reset against sign-in, requests that overlap",
            seats: [owner(Flow::Weak, FlowType::PasswordReset), owner(Flow::Strong, FlowType::SignIn)],
            minimum: Minimum::None,
            holds: 1,
            ticks: 0,
            together: 5,
            mistakes: 0,
            ..BASE
        },
        Scenario {
            name: "profile editing and self-service, the app as second factor",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::ProfileEditing),
                account(Who::Owner),
            ],
            minimum: Minimum::None,
            b_has_app: true,
            disable: true,
            together: 4,
            mistakes: 0,
            ..BASE
        },
        Scenario {
            name: "the intruder resets and edits, the owner signs in",
            seats: [
                owner(Flow::Strong, FlowType::SignIn),
                then(intruder(Flow::Weak, FlowType::PasswordReset), Flow::Weak, FlowType::ProfileEditing),
            ],
            minimum: Minimum::None,
            toggle: true,
            strong_methods: &[Method::AuthenticatorApp, Method::PhoneCall],
            together: 4,
            ticks: 0,
            ..BASE
        },
        Scenario {
            name: "a new patient signs up, with MFA and without, while the toggle moves",
            seats: [owner(Flow::Weak, FlowType::SignUpSignIn), intruder(Flow::Weak, FlowType::SignUpSignIn)],
            minimum: Minimum::None,
            toggle: true,
            strong_methods: &[Method::TextMessage],
            mistakes: 0,
            together: 6,
            ticks: 0,
            ..BASE
        },
        Scenario {
            name: "an application of somebody else: consent by sign-in and by session, withdrawn in between",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                then(owner(Flow::Weak, FlowType::ProfileEditing), Flow::Weak, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            third_party: true,
            mistakes: 0,
            sends: 1,
            together: 4,
            ticks: 0,
            ..BASE
        },
        Scenario {
            name: "sign-up to an application of somebody else",
            seats: [owner(Flow::Weak, FlowType::SignUpSignIn), intruder(Flow::Weak, FlowType::SignIn)],
            minimum: Minimum::None,
            third_party: true,
            mistakes: 0,
            sends: 1,
            ticks: 0,
            together: 5,
            ..BASE
        },
        Scenario {
            name: "a device of an application of somebody else, twice in one browser, consent withdrawn in between",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                intruder(Flow::Strong, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            device: true,
            third_party: true,
            toggle: true,
            mistakes: 0,
            sends: 1,
            together: 5,
            ticks: 0,
            ..BASE
        },
        Scenario {
            name: "passkeys: alone or as second factor, answered twice, copied; the intruder has one of his own",
            mistakes: 1,
            ticks: 0,
            ..holders
        },
        Scenario {
            name: "passkeys: challenges that grow old, accounts that are disabled in between",
            mistakes: 0,
            disable: true,
            ..holders
        },
        Scenario {
            name: "a passkey is offered to the owner, and to whoever else gets that far",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
                intruder(Flow::Weak, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            offers: true,
            third_party: true,
            strong_methods: &[Method::Passkey, Method::TextMessage],
            mistakes: 0,
            ticks: 0,
            sends: 1,
            together: 5,
            ..BASE
        },
        Scenario {
            name: "a minimum of aal2-strict: a phone is not enough, and sets up an app; it rises in between",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                intruder(Flow::Strong, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            strong_methods: &[Method::AuthenticatorApp, Method::TextMessage],
            least: Assurance::Aal2Strict,
            toggle: true,
            mistakes: 0,
            sends: 1,
            ticks: 0,
            together: 5,
            ..BASE
        },
        Scenario {
            name: "under conditions: asked in a new browser or network, and not where both are known",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
                then(intruder(Flow::Weak, FlowType::SignIn), Flow::Weak, FlowType::ProfileEditing),
            ],
            minimum: Minimum::None,
            strong_methods: &[Method::TextMessage],
            conditions: Some(ELSEWHERE),
            toggle: true,
            mistakes: 0,
            sends: 1,
            ticks: 0,
            together: 4,
            ..BASE
        },
        Scenario {
            name: "under conditions: a flow that always asks, or never, beside it; sessions carry over",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
                owner(Flow::Weak, FlowType::SignUpSignIn),
            ],
            minimum: Minimum::None,
            strong_methods: &[Method::TextMessage],
            conditions: Some(ELSEWHERE),
            mistakes: 0,
            sends: 1,
            ticks: 0,
            together: 4,
            ..BASE
        },
        Scenario {
            name: "recovery codes beside the phone: sign-in and profile, the intruder has none",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::ProfileEditing),
                intruder(Flow::Strong, FlowType::SignIn),
            ],
            ..recovering
        },
        Scenario {
            name: "recovery codes: a reset against a sign-in, requests that overlap",
            seats: [owner(Flow::Weak, FlowType::PasswordReset), owner(Flow::Strong, FlowType::SignIn)],
            minimum: Minimum::None,
            holds: 1,
            mistakes: 0,
            ..recovering
        },
        Scenario {
            name: "recovery codes without any other factor, as the store never has them",
            seats: [owner(Flow::Strong, FlowType::SignIn), owner(Flow::Weak, FlowType::PasswordReset)],
            minimum: Minimum::None,
            recovery: Recovery::Alone,
            mistakes: 0,
            ..recovering
        },
        Scenario {
            name: "remembered browsers of two people; a session, and a reset, in one",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::PasswordReset),
                then(intruder(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
            ],
            remembered: true,
            together: 4,
            mistakes: 0,
            ..BASE
        },
        Scenario {
            name: "remembered browsers: the owner in both, consent asked for, accounts disabled in between",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                owner(Flow::Strong, FlowType::ProfileEditing),
            ],
            remembered: true,
            copied: true,
            third_party: true,
            disable: true,
            sends: 1,
            together: 4,
            mistakes: 0,
            ticks: 0,
            ..BASE
        },
        Scenario {
            name: "remembered browsers beside a flow that asks under conditions; sessions carry over",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
                then(intruder(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            strong_methods: &[Method::TextMessage],
            conditions: Some(ELSEWHERE),
            remembered: true,
            copied: true,
            mistakes: 0,
            sends: 1,
            ticks: 0,
            together: 4,
            ..BASE
        },
        Scenario { name: "passkeys: a new patient sets one up, a reset beside it", together: 5, ..enrolling },
        Scenario {
            name: "passkeys: set up on an account without a factor, against a reset that overlaps",
            holds: 1,
            together: 3,
            ..enrolling
        },
    ]
}

#[test]
fn the_five_properties_hold_everywhere() {
    let mut total = Report::default();
    for scenario in scenarios() {
        let began = std::time::Instant::now();
        let report = walk(&scenario, &Production);
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
        let faked = report.goals.iter().find(|goal| {
            goal.starts_with("Intruder")
                && !goal.contains("mallory")
                && (goal.contains("Strong") || goal.contains("Aal2"))
        });
        assert_eq!(faked, None, "{}", scenario.name);
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
        "edit_profile",
        "new_password",
        "returning",
        "ended",
    ] {
        assert!(total.goals.contains(stage), "never reached: {stage}");
    }
}

/// One broken transition each: the walk must report that property and no other.
fn caught(machine: &dyn Machine, scenario: &Scenario, expected: Property) {
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

/// Takes every browser and network for known.
struct ForgetsConditions;

impl Machine for ForgetsConditions {
    fn step(&self, journey: Journey, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let signals = Signals { browser_known: true, network_known: true, last_strong_at: Some(facts.now) };
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
struct ResetSkipsFactor;

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
}
