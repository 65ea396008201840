//! Codes and refresh tokens.

use futures::FutureExt as _;
use lanyard_domain::{
    clock::{DAY, MINUTE},
    grant::{CLOCK_AHEAD, CODE_LIFE},
};

use super::{contract, support::*};
use crate::{GrantAtHand, StorageError};

contract!(
    a28_a_code_is_redeemed_once_and_within_its_life,
    f12_concurrent_code_one_winner,
    f38_a_code_is_not_found_from_another_tenant,
    f29_concurrent_refresh_one_winner,
    f29_concurrent_repeats_leave_one_live_token,
    f34_a_client_assertion_is_used_once,
    a29_a_revoked_family_refreshes_no_more,
    a29_a_token_is_exchanged_for_one_of_its_own_grant_only,
    a_redemption_finds_grant_account_and_version_in_one_statement,
    f28_every_grant_of_an_account_is_revoked,
    old_grants_go_when_no_refresh_token_lives,
);

async fn a28_a_code_is_redeemed_once_and_within_its_life(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let mut one = grant(&own, account);
                tx.create_grant(&one).await?;
                assert_eq!(tx.grant_by_code(own.id, &one.code).await?, Some(one.clone()));
                for at in [NOW.plus(CODE_LIFE), NOW.minus(CLOCK_AHEAD + 1)] {
                    assert!(matches!(tx.redeem_grant(one.id, at).await, Err(StorageError::Conflict)));
                }
                // Made by a process whose clock runs ahead of ours.
                tx.redeem_grant(one.id, NOW.minus(CLOCK_AHEAD)).await?;
                assert!(matches!(tx.redeem_grant(one.id, NOW).await, Err(StorageError::Conflict)));
                one.redeemed_at = Some(NOW.minus(CLOCK_AHEAD));
                assert_eq!(tx.grant_by_id(one.id).await?, Some(one));
                let revoked = grant(&own, account);
                tx.create_grant(&revoked).await?;
                assert!(tx.revoke_grant(revoked.id, NOW).await?);
                assert!(!tx.revoke_grant(revoked.id, NOW).await?);
                assert!(matches!(tx.redeem_grant(revoked.id, NOW).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn f12_concurrent_code_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let one = grant(&own, account);
    let (grant, store) = (one.id, &db.store);
    store.write(move |tx| async move { tx.create_grant(&one).await }.boxed()).await.unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.redeem_grant(grant, NOW).await }.boxed()).await }
    });
    assert_eq!(won.await, 1);
}

async fn f38_a_code_is_not_found_from_another_tenant(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let one = grant(&own, account);
    let found = db.store.write(move |tx| {
        async move {
            tx.create_grant(&one).await?;
            tx.grant_by_code(other.id, &one.code).await
        }
        .boxed()
    });
    assert_eq!(found.await.unwrap(), None);
}

async fn f29_concurrent_refresh_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let one = grant(&own, account);
    let token = refresh_token(&one);
    let (hash, family, store) = (token.hash, one.id, &db.store);
    let job = store.write(move |tx| {
        async move {
            tx.create_grant(&one).await?;
            tx.create_refresh_token(&token).await
        }
        .boxed()
    });
    job.await.unwrap();
    let won = winners(100, |_| {
        let store = store.clone();
        async move {
            let next = refresh_token_of(family);
            store.write(move |tx| async move { tx.exchange_refresh_token(&hash, &next, LATER).await }.boxed()).await
        }
    });
    assert_eq!(won.await, 1);
}

// Many repeat the token whose answer was lost: each replacement ends the one before it.
async fn f29_concurrent_repeats_leave_one_live_token(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let one = grant(&own, account);
    let (first, store) = (refresh_token(&one), &db.store);
    let (hash, start) = (first.hash, refresh_token(&one));
    let (family, lost) = (one.id, start.hash);
    let job = store.write(move |tx| {
        async move {
            tx.create_grant(&one).await?;
            tx.create_refresh_token(&first).await?;
            tx.exchange_refresh_token(&hash, &start, LATER).await
        }
        .boxed()
    });
    job.await.unwrap();
    let done = winners(50, |_| {
        let store = store.clone();
        async move {
            let job = store.write(move |tx| {
                async move {
                    let (now, at_hand) = tx.lock_refresh_token(&hash).await?.expect("the token");
                    assert_eq!(at_hand.grant.id, family);
                    let next = refresh_token(&at_hand.grant);
                    tx.replace_successor(&hash, &now.replaced_by.expect("one"), &next.hash, LATER).await?;
                    tx.create_refresh_token(&next).await
                }
                .boxed()
            });
            job.await
        }
    });
    assert_eq!(done.await, 50, "the lock orders them");
    let stale = store.write(move |tx| {
        async move {
            // The first successor is dead and is nobody's any more.
            let other = refresh_token_of(family);
            let refused = tx.exchange_refresh_token(&lost, &other, LATER).await;
            assert!(matches!(refused, Err(StorageError::Conflict)));
            let last = tx.refresh_token(&hash).await?.and_then(|token| token.replaced_by).expect("the last");
            assert!(matches!(
                tx.replace_successor(&hash, &lost, &self::hash(), LATER).await,
                Err(StorageError::Conflict)
            ));
            tx.exchange_refresh_token(&last, &other, LATER).await?;
            // A successor that was used can no longer be replaced.
            assert!(matches!(
                tx.replace_successor(&hash, &last, &self::hash(), LATER).await,
                Err(StorageError::Conflict)
            ));
            assert_eq!(tx.lock_refresh_token(&self::hash()).await?, None);
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    stale.await.unwrap();
}

async fn f34_a_client_assertion_is_used_once(db: &Db) {
    let (assertion, store) = (hash(), &db.store);
    let won = winners(50, |_| {
        let store = store.clone();
        async move { store.write(move |tx| async move { tx.use_client_assertion(&assertion, LATER).await }.boxed()).await }
    });
    assert_eq!(won.await, 1);
    db.store
        .write(move |tx| {
            async move {
                tx.use_client_assertion(&hash(), LATER.plus(1)).await?;
                assert_eq!(tx.delete_expired_client_assertions(LATER, 10).await?, 0);
                assert_eq!(tx.delete_expired_client_assertions(LATER.plus(1), 10).await?, 1);
                tx.use_client_assertion(&assertion, LATER).await
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a29_a_revoked_family_refreshes_no_more(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let one = grant(&own, account);
                tx.create_grant(&one).await?;
                let (mut first, second) = (refresh_token(&one), refresh_token(&one));
                tx.create_refresh_token(&first).await?;
                for at in [NOW.minus(CLOCK_AHEAD + 1), NOW.plus(DAY)] {
                    let refused = tx.exchange_refresh_token(&first.hash, &second, at).await;
                    assert!(matches!(refused, Err(StorageError::Conflict)));
                    assert_eq!(tx.refresh_token(&second.hash).await?, None);
                }
                tx.exchange_refresh_token(&first.hash, &second, NOW.minus(CLOCK_AHEAD)).await?;
                assert_eq!(tx.refresh_token(&second.hash).await?, Some(second.clone()));
                first.used_at = Some(NOW.minus(CLOCK_AHEAD));
                first.replaced_by = Some(second.hash);
                assert_eq!(tx.refresh_token(&first.hash).await?, Some(first.clone()));
                tx.revoke_grant(one.id, LATER).await?;
                let (found, at_hand) = tx.lock_refresh_token(&second.hash).await?.expect("the token");
                assert_eq!((found, at_hand.grant.revoked_at), (second.clone(), Some(LATER)));
                let refused = tx.exchange_refresh_token(&second.hash, &refresh_token(&one), LATER).await;
                assert!(matches!(refused, Err(StorageError::Conflict)));
                let refused = tx.replace_successor(&first.hash, &second.hash, &hash(), LATER).await;
                assert!(matches!(refused, Err(StorageError::Conflict)));
                assert_eq!(tx.refresh_token(&hash()).await?, None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a_redemption_finds_grant_account_and_version_in_one_statement(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let other = stored_tenant(db, "b.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let one = grant(&own, account);
                tx.create_grant(&one).await?;
                let token = refresh_token(&one);
                tx.create_refresh_token(&token).await?;
                let at_hand = GrantAtHand {
                    grant: one.clone(),
                    account: tx.account_by_id(own.id, account).await?,
                    configuration: tx.configuration_version(own.id).await?.expect("a version"),
                };
                assert!(at_hand.account.is_some());
                assert_eq!(tx.grant_at_hand(own.id, &one.code).await?.as_ref(), Some(&at_hand));
                // Of another tenant nothing (failure 38).
                assert_eq!(tx.grant_at_hand(other.id, &one.code).await?, None);
                assert_eq!(tx.lock_refresh_token(&token.hash).await?, Some((token, at_hand)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a29_a_token_is_exchanged_for_one_of_its_own_grant_only(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, foreign) = (grant(&own, account), grant(&own, account));
    let (token, next, store) = (refresh_token(&one), refresh_token(&foreign), &db.store);
    let stored = token.clone();
    let job = store.write(move |tx| {
        async move {
            tx.create_grant(&one).await?;
            tx.create_grant(&foreign).await?;
            tx.create_refresh_token(&stored).await
        }
        .boxed()
    });
    job.await.unwrap();
    let hash = token.hash;
    let refused =
        store.write(move |tx| async move { tx.exchange_refresh_token(&hash, &next, NOW).await }.boxed()).await;
    assert!(matches!(refused, Err(StorageError::Conflict)));
    let found = store.read(move |tx| async move { tx.refresh_token(&hash).await }.boxed()).await;
    assert_eq!(found.unwrap(), Some(token));
}

async fn f28_every_grant_of_an_account_is_revoked(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let (one, two, foreign) = (grant(&own, account), grant(&own, account), grant(&own, other));
                for grant in [&one, &two, &foreign] {
                    tx.create_grant(grant).await?;
                }
                assert_eq!(tx.revoke_grants_of_session(one.session.expect("one"), LATER).await?, 1);
                assert_eq!(tx.revoke_grants_of_account(account, LATER).await?, 1);
                assert_eq!(tx.grant_by_id(two.id).await?.and_then(|g| g.revoked_at), Some(LATER));
                assert_eq!(tx.grant_by_id(foreign.id).await?.and_then(|g| g.revoked_at), None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn old_grants_go_when_no_refresh_token_lives(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (bare, kept) = (grant(&own, account), grant(&own, account));
                tx.create_grant(&bare).await?;
                tx.create_grant(&kept).await?;
                let token = refresh_token(&kept);
                tx.create_refresh_token(&token).await?;
                assert_eq!(tx.delete_old_grants(NOW, 10).await?, 0);
                assert_eq!(tx.delete_old_grants(NOW.plus(MINUTE), 10).await?, 1);
                assert_eq!(tx.grant_by_id(bare.id).await?, None);
                assert_eq!(tx.delete_old_grants(NOW.plus(DAY + 1), 10).await?, 1);
                assert_eq!(tx.refresh_token(&token.hash).await?, None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
