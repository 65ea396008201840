//! Pushed authorization requests.

use futures::FutureExt as _;
use lanyard_domain::{clock::SECOND, grant::CLOCK_AHEAD, secret::Sealed};

use super::{contract, support::*};
use crate::{PushedAt, PushedRequest, StorageError};

contract!(
    rfc9126_a_request_is_used_once_in_time_and_by_its_own_application,
    rfc9126_concurrent_uses_one_winner,
    rfc9126_requests_that_are_over_go,
);

fn pushed() -> PushedRequest {
    PushedRequest {
        reference: hash(),
        at: PushedAt { tenant: id(), flow: id(), application: id() },
        parameters: Sealed(vec![1, 2, 3]),
        created_at: NOW,
        expires_at: NOW.plus(90 * SECOND),
    }
}

async fn rfc9126_a_request_is_used_once_in_time_and_by_its_own_application(db: &Db) {
    db.store
        .write(move |tx| {
            async move {
                let one = pushed();
                tx.create_pushed_request(&one).await?;
                for (at, now) in [
                    (PushedAt { tenant: id(), ..one.at }, NOW),
                    (PushedAt { flow: id(), ..one.at }, NOW),
                    (PushedAt { application: id(), ..one.at }, NOW),
                    (one.at, NOW.minus(CLOCK_AHEAD + 1)),
                    (one.at, one.expires_at),
                ] {
                    let refused = tx.take_pushed_request(&one.reference, at, now).await;
                    assert!(matches!(refused, Err(StorageError::Conflict)), "{at:?} {now:?}");
                    assert!(!tx.has_pushed_request(&one.reference, at, now).await?, "{at:?} {now:?}");
                }
                let other = tx.take_pushed_request(&hash(), one.at, NOW).await;
                assert!(matches!(other, Err(StorageError::Conflict)));
                // A stranger's try took nothing away.
                let last = one.expires_at.minus(1);
                assert!(tx.has_pushed_request(&one.reference, one.at, NOW.minus(CLOCK_AHEAD)).await?);
                assert!(tx.has_pushed_request(&one.reference, one.at, last).await?);
                assert_eq!(tx.take_pushed_request(&one.reference, one.at, last).await?, one.parameters);
                let again = tx.take_pushed_request(&one.reference, one.at, last).await;
                assert!(matches!(again, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn rfc9126_concurrent_uses_one_winner(db: &Db) {
    let one = pushed();
    let (reference, at, store) = (one.reference, one.at, &db.store);
    store.write(move |tx| async move { tx.create_pushed_request(&one).await }.boxed()).await.unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move {
            let job = store.write(move |tx| async move { tx.take_pushed_request(&reference, at, NOW).await }.boxed());
            job.await.map(drop)
        }
    });
    assert_eq!(won.await, 1);
}

async fn rfc9126_requests_that_are_over_go(db: &Db) {
    db.store
        .write(move |tx| {
            async move {
                for _ in 0..3 {
                    tx.create_pushed_request(&pushed()).await?;
                }
                let over = pushed().expires_at;
                assert_eq!(tx.delete_expired_pushed_requests(over, 9).await?, 0);
                assert_eq!(tx.delete_expired_pushed_requests(over.plus(1), 2).await?, 2, "in small batches");
                assert_eq!(tx.delete_expired_pushed_requests(over.plus(1), 2).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
