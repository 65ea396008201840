//! The OpenID provider as a black box, named after the conformance modules, the RFC sections and
//! the attacks of the security document.

mod authorize;
mod authorize_post;
mod b2c;
pub(crate) mod clients;
mod config;
mod front_channel;
mod level;
mod limits;
mod pushed;
mod redirects;
mod resource;
mod silent;
mod token;
mod withdrawn;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{application::Application, user_flow::FlowSettings, user_flow::UserFlow};
use lanyard_storage::StorageError;
use serde_json::Value;

use crate::support::{
    Clinic, PASSWORD, Page, Run, TestApp, Via,
    browser::parameter,
    journey::{authorize, place, redeem},
    world::NORA,
};

/// What must not change when an authorization request is refused.
pub(crate) const UNTOUCHED: [&str; 4] = ["journeys", "grants", "sessions", "pushed_requests"];

/// The clinic without a second factor, its application changed.
pub(crate) async fn clinic_with(app: &TestApp, change: impl FnOnce(&mut Application)) -> Clinic {
    let mut clinic = app.world.plain.clone();
    clinic.application = change_application(app, &clinic, change).await;
    clinic
}

/// Changes the application of a clinic from what `clinic` says of it, and gives what is stored now.
pub(crate) async fn change_application(
    app: &TestApp,
    clinic: &Clinic,
    change: impl FnOnce(&mut Application),
) -> Application {
    let mut changed = clinic.application.clone();
    change(&mut changed);
    let stored = changed.clone();
    app.app
        .store
        .write(move |tx| Box::pin(async move { tx.update_application(&stored).await }))
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    changed
}

/// Takes the link between a clinic's application and its main flow away.
pub(crate) async fn unlink(app: &TestApp, clinic: &Clinic) {
    let (tenant, application, flow) = (clinic.tenant.id, clinic.application.id, clinic.flow.id);
    app.app
        .store
        .write(move |tx| Box::pin(async move { tx.unlink_flow(tenant, application, flow).await.map(drop) }))
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
}

/// A web application of the clinic, and its secret.
pub(crate) async fn register_web(app: &TestApp, clinic: &Clinic) -> (Clinic, String) {
    clients::register(app, clinic, lanyard_domain::application::ApplicationKind::Web, |_| ()).await
}

/// Changes the settings of a flow.
pub(crate) async fn change_flow(app: &TestApp, flow: &UserFlow, change: impl FnOnce(&mut FlowSettings)) {
    let (tenant, id, version, now) = (flow.tenant, flow.id, flow.version, app.now());
    let mut settings = flow.settings.clone();
    change(&mut settings);
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move { tx.update_flow_settings(tenant, id, version, &settings, now).await.map(drop) })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
}

/// A browser in which Nora has signed in at the clinic, and where that led.
pub(crate) async fn signed_in(app: &TestApp, clinic: &Clinic, more: &[(&str, &str)]) -> (Run, String) {
    let mut run = Run::at(app.browser(), &authorize(clinic, &clinic.flow, more), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let back = run.back().await;
    (run, back)
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Redeems the code in `back` and gives the answer.
pub(crate) async fn tokens(run: &mut Run, clinic: &Clinic, back: &str) -> Value {
    let code = parameter(back, "code").unwrap_or_else(|| panic!("no code: {back}"));
    let answer = redeem(&mut run.browser, clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The claims of the ID token in an answer of the token endpoint.
pub(crate) fn id_token(tokens: &Value) -> Value {
    claims(tokens["id_token"].as_str().unwrap())
}

/// The issuer of a clinic's main flow.
pub(crate) fn issuer(clinic: &Clinic) -> String {
    format!("https://id.example/tfp/{}/{}/v2.0/", clinic.tenant.id, clinic.flow.name.key())
}

/// The error that `page` redirects with; `state` and `iss` come along (RFC 9207).
pub(crate) fn refused(page: &Page, clinic: &Clinic) -> (String, String) {
    let back = page.location().unwrap_or_else(|| panic!("no redirect: {} {}", page.status, page.text()));
    assert_eq!(page.status, 303, "{back}");
    assert!(back.starts_with("https://app.example/callback"), "{back}");
    assert_eq!(parameter(&back, "code"), None, "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"), "byte for byte: {back}");
    assert_eq!(parameter(&back, "iss"), Some(issuer(clinic)), "{back}");
    (parameter(&back, "error").unwrap(), parameter(&back, "error_description").unwrap())
}

/// The address of an endpoint of the clinic's main flow.
pub(crate) fn endpoint(clinic: &Clinic, path: &str) -> String {
    format!("{}/{path}", place(clinic, &clinic.flow))
}
