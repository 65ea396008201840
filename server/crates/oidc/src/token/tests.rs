//! Token requests: codes, refresh tokens and the answer.

use lanyard_domain::{
    application::ApplicationKind::{SinglePage, Web},
    assurance::{Assurance, Demand, Method},
    clock::{DAY, MINUTE},
    grant::CODE_LIFE,
    user_flow::TokenSettings,
};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{
    code::{CodeRefusal, CodeRequest},
    pkce::PkceProblem,
    refresh::{RefreshRefusal, RefreshRequest},
    *,
};
use crate::{
    claims::Issuance,
    fixtures::{self, NOW, REPLY, VERIFIER, params},
};

fn other<T>() -> Id<T> {
    Id::from_uuid(Uuid::from_u128(0xbad))
}

fn code_request() -> CodeRequest {
    CodeRequest { code: fixtures::token(1), redirect_uri: Some(REPLY.into()), verifier: CodeVerifier::parse(VERIFIER) }
}

fn refresh_request(scope: Option<&str>) -> RefreshRequest {
    RefreshRequest { token: fixtures::token(2), scope: scope.map(Into::into) }
}

// Runs `judge` with a good redemption.
fn with<T>(judge: impl Fn(Redemption<'_>) -> T) -> T {
    let (application, account) = (fixtures::application(Web), fixtures::account());
    judge(Redemption {
        tenant: fixtures::tenant_id(),
        flow: fixtures::flow().id,
        application: &application,
        apis: &[],
        account: Some(&account),
        recognised: true,
        now: NOW,
    })
}

#[test]
fn requests_are_read() {
    let id = fixtures::application(Web).id;
    let code = format!(
        "grant_type=authorization_code&client_id={id}&code={}&redirect_uri={REPLY}&code_verifier={VERIFIER}&x=1&x=2",
        fixtures::token(1).expose()
    );
    match parse(&params(&code)).unwrap() {
        GrantRequest::Code(request) => assert_eq!(request.redirect_uri.as_deref(), Some(REPLY)),
        GrantRequest::Refresh(_) | GrantRequest::ClientCredentials(_) | GrantRequest::Device(_) => {
            panic!("another grant")
        }
    }
    let refuse = |form: &str| parse(&params(form)).unwrap_err();
    assert_eq!(refuse(&format!("client_id={id}")).error, OAuthError::InvalidRequest);
    assert_eq!(refuse(&format!("client_id={id}&grant_type=authorization_code")).error, OAuthError::InvalidRequest);
    for grant in ["password", "implicit", "CLIENT_CREDENTIALS", "AUTHORIZATION_CODE"] {
        let refusal = refuse(&format!("client_id={id}&grant_type={grant}&username=a&password=b"));
        assert_eq!((refusal.error, refusal.code), (OAuthError::UnsupportedGrantType, Code::GrantType), "a28: {grant}");
    }
    assert_eq!(refuse(&code.replace(VERIFIER, "short")).code, Code::Verifier);
    assert_eq!(refuse(&code.replace(fixtures::token(1).expose(), "guess")).error, OAuthError::InvalidGrant);
}

#[test]
fn f52_duplicate_parameters_are_refused() {
    let id = fixtures::application(Web).id;
    let form = format!("grant_type=refresh_token&client_id={id}&refresh_token={}", fixtures::token(2).expose());
    assert!(parse(&params(&form)).is_ok());
    for name in ["grant_type", "client_id", "refresh_token"] {
        let refusal = parse(&params(&format!("{form}&{name}=x"))).unwrap_err();
        assert_eq!(refusal.error, OAuthError::InvalidRequest, "{name}");
    }
}

#[test]
fn a28_a_code_lives_one_minute_and_works_once() {
    with(|by| {
        let (grant, request) = (fixtures::grant(), code_request());
        let at = |now| code::check(&grant, &request, &Redemption { now, ..by });
        assert_eq!(at(NOW.plus(CODE_LIFE - 1)), Ok(()));
        assert_eq!(at(NOW.plus(CODE_LIFE)), Err(CodeRefusal::Expired));
        assert_eq!(at(NOW.minus(DAY)), Err(CodeRefusal::Expired), "d5: a clock set back revives nothing");
        let used = lanyard_domain::grant::Grant { redeemed_at: Some(NOW), ..fixtures::grant() };
        let refusal = code::check(&used, &request, &by).unwrap_err();
        assert_eq!(refusal, CodeRefusal::Reused);
        assert!(refusal.revokes(), "oidcc_codereuse_30seconds: reuse also revokes");
        assert_eq!(Refusal::from(refusal).error, OAuthError::InvalidGrant, "oidcc_codereuse");
    });
}

#[test]
fn f38_code_of_other_tenant_flow_or_application_is_refused() {
    with(|by| {
        let check = |grant: &lanyard_domain::grant::Grant| code::check(grant, &code_request(), &by).unwrap_err();
        let base = fixtures::grant;
        type Grant = lanyard_domain::grant::Grant;
        assert_eq!(check(&Grant { tenant: other(), ..base() }), CodeRefusal::OtherTenant);
        assert_eq!(check(&Grant { application: other(), ..base() }), CodeRefusal::OtherApplication);
        assert_eq!(check(&Grant { code: fixtures::token(8).hash(), ..base() }), CodeRefusal::OtherApplication);
        let policy_substitution = check(&Grant { flow: other(), ..base() });
        assert_eq!(Refusal::from(policy_substitution).code, Code::OtherEndpoint);
        assert_eq!(Refusal::from(check(&Grant { revoked_at: Some(NOW), ..base() })).code, Code::GrantRevoked);
        assert_eq!(check(&Grant { account: other(), ..base() }), CodeRefusal::AccountGone);
        assert_eq!(
            code::check(&base(), &code_request(), &Redemption { tenant: other(), ..by }),
            Err(CodeRefusal::OtherTenant)
        );
    });
}

#[test]
fn a28_the_reply_url_must_be_repeated_exactly() {
    with(|by| {
        for wrong in [None, Some("https://app.example/CB"), Some("https://app.example/cb/"), Some("")] {
            let request = CodeRequest { redirect_uri: wrong.map(Into::into), ..code_request() };
            assert_eq!(code::check(&fixtures::grant(), &request, &by), Err(CodeRefusal::ReplyUrl), "{wrong:?}");
        }
    });
}

#[test]
fn f32_pkce_cannot_be_removed_or_added() {
    with(|by| {
        let without = CodeRequest { verifier: None, ..code_request() };
        let plain = lanyard_domain::grant::Grant { code_challenge: None, ..fixtures::grant() };
        let pkce = |problem| Err(CodeRefusal::Pkce(problem));
        assert_eq!(code::check(&fixtures::grant(), &without, &by), pkce(PkceProblem::Missing));
        assert_eq!(code::check(&plain, &code_request(), &by), pkce(PkceProblem::Unexpected));
        assert_eq!(code::check(&plain, &without, &by), Ok(()));
        let wrong = CodeRequest { verifier: CodeVerifier::parse(&"a".repeat(43)), ..code_request() };
        let refusal = code::check(&fixtures::grant(), &wrong, &by).unwrap_err();
        assert_eq!(refusal, CodeRefusal::Pkce(PkceProblem::Mismatch));
        assert_eq!(Refusal::from(refusal).code, Code::Verifier);
    });
}

#[test]
fn f37_a_disabled_account_is_refused_at_redemption() {
    let disabled = Account { disabled_at: Some(NOW), ..fixtures::account() };
    with(|by| {
        for account in [None, Some(&disabled)] {
            let by = Redemption { account, ..by };
            assert_eq!(code::check(&fixtures::grant(), &code_request(), &by), Err(CodeRefusal::AccountGone));
            let refresh = refresh::check(
                &fixtures::refresh_token(),
                None,
                &fixtures::grant(),
                &refresh_request(None),
                &Demand::single_factor(),
                &by,
            );
            assert_eq!(refresh, Err(RefreshRefusal::AccountGone));
        }
    });
}

#[test]
fn n23_what_stands_is_held_to_what_the_account_must_show_by_now() {
    for (minimum, enough) in Assurance::ALL.into_iter().zip([true, true, true, false]) {
        let account = Account { minimum, ..fixtures::account() };
        with(|by| {
            let by = Redemption { account: Some(&account), ..by };
            // By an authenticator app.
            let code = code::check(&fixtures::grant(), &code_request(), &by);
            assert_eq!(code, if enough { Ok(()) } else { Err(CodeRefusal::TooWeak) }, "{minimum:?}");
            let (token, request) = (fixtures::refresh_token(), refresh_request(None));
            let off = Demand::single_factor();
            let refreshed = refresh::check(&token, None, &fixtures::grant(), &request, &off, &by).map(drop);
            assert_eq!(refreshed, if enough { Ok(()) } else { Err(RefreshRefusal::TooWeak) }, "{minimum:?}");
            let alone = lanyard_domain::grant::Grant {
                authentication: fixtures::authentication(false, false),
                ..fixtures::grant()
            };
            let refreshed = refresh::check(&token, None, &alone, &request, &off, &by);
            assert_eq!(refreshed.is_ok(), minimum == Assurance::Aal1, "a password alone: {minimum:?}");
            assert_eq!(code::check(&alone, &code_request(), &by).is_ok(), minimum == Assurance::Aal1);
        });
    }
    assert!(!CodeRefusal::TooWeak.revokes());
}

#[test]
fn n22_what_rests_on_a_browser_that_is_forgotten_is_too_weak() {
    with(|by| {
        let by = Redemption { recognised: false, ..by };
        assert_eq!(code::check(&fixtures::grant(), &code_request(), &by), Err(CodeRefusal::TooWeak));
        let (token, request) = (fixtures::refresh_token(), refresh_request(None));
        let refreshed = refresh::check(&token, None, &fixtures::grant(), &request, &Demand::single_factor(), &by);
        assert_eq!(refreshed.map(drop), Err(RefreshRefusal::TooWeak));
    });
}

#[test]
fn f30_refresh_from_another_client_is_refused() {
    with(|by| {
        let (token, demand) = (fixtures::refresh_token(), Demand::single_factor());
        let check = |grant: &lanyard_domain::grant::Grant, scope| {
            refresh::check(&token, None, grant, &refresh_request(scope), &demand, &by).map(|accepted| accepted.scope)
        };
        type Grant = lanyard_domain::grant::Grant;
        let base = fixtures::grant;
        assert_eq!(check(&base(), None).as_deref(), Ok("openid email offline_access"));
        assert_eq!(check(&base(), Some("openid")).as_deref(), Ok("openid"));
        assert!(matches!(check(&base(), Some("openid profile")), Err(RefreshRefusal::Scope(_))), "f36");
        assert_eq!(check(&Grant { application: other(), ..base() }, None), Err(RefreshRefusal::OtherApplication));
        assert_eq!(check(&Grant { tenant: other(), ..base() }, None), Err(RefreshRefusal::OtherTenant));
        assert_eq!(check(&Grant { flow: other(), ..base() }, None), Err(RefreshRefusal::OtherFlow));
        assert_eq!(check(&Grant { id: other(), ..base() }, None), Err(RefreshRefusal::OtherApplication));
        assert_eq!(check(&Grant { revoked_at: Some(NOW), ..base() }, None), Err(RefreshRefusal::Revoked));
    });
}

#[test]
fn a29_refresh_reuse_revokes_the_family_and_the_end_is_absolute() {
    with(|by| {
        let (grant, demand) = (fixtures::grant(), Demand::single_factor());
        let used = lanyard_domain::grant::RefreshToken { used_at: Some(NOW), ..fixtures::refresh_token() };
        let refusal = refresh::check(&used, None, &grant, &refresh_request(None), &demand, &by).unwrap_err();
        assert!(refusal.revokes());
        assert_eq!(Refusal::from(refusal).code, Code::GrantRevoked);
        let late = Redemption { now: NOW.plus(14 * DAY), ..by };
        let expired = refresh::check(&fixtures::refresh_token(), None, &grant, &refresh_request(None), &demand, &late);
        assert_eq!(expired, Err(RefreshRefusal::Expired));
    });
    let mut settings = TokenSettings::default();
    let end = |kind, settings: &TokenSettings, at: i64| {
        let at = NOW.plus(at);
        refresh::expires_at(&fixtures::application(kind), &fixtures::grant(), settings, at).since(NOW)
    };
    assert_eq!((end(Web, &settings, 0), end(Web, &settings, DAY)), (14 * DAY, 15 * DAY), "it slides");
    assert_eq!(end(Web, &settings, 80 * DAY), 90 * DAY, "to the end of the window");
    assert_eq!((end(SinglePage, &settings, 0), end(SinglePage, &settings, DAY / 2)), (DAY, DAY), "fixed");
    settings = TokenSettings { refresh_days: 1, refresh_window_days: None, ..settings };
    assert_eq!(end(Web, &settings, 400 * DAY), 401 * DAY, "no end where the operator wants none");
}

#[test]
fn switching_mfa_on_ends_weaker_grants() {
    with(|by| {
        let weak = lanyard_domain::grant::Grant {
            authentication: fixtures::authentication(false, false),
            ..fixtures::grant()
        };
        let demand = Demand::mfa([Method::AuthenticatorApp]);
        let run = |grant| refresh::check(&fixtures::refresh_token(), None, grant, &refresh_request(None), &demand, &by);
        assert_eq!(run(&weak), Err(RefreshRefusal::TooWeak));
        assert!(run(&fixtures::grant()).is_ok());
    });
}

#[test]
fn the_answer_has_every_field_msal_reads_and_no_null() {
    let (issuer, flow, application) = (fixtures::issuer(), fixtures::flow(), fixtures::application(Web));
    let (account, grant, token) = (fixtures::account(), fixtures::grant(), fixtures::token(2));
    let issuance = Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &application,
        account: &account,
        grant: &grant,
        scope: &grant.scope,
        apis: &[],
        key: None,
        now: NOW,
    };
    let keys = Keys { access: fixtures::key(), id: fixtures::key() };
    let issue = |refresh| TokenResponse::issue(&issuance, keys, Uuid::from_u128(9), refresh).unwrap();
    let response = issue(Some(Refresh { token: &token, life: 14 * DAY }));
    assert!(!format!("{response:?}").contains(&response.access_token), "a50");
    let json = serde_json::to_value(&response).unwrap();
    let now = NOW.as_seconds();
    for (name, value) in [
        ("token_type", Value::from("Bearer")),
        ("not_before", now.into()),
        ("expires_in", 3600.into()),
        ("expires_on", (now + 3600).into()),
        ("id_token_expires_in", 3600.into()),
        ("scope", "openid email offline_access".into()),
        ("refresh_token", token.expose().into()),
        ("refresh_token_expires_in", 1_209_600.into()),
        ("resource", application.id.to_string().into()),
    ] {
        assert_eq!(json[name], value, "{name}");
    }
    let decode = |name: &str| -> Value {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(json[name].as_str().unwrap()).unwrap()).unwrap()
    };
    assert_eq!(decode("client_info")["uid"], format!("{}-b2c_1_susi", account.id));
    assert_eq!(decode("client_info")["utid"], fixtures::tenant_id().to_string());
    assert_eq!(decode("profile_info")["name"], Value::Null, "the flow does not select the name");
    let bare = serde_json::to_value(issue(None)).unwrap();
    assert!(bare.get("refresh_token").is_none() && bare.get("refresh_token_expires_in").is_none());
    assert!(!bare.to_string().contains("null") && bare.get("foci").is_none());
    let verified = fixtures::verifier().access_token(&response.access_token, &issuer, NOW.plus(MINUTE)).unwrap();
    assert_eq!((verified.subject, verified.application), (account.id, application.id));
}

#[test]
fn cors_is_for_the_origins_of_single_page_applications_only() {
    let page = fixtures::application(SinglePage);
    assert!(allows_origin(&page, "https://app.example"));
    for other in ["https://app.example/", "https://evil.example", "http://app.example", "null", "*", ""] {
        assert!(!allows_origin(&page, other), "{other}");
    }
    assert!(!allows_origin(&fixtures::application(Web), "https://app.example"));
}

#[test]
fn a_failed_basic_login_is_challenged() {
    let id = fixtures::application(Web).id;
    let refusal = ClientCredentials::read(&params(&format!("client_id={id}")), Some("Basic !")).unwrap_err();
    assert_eq!(refusal.error.status(), 401);
    assert!(challenge(&refusal, Some("Basic !")).is_some_and(|header| header.starts_with("Basic ")));
    assert_eq!(challenge(&refusal, None), None);
    assert_eq!(challenge(&unknown_grant(), Some("Basic !")), None);
}

proptest! {
    #[test]
    fn token_requests_never_panic(form in "[a-z_=&%+0-9]{0,120}", header in prop::option::of(".{0,40}")) {
        if let Ok(params) = Params::parse(form.as_bytes()) {
            let _ = parse(&params);
            let _ = ClientCredentials::read(&params, header.as_deref());
        }
    }
}
