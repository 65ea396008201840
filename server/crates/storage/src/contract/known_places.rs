//! Where accounts signed in with a second factor.

use futures::FutureExt as _;
use lanyard_domain::{clock::DAY, secret::TokenHash, user_flow::Signals};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    n22_a_place_is_known_for_its_own_account_until_it_is_old_or_forgotten,
    n22_a_country_is_known_like_other_places_and_never_where_nobody_knows_which,
);

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
                tx.note_places(account, [&phone, &laptop], &home, None, NOW).await?;
                let known = |browser_known, network_known, last_strong_at| Signals {
                    browser_known,
                    network_known,
                    country_known: false,
                    last_strong_at,
                };
                assert_eq!(
                    tx.signals(Some(account), &laptop, &home, None, before).await?,
                    known(true, true, Some(NOW))
                );
                assert_eq!(
                    tx.signals(Some(account), &phone, &home, None, before).await?,
                    known(false, true, Some(NOW))
                );
                assert_eq!(
                    tx.signals(Some(account), &laptop, &cafe, None, before).await?,
                    known(true, false, Some(NOW))
                );
                for nobody in [Some(other), None] {
                    assert_eq!(tx.signals(nobody, &laptop, &home, None, before).await?, Signals::default());
                }
                // Seen again, and elsewhere: the last time counts, a place that is too old does not.
                tx.note_places(account, [&laptop, &laptop], &cafe, None, later).await?;
                assert_eq!(
                    tx.signals(Some(account), &laptop, &home, None, NOW).await?,
                    known(true, false, Some(later))
                );
                assert_eq!(tx.delete_old_places(NOW.plus(1), 10).await?, 1, "the network at home");
                assert_eq!(tx.delete_old_places(NOW.plus(1), 10).await?, 0);
                tx.note_places(other, [&phone, &laptop], &home, None, NOW).await?;
                // A browser's secret is another one from then on; the former counts no more.
                tx.note_places(account, [&laptop, &phone], &cafe, None, later).await?;
                assert_eq!(
                    tx.signals(Some(account), &laptop, &cafe, None, NOW).await?,
                    known(false, true, Some(later))
                );
                assert_eq!(tx.signals(Some(account), &phone, &cafe, None, NOW).await?, known(true, true, Some(later)));
                tx.forget_places(account).await?;
                assert_eq!(tx.signals(Some(account), &laptop, &cafe, None, before).await?, Signals::default());
                assert_eq!(tx.signals(Some(other), &laptop, &home, None, before).await?, known(true, true, Some(NOW)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_a_country_is_known_like_other_places_and_never_where_nobody_knows_which(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &a, patient("b@example.com", "B", "B")).await;
    let [laptop, home, canada, france] = [1, 2, 3, 4].map(|byte| TokenHash([byte; 32]));
    let (before, later) = (NOW.minus(1), NOW.plus(DAY));
    db.store
        .write(move |tx| {
            async move {
                let known = |country_known, last_strong_at| Signals {
                    browser_known: true,
                    network_known: true,
                    country_known,
                    last_strong_at: Some(last_strong_at),
                };
                tx.note_places(account, [&laptop, &laptop], &home, None, NOW).await?;
                for country in [None, Some(&canada)] {
                    let told = tx.signals(Some(account), &laptop, &home, country, before).await?;
                    assert_eq!(told, known(false, NOW), "noted without a country: {country:?}");
                }
                tx.note_places(account, [&laptop, &laptop], &home, Some(&canada), NOW).await?;
                for (country, is) in [(Some(&canada), true), (Some(&france), false), (None, false)] {
                    let told = tx.signals(Some(account), &laptop, &home, country, before).await?;
                    assert_eq!(told, known(is, NOW), "{country:?}");
                }
                for nobody in [Some(other), None] {
                    let told = tx.signals(nobody, &laptop, &home, Some(&canada), before).await?;
                    assert_eq!(told, Signals::default());
                }
                // Seen elsewhere a day later; what is too old counts no more.
                tx.note_places(account, [&laptop, &laptop], &home, Some(&france), later).await?;
                assert_eq!(tx.signals(Some(account), &laptop, &home, Some(&canada), before).await?, known(true, later));
                assert_eq!(tx.signals(Some(account), &laptop, &home, Some(&canada), NOW).await?, known(false, later));
                assert_eq!(tx.delete_old_places(later, 10).await?, 1, "the first country");
                tx.forget_places(account).await?;
                let told = tx.signals(Some(account), &laptop, &home, Some(&france), before).await?;
                assert_eq!(told, Signals::default());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
