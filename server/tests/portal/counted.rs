//! What there is at most so many of, or one: several at once are counted one after the other. A47, D7.

use axum::http::StatusCode;
use futures::future::join_all;
use lanyard_domain::{
    application::ApplicationKind,
    attribute::{Attribute, AttributeKind},
    audit::{Action, Outcome},
};
use lanyard_server::service::portal::{
    applications::{MAX_SECRETS, secret_key},
    attributes::MAX_CUSTOM,
};
use lanyard_storage::StorageError;

use super::{
    RIVERSIDE, SETTINGS,
    applications::{application_of, application_path, registered},
    boss, fields, send,
};
use crate::support::{Browser, Page, TestApp, app::Options, world::SAM};

// Sends each form to its action at the same moment.
async fn at_once(browser: &Browser, forms: Vec<(String, Vec<(String, String)>)>) -> Vec<Page> {
    let tries = forms.into_iter().map(|(action, form)| {
        let mut browser = browser.clone();
        tokio::spawn(async move { send(&mut browser, &action, form, &[]).await })
    });
    join_all(tries).await.into_iter().map(Result::unwrap).collect()
}

fn with_status(answers: &[Page], status: StatusCode) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn secrets_are_counted(options: Options) {
    let app = TestApp::with(options).await;
    let id = registered(&app, "Server", ApplicationKind::Web).await;
    let (path, tenant) = (application_path(id), app.world.mfa.tenant.id);
    let mut ann = boss(&app, "Ann").await;
    let action = format!("{path}/secret");
    let form = fields(&ann.get(&path).await, &action);
    let answers = at_once(&ann, vec![(action, form); MAX_SECRETS + 10]).await;
    let made = with_status(&answers, StatusCode::OK);
    assert_eq!((made, with_status(&answers, StatusCode::UNPROCESSABLE_ENTITY)), (MAX_SECRETS, 10));
    let secrets = application_of(&app, id).await.secrets;
    assert_eq!(secrets.len(), MAX_SECRETS);
    assert_eq!(app.audited(tenant, Action::ClientSecretCreated, Outcome::Success).await, MAX_SECRETS);
    // One is removed once, however often it is asked for.
    let removal = format!("{path}/secret/{}", secret_key(&secrets[0]));
    let mut form = fields(&ann.get(&removal).await, &removal);
    form.retain(|(name, _)| name != "confirm");
    form.push(("confirm".to_owned(), secrets[0].hint.clone()));
    let answers = at_once(&ann, vec![(removal, form); 10]).await;
    let done = (with_status(&answers, StatusCode::SEE_OTHER), with_status(&answers, StatusCode::NOT_FOUND));
    assert_eq!(done, (1, 9));
    assert_eq!(app.audited(tenant, Action::ClientSecretRemoved, Outcome::Success).await, 1);
}

async fn attributes_are_counted(options: Options) {
    let app = TestApp::with(options).await;
    let (tenant, now) = (app.world.mfa.tenant.id, app.now());
    let made = app.app.store.write(move |tx| {
        Box::pin(async move {
            for number in 0..MAX_CUSTOM - 1 {
                let name = format!("extension_Old{number}");
                let attribute = Attribute { label: name.clone(), name, kind: AttributeKind::String };
                tx.create_attribute(tenant, &attribute, now).await?;
            }
            Ok(())
        })
    });
    made.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let action = format!("{RIVERSIDE}/attributes");
    let mut ann = boss(&app, "Ann").await;
    let form = fields(&ann.get(&action).await, &action);
    let forms = (0..10).map(|number| {
        let mut form = form.clone();
        form.retain(|(name, _)| !["name", "label"].contains(&name.as_str()));
        form.extend(["name", "label"].map(|field| (field.to_owned(), format!("New{number}"))));
        (action.clone(), form)
    });
    let answers = at_once(&ann, forms.collect()).await;
    let done = (with_status(&answers, StatusCode::SEE_OTHER), with_status(&answers, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(done, (1, 9), "{}", answers[0].text());
    assert_eq!(app.count("attributes").await, MAX_CUSTOM);
    assert_eq!(app.audited(tenant, Action::AttributeDefined, Outcome::Success).await, 1);
}

async fn an_app_id_uri_is_one_apis(options: Options) {
    let app = TestApp::with(options).await;
    let mut ann = boss(&app, "Ann").await;
    let (mut ids, mut forms) = (Vec::new(), Vec::new());
    for number in 0..8 {
        let id = registered(&app, &format!("Records {number}"), ApplicationKind::WebApi).await;
        let path = application_path(id);
        let mut form = fields(&ann.get(&path).await, &path);
        form.retain(|(name, _)| !["app_id_uri", "scopes"].contains(&name.as_str()));
        form.push(("app_id_uri".to_owned(), "https://records.example/api".to_owned()));
        form.push(("scopes".to_owned(), "read".to_owned()));
        ids.push(id);
        forms.push((path, form));
    }
    let answers = at_once(&ann, forms).await;
    let done = (with_status(&answers, StatusCode::SEE_OTHER), with_status(&answers, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(done, (1, 7), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let mut named = 0;
    for id in ids {
        named += usize::from(application_of(&app, id).await.settings.app_id_uri.is_some());
    }
    assert_eq!(named, 1, "a scope means one web API");
}

async fn a_minimum_of_a_role_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let (action, tenant) = (format!("{RIVERSIDE}/minimums"), app.world.mfa.tenant.id);
    let mut ann = boss(&app, "Ann").await;
    let form = fields(&ann.get(SETTINGS).await, &action);
    let forms = (0..50).map(|number| {
        let mut form = form.clone();
        form.retain(|(name, _)| name != "staff");
        form.push(("staff".to_owned(), ["aal2_strict", "phishing_resistant"][number % 2].to_owned()));
        (action.clone(), form)
    });
    let answers = at_once(&ann, forms.collect()).await;
    let done = (with_status(&answers, StatusCode::SEE_OTHER), with_status(&answers, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(done, (25, 25), "who wanted the same is told that it is so");
    assert_eq!(app.audited(tenant, Action::TenantChanged, Outcome::Success).await, 1);
}

async fn registration_is_switched_on_once(options: Options) {
    let app = TestApp::with(options).await;
    let (action, tenant) = (format!("{RIVERSIDE}/registration"), app.world.mfa.tenant.id);
    let mut ann = boss(&app, "Ann").await;
    let form = fields(&ann.get(SETTINGS).await, &action);
    let answers = at_once(&ann, vec![(action, form); 50]).await;
    assert_eq!(with_status(&answers, StatusCode::SEE_OTHER), 50, "who wanted the same is told that it is so");
    assert_eq!(app.audited(tenant, Action::RegistrationSwitched, Outcome::Success).await, 1);
}

async fn somebody_is_removed_once_and_taken_in_once(options: Options) {
    let app = TestApp::with(options).await;
    let (home, sam) = (format!("{RIVERSIDE}/staff"), app.world.mfa.sam);
    let tenant = app.world.mfa.tenant.id;
    let mut ann = boss(&app, "Ann").await;
    let revoke = format!("{home}/{sam}/revoke");
    let form = fields(&ann.get(&revoke).await, &revoke);
    let answers = at_once(&ann, vec![(revoke, form); 50]).await;
    assert_eq!((with_status(&answers, StatusCode::SEE_OTHER), with_status(&answers, StatusCode::NOT_FOUND)), (1, 49));
    assert_eq!(app.audited(tenant, Action::RoleRevoked, Outcome::Success).await, 1);
    app.advance(1);
    let mut form = fields(&ann.get(&home).await, &home);
    form.retain(|(name, _)| name != "email");
    form.push(("email".to_owned(), SAM.to_owned()));
    let answers = at_once(&ann, vec![(home, form); 50]).await;
    let done = (with_status(&answers, StatusCode::SEE_OTHER), with_status(&answers, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(done, (1, 49), "{}", answers[0].text());
    assert_eq!(app.audited(tenant, Action::RoleGranted, Outcome::Success).await, 1);
}

macro_rules! on_both {
    ($($sqlite:ident, $postgres:ident: $check:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $sqlite() {
            $check(Options::default()).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $postgres() {
            $check(Options::postgres()).await;
        }
    )*};
}

on_both! {
    d7_a47_concurrent_secrets_keep_the_limit, d7_a47_concurrent_secrets_keep_the_limit_postgres: secrets_are_counted;
    d7_a47_concurrent_attributes_keep_the_limit, d7_a47_concurrent_attributes_keep_the_limit_postgres:
        attributes_are_counted;
    d7_a47_concurrent_app_id_uris_one_winner, d7_a47_concurrent_app_id_uris_one_winner_postgres:
        an_app_id_uri_is_one_apis;
    d7_a_minimum_of_a_role_has_one_winner, d7_a_minimum_of_a_role_has_one_winner_postgres:
        a_minimum_of_a_role_has_one_winner;
    d7_a_switch_of_registration_is_one_change, d7_a_switch_of_registration_is_one_change_postgres:
        registration_is_switched_on_once;
    d7_a24_somebody_is_removed_once_and_taken_in_once, d7_a24_somebody_is_removed_once_and_taken_in_once_postgres:
        somebody_is_removed_once_and_taken_in_once;
}
