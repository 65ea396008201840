//! Sessions, audiences and disabled accounts.

use super::*;
use crate::{
    account::AccountKind,
    clock::HOUR,
    invitation::Invitation,
    journey::{Target, console_of},
    role::Role,
    secret::TokenHash,
};

/// B signed in with or without the factor.
fn session_of_b(demand: &Demand) -> (Desk, Session) {
    let mut desk = Desk::new(FlowType::SignIn, demand);
    desk.sign_in(B);
    if desk.stage() == "challenge" {
        desk.prove(PHONE);
    }
    let session = desk.settle();
    (desk, session)
}

fn next(desk: &Desk, kind: FlowType, demand: &Demand) -> Header {
    header(600, kind, Audience::Patients, demand, desk.now)
}

#[test]
fn sso_a_session_below_the_level_does_not_satisfy() {
    let (mut desk, session) = session_of_b(&off());
    let header = next(&desk, FlowType::SignIn, &off());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "complete");
    desk.demand = on();
    let header = next(&desk, FlowType::SignIn, &on());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "sign_in", "the toggle acts on sessions");
}

#[test]
fn sso_a_faded_session_does_not_satisfy() {
    let (mut desk, session) = session_of_b(&on());
    desk.pass(HOUR - 1);
    let header = next(&desk, FlowType::SignIn, &on());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "complete");
    desk.pass(1);
    let header = next(&desk, FlowType::SignIn, &on());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "sign_in");
    // A weaker flow still takes it, for what it counts now and no more.
    desk.demand = off();
    let header = next(&desk, FlowType::SignIn, &off());
    desk.begin_with(header, &session);
    assert_eq!(desk.level(), Level::Aal1);
}

#[test]
fn sso_fresh_login_ignores_the_session() {
    let (mut desk, session) = session_of_b(&on());
    let mut header = next(&desk, FlowType::SignIn, &on());
    let Target::Application(request) = &mut header.target else { panic!("an application") };
    request.fresh_login = true;
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn a8_profile_editing_by_a_session_takes_the_level_of_the_accounts_factors() {
    // B has a phone: a session by the password alone leads to the first page, one by both to the form.
    for (demand, stage) in [(off(), "sign_in"), (on(), "edit_profile")] {
        let (mut desk, session) = session_of_b(&demand);
        desk.demand = off();
        let header = next(&desk, FlowType::ProfileEditing, &off());
        desk.begin_with(header, &session);
        assert_eq!(desk.stage(), stage);
    }
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.sign_in(A);
    let session = desk.settle();
    let header = next(&desk, FlowType::ProfileEditing, &off());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "edit_profile", "A has none");
}

#[test]
fn a19_sso_a_stopped_account_is_let_in_nowhere_by_its_session() {
    let (mut desk, session) = session_of_b(&off());
    desk.store.account_mut(id(20)).unwrap().disabled = true;
    let header = next(&desk, FlowType::SignIn, &off());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "sign_in");
}

#[test]
fn sso_an_ended_foreign_or_console_session_does_not_satisfy() {
    let (mut desk, session) = session_of_b(&off());
    let ended = Session { ended_at: Some(desk.now), ..session.clone() };
    let elsewhere = Session { tenant: id(99), ..session.clone() };
    let console = Session { console: console_of(Audience::SelfService), ..session.clone() };
    let other_account = Session { account: id(10), ..session };
    for wrong in [ended, elsewhere, console, other_account] {
        let header = next(&desk, FlowType::SignIn, &off());
        desk.begin_with(header, &wrong);
        assert_eq!(desk.stage(), "sign_in", "{wrong:?}");
    }
}

#[test]
fn sso_says_new_user_once() {
    let mut desk = Desk::new(FlowType::SignUpSignIn, &off());
    sign_up(&mut desk);
    let session = desk.settle();
    assert!(session.authentication.is_new_account());
    let header = next(&desk, FlowType::SignIn, &off());
    desk.begin_with(header, &session);
    let Stage::Complete(completion) = desk.journey.stage() else { panic!("{}", desk.stage()) };
    assert!(!completion.authentication().is_new_account());
    assert!(!completion.authentication().email_proved(), "the code belonged to the other journey");
}

#[test]
fn a18_profile_editing_by_a_session_does_not_renew_it() {
    let (mut desk, session) = session_of_b(&on());
    let header = next(&desk, FlowType::ProfileEditing, &off());
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "edit_profile");
    desk.ok(Event::SubmitProfile { attributes: attributes() });
    let (_, completion) = desk.journey.clone().complete().unwrap();
    assert_eq!(completion.existing_session(), Some(session.id));
    assert!(!desk.has(|effect| matches!(effect, Effect::SignedIn { .. })), "nobody signed in");
}

#[test]
fn a_reset_ends_profile_editing_that_a_session_began() {
    let (mut desk, session) = session_of_b(&on());
    let header = next(&desk, FlowType::ProfileEditing, &off());
    desk.begin_with(header, &session);
    desk.store.accounts[1].password_version = Some(2);
    let edit = Event::SubmitProfile { attributes: attributes() };
    assert_eq!(desk.send(edit), Some(Refusal::PasswordChangedMeanwhile));
}

#[test]
fn audiences_do_not_mix() {
    let kinds = [AccountKind::Patient, AccountKind::Staff, AccountKind::Operator];
    let homes = [Audience::Patients, Audience::Staff, Audience::Operators];
    for (kind, home) in kinds.into_iter().zip(homes) {
        for audience in homes {
            let mut desk = Desk::with(FlowType::SignIn, audience, &off(), Vec::new());
            desk.store.accounts[0].kind = kind;
            let event = desk.store.sign_in(&email(A), true);
            let refusal = desk.send(event);
            assert_eq!(refusal.is_none(), audience == home, "{kind:?} at {audience:?}");
            // A reset is no way in either.
            let mut desk = Desk::with(FlowType::PasswordReset, audience, &off(), Vec::new());
            desk.store.accounts[0].kind = kind;
            desk.request(A);
            let sent = desk.has(|effect| matches!(effect, Effect::SendEmailCode { .. }));
            assert_eq!(sent, audience == home, "{kind:?} at {audience:?}");
        }
    }
}

#[test]
fn a_patient_flow_never_opens_a_console() {
    for (audience, opens) in [(Audience::Patients, false), (Audience::Staff, true), (Audience::SelfService, true)] {
        let mut desk = Desk::with(FlowType::SignIn, audience, &off(), Vec::new());
        if audience == Audience::Staff {
            desk.store.accounts[0].kind = AccountKind::Staff;
        }
        // Whatever the request says it leads to.
        desk.journey.header.target = Target::Console { return_to: "/clinic".to_owned() };
        desk.sign_in(A);
        assert_eq!(desk.settle().console.is_some(), opens, "{audience:?}");
    }
}

#[test]
fn staff_flows_have_no_sign_up() {
    let mut desk = Desk::with(FlowType::SignUpSignIn, Audience::Staff, &off(), Vec::new());
    assert_eq!(desk.send(Event::GoSignUp), Some(Refusal::OutOfStep));
    let mut desk = Desk::new(FlowType::SignIn, &off());
    assert_eq!(desk.send(Event::GoSignUp), Some(Refusal::OutOfStep));
}

#[test]
fn f50_an_invitation_that_is_used_old_or_for_another_place_opens_nothing() {
    let open = Invitation {
        id: id(40),
        tenant: id(TENANT),
        token: TokenHash([1; 32]),
        email: Some(email(NEW)),
        kind: AccountKind::Staff,
        role: Role::ClinicStaff(id(TENANT)),
        invited_by: None,
        created_at: T0,
        expires_at: T0.plus(HOUR),
        used_at: None,
    };
    let begin = |invitation: &Invitation, audience| {
        let header = header(700, FlowType::SignIn, audience, &on(), T0.plus(1));
        Journey::begin_invited(header, invitation).stage().name()
    };
    assert_eq!(begin(&open, Audience::Staff), "details");
    assert_eq!(begin(&open, Audience::Patients), "sign_in");
    assert_eq!(begin(&Invitation { used_at: Some(T0), ..open.clone() }, Audience::Staff), "sign_in");
    assert_eq!(begin(&Invitation { expires_at: T0.plus(1), ..open.clone() }, Audience::Staff), "sign_in");
    assert_eq!(begin(&Invitation { tenant: id(99), ..open }, Audience::Staff), "sign_in");
}

#[test]
fn rfc8628_a_device_is_approved_by_a_sign_in_of_its_own_and_never_by_a_session_alone() {
    let (mut desk, session) = session_of_b(&on());
    let device = TokenHash([9; 32]);
    let target = Target::Device { request: crate::journey::testing::request(), device };
    let waiting = |desk: &Desk| Header { target: target.clone(), ..next(desk, FlowType::SignIn, &on()) };
    let header = waiting(&desk);
    desk.begin_with(header, &session);
    assert_eq!(desk.stage(), "sign_in", "the session that is there is not enough");
    desk.sign_in(B);
    assert_eq!(desk.stage(), "challenge", "nor is the password where the flow asks for more");
    desk.prove(PHONE);
    assert_eq!(desk.stage(), "complete");
}
