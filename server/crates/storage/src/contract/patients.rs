//! The patient list: every order, both directions, filter and search.

use futures::FutureExt as _;
use lanyard_domain::{account::AccountKind, id::Id, tenant::Tenant};

use super::{contract, support::*};
use crate::{Patient, PatientOrder, PatientQuery, PatientSort, Position, StorageError};

contract!(
    pages_join_up_in_both_directions_whatever_the_order,
    a_search_finds_each_patient_once_by_any_of_its_terms,
    a25_neither_other_tenants_nor_staff_are_listed,
    a_cursor_of_another_order_is_refused,
);

fn query(tenant: Id<Tenant>, order: PatientOrder, has_mfa: Option<bool>) -> PatientQuery {
    PatientQuery { tenant, order, has_mfa, position: Position::First, limit: 3 }
}

// Reads forwards to the end and back to the beginning; both must show the same pages.
async fn walk(db: &Db, mut query: PatientQuery) -> Vec<Patient> {
    let page = |query: PatientQuery| db.store.read(|tx| async move { tx.list_patients(&query).await }.boxed());
    let mut pages = vec![page(query.clone()).await.unwrap()];
    assert_eq!(pages[0].previous, None);
    while let Some(next) = pages.last().unwrap().next.clone() {
        query.position = Position::After(next);
        pages.push(page(query.clone()).await.unwrap());
        assert!(!pages.last().unwrap().patients.is_empty());
    }
    for n in (1..pages.len()).rev() {
        query.position = Position::Before(pages[n].previous.clone().expect("a page before"));
        let back = page(query.clone()).await.unwrap();
        assert_eq!(back.patients, pages[n - 1].patients);
        assert_eq!(back.previous.is_some(), n > 1);
        assert_eq!(back.next, pages[n - 1].next);
    }
    pages.into_iter().flat_map(|page| page.patients).collect()
}

async fn people(db: &Db, tenant: &Tenant) {
    let names = [
        ("Zoë", "Ahrens"),
        ("Anna", "Ahrens"),
        ("Émile", "Zola"),
        ("Ada", "Lovelace"),
        ("Bo", ""),
        ("Anna", "Ahrensen"),
        ("Lena", "ÄHRE"),
        ("Anna", "Anna"),
    ];
    for (n, (given, surname)) in names.into_iter().enumerate() {
        let mut new = patient(&format!("p{n}@example.com"), given, surname);
        if n % 3 == 0 {
            new.factors = vec![phone_factor()];
        }
        let (tenant, account) = (tenant.id, new.id);
        let n = i64::try_from(n).unwrap();
        let job = db.store.write(move |tx| {
            async move {
                // Two each are created in the same millisecond; some never sign in.
                tx.create_account(tenant, &new, NOW.plus(n / 2)).await?;
                if n % 2 == 0 { tx.note_sign_in(account, LATER.minus(n)).await } else { Ok(()) }
            }
            .boxed()
        });
        job.await.unwrap();
    }
}

async fn pages_join_up_in_both_directions_whatever_the_order(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    people(db, &own).await;
    for by in [PatientSort::Name, PatientSort::Created, PatientSort::LastSignIn] {
        let all = walk(db, query(own.id, PatientOrder::Sorted { by, descending: false }, None)).await;
        assert_eq!(all.len(), 8, "{by:?}");
        let mut down = walk(db, query(own.id, PatientOrder::Sorted { by, descending: true }, None)).await;
        down.reverse();
        assert_eq!(down, all, "{by:?}");
        for has_mfa in [true, false] {
            let some = walk(db, query(own.id, PatientOrder::Sorted { by, descending: false }, Some(has_mfa))).await;
            let want: Vec<_> = all.iter().filter(|patient| patient.has_mfa == has_mfa).cloned().collect();
            assert_eq!(some, want, "{by:?} {has_mfa}");
            assert_eq!(some.len(), if has_mfa { 3 } else { 5 });
        }
        let keys: Vec<_> = all.iter().map(|p| (p.account.created_at, p.account.last_sign_in_at)).collect();
        match by {
            PatientSort::Name => {
                let names: Vec<_> = all.iter().map(|p| p.account.full_name().unwrap()).collect();
                let want = ["Bo", "Anna Ahrens", "Zoë Ahrens", "Anna Ahrensen", "Anna Anna", "Ada Lovelace"];
                assert_eq!(names[..6], want);
            }
            PatientSort::Created => assert!(keys.is_sorted_by_key(|key| key.0)),
            PatientSort::LastSignIn => assert!(keys.is_sorted_by_key(|key| key.1)),
        }
    }
}

async fn a_search_finds_each_patient_once_by_any_of_its_terms(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    people(db, &own).await;
    let search = async |typed: &str, has_mfa| {
        let found = walk(db, query(own.id, PatientOrder::Search(typed.into()), has_mfa)).await;
        let mut emails: Vec<_> = found.iter().map(|p| p.account.email.as_str()[..2].to_owned()).collect();
        emails.sort_unstable();
        emails.join(" ")
    };
    assert_eq!(search("ahren", None).await, "p0 p1 p5");
    assert_eq!(search("AHRENS, zoë", None).await, "p0");
    assert_eq!(search("ann", None).await, "p1 p5 p7");
    assert_eq!(search("anna an", None).await, "p7");
    assert_eq!(search("ada l", None).await, "p3");
    assert_eq!(search("p", None).await, "p0 p1 p2 p3 p4 p5 p6 p7");
    assert_eq!(search("p", Some(true)).await, "p0 p3 p6");
    assert_eq!(search("A", Some(false)).await, "p1 p5 p7");
    assert_eq!(search("A", Some(true)).await, "p0 p3");
    assert_eq!(search("äh", None).await, "p6");
    assert_eq!(search("p7@example.com", None).await, "p7");
    for nothing in ["%", "_", "x", "p7@example.comx", "'"] {
        assert_eq!(search(nothing, None).await, "", "{nothing}");
    }
    // A new name is found, the old one is not; a factor changes the filter.
    let tenant = own.id;
    let job = db.store.write(move |tx| {
        async move {
            let (account, _) = tx.account_by_email(tenant, &email("p4@example.com")).await?.expect("found");
            tx.set_attributes(account.id, &named("Rosa", "Luxemburg")).await?;
            tx.bind_factor(account.id, &phone_factor(), NOW).await
        }
        .boxed()
    });
    job.await.unwrap();
    assert_eq!(search("bo", None).await, "");
    assert_eq!(search("lux", Some(true)).await, "p4");
    assert_eq!(search("lux", Some(false)).await, "");
}

async fn a25_neither_other_tenants_nor_staff_are_listed(db: &Db) {
    let (own, other) = (stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await);
    stored_account(db, &other, patient("foreign@example.com", "Ann", "Other")).await;
    let mut staff = patient("staff@example.com", "Ann", "Staff");
    staff.kind = AccountKind::Staff;
    stored_account(db, &own, staff).await;
    stored_account(db, &own, patient("own@example.com", "Ann", "Own")).await;
    let orders =
        [PatientOrder::Sorted { by: PatientSort::Name, descending: false }, PatientOrder::Search("ann".into())];
    for order in orders {
        let found = walk(db, query(own.id, order, None)).await;
        assert_eq!(found.iter().map(|p| p.account.email.as_str()).collect::<Vec<_>>(), ["own@example.com"]);
    }
}

async fn a_cursor_of_another_order_is_refused(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    people(db, &own).await;
    let page = |query: PatientQuery| db.store.read(|tx| async move { tx.list_patients(&query).await }.boxed());
    let mut names = query(own.id, PatientOrder::Sorted { by: PatientSort::Name, descending: false }, None);
    let cursor = page(names.clone()).await.unwrap().next.expect("another page");
    names.order = PatientOrder::Sorted { by: PatientSort::Created, descending: false };
    names.position = Position::After(cursor);
    assert!(matches!(page(names).await, Err(StorageError::Inconsistent(_))));
}
