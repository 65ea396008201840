//! A refresh that was judged beforehand: one statement, which holds only while what was judged stands.

use futures::FutureExt as _;
use lanyard_domain::{
    account::Account,
    audit::{Action, AuditEvent, Outcome},
    clock::{DAY, Timestamp},
    grant::{CLOCK_AHEAD, Grant, RefreshToken},
    id::Id,
    tenant::Tenant,
};
use sqlx::Connection as _;

use super::{contract, support::*};
use crate::{Exchange, StorageError, Store};

contract!(
    a29_a_judged_exchange_happens_whole_or_not_at_all,
    a29_a_judged_exchange_holds_only_while_all_of_it_stands,
    f29_judged_and_locked_exchanges_at_once_have_one_winner,
    a29_a_judged_exchange_loses_to_a_revocation_on_its_way,
    f29_of_many_exchanges_at_once_each_is_judged_for_itself,
    a29_tokens_that_are_looked_up_at_once_are_each_found_for_itself,
    c1_what_was_judged_by_an_older_configuration_is_not_noted,
);

// A family of one token, and the version of its tenant's configuration.
async fn family(db: &Db, tenant: &Tenant, account: Id<Account>) -> (Grant, RefreshToken, i64) {
    let one = grant(tenant, account);
    let token = refresh_token(&one);
    let (stored, first, of) = (one.clone(), token.clone(), tenant.id);
    let job = db.store.write(move |tx| {
        async move {
            tx.create_grant(&stored).await?;
            tx.create_refresh_token(&first).await?;
            tx.configuration_version(of).await
        }
        .boxed()
    });
    (one, token, job.await.unwrap().expect("a version"))
}

fn exchange(tenant: &Tenant, token: &RefreshToken, next: RefreshToken, configuration: i64) -> Exchange {
    let event = AuditEvent {
        id: id(),
        tenant: tenant.id,
        at: LATER,
        actor: None,
        action: Action::TokenRefreshed,
        target: Some("an application".to_owned()),
        outcome: Outcome::Success,
        ip: Some("192.0.2.1".to_owned()),
        request: None,
        detail: serde_json::json!({"again": false}),
    };
    Exchange { hash: token.hash, next, at: LATER, configuration, event }
}

async fn events(store: &Store, tenant: &Tenant) -> Vec<AuditEvent> {
    let of = tenant.id;
    store.read(move |tx| async move { tx.list_audit(of, None, 1000).await }.boxed()).await.unwrap()
}

async fn token(store: &Store, token: &RefreshToken) -> Option<RefreshToken> {
    let hash = token.hash;
    store.read(move |tx| async move { tx.refresh_token(&hash).await }.boxed()).await.unwrap()
}

async fn a29_a_judged_exchange_happens_whole_or_not_at_all(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, first, version) = family(db, &own, account).await;
    let next = refresh_token(&one);
    let judged = exchange(&own, &first, next.clone(), version);
    let event = judged.event.clone();
    let before = db.store.commits();
    db.store.exchange(judged).await.unwrap();
    assert!(db.store.commits() > before, "what was read before is out of date");
    let used = RefreshToken { used_at: Some(LATER), replaced_by: Some(next.hash), ..first.clone() };
    assert_eq!(token(&db.store, &first).await, Some(used.clone()));
    assert_eq!(token(&db.store, &next).await, Some(next.clone()));
    assert_eq!(events(&db.store, &own).await, [event]);

    // An event whose id is taken fails, and everything with it.
    let mut twice = exchange(&own, &next, refresh_token(&one), version);
    twice.event.id = events(&db.store, &own).await[0].id;
    let after = twice.next.clone();
    db.store.exchange(twice).await.unwrap_err();
    assert_eq!(token(&db.store, &next).await, Some(next));
    assert_eq!(token(&db.store, &after).await, None);
    assert_eq!(events(&db.store, &own).await.len(), 1);
    db.store.ping().await.unwrap();
}

async fn a29_a_judged_exchange_holds_only_while_all_of_it_stands(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let other = stored_tenant(db, "b.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, first, version) = family(db, &own, account).await;
    let (foreign, ..) = family(db, &own, account).await;
    let (revoked, dead, _) = family(db, &own, account).await;
    let (gone, used, _) = family(db, &own, account).await;
    db.store.exchange(exchange(&own, &used, refresh_token(&gone), version)).await.unwrap();
    let of = revoked.id;
    db.store.write(move |tx| async move { tx.revoke_grant(of, LATER).await }.boxed()).await.unwrap();

    let judged = |token: &RefreshToken, next: &Grant| exchange(&own, token, refresh_token(next), version);
    let at = |at: Timestamp| Exchange { at, ..judged(&first, &one) };
    for (why, refused) in [
        ("used", judged(&used, &gone)),
        ("revoked", judged(&dead, &revoked)),
        ("of another grant", judged(&first, &foreign)),
        ("unknown", judged(&refresh_token(&one), &one)),
        ("over", at(NOW.plus(DAY))),
        ("not yet", at(NOW.minus(CLOCK_AHEAD + 1))),
        ("another configuration", exchange(&own, &first, refresh_token(&one), version - 1)),
    ] {
        let next = refused.next.clone();
        let result = db.store.exchange(refused).await;
        assert!(matches!(result, Err(StorageError::Conflict)), "{why}: {result:?}");
        assert_eq!(token(&db.store, &next).await, None, "{why}");
        assert_eq!(events(&db.store, &own).await.len(), 1, "{why}");
    }
    assert_eq!(token(&db.store, &first).await, Some(first.clone()));

    // Another tenant's changes are none of ours; one of our own is.
    let change = |tenant: Id<Tenant>| {
        db.store.write(move |tx| async move { tx.set_second_approver(tenant, true).await }.boxed())
    };
    change(other.id).await.unwrap();
    db.store.exchange(at(NOW.minus(CLOCK_AHEAD))).await.unwrap();
    let (one, first, version) = family(db, &own, account).await;
    change(own.id).await.unwrap();
    let late = db.store.exchange(exchange(&own, &first, refresh_token(&one), version)).await;
    assert!(matches!(late, Err(StorageError::Conflict)), "{late:?}");
}

// Both ways take the grant before the token: none waits for the other in a ring.
async fn f29_judged_and_locked_exchanges_at_once_have_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, first, version) = family(db, &own, account).await;
    let (hash, nexts) = (first.hash, Vec::from_iter((0..100).map(|_| refresh_token(&one))));
    let won = winners(100, |n| {
        let (store, next) = (db.store.clone(), nexts[n].clone());
        let judged = exchange(&own, &first, next.clone(), version);
        async move {
            if n % 2 == 0 {
                return store.exchange(judged).await;
            }
            let job = store.write(move |tx| {
                async move {
                    tx.lock_refresh_token(&hash).await?.expect("the token");
                    tx.exchange_refresh_token(&hash, &next, LATER).await
                }
                .boxed()
            });
            job.await
        }
    });
    assert_eq!(won.await, 1);
    let mut stored = Vec::new();
    for next in &nexts {
        stored.extend(token(&db.store, next).await.map(|next| next.hash));
    }
    let used = token(&db.store, &first).await.expect("the token");
    assert_eq!(stored, Vec::from_iter(used.replaced_by), "one successor, the one that it was exchanged for");
    assert!(events(&db.store, &own).await.len() <= 1);
}

async fn a29_a_judged_exchange_loses_to_a_revocation_on_its_way(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, first, version) = family(db, &own, account).await;
    let (next, of) = (refresh_token(&one), one.id);
    let (did, done) = tokio::sync::oneshot::channel();
    let (go, on) = tokio::sync::oneshot::channel::<()>();
    let store = db.store.clone();
    let revocation = tokio::spawn(async move {
        let job = store.write(move |tx| {
            async move {
                tx.revoke_grant(of, LATER).await?;
                let _ = did.send(());
                let _ = on.await;
                Ok::<_, StorageError>(())
            }
            .boxed()
        });
        job.await
    });
    done.await.expect("the revocation is on its way");
    let (store, judged) = (db.store.clone(), exchange(&own, &first, next.clone(), version));
    let exchanged = tokio::spawn(async move { store.exchange(judged).await });
    // SQLite's one writer takes it up afterwards; PostgreSQL leaves the grant to who has it, and nobody waits.
    while db.store.is_postgres() && !exchanged.is_finished() {
        tokio::task::yield_now().await;
    }
    go.send(()).expect("the revocation waits");
    revocation.await.expect("no panic").expect("revoked");
    let exchanged = exchanged.await.expect("no panic");
    assert!(matches!(exchanged, Err(StorageError::Conflict)), "{exchanged:?}");
    assert_eq!(token(&db.store, &next).await, None);
    assert_eq!(token(&db.store, &first).await, Some(first));
    assert!(events(&db.store, &own).await.is_empty());
}

// Whichever of them share a statement: what becomes of one is nothing to the others.
async fn f29_of_many_exchanges_at_once_each_is_judged_for_itself(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, before, version) = family(db, &own, account).await;
    let taken = exchange(&own, &before, refresh_token(&one), version);
    let id_taken = taken.event.id;
    db.store.exchange(taken).await.unwrap();

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Fate {
        Stands,
        Revoked,
        OlderConfiguration,
        // The database itself refuses it, and with it whatever is in the same statement.
        EventIdTaken,
    }
    use Fate::{EventIdTaken, OlderConfiguration, Revoked, Stands};
    let mut all = Vec::new();
    for fate in [Stands, Revoked, Stands, OlderConfiguration, Stands, EventIdTaken].repeat(8) {
        let (grant, first, version) = family(db, &own, account).await;
        let next = refresh_token(&grant);
        if fate == Revoked {
            db.store.write(move |tx| async move { tx.revoke_grant(grant.id, LATER).await }.boxed()).await.unwrap();
        }
        let mut judged = exchange(&own, &first, next.clone(), version - i64::from(fate == OlderConfiguration));
        if fate == EventIdTaken {
            judged.event.id = id_taken;
        }
        all.push((fate, first, next, judged));
    }
    let tasks = all.into_iter().map(|(fate, first, next, judged)| {
        let store = db.store.clone();
        tokio::spawn(async move { (fate, first, next, store.exchange(judged).await) })
    });
    for done in futures::future::join_all(tasks.collect::<Vec<_>>()).await {
        let (fate, first, next, result) = done.expect("no panic");
        let expected = match fate {
            Stands => result.is_ok(),
            Revoked | OlderConfiguration => matches!(result, Err(StorageError::Conflict)),
            EventIdTaken => matches!(result, Err(StorageError::Driver(_))),
        };
        assert!(expected, "{fate:?}: {result:?}");
        assert_eq!(token(&db.store, &next).await.is_some(), fate == Stands, "{fate:?}");
        let used = token(&db.store, &first).await.expect("the token");
        assert_eq!(used.replaced_by, (fate == Stands).then_some(next.hash), "{fate:?}");
    }
    assert_eq!(events(&db.store, &own).await.len(), 1 + 3 * 8, "an event for each that was carried out");
}

// Of PostgreSQL alone: nothing can hold a row up within SQLite's writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f29_on_postgres_an_exchange_that_began_is_carried_out_whoever_still_waits_for_it() {
    on_postgres(|db| Box::pin(carried_out_though_nobody_waits(db))).await;
}

async fn carried_out_though_nobody_waits(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, first, version) = family(db, &own, account).await;
    let mut other = sqlx::PgConnection::connect(&db.options.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM refresh_tokens FOR UPDATE").execute(&mut other).await.unwrap();
    let (store, judged) = (db.store.clone(), exchange(&own, &first, refresh_token(&one), version));
    let exchanged = tokio::spawn(async move { store.exchange(judged).await });
    let waits =
        "SELECT 1 / count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while db.raw(waits).await.is_err() {
        assert!(!exchanged.is_finished(), "it waits for the row");
    }
    exchanged.abort();
    assert!(exchanged.await.unwrap_err().is_cancelled());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let patience = std::time::Instant::now();
    while token(&db.store, &first).await.is_none_or(|first| first.used_at.is_none()) {
        assert!(patience.elapsed().as_secs() < 10, "never carried out");
    }
    assert_eq!(events(&db.store, &own).await.len(), 1);
}

async fn a29_tokens_that_are_looked_up_at_once_are_each_found_for_itself(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let mut tokens = Vec::new();
    for _ in 0..12 {
        let (grant, token, version) = family(db, &own, account).await;
        tokens.push((token.clone(), Some((grant.id, version))));
        // One that nobody has, and the same one again.
        tokens.push((refresh_token(&grant), None));
        tokens.push((token, Some((grant.id, version))));
    }
    let tasks = tokens.into_iter().map(|(token, expected)| {
        let store = db.store.clone();
        tokio::spawn(async move { (store.refresh_token_at_hand(token.hash).await, token, expected) })
    });
    for done in futures::future::join_all(tasks.collect::<Vec<_>>()).await {
        let (found, token, expected) = done.expect("no panic");
        let found = found.unwrap();
        assert_eq!(found.as_ref().map(|(_, at_hand)| (at_hand.grant.id, at_hand.configuration)), expected);
        assert!(found.is_none_or(|(found, at_hand)| found == token && at_hand.account.is_some()));
    }
}

async fn c1_what_was_judged_by_an_older_configuration_is_not_noted(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (one, first, version) = family(db, &own, account).await;
    let event = || exchange(&own, &first, refresh_token(&one), version).event;
    let (noted, before) = (event(), db.store.commits());
    db.store.note(noted.clone(), version).await.unwrap();
    assert!(db.store.commits() > before);
    for other in [version - 1, version + 1] {
        let refused = db.store.note(event(), other).await;
        assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");
    }
    let strangers = db.store.note(AuditEvent { tenant: id(), ..event() }, version).await;
    assert!(matches!(strangers, Err(StorageError::Conflict)), "{strangers:?}");
    assert_eq!(events(&db.store, &own).await, [noted]);
}
