//! Links "This wasn't me".

use futures::FutureExt as _;
use lanyard_domain::{clock::DAY, email::EmailAddress};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    d7_concurrent_uses_of_a_repudiation_one_winner,
    u24_a_repudiation_is_of_its_tenant_and_ends,
    a5_a_password_that_was_taken_away_opens_nothing_and_is_set_by_the_next_version,
);

async fn d7_concurrent_uses_of_a_repudiation_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (token, tenant, store) = (hash(), own.id, &db.store);
    let end = NOW.plus(DAY);
    store
        .write(move |tx| async move { tx.create_repudiation(tenant, account, &token, end).await }.boxed())
        .await
        .unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| async move { tx.use_repudiation(tenant, &token, LATER).await.map(drop) }.boxed())
                .await
        }
    });
    assert_eq!(won.await, 1);
}

async fn u24_a_repudiation_is_of_its_tenant_and_ends(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (token, end) = (hash(), NOW.plus(DAY));
                tx.create_repudiation(own.id, account, &token, end).await?;
                assert_eq!(tx.repudiation(other.id, &token, NOW).await?, None);
                assert_eq!(tx.repudiation(own.id, &hash(), NOW).await?, None);
                assert_eq!(tx.repudiation(own.id, &token, end).await?, None);
                assert!(matches!(tx.use_repudiation(other.id, &token, NOW).await, Err(StorageError::Conflict)));
                assert!(matches!(tx.use_repudiation(own.id, &token, end).await, Err(StorageError::Conflict)));
                assert_eq!(tx.repudiation(own.id, &token, NOW).await?, Some(account));
                assert_eq!(tx.use_repudiation(own.id, &token, NOW).await?, (account, end));
                assert_eq!(tx.repudiation(own.id, &token, NOW).await?, None);
                assert_eq!(tx.delete_old_repudiations(end, 5).await?, 0);
                assert_eq!(tx.delete_old_repudiations(end.plus(1), 5).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a5_a_password_that_was_taken_away_opens_nothing_and_is_set_by_the_next_version(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let address = EmailAddress::parse("a@example.com").unwrap();
                let before = tx.account_facts(own.id, account).await?.unwrap().password_version;
                tx.clear_password(account).await?;
                assert!(tx.account_by_email(own.id, &address).await?.unwrap().1.is_none());
                // What was about to replace the old password comes too late.
                assert!(matches!(tx.set_password(account, before, "x").await, Err(StorageError::Conflict)));
                let now = tx.account_facts(own.id, account).await?.unwrap().password_version;
                tx.set_password(account, now, "y").await?;
                assert_eq!(tx.account_by_email(own.id, &address).await?.unwrap().1.unwrap().phc, "y");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
