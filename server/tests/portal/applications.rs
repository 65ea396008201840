//! Applications in the portal. O8, O9, A22, RFC 7662.

use axum::http::StatusCode;
use futures::future::join_all;
use lanyard_domain::{
    application::{Application, ApplicationKind},
    audit::{Action, Outcome},
    id::Id,
    role::Role,
};
use lanyard_storage::StorageError;

use crate::support::{TestApp, app::Options, world};

use super::{RIVERSIDE, boss, fields, operator, save, send};

pub(super) fn application_path(id: Id<Application>) -> String {
    format!("{RIVERSIDE}/applications/{id}")
}

pub(super) async fn application_of(app: &TestApp, id: Id<Application>) -> Application {
    let tenant = app.world.mfa.tenant.id;
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.application_by_id(tenant, id).await })).await;
    let found: Result<_, StorageError> = found;
    found.unwrap().unwrap()
}

/// A further application of the clinic.
pub(super) async fn registered(app: &TestApp, name: &str, kind: ApplicationKind) -> Id<Application> {
    let own = world::application(&app.app, &app.world.mfa.tenant, name, kind);
    let id = own.id;
    let made = app.app.store.write(move |tx| Box::pin(async move { tx.create_application(&own).await })).await;
    let made: Result<(), StorageError> = made;
    made.unwrap();
    id
}

async fn two_operators(options: Options) {
    let app = TestApp::with(options).await;
    let id = app.world.mfa.application.id;
    let path = application_path(id);
    let (mut ann, mut ben) = (boss(&app, "Ann").await, boss(&app, "Ben").await);
    let stale = fields(&ben.get(&path).await, &path);
    let saved = save(&mut ann, &path, &path, &[("name", "Renamed by Ann")]).await;
    assert_eq!(saved.location(), Some(format!("{path}?done=saved")));
    let before = app.rows(&["applications", "flow_links", "audit"]).await;
    let answer = send(&mut ben, &path, stale, &[("name", "Renamed by Ben")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.says("Somebody else changed this while you were editing"), "{}", answer.text());
    assert!(answer.says("ann@operators.example changed it on") && answer.says("Renamed by Ann"));
    assert_eq!(app.rows(&["applications", "flow_links", "audit"]).await, before);
    // What changes nothing makes no version: the other one's form is still good.
    let form = fields(&ben.get(&path).await, &path);
    let same = save(&mut ann, &path, &path, &[]).await;
    assert_eq!(same.location(), Some(format!("{path}?done=unchanged")));
    // Ten at once from one page: one is saved, nine are told.
    let tries = (0..10).map(|n| {
        let (mut browser, path, form) = (ben.clone(), path.clone(), form.clone());
        tokio::spawn(async move { send(&mut browser, &path, form, &[("name", &format!("Try {n}"))]).await.status })
    });
    let answers: Vec<StatusCode> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 9, "{answers:?}");
    assert_eq!(app.audited(app.world.mfa.tenant.id, Action::ApplicationChanged, Outcome::Success).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_of_two_operators_one_wins_and_the_other_is_told_who() {
    two_operators(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_of_two_operators_one_wins_and_the_other_is_told_who_on_postgres() {
    two_operators(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_a_link_that_another_operator_changed_stays_as_they_left_it() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = application_path(clinic.application.id);
    let flow_page = format!("{RIVERSIDE}/flows/{}", clinic.edit.name.key());
    let (mut ann, mut ben) = (boss(&app, "Ann").await, boss(&app, "Ben").await);
    let stale = fields(&ben.get(&path).await, &path);
    // Ann unlinks the flow on its own page; Ben, who still sees it ticked, renames the application.
    let action = format!("{flow_page}/applications");
    let box_name = format!("application-{}", clinic.application.id);
    let mut form = fields(&ann.get(&flow_page).await, &action);
    form.retain(|(name, _)| *name != box_name);
    assert_eq!(send(&mut ann, &action, form, &[]).await.location(), Some(format!("{flow_page}?done=saved")));
    assert_eq!(app.count("flow_links").await, 5);
    let saved = send(&mut ben, &path, stale, &[("name", "Renamed by Ben")]).await;
    assert_eq!(saved.location(), Some(format!("{path}?done=saved")));
    assert_eq!(app.count("flow_links").await, 5, "Ben did not touch that box");
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_a_client_secret_is_removed_once_its_end_is_typed_and_the_other_stays() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let id = registered(&app, "Server", ApplicationKind::Web).await;
    let path = application_path(id);
    let mut ann = boss(&app, "Ann").await;
    for _ in 0..2 {
        let made = save(&mut ann, &path, &format!("{path}/secret"), &[]).await;
        assert!(made.status == StatusCode::OK && made.says("The new client secret"));
    }
    let [old, new] = <[_; 2]>::try_from(application_of(&app, id).await.secrets).unwrap();
    let page = ann.get(&path).await;
    assert!(page.says("then remove the old one"));
    let removal =
        page.text().split("href=\"").find(|part| part.starts_with(&format!("{path}/secret/"))).unwrap().to_owned();
    let removal = removal.split('"').next().unwrap().to_owned();
    let before = app.rows(&["client_secrets", "audit"]).await;
    for typed in ["", "nope", &old.hint.to_lowercase().repeat(2)] {
        let refused = save(&mut ann, &removal, &removal, &[("confirm", typed)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(refused.says("exactly as they are shown"));
    }
    assert_eq!(app.rows(&["client_secrets", "audit"]).await, before);
    // Not by who manages another tenant only.
    let (mut stranger, _) = operator(&app, "Sly", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    assert_eq!(stranger.get(&removal).await.status, StatusCode::NOT_FOUND);
    let hint = if removal.ends_with(&lanyard_server::service::portal::applications::secret_key(&old)) {
        old.hint.clone()
    } else {
        new.hint.clone()
    };
    let form = fields(&ann.get(&removal).await, &removal);
    let removed = send(&mut ann, &removal, form.clone(), &[("confirm", &hint)]).await;
    assert_eq!(removed.location(), Some(format!("{path}?done=removed")));
    let left = application_of(&app, id).await.secrets;
    assert_eq!(left.len(), 1);
    assert_ne!(left[0].hint, hint);
    assert_eq!(app.audited(tenant, Action::ClientSecretRemoved, Outcome::Success).await, 1);
    assert_eq!(send(&mut ann, &removal, form, &[("confirm", &hint)]).await.status, StatusCode::NOT_FOUND, "once");
    let last = format!("{path}/secret/{}", lanyard_server::service::portal::applications::secret_key(&left[0]));
    assert!(ann.get(&last).await.says("the only secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7662_a_web_api_gets_a_secret_in_the_portal() {
    let app = TestApp::new().await;
    let mut ann = boss(&app, "Ann").await;
    for (kind, secrets) in [(ApplicationKind::WebApi, 1), (ApplicationKind::SinglePage, 0)] {
        let id = registered(&app, "Records", kind).await;
        let path = application_path(id);
        let secret = format!("{path}/secret");
        if secrets == 1 {
            let made = save(&mut ann, &path, &secret, &[]).await;
            assert!(made.status == StatusCode::OK && made.says("The new client secret"), "{}", made.text());
        } else {
            assert!(!ann.get(&path).await.text().contains(&secret), "a public client keeps none");
        }
        assert_eq!(application_of(&app, id).await.secrets.len(), secrets);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_an_application_are_saved_audited_and_refused_field_by_field() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let mut ann = boss(&app, "Ann").await;
    let api = registered(&app, "Records", ApplicationKind::WebApi).await;
    let api_path = application_path(api);
    let saved = save(
        &mut ann,
        &api_path,
        &api_path,
        &[("app_id_uri", "https://records.example/api"), ("scopes", "read See your visits\nwrite")],
    )
    .await;
    assert_eq!(saved.location(), Some(format!("{api_path}?done=saved")), "{}", saved.text());

    // Another web API cannot take its name.
    let second = registered(&app, "Other", ApplicationKind::WebApi).await;
    let second = application_path(second);
    let before = app.rows(&["applications", "audit"]).await;
    let taken = save(&mut ann, &second, &second, &[("app_id_uri", "https://records.example/api")]).await;
    assert!(taken.status == StatusCode::UNPROCESSABLE_ENTITY && taken.says("Another web API"), "{}", taken.status);
    assert_eq!(app.rows(&["applications", "audit"]).await, before);

    let id = registered(&app, "Server", ApplicationKind::Web).await;
    let path = application_path(id);
    let permit = format!("permit-{api}-read");
    let all = [
        ("signing", "ES256"),
        ("hybrid", "true"),
        ("third_party", "true"),
        ("client_credentials", "true"),
        ("back_channel_logout", "https://app.example/out"),
        (permit.as_str(), "true"),
    ];
    assert_eq!(save(&mut ann, &path, &path, &all).await.location(), Some(format!("{path}?done=saved")));
    let settings = application_of(&app, id).await.settings;
    assert!(settings.hybrid && settings.third_party && settings.client_credentials);
    assert_eq!(
        settings.permissions.iter().map(|it| (it.api, it.scopes.clone())).collect::<Vec<_>>(),
        [(api, vec!["read".into()])]
    );
    let page = ann.get(&format!("{path}?done=saved")).await;
    for said in ["Tokens are signed with", "RS256", "ES256", "Belongs to another organisation", "read of"] {
        assert!(page.says(said), "{said}");
    }
    let events = app.audit(tenant).await;
    // Events of one millisecond have no order among them: by what it is about.
    let event = events.iter().find(|event| event.target == Some(id.to_string())).unwrap();
    let changes = event.detail["changes"].to_string();
    assert!(changes.contains("Back-channel logout URL") && changes.contains("https://app.example/out"), "{changes}");

    let before = app.rows(&["applications", "audit"]).await;
    for (field, value, why) in [
        ("front_channel_logout", "https://elsewhere.example/out", "same scheme, host and port"),
        ("back_channel_logout", "http://app.example/out", "begin with https"),
        ("client_keys", r#"{"kty":"RSA","d":"AQAB"}"#, "private key"),
        ("signing", "none", "Choose an algorithm"),
    ] {
        let refused = save(&mut ann, &path, &path, &[(field, value)]).await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.says(why), "{field}: {}", refused.status);
        assert!(refused.says(&format!("id=\"f-{field}-error\"")), "{field}");
    }
    assert_eq!(app.rows(&["applications", "audit"]).await, before);
}
