//! Recovery codes: one set, beside other factors, each code once.

use futures::FutureExt as _;
use lanyard_domain::{
    account::Account,
    clock::HOUR,
    delays::GUESSES,
    entropy::SeededEntropy,
    factor::{FactorSecret, MAX_CONSECUTIVE, NewFactor},
    id::Id,
    recovery::{CODES, Found, RecoveryCodes},
    tenant::Tenant,
};

use super::{contract, support::*};
use crate::{PATIENTS_WITH_MFA, StorageError};

contract!(
    n15_a_recovery_code_is_used_once,
    d7_n15_concurrent_uses_of_one_recovery_code_one_winner,
    n9_a_locked_or_disabled_set_opens_nothing,
    n15_a_new_set_takes_the_place_of_the_old_one_at_once,
    d7_concurrent_new_sets_one_winner,
    u20_recovery_codes_never_stand_alone,
    a5_codes_of_which_one_was_used_since_are_disabled,
    u20_codes_are_offered_from_the_moment_that_is_noted,
    u20_who_had_a_factor_before_there_was_an_offer_is_asked,
);

fn recovery_set(seed: u64) -> NewFactor {
    let (codes, _) = RecoveryCodes::generate(&mut SeededEntropy::new(seed));
    let secret = FactorSecret::RecoveryCodes(codes);
    NewFactor { id: id(), secret, name: "Recovery codes".into(), first_step: None }
}

fn conflict(result: &Result<(), StorageError>) -> bool {
    matches!(result, Err(StorageError::Conflict))
}

// An account that has a phone, and its tenant.
async fn with_phone(db: &Db) -> (Id<Tenant>, Id<Account>) {
    let own = stored_tenant(db, "a.example").await;
    let mut new = patient("a@example.com", "A", "A");
    new.factors = vec![phone_factor()];
    (own.id, stored_account(db, &own, new).await)
}

async fn n15_a_recovery_code_is_used_once(db: &Db) {
    let (tenant, account) = with_phone(db).await;
    db.store
        .write(move |tx| {
            async move {
                let set = recovery_set(1);
                tx.replace_recovery_codes(account, &set, None, NOW).await?;
                let (_, codes) = RecoveryCodes::generate(&mut SeededEntropy::new(1));
                for at in 0..CODES {
                    let at = u32::try_from(at).unwrap();
                    tx.use_recovery_code(set.id, at, LATER).await?;
                    assert!(conflict(&tx.use_recovery_code(set.id, at, LATER).await), "{at}");
                    let facts = tx.account_facts(tenant, account).await?.expect("the account");
                    let stored = facts.factors.iter().find(|f| f.id == set.id).expect("the set");
                    let found = stored.secret.recovery().expect("codes");
                    assert_eq!((found.left(), stored.last_used_at), (9 - at, Some(LATER)));
                    assert_eq!(found.find(&codes[at as usize]), Found::Used);
                }
                for beyond in [32, 63, 64, u32::MAX] {
                    assert!(conflict(&tx.use_recovery_code(set.id, beyond, LATER).await), "{beyond}");
                }
                // No other factor has codes, and a set is not used like another factor's step.
                let phone = tx.factors_of_account(account).await?.remove(0).id;
                assert!(conflict(&tx.use_recovery_code(phone, 0, LATER).await));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_n15_concurrent_uses_of_one_recovery_code_one_winner(db: &Db) {
    let (_, account) = with_phone(db).await;
    let set = recovery_set(2);
    let (factor, store) = (set.id, &db.store);
    store
        .write(move |tx| async move { tx.replace_recovery_codes(account, &set, None, NOW).await }.boxed())
        .await
        .unwrap();
    for code in 0..5 {
        let won = winners(100, |_| {
            let store = store.clone();
            async move {
                store.write(move |tx| async move { tx.use_recovery_code(factor, code, LATER).await }.boxed()).await
            }
        });
        assert_eq!(won.await, 1, "round {code}");
    }
    // Different codes do not get in each other's way.
    let won = winners(5, |n| {
        let (store, code) = (store.clone(), 5 + u32::try_from(n).unwrap());
        async move { store.write(move |tx| async move { tx.use_recovery_code(factor, code, LATER).await }.boxed()).await }
    });
    assert_eq!(won.await, 5);
    let left = db.store.read(move |tx| async move { tx.factors_of_account(account).await }.boxed()).await.unwrap();
    assert_eq!(left.iter().find_map(|factor| factor.secret.recovery()).map(RecoveryCodes::left), Some(0));
}

async fn n9_a_locked_or_disabled_set_opens_nothing(db: &Db) {
    let (_, account) = with_phone(db).await;
    db.store
        .write(move |tx| {
            async move {
                let set = recovery_set(3);
                tx.replace_recovery_codes(account, &set, None, NOW).await?;
                for _ in 0..=GUESSES.free {
                    tx.factor_failed(set.id, NOW).await?;
                }
                assert!(conflict(&tx.use_recovery_code(set.id, 0, NOW.plus(GUESSES.first - 1)).await));
                tx.use_recovery_code(set.id, 0, NOW.plus(GUESSES.first)).await?;
                for _ in 0..MAX_CONSECUTIVE {
                    tx.factor_failed(set.id, NOW).await?;
                }
                assert!(conflict(&tx.use_recovery_code(set.id, 1, NOW.plus(1000 * GUESSES.longest)).await));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n15_a_new_set_takes_the_place_of_the_old_one_at_once(db: &Db) {
    let (_, account) = with_phone(db).await;
    let (first, second) = (recovery_set(4), recovery_set(5));
    let (old, id_of_second) = (first.id, second.id);
    db.store
        .write(move |tx| {
            async move {
                tx.replace_recovery_codes(account, &first, None, NOW).await?;
                tx.replace_recovery_codes(account, &second, Some(first.id), LATER).await?;
                assert!(conflict(&tx.use_recovery_code(first.id, 0, LATER).await), "f8: the old set is dead");
                tx.use_recovery_code(second.id, 0, LATER).await
            }
            .boxed()
        })
        .await
        .unwrap();
    // A page that was drawn before: neither the set that it knew, nor none, is there.
    for stale in [None, Some(old)] {
        let late = recovery_set(6);
        let write = db
            .store
            .write(move |tx| async move { tx.replace_recovery_codes(account, &late, stale, LATER).await }.boxed());
        assert!(conflict(&write.await));
    }
    let stored = db.store.read(move |tx| async move { tx.factors_of_account(account).await }.boxed()).await.unwrap();
    assert_eq!(
        stored.iter().filter(|f| f.secret.recovery().is_some()).map(|f| f.id).collect::<Vec<_>>(),
        [id_of_second]
    );
}

async fn d7_concurrent_new_sets_one_winner(db: &Db) {
    let (_, account) = with_phone(db).await;
    let store = &db.store;
    let won = winners(50, |n| {
        let (store, set) = (store.clone(), recovery_set(100 + n as u64));
        async move {
            let made =
                store.write(move |tx| async move { tx.replace_recovery_codes(account, &set, None, NOW).await }.boxed());
            made.await
        }
    });
    assert_eq!(won.await, 1);
}

async fn u20_recovery_codes_never_stand_alone(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let lonely = recovery_set(7);
    let write =
        db.store.write(move |tx| async move { tx.replace_recovery_codes(account, &lonely, None, NOW).await }.boxed());
    assert!(conflict(&write.await), "no other factor");
    db.store
        .write(move |tx| {
            async move {
                let bound = tx.bind_factor(account, &recovery_set(8), NOW).await;
                assert!(matches!(bound, Err(StorageError::Inconsistent(_))), "{bound:?}");
                let phone = phone_factor();
                tx.bind_factor(account, &phone, NOW).await?;
                let set = recovery_set(9);
                tx.replace_recovery_codes(account, &set, None, NOW).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 1);
                assert!(conflict(&tx.remove_factor(account, phone.id, 1).await), "codes do not count as what is left");
                tx.remove_factor(account, set.id, 1).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 1);
                tx.replace_recovery_codes(account, &recovery_set(10), None, NOW).await?;
                // Where the last one goes all the same, the codes go with it.
                tx.remove_factor(account, phone.id, 0).await?;
                assert!(tx.factors_of_account(account).await?.is_empty());
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 0);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a5_codes_of_which_one_was_used_since_are_disabled(db: &Db) {
    let (_, account) = with_phone(db).await;
    db.store
        .write(move |tx| {
            async move {
                let (set, day) = (recovery_set(11), NOW.plus(24 * HOUR));
                tx.replace_recovery_codes(account, &set, None, NOW).await?;
                assert!(!tx.disable_used_recovery_codes(account, day).await?, "untouched since");
                tx.use_recovery_code(set.id, 0, day).await?;
                assert!(tx.disable_used_recovery_codes(account, day).await?);
                assert!(conflict(&tx.use_recovery_code(set.id, 1, day).await));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn u20_codes_are_offered_from_the_moment_that_is_noted(db: &Db) {
    let (tenant, account) = with_phone(db).await;
    let nobody: Id<Account> = id();
    db.store
        .write(move |tx| {
            async move {
                let from = tx.account_facts(tenant, account).await?.expect("the account").recovery_offer_from;
                assert_eq!(from, None);
                for at in [NOW, LATER] {
                    tx.offer_recovery_codes_from(account, at).await?;
                    let facts = tx.account_facts(tenant, account).await?.expect("the account");
                    assert_eq!(facts.recovery_offer_from, Some(at));
                }
                assert!(conflict(&tx.offer_recovery_codes_from(nobody, NOW).await), "nobody to ask");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// The migration's own statement, once more: it names accounts with a factor and without a set.
async fn u20_who_had_a_factor_before_there_was_an_offer_is_asked(db: &Db) {
    let (tenant, account) = with_phone(db).await;
    let own = stored_tenant(db, "b.example").await;
    let bare = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    let mut new = patient("c@example.com", "C", "C");
    new.factors = vec![phone_factor()];
    let with_codes = stored_account(db, &own, new).await;
    let set = db.store.write(move |tx| {
        async move { tx.replace_recovery_codes(with_codes, &recovery_set(12), None, NOW).await }.boxed()
    });
    set.await.unwrap();
    let migration = if db.store.is_postgres() {
        include_str!("../../migrations/postgres/0040_recovery_offer.sql")
    } else {
        include_str!("../../migrations/sqlite/0040_recovery_offer.sql")
    };
    let update = migration.find("UPDATE").expect("a statement");
    db.raw(migration[update..].trim().trim_end_matches(';')).await.unwrap();
    for (tenant, account, expected) in [(tenant, account, Some(0)), (own.id, bare, None), (own.id, with_codes, None)] {
        let facts = db.store.read(move |tx| async move { tx.account_facts(tenant, account).await }.boxed()).await;
        let facts = facts.unwrap_or_else(|error: StorageError| panic!("{error}")).expect("the account");
        assert_eq!(facts.recovery_offer_from.map(|at| at.0), expected);
    }
}
