//! The token endpoint: codes and refresh tokens.

use lanyard_domain::{
    application::ApplicationKind,
    audit::{Action, Outcome},
    clock::{DAY, MINUTE, SECOND},
};

use super::{clients::*, *};
use crate::support::{app::Options, client_key::ClientKey, journey::refresh};

async fn first(app: &TestApp, clinic: &Clinic) -> (Run, Value) {
    let (mut run, back) = signed_in(app, clinic, &[]).await;
    let tokens = tokens(&mut run, clinic, &back).await;
    (run, tokens)
}

fn refresh_token(tokens: &Value) -> String {
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_codereuse_and_oidcc_codereuse_30seconds() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    for wait in [0, 30 * SECOND] {
        let (mut run, code) = code(&app, &clinic, "openid offline_access").await;
        let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
        let tokens: Value = answer.json();
        app.advance(wait);
        let again = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
        assert_eq!(error(&again), (400, "invalid_grant".into()));
        run.browser.extra = vec![("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
        assert_eq!(run.browser.get(&endpoint(&clinic, "openid/v2.0/userinfo")).await.status, 401, "revoked as well");
        run.browser.extra.clear();
        let refused = refresh(&mut run.browser, &clinic, &clinic.flow, &refresh_token(&tokens)).await;
        assert_eq!(error(&refused), (400, "invalid_grant".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_refresh_token_keeps_the_person_and_the_sign_in() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, tokens) = first(&app, &clinic).await;
    app.advance(20 * MINUTE);
    let answer = refresh(&mut run.browser, &clinic, &clinic.flow, &refresh_token(&tokens)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let next: Value = answer.json();
    let (old, new) = (id_token(&tokens), id_token(&next));
    for same in ["sub", "oid", "azp", "auth_time", "acr", "iss", "nonce"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert_eq!((&next["scope"], &next["client_info"]), (&tokens["scope"], &tokens["client_info"]));
    assert_ne!(refresh_token(&next), refresh_token(&tokens));
    assert!(!answer.text().contains("null"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_from_another_client_and_code_of_other_tenant_and_pkce_downgrade() {
    let app = TestApp::new().await;
    let (clinic, other_tenant) = (app.world.plain.clone(), app.world.mfa.clone());
    let (other, _) = register(&app, &clinic, ApplicationKind::SinglePage, |_| ()).await;
    let (mut run, tokens) = first(&app, &clinic).await;
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    let stolen = refresh(&mut run.browser, &other, &clinic.flow, &refresh_token(&tokens)).await;
    assert_eq!(error(&stolen), (400, "invalid_grant".into()));
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
    let (mut run, code) = code(&app, &clinic, "openid").await;
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    let elsewhere = redeem(&mut run.browser, &other_tenant, &other_tenant.flow, &code, &[]).await;
    assert_eq!(error(&elsewhere), (400, "invalid_grant".into()));
    let downgraded = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("code_verifier", "")]).await;
    assert_eq!(error(&downgraded), (400, "invalid_grant".into()));
    assert!(downgraded.says("AADB2C90183"));
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_reuse_revokes_family_beyond_the_grace() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // An answer was lost: within ten seconds another is to be had, and the lost token is dead.
    let (mut run, tokens) = first(&app, &clinic).await;
    let one = refresh_token(&tokens);
    let lost = refresh_token(&refresh(&mut run.browser, &clinic, &clinic.flow, &one).await.json());
    app.advance(9 * SECOND);
    let again = refresh(&mut run.browser, &clinic, &clinic.flow, &one).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let two = refresh_token(&again.json());
    let three = refresh(&mut run.browser, &clinic, &clinic.flow, &two).await;
    assert_eq!(three.status, 200);
    let three = refresh_token(&three.json());
    // Whoever has the lost one after all: somebody else has a copy, so all is over.
    assert_eq!(error(&refresh(&mut run.browser, &clinic, &clinic.flow, &lost).await), (400, "invalid_grant".into()));
    assert_eq!(error(&refresh(&mut run.browser, &clinic, &clinic.flow, &three).await), (400, "invalid_grant".into()));
    assert_eq!(app.audited(clinic.tenant.id, Action::RefreshReused, Outcome::Failure).await, 1);
    // After the grace, and once the successor was used.
    for (pause, use_it) in [(10 * SECOND, false), (0, true)] {
        let (mut run, tokens) = first(&app, &clinic).await;
        let one = refresh_token(&tokens);
        let mut last = refresh_token(&refresh(&mut run.browser, &clinic, &clinic.flow, &one).await.json());
        if use_it {
            last = refresh_token(&refresh(&mut run.browser, &clinic, &clinic.flow, &last).await.json());
        }
        app.advance(pause);
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &one).await.status, 400);
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &last).await.status, 400, "the family is dead");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_sets_lives_issuer_and_the_claim_that_names_it() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (web, secret) = register(&app, &plain, ApplicationKind::Web, |_| ()).await;
    change_flow(&app, &web.flow, |flow| {
        flow.tokens.minutes = 5;
        flow.tokens.refresh_days = 2;
        flow.tokens.refresh_window_days = Some(3);
        flow.tokens.issuer = lanyard_domain::user_flow::IssuerMode::Tenant;
        flow.tokens.flow_claim = lanyard_domain::user_flow::FlowClaim::Acr;
    })
    .await;
    let (mut run, back) = signed_in(&app, &web, &[]).await;
    let issuer = format!("https://id.example/{}/v2.0/", web.tenant.id);
    assert_eq!(parameter(&back, "iss").as_deref(), Some(issuer.as_str()));
    let (code, id) = (parameter(&back, "code").unwrap(), web.application.id.to_string());
    let secret = [("client_secret", secret.as_str())];
    let tokens: Value = redeem(&mut run.browser, &web, &web.flow, &code, &secret).await.json();
    let claims = id_token(&tokens);
    assert_eq!((claims["iss"].as_str(), claims["acr"].as_str()), (Some(issuer.as_str()), Some("b2c_1_susi")));
    assert!(claims.get("tfp").is_none());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert_eq!((&tokens["expires_in"], &tokens["id_token_expires_in"]), (&300.into(), &300.into()));
    assert_eq!(tokens["refresh_token_expires_in"], 2 * 86_400);
    let discovery: Value = run.browser.get(&endpoint(&web, "v2.0/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["issuer"], issuer);
    // The token of that issuer is good at userinfo of this flow, and not of another.
    run.browser.extra = vec![("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
    assert_eq!(run.browser.get(&endpoint(&web, "openid/v2.0/userinfo")).await.status, 200);
    change_flow(&app, &web.edit, |flow| flow.tokens.issuer = lanyard_domain::user_flow::IssuerMode::Tenant).await;
    let other = format!("{}/openid/v2.0/userinfo", place(&web, &web.edit));
    assert_eq!(run.browser.get(&other).await.status, 401, "of another flow");
    app.advance(5 * MINUTE);
    assert_eq!(run.browser.get(&endpoint(&web, "openid/v2.0/userinfo")).await.status, 401, "five minutes");
    run.browser.extra.clear();
    // A29: it slides by two days, to three after the sign-in and no further.
    let mut token = refresh_token(&tokens);
    for (pause, left) in [(DAY, 2 * 86_400 - 300), (DAY, 86_400 - 300)] {
        app.advance(pause);
        let fields = [("grant_type", "refresh_token"), ("client_id", &id), ("refresh_token", &token), secret[0]];
        let answer = post(&mut run, &web, "oauth2/v2.0/token", &fields).await;
        let answer: Value = answer.json();
        assert_eq!(answer["refresh_token_expires_in"], left);
        token = refresh_token(&answer);
    }
    app.advance(DAY);
    let fields = [("grant_type", "refresh_token"), ("client_id", &id), ("refresh_token", &token), secret[0]];
    assert_eq!(error(&post(&mut run, &web, "oauth2/v2.0/token", &fields).await), (400, "invalid_grant".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_page_application_can_refresh_for_24_hours() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, tokens) = first(&app, &clinic).await;
    assert_eq!(tokens["refresh_token_expires_in"], 86_400);
    app.advance(23 * 60 * MINUTE);
    let next: Value = refresh(&mut run.browser, &clinic, &clinic.flow, &refresh_token(&tokens)).await.json();
    assert_eq!(next["refresh_token_expires_in"], 3_600, "fixed from the sign-in on");
    app.advance(60 * MINUTE);
    assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &refresh_token(&next)).await.status, 400);
}

async fn a_clock_behind_is_no_reuse(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let (mut run, code) = code(&app, &clinic, "openid offline_access").await;
    // Another process, half a minute behind the one that issued the code, redeems it.
    app.advance(-30 * SECOND);
    let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    app.advance(-30 * SECOND);
    let answer = refresh(&mut run.browser, &clinic, &clinic.flow, &refresh_token(&answer.json())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tenant = clinic.tenant.id;
    assert_eq!(app.audited(tenant, Action::CodeReused, Outcome::Failure).await, 0);
    assert_eq!(app.audited(tenant, Action::RefreshReused, Outcome::Failure).await, 0);
    // d5: a clock that is a day behind revives nothing, and ends nothing.
    app.advance(-DAY);
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    let late = refresh(&mut run.browser, &clinic, &clinic.flow, &refresh_token(&answer.json())).await;
    assert_eq!(late.status, 503, "our trouble, and no word on the grant");
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn d5_a_clock_a_minute_behind_is_no_reuse() {
    a_clock_behind_is_no_reuse(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d5_a_clock_a_minute_behind_is_no_reuse_postgres() {
    a_clock_behind_is_no_reuse(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_is_for_the_applications_own_origins_on_success_and_on_errors() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (web, secret) = register(&app, &clinic, ApplicationKind::Web, |_| ()).await;
    let (mut run, code) = code(&app, &clinic, "openid").await;
    let allowed = |page: &Page| page.header("access-control-allow-origin");
    run.browser.extra = vec![("origin", "https://app.example".into())];
    let bad = redeem(&mut run.browser, &clinic, &clinic.flow, "x", &[]).await;
    assert_eq!((bad.status.as_u16(), allowed(&bad).as_deref()), (400, Some("https://app.example")));
    let good = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!((good.status.as_u16(), allowed(&good).as_deref()), (200, Some("https://app.example")));
    assert!(good.headers.get_all("vary").iter().any(|value| value == "origin"));
    let bearer = format!("Bearer {}", good.json::<Value>()["access_token"].as_str().unwrap());
    let userinfo = endpoint(&clinic, "openid/v2.0/userinfo");
    for (origin, token, status, open) in [
        ("https://app.example", bearer.as_str(), 200, true),
        ("https://app.example", "Bearer x", 401, true),
        ("https://evil.example", bearer.as_str(), 200, false),
        ("null", bearer.as_str(), 200, false),
    ] {
        run.browser.extra = vec![("origin", origin.into()), ("authorization", token.into())];
        let page = run.browser.get(&userinfo).await;
        assert_eq!((page.status.as_u16(), allowed(&page).is_some()), (status, open), "{origin} {token}");
        assert_eq!(page.header("www-authenticate").is_some(), status == 401);
    }
    // A web application is no page; its secret does not belong into one.
    run.browser.extra = vec![("origin", "https://app.example".into())];
    let fields = [("client_secret", secret.as_str())];
    assert_eq!(allowed(&redeem(&mut run.browser, &web, &web.flow, "x", &fields).await), None);
    for (origin, path, open) in [
        ("https://app.example", "oauth2/v2.0/token", true),
        ("https://app.example", "oauth2/v2.0/revoke", true),
        ("https://evil.example", "oauth2/v2.0/token", false),
        ("https://app.example", "oauth2/v2.0/introspect", false),
    ] {
        let request = axum::http::Request::options(endpoint(&clinic, path)).header("origin", origin);
        run.browser.extra.clear();
        let page = run.browser.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(allowed(&page).is_some(), open, "{origin} {path}");
        assert_eq!(page.header("access-control-allow-headers").is_some(), open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_server_client_secret_post_and_basic_with_its_challenge() {
    use base64::engine::general_purpose::STANDARD;
    let app = TestApp::new().await;
    let (web, secret) = register(&app, &app.world.plain.clone(), ApplicationKind::Web, |_| ()).await;
    let id = web.application.id.to_string();
    let (mut run, by_post) = code(&app, &web, "openid").await;
    let answer = redeem(&mut run.browser, &web, &web.flow, &by_post, &[("client_secret", &secret)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (mut run, by_header) = code(&app, &web, "openid").await;
    let before = app.rows(&["grants"]).await;
    let wrong = STANDARD.encode(format!("{id}:wrong"));
    run.browser.extra = vec![("authorization", format!("Basic {wrong}"))];
    let refused = redeem(&mut run.browser, &web, &web.flow, &by_header, &[]).await;
    assert_eq!(error(&refused), (401, "invalid_client".into()));
    assert_eq!(refused.header("www-authenticate").as_deref(), Some(r#"Basic realm="token""#));
    assert_eq!(app.rows(&["grants"]).await, before);
    let right = STANDARD.encode(format!("{id}:{secret}"));
    run.browser.extra = vec![("authorization", format!("Basic {right}"))];
    let answer = redeem(&mut run.browser, &web, &web.flow, &by_header, &[("client_id", "")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    run.browser.extra.clear();
    let bare = redeem(&mut run.browser, &web, &web.flow, &by_header, &[]).await;
    assert_eq!((error(&bare).0, bare.header("www-authenticate")), (401, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7523_an_assertion_proves_the_client_once() {
    let app = TestApp::new().await;
    let (key, other) = (ClientKey::generate("k"), ClientKey::generate("k"));
    let plain = app.world.plain.clone();
    let keys = key.jwks.clone();
    let (web, _) = register(&app, &plain, ApplicationKind::Web, |app| app.settings.client_keys = Some(keys)).await;
    let (mut run, one) = code(&app, &web, "openid").await;
    let now = app.now().as_seconds();
    let edit = format!("https://id.example{}/oauth2/v2.0/token", place(&web, &web.edit));
    let before = app.rows(&["grants", "client_assertions"]).await;
    let changed = |change: &dyn Fn(&mut Value)| key.assertion(&app, &web, change);
    for (why, assertion) in [
        ("wrong_aud", changed(&|claims| claims["aud"] = "https://elsewhere.example/token".into())),
        ("another flow's", changed(&|claims| claims["aud"] = edit.as_str().into())),
        ("expired", changed(&|claims| claims["exp"] = (now - 61).into())),
        ("no jti", changed(&|claims| claims["jti"] = "".into())),
        ("other clients key", other.assertion(&app, &web, |_| ())),
    ] {
        let proof = [("client_assertion", assertion.as_str()), ("client_assertion_type", ASSERTION_TYPE)];
        let refused = redeem(&mut run.browser, &web, &web.flow, &one, &proof).await;
        assert_eq!(error(&refused), (401, "invalid_client".into()), "{why}");
    }
    assert_eq!(app.rows(&["grants", "client_assertions"]).await, before);
    let good = key.assertion(&app, &web, |_| ());
    let proof = [("client_assertion", good.as_str()), ("client_assertion_type", ASSERTION_TYPE)];
    let answer = redeem(&mut run.browser, &web, &web.flow, &one, &proof).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // f34: whoever copied it comes too late, even with a good code.
    let (mut run, two) = code(&app, &web, "openid").await;
    let before = app.rows(&["grants"]).await;
    let replayed = redeem(&mut run.browser, &web, &web.flow, &two, &proof).await;
    assert_eq!(error(&replayed), (401, "invalid_client".into()));
    assert_eq!(app.rows(&["grants"]).await, before);
    let fresh = key.assertion(&app, &web, |claims| claims["jti"] = "j-2".into());
    let proof = [("client_assertion", fresh.as_str()), ("client_assertion_type", ASSERTION_TYPE)];
    assert_eq!(redeem(&mut run.browser, &web, &web.flow, &two, &proof).await.status, 200);
    assert_eq!(app.count("client_assertions").await, 2);
    app.advance(2 * 60 * MINUTE);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("client_assertions").await, 0);
}
