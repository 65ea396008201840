//! Web APIs: their scopes and tokens, client credentials, userinfo, revocation, introspection.

use lanyard_domain::{
    application::ApplicationKind,
    attribute::AttributeValue,
    audit::{Action, Outcome},
    clock::HOUR,
};

use super::{clients::*, *};
use crate::support::journey::refresh;

pub(crate) async fn userinfo(run: &mut Run, clinic: &Clinic, token: &Value) -> Page {
    run.browser.extra = vec![("authorization", format!("Bearer {}", token.as_str().unwrap()))];
    let page = run.browser.get(&endpoint(clinic, "openid/v2.0/userinfo")).await;
    run.browser.extra.clear();
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9068_a_web_apis_token_has_its_audience_and_short_scopes() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, _) = web_api(&app, &plain, API_URI).await;
    let (two, _) = web_api(&app, &plain, "api://two").await;
    let permissions = vec![permission(&api, &["read"]), permission(&two, &["read"])];
    let clinic = clinic_with(&app, |own| own.settings.permissions = permissions).await;
    let scope = format!("{API_URI}/read openid profile offline_access");
    let (mut run, code) = code(&app, &clinic, &scope).await;
    let answer: Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
    assert_eq!(
        (answer["scope"].as_str(), answer["resource"].as_str().unwrap()),
        (Some(scope.as_str()), api.id.to_string().as_str())
    );
    let token = answer["access_token"].as_str().unwrap();
    let access = claims(token);
    assert_eq!((access["aud"].as_str().unwrap(), access["scp"].as_str()), (api.id.to_string().as_str(), Some("read")));
    assert_eq!(access["azp"], clinic.application.id.to_string());
    assert_eq!(id_token(&answer)["aud"], clinic.application.id.to_string());
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["typ"], "at+jwt");
    // f31: that API holds the token too, so it does not tell who the person is; one without it does.
    assert_eq!(userinfo(&mut run, &clinic, &answer["access_token"]).await.status, 401);
    // The same at refresh; when the permission is withdrawn, the API's scope goes.
    let next: Value =
        refresh(&mut run.browser, &clinic, &clinic.flow, answer["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(next["scope"], scope);
    clinic_with(&app, |own| own.settings.permissions.clear()).await;
    let last: Value =
        refresh(&mut run.browser, &clinic, &clinic.flow, next["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(last["scope"], "openid profile offline_access");
    assert_eq!(userinfo(&mut run, &clinic, &last["access_token"]).await.status, 200);
    assert_eq!(claims(last["access_token"].as_str().unwrap())["aud"], clinic.application.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn f36_no_scope_escalation_to_a_web_api() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, _) = web_api(&app, &plain, API_URI).await;
    let (two, _) = web_api(&app, &plain, "api://two").await;
    // The other clinic's web API, under permissions that should never have been stored.
    let (foreign, _) = web_api(&app, &app.world.mfa.clone(), "api://foreign").await;
    let permissions = vec![permission(&api, &["read"]), permission(&two, &["read"]), permission(&foreign, &["read"])];
    let clinic = clinic_with(&app, |own| own.settings.permissions = permissions).await;
    let before = app.rows(&UNTOUCHED).await;
    for (bad, text) in [
        (format!("openid {API_URI}/write"), "AADB2C90117"),
        (format!("openid {API_URI}/.default"), "AADB2C90117"),
        ("openid api://foreign/read".into(), "AADB2C90117"),
        (format!("openid {API_URI}/read api://two/read"), "AADB2C90146"),
    ] {
        let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[("scope", &bad)])).await;
        let (error, description) = refused(&page, &clinic);
        assert_eq!(error, "invalid_scope", "{bad}");
        assert!(description.starts_with(text), "{bad}: {description}");
    }
    assert_eq!(app.rows(&UNTOUCHED).await, before);
    let (mut run, code) = code(&app, &clinic, "openid offline_access").await;
    let tokens: Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
    let (id, wanted) = (clinic.application.id.to_string(), format!("openid {API_URI}/read"));
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", id.as_str()),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", wanted.as_str()),
    ];
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    assert_eq!(error(&post(&mut run, &clinic, "oauth2/v2.0/token", &fields).await), (400, "invalid_scope".into()));
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_give_a_token_without_a_person() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, api_secret) = web_api(&app, &plain, API_URI).await;
    let allowed = permission(&api, &["read"]);
    let (web, secret) = register(&app, &plain, ApplicationKind::Web, |own| {
        own.settings.client_credentials = true;
        own.settings.permissions = vec![allowed.clone()];
    })
    .await;
    let (off, off_secret) =
        register(&app, &plain, ApplicationKind::Web, |own| own.settings.permissions = vec![allowed.clone()]).await;
    let mut run = Run::begin(&app, &plain, Via::Form).await;
    let scope = format!("{API_URI}/.default");
    let ask = |clinic: &Clinic, secret: &str, scope: &str| {
        [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", clinic.application.id.to_string()),
            ("client_secret", secret.to_owned()),
            ("scope", scope.to_owned()),
        ]
    };
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    for (clinic, secret, scope, word) in [
        (&web, "x", scope.as_str(), "invalid_client"),
        (&off, off_secret.as_str(), scope.as_str(), "unauthorized_client"),
        (&web, secret.as_str(), "openid", "invalid_scope"),
        (&web, secret.as_str(), "api://other/.default", "invalid_scope"),
        (&plain, "", scope.as_str(), "unauthorized_client"),
    ] {
        let fields = ask(clinic, secret, scope);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(error(&post(&mut run, clinic, "oauth2/v2.0/token", &fields).await).1, word, "{scope}");
    }
    let fields = ask(&web, &secret, &scope);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answer = post(&mut run, &web, "oauth2/v2.0/token", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: Value = answer.json();
    for absent in ["id_token", "refresh_token", "client_info", "profile_info"] {
        assert!(answer.get(absent).is_none(), "{absent}");
    }
    let (token, id) = (claims(answer["access_token"].as_str().unwrap()), web.application.id.to_string());
    assert_eq!((token["sub"].as_str(), token["azp"].as_str()), (Some(id.as_str()), Some(id.as_str())));
    assert_eq!(
        (token["aud"].as_str().unwrap(), &token["roles"]),
        (api.id.to_string().as_str(), &serde_json::json!(["read"]))
    );
    assert!(token.get("scp").is_none() && token.get("oid").is_none());
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
    assert_eq!(app.audited(plain.tenant.id, Action::ApplicationTokenIssued, Outcome::Success).await, 1);
    // f31: it opens nobody's data; its web API may ask about it; it cannot be revoked.
    assert_eq!(userinfo(&mut run, &web, &answer["access_token"]).await.status, 401);
    let api_id = api.id.to_string();
    let shown = answer["access_token"].as_str().unwrap();
    let fields = [("client_id", api_id.as_str()), ("client_secret", &api_secret), ("token", shown)];
    let told: Value = post(&mut run, &plain, "oauth2/v2.0/introspect", &fields).await.json();
    assert_eq!((&told["active"], told["sub"].as_str()), (&true.into(), Some(id.as_str())));
    let fields = [("client_id", id.as_str()), ("client_secret", &secret), ("token", shown)];
    let refused = post(&mut run, &plain, "oauth2/v2.0/revoke", &fields).await;
    assert_eq!(error(&refused), (400, "unsupported_token_type".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_userinfo_get_post_header_and_post_body_and_oidcc_scopes() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    change_flow(&app, &clinic.flow, |flow| {
        flow.claims = ["emails", "given_name", "family_name", "name", "city", "country"].map(str::to_owned).to_vec();
    })
    .await;
    let (nora, city) = (clinic.nora, AttributeValue::String("Seattle".into()));
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = tx.account_by_id(clinic.tenant.id, nora).await?.expect("Nora");
                let mut attributes = account.attributes;
                attributes.insert("city".into(), city);
                tx.set_attributes(nora, &attributes).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let clinic = app.world.plain.clone();
    let wish = r#"{"userinfo":{"email":{"essential":true},"address":null}}"#;
    for (scope, more, email, address) in [
        ("openid", "", false, false),
        ("openid profile", "", false, false),
        ("openid email", "", true, false),
        ("openid address", "", false, true),
        ("openid profile email address", "", true, true),
        ("openid", wish, true, true),
    ] {
        let mut fields = vec![("scope", scope)];
        if !more.is_empty() {
            fields.push(("claims", more));
        }
        let (mut run, back) = signed_in(&app, &clinic, &fields).await;
        let tokens = tokens(&mut run, &clinic, &back).await;
        let told: Value = userinfo(&mut run, &clinic, &tokens["access_token"]).await.json();
        assert_eq!(told["sub"], id_token(&tokens)["sub"]);
        assert_eq!(told["given_name"], "nora", "{scope}");
        assert_eq!(told.get("email").and_then(Value::as_str), email.then_some(NORA), "{scope} {more}");
        assert_eq!(told.get("email_verified").is_some(), email);
        assert_eq!(told["address"]["locality"].as_str(), address.then_some("Seattle"), "{scope} {more}");
        assert!(told.get("postalCode").is_none() && !told.to_string().contains("null"));
        let token = tokens["access_token"].as_str().unwrap();
        run.browser.extra = vec![("authorization", format!("Bearer {token}"))];
        let by_header = post(&mut run, &clinic, "openid/v2.0/userinfo", &[]).await;
        run.browser.extra.clear();
        let by_body = post(&mut run, &clinic, "openid/v2.0/userinfo", &[("access_token", token)]).await;
        assert_eq!((by_header.json::<Value>(), by_body.json::<Value>()), (told.clone(), told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7009_a_token_is_given_back_by_its_own_client_alone() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (other, _) = register(&app, &clinic, ApplicationKind::SinglePage, |_| ()).await;
    let (own, stranger) = (clinic.application.id.to_string(), other.application.id.to_string());
    for kind in ["refresh_token", "access_token"] {
        let (mut run, back) = signed_in(&app, &clinic, &[]).await;
        let tokens = tokens(&mut run, &clinic, &back).await;
        let before = app.rows(&["grants", "refresh_tokens"]).await;
        let token = tokens[kind].as_str().unwrap();
        let theirs = [("client_id", stranger.as_str()), ("token", token)];
        let refused = post(&mut run, &clinic, "oauth2/v2.0/revoke", &theirs).await;
        assert_eq!(error(&refused), (400, "invalid_grant".into()));
        for unknown in ["x", "a.b.c", tokens["id_token"].as_str().unwrap(), &"A".repeat(43), &"x".repeat(20_000)] {
            let fields = [("client_id", own.as_str()), ("token", unknown), ("token_type_hint", "pineapple")];
            let answer = post(&mut run, &clinic, "oauth2/v2.0/revoke", &fields).await;
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, ""), "{unknown:.20}");
        }
        let none = post(&mut run, &clinic, "oauth2/v2.0/revoke", &[("client_id", &own)]).await;
        assert_eq!(error(&none), (400, "invalid_request".into()));
        assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
        // The hint is wrong on purpose: it is only a hint.
        let mine = [("client_id", own.as_str()), ("token", token), ("token_type_hint", "id_token")];
        assert_eq!(post(&mut run, &clinic, "oauth2/v2.0/revoke", &mine).await.status, 200);
        assert_eq!(userinfo(&mut run, &clinic, &tokens["access_token"]).await.status, 401);
        let refused = refresh(&mut run.browser, &clinic, &clinic.flow, tokens["refresh_token"].as_str().unwrap()).await;
        assert_eq!(error(&refused), (400, "invalid_grant".into()));
        assert_eq!(post(&mut run, &clinic, "oauth2/v2.0/revoke", &mine).await.status, 200, "again is no error");
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::TokenRevoked, Outcome::Success).await, 2, "once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn f35_revocation_with_the_database_failing_does_not_say_200() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let tokens = tokens(&mut run, &clinic, &back).await;
    let own = clinic.application.id.to_string();
    app.database.execute("ALTER TABLE grants RENAME TO lost").await;
    for kind in ["refresh_token", "access_token"] {
        let fields = [("client_id", own.as_str()), ("token", tokens[kind].as_str().unwrap())];
        let answer = post(&mut run, &clinic, "oauth2/v2.0/revoke", &fields).await;
        assert!(answer.status.is_server_error(), "{kind}: {}", answer.status);
    }
    app.database.execute("ALTER TABLE lost RENAME TO grants").await;
    // Its audit row cannot be written: then it is not revoked either.
    app.database.execute("ALTER TABLE audit RENAME TO lost").await;
    let fields = [("client_id", own.as_str()), ("token", tokens["refresh_token"].as_str().unwrap())];
    assert!(post(&mut run, &clinic, "oauth2/v2.0/revoke", &fields).await.status.is_server_error());
    app.database.execute("ALTER TABLE lost RENAME TO audit").await;
    assert_eq!(userinfo(&mut run, &clinic, &tokens["access_token"]).await.status, 200, "nothing half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7662_only_whom_a_token_concerns_learns_what_it_is_worth() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, api_secret) = web_api(&app, &plain, API_URI).await;
    let (two, two_secret) = web_api(&app, &plain, "api://two").await;
    let allowed = permission(&api, &["read"]);
    let (web, secret) =
        register(&app, &plain, ApplicationKind::Web, |own| own.settings.permissions = vec![allowed.clone()]).await;
    let (mut run, code) = code(&app, &web, &format!("openid offline_access {API_URI}/read")).await;
    let answer = redeem(&mut run.browser, &web, &web.flow, &code, &[("client_secret", &secret)]).await;
    let tokens: Value = answer.json();
    let (access, renewal) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (web_id, api_id, two_id) = (web.application.id.to_string(), api.id.to_string(), two.id.to_string());
    let inactive = serde_json::json!({"active": false});
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    for (id, secret, token, active) in [
        (&api_id, &api_secret, access, true),
        (&web_id, &secret, access, true),
        (&web_id, &secret, renewal, true),
        (&two_id, &two_secret, access, false),
        (&api_id, &api_secret, renewal, false),
        (&api_id, &api_secret, tokens["id_token"].as_str().unwrap(), false),
        (&api_id, &api_secret, "x", false),
    ] {
        let fields = [("client_id", id.as_str()), ("client_secret", secret), ("token", token)];
        let page = post(&mut run, &web, "oauth2/v2.0/introspect", &fields).await;
        let told: Value = page.json();
        assert_eq!(page.status, 200);
        assert_eq!(told["active"], active, "{id} {token:.10}: {told}");
        assert!(active || told == inactive, "nothing more: {told}");
    }
    let fields = [("client_id", api_id.as_str()), ("client_secret", &api_secret), ("token", access)];
    let told: Value = post(&mut run, &web, "oauth2/v2.0/introspect", &fields).await.json();
    let real = claims(access);
    for same in ["iss", "sub", "aud", "exp", "iat", "client_id", "acr"] {
        assert_eq!(told[same], real[same], "{same}");
    }
    assert_eq!((&told["scope"], &told["token_type"]), (&"read".into(), &"Bearer".into()));
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before, "to ask is not to use");
    // Who cannot prove itself may not ask.
    let public = plain.application.id.to_string();
    for (fields, word) in [
        (vec![("client_id", public.as_str()), ("token", access)], (400, "unauthorized_client")),
        (vec![("client_id", api_id.as_str()), ("token", access)], (401, "invalid_client")),
        (vec![("token", access)], (401, "invalid_client")),
    ] {
        let page = post(&mut run, &web, "oauth2/v2.0/introspect", &fields).await;
        assert_eq!(error(&page), (word.0, word.1.to_owned()));
    }
    // Once revoked, or expired, it is worth nothing.
    let mine = [("client_id", web_id.as_str()), ("client_secret", &secret), ("token", renewal)];
    assert_eq!(post(&mut run, &web, "oauth2/v2.0/revoke", &mine).await.status, 200);
    assert_eq!(post(&mut run, &web, "oauth2/v2.0/introspect", &fields).await.json::<Value>(), inactive);
    app.advance(HOUR);
    assert_eq!(post(&mut run, &web, "oauth2/v2.0/introspect", &fields).await.json::<Value>(), inactive);
}
