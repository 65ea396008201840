//! What goes into tokens, and what does not.

use lanyard_domain::{
    application::ApplicationKind::Web,
    clock::{DAY, HOUR, MINUTE},
};
use serde_json::json;

use super::*;
use crate::fixtures::{self, NOW};

fn with<T>(change: impl Fn(&mut UserFlow, &mut Grant), use_it: impl Fn(&Issuance<'_>) -> T) -> T {
    let (issuer, mut flow, application) = (fixtures::issuer(), fixtures::flow(), fixtures::application(Web));
    let (account, mut grant) = (fixtures::account(), fixtures::grant());
    change(&mut flow, &mut grant);
    use_it(&Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &application,
        account: &account,
        grant: &grant,
        scope: "openid email",
        key: None,
        now: NOW,
    })
}

#[test]
fn the_id_token_is_exactly_this() {
    let claims = with(|_, _| (), |i| id_token(i, None));
    let now = NOW.as_seconds();
    let (account, client) = (fixtures::account().id.to_string(), fixtures::application(Web).id.to_string());
    assert_eq!(
        Value::from(claims),
        json!({
            "ver": "1.0", "iss": fixtures::issuer(), "sub": account, "oid": account, "aud": client, "azp": client,
            "exp": now + 3600, "nbf": now, "iat": now, "auth_time": now - 60, "nonce": "n-1",
            "tfp": "B2C_1_SuSi", "acr": "aal2", "amr": ["pwd", "otp", "mfa"],
            "emails": ["mia@example.com"], "given_name": "Mia", "extension_Age": 41, "newUser": true,
        })
    );
}

#[test]
fn only_what_the_flow_selects_goes_out() {
    let claims = with(|flow, _| flow.settings.claims.clear(), |i| id_token(i, None));
    for absent in ["emails", "given_name", "family_name", "name", "extension_Age", "newUser", "email", "tid"] {
        assert!(!claims.contains_key(absent), "{absent}");
    }
    let access = with(|_, _| (), |i| access_token(i, Uuid::nil()));
    for absent in ["emails", "given_name", "extension_Age", "nonce"] {
        assert!(!access.contains_key(absent), "{absent}");
    }
    assert_eq!((&access["scp"], &access["aud"]), (&json!("openid email"), &access["azp"]));
}

#[test]
fn the_nonce_is_left_out_when_none_was_asked_for() {
    let claims = with(|_, grant| grant.nonce = None, |i| id_token(i, None));
    assert!(!claims.contains_key("nonce"));
    assert!(!serde_json::to_string(&claims).unwrap().contains("null"));
}

#[test]
fn after_a_refresh_subject_and_auth_time_are_the_original_ones() {
    let first = with(|_, _| (), |i| id_token(i, None));
    let later = with(|_, _| (), |i| id_token(&Issuance { now: NOW.plus(DAY), ..*i }, None));
    for same in ["sub", "oid", "azp", "auth_time", "acr", "amr", "tfp"] {
        assert_eq!(first[same], later[same], "{same}");
    }
    assert_ne!(first["exp"], later["exp"]);
    assert!(!later.contains_key("newUser"), "only right after the sign-up");
    let soon = with(|_, _| (), |i| id_token(&Issuance { now: NOW.plus(HOUR), ..*i }, None));
    assert!(!soon.contains_key("newUser"));
}

#[test]
fn a_selected_claim_never_replaces_a_claim_of_the_protocol() {
    let names = PROTOCOL.map(str::to_owned);
    let claims = with(|flow, _| flow.settings.claims = names.to_vec(), |i| id_token(i, None));
    assert_eq!(claims["iss"], fixtures::issuer());
    assert_eq!(claims["sub"], fixtures::account().id.to_string());
}

// The example of OpenID Connect Core, appendix A.3: the access token and its at_hash.
#[test]
fn at_hash_is_the_left_half_of_the_hash() {
    assert_eq!(
        half_hash(SigningAlgorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
    let claims = with(|_, _| (), |i| id_token(i, Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")));
    assert_eq!(claims["at_hash"], "77QmUPtjPfzWtF2AnpK9RQ");
}

#[test]
fn oidcc_scope_email_answers_at_userinfo_if_the_flow_gives_the_address_out() {
    let account = fixtures::account();
    let mut flow = fixtures::flow();
    let info = |flow: &UserFlow, scopes: &str| user_info(&account, flow, "iss", scopes);
    let with_email = info(&flow, "openid email");
    assert_eq!((&with_email["email"], &with_email["email_verified"]), (&json!("mia@example.com"), &json!(true)));
    assert_eq!(with_email["sub"], account.id.to_string());
    assert!(!info(&flow, "openid").contains_key("email"));
    flow.settings.claims.clear();
    assert_eq!(info(&flow, "openid email").len(), 1, "the subject only");
}

#[test]
fn the_window_of_new_user_is_short() {
    const { assert!(NEW_USER_WINDOW >= MINUTE && NEW_USER_WINDOW <= HOUR) };
}
