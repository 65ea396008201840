//! Dynamic client registration.

use futures::FutureExt as _;
use lanyard_domain::{
    application::ClientSecret,
    clock::DAY,
    registration::{ClientRegistration, InitialAccessToken},
    tenant::Tenant,
    user_flow::UserFlow,
};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    rfc7591_an_initial_access_token_is_used_so_often_in_time_and_in_its_tenant,
    rfc7591_concurrent_registrations_keep_every_limit,
    rfc7591_the_switch_is_off_until_it_is_on,
    rfc7592_a_deleted_client_leaves_no_secret_no_link_and_no_grant,
    rfc7592_what_an_operator_changed_is_theirs,
    rfc7592_what_an_operator_took_over_neither_changes_nor_deletes_itself,
);

fn token(at: &UserFlow, uses: u32) -> InitialAccessToken {
    InitialAccessToken {
        id: id(),
        tenant: at.tenant,
        flow: at.id,
        hash: hash(),
        label: "Partner".into(),
        uses_left: uses,
        created_at: NOW,
        expires_at: NOW.plus(DAY),
        revoked_at: None,
    }
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) {
    assert!(matches!(result, Err(StorageError::Conflict)), "{result:?}");
}

async fn rfc7591_an_initial_access_token_is_used_so_often_in_time_and_in_its_tenant(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let flow = flow(&own, "one");
    db.store
        .write(move |tx| {
            async move {
                tx.create_flow(&flow).await?;
                let here = (own.id, flow.id);
                let (one, two) = (token(&flow, 2), token(&flow, 1));
                tx.create_initial_access_token(&one).await?;
                tx.create_initial_access_token(&two).await?;
                conflict(tx.use_initial_access_token((other.id, flow.id), &one.hash, NOW).await);
                conflict(tx.use_initial_access_token((own.id, id()), &one.hash, NOW).await);
                conflict(tx.use_initial_access_token(here, &hash(), NOW).await);
                conflict(tx.use_initial_access_token(here, &one.hash, one.expires_at).await);
                assert_eq!(tx.use_initial_access_token(here, &one.hash, NOW).await?, one.id);
                assert_eq!(tx.use_initial_access_token(here, &one.hash, NOW).await?, one.id);
                conflict(tx.use_initial_access_token(here, &one.hash, NOW).await);
                conflict(tx.revoke_initial_access_token(other.id, two.id, NOW).await);
                tx.revoke_initial_access_token(own.id, two.id, NOW).await?;
                conflict(tx.revoke_initial_access_token(own.id, two.id, NOW).await);
                conflict(tx.use_initial_access_token(here, &two.hash, NOW).await);
                assert_eq!(tx.initial_access_token(own.id, &hash()).await?, None);
                assert_eq!(tx.initial_access_token(other.id, &two.hash).await?, None);
                let dead = tx.initial_access_token(own.id, &two.hash).await?.unwrap();
                assert_eq!((dead.id, dead.stands(flow.id, NOW)), (two.id, false));
                let listed = tx.initial_access_tokens(own.id, 9).await?;
                let uses = |wanted: &InitialAccessToken| {
                    listed.iter().find(|token| token.id == wanted.id).map(|token| (token.uses_left, token.revoked_at))
                };
                assert_eq!((uses(&one), uses(&two)), (Some((0, None)), Some((1, Some(NOW)))));
                assert_eq!(tx.initial_access_tokens(other.id, 9).await?, []);
                assert_eq!(tx.delete_old_initial_access_tokens(one.expires_at, 9).await?, 0);
                assert_eq!(tx.delete_old_initial_access_tokens(one.expires_at.plus(1), 9).await?, 2);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn rfc7591_concurrent_registrations_keep_every_limit(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let flow = flow(&own, "one");
    let (tenant, at, one) = (own.id, flow.id, token(&flow, 7));
    let (hash, store) = (one.hash, &db.store);
    store
        .write(move |tx| {
            async move {
                tx.create_flow(&flow).await?;
                tx.create_initial_access_token(&one).await?;
                tx.set_registration_switch(tenant, true, 5).await.map(drop)
            }
            .boxed()
        })
        .await
        .unwrap();
    let used = winners(50, |_| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| {
                    async move { tx.use_initial_access_token((tenant, at), &hash, NOW).await.map(drop) }.boxed()
                })
                .await
        }
    });
    assert_eq!(used.await, 7);
    let counted = winners(50, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.count_registration(tenant).await }.boxed()).await }
    });
    assert_eq!(counted.await, 5);
}

async fn rfc7591_the_switch_is_off_until_it_is_on(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                assert!(!tx.registration_switch(own.id).await?.on);
                conflict(tx.count_registration(own.id).await);
                assert!(tx.set_registration_switch(own.id, true, 2).await?);
                tx.count_registration(own.id).await?;
                assert!(!tx.set_registration_switch(own.id, true, 2).await?, "it stands so");
                assert!(tx.set_registration_switch(own.id, false, 2).await?);
                assert!(tx.set_registration_switch(own.id, false, 3).await?);
                conflict(tx.count_registration(own.id).await);
                let stands = tx.registration_switch(own.id).await?;
                assert_eq!((stands.on, stands.most, stands.registered), (false, 3, 1));
                assert!(!tx.registration_switch(other.id).await?.on);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// An application that registered itself at a flow of `own`.
async fn registered(db: &Db, own: &Tenant) -> ClientRegistration {
    let (mut application, flow) = (application(own, "one"), flow(own, "one"));
    application.secrets = vec![ClientSecret { hash: hash(), hint: "abcd".into(), created_at: NOW }];
    let registration = ClientRegistration {
        application: application.id,
        tenant: own.id,
        flow: flow.id,
        token: hash(),
        method: "client_secret_basic".into(),
        version: 1,
    };
    let stored = registration.clone();
    db.store
        .write(move |tx| {
            async move {
                tx.set_registration_switch(application.tenant, true, 5).await?;
                tx.count_registration(application.tenant).await?;
                tx.create_application(&application).await?;
                tx.create_flow(&flow).await?;
                tx.link_flow(application.tenant, application.id, flow.id).await?;
                tx.create_client_registration(&stored).await
            }
            .boxed()
        })
        .await
        .unwrap();
    registration
}

async fn rfc7592_a_deleted_client_leaves_no_secret_no_link_and_no_grant(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let one = registered(db, &own).await;
    db.store
        .write(move |tx| {
            async move {
                let mut given = grant(&own, account);
                given.application = one.application;
                tx.create_grant(&given).await?;
                let at = (own.id, one.flow);
                assert_eq!(tx.client_registration(at, one.application, &one.token).await?, Some(one.clone()));
                assert_eq!(tx.client_registration(at, one.application, &hash()).await?, None);
                assert_eq!(tx.client_registration((own.id, id()), one.application, &one.token).await?, None);
                assert_eq!(tx.client_registration((id(), one.flow), one.application, &one.token).await?, None);
                tx.delete_registered_application(&one, LATER).await?;
                assert_eq!(tx.application_by_id(own.id, one.application).await?, None);
                assert!(!tx.is_linked(one.application, one.flow).await?);
                assert_eq!(tx.client_registration(at, one.application, &one.token).await?, None);
                assert_eq!(tx.grant_by_id(given.id).await?.and_then(|grant| grant.revoked_at), Some(LATER));
                assert_eq!(tx.registration_switch(own.id).await?.registered, 0);
                conflict(tx.delete_registered_application(&one, LATER).await);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn rfc7592_what_an_operator_changed_is_theirs(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut one = registered(db, &own).await;
    let (application, refused) = (one.application, one.clone());
    let changed = db.store.write(move |tx| async move { tx.advance_application(own.id, application, 1).await }.boxed());
    changed.await.unwrap();
    let deleted =
        db.store.write(move |tx| async move { tx.delete_registered_application(&refused, LATER).await }.boxed());
    conflict(deleted.await);
    let updated = db
        .store
        .write(move |tx| {
            async move {
                assert_eq!(tx.registration_switch(own.id).await?.registered, 1, "given up as a whole");
                assert!(tx.application_by_id(own.id, one.application).await?.is_some());
                (one.version, one.method) = (2, "client_secret_post".into());
                let stranger = ClientRegistration { token: hash(), ..one.clone() };
                conflict(tx.update_client_registration(&stranger).await);
                tx.update_client_registration(&one).await?;
                assert_eq!(tx.client_registration((own.id, one.flow), one.application, &stranger.token).await?, None);
                let found = tx.client_registration((own.id, one.flow), one.application, &one.token).await?;
                assert_eq!(found, Some(one.clone()));
                // Revoked by an operator (RFC 7592): once, and at its own tenant alone.
                assert!(!tx.manages_itself(id(), one.application).await?);
                conflict(tx.revoke_client_registration(id(), one.application).await);
                assert!(tx.manages_itself(own.id, one.application).await?);
                tx.revoke_client_registration(own.id, one.application).await?;
                assert!(!tx.manages_itself(own.id, one.application).await?);
                conflict(tx.revoke_client_registration(own.id, one.application).await);
                assert_eq!(tx.client_registration((own.id, one.flow), one.application, &one.token).await?, None);
                // Who read it before that holds nothing, and deletes nothing.
                conflict(tx.hold_client_registration(&one).await);
                Ok::<_, StorageError>(one)
            }
            .boxed()
        })
        .await
        .unwrap();
    let deleted =
        db.store.write(move |tx| async move { tx.delete_registered_application(&updated, LATER).await }.boxed());
    conflict(deleted.await);
}

async fn rfc7592_what_an_operator_took_over_neither_changes_nor_deletes_itself(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let one = registered(db, &own).await;
    let (before, read) = (one.clone(), one.clone());
    db.store
        .write(move |tx| {
            async move {
                tx.hold_client_registration(&one).await?;
                // Not from another tenant, and not one that nobody registered.
                tx.take_over_registration(other.id, one.application).await?;
                tx.take_over_registration(own.id, id()).await?;
                tx.hold_client_registration(&one).await?;
                tx.take_over_registration(own.id, one.application).await?;
                conflict(tx.hold_client_registration(&one).await);
                let at = (own.id, one.flow);
                let now = tx.client_registration(at, one.application, &one.token).await?.expect("it may still look");
                conflict(tx.advance_application(own.id, one.application, now.version).await);
                assert!(tx.manages_itself(own.id, one.application).await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
    // As it was read before, and as it stands now.
    for stale in [before, ClientRegistration { version: 0, ..read }] {
        let deleted =
            db.store.write(move |tx| async move { tx.delete_registered_application(&stale, LATER).await }.boxed());
        conflict(deleted.await);
    }
}
