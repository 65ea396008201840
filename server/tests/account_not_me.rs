//! "This wasn't me": U24, A5, A8, N20, D7.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, AuditEvent, Outcome},
    clock::{DAY, MINUTE},
};
use lanyard_server::service::account::not_me::LINK_LIFE;
use lanyard_storage::StorageError;

use crate::{
    account_factors::{factors, maria_at_home, one_more, token},
    support::{
        Browser, Clinic, PASSWORD, Run, TestApp, Via,
        app::{ORIGIN, Options},
        journey::{refresh, with_tokens},
        world::{MARIA, NORA, PHONE},
    },
};

/// The link in the newest mail to `to`.
pub(crate) async fn link(app: &TestApp, to: &str) -> String {
    let mail = app.message(to).await.body;
    let (_, after) = mail.split_once(&format!("{ORIGIN}/not-me/")).unwrap_or_else(|| panic!("no link: {mail}"));
    format!("/not-me/{}", after.split(|c: char| c.is_whitespace() || c == '"').next().unwrap())
}

/// Maria removes a phone; the mail about it has a link.
pub(crate) async fn changed(app: &TestApp, clinic: &Clinic) -> (Browser, String) {
    let mut browser = maria_at_home(app, clinic).await;
    let second = one_more(app, clinic.maria, "+12065550177").await;
    let csrf = token(&mut browser, clinic).await;
    let remove = paths::account_remove_factor(clinic.tenant.domain.as_str());
    browser.post(&remove, &[("csrf", &csrf), ("factor", &second)]).await;
    let link = link(app, MARIA).await;
    (browser, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_a5_this_wasnt_me_ends_sessions_and_tokens_and_takes_the_password() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (domain, tenant) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
    let (mut inside, link) = changed(&app, &clinic).await;
    let tables = ["accounts", "sessions", "grants", "refresh_tokens", "factors", "repudiations", "audit"];
    let before = app.rows(&tables).await;

    // A mail scanner opens it, and a stranger's page posts it: nothing happens.
    let mut reader = app.browser();
    for _ in 0..3 {
        let page = reader.get(&link).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("secure my account"), "{}", page.text());
    }
    reader.extra = vec![("sec-fetch-site", "cross-site".into())];
    assert_eq!(reader.post(&link, &[]).await.status, 403);
    reader.extra.clear();
    assert_eq!(app.rows(&tables).await, before);

    let done = reader.post(&link, &[]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(inside.get(&paths::account(domain)).await.location().unwrap().starts_with("/journey/"));
    assert_eq!(app.audited(tenant, Action::AccountSecured, Outcome::Success).await, 1);
    // The old password opens nothing, …
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "{view:?}");
    // … its owner is told, …
    assert!(app.message(MARIA).await.body.contains("secured your account"), "n20");
    // … and the link works once.
    let before = app.rows(&tables).await;
    for answer in [reader.get(&link).await, reader.post(&link, &[]).await] {
        assert_eq!(answer.status, 410, "{}", answer.text());
    }
    assert_eq!(app.rows(&tables).await, before);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_a5_what_was_bound_since_the_change_opens_nothing_and_older_factors_stay() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    app.advance(2 * MINUTE);
    let (_, link) = changed(&app, &clinic).await;
    app.advance(DAY);
    let strangers = one_more(&app, clinic.maria, "+12065550188").await;
    app.browser().post(&link, &[]).await;
    let maria = clinic.maria;
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.factors_of_account(maria).await })).await;
    let found: Vec<_> = found.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let off: Vec<_> = found.iter().filter(|factor| factor.is_disabled()).map(|factor| factor.id.to_string()).collect();
    assert_eq!((off, found.len()), (vec![strangers], 2));
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorDisabled, Outcome::Success).await, 1);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_the_page_lists_two_weeks_and_turns_off_what_the_person_says() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (maria, domain) = (clinic.maria, clinic.tenant.domain.as_str());
    // Three phones of three days: an earlier one of a stranger's, her own, and one since the mail.
    let early = one_more(&app, maria, "+12065550181").await;
    app.advance(DAY);
    let hers = one_more(&app, maria, "+12065550182").await;
    app.advance(DAY);
    let (mut browser, link) = changed(&app, &clinic).await;
    let sibling = {
        let another = one_more(&app, maria, "+12065550184").await;
        let csrf = token(&mut browser, &clinic).await;
        app.drain().await;
        let remove = paths::account_remove_factor(domain);
        browser.post(&remove, &[("csrf", &csrf), ("factor", &another)]).await;
        crate::account_not_me::link(&app, MARIA).await
    };
    assert_ne!(link, sibling);
    app.advance(DAY);
    let late = one_more(&app, maria, "+12065550183").await;
    let old = factors(&app, maria).await.remove(0);

    let mut reader = app.browser();
    let page = reader.get(&link).await.text();
    let boxes = |id: &str| {
        let found = page.split("<input").find(|tag| tag.contains(&format!("name=\"factor-{id}\"")))?;
        Some(found.split('>').next().unwrap_or_default().contains("checked"))
    };
    assert_eq!((boxes(&early), boxes(&hers), boxes(&late)), (Some(false), Some(false), Some(true)), "{page}");
    assert_eq!(boxes(&old), None, "older than two weeks");
    assert!(page.contains("•••• 81") && !page.contains("5550181") && page.contains("Removed"), "{page}");

    // The early one was not hers either; the late one was. What is not listed cannot be named.
    let (early_box, old_box) = (format!("factor-{early}"), format!("factor-{old}"));
    let fields = [("chosen", "true"), (early_box.as_str(), "true"), (old_box.as_str(), "true"), ("address", "true")];
    assert_eq!(reader.post(&link, &fields).await.status, 200);
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.factors_of_account(maria).await })).await;
    let found: Vec<_> = found.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let off: Vec<_> = found.iter().filter(|factor| factor.is_disabled()).map(|factor| factor.id.to_string()).collect();
    assert_eq!(off, [early]);
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorDisabled, Outcome::Success).await, 1);
    // The sibling is used up with it.
    let before = app.rows(&["factors", "sessions", "audit", "outbox"]).await;
    assert_eq!(reader.get(&sibling).await.status, 410);
    assert_eq!(reader.post(&sibling, &[]).await.status, 410);
    assert_eq!(app.rows(&["factors", "sessions", "audit", "outbox"]).await, before);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_c1_a_flood_of_events_pushes_nothing_off_the_page() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (_, link) = changed(&app, &clinic).await;
    app.advance(MINUTE);
    let (maria, tenant, now) = (clinic.maria, clinic.tenant.id, app.now());
    let flood = app.app.store.write(move |tx| {
        Box::pin(async move {
            for n in 0..300 {
                let action = if n % 2 == 0 { Action::ProfileChanged } else { Action::SignIn };
                let mut entropy = lanyard_domain::entropy::SeededEntropy::new(n);
                let id = lanyard_domain::id::Id::new(now, &mut entropy);
                let event = AuditEvent {
                    id,
                    tenant,
                    at: now,
                    actor: Some(maria),
                    action,
                    target: Some(maria.to_string()),
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
    flood.await.unwrap();
    let page = app.browser().get(&link).await;
    assert!(page.says("Removed a phone for text messages"), "{}", page.text());
    assert!(page.text().matches("Changed your details").count() <= 20);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_u24_a_new_password_takes_the_code_to_the_address_and_the_bound_factor() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (_, link) = changed(&app, &clinic).await;
    app.browser().post(&link, &[]).await;
    app.drain().await;
    let sessions = app.count("sessions").await;
    let address = paths::account(clinic.tenant.domain.as_str());
    let mut run = Run::at(app.browser(), &address, Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", MARIA)]).await;
    let code = app.code(MARIA).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "the factor comes before the password: {view:?}");
    assert_eq!(app.count("sessions").await, sessions);
    let code = app.code(PHONE).await;
    run.act("submit-code", &[("code", &code)]).await;
    let view = run.act("submit-new-password", &[("password", "quiet marble 58 lantern")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_the_link_is_of_its_tenant_lives_14_days_and_cannot_be_guessed() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (_, link) = changed(&app, &clinic).await;
    let (_, token) = link.rsplit_once('/').unwrap();
    let others = app.world.plain.tenant.domain.as_str();
    let before = app.rows(&["accounts", "sessions", "repudiations", "audit"]).await;
    let mut reader = app.browser();
    let own = clinic.tenant.domain.as_str();
    let flipped: String = token.chars().rev().collect();
    for address in [paths::not_me(others, token), paths::not_me(own, &flipped), paths::not_me(own, "x")] {
        if others == own && address.ends_with(token) {
            continue;
        }
        assert_eq!(reader.get(&address).await.status, 410, "{address}");
        assert_eq!(reader.post(&address, &[]).await.status, 410, "{address}");
    }
    app.advance(LINK_LIFE);
    assert_eq!(reader.get(&link).await.status, 410);
    assert_eq!(reader.post(&link, &[]).await.status, 410);
    assert_eq!(app.rows(&["accounts", "sessions", "repudiations", "audit"]).await, before);
    let stored = app.rows(&["repudiations"]).await;
    assert!(stored.iter().all(|row| !row.contains(token)), "the hash alone is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_u24_the_mails_of_a_reset_have_the_link_too_and_it_ends_what_the_reset_began() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", NORA)]).await;
    let code = app.code(NORA).await;
    run.act("submit-code", &[("code", &code)]).await;
    let new = "quiet marble 58 lantern";
    run.act("submit-new-password", &[("password", new)]).await;
    run.back().await;
    let link = link(&app, NORA).await;
    assert_eq!(app.browser().post(&link, &[]).await.status, 200);
    let home = paths::account(clinic.tenant.domain.as_str());
    assert!(run.browser.get(&home).await.location().unwrap().starts_with("/journey/"));
    let mut again = Run::at(app.browser(), &home, Via::Form).await;
    let view = again.sign_in(NORA, new).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_u24_refresh_tokens_end_with_the_link() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut device, tokens) = with_tokens(&app, &clinic).await;
    let mut run = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.back().await;
    let (own, tenant, domain) = (app.app.clone(), clinic.tenant.id, clinic.tenant.domain.as_str().to_owned());
    let nora = clinic.nora;
    let path = app.app.store.write(move |tx| {
        Box::pin(async move { lanyard_server::service::account::not_me::link(&own, tx, (tenant, &domain), nora).await })
    });
    let path = path.await.unwrap();
    assert_eq!(app.browser().post(&path, &[]).await.status, 200);
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&mut device.browser, &clinic, &clinic.flow, token).await.status, 400);
    app.drain().await;
}

/// Of fifty who press the button at once, one does it.
pub(crate) async fn a_repudiation_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (_, link) = changed(&app, &clinic).await;
    let tries = (0..50).map(|_| {
        let (mut browser, link) = (app.browser(), link.clone());
        async move { tokio::spawn(async move { browser.post(&link, &[]).await }).await.unwrap() }
    });
    let answers = futures::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(app.audited(clinic.tenant.id, Action::AccountSecured, Outcome::Success).await, 1);
    app.drain().await;
}
