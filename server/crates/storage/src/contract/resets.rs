//! Resets by staff: the requests, who decides, and the code that is issued.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use lanyard_domain::{
    account::{Account, AccountKind},
    clock::{DAY, HOUR},
    entropy::SeededEntropy,
    factor::{FactorSecret, MAX_CONSECUTIVE, NewFactor},
    id::Id,
    recovery::{ISSUED_LIFE, RecoveryCodes},
    reset::{Decision, Reason, Recognised, Reset},
    role::{Role, RoleGrant},
    tenant::Tenant,
};

use super::{contract, support::*};
use crate::{Result, StorageError};

contract!(
    a21_a_request_is_read_as_it_was_asked_and_one_waits_for_an_account,
    a10_a_request_is_decided_once_in_time_by_another_member_of_staff,
    a24_who_has_the_role_no_more_neither_asks_nor_decides,
    a24_the_requests_of_who_leaves_are_refused,
    d7_concurrent_decisions_one_winner,
    n17_an_issued_code_stands_beside_the_owners_set_and_ends,
    d7_n15_concurrent_uses_of_an_issued_code_one_winner,
    a8_no_code_is_issued_for_an_account_without_a_factor,
    a21_a_second_approver_is_a_setting_of_the_tenant_and_counts_as_configuration,
);

fn conflict<T>(result: &Result<T>) -> bool {
    matches!(result, Err(StorageError::Conflict))
}

async fn staff(db: &Db, tenant: &Tenant, address: &str) -> Id<Account> {
    let mut new = patient(address, "S", "S");
    new.kind = AccountKind::Staff;
    let id = stored_account(db, tenant, new).await;
    let grant = RoleGrant { account: id, role: Role::ClinicStaff(tenant.id), granted_at: NOW, granted_by: None };
    db.store.write(move |tx| async move { tx.grant_role(&grant).await }.boxed()).await.unwrap();
    id
}

/// A clinic with two members of staff and a patient who has a phone.
async fn clinic(db: &Db) -> (Tenant, [Id<Account>; 2], Id<Account>) {
    let tenant = stored_tenant(db, "a.example").await;
    let both = [staff(db, &tenant, "one@staff.example").await, staff(db, &tenant, "two@staff.example").await];
    let mut new = patient("a@example.com", "A", "A");
    new.factors = vec![phone_factor()];
    let account = stored_account(db, &tenant, new).await;
    (tenant, both, account)
}

fn request(tenant: &Tenant, account: Id<Account>, asked_by: Id<Account>, decision: Option<Decision>) -> Reset {
    Reset {
        id: id(),
        tenant: tenant.id,
        account,
        asked_by,
        asked_at: NOW,
        ends_at: NOW.plus(DAY),
        recognised: Recognised::CallBack,
        reason: Reason::parse("Lost the phone — “on the bus”").unwrap(),
        lost: vec![id(), id()],
        decision,
    }
}

fn issued(seed: u64) -> NewFactor {
    let (codes, _) = RecoveryCodes::issue(NOW, &mut SeededEntropy::new(seed));
    NewFactor { id: id(), secret: FactorSecret::RecoveryCodes(codes), name: "Code".into(), first_step: None }
}

async fn a24_the_requests_of_who_leaves_are_refused(db: &Db) {
    let (tenant, [one, two], account) = clinic(db).await;
    let mut new = patient("b@example.com", "B", "B");
    new.factors = vec![phone_factor()];
    let other = stored_account(db, &tenant, new).await;
    let (own, foreign) = (request(&tenant, account, one, None), stored_tenant(db, "b.example").await);
    let (theirs, id) = (request(&tenant, other, two, None), own.id);
    db.store
        .write(move |tx| {
            async move {
                tx.ask_reset(&own).await?;
                tx.ask_reset(&theirs).await?;
                assert_eq!(tx.refuse_resets_of_staff(foreign.id, one, LATER).await?, [], "of another tenant");
                assert_eq!(tx.refuse_resets_of_staff(tenant.id, one, own.ends_at).await?, [], "over by itself");
                assert_eq!(tx.refuse_resets_of_staff(tenant.id, one, LATER).await?, [(account, id)]);
                assert_eq!(tx.refuse_resets_of_staff(tenant.id, one, LATER).await?, [], "once");
                let waiting = tx.waiting_resets(tenant.id, LATER, 10).await?;
                assert_eq!(waiting.iter().map(|reset| reset.id).collect::<Vec<_>>(), [theirs.id]);
                assert!(conflict(&tx.decide_reset(&own, Decision::Approved, two, LATER).await));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a21_a_request_is_read_as_it_was_asked_and_one_waits_for_an_account(db: &Db) {
    let (tenant, [one, two], account) = clinic(db).await;
    let other = stored_tenant(db, "b.example").await;
    db.store
        .write(move |tx| {
            async move {
                let first = request(&tenant, account, one, None);
                tx.ask_reset(&first).await?;
                assert_eq!(tx.reset(tenant.id, first.id).await?, Some(first.clone()));
                assert_eq!(tx.reset(other.id, first.id).await?, None, "another tenant's");
                assert_eq!(tx.newest_reset(account).await?.map(|found| found.id), Some(first.id));
                assert_eq!(tx.waiting_resets(tenant.id, NOW, 9).await?, std::slice::from_ref(&first));
                assert_eq!(tx.waiting_resets(tenant.id, NOW.plus(DAY), 9).await?, [], "over");
                assert_eq!(tx.waiting_resets(other.id, NOW, 9).await?, []);
                let people = tx.people_of_waiting_resets(tenant.id, NOW, 9).await?;
                let people: BTreeSet<_> = people.into_iter().map(|person| person.id).collect();
                assert_eq!(people, BTreeSet::from([first.account, first.asked_by]), "whom it is about, and who asked");
                for (tenant, at, limit) in [(tenant.id, NOW, 0), (tenant.id, NOW.plus(DAY), 9), (other.id, NOW, 9)] {
                    assert_eq!(tx.people_of_waiting_resets(tenant, at, limit).await?, []);
                }
                assert!(conflict(&tx.ask_reset(&request(&tenant, account, two, None)).await));
                // One that needs nobody else takes its place.
                tx.ask_reset(&request(&tenant, account, two, Some(Decision::Direct))).await?;
                assert_eq!(tx.reset(tenant.id, first.id).await?.unwrap().decision, Some(Decision::Refused));
                // It is refused on its account's word, once.
                let second = request(&tenant, account, one, None);
                tx.ask_reset(&second).await?;
                assert!(!tx.refuse_waiting_reset(one, NOW).await?, "of that account alone");
                assert!(tx.refuse_waiting_reset(account, NOW).await? && !tx.refuse_waiting_reset(account, NOW).await?);
                assert!(conflict(&tx.decide_reset(&second, Decision::Approved, two, NOW).await));
                let first = request(&tenant, account, one, None);
                tx.ask_reset(&first).await?;
                let first = tx.reset(tenant.id, first.id).await?.unwrap();
                // One that nobody decided in time makes room, and stays counted.
                let late = Reset {
                    asked_at: NOW.plus(DAY),
                    ends_at: NOW.plus(2 * DAY),
                    ..request(&tenant, account, two, None)
                };
                tx.ask_reset(&late).await?;
                assert_eq!(tx.newest_reset(account).await?.map(|found| found.id), Some(late.id));
                let over = tx.reset(tenant.id, first.id).await?.unwrap();
                assert_eq!(over.decision, Some(Decision::Refused));
                assert_eq!(tx.resets_of_account(account, NOW.minus(1)).await?, 5);
                assert_eq!(tx.resets_of_account(account, NOW).await?, 1);
                assert_eq!((tx.resets_of_staff(one, NOW).await?, tx.resets_of_staff(two, NOW).await?), (0, 1));
                assert_eq!(tx.delete_old_resets(NOW.plus(1), 9).await?, 4);
                assert_eq!(tx.resets_of_account(account, NOW.minus(1)).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a10_a_request_is_decided_once_in_time_by_another_member_of_staff(db: &Db) {
    let (tenant, [one, two], account) = clinic(db).await;
    db.store
        .write(move |tx| {
            async move {
                let first = request(&tenant, account, one, None);
                tx.ask_reset(&first).await?;
                for (by, at) in [(one, NOW), (account, NOW), (two, NOW.plus(DAY))] {
                    assert!(conflict(&tx.decide_reset(&first, Decision::Approved, by, at).await));
                }
                tx.decide_reset(&first, Decision::Approved, two, NOW.plus(DAY - 1)).await?;
                for decision in [Decision::Approved, Decision::Refused] {
                    assert!(conflict(&tx.decide_reset(&first, decision, two, NOW).await));
                }
                let decided = tx.reset(tenant.id, first.id).await?.unwrap();
                assert_eq!((decided.decision, decided.waits(NOW)), (Some(Decision::Approved), false));
                // Who asked may take it back.
                let second = request(&tenant, account, one, None);
                tx.ask_reset(&second).await?;
                tx.decide_reset(&second, Decision::Refused, one, NOW).await?;
                assert!(conflict(&tx.decide_reset(&second, Decision::Approved, two, NOW).await));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a24_who_has_the_role_no_more_neither_asks_nor_decides(db: &Db) {
    let (tenant, [one, two], account) = clinic(db).await;
    let other = stored_tenant(db, "b.example").await;
    let elsewhere = staff(db, &other, "three@staff.example").await;
    db.store
        .write(move |tx| {
            async move {
                let role = Role::ClinicStaff(tenant.id);
                for nobody in [elsewhere, account] {
                    assert!(conflict(&tx.ask_reset(&request(&tenant, account, nobody, None)).await));
                }
                let asked = request(&tenant, account, one, None);
                tx.ask_reset(&asked).await?;
                assert!(conflict(&tx.decide_reset(&asked, Decision::Refused, elsewhere, NOW).await));
                tx.set_disabled(one, Some(NOW)).await?;
                let stopped = tx.decide_reset(&asked, Decision::Approved, two, NOW).await;
                assert!(conflict(&stopped), "who asked may not sign in");
                tx.set_disabled(one, None).await?;
                tx.revoke_role(one, role, NOW).await?;
                assert!(conflict(&tx.decide_reset(&asked, Decision::Approved, two, NOW).await), "who asked left");
                assert!(conflict(&tx.decide_reset(&asked, Decision::Refused, one, NOW).await));
                tx.revoke_role(two, role, NOW).await?;
                assert!(conflict(&tx.decide_reset(&asked, Decision::Refused, two, NOW).await));
                assert!(tx.reset(tenant.id, asked.id).await?.unwrap().waits(NOW));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_concurrent_decisions_one_winner(db: &Db) {
    let (tenant, [one, two], account) = clinic(db).await;
    for round in 0..5 {
        let asked = request(&tenant, account, one, None);
        let stored = asked.clone();
        db.store.write(move |tx| async move { tx.ask_reset(&stored).await }.boxed()).await.unwrap();
        let won = winners(100, |n| {
            let (store, asked) = (db.store.clone(), asked.clone());
            let decision = if n % 2 == 0 { Decision::Approved } else { Decision::Refused };
            async move {
                store.write(move |tx| async move { tx.decide_reset(&asked, decision, two, LATER).await }.boxed()).await
            }
        });
        assert_eq!(won.await, 1, "round {round}");
    }
}

async fn n17_an_issued_code_stands_beside_the_owners_set_and_ends(db: &Db) {
    let (tenant, _, account) = clinic(db).await;
    db.store
        .write(move |tx| {
            async move {
                let (own, _) = RecoveryCodes::generate(&mut SeededEntropy::new(3));
                let own = NewFactor { secret: FactorSecret::RecoveryCodes(own), ..issued(4) };
                tx.replace_recovery_codes(account, &own, None, NOW).await?;
                let before = tx.account_facts(tenant.id, account).await?.unwrap().password_version;
                let (first, second, until) = (issued(1), issued(2), NOW.plus(ISSUED_LIFE));
                tx.issue_recovery_code(account, &first, until, NOW).await?;
                tx.issue_recovery_code(account, &second, until, NOW).await?;
                let facts = tx.account_facts(tenant.id, account).await?.unwrap();
                let outdated = before.map(|version| version + 2);
                assert_eq!(facts.password_version, outdated, "f8: what journeys know is out of date");
                let sets = facts.factors.iter().filter_map(|factor| factor.secret.recovery());
                let ends: BTreeSet<_> = sets.map(|set| set.until).collect();
                assert_eq!(ends, [None, Some(until)].into());
                assert!(conflict(&tx.use_recovery_code(first.id, 0, NOW).await), "the one before is gone");
                assert!(conflict(&tx.use_recovery_code(second.id, 0, until).await), "over");
                tx.use_recovery_code(own.id, 0, until).await?;
                tx.use_recovery_code(second.id, 0, until.minus(1)).await?;
                assert!(conflict(&tx.use_recovery_code(second.id, 0, NOW).await));
                // The owner's set is replaced by itself, and clean-up takes the issued one alone.
                assert!(conflict(&tx.replace_recovery_codes(account, &issued(5), Some(second.id), NOW).await));
                assert_eq!(tx.delete_old_issued_codes(until, 9).await?, 0);
                assert_eq!(tx.delete_old_issued_codes(until.plus(HOUR), 9).await?, 1);
                assert_eq!(tx.factors_of_account(account).await?.len(), 2, "the phone and the owner's set");
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_n15_concurrent_uses_of_an_issued_code_one_winner(db: &Db) {
    let (_, _, account) = clinic(db).await;
    for round in 0..5 {
        let set = issued(100 + round);
        let factor = set.id;
        db.store
            .write(move |tx| {
                async move { tx.issue_recovery_code(account, &set, NOW.plus(ISSUED_LIFE), NOW).await }.boxed()
            })
            .await
            .unwrap();
        let won = winners(100, |_| {
            let store = db.store.clone();
            async move { store.write(move |tx| async move { tx.use_recovery_code(factor, 0, LATER).await }.boxed()).await }
        });
        assert_eq!(won.await, 1, "round {round}");
    }
}

async fn a8_no_code_is_issued_for_an_account_without_a_factor(db: &Db) {
    let (tenant, _, with) = clinic(db).await;
    let without = stored_account(db, &tenant, patient("b@example.com", "B", "B")).await;
    let tried = db.store.write(move |tx| {
        async move { tx.issue_recovery_code(without, &issued(1), NOW.plus(ISSUED_LIFE), NOW).await }.boxed()
    });
    assert!(conflict(&tried.await));
    // A factor that is off will do: it keeps the account at its level.
    db.store
        .write(move |tx| {
            async move {
                let phone = tx.factors_of_account(with).await?.remove(0);
                assert!(tx.disable_factor(with, phone.id, phone.created_at).await?);
                tx.issue_recovery_code(with, &issued(1), NOW.plus(ISSUED_LIFE), NOW).await?;
                let left = tx.factors_of_account(with).await?;
                let failures: BTreeSet<_> = left.iter().map(|factor| (factor.is_issued(), factor.failures)).collect();
                assert_eq!(failures, [(false, MAX_CONSECUTIVE), (true, 0)].into());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a21_a_second_approver_is_a_setting_of_the_tenant_and_counts_as_configuration(db: &Db) {
    let tenant = stored_tenant(db, "a.example").await;
    db.store
        .write(move |tx| {
            async move {
                let before = tx.configuration_version(tenant.id).await?.unwrap();
                assert!(!tx.tenant_by_id(tenant.id).await?.unwrap().second_approver);
                assert!(conflict(&tx.set_second_approver(tenant.id, false).await), "it is so already");
                tx.set_second_approver(tenant.id, true).await?;
                assert!(conflict(&tx.set_second_approver(tenant.id, true).await));
                assert!(tx.tenant_by_domain(&tenant.domain).await?.unwrap().second_approver);
                assert!(tx.configuration_version(tenant.id).await?.unwrap() > before);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
