//! Where accounts signed in with a second factor.

use futures::FutureExt as _;
use lanyard_domain::{clock::DAY, secret::TokenHash, user_flow::Signals};

use super::{contract, support::*};
use crate::StorageError;

contract!(n22_a_place_is_known_for_its_own_account_until_it_is_old_or_forgotten);

async fn n22_a_place_is_known_for_its_own_account_until_it_is_old_or_forgotten(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &a, patient("b@example.com", "B", "B")).await;
    let [laptop, phone, home, cafe] = [1, 2, 3, 4].map(|byte| TokenHash([byte; 32]));
    let later = NOW.plus(DAY);
    db.store
        .write(move |tx| {
            async move {
                let before = NOW.minus(1);
                tx.note_places(account, [&phone, &laptop], &home, NOW).await?;
                let known =
                    |browser_known, network_known, last| Signals { browser_known, network_known, last_strong_at: last };
                assert_eq!(tx.signals(Some(account), &laptop, &home, before).await?, known(true, true, Some(NOW)));
                assert_eq!(tx.signals(Some(account), &phone, &home, before).await?, known(false, true, Some(NOW)));
                assert_eq!(tx.signals(Some(account), &laptop, &cafe, before).await?, known(true, false, Some(NOW)));
                for nobody in [Some(other), None] {
                    assert_eq!(tx.signals(nobody, &laptop, &home, before).await?, Signals::default());
                }
                // Seen again, and elsewhere: the last time counts, a place that is too old does not.
                tx.note_places(account, [&laptop, &laptop], &cafe, later).await?;
                assert_eq!(tx.signals(Some(account), &laptop, &home, NOW).await?, known(true, false, Some(later)));
                assert_eq!(tx.delete_old_places(NOW.plus(1), 10).await?, 1, "the network at home");
                assert_eq!(tx.delete_old_places(NOW.plus(1), 10).await?, 0);
                tx.note_places(other, [&phone, &laptop], &home, NOW).await?;
                // A browser's secret is another one from then on; the former counts no more.
                tx.note_places(account, [&laptop, &phone], &cafe, later).await?;
                assert_eq!(tx.signals(Some(account), &laptop, &cafe, NOW).await?, known(false, true, Some(later)));
                assert_eq!(tx.signals(Some(account), &phone, &cafe, NOW).await?, known(true, true, Some(later)));
                tx.forget_places(account).await?;
                assert_eq!(tx.signals(Some(account), &laptop, &cafe, before).await?, Signals::default());
                assert_eq!(tx.signals(Some(other), &laptop, &home, before).await?, known(true, true, Some(NOW)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
