//! The worlds that are walked: who sits where, in which flows, and what may happen.

use super::world::{Flow, Plan, Recovery, Scenario, Who};
use crate::{
    application::Minimum,
    assurance::{Assurance, Method},
    clock::SECOND,
    user_flow::{Audience, Conditions, FlowType},
};

pub(super) const fn plan(who: Who, flow: Flow, kind: FlowType) -> Plan {
    Plan { who, flow, kind, audience: Audience::Patients, again: None }
}

pub(super) const fn then(plan: Plan, flow: Flow, kind: FlowType) -> Plan {
    Plan { again: Some((flow, kind)), ..plan }
}

/// In a new browser, or from a new network.
pub(super) const ELSEWHERE: Conditions =
    Conditions { new_browser: true, new_network: true, new_country: true, strong_days: None };

/// The methods with a code; passkeys have scenarios of their own.
pub(super) const CODES: [Method; 3] = [Method::AuthenticatorApp, Method::TextMessage, Method::PhoneCall];

/// What a world is where it does not say otherwise.
pub(super) const BASE: Scenario = Scenario {
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
    codes: false,
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
    raise: None,
    lost: false,
    short: false,
    grace: None,
};

/// The worlds that are walked.
pub(super) fn scenarios() -> Vec<Scenario> {
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
    let waiting = Scenario {
        minimum: Minimum::None,
        strong_methods: &[Method::AuthenticatorApp, Method::TextMessage],
        grace: Some(30 * SECOND),
        together: 4,
        mistakes: 0,
        sends: 1,
        ..BASE
    };
    let raising = Scenario {
        seats: [
            then(owner(Flow::Weak, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
            intruder(Flow::Weak, FlowType::SignIn),
        ],
        minimum: Minimum::None,
        strong_methods: &[Method::AuthenticatorApp, Method::TextMessage],
        raise: Some(Assurance::Aal2Legacy),
        mistakes: 0,
        ticks: 0,
        together: 5,
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
    let offering = Scenario {
        codes: true,
        strong_methods: &[Method::TextMessage],
        together: 6,
        sends: 2,
        mistakes: 0,
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
            name: "under conditions: asked in a new browser, network or country, and not where all are known",
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
            name: "a code that staff issued, and the phone turned off: a sign-in, and the weak flow's reset",
            seats: [owner(Flow::Strong, FlowType::SignIn), owner(Flow::Weak, FlowType::PasswordReset)],
            minimum: Minimum::None,
            recovery: Recovery::Issued,
            mistakes: 0,
            steps: 6,
            together: 7,
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
            name: "remembered browsers: answers that are lost, and the same cookie in another browser",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                owner(Flow::Strong, FlowType::SignIn),
            ],
            remembered: true,
            copied: true,
            lost: true,
            third_party: true,
            sends: 1,
            together: 4,
            mistakes: 0,
            ..BASE
        },
        Scenario {
            name: "passwords that are too short to be the only factor: remembered browsers beside them",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                owner(Flow::Strong, FlowType::PasswordReset),
            ],
            remembered: true,
            short: true,
            sends: 2,
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
            mistakes: 0,
            sends: 1,
            ticks: 0,
            together: 4,
            ..BASE
        },
        Scenario {
            name: "a grace period that ends in between; a session of who waits, and a reset",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Strong, FlowType::PasswordReset),
            ],
            ..waiting
        },
        Scenario {
            name: "a grace period: a sign-up and an intruder, who may wait for whom a password is enough",
            seats: [owner(Flow::Strong, FlowType::SignUpSignIn), intruder(Flow::Strong, FlowType::SignIn)],
            steps: 5,
            together: 5,
            ..waiting
        },
        Scenario {
            name: "a grace period: passwords that are too short to be the only factor",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                owner(Flow::Weak, FlowType::SignIn),
            ],
            short: true,
            ticks: 0,
            ..waiting
        },
        Scenario {
            name: "a grace period: an application of somebody else, a profile, requests that overlap",
            seats: [
                owner(Flow::Strong, FlowType::SignIn),
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::ProfileEditing),
            ],
            third_party: true,
            holds: 1,
            ..waiting
        },
        Scenario { name: "a grace period: a device waits for nobody", device: true, ..waiting },
        Scenario {
            name: "an account's own minimum rises in between, at a flow that is off; sessions carry over",
            raise: Some(Assurance::Aal2Strict),
            ..raising
        },
        Scenario {
            name: "an account's own minimum rises in between, under conditions; sessions carry over",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Weak, FlowType::SignIn),
                intruder(Flow::Weak, FlowType::SignIn),
            ],
            conditions: Some(ELSEWHERE),
            together: 3,
            ..raising
        },
        Scenario {
            name: "an account's own minimum rises in between, where a browser is remembered",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                intruder(Flow::Strong, FlowType::SignIn),
            ],
            remembered: true,
            together: 3,
            ..raising
        },
        Scenario {
            name: "an account's own minimum rises in a grace period; a profile, and requests that overlap",
            seats: [
                then(owner(Flow::Strong, FlowType::SignIn), Flow::Weak, FlowType::ProfileEditing),
                owner(Flow::Strong, FlowType::SignIn),
            ],
            grace: Some(30 * SECOND),
            holds: 1,
            together: 3,
            ..raising
        },
        Scenario {
            name: "recovery codes are offered after a sign-in, twice at once, requests that overlap",
            seats: [owner(Flow::Strong, FlowType::SignIn), owner(Flow::Strong, FlowType::SignIn)],
            holds: 1,
            sends: 1,
            together: 5,
            ..offering
        },
        Scenario {
            name: "recovery codes are offered once a first phone is set up; the intruder has passwords, and signs up",
            seats: [owner(Flow::Strong, FlowType::SignIn), intruder(Flow::Weak, FlowType::SignUpSignIn)],
            minimum: Minimum::None,
            third_party: true,
            toggle: true,
            ..offering
        },
        Scenario {
            name: "recovery codes are offered: the minimum rises, and a passkey beside them",
            seats: [
                then(owner(Flow::Weak, FlowType::SignIn), Flow::Strong, FlowType::SignIn),
                owner(Flow::Strong, FlowType::SignIn),
            ],
            minimum: Minimum::None,
            offers: true,
            toggle: true,
            strong_methods: &[Method::Passkey, Method::TextMessage],
            together: 5,
            sends: 1,
            ..offering
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
