//! Remembered browsers.

use futures::FutureExt as _;
use lanyard_domain::{
    account::Account,
    assurance::Authentication,
    clock::{DAY, MINUTE},
    grant::Grant,
    id::Id,
    remembered::{LOST_ANSWER, RememberedBrowser},
    session::Session,
    tenant::Tenant,
};

use super::{contract, plans, support::*};
use crate::StorageError;

const AT_ONCE: usize = 100;

contract!(
    d7_concurrent_uses_of_a_remembered_browser_one_winner,
    d7_concurrent_repeats_of_a_lost_answer_leave_one_secret,
    n22_a_secret_is_used_once_and_in_its_time,
    n22_a_lost_answer_is_repeated_in_its_time_until_its_successor_is_used,
    n22_what_a_browser_opened_is_found_and_ended_and_nothing_else,
    n22_the_rows_of_before_are_found_by_what_they_say,
    n22_what_a_browser_opened_is_found_by_its_index,
    a19_the_browser_that_a_session_had_remembered_is_forgotten_by_it,
    n22_the_longest_unused_browser_makes_room,
    a25_a_browser_is_found_and_forgotten_by_its_own_tenant_and_account_alone,
    n22_browsers_are_forgotten_together_and_with_their_account,
);

fn browser(tenant: &Tenant, account: Id<Account>) -> RememberedBrowser {
    RememberedBrowser {
        id: id(),
        tenant: tenant.id,
        account,
        series: hash(),
        token: hash(),
        previous: None,
        session: None,
        label: "Firefox on Linux".into(),
        network: "203.0.113.7".into(),
        created_at: NOW,
        last_used_at: None,
        expires_at: NOW.plus(30 * DAY),
    }
}

async fn d7_concurrent_uses_of_a_remembered_browser_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (made, store) = (browser(&own, account), &db.store);
    let (id, used) = (made.id, made.token);
    store.write(move |tx| async move { tx.remember_browser(&made).await }.boxed()).await.unwrap();
    let won = winners(AT_ONCE, |_| {
        let store = store.clone();
        async move {
            let next = hash();
            let both = [used, used];
            store
                .write(move |tx| async move { tx.renew_remembered(id, both.each_ref(), &next, "", NOW).await }.boxed())
                .await
        }
    });
    assert_eq!(won.await, 1);
}

// Each reads which successor was lost, as a step does: one of them is the last, and its secret alone lives.
async fn d7_concurrent_repeats_of_a_lost_answer_leave_one_secret(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let (made, store, lost) = (browser(&own, account), &db.store, hash());
    let (id, used, tenant) = (made.id, made.token, own.id);
    store
        .write(move |tx| {
            async move {
                tx.remember_browser(&made).await?;
                tx.renew_remembered(id, [&used, &used], &lost, "", NOW).await
            }
            .boxed()
        })
        .await
        .unwrap();
    // All of the same successor: one wins.
    let won = winners(AT_ONCE, |_| {
        let store = store.clone();
        async move {
            let next = hash();
            let both = [used, lost];
            store
                .write(move |tx| async move { tx.renew_remembered(id, both.each_ref(), &next, "", NOW).await }.boxed())
                .await
        }
    });
    assert_eq!(won.await, 1);
    // Each of the successor that it finds: whoever wins, the entry has one secret, and that is a winner's.
    let given = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let won = winners(AT_ONCE, |_| {
        let (store, given) = (store.clone(), given.clone());
        async move {
            let next = hash();
            let done: Result<(), StorageError> = store
                .write(move |tx| {
                    async move {
                        let found = tx.remembered_by_id(tenant, id).await?.expect("it stands");
                        tx.renew_remembered(id, [&used, &found.token], &next, "", NOW).await
                    }
                    .boxed()
                })
                .await;
            if done.is_ok() {
                given.lock().unwrap().push(next);
            }
            done
        }
    });
    assert!(won.await >= 1);
    let found = store.read(move |tx| async move { tx.remembered_by_id(tenant, id).await }.boxed()).await.unwrap();
    let live = found.unwrap();
    assert!(given.lock().unwrap().contains(&live.token));
    assert_eq!((live.previous, live.last_used_at), (Some(used), Some(NOW)));
}

async fn n22_a_lost_answer_is_repeated_in_its_time_until_its_successor_is_used(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (made, [first, second, third, fourth]) = (browser(&own, account), [(); 4].map(|()| hash()));
                let (id, at) = (made.id, NOW.plus(MINUTE));
                tx.remember_browser(&made).await?;
                tx.renew_remembered(id, [&made.token, &made.token], &first, "", at).await?;
                let late = tx.renew_remembered(id, [&made.token, &first], &second, "", at.plus(LOST_ANSWER)).await;
                assert!(matches!(late, Err(StorageError::Conflict)));
                let other = tx.renew_remembered(id, [&hash(), &first], &second, "", at).await;
                assert!(matches!(other, Err(StorageError::Conflict)), "not the one that was used");
                let soon = at.plus(LOST_ANSWER - 1);
                tx.renew_remembered(id, [&made.token, &first], &second, "198.51.100.1", soon).await?;
                let stored = tx.remembered_by_id(own.id, id).await?.expect("it stands");
                let repeated = RememberedBrowser {
                    token: second,
                    previous: Some(made.token),
                    last_used_at: Some(at),
                    network: "198.51.100.1".into(),
                    ..made.clone()
                };
                assert_eq!(stored, repeated, "the time of the first use stands");
                // The successor that was lost is dead, and the new one counts.
                let dead = tx.renew_remembered(id, [&first, &first], &third, "", soon).await;
                assert!(matches!(dead, Err(StorageError::Conflict)));
                tx.renew_remembered(id, [&second, &second], &third, "", soon).await?;
                let used = tx.renew_remembered(id, [&made.token, &third], &fourth, "", soon).await;
                assert!(matches!(used, Err(StorageError::Conflict)), "its successor was used");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// A sign-in in which `browser` stood in.
fn recognised(account: Id<Account>, browser: Id<RememberedBrowser>) -> Authentication {
    let happened = serde_json::json!({
        "account": account, "at": NOW, "password": true, "long_password": true, "email_proved": false,
        "second": [], "remembered": browser, "new_account": false,
    });
    serde_json::from_value(happened).expect("the form in which it is stored")
}

async fn n22_what_a_browser_opened_is_found_and_ended_and_nothing_else(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (copied, other) = (browser(&own, account), browser(&own, account));
                let opened = |by| Session { authentication: recognised(account, by), ..session(&own, account, hash()) };
                let given = |by| Grant { authentication: recognised(account, by), ..grant(&own, account) };
                let (ours, over, theirs) = (opened(copied.id), opened(copied.id), opened(other.id));
                let by_factor = session(&own, account, hash());
                for made in [&ours, &over, &theirs, &by_factor] {
                    tx.create_session(made).await?;
                }
                tx.end_session(over.id, NOW).await?;
                let grants = [given(copied.id), given(copied.id), given(other.id), grant(&own, account)];
                for made in &grants {
                    tx.create_grant(made).await?;
                }
                tx.revoke_grant(grants[1].id, NOW).await?;
                let found = tx.sessions_of_browser(copied.id).await?;
                let mut ids: Vec<_> = found.iter().map(|session| session.id).collect();
                ids.sort();
                let mut expected = [ours.id, over.id];
                expected.sort();
                assert_eq!(ids, expected, "ended or not");
                assert_eq!(tx.revoke_grants_of_browser(copied.id, NOW).await?, 1);
                for (grant, revoked) in grants.iter().zip([true, true, false, false]) {
                    let stored = tx.grant_by_id(grant.id).await?.expect("it is there");
                    assert_eq!(stored.revoked_at.is_some(), revoked);
                }
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// What the migration makes of rows that were written before it, word for word.
async fn n22_the_rows_of_before_are_found_by_what_they_say(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let made = browser(&own, account);
    let id = made.id;
    let (one, two) = (session(&own, account, hash()), session(&own, account, hash()));
    let (by_browser, by_factor) = (grant(&own, account), grant(&own, account));
    let (of_one, of_grant) = (one.id, by_browser.id);
    db.store
        .write(move |tx| {
            async move {
                let recognised = recognised(account, made.id);
                tx.create_session(&Session { authentication: recognised.clone(), ..one }).await?;
                tx.create_session(&two).await?;
                tx.create_grant(&Grant { authentication: recognised, ..by_browser }).await?;
                tx.create_grant(&by_factor).await
            }
            .boxed()
        })
        .await
        .unwrap();
    db.raw("UPDATE sessions SET remembered = NULL; UPDATE grants SET remembered = NULL").await.unwrap();
    let migration = match db.store.is_postgres() {
        true => include_str!("../../migrations/postgres/0039_copied_browsers.sql"),
        false => include_str!("../../migrations/sqlite/0039_copied_browsers.sql"),
    };
    let updates: Vec<&str> = migration.lines().filter(|line| line.starts_with("UPDATE")).collect();
    assert_eq!(updates.len(), 2);
    db.raw(&updates.join("\n")).await.unwrap();
    db.store
        .write(move |tx| {
            async move {
                let found = tx.sessions_of_browser(id).await?;
                assert_eq!(found.iter().map(|session| session.id).collect::<Vec<_>>(), [of_one]);
                assert_eq!(tx.revoke_grants_of_browser(id, NOW).await?, 1);
                assert!(tx.grant_by_id(of_grant).await?.expect("it is there").revoked_at.is_some());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_what_a_browser_opened_is_found_by_its_index(db: &Db) {
    plans::of_browser(db).await;
}

async fn a19_the_browser_that_a_session_had_remembered_is_forgotten_by_it(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let session = id();
                let made = RememberedBrowser { session: Some(session), ..browser(&own, account) };
                let another = RememberedBrowser { session: Some(id()), ..browser(&own, account) };
                for browser in [&made, &another, &browser(&own, account)] {
                    tx.remember_browser(browser).await?;
                }
                assert_eq!(tx.forget_remembered_by(other, session).await?, 0);
                assert_eq!(tx.forget_remembered_by(account, session).await?, 1);
                assert_eq!(tx.remembered_by_id(own.id, made.id).await?, None);
                assert_eq!(tx.remembered_of_account(account, NOW).await?.len(), 2);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_a_secret_is_used_once_and_in_its_time(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (made, next, unknown) = (browser(&own, account), hash(), hash());
                let present = [&made.token, &made.token];
                tx.remember_browser(&made).await?;
                assert_eq!(tx.remembered_by_series(own.id, &made.series).await?.as_ref(), Some(&made));
                let wrong = tx.renew_remembered(made.id, [&unknown, &unknown], &next, "", NOW).await;
                assert!(matches!(wrong, Err(StorageError::Conflict)));
                let late = tx.renew_remembered(made.id, present, &next, "", made.expires_at).await;
                assert!(matches!(late, Err(StorageError::Conflict)));
                let at = NOW.plus(MINUTE);
                tx.renew_remembered(made.id, present, &next, "198.51.100.1", at).await?;
                let again = tx.renew_remembered(made.id, present, &hash(), "", at).await;
                assert!(matches!(again, Err(StorageError::Conflict)));
                let used = RememberedBrowser {
                    token: next,
                    previous: Some(made.token),
                    last_used_at: Some(at),
                    network: "198.51.100.1".into(),
                    ..made.clone()
                };
                assert_eq!(tx.remembered_by_id(own.id, made.id).await?, Some(used), "its end and its name stand");
                assert_eq!(tx.remembered_of_account(account, made.expires_at).await?, []);
                assert_eq!(tx.delete_expired_remembered(made.expires_at, 5).await?, 0);
                assert_eq!(tx.delete_expired_remembered(made.expires_at.plus(1), 5).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_the_longest_unused_browser_makes_room(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let mut made = Vec::new();
                for at in 0..4 {
                    let one = RememberedBrowser { created_at: NOW.plus(at), ..browser(&own, account) };
                    tx.remember_browser(&one).await?;
                    made.push(one);
                }
                tx.remember_browser(&browser(&own, other)).await?;
                tx.renew_remembered(made[0].id, [&made[0].token, &made[0].token], &hash(), "", NOW.plus(MINUTE))
                    .await?;
                tx.trim_remembered(account, 2).await?;
                let left = tx.remembered_of_account(account, NOW).await?;
                assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [made[0].id, made[3].id]);
                assert_eq!(tx.remembered_of_account(other, NOW).await?.len(), 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a25_a_browser_is_found_and_forgotten_by_its_own_tenant_and_account_alone(db: &Db) {
    let (own, elsewhere) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let made = browser(&own, account);
                tx.remember_browser(&made).await?;
                assert_eq!(tx.remembered_by_series(elsewhere.id, &made.series).await?, None);
                assert_eq!(tx.remembered_by_id(elsewhere.id, made.id).await?, None);
                assert_eq!(tx.remembered_by_series(own.id, &made.token).await?, None);
                tx.forget_series(elsewhere.id, &made.series).await?;
                assert!(!tx.forget_remembered(other, made.id).await?);
                assert!(tx.forget_remembered(account, made.id).await?);
                assert!(!tx.forget_remembered(account, made.id).await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn n22_browsers_are_forgotten_together_and_with_their_account(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let (one, two, theirs) = (browser(&own, account), browser(&own, account), browser(&own, other));
                for made in [&one, &two, &theirs] {
                    tx.remember_browser(made).await?;
                }
                tx.forget_series(own.id, &one.series).await?;
                assert_eq!(tx.forget_all_remembered(account).await?, 1);
                assert_eq!(tx.remembered_of_account(other, NOW).await?, [theirs]);
                tx.plan_deletion(other, NOW).await?;
                tx.delete_account(other, NOW).await?;
                assert_eq!(tx.remembered_of_account(other, NOW).await?, []);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
