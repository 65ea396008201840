//! "Not now" while a flow's grace period lasts.

use super::*;
use crate::{
    application::Minimum,
    assurance::Authentication,
    audit::Action,
    clock::DAY,
    factor::MAX_CONSECUTIVE,
    journey::{NewAccount, Person, Target, Then, grace},
    user_flow::Grace,
};

const GRACE: Grace = Grace { since: T0, until: Timestamp(T0.0 + 14 * DAY) };

/// On from the page that asks for the code to the address.
type Go = fn(&mut Desk);

fn lax() -> Demand {
    on().with_grace(Some(GRACE))
}

fn until(desk: &Desk) -> Option<Timestamp> {
    let account = match desk.journey.subject() {
        crate::journey::Whose::Account(id) => desk.store.account(id).cloned(),
        _ => None,
    };
    desk.journey.postpone_until(desk.now, &desk.demand, account.as_ref())
}

// At the page that asks for the code to the account's address.
fn at_confirm(kind: FlowType, demand: &Demand) -> Desk {
    let mut desk = Desk::new(kind, demand);
    desk.sign_in(A);
    assert_eq!(desk.stage(), "confirm_email");
    desk
}

#[track_caller]
fn waits_for_nothing(desk: &mut Desk) {
    let stage = desk.stage();
    assert_eq!((until(desk), desk.send(Event::NotNow)), (None, Some(Refusal::OutOfStep)), "{stage}");
}

#[test]
fn who_was_there_before_may_put_it_off_at_every_page_and_the_sign_in_says_so() {
    let stages: [(&str, Go); 5] = [
        ("confirm_email", |_| ()),
        ("choose_method", |desk| {
            desk.prove(A);
        }),
        ("enrol_app", |desk| {
            desk.prove(A).ok(Event::ChooseMethod { method: Method::AuthenticatorApp });
        }),
        ("enrol_passkey", |desk| {
            desk.prove(A).ok(Event::ChooseMethod { method: Method::Passkey });
        }),
        ("enrol_phone_code", |desk| {
            let text = Method::TextMessage;
            desk.prove(A).ok(Event::ChooseMethod { method: text }).enter_phone(PHONE, text);
        }),
    ];
    for (stage, go) in stages {
        let mut desk = at_confirm(FlowType::SignIn, &lax());
        go(&mut desk);
        assert_eq!((desk.stage(), until(&desk)), (stage, Some(GRACE.until)));
        desk.ok(Event::NotNow);
        assert_eq!(desk.level(), Level::Aal1, "{stage}");
        assert!(desk.has(|effect| matches!(effect, Effect::Audit { action: Action::EnrolmentPostponed, .. })));
        let session = desk.settle();
        assert_eq!((session.level(desk.now), session.authentication.amr()), (Level::Aal1, vec!["pwd"]));
        assert!(desk.store.account(id(10)).unwrap().factors.is_empty());
    }
}

#[test]
fn a_grace_ends_to_the_millisecond_for_a_page_that_stands_open_a_code_and_a_session() {
    let left = 14 * DAY;
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    desk.pass(left - 2).begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(A).pass(1);
    let mut open =
        Desk { store: desk.store.clone(), journey: desk.journey.clone(), ..Desk::new(FlowType::SignIn, &lax()) };
    open.now = GRACE.until;
    waits_for_nothing(&mut open);
    assert_eq!(open.stage(), "confirm_email");

    desk.ok(Event::NotNow);
    let session = desk.settle();
    let holds = |now| desk.journey.still_holds(&desk.store.facts(&desk.journey, None, lax(), now));
    assert!(holds(GRACE.until.minus(1)) && !holds(GRACE.until), "the way back");
    for (now, stage) in [(GRACE.until.minus(1), "complete"), (GRACE.until, "sign_in")] {
        desk.now = now;
        let next = header(502, FlowType::SignIn, Audience::Patients, &lax(), now);
        desk.begin_with(next, &session);
        assert_eq!(desk.stage(), stage, "single sign-on");
    }
    // Nor into a flow that waits for nobody, nor once there is a factor.
    desk.now = GRACE.until.minus(1);
    desk.demand = on();
    desk.begin_with(header(503, FlowType::SignIn, Audience::Patients, &on(), desk.now), &session);
    assert_eq!(desk.stage(), "sign_in");
    desk.demand = lax();
    desk.store.account_mut(id(10)).unwrap().factors = account(10, A, vec![phone_factor(OTHER_PHONE)]).factors;
    desk.begin_with(header(504, FlowType::SignIn, Audience::Patients, &lax(), desk.now), &session);
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn a_session_of_a_password_alone_does_not_wait_by_itself() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.sign_in(A);
    let session = desk.settle();
    desk.demand = lax();
    desk.begin_with(header(501, FlowType::SignIn, Audience::Patients, &lax(), desk.now), &session);
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn who_has_a_factor_or_came_later_or_by_another_way_waits_for_nothing() {
    // A factor, and one that opens nothing any more.
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    assert_eq!(desk.sign_in(B).stage(), "challenge");
    waits_for_nothing(&mut desk);
    let mut dead = Desk::new(FlowType::SignIn, &lax());
    dead.store.account_mut(id(20)).unwrap().factors[0].failures = MAX_CONSECUTIVE;
    assert_eq!(dead.sign_in(B).stage(), "challenge");
    waits_for_nothing(&mut dead);
    // One that is not good enough here is asked for, and then a better one is set up at once.
    let strict = on().with_minimum(Assurance::Aal2Strict).with_grace(Some(GRACE));
    let mut weak = Desk::new(FlowType::SignIn, &strict);
    weak.sign_in(B).prove(PHONE).prove(B);
    assert_eq!(weak.stage(), "choose_method");
    waits_for_nothing(&mut weak);
    // Bound elsewhere while the page stood open.
    let mut open = at_confirm(FlowType::SignIn, &lax());
    open.store.account_mut(id(10)).unwrap().factors = account(10, A, vec![phone_factor(OTHER_PHONE)]).factors;
    waits_for_nothing(&mut open);
    // A newcomer, by sign-up and afterwards.
    let mut new = Desk::new(FlowType::SignUpSignIn, &lax());
    sign_up(&mut new);
    assert_eq!(new.stage(), "choose_method");
    waits_for_nothing(&mut new);
    let mut later = Desk::new(FlowType::SignIn, &lax());
    later.store.account_mut(id(10)).unwrap().created_at = T0;
    later.sign_in(A);
    waits_for_nothing(&mut later);
    // A forgotten password, in this flow and in one of its own.
    for kind in [FlowType::SignIn, FlowType::PasswordReset] {
        let mut reset = Desk::new(kind, &lax());
        if kind == FlowType::SignIn {
            reset.ok(Event::GoForgotPassword);
        }
        reset.request(A).prove(A).ok(Event::SubmitNewPassword { phc: "changed".to_owned() });
        assert_eq!(reset.stage(), "choose_method");
        let account = reset.store.account(id(10));
        let suggested = reset.journey.needs_long_password(reset.now, &reset.demand, account);
        assert!(!suggested, "nor would it with a longer password");
        waits_for_nothing(&mut reset);
    }
    let mut profile = at_confirm(FlowType::ProfileEditing, &lax());
    waits_for_nothing(&mut profile);
}

#[test]
fn a_request_that_asks_for_more_a_device_and_a_console_wait_for_nothing() {
    let acr = |header: &mut Header| {
        let Target::Application(request) = &mut header.target else { panic!("an application") };
        request.options.acr = Some(Level::Aal2);
    };
    let device = |header: &mut Header| {
        let Target::Application(request) = header.target.clone() else { panic!("an application") };
        header.target = Target::Device { request, device: crate::secret::TokenHash([1; 32]) };
    };
    let console = |header: &mut Header| header.target = Target::Console { return_to: "/".to_owned() };
    let staff = |header: &mut Header| header.flow.audience = Audience::SelfService;
    let changes: [&dyn Fn(&mut Header); 4] = [&acr, &device, &console, &staff];
    for change in changes {
        let mut desk = Desk::new(FlowType::SignIn, &lax());
        let mut header = header(501, FlowType::SignIn, Audience::Patients, &lax(), T0);
        change(&mut header);
        desk.journey = Journey::begin(header, None, &no_facts(&lax()));
        desk.sign_in(A);
        waits_for_nothing(&mut desk);
    }
}

#[test]
fn the_stricter_of_both_versions_of_the_flow_holds() {
    let shorter = on().with_grace(Some(Grace { until: GRACE.until.minus(DAY), ..GRACE }));
    for (then, now, end) in [
        (lax(), on(), None),
        (on(), lax(), None),
        (lax(), shorter.clone(), Some(GRACE.until.minus(DAY))),
        (shorter, lax(), Some(GRACE.until.minus(DAY))),
        (off(), lax(), Some(GRACE.until)),
    ] {
        let mut desk = Desk::new(FlowType::SignIn, &then);
        desk.demand = now;
        desk.sign_in(A);
        assert_eq!(until(&desk), end);
        assert_eq!(desk.send(Event::NotNow).is_none(), end.is_some());
    }
    assert_eq!(Minimum::Mfa.grace_among(Some(GRACE), []), None);
}

#[test]
fn n1_a_password_that_is_too_short_to_be_the_only_factor_puts_nothing_off() {
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    desk.store.short = vec![id(10)];
    desk.sign_in(A);
    assert_eq!(desk.stage(), "confirm_email");
    let needs = |desk: &Desk| desk.journey.needs_long_password(desk.now, &desk.demand, desk.store.account(id(10)));
    assert!(needs(&desk), "the page says why");
    waits_for_nothing(&mut desk);
    // Nobody is locked out: a second factor is set up as ever.
    desk.prove(A).ok(Event::ChooseMethod { method: Method::TextMessage });
    assert!(needs(&desk));
    desk.enter_phone(PHONE, Method::TextMessage).prove(PHONE);
    assert_eq!(desk.level(), Level::Aal2);
    let mut over = Desk::new(FlowType::SignIn, &on());
    over.store.short = vec![id(10)];
    over.sign_in(A);
    assert!(!needs(&over), "where nobody waits nothing is said");
}

#[test]
fn n1_a8_only_who_came_by_the_old_password_alone_to_sign_in_puts_it_off() {
    let account = id::<crate::account::Account>(10);
    let by_password = || {
        let authentication = Authentication::begin(account, T0).with_password_of(true);
        Person::identified(authentication, Then::Finish, Some(1))
    };
    assert!(grace::would_postpone(&by_password()) && grace::may_postpone(&by_password()));
    let new = NewAccount {
        id: account,
        kind: crate::account::AccountKind::Patient,
        email: email(NEW),
        phc: String::new(),
        attributes: attributes(),
        factors: Vec::new(),
        invitation: None,
    };
    let proved = Authentication::begin(account, T0).with_email();
    let second = by_password().authentication.with_second(Method::TextMessage, T0);
    for other in [
        Person { then: Then::EditProfile, ..by_password() },
        Person { then: Then::NewPassword, ..by_password() },
        Person { new: Some(Box::new(new)), ..by_password() },
        Person { reset: true, ..by_password() },
        Person { session: Some(id(1)), ..by_password() },
        Person { authentication: proved, ..by_password() },
        Person { authentication: second, ..by_password() },
    ] {
        assert!(!grace::would_postpone(&other) && !grace::may_postpone(&other), "{other:?}");
    }
    // A short password would do, were it longer.
    let short = Authentication::begin(account, T0).with_password_of(false);
    let short = Person { authentication: short, ..by_password() };
    assert!(grace::would_postpone(&short) && !grace::may_postpone(&short));
}

#[test]
fn n1_a_longer_password_is_suggested_where_one_would_let_the_person_wait_and_nowhere_else() {
    let suggests = |desk: &Desk| {
        let account = desk.store.account(id(10));
        desk.journey.needs_long_password(desk.now, &desk.demand, account)
    };
    let short = |demand: &Demand| {
        let mut desk = Desk::new(FlowType::SignIn, demand);
        desk.store.short.push(id(10));
        desk.sign_in(A);
        desk
    };
    assert!(suggests(&short(&lax())), "a grace period lasts");
    assert!(!suggests(&short(&on())), "there is none");
    assert!(!suggests(&at_confirm(FlowType::SignIn, &lax())), "it is long");
    let mut done = short(&off());
    done.demand = lax();
    assert_eq!(done.stage(), "complete");
    assert!(!suggests(&done), "nobody is there any more");
    let mut asked = Desk::new(FlowType::SignIn, &off());
    asked.store.short.push(id(10));
    asked.store.asked = super::consent::third_party();
    asked.sign_in(A);
    asked.demand = lax();
    assert_eq!(asked.stage(), "consent");
    assert!(!suggests(&asked), "nothing is set up there");
}
