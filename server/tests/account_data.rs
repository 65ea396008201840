//! Security history and the copy of one's data: A20, A23, C1, C5.

use lanyard_app::paths;
use lanyard_domain::{
    audit::{Action, AuditEvent, Outcome},
    clock::{MINUTE, SECOND},
    entropy::SeededEntropy,
    id::Id,
    session::FRESH,
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::{field, maria_at_home, token},
    support::{
        PASSWORD, Run, TestApp, Via,
        world::{MARIA, NORA, PHONE},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a23_the_security_history_is_ones_own_newest_first_page_by_page() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (domain, tenant) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
    let mut nora = app.browser();
    nora.extra = vec![("user-agent", "Mozilla/5.0 (iPhone) Version/18 Safari/604.1".into())];
    let mut run = Run::at(nora, &paths::account(domain), Via::Form).await;
    run.sign_in(NORA, "wrong pass phrase 9").await;
    app.advance(MINUTE);
    run.sign_in(NORA, PASSWORD).await;
    run.back().await;
    maria_at_home(&app, &clinic).await;
    let page = run.browser.get(&paths::account_history(domain)).await;
    let text = page.text();
    let (at, failed) = (text.find("Signed in").unwrap(), text.find("The password was typed").unwrap());
    assert!(at < failed, "newest first: {text}");
    assert_eq!(
        text.matches("Signed in<").count() + text.matches("Signed in <").count(),
        1,
        "Maria’s is not here: {text}"
    );
    assert!(text.contains("Safari on iPhone") && text.contains("Didn’t work"), "{text}");

    // Sixty events more: three pages, none twice, none left out.
    let (own, now) = (clinic.nora, app.now());
    let filled = app.app.store.write(move |tx| {
        Box::pin(async move {
            let mut random = SeededEntropy::new(7_700_000_000);
            for n in 0..60 {
                let event = AuditEvent {
                    id: Id::new(now, &mut random),
                    tenant,
                    at: now.plus(n / 2 * SECOND),
                    actor: Some(own),
                    action: Action::ProfileChanged,
                    target: None,
                    outcome: Outcome::Success,
                    ip: None,
                    request: None,
                    detail: serde_json::json!({}),
                };
                tx.append_audit(&event).await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    filled.await.unwrap();
    let (mut seen, mut next) = (0, Some(paths::account_history(domain)));
    let mut pages = 0;
    while let Some(address) = next {
        let text = run.browser.get(&address).await.text().to_owned();
        seen += text.matches("Changed your details").count();
        pages += 1;
        next = text
            .split("href=\"")
            .filter_map(|rest| rest.split('"').next())
            .find(|to| to.contains("?before="))
            .map(str::to_owned);
    }
    assert_eq!((seen, pages), (60, 3));
    for wrong in ["x", "1.x", "x.018f0000-0000-7000-8000-000000000000", ""] {
        let answer = run.browser.get(&format!("{}?before={wrong}", paths::account_history(domain))).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_the_history_tells_what_others_did_and_nothing_of_where_they_did_it() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut sam = crate::sessions::staff(&app).await.browser;
    sam.extra = vec![("user-agent", "Mozilla/5.0 (Windows NT 10.0) Edg/140.0".into())];
    assert_eq!(sam.get(&paths::clinic_patient(domain, &clinic.maria.to_string())).await.status, 200);
    app.advance(MINUTE);
    let mut maria = maria_at_home(&app, &clinic).await;
    let text = maria.get(&paths::account_history(domain)).await.text();
    assert!(text.contains("Somebody who works here looked at your details"), "{text}");
    assert!(text.contains("Not done by you") && !text.contains("Edge on Windows"), "{text}");
    let csrf = token(&mut maria, &clinic).await;
    let copy: serde_json::Value = maria.post(&paths::account_data(domain), &[("csrf", &csrf)]).await.json();
    let seen = copy["history"].as_array().unwrap().iter().find(|event| event["by_you"] == false).unwrap();
    assert!(seen["network_address"].is_null() && seen["browser"].is_null(), "{seen}");
    // It is hers alone: Tina's says nothing of it.
    let mut nora = Run::at(app.browser(), &paths::account(app.world.plain.tenant.domain.as_str()), Via::Form).await;
    nora.sign_in(NORA, PASSWORD).await;
    nora.back().await;
    let own = nora.browser.get(&paths::account_history(app.world.plain.tenant.domain.as_str())).await.text();
    assert!(!own.contains("looked at your details"), "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_c5_the_copy_of_ones_data_is_whole_holds_no_secrets_and_is_audited() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (domain, tenant) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
    let mut browser = maria_at_home(&app, &clinic).await;
    let data = paths::account_data(domain);
    let csrf = field(&browser.get(&data).await, "csrf");
    assert_eq!(app.audited(tenant, Action::DataExported, Outcome::Success).await, 0, "a GET gives nothing out");
    let answer = browser.post(&data, &[("csrf", "x")]).await;
    assert_eq!(answer.status, 403);
    app.advance(SECOND);
    let file = browser.post(&data, &[("csrf", &csrf)]).await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert_eq!(file.headers["content-type"], "application/json");
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(file.headers["cache-control"], "no-store");
    let json: serde_json::Value = file.json();
    assert_eq!(json["account"]["email"], MARIA);
    assert_eq!(json["second_steps"][0]["number"], PHONE);
    assert_eq!(json["signed_in"].as_array().unwrap().len(), 1);
    assert_eq!(json["history"][0]["what"], "Downloaded your data");
    assert!(json["history"].as_array().unwrap().iter().any(|event| event["what"] == "Signed in"));
    for secret in ["argon2", "phc", "token", "secret", NORA] {
        assert!(!file.text().contains(secret), "c5: {secret}: {}", file.text());
    }
    assert_eq!(app.audited(tenant, Action::DataExported, Outcome::Success).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_a_copy_of_ones_data_takes_a_fresh_sign_in_at_the_accounts_level() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let data = paths::account_data(domain);
    let mut browser = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut browser, &clinic).await;
    // Nora: a password alone, and then she has a factor.
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.back().await;
    let noras = token(&mut run.browser, &clinic).await;
    assert_eq!(run.browser.post(&data, &[("csrf", &noras)]).await.status, 200);
    crate::account_factors::one_more(&app, clinic.nora, "+12065550177").await;
    let again = format!("{}?sign-in-again", paths::account(domain));
    let before = app.rows(&["audit"]).await;
    let weak = run.browser.post(&data, &[("csrf", &noras)]).await;
    assert_eq!(weak.location().unwrap(), again);
    app.advance(FRESH + 1);
    let late = browser.post(&data, &[("csrf", &csrf)]).await;
    assert_eq!(late.location().unwrap(), again);
    assert_eq!(app.rows(&["audit"]).await, before);
}
