//! Recovery codes: N9, N15, N16, N18, U19, decision 2.

use super::*;
use crate::{delays::GUESSES, factor::MAX_CONSECUTIVE};

const WAY: Event = Event::ChooseMethod { method: Method::RecoveryCode };

/// B has a phone and four recovery codes.
fn desk(kind: FlowType, demand: &Demand) -> Desk {
    Desk::with(kind, Audience::Patients, demand, vec![phone_factor(PHONE), recovery_factor(4)])
}

fn at_codes(desk: &Desk) -> bool {
    matches!(desk.journey.stage(), Stage::Challenge { method: Method::RecoveryCode, .. })
}

fn told(desk: &Desk) -> Option<u32> {
    desk.effects.iter().find_map(|effect| match effect {
        Effect::RecoveryCodeUsed { left, .. } => Some(*left),
        _ => None,
    })
}

#[test]
fn n15_n16_a_recovery_code_signs_in_once_and_its_owner_is_told() {
    let mut desk = desk(FlowType::SignIn, &on());
    desk.sign_in(B);
    assert!(!at_codes(&desk), "the phone is asked first");
    desk.ok(WAY).ok(recover(2));
    assert_eq!((desk.level(), told(&desk)), (Level::Aal2, Some(3)));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B).ok(WAY);
    assert_eq!(desk.send(recover(2)), Some(Refusal::CodeUsed));
    assert_eq!(desk.store.accounts[1].factors[1].failures, 0, "a slip, not a guess");
    desk.ok(recover(0));
    assert_eq!(told(&desk), Some(2));
}

#[test]
fn u19_recovery_codes_are_offered_last_and_not_when_they_are_used_up() {
    let mut desk = desk(FlowType::SignIn, &on());
    desk.sign_in(B);
    let ways = |desk: &Desk| -> Vec<Method> {
        desk.journey
            .ways(&desk.demand, &desk.store.accounts[1], desk.now)
            .into_iter()
            .map(|(_, method)| method)
            .collect()
    };
    assert_eq!(ways(&desk), [Method::TextMessage, Method::PhoneCall, Method::RecoveryCode]);
    desk.store.accounts[1].factors[1].last_used_at = Some(desk.now);
    assert_eq!(ways(&desk).last(), Some(&Method::RecoveryCode), "used last is not asked first");
    if let FactorSecret::RecoveryCodes(codes) = &mut desk.store.accounts[1].factors[1].secret {
        codes.used = 0b1111;
    }
    assert_eq!(ways(&desk), [Method::TextMessage, Method::PhoneCall]);
    assert_eq!(desk.send(WAY), Some(Refusal::MethodUnavailable));
}

#[test]
fn n9_recovery_codes_work_when_every_other_factor_is_disabled() {
    let mut desk = desk(FlowType::SignIn, &on());
    desk.store.accounts[1].factors[0].failures = MAX_CONSECUTIVE;
    desk.sign_in(B);
    assert!(at_codes(&desk), "{}", desk.stage());
    assert!(desk.store.outbox.is_empty(), "no code goes to a disabled phone");
    desk.ok(recover(1));
    assert_eq!(desk.stage(), "confirm_email", "n18: nothing else is left, so a new one is set up first");
    desk.prove(B);
    assert_eq!(desk.stage(), "choose_method");
}

#[test]
fn n9_n16_wrong_recovery_codes_are_counted_lock_and_disable_the_set() {
    let mut desk = desk(FlowType::SignIn, &on());
    desk.sign_in(B).ok(WAY);
    for failures in 1..=GUESSES.free {
        let tries_left = GUESSES.tries_left(failures);
        assert_eq!(desk.send(recover(9)), Some(Refusal::CodeWrong { tries_left }));
    }
    let until = desk.now.plus(GUESSES.first);
    assert_eq!(desk.send(recover(9)), Some(Refusal::FactorLocked { until }));
    assert_eq!(desk.send(recover(0)), Some(Refusal::FactorLocked { until }), "the right one as well");
    desk.store.accounts[1].factors[1].locked_until = None;
    desk.store.accounts[1].factors[1].failures = MAX_CONSECUTIVE - 1;
    desk.send(recover(9));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::FactorDisabled { .. })));
    desk.store.accounts[1].factors[1].locked_until = None;
    assert_eq!(desk.send(recover(0)), Some(Refusal::FactorDisabled));
}

#[test]
fn n18_a_reset_takes_the_code_to_the_address_and_a_recovery_code() {
    let mut desk = desk(FlowType::PasswordReset, &off());
    desk.ok(Event::RequestCode { email: email(B) }).prove(B);
    assert_eq!(desk.stage(), "challenge", "the mailbox alone is not enough");
    desk.ok(WAY).ok(recover(0));
    assert_eq!(desk.stage(), "new_password");
    desk.ok(Event::SubmitNewPassword { phc: "changed".to_owned() });
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn n18_f2_recovery_codes_alone_are_no_factor() {
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &on(), vec![recovery_factor(4)]);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "confirm_email", "as without a factor");
    assert_eq!(desk.send(recover(0)), Some(Refusal::OutOfStep));
    assert_eq!(desk.send(WAY), Some(Refusal::OutOfStep));
}

#[test]
fn a_recovery_code_is_taken_at_its_own_challenge_only() {
    let mut desk = desk(FlowType::SignIn, &on());
    assert_eq!(desk.send(recover(0)), Some(Refusal::OutOfStep), "before the password");
    desk.sign_in(B);
    assert_eq!(desk.send(recover(0)), Some(Refusal::OutOfStep), "at the phone's");
    desk.ok(WAY);
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::MethodUnavailable));
    // A set that was made anew meanwhile is another factor.
    desk.store.accounts[1].factors[1].id = id(777);
    assert_eq!(desk.send(recover(0)), Some(Refusal::MethodUnavailable));
}

#[test]
fn n19_no_journey_sets_recovery_codes_up() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(A).prove(A);
    assert_eq!(desk.stage(), "choose_method");
    assert_eq!(desk.send(WAY), Some(Refusal::MethodUnavailable));
}

/// B's phone is turned off, and staff issued the first of two codes; the second is a set of B's own.
fn issued(kind: FlowType, demand: &Demand) -> Desk {
    let mut desk = Desk::with(kind, Audience::Patients, demand, vec![phone_factor(PHONE), recovery_factor(1)]);
    let until = desk.now.plus(crate::recovery::ISSUED_LIFE);
    desk.store.accounts[1].factors[0].failures = MAX_CONSECUTIVE;
    if let FactorSecret::RecoveryCodes(codes) = &mut desk.store.accounts[1].factors[1].secret {
        codes.until = Some(until);
    }
    desk
}

#[test]
fn n17_n18_an_issued_code_leads_to_the_code_to_the_address_and_a_new_factor() {
    for demand in [on(), Demand::mfa([Method::Passkey, Method::AuthenticatorApp])] {
        let mut desk = issued(FlowType::SignIn, &demand);
        desk.sign_in(B);
        assert!(at_codes(&desk), "{}", desk.stage());
        desk.ok(recover(0));
        assert_eq!(desk.stage(), "confirm_email");
        assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::RecoveryCodeUsed { issued: true, .. })));
        desk.prove(B);
        assert_eq!(desk.stage(), "choose_method", "the dead phone is no way any more");
        let at = desk.journey.stage().person().map(|person| person.authentication().second().clone());
        assert_eq!(at, Some([Method::RecoveryCode].into()));
    }
}

#[test]
fn n17_an_issued_code_is_over_after_a_day() {
    let mut desk = issued(FlowType::SignIn, &on());
    desk.now = desk.now.plus(crate::recovery::ISSUED_LIFE - 1000);
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    assert!(at_codes(&desk));
    desk.now = desk.now.plus(1000);
    assert_eq!(desk.send(recover(0)), Some(Refusal::CodeExpired));
    assert_eq!(desk.store.accounts[1].factors[1].failures, 0, "a slip, not a guess");
    desk.begin(502, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    assert!(!at_codes(&desk), "it is not asked for any more: {}", desk.stage());
    assert_eq!(desk.stage(), "challenge", "and the account is not below its level");
}

#[test]
fn n18_a_reset_by_an_issued_code_sets_a_factor_up_where_the_flow_asks_for_none() {
    let mut desk = issued(FlowType::PasswordReset, &off());
    desk.ok(Event::RequestCode { email: email(B) }).prove(B);
    assert!(at_codes(&desk), "{}", desk.stage());
    desk.ok(recover(0));
    assert_eq!(desk.stage(), "new_password");
    desk.ok(Event::SubmitNewPassword { phc: "changed".to_owned() });
    assert_eq!(desk.stage(), "choose_method", "the address is proved");
}

#[test]
fn n15_one_page_takes_the_owners_codes_and_the_issued_one() {
    let mut desk = issued(FlowType::SignIn, &on());
    let FactorSecret::RecoveryCodes(own) = recovery_factor(3) else { unreachable!() };
    let set = desk.store.accounts[1].factors[1].clone();
    let secret = FactorSecret::RecoveryCodes(own);
    desk.store.accounts[1].factors.push(crate::factor::Factor { id: id(779), secret, ..set });
    desk.sign_in(B);
    let ways = desk.journey.ways(&desk.demand, &desk.store.accounts[1], desk.now);
    assert_eq!(ways.len(), 1, "{ways:?}");
    // The second code of the owner's set; both sets have the first.
    desk.ok(recover(2));
    assert_eq!(desk.stage(), "confirm_email");
    let used = |at: usize| desk.store.accounts[1].factors[at].secret.recovery().map(|codes| codes.used);
    assert_eq!((used(1), used(2)), (Some(0), Some(0b100)));
}
