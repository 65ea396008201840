//! Consents and the access of applications.

use futures::FutureExt as _;
use lanyard_domain::{
    clock::DAY,
    consent::{Consent, Item},
    grant::Grant,
};

use super::{contract, support::*};
use crate::StorageError;

contract!(
    u29_a_consent_is_kept_for_account_and_application,
    u29_consents_and_grants_of_one_application_end_together,
    a32_access_is_listed_and_revoked_for_one_application,
);

async fn u29_a_consent_is_kept_for_account_and_application(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    let other = stored_account(db, &a, patient("b@example.com", "B", "B")).await;
    let (first, second) = (application(&a, "One"), application(&a, "Two"));
    db.store
        .write(move |tx| {
            async move {
                tx.create_application(&first).await?;
                tx.create_application(&second).await?;
                assert_eq!(tx.consent(Some(account), first.id).await?, None);
                let one = Consent {
                    account,
                    application: first.id,
                    items: [Item::Claim("emails".into())].into(),
                    given_at: NOW,
                };
                tx.set_consent(&one).await?;
                // More is agreed to later: the first moment stays.
                let more = [Item::Claim("emails".into()), Item::Scope("offline_access".into())].into();
                let two = Consent { items: more, given_at: LATER, ..one.clone() };
                tx.set_consent(&two).await?;
                let kept = Consent { given_at: NOW, ..two };
                assert_eq!(tx.consent(Some(account), first.id).await?, Some(kept.clone()));
                for (who, which) in [(Some(account), second.id), (Some(other), first.id), (None, first.id)] {
                    assert_eq!(tx.consent(who, which).await?, None);
                }
                assert_eq!(tx.consents_of_account(account).await?, [kept]);
                assert!(!tx.delete_consent(other, first.id).await?);
                assert!(tx.delete_consent(account, first.id).await?);
                assert!(!tx.delete_consent(account, first.id).await?);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn u29_consents_and_grants_of_one_application_end_together(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    let (gone, kept) = (application(&a, "One"), application(&a, "Two"));
    db.store
        .write(move |tx| {
            async move {
                for one in [&gone, &kept] {
                    tx.create_application(one).await?;
                    let items = [Item::Claim("emails".into())].into();
                    tx.set_consent(&Consent { account, application: one.id, items, given_at: NOW }).await?;
                    let grant = Grant { application: one.id, ..grant(&a, account) };
                    tx.create_grant(&grant).await?;
                    tx.redeem_grant(grant.id, NOW.plus(1)).await?;
                }
                assert_eq!(tx.forget_consents_to(gone.id, LATER).await?, (1, 1));
                assert_eq!(tx.forget_consents_to(gone.id, LATER).await?, (0, 0));
                let left = tx.consents_of_account(account).await?;
                assert_eq!(left.iter().map(|consent| consent.application).collect::<Vec<_>>(), [kept.id]);
                let left = tx.access_of_account(account, NOW.plus(2)).await?;
                assert_eq!(left.iter().map(|access| access.application).collect::<Vec<_>>(), [kept.id]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn a32_access_is_listed_and_revoked_for_one_application(db: &Db) {
    let a = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &a, patient("a@example.com", "A", "A")).await;
    db.store
        .write(move |tx| {
            async move {
                let (kept, gone, unredeemed) = (grant(&a, account), grant(&a, account), grant(&a, account));
                for one in [&kept, &gone, &unredeemed] {
                    tx.create_grant(one).await?;
                }
                for one in [&kept, &gone] {
                    tx.redeem_grant(one.id, NOW.plus(1)).await?;
                }
                tx.create_refresh_token(&refresh_token(&gone)).await?;
                let listed = tx.access_of_account(account, NOW.plus(2)).await?;
                let mut found: Vec<_> = listed.iter().map(|access| (access.application, access.offline)).collect();
                let mut expected = vec![(kept.application, false), (gone.application, true)];
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "a code that was never redeemed gave nothing");
                let later = tx.access_of_account(account, NOW.plus(2 * DAY)).await?;
                assert!(later.iter().all(|access| !access.offline), "its refresh token is dead by then");
                assert_eq!(tx.revoke_grants_to(account, gone.application, LATER).await?, 1);
                let left = tx.access_of_account(account, NOW.plus(2)).await?;
                assert_eq!(left.iter().map(|access| access.application).collect::<Vec<_>>(), [kept.application]);
                Ok::<_, StorageError>(())
            }
            .boxed()
        })
        .await
        .unwrap();
}
