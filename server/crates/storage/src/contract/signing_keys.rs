//! Signing keys: generations, who may add the next, what is deleted.

use futures::FutureExt as _;
use lanyard_domain::{
    application::SigningAlgorithm::{self, ES256, EdDSA, RS256},
    clock::{DAY, Timestamp},
    id::Id,
    secret::Sealed,
    tenant::Tenant,
};

use super::{contract, support::*};
use crate::{NewSigningKey, StorageError};

contract!(
    d12_keys_come_in_generations,
    d12_of_many_who_rotate_at_once_one_does,
    d12_a_key_goes_only_after_its_successor_signed_long_enough,
    d12_tenants_that_are_due_are_found,
);

fn key(id: &str, tenant: Id<Tenant>, alg: SigningAlgorithm, signs_from: Timestamp) -> NewSigningKey {
    NewSigningKey {
        id: id.into(),
        tenant,
        alg,
        signs_from,
        private_key: Sealed(vec![1, 2]),
        public_jwk: "{}".into(),
        created_at: NOW,
    }
}

async fn d12_keys_come_in_generations(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await.id, stored_tenant(db, "b.example").await.id);
    db.store
        .write(move |tx| {
            async move {
                assert!(tx.add_signing_key(&key("k1", own, RS256, NOW), NOW).await?);
                assert!(tx.add_signing_key(&key("e1", own, ES256, NOW), NOW).await?);
                assert!(tx.add_signing_key(&key("k2", own, RS256, LATER), NOW).await?);
                assert!(!tx.add_signing_key(&key("k3", own, RS256, LATER), NOW).await?, "one that waits is enough");
                let stored = tx.signing_keys(own).await?;
                let seen: Vec<_> = stored.iter().map(|key| (key.id.as_str(), key.generation, key.signs_from)).collect();
                assert_eq!(seen, [("k2", 2, LATER), ("e1", 1, NOW), ("k1", 1, NOW)]);
                assert!(tx.signing_keys(other).await?.is_empty());
                assert!(!tx.delete_signing_key(other, "k2").await?, "a25: of another tenant");
                assert!(!tx.withdraw_signing_key(other, "k2", NOW).await?);
                assert!(!tx.withdraw_signing_key(own, "k2", LATER).await?, "it signs");
                assert!(tx.withdraw_signing_key(own, "k2", NOW).await?);
                assert!(tx.add_signing_key(&key("k3", own, RS256, LATER), NOW).await?);
                assert!(!tx.advance_signing_key(own, ES256, NOW).await?);
                assert!(tx.advance_signing_key(own, RS256, NOW).await?);
                assert_eq!(tx.signing_keys(own).await?[0].signs_from, NOW);
                assert!(tx.delete_signing_key(own, "k1").await?);
                assert!(!tx.delete_signing_key(own, "k1").await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d12_of_many_who_rotate_at_once_one_does(db: &Db) {
    let own = stored_tenant(db, "a.example").await.id;
    for round in 0..5_i64 {
        let (now, store) = (NOW.plus(round * DAY), &db.store);
        let done = winners(20, |n| {
            let store = store.clone();
            async move {
                let new = key(&format!("k{round}-{n}"), own, RS256, now.plus(DAY - 1));
                let added = store.write(move |tx| async move { tx.add_signing_key(&new, now).await }.boxed()).await;
                if added? { Ok(()) } else { Err(StorageError::Conflict) }
            }
        });
        assert_eq!(done.await, 1);
    }
    let keys = db.store.read(move |tx| async move { tx.signing_keys(own).await }.boxed()).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.generation).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
}

async fn d12_a_key_goes_only_after_its_successor_signed_long_enough(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await.id, stored_tenant(db, "b.example").await.id);
    db.store
        .write(move |tx| {
            async move {
                for (id, tenant, alg, at) in [
                    ("k1", own, RS256, NOW.minus(DAY)),
                    ("k2", own, RS256, NOW),
                    ("k3", own, RS256, LATER),
                    ("e1", own, ES256, NOW.minus(DAY)),
                    ("o1", other, RS256, NOW.minus(DAY)),
                ] {
                    assert!(tx.add_signing_key(&key(id, tenant, alg, at), LATER).await?);
                }
                assert!(tx.delete_retired_signing_keys(NOW.minus(1), 9).await?.is_empty());
                assert_eq!(tx.delete_retired_signing_keys(NOW, 9).await?, [(own, "k1".to_owned())]);
                assert_eq!(tx.delete_retired_signing_keys(LATER, 9).await?, [(own, "k2".to_owned())]);
                assert!(tx.delete_retired_signing_keys(LATER.plus(900 * DAY), 9).await?.is_empty());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d12_tenants_that_are_due_are_found(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await.id, stored_tenant(db, "b.example").await.id);
    db.store
        .write(move |tx| {
            async move {
                assert!(tx.add_signing_key(&key("k1", own, RS256, NOW), NOW).await?);
                assert!(tx.add_signing_key(&key("k2", other, RS256, LATER), NOW).await?);
                assert_eq!(tx.tenants_to_rotate(RS256, NOW, 9).await?, [own]);
                assert!(tx.tenants_to_rotate(RS256, NOW.minus(1), 9).await?.is_empty());
                assert_eq!(tx.tenants_to_rotate(RS256, LATER, 9).await?.len(), 2);
                assert_eq!(tx.tenants_to_rotate(RS256, LATER, 1).await?.len(), 1);
                assert_eq!(tx.tenants_to_rotate(EdDSA, NOW, 9).await?.len(), 2, "those that have none");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
