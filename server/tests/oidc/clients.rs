//! Clients that can prove who they are, and web APIs: what the token tests register.

use lanyard_domain::{
    application::{ApiPermission, ApiScope, Application, ApplicationKind, ClientSecret},
    id::Id,
    secret::Token,
};
use serde_json::Value;

use super::*;
use crate::support::world;

pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(crate) const API_URI: &str = "https://api.hilltop.example/records";

/// Registers another application of the clinic, linked to its main flow, and gives a clinic whose
/// application it is, and its secret.
pub(crate) async fn register(
    app: &TestApp,
    clinic: &Clinic,
    kind: ApplicationKind,
    change: impl FnOnce(&mut Application),
) -> (Clinic, String) {
    let secret = Token::generate(app.app.entropy().as_mut());
    let mut made = world::application(&app.app, &clinic.tenant, "Another app", kind);
    made.id = Id::new(app.now(), app.app.entropy().as_mut());
    if !kind.is_public() {
        made.secrets = vec![ClientSecret { hash: secret.hash(), hint: "abcd".into(), created_at: app.now() }];
    }
    change(&mut made);
    let mut own = clinic.clone();
    own.application = made.clone();
    let flow = clinic.flow.id;
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
    (own, secret.expose().to_owned())
}

/// A web API with the scopes `read` and `write`, and its secret.
pub(crate) async fn web_api(app: &TestApp, clinic: &Clinic, uri: &str) -> (Application, String) {
    let (own, secret) = register(app, clinic, ApplicationKind::WebApi, |api| {
        api.reply_urls.clear();
        api.settings.app_id_uri = Some(uri.to_owned());
        let scope = |name: &str| ApiScope { name: name.into(), description: "Records".into() };
        api.settings.scopes = vec![scope("read"), scope("write")];
    })
    .await;
    (own.application, secret)
}

/// Permission for some scopes of a web API.
pub(crate) fn permission(api: &Application, scopes: &[&str]) -> ApiPermission {
    ApiPermission { api: api.id, scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() }
}

/// Nora's code for `clinic`'s application, asked for with `scope`.
pub(crate) async fn code(app: &TestApp, clinic: &Clinic, scope: &str) -> (Run, String) {
    let (run, back) = signed_in(app, clinic, &[("scope", scope)]).await;
    let code = parameter(&back, "code").unwrap_or_else(|| panic!("no code: {back}"));
    (run, code)
}

/// Posts a form to an endpoint of the clinic's flow.
pub(crate) async fn post(run: &mut Run, clinic: &Clinic, path: &str, fields: &[(&str, &str)]) -> Page {
    run.browser.post_bare(&endpoint(clinic, path), fields).await
}

/// The error of an answer, and its status.
pub(crate) fn error(page: &Page) -> (u16, String) {
    (page.status.as_u16(), page.json::<Value>()["error"].as_str().unwrap_or_default().to_owned())
}
