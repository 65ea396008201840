//! Device codes.

use futures::FutureExt as _;
use lanyard_domain::{
    clock::SECOND,
    device::{DEVICE_CODE_LIFE, DeviceCode, POLL_INTERVAL},
    grant::CLOCK_AHEAD,
    tenant::Tenant,
};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    rfc8628_a_code_is_decided_once_and_redeemed_once_within_its_life,
    rfc8628_user_codes_are_unique_and_found_in_their_tenant_alone,
    rfc8628_yes_and_no_at_once_have_one_winner,
    rfc8628_codes_that_are_over_go,
);

// A device code of a new application at a new flow of `own`.
async fn waiting(db: &Db, own: &Tenant, name: &'static str) -> DeviceCode {
    let (application, flow) = (application(own, name), flow(own, name));
    let code = DeviceCode {
        hash: hash(),
        tenant: own.id,
        flow: flow.id,
        application: application.id,
        user_code: hash(),
        scope: "openid".into(),
        poll_interval: POLL_INTERVAL,
        created_at: NOW,
        expires_at: NOW.plus(DEVICE_CODE_LIFE),
        polled_at: None,
        grant: None,
        denied_at: None,
        redeemed_at: None,
    };
    let stored = code.clone();
    db.store
        .write(move |tx| {
            async move {
                tx.create_application(&application).await?;
                tx.create_flow(&flow).await?;
                tx.create_device_code(&stored).await
            }
            .boxed()
        })
        .await
        .unwrap();
    code
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) {
    assert!(matches!(result, Err(StorageError::Conflict)), "{result:?}");
}

async fn rfc8628_a_code_is_decided_once_and_redeemed_once_within_its_life(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let (mut yes, no) = (waiting(db, &own, "one").await, waiting(db, &own, "two").await);
    db.store
        .write(move |tx| {
            async move {
                assert_eq!(tx.device_code(&yes.hash).await?, Some(yes.clone()));
                tx.note_device_poll(&yes.hash, NOW.plus(SECOND), 2 * POLL_INTERVAL).await?;
                conflict(tx.redeem_device_code(&yes.hash, NOW).await);
                let grant = id();
                for at in [NOW.minus(CLOCK_AHEAD + 1), yes.expires_at] {
                    conflict(tx.approve_device_code(&yes.hash, grant, at).await);
                    conflict(tx.deny_device_code(&yes.hash, at).await);
                }
                // D5: by a server whose clock is behind.
                tx.approve_device_code(&yes.hash, grant, NOW.minus(CLOCK_AHEAD)).await?;
                conflict(tx.approve_device_code(&yes.hash, id(), NOW).await);
                conflict(tx.deny_device_code(&yes.hash, NOW).await);
                for at in [NOW.minus(CLOCK_AHEAD + 1), yes.expires_at] {
                    conflict(tx.redeem_device_code(&yes.hash, at).await);
                }
                tx.redeem_device_code(&yes.hash, LATER).await?;
                conflict(tx.redeem_device_code(&yes.hash, LATER).await);
                yes.polled_at = Some(NOW.plus(SECOND));
                (yes.poll_interval, yes.grant, yes.redeemed_at) = (2 * POLL_INTERVAL, Some(grant), Some(LATER));
                assert_eq!(tx.device_code(&yes.hash).await?, Some(yes));

                tx.deny_device_code(&no.hash, NOW).await?;
                conflict(tx.deny_device_code(&no.hash, NOW).await);
                conflict(tx.approve_device_code(&no.hash, grant, NOW).await);
                conflict(tx.redeem_device_code(&no.hash, NOW).await);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn rfc8628_user_codes_are_unique_and_found_in_their_tenant_alone(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let (one, theirs) = (waiting(db, &own, "one").await, waiting(db, &other, "two").await);
    db.store
        .write(move |tx| {
            async move {
                let same = DeviceCode { hash: hash(), ..one.clone() };
                conflict(tx.create_device_code(&same).await);
                tx.create_device_code(&DeviceCode { hash: hash(), user_code: one.user_code, ..theirs }).await?;
                assert_eq!(tx.device_code_by_user_code(own.id, &one.user_code).await?, Some(one.clone()));
                let found = tx.device_code_by_user_code(other.id, &one.user_code).await?;
                assert_eq!(found.map(|code| code.tenant), Some(other.id));
                assert_eq!(tx.device_code_by_user_code(own.id, &hash()).await?, None);
                assert_eq!(tx.device_code(&hash()).await?, None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn rfc8628_yes_and_no_at_once_have_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let one = waiting(db, &own, "one").await;
    let (code, store) = (one.hash, &db.store);
    let won = winners(50, |run| {
        let store = store.clone();
        async move {
            let yes = run % 2 == 0;
            store
                .write(move |tx| {
                    async move {
                        match yes {
                            true => tx.approve_device_code(&code, id(), NOW).await,
                            false => tx.deny_device_code(&code, NOW).await,
                        }
                    }
                    .boxed()
                })
                .await
        }
    });
    assert_eq!(won.await, 1);
}

async fn rfc8628_codes_that_are_over_go(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    for name in ["one", "two", "three"] {
        waiting(db, &own, name).await;
    }
    let over = NOW.plus(DEVICE_CODE_LIFE);
    db.store
        .write(move |tx| {
            async move {
                assert_eq!(tx.delete_expired_device_codes(over, 9).await?, 0);
                assert_eq!(tx.delete_expired_device_codes(over.plus(1), 2).await?, 2, "in small batches");
                assert_eq!(tx.delete_expired_device_codes(over.plus(1), 2).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
