//! Client authentication in all its forms.

use lanyard_domain::application::ApplicationKind::{Native, SinglePage, Web, WebApi};
use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{self, params, token},
    params::percent_encode,
};

fn basic_header(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn run(app: &Application, form: &str, header: Option<&str>) -> Result<(), Refusal> {
    let flow = fixtures::flow();
    fixtures::addressed(&flow, |audience| {
        authenticate(&ClientCredentials::read(&params(form), header)?, Some(app), audience).map(|_| ())
    })
}

#[test]
fn oidcc_server_client_secret_post_and_basic() {
    let app = fixtures::application(Web);
    let (id, secret) = (app.id.to_string(), token(77).expose().to_owned());
    assert_eq!(run(&app, &format!("client_id={id}&client_secret={secret}"), None), Ok(()));
    assert_eq!(run(&app, "", Some(&basic_header(&id, &secret))), Ok(()));
    assert_eq!(run(&app, "", Some(&basic_header(&id, &secret).replace("Basic", "bASIC"))), Ok(()));
    assert_eq!(run(&app, &format!("client_id={id}"), Some(&basic_header(&id, &secret))), Ok(()));
    let older = token(5).expose().to_owned();
    assert_eq!(run(&app, &format!("client_id={id}&client_secret={older}"), None), Ok(()), "two live secrets");
}

#[test]
fn the_basic_header_is_percent_decoded() {
    let app = fixtures::application(Web);
    let encoded = app.id.to_string().replace('-', "%2D");
    assert_eq!(run(&app, "", Some(&basic_header(&encoded, &percent_encode(token(77).expose())))), Ok(()));
}

#[test]
fn a_wrong_secret_is_invalid_client_401() {
    let app = fixtures::application(Web);
    let id = app.id.to_string();
    let other = token(78).expose().to_owned();
    for wrong in ["x", other.as_str(), &"x".repeat(600)] {
        let refusal = run(&app, &format!("client_id={id}&client_secret={wrong}"), None).unwrap_err();
        assert_eq!((refusal.error, refusal.code), (OAuthError::InvalidClient, Code::WrongSecret));
        assert_eq!(refusal.error.status(), 401);
        assert_eq!(run(&app, "", Some(&basic_header(&id, wrong))).unwrap_err().code, Code::WrongSecret);
    }
    assert_eq!(run(&app, &format!("client_id={id}"), None).unwrap_err().code, Code::NoSecret);
    // The hash that the database keeps is no secret that works.
    let mut none = app.clone();
    none.secrets.clear();
    assert!(run(&none, &format!("client_id={id}&client_secret={}", token(77).expose()), None).is_err());
}

#[test]
fn public_clients_send_no_secret_and_web_apis_redeem_nothing() {
    for kind in [SinglePage, Native, Web] {
        assert_eq!(may_redeem(&fixtures::application(kind)), Ok(()));
    }
    for kind in [SinglePage, Native] {
        let app = fixtures::application(kind);
        assert_eq!(run(&app, &format!("client_id={}", app.id), None), Ok(()));
        let with = format!("client_id={}&client_secret={}", app.id, token(77).expose());
        assert_eq!(run(&app, &with, None).unwrap_err().code, Code::UnwantedSecret);
    }
    let api = fixtures::application(WebApi);
    assert_eq!(run(&api, &format!("client_id={}", api.id), None).unwrap_err().code, Code::NoSecret);
    assert_eq!(may_redeem(&api).unwrap_err().error, OAuthError::UnauthorizedClient);
}

#[test]
fn two_ways_at_once_are_refused() {
    let app = fixtures::application(Web);
    let (id, secret) = (app.id.to_string(), token(77).expose().to_owned());
    let header = basic_header(&id, &secret);
    for (form, header) in [
        (format!("client_id={id}&client_secret={secret}"), Some(header.as_str())),
        (format!("client_id={}", Uuid::from_u128(1)), Some(header.as_str())),
        (format!("client_id={id}&client_secret={secret}&client_secret={secret}"), None),
    ] {
        assert_eq!(run(&app, &form, header).unwrap_err().error, OAuthError::InvalidRequest, "{form}");
    }
    let assertion = format!("client_id={id}&client_assertion=x.y.z");
    assert_eq!(run(&app, &assertion, None).unwrap_err().error, OAuthError::InvalidClient);
}

#[test]
fn an_application_of_another_id_is_unknown() {
    let app = fixtures::application(SinglePage);
    let read = ClientCredentials::read(&params(&format!("client_id={}", Uuid::from_u128(1))), None).unwrap();
    fixtures::addressed(&fixtures::flow(), |audience| {
        assert_eq!(authenticate(&read, Some(&app), audience).unwrap_err().code, Code::UnknownClient);
        assert_eq!(authenticate(&read, None, audience).unwrap_err().code, Code::UnknownClient);
    });
    assert_eq!(run(&app, "", None).unwrap_err().error, OAuthError::InvalidClient);
    assert_eq!(run(&app, "", Some("Bearer abc")).unwrap_err().error, OAuthError::InvalidClient);
}

proptest! {
    #[test]
    fn basic_headers_never_panic(raw in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,60}") {
        let app = fixtures::application(Web);
        for header in [format!("Basic {}", STANDARD.encode(&raw)), text.clone(), format!("Basic {text}")] {
            let result = run(&app, "", Some(&header));
            prop_assert!(result.is_err());
        }
    }

    #[test]
    fn a_basic_header_gives_back_what_was_encoded(secret in "[^\0]{1,40}") {
        let id = Uuid::from_u128(7).to_string();
        let header = basic_header(&id, &percent_encode(&secret));
        let (got_id, got) = basic(&header).unwrap();
        prop_assert_eq!((got_id, got.expose()), (id, secret.as_str()));
    }
}
