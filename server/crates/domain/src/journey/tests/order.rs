//! A47 and failure 3: no step is skipped, nothing empty passes, nobody disabled goes on.

use super::{consent::third_party, *};
use crate::{
    assurance::Authentication,
    clock::HOUR,
    journey::{Ended, JOURNEY_LIFE, NewDetails, Person, Then, complete},
};

/// A journey at each stage, by the way a person takes, with A or B or somebody new.
fn every_stage() -> Vec<Desk> {
    let text_only = Demand::mfa([Method::TextMessage]);
    let app_only = Demand::mfa([Method::AuthenticatorApp]);
    let mut desks = vec![
        Desk::new(FlowType::SignUpSignIn, &on()),
        Desk::new(FlowType::PasswordReset, &on()),
        Desk::new(FlowType::ProfileEditing, &off()),
    ];
    desks[2].sign_in(A);
    let mut add = |kind, demand: &Demand, walk: fn(&mut Desk)| {
        let mut desk = Desk::new(kind, demand);
        walk(&mut desk);
        desks.push(desk);
    };
    add(FlowType::SignUpSignIn, &on(), |d| {
        d.ok(Event::GoSignUp);
    });
    add(FlowType::SignUpSignIn, &on(), |d| {
        d.ok(Event::GoSignUp).request(NEW);
    });
    add(FlowType::SignUpSignIn, &on(), |d| {
        d.ok(Event::GoSignUp).request(NEW).prove(NEW);
    });
    add(FlowType::PasswordReset, &on(), |d| {
        d.request(A);
    });
    add(FlowType::PasswordReset, &on(), |d| {
        d.request(A).prove(A);
    });
    add(FlowType::SignIn, &on(), |d| {
        d.sign_in(A);
    });
    add(FlowType::SignIn, &on(), |d| {
        d.sign_in(A).prove(A);
    });
    add(FlowType::SignIn, &text_only, |d| {
        d.sign_in(A).prove(A);
    });
    add(FlowType::SignIn, &text_only, |d| {
        d.sign_in(A).prove(A).enter_phone(OTHER_PHONE, Method::TextMessage);
    });
    add(FlowType::SignIn, &app_only, |d| {
        d.sign_in(A).prove(A);
    });
    add(FlowType::SignIn, &on(), |d| {
        d.sign_in(B);
    });
    add(FlowType::SignIn, &off(), |d| {
        d.sign_in(A);
    });
    add(FlowType::SignIn, &off(), |d| {
        d.sign_in(A).settle();
    });
    add(FlowType::SignIn, &off(), |d| {
        d.store.asked = third_party();
        d.sign_in(A);
    });
    add(FlowType::SignIn, &off(), |d| {
        d.ok(Event::Cancel);
    });
    desks
}

/// Every event with data that would pass at its own stage.
fn every_event(desk: &Desk) -> Vec<Event> {
    vec![
        desk.store.sign_in(&email(A), true),
        Event::GoSignUp,
        Event::GoSignIn,
        Event::GoForgotPassword,
        Event::LeaveForReset,
        Event::RequestCode { email: email(NEW) },
        Event::Resend,
        code(WRONG),
        app_code(WRONG),
        details(),
        Event::SubmitNewPassword { phc: "changed".to_owned() },
        Event::ChooseMethod { method: Method::TextMessage },
        Event::EnterPhone { number: phone(OTHER_PHONE), method: Method::TextMessage },
        Event::SubmitProfile { attributes: attributes() },
        Event::Agree,
        Event::Back,
        Event::Cancel,
    ]
}

/// The table of the machine, written down a second time: what may happen at a stage.
fn allowed(stage: &str, kind: FlowType) -> &'static [&'static str] {
    match (stage, kind) {
        ("sign_in", FlowType::SignUpSignIn) => {
            &["sign-in", "go-sign-up", "go-sign-in", "go-forgot-password", "leave-for-reset", "cancel"]
        }
        ("sign_in", _) => &["sign-in", "go-sign-in", "go-forgot-password", "leave-for-reset", "cancel"],
        ("sign_up_email", _) => &["go-sign-in", "request-code", "cancel"],
        ("sign_up_code", _) => &["go-sign-in", "request-code", "resend", "submit-code", "back", "cancel"],
        ("details", _) => &["submit-details", "cancel"],
        ("reset_email", FlowType::PasswordReset) => &["request-code", "cancel"],
        ("reset_code", FlowType::PasswordReset) => &["request-code", "resend", "submit-code", "back", "cancel"],
        ("new_password", _) => &["submit-new-password", "cancel"],
        ("confirm_email", _) => &["resend", "submit-code", "cancel"],
        ("choose_method", _) => &["choose-method", "cancel"],
        ("enrol_phone", _) => &["enter-phone", "back", "cancel"],
        ("enrol_phone_code", _) => &["resend", "submit-code", "back", "cancel"],
        ("enrol_app", _) => &["submit-app-code", "back", "cancel"],
        ("challenge", _) => &["resend", "submit-code", "choose-method", "cancel"],
        ("consent", _) => &["agree", "cancel"],
        ("edit_profile", _) => &["submit-profile", "cancel"],
        ("complete" | "returning" | "ended", _) => &[],
        (other, _) => panic!("no row for {other}"),
    }
}

#[test]
fn a47_no_step_is_skipped_at_any_stage() {
    let mut stages = std::collections::BTreeSet::new();
    for mut desk in every_stage() {
        stages.insert(desk.stage());
        desk.pass(31_000);
        let allowed = allowed(desk.stage(), desk.journey.header.flow.kind);
        for event in every_event(&desk) {
            let name = event.name();
            let step = desk.step(event);
            let out = step.refusal == Some(Refusal::OutOfStep);
            assert_eq!(out, !allowed.contains(&name), "{name} at {}: {:?}", desk.stage(), step.refusal);
            if out {
                assert_eq!(step.journey, desk.journey, "{name} at {}", desk.stage());
                assert_eq!(step.effects, [], "{name} at {}", desk.stage());
            }
        }
    }
    assert_eq!(stages.len(), 18, "every stage: {stages:?}");
}

#[test]
fn f3_an_empty_submission_fails_at_every_stage() {
    let nothing = || {
        [
            code(""),
            app_code(""),
            Event::SubmitDetails(Box::new(NewDetails { email: None, phc: String::new(), attributes: attributes() })),
        ]
    };
    for mut desk in every_stage() {
        let stage = desk.stage();
        let wrong = desk.store.sign_in(&email(A), false);
        for event in nothing().into_iter().chain([wrong]) {
            // Password and attributes are checked before the journey sees them (`password`,
            // `attribute`); the details stage itself takes what passed there.
            if stage == "details" && matches!(event, Event::SubmitDetails(_)) {
                continue;
            }
            let name = event.name();
            assert!(desk.send(event).is_some(), "{name} at {stage}");
        }
    }
}

#[test]
fn details_without_an_address_fail_where_one_is_asked() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &off());
    desk.journey.stage = Stage::Details(crate::journey::DetailsStage {
        email: None,
        email_proved: false,
        kind: crate::account::AccountKind::Patient,
        invitation: None,
    });
    assert_eq!(desk.send(details()), Some(Refusal::OutOfStep));
}

#[test]
fn a_disabled_account_goes_on_at_no_stage() {
    let mut known = 0;
    for mut desk in every_stage() {
        for account in &mut desk.store.accounts {
            account.disabled = true;
        }
        desk.pass(31_000);
        if desk.journey.stage().person().is_none() {
            let event = desk.store.sign_in(&email(A), true);
            assert!(desk.send(event).is_some(), "sign-in at {}", desk.stage());
            if desk.stage() == "reset_code" {
                let digits = desk.code_to(A);
                assert_eq!(desk.send(code(&digits)), Some(Refusal::CodeExpired));
            }
            continue;
        }
        known += 1;
        for event in every_event(&desk).into_iter().filter(|event| *event != Event::Cancel) {
            let name = event.name();
            assert_eq!(desk.send(event), Some(Refusal::AccountUnavailable), "{name} at {}", desk.stage());
        }
    }
    assert_eq!(known, 9);
}

#[test]
fn a_deleted_account_goes_on_at_no_stage() {
    for mut desk in every_stage().into_iter().filter(|desk| desk.journey.stage().person().is_some()) {
        desk.store.accounts.clear();
        let event = every_event(&desk).remove(7);
        assert_eq!(desk.send(event), Some(Refusal::AccountUnavailable), "{}", desk.stage());
    }
}

#[test]
fn an_expired_journey_takes_nothing() {
    for mut desk in every_stage() {
        for now in [T0.plus(JOURNEY_LIFE), T0.plus(2 * HOUR), T0.minus(1)] {
            desk.now = now;
            for event in every_event(&desk) {
                assert_eq!(desk.step(event).refusal, Some(Refusal::JourneyExpired));
            }
        }
    }
}

#[test]
fn f12_the_way_back_is_taken_once() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.sign_in(A).settle();
    let (left, _back) = desk.journey.take_return().unwrap();
    assert_eq!(*left.stage(), Stage::Ended(Ended::Used));
    assert!(left.take_return().is_err());
}

#[test]
fn only_a_complete_journey_completes() {
    for desk in every_stage() {
        let stage = desk.stage();
        assert_eq!(desk.journey.clone().complete().is_ok(), stage == "complete", "{stage}");
        assert_eq!(desk.journey.take_return().is_ok(), stage == "returning", "{stage}");
    }
}

// What `complete` makes of a person with these factors, where `demand` stands.
fn completed(authentication: Authentication, factors: Vec<FactorSecret>, demand: &Demand) -> &'static str {
    let person = Person::identified(authentication, Then::Finish, Some(1));
    in_context(account(20, B, factors), demand, |context| complete::complete(context, person).name())
}

#[test]
fn a49_f2_no_completion_is_made_below_the_demand_whoever_asks_for_one() {
    let password = || Authentication::begin(id(20), T0).with_password();
    let phone = || vec![phone_factor(PHONE)];
    assert_eq!(completed(password(), phone(), &on()), "sign_in");
    assert_eq!(completed(password().with_second(Method::TextMessage, T0), phone(), &on()), "complete");
    // A code that stood in for the last factor that opened something: another one is set up first.
    let by_code = || password().with_second(Method::RecoveryCode, T0);
    assert_eq!(completed(by_code(), vec![recovery_factor(3)], &on()), "sign_in");
    assert_eq!(completed(by_code(), vec![phone_factor(PHONE), recovery_factor(3)], &on()), "complete");
    assert_eq!(completed(password(), Vec::new(), &off()), "complete");
}
