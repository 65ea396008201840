//! `/account` without a clinic in the address.

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_ones_account_names_no_clinic_where_there_are_several() {
    let app = TestApp::new().await;
    let answer = app.browser().get("/account").await;
    assert_eq!(answer.status, 200);
    assert!(answer.says("Which account is yours?"), "{}", answer.text());
    for clinic in [&app.world.mfa, &app.world.plain] {
        assert!(!answer.text().contains(&clinic.tenant.name) && !answer.text().contains(clinic.tenant.domain.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_ones_account_leads_to_the_only_clinic() {
    let app = TestApp::new().await;
    let only = &app.world.plain.tenant;
    let options: SqliteConnectOptions = app.database.url.parse().unwrap();
    let mut db = options.foreign_keys(false).connect().await.unwrap();
    sqlx::query("DELETE FROM tenants WHERE domain NOT IN ($1, 'lanyard.system')")
        .bind(only.domain.as_str())
        .execute(&mut db)
        .await
        .unwrap();
    let answer = app.browser().get("/account").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.location(), Some(format!("/account/{}", only.domain.as_str())));
}
