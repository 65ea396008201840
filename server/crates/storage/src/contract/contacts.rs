//! New addresses and numbers of accounts.

use futures::FutureExt as _;
use lanyard_domain::{
    account::AccountKind,
    clock::{DAY, MINUTE},
    contact::{CHANGE_LIFE, Contact, ContactChange, ContactKind},
    invitation::Invitation,
    role::Role,
};

use super::{contract, support::*};
use crate::{Constraint, PatientOrder, PatientQuery, Position, StorageError};

contract!(
    d7_a_change_of_contact_is_saved_over_the_version_it_was_read_at,
    d7_two_accounts_that_take_one_address_at_once_one_winner,
    u24_an_address_is_changed_with_what_is_found_by_it_and_proved_by_it,
    invitations_to_an_address_go_with_its_account,
    due_deletions_walk_an_index,
);

fn change(address: &str) -> ContactChange {
    ContactChange::begin(Contact::Email { address: email(address) }, None, None, NOW, &mut entropy())
}

async fn d7_a_change_of_contact_is_saved_over_the_version_it_was_read_at(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let kind = ContactKind::Email;
                assert!(tx.contact_change(account, kind).await?.is_none());
                tx.save_contact_change(account, None, &change("b@example.com")).await?;
                let (version, found) = tx.contact_change(account, kind).await?.expect("stored");
                assert_eq!(found.contact().destination(), "b@example.com");
                assert!(tx.contact_change(account, ContactKind::Phone).await?.is_none());
                for late in [None, Some(version + 1)] {
                    let refused = tx.save_contact_change(account, late, &change("c@example.com")).await;
                    assert!(matches!(refused, Err(StorageError::Conflict)), "{late:?}");
                }
                tx.save_contact_change(account, Some(version), &change("c@example.com")).await?;
                let late = tx.drop_contact_change(account, kind, version).await;
                assert!(matches!(late, Err(StorageError::Conflict)));
                tx.drop_contact_change(account, kind, version + 1).await?;
                assert!(tx.contact_change(account, kind).await?.is_none());
                tx.save_contact_change(account, None, &change("d@example.com")).await?;
                assert_eq!(tx.delete_old_contact_changes(NOW.plus(CHANGE_LIFE), 5).await?, 0);
                assert_eq!(tx.delete_old_contact_changes(NOW.plus(CHANGE_LIFE + 1), 5).await?, 1);
                tx.save_contact_change(account, None, &change("e@example.com")).await?;
                assert_eq!(tx.drop_contact_changes(account).await?, 1);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn d7_two_accounts_that_take_one_address_at_once_one_winner(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let mut accounts = Vec::new();
    for n in 0..20 {
        accounts.push(stored_account(db, &own, patient(&format!("p{n}@example.com"), "A", "A")).await);
    }
    let tries = accounts.into_iter().enumerate().map(|(n, account)| {
        let store = db.store.clone();
        tokio::spawn(async move {
            let (from, to) = (email(&format!("p{n}@example.com")), email("one@example.com"));
            store.write(move |tx| async move { tx.change_email(account, &from, &to).await }.boxed()).await
        })
    });
    let done = futures::future::join_all(tries).await;
    let done: Vec<_> = done.into_iter().map(|done| done.expect("no task panics")).collect();
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
    let taken = |error: &StorageError| matches!(error, StorageError::Unique(Constraint::AccountEmail));
    assert!(done.iter().all(|done| done.as_ref().err().is_none_or(taken)), "{done:?}");
}

async fn u24_an_address_is_changed_with_what_is_found_by_it_and_proved_by_it(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("old@example.com", "Ada", "Lovelace")).await;
    stored_account(db, &own, patient("other@example.com", "B", "B")).await;
    db.store
        .write(move |tx| {
            async move {
                let (old, new) = (email("old@example.com"), email("new@example.com"));
                let before = tx.account_facts(own.id, account).await?.unwrap().password_version;
                let taken = tx.change_email(account, &old, &email("other@example.com")).await;
                assert!(matches!(taken, Err(StorageError::Unique(Constraint::AccountEmail))));
                assert!(matches!(tx.change_email(account, &new, &new).await, Err(StorageError::Conflict)));
                tx.change_email(account, &old, &new).await?;
                assert!(tx.account_by_email(own.id, &old).await?.is_none());
                let (moved, password) = tx.account_by_email(own.id, &new).await?.expect("moved");
                assert!(moved.id == account && password.is_some(), "the password stays");
                // A journey that proved the old address is over (see `gone` of the journey).
                assert_ne!(tx.account_facts(own.id, account).await?.unwrap().password_version, before);
                // Twice is once.
                assert!(matches!(
                    tx.change_email(account, &old, &email("x@example.com")).await,
                    Err(StorageError::Conflict)
                ));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
    for (text, hits) in [("old@", 0), ("new@", 1), ("lovelace", 1)] {
        let order = PatientOrder::Search(text.to_owned());
        let query = PatientQuery { tenant: own.id, order, has_mfa: None, position: Position::First, limit: 10 };
        let page = db.store.read(move |tx| async move { tx.list_patients(&query).await }.boxed()).await;
        assert_eq!(page.unwrap_or_else(|error: StorageError| panic!("{error}")).patients.len(), hits, "{text}");
    }
}

async fn invitations_to_an_address_go_with_its_account(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let invitation = |address: &str| Invitation {
                    id: id(),
                    tenant: own.id,
                    token: hash(),
                    email: Some(email(address)),
                    kind: AccountKind::Staff,
                    role: Role::ClinicStaff(own.id),
                    invited_by: None,
                    created_at: NOW,
                    expires_at: NOW.plus(DAY),
                    used_at: None,
                };
                let (used, open, others) =
                    (invitation("a@example.com"), invitation("a@example.com"), invitation("b@example.com"));
                for one in [&used, &open, &others] {
                    tx.create_invitation(one).await?;
                }
                tx.use_invitation(own.id, used.id, LATER).await?;
                // With another address the one that was used names nobody; one that is open is for whoever has
                // that address, and must not come to be for everybody.
                tx.change_email(account, &email("a@example.com"), &email("c@example.com")).await?;
                assert_eq!(tx.invitation_by_token(own.id, &used.token).await?.unwrap().email, None);
                assert_eq!(tx.invitation_by_token(own.id, &open.token).await?, Some(open.clone()));
                tx.change_email(account, &email("c@example.com"), &email("a@example.com")).await?;
                tx.plan_deletion(account, LATER).await?;
                tx.delete_account(account, LATER.plus(MINUTE)).await?;
                assert_eq!(tx.invitation_by_token(own.id, &open.token).await?, None);
                assert_eq!(tx.invitation_by_token(own.id, &others.token).await?, Some(others));
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn due_deletions_walk_an_index(db: &Db) {
    super::plans::deletions(db).await;
}
