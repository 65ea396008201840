//! Password and reset: failures 1 and 28, N18, A8, and what a change of password ends.

use super::*;

fn changed() -> Event {
    Event::SubmitNewPassword { phc: "changed".to_owned() }
}

#[test]
fn f1_new_password_is_refused_unless_this_flows_own_code_was_proved() {
    let mut desk = Desk::new(FlowType::PasswordReset, &off());
    assert_eq!(desk.send(changed()), Some(Refusal::OutOfStep));
    desk.request(A);
    assert_eq!(desk.send(changed()), Some(Refusal::OutOfStep));
    desk.send(code(WRONG));
    assert_eq!(desk.send(changed()), Some(Refusal::OutOfStep));
    // The code of another journey does not count.
    let other = desk.code_to(A);
    desk.begin(501, FlowType::PasswordReset, Audience::Patients);
    desk.pass(31_000).request(A);
    assert!(matches!(desk.send(code(&other)), Some(Refusal::CodeWrong { .. })));
    assert_eq!(desk.send(changed()), Some(Refusal::OutOfStep));
    desk.prove(A).ok(changed());
    assert!(desk.has(|effect| matches!(effect, Effect::SetPassword { .. })));
    let ends_the_wait = |effect: &Effect| matches!(effect, Effect::SignInSucceeded { counted: None, .. });
    assert!(desk.has(ends_the_wait), "n9");
    assert_eq!(desk.notices(), [Notice::PasswordChanged]);
}

#[test]
fn n18_a8_a_reset_never_gets_past_a_bound_factor() {
    for demand in [off(), on()] {
        let mut desk = Desk::new(FlowType::PasswordReset, &demand);
        desk.request(B).prove(B);
        assert_eq!(desk.stage(), "challenge");
        assert_eq!(desk.send(changed()), Some(Refusal::OutOfStep));
        desk.prove(PHONE);
        assert_eq!(desk.stage(), "new_password");
        desk.ok(changed());
        assert_eq!(desk.level(), Level::Aal2);
    }
}

#[test]
fn n18_a_factor_bound_while_the_new_password_is_typed_is_asked() {
    let mut desk = Desk::new(FlowType::PasswordReset, &off());
    desk.request(A).prove(A);
    assert_eq!(desk.stage(), "new_password");
    desk.store.accounts[0].factors = account(10, A, vec![phone_factor(PHONE)]).factors;
    desk.ok(changed());
    assert_eq!(desk.stage(), "challenge");
    assert!(!desk.has(|effect| matches!(effect, Effect::SetPassword { .. })));
    desk.prove(PHONE).ok(changed());
    assert!(desk.has(|effect| matches!(effect, Effect::SetPassword { .. })));
}

#[test]
fn a8_profile_editing_asks_for_a_bound_factor_even_when_bound_meanwhile() {
    let edit = || Event::SubmitProfile { attributes: attributes() };
    let mut desk = Desk::new(FlowType::ProfileEditing, &off());
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
    let mut desk = Desk::new(FlowType::ProfileEditing, &off());
    desk.sign_in(A);
    assert_eq!(desk.stage(), "edit_profile");
    desk.store.accounts[0].factors = account(10, A, vec![phone_factor(PHONE)]).factors;
    desk.ok(edit());
    assert_eq!(desk.stage(), "challenge");
    assert!(!desk.has(|effect| matches!(effect, Effect::UpdateProfile { .. })));
    desk.prove(PHONE).ok(edit());
    assert!(desk.has(|effect| matches!(effect, Effect::UpdateProfile { .. })));
}

#[test]
fn a48_profile_editing_takes_only_attributes_of_the_flow() {
    let mut desk = Desk::new(FlowType::ProfileEditing, &off());
    desk.sign_in(A);
    let mut extra = attributes();
    let value = crate::attribute::AttributeValue::String("x".to_owned());
    extra.insert("role".to_owned(), value);
    assert_eq!(desk.send(Event::SubmitProfile { attributes: extra }), Some(Refusal::OutOfStep));
}

#[test]
fn a_password_checked_before_it_was_changed_does_not_count() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    let checked = desk.store.sign_in(&email(A), true);
    desk.store.accounts[0].password_version = Some(2);
    assert_eq!(desk.send(checked), Some(Refusal::WrongCredentials));
}

#[test]
fn a_reset_elsewhere_ends_every_journey_that_knew_the_old_password() {
    // At a challenge, with the old password.
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    let digits = desk.code_to(PHONE);
    desk.store.accounts[1].password_version = Some(2);
    assert_eq!(desk.send(code(&digits)), Some(Refusal::PasswordChangedMeanwhile));
    // At the new password, with an earlier code of the mailbox.
    let mut desk = Desk::new(FlowType::PasswordReset, &off());
    desk.request(A).prove(A);
    desk.store.accounts[0].password_version = Some(2);
    assert_eq!(desk.send(changed()), Some(Refusal::PasswordChangedMeanwhile));
    desk.ok(Event::Cancel);
}

#[test]
fn the_journey_that_changed_the_password_goes_on() {
    let mut desk = Desk::new(FlowType::PasswordReset, &Demand::mfa([Method::TextMessage]));
    desk.request(A).prove(A).ok(changed());
    assert_eq!(desk.stage(), "enrol_phone", "the address is proved; a first factor comes next");
    desk.enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE);
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn locked_sign_in_refuses_the_right_password() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    let until = T0.plus(1);
    desk.locked_until = Some(until);
    let right = desk.store.sign_in(&email(A), true);
    assert_eq!(desk.send(right), Some(Refusal::SignInLocked { until }));
    desk.pass(1).sign_in(A);
}

#[test]
fn a_network_that_guessed_too_much_waits_with_the_right_password_too_and_learns_nothing() {
    for right in [true, false] {
        let mut desk = Desk::new(FlowType::SignIn, &off());
        let until = T0.plus(1);
        desk.network_locked_until = Some(until);
        let typed = desk.store.sign_in(&email(A), right);
        assert_eq!(desk.send(typed), Some(Refusal::NetworkLocked { until }), "{right}");
        // Not judged: it is no wrong one, and no right one.
        let counted = |effect: &Effect| matches!(effect, Effect::SignInFailed { .. } | Effect::SignInSucceeded { .. });
        assert!(!desk.has(counted), "{:?}", desk.effects);
        // The wait of the address itself is said first; a passkey is no password.
        desk.locked_until = Some(until);
        let typed = desk.store.sign_in(&email(A), right);
        assert_eq!(desk.send(typed), Some(Refusal::SignInLocked { until }), "{right}");
        desk.locked_until = None;
        desk.pass(1).sign_in(A);
    }
}

#[test]
fn n9_the_right_password_takes_the_count_of_wrong_ones_away_where_there_is_one() {
    for (failures, counted) in [(0, None), (1, Some(id(10))), (7, Some(id(10)))] {
        let mut desk = Desk::new(FlowType::SignIn, &off());
        desk.store.account_mut(id(10)).unwrap().password_failures = failures;
        desk.sign_in(A);
        let told = |effect: &Effect| matches!(effect, Effect::SignInSucceeded { counted: c, .. } if *c == counted);
        assert!(desk.has(told), "{failures}: {:?}", desk.effects);
    }
}
