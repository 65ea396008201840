//! Consent (U29), the scope of single sign-on, "Keep me signed in", and what a first factor ends.

use super::*;
use crate::{
    clock::{DAY, HOUR, MINUTE},
    consent::{ConsentFacts, Item, Items, asked},
    journey::{Ended, Target},
    session::{ROLLING_CAP, SessionTerms},
    user_flow::{FlowSettings, SessionScope, SessionSettings},
};

/// What an application of somebody else asks for.
pub(super) fn third_party() -> Items {
    [Item::Claim("given_name".to_owned())].into()
}

fn desk(demand: &Demand) -> Desk {
    let mut desk = Desk::new(FlowType::SignIn, demand);
    desk.store.asked = third_party();
    desk
}

fn request(header: &mut Header) -> &mut crate::grant::AuthorizationRequest {
    let Target::Application(request) = &mut header.target else { panic!("no application") };
    request
}

fn next(desk: &Desk) -> Header {
    header(600, FlowType::SignIn, Audience::Patients, &desk.demand, desk.now)
}

#[test]
fn u29_an_application_of_somebody_else_gets_nothing_before_the_person_agrees() {
    let mut desk = desk(&on());
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge", "nobody is asked who is not known well enough");
    desk.prove(PHONE);
    assert_eq!(desk.stage(), "consent");
    assert!(!desk.has(|effect| matches!(effect, Effect::SignedIn { .. })), "nobody is signed in yet");
    desk.ok(Event::Agree);
    assert_eq!(desk.level(), Level::Aal2);
    assert!(desk.has(|effect| matches!(effect, Effect::GiveConsent { items, .. } if *items == third_party())));
    // The next time it is known.
    let session = desk.settle();
    let header = next(&desk);
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn u29_whoever_turns_back_gives_nothing_and_has_no_new_account() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &off());
    desk.store.asked = third_party();
    sign_up(&mut desk);
    assert_eq!(desk.stage(), "consent");
    desk.ok(Event::Cancel);
    assert_eq!(*desk.journey.stage(), Stage::Ended(Ended::Cancelled));
    assert_eq!((desk.store.accounts.len(), desk.store.consents.len()), (2, 0));
}

// At the consent page by a session that showed a password alone, when a second factor is demanded all at once.
fn at_consent_by_a_session(kind: &str, factors: Vec<FactorSecret>) -> Desk {
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &off(), factors);
    desk.sign_in(B);
    let session = desk.settle();
    desk.store.asked = third_party();
    let header = next(&desk);
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "consent");
    desk.demand = on();
    desk.ok(Event::Agree);
    assert_eq!(desk.stage(), kind);
    desk
}

#[test]
fn a17_whatever_is_proved_beside_a_session_makes_a_session_of_its_own() {
    let mut by_phone = at_consent_by_a_session("challenge", vec![phone_factor(PHONE)]);
    by_phone.prove(PHONE);
    let mut by_app = at_consent_by_a_session("challenge", vec![app_factor(SEED)]);
    let digits = by_app.app_digits();
    by_app.ok(code(&digits));
    let mut by_passkey = at_consent_by_a_session("challenge", vec![passkey_factor(1)]);
    let challenge = by_passkey.journey.ceremony(by_passkey.now).unwrap().challenge;
    let answer = by_passkey.store.assertion(challenge, 1, 1);
    by_passkey.ok(answer);
    let mut by_recovery = at_consent_by_a_session("challenge", vec![phone_factor(PHONE), recovery_factor(3)]);
    by_recovery.ok(Event::ChooseMethod { method: Method::RecoveryCode }).ok(recover(0));
    let mut by_enrolment = at_consent_by_a_session("confirm_email", Vec::new());
    by_enrolment.prove(B).ok(Event::ChooseMethod { method: Method::TextMessage });
    by_enrolment.enter_phone(PHONE, Method::TextMessage).prove(PHONE);
    for mut desk in [by_phone, by_app, by_passkey, by_recovery, by_enrolment] {
        // What was agreed to counts from the end of the journey.
        desk.ok(Event::Agree);
        let Stage::Complete(completion) = desk.journey.stage() else { panic!("{}", desk.stage()) };
        assert_eq!((completion.existing_session(), desk.level()), (None, Level::Aal2));
    }
}

#[test]
fn u29_more_that_is_asked_and_prompt_consent_ask_again() {
    let mut desk = desk(&off());
    desk.sign_in(A).ok(Event::Agree);
    let session = desk.settle();
    let again = |desk: &mut Desk, consent| {
        let mut header = next(desk);
        request(&mut header).options.consent = consent;
        desk.begin_with(header, &session);
        desk.stage()
    };
    assert_eq!(again(&mut desk, false), "complete");
    assert_eq!(again(&mut desk, true), "consent", "prompt=consent");
    desk.store.asked.insert(Item::Scope("offline_access".to_owned()));
    assert_eq!(again(&mut desk, false), "consent", "more is asked");
    // Less is not.
    desk.store.asked = third_party();
    assert_eq!(again(&mut desk, false), "complete");
}

#[test]
fn u29_what_the_page_did_not_show_is_not_agreed_to() {
    let mut desk = desk(&off());
    desk.sign_in(A);
    desk.store.asked.insert(Item::Claim("emails".to_owned()));
    desk.ok(Event::Agree);
    assert_eq!(desk.stage(), "consent", "the flow gives more by now: the page comes again");
    assert!(desk.store.consents.is_empty());
    desk.ok(Event::Agree);
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn u29_a_consent_that_is_withdrawn_stops_the_way_back() {
    let mut desk = desk(&off());
    desk.sign_in(A).ok(Event::Agree).settle();
    let holds = |desk: &Desk| {
        let facts = desk.store.facts(&desk.journey, None, desk.demand.clone(), desk.now);
        desk.journey.still_holds(&facts)
    };
    assert!(holds(&desk));
    desk.store.consents.clear();
    assert!(!holds(&desk));
}

#[test]
fn u29_a_second_factor_that_is_due_by_now_comes_before_consent() {
    let mut desk = desk(&off());
    desk.sign_in(B);
    desk.demand = on();
    desk.ok(Event::Agree);
    assert_eq!(desk.stage(), "challenge", "the toggle moved while the page was open");
    assert!(desk.store.consents.is_empty());
}

#[test]
fn asked_is_what_goes_out_and_nothing_else() {
    let mut header = header(1, FlowType::SignIn, Audience::Patients, &off(), T0);
    header.flow.settings.claims = vec!["emails".to_owned()];
    let own = id::<crate::application::Application>(2);
    request(&mut header).scope = format!("openid {own} offline_access");
    let settings = header.flow.settings.clone();
    let items = asked(&settings, request(&mut header));
    let place = |text: &str| Item::Place(text.to_owned());
    let (claim, scope) = (Item::Claim("emails".into()), Item::Scope("offline_access".into()));
    assert_eq!(items, [claim.clone(), scope.clone(), place("https://app.example")].into());
    // Where it goes is part of it: what was agreed to for one place is asked for another.
    request(&mut header).redirect_uri = "https://evil.example/back".to_owned();
    let elsewhere = asked(&settings, request(&mut header));
    assert_eq!(elsewhere, [claim.clone(), scope.clone(), place("https://evil.example")].into());
    assert!(!ConsentFacts { asked: elsewhere, agreed: items }.is_given());
    // A device is sent nowhere; and of nothing it does not matter where it goes.
    request(&mut header).redirect_uri = String::new();
    assert_eq!(asked(&settings, request(&mut header)), [claim, scope].into());
    let settings = FlowSettings { claims: Vec::new(), ..settings };
    request(&mut header).redirect_uri = "https://app.example/back".to_owned();
    request(&mut header).scope = "openid".to_owned();
    assert_eq!(asked(&settings, request(&mut header)), Items::new());
}

/// A session of A made by flow 3 for application 2, and where it leads at another place.
fn shared(made: SessionScope, used: SessionScope, application: u128, flow: u128) -> &'static str {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.journey.header.flow.settings.session.scope = made;
    desk.sign_in(A);
    let session = desk.settle();
    let mut header = next(&desk);
    (header.flow.id, header.flow.settings.session.scope) = (id(flow), used);
    request(&mut header).application = id(application);
    desk.begin_with(header, &session);
    desk.stage()
}

#[test]
fn sso_a_session_outside_its_scope_is_as_if_there_were_none() {
    use SessionScope::{Application, Flow, None, Tenant};
    for (scope, elsewhere) in [
        // Same application and flow, other application, other flow, both.
        (Tenant, ["complete", "complete", "complete", "complete"]),
        (Application, ["complete", "sign_in", "complete", "sign_in"]),
        (Flow, ["complete", "complete", "sign_in", "sign_in"]),
        (None, ["sign_in", "sign_in", "sign_in", "sign_in"]),
    ] {
        for ((application, flow), stage) in [(2, 3), (9, 3), (2, 9), (9, 9)].into_iter().zip(elsewhere) {
            assert_eq!(shared(scope, Tenant, application, flow), stage, "made in {scope:?}: {application} {flow}");
            assert_eq!(shared(Tenant, scope, application, flow), stage, "used in {scope:?}: {application} {flow}");
        }
    }
}

fn settled(settings: SessionSettings, keep: bool) -> Session {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.journey.header.flow.settings.session = settings;
    let Event::SignIn { email, check, .. } = desk.store.sign_in(&email(A), true) else { panic!("a sign-in") };
    desk.ok(Event::SignIn { email, check, keep });
    desk.settle()
}

#[test]
fn a18_an_absolute_session_ends_on_time_and_a_rolling_one_is_renewed_up_to_its_cap() {
    let fixed = settled(SessionSettings { minutes: 30, ..SessionSettings::default() }, false);
    assert_eq!(fixed.expires_at, T0.plus(30 * MINUTE));
    assert_eq!(fixed.renewed(T0.plus(29 * MINUTE)), fixed.expires_at);
    let rolling = settled(SessionSettings { minutes: 30, rolling: true, ..SessionSettings::default() }, false);
    assert_eq!(rolling.renewed(T0.plus(29 * MINUTE)), T0.plus(59 * MINUTE));
    assert_eq!(rolling.renewed(T0.plus(ROLLING_CAP - MINUTE)), T0.plus(ROLLING_CAP), "no session lives for ever");
    let kept = Session { expires_at: T0.plus(HOUR), ..rolling };
    assert_eq!(kept.renewed(T0), kept.expires_at, "a use never shortens a life");
}

#[test]
fn a_person_stays_signed_in_where_the_flow_offers_it_and_only_if_asked() {
    let offer = SessionSettings { keep_days: Some(14), rolling: true, ..SessionSettings::default() };
    let kept = settled(offer.clone(), true);
    assert_eq!((kept.terms.kept, kept.terms.rolling, kept.expires_at), (true, None, T0.plus(14 * DAY)));
    let not = settled(offer, false);
    assert_eq!((not.terms.kept, not.expires_at), (false, T0.plus(DAY)));
    let not_offered = settled(SessionSettings::default(), true);
    assert_eq!((not_offered.terms.kept, not_offered.expires_at), (false, T0.plus(DAY)), "an edited form");
}

#[test]
fn n21_a_kept_session_counts_for_one_factor_after_a_day() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.journey.header.flow.settings.session.keep_days = Some(30);
    let Event::SignIn { email, check, .. } = desk.store.sign_in(&email(B), true) else { panic!("a sign-in") };
    desk.ok(Event::SignIn { email, check, keep: true }).prove(PHONE);
    let session = desk.settle();
    assert!(session.is_live(T0.plus(29 * DAY)));
    assert_eq!(session.level(T0.plus(DAY)), Level::Aal1);
    desk.pass(2 * DAY);
    let header = next(&desk);
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "sign_in", "a flow with a second factor asks again");
}

#[test]
fn a_console_is_on_nobodys_terms() {
    let mut desk = Desk::with(FlowType::SignIn, Audience::SelfService, &off(), Vec::new());
    desk.journey.header.flow.settings.session =
        SessionSettings { rolling: true, keep_days: Some(90), ..SessionSettings::default() };
    let Event::SignIn { email, check, .. } = desk.store.sign_in(&email(A), true) else { panic!("a sign-in") };
    desk.ok(Event::SignIn { email, check, keep: true });
    let session = desk.settle();
    assert_eq!((session.terms, session.expires_at), (SessionTerms::default(), T0.plus(12 * HOUR)));
}

#[test]
fn a_first_factor_says_that_it_is_the_first() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(A).prove(A).ok(Event::ChooseMethod { method: Method::TextMessage });
    desk.enter_phone(OTHER_PHONE, Method::TextMessage).prove(OTHER_PHONE);
    assert!(desk.has(|effect| matches!(effect, Effect::BindFactor { first: true, .. })));
}

#[test]
fn f18_what_a_stranger_has_sent_does_not_use_up_the_codes_of_the_owner() {
    // Five codes to the address and to the phone, by strangers: sign-up, reset, enrolment.
    let mut desk = Desk::new(FlowType::SignIn, &on());
    let strangers = [CodePurpose::SignUp, CodePurpose::Reset];
    for purpose in strangers {
        desk.store.sends.extend((0..5).map(|_| (purpose, A.to_owned(), T0)));
    }
    desk.store.sends.extend((0..5).map(|_| (CodePurpose::EnrolPhone, PHONE.to_owned(), T0)));
    desk.sign_in(A);
    assert_eq!(desk.stage(), "confirm_email");
    desk.prove(A);
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B).prove(PHONE);
    assert_eq!(desk.stage(), "complete");
}

#[test]
fn a14_a_network_or_tenant_that_used_up_its_texts_sends_none() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    let until = T0.plus(HOUR / 2);
    desk.barred_until = Some(until);
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge", "the password counts; another way stays open");
    assert!(!desk.has(|effect| matches!(effect, Effect::SendPhoneCode { .. })));
    assert_eq!(desk.send(Event::Resend), Some(Refusal::TooManySends { from: until }));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(A).prove(A).ok(Event::ChooseMethod { method: Method::TextMessage });
    let enter = || Event::EnterPhone { number: phone(OTHER_PHONE), method: Method::TextMessage };
    assert_eq!(desk.send(enter()), Some(Refusal::TooManySends { from: until }));
    desk.now = until;
    desk.ok(enter());
    assert_eq!(desk.stage(), "enrol_phone_code");
}
