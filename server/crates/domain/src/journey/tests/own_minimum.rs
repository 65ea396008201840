//! An account's own minimum: it stands against whatever the flow says (N19, N22, N23).

use super::*;
use crate::{
    journey::Target,
    user_flow::{Conditions, Grace, Signals},
};

const BROWSER: Conditions = Conditions { new_browser: true, new_network: false, new_country: false, strong_days: None };

fn raised(demand: &Demand, minimum: Assurance, factors_of_b: Vec<FactorSecret>) -> Desk {
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, demand, factors_of_b);
    for account in &mut desk.store.accounts {
        account.minimum = minimum;
    }
    desk
}

fn holds(desk: &Desk) -> bool {
    let facts = desk.store.facts(&desk.journey, None, desk.demand.clone(), desk.now);
    desk.journey.still_holds(&facts)
}

#[test]
fn n19_a_flow_that_is_off_asks_an_account_with_a_minimum() {
    let mut desk = raised(&off(), Assurance::Aal2Legacy, vec![phone_factor(PHONE)]);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
    desk.prove(PHONE);
    assert_eq!(desk.level(), Level::Aal2);
    // Who has none sets one up, behind the code to the address.
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(A).prove(A);
    assert_eq!(desk.stage(), "choose_method");
    // Nobody else is asked.
    desk.store.accounts[0].minimum = Assurance::Aal1;
    desk.begin(502, FlowType::SignIn, Audience::Patients);
    desk.sign_in(A);
    assert_eq!(desk.level(), Level::Aal1);
}

#[test]
fn n14_n19_what_does_not_reach_it_is_asked_first_and_something_better_is_set_up_behind_it() {
    let mut desk = raised(&off(), Assurance::PhishingResistant, vec![app_factor(SEED)]);
    desk.sign_in(B);
    let digits = desk.app_digits();
    desk.ok(code(&digits)).prove(B);
    assert_eq!(desk.stage(), "enrol_passkey", "the machinery that is there for a flow's minimum");
    desk.ok(Event::Back);
    for method in [Method::AuthenticatorApp, Method::TextMessage, Method::PhoneCall] {
        assert_eq!(desk.send(Event::ChooseMethod { method }), Some(Refusal::MethodUnavailable));
    }
    let account = &desk.store.accounts[1];
    let offered = desk.journey.offered(&desk.demand, Some(account), desk.now);
    assert_eq!(offered.into_iter().collect::<Vec<_>>(), [Method::Passkey], "the page offers what the machine takes");
}

#[test]
fn n23_no_condition_stands_against_it() {
    let demand = on().under(BROWSER);
    for (minimum, stage) in [(Assurance::Aal1, "complete"), (Assurance::Aal2Legacy, "challenge")] {
        let desk = raised(&demand, minimum, vec![phone_factor(PHONE)]);
        let event = desk.store.sign_in(&email(B), true);
        let mut facts = desk.store.facts(&desk.journey, Some(&event), demand.clone(), desk.now);
        facts.signals = Some(Signals { browser_known: true, ..Signals::default() });
        let mut entropy = SeededEntropy::new(1);
        let mut tools = Tools { entropy: &mut entropy, codes: &ToyMac, totp: &ToyTotp };
        let step = desk.journey.clone().step(event, &facts, &mut tools);
        assert_eq!(step.journey.stage().name(), stage, "{minimum:?}");
    }
}

#[test]
fn n23_no_grace_period_stands_against_it() {
    let grace = Grace { since: T0, until: T0.plus(14 * crate::clock::DAY) };
    let mut desk = raised(&on().with_grace(Some(grace)), Assurance::Aal2Legacy, vec![phone_factor(PHONE)]);
    desk.sign_in(A);
    assert_eq!(desk.stage(), "confirm_email");
    let until = |desk: &Desk| desk.journey.postpone_until(desk.now, &desk.demand, Some(&desk.store.accounts[0]));
    assert_eq!(until(&desk), None);
    assert_eq!(desk.send(Event::NotNow), Some(Refusal::OutOfStep));
    // Who put it off before the minimum rose goes no further.
    desk.store.accounts[0].minimum = Assurance::Aal1;
    assert_eq!(until(&desk), Some(grace.until));
    desk.ok(Event::NotNow);
    let session = desk.settle();
    assert!(holds(&desk));
    desk.store.accounts[0].minimum = Assurance::Aal2Legacy;
    assert!(!holds(&desk));
    let next = header(501, FlowType::SignIn, Audience::Patients, &desk.demand, desk.now);
    desk.begin_with(next, &session);
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn n22_no_remembered_browser_stands_against_it_and_none_is_remembered() {
    const COOKIE: Cookie = Cookie::new(1);
    let mut desk = raised(&on().remembering(true), Assurance::Aal2Legacy, vec![phone_factor(PHONE)]);
    desk.store.browsers.push(remembered(20, COOKIE, T0));
    desk.cookie = Some(COOKIE);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
    assert_eq!(desk.cookie, Some(COOKIE), "its secret was not used up");
    let digits = desk.code_to(PHONE);
    desk.ok(Event::Remembering(Box::new(code(&digits))));
    desk.settle();
    assert_eq!(desk.store.browsers.len(), 1, "where it comes to nothing nothing is remembered");
    // It stood in before the minimum rose.
    desk.store.accounts[1].minimum = Assurance::Aal1;
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    let session = desk.settle();
    assert!(holds(&desk));
    desk.store.accounts[1].minimum = Assurance::Aal2Legacy;
    assert!(!holds(&desk));
    let next = header(502, FlowType::SignIn, Audience::Patients, &desk.demand, desk.now);
    desk.begin_with(next, &session);
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn n23_it_may_rise_at_any_moment_and_acts_at_once() {
    let mut desk = raised(&off(), Assurance::Aal1, vec![phone_factor(PHONE)]);
    desk.sign_in(B);
    let session = desk.settle();
    assert!(holds(&desk));
    desk.store.accounts[1].minimum = Assurance::Aal2Strict;
    assert!(!holds(&desk), "on the way back");
    let next = |desk: &Desk, number| header(number, FlowType::SignIn, Audience::Patients, &desk.demand, desk.now);
    desk.begin_with(next(&desk, 501), &session);
    assert_eq!(desk.stage(), "sign_in", "single sign-on");
    desk.sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), "confirm_email", "a phone does not reach it");
    // And falls again: what was shown is enough.
    desk.store.accounts[1].minimum = Assurance::Aal2Legacy;
    desk.prove(B);
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn n18_a_reset_comes_to_it_too() {
    let mut desk = Desk::new(FlowType::PasswordReset, &off());
    desk.store.accounts[0].minimum = Assurance::Aal2Legacy;
    desk.request(A).prove(A).ok(Event::SubmitNewPassword { phc: "changed".to_owned() });
    assert_eq!(desk.stage(), "choose_method", "the new password alone signs nobody in");
}

#[test]
fn n14_a_device_is_signed_in_by_no_less() {
    let mut desk = raised(&off(), Assurance::Aal2Legacy, vec![phone_factor(PHONE)]);
    let Target::Application(request) = desk.journey.header.target.clone() else { panic!("an application") };
    desk.journey.header.target = Target::Device { request, device: crate::secret::TokenHash([1; 32]) };
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
}
