//! Throttles, sends, the audit log, counters.

use futures::FutureExt as _;
use lanyard_domain::{
    account::Account,
    allowance::Allowance,
    audit::{Action, AuditEvent, Outcome},
    clock::{DAY, MINUTE, Timestamp},
    delays::{Delays, GUESSES},
    id::Id,
    tenant::Tenant,
};
use sqlx::Connection as _;

use super::{contract, support::*};
use crate::{AuditCursor, AuditWanted, EACH_KIND, StorageError};

contract!(
    n9_a_throttle_locks_and_begins_anew,
    n9_concurrent_failures_are_all_counted,
    an_allowance_is_used_and_restored_as_the_domain_says,
    concurrent_uses_of_an_allowance_all_count,
    sends_are_remembered_by_destination,
    c3_audit_events_never_change,
    the_audit_log_is_read_newest_first_within_a_tenant,
    c1_the_audit_log_is_read_onwards_within_a_tenant_by_its_index,
    the_history_of_an_account_is_what_it_did_and_what_others_did_to_it_newest_first_by_indexes,
    u24_the_changes_of_an_account_are_the_latest_of_each_kind_by_indexes,
    counters_add_up,
);

async fn n9_a_throttle_locks_and_begins_anew(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let (key, lock) = (hash(), 15 * MINUTE);
                let (flat, strict) = (Delays::flat(3, lock), Delays::flat(1, lock));
                assert_eq!(tx.throttle(own.id, &key).await?, None);
                for n in 1..=3 {
                    let now = tx.throttle_failed(own.id, &key, NOW, flat).await?;
                    assert_eq!((now.failures, now.lock(NOW).is_some()), (n, n == 3));
                }
                assert_eq!(tx.throttle(own.id, &key).await?.and_then(|t| t.lock(NOW)), Some(NOW.plus(lock)));
                assert_eq!(tx.throttle(other.id, &key).await?, None);
                let anew = tx.throttle_failed(own.id, &key, NOW.plus(lock), flat).await?;
                assert_eq!((anew.failures, anew.lock(NOW.plus(lock))), (1, None));
                tx.clear_throttle(own.id, &key).await?;
                assert_eq!(tx.throttle(own.id, &key).await?, None);
                assert!(tx.throttle_failed(own.id, &key, NOW, strict).await?.lock(NOW).is_some());
                // N9: the waits grow, and outlive their own end in memory.
                let (key, mut at) = (hash(), NOW);
                for n in 1..=20_u32 {
                    let now = tx.throttle_failed(own.id, &key, at, GUESSES).await?;
                    let until = GUESSES.after(n).map(|wait| at.plus(wait));
                    assert_eq!((now.failures, now.locked_until), (n, until));
                    assert_eq!(tx.throttle(own.id, &key).await?, Some(now));
                    at = until.unwrap_or(at);
                }
                let forgotten = tx.throttle_failed(own.id, &key, at.plus(GUESSES.memory), GUESSES).await?;
                assert_eq!((forgotten.failures, forgotten.locked_until), (1, None));
                tx.clear_throttle(own.id, &key).await?;
                assert_eq!(tx.delete_old_throttles(NOW, 5).await?, 0);
                assert_eq!(tx.delete_old_throttles(LATER, 5).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n9_concurrent_failures_are_all_counted(db: &Db) {
    let own = stored_tenant(db, "a.example").await.id;
    let (key, store) = (hash(), &db.store);
    let done = winners(50, |_| {
        let store = store.clone();
        async move {
            let job = store.write(move |tx| {
                async move { tx.throttle_failed(own, &key, NOW, Delays::flat(100, MINUTE)).await.map(drop) }.boxed()
            });
            job.await
        }
    });
    assert_eq!(done.await, 50);
    let stands = db.store.read(move |tx| async move { tx.throttle(own, &key).await }.boxed()).await.unwrap();
    assert_eq!(stands.map(|t| t.failures), Some(50));
}

async fn an_allowance_is_used_and_restored_as_the_domain_says(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await.id, stored_tenant(db, "b.example").await.id);
    let work = db.store.write(move |tx| {
        async move {
            let (key, ten) = (hash(), Allowance::new(10, 6));
            let mut expected = None;
            // Past what counts, with pauses in which some of it and all of it is restored.
            let moments =
                (0..25).map(|_| NOW).chain([NOW.plus(7), NOW.plus(95 * MINUTE), LATER, LATER.plus(30 * MINUTE), NOW]);
            for now in moments {
                assert_eq!(tx.allowance_restored_at(own, &key).await?, expected);
                expected = Some(ten.used(expected, now));
                assert_eq!(Some(tx.use_allowance(own, &key, now, ten).await?), expected, "{now:?}");
            }
            assert_eq!(tx.allowance_restored_at(other, &key).await?, None);
            assert_eq!(tx.allowance_restored_at(own, &hash()).await?, None);
            let other_key = hash();
            assert!(!tx.tell_of_allowance(own, &other_key, NOW, NOW).await?, "nothing of it was used");
            assert!(tx.tell_of_allowance(own, &key, NOW, NOW).await?);
            assert!(!tx.tell_of_allowance(own, &key, NOW.plus(9), NOW.minus(1)).await?);
            assert!(tx.tell_of_allowance(own, &key, NOW.plus(9), NOW).await?);
            assert!(!tx.tell_of_allowance(other, &key, NOW.plus(99), NOW.plus(99)).await?);
            let end = expected.unwrap();
            assert_eq!(tx.delete_restored_allowances(end, 5).await?, 0);
            assert_eq!(tx.delete_restored_allowances(end.plus(1), 5).await?, 1);
            assert_eq!(tx.allowance_restored_at(own, &key).await?, None);
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    work.await.unwrap();
}

async fn concurrent_uses_of_an_allowance_all_count(db: &Db) {
    let own = stored_tenant(db, "a.example").await.id;
    let (key, store, hundred) = (hash(), &db.store, Allowance::new(100, 60));
    let done = winners(50, |_| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| async move { tx.use_allowance(own, &key, NOW, hundred).await.map(drop) }.boxed())
                .await
        }
    });
    assert_eq!(done.await, 50);
    let stands = db.store.read(move |tx| async move { tx.allowance_restored_at(own, &key).await }.boxed()).await;
    assert_eq!(stands.unwrap(), Some(NOW.plus(50 * MINUTE)));
}

// The clean-up takes rows in an order of its own: if it waited, it and a step could wait for each other.
// SQLite has one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_on_postgres_an_allowance_that_is_in_use_holds_up_no_clean_up() {
    on_postgres(|db| Box::pin(cleaned_up_beside_a_step(db))).await;
}

async fn cleaned_up_beside_a_step(db: &Db) {
    let own = stored_tenant(db, "a.example").await.id;
    let used = db.store.write(move |tx| {
        async move {
            for key in [hash(), hash()] {
                tx.use_allowance(own, &key, NOW, Allowance::new(10, 6)).await?;
            }
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    used.await.unwrap();
    let mut step = sqlx::PgConnection::connect(&db.options.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM allowances LIMIT 1 FOR UPDATE").execute(&mut step).await.unwrap();
    let clean_up = || async {
        let job = db.store.write(|tx| async { tx.delete_restored_allowances(NOW.plus(DAY), 5).await }.boxed());
        job.await.unwrap()
    };
    assert_eq!(clean_up().await, 1, "the other one");
    sqlx::raw_sql("COMMIT").execute(&mut step).await.unwrap();
    assert_eq!(clean_up().await, 1);
}

async fn sends_are_remembered_by_destination(db: &Db) {
    db.store
        .write(move |tx| {
            async move {
                let (one, other) = (hash(), hash());
                for at in [LATER, NOW, NOW] {
                    tx.note_send(&one, at).await?;
                }
                tx.note_send(&other, NOW).await?;
                assert_eq!(tx.recent_sends([&one, &other], NOW).await?, [vec![NOW, NOW, LATER], vec![NOW]]);
                assert_eq!(tx.recent_sends([&other, &one], NOW.plus(1)).await?, [vec![], vec![LATER]]);
                assert_eq!(tx.delete_old_sends(LATER).await?, 3);
                assert_eq!(tx.recent_sends([&other, &other], Timestamp(0)).await?, [vec![], vec![]]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

fn event(tenant: &Tenant, at: Timestamp) -> AuditEvent {
    AuditEvent {
        id: id(),
        tenant: tenant.id,
        at,
        actor: Some(id()),
        action: Action::PatientsListed,
        target: Some("target".into()),
        outcome: Outcome::Failure,
        ip: Some("192.0.2.1".into()),
        request: Some("r".into()),
        detail: serde_json::json!({ "method": "text_message" }),
    }
}

async fn c3_audit_events_never_change(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let (one, tenant) = (event(&own, NOW), own.id);
    let stored = one.clone();
    db.store.write(move |tx| async move { tx.append_audit(&stored).await }.boxed()).await.unwrap();
    for sql in ["UPDATE audit SET ip = NULL", "DELETE FROM audit"] {
        let refused = db.raw(sql).await.expect_err("refused").to_string();
        assert!(refused.contains("audit events never change"), "{refused}");
    }
    if db.store.is_postgres() {
        assert!(db.raw("TRUNCATE audit").await.is_err());
    }
    let listed = db.store.read(move |tx| async move { tx.list_audit(tenant, None, 10).await }.boxed());
    assert_eq!(listed.await.unwrap(), [one]);
}

async fn the_audit_log_is_read_newest_first_within_a_tenant(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let mut all: Vec<_> = (0..5).map(|n| event(&own, NOW.plus(n / 2))).collect();
                for event in &all {
                    tx.append_audit(event).await?;
                }
                tx.append_audit(&event(&other, NOW)).await?;
                all.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
                let first = tx.list_audit(own.id, None, 3).await?;
                assert_eq!(first, all[..3]);
                let cursor = AuditCursor { at: first[2].at, id: first[2].id };
                assert_eq!(tx.list_audit(own.id, Some(&cursor), 3).await?, all[3..]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn counters_add_up(db: &Db) {
    let own = stored_tenant(db, "a.example").await.id;
    let store = &db.store;
    let done = winners(40, |n| {
        let store = store.clone();
        async move {
            let (day, spread) = (100 + (n as i64) % 2, n as u8);
            let job = store.write(move |tx| {
                async move {
                    tx.bump_counter(own, "sign_ins", 0, 1, spread).await?;
                    tx.bump_counter(own, "sign_ins", day, 1, spread).await
                }
                .boxed()
            });
            job.await
        }
    });
    assert_eq!(done.await, 40);
    db.store
        .read(move |tx| {
            async move {
                assert_eq!(tx.counter_total(own, "sign_ins").await?, 40);
                assert_eq!(tx.counter_total(own, "sign_ups").await?, 0);
                assert_eq!(tx.counter_days(own, "sign_ins", 0, 200).await?, [(100, 20), (101, 20)]);
                assert_eq!(tx.counter_days(own, "sign_ins", 101, 101).await?, [(101, 20)]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn c1_the_audit_log_is_read_onwards_within_a_tenant_by_its_index(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let event = |n: i64, tenant: &Tenant, action| AuditEvent {
        id: id(),
        tenant: tenant.id,
        at: NOW.plus(n),
        actor: None,
        action,
        target: None,
        outcome: Outcome::Success,
        ip: None,
        request: None,
        detail: serde_json::json!({}),
    };
    let (foreign, mut events) = (event(2, &other, Action::SignIn), Vec::new());
    // Three at the same moment: the id says which comes first.
    events.extend((1..=3).map(|_| event(1, &own, Action::SignUp)));
    events.push(event(2, &own, Action::SignIn));
    events.push(event(3, &own, Action::SignUp));
    events.push(foreign.clone());
    let job = db.store.write(move |tx| {
        async move {
            for event in &events {
                tx.append_audit(event).await?;
            }
            let wanted = |after, action, limit| AuditWanted { after, action, limit };
            let all = tx.audit_after(own.id, &wanted(AuditCursor::before(NOW), None, 10)).await?;
            let mut sorted: Vec<_> = events.iter().filter(|event| event.tenant == own.id).cloned().collect();
            sorted.sort_by_key(|event| (event.at, event.id));
            assert_eq!(all, sorted);
            let mut after = AuditCursor::before(NOW.plus(1));
            for expected in &sorted {
                let page = tx.audit_after(own.id, &wanted(after, None, 1)).await?;
                assert_eq!(page.iter().map(|event| event.id).collect::<Vec<_>>(), [expected.id]);
                after = tx.audit_cursor(own.id, expected.id).await?.unwrap();
            }
            assert!(tx.audit_after(own.id, &wanted(after, None, 1)).await?.is_empty());
            let sign_ins = wanted(AuditCursor::before(NOW), Some(Action::SignIn), 10);
            assert_eq!(tx.audit_after(own.id, &sign_ins).await?, [sorted[3].clone()]);
            assert_eq!(tx.audit_after(own.id, &wanted(AuditCursor::before(NOW.plus(2)), None, 10)).await?.len(), 2);
            assert_eq!(tx.audit_cursor(own.id, foreign.id).await?, None, "another tenant's");
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    job.await.unwrap();
    super::plans::log_onwards(db).await;
}

async fn the_history_of_an_account_is_what_it_did_and_what_others_did_to_it_newest_first_by_indexes(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let stranger = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    let event = |n: i64, actor, action, outcome| AuditEvent {
        id: id(),
        tenant: own.id,
        at: NOW.plus(n * MINUTE),
        actor,
        action,
        target: None,
        outcome,
        ip: None,
        request: None,
        detail: serde_json::json!({}),
    };
    let on = |n, actor, action| AuditEvent {
        target: Some(account.to_string()),
        ..event(n, actor, action, Outcome::Success)
    };
    let events = vec![
        event(1, Some(account), Action::SignUp, Outcome::Success),
        event(2, Some(stranger), Action::SignIn, Outcome::Success),
        event(3, None, Action::SignIn, Outcome::Failure),
        event(4, Some(account), Action::PasswordChecked, Outcome::Success),
        event(5, Some(account), Action::PasswordChecked, Outcome::Failure),
        event(6, Some(account), Action::TokenRefreshed, Outcome::Success),
        event(7, Some(account), Action::SignIn, Outcome::Success),
        on(8, None, Action::RoleRevoked),
        on(9, Some(stranger), Action::PatientViewed),
        // Once, not twice: what one did to oneself.
        on(10, Some(account), Action::ProfileChanged),
        on(11, None, Action::CodeIssued),
        AuditEvent { target: Some(stranger.to_string()), ..event(12, None, Action::RoleRevoked, Outcome::Success) },
    ];
    db.store
        .write(move |tx| {
            async move {
                for event in &events {
                    tx.append_audit(event).await?;
                }
                let words = |list: &[AuditEvent]| list.iter().map(|event| event.action).collect::<Vec<_>>();
                let newest = tx.history_of(account, None, 3).await?;
                assert_eq!(words(&newest), [Action::ProfileChanged, Action::PatientViewed, Action::RoleRevoked]);
                let cursor = AuditCursor { at: newest[2].at, id: newest[2].id };
                let page = tx.history_of(account, Some(&cursor), 2).await?;
                assert_eq!(words(&page), [Action::SignIn, Action::PasswordChecked]);
                let cursor = AuditCursor { at: page[1].at, id: page[1].id };
                assert_eq!(words(&tx.history_of(account, Some(&cursor), 2).await?), [Action::SignUp]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
    super::plans::history(db).await;
}

async fn u24_the_changes_of_an_account_are_the_latest_of_each_kind_by_indexes(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let staff = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    let event = |n: i64, actor: Option<Id<Account>>, target: Id<Account>, action| AuditEvent {
        id: id(),
        tenant: own.id,
        at: NOW.plus(n),
        actor,
        action,
        target: Some(target.to_string()),
        outcome: Outcome::Success,
        ip: None,
        request: None,
        detail: serde_json::json!({}),
    };
    let of = |n, action| event(n, Some(account), account, action);
    let mut events = vec![
        of(0, Action::EmailChanged),
        of(1, Action::EmailChanged),
        AuditEvent { outcome: Outcome::Failure, ..of(2, Action::EmailChanged) },
        of(3, Action::SignIn),
        event(4, Some(staff), account, Action::PasswordReset),
        event(5, Some(staff), staff, Action::PasswordReset),
        event(6, None, account, Action::FactorRemoved),
    ];
    events.extend((0..300).map(|n| of(10 + n, Action::ProfileChanged)));
    db.store
        .write(move |tx| {
            async move {
                for event in &events {
                    tx.append_audit(event).await?;
                }
                let found = tx.changes_of(account, NOW.plus(1)).await?;
                let (flood, rest): (Vec<_>, Vec<_>) =
                    found.iter().partition(|event| event.action == Action::ProfileChanged);
                assert_eq!(flood.len(), usize::try_from(EACH_KIND).unwrap());
                assert_eq!(flood[0].at, NOW.plus(309), "the latest");
                let rest: Vec<_> = rest.iter().map(|event| (event.at.since(NOW), event.action)).collect();
                let wanted = [(6, Action::FactorRemoved), (4, Action::PasswordReset), (1, Action::EmailChanged)];
                assert_eq!(rest, wanted);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
    super::plans::changes(db).await;
}
