//! Links "This wasn't me".

use futures::FutureExt as _;
use lanyard_domain::{
    account::Account,
    assurance::Assurance,
    clock::{DAY, MINUTE, Timestamp},
    email::EmailAddress,
    id::Id,
};

use super::{contract, support::*};
use crate::{Repudiation, StorageError};

fn link(account: Id<Account>, to: &str, ends_at: Timestamp) -> Repudiation {
    Repudiation { account, address: Some(email(to)), brings_back: false, minimum_before: None, ends_at }
}

contract!(
    d7_concurrent_uses_of_a_repudiation_one_winner,
    u24_a_repudiation_is_of_its_tenant_and_ends,
    u24_a_link_takes_those_to_its_address_and_later_ones_with_it_and_no_earlier_one_elsewhere,
    u24_what_brings_an_address_back_outlives_other_links_and_takes_those_of_its_moment,
    a5_what_was_asked_before_the_oldest_change_since_is_told_whether_its_link_was_used_or_not,
    a5_a_password_that_was_taken_away_opens_nothing_and_is_set_by_the_next_version,
);

async fn d7_concurrent_uses_of_a_repudiation_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (token, tenant, store) = (hash(), own.id, &db.store);
    let end = NOW.plus(DAY);
    store
        .write(move |tx| {
            async move { tx.create_repudiation(tenant, &token, &link(account, "a@example.com", end)).await }.boxed()
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
                let link = Repudiation { brings_back: true, ..link(account, "a@example.com", end) };
                tx.create_repudiation(own.id, &token, &link).await?;
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
                let (old, new) = ("a@example.com", "stranger@example.com");
                // The owner's mail, then the stranger has taken the account over and gets two.
                let [first, second, third, others] = [hash(), hash(), hash(), hash()];
                let end = |n: i64| NOW.plus(DAY + n * MINUTE);
                tx.create_repudiation(own.id, &first, &link(account, old, end(1))).await?;
                tx.create_repudiation(own.id, &second, &link(account, new, end(2))).await?;
                tx.create_repudiation(own.id, &third, &link(account, new, end(3))).await?;
                tx.create_repudiation(own.id, &others, &link(neighbour, new, end(3))).await?;
                let used = tx.use_repudiation(own.id, &third, NOW).await?;
                assert_eq!(tx.use_siblings(&used, NOW).await?, 1);
                assert!(tx.repudiation(own.id, &second, NOW).await?.is_none());
                assert!(tx.repudiation(own.id, &others, NOW).await?.is_some());
                // The owner's still works, and takes with it what came later.
                tx.create_repudiation(own.id, &hash(), &link(account, new, end(4))).await?;
                let used = tx.use_repudiation(own.id, &first, NOW).await?;
                assert_eq!(tx.use_siblings(&used, NOW).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a5_what_was_asked_before_the_oldest_change_since_is_told_whether_its_link_was_used_or_not(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let neighbour = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let end = |n: i64| NOW.plus(DAY + n * MINUTE);
                let of = |account, n| link(account, "a@example.com", end(n));
                let changed = |account, n, before| Repudiation { minimum_before: Some(before), ..of(account, n) };
                tx.create_repudiation(own.id, &hash(), &of(account, 0)).await?;
                tx.create_repudiation(own.id, &hash(), &changed(neighbour, 0, Assurance::PhishingResistant)).await?;
                assert_eq!(tx.minimum_before(account, NOW).await?, None, "of nobody else, and by nothing else");
                let strict = hash();
                for (token, link) in [
                    (strict, changed(account, 1, Assurance::Aal2Strict)),
                    (hash(), changed(account, 3, Assurance::Aal1)),
                    (hash(), changed(account, 3, Assurance::Aal2Legacy)),
                ] {
                    tx.create_repudiation(own.id, &token, &link).await?;
                    assert_eq!(tx.minimum_before(account, end(1)).await?, Some(Assurance::Aal2Strict), "the oldest");
                }
                let used = tx.use_repudiation(own.id, &strict, NOW).await?;
                assert_eq!(used.minimum_before, Some(Assurance::Aal2Strict));
                assert_eq!(tx.minimum_before(account, NOW).await?, Some(Assurance::Aal2Strict), "used or not");
                let later = tx.minimum_before(account, end(1).plus(1)).await?;
                assert_eq!(later, Some(Assurance::Aal2Legacy), "of one moment the higher");
                assert_eq!(tx.minimum_before(account, end(3).plus(1)).await?, None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// The mails of one change of address: that to the old one brings it back, and its end may be the very same.
async fn u24_what_brings_an_address_back_outlives_other_links_and_takes_those_of_its_moment(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (old, new) = ("a@example.com", "stranger@example.com");
                let [before, back, same_moment, strangers] = [hash(), hash(), hash(), hash()];
                let end = |n: i64| NOW.plus(DAY + n * MINUTE);
                tx.create_repudiation(own.id, &before, &link(account, old, end(1))).await?;
                let brings_back = Repudiation { brings_back: true, ..link(account, old, end(2)) };
                tx.create_repudiation(own.id, &back, &brings_back).await?;
                tx.create_repudiation(own.id, &same_moment, &link(account, new, end(2))).await?;
                let on = Repudiation { brings_back: true, ..link(account, new, end(3)) };
                tx.create_repudiation(own.id, &strangers, &on).await?;
                let used = tx.use_repudiation(own.id, &before, NOW).await?;
                assert_eq!(tx.use_siblings(&used, NOW).await?, 1, "of those that bring nothing back");
                assert!(tx.repudiation(own.id, &same_moment, NOW).await?.is_none());
                tx.create_repudiation(own.id, &hash(), &link(account, new, end(2))).await?;
                let used = tx.use_repudiation(own.id, &back, NOW).await?;
                assert_eq!((used.clone(), tx.use_siblings(&used, NOW).await?), (brings_back, 2));
                assert!(tx.repudiation(own.id, &strangers, NOW).await?.is_none());
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
