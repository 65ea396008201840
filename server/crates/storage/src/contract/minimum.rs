//! The minimum assurance of accounts and of roles.

use futures::FutureExt as _;
use lanyard_domain::{
    account::AccountKind,
    assurance::Assurance,
    clock::DAY,
    journey::{AccountFacts, NewAccount, Whose},
    role::{Role, RoleGrant},
};

use super::{contract, support::*};
use crate::{PATIENTS_WITH_MINIMUM, StepWants, StorageError};

contract!(
    n23_an_own_minimum_is_changed_from_what_it_was_and_patients_who_have_one_are_counted,
    d7_of_many_changes_at_once_one_is_made,
    n23_of_the_own_minimum_and_those_of_the_roles_the_highest_is_read_with_the_account,
    d7_a_roles_minimum_is_changed_from_what_it_was,
);

async fn n23_an_own_minimum_is_changed_from_what_it_was_and_patients_who_have_one_are_counted(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let neighbour = stored_account(db, &own, patient("b@example.com", "B", "B")).await;
    let staff = NewAccount { kind: AccountKind::Staff, ..patient("s@example.com", "S", "S") };
    let staff = stored_account(db, &own, staff).await;
    db.store
        .write(move |tx| {
            async move {
                use Assurance::{Aal1, Aal2Legacy, Aal2Strict};
                assert_eq!(tx.own_minimum(account).await?, Some(Aal1));
                assert_eq!(tx.own_minimum(id()).await?, None);
                for (of, present) in [(account, Aal2Strict), (id(), Aal1)] {
                    let missed = tx.set_own_minimum(of, present, Aal2Legacy).await;
                    assert!(matches!(missed, Err(StorageError::Conflict)), "{present:?}");
                }
                tx.set_own_minimum(account, Aal1, Aal2Strict).await?;
                tx.set_own_minimum(neighbour, Aal1, Aal2Legacy).await?;
                tx.set_own_minimum(staff, Aal1, Aal2Legacy).await?;
                tx.set_own_minimum(account, Aal2Strict, Aal2Legacy).await?;
                assert_eq!(tx.own_minimum(account).await?, Some(Aal2Legacy));
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MINIMUM).await?, 2, "patients alone");
                assert_eq!(tx.counter_total(other.id, PATIENTS_WITH_MINIMUM).await?, 0);
                tx.set_own_minimum(account, Aal2Legacy, Aal1).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MINIMUM).await?, 1);
                tx.plan_deletion(neighbour, NOW).await?;
                tx.delete_account(neighbour, NOW.plus(DAY)).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MINIMUM).await?, 0);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_of_many_changes_at_once_one_is_made(db: &Db) {
    let tenant = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &tenant, patient("a@example.com", "A", "A")).await;
    let won = winners(20, |n| {
        let (store, wanted) = (db.store.clone(), Assurance::ALL[n % 3 + 1]);
        async move {
            store
                .write(move |tx| async move { tx.set_own_minimum(account, Assurance::Aal1, wanted).await }.boxed())
                .await
        }
    })
    .await;
    assert_eq!(won, 1);
    let counted =
        db.store.read(move |tx| async move { tx.counter_total(tenant.id, PATIENTS_WITH_MINIMUM).await }.boxed());
    assert_eq!(counted.await.unwrap_or_else(|error: StorageError| panic!("{error}")), 1);
}

async fn n23_of_the_own_minimum_and_those_of_the_roles_the_highest_is_read_with_the_account(db: &Db) {
    let (tenant, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    let staff = NewAccount { kind: AccountKind::Staff, ..patient("s@example.com", "S", "S") };
    let address = staff.email.clone();
    let account = stored_account(db, &tenant, staff).await;
    let begun = journey(&tenant, &flow(&tenant, "f"));
    let journey = begun.header.id;
    let stored = db.store.write(move |tx| async move { tx.create_journey(&begun, None).await }.boxed());
    stored.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let read = async || {
        let (email, tenant) = (address.clone(), tenant.id);
        db.store
            .read(move |tx| {
                async move {
                    let minimum = |facts: Option<AccountFacts>| facts.unwrap().minimum;
                    let whose = Whose::Account(account);
                    let wants = StepWants { journey, whose: &whose, sign_in: None };
                    let step = tx.step_facts(wants).await?.unwrap();
                    let found = [
                        tx.account_by_id(tenant, account).await?.unwrap().minimum,
                        tx.account_by_email(tenant, &email).await?.unwrap().0.minimum,
                        minimum(tx.account_facts(tenant, account).await?),
                        minimum(tx.account_facts_by_email(tenant, &email).await?),
                        minimum(step.account),
                    ];
                    assert!(found.iter().all(|each| *each == found[0]), "{found:?}");
                    Ok::<_, StorageError>(found[0])
                }
                .boxed()
            })
            .await
            .unwrap()
    };
    use Assurance::{Aal1, Aal2Legacy, Aal2Strict, PhishingResistant};
    assert_eq!(read().await, Aal1);
    let (own, foreign) = (Role::ClinicStaff(tenant.id), Role::ClinicStaff(other.id));
    let set = async |of, role, present, wanted| {
        db.store
            .write(move |tx| async move { tx.set_role_minimum(of, role, present, wanted).await }.boxed())
            .await
            .unwrap_or_else(|error: StorageError| panic!("{error}"));
    };
    set(tenant.id, own, Aal1, Aal2Strict).await;
    set(other.id, foreign, Aal1, PhishingResistant).await;
    assert_eq!(read().await, Aal1, "who does not hold the role is not asked");
    let hold = async |role, holds: bool| {
        db.store
            .write(move |tx| {
                async move {
                    match holds {
                        true => tx.grant_role(&RoleGrant { account, role, granted_at: NOW, granted_by: None }).await,
                        false => tx.revoke_role(account, role, NOW).await,
                    }
                }
                .boxed()
            })
            .await
            .unwrap_or_else(|error: StorageError| panic!("{error}"));
    };
    hold(own, true).await;
    assert_eq!(read().await, Aal2Strict);
    hold(foreign, true).await;
    assert_eq!(read().await, PhishingResistant, "the highest");
    hold(foreign, false).await;
    assert_eq!(read().await, Aal2Strict, "what was held before counts no more");
    set(tenant.id, own, Aal2Strict, Aal2Legacy).await;
    assert_eq!(read().await, Aal2Legacy);
    let raised =
        db.store.write(move |tx| async move { tx.set_own_minimum(account, Aal1, PhishingResistant).await }.boxed());
    raised.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    assert_eq!(read().await, PhishingResistant, "its own");
}

async fn d7_a_roles_minimum_is_changed_from_what_it_was(db: &Db) {
    let tenant = stored_tenant(db, "a.example").await;
    let role = Role::TenantOperator(tenant.id);
    let won = winners(20, |n| {
        let (store, wanted) = (db.store.clone(), Assurance::ALL[n % 3 + 1]);
        async move {
            store
                .write(move |tx| {
                    async move { tx.set_role_minimum(tenant.id, role, Assurance::Aal1, wanted).await }.boxed()
                })
                .await
        }
    })
    .await;
    assert_eq!(won, 1);
    db.store
        .write(move |tx| {
            async move {
                let now = tx.role_minimum(role).await?;
                assert!(now > Assurance::Aal1);
                let missed = tx.set_role_minimum(tenant.id, role, Assurance::Aal1, Assurance::Aal2Legacy).await;
                assert!(matches!(missed, Err(StorageError::Conflict)));
                // Nothing was ever set for this one: it does not have what is said of it.
                let never = Role::ClinicStaff(tenant.id);
                let missed = tx.set_role_minimum(tenant.id, never, Assurance::Aal2Legacy, Assurance::Aal2Strict).await;
                assert!(matches!(missed, Err(StorageError::Conflict)));
                assert_eq!(tx.role_minimum(never).await?, Assurance::Aal1);
                tx.set_role_minimum(tenant.id, role, now, Assurance::Aal1).await?;
                assert_eq!(tx.role_minimum(role).await?, Assurance::Aal1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
