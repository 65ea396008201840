//! The demonstration, begun again where it was not begun first.

use std::sync::Arc;

use lanyard_crypto::MasterKey;
use lanyard_domain::{
    audit::Action,
    clock::{Clock, MockClock},
};
use lanyard_messaging::Providers;
use lanyard_server::{
    config::Config,
    demo,
    router::router,
    service::{patient_portal, tenants},
    start::{self, Outside},
    state::App,
};
use lanyard_storage::{StorageError, Store, StoreOptions};

use crate::support::{
    Browser, Options,
    app::randomness,
    database::temp_dir,
    journey::challenge,
    world::{MASTER_KEY, NOW},
};

async fn begun(url: &str, origin: &str) -> App {
    let store = Store::connect(&StoreOptions::new(url.to_owned())).await.unwrap();
    store.migrate().await.unwrap();
    let outside = Outside {
        clock: Arc::new(MockClock::at(NOW)) as Arc<dyn Clock>,
        randomness: randomness(),
        providers: Providers::default(),
        inbox: None,
    };
    let config = Config { public_origin: Some(origin.to_owned()), ..Options::default().config };
    let app = App::new(start::parts(config, store, MasterKey::from_bytes(&MASTER_KEY), outside).unwrap());
    tenants::ensure_system(&app).await.unwrap();
    assert_eq!(demo::ensure(&app).await.unwrap().len(), 2);
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_patient_portal_is_found_wherever_the_demo_is_begun() {
    let url = format!("sqlite:{}", temp_dir().join("demo.db").display());
    let (first, second) = ("http://localhost:8080", "http://localhost:8091");
    // Back at the first address nothing is left to change.
    for (origin, listed) in [(first, 1), (second, 2), (second, 2), (first, 2)] {
        let app = begun(&url, origin).await;
        let found = patient_portal::find(&app).await.unwrap().unwrap();
        let (tenant, client) = (found.tenant.id, found.application);
        let read = app.store.read(move |tx| {
            Box::pin(async move {
                let application = tx.application_by_id(tenant, client).await?.unwrap();
                Ok::<_, StorageError>((application.reply_urls.len(), tx.list_audit(tenant, None, 10).await?))
            })
        });
        let (urls, log) = read.await.unwrap();
        let changed = log.iter().filter(|event| event.action == Action::ApplicationChanged).count();
        assert_eq!((urls, changed), (listed, listed - 1), "{origin}");
        // The way of the page's script: the browser is sent to a sign-in page, not to an error.
        let mut browser = Browser::new(router(app.clone()), Arc::default());
        let (domain, flow) = (found.tenant.domain.as_str(), found.flow.name.as_str());
        let address = format!(
            "/{domain}/{flow}/oauth2/v2.0/authorize?client_id={client}&response_type=code&scope=openid&redirect_uri={origin}/claims\
             &code_challenge={}&code_challenge_method=S256&nonce=n",
            challenge()
        );
        let answer = browser.get(&address).await;
        assert_eq!(answer.status, 303, "{origin}: {}", answer.text());
        app.store.close().await;
    }
}
