//! Bearer tokens at userinfo.

use lanyard_domain::application::ApplicationKind::Web;
use uuid::Uuid;

use super::*;
use crate::{
    claims::{self, Issuance},
    fixtures::{self, NOW, params},
    jose::TokenType,
};

fn token(scope: &str) -> String {
    let (issuer, flow, application) = (fixtures::issuer(), fixtures::flow(), fixtures::application(Web));
    let (account, grant) = (fixtures::account(), fixtures::grant());
    let issuance = Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &application,
        account: &account,
        grant: &grant,
        scope,
        apis: &[],
        key: None,
        now: NOW,
    };
    fixtures::key().sign(TokenType::Access, &claims::access_token(&issuance, Uuid::nil())).unwrap()
}

#[test]
fn oidcc_userinfo_get_post_header_and_post_body() {
    assert_eq!(presented(Some("Bearer abc"), None), Ok(Presented::Bearer("abc")));
    assert_eq!(presented(Some("bearer  abc "), Some(&params("x=1"))), Ok(Presented::Bearer("abc")));
    assert_eq!(presented(None, Some(&params("access_token=abc"))), Ok(Presented::Bearer("abc")));
    let both = presented(Some("Bearer abc"), Some(&params("access_token=abc"))).unwrap_err();
    assert_eq!(both.error, OAuthError::InvalidRequest);
    assert!(presented(None, Some(&params("access_token=a&access_token=a"))).is_err(), "f52");
    for none in [None, Some("Bearer "), Some("Bearer"), Some("Basic abc")] {
        assert_eq!(presented(none, None).unwrap_err().error.status(), 401);
    }
    assert!(presented(Some(&format!("Bearer {}", "a".repeat(20_000))), None).is_err());
}

#[test]
fn f31_userinfo_takes_access_tokens_with_openid_only() {
    let (verifier, issuer) = (fixtures::verifier(), fixtures::issuer());
    assert!(accept(&verifier, &token("openid"), &issuer, NOW).is_ok());
    let scopeless = accept(&verifier, &token("email"), &issuer, NOW).unwrap_err();
    assert_eq!(scopeless.error.status(), 403);
    let refusal = accept(&verifier, "x", &issuer, NOW).unwrap_err();
    assert!(
        challenge(&refusal, false).starts_with(r#"Bearer error="invalid_token", error_description="AADB2C90080: "#)
    );
}

#[test]
fn c4_a_revoked_grant_or_disabled_account_ends_the_token() {
    let (flow, grant, account) = (fixtures::flow(), fixtures::grant(), fixtures::account());
    let tenant = fixtures::tenant_id();
    let token = accept(&fixtures::verifier(), &token("openid"), &fixtures::issuer(), NOW).unwrap();
    let stands =
        |grant: Option<&Grant>, account: Option<&Account>| still_stands(&token, tenant, &flow, grant, account).is_ok();
    assert!(stands(Some(&grant), Some(&account)));
    assert!(!stands(None, Some(&account)) && !stands(Some(&grant), None));
    assert!(!stands(Some(&Grant { revoked_at: Some(NOW), ..grant.clone() }), Some(&account)));
    assert!(!stands(Some(&grant), Some(&Account { disabled_at: Some(NOW), ..account.clone() })));
    let raised = Account { minimum: lanyard_domain::assurance::Assurance::PhishingResistant, ..account.clone() };
    assert!(!stands(Some(&grant), Some(&raised)), "n23: the account must show more by now");
    let stranger = Account { id: Id::from_uuid(Uuid::from_u128(2)), ..account };
    assert!(!stands(Some(&grant), Some(&stranger)));
}

#[test]
fn f31_a_web_apis_token_opens_no_userinfo() {
    let (api, client) = fixtures::api();
    let (issuer, flow, account, grant) = (fixtures::issuer(), fixtures::flow(), fixtures::account(), fixtures::grant());
    let issuance = Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &client,
        account: &account,
        grant: &grant,
        scope: "api://clinic/read openid",
        apis: std::slice::from_ref(&api),
        key: None,
        now: NOW,
    };
    let mut claims = claims::access_token(&issuance, Uuid::nil());
    assert_eq!((claims["aud"].as_str(), claims["scp"].as_str()), (Some(api.id.to_string().as_str()), Some("read")));
    // Not even if the web API had a scope of that name.
    for scope in ["read", "openid"] {
        claims.insert("scp".into(), scope.into());
        let signed = fixtures::key().sign(TokenType::Access, &claims).unwrap();
        let refused = accept(&fixtures::verifier(), &signed, &issuer, NOW).unwrap_err();
        assert_eq!(refused, invalid_token(), "{scope}: the same answer as for any token that is not good");
    }
}

#[test]
fn f31_an_applications_own_token_is_nobodys_at_userinfo() {
    let (api, client) = fixtures::api();
    let (issuer, flow) = (fixtures::issuer(), fixtures::flow());
    let roles = ["read"];
    let issuance = claims::ApplicationIssuance {
        issuer: &issuer,
        flow: &flow,
        application: &client,
        api: &api,
        roles: &roles,
        key: None,
        now: NOW,
    };
    let mut claims = claims::application_token(&issuance, Uuid::nil());
    for (name, value) in [("sub", client.id.to_string()), ("aud", api.id.to_string())] {
        assert_eq!(claims[name], value, "rfc9068: {name}");
    }
    assert!(!claims.contains_key("scp") && !claims.contains_key("oid") && claims["roles"][0] == "read");
    // Even if it had a scope and were meant for itself.
    claims.insert("scp".into(), "openid".into());
    claims.insert("aud".into(), client.id.to_string().into());
    let signed = fixtures::key().sign(TokenType::Access, &claims).unwrap();
    assert_eq!(accept(&fixtures::verifier(), &signed, &issuer, NOW).unwrap_err().error, OAuthError::InvalidToken);
}

#[test]
fn rfc9449_bearer_downgrade_and_unbound_tokens_with_the_scheme_of_bound_ones_are_refused() {
    let free = accept(&fixtures::verifier(), &token("openid"), &fixtures::issuer(), NOW).unwrap();
    let bound = AccessToken { key: Some("print".into()), ..free.clone() };
    let once = crate::token::assertion::Once { hash: fixtures::token(1).hash(), expires_at: NOW };
    let proof = |print: &str| dpop::Proof { thumbprint: print.into(), once, with_nonce: false };
    let (own, other) = (proof("print"), proof("other"));
    assert_eq!(presented(Some("dpop abc"), None), Ok(Presented::Bound("abc")));
    assert!(check_key(Presented::Bearer("a"), &free, None).is_ok());
    assert!(check_key(Presented::Bound("a"), &bound, Some(&own)).is_ok());
    for (sent, token, proof) in [
        (Presented::Bearer("a"), &bound, None),
        (Presented::Bearer("a"), &bound, Some(&own)),
        (Presented::Bound("a"), &bound, None),
        (Presented::Bound("a"), &bound, Some(&other)),
        (Presented::Bound("a"), &free, None),
        (Presented::Bound("a"), &free, Some(&own)),
    ] {
        let refusal = check_key(sent, token, proof).unwrap_err();
        assert_eq!(refusal.error, OAuthError::InvalidToken);
        assert!(challenge(&refusal, true).starts_with(r#"DPoP error="invalid_token""#));
    }
}
