//! The cool-down after a recovery.

use futures::FutureExt as _;
use lanyard_domain::{
    clock::{DAY, HOUR},
    cool_down::CoolDown,
};

use super::{contract, support::*};
use crate::StorageError;

contract!(n20_a_recovery_is_noted_at_the_account_and_the_tenants_hours_say_until_when,);

async fn n20_a_recovery_is_noted_at_the_account_and_the_tenants_hours_say_until_when(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let neighbour = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                assert_eq!(tx.cooling_until(account, NOW).await?, None);
                tx.note_recovery(account, NOW).await?;
                assert_eq!(tx.cooling_until(account, NOW.plus(1)).await?, Some(NOW.plus(DAY)));
                assert_eq!(tx.cooling_until(account, NOW.plus(DAY)).await?, None);
                assert_eq!(tx.cooling_until(neighbour, NOW).await?, None);
                assert!(matches!(tx.note_recovery(id(), NOW).await, Err(StorageError::Conflict)));
                let two = CoolDown::of_hours(2).unwrap();
                assert!(matches!(tx.set_cool_down(own.id, two, two).await, Err(StorageError::Conflict)));
                tx.set_cool_down(own.id, CoolDown::USUAL, two).await?;
                assert_eq!(tx.cool_down(own.id).await?, Some(two));
                assert_eq!(tx.cool_down(other.id).await?, Some(CoolDown::USUAL));
                assert_eq!(tx.cool_down(id()).await?, None);
                assert_eq!(tx.cooling_until(account, NOW).await?, Some(NOW.plus(2 * HOUR)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
