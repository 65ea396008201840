//! Providers of messages: circuits that all servers share.

use futures::{FutureExt as _, future::join_all};
use lanyard_domain::clock::{MINUTE, SECOND, Timestamp};

use super::{contract, support::*};
use crate::{ProviderFailure, ProviderHealth};

contract!(
    d6_failures_in_a_row_open_a_circuit_and_a_success_closes_it,
    d6_failures_of_several_servers_are_one_count,
    d6_of_many_who_would_try_a_provider_again_one_does,
);

const OPENS_AT: u32 = 3;

fn failure(at: Timestamp, counts: bool) -> ProviderFailure<'static> {
    let open_until = at.plus(MINUTE);
    ProviderFailure { name: "twilio", at, reason: "timed out", counts, opens_at: OPENS_AT, open_until }
}

async fn health(db: &Db) -> Vec<ProviderHealth> {
    let job = db.store.read(|tx| async move { tx.provider_health().await }.boxed());
    job.await.unwrap()
}

async fn fails(db: &Db, at: Timestamp, counts: bool) -> u32 {
    let job = db.store.write(move |tx| async move { tx.provider_failed(failure(at, counts)).await }.boxed());
    job.await.unwrap()
}

async fn delivers(db: &Db, at: Timestamp) -> bool {
    let job = db.store.write(move |tx| async move { tx.provider_delivered("twilio", at).await }.boxed());
    job.await.unwrap()
}

async fn d6_failures_in_a_row_open_a_circuit_and_a_success_closes_it(db: &Db) {
    assert!(health(db).await.is_empty());
    assert!(!delivers(db, NOW).await, "nothing to close");
    assert_eq!((fails(db, NOW, true).await, fails(db, NOW, true).await), (1, 2));
    assert!(!delivers(db, NOW).await, "it was not open");
    for n in 1..OPENS_AT {
        assert_eq!(fails(db, NOW.plus(SECOND), true).await, n);
    }
    assert_eq!(fails(db, NOW.plus(SECOND), false).await, OPENS_AT - 1, "one number was refused: no count");
    assert_eq!(health(db).await[0].open_until, None);
    assert_eq!(fails(db, NOW.plus(2 * SECOND), true).await, OPENS_AT);
    let open_until = Some(NOW.plus(2 * SECOND).plus(MINUTE));
    let wanted = ProviderHealth {
        name: "twilio".into(),
        failures: OPENS_AT,
        open_until,
        last_failure: "timed out".into(),
        last_failure_at: NOW.plus(2 * SECOND),
        recovered_at: None,
    };
    assert_eq!(health(db).await, [wanted]);
    fails(db, NOW.plus(3 * SECOND), false).await;
    assert_eq!(health(db).await[0].open_until, open_until, "a refused number holds it open no longer");
    assert!(delivers(db, LATER).await);
    let now = health(db).await.remove(0);
    assert_eq!((now.failures, now.open_until, now.recovered_at), (0, None, Some(LATER)));
    assert_eq!(now.last_failure_at, NOW.plus(3 * SECOND), "what went wrong last stays to be seen");
}

async fn d6_failures_of_several_servers_are_one_count(db: &Db) {
    let all = join_all((0..12).map(|_| fails(db, NOW, true))).await;
    let mut counts = all;
    counts.sort_unstable();
    assert_eq!(counts, (1..=12).collect::<Vec<_>>(), "each is told its own number: one of them opened it");
}

async fn d6_of_many_who_would_try_a_provider_again_one_does(db: &Db) {
    for _ in 0..OPENS_AT {
        fails(db, NOW, true).await;
    }
    let again = |now: Timestamp| async move {
        let until = now.plus(MINUTE);
        let job = db.store.write(move |tx| async move { tx.try_provider_again("twilio", now, until).await }.boxed());
        job.await.unwrap()
    };
    assert!(!again(NOW.plus(MINUTE - 1)).await, "too early");
    let due = NOW.plus(MINUTE);
    let tries = join_all((0..10).map(|_| again(due))).await;
    assert_eq!(tries.iter().filter(|chosen| **chosen).count(), 1);
    assert_eq!(health(db).await[0].open_until, Some(due.plus(MINUTE)));
    assert!(again(due.plus(MINUTE)).await, "and once more a minute later");
}
