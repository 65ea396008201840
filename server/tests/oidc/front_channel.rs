//! ID tokens in the authorization response (`code id_token`, `id_token`): for applications that
//! may, bound to their code, and never about somebody who did not complete a sign-in.

use lanyard_domain::{
    application::ApplicationSettings,
    audit::{Action, Outcome},
};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::support::world::MARIA;

const HYBRID: [(&str, &str); 2] = [("response_type", "code id_token"), ("prompt", "")];
const IMPLICIT: [(&str, &str); 2] = [("response_type", "id_token"), ("prompt", "")];

async fn allowing(app: &TestApp) -> Clinic {
    clinic_with(app, |application| {
        application.settings =
            ApplicationSettings { hybrid: true, implicit_id_token: true, ..ApplicationSettings::default() };
    })
    .await
}

fn half_hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..16])
}

#[tokio::test(flavor = "multi_thread")]
async fn code_id_token_comes_back_in_the_fragment_and_binds_the_code() {
    let app = TestApp::new().await;
    let clinic = allowing(&app).await;
    let (mut run, back) = signed_in(&app, &clinic, &HYBRID).await;
    assert!(back.starts_with("https://app.example/callback#") && !back.contains('?'), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
    assert_eq!(parameter(&back, "iss"), Some(issuer(&clinic)));
    let (code, token) = (parameter(&back, "code").unwrap(), parameter(&back, "id_token").unwrap());
    let front = claims(&token);
    assert_eq!(front["c_hash"], half_hash(&code));
    assert_eq!((&front["nonce"], &front["iss"]), (&"n-1".into(), &issuer(&clinic).into()));
    assert_eq!(front["aud"], clinic.application.id.to_string());
    assert_eq!(front.get("at_hash"), None, "no access token comes from here");
    assert_eq!(parameter(&back, "access_token"), None);
    // The signature holds: as a hint it is believed.
    let hinted = authorize(&clinic, &clinic.flow, &[("id_token_hint", &token), ("prompt", "none")]);
    assert!(parameter(&run.browser.get(&hinted).await.location().unwrap(), "code").is_some());
    // The code redeems as ever, once.
    let back_channel = tokens(&mut run, &clinic, &back).await;
    let second = id_token(&back_channel);
    for same in ["sub", "iss", "aud", "nonce", "auth_time"] {
        assert_eq!(front[same], second[same], "{same}");
    }
    assert_eq!(redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn id_token_alone_makes_no_code_and_no_access_token() {
    let app = TestApp::new().await;
    let clinic = allowing(&app).await;
    let (mut run, back) = signed_in(&app, &clinic, &IMPLICIT).await;
    assert!(back.starts_with("https://app.example/callback#"), "{back}");
    for absent in ["code", "access_token", "refresh_token", "token_type", "error"] {
        assert_eq!(parameter(&back, absent), None, "{back}");
    }
    let token = claims(&parameter(&back, "id_token").unwrap());
    assert_eq!((&token["sub"], token.get("c_hash")), (&clinic.nora.to_string().into(), None));
    let grants = app.rows(&["grants"]).await;
    assert_eq!(grants.len(), 1, "it is known that the application shares the session");
    let tenant = clinic.tenant.id;
    assert_eq!(app.audited(tenant, Action::IdTokenIssued, Outcome::Success).await, 1);
    assert_eq!(app.audited(tenant, Action::CodeIssued, Outcome::Success).await, 0);
    // A live session gives another one, without a page.
    let silent =
        authorize(&clinic, &clinic.flow, &[("response_type", "id_token"), ("prompt", "none"), ("nonce", "n-2")]);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert_eq!(claims(&parameter(&back, "id_token").unwrap())["nonce"], "n-2");
    assert_eq!(parameter(&back, "code"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_no_id_token_for_an_application_that_may_not_and_none_in_a_query() {
    let app = TestApp::new().await;
    let clinic = allowing(&app).await;
    let mut plain = clinic.clone();
    plain.application = lanyard_domain::application::Application {
        id: lanyard_domain::id::Id::new(app.now(), app.app.entropy().as_mut()),
        settings: ApplicationSettings::default(),
        ..clinic.application.clone()
    };
    let (made, flow) = (plain.application.clone(), clinic.flow.id);
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
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    let before = app.rows(&UNTOUCHED).await;
    for kind in ["id_token", "code id_token", "id_token token"] {
        for prompt in ["", "none"] {
            let address = authorize(&plain, &clinic.flow, &[("response_type", kind), ("prompt", prompt)]);
            let page = run.browser.get(&address).await;
            assert!(!refused(&page, &clinic).0.is_empty());
            assert_eq!(parameter(&page.location().unwrap(), "id_token"), None, "{kind}");
        }
    }
    for (name, value) in [("response_mode", "query"), ("nonce", "")] {
        let more = [("response_type", "code id_token"), (name, value)];
        let page = run.browser.get(&authorize(&clinic, &clinic.flow, &more)).await;
        assert_eq!(refused(&page, &clinic).0, "invalid_request", "{name}");
        assert!(page.location().unwrap().contains("callback#"), "as the answer would have travelled");
    }
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_an_id_token_is_minted_by_a_completed_journey_alone() {
    let app = TestApp::new().await;
    let mut clinic = app.world.mfa.clone();
    clinic.application.settings.implicit_id_token = true;
    let changed = clinic.application.clone();
    app.app
        .store
        .write(move |tx| Box::pin(async move { tx.update_application(&changed).await }))
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    // The password alone, where a second factor is demanded: nothing at the way back.
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &IMPLICIT), Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    let page = run.browser.get(&lanyard_app::paths::journey_return(&run.id)).await;
    assert_eq!((page.refresh(), page.location()), (None, Some(lanyard_app::paths::journey(&run.id))));
    assert_eq!(app.rows(&["grants", "sessions"]).await, Vec::<String>::new());
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_a_session_of_a_disabled_account_mints_no_id_token() {
    let app = TestApp::new().await;
    let clinic = allowing(&app).await;
    let (mut run, _) = signed_in(&app, &clinic, &IMPLICIT).await;
    let (nora, now) = (clinic.nora, app.now());
    app.app
        .store
        .write(move |tx| Box::pin(async move { tx.set_disabled(nora, Some(now)).await }))
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let before = app.rows(&["grants"]).await;
    for kind in ["id_token", "code id_token"] {
        let silent = authorize(&clinic, &clinic.flow, &[("response_type", kind), ("prompt", "none")]);
        assert_eq!(refused(&run.browser.get(&silent).await, &clinic).0, "interaction_required");
    }
    assert_eq!(app.rows(&["grants"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a30_pkce_is_demanded_wherever_there_is_a_code() {
    let app = TestApp::new().await;
    let clinic = allowing(&app).await;
    let without = |kind| {
        let more = [("response_type", kind), ("code_challenge", ""), ("code_challenge_method", "")];
        authorize(&clinic, &clinic.flow, &more)
    };
    assert_eq!(refused(&app.browser().get(&without("code id_token")).await, &clinic).0, "invalid_request");
    assert!(app.browser().get(&without("id_token")).await.location().unwrap().starts_with("/journey/"));
}
