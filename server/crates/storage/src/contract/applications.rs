//! Tenants, applications, flows, attributes, meta.

use futures::FutureExt as _;
use lanyard_domain::{
    attribute::{Attribute, AttributeKind},
    secret::Sealed,
    user_flow::Enforcement,
};

use super::{contract, support::*};
use crate::{Constraint, META_DEMO, NameCursor, StorageError};

contract!(
    tenants_come_back_as_stored_and_list_by_name,
    applications_come_back_as_stored,
    o9_an_application_is_changed_by_the_version_it_was_read_at,
    o9_concurrent_changes_of_an_application_one_winner,
    flow_names_are_unique_regardless_of_case,
    a_flow_is_changed_by_the_version_it_was_read_at,
    a25_links_stay_within_a_tenant,
    attributes_and_meta_are_set_once,
);

async fn tenants_come_back_as_stored_and_list_by_name(db: &Db) {
    let mut all = Vec::new();
    for domain in ["c.example", "a.example", "b.example"] {
        all.push(stored_tenant(db, domain).await);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let want = all.clone();
    db.store
        .read(|tx| {
            async move {
                assert_eq!(tx.tenant_by_id(want[0].id).await?, Some(want[0].clone()));
                assert_eq!(tx.tenant_by_domain(&want[1].domain).await?, Some(want[1].clone()));
                assert_eq!(tx.tenant_by_id(id()).await?, None);
                assert_eq!(tx.tenant_data_key(want[0].id).await?, Some(Sealed(vec![7; 40])));
                let first = tx.list_tenants(None, 2).await?;
                assert_eq!(first, want[..2]);
                let cursor = NameCursor::after(&first[1].name, first[1].id);
                assert_eq!(tx.list_tenants(Some(&cursor), 2).await?, want[2..]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn applications_come_back_as_stored(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let mut app = application(&own, "Portal");
    db.store
        .write(move |tx| {
            async move {
                tx.create_application(&app).await?;
                assert_eq!(tx.application_by_id(own.id, app.id).await?, Some(app.clone()));
                assert_eq!(tx.application_by_id(other.id, app.id).await?, None, "a25: another tenant's");
                app.name = "Patient portal".into();
                app.reply_urls.clear();
                tx.update_application(&app).await?;
                let gone = app.secrets.remove(0);
                tx.remove_client_secret(app.id, &gone.hash).await?;
                let twice = tx.remove_client_secret(app.id, &gone.hash).await;
                assert!(matches!(twice, Err(StorageError::Conflict)));
                assert_eq!(tx.application_by_id(own.id, app.id).await?, Some(app.clone()));
                assert_eq!(tx.list_applications(own.id, None, 10).await?, [app.clone()]);
                assert!(tx.list_applications(other.id, None, 10).await?.is_empty());
                app.tenant = other.id;
                assert!(matches!(tx.update_application(&app).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn o9_an_application_is_changed_by_the_version_it_was_read_at(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let app = application(&own, "Portal");
    db.store
        .write(move |tx| {
            async move {
                tx.create_application(&app).await?;
                assert_eq!(tx.application_version(own.id, app.id).await?, Some(1));
                assert_eq!(tx.application_version(other.id, app.id).await?, None, "a25: another tenant's");
                tx.advance_application(own.id, app.id, 1).await?;
                assert_eq!(tx.application_version(own.id, app.id).await?, Some(2));
                for (tenant, version) in [(own.id, 1), (own.id, 3), (other.id, 2)] {
                    let refused = tx.advance_application(tenant, app.id, version).await;
                    assert!(matches!(refused, Err(StorageError::Conflict)), "{version}");
                }
                assert_eq!(tx.application_by_id(own.id, app.id).await?, Some(app));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn o9_concurrent_changes_of_an_application_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let app = application(&own, "Portal");
    let (tenant, app_id, store) = (own.id, app.id, &db.store);
    store.write(move |tx| async move { tx.create_application(&app).await }.boxed()).await.unwrap();
    let won = winners(20, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.advance_application(tenant, app_id, 1).await }.boxed()).await }
    });
    assert_eq!(won.await, 1);
}

async fn flow_names_are_unique_regardless_of_case(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let first = flow(&own, "B2C_1_SignUp");
                tx.create_flow(&first).await?;
                let taken = tx.create_flow(&flow(&own, "b2c_1_signup")).await;
                assert!(matches!(taken, Err(StorageError::Unique(Constraint::FlowName))));
                tx.create_flow(&flow(&other, "b2c_1_signup")).await?;
                assert_eq!(tx.flow_by_key(own.id, "b2c_1_signup").await?, Some(first.clone()));
                assert_eq!(tx.flow_by_id(own.id, first.id).await?, Some(first.clone()));
                assert_eq!(tx.flow_by_id(other.id, first.id).await?, None, "a25: another tenant's");
                assert_eq!(tx.list_flows(own.id, None, 10).await?, [first]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a_flow_is_changed_by_the_version_it_was_read_at(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let mut flow = flow(&own, "f");
                tx.create_flow(&flow).await?;
                flow.settings.mfa.enforcement = Enforcement::Off;
                assert_eq!(tx.update_flow_settings(own.id, flow.id, 1, &flow.settings, LATER).await?, 2);
                let stale = tx.update_flow_settings(own.id, flow.id, 1, &flow.settings, LATER).await;
                assert!(matches!(stale, Err(StorageError::Conflict)));
                flow.version = 2;
                flow.updated_at = LATER;
                assert_eq!(tx.flow_by_id(own.id, flow.id).await?, Some(flow));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a25_links_stay_within_a_tenant(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let (mut app, flow, foreign) = (application(&own, "A"), flow(&own, "f"), flow(&other, "f"));
                tx.create_application(&app).await?;
                app.secrets.clear();
                tx.create_flow(&flow).await?;
                tx.create_flow(&foreign).await?;
                tx.link_flow(own.id, app.id, flow.id).await?;
                tx.link_flow(own.id, app.id, flow.id).await?;
                for (tenant, flow) in [(own.id, foreign.id), (other.id, foreign.id), (other.id, flow.id)] {
                    assert!(matches!(tx.link_flow(tenant, app.id, flow).await, Err(StorageError::Conflict)));
                }
                assert!(tx.is_linked(app.id, flow.id).await?);
                assert!(!tx.is_linked(app.id, foreign.id).await?);
                assert_eq!(tx.flows_of_application(own.id, app.id).await?, std::slice::from_ref(&flow));
                assert_eq!(tx.applications_of_flow(own.id, flow.id).await?, [app.clone()]);
                assert!(tx.flows_of_application(other.id, app.id).await?.is_empty());
                assert!(!tx.unlink_flow(other.id, app.id, flow.id).await?);
                assert!(tx.unlink_flow(own.id, app.id, flow.id).await?);
                assert!(!tx.is_linked(app.id, flow.id).await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn attributes_and_meta_are_set_once(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let kind = AttributeKind::Dropdown { options: vec!["A".into(), "0".into()] };
                let blood = Attribute { name: "extension_Blood".into(), label: "Blood type".into(), kind };
                tx.create_attribute(own.id, &blood, NOW).await?;
                let twice = tx.create_attribute(own.id, &blood, NOW).await;
                assert!(matches!(twice, Err(StorageError::Unique(Constraint::AttributeName))));
                assert_eq!(tx.custom_attributes(own.id).await?, [blood]);
                assert_eq!(tx.meta(META_DEMO).await?, None);
                tx.set_meta_once(META_DEMO, b"1").await?;
                let twice = tx.set_meta_once(META_DEMO, b"2").await;
                assert!(matches!(twice, Err(StorageError::Unique(Constraint::MetaKey))));
                assert_eq!(tx.meta(META_DEMO).await?.as_deref(), Some(&b"1"[..]));
                tx.set_meta(META_DEMO, b"3").await?;
                assert_eq!(tx.meta(META_DEMO).await?.as_deref(), Some(&b"3"[..]));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
