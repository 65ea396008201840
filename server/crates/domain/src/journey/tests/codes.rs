//! Out-of-band codes: N11, N12, U10, U13, U14, A13, failure 1.

use super::*;
use crate::{
    clock::{MINUTE, SECOND},
    journey::{
        CODE_LIFE, CODE_LOCK, CodeProof, MAX_TRIES, Notice, RESEND_AFTER, SEND_LIMIT, SEND_WINDOW, code::may_send,
    },
};

fn at_sign_up_code() -> Desk {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &off());
    desk.ok(Event::GoSignUp).request(NEW);
    desk
}

#[test]
fn n12_code_lives_nine_minutes_fifty_nine_and_is_dead_at_ten_oh_one() {
    for (wait, refusal) in [(10 * MINUTE - SECOND, None), (10 * MINUTE + SECOND, Some(Refusal::CodeExpired))] {
        let mut desk = at_sign_up_code();
        let digits = desk.code_to(NEW);
        assert_eq!(desk.pass(wait).send(code(&digits)), refusal);
    }
}

#[test]
fn n11_n12_u13_the_times_of_codes_are_ten_minutes_a_quarter_of_an_hour_and_half_a_minute() {
    assert_eq!([CODE_LIFE, CODE_LOCK, SEND_WINDOW, RESEND_AFTER], [600_000, 900_000, 900_000, 30_000]);
}

#[test]
fn a13_each_purpose_of_a_code_goes_into_its_hash_by_a_name_of_its_own() {
    let all = [
        (CodePurpose::SignUp, "sign_up"),
        (CodePurpose::Reset, "reset"),
        (CodePurpose::ConfirmEmail, "confirm_email"),
        (CodePurpose::ChangeEmail, "change_email"),
        (CodePurpose::LeaveEmail, "leave_email"),
        (CodePurpose::EnrolPhone, "enrol_phone"),
        (CodePurpose::Challenge, "challenge"),
    ];
    assert!(all.iter().all(|(purpose, name)| purpose.as_str() == *name));
}

fn sent(proof: &mut CodeProof, at: Timestamp) -> String {
    let mut entropy = SeededEntropy::new(at.0 as u64);
    proof.issue(id(500), at, &mut entropy, &ToyMac, None, false).expose().to_owned()
}

#[test]
fn u13_a_page_counts_to_the_next_code_from_the_newest_one_the_limit_or_the_lock() {
    let mut proof = CodeProof::new(CodePurpose::SignUp, NEW.to_owned());
    assert_eq!((proof.last_sent_at(), proof.resend_from()), (None, Timestamp(0)));
    sent(&mut proof, T0);
    assert_eq!((proof.last_sent_at(), proof.resend_from()), (Some(T0), T0.plus(30 * SECOND)));
    proof.withhold(T0.plus(5 * MINUTE));
    assert_eq!(proof.resend_from(), T0.plus(5 * MINUTE));
    let later = T0.plus(6 * MINUTE);
    sent(&mut proof, later);
    assert_eq!((proof.last_sent_at(), proof.resend_from()), (Some(later), later.plus(30 * SECOND)));
    for _ in 0..MAX_TRIES {
        let _ = proof.check(id(500), WRONG, later, &ToyMac, &mut Vec::new());
    }
    assert_eq!(proof.resend_from(), later.plus(15 * MINUTE));
}

#[test]
fn n12_a_code_is_told_to_be_too_old_until_it_is_forgotten_after_twice_its_life() {
    for (wait, refusal) in
        [(20 * MINUTE - 1, Refusal::CodeExpired), (20 * MINUTE, Refusal::CodeWrong { tries_left: MAX_TRIES - 1 })]
    {
        let mut proof = CodeProof::new(CodePurpose::SignUp, NEW.to_owned());
        let first = sent(&mut proof, T0);
        sent(&mut proof, T0.plus(wait));
        let checked = proof.check(id(500), &first, T0.plus(wait), &ToyMac, &mut Vec::new());
        assert_eq!(checked.map(drop), Err(refusal));
    }
}

#[test]
fn n12_code_is_single_use() {
    let mut desk = at_sign_up_code();
    let digits = desk.code_to(NEW);
    let stage_before = desk.journey.stage.clone();
    desk.ok(code(&digits));
    assert_eq!(desk.send(code(&digits)), Some(Refusal::OutOfStep), "the page is gone");
    // Even if the page were there again.
    desk.journey.stage = stage_before;
    assert_eq!(desk.send(code(&digits)), Some(Refusal::CodeUsed));
}

#[test]
fn u13_after_a_resend_the_earlier_code_lives_on() {
    let mut desk = at_sign_up_code();
    let first = desk.code_to(NEW);
    desk.pass(31 * SECOND).ok(Event::Resend);
    assert_ne!(first, desk.code_to(NEW));
    desk.ok(code(&first));
    assert_eq!(desk.stage(), "details");
}

#[test]
fn u13_resend_waits_thirty_seconds_and_stops_at_five_in_fifteen_minutes() {
    let mut desk = at_sign_up_code();
    let refusal = desk.pass(29 * SECOND).send(Event::Resend);
    assert_eq!(refusal, Some(Refusal::ResendTooSoon { from: T0.plus(30 * SECOND) }));
    desk.pass(SECOND).ok(Event::Resend);
    for _ in 0..3 {
        desk.pass(31 * SECOND).ok(Event::Resend);
    }
    let sixth = desk.pass(31 * SECOND).send(Event::Resend);
    assert_eq!(sixth, Some(Refusal::TooManySends { from: T0.plus(15 * MINUTE) }));
    // Neither asking by the other button nor starting over helps.
    let event = || Event::RequestCode { email: email(NEW) };
    assert_eq!(desk.send(event()), Some(Refusal::TooManySends { from: T0.plus(15 * MINUTE) }));
    desk.ok(Event::Back);
    assert_eq!(desk.send(event()), Some(Refusal::TooManySends { from: T0.plus(15 * MINUTE) }));
    desk.now = T0.plus(15 * MINUTE);
    desk.request(NEW);
    assert_eq!(desk.stage(), "sign_up_code");
}

#[test]
fn u13_a_send_counts_for_fifteen_minutes_to_the_millisecond() {
    let sends = [T0; SEND_LIMIT];
    assert_eq!(may_send(T0.plus(SEND_WINDOW), &sends), Ok(()));
    let refused = Refusal::TooManySends { from: T0.plus(SEND_WINDOW) };
    assert_eq!(may_send(T0.plus(SEND_WINDOW - 1), &sends), Err(refused));
    assert_eq!(may_send(T0, &sends[1..]), Ok(()), "four are not too many");
}

#[test]
fn u14_each_refusal_is_its_own() {
    let mut desk = at_sign_up_code();
    let good = desk.code_to(NEW);
    assert_eq!(desk.send(code("")), Some(Refusal::CodeLength));
    assert_eq!(desk.send(code("12345")), Some(Refusal::CodeLength));
    assert_eq!(desk.send(code("12345x")), Some(Refusal::CodeLength));
    for tries_left in (1..MAX_TRIES).rev() {
        assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left }));
    }
    let until = T0.plus(CODE_LOCK);
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeLocked { until }));
    assert_eq!(desk.send(code(&good)), Some(Refusal::CodeLocked { until }), "the lock covers the right code");
    assert_eq!(desk.send(Event::Resend), Some(Refusal::CodeLocked { until }), "a resend does not open it");
    // After the lock: a new code, all tries again, the old code gone.
    desk.now = until;
    desk.ok(Event::Resend);
    assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: MAX_TRIES - 1 }));
    desk.prove(NEW);
}

#[test]
fn n11_asking_for_a_new_code_does_not_reset_the_count() {
    type Way = fn(&mut Desk);
    let ways: [(&str, Way); 4] = [
        ("resend", |desk| {
            desk.ok(Event::Resend);
        }),
        ("the first button again", |desk| {
            desk.request(NEW);
        }),
        ("back and again", |desk| {
            desk.ok(Event::Back).request(NEW);
        }),
        ("another address in between, by way of sign-in", |desk| {
            desk.request("other@example.com").ok(Event::GoSignIn).ok(Event::GoSignUp).request(NEW);
        }),
    ];
    for (name, way) in ways {
        let mut desk = at_sign_up_code();
        for _ in 0..3 {
            desk.send(code(WRONG));
        }
        desk.pass(31 * SECOND);
        way(&mut desk);
        assert_eq!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: 1 }), "{name}");
        desk.prove(NEW);
    }
}

#[test]
fn n11_no_way_round_the_lock_of_a_reset_code() {
    let mut desk = Desk::new(FlowType::PasswordReset, &off());
    desk.request(A);
    for _ in 0..MAX_TRIES {
        desk.send(code(WRONG));
    }
    let until = T0.plus(CODE_LOCK);
    let event = || Event::RequestCode { email: email(A) };
    desk.pass(MINUTE);
    assert_eq!(desk.send(event()), Some(Refusal::CodeLocked { until }));
    desk.ok(Event::Back);
    assert_eq!(desk.send(event()), Some(Refusal::CodeLocked { until }));
    desk.request(B).ok(Event::Back);
    assert_eq!(desk.send(event()), Some(Refusal::CodeLocked { until }));
}

#[test]
fn one_journey_sends_to_few_addresses() {
    let mut desk = at_sign_up_code();
    for number in 0..10 {
        desk.request(&format!("p{number}@example.com"));
    }
    let next = desk.send(Event::RequestCode { email: email("next@example.com") });
    assert!(matches!(next, Some(Refusal::TooManySends { .. })), "{next:?}");
}

#[test]
fn u10_a6_sign_up_with_a_known_address_looks_the_same() {
    let mut known = Desk::new(FlowType::SignUpSignIn, &off());
    let mut fresh = Desk::new(FlowType::SignUpSignIn, &off());
    known.ok(Event::GoSignUp).request(B);
    fresh.ok(Event::GoSignUp).request(NEW);
    assert_eq!(known.stage(), fresh.stage());
    assert_eq!(known.notices(), [Notice::AlreadyRegistered]);
    assert!(!known.has(|effect| matches!(effect, Effect::SendEmailCode { .. })), "no code goes out");
    assert_eq!(known.effects.len(), fresh.effects.len(), "the same work");
    assert_eq!(known.store.sends.len(), fresh.store.sends.len(), "a notice counts as a send");
    // The code that would have been sent does not fit: the stored hash is a decoy.
    let digits = crate::entropy::digits(&mut SeededEntropy::new(known.draws), 6);
    assert_eq!(fresh.code_to(NEW), digits, "the draw is the same");
    assert_eq!(known.send(code(&digits)), Some(Refusal::CodeWrong { tries_left: 4 }));
    assert_eq!(fresh.send(code(WRONG)), Some(Refusal::CodeWrong { tries_left: 4 }));
}

#[test]
fn u10_a6_reset_of_an_unknown_address_looks_the_same() {
    let mut known = Desk::new(FlowType::PasswordReset, &off());
    let mut unknown = Desk::new(FlowType::PasswordReset, &off());
    known.request(A);
    unknown.request("nobody@example.com");
    assert_eq!((known.stage(), known.effects.len()), (unknown.stage(), unknown.effects.len()));
    assert_eq!(unknown.notices(), [Notice::NoAccount]);
    let digits = known.code_to(A);
    assert_eq!(unknown.send(code(&digits)), Some(Refusal::CodeWrong { tries_left: 4 }));
}

#[test]
fn u10_sign_in_never_says_which_part_was_wrong() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    let wrong = desk.store.sign_in(&email(A), false);
    let unknown = desk.store.sign_in(&email("nobody@example.com"), false);
    assert_eq!(desk.send(wrong), Some(Refusal::WrongCredentials));
    let one = desk.effects.len();
    assert_eq!(desk.send(unknown), Some(Refusal::WrongCredentials));
    assert_eq!(desk.effects.len(), one);
}

#[test]
fn a13_a_code_fits_its_own_journey_purpose_and_destination_only() {
    // Another journey.
    let mut desk = at_sign_up_code();
    let of_first = desk.code_to(NEW);
    desk.begin(501, FlowType::SignUpSignIn, Audience::Patients);
    desk.pass(31 * SECOND).ok(Event::GoSignUp).request(NEW);
    assert!(matches!(desk.send(code(&of_first)), Some(Refusal::CodeWrong { .. })));
    // Another purpose: the sign-up code at the reset page of the same address.
    let mut desk = at_sign_up_code();
    let of_sign_up = desk.code_to(NEW);
    desk.store.accounts.push(account(30, NEW, Vec::new()));
    desk.pass(31 * SECOND).ok(Event::GoSignIn).ok(Event::GoForgotPassword).request(NEW);
    assert!(matches!(desk.send(code(&of_sign_up)), Some(Refusal::CodeWrong { .. })));
    // Another destination.
    let mut desk = at_sign_up_code();
    let of_new = desk.code_to(NEW);
    desk.request("other@example.com");
    assert!(matches!(desk.send(code(&of_new)), Some(Refusal::CodeWrong { .. })));
}

#[test]
fn f12_requests_that_read_one_version_see_the_same_journey() {
    // The second of two overlapping requests loses by compare-and-set; had it been computed on
    // the committed version, it would be refused too.
    let mut desk = at_sign_up_code();
    let digits = desk.code_to(NEW);
    let (first, second) = (desk.step(code(&digits)), desk.step(code(&digits)));
    assert_eq!((first.refusal, second.refusal), (None, None));
    desk.ok(code(&digits));
    assert_eq!(desk.send(code(&digits)), Some(Refusal::OutOfStep));
}
