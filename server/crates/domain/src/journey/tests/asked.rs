//! What the server asks a journey before a step and for its page: what it takes, where codes go, whether its end still
//! holds. A49, A8, N20, failure 8.

use super::*;
use crate::{
    assurance::Authentication,
    factor::{Factor, MAX_CONSECUTIVE},
    journey::{Destinations, Person, Target, Then, Whose, second_factor},
};

fn begun(kind: FlowType, audience: Audience, demand: &Demand) -> Journey {
    Desk::with(kind, audience, demand, Vec::new()).journey
}

#[test]
fn a_passkey_alone_signs_in_where_the_flow_takes_it_and_nowhere_resets_a_password() {
    let without = Demand::mfa([Method::AuthenticatorApp]);
    for kind in [FlowType::SignUpSignIn, FlowType::SignIn, FlowType::ProfileEditing] {
        assert!(begun(kind, Audience::Patients, &on()).takes_passkeys(), "{kind:?}");
        assert!(!begun(kind, Audience::Patients, &without).takes_passkeys(), "{kind:?}");
    }
    assert!(!begun(FlowType::PasswordReset, Audience::Patients, &on()).takes_passkeys());
}

#[test]
fn only_patients_of_a_sign_up_flow_create_an_account() {
    for kind in [FlowType::SignUpSignIn, FlowType::SignIn, FlowType::ProfileEditing, FlowType::PasswordReset] {
        for audience in [Audience::Patients, Audience::Staff, Audience::Operators, Audience::SelfService] {
            let expected = kind == FlowType::SignUpSignIn && audience == Audience::Patients;
            assert_eq!(begun(kind, audience, &on()).can_sign_up(), expected, "{kind:?} {audience:?}");
        }
    }
}

#[test]
fn a_journey_begins_with_sign_up_where_the_application_asks_for_it_and_the_flow_has_it() {
    let first = |kind, wanted| {
        let mut header = header(500, kind, Audience::Patients, &off(), T0);
        let Target::Application(request) = &mut header.target else { panic!("{:?}", header.target) };
        request.start_with_sign_up = wanted;
        Journey::begin(header, None, &no_facts(&off())).stage().name()
    };
    assert_eq!(first(FlowType::SignUpSignIn, true), "sign_up_email");
    assert_eq!(first(FlowType::SignUpSignIn, false), "sign_in");
    assert_eq!(first(FlowType::SignIn, true), "sign_in");
    assert_eq!(first(FlowType::PasswordReset, true), "reset_email");
}

fn holds(desk: &Desk) -> bool {
    desk.journey.still_holds(&desk.store.facts(&desk.journey, None, desk.demand.clone(), desk.now))
}

#[test]
fn f8_a_completion_and_a_way_back_hold_while_the_account_and_the_demand_stand() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    assert!(!holds(&desk), "nobody is signed in");
    desk.sign_in(B);
    assert!(!holds(&desk), "a password is not all");
    desk.prove(PHONE);
    assert!(holds(&desk), "{}", desk.stage());
    let other = desk.store.account_mut(id(20)).unwrap();
    other.disabled = true;
    assert!(!holds(&desk), "the account was disabled since");
    desk.store.account_mut(id(20)).unwrap().disabled = false;
    let demand = std::mem::replace(&mut desk.demand, Demand::mfa([Method::Passkey]));
    assert!(!holds(&desk), "the flow asks for something else by now");
    desk.demand = demand;

    let (header, completion) = desk.journey.clone().complete().unwrap();
    let settled = completion.settle(&header, desk.now, &mut SeededEntropy::new(1));
    desk.journey = Journey::returning(header, settled.back);
    assert!(holds(&desk), "{}", desk.stage());
    desk.store.account_mut(id(20)).unwrap().disabled = true;
    assert!(!holds(&desk));
}

#[test]
fn n20_codes_go_to_the_address_that_is_proved_or_the_one_that_the_account_has() {
    let asked = Event::RequestCode { email: email(NEW) };
    let of = |desk: &Desk, event: &Event| desk.journey.destinations(event, desk.store.account(id(10))).email.unwrap();
    let mut desk = Desk::new(FlowType::SignUpSignIn, &on());
    desk.ok(Event::GoSignUp);
    assert_eq!(of(&desk, &asked), (CodePurpose::SignUp, email(NEW)));
    desk.request(NEW);
    assert_eq!(of(&desk, &Event::Resend), (CodePurpose::SignUp, email(NEW)));
    let mut desk = Desk::new(FlowType::PasswordReset, &on());
    assert_eq!(of(&desk, &asked), (CodePurpose::Reset, email(NEW)));
    desk.request(NEW);
    assert_eq!(of(&desk, &Event::Resend), (CodePurpose::Reset, email(NEW)));
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(A);
    assert_eq!(of(&desk, &Event::Resend), (CodePurpose::ConfirmEmail, email(A)));
    assert_eq!(desk.journey.destinations(&Event::Resend, None), Destinations::default());
}

#[test]
fn n14_codes_go_to_the_number_that_is_bound_or_the_one_that_the_account_has() {
    let of =
        |desk: &Desk, event: &Event, account| desk.journey.destinations(event, desk.store.account(id(account))).phone;
    let enters = Event::EnterPhone { number: phone(OTHER_PHONE), method: Method::TextMessage };
    let mut desk = Desk::new(FlowType::SignIn, &Demand::mfa([Method::TextMessage]));
    desk.sign_in(A).prove(A);
    assert_eq!(of(&desk, &enters, 10), Some((CodePurpose::EnrolPhone, phone(OTHER_PHONE))));
    assert_eq!(of(&desk, &Event::Resend, 10), None, "A has none");
    desk.enter_phone(OTHER_PHONE, Method::TextMessage);
    assert_eq!(of(&desk, &Event::Resend, 10), Some((CodePurpose::EnrolPhone, phone(OTHER_PHONE))));
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    assert_eq!(of(&desk, &Event::Resend, 20), Some((CodePurpose::Challenge, phone(PHONE))));
}

#[test]
fn the_ways_of_a_challenge_are_those_of_the_account_that_signed_in() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    let ways = |account| desk.journey.ways(&desk.demand, desk.store.account(id(account)).unwrap(), desk.now);
    assert!(!ways(20).is_empty());
    let mut stranger = desk.store.account(id(20)).unwrap().clone();
    stranger.id = id(30);
    assert_eq!(desk.journey.ways(&desk.demand, &stranger, desk.now), Vec::new(), "of nobody else");
    assert_eq!(ways(10), Vec::new());
}

#[test]
fn n9_a_password_is_disabled_from_the_hundredth_wrong_one_in_a_row() {
    let mut own = account(10, A, Vec::new());
    own.password_failures = MAX_CONSECUTIVE - 1;
    assert!(!own.is_password_disabled());
    own.password_failures = MAX_CONSECUTIVE;
    assert!(own.is_password_disabled());
}

// What somebody who gave the password may answer with.
fn answers(factors: Vec<FactorSecret>, change: impl Fn(&mut Vec<Factor>)) -> Vec<(u128, Method)> {
    let mut own = account(20, B, factors);
    change(&mut own.factors);
    let person = Person::identified(Authentication::begin(id(20), T0).with_password(), Then::Finish, Some(1));
    let ways = second_factor::ways_among(&on(), &own.factors, &person, T0);
    ways.into_iter().map(|(factor, method)| (factor.uuid().as_u128() - 2_000, method)).collect()
}

#[test]
fn u19_what_is_used_last_or_preferred_is_asked_first_and_recovery_codes_last() {
    let calls = FactorSecret::Phone { number: phone(PHONE), preferred: Method::PhoneCall };
    let all = vec![calls, app_factor(SEED), passkey_factor(1), passkey_factor(2), recovery_factor(3)];
    let own = [
        (2, Method::Passkey),
        (1, Method::AuthenticatorApp),
        (0, Method::PhoneCall),
        (0, Method::TextMessage),
        (4, Method::RecoveryCode),
    ];
    assert_eq!(answers(all.clone(), |_| ()), own, "one challenge is for all passkeys");
    let last = answers(all, |factors| factors[0].last_used_at = Some(T0));
    let (first, other) = ((0, Method::PhoneCall), (0, Method::TextMessage));
    assert_eq!(last, [first, own[0], own[1], other, own[4]]);
}

#[test]
fn n16_of_recovery_codes_the_issued_one_goes_first_and_none_that_is_used_up_or_over_is_asked_for() {
    let until = |factor: &mut Factor, at| {
        let FactorSecret::RecoveryCodes(codes) = &mut factor.secret else { panic!("no codes") };
        codes.until = Some(at);
    };
    let texts = [(0, Method::TextMessage), (0, Method::PhoneCall)];
    let with = |codes, change: &dyn Fn(&mut Vec<Factor>)| {
        let ways = answers(vec![phone_factor(PHONE), recovery_factor(codes), recovery_factor(1)], change);
        assert_eq!(ways[..2], texts);
        ways[2..].to_vec()
    };
    assert_eq!(with(3, &|factors| until(&mut factors[2], T0.plus(1))), [(2, Method::RecoveryCode)]);
    assert_eq!(with(3, &|factors| until(&mut factors[2], T0)), [(1, Method::RecoveryCode)], "that one is over");
    let over = |factors: &mut Vec<Factor>| {
        factors.remove(2);
        until(&mut factors[1], T0);
    };
    assert_eq!(with(3, &over), []);
    // Where nothing else is left the page shows what is out of use, and yet no set that is used up.
    let dead = |factors: &mut Vec<Factor>| {
        factors.remove(2);
        factors[0].failures = MAX_CONSECUTIVE;
    };
    assert_eq!(with(0, &dead), []);
}

#[test]
fn n14_a_phone_that_is_out_of_use_gets_a_code_only_where_there_is_no_other() {
    let mut own = account(20, B, vec![phone_factor(PHONE), phone_factor(OTHER_PHONE)]);
    assert_eq!(second_factor::phone_of(&own), Some(phone(PHONE)));
    own.factors[0].failures = MAX_CONSECUTIVE;
    assert_eq!(second_factor::phone_of(&own), Some(phone(OTHER_PHONE)));
    own.factors.truncate(1);
    assert_eq!(second_factor::phone_of(&own), Some(phone(PHONE)));
    own.factors.clear();
    assert_eq!(second_factor::phone_of(&own), None);
}

#[test]
fn n9_what_has_not_the_form_of_a_code_is_no_guess() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    assert_eq!(desk.send(code("12345")), Some(Refusal::CodeLength));
    assert!(!desk.has(|effect| matches!(effect, Effect::FactorFailed { .. })));
    assert!(matches!(desk.send(code(WRONG)), Some(Refusal::CodeWrong { .. })));
    assert!(desk.has(|effect| matches!(effect, Effect::FactorFailed { .. })));
}

#[test]
fn a_new_account_is_nobodys_until_it_is_there() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &on());
    sign_up(&mut desk);
    assert!(desk.journey.stage().person().is_some_and(|person| person.new_account().is_some()), "{}", desk.stage());
    assert_eq!(desk.journey.subject(), Whose::Nobody);
}

#[test]
fn u7_another_address_at_the_page_of_a_reset_gets_the_code() {
    let mut desk = Desk::new(FlowType::PasswordReset, &on());
    desk.request(A).request(B);
    let Stage::ResetCode { email: to, .. } = desk.journey.stage() else { panic!("{}", desk.stage()) };
    assert_eq!(*to, email(B));
    desk.prove(B);
    assert_ne!(desk.stage(), "reset_code");
}

// Somebody who gave the password of B.
fn b() -> Person {
    Person::identified(Authentication::begin(id(20), T0).with_password_of(true), Then::Finish, Some(1))
}

#[test]
fn n18_f2_what_an_account_has_is_its_own_and_recovery_codes_alone_are_nothing() {
    let bound = |factors, person: Person| {
        in_context(account(20, B, factors), &on(), |context| second_factor::bound(context, &person).len())
    };
    let both = || vec![phone_factor(PHONE), recovery_factor(3)];
    assert_eq!(bound(both(), b()), 2);
    assert_eq!(bound(vec![recovery_factor(3)], b()), 0);
    assert_eq!(bound(Vec::new(), b()), 0);
    let other = Person { authentication: Authentication::begin(id(10), T0).with_password(), ..b() };
    assert_eq!(bound(both(), other), 0);
    let mut desk = Desk::new(FlowType::SignUpSignIn, &on());
    sign_up(&mut desk);
    let new = desk.journey.stage().person().unwrap().new.clone();
    assert_eq!(bound(both(), Person { new, ..b() }), 0);
}

#[test]
fn n22_a_browser_is_remembered_for_who_asked_gave_a_second_factor_and_came_by_no_session() {
    let demand = on().remembering(true);
    let asked =
        || Person { authentication: b().authentication.with_second(Method::TextMessage, T0), remember: true, ..b() };
    let concluded = |person: Person, demand: &Demand| {
        in_context(account(20, B, vec![phone_factor(PHONE)]), demand, |context| {
            crate::journey::remember::conclude(context, &person)
        })
    };
    assert!(concluded(asked(), &demand));
    assert!(!concluded(Person { remember: false, ..asked() }, &demand));
    assert!(!concluded(Person { session: Some(id(1)), ..asked() }, &demand));
    assert!(!concluded(Person { authentication: b().authentication, ..asked() }, &demand));
    assert!(!concluded(asked(), &on()), "the flow remembers nothing");
}

#[test]
fn n16_recovery_codes_are_offered_beside_a_factor_that_opens_something() {
    let due = |failures| {
        let mut own = account(20, B, vec![phone_factor(PHONE)]);
        own.recovery_offer_from = Some(T0);
        own.factors[0].failures = failures;
        let person = Person { authentication: b().authentication.with_second(Method::TextMessage, T0), ..b() };
        in_context(own, &on(), |context| crate::journey::recovery_offer::is_due(context, &person))
    };
    assert!(due(0));
    assert!(!due(MAX_CONSECUTIVE), "it is out of use since");
}
