//! Links "This wasn't me".

use futures::FutureExt as _;
use lanyard_domain::{
    clock::{DAY, MINUTE},
    email::EmailAddress,
};

use super::{contract, support::*};
use crate::{Repudiation, StorageError};

contract!(
    d7_concurrent_uses_of_a_repudiation_one_winner,
    u24_a_repudiation_is_of_its_tenant_and_ends,
    u24_a_link_takes_those_to_its_address_and_later_ones_with_it_and_no_earlier_one_elsewhere,
    a5_a_password_that_was_taken_away_opens_nothing_and_is_set_by_the_next_version,
);

async fn d7_concurrent_uses_of_a_repudiation_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (token, tenant, store) = (hash(), own.id, &db.store);
    let end = NOW.plus(DAY);
    store
        .write(move |tx| {
            async move { tx.create_repudiation(tenant, (account, &email("a@example.com")), &token, end).await }.boxed()
        })
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
                let to = email("a@example.com");
                let link = Repudiation { account, address: Some(to.clone()), ends_at: end };
                tx.create_repudiation(own.id, (account, &to), &token, end).await?;
                assert_eq!(tx.repudiation(other.id, &token, NOW).await?, None);
                assert_eq!(tx.repudiation(own.id, &hash(), NOW).await?, None);
                assert_eq!(tx.repudiation(own.id, &token, end).await?, None);
                assert!(matches!(tx.use_repudiation(other.id, &token, NOW).await, Err(StorageError::Conflict)));
                assert!(matches!(tx.use_repudiation(own.id, &token, end).await, Err(StorageError::Conflict)));
                assert_eq!(tx.repudiation(own.id, &token, NOW).await?, Some(link.clone()));
                assert_eq!(tx.use_repudiation(own.id, &token, NOW).await?, link);
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

async fn u24_a_link_takes_those_to_its_address_and_later_ones_with_it_and_no_earlier_one_elsewhere(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let neighbour = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let (old, new) = (email("a@example.com"), email("stranger@example.com"));
                // The owner's mail, then the stranger has taken the account over and gets two.
                let [first, second, third, others] = [hash(), hash(), hash(), hash()];
                let end = |n: i64| NOW.plus(DAY + n * MINUTE);
                tx.create_repudiation(own.id, (account, &old), &first, end(1)).await?;
                tx.create_repudiation(own.id, (account, &new), &second, end(2)).await?;
                tx.create_repudiation(own.id, (account, &new), &third, end(3)).await?;
                tx.create_repudiation(own.id, (neighbour, &new), &others, end(3)).await?;
                let used = tx.use_repudiation(own.id, &third, NOW).await?;
                assert_eq!(tx.use_siblings(&used, NOW).await?, 1);
                assert!(tx.repudiation(own.id, &second, NOW).await?.is_none());
                assert!(tx.repudiation(own.id, &others, NOW).await?.is_some());
                // The owner's still works, and takes with it what came later.
                tx.create_repudiation(own.id, (account, &new), &hash(), end(4)).await?;
                let used = tx.use_repudiation(own.id, &first, NOW).await?;
                assert_eq!(tx.use_siblings(&used, NOW).await?, 1);
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
