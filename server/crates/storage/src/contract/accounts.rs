//! Accounts, roles, invitations.

use futures::FutureExt as _;
use lanyard_domain::{
    account::AccountKind,
    clock::{DAY, MINUTE},
    invitation::Invitation,
    role::{Role, RoleGrant},
};

use super::{contract, support::*};
use crate::{Constraint, PATIENTS_TOTAL, PATIENTS_WITH_MFA, StorageError};

contract!(
    an_account_comes_back_with_password_and_factors,
    an_address_is_unique_in_its_tenant_only,
    a_password_is_replaced_by_the_version_it_was_read_at,
    f37_a_disabled_account_notes_no_sign_in,
    d7_concurrent_sign_ups_with_one_address_one_winner,
    roles_are_held_once_and_can_be_taken_away,
    f50_an_invitation_works_once,
    f50_concurrent_uses_of_an_invitation_one_winner,
    f50_a_withdrawn_invitation_works_no_more,
);

async fn an_account_comes_back_with_password_and_factors(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let mut new = patient("ada@example.com", "Ada", "Lovelace");
                new.factors = vec![phone_factor(), app_factor(5)];
                tx.create_account(own.id, &new, NOW).await?;
                let account = tx.account_by_id(own.id, new.id).await?.expect("stored");
                assert_eq!((account.email.clone(), account.kind), (new.email.clone(), AccountKind::Patient));
                assert_eq!((&account.attributes, account.created_at), (&new.attributes, NOW));
                assert_eq!((account.last_sign_in_at, account.disabled_at), (None, None));
                let (same, password) = tx.account_by_email(own.id, &new.email).await?.expect("found");
                assert_eq!(same, account);
                assert_eq!(password.map(|p| (p.phc, p.version)), Some((new.phc.clone(), 1)));
                let facts = tx.account_facts(own.id, new.id).await?.expect("found");
                assert_eq!((facts.password_version, facts.disabled), (Some(1), false));
                let mut steps: Vec<_> = facts.factors.iter().map(|f| f.last_step).collect();
                steps.sort_unstable();
                assert_eq!(steps, [None, Some(5)]);
                assert_eq!(facts.factors, tx.factors_of_account(new.id).await?);
                let by_email = tx.account_facts_by_email(own.id, &new.email).await?.expect("found");
                assert_eq!((by_email.id, by_email.factors.len()), (new.id, 2));
                // A25: nothing of it is seen from another tenant.
                assert!(tx.account_by_id(other.id, new.id).await?.is_none());
                assert!(tx.account_by_email(other.id, &new.email).await?.is_none());
                assert!(tx.account_facts(other.id, new.id).await?.is_none());
                assert!(tx.account_facts_by_email(other.id, &new.email).await?.is_none());
                assert_eq!(tx.counter_total(own.id, PATIENTS_TOTAL).await?, 1);
                assert_eq!(tx.counter_total(own.id, PATIENTS_WITH_MFA).await?, 1);
                assert_eq!(tx.counter_total(other.id, PATIENTS_TOTAL).await?, 0);
                let bare = patient("b@example.com", "", "");
                tx.create_account(own.id, &bare, NOW).await?;
                assert!(tx.account_facts(own.id, bare.id).await?.expect("found").factors.is_empty());
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn an_address_is_unique_in_its_tenant_only(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                tx.create_account(own.id, &patient("a@example.com", "A", "A"), NOW).await?;
                let taken = tx.create_account(own.id, &patient("A@Example.com", "B", "B"), NOW).await;
                assert!(matches!(taken, Err(StorageError::Unique(Constraint::AccountEmail))));
                // The transaction goes on after that, on both databases.
                tx.create_account(other.id, &patient("a@example.com", "A", "A"), NOW).await?;
                assert_eq!(tx.counter_total(own.id, PATIENTS_TOTAL).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a_password_is_replaced_by_the_version_it_was_read_at(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let store = &db.store;
    let won = winners(20, |n| {
        let store = store.clone();
        async move {
            let phc = format!("phc {n}");
            store.write(move |tx| async move { tx.set_password(account, Some(1), &phc).await }.boxed()).await
        }
    });
    assert_eq!(won.await, 1);
    db.store
        .write(move |tx| {
            async move {
                assert!(matches!(tx.set_password(account, None, "x").await, Err(StorageError::Conflict)));
                let (_, password) = tx.account_by_email(own.id, &email("a@example.com")).await?.expect("found");
                assert_eq!(password.map(|p| p.version), Some(2));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn f37_a_disabled_account_notes_no_sign_in(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                tx.note_sign_in(account, LATER).await?;
                let seen = tx.account_by_id(own.id, account).await?.expect("found");
                assert_eq!(seen.last_sign_in_at, Some(LATER));
                tx.set_disabled(account, Some(LATER)).await?;
                assert!(matches!(tx.note_sign_in(account, LATER).await, Err(StorageError::Conflict)));
                assert!(tx.account_facts(own.id, account).await?.expect("found").disabled);
                tx.set_disabled(account, None).await?;
                tx.note_sign_in(account, LATER).await
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_concurrent_sign_ups_with_one_address_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let (tenant, store) = (own.id, &db.store);
    let won = winners(50, |_| {
        let store = store.clone();
        async move {
            let new = patient("a@example.com", "A", "A");
            let job = store.write(move |tx| async move { tx.create_account(tenant, &new, NOW).await }.boxed());
            job.await.map_err(|error| match error {
                StorageError::Unique(Constraint::AccountEmail) => StorageError::Conflict,
                other => other,
            })
        }
    });
    assert_eq!(won.await, 1);
    let total = db.store.read(move |tx| async move { tx.counter_total(tenant, PATIENTS_TOTAL).await }.boxed());
    assert_eq!(total.await.unwrap(), 1);
}

async fn roles_are_held_once_and_can_be_taken_away(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let other = stored_tenant(db, "b.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let role = Role::ClinicStaff(own.id);
                let staff = RoleGrant { account, role, granted_at: NOW, granted_by: None };
                let operator = RoleGrant { role: Role::InstanceOperator, granted_by: Some(account), ..staff.clone() };
                tx.grant_role(&staff).await?;
                tx.grant_role(&operator).await?;
                let twice = tx.grant_role(&staff).await;
                assert!(matches!(twice, Err(StorageError::Unique(Constraint::RoleHeld))));
                assert_eq!(tx.roles_of_account(account).await?.len(), 2);
                let held = tx.holders_of_role(own.id, role, 10).await?;
                assert!(matches!(&held[..], [(holder, since)] if holder.id == account && *since == NOW), "{held:?}");
                assert!(tx.holders_of_role(other.id, role, 10).await?.is_empty(), "a25: of this tenant alone");
                assert!(tx.holders_of_role(own.id, Role::TenantOperator(own.id), 10).await?.is_empty());
                tx.revoke_role(account, role, LATER).await?;
                assert!(tx.holders_of_role(own.id, role, 10).await?.is_empty(), "what is taken away is not held");
                assert_eq!(tx.roles_of_account(account).await?, [operator]);
                assert!(matches!(tx.revoke_role(account, role, LATER).await, Err(StorageError::Conflict)));
                tx.grant_role(&RoleGrant { granted_at: LATER, ..staff }).await?;
                assert_eq!(tx.roles_of_account(account).await?.len(), 2);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

fn invitation(tenant: &lanyard_domain::tenant::Tenant) -> Invitation {
    Invitation {
        id: id(),
        tenant: tenant.id,
        token: hash(),
        email: Some(email("nurse@example.com")),
        kind: AccountKind::Staff,
        role: Role::ClinicStaff(tenant.id),
        invited_by: Some(id()),
        created_at: NOW,
        expires_at: NOW.plus(DAY),
        used_at: None,
    }
}

async fn f50_an_invitation_works_once(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let mut link = invitation(&own);
                tx.create_invitation(&link).await?;
                assert_eq!(tx.invitation_by_token(own.id, &link.token).await?, Some(link.clone()));
                assert_eq!(tx.invitation_by_token(other.id, &link.token).await?, None);
                for (tenant, at) in [(other.id, NOW), (own.id, NOW.plus(DAY)), (own.id, NOW.minus(MINUTE))] {
                    assert!(matches!(tx.use_invitation(tenant, link.id, at).await, Err(StorageError::Conflict)));
                }
                link.used_at = Some(LATER);
                assert_eq!(tx.use_invitation(own.id, link.id, LATER).await?, link);
                assert!(matches!(tx.use_invitation(own.id, link.id, LATER).await, Err(StorageError::Conflict)));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn f50_concurrent_uses_of_an_invitation_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let link = invitation(&own);
    let (tenant, link_id, store) = (own.id, link.id, &db.store);
    store.write(move |tx| async move { tx.create_invitation(&link).await }.boxed()).await.unwrap();
    let won = winners(50, |_| {
        let store = store.clone();
        async move {
            let job = store.write(move |tx| async move { tx.use_invitation(tenant, link_id, LATER).await }.boxed());
            job.await.map(drop)
        }
    });
    assert_eq!(won.await, 1);
}

async fn f50_a_withdrawn_invitation_works_no_more(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    db.store
        .write(move |tx| {
            async move {
                let (link, role) = (invitation(&own), Role::ClinicStaff(own.id));
                tx.create_invitation(&link).await?;
                assert_eq!(tx.open_invitations(own.id, role, NOW, 10).await?, std::slice::from_ref(&link));
                assert!(tx.open_invitations(own.id, role, NOW.plus(DAY), 10).await?.is_empty(), "too old");
                for (tenant, role) in [(other.id, role), (own.id, Role::TenantOperator(own.id))] {
                    assert!(tx.open_invitations(tenant, role, NOW, 10).await?.is_empty());
                    let refused = tx.withdraw_invitation(tenant, link.id, role, LATER).await;
                    assert!(matches!(refused, Err(StorageError::Conflict)));
                }
                tx.withdraw_invitation(own.id, link.id, role, LATER).await?;
                assert!(tx.open_invitations(own.id, role, LATER, 10).await?.is_empty());
                for refused in [
                    tx.withdraw_invitation(own.id, link.id, role, LATER).await,
                    tx.use_invitation(own.id, link.id, LATER).await.map(drop),
                ] {
                    assert!(matches!(refused, Err(StorageError::Conflict)));
                }
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
