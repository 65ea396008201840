//! The outbox: leases.

use std::collections::BTreeSet;

use futures::{FutureExt as _, future::join_all};
use lanyard_domain::{
    clock::{MINUTE, SECOND},
    id::Id,
    journey::Journey,
    secret::Sealed,
    tenant::Tenant,
};

use super::{contract, support::*};
use crate::{MessageKind, NewMessage, StorageError, Wanted};

contract!(
    d6_two_workers_never_have_the_same_message,
    d6_a_message_comes_back_when_its_lease_runs_out,
    d6_a_retry_waits_and_its_status_tells,
    c5_the_payload_is_wiped_when_the_message_is_done_with,
    d6_each_kind_is_claimed_by_itself_and_busy_hosts_are_passed_over,
    d6_what_is_due_of_a_kind_is_found_by_its_index,
);

fn wanted(kind: MessageKind) -> Wanted {
    Wanted { kind, busy: Vec::new(), limit: 5 }
}

fn message(tenant: &Tenant, journey: Option<Id<Journey>>) -> NewMessage {
    NewMessage {
        id: id(),
        tenant: tenant.id,
        journey,
        kind: MessageKind::Email,
        host: String::new(),
        payload: Sealed(b"sealed words".to_vec()),
        created_at: NOW,
        expires_at: NOW.plus(10 * MINUTE),
    }
}

async fn d6_two_workers_never_have_the_same_message(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let job = db.store.write(move |tx| {
        async move {
            for _ in 0..60 {
                tx.enqueue_message(&message(&own, None)).await?;
            }
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    job.await.unwrap();
    let workers = (0..8).map(|_| {
        let store = db.store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claim = store.write(move |tx| {
                    async move { tx.claim_messages(&wanted(MessageKind::Email), NOW, LATER).await }.boxed()
                });
                let claimed = claim.await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|claimed| claimed.message.id));
            }
        })
    });
    let all: Vec<_> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

async fn d6_a_message_comes_back_when_its_lease_runs_out(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let sent = message(&own, None);
                tx.enqueue_message(&sent).await?;
                assert_eq!(tx.next_message_due(&wanted(MessageKind::Email)).await?, Some(NOW));
                assert!(tx.claim_messages(&wanted(MessageKind::Email), NOW.minus(1), LATER).await?.is_empty());
                let first = tx.claim_messages(&wanted(MessageKind::Email), NOW, LATER).await?;
                assert_eq!((first.len(), first[0].attempts, &first[0].message.payload), (1, 1, &sent.payload));
                assert!(tx.claim_messages(&wanted(MessageKind::Email), LATER.minus(1), LATER).await?.is_empty());
                let lease = LATER.plus(MINUTE);
                let second = tx.claim_messages(&wanted(MessageKind::Email), LATER, lease).await?;
                assert_eq!((second.len(), second[0].attempts, second[0].lease), (1, 2, lease));
                // The first worker is too late to say anything.
                let late = tx.message_delivered(sent.id, LATER, LATER).await;
                assert!(matches!(late, Err(StorageError::Conflict)));
                tx.message_delivered(sent.id, lease, LATER).await?;
                let twice = tx.message_failed(sent.id, lease, LATER, "x").await;
                assert!(matches!(twice, Err(StorageError::Conflict)));
                assert_eq!(tx.next_message_due(&wanted(MessageKind::Email)).await?, None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d6_a_retry_waits_and_its_status_tells(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let journey = id();
                let old = message(&own, Some(journey));
                let new = NewMessage { created_at: NOW.plus(1), ..message(&own, Some(journey)) };
                tx.enqueue_message(&old).await?;
                tx.enqueue_message(&new).await?;
                assert_eq!(tx.claim_messages(&wanted(MessageKind::Email), NOW.plus(1), LATER).await?.len(), 2);
                tx.message_delivered(old.id, LATER, NOW).await?;
                tx.retry_message(new.id, LATER, NOW.plus(5 * SECOND), "451").await?;
                let status = tx.message_status(journey).await?.expect("the newest");
                assert_eq!((status.created_at, status.attempts), (NOW.plus(1), 1));
                assert_eq!((status.delivered_at, status.last_error.as_deref()), (None, Some("451")));
                assert!(
                    tx.claim_messages(&wanted(MessageKind::Email), NOW.plus(5 * SECOND - 1), LATER).await?.is_empty()
                );
                assert_eq!(tx.claim_messages(&wanted(MessageKind::Email), NOW.plus(5 * SECOND), LATER).await?.len(), 1);
                tx.message_failed(new.id, LATER, LATER, "550").await?;
                assert_eq!(tx.message_status(journey).await?.and_then(|s| s.failed_at), Some(LATER));
                assert_eq!(tx.message_status(id()).await?, None);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn c5_the_payload_is_wiped_when_the_message_is_done_with(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let job = db.store.write(move |tx| {
        async move {
            let (one, two, open) = (message(&own, None), message(&own, None), message(&own, None));
            for message in [&one, &two, &open] {
                tx.enqueue_message(message).await?;
            }
            assert_eq!(tx.claim_messages(&wanted(MessageKind::Email), NOW, LATER).await?.len(), 3);
            tx.message_delivered(one.id, LATER, NOW).await?;
            tx.message_failed(two.id, LATER, NOW, "550").await
        }
        .boxed()
    });
    job.await.unwrap();
    // The check fails unless exactly the open one still has its words.
    db.raw("CREATE TABLE kept (n INTEGER CHECK (n = 1))").await.unwrap();
    db.raw("INSERT INTO kept SELECT COUNT(*) FROM outbox WHERE length(payload) > 0").await.unwrap();
    let gone = db.store.write(|tx| {
        async {
            let early = tx.delete_old_messages(NOW, 10).await?;
            Ok::<_, StorageError>((early, tx.delete_old_messages(LATER, 10).await?))
        }
        .boxed()
    });
    assert_eq!(gone.await.unwrap(), (0, 2));
}

async fn d6_each_kind_is_claimed_by_itself_and_busy_hosts_are_passed_over(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let job = db.store.write(move |tx| {
        async move {
            let notice = |host: &str, age| {
                let created_at = NOW.minus(age);
                NewMessage { kind: MessageKind::Logout, host: host.into(), created_at, ..message(&own, None) }
            };
            let (hung, more) = (notice("hung.example", 3), notice("hung.example", 2));
            let (odd, text) = (notice("o'dd\"],", 1), NewMessage { kind: MessageKind::Text, ..message(&own, None) });
            for message in [&hung, &more, &odd, &text] {
                tx.enqueue_message(message).await?;
            }
            let all = wanted(MessageKind::Logout);
            let one = |busy: &[&str]| Wanted {
                busy: busy.iter().map(|&host| host.into()).collect(),
                limit: 1,
                ..all.clone()
            };
            assert_eq!(tx.next_message_due(&wanted(MessageKind::Email)).await?, None);
            assert_eq!(tx.next_message_due(&wanted(MessageKind::Text)).await?, Some(NOW));
            assert_eq!(tx.next_message_due(&all).await?, Some(NOW.minus(3)));
            assert_eq!(tx.next_message_due(&one(&["hung.example", "x"])).await?, Some(NOW.minus(1)));
            let first = tx.claim_messages(&one(&[]), NOW, LATER).await?;
            assert_eq!((first.len(), first[0].message.id, first[0].message.kind), (1, hung.id, MessageKind::Logout));
            assert_eq!(first[0].message.host, "hung.example");
            let second = tx.claim_messages(&one(&["hung.example"]), NOW, LATER).await?;
            assert_eq!(second.iter().map(|own| own.message.id).collect::<Vec<_>>(), [odd.id]);
            let busy = one(&["hung.example", "o'dd\"],"]);
            assert_eq!(tx.next_message_due(&busy).await?.filter(|at| *at <= NOW), None);
            assert!(tx.claim_messages(&busy, NOW, LATER).await?.is_empty());
            let texts = tx.claim_messages(&wanted(MessageKind::Text), NOW, LATER).await?;
            assert_eq!(texts.iter().map(|own| own.message.id).collect::<Vec<_>>(), [text.id]);
            tx.message_delivered(hung.id, LATER, NOW).await?;
            let rest = tx.claim_messages(&one(&["o'dd\"],"]), NOW, LATER).await?;
            assert_eq!(rest.iter().map(|own| own.message.id).collect::<Vec<_>>(), [more.id]);
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    job.await.unwrap();
}

async fn d6_what_is_due_of_a_kind_is_found_by_its_index(db: &Db) {
    super::plans::outbox(db).await;
}
