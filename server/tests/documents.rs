//! Discovery and key sets at hand: the bytes are made once, and a change still shows.

use lanyard_domain::{
    clock::{SECOND, Timestamp},
    user_flow::UserFlow,
};
use lanyard_storage::{StorageError, Store, StoreOptions};

use crate::support::{Browser, Options, Page, TestApp, journey::place};

async fn return_claims(store: &Store, flow: &UserFlow, claims: &[&str], now: Timestamp) {
    let (tenant, id) = (flow.tenant, flow.id);
    let claims: Vec<String> = claims.iter().map(|claim| (*claim).to_owned()).collect();
    store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_id(tenant, id).await?.unwrap();
                let mut settings = flow.settings;
                settings.claims = claims;
                tx.update_flow_settings(tenant, id, flow.version, &settings, now).await?;
                Ok::<_, StorageError>(())
            })
        })
        .await
        .unwrap();
}

async fn supported(browser: &mut Browser, path: &str) -> Vec<String> {
    let page = browser.get(path).await;
    assert_eq!(page.header("cache-control").as_deref(), Some("public, max-age=300"));
    assert_eq!(page.header("access-control-allow-origin").as_deref(), Some("*"));
    let document: serde_json::Value = page.json();
    serde_json::from_value(document["claims_supported"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_shows_in_discovery_at_the_next_request_and_on_other_servers_within_a_second() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let other = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
        let clinic = app.world.plain.clone();
        let path = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
        let mut browser = app.browser();
        let has = |claims: &[String], name: &str| claims.iter().any(|claim| claim == name);
        return_claims(&app.app.store, &clinic.flow, &["emails"], app.now()).await;
        assert!(!has(&supported(&mut browser, &path).await, "given_name"));
        // Made in this process: at once.
        return_claims(&app.app.store, &clinic.flow, &["emails", "given_name"], app.now()).await;
        assert!(has(&supported(&mut browser, &path).await, "given_name"));
        // Made elsewhere: this server still has its copy, for a second at most.
        return_claims(&other, &clinic.flow, &["emails"], app.now()).await;
        assert!(has(&supported(&mut browser, &path).await, "given_name"), "not read for every request");
        app.advance(SECOND);
        assert!(!has(&supported(&mut browser, &path).await, "given_name"));
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_at_hand_differs_from_a_made_one_in_its_request_id_alone() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let base = place(&clinic, &clinic.flow);
    let mut browser = app.browser();
    for path in [format!("{base}/v2.0/.well-known/openid-configuration"), format!("{base}/discovery/v2.0/keys")] {
        let (made, at_hand) = (browser.get(&path).await, browser.get(&path).await);
        let id = |page: &Page| page.header("x-request-id").unwrap();
        assert_ne!(id(&made), id(&at_hand));
        let rest = |page: &Page| {
            let mut headers = page.headers.clone();
            headers.remove("x-request-id");
            (page.status, headers, page.body.clone())
        };
        assert_eq!(rest(&made), rest(&at_hand), "{path}");
        // Another spelling is another address, and the same document.
        let upper = path.to_uppercase();
        assert_eq!(browser.get(&upper).await.status, made.status, "{upper}");
        // What does not exist stays so.
        let nobody = path.replace(&clinic.flow.name.key(), "b2c_1_nobody");
        for _ in 0..2 {
            assert_eq!(browser.get(&nobody).await.status, 404, "{nobody}");
        }
    }
}
