//! What is set for a whole tenant. A14, C1, N20, RFC 7591.

use axum::http::StatusCode;
use lanyard_domain::{audit::Action, role::Role};
use lanyard_storage::StorageError;

use crate::support::{TestApp, app::Options};

use super::{RIVERSIDE, SETTINGS, fields, operator, save, send};

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_registration_is_switched_in_the_portal_and_audited() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let action = format!("{RIVERSIDE}/registration");
    let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
    let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    const TABLES: [&str; 2] = ["registration_switches", "audit"];
    let page = ann.get(SETTINGS).await;
    assert!(page.says("Off: only operators register applications."), "{}", page.text());
    let form = fields(&page, &action);
    let before = app.rows(&TABLES).await;
    // Out of bounds, another tenant's operator, a form of another site, a word that is none.
    for most in ["0", "1001", "many", ""] {
        let refused = send(&mut ann, &action, form.clone(), &[("most", most)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{most}");
        assert!(refused.says("Enter a whole number from 1 to 1000."), "{}", refused.text());
    }
    assert_eq!(send(&mut ben, &action, form.clone(), &[]).await.status, StatusCode::NOT_FOUND, "a25");
    assert_eq!(send(&mut ann, &action, form.clone(), &[("csrf", "x")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&mut ann, &action, form.clone(), &[("to", "x")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.rows(&TABLES).await, before);

    let on = send(&mut ann, &action, form.clone(), &[("most", "7")]).await;
    assert_eq!(on.location().as_deref(), Some("/portal/riverside.example/settings?done=registration-on#registration"));
    let page = ann.get(&on.location().unwrap()).await;
    assert!(page.says("Programs may register applications") && page.says("7 at most"), "{}", page.text());
    let switch = async || {
        let read = app.app.store.read(move |tx| Box::pin(async move { tx.registration_switch(tenant).await })).await;
        read.map(|switch| (switch.on, switch.most)).unwrap_or_else(|error: StorageError| panic!("{error}"))
    };
    assert_eq!(switch().await, (true, 7));
    // Once more changes nothing, and is no event.
    send(&mut ann, &action, form, &[("most", "7")]).await;
    let off = save(&mut ann, SETTINGS, &action, &[]).await;
    assert_eq!(
        off.location().as_deref(),
        Some("/portal/riverside.example/settings?done=registration-off#registration")
    );
    assert_eq!(switch().await, (false, 7), "the limit is kept");
    let events = app.audit(tenant).await.into_iter().filter(|event| event.action == Action::RegistrationSwitched);
    let mut told: Vec<_> = events.map(|event| (event.actor, event.detail["on"].clone())).collect();
    told.sort_by_key(|(_, on)| on.to_string());
    assert_eq!(told, [(Some(id), false.into()), (Some(id), true.into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_the_countries_of_texts_and_calls_are_set_in_the_portal_and_audited() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let tenant = app.world.mfa.tenant.id;
        let action = format!("{RIVERSIDE}/texts");
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        let page = ann.get(SETTINGS).await;
        assert!(page.says("Codes by text and call go to phones in every country."), "{}", page.text());
        let form = fields(&page, &action);
        let before = app.rows(&["tenants", "audit"]).await;
        let refused = send(&mut ann, &action, form.clone(), &[("countries", "Canada, Narnia")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("“Narnia” is no country on our list."), "{}", refused.text());
        assert!(refused.says("Canada, Narnia"), "what was typed stays");
        let canada = [("countries", "Canada")];
        assert_eq!(send(&mut ben, &action, form.clone(), &canada).await.status, StatusCode::NOT_FOUND, "a25");
        let forged = [canada[0], ("csrf", "x")];
        assert_eq!(send(&mut ann, &action, form.clone(), &forged).await.status, StatusCode::FORBIDDEN);
        // As it is already: no change and no event.
        send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(app.rows(&["tenants", "audit"]).await, before);

        let saved = send(&mut ann, &action, form.clone(), &[("countries", "united states, CA")]).await;
        assert_eq!(saved.location().as_deref(), Some("/portal/riverside.example/settings?done=texts#texts"));
        let page = ann.get(&saved.location().unwrap()).await;
        assert!(page.says("go to phones in Canada, United States only."), "{}", page.text());
        // A form that was drawn before does not undo it unseen.
        let stale = send(&mut ann, &action, form, &canada).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(stale.says("Somebody else has changed the countries meanwhile."), "{}", stale.text());
        let again = send(&mut ann, &action, fields(&stale, &action), &[]).await;
        assert_eq!(again.location().as_deref(), Some("/portal/riverside.example/settings?done=texts#texts"));
        let events = app.audit(tenant).await.into_iter().filter(|event| event.action == Action::TenantChanged);
        let mut told: Vec<_> = events.map(|event| (event.actor, event.detail["phone_countries"].to_string())).collect();
        told.sort();
        assert_eq!(told, [(Some(id), "[\"CA\",\"US\"]".to_owned()), (Some(id), "[\"CA\"]".to_owned())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_c1_the_hours_of_the_cool_down_are_set_within_bounds_and_told() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let tenant = app.world.mfa.tenant.id;
        let action = format!("{RIVERSIDE}/cool-down");
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        let page = ann.get(SETTINGS).await;
        assert!(page.says("For 24 hours nobody can remove a second step"), "{}", page.text());
        let form = fields(&page, &action);
        let before = app.rows(&["tenants", "audit"]).await;
        for wrong in ["169", "-1", "1.5", "a day", ""] {
            let refused = send(&mut ann, &action, form.clone(), &[("hours", wrong)]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
            assert!(refused.says("Enter a whole number of hours from 0 to 168."), "{}", refused.text());
        }
        let two = [("hours", "2")];
        assert_eq!(send(&mut ben, &action, form.clone(), &two).await.status, StatusCode::NOT_FOUND, "a25");
        assert_eq!(send(&mut ann, &action, form.clone(), &[two[0], ("csrf", "x")]).await.status, StatusCode::FORBIDDEN);
        send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(app.rows(&["tenants", "audit"]).await, before, "as it is already");

        let saved = send(&mut ann, &action, form.clone(), &two).await;
        assert_eq!(saved.location().as_deref(), Some("/portal/riverside.example/settings?done=cool-down#cool-down"));
        let page = ann.get(&saved.location().unwrap()).await;
        assert!(page.says("For 2 hours nobody can remove a second step"), "{}", page.text());
        let stale = send(&mut ann, &action, form, &[("hours", "0")]).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(stale.says("Somebody else has changed this meanwhile."), "{}", stale.text());
        let again = send(&mut ann, &action, fields(&stale, &action), &[]).await;
        assert_eq!(again.location().as_deref(), Some("/portal/riverside.example/settings?done=cool-down#cool-down"));
        let log = app.audit(tenant).await;
        let told = log.iter().filter(|event| event.action == Action::TenantChanged && event.actor == Some(id));
        let mut told: Vec<_> = told.map(|event| event.detail["cool_down_hours"].as_u64().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, [0, 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u4_each_section_of_the_settings_says_what_was_saved_and_keeps_what_was_typed() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let (mut ann, _) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
    let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    assert_eq!(ben.get(SETTINGS).await.status, StatusCode::NOT_FOUND, "a25");
    // The overview leads there, and has none of the forms any more.
    let overview = ann.get(RIVERSIDE).await.text();
    assert!(overview.contains(&format!("href=\"{SETTINGS}\"")), "{overview}");
    let section = |text: &str, id: &str| {
        let (_, rest) = text.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}: {text}"));
        rest.split("</section>").next().unwrap().to_owned()
    };
    for (action, id, wrong, right) in [
        ("cool-down", "cool-down", Some(("hours", "a day")), ("hours", "2")),
        ("resets", "resets", None, ("to", "on")),
        ("texts", "texts", Some(("countries", "Narnia")), ("countries", "Canada")),
        ("minimums", "minimums", Some(("staff", "aal9")), ("staff", "aal2_strict")),
        ("passkeys", "staff-passkeys", Some(("makes", "Key 5")), ("makes", "")),
        ("registration", "registration", Some(("most", "1001")), ("most", "7")),
    ] {
        let action = format!("{RIVERSIDE}/{action}");
        assert!(!overview.contains(&format!("action=\"{action}\"")), "{action}");
        if let Some((field, typed)) = wrong {
            let refused = save(&mut ann, SETTINGS, &action, &[(field, typed)]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{action}");
            let text = refused.text();
            let own = section(&text, id);
            // What no list offers cannot stay chosen in it.
            assert!(own.contains(typed) || typed == "aal9", "{action}: {own}");
            assert!(own.contains("field-error"), "{action}: {own}");
            let errors = |text: &str| text.matches("class=\"field-error\"").count();
            assert_eq!(errors(&text), errors(&own), "{action}: the other sections are as they were");
        }
        let saved = save(&mut ann, SETTINGS, &action, &[right]).await;
        let to = saved.location().unwrap_or_else(|| panic!("{action}: {}", saved.text()));
        assert!(to.starts_with(&format!("{SETTINGS}?done=")) && to.ends_with(&format!("#{id}")), "{to}");
        let text = ann.get(&to).await.text();
        assert!(section(&text, id).contains("role=\"status\""), "{action}: {text}");
        assert_eq!(text.matches("role=\"status\"").count(), 1, "{action}");
    }
}
