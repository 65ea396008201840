//! What a finished journey may answer with: a code, an ID token, both, or that somebody else came.

use super::*;
use crate::{
    grant::{AuthorizationRequest, RequestOptions, ResponseType},
    journey::{Ended, Issued, OtherPerson, Target},
    user_flow::Audience,
};

/// A journey of A that is settled, and its request with these options.
fn settled(options: RequestOptions) -> (Desk, AuthorizationRequest) {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    let Target::Application(request) = &mut desk.journey.header.target else { panic!("no application") };
    request.options = options;
    let request = request.clone();
    desk.sign_in(A).settle();
    (desk, request)
}

fn issue(options: RequestOptions) -> Result<Issued, OtherPerson> {
    let (desk, request) = settled(options);
    let header = desk.journey.header.clone();
    let (_, back) = desk.journey.take_return().unwrap();
    back.issue(&header, &request, desk.now, &mut SeededEntropy::new(5))
}

#[test]
fn an_answer_holds_what_was_asked_for_and_nothing_else() {
    for kind in ResponseType::ALL {
        let issued = issue(RequestOptions { response_type: kind, ..RequestOptions::default() }).unwrap();
        assert_eq!(issued.code.is_some(), kind.has_code(), "{kind:?}");
        assert_eq!(issued.id_token.is_some(), kind.has_id_token(), "{kind:?}");
        assert_eq!(issued.grant.redeemed_at.is_none(), kind.has_code(), "{kind:?}: a code that nobody has is shut");
        if let Some(right) = issued.id_token {
            assert_eq!(right.into_grant(), issued.grant, "{kind:?}: the ID token tells of this very sign-in");
        }
        if let Some(code) = issued.code {
            assert!(issued.grant.code.matches(&code.hash()));
        }
    }
}

#[test]
fn nothing_is_issued_about_another_person_than_the_one_asked_for() {
    let for_subject = |n| RequestOptions { subject: Some(id(n)), ..RequestOptions::default() };
    assert!(issue(for_subject(10)).is_ok(), "A is 10");
    assert_eq!(issue(for_subject(20)).unwrap_err(), OtherPerson);
}

#[test]
fn a_session_of_another_person_does_not_satisfy() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.sign_in(A);
    let session = desk.settle();
    for (subject, stage) in [(10, "complete"), (20, "sign_in")] {
        let mut header = header(600, FlowType::SignIn, Audience::Patients, &off(), desk.now);
        let Target::Application(request) = &mut header.target else { panic!("no application") };
        request.options.subject = Some(id(subject));
        desk.begin_with(header, &session);
        assert_eq!(desk.stage(), stage);
    }
}

#[test]
fn a_forgotten_password_goes_back_to_an_application_only() {
    let mut desk = Desk::new(FlowType::SignIn, &off());
    desk.ok(Event::LeaveForReset);
    assert_eq!(*desk.journey.stage(), Stage::Ended(Ended::ForgotPassword));
    assert!(desk.journey.clone().take_return().is_err(), "there is no code in it");
    let mut desk = Desk::with(FlowType::SignIn, Audience::SelfService, &off(), Vec::new());
    assert_eq!(desk.send(Event::LeaveForReset), Some(Refusal::OutOfStep));
}
