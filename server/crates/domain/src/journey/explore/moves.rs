//! Everything that can happen next in the world: each person sends every event at every stage,
//! with all that they know and with wrong data; the clock moves; the operator flips the toggle.

use super::{
    super::{Event, Stage, testing::*},
    world::{A, B, EVIL, Held, KEY_B, PHONE_B, RECOVERY_CODES, Recovery, SEED_B, Scenario, State, TICKS, Who},
};
use crate::{
    account::Account,
    assurance::{Assurance, Method},
    clock::Millis,
    entropy::SeededEntropy,
    id::Id,
    passkey::{Challenge, PasskeyCheck},
    secret::{Sealed, Token},
};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// A person sends an event.
    Send(usize, Event),
    /// A browser follows the way back; the application redeems what it gets.
    Return(usize),
    /// The application redeems a code, perhaps again.
    Redeem(usize),
    /// A request reads its journey now and commits later.
    Hold(Box<Held>),
    /// It commits.
    Release,
    /// The person begins once more in the same browser.
    Again(usize),
    /// Time passes.
    Tick(Millis),
    /// MFA of the weak flow is switched on.
    Toggle,
    /// B is disabled.
    Disable,
    /// Every account's own minimum rises to this.
    Raise(Assurance),
    /// A person goes to another network.
    Travel(usize),
    /// The answer with the last cookie of a remembered browser never came.
    Lose(usize),
    /// The owner of an account takes back what it agreed to.
    Withdraw(Id<Account>),
}

pub(super) fn all(scenario: &Scenario, state: &State) -> Vec<Move> {
    let mut moves = Vec::with_capacity(80);
    for seat in 0..2 {
        let events = events(scenario, state, seat);
        if state.held.is_none() && state.holds < scenario.holds {
            let held = |event| {
                let browser = &state.seats[seat];
                Move::Hold(Box::new(Held { seat, version: browser.version, journey: browser.journey.clone(), event }))
            };
            match state.seats[seat].journey.stage() {
                Stage::Returning(_) => moves.push(held(None)),
                _ => moves.extend(events.iter().filter(|e| worth_holding(e)).cloned().map(|e| held(Some(e)))),
            }
        }
        moves.extend(events.into_iter().map(|event| Move::Send(seat, event)));
        if matches!(state.seats[seat].journey.stage(), Stage::Returning(_)) {
            moves.push(Move::Return(seat));
        }
        if state.seats[seat].codes > 0 {
            moves.push(Move::Redeem(seat));
        }
        if scenario.conditions.is_some() && !state.seats[seat].away {
            moves.push(Move::Travel(seat));
        }
        if scenario.lost && state.seats[seat].former.is_some() {
            moves.push(Move::Lose(seat));
        }
        if scenario.seats[seat].again.is_some() && !state.seats[seat].again {
            moves.push(Move::Again(seat));
        }
    }
    if state.held.is_some() {
        moves.push(Move::Release);
    }
    if state.ticks < scenario.ticks {
        moves.extend(TICKS.map(Move::Tick));
    }
    if scenario.toggle && !state.toggled {
        moves.push(Move::Toggle);
    }
    if scenario.disable && state.store.accounts.iter().any(|a| a.email.as_str() == B && !a.disabled) {
        moves.push(Move::Disable);
    }
    moves.extend(scenario.raise.filter(|to| state.store.accounts[1].minimum < *to).map(Move::Raise));
    if scenario.third_party && !state.withdrawn {
        moves.extend(state.store.consents.iter().map(|(account, _)| Move::Withdraw(*account)));
    }
    moves
}

fn worth_holding(event: &Event) -> bool {
    matches!(
        event,
        Event::SubmitCode { .. }
            | Event::SubmitNewPassword { .. }
            | Event::SubmitDetails(_)
            | Event::SubmitPasskey(_)
            | Event::SubmitRecoveryCode { .. }
            | Event::KeepRecoveryCodes { .. }
    )
}

fn events(scenario: &Scenario, state: &State, seat: usize) -> Vec<Event> {
    let who = scenario.seats[seat].who;
    let mut events = vec![
        Event::GoSignUp,
        Event::GoSignIn,
        Event::GoForgotPassword,
        Event::LeaveForReset,
        Event::Resend,
        Event::Agree,
        Event::Back,
        Event::Cancel,
        details(),
        Event::SubmitNewPassword { phc: "changed".to_owned() },
        Event::SubmitProfile { attributes: attributes() },
        state.store.sign_in(&email(A), true),
        state.store.sign_in(&email(B), true),
        state.store.sign_in(&email(B), false),
        Event::RequestCode { email: email(B) },
        Event::RequestCode { email: email(who.new_address()) },
        code(""),
        code(WRONG),
        app_code(WRONG),
    ];
    let methods =
        Method::ALL.into_iter().filter(|method| scenario.passkeys || scenario.offers || *method != Method::Passkey);
    events.extend(methods.map(|method| Event::ChooseMethod { method }));
    let numbers = [who.new_phone(), PHONE_B];
    events.extend(numbers.map(|n| Event::EnterPhone { number: phone(n), method: Method::TextMessage }));
    events.push(Event::EnterPhone { number: phone(who.new_phone()), method: Method::PhoneCall });
    // Every code this person ever read, whatever it was for: of this journey, of the other one,
    // used, dead or alive.
    let mut known: Vec<&str> =
        state.store.outbox.iter().filter(|m| who.reads(&m.to)).map(|m| m.code.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if scenario.remembered {
        let remember = |digits| Event::Remembering(Box::new(code(digits)));
        events.extend(known.iter().copied().chain([WRONG]).map(remember));
        events.push(state.store.sign_in(&email(EVIL), true));
    }
    events.extend(known.into_iter().map(code));
    let step = app_step(state.now);
    if who == Who::Owner && scenario.b_has_app {
        events.push(code(&app_digits(&Sealed(vec![SEED_B; 8]), step)));
        events.push(code(&app_digits(&Sealed(vec![SEED_B; 8]), step - 2)));
    }
    if scenario.recovery != Recovery::None {
        events.push(Event::ChooseMethod { method: Method::RecoveryCode });
        // The owner has the paper; anybody can make one up.
        events.extend((0..RECOVERY_CODES).filter(|_| who == Who::Owner).map(recover));
        events.push(recover(RECOVERY_CODES));
    }
    if scenario.grace.is_some() {
        events.push(state.store.sign_in(&email(EVIL), true));
        events.push(Event::RequestCode { email: email(A) });
    }
    if scenario.codes {
        events.push(keep_codes());
        events.push(Event::KeepRecoveryCodes { browser: Token::generate(&mut SeededEntropy::new(8)) });
    }
    if scenario.offers || scenario.codes || scenario.grace.is_some() {
        events.push(Event::NotNow);
    }
    if scenario.passkeys || scenario.offers {
        passkeys(&mut events, state, seat, who);
    }
    if let Stage::EnrolApp { seed, .. } = state.seats[seat].journey.stage() {
        events.push(app_code(&app_digits(seed, step)));
    }
    events
}

// What a person's authenticators answer to the challenge on the page, with a counter that goes on and,
// from a copy, with one that does not; the last answer that was taken, once more; no right answer.
fn passkeys(events: &mut Vec<Event>, state: &State, seat: usize, who: Who) {
    let journey = &state.seats[seat].journey;
    let open = journey.ceremony(state.now).map(|ceremony| ceremony.challenge);
    let Some(challenge) = open else {
        events.push(Event::RenewPasskey);
        return;
    };
    for key in who.keys() {
        match journey.stage() {
            Stage::EnrolPasskey(_) | Stage::OfferPasskey(_) => events.push(new_passkey(journey, *key, state.now)),
            _ => events.push(state.store.assertion(challenge, *key, 1)),
        }
    }
    events.push(Event::SubmitPasskey(PasskeyCheck { challenge, assertion: None }));
    if who == Who::Owner {
        events.push(state.store.assertion(challenge, KEY_B, 0));
        let taken = state.signed.iter().next_back();
        events.extend(taken.map(|signed| state.store.assertion(Challenge(*signed), KEY_B, 1)));
    }
}
