//! `prompt=none` is always answered by a redirect, never by a page: nobody would see it.

use lanyard_domain::user_flow::{Enforcement, FlowType};
use sqlx::Connection as _;

use super::*;
use crate::support::{
    Options,
    world::{self, MARIA, PHONE},
};

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_prompt_none_says_login_required_where_the_flow_is_strict() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    change_flow(&app, &clinic.flow, |settings| settings.tokens.strict_errors = true).await;
    let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await;
    let (error, description) = refused(&page, &clinic);
    assert_eq!(error, "login_required");
    assert!(description.starts_with("AADB2C90077: ") && !description.contains("_required"), "{description}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_is_answered_by_a_redirect_whatever_is_wrong() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    let before = app.rows(&UNTOUCHED).await;
    for (more, expected) in [
        (("scope", "openid https://api.example/read"), "invalid_scope"),
        (("scope", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("response_mode", "web_message"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("max_age", "0"), "interaction_required"),
        (("acr_values", "aal2"), "interaction_required"),
    ] {
        let page = run.browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none"), more])).await;
        assert_eq!(refused(&page, &clinic).0, expected, "{more:?}");
    }
    // Flows that need a person in any case.
    for flow in [&clinic.edit, &clinic.reset] {
        let page = run.browser.get(&authorize(&clinic, flow, &[("prompt", "none")])).await;
        let back = page.location().unwrap();
        assert_eq!(parameter(&back, "error").as_deref(), Some("interaction_required"), "{back}");
    }
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_at_a_flow_that_is_too_weak_is_a_redirect() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let weak = world::flow(&app.app, &clinic.tenant, "B2C_1_weak", FlowType::SignIn, Enforcement::Off);
    let (made, application) = (weak.clone(), clinic.application.id);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_flow(&made).await?;
                tx.link_flow(made.tenant, application, made.id).await
            })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    let page = run.browser.get(&authorize(&clinic, &weak, &[("prompt", "none")])).await;
    let back = page.location().unwrap_or_else(|| panic!("a page: {}", page.status));
    assert_eq!(parameter(&back, "error").as_deref(), Some("interaction_required"), "{back}");
    assert_eq!(app.count("grants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_is_no_journey_and_never_too_many() {
    let mut options = Options::default();
    (options.config.limits.per_address_per_second, options.config.limits.per_address_burst) = (1, 1);
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let mut browser = app.browser();
    let address = authorize(&clinic, &clinic.flow, &[]);
    let pages = [browser.get(&address).await.status.as_u16(), browser.get(&address).await.status.as_u16()];
    assert_eq!(pages, [303, 429], "the limit is reached");
    for _ in 0..3 {
        let page = browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await;
        assert_eq!(refused(&page, &clinic).0, "interaction_required");
    }
    assert_eq!(app.count("journeys").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_with_a_failing_database_is_a_redirect() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    let mut db = sqlx::SqliteConnection::connect(&app.database.url).await.unwrap();
    sqlx::query("ALTER TABLE sessions RENAME TO elsewhere").execute(&mut db).await.unwrap();
    let page = run.browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await;
    let (error, description) = refused(&page, &clinic);
    assert!(["temporarily_unavailable", "server_error"].contains(&error.as_str()), "{error}");
    assert!(!description.contains("sessions"), "no word of what is inside: {description}");
    // A person sees a page.
    let page = run.browser.get(&authorize(&clinic, &clinic.flow, &[])).await;
    assert!(page.status.is_server_error(), "{}", page.status);
}
