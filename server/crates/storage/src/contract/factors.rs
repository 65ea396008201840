//! Factors: replay, lock, counts.

use futures::FutureExt as _;
use lanyard_domain::{
    clock::DAY, delays::GUESSES, factor::MAX_CONSECUTIVE, id::Id, tenant::Tenant, user_flow::FactorKinds,
};

use super::{contract, support::*};
use crate::{PATIENTS_WITH_MFA, StorageError};

contract!(
    n13_a_time_step_is_taken_once,
    n13_concurrent_codes_of_one_step_one_winner,
    f9_failures_are_counted_and_lock_the_factor,
    n9_a_hundred_failures_disable_the_factor_for_good,
    n11_success_clears_the_failures_of_that_factor_only,
    d7_concurrent_removals_leave_the_last_factor,
    a_factor_is_removed_by_its_own_account_only,
    mfa_counts_follow_binding_and_removal,
);

async fn n13_a_time_step_is_taken_once(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let app = app_factor(100);
                tx.bind_factor(account, &app, NOW).await?;
                for step in [99, 100] {
                    assert!(matches!(tx.factor_used(app.id, Some(step), LATER).await, Err(StorageError::Conflict)));
                }
                tx.factor_used(app.id, Some(101), LATER).await?;
                assert!(matches!(tx.factor_used(app.id, Some(101), LATER).await, Err(StorageError::Conflict)));
                let stored = tx.factors_of_account(account).await?.remove(0);
                assert_eq!((stored.last_step, stored.last_used_at), (Some(101), Some(LATER)));
                // A phone has no steps.
                let phone = phone_factor();
                tx.bind_factor(account, &phone, NOW).await?;
                tx.factor_used(phone.id, None, LATER).await?;
                tx.factor_used(phone.id, None, LATER).await
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n13_concurrent_codes_of_one_step_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let app = app_factor(100);
    let (factor, store) = (app.id, &db.store);
    store.write(move |tx| async move { tx.bind_factor(account, &app, NOW).await }.boxed()).await.unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.factor_used(factor, Some(101), LATER).await }.boxed()).await }
    });
    assert_eq!(won.await, 1);
}

async fn f9_failures_are_counted_and_lock_the_factor(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let phone = phone_factor();
    let (factor, store) = (phone.id, &db.store);
    store.write(move |tx| async move { tx.bind_factor(account, &phone, NOW).await }.boxed()).await.unwrap();
    // All at once: not one may be lost.
    let counted = winners(GUESSES.free as usize, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.factor_failed(factor, NOW).await }.boxed()).await }
    });
    assert_eq!(counted.await, GUESSES.free as usize);
    db.store
        .write(move |tx| {
            async move {
                let before = tx.factors_of_account(account).await?.remove(0);
                assert_eq!((before.failures, before.locked_until), (GUESSES.free, None));
                tx.factor_failed(factor, NOW).await?;
                let locked = tx.factors_of_account(account).await?.remove(0);
                assert_eq!(locked.lock(NOW), Some(NOW.plus(GUESSES.first)));
                // Even the right code does not count while it is locked.
                assert!(matches!(
                    tx.factor_used(factor, None, NOW.plus(GUESSES.first - 1)).await,
                    Err(StorageError::Conflict)
                ));
                // Each further one doubles the wait (N9).
                tx.factor_failed(factor, NOW.plus(GUESSES.first)).await?;
                let locked = tx.factors_of_account(account).await?.remove(0);
                let until = NOW.plus(3 * GUESSES.first);
                assert_eq!(locked.lock(NOW), Some(until));
                tx.factor_used(factor, None, until).await?;
                let open = tx.factors_of_account(account).await?.remove(0);
                assert_eq!((open.failures, open.locked_until), (0, None));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n9_a_hundred_failures_disable_the_factor_for_good(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let phone = phone_factor();
                tx.bind_factor(account, &phone, NOW).await?;
                for _ in 0..MAX_CONSECUTIVE {
                    tx.factor_failed(phone.id, NOW).await?;
                }
                let years = NOW.plus(1000 * DAY);
                assert!(tx.factors_of_account(account).await?.remove(0).is_disabled());
                assert!(matches!(tx.factor_used(phone.id, None, years).await, Err(StorageError::Conflict)));
                // U20: beside it the one that still opens something is the last one, and stays.
                let app = app_factor(100);
                tx.bind_factor(account, &app, NOW).await?;
                assert!(matches!(tx.remove_factor(account, app.id, 1).await, Err(StorageError::Conflict)));
                tx.remove_factor(account, phone.id, 1).await?;
                // N9: one of the account's own, bound since then, once.
                assert!(!tx.disable_factor(account, app.id, NOW.plus(1)).await?);
                assert!(!tx.disable_factor(id(), app.id, NOW).await?);
                assert!(!tx.factors_of_account(account).await?.remove(0).is_disabled());
                assert!(tx.disable_factor(account, app.id, NOW).await?);
                assert!(tx.factors_of_account(account).await?.remove(0).is_disabled());
                assert!(!tx.disable_factor(account, app.id, NOW).await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n11_success_clears_the_failures_of_that_factor_only(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut new = patient("a@example.com", "A", "A");
    let (phone, app) = (phone_factor(), app_factor(1));
    let (phone_id, app_id) = (phone.id, app.id);
    new.factors = vec![phone, app];
    let account = stored_account(db, &own, new).await;
    db.store
        .write(move |tx| {
            async move {
                tx.factor_failed(phone_id, NOW).await?;
                tx.factor_failed(app_id, NOW).await?;
                tx.factor_used(app_id, Some(2), NOW).await?;
                let factors = tx.factors_of_account(account).await?;
                let failures = |id| factors.iter().find(|f| f.id == id).map(|f| f.failures);
                assert_eq!((failures(phone_id), failures(app_id)), (Some(1), Some(0)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_concurrent_removals_leave_the_last_factor(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut new = patient("a@example.com", "A", "A");
    new.factors = (0..10).map(app_factor).collect();
    let ids: Vec<_> = new.factors.iter().map(|factor| factor.id).collect();
    let account = stored_account(db, &own, new).await;
    let store = &db.store;
    let won = winners(10, |n| {
        let (store, factor) = (store.clone(), ids[n]);
        async move { store.write(move |tx| async move { tx.remove_factor(account, factor, 1).await }.boxed()).await }
    });
    assert_eq!(won.await, 9);
    let left = db.store.read(move |tx| async move { tx.factors_of_account(account).await }.boxed()).await.unwrap();
    assert_eq!(left.len(), 1);
}

async fn a_factor_is_removed_by_its_own_account_only(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut new = patient("a@example.com", "A", "A");
    let phone = phone_factor();
    let factor = phone.id;
    new.factors = vec![phone];
    let account = stored_account(db, &own, new).await;
    let stranger = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                assert!(matches!(tx.remove_factor(stranger, factor, 0).await, Err(StorageError::Conflict)));
                assert!(matches!(tx.remove_factor(account, factor, 1).await, Err(StorageError::Conflict)));
                tx.remove_factor(account, factor, 0).await?;
                assert!(matches!(tx.remove_factor(account, factor, 0).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// The kinds of factor that somebody has.
async fn kinds(tx: &mut (dyn crate::WriteTx + '_), tenant: Id<Tenant>) -> crate::Result<Vec<(FactorKinds, u64)>> {
    let mut found = tx.patients_by_factors(tenant).await?;
    found.retain(|(_, number)| *number > 0);
    Ok(found)
}

async fn mfa_counts_follow_binding_and_removal(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (one, two) = (phone_factor(), app_factor(1));
                let having = |bits| vec![(FactorKinds::from_bits(bits), 1)];
                tx.bind_factor(account, &one, NOW).await?;
                assert_eq!(kinds(tx, own.id).await?, having(1));
                tx.bind_factor(account, &two, NOW).await?;
                assert_eq!(kinds(tx, own.id).await?, having(3));
                tx.bind_factor(account, &app_factor(2), NOW).await?;
                assert_eq!(kinds(tx, own.id).await?, having(3), "a second app is no further kind");
                let second =
                    tx.factors_of_account(account).await?.into_iter().find(|it| ![one.id, two.id].contains(&it.id));
                tx.remove_factor(account, second.unwrap().id, 0).await?;
                assert_eq!(kinds(tx, own.id).await?, having(3));
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 1);
                tx.remove_factor(account, one.id, 0).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 1);
                assert_eq!(kinds(tx, own.id).await?, having(2));
                tx.remove_factor(account, two.id, 0).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 0);
                assert_eq!(kinds(tx, own.id).await?, []);
                assert!(matches!(tx.bind_factor(id(), &phone_factor(), NOW).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
