//! The minimum assurance: what does not count, and how people get what does (N14, N19, N23, decision 2).

use super::*;

fn at_least(minimum: Assurance) -> Demand {
    on().with_minimum(minimum)
}

#[test]
fn n14_n19_who_has_a_phone_alone_sets_up_something_better_behind_it() {
    for via in [Method::TextMessage, Method::PhoneCall] {
        let mut desk = Desk::new(FlowType::SignIn, &at_least(Assurance::Aal2Strict));
        desk.sign_in(B);
        // N19: binding takes the level that the account has, so the phone is asked first.
        assert_eq!(desk.stage(), "challenge");
        let digits = desk.code_to(PHONE);
        let refused = desk.send(Event::ChooseMethod { method: Method::AuthenticatorApp });
        assert_eq!(refused, Some(Refusal::MethodUnavailable), "nothing is set up before the phone answered");
        desk.ok(code(&digits));
        assert_eq!(desk.stage(), "confirm_email", "n18: what a phone alone could bind would be worth a phone");
        assert_eq!(desk.send(Event::ChooseMethod { method: Method::AuthenticatorApp }), Some(Refusal::OutOfStep));
        desk.prove(B);
        assert_eq!(desk.stage(), "choose_method", "a phone is not enough");
        assert_eq!(desk.send(Event::ChooseMethod { method: via }), Some(Refusal::MethodUnavailable));
        desk.ok(Event::ChooseMethod { method: Method::AuthenticatorApp });
        let Stage::EnrolApp { seed, .. } = desk.journey.stage() else { panic!("at {}", desk.stage()) };
        let digits = app_digits(seed, app_step(desk.now));
        desk.ok(Event::SubmitAppCode { digits, name: "Phone".to_owned() });
        let Stage::Complete(completion) = desk.journey.stage() else { panic!("at {}", desk.stage()) };
        assert_eq!(completion.authentication().amr(), ["pwd", "otp", "sms", "mfa"], "what happened, and no more");
        assert_eq!(desk.store.accounts[1].factors.len(), 2);
    }
}

#[test]
fn n14_who_has_something_better_is_asked_for_that_and_for_nothing_else() {
    let factors = vec![phone_factor(PHONE), app_factor(SEED)];
    let demand = at_least(Assurance::Aal2Strict);
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &demand, factors);
    desk.store.accounts[1].factors[0].last_used_at = Some(T0);
    desk.sign_in(B);
    assert!(matches!(desk.journey.stage(), Stage::Challenge { method: Method::AuthenticatorApp, .. }));
    for method in [Method::TextMessage, Method::PhoneCall] {
        assert_eq!(desk.send(Event::ChooseMethod { method }), Some(Refusal::MethodUnavailable));
    }
    let digits = desk.app_digits();
    desk.ok(code(&digits));
    assert_eq!(desk.level(), Level::Aal2);
}

#[test]
fn n26_nothing_but_a_passkey_is_set_up_where_the_minimum_is_safe_from_phishing() {
    let mut desk = Desk::with(
        FlowType::SignIn,
        Audience::Patients,
        &at_least(Assurance::PhishingResistant),
        vec![app_factor(SEED)],
    );
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge");
    let digits = desk.app_digits();
    desk.ok(code(&digits)).prove(B);
    assert_eq!(desk.stage(), "enrol_passkey");
    desk.ok(Event::Back);
    for method in [Method::AuthenticatorApp, Method::TextMessage, Method::PhoneCall] {
        assert_eq!(desk.send(Event::ChooseMethod { method }), Some(Refusal::MethodUnavailable));
    }
}

#[test]
fn n23_a_session_below_the_minimum_leads_nowhere_and_a_way_back_neither() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    let session = desk.sign_in(B).prove(PHONE).settle();
    let holds = |desk: &Desk| {
        let facts = desk.store.facts(&desk.journey, None, desk.demand.clone(), desk.now);
        desk.journey.still_holds(&facts)
    };
    assert!(holds(&desk));
    // The minimum rises while the person is on the way back.
    desk.demand = at_least(Assurance::Aal2Strict);
    assert!(!holds(&desk));
    desk.pass(60_000);
    let next = header(501, FlowType::SignIn, Audience::Patients, &desk.demand, desk.now);
    desk.begin_with(next, &session);
    assert_eq!(desk.stage(), "sign_in");
    // And falls again: a journey keeps what it began with.
    desk.demand = on();
    desk.sign_in(B).prove(PHONE).prove(B);
    assert_eq!(desk.stage(), "choose_method");
}

#[test]
fn n18_an_app_that_was_guessed_to_death_leaves_no_way_round_it_by_text_alone() {
    let factors = vec![phone_factor(PHONE), app_factor(SEED)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &at_least(Assurance::Aal2Strict), factors);
    desk.store.accounts[1].factors[1].failures = crate::factor::MAX_CONSECUTIVE;
    desk.sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), "confirm_email");
}
