//! The offer of a passkey after a sign-in: U25, N19.

use super::*;
use crate::{clock::DAY, journey::ASK_AGAIN};

const KEY: u8 = 1;

/// B, with the phone that was just answered, in a browser that can make passkeys.
fn at_offer(kind: FlowType) -> Desk {
    let mut desk = ready(kind, &on(), vec![phone_factor(PHONE)]);
    desk.answer_phone();
    desk
}

fn ready(kind: FlowType, demand: &Demand, factors: Vec<FactorSecret>) -> Desk {
    let mut desk = Desk::with(kind, Audience::Patients, demand, factors);
    desk.store.offers = true;
    desk
}

impl Desk {
    fn answer_phone(&mut self) {
        self.sign_in(B).prove(PHONE);
    }

    fn declined(&self) -> Option<Timestamp> {
        self.store.account(id(20)).unwrap().passkey_declined_at
    }
}

#[test]
fn a_passkey_that_was_declined_is_offered_again_after_thirty_days() {
    assert_eq!(ASK_AGAIN, 30 * 86_400_000);
}

#[test]
fn u25_who_signs_in_by_password_and_code_is_offered_a_passkey_and_may_say_not_now() {
    let mut desk = at_offer(FlowType::SignIn);
    assert_eq!(desk.stage(), "offer_passkey");
    desk.ok(Event::NotNow);
    assert_eq!((desk.stage(), desk.level()), ("complete", Level::Aal2));
    assert_eq!(desk.declined(), Some(desk.now));
    // Not again for thirty days, and then once more.
    for (after, stage) in [(DAY, "complete"), (ASK_AGAIN - DAY - 1, "complete"), (1, "offer_passkey")] {
        desk.pass(after);
        desk.begin(600 + u128::from(after.unsigned_abs()), FlowType::SignIn, Audience::Patients);
        desk.answer_phone();
        assert_eq!(desk.stage(), stage, "{after}");
    }
}

#[test]
fn u25_n19_what_was_offered_is_bound_and_not_offered_again() {
    let mut desk = at_offer(FlowType::SignUpSignIn);
    let wrong = Event::CreatePasskey(Box::new(crate::passkey::PasskeyCreation {
        challenge: crate::passkey::Challenge([0; 32]),
        attestation: None,
        name: "x".to_owned(),
    }));
    assert_eq!(desk.send(wrong), Some(Refusal::PasskeyExpired));
    desk.ok(new_passkey(&desk.journey, KEY, desk.now));
    assert_eq!((desk.stage(), desk.level()), ("complete", Level::Aal2));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::BindFactor { first: false, .. })));
    desk.begin(700, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
}

#[test]
fn u25_nobody_else_is_asked() {
    // The browser does not say that it can.
    let mut desk = at_offer(FlowType::SignIn);
    desk.store.offers = false;
    desk.begin(701, FlowType::SignIn, Audience::Patients);
    desk.answer_phone();
    assert_eq!(desk.stage(), "complete");
    // The flow does not take passkeys.
    let phones = Demand::mfa([Method::TextMessage]);
    let mut desk = ready(FlowType::SignIn, &phones, vec![phone_factor(PHONE)]);
    desk.answer_phone();
    assert_eq!(desk.stage(), "complete");
    // One factor alone binds no other (N19).
    let mut desk = ready(FlowType::SignIn, &off(), vec![phone_factor(PHONE)]);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "complete");
    // There is one already.
    let mut desk = ready(FlowType::SignIn, &on(), vec![phone_factor(PHONE), passkey_factor(KEY)]);
    desk.store.account_mut(id(20)).unwrap().factors[0].last_used_at = Some(T0);
    desk.answer_phone();
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn u25_the_offer_is_no_way_past_anything() {
    let mut desk = at_offer(FlowType::SignIn);
    for event in [Event::Agree, Event::Back, Event::Resend, Event::ChooseMethod { method: Method::Passkey }] {
        assert_eq!(desk.send(event), Some(Refusal::OutOfStep));
    }
    desk.store.account_mut(id(20)).unwrap().password_version = Some(2);
    assert_eq!(desk.send(Event::NotNow), Some(Refusal::PasswordChangedMeanwhile));
    desk.store.account_mut(id(20)).unwrap().disabled = true;
    assert_eq!(desk.send(Event::NotNow), Some(Refusal::AccountUnavailable));
    assert_eq!(desk.declined(), None);
    // A demand that came up meanwhile is met first.
    let mut desk = at_offer(FlowType::SignIn);
    desk.demand = Demand::mfa([Method::AuthenticatorApp]);
    desk.ok(Event::NotNow);
    assert_ne!(desk.stage(), "complete");
}
