//! Remembered browsers: N22, N23, decision 4, U23.

use super::*;
use crate::{
    assurance::Authentication,
    clock::{DAY, HOUR, MINUTE, SECOND},
    journey::{RememberedFacts, Target, remember},
    remembered::RememberedBrowser,
    user_flow::Conditions,
};

const COOKIE: Cookie = Cookie::new(1);

fn lax() -> Demand {
    on().remembering(true)
}

// B's browser is remembered, and the journey begins in it.
fn known(kind: FlowType, demand: &Demand) -> Desk {
    let mut desk = Desk::new(kind, demand);
    desk.store.browsers.push(remembered(20, COOKIE, T0));
    desk.cookie = Some(COOKIE);
    desk
}

fn recognised(desk: &Desk) -> bool {
    desk.has(|effect| matches!(effect, Effect::BrowserRecognised { .. }))
}

fn remembering(digits: &str) -> Event {
    Event::Remembering(Box::new(code(digits)))
}

#[test]
fn n22_a_remembered_browser_stands_in_and_is_no_factor() {
    let mut desk = known(FlowType::SignIn, &lax());
    desk.sign_in(B);
    assert!(recognised(&desk));
    let Stage::Complete(completion) = desk.journey.stage() else { panic!("{}", desk.stage()) };
    let authentication = completion.authentication();
    assert_eq!((authentication.level(), authentication.amr()), (Level::Aal1, vec!["pwd"]));
    let session = desk.settle();
    assert_eq!(session.level(desk.now), Level::Aal1, "n23");
    assert!(!session.may_change_factors(desk.now));
    let facts = desk.store.facts(&desk.journey, None, lax(), desk.now);
    assert!(desk.journey.still_holds(&facts));
    let facts = desk.store.facts(&desk.journey, None, on(), desk.now);
    assert!(!desk.journey.still_holds(&facts), "switched off before the code");
}

#[test]
fn n22_it_counts_for_its_own_account_with_the_right_password_in_its_time_alone() {
    let mut wrong = known(FlowType::SignIn, &lax());
    let event = wrong.store.sign_in(&email(B), false);
    assert_eq!(wrong.send(event), Some(Refusal::WrongCredentials));
    assert!(!recognised(&wrong));
    let mut other = Desk::with(FlowType::SignIn, Audience::Patients, &lax(), vec![phone_factor(PHONE)]);
    other.store.browsers.push(remembered(10, COOKIE, T0));
    other.cookie = Some(COOKIE);
    other.sign_in(B);
    assert_eq!((other.stage(), recognised(&other), other.store.browsers.len()), ("challenge", false, 1));
    // A flow that remembers for ten days takes no older one, though another flow remembered it for thirty.
    for (moved, stage) in [(10 * DAY - 1, "complete"), (10 * DAY, "challenge")] {
        let mut late = known(FlowType::SignIn, &lax());
        late.pass(moved).begin(501, FlowType::SignIn, Audience::Patients);
        late.journey.header.flow.settings.session.remember.days = 10;
        late.sign_in(B);
        assert_eq!(late.stage(), stage, "{moved}");
    }
    for (moved, stage) in [(30 * DAY - 1, "complete"), (30 * DAY, "challenge"), (-1, "challenge")] {
        let mut late = known(FlowType::SignIn, &lax());
        late.pass(moved).begin(501, FlowType::SignIn, Audience::Patients);
        late.sign_in(B);
        assert_eq!(late.stage(), stage, "{moved}");
    }
    let mut elsewhere = known(FlowType::SignIn, &lax());
    elsewhere.store.browsers[0].tenant = id(99);
    assert_eq!(elsewhere.sign_in(B).stage(), "challenge", "a25");
}

#[test]
fn n22_its_secret_is_good_once_and_a_copy_forgets_the_browser() {
    let mut desk = known(FlowType::SignIn, &lax());
    desk.sign_in(B);
    assert_eq!(desk.cookie, Some(COOKIE.next()));
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    assert_eq!(desk.sign_in(B).stage(), "complete", "the next one counts");
    desk.begin(502, FlowType::SignIn, Audience::Patients);
    let newest = desk.cookie.replace(COOKIE);
    assert_eq!(desk.sign_in(B).stage(), "challenge");
    assert!(desk.store.browsers.is_empty());
    assert_eq!(desk.notices(), [Notice::BrowserCopied], "u24");
    let failure = |effect: &Effect| {
        matches!(effect, Effect::Audit { action: crate::audit::Action::BrowserRecognised, detail: "used_before", .. })
    };
    assert!(desk.has(failure));
    desk.begin(503, FlowType::SignIn, Audience::Patients);
    desk.cookie = newest;
    assert_eq!(desk.sign_in(B).stage(), "challenge", "nor does what the other one holds");
}

// The secret of the first sign-in was used; its answer never came.
fn answer_lost() -> Desk {
    let mut desk = known(FlowType::SignIn, &lax());
    desk.sign_in(B);
    desk.settle();
    desk.cookie = Some(COOKIE);
    desk
}

fn copies(desk: &Desk) -> bool {
    desk.has(|effect| matches!(effect, Effect::BrowserCopied { .. }))
}

#[test]
fn n22_an_answer_that_was_lost_is_no_copy_for_ten_seconds_and_its_successor_dies() {
    for (pause, again) in [(0, true), (10 * SECOND - 1, true), (10 * SECOND, false), (DAY, false)] {
        let mut desk = answer_lost();
        desk.pass(pause).begin(501, FlowType::SignIn, Audience::Patients);
        desk.sign_in(B);
        assert_eq!((recognised(&desk), copies(&desk)), (again, !again), "{pause}");
        assert_eq!(desk.stage(), if again { "complete" } else { "challenge" }, "{pause}");
    }
    // The successor that nobody used is dead: who has it has a copy.
    let mut desk = answer_lost();
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    desk.sign_in(B);
    let newest = desk.cookie.replace(COOKIE.next());
    assert_eq!(newest, Some(COOKIE.next().next()));
    desk.begin(502, FlowType::SignIn, Audience::Patients);
    assert!(copies(desk.sign_in(B)) && desk.store.browsers.is_empty());
    // And so has who comes with the old one once the successor was used, be it at the same moment.
    let mut desk = answer_lost();
    desk.cookie = Some(COOKIE.next());
    desk.begin(501, FlowType::SignIn, Audience::Patients);
    assert!(recognised(desk.sign_in(B)));
    desk.cookie = Some(COOKIE);
    desk.begin(502, FlowType::SignIn, Audience::Patients);
    assert!(copies(desk.sign_in(B)));
}

#[test]
fn n22_a_lost_answer_prolongs_nothing_however_often_it_comes_again() {
    let mut desk = answer_lost();
    for (at, again) in [(501, true), (502, true), (503, false)] {
        desk.pass(4 * SECOND).begin(at, FlowType::SignIn, Audience::Patients);
        desk.cookie = Some(COOKIE);
        desk.sign_in(B);
        assert_eq!(recognised(&desk), again, "{at}");
    }
}

#[test]
fn n22_a_sign_in_that_is_sent_again_brings_the_lost_cookie_and_moves_nothing() {
    let mut desk = answer_lost();
    let wrong = desk.store.sign_in(&email(B), false);
    assert_eq!(desk.ok(wrong).stage(), "returning", "nothing is proved by it");
    assert_eq!(desk.cookie, Some(COOKIE.next().next()));
    assert_eq!(desk.effects.len(), 2, "a secret and an entry in the log: {:?}", desk.effects);
    // Not with the present secret, nor too late, nor somebody else's, nor in a journey of a factor.
    let refused = |change: fn(&mut Desk)| {
        let mut desk = answer_lost();
        change(&mut desk);
        let event = desk.store.sign_in(&email(B), true);
        assert_eq!(desk.send(event), Some(Refusal::OutOfStep));
        assert!(!recognised(&desk) && !copies(&desk));
    };
    refused(|desk| desk.cookie = Some(COOKIE.next()));
    refused(|desk| desk.cookie = None);
    refused(|desk| {
        desk.pass(10 * SECOND);
    });
    refused(|desk| desk.store.browsers[0].id = id(999));
    refused(|desk| desk.store.browsers[0].account = id(10));
    refused(|desk| {
        desk.cookie = None;
        desk.begin(501, FlowType::SignIn, Audience::Patients);
        desk.sign_in(B).prove(PHONE).settle();
        desk.cookie = Some(COOKIE);
    });
}

#[test]
fn n1_beside_a_password_that_is_too_short_to_be_the_only_factor_nothing_stands_in_and_nothing_is_used_up() {
    let mut desk = known(FlowType::SignIn, &lax());
    desk.store.short = vec![id(20)];
    desk.sign_in(B);
    assert_eq!((desk.stage(), recognised(&desk), desk.cookie), ("challenge", false, Some(COOKIE)));
    let needs = |desk: &Desk| {
        let account = desk.store.account(id(20));
        desk.journey.needs_long_password(desk.now, &desk.demand, account)
    };
    assert_eq!((desk.journey.remember_days(&lax(), None, desk.now), needs(&desk)), (None, true), "nor is it offered");
    let digits = desk.code_to(PHONE);
    desk.ok(remembering(&digits)).settle();
    assert_eq!(desk.store.browsers.len(), 1, "an edited form remembers nothing");
    // Nor does a session of it, or the same person after a longer one.
    let mut desk = known(FlowType::SignIn, &lax());
    desk.sign_in(B);
    assert!(recognised(&desk) && !needs(&desk));
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    desk.sign_in(B);
    assert!(!needs(&desk) && desk.journey.remember_days(&lax(), None, desk.now).is_some());
    // One that must show a factor each time is not told how to do without.
    let mut desk = known(FlowType::SignIn, &lax());
    desk.store.short = vec![id(20)];
    desk.store.accounts[1].minimum = Assurance::Aal2Legacy;
    desk.sign_in(B);
    assert_eq!((desk.stage(), needs(&desk)), ("challenge", false));
    desk.store.short.clear();
    assert_eq!(desk.journey.remember_days(&lax(), desk.store.account(id(20)), desk.now), None);
    let mut strict = Desk::new(FlowType::SignIn, &on());
    strict.store.short = vec![id(20)];
    strict.sign_in(B);
    assert!(!needs(&strict), "where nobody would be offered it nothing is said");
}

#[test]
fn n22_a_recovery_code_forgets_every_browser_of_the_account() {
    let factors = vec![phone_factor(PHONE), recovery_factor(4)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &lax(), factors);
    desk.store.browsers = vec![remembered(20, COOKIE, T0), remembered(10, Cookie::new(7), T0)];
    desk.sign_in(B).ok(Event::ChooseMethod { method: Method::RecoveryCode }).ok(recover(2));
    assert_eq!(desk.store.browsers.iter().map(|browser| browser.account).collect::<Vec<_>>(), [id(10)]);
}

#[test]
fn n22_who_asks_for_a_level_or_a_fresh_sign_in_gets_the_factor() {
    let ask = |change: fn(&mut crate::grant::AuthorizationRequest)| {
        let mut desk = known(FlowType::SignIn, &lax());
        let Target::Application(request) = &mut desk.journey.header.target else { panic!("an application") };
        change(request);
        desk.sign_in(B);
        assert!(!recognised(&desk) || desk.stage() == "complete");
        assert!(desk.journey.remember_days(&lax(), None, desk.now).is_none());
        desk.stage()
    };
    assert_eq!(ask(|request| request.options.acr = Some(Level::Aal2)), "challenge");
    assert_eq!(ask(|request| request.fresh_login = true), "challenge");
    assert_eq!(ask(|request| request.options.acr = Some(Level::Aal1)), "complete");
    let mut device = known(FlowType::SignIn, &lax());
    let Target::Application(request) = device.journey.header.target.clone() else { panic!("an application") };
    device.journey.header.target = Target::Device { request, device: crate::secret::TokenHash([5; 32]) };
    assert_eq!(device.sign_in(B).stage(), "challenge");
    let mut off_now = known(FlowType::SignIn, &lax());
    off_now.demand = on();
    assert_eq!(off_now.sign_in(B).stage(), "challenge", "the flow or the application asks for more by now");
    let mut off_then = known(FlowType::SignIn, &on());
    off_then.demand = lax();
    assert_eq!(off_then.sign_in(B).stage(), "challenge");
}

#[test]
fn n22_a_minimum_and_conditions_leave_it_no_room() {
    let elsewhere = Conditions { new_browser: true, new_network: true, new_country: true, strong_days: None };
    let more = [
        lax().with_minimum(Assurance::Aal2Strict),
        lax().with_minimum(Assurance::PhishingResistant),
        lax().at_least(Assurance::Aal2Legacy),
        lax().under(elsewhere),
        on().under(elsewhere).remembering(true),
    ];
    for demand in more {
        let mut desk = known(FlowType::SignIn, &demand);
        desk.sign_in(B);
        assert_eq!((desk.stage(), recognised(&desk)), ("challenge", false), "{demand:?}");
        assert_eq!(desk.journey.remember_days(&demand, None, desk.now), None, "{demand:?}");
        // Nor where only one of both versions of the flow asks for it.
        let mut risen = known(FlowType::SignIn, &lax());
        risen.demand = demand.clone();
        risen.sign_in(B);
        assert_eq!((risen.stage(), recognised(&risen)), ("challenge", false), "{demand:?}");
        let mut fallen = known(FlowType::SignIn, &demand);
        fallen.demand = lax();
        fallen.sign_in(B);
        assert_eq!((fallen.stage(), recognised(&fallen)), ("challenge", false), "{demand:?}");
        assert_eq!(fallen.store.browsers.len(), 1, "nor is it used up");
    }
}

#[test]
fn n22_recovery_codes_have_no_browser_remembered_and_are_no_factor_that_one_stands_in_for() {
    let factors = vec![phone_factor(PHONE), recovery_factor(4)];
    let mut desk = Desk::with(FlowType::SignIn, Audience::Patients, &lax(), factors);
    desk.sign_in(B).ok(Event::ChooseMethod { method: Method::RecoveryCode });
    assert_eq!(desk.send(Event::Remembering(Box::new(recover(2)))), Some(Refusal::OutOfStep));
    assert_eq!(desk.ok(recover(2)).stage(), "complete");
    desk.settle();
    assert!(desk.store.browsers.is_empty());
    let mut alone = Desk::with(FlowType::SignIn, Audience::Patients, &lax(), vec![recovery_factor(4)]);
    alone.store.browsers.push(remembered(20, COOKIE, T0));
    alone.cookie = Some(COOKIE);
    alone.sign_in(B);
    assert!(!recognised(&alone) && alone.stage() != "complete");
}

#[test]
fn n18_n19_it_counts_nowhere_else() {
    let mut desk = known(FlowType::ProfileEditing, &lax());
    assert_eq!(desk.sign_in(B).stage(), "challenge");
    assert_eq!(desk.journey.remember_days(&lax(), None, desk.now), None);
    let mut desk = known(FlowType::PasswordReset, &lax());
    desk.request(B).prove(B);
    assert_eq!(desk.stage(), "challenge");
    // Nor in the forgotten password within a sign-in, where none can be asked for either.
    let mut desk = known(FlowType::SignIn, &lax());
    desk.ok(Event::GoForgotPassword).request(B).prove(B);
    assert_eq!((desk.stage(), desk.journey.remember_days(&lax(), None, desk.now)), ("challenge", None));
    let digits = desk.code_to(PHONE);
    desk.ok(remembering(&digits)).ok(Event::SubmitNewPassword { phc: "x".into() });
    desk.settle();
    assert!(desk.store.browsers.is_empty(), "the new password forgot the old one");
    let mut desk = Desk::with(FlowType::SignIn, Audience::SelfService, &lax(), vec![phone_factor(PHONE)]);
    desk.store.browsers.push(remembered(20, COOKIE, T0));
    desk.cookie = Some(COOKIE);
    assert_eq!(desk.sign_in(B).stage(), "challenge", "the account's own page");
}

#[test]
fn u23_a_browser_is_remembered_when_asked_with_the_right_code_and_its_owner_is_told() {
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    desk.sign_in(B);
    assert_eq!(desk.journey.remember_days(&lax(), None, desk.now), Some(30));
    assert!(matches!(desk.send(remembering(WRONG)), Some(Refusal::CodeWrong { .. })));
    assert!(desk.journey.stage().person().is_some_and(|person| !person.remember), "the wish goes with the code");
    let digits = desk.code_to(PHONE);
    desk.ok(remembering(&digits));
    assert_eq!((desk.level(), desk.notices()), (Level::Aal2, vec![Notice::BrowserRemembered]));
    desk.settle();
    assert_eq!(desk.store.browsers[0].expires_at, T0.plus(30 * DAY));
    desk.pass(MINUTE).begin(501, FlowType::SignIn, Audience::Patients);
    assert_eq!(desk.sign_in(B).stage(), "complete");
    // Not asked for: nothing is remembered.
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    desk.sign_in(B).prove(PHONE).settle();
    assert!(desk.store.browsers.is_empty());
}

#[test]
fn u23_where_it_is_not_offered_the_code_counts_and_nothing_is_remembered() {
    let mut desk = Desk::new(FlowType::SignIn, &on());
    desk.sign_in(B);
    assert_eq!(desk.journey.remember_days(&on(), None, desk.now), None);
    let digits = desk.code_to(PHONE);
    desk.ok(remembering(&digits));
    assert_eq!(desk.notices(), []);
    desk.settle();
    assert!(desk.store.browsers.is_empty());
    let mut desk = Desk::new(FlowType::SignIn, &lax());
    assert_eq!(desk.send(Event::Remembering(Box::new(Event::GoSignUp))), Some(Refusal::OutOfStep));
}

#[test]
fn n21_n22_a_session_of_a_remembered_browser_fades_and_ends_with_it() {
    let begun = |later: i64, forgotten: bool, demand: Demand| {
        let mut desk = known(FlowType::SignIn, &lax());
        desk.sign_in(B);
        let session = desk.settle();
        if forgotten {
            desk.store.browsers.clear();
        }
        desk.demand = demand;
        desk.pass(later);
        desk.begin_with(header(502, FlowType::SignIn, Audience::Patients, &desk.demand, desk.now), &session);
        desk.stage()
    };
    assert_eq!(begun(HOUR - 1, false, lax()), "complete");
    assert_eq!(begun(HOUR, false, lax()), "sign_in", "like the factor that it stood in for");
    assert_eq!(begun(MINUTE, true, lax()), "sign_in");
    assert_eq!(begun(MINUTE, false, on()), "sign_in", "a flow that does not take it");
    assert_eq!(begun(MINUTE, true, off()), "complete", "where one factor is enough");
}

#[test]
fn n22_a_browser_that_is_forgotten_before_the_person_agrees_counts_no_more() {
    let asking = || {
        let mut desk = known(FlowType::SignIn, &lax());
        desk.store.asked = [crate::consent::Item::Claim("given_name".to_owned())].into();
        desk.sign_in(B);
        assert_eq!((desk.stage(), recognised(&desk)), ("consent", true));
        desk
    };
    assert_eq!(asking().ok(Event::Agree).stage(), "complete");
    let mut desk = asking();
    desk.store.browsers.clear();
    assert_eq!(desk.ok(Event::Agree).stage(), "challenge");
}

#[test]
fn n22_whatever_changes_the_credentials_forgets_every_browser() {
    let mut desk = known(FlowType::PasswordReset, &off());
    desk.request(B).prove(B).prove(PHONE).ok(Event::SubmitNewPassword { phc: "x".into() });
    assert!(desk.store.browsers.is_empty());
    // Without a live factor there is none to stand in for.
    let mut desk = known(FlowType::SignIn, &lax());
    desk.store.accounts[1].factors.clear();
    assert_eq!(desk.sign_in(B).stage(), "confirm_email");
}

#[test]
fn n22_a_sign_in_goes_on_beside_its_own_browser_of_its_own_account_while_that_lives() {
    let header = header(500, FlowType::SignIn, Audience::Patients, &lax(), T0);
    let own = remembered(20, COOKIE, T0);
    let beside = Authentication::begin(id(20), T0).with_password().with_remembered(own.id);
    let stands = |browser: Option<RememberedBrowser>, now| {
        let mut facts = no_facts(&lax());
        facts.now = now;
        facts.remembered = browser.map(|browser| RememberedFacts { browser, secret: None });
        remember::still(&header, beside.clone(), &facts).remembered().is_some()
    };
    assert!(stands(Some(own.clone()), T0));
    assert!(!stands(None, T0), "it was forgotten");
    assert!(!stands(Some(own.clone()), T0.plus(30 * DAY)), "it is over");
    assert!(!stands(Some(RememberedBrowser { id: id(7), ..own.clone() }), T0), "another one");
    assert!(!stands(Some(RememberedBrowser { account: id(10), ..own }), T0), "somebody else's");
}
