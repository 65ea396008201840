//! Passkeys: one owner for a credential, counters, copies, ceremonies of sessions.

use futures::FutureExt as _;
use lanyard_domain::{
    factor::{FactorSecret, NewFactor},
    passkey::{Ceremony, Challenge, CredentialId, Passkey},
};

use super::{contract, support::*};
use crate::{Constraint, StorageError};

contract!(
    a_passkey_is_found_by_its_credential_in_its_tenant_alone,
    d7_concurrent_binding_of_one_credential_one_winner,
    f20_a_counter_goes_on_or_the_use_is_refused,
    f20_concurrent_answers_of_one_counter_one_winner,
    f20_a_copied_passkey_is_used_no_more,
    a_passkey_is_renamed_by_its_own_account_only,
    d7_a_session_ceremony_is_taken_once,
);

fn passkey_factor(credential: u8, first_step: Option<i64>) -> NewFactor {
    let secret = FactorSecret::Passkey(Passkey {
        credential: CredentialId(vec![credential; 16]),
        record: "{}".into(),
        synced: true,
        backed_up: true,
        copied_at: None,
    });
    NewFactor { id: id(), secret, name: "My laptop".into(), first_step }
}

async fn a_passkey_is_found_by_its_credential_in_its_tenant_alone(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let mut new = patient("a@example.com", "A", "A");
    new.factors = vec![passkey_factor(1, Some(5)), phone_factor()];
    let account = stored_account(db, &own, new).await;
    db.store
        .write(move |tx| {
            async move {
                let key = CredentialId(vec![1; 16]);
                let found = tx.factor_by_credential(own.id, &key).await?.expect("it is found");
                assert_eq!((found.account, found.last_step), (account, Some(5)));
                assert!(found.secret.passkey().is_some_and(|passkey| passkey.backed_up && passkey.synced));
                assert!(tx.factor_by_credential(other.id, &key).await?.is_none(), "another tenant");
                assert!(tx.factor_by_credential(own.id, &CredentialId(vec![2; 16])).await?.is_none());
                tx.set_backed_up(found.id, false).await?;
                let facts = tx.account_facts(own.id, account).await?.expect("the account");
                assert_eq!(facts.factors.len(), 2, "a factor without a credential is no conflict");
                assert!(facts.factors.iter().any(|f| f.secret.passkey().is_some_and(|passkey| !passkey.backed_up)));
                let phone = facts.factors.iter().find(|f| f.secret.passkey().is_none()).expect("the phone").id;
                assert!(matches!(tx.set_backed_up(phone, true).await, Err(StorageError::Conflict)));
                assert!(matches!(tx.set_copied(phone, LATER).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_concurrent_binding_of_one_credential_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut accounts = Vec::new();
    for n in 0..10 {
        accounts.push(stored_account(db, &own, patient(&format!("{n}@example.com"), "A", "A")).await);
    }
    let store = &db.store;
    let won = winners(10, |n| {
        let (store, account) = (store.clone(), accounts[n]);
        async move {
            let bind = store
                .write(move |tx| async move { tx.bind_factor(account, &passkey_factor(1, None), NOW).await }.boxed());
            let bound = bind.await;
            assert!(matches!(bound, Ok(()) | Err(StorageError::Unique(Constraint::Credential))), "{bound:?}");
            bound.map_err(|_| StorageError::Conflict)
        }
    });
    assert_eq!(won.await, 1);
}

async fn f20_a_counter_goes_on_or_the_use_is_refused(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (counts, counts_not) = (passkey_factor(1, Some(5)), passkey_factor(2, None));
                tx.bind_factor(account, &counts, NOW).await?;
                tx.bind_factor(account, &counts_not, NOW).await?;
                for back in [Some(4), Some(5), None] {
                    let used = tx.factor_used(counts.id, back, LATER).await;
                    assert!(matches!(used, Err(StorageError::Conflict)), "{back:?}");
                }
                tx.factor_used(counts.id, Some(6), LATER).await?;
                tx.factor_used(counts_not.id, None, LATER).await?;
                tx.factor_used(counts_not.id, None, LATER).await?;
                tx.factor_used(counts_not.id, Some(1), LATER).await?;
                assert!(matches!(tx.factor_used(counts_not.id, None, LATER).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn f20_concurrent_answers_of_one_counter_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut new = patient("a@example.com", "A", "A");
    let passkey = passkey_factor(1, Some(5));
    let factor = passkey.id;
    new.factors = vec![passkey];
    stored_account(db, &own, new).await;
    let store = &db.store;
    let won = winners(50, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.factor_used(factor, Some(6), LATER).await }.boxed()).await }
    });
    assert_eq!(won.await, 1);
}

async fn f20_a_copied_passkey_is_used_no_more(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let passkey = passkey_factor(1, Some(5));
                tx.bind_factor(account, &passkey, NOW).await?;
                tx.set_copied(passkey.id, NOW).await?;
                tx.set_copied(passkey.id, LATER).await?;
                let stored = tx.factors_of_account(account).await?.remove(0);
                assert_eq!(stored.secret.passkey().and_then(|passkey| passkey.copied_at), Some(NOW), "the first time");
                assert!(matches!(tx.factor_used(passkey.id, Some(9), LATER).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a_passkey_is_renamed_by_its_own_account_only(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let stranger = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let passkey = passkey_factor(1, None);
                tx.bind_factor(account, &passkey, NOW).await?;
                assert!(matches!(tx.rename_factor(stranger, passkey.id, "x").await, Err(StorageError::Conflict)));
                tx.rename_factor(account, passkey.id, "Work laptop").await?;
                assert_eq!(tx.factors_of_account(account).await?[0].name, "Work laptop");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_a_session_ceremony_is_taken_once(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let session = session(&own, account, hash());
    let id = session.id;
    let ceremony = Ceremony { challenge: Challenge([7; 32]), began_at: NOW };
    db.store
        .write(move |tx| {
            async move {
                tx.create_session(&session).await?;
                assert_eq!(tx.session_ceremony(id).await?, None);
                let earlier = Ceremony { challenge: Challenge([6; 32]), began_at: NOW };
                tx.set_session_ceremony(id, &earlier).await?;
                tx.set_session_ceremony(id, &ceremony).await?;
                assert_eq!(tx.session_ceremony(id).await?, Some(ceremony));
                let late = tx.take_session_ceremony(id, &earlier).await;
                assert!(matches!(late, Err(StorageError::Conflict)), "the one before");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
    let store = &db.store;
    let won = winners(50, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.take_session_ceremony(id, &ceremony).await }.boxed()).await }
    });
    assert_eq!(won.await, 1);
    db.store
        .write(move |tx| {
            async move {
                tx.end_session(id, LATER).await?;
                let ended = tx.set_session_ceremony(id, &ceremony).await;
                assert!(matches!(ended, Err(StorageError::Conflict)), "an ended session begins nothing");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
