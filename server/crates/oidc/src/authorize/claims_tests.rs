//! The `claims` parameter.

use proptest::prelude::*;

use super::*;
use crate::{fixtures, params::percent_encode};

fn parse(json: &str) -> Result<ClaimsRequest, Refusal> {
    read(&fixtures::params(&format!("claims={}", percent_encode(json))))
}

#[test]
fn oidcc_claims_essential_the_names_are_kept_by_place() {
    let got = parse(
        r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null},
            "id_token": {"auth_time": {"essential": true}, "name": {"value": "x"}, "email": {"values": ["a", 1, null]}},
            "access_token": {"xms_cc": {"values": ["CP1"]}}, "other": [[[1.5]]]}"#,
    )
    .unwrap();
    assert_eq!(got.id_token, ["auth_time", "email", "name"]);
    assert_eq!(got.userinfo, ["given_name", "nickname"]);
    assert_eq!((got.acr, got.subject), (None, None));
    assert_eq!(parse("{}"), Ok(ClaimsRequest::default()));
    assert_eq!(parse(r#"{"id_token": null}"#), Ok(ClaimsRequest::default()));
    assert_eq!(read(&fixtures::params("")), Ok(ClaimsRequest::default()));
}

#[test]
fn oidcc_claims_acr_asks_for_a_level() {
    let acr = |wish: &str| parse(&format!(r#"{{"id_token": {{"acr": {wish}}}}}"#)).map(|got| got.acr);
    assert_eq!(acr("null"), Ok(None));
    assert_eq!(acr(r#"{"essential": true}"#), Ok(None), "it is always there");
    assert_eq!(acr(r#"{"essential": true, "value": "aal2"}"#), Ok(Some(Level::Aal2)));
    assert_eq!(acr(r#"{"essential": true, "values": ["urn:x", "aal2", "aal1"]}"#), Ok(Some(Level::Aal2)));
    assert_eq!(acr(r#"{"values": ["urn:x"]}"#), Ok(None), "a wish");
    let unmet = acr(r#"{"essential": true, "values": ["urn:x", 2]}"#).unwrap_err();
    assert_eq!(unmet.error, OAuthError::UnmetAuthenticationRequirements);
}

#[test]
fn a_subject_is_one_of_ours_or_refused() {
    let sub = |wish: &str| parse(&format!(r#"{{"id_token": {{"sub": {wish}}}}}"#)).map(|got| got.subject);
    let account = fixtures::account().id;
    assert_eq!(sub(&format!(r#"{{"value": "{account}"}}"#)), Ok(Some(account)));
    assert_eq!(sub(&format!(r#"{{"values": ["{account}"]}}"#)), Ok(Some(account)));
    assert_eq!(sub("null"), Ok(None));
    for bad in [r#"{"value": "x"}"#, r#"{"value": 1}"#, r#"{"value": null}"#, r#"{"values": ["a", "b"]}"#] {
        assert!(sub(bad).is_err(), "{bad}");
    }
}

#[test]
fn f52_f54_malformed_repeated_and_boundless_claims_are_refused() {
    let many: Vec<String> = (0..=MAX_CLAIMS).map(|n| format!(r#""c{n}": null"#)).collect();
    let many = format!(r#"{{"userinfo": {{{}}}}}"#, many.join(","));
    let long = format!(r#"{{"userinfo": {{"{}": null}}}}"#, "n".repeat(MAX_NAME + 1));
    let deep = format!(r#"{{"x": {}{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    let huge = format!(r#"{{"x": "{}"}}"#, "x".repeat(MAX_LEN));
    for bad in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        "{}{}",
        "{'id_token': null}",
        r#"{"id_token": []}"#,
        r#"{"id_token": "x"}"#,
        r#"{"id_token": {"a": true}}"#,
        r#"{"id_token": {"a": "x"}}"#,
        r#"{"id_token": {"a": {"essential": "true"}}}"#,
        r#"{"id_token": {"a": {"values": "x"}}}"#,
        r#"{"id_token": {"a": {"value": "x", "values": ["x"]}}}"#,
        r#"{"id_token": {"": null}}"#,
        r#"{"id_token": {"a\u0001": null}}"#,
        r#"{"id_token": {"acr": {"value": "aal2"}, "acr": null}}"#,
        r#"{"id_token": {}, "id_token": null}"#,
        r#"{"id_token": {"acr": {"essential": true, "essential": false}}}"#,
        many.as_str(),
        long.as_str(),
        deep.as_str(),
        huge.as_str(),
    ] {
        // An empty parameter counts as absent.
        assert_eq!(parse(bad).is_err(), !bad.is_empty(), "{bad}");
    }
}

proptest! {
    #[test]
    fn claims_never_panic_and_stay_bounded(text in prop_oneof![
        ".{0,60}",
        r#"\{("(id_token|userinfo|x)":(\{("(acr|sub|a)":(null|\{\}|\{"(essential|value|values)":(true|"aal2"|\["x"\])\}),?){0,3}\}|null),?){0,3}\}"#,
    ]) {
        if let Ok(got) = parse(&text.replace('\0', "")) {
            prop_assert!(got.id_token.len() <= MAX_CLAIMS && got.userinfo.len() <= MAX_CLAIMS);
        }
    }
}
