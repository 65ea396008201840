//! User flows in the portal. O2, O3, O8.

use axum::http::StatusCode;
use lanyard_domain::user_flow::{Conditions, Enforcement};

use crate::support::{TestApp, app::Options};

use super::{RIVERSIDE, boss, fields, save, send};

#[tokio::test(flavor = "multi_thread")]
async fn o2_required_without_collected_changes_nothing_and_says_why() {
    let app = TestApp::new().await;
    let path = format!("{RIVERSIDE}/flows/{}", app.world.mfa.flow.name.key());
    let mut ann = boss(&app, "Ann").await;
    let before = app.rows(&["user_flows", "audit"]).await;
    let mut form = fields(&ann.get(&path).await, &path);
    form.retain(|(name, _)| name != "collect-country");
    let refused = send(&mut ann, &path, form, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("Country/Region is required but not collected."), "{}", refused.text());
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_the_page_says_whom_it_counts() {
    let app = TestApp::new().await;
    let mut ann = boss(&app, "Ann").await;
    let page = ann.get(&format!("{RIVERSIDE}/flows/{}/mfa?to=off", app.world.mfa.flow.name.key())).await;
    assert!(page.says("1 of 3 patients has no second factor."), "{}", page.text());
    assert!(page.says("All patients of Riverside Clinic are counted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_a_dry_run_says_who_would_be_affected_and_saves_nothing() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let mut ann = boss(&app, "Ann").await;
        // Maria has a phone, Tina an app, Nora nothing.
        let path = format!("{RIVERSIDE}/flows/{}", app.world.mfa.flow.name.key());
        let before = app.rows(&["user_flows", "audit"]).await;
        for to in ["on", "conditional"] {
            let (page, action) = (format!("{path}/mfa?to={to}"), format!("{path}/mfa"));
            let asked = ann.get(&page).await;
            assert!(asked.says("1 patient has none, and is asked to set one up."), "{}", asked.text());
            assert!(!asked.says("not good enough"), "{}", asked.text());
            for (minimum, weaker) in
                [("aal2_strict", "1 patient has only"), ("phishing_resistant", "2 patients have only")]
            {
                let tried = save(&mut ann, &page, &action, &[("minimum", minimum), ("dry_run", "true")]).await;
                assert_eq!(tried.status, StatusCode::OK, "{}", tried.text());
                assert!(tried.says(weaker) && tried.says("1 of 3 patients has no second factor."), "{}", tried.text());
                // What was chosen stays chosen.
                let form = fields(&tried, &action);
                assert!(form.contains(&("minimum".to_owned(), minimum.to_owned())), "{form:?}");
            }
        }
        // With nothing to choose from it is an error, tried or not.
        let none =
            ["passkey", "authenticator_app", "text_message", "phone_call"].map(|method| format!("method-{method}"));
        let mut none: Vec<(&str, &str)> = none.iter().map(|name| (name.as_str(), "")).collect();
        none.push(("dry_run", "true"));
        let refused = save(&mut ann, &format!("{path}/mfa?to=on"), &format!("{path}/mfa"), &none).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lives_and_the_issuer_of_a_flow_are_saved_and_o8_the_exact_issuer_is_shown() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = format!("{RIVERSIDE}/flows/{}", clinic.flow.name.key());
    let mut ann = boss(&app, "Ann").await;
    let shared = format!("https://id.example/{}/v2.0/", clinic.tenant.id);
    assert!(ann.get(&path).await.says(&shared), "to be copied before it is chosen");
    let changes = [
        ("token_minutes", "30"),
        ("refresh_window_days", ""),
        ("issuer", "tenant"),
        ("session_minutes", "60"),
        ("session_end", "rolling"),
        ("session_scope", "application"),
        ("keep_days", "7"),
    ];
    assert_eq!(save(&mut ann, &path, &path, &changes).await.location(), Some(format!("{path}?done=saved")));
    let page = ann.get(&format!("{path}?done=saved")).await;
    for said in ["60 minutes", "30 minutes", "no end", "the same for all flows", "after the last use", "7 days"] {
        assert!(page.says(said), "{said}");
    }
    let form = fields(&page, &path);
    for (name, value) in changes {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name}: {form:?}");
    }
    let before = app.rows(&["user_flows", "audit"]).await;
    let refused = save(&mut ann, &path, &path, &[("token_minutes", "4"), ("session_minutes", "x")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("from 5 to 1440") && refused.says("from 15 to 1440"));
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_no_flow_that_lets_a_stolen_password_in_from_any_browser_is_made_or_changed() {
    let app = TestApp::new().await;
    let home = format!("{RIVERSIDE}/flows/new");
    let mut ann = boss(&app, "Ann").await;
    let form = fields(&ann.get(&home).await, &home);
    let before = app.rows(&["user_flows", "audit"]).await;
    for network in ["", "true"] {
        let days = [
            ("name", "B2C_1_days"),
            ("mfa", "conditional"),
            ("when_days", "90"),
            ("when_new_browser", ""),
            ("when_new_network", network),
        ];
        let refused = send(&mut ann, &home, form.clone(), &days).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "made with {network:?}");
        let said = "the days alone would let a stolen password in from any browser";
        assert!(refused.says(said) && refused.says("id=\"f-when_new_browser-error\""), "{}", refused.text());
    }
    let flow = format!("{RIVERSIDE}/flows/{}", app.world.mfa.flow.name.key());
    let (page, action) = (format!("{flow}/mfa?to=conditional"), format!("{flow}/mfa"));
    let refused = save(&mut ann, &page, &action, &[("when_days", "90"), ("when_new_browser", "")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "changed");
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
    let made = send(
        &mut ann,
        &home,
        form,
        &[("name", "B2C_1_days"), ("mfa", "conditional"), ("when_days", "90"), ("when_new_browser", "true")],
    )
    .await;
    assert_eq!(made.location(), Some(format!("{RIVERSIDE}/flows/b2c_1_days?done=created")), "{}", made.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a_flow_from_before_that_trusts_every_browser_says_so_and_is_not_saved_as_it_is() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    crate::oidc::change_flow(&app, &clinic.flow, |settings| {
        settings.mfa.enforcement = Enforcement::Conditional;
        settings.mfa.conditions = Conditions { strong_days: Some(90), ..Conditions::default() };
    })
    .await;
    let path = format!("{RIVERSIDE}/flows/{}", clinic.flow.name.key());
    let mut ann = boss(&app, "Ann").await;
    let before = app.rows(&["user_flows", "audit"]).await;
    let refused = save(&mut ann, &path, &path, &[("token_minutes", "30")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("First change when it asks for a second factor"), "{}", refused.text());
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
}
