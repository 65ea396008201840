//! Relying parties are told: in frames, and over the back channel; f48.

use lanyard_domain::application::ApplicationKind;

use super::*;
use crate::support::{browser::parameter, world};

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let app = TestApp::new().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| {
        a.settings.front_channel_logout = Some("https://app.example:8443/bye?x=1".into());
    })
    .await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    let sid = verified(&mut run.browser, &app, &clinic, &hint, TokenType::Id).await["sid"].as_str().unwrap().to_owned();
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", REPLY), ("state", "s")];
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let frame = text.split("<iframe").nth(1).unwrap().split('>').next().unwrap().replace("&amp;", "&");
    let issuer = app.app.issuer(&clinic.flow);
    let query = encode(&[("iss", &issuer), ("sid", &sid)]);
    assert!(frame.contains(&format!("src=\"https://app.example:8443/bye?x=1&{query}\"")), "{frame} {query}");
    assert_eq!(text.matches("<iframe").count(), 1);
    let policy = page.header("content-security-policy").unwrap();
    let frames = policy.split("; ").find(|part| part.starts_with("frame-src")).unwrap();
    assert_eq!(frames, "frame-src https://app.example:8443", "that origin and no other");
    assert_eq!(page.header("refresh").unwrap(), format!("2; url={REPLY}?state=s"));
    assert!(page.says("Continue"), "a plain link for who does not want to wait");
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
    // Nobody is framed for who had no session.
    let page = logout(&mut run.browser, &clinic, &fields).await;
    assert_eq!(page.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn n25_an_application_whose_host_ends_the_policy_silences_no_other_sign_out() {
    let app = TestApp::new().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.front_channel_logout = Some("https://app.example/bye".into())).await;
    // As it may stand in a database: it is registered no more, neither in the portal nor by a program.
    for host in ["x.example,default-src", "x.example;sandbox"] {
        let mut partner = clinic.clone();
        partner.application = world::application(&app.app, &clinic.tenant, "Partner", ApplicationKind::SinglePage);
        partner.application.settings.front_channel_logout = Some(format!("https://{host}/out"));
        let (own, flow) = (partner.application.clone(), clinic.flow.id);
        let made = app.app.store.write(move |tx| {
            Box::pin(async move {
                tx.create_application(&own).await?;
                tx.link_flow(own.tenant, own.id, flow).await
            })
        });
        made.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
        let (mut run, _) = signed_in(&app, &clinic).await;
        let silent = authorize(&partner, &clinic.flow, &[("prompt", "none")]);
        let back = run.browser.get(&silent).await.location().unwrap();
        let code = parameter(&back, "code").unwrap();
        let answer: Value = redeem(&mut run.browser, &partner, &clinic.flow, &code, &[]).await.json();
        let hint = answer["id_token"].as_str().unwrap().to_owned();
        let page = logout(&mut run.browser, &partner, &[("id_token_hint", &hint)]).await;
        assert_eq!((page.status.as_u16(), page.text().matches("<iframe").count()), (200, 2), "{}", page.text());
        let policy = page.header("content-security-policy").unwrap();
        let frames: Vec<&str> = policy.split("; ").filter(|part| part.starts_with("frame-src")).collect();
        assert_eq!(frames, ["frame-src https://app.example"], "{policy}");
        assert!(!policy.contains(',') && !policy.contains("sandbox"), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_rp_initiated_logout() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    let id = verified(&mut run.browser, &app, &clinic, &hint, TokenType::Id).await;
    app.drain().await;
    assert!(party.tokens().is_empty(), "nobody signed out");
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    assert!(party.tokens().is_empty(), "the outbox delivers, not the request");
    app.drain().await;
    let tokens = party.tokens();
    assert_eq!(tokens.len(), 1);
    let claims = verified(&mut run.browser, &app, &clinic, &tokens[0], TokenType::Logout).await;
    for name in ["sid", "sub", "aud", "iss"] {
        assert_eq!(claims[name], id[name], "{name}");
    }
    assert!(claims["events"][BACK_CHANNEL_EVENT].is_object() && claims["jti"].is_string());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    assert!(!claims.contains_key("nonce"));
    // It is no ID token and no hint.
    let again = logout(&mut run.browser, &clinic, &[("id_token_hint", &tokens[0])]).await;
    assert_eq!(again.status, 400, "f31");
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    app.drain().await;
    assert_eq!(party.tokens().len(), 1, "a session ends once");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_is_tried_again_and_follows_no_redirect() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (mut run, hint) = signed_in(&app, &clinic).await;
    *party.answers.lock().unwrap() = vec![StatusCode::NO_CONTENT, StatusCode::SERVICE_UNAVAILABLE];
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    app.drain().await;
    assert_eq!(party.tokens().len(), 1);
    app.advance(2 * SECOND);
    app.drain().await;
    app.advance(DAY);
    app.drain().await;
    let tokens = party.tokens();
    assert_eq!(tokens.len(), 2, "once more, and not again after it was taken");
    let mut jtis = Vec::new();
    for token in &tokens {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        jtis.push(serde_json::from_slice::<Value>(&payload).unwrap()["jti"].clone());
    }
    assert_eq!(jtis[0], jtis[1], "the same notice");
    let (mut run, hint) = signed_in(&app, &clinic).await;
    *party.answers.lock().unwrap() = vec![StatusCode::TEMPORARY_REDIRECT];
    logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
    app.drain().await;
    assert_eq!((party.tokens().len(), *party.elsewhere.lock().unwrap()), (3, 0), "f48");
    assert_eq!(app.audited(clinic.tenant.id, Action::MessageFailed, Outcome::Failure).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f48_back_channel_logout_never_calls_a_private_address() {
    let app = TestApp::new().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    for (number, url) in [
        format!("http://{address}/logout"),
        format!("https://{address}/logout"),
        format!("http://localhost:{}/logout", address.port()),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(url.clone())).await;
        let (mut run, hint) = signed_in(&app, &clinic).await;
        logout(&mut run.browser, &clinic, &[("id_token_hint", &hint)]).await;
        assert!(!is_signed_in(&mut run.browser, &clinic).await, "logout itself does not depend on it");
        app.drain().await;
        let failed = app.audited(clinic.tenant.id, Action::MessageFailed, Outcome::Failure).await;
        assert_eq!(failed, number + 1, "{url}");
    }
    assert!(party.tokens().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_whatever_ends_the_session_tells_the_applications() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (first, second) = (signed_in(&app, &clinic).await, signed_in(&app, &clinic).await);
    let (own, nora, now) = (app.app.clone(), clinic.nora, app.now());
    app.app
        .store
        .write(move |tx| Box::pin(async move { sign_out::end_all(&own, tx, nora, None, now).await }))
        .await
        .unwrap();
    app.drain().await;
    assert_eq!(party.tokens().len(), 2, "one for each session");
    for (mut run, _) in [first, second] {
        assert!(!is_signed_in(&mut run.browser, &clinic).await);
    }
}

// A new password ends every session (f28), and who relied on one is told.
#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_a_password_reset_tells_the_applications() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (mut run, token) = signed_in(&app, &clinic).await;
    let known = verified(&mut run.browser, &app, &clinic, &token, TokenType::Id).await;

    // Another browser: somebody who forgot the password, and gives up before it is changed.
    let reset = authorize(&clinic, &clinic.reset, &[]);
    let mut forgot = Run::at(app.browser(), &reset, Via::Form).await;
    forgot.prove(&app, NORA).await;
    app.drain().await;
    assert!(party.tokens().is_empty(), "nothing has changed yet");
    assert!(is_signed_in(&mut run.browser, &clinic).await);

    let view = forgot.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
    assert!(view.problems.is_empty(), "{view:?}");
    app.drain().await;
    let told = party.tokens();
    assert_eq!(told.len(), 1, "one notice for the one session");
    let told = verified(&mut run.browser, &app, &clinic, &told[0], TokenType::Logout).await;
    for claim in ["sub", "sid", "aud", "iss"] {
        assert_eq!(told[claim], known[claim], "{claim}");
    }
    assert!(told["events"].get(BACK_CHANNEL_EVENT).is_some() && !told.contains_key("nonce"));
    assert!(!is_signed_in(&mut run.browser, &clinic).await);
    app.drain().await;
    assert_eq!(party.tokens().len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_backchannel_signing_in_again_keeps_the_sid_that_the_application_knows() {
    let app = reaching_loopback().await;
    let (party, address) = Party::start().await;
    let mut clinic = app.world.plain.clone();
    set(&app, &mut clinic, |a| a.settings.back_channel_logout = Some(format!("http://{address}/logout"))).await;
    let (run, first) = signed_in(&app, &clinic).await;
    let again = authorize(&clinic, &clinic.flow, &[("prompt", "login")]);
    let mut run = Run::at(run.browser, &again, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let second = id_token(&mut run, &clinic).await;
    app.drain().await;
    assert!(party.tokens().is_empty(), "the same person: nobody is signed out");
    let mut known = Vec::new();
    for token in [&first, &second] {
        known.push(verified(&mut run.browser, &app, &clinic, token, TokenType::Id).await["sid"].clone());
    }
    assert_ne!(known[0], known[1]);
    logout(&mut run.browser, &clinic, &[("id_token_hint", &second)]).await;
    app.drain().await;
    let mut told = Vec::new();
    for token in party.tokens() {
        told.push(verified(&mut run.browser, &app, &clinic, &token, TokenType::Logout).await["sid"].clone());
    }
    known.sort_by_key(ToString::to_string);
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, known);
}
