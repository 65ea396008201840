//! Second factors: N13, N18, N19, failures 2, 4, 8, 9, 10; enrolment; the toggle.

use super::*;
use crate::{
    audit::Action,
    clock::{MINUTE, SECOND},
    delays::GUESSES,
    factor::MAX_CONSECUTIVE,
};

fn app_of_b(demand: &Demand) -> Desk {
    Desk::with(FlowType::SignIn, Audience::Patients, demand, vec![app_factor(SEED)])
}

#[test]
fn n13_totp_code_is_single_use_across_journeys() {
    let mut desk = app_of_b(&on());
    desk.sign_in(B);
    let digits = desk.app_digits();
    desk.ok(code(&digits));
    assert_eq!(desk.level(), Level::Aal2);
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    assert_eq!(desk.send(code(&digits)), Some(Refusal::CodeUsed), "f11: the same step again");
    let earlier = app_digits(&crate::secret::Sealed(vec![SEED; 8]), app_step(desk.now) - 1);
    assert_eq!(desk.send(code(&earlier)), Some(Refusal::CodeUsed), "nor an earlier one");
    desk.pass(30 * SECOND);
    let next = desk.app_digits();
    desk.ok(code(&next));
}

#[test]
fn n13_the_code_that_enrolled_an_app_does_not_sign_in() {
    let mut desk = Desk::new(FlowType::SignIn, &Demand::mfa([Method::AuthenticatorApp]));
    desk.sign_in(A).prove(A);
    let Stage::EnrolApp { seed, .. } = desk.journey.stage().clone() else { panic!("{}", desk.stage()) };
    let digits = app_digits(&seed, app_step(desk.now));
    desk.ok(app_code(&digits));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(A);
    assert_eq!(desk.send(code(&digits)), Some(Refusal::CodeUsed));
}

#[test]
fn f4_valid_totp_with_a_wrong_password_fails() {
    let mut desk = app_of_b(&on());
    let digits = desk.app_digits();
    let wrong = desk.store.sign_in(&email(B), false);
    assert_eq!(desk.send(wrong), Some(Refusal::WrongCredentials));
    assert_eq!(desk.send(code(&digits)), Some(Refusal::OutOfStep));
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn f9_f10_each_factor_counts_and_its_lock_refuses_the_right_code() {
    let factors = vec![phone_factor(PHONE), app_factor(SEED)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &on(), factors);
    desk.sign_in(B);
    if !matches!(desk.journey.stage(), Stage::Challenge { method: Method::AuthenticatorApp, .. }) {
        desk.ok(Event::ChooseMethod { method: Method::AuthenticatorApp });
    }
    for failures in 1..=GUESSES.free {
        let tries_left = GUESSES.free + 1 - failures;
        assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left }));
    }
    let until = desk.now.plus(GUESSES.first);
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::FactorLocked { until }));
    let right = desk.app_digits();
    assert_eq!(desk.send(code(&right)), Some(Refusal::FactorLocked { until }));
    // In a new journey as well.
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.pass(10 * SECOND).sign_in(B);
    if !matches!(desk.journey.stage(), Stage::Challenge { method: Method::AuthenticatorApp, .. }) {
        desk.ok(Event::ChooseMethod { method: Method::AuthenticatorApp });
    }
    let right = desk.app_digits();
    assert_eq!(desk.send(code(&right)), Some(Refusal::FactorLocked { until }));
    // f18: the phone is another factor with its own count, and still opens.
    let factors = &desk.store.accounts[1].factors;
    assert_eq!(factors.iter().map(|f| f.failures).collect::<Vec<_>>(), [0, GUESSES.free + 1]);
    desk.pass(MINUTE).ok(Event::ChooseMethod { method: Method::TextMessage }).prove(PHONE);
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn n9_each_further_wrong_code_doubles_the_wait_and_the_right_one_ends_it() {
    let mut desk = app_of_b(&on());
    desk.sign_in(B);
    for _ in 0..GUESSES.free {
        desk.send(code(WRONG));
    }
    for wait in [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE] {
        let until = desk.now.plus(wait);
        assert_eq!(desk.send(code(WRONG)), Some(Refusal::FactorLocked { until }));
        desk.pass(wait - 1);
        let right = desk.app_digits();
        assert_eq!(desk.send(code(&right)), Some(Refusal::FactorLocked { until }), "a moment too early");
        desk.pass(1);
    }
    let right = desk.app_digits();
    desk.ok(code(&right));
    assert_eq!(desk.store.accounts[1].factors[0].failures, 0);
    // A phone's codes of several journeys: the factor's count brings the wait, not the proof's.
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    for left in [4, 3, 2] {
        assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: left }));
    }
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.pass(MINUTE).sign_in(B);
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: 1 }));
    let until = desk.now.plus(GUESSES.first);
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::FactorLocked { until }));
}

#[test]
fn n9_n10_a_disabled_factor_is_not_offered_where_another_is_left() {
    let factors = vec![phone_factor(PHONE), app_factor(SEED)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &on(), factors);
    desk.store.accounts[1].factors[1].failures = MAX_CONSECUTIVE;
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }), "{}", desk.stage());
    let refused = desk.send(Event::ChooseMethod { method: Method::AuthenticatorApp });
    assert_eq!(refused, Some(Refusal::MethodUnavailable));
    // The hundredth wrong code, and no other, is told of.
    desk.store.accounts[1].factors[0].failures = MAX_CONSECUTIVE - 2;
    for told in [false, true] {
        // After the lock of the one before.
        desk.store.accounts[1].factors[0].locked_until = None;
        desk.send(code(WRONG));
        assert_eq!(desk.effects.iter().any(|effect| matches!(effect, Effect::FactorDisabled { .. })), told);
    }
    // Both: the page stands and says so, no code goes out, the right one opens nothing.
    desk.store.accounts[1].factors[0].failures = MAX_CONSECUTIVE;
    let right = desk.code_to(PHONE);
    assert_eq!(desk.send(code(&right)), Some(Refusal::FactorDisabled));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    let sent = desk.store.outbox.len();
    desk.sign_in(B);
    assert_eq!(desk.store.outbox.len(), sent);
    assert_eq!(desk.send(code(&right)), Some(Refusal::FactorDisabled));
}

#[test]
fn f10_a_locked_phone_refuses_the_right_code() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    let until = desk.now.plus(MINUTE);
    desk.store.accounts[1].factors[0].locked_until = Some(until);
    let right = desk.code_to(PHONE);
    assert_eq!(desk.send(code(&right)), Some(Refusal::FactorLocked { until }));
}

#[test]
fn f18_a_locked_proof_compares_nothing_and_counts_nothing() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    for _ in 0..8 {
        desk.send(code(WRONG));
    }
    assert_eq!(desk.store.accounts[1].factors[0].failures, 5, "five guesses, then the door is shut");
}

#[test]
fn u19_another_way_is_one_press_and_needs_no_wait() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    let way = |method| Event::ChooseMethod { method };
    desk.ok(way(Method::PhoneCall));
    // The waits are one for each way, and stay while switching to and fro.
    let again = desk.send(way(Method::TextMessage));
    assert!(matches!(again, Some(Refusal::ResendTooSoon { .. })), "{again:?}");
    assert!(matches!(desk.send(Event::Resend), Some(Refusal::ResendTooSoon { .. })));
}

#[test]
fn n11_switching_the_way_does_not_reset_the_count() {
    let factors = vec![phone_factor(PHONE), app_factor(SEED)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &on(), factors);
    let way = |method| Event::ChooseMethod { method };
    desk.sign_in(B);
    if !matches!(desk.journey.stage(), Stage::Challenge { method: Method::TextMessage, .. }) {
        desk.ok(way(Method::TextMessage));
    }
    desk.send(code(WRONG));
    desk.send(code(WRONG));
    desk.pass(31 * SECOND).ok(way(Method::PhoneCall));
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: 2 }), "text to call");
    desk.pass(31 * SECOND).ok(way(Method::AuthenticatorApp)).ok(way(Method::TextMessage));
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: 1 }), "by way of the app");
}

#[test]
fn n11_back_and_the_same_number_does_not_reset_the_count() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &Demand::mfa([Method::TextMessage]));
    sign_up(&mut desk).enter_phone(OTHER_PHONE, Method::TextMessage);
    for _ in 0..4 {
        desk.send(code(WRONG));
    }
    desk.pass(31 * SECOND).ok(Event::Back).enter_phone(OTHER_PHONE, Method::TextMessage);
    assert!(matches!(desk.send(code(WRONG)), Some(Refusal::CodeLocked { .. })));
    desk.ok(Event::Back);
    let again = desk.send(Event::EnterPhone { number: phone(OTHER_PHONE), method: Method::TextMessage });
    assert!(matches!(again, Some(Refusal::CodeLocked { .. })), "{again:?}");
}

#[test]
fn the_token_states_how_the_code_really_came() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    let by_text = desk.code_to(PHONE);
    desk.pass(31 * SECOND).ok(Event::ChooseMethod { method: Method::PhoneCall }).ok(code(&by_text));
    let Stage::Complete(completion) = desk.journey.stage() else { panic!("{}", desk.stage()) };
    assert_eq!(completion.authentication().amr(), ["pwd", "sms", "mfa"]);
}

#[test]
fn a_refused_change_of_way_changes_nothing() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    desk.store.sends.extend(vec![(CodePurpose::Challenge, PHONE.to_owned(), T0); 4]);
    let before = desk.journey.clone();
    desk.pass(31 * SECOND);
    let refusal = desk.send(Event::ChooseMethod { method: Method::PhoneCall });
    assert_eq!(refusal, Some(Refusal::TooManySends { from: T0.plus(15 * MINUTE) }));
    assert_eq!(desk.journey, before);
}

#[test]
fn f2_enrolment_cannot_be_skipped_by_starting_over() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &on());
    sign_up(&mut desk);
    assert_eq!(desk.stage(), "choose_method");
    assert!(desk.store.account(id(10)).is_some() && desk.store.accounts.len() == 2, "no account yet");
    // Leaving and coming back: the account does not exist, so there is nothing to sign in to.
    desk.begin(501, FlowType::SignUpSignIn, Audience::Patients);
    let event = desk.store.sign_in(&email(NEW), true);
    assert_eq!(desk.send(event), Some(Refusal::WrongCredentials));
    // An existing account is asked again, every time.
    for number in 502..505 {
        desk.begin(number, FlowType::SignIn, Audience::Patients);
        desk.sign_in(A);
        assert_eq!(desk.stage(), "confirm_email");
        desk.ok(Event::Cancel);
        desk.pass(16 * MINUTE);
    }
}

#[test]
fn sign_up_under_mfa_ends_with_a_factor_or_not_at_all() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &on());
    sign_up(&mut desk)
        .ok(Event::ChooseMethod { method: Method::TextMessage })
        .enter_phone(OTHER_PHONE, Method::TextMessage)
        .prove(OTHER_PHONE);
    assert_eq!(desk.level(), Level::Aal2);
    let created = desk.effects.iter().find_map(|effect| match effect {
        Effect::CreateAccount(new) => Some(new.factors.len()),
        _ => None,
    });
    assert_eq!(created, Some(1));
}

#[test]
fn first_enrolment_on_an_existing_account_needs_the_email_code() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(A);
    assert_eq!(desk.stage(), "confirm_email");
    for event in [
        Event::ChooseMethod { method: Method::TextMessage },
        Event::EnterPhone { number: phone(OTHER_PHONE), method: Method::TextMessage },
        app_code(WRONG),
        Event::Back,
    ] {
        assert_eq!(desk.send(event), Some(Refusal::OutOfStep));
    }
    desk.prove(A)
        .ok(Event::ChooseMethod { method: Method::TextMessage })
        .enter_phone(OTHER_PHONE, Method::TextMessage)
        .prove(OTHER_PHONE);
    assert_eq!(desk.notices(), [Notice::FactorBound(Method::TextMessage)], "N20: the owner is told");
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn n19_a_factor_bound_meanwhile_is_asked_before_another_is_bound() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(A)
        .prove(A)
        .ok(Event::ChooseMethod { method: Method::TextMessage })
        .enter_phone(OTHER_PHONE, Method::TextMessage);
    // Another journey of the same account finishes its own enrolment.
    let bound = account(10, A, vec![phone_factor(PHONE)]);
    desk.store.accounts[0] = bound;
    desk.prove(OTHER_PHONE);
    assert_eq!(desk.stage(), "challenge");
    assert!(!desk.has(|effect| matches!(effect, Effect::BindFactor { .. })));
}

#[test]
fn n19_a_method_the_account_lacks_is_enrolled_behind_the_bound_factor() {
    let mut desk = Desk::new(FlowType::SignIn, &Demand::mfa([Method::AuthenticatorApp]));
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge", "the phone first, although this flow does not accept it");
    desk.prove(PHONE);
    assert_eq!(desk.stage(), "confirm_email", "n18: by two routes");
    desk.prove(B);
    assert_eq!(desk.stage(), "enrol_app");
}

#[test]
fn f8_a_challenge_dies_with_its_factor() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    let digits = desk.code_to(PHONE);
    desk.store.accounts[1].factors.clear();
    assert_eq!(desk.send(code(&digits)), Some(Refusal::MethodUnavailable));
}

#[test]
fn toggle_during_a_journey_takes_the_stricter() {
    // Switched on before the password.
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.demand = on();
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
    // Switched off meanwhile: the journey keeps what it began with.
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.demand = off();
    desk.sign_in(B);
    let wrong = desk.send(code(WRONG));
    assert!(wrong.is_some());
    assert_eq!(desk.stage(), "challenge");
    // Switched on after completion and before the code: the way back no longer holds.
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.sign_in(B).settle();
    let holds = |desk: &Desk| {
        let facts = desk.store.facts(&desk.journey, None, desk.demand.clone(), desk.now);
        desk.journey.still_holds(&facts)
    };
    assert!(holds(&desk));
    desk.demand = on();
    assert!(!holds(&desk));
    desk.demand = off();
    desk.store.accounts[1].disabled = true;
    assert!(!holds(&desk), "f37: nor for a disabled account");
}

#[test]
fn policy_substitution_refused() {
    use crate::application::Minimum;
    let linked = [Assurance::Aal2Legacy, Assurance::Aal1];
    let weak = off().at_least(Minimum::StrongestLinked.assurance(linked));
    assert_eq!(weak.level, Level::Aal2);
    let mut desk = Desk::new(FlowType::SignIn, &weak);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge", "the weaker flow asks for what the application asks");
    // Also when the strong flow was linked while the journey was under way.
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.demand = weak;
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
    // Password reset and profile editing of the same application as well.
    let mut desk = Desk::new(FlowType::ProfileEditing, &off().at_least(Assurance::Aal2Legacy));
    desk.sign_in(A);
    assert_eq!(desk.stage(), "confirm_email");
}

#[test]
fn n14_only_a_way_of_the_phone_network_that_the_flow_takes_gets_a_number_bound() {
    let mut desk = Desk::new(FlowType::SignIn, &Demand::mfa([Method::TextMessage, Method::AuthenticatorApp]));
    desk.sign_in(A).prove(A).ok(Event::ChooseMethod { method: Method::TextMessage });
    for method in [Method::PhoneCall, Method::AuthenticatorApp, Method::Passkey, Method::RecoveryCode] {
        let enters = Event::EnterPhone { number: phone(OTHER_PHONE), method };
        assert_eq!(desk.send(enters), Some(Refusal::MethodUnavailable), "{method:?}");
    }
    desk.enter_phone(OTHER_PHONE, Method::TextMessage);
    // Whose the wrong code was stands in the log, where there is an account that it can point at.
    let failed_of = |desk: &Desk, whose| {
        desk.has(
            |effect| matches!(effect, Effect::Audit { action: Action::FactorBound, account, .. } if *account == whose),
        )
    };
    desk.send(code(WRONG));
    assert!(failed_of(&desk, Some(id(10))));
    let mut desk = Desk::new(FlowType::SignUpSignIn, &Demand::mfa([Method::TextMessage]));
    sign_up(&mut desk).enter_phone(OTHER_PHONE, Method::TextMessage);
    desk.send(code(WRONG));
    assert!(failed_of(&desk, None));
}
