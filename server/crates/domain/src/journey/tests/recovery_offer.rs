//! The offer of recovery codes after a sign-in: U20, U22, N15, N19, N20.

use super::*;
use crate::{
    assurance::Assurance, clock::DAY, factor::MAX_CONSECUTIVE, journey::ASK_AGAIN, recovery::RecoveryCodes,
    secret::Token,
};

const OFFER: &str = "offer_recovery_codes";

fn ready(kind: FlowType, audience: Audience, demand: &Demand) -> Desk {
    Desk { codes: true, ..Desk::with(kind, audience, demand, vec![phone_factor(PHONE)]) }
}

/// A, who has just set up a first phone.
fn at_offer() -> Desk {
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &Demand::mfa([Method::TextMessage]));
    desk.set_up(A);
    assert_eq!(desk.stage(), OFFER);
    desk
}

impl Desk {
    fn set_up(&mut self, address: &str) -> &mut Self {
        self.sign_in(address).prove(address).enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE)
    }

    fn shown(&self) -> RecoveryCodes {
        match self.journey.stage() {
            Stage::OfferRecoveryCodes { seed, .. } => RecoveryCodes::derive(&browser(), seed).0,
            other => panic!("{}", other.name()),
        }
    }

    fn set_of(&self, account: u128) -> Option<RecoveryCodes> {
        let account = self.store.account(id(account)).unwrap();
        account.factors.iter().find_map(|factor| factor.secret.recovery().cloned())
    }
}

#[test]
fn u20_n20_who_has_set_up_a_factor_keeps_the_codes_of_the_page_and_is_told() {
    let mut desk = at_offer();
    assert_eq!(desk.set_of(10), None, "what is shown opens nothing yet");
    let (shown, version) = (desk.shown(), desk.store.account(id(10)).unwrap().password_version);
    desk.ok(keep_codes());
    assert_eq!((desk.stage(), desk.level()), ("complete", Level::Aal2));
    assert_eq!(desk.set_of(10), Some(shown));
    assert_eq!(desk.notices(), [Notice::FactorBound(Method::RecoveryCode)]);
    assert_ne!(desk.store.account(id(10)).unwrap().password_version, version, "other journeys begin anew");
    // And never again while there are codes.
    desk.pass(ASK_AGAIN + DAY);
    desk.begin(600, FlowType::SignIn, Audience::Patients);
    desk.sign_in(A).prove(OTHER_PHONE);
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn u20_who_says_not_now_is_asked_again_after_thirty_days() {
    let mut desk = at_offer();
    desk.ok(Event::NotNow);
    assert_eq!((desk.stage(), desk.level(), desk.set_of(10)), ("complete", Level::Aal2, None));
    for (after, stage) in [(DAY, "complete"), (ASK_AGAIN - DAY - 1, "complete"), (1, OFFER)] {
        desk.pass(after);
        desk.begin(600 + u128::from(after.unsigned_abs()), FlowType::SignIn, Audience::Patients);
        desk.sign_in(A).prove(OTHER_PHONE);
        assert_eq!(desk.stage(), stage, "{after}");
    }
}

#[test]
fn u20_an_offer_that_was_left_open_comes_again_with_other_codes() {
    let mut desk = at_offer();
    let shown = desk.shown();
    desk.begin(601, FlowType::SignIn, Audience::Patients);
    desk.pass(60_000).sign_in(A).prove(OTHER_PHONE);
    assert_eq!(desk.stage(), OFFER);
    assert_ne!(desk.shown(), shown);
    // Who leaves altogether has an account with a factor and no codes.
    desk.ok(Event::Cancel);
    assert_eq!(desk.set_of(10), None);
}

#[test]
fn u20_a_new_account_stands_before_its_codes_are_offered() {
    let mut desk = ready(FlowType::SignUpSignIn, Audience::Patients, &Demand::mfa([Method::TextMessage]));
    desk.ok(Event::GoSignUp).request(NEW).prove(NEW).ok(details());
    assert!(!desk.store.accounts.iter().any(|account| account.email.as_str() == NEW));
    desk.enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE);
    assert_eq!(desk.stage(), OFFER);
    let new = desk.store.accounts.iter().find(|account| account.email.as_str() == NEW).unwrap();
    assert_eq!(new.factors.len(), 1, "with the factor that is demanded");
    assert!(!desk.has(|effect| matches!(effect, Effect::SignedIn { .. })), "and without a session");
    desk.ok(keep_codes());
    assert_eq!(desk.level(), Level::Aal2);
    assert!(desk.has(|effect| matches!(effect, Effect::SignedIn { new_account: true, .. })));
}

#[test]
fn n15_codes_are_kept_by_the_browser_that_shows_them_once() {
    let mut desk = at_offer();
    let other = Event::KeepRecoveryCodes { browser: Token::generate(&mut SeededEntropy::new(3)) };
    assert_eq!(desk.send(other), Some(Refusal::OutOfStep));
    desk.ok(keep_codes());
    assert_eq!(desk.send(keep_codes()), Some(Refusal::OutOfStep), "a second press");
    assert_eq!(desk.store.account(id(10)).unwrap().factors.len(), 2);
}

#[test]
fn u20_the_offer_is_no_way_past_anything() {
    let mut desk = at_offer();
    for event in
        [Event::Agree, Event::Back, Event::Resend, code(WRONG), Event::ChooseMethod { method: Method::Passkey }]
    {
        assert_eq!(desk.send(event), Some(Refusal::OutOfStep));
    }
    // A demand that came up meanwhile is met first; what was said counts all the same.
    desk.demand = Demand::mfa([Method::AuthenticatorApp]);
    desk.ok(keep_codes());
    assert_eq!(desk.stage(), "enrol_app");
    assert!(desk.set_of(10).is_some());
    // What another one changed ends it.
    for event in [keep_codes(), Event::NotNow] {
        let mut desk = at_offer();
        desk.store.account_mut(id(10)).unwrap().password_version = Some(2);
        assert_eq!(desk.send(event.clone()), Some(Refusal::PasswordChangedMeanwhile));
        desk.store.account_mut(id(10)).unwrap().disabled = true;
        assert_eq!(desk.send(event), Some(Refusal::AccountUnavailable));
        assert_eq!(desk.set_of(10), None);
    }
}

#[test]
fn n19_a_better_factor_that_came_meanwhile_is_wanted_for_the_codes() {
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &on());
    let b = desk.store.account_mut(id(20)).unwrap();
    b.recovery_offer_from = Some(T0);
    desk.sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), OFFER);
    // As if the passkey had been there before, unseen.
    let mut key = desk.store.account(id(20)).unwrap().factors[0].clone();
    (key.id, key.secret, key.created_at) = (id(77), passkey_factor(1), Timestamp(0));
    desk.store.account_mut(id(20)).unwrap().factors.push(key);
    assert_eq!(desk.send(keep_codes()), Some(Refusal::MethodUnavailable));
    desk.ok(Event::NotNow);
    assert_eq!((desk.stage(), desk.set_of(20)), ("complete", None));
}

#[test]
fn u20_nobody_else_is_asked() {
    let sign_in = |desk: &mut Desk| {
        desk.store.account_mut(id(20)).unwrap().recovery_offer_from = Some(T0);
        desk.sign_in(B);
        if desk.stage() == "challenge" {
            desk.prove(PHONE);
        }
        desk.stage()
    };
    let phones = Demand::mfa([Method::TextMessage]);
    let asked = |audience, demand: &Demand| sign_in(&mut ready(FlowType::SignIn, audience, demand));
    assert_eq!(asked(Audience::Patients, &phones), OFFER);
    // A password alone; the account page, which has an offer of its own.
    assert_eq!(asked(Audience::Patients, &off()), "complete");
    assert_eq!(asked(Audience::SelfService, &off()), "complete");
    // A factor that was there before, whose owner was never asked.
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &phones);
    desk.sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), "complete");
    // Codes that are there.
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &phones);
    let mut set = desk.store.account(id(20)).unwrap().factors[0].clone();
    (set.id, set.secret) = (id(78), recovery_factor(2));
    desk.store.account_mut(id(20)).unwrap().factors.push(set);
    assert_eq!(sign_in(&mut desk), "complete");
    // Nothing that a profile is edited with, or a device.
    let mut desk = ready(FlowType::ProfileEditing, Audience::Patients, &phones);
    assert_eq!(sign_in(&mut desk), "edit_profile");
    // Codes are of no use where a passkey is the least.
    let passkeys = on().with_minimum(Assurance::PhishingResistant);
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &passkeys);
    desk.store.account_mut(id(10)).unwrap().recovery_offer_from = Some(T0);
    desk.sign_in(A).prove(A);
    let key = new_passkey(&desk.journey, 1, desk.now);
    desk.ok(key);
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn u20_who_lost_a_factor_is_asked_at_once_whatever_was_said_before() {
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &Demand::mfa([Method::TextMessage]));
    let b = desk.store.account_mut(id(20)).unwrap();
    b.recovery_offer_from = Some(T0.plus(ASK_AGAIN));
    b.factors[0].failures = MAX_CONSECUTIVE;
    let mut issued = b.factors[0].clone();
    (issued.id, issued.secret, issued.failures) = (id(79), recovery_factor(1), 0);
    if let FactorSecret::RecoveryCodes(codes) = &mut issued.secret {
        codes.until = Some(T0.plus(DAY));
    }
    b.factors.push(issued);
    desk.sign_in(B).ok(recover(0)).prove(B).enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE);
    assert_eq!(desk.stage(), OFFER);
    let shown = desk.shown();
    desk.ok(keep_codes());
    assert_eq!(desk.stage(), "complete");
    let b = desk.store.account(id(20)).unwrap();
    assert!(b.factors.iter().any(|factor| factor.secret.recovery() == Some(&shown)));
}

#[test]
fn u25_a_factor_that_is_asked_for_after_an_offer_brings_no_second_offer() {
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &on(), vec![phone_factor(PHONE), app_factor(SEED)]);
    desk.codes = true;
    desk.store.account_mut(id(20)).unwrap().recovery_offer_from = Some(T0);
    desk.sign_in(B).ok(Event::ChooseMethod { method: Method::TextMessage }).prove(PHONE);
    assert_eq!(desk.stage(), OFFER);
    desk.store.offers = true;
    desk.demand = Demand::mfa([Method::AuthenticatorApp, Method::Passkey]);
    desk.ok(Event::NotNow);
    assert_eq!(desk.stage(), "challenge");
    let digits = desk.app_digits();
    desk.ok(code(&digits));
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn u25_who_put_it_off_is_not_asked_before_its_time_by_a_new_factor_or_a_code_alone() {
    let later = Some(T0.plus(ASK_AGAIN));
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &on());
    desk.store.account_mut(id(10)).unwrap().recovery_offer_from = later;
    desk.sign_in(A).prove(A).ok(Event::ChooseMethod { method: Method::TextMessage });
    desk.enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE);
    assert_eq!(desk.stage(), "complete", "a factor was set up, and none was lost");
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &on());
    let b = desk.store.account_mut(id(20)).unwrap();
    b.recovery_offer_from = later;
    let mut codes = b.factors[0].clone();
    (codes.id, codes.secret) = (id(79), recovery_factor(3));
    b.factors.push(codes);
    desk.sign_in(B).ok(Event::ChooseMethod { method: Method::RecoveryCode }).ok(recover(0));
    assert_eq!(desk.stage(), "complete", "a code was used, and nothing set up");
}

#[test]
fn u25_one_offer_a_sign_in() {
    // A passkey first, where no factor was just set up; codes the next time.
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &on());
    desk.store.offers = true;
    desk.store.account_mut(id(20)).unwrap().recovery_offer_from = Some(T0);
    desk.sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), "offer_passkey");
    desk.ok(Event::NotNow);
    assert_eq!(desk.stage(), "complete");
    desk.begin(602, FlowType::SignIn, Audience::Patients);
    desk.pass(60_000).sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), OFFER);
    // Codes first, where one was.
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &on());
    desk.store.offers = true;
    desk.sign_in(A).prove(A).ok(Event::ChooseMethod { method: Method::TextMessage });
    desk.enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE);
    assert_eq!(desk.stage(), OFFER);
    desk.ok(Event::NotNow);
    assert_eq!(desk.stage(), "complete");
    // A passkey that was offered and made brings codes at the next sign-in.
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &on());
    desk.store.offers = true;
    desk.sign_in(B).prove(PHONE);
    let key = new_passkey(&desk.journey, 1, desk.now);
    desk.ok(key);
    assert_eq!(desk.stage(), "complete");
    assert_eq!(desk.store.account(id(20)).unwrap().recovery_offer_from, Some(desk.now));
}

#[test]
fn u29_a_consent_that_is_taken_back_while_codes_are_offered_is_asked_for_again() {
    let mut desk = ready(FlowType::SignIn, Audience::Patients, &Demand::mfa([Method::TextMessage]));
    desk.store.asked = [crate::consent::Item::Claim("given_name".to_owned())].into();
    desk.set_up(A);
    assert_eq!(desk.stage(), "consent");
    desk.ok(Event::Agree);
    assert_eq!(desk.stage(), OFFER);
    desk.store.consents.clear();
    desk.ok(keep_codes());
    assert_eq!(desk.stage(), "consent");
    desk.ok(Event::Agree);
    assert_eq!((desk.stage(), desk.level()), ("complete", Level::Aal2));
}
