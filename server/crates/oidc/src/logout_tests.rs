//! RP-initiated logout: the cases of the conformance modules.

use lanyard_domain::application::ApplicationKind::Web;
use proptest::prelude::*;

use super::*;
use crate::{
    claims::{self, Issuance},
    fixtures::{self, NOW, REPLY, params},
    jose::TokenType,
    params::percent_encode,
};
use lanyard_domain::clock::DAY;

fn hint() -> String {
    let (issuer, flow, application) = (fixtures::issuer(), fixtures::flow(), fixtures::application(Web));
    let (account, mut grant) = (fixtures::account(), fixtures::grant());
    grant.session = Some(session().session);
    let issuance = Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &application,
        account: &account,
        grant: &grant,
        scope: "openid",
        apis: &[],
        key: None,
        now: NOW,
    };
    fixtures::key().sign(TokenType::Id, &claims::id_token(&issuance, None)).unwrap()
}

// The session that the hint is of.
fn session() -> SignedIn {
    SignedIn { account: fixtures::account().id, session: Id::from_uuid(Uuid::from_u128(7)), parties: Vec::new() }
}

fn run(query: &str, signed_in: bool) -> Result<Logout, LogoutError> {
    let request = LogoutRequest::parse(&params(query))?;
    let identified = request.identify(&fixtures::verifier(), &fixtures::issuer(), NOW.plus(400 * DAY))?;
    let application = fixtures::application(Web);
    let loaded = identified.application.is_some().then_some(&application);
    request.decide(&identified, loaded, signed_in.then(session).as_ref())
}

#[test]
fn oidcc_rp_initiated_logout_good() {
    let query = format!("id_token_hint={}&post_logout_redirect_uri={REPLY}&state=a%7Cb%3D", hint());
    let logout = run(&query, true).unwrap();
    assert_eq!(logout, Logout { confirm: false, redirect: Some(format!("{REPLY}?state=a%7Cb%3D")) });
}

#[test]
fn oidcc_rp_initiated_logout_bad_uri_is_an_error_page() {
    for bad in ["https://evil.example/", "https://app.example/cb/", "https://app.example/cb?x=1", "javascript:alert(1)"]
    {
        let query = format!("id_token_hint={}&post_logout_redirect_uri={}", hint(), percent_encode(bad));
        assert_eq!(run(&query, true).unwrap_err().code, Code::ReplyUrl, "{bad}");
    }
    assert_eq!(run(&format!("post_logout_redirect_uri={REPLY}"), true).unwrap_err().code, Code::ReplyUrl, "no client");
}

#[test]
fn oidcc_rp_initiated_logout_bad_hint_is_an_error_page() {
    let good = hint();
    let (message, _) = good.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    for bad in ["x", "a.b.c", unsigned.as_str(), &format!("{message}.AAAA")] {
        let query = format!("id_token_hint={bad}&post_logout_redirect_uri={REPLY}");
        assert_eq!(run(&query, true).unwrap_err().code, Code::IdTokenHint, "{bad}");
    }
    let other = format!("id_token_hint={good}&client_id={}", Uuid::from_u128(1));
    assert_eq!(run(&other, true).unwrap_err().code, Code::IdTokenHint, "another client's hint");
}

#[test]
fn a35_without_a_valid_hint_the_page_asks() {
    for query in ["", "state=x", &format!("client_id={}", fixtures::application(Web).id)] {
        assert_eq!(run(query, true).unwrap(), Logout { confirm: true, redirect: None }, "{query}");
        assert!(!run(query, false).unwrap().confirm, "nobody to sign out");
    }
    let query = format!("client_id={}&post_logout_redirect_uri={REPLY}", fixtures::application(Web).id);
    assert_eq!(run(&query, true).unwrap(), Logout { confirm: true, redirect: Some(REPLY.into()) });
}

#[test]
fn a_hint_of_somebody_else_does_not_sign_out_silently() {
    let request = LogoutRequest::parse(&params(&format!("id_token_hint={}", hint()))).unwrap();
    let identified = request.identify(&fixtures::verifier(), &fixtures::issuer(), NOW).unwrap();
    let application = fixtures::application(Web);
    let other = SignedIn { account: Id::from_uuid(Uuid::from_u128(3)), ..session() };
    assert!(request.decide(&identified, Some(&application), Some(&other)).unwrap().confirm);
    assert_eq!(request.decide(&identified, None, Some(&other)).unwrap_err().code, Code::UnknownClient);
}

#[test]
fn a35_a_hint_of_another_session_is_no_proof() {
    let request = LogoutRequest::parse(&params(&format!("id_token_hint={}", hint()))).unwrap();
    let identified = request.identify(&fixtures::verifier(), &fixtures::issuer(), NOW).unwrap();
    let application = fixtures::application(Web);
    let confirm = |now: &SignedIn| request.decide(&identified, Some(&application), Some(now)).unwrap().confirm;
    let (own, later) = (session(), Id::from_uuid(Uuid::from_u128(9)));
    assert!(!confirm(&own));
    let replaced = |party| SignedIn { session: later, parties: vec![(party, own.session)], ..own.clone() };
    assert!(!confirm(&replaced(application.id)), "the person signed in again: the application knows the old one");
    assert!(confirm(&replaced(Id::from_uuid(Uuid::from_u128(8)))), "another application's");
    assert!(confirm(&SignedIn { session: later, ..own }));
}

#[test]
fn d12_a_hint_of_a_deleted_key_asks() {
    let nobody = Verifier::new(&crate::jose::JwkSet { keys: Vec::new() }).unwrap();
    let query = format!("id_token_hint={}&post_logout_redirect_uri={REPLY}", hint());
    let request = LogoutRequest::parse(&params(&query)).unwrap();
    let identified = request.identify(&nobody, &fixtures::issuer(), NOW).unwrap();
    let application = fixtures::application(Web);
    assert_eq!(identified, Identified { hint: None, application: Some(application.id) });
    let logout = request.decide(&identified, Some(&application), Some(&session())).unwrap();
    assert_eq!(logout, Logout { confirm: true, redirect: Some(REPLY.into()) });
}

#[test]
fn f52_duplicate_parameters_are_refused() {
    assert!(run("state=a&state=b", true).is_err());
    assert!(run("client_id=x", true).is_err());
}

proptest! {
    #[test]
    fn a_redirect_goes_to_a_registered_url_only(url in prop_oneof![Just(REPLY.to_owned()), "[^\0]{1,40}"]) {
        let id = fixtures::application(Web).id;
        let query = format!("client_id={id}&post_logout_redirect_uri={}", percent_encode(&url));
        prop_assert_eq!(run(&query, true).is_ok(), url == REPLY);
    }
}

#[test]
fn oidcc_backchannel_logout_token_says_what_the_standard_asks_for() {
    let token = LogoutToken {
        issuer: "https://login.example/",
        application: fixtures::application(Web).id,
        subject: fixtures::account().id,
        sid: Id::from_uuid(Uuid::from_u128(5)),
        jti: Uuid::from_u128(6),
    };
    let claims = token.claims(NOW);
    let names: Vec<&str> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"], "and never a nonce");
    assert_eq!(claims["events"], json!({ BACK_CHANNEL_EVENT: {} }));
    let url = front_channel_url("https://app.example/bye?x=1", "https://login.example/a b", token.sid);
    let expected =
        "https://app.example/bye?x=1&iss=https%3A%2F%2Flogin.example%2Fa%20b&sid=00000000-0000-0000-0000-000000000005";
    assert_eq!(url, expected);
}

#[test]
fn a35_a_flow_may_want_a_hint() {
    let strict = SessionSettings { id_token_in_logout: true, ..SessionSettings::default() };
    let request = |query: &str| LogoutRequest::parse(&params(query)).unwrap();
    assert_eq!(request("state=x").demand_hint(&strict).unwrap_err().code, Code::IdTokenHint);
    assert!(request(&format!("id_token_hint={}", hint())).demand_hint(&strict).is_ok());
    assert!(request("state=x").demand_hint(&SessionSettings::default()).is_ok());
}
