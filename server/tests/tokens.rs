//! Codes and tokens at the application's end: A28, failures 26, 29, 37, 38, and redirects (39 to 42).

use lanyard_domain::{
    application::{ApplicationKind, ClientSecret},
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
    grant::CLOCK_AHEAD,
    reply_url::ReplyUrl,
    secret::{Token, TokenHash},
};
use lanyard_storage::StorageError;

use crate::support::{
    Options, PASSWORD, Run, TestApp, Via,
    journey::{authorize, place, redeem, refresh, with_code},
    world::{self, MARIA, NORA, PHONE, REPLY, REPLY_TWO},
};

#[tokio::test(flavor = "multi_thread")]
async fn a28_a_code_works_once_and_its_reuse_revokes_what_it_gave() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, code) = with_code(&app, &clinic).await;
    let first = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let tokens: serde_json::Value = first.json();
    let second = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(second.status, 400);
    assert_eq!(second.json::<serde_json::Value>()["error"], "invalid_grant");
    let tenant = clinic.tenant.id;
    assert_eq!(app.audited(tenant, Action::CodeReused, Outcome::Failure).await, 1);
    let refused = refresh(&mut run.browser, &clinic, &clinic.flow, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused.status, 400, "the refresh token died with it: {}", refused.text());
    let info = format!("{}/openid/v2.0/userinfo", place(&clinic, &clinic.flow));
    run.browser.extra = vec![("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
    assert_eq!(run.browser.get(&info).await.status, 401, "and the access token at userinfo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_a_code_lives_a_minute() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, code) = with_code(&app, &clinic).await;
    app.advance(MINUTE - SECOND);
    assert_eq!(redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.status, 200);
    let (mut run, code) = with_code(&app, &clinic).await;
    app.advance(MINUTE + SECOND);
    let before = app.durable().await;
    let late = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(
        (late.status.as_u16(), late.json::<serde_json::Value>()["error"].clone()),
        (400, "invalid_grant".into())
    );
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_redirect_uri_is_exact() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut browser = app.browser();
    let before = app.rows(&["journeys", "grants"]).await;
    for bad in [
        "https://app.example/Callback",
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/callback#x",
        "https://APP.example/callback",
        "https://app.example:443/callback",
        "http://app.example/callback",
        "https://app.example/callback/..;/evil", // f39
        "https://app.example/..;/callback",      // f39
        "https://appXexample/callback",          // f40: a dot is a dot
        "//evil.example/callback",               // f41
        "https://app.example//evil.example/callback",
        "/\tevil.example",                // f42
        "https://app.example/\tcallback", // f42
        "https://app.example/callback\t",
        "https://app.example/callback%00",
        "https://app.example\\@evil.example/callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/?https://app.example/callback",
        "https://app.example.evil.example/callback",
        "https://app.example/Callback2?x=2",
        "https://app.example/*",
        "javascript:alert(1)",
        "callback",
        " https://app.example/callback",
    ] {
        let page = browser.get(&authorize(&clinic, &clinic.flow, &[("redirect_uri", bad)])).await;
        assert_eq!(page.status, 400, "{bad}");
        assert_eq!((page.location(), page.refresh()), (None, None), "{bad}");
        assert!(page.says("AADB2C90006"), "{bad}: {}", page.text());
        assert!(!page.says("href=\"https://evil") && !page.says("href=\"javascript"), "{bad}");
    }
    // None at all is refused as well, and so is one of another application.
    let page = browser.get(&authorize(&clinic, &clinic.flow, &[("redirect_uri", "")])).await;
    assert_eq!(page.status, 400);
    assert_eq!(app.rows(&["journeys", "grants"]).await, before);
    for good in [REPLY, REPLY_TWO] {
        let page = browser.get(&authorize(&clinic, &clinic.flow, &[("redirect_uri", good)])).await;
        assert_eq!(page.status, 303, "{good}: {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_the_token_endpoint_wants_the_very_same_reply_url() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    for bad in [REPLY_TWO, "https://app.example/Callback", "https://evil.example/", ""] {
        let (mut run, code) = with_code(&app, &clinic).await;
        let before = app.rows(&["refresh_tokens"]).await;
        let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("redirect_uri", bad)]).await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
        assert_eq!(app.rows(&["refresh_tokens"]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f39_f40_f41_f42_a_reply_url_cannot_be_registered_in_a_shape_that_could_mislead() {
    for bad in [
        "https://app.example/*",
        "https://*.example/cb",
        "//app.example/cb",
        "/\tapp.example",
        "https://app.example/\tcb",
        "https://app.example/cb#f",
        "http://app.example/cb",
        "https://user@app.example/cb",
        "javascript:alert(1)",
    ] {
        assert!(ReplyUrl::parse(bad, ApplicationKind::SinglePage).is_err(), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f40_f41_f42_a_reply_url_that_only_looks_like_a_registered_one_gets_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut browser = app.browser();
    for asked in [
        "https://appXexample/callback",
        "https://app.exampleX/callback",
        "https://app.example.evil.example/callback",
        "//app.example/callback",
        "//evil.example/callback",
        "/\tapp.example/callback",
        "https://app.example/\tcallback",
        "https://app.example/..;/callback",
    ] {
        let page = browser.get(&authorize(&clinic, &clinic.flow, &[("redirect_uri", asked)])).await;
        assert_eq!(page.status, 400, "{asked}");
        assert_eq!((page.location(), page.refresh()), (None, None), "{asked}");
    }
    assert_eq!(app.rows(&["journeys", "grants"]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_there_is_no_implicit_and_no_password_grant() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut browser = app.browser();
    for kind in ["token", "id_token", "id_token token", "code token"] {
        let page = browser.get(&authorize(&clinic, &clinic.flow, &[("response_type", kind)])).await;
        let back = page.location().unwrap_or_default();
        assert!(!back.contains("token=") && !back.starts_with("/journey"), "{kind}: {back}");
    }
    let client = clinic.application.id.to_string();
    let token = format!("{}/oauth2/v2.0/token", place(&clinic, &clinic.flow));
    for kind in ["password", "implicit", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code", ""] {
        let fields = [
            ("grant_type", kind),
            ("client_id", &client),
            ("username", NORA),
            ("password", PASSWORD),
            ("scope", "openid"),
        ];
        let answer = browser.post_bare(&token, &fields).await;
        assert!(answer.status.is_client_error(), "{kind}: {}", answer.text());
        assert!(!answer.says("access_token"));
    }
    assert_eq!(app.rows(&["journeys", "grants", "sessions"]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a30_f32_pkce_is_demanded_and_cannot_be_removed() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut browser = app.browser();
    for more in [
        [("code_challenge", ""), ("code_challenge_method", "")],
        [("code_challenge_method", "plain"), ("nonce", "n")],
        [("code_challenge_method", ""), ("nonce", "n")],
    ] {
        let back = browser.get(&authorize(&clinic, &clinic.flow, &more)).await.location().unwrap();
        assert!(back.contains("error=invalid_request"), "{more:?}: {back}");
    }
    for verifier in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx", "short"] {
        let (mut run, code) = with_code(&app, &clinic).await;
        let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("code_verifier", verifier)]).await;
        assert_eq!(answer.status, 400, "{verifier}");
    }
    assert_eq!(app.count("refresh_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn f29_a_refresh_token_works_once_and_its_reuse_ends_the_family() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, code) = with_code(&app, &clinic).await;
    let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
    let one = tokens["refresh_token"].as_str().unwrap().to_owned();
    let answer = refresh(&mut run.browser, &clinic, &clinic.flow, &one).await;
    assert_eq!(answer.status, 200);
    let two = answer.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(one, two);
    app.advance(10 * SECOND);
    assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &one).await.status, 400);
    assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &two).await.status, 400, "the whole family is dead");
    assert_eq!(app.audited(clinic.tenant.id, Action::RefreshReused, Outcome::Failure).await, 1);
}

// The database refuses what no rule forbids: here since this server's clock is behind that of the one
// which gave the token. That is our trouble, and no reason to end what somebody holds.
#[tokio::test(flavor = "multi_thread")]
async fn f29_a_refresh_that_the_database_refuses_is_answered_503_and_ends_nothing() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (mut run, code) = with_code(&app, &clinic).await;
        let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let before = app.rows(&["grants", "refresh_tokens", "audit"]).await;
        app.advance(-(CLOCK_AHEAD + SECOND));
        let answer = refresh(&mut run.browser, &clinic, &clinic.flow, &token).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(app.rows(&["grants", "refresh_tokens", "audit"]).await, before);
        app.advance(CLOCK_AHEAD + SECOND);
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, &token).await.status, 200);
        assert_eq!(app.audited(clinic.tenant.id, Action::RefreshReused, Outcome::Failure).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f30_f38_codes_and_tokens_belong_to_their_application_tenant_and_flow() {
    let app = TestApp::new().await;
    let (plain, mfa) = (app.world.plain.clone(), app.world.mfa.clone());
    let other = world::application(&app.app, &plain.tenant, "Other app", ApplicationKind::SinglePage);
    let (made, flow) = (other.clone(), plain.flow.id);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_application(&made).await?;
                tx.link_flow(made.tenant, made.id, flow).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let mut with_other = plain.clone();
    with_other.application = other;
    let (mut run, code) = with_code(&app, &plain).await;
    assert_eq!(redeem(&mut run.browser, &with_other, &plain.flow, &code, &[]).await.status, 400, "another application");
    assert!(redeem(&mut run.browser, &mfa, &mfa.flow, &code, &[]).await.status.is_client_error(), "another tenant");
    assert_eq!(redeem(&mut run.browser, &plain, &plain.reset, &code, &[]).await.status, 400, "another flow");
    assert_eq!(app.count("refresh_tokens").await, 0);
    // Strangers cannot revoke it by trying.
    let answer = redeem(&mut run.browser, &plain, &plain.flow, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&mut run.browser, &with_other, &plain.flow, &token).await.status, 400, "f30");
    assert_eq!(refresh(&mut run.browser, &plain, &plain.reset, &token).await.status, 400);
    assert_eq!(refresh(&mut run.browser, &plain, &plain.flow, &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_a_disabled_account_is_refused_at_redemption_and_refresh() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, code) = with_code(&app, &clinic).await;
    let (mut second, code_two) = with_code(&app, &clinic).await;
    let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
    let (nora, now) = (clinic.nora, app.now());
    app.app
        .store
        .write(move |tx| Box::pin(async move { tx.set_disabled(nora, Some(now)).await }))
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let before = app.rows(&["refresh_tokens"]).await;
    assert_eq!(redeem(&mut second.browser, &clinic, &clinic.flow, &code_two, &[]).await.status, 400);
    assert_eq!(
        refresh(&mut run.browser, &clinic, &clinic.flow, tokens["refresh_token"].as_str().unwrap()).await.status,
        400
    );
    assert_eq!(app.rows(&["refresh_tokens"]).await, before);
    let back = run.browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await.location().unwrap();
    assert!(back.contains("error="), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a33_a_web_application_proves_itself_by_its_secret() {
    let app = TestApp::new().await;
    let mut clinic = app.world.plain.clone();
    let secret = Token::generate(app.app.entropy().as_mut());
    let mut web = world::application(&app.app, &clinic.tenant, "Web app", ApplicationKind::Web);
    let hint = secret.expose()[..4].to_owned();
    web.secrets = vec![ClientSecret { hash: secret.hash(), hint, created_at: app.now() }];
    let (made, flow) = (web.clone(), clinic.flow.id);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_application(&made).await?;
                tx.link_flow(made.tenant, made.id, flow).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    clinic.application = web;
    let (mut run, code) = with_code(&app, &clinic).await;
    let stranger = Token::generate(app.app.entropy().as_mut());
    for wrong in ["", stranger.expose(), "x"] {
        let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("client_secret", wrong)]).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.json::<serde_json::Value>()["error"], "invalid_client");
        assert_eq!(app.count("refresh_tokens").await, 0);
    }
    let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("client_secret", secret.expose())]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a37_codes_tokens_and_cookies_are_256_random_bits_and_stored_hashed() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    let jar = run.browser.jar.clone();
    let code = run.code().await;
    let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let rows = app
        .rows(&["sessions", "grants", "refresh_tokens", "journeys", "audit", "invitations"])
        .await
        .concat()
        .to_lowercase();
    for secret in [code, refresh, jar["__Host-sso"].clone(), jar["__Host-journey"].clone()] {
        let token = Token::parse(&secret).unwrap_or_else(|| panic!("not 256 bits: {secret}"));
        assert!(!rows.contains(&secret.to_lowercase()), "in clear in the database");
        let TokenHash(hash) = token.hash();
        let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        assert!(
            rows.contains(&hex) || rows.contains(&format!("{:?}", hash.to_vec()).replace(' ', "")),
            "its hash is there"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f26_forged_cookies_are_refused() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (run, _) = with_code(&app, &clinic).await;
    let good = run.browser.jar["__Host-sso"].clone();
    let mut flipped = good.clone().into_bytes();
    flipped[5] = if flipped[5] == b'A' { b'B' } else { b'A' };
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    let session_row = app.rows(&["sessions"]).await.concat();
    let id = session_row.chars().filter(char::is_ascii_hexdigit).take(32).collect::<String>();
    let before = app.durable().await;
    for forged in [
        String::from_utf8(flipped).unwrap(),
        "A".repeat(43),
        id,
        "x".into(),
        String::new(),
        format!("{good}; __Host-sso=x"),
    ] {
        let mut browser = app.browser();
        browser.extra = vec![("cookie", format!("__Host-sso={forged}"))];
        let back = browser.get(&silent).await.location().unwrap();
        assert!(back.contains("error=") && !back.contains("code="), "{forged}: {back}");
    }
    assert_eq!(app.durable().await, before);
    let mut browser = app.browser();
    browser.extra = vec![("cookie", format!("__Host-sso={good}"))];
    assert!(browser.get(&silent).await.location().unwrap().contains("code="), "the real one works");
}
