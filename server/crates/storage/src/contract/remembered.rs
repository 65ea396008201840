//! Remembered browsers.

use futures::FutureExt as _;
use lanyard_domain::{
    account::Account,
    clock::{DAY, MINUTE},
    id::Id,
    remembered::RememberedBrowser,
    tenant::Tenant,
};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    d7_concurrent_uses_of_a_remembered_browser_one_winner,
    n22_a_secret_is_used_once_and_in_its_time,
    n22_the_longest_unused_browser_makes_room,
    a25_a_browser_is_found_and_forgotten_by_its_own_tenant_and_account_alone,
    n22_browsers_are_forgotten_together_and_with_their_account,
);

fn browser(tenant: &Tenant, account: Id<Account>) -> RememberedBrowser {
    RememberedBrowser {
        id: id(),
        tenant: tenant.id,
        account,
        series: hash(),
        token: hash(),
        label: "Firefox on Linux".into(),
        network: "203.0.113.7".into(),
        created_at: NOW,
        last_used_at: None,
        expires_at: NOW.plus(30 * DAY),
    }
}

async fn d7_concurrent_uses_of_a_remembered_browser_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (made, store) = (browser(&own, account), &db.store);
    let (id, used) = (made.id, made.token);
    store.write(move |tx| async move { tx.remember_browser(&made).await }.boxed()).await.unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move {
            let next = hash();
            store.write(move |tx| async move { tx.renew_remembered(id, &used, &next, "", NOW).await }.boxed()).await
        }
    });
    assert_eq!(won.await, 1);
}

async fn n22_a_secret_is_used_once_and_in_its_time(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (made, next) = (browser(&own, account), hash());
                tx.remember_browser(&made).await?;
                assert_eq!(tx.remembered_by_series(own.id, &made.series).await?.as_ref(), Some(&made));
                let wrong = tx.renew_remembered(made.id, &hash(), &next, "", NOW).await;
                assert!(matches!(wrong, Err(StorageError::Conflict)));
                let late = tx.renew_remembered(made.id, &made.token, &next, "", made.expires_at).await;
                assert!(matches!(late, Err(StorageError::Conflict)));
                let at = NOW.plus(MINUTE);
                tx.renew_remembered(made.id, &made.token, &next, "198.51.100.1", at).await?;
                let again = tx.renew_remembered(made.id, &made.token, &hash(), "", at).await;
                assert!(matches!(again, Err(StorageError::Conflict)));
                let used = RememberedBrowser {
                    token: next,
                    last_used_at: Some(at),
                    network: "198.51.100.1".into(),
                    ..made.clone()
                };
                assert_eq!(tx.remembered_by_id(own.id, made.id).await?, Some(used), "its end and its name stand");
                assert_eq!(tx.remembered_of_account(account, made.expires_at).await?, []);
                assert_eq!(tx.delete_expired_remembered(made.expires_at, 5).await?, 0);
                assert_eq!(tx.delete_expired_remembered(made.expires_at.plus(1), 5).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_the_longest_unused_browser_makes_room(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let mut made = Vec::new();
                for at in 0..4 {
                    let one = RememberedBrowser { created_at: NOW.plus(at), ..browser(&own, account) };
                    tx.remember_browser(&one).await?;
                    made.push(one);
                }
                tx.remember_browser(&browser(&own, other)).await?;
                tx.renew_remembered(made[0].id, &made[0].token, &hash(), "", NOW.plus(MINUTE)).await?;
                tx.trim_remembered(account, 2).await?;
                let left = tx.remembered_of_account(account, NOW).await?;
                assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [made[0].id, made[3].id]);
                assert_eq!(tx.remembered_of_account(other, NOW).await?.len(), 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a25_a_browser_is_found_and_forgotten_by_its_own_tenant_and_account_alone(db: &Db) {
    let (own, elsewhere) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let made = browser(&own, account);
                tx.remember_browser(&made).await?;
                assert_eq!(tx.remembered_by_series(elsewhere.id, &made.series).await?, None);
                assert_eq!(tx.remembered_by_id(elsewhere.id, made.id).await?, None);
                assert_eq!(tx.remembered_by_series(own.id, &made.token).await?, None);
                assert!(!tx.forget_remembered(other, made.id).await?);
                assert!(tx.forget_remembered(account, made.id).await?);
                assert!(!tx.forget_remembered(account, made.id).await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_browsers_are_forgotten_together_and_with_their_account(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let (one, two, theirs) = (browser(&own, account), browser(&own, account), browser(&own, other));
                for made in [&one, &two, &theirs] {
                    tx.remember_browser(made).await?;
                }
                tx.forget_series(&one.series).await?;
                assert_eq!(tx.forget_all_remembered(account).await?, 1);
                assert_eq!(tx.remembered_of_account(other, NOW).await?, [theirs]);
                tx.plan_deletion(other, NOW).await?;
                tx.delete_account(other, NOW).await?;
                assert_eq!(tx.remembered_of_account(other, NOW).await?, []);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
