//! The store itself: transactions, group commit, the check of the schema.

use futures::{FutureExt as _, future::join_all};
use lanyard_domain::secret::Sealed;

use super::{contract, support::*};
use crate::{Constraint, OpenError, Schema, StorageError, Store};

contract!(
    d1_a_failed_job_leaves_nothing_and_others_of_the_batch_commit,
    d1_a_panicking_job_leaves_nothing_and_the_store_goes_on,
    d2_no_success_after_a_failed_statement,
    d13_a_schema_from_the_future_is_refused,
    d13_migrating_twice_changes_nothing,
    d1_jobs_that_ask_nothing_share_a_batch_and_harm_nobody,
    jobs_that_only_read_see_one_snapshot_and_what_was_committed,
    n9_a_change_that_began_is_carried_out_whoever_still_waits_for_it,
    a_closed_store_is_unavailable,
);

async fn d1_a_failed_job_leaves_nothing_and_others_of_the_batch_commit(db: &Db) {
    let jobs = (0..40).map(|n| {
        let store = db.store.clone();
        tokio::spawn(async move {
            let job = store.write(move |tx| {
                async move {
                    tx.create_tenant(&tenant(&format!("t{n}.example")), &Sealed(vec![1])).await?;
                    if n % 2 == 0 { Ok(()) } else { Err(StorageError::Inconsistent("on purpose")) }
                }
                .boxed()
            });
            job.await
        })
    });
    let results = join_all(jobs).await;
    let succeeded = results.iter().filter(|result| matches!(result, Ok(Ok(())))).count();
    assert_eq!(succeeded, 20);
    let listed = db.store.read(|tx| async { tx.list_tenants(None, 100).await }.boxed()).await.unwrap();
    assert_eq!(listed.len(), 20);
    assert!(listed.iter().all(|t| t.domain.as_str()[1..].split('.').next().unwrap().parse::<u32>().unwrap() % 2 == 0));
}

async fn d1_a_panicking_job_leaves_nothing_and_the_store_goes_on(db: &Db) {
    let job = db.store.write::<(), StorageError, _>(|tx| {
        async move {
            tx.create_tenant(&tenant("gone.example"), &Sealed(vec![1])).await?;
            panic!("on purpose");
        }
        .boxed()
    });
    assert!(matches!(job.await, Err(StorageError::Inconsistent(_))));
    stored_tenant(db, "stays.example").await;
    let listed = db.store.read(|tx| async { tx.list_tenants(None, 100).await }.boxed()).await.unwrap();
    assert_eq!(listed.iter().map(|t| t.domain.as_str()).collect::<Vec<_>>(), ["stays.example"]);
}

// A job that swallows a driver's error must not be told "committed" when nothing was kept.
async fn d2_no_success_after_a_failed_statement(db: &Db) {
    let same = session(&stored_tenant(db, "a.example").await, id(), hash());
    let job = db.store.write::<(), StorageError, _>(move |tx| {
        async move {
            tx.create_tenant(&tenant("b.example"), &Sealed(vec![1])).await?;
            // No such account: the reference is refused.
            assert!(tx.create_session(&same).await.is_err());
            Ok(())
        }
        .boxed()
    });
    let told = job.await.is_ok();
    let listed = db.store.read(|tx| async { tx.list_tenants(None, 100).await }.boxed()).await.unwrap();
    assert_eq!(told, listed.len() == 2, "told {told}, stored {}", listed.len());
}

async fn d13_a_schema_from_the_future_is_refused(db: &Db) {
    assert_eq!(db.store.schema().await.unwrap(), Schema::Current);
    let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    db.raw(insert).await.unwrap();
    match Store::connect(&db.options).await {
        Err(OpenError::FromTheFuture { found: 9999, .. }) => {}
        other => panic!("{other:?}"),
    }
}

async fn d13_migrating_twice_changes_nothing(db: &Db) {
    stored_tenant(db, "a.example").await;
    db.store.migrate().await.unwrap();
    let listed = db.store.read(|tx| async { tx.list_tenants(None, 100).await }.boxed()).await.unwrap();
    assert_eq!(listed.len(), 1);
}

// A sign of life among writes that wait: all of them go into one batch of SQLite's.
async fn d1_jobs_that_ask_nothing_share_a_batch_and_harm_nobody(db: &Db) {
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let first = db.store.write(move |_| async move { held.await.map_err(|_| StorageError::Conflict) }.boxed());
    let mut first = Box::pin(first);
    assert!(first.as_mut().now_or_never().is_none(), "it is under way, and asks nothing");
    let stored = |domain: &'static str| {
        Box::pin(
            db.store.write(move |tx| async move { tx.create_tenant(&tenant(domain), &Sealed(vec![1])).await }.boxed()),
        )
    };
    let (mut one, mut two) = (stored("one.example"), stored("two.example"));
    let mut pings = [Box::pin(db.store.ping()), Box::pin(db.store.ping())];
    assert!(pings[0].as_mut().now_or_never().is_none());
    assert!(one.as_mut().now_or_never().is_none());
    assert!(pings[1].as_mut().now_or_never().is_none());
    assert!(two.as_mut().now_or_never().is_none());
    release.send(()).unwrap();
    let [ping, pong] = pings;
    let (first, ping, one, pong, two) = tokio::join!(first, ping, one, pong, two);
    first.and(ping).and(one).and(pong).and(two).unwrap();
    let listed = db.store.read(|tx| async { tx.list_tenants(None, 10).await }.boxed()).await.unwrap();
    assert_eq!(listed.len(), 2);
}

async fn jobs_that_only_read_see_one_snapshot_and_what_was_committed(db: &Db) {
    let writer = db.store.clone();
    let (before, after) = db
        .store
        .read(|tx| {
            async move {
                let before = tx.list_tenants(None, 10).await?.len();
                let new = tenant("meanwhile.example");
                writer.write(move |tx| async move { tx.create_tenant(&new, &Sealed(vec![1])).await }.boxed()).await?;
                Ok::<_, StorageError>((before, tx.list_tenants(None, 10).await?.len()))
            }
            .boxed()
        })
        .await
        .unwrap();
    assert_eq!((before, after), (0, 0));
    let now = db.store.read(|tx| async { tx.list_tenants(None, 10).await }.boxed()).await.unwrap();
    assert_eq!(now.len(), 1);
    let again = tenant("meanwhile.example");
    let taken = db.store.write(move |tx| async move { tx.create_tenant(&again, &Sealed(vec![1])).await }.boxed());
    assert!(matches!(taken.await, Err(StorageError::Unique(Constraint::TenantDomain))));
}

// Whoever hangs up would otherwise take back what was counted of their guess.
async fn n9_a_change_that_began_is_carried_out_whoever_still_waits_for_it(db: &Db) {
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let job = db.store.write(move |tx| {
        async move {
            tx.set_meta("first", b"counted").await?;
            begin.send(()).map_err(|()| StorageError::Conflict)?;
            held.await.map_err(|_| StorageError::Conflict)?;
            tx.set_meta("second", b"counted").await
        }
        .boxed()
    });
    let mut job = Box::pin(job);
    tokio::select! {
        done = &mut job => panic!("it is held: {done:?}"),
        begun = begun => begun.unwrap(),
    }
    drop(job);
    release.send(()).expect("it goes on");
    // Closing waits for it.
    db.store.close().await;
    let again = Store::connect(&db.options).await.unwrap();
    for key in ["first", "second"] {
        let found = again.read(move |tx| async move { tx.meta(key).await }.boxed()).await.unwrap();
        assert_eq!(found.as_deref(), Some(&b"counted"[..]), "{key}");
    }
    again.close().await;
}

async fn a_closed_store_is_unavailable(db: &Db) {
    db.store.ping().await.unwrap();
    db.store.close().await;
    assert!(matches!(db.store.ping().await, Err(StorageError::Unavailable(_))));
}

// Handlers are spawned: what the store returns must be fit to move between threads.
#[allow(dead_code, clippy::let_underscore_future)]
fn futures_are_send(store: &'static Store, options: &'static crate::StoreOptions) {
    fn send<T: Send>(_: T) {}
    send(Store::connect(options));
    send(store.migrate());
    send(store.schema());
    send(store.read(|tx| async { tx.list_tenants(None, 1).await }.boxed()));
    send(store.write(|tx| async { tx.set_meta("k", b"v").await }.boxed()));
    send(store.ping());
    send(store.close());
}

#[test]
fn d13_migrations_come_in_pairs_with_the_same_tables() {
    let (sqlite, postgres) = (&crate::sqlite::MIGRATIONS, &crate::postgres::MIGRATIONS);
    let names = |all: &sqlx::migrate::Migrator| {
        all.iter().map(|migration| (migration.version, migration.description.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(names(sqlite), names(postgres));
    // Each column of each table, in order, without its type.
    let columns = |all: &sqlx::migrate::Migrator| -> Vec<String> {
        let sql: String = all.iter().map(|migration| migration.sql.as_str().to_owned()).collect();
        let tables = sql.split("CREATE TABLE ").skip(1).map(|rest| rest.split("\n)").next().unwrap_or_default());
        tables.flat_map(str::lines).filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
    };
    assert!(columns(sqlite).len() > 150);
    assert_eq!(columns(sqlite), columns(postgres));
}
