//! Authenticator apps, phones and passkeys at `/account`: N19, N20, A19, A20, A23, U20, U24, failures 8,
//! 19 and 20.

use lanyard_app::{
    api::journey::{ProblemCode, StageView},
    paths,
};
use lanyard_crypto::Purpose;
use lanyard_domain::{
    account::Account,
    assurance::Method,
    audit::{Action, Outcome},
    clock::{MINUTE, Timestamp},
    entropy::SeededEntropy,
    factor::{FactorSecret, NewFactor},
    id::Id,
    phone::PhoneNumber,
    session::FRESH,
};
use lanyard_storage::StorageError;

use crate::support::{
    Browser, Clinic, PASSWORD, Page, Run, TestApp, Via,
    app::Options,
    journey::{authorize, place, problem, refresh, with_tokens},
    world::{MARIA, NORA, PHONE, SEED, totp},
};

/// The value of the field `name` of the page's first form that has one.
pub(crate) fn field(page: &Page, name: &str) -> String {
    page.hidden(name).unwrap_or_else(|| panic!("no {name}: {}", page.text()))
}

/// Maria, signed in to her own account with her phone.
pub(crate) async fn maria_at_home(app: &TestApp, clinic: &Clinic) -> Browser {
    let home = paths::account(clinic.tenant.domain.as_str());
    let mut run = Run::at(app.browser(), &home, Via::Form).await;
    run.sign_in_with_phone(app, MARIA, PHONE).await;
    assert_eq!(run.back().await, home);
    run.browser
}

/// Binds one more phone to `account`, behind everybody's back.
pub(crate) async fn one_more(app: &TestApp, account: Id<Account>, number: &str) -> String {
    let (now, seed) = (app.now(), 9_000_000_000 + number.bytes().map(u64::from).sum::<u64>());
    let number = PhoneNumber::from_e164(number).unwrap();
    let factor = NewFactor {
        id: Id::new(now, &mut SeededEntropy::new(seed)),
        name: number.masked(),
        secret: FactorSecret::Phone { number, preferred: Method::TextMessage },
        first_step: None,
    };
    let id = factor.id.to_string();
    let bound = app.app.store.write(move |tx| Box::pin(async move { tx.bind_factor(account, &factor, now).await }));
    bound.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    id
}

/// The ids of the factors of `account`.
pub(crate) async fn factors(app: &TestApp, account: Id<Account>) -> Vec<String> {
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.factors_of_account(account).await })).await;
    let found = found.unwrap_or_else(|error: StorageError| panic!("{error}"));
    found.iter().map(|factor| factor.id.to_string()).collect()
}

/// The account's page, and its token.
pub(crate) async fn token(browser: &mut Browser, clinic: &Clinic) -> String {
    field(&browser.get(&paths::account(clinic.tenant.domain.as_str())).await, "csrf")
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_u24_a_phone_is_named_and_removed_and_its_owner_is_told() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    browser.extra = vec![("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".into())];
    let second = one_more(&app, clinic.maria, "+12065550177").await;
    let csrf = token(&mut browser, &clinic).await;
    let mails = app.messages(MARIA).await;

    let fields = [("csrf", csrf.as_str()), ("factor", &second), ("name", "  Kitchen phone ")];
    let renamed = browser.post(&paths::account_rename_factor(domain), &fields).await;
    assert_eq!(renamed.location().unwrap(), format!("{}?factor-renamed", paths::account(domain)));
    let page = browser.get(&paths::account(domain)).await;
    assert!(page.text().contains("Kitchen phone, •••• 77"), "{}", page.text());
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorRenamed, Outcome::Success).await, 1);

    let remove = paths::account_remove_factor(domain);
    let removed = browser.post(&remove, &[("csrf", &csrf), ("factor", &second)]).await;
    assert_eq!(removed.location().unwrap(), format!("{}?factor-removed", paths::account(domain)));
    assert!(!factors(&app, clinic.maria).await.contains(&second));
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorRemoved, Outcome::Success).await, 1);
    assert_eq!(app.messages(MARIA).await, mails + 1);
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("removed") && mail.contains("•••• 77") && mail.contains("Firefox on Linux"), "{mail}");
    assert!(!mail.contains("5550177") && mail.contains("This wasn't me"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n27_every_factor_is_listed_and_opens_nothing_from_its_removal_on() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    let [own]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    one_more(&app, clinic.maria, "+12065550177").await;
    let page = browser.get(&paths::account(domain)).await;
    assert!(page.says("•••• 23") && page.says("•••• 77"), "{}", page.text());
    // Somebody with the password and the old phone stands before the challenge.
    let mut pending = Run::begin(&app, &clinic, Via::Json).await;
    pending.sign_in(MARIA, PASSWORD).await;
    let code = app.code(PHONE).await;
    let csrf = field(&page, "csrf");
    let removed = browser.post(&paths::account_remove_factor(domain), &[("csrf", &csrf), ("factor", &own)]).await;
    assert_eq!(removed.location().unwrap(), format!("{}?factor-removed", paths::account(domain)));
    app.drain().await;
    let before = app.rows(&["sessions", "grants", "factors"]).await;
    let view = pending.act("submit-code", &[("code", &code)]).await;
    assert!(!view.problems.is_empty(), "{view:?}");
    assert_eq!(pending.browser.get(&paths::journey_return(&pending.id)).await.refresh(), None);
    assert_eq!(app.rows(&["sessions", "grants", "factors"]).await, before);
    // What is left is asked for.
    let mut next = Run::begin(&app, &clinic, Via::Json).await;
    let view = next.sign_in(MARIA, PASSWORD).await;
    assert!(format!("{:?}", view.stage).contains("•••• 77"), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u20_f20_the_last_factor_stays_and_only_its_owner_changes_it() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut browser, &clinic).await;
    let [own]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    let [other]: [String; 1] = factors(&app, clinic.sam).await.try_into().unwrap();
    let tables = ["factors", "sessions", "grants", "outbox", "audit"];
    let before = app.rows(&tables).await;
    let (rename, remove) = (paths::account_rename_factor(domain), paths::account_remove_factor(domain));
    let last = browser.post(&remove, &[("csrf", &csrf), ("factor", &own)]).await;
    assert_eq!(last.location().unwrap(), format!("{}?last-factor", paths::account(domain)));
    for path in [&rename, &remove] {
        for (csrf, factor, status) in
            [(csrf.as_str(), other.as_str(), 404), (&csrf, "x", 404), ("x", &own, 403), ("", &own, 403)]
        {
            let answer = browser.post(path, &[("csrf", csrf), ("factor", factor), ("name", "mine")]).await;
            assert_eq!(answer.status, status, "a23: {path} {factor}");
        }
    }
    assert_eq!(app.rows(&tables).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_n19_a_sign_in_of_the_last_ten_minutes_changes_factors_and_the_page_leads_to_one() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    let second = one_more(&app, clinic.maria, "+12065550177").await;
    let csrf = token(&mut browser, &clinic).await;
    let (rename, remove) = (paths::account_rename_factor(domain), paths::account_remove_factor(domain));
    app.advance(FRESH);
    let fields = [("csrf", csrf.as_str()), ("factor", &second), ("name", "At the last moment")];
    let answer = browser.post(&rename, &fields).await;
    assert!(answer.location().unwrap().ends_with("?factor-renamed"), "ten minutes are still fresh");
    app.advance(1);
    let tables = ["factors", "sessions", "grants", "outbox", "audit"];
    let before = app.rows(&tables).await;
    let again = format!("{}?sign-in-again", paths::account(domain));
    for path in [&rename, &remove, &paths::account_new_passkey(domain)] {
        let answer = browser.post(path, &[("csrf", &csrf), ("factor", &second), ("name", "late")]).await;
        assert_eq!(answer.location().unwrap(), again, "{path}");
    }
    assert_eq!(app.rows(&tables).await, before);
    let page = browser.get(&again).await;
    let way = paths::account_sign_in_again(domain);
    assert!(page.text().contains(&way) && !page.text().contains(&remove), "{}", page.text());

    // The way leads to a sign-in and back; then it goes.
    app.advance(MINUTE);
    let mut run = Run::at(browser, &way, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    assert_eq!(run.back().await, paths::account(domain));
    let csrf = token(&mut run.browser, &clinic).await;
    let done = run.browser.post(&remove, &[("csrf", &csrf), ("factor", &second)]).await;
    assert!(done.location().unwrap().ends_with("?factor-removed"));
    app.drain().await;
}

/// Binds an authenticator app to Maria's account, behind everybody's back; its id.
async fn an_app(app: &TestApp, clinic: &Clinic) -> String {
    let (own, tenant, account, now) = (app.app.clone(), clinic.tenant.id, clinic.maria, app.now());
    let id = Id::new(now, &mut SeededEntropy::new(77));
    let bound = app.app.store.write(move |tx| {
        Box::pin(async move {
            let keys = own.tenant_keys(tx, tenant).await.unwrap();
            let seed = keys.seal(Purpose::TotpSeed, "", &SEED, own.entropy().as_mut());
            let secret = FactorSecret::AuthenticatorApp { seed };
            tx.bind_factor(account, &NewFactor { id, name: "App".to_owned(), secret, first_step: None }, now).await
        })
    });
    bound.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_a_text_changes_nothing_of_an_account_that_has_an_app() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let [phone]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    let id = an_app(&app, &clinic).await;
    app.advance(MINUTE);
    // Whoever swapped the SIM card, at the account page by text.
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    run.act("choose-method", &[("method", "text_message")]).await;
    let code = app.code(PHONE).await;
    run.act("submit-code", &[("code", &code)]).await;
    run.back().await;
    let mut stranger = run.browser;
    let page = stranger.get(&paths::account(domain)).await;
    let (csrf, remove) = (field(&page, "csrf"), paths::account_remove_factor(domain));
    assert!(page.says("sign in with the safest of them") && !page.text().contains(&remove), "{}", page.text());
    app.drain().await;
    let tables = ["factors", "accounts", "sessions", "contact_changes", "outbox", "audit"];
    let before = app.rows(&tables).await;
    let again = format!("{}?sign-in-again", paths::account(domain));
    for (path, fields) in [
        (remove.clone(), vec![("factor", id.as_str())]),
        (remove.clone(), vec![("factor", phone.as_str())]),
        (paths::account_rename_factor(domain), vec![("factor", id.as_str()), ("name", "mine")]),
        (paths::account_recovery_codes(domain), vec![]),
        (paths::account_new_passkey(domain), vec![]),
        (paths::account_email(domain), vec![("email", "stranger@new.example")]),
        (paths::account_phone(domain), vec![("factor", &phone), ("method", "text_message"), ("phone", "+12065550188")]),
    ] {
        let all: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields).collect();
        assert_eq!(stranger.post(&path, &all).await.location().as_ref(), Some(&again), "{path}");
    }
    assert_eq!(app.rows(&tables).await, before);

    // By the app all of it goes.
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    run.act("choose-method", &[("method", "authenticator_app")]).await;
    run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
    run.back().await;
    let csrf = token(&mut run.browser, &clinic).await;
    let done = run.browser.post(&remove, &[("csrf", &csrf), ("factor", &phone)]).await;
    assert!(done.location().unwrap().ends_with("?factor-removed"));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_a_journey_that_waits_behind_a_factor_dies_with_it() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut owner = maria_at_home(&app, &clinic).await;
    let [phone]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    one_more(&app, clinic.maria, "+12065550177").await;
    app.advance(MINUTE);
    // Whoever has the phone passed its challenge and waits before a page that changes data.
    let mut parked = Run::at(app.browser(), &authorize(&clinic, &clinic.edit, &[]), Via::Json).await;
    let view = parked.sign_in_with_phone(&app, MARIA, PHONE).await;
    assert!(matches!(view.stage, StageView::EditProfile { .. }), "{view:?}");
    let csrf = token(&mut owner, &clinic).await;
    let done = owner.post(&paths::account_remove_factor(domain), &[("csrf", &csrf), ("factor", &phone)]).await;
    assert!(done.location().unwrap().ends_with("?factor-removed"));
    app.drain().await;
    let before = app.rows(&["accounts", "sessions", "grants", "factors"]).await;
    let view = parked.act("submit-profile", &[("givenName", "Mallory"), ("surname", "M"), ("country", "US")]).await;
    assert_eq!(problem(&view, ""), Some(&ProblemCode::PasswordChangedMeanwhile), "{view:?}");
    assert_eq!(app.rows(&["accounts", "sessions", "grants", "factors"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_f19_one_factor_alone_changes_no_factors() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    // Nora has no factor, so that her password alone opens her account page.
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.back().await;
    let csrf = token(&mut run.browser, &clinic).await;
    let first = one_more(&app, clinic.nora, "+12065550177").await;
    one_more(&app, clinic.nora, "+12065550188").await;
    let before = app.rows(&["factors", "audit"]).await;
    for path in [paths::account_rename_factor(domain), paths::account_remove_factor(domain)] {
        let answer = run.browser.post(&path, &[("csrf", &csrf), ("factor", &first), ("name", "mine")]).await;
        assert!(answer.location().unwrap().ends_with("?sign-in-again"), "{path}");
    }
    assert_eq!(app.rows(&["factors", "audit"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_a19_removal_ends_every_other_session_and_its_refresh_tokens() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let domain = clinic.tenant.domain.as_str();
    // Nora is signed in to an application, and twice at home.
    let (mut device, tokens) = with_tokens(&app, &clinic).await;
    one_more(&app, clinic.nora, "+12065550177").await;
    let mut homes = Vec::new();
    for _ in 0..2 {
        let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
        run.sign_in_with_phone(&app, NORA, "+12065550177").await;
        run.back().await;
        homes.push(run.browser);
        app.advance(MINUTE);
    }
    let second = one_more(&app, clinic.nora, "+12065550188").await;
    let [mut other, mut own]: [Browser; 2] = homes.try_into().unwrap_or_else(|_| panic!("two"));
    let csrf = token(&mut own, &clinic).await;
    let remove = paths::account_remove_factor(domain);
    let done = own.post(&remove, &[("csrf", &csrf), ("factor", &second)]).await;
    assert!(done.location().unwrap().ends_with("?factor-removed"));
    assert_eq!(own.get(&paths::account(domain)).await.status, 200, "this one stays");
    assert!(other.get(&paths::account(domain)).await.location().unwrap().starts_with("/journey/"));
    let token = tokens["refresh_token"].as_str().unwrap();
    let refused = refresh(&mut device.browser, &clinic, &clinic.flow, token).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let page = device.browser.get(&place(&clinic, &clinic.flow)).await;
    assert_ne!(page.status, 500);
    app.drain().await;
}

/// Fifty removals at once of three factors by one session: one factor is left. And a session that is
/// ended at the same moment either came first with its removal or changes nothing.
pub(crate) async fn last_factor_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    one_more(&app, clinic.maria, "+12065550177").await;
    one_more(&app, clinic.maria, "+12065550188").await;
    let csrf = token(&mut browser, &clinic).await;
    let ids = factors(&app, clinic.maria).await;
    let remove = paths::account_remove_factor(domain);
    let tries = (0..50).map(|n: usize| {
        let (mut browser, csrf, factor, remove) = (browser.clone(), csrf.clone(), ids[n % 3].clone(), remove.clone());
        async move {
            tokio::spawn(async move { browser.post(&remove, &[("csrf", &csrf), ("factor", &factor)]).await })
                .await
                .unwrap()
        }
    });
    let answers = futures::future::join_all(tries).await;
    let went = answers.iter().filter(|answer| answer.location().is_some_and(|to| to.ends_with("?factor-removed")));
    assert_eq!(went.count(), 2);
    assert!(answers.iter().all(|answer| answer.status == 303 || answer.status == 404));
    assert_eq!(factors(&app, clinic.maria).await.len(), 1);
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorRemoved, Outcome::Success).await, 2);
    app.drain().await;
}

/// A session that was ended after the request was let in, and before its change, changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a20_a_session_that_ends_meanwhile_commits_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut browser = maria_at_home(&app, &clinic).await;
    let second = one_more(&app, clinic.maria, "+12065550177").await;
    token(&mut browser, &clinic).await;
    let (tenant, maria, now): (_, _, Timestamp) = (clinic.tenant.id, clinic.maria, app.now());
    // What the door of the console lets in …
    let (account, session) = app
        .app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = tx.account_by_id(tenant, maria).await?.ok_or(StorageError::Conflict)?;
                let session = tx.live_sessions_of_account(maria, now).await?.remove(0);
                // … and what another window does before the change is made.
                tx.end_session(session.id, now).await?;
                Ok::<_, StorageError>((account, session))
            })
        })
        .await
        .unwrap();
    let owner = lanyard_server::service::account::Owner {
        account,
        session: session.id,
        authentication: session.authentication,
        strong: true,
        fresh: true,
        recent: true,
        visitor: lanyard_server::service::account::visitor(
            &app.app,
            lanyard_domain::session::ConsoleKind::Account,
            &clinic.tenant,
            "Maria".into(),
            "x",
        ),
    };
    let client = lanyard_server::http::client::Client {
        ip: std::net::Ipv4Addr::LOCALHOST.into(),
        country: None,
        browser: None,
        request: "test".into(),
    };
    let before = app.rows(&["factors", "audit", "outbox"]).await;
    let factor = second.parse().unwrap();
    let answer = lanyard_server::service::account::factors::remove(&app.app, owner, client, factor).await.unwrap();
    assert_eq!(answer, lanyard_server::service::account::factors::Changed::SignInAgain);
    assert_eq!(app.rows(&["factors", "audit", "outbox"]).await, before);
}
