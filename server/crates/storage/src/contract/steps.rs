//! What a request about a journey reads in one statement, changes gathered, and the count of
//! changes to the configuration.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use lanyard_domain::{
    allowance::Allowance,
    application::SigningAlgorithm,
    attribute::{Attribute, AttributeKind},
    clock::Timestamp,
    delays::Delays,
    journey::Whose,
    secret::Sealed,
};

use super::{contract, support::*};
use crate::{JourneySave, NewSigningKey, SignInKeys, StepWants, StorageError};

contract!(
    d11_a_journey_at_hand_is_one_statement_for_known_and_unknown,
    the_facts_of_a_step_come_together,
    d7_d11_guesses_at_an_address_follow_one_another_whether_anybody_has_it_or_not,
    gathered_changes_keep_their_order_and_nothing_reads_past_them,
    a_gathered_change_that_misses_takes_back_its_job_alone,
    a_gathered_change_cannot_be_left_behind,
    every_change_of_the_configuration_is_counted_and_nothing_else,
    d4_a_job_that_was_given_up_costs_no_reader,
);

async fn d11_a_journey_at_hand_is_one_statement_for_known_and_unknown(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("maria@a.example", "Maria", "Lopez")).await;
    stored_account(db, &other, patient("mario@a.example", "Mario", "Rossi")).await;
    let begun = journey(&own, &flow(&own, "f"));
    let journey = begun.header.id;
    let create = db.store.write(move |tx| {
        async move {
            tx.create_journey(&begun, None).await?;
            Ok::<_, StorageError>(begun)
        }
        .boxed()
    });
    let begun = create.await.unwrap();
    let at_hand = |address: Option<&'static str>| {
        let address = address.map(email);
        db.store.glance(move |tx| async move { tx.journey_at_hand(journey, address.as_ref()).await }.boxed())
    };
    let found = at_hand(Some("maria@a.example")).await.unwrap().expect("stored");
    assert_eq!((&found.stored.journey, found.stored.version), (&begun, 1));
    let password = found.password.expect("a password");
    assert_eq!((password.version, password.phc.as_str()), (1, "$argon2id$v=19$stand-in"));
    assert_eq!(found.account, Some(account));
    // Nobody, and somebody of another tenant (A25).
    for address in [None, Some("nobody@a.example"), Some("mario@a.example")] {
        let same = at_hand(address).await.unwrap().expect("stored");
        assert_eq!((same.stored.version, same.configuration, same.password), (1, found.configuration, None));
        assert_eq!(same.account, None);
    }
    // Whose password was taken away is there all the same.
    let taken = db.store.write(move |tx| async move { tx.clear_password(account).await }.boxed());
    taken.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let bare = at_hand(Some("maria@a.example")).await.unwrap().expect("stored");
    assert_eq!((bare.account, bare.password), (Some(account), None));
    let gone = db.store.glance(|tx| async { tx.journey_at_hand(id(), None).await }.boxed()).await.unwrap();
    assert!(gone.is_none());
}

async fn the_facts_of_a_step_come_together(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("maria@a.example", "Maria", "Lopez")).await;
    let elsewhere = stored_account(db, &other, patient("maria@a.example", "Maria", "Lopez")).await;
    let begun = journey(&own, &flow(&own, "f"));
    let (journey, key, used) = (begun.header.id, hash(), [(); 4].map(|()| hash()));
    let keys = SignInKeys { address: key, allowances: used };
    db.store
        .write(move |tx| {
            async move {
                tx.create_journey(&begun, None).await?;
                tx.throttle_failed(own.id, &key, NOW, Delays::flat(1, 1000)).await?;
                let mut restored_at = [None; 4];
                for (n, key) in used.iter().enumerate() {
                    let allowance = Allowance::new(10, 10 + u32::try_from(n).unwrap_or_default());
                    restored_at[n] = Some(tx.use_allowance(own.id, key, NOW, allowance).await?);
                }
                for factor in [phone_factor(), app_factor(1)] {
                    tx.bind_factor(account, &factor, NOW).await?;
                }
                let locked = Some(NOW.plus(1000));
                let by_id = Whose::Account(account);
                let found = tx.step_facts(StepWants { journey, whose: &by_id, sign_in: Some(&keys) }).await?;
                let found = found.expect("stored");
                assert_eq!((found.version, found.locked_until), (1, locked));
                assert_eq!(found.restored_at, restored_at);
                // As the statement that reads the account alone has it.
                let alone = tx.account_facts(own.id, account).await?.expect("stored");
                let same = found.account.expect("stored");
                assert_eq!((same.id, same.factors.len()), (account, 2));
                assert_eq!(format!("{same:?}"), format!("{alone:?}"));
                let by_email = Whose::Address(email("maria@a.example"));
                let found = tx.step_facts(StepWants { journey, whose: &by_email, sign_in: None }).await?;
                let found = found.expect("stored");
                assert_eq!((found.locked_until, found.restored_at), (None, [None; 4]));
                assert_eq!(format!("{:?}", found.account.expect("stored")), format!("{alone:?}"));
                // Nobody, an address without an account, and an account of another tenant (A25).
                for whose in [Whose::Nobody, Whose::Address(email("no@a.example")), Whose::Account(elsewhere)] {
                    let other = SignInKeys { address: hash(), allowances: [(); 4].map(|()| hash()) };
                    let found = tx.step_facts(StepWants { journey, whose: &whose, sign_in: Some(&other) }).await?;
                    let found = found.expect("stored");
                    assert_eq!((found.version, found.locked_until, found.restored_at), (1, None, [None; 4]));
                    assert!(found.account.is_none(), "{whose:?}");
                }
                let gone = tx.step_facts(StepWants { journey: id(), whose: &by_id, sign_in: Some(&keys) }).await?;
                assert!(gone.is_none());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn gathered_changes_keep_their_order_and_nothing_reads_past_them(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("maria@a.example", "Maria", "Lopez")).await;
    db.store
        .write(move |tx| {
            async move {
                let (session, begun, key) = (session(&own, account, hash()), journey(&own, &flow(&own, "f")), hash());
                tx.gather();
                tx.create_journey(&begun, Some("first")).await?;
                tx.create_session(&session).await?;
                tx.bump_counter(own.id, "sign_ins", 7, 2, 1).await?;
                tx.bump_counter(own.id, "sign_ins", 7, 3, 1).await?;
                tx.note_send(&key, LATER).await?;
                let save = |replaces, feedback| JourneySave {
                    journey: &begun,
                    replaces,
                    feedback,
                    ended_at: None,
                    flow_version: None,
                };
                tx.save_journey(save(1, Some("second"))).await?;
                // A read sends what was held back before it.
                let stored = tx.journey(begun.header.id).await?.expect("stored");
                assert_eq!((stored.version, stored.feedback.as_deref()), (2, Some("second")));
                assert_eq!(tx.counter_days(own.id, "sign_ins", 1, 9).await?, [(7, 5)]);
                assert_eq!(tx.session_by_id(session.id).await?, Some(session));
                assert_eq!(tx.recent_sends([&key, &hash()], NOW).await?, [vec![LATER], vec![]]);
                // So does a change that is not held back.
                tx.save_journey(save(2, None)).await?;
                assert!(tx.set_password(account, Some(1), "new").await.is_ok());
                tx.scatter().await?;
                assert_eq!(tx.journey(begun.header.id).await?.map(|stored| stored.version), Some(3));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

// Those that wait at the same time share a commit on SQLite: only the one that missed is taken back.
async fn a_gathered_change_that_misses_takes_back_its_job_alone(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let begun = journey(&own, &flow(&own, "f"));
    let journey = begun.header.id;
    db.store.write(move |tx| async move { tx.create_journey(&begun, None).await }.boxed()).await.unwrap();
    let tenant = own.id;
    let won = winners(20, |n| {
        let store = db.store.clone();
        async move {
            store
                .write(move |tx| {
                    async move {
                        let read = tx.journey(journey).await?.expect("stored");
                        tx.gather();
                        // Before and after the change that misses.
                        tx.bump_counter(tenant, "before", 1, 1, u8::try_from(n).unwrap_or(0)).await?;
                        tx.save_journey(JourneySave {
                            journey: &read.journey,
                            replaces: 1,
                            feedback: None,
                            ended_at: None,
                            flow_version: None,
                        })
                        .await?;
                        tx.bump_counter(tenant, "after", 1, 1, 0).await?;
                        tx.scatter().await
                    }
                    .boxed()
                })
                .await
        }
    });
    assert_eq!(won.await, 1);
    let counted = db.store.read(move |tx| {
        async move {
            let (before, after) =
                (tx.counter_days(tenant, "before", 1, 1).await?, tx.counter_days(tenant, "after", 1, 1).await?);
            Ok::<_, StorageError>((before, after))
        }
        .boxed()
    });
    assert_eq!(counted.await.unwrap(), (vec![(1, 1)], vec![(1, 1)]));
}

async fn a_gathered_change_cannot_be_left_behind(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let tenant = own.id;
    let job = db.store.write(move |tx| {
        async move {
            tx.gather();
            tx.bump_counter(tenant, "kept", 1, 1, 0).await
        }
        .boxed()
    });
    job.await.unwrap();
    // No such account: refused when it is sent, at the end of the job.
    let orphan = session(&own, id(), hash());
    let job = db.store.write(move |tx| {
        async move {
            tx.gather();
            tx.bump_counter(tenant, "kept", 1, 1, 0).await?;
            tx.create_session(&orphan).await
        }
        .boxed()
    });
    assert!(matches!(job.await, Err(StorageError::Inconsistent(_))));
    let kept = db.store.read(move |tx| async move { tx.counter_days(tenant, "kept", 1, 1).await }.boxed());
    assert_eq!(kept.await.unwrap(), [(1, 1)]);
}

async fn version(db: &Db, tenant: &lanyard_domain::tenant::Tenant) -> i64 {
    let id = tenant.id;
    let read = db.store.read(move |tx| async move { tx.configuration_version(id).await }.boxed());
    read.await.unwrap().expect("stored")
}

macro_rules! change {
    ($db:expr, |$tx:ident| $body:expr) => {
        $db.store.write(move |$tx| async move { $body.await.map(drop) }.boxed()).await.unwrap()
    };
}

async fn every_change_of_the_configuration_is_counted_and_nothing_else(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let (app, flow) = (application(&own, "Portal"), flow(&own, "f"));
    let (app_id, flow_id, tenant, settings) = (app.id, flow.id, own.id, flow.settings.clone());
    let mut secret = app.secrets[0].clone();
    secret.hash = hash();
    let (added, removed) = (secret.clone(), secret.hash);
    let attribute = Attribute { name: "extension_Shoe".into(), label: "Shoe".into(), kind: AttributeKind::Integer };
    let key = NewSigningKey {
        id: "k".into(),
        tenant,
        alg: SigningAlgorithm::ES256,
        signs_from: LATER,
        private_key: Sealed(vec![1]),
        public_jwk: "{}".into(),
        created_at: NOW,
    };
    let (begun, renamed) = (journey(&own, &flow), app.clone());
    let (before, elsewhere) = (version(db, &own).await, version(db, &other).await);
    let domain = other.domain.clone();
    let by_domain = db.store.glance(move |tx| async move { tx.configuration_by_domain(&domain).await }.boxed());
    assert_eq!(by_domain.await.unwrap(), Some((other.id, elsewhere)));
    let mut seen = vec![before];
    macro_rules! counted {
        (|$tx:ident| $body:expr) => {{
            change!(db, |$tx| $body);
            seen.push(version(db, &own).await);
        }};
    }
    counted!(|tx| tx.create_application(&app));
    counted!(|tx| tx.update_application(&renamed));
    counted!(|tx| tx.add_client_secret(app_id, &added));
    counted!(|tx| tx.remove_client_secret(app_id, &removed));
    counted!(|tx| tx.create_flow(&flow));
    counted!(|tx| tx.update_flow_settings(tenant, flow_id, 1, &settings, LATER));
    counted!(|tx| tx.link_flow(tenant, app_id, flow_id));
    counted!(|tx| tx.unlink_flow(tenant, app_id, flow_id));
    counted!(|tx| tx.create_attribute(tenant, &attribute, NOW));
    counted!(|tx| tx.add_signing_key(&key, NOW));
    counted!(|tx| tx.advance_signing_key(tenant, SigningAlgorithm::ES256, NOW));
    counted!(|tx| tx.delete_signing_key(tenant, "k"));
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    assert_eq!(version(db, &other).await, elsewhere, "A25: of no other tenant");
    // By whatever way in.
    db.raw("UPDATE tenants SET name = 'Another' WHERE domain = 'a.example'").await.unwrap();
    let last = version(db, &own).await;
    assert!(last > *seen.last().unwrap());
    // People come and go without it.
    stored_account(db, &own, patient("maria@a.example", "Maria", "Lopez")).await;
    change!(db, |tx| tx.create_journey(&begun, None));
    assert_eq!(version(db, &own).await, last);
}

async fn d4_a_job_that_was_given_up_costs_no_reader(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    // More than there are readers.
    for _ in 0..12 {
        let never = db.store.read(|tx| {
            async {
                tx.recent_sends([&hash(), &hash()], Timestamp(0)).await?;
                std::future::pending::<Result<(), StorageError>>().await
            }
            .boxed()
        });
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(20), never);
        assert!(given_up.await.is_err());
    }
    let found = db.store.read(move |tx| async move { tx.tenant_by_id(own.id).await }.boxed()).await.unwrap();
    assert!(found.is_some());
}

async fn d7_d11_guesses_at_an_address_follow_one_another_whether_anybody_has_it_or_not(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    stored_account(db, &own, patient("maria@a.example", "Maria", "Lopez")).await;
    let delays = Delays::counting(1000);
    for (number, address) in [(1, "maria@a.example"), (2, "nobody@a.example")] {
        let (key, seen) = (hash(), Arc::new(Mutex::new(Vec::new())));
        let mut journeys = Vec::new();
        for _ in 0..40 {
            let begun = journey(&own, &flow(&own, "f"));
            journeys.push(begun.header.id);
            let create = db.store.write(move |tx| async move { tx.create_journey(&begun, None).await }.boxed());
            create.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
        }
        let (store, tenant, all) = (&db.store, own.id, &journeys);
        let done = winners(40, |n| {
            let (store, seen, journey, address) = (store.clone(), Arc::clone(&seen), all[n], email(address));
            async move {
                let job = store.write(move |tx| {
                    async move {
                        tx.lock_for_sign_in((tenant, &address, number), journey, 1).await?;
                        let before = tx.throttle(tenant, &key).await?.map_or(0, |throttle| throttle.failures);
                        tx.throttle_failed(tenant, &key, NOW, delays).await?;
                        Ok::<_, StorageError>(before)
                    }
                    .boxed()
                });
                let before = job.await?;
                seen.lock().unwrap().push(before);
                Ok(())
            }
        });
        assert_eq!(done.await, 40, "{address}");
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, (0..40).collect::<Vec<u32>>(), "each saw all before it: {address}");
        // A journey that has gone on is nobody's to try in.
        let (first, address) = (journeys[0], email(address));
        let gone = db
            .store
            .write(move |tx| async move { tx.lock_for_sign_in((tenant, &address, number), first, 2).await }.boxed());
        assert!(matches!(gone.await, Err(StorageError::Conflict)));
    }
}
