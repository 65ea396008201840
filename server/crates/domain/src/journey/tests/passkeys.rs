//! Passkeys: A15, N23, N26, failures 19 to 22, and what a copy leads to.

use super::*;
use crate::{
    audit::{Action, Outcome},
    clock::SECOND,
    factor::{Factor, MAX_CONSECUTIVE},
    passkey::{CEREMONY_LIFE, Challenge, PasskeyCheck},
    user_flow::Enforcement,
};

const KEY: u8 = 1;
const OTHER: u8 = 2;

fn keys_of_b(kind: FlowType) -> Desk {
    let mut desk = Desk::with(kind, Audience::Patients, &on(), vec![passkey_factor(KEY), phone_factor(PHONE)]);
    // Passkeys have no order of their own: asked for once, so that it is the one used last.
    desk.store.account_mut(id(20)).unwrap().factors[0].last_used_at = Some(T0);
    desk
}

impl Desk {
    fn challenge(&self) -> Challenge {
        self.journey.ceremony(self.now).expect("no ceremony").challenge
    }

    fn answer(&self, key: u8, ahead: i64) -> Event {
        self.store.assertion(self.challenge(), key, ahead)
    }

    fn factor(&self) -> Factor {
        self.store.account(id(20)).unwrap().factors[0].clone()
    }
}

#[test]
fn n26_a_passkey_alone_signs_in_at_aal2() {
    let mut desk = keys_of_b(FlowType::SignUpSignIn);
    desk.ok(desk.answer(KEY, 0));
    assert_eq!(desk.level(), Level::Aal2);
    let Stage::Complete(completion) = desk.journey.stage() else { panic!("{}", desk.stage()) };
    assert_eq!(completion.authentication().amr(), ["swk", "user", "mfa"]);
    assert_eq!(completion.authentication().account(), id(20));
}

#[test]
fn a_passkey_answers_a_challenge_after_the_password() {
    let mut desk = keys_of_b(FlowType::SignIn);
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::Passkey, .. }), "{}", desk.stage());
    assert!(desk.effects.iter().all(|effect| !matches!(effect, Effect::SendPhoneCode { .. })));
    desk.ok(desk.answer(KEY, 7));
    assert_eq!(desk.level(), Level::Aal2);
    assert_eq!(desk.factor().last_step, Some(7));
}

#[test]
fn a15_an_answer_counts_once_and_for_ten_minutes() {
    let mut desk = keys_of_b(FlowType::SignIn);
    let first = desk.challenge();
    // A wrong answer uses the challenge up as a right one does.
    let wrong = Event::SubmitPasskey(PasskeyCheck { challenge: first, assertion: None });
    assert_eq!(desk.send(wrong), Some(Refusal::PasskeyWrong));
    assert_ne!(desk.challenge(), first);
    let late = desk.store.assertion(first, KEY, 1);
    assert_eq!(desk.send(late), Some(Refusal::PasskeyExpired), "the challenge before");
    // Time passes.
    let slow = desk.answer(KEY, 1);
    desk.pass(CEREMONY_LIFE);
    assert_eq!(desk.journey.ceremony(desk.now), None);
    assert_eq!(desk.send(slow), Some(Refusal::PasskeyExpired));
    desk.ok(desk.answer(KEY, 1));
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn a_page_that_stood_open_asks_for_another_challenge() {
    let mut desk = keys_of_b(FlowType::SignIn);
    let first = desk.challenge();
    desk.pass(CEREMONY_LIFE);
    desk.ok(Event::RenewPasskey);
    assert_ne!(desk.challenge(), first);
    assert_eq!(desk.stage(), "sign_in");
    desk.ok(Event::GoForgotPassword);
    assert_eq!(desk.send(Event::RenewPasskey), Some(Refusal::OutOfStep));
    assert_eq!(desk.journey.ceremony(desk.now), None, "no page, no challenge");
}

#[test]
fn a_challenge_of_the_first_page_does_not_answer_the_second() {
    let mut desk = keys_of_b(FlowType::SignIn);
    let first = desk.answer(KEY, 1);
    desk.sign_in(B);
    assert_eq!(desk.send(first), Some(Refusal::PasskeyExpired));
}

#[test]
fn f18_two_pages_answered_in_another_order_are_no_copy() {
    let mut desk = keys_of_b(FlowType::SignIn);
    let (first, answer) = (desk.journey.clone(), desk.answer(KEY, 5));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.pass(SECOND);
    desk.ok(desk.answer(KEY, 6));
    desk.journey = first;
    assert_eq!(desk.send(answer), Some(Refusal::PasskeyExpired));
    assert_eq!(desk.factor().secret.passkey().unwrap().copied_at, None);
    desk.ok(desk.answer(KEY, 1));
    assert_eq!(desk.factor().last_step, Some(7));
}

#[test]
fn n9_u24_a_disabled_passkey_opens_nothing() {
    let mut desk = keys_of_b(FlowType::SignIn);
    desk.store.account_mut(id(20)).unwrap().factors[0].failures = MAX_CONSECUTIVE;
    assert_eq!(desk.send(desk.answer(KEY, 1)), Some(Refusal::FactorDisabled));
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }), "{}", desk.stage());
    assert_eq!(desk.factor().last_step, None);
}

#[test]
fn f20_a_counter_that_goes_back_turns_the_passkey_off() {
    let mut desk = keys_of_b(FlowType::SignIn);
    desk.ok(desk.answer(KEY, 5));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    assert_eq!(desk.send(desk.answer(KEY, 0)), Some(Refusal::PasskeyCopied));
    assert!(desk.factor().secret.passkey().unwrap().copied_at.is_some());
    let audited = desk.effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Audit {
                action: Action::FactorChecked,
                outcome: Outcome::Failure,
                detail: "passkey_copied",
                account: Some(_)
            }
        )
    });
    assert!(audited, "{:?}", desk.effects);
    // From now on not even the counter that goes on.
    assert_eq!(desk.send(desk.answer(KEY, 9)), Some(Refusal::PasskeyCopied));
    assert_eq!(desk.factor().last_step, Some(5));
    // The other factor still leads in, and the passkey is not offered beside it.
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }));
    assert_eq!(desk.send(Event::ChooseMethod { method: Method::Passkey }), Some(Refusal::MethodUnavailable));
}

#[test]
fn f21_a_passkey_of_another_account_is_no_answer() {
    let mut desk = keys_of_b(FlowType::SignIn);
    let mut other = account(30, "c@example.com", vec![passkey_factor(OTHER)]);
    other.factors[0].account = id(30);
    desk.store.accounts.push(other);
    desk.sign_in(B);
    assert_eq!(desk.send(desk.answer(OTHER, 1)), Some(Refusal::PasskeyWrong));
    // By itself it signs in whose it is.
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.ok(desk.answer(OTHER, 1));
    let Stage::Complete(completion) = desk.journey.stage() else { panic!("{}", desk.stage()) };
    assert_eq!(completion.authentication().account(), id(30));
}

#[test]
fn f21_an_answer_names_a_factor_of_the_account_and_the_account_of_the_factor() {
    let change = |event, change: fn(&mut crate::passkey::Assertion)| match event {
        Event::SubmitPasskey(mut check) => {
            change(check.assertion.as_mut().unwrap());
            Event::SubmitPasskey(check)
        }
        other => other,
    };
    let wrong: [fn(&mut crate::passkey::Assertion); 2] = [|own| own.factor = id(99), |own| own.account = id(10)];
    for wrong in wrong {
        let mut desk = keys_of_b(FlowType::SignIn);
        desk.sign_in(B);
        let event = change(desk.answer(KEY, 1), wrong);
        assert_eq!(desk.send(event), Some(Refusal::PasskeyWrong));
    }
    // What the key says of its backup is noted when it is new.
    for (backed_up, noted) in [(false, false), (true, true)] {
        let mut desk = keys_of_b(FlowType::SignIn);
        let Event::SubmitPasskey(mut check) = desk.answer(KEY, 1) else { panic!("no answer") };
        check.assertion.as_mut().unwrap().backed_up = backed_up;
        desk.ok(Event::SubmitPasskey(check));
        assert_eq!(desk.has(|effect| matches!(effect, Effect::PasskeyBackedUp { backed_up: true, .. })), noted);
        assert_eq!(desk.has(|effect| matches!(effect, Effect::PasskeyBackedUp { .. })), noted);
    }
}

#[test]
fn an_account_has_twenty_passkeys_at_most_and_patients_any_make() {
    for (number, refusal) in [(19, None), (20, Some(Refusal::MethodUnavailable))] {
        let demand = Demand::mfa([Method::Passkey]);
        let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &demand, vec![phone_factor(PHONE)]);
        // So many of which there seem to be two: none of them is asked for, and they count.
        let phone = desk.store.account(id(20)).unwrap().factors[0].clone();
        for key in 0..number {
            let secret = FactorSecret::Passkey(crate::passkey::Passkey { copied_at: Some(T0), ..passkey(100 + key) });
            let copied = Factor { id: id(9_000 + u128::from(key)), secret, ..phone.clone() };
            desk.store.account_mut(id(20)).unwrap().factors.push(copied);
        }
        desk.sign_in(B).prove(PHONE).prove(B);
        assert_eq!(desk.stage(), "enrol_passkey");
        let made = of_another_make(new_passkey(&desk.journey, KEY, desk.now));
        assert_eq!(desk.send(made), refusal, "{number}");
    }
}

#[test]
fn f22_a_flow_without_passkeys_takes_none() {
    let demand = Demand::mfa([Method::TextMessage]);
    let factors = vec![passkey_factor(KEY), phone_factor(PHONE)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &demand, factors);
    assert!(!desk.journey.takes_passkeys());
    let event = desk.store.assertion(Challenge([0; 32]), KEY, 1);
    assert_eq!(desk.send(event.clone()), Some(Refusal::OutOfStep));
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }));
    assert_eq!(desk.send(event), Some(Refusal::OutOfStep));
}

#[test]
fn a_passkey_that_the_flow_no_longer_counts_is_not_enough() {
    let mut desk = keys_of_b(FlowType::SignIn);
    desk.demand = Demand::mfa([Method::TextMessage]);
    desk.ok(desk.answer(KEY, 1));
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }), "{}", desk.stage());
}

#[test]
fn disabled_and_foreign_accounts_say_the_same_as_unknown_keys() {
    let mut desk = keys_of_b(FlowType::SignIn);
    desk.store.account_mut(id(20)).unwrap().disabled = true;
    assert_eq!(desk.send(desk.answer(KEY, 1)), Some(Refusal::PasskeyWrong));
    let account = desk.store.account_mut(id(20)).unwrap();
    (account.disabled, account.kind) = (false, crate::account::AccountKind::Staff);
    assert_eq!(desk.send(desk.answer(KEY, 1)), Some(Refusal::PasskeyWrong));
    assert_eq!(desk.send(desk.answer(OTHER, 1)), Some(Refusal::PasskeyWrong));
}

#[test]
fn n19_a_first_passkey_takes_the_code_and_another_one_the_bound_factor() {
    let mut desk = Desk::new(FlowType::SignIn, &Demand::mfa([Method::Passkey]));
    desk.sign_in(A).prove(A);
    assert_eq!(desk.stage(), "enrol_passkey");
    desk.ok(new_passkey(&desk.journey, KEY, desk.now));
    assert_eq!(desk.level(), Level::Aal2);
    let bound = desk.effects.iter().any(|effect| matches!(effect, Effect::BindFactor { first: true, .. }));
    assert!(bound, "{:?}", desk.effects);
    // B has a phone: it is asked for before a passkey is set up.
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }));
    assert_eq!(desk.send(new_passkey(&desk.journey, OTHER, desk.now)), Some(Refusal::OutOfStep));
}

fn of_another_make(event: Event) -> Event {
    match event {
        Event::CreatePasskey(mut creation) => {
            creation.attestation.as_mut().unwrap().make = crate::passkey::MakeCheck::Other;
            Event::CreatePasskey(creation)
        }
        other => other,
    }
}

#[test]
fn n19_staff_bind_no_passkey_of_another_make_and_the_challenge_is_gone() {
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &Demand::mfa([Method::Passkey]), vec![]);
    desk.sign_in(B).prove(B);
    assert_eq!(desk.stage(), "enrol_passkey");
    desk.store.account_mut(id(20)).unwrap().kind = crate::account::AccountKind::Staff;
    let refused = of_another_make(new_passkey(&desk.journey, KEY, desk.now));
    assert_eq!(desk.send(refused.clone()), Some(Refusal::PasskeyMake));
    assert_eq!(desk.send(refused), Some(Refusal::PasskeyExpired), "used up");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::BindFactor { .. })), "nothing is stored");
}

#[test]
fn a_new_account_comes_with_its_passkey() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &Demand::mfa([Method::Passkey]));
    sign_up(&mut desk);
    assert_eq!(desk.stage(), "enrol_passkey");
    let wrong = match new_passkey(&desk.journey, KEY, desk.now) {
        Event::CreatePasskey(creation) => {
            Event::CreatePasskey(Box::new(crate::passkey::PasskeyCreation { attestation: None, ..*creation }))
        }
        other => other,
    };
    assert_eq!(desk.send(wrong), Some(Refusal::PasskeyWrong));
    // The makes that the tenant names are for staff: a patient's is of any.
    desk.ok(of_another_make(new_passkey(&desk.journey, KEY, desk.now)));
    assert_eq!(desk.level(), Level::Aal2);
    let created = desk.store.accounts.iter().find(|account| account.email == email(NEW)).unwrap();
    assert!(created.factors[0].secret.passkey().is_some());
}

#[test]
fn a_passkey_alone_signs_in_where_mfa_is_off_too() {
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &off(), vec![passkey_factor(KEY)]);
    let mut header = header(502, FlowType::SignIn, Audience::Patients, &off(), desk.now);
    header.flow.settings.mfa.methods.insert(Method::Passkey);
    assert_eq!(header.flow.settings.mfa.enforcement, Enforcement::Off);
    desk.journey = Journey::begin(header, None, &no_facts(&off())).with_ceremony(&mut SeededEntropy::new(1));
    desk.ok(desk.answer(KEY, 0));
    assert_eq!(desk.level(), Level::Aal2, "the level is what happened");
}

#[test]
fn a15_a_page_that_takes_passkeys_has_a_challenge_in_its_time_and_a_journey_ends_in_both_directions() {
    let demand = Demand::mfa([Method::Passkey]);
    let desk = Desk::with(FlowType::SignIn, Audience::Patients, &demand, vec![passkey_factor(KEY)]);
    let made = desk.journey.header.created_at;
    assert!(desk.journey.ceremony(made).is_some());
    assert!(desk.journey.ceremony(made.plus(crate::clock::HOUR)).is_none());
    let end = desk.journey.header.expires_at;
    for (now, expired) in [(made.minus(1), true), (made, false), (end.minus(1), false), (end, true)] {
        assert_eq!(desk.journey.is_expired(now), expired, "{now:?}");
    }
}
