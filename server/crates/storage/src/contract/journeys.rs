//! Journeys: compare-and-set.

use futures::FutureExt as _;
use lanyard_domain::journey::JOURNEY_LIFE;

use super::{contract, support::*};
use crate::{JourneySave, StorageError};

contract!(
    a_journey_comes_back_as_stored,
    a47_concurrent_steps_of_one_journey_one_winner,
    a_step_counts_only_while_the_flow_has_its_version,
    a_journey_that_is_over_moves_no_more,
    expired_journeys_are_deleted_in_batches,
);

async fn a_journey_comes_back_as_stored(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let journey = journey(&own, &flow(&own, "f"));
                tx.create_journey(&journey, Some("{}")).await?;
                let stored = tx.journey(journey.header.id).await?.expect("stored");
                assert_eq!((&stored.journey, stored.version), (&journey, 1));
                assert_eq!((stored.feedback.as_deref(), stored.ended_at), (Some("{}"), None));
                let save =
                    JourneySave { journey: &journey, replaces: 1, feedback: None, ended_at: None, flow_version: None };
                assert_eq!(tx.save_journey(save).await?, 2);
                let stored = tx.journey(journey.header.id).await?.expect("stored");
                assert_eq!((stored.version, stored.feedback), (2, None));
                assert!(tx.journey(id()).await?.is_none());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a47_concurrent_steps_of_one_journey_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let begun = journey(&own, &flow(&own, "f"));
    let (journey, store) = (begun.header.id, &db.store);
    store.write(move |tx| async move { tx.create_journey(&begun, None).await }.boxed()).await.unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move {
            let job = store.write(move |tx| {
                async move {
                    let read = tx.journey(journey).await?.expect("stored");
                    // Everybody read version 1, as two tabs would.
                    let (journey, replaces) = (&read.journey, 1);
                    tx.save_journey(JourneySave {
                        journey,
                        replaces,
                        feedback: None,
                        ended_at: None,
                        flow_version: None,
                    })
                    .await
                    .map(drop)
                }
                .boxed()
            });
            job.await
        }
    });
    assert_eq!(won.await, 1);
}

async fn a_step_counts_only_while_the_flow_has_its_version(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let flow = flow(&own, "f");
                tx.create_flow(&flow).await?;
                let begun = journey(&own, &flow);
                tx.create_journey(&begun, None).await?;
                let save = |replaces, flow_version| JourneySave {
                    journey: &begun,
                    replaces,
                    feedback: None,
                    ended_at: None,
                    flow_version,
                };
                tx.save_journey(save(1, Some(1))).await?;
                tx.update_flow_settings(own.id, flow.id, 1, &flow.settings, LATER).await?;
                assert!(matches!(tx.save_journey(save(2, Some(1))).await, Err(StorageError::Conflict)));
                tx.save_journey(save(2, Some(2))).await?;
                tx.save_journey(save(3, None)).await?;
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a_journey_that_is_over_moves_no_more(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let begun = journey(&own, &flow(&own, "f"));
                tx.create_journey(&begun, None).await?;
                let save = |replaces, ended_at| JourneySave {
                    journey: &begun,
                    replaces,
                    feedback: None,
                    ended_at,
                    flow_version: None,
                };
                tx.save_journey(save(1, Some(LATER))).await?;
                assert!(matches!(tx.save_journey(save(2, None)).await, Err(StorageError::Conflict)));
                let stored = tx.journey(begun.header.id).await?.expect("stored");
                assert_eq!((stored.version, stored.ended_at), (2, Some(LATER)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn expired_journeys_are_deleted_in_batches(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                for _ in 0..3 {
                    tx.create_journey(&journey(&own, &flow(&own, "f")), None).await?;
                }
                assert_eq!(tx.delete_expired_journeys(NOW.plus(JOURNEY_LIFE), 10).await?, 0);
                assert_eq!(tx.delete_expired_journeys(NOW.plus(JOURNEY_LIFE + 1), 2).await?, 2);
                assert_eq!(tx.delete_expired_journeys(NOW.plus(JOURNEY_LIFE + 1), 2).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
