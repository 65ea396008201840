//! Sessions.

use futures::FutureExt as _;
use lanyard_domain::clock::{DAY, MINUTE};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    one_cookie_carries_a_session_for_each_tenant,
    a17_a_sign_in_moves_the_other_sessions_to_the_new_cookie,
    a19_an_ended_session_is_gone_at_once,
    the_last_use_is_noted_once_a_minute,
    expired_sessions_are_deleted_in_batches,
);

async fn one_cookie_carries_a_session_for_each_tenant(db: &Db) {
    let (a, b) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let in_a = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    let in_b = stored_account(db, &b, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let token = hash();
                let (first, second) = (session(&a, in_a, token), session(&b, in_b, token));
                tx.create_session(&first).await?;
                tx.create_session(&second).await?;
                assert_eq!(tx.session_by_token(a.id, &token).await?, Some(first.clone()));
                assert_eq!(tx.session_by_token(b.id, &token).await?, Some(second.clone()));
                assert_eq!(tx.session_by_token(a.id, &hash()).await?, None);
                assert_eq!(tx.session_by_id(first.id).await?, Some(first));
                assert_eq!(tx.sessions_of_cookie(&token).await?.len(), 2);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a17_a_sign_in_moves_the_other_sessions_to_the_new_cookie(db: &Db) {
    let (a, b) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let in_a = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    let in_b = stored_account(db, &b, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (old, new) = (hash(), hash());
                let (first, second) = (session(&a, in_a, old), session(&b, in_b, old));
                tx.create_session(&first).await?;
                tx.create_session(&second).await?;
                // A new sign-in at A: its old session ends, B's goes on under the new cookie.
                tx.create_session(&session(&a, in_a, new)).await?;
                assert!(tx.end_session(first.id, LATER).await?);
                assert_eq!(tx.rekey_sessions(&old, &new, a.id).await?, 1);
                assert!(tx.sessions_of_cookie(&old).await?.is_empty());
                assert_eq!(tx.session_by_token(b.id, &new).await?.map(|s| s.id), Some(second.id));
                assert_eq!(tx.sessions_of_cookie(&new).await?.len(), 2);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a19_an_ended_session_is_gone_at_once(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let all: Vec<_> = (0..3).map(|_| session(&a, account, hash())).collect();
                for one in &all {
                    tx.create_session(one).await?;
                }
                assert_eq!(tx.live_sessions_of_account(account, NOW).await?.len(), 3);
                assert!(tx.live_sessions_of_account(account, NOW.plus(DAY)).await?.is_empty());
                assert!(tx.end_session(all[0].id, LATER).await?);
                assert!(!tx.end_session(all[0].id, LATER).await?);
                assert_eq!(tx.session_by_token(a.id, &all[0].token).await?, None);
                assert_eq!(tx.end_sessions_of_account(account, Some(all[1].id), LATER).await?, 1);
                let left = tx.live_sessions_of_account(account, NOW).await?;
                assert_eq!(left.iter().map(|s| s.id).collect::<Vec<_>>(), [all[1].id]);
                assert_eq!(tx.end_sessions_of_account(account, None, LATER).await?, 1);
                assert!(
                    !tx.touch_session(all[1].id, NOW.plus(DAY), NOW.plus(2 * DAY)).await?,
                    "an ended session is not touched"
                );
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn the_last_use_is_noted_once_a_minute(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let one = session(&a, account, hash());
                tx.create_session(&one).await?;
                assert!(!tx.touch_session(one.id, NOW.plus(MINUTE - 1), one.expires_at).await?);
                assert!(tx.touch_session(one.id, NOW.plus(MINUTE), one.expires_at).await?);
                assert!(!tx.touch_session(one.id, NOW.plus(MINUTE + 1), one.expires_at).await?);
                let seen = tx.session_by_id(one.id).await?.map(|s| s.last_seen_at);
                assert_eq!(seen, Some(NOW.plus(MINUTE)));
                // A rolling session is renewed, and no session's life is shortened.
                assert!(tx.touch_session(one.id, NOW.plus(2 * MINUTE), NOW.plus(2 * DAY)).await?);
                assert!(tx.touch_session(one.id, NOW.plus(3 * MINUTE), NOW).await?);
                assert_eq!(tx.session_by_id(one.id).await?.map(|s| s.expires_at), Some(NOW.plus(2 * DAY)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn expired_sessions_are_deleted_in_batches(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                for _ in 0..3 {
                    tx.create_session(&session(&a, account, hash())).await?;
                }
                assert_eq!(tx.delete_expired_sessions(NOW.plus(DAY), 10).await?, 0);
                assert_eq!(tx.delete_expired_sessions(NOW.plus(DAY + 1), 2).await?, 2);
                assert_eq!(tx.delete_expired_sessions(NOW.plus(DAY + 1), 2).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
