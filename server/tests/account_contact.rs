//! Another address and another number at `/account`: A5, A6, A8, A19, A20, A23, N11, N19, N20, U10, U13, U24.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::MINUTE,
    contact::CHANGE_LIFE,
    email::EmailAddress,
    journey::{CODE_LIFE, SEND_LIMIT},
    session::FRESH,
};
use lanyard_server::{
    http::client::Client,
    service::portal::{By, PortalError, accounts},
};

use crate::{
    account_factors::{factors, field, maria_at_home, one_more, token},
    account_not_me::link,
    sessions::staff,
    support::{
        Browser, Clinic, PASSWORD, Page, Run, TestApp, Via,
        app::Options,
        journey::{refresh, with_tokens},
        world::{MARIA, NORA, PHONE},
    },
};

const NEW: &str = "maria@new.example";
const NUMBER: &str = "+12065550188";
const TABLES: [&str; 7] = ["accounts", "factors", "sessions", "grants", "outbox", "audit", "contact_changes"];

/// Somebody at their account page.
struct Home {
    browser: Browser,
    csrf: String,
    domain: String,
}

impl Home {
    async fn of(mut browser: Browser, clinic: &Clinic) -> Self {
        let csrf = token(&mut browser, clinic).await;
        Self { browser, csrf, domain: clinic.tenant.domain.as_str().to_owned() }
    }

    async fn maria(app: &TestApp, clinic: &Clinic) -> Self {
        Self::of(maria_at_home(app, clinic).await, clinic).await
    }

    /// Nora has no second step.
    async fn nora_by_password(app: &TestApp, clinic: &Clinic) -> Self {
        let mut run = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.back().await;
        Self::of(run.browser, clinic).await
    }

    /// Nora, with a phone that was bound meanwhile.
    async fn nora(app: &TestApp, clinic: &Clinic) -> Self {
        one_more(app, clinic.nora, NUMBER).await;
        let mut run = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
        run.sign_in_with_phone(app, NORA, NUMBER).await;
        run.back().await;
        Self::of(run.browser, clinic).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let all: Vec<_> = [("csrf", self.csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.browser.post(path, &all).await
    }

    async fn ask(&mut self, address: &str) -> Page {
        let path = paths::account_email(&self.domain);
        self.post(&path, &[("email", address)]).await
    }

    async fn answer(&mut self, code: &str) -> Page {
        let path = paths::account_email_code(&self.domain);
        self.post(&path, &[("code", code)]).await
    }

    /// Takes `NEW` for an address, code and all.
    async fn move_to_new(&mut self, app: &TestApp) {
        self.ask(NEW).await;
        let code = app.code(NEW).await;
        assert_eq!(self.answer(&code).await.location().unwrap(), self.done("email-changed"));
    }

    async fn page(&mut self) -> Page {
        self.browser.get(&paths::account_email(&self.domain)).await
    }

    fn done(&self, what: &str) -> String {
        format!("{}?{what}", paths::account(&self.domain))
    }
}

fn wrong(code: &str) -> String {
    code.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect()
}

async fn has_email(app: &TestApp, clinic: &Clinic, email: &str) -> bool {
    let (tenant, maria) = (clinic.tenant.id, clinic.maria);
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.account_by_id(tenant, maria).await })).await;
    found.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}")).unwrap().email.as_str() == email
}

async fn an_address_is_changed(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let tenant = clinic.tenant.id;
    let mut other = maria_at_home(&app, &clinic).await;
    let mut home = Home::maria(&app, &clinic).await;
    home.browser.extra = vec![("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".into())];
    let (mails, before) = (app.messages(MARIA).await, app.rows(&["accounts"]).await);

    let asked = home.ask(" Maria@New.Example ").await;
    assert_eq!(asked.location().unwrap(), paths::account_email(&home.domain));
    // It outlives a reload, and the account page leads to it.
    for _ in 0..2 {
        let page = home.page().await;
        assert!(
            page.status == 200 && page.text().contains(NEW) && page.text().contains("name=\"code\""),
            "{}",
            page.text()
        );
    }
    let page = home.browser.get(&paths::account(&home.domain)).await;
    assert!(page.text().contains("not in use yet") && page.text().contains(NEW), "{}", page.text());
    let copy: serde_json::Value = home.post(&paths::account_data(&home.domain.clone()), &[]).await.json();
    assert_eq!(copy["waiting_for_a_code"], serde_json::json!([NEW]), "a copy of one’s data is whole");
    let code = app.code(NEW).await;
    let refused = home.answer(&wrong(&code)).await;
    assert!(refused.status == 422 && refused.text().contains("That code is not right"), "{}", refused.text());
    assert_eq!(app.rows(&["accounts"]).await, before);
    assert_eq!(app.audited(tenant, Action::EmailChanged, Outcome::Failure).await, 1);

    let done = home.answer(&format!("{} {}", &code[..3], &code[3..])).await;
    assert_eq!(done.location().unwrap(), home.done("email-changed"));
    assert!(has_email(&app, &clinic, NEW).await);
    assert_eq!(app.audited(tenant, Action::EmailChanged, Outcome::Success).await, 1);
    assert_eq!(app.count("contact_changes").await, 0);
    // Everybody else is out; this browser is not.
    assert!(other.get(&paths::account(&home.domain)).await.location().unwrap().starts_with("/journey/"), "a19");
    let page = home.browser.get(&home.done("email-changed")).await;
    assert!(page.text().contains("Your email address is changed"), "{}", page.text());
    // Both are told.
    assert_eq!(app.messages(MARIA).await, mails + 1, "n20");
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("m•••@new.example") && !mail.contains(NEW) && mail.contains("Firefox on Linux"), "{mail}");
    assert!(mail.contains("/not-me/"), "u24: {mail}");
    let mail = app.message(NEW).await.body;
    assert!(mail.contains("Use it from now on to sign in") && mail.contains("/not-me/"), "n20: {mail}");
    // The log tells which, masked: it outlives the account.
    let log = app.audit(tenant).await;
    let told = log.iter().find(|e| e.action == Action::EmailChanged && e.outcome == Outcome::Success).unwrap();
    let (from, to) = (&told.detail["from"], &told.detail["to"]);
    assert_eq!((from.as_str(), to.as_str()), (Some("m•••@patients.example"), Some("m•••@new.example")));
    let history = home.browser.get(&paths::account_history(&home.domain)).await;
    assert!(
        history.says("Changed the email address from m•••@patients.example to m•••@new.example"),
        "{}",
        history.text()
    );
    // The code is used up, and the old address opens nothing.
    let again = home.answer(&code).await;
    assert_eq!(again.location().unwrap(), paths::account_email(&home.domain));
    let mut run = Run::at(app.browser(), &paths::account(&home.domain), Via::Form).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "{view:?}");
    run.sign_in_with_phone(&app, NEW, PHONE).await;
    run.back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_n20_an_address_is_changed_by_a_code_to_the_new_one_and_both_are_told() {
    an_address_is_changed(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_n20_an_address_is_changed_by_a_code_to_the_new_one_and_both_are_told_postgres() {
    an_address_is_changed(Options::postgres()).await;
}

async fn an_address_comes_back(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    // Somebody who has Maria's phone in their hands makes her account theirs.
    let mut stranger = Home::maria(&app, &clinic).await;
    stranger.move_to_new(&app).await;
    let first = link(&app, MARIA).await;
    app.advance(MINUTE);
    let extra = one_more(&app, clinic.maria, "+12065550177").await;
    let own = factors(&app, clinic.maria).await.into_iter().find(|id| *id != extra).unwrap();
    let csrf = stranger.csrf.clone();
    let bound = one_more(&app, clinic.maria, NUMBER).await;
    let remove = paths::account_remove_factor(&stranger.domain);
    stranger.browser.post(&remove, &[("csrf", &csrf), ("factor", &extra)]).await;
    let strangers = link(&app, NEW).await;
    stranger.ask("third@new.example").await;
    app.drain().await;

    // The stranger's own link takes nothing away from Maria's, and hers still works.
    let mut reader = app.browser();
    let page = reader.get(&first).await;
    assert!(page.text().contains("was changed to m•••@new.example"), "{}", page.text());
    assert!(page.text().contains(&format!("factor-{bound}")) && !page.text().contains(&format!("factor-{own}")));
    let done = reader.post(&first, &[]).await;
    assert!(done.status == 200 && done.text().contains("signs in to your account again"), "{}", done.text());
    assert!(has_email(&app, &clinic, MARIA).await);
    assert_eq!(app.count("contact_changes").await, 0, "nothing waits for a code any more");
    assert!(stranger.page().await.location().unwrap().starts_with("/journey/"));
    for address in [&first, &strangers] {
        assert_eq!(reader.get(address).await.status, 410, "no sibling is left");
        assert_eq!(reader.post(address, &[]).await.status, 410);
    }
    for to in [MARIA, NEW] {
        let mail = app.message(to).await.body;
        assert!(mail.contains("secured your account"), "n20: {to}: {mail}");
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::AccountSecured, Outcome::Success).await, 1);
    // The address is good for a reset again, with the factor of old; the stranger's opens nothing.
    let mut run = Run::at(app.browser(), &paths::account(&stranger.domain), Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", MARIA)]).await;
    let code = app.code(MARIA).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
    let code = app.code(PHONE).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::NewPassword { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_u24_this_wasnt_me_brings_the_address_back_and_ends_what_came_after() {
    an_address_comes_back(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_u24_this_wasnt_me_brings_the_address_back_and_ends_what_came_after_postgres() {
    an_address_comes_back(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_the_link_of_whoever_took_the_account_over_leaves_its_owners_link_alone() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut stranger = Home::maria(&app, &clinic).await;
    stranger.move_to_new(&app).await;
    let first = link(&app, MARIA).await;
    app.advance(MINUTE);
    let extra = one_more(&app, clinic.maria, "+12065550177").await;
    let remove = paths::account_remove_factor(&stranger.domain);
    stranger.post(&remove, &[("factor", &extra)]).await;
    let strangers = link(&app, NEW).await;
    assert_eq!(app.browser().post(&strangers, &[]).await.status, 200);
    assert!(has_email(&app, &clinic, NEW).await);
    assert_eq!(app.browser().post(&first, &[]).await.status, 200);
    assert!(has_email(&app, &clinic, MARIA).await);
    app.drain().await;
}

async fn only_the_mail_about_the_change_brings_the_address_back(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    // A mail about something else, of before.
    let extra = one_more(&app, clinic.maria, "+12065550177").await;
    let remove = paths::account_remove_factor(&home.domain);
    home.post(&remove, &[("factor", &extra)]).await;
    let older = link(&app, MARIA).await;
    app.advance(MINUTE);
    home.move_to_new(&app).await;
    let (back, at_new) = (link(&app, MARIA).await, link(&app, NEW).await);

    // Who reads the mailbox that she gave up secures the account, and has nothing of it.
    let mut reader = app.browser();
    let page = reader.get(&older).await;
    assert!(page.says("This link doesn’t change that") && !page.text().contains("name=\"address\""), "{}", page.text());
    let done = reader.post(&older, &[("chosen", "true"), ("address", "true")]).await;
    assert!(done.status == 200 && done.text().contains("m•••@new.example"), "{}", done.text());
    assert!(has_email(&app, &clinic, NEW).await);
    assert!(home.page().await.location().unwrap().starts_with("/journey/"));
    // The link of the new address went with it; the one about the change still works.
    assert_eq!(reader.get(&at_new).await.status, 410);
    assert_eq!(reader.post(&back, &[]).await.status, 200);
    assert!(has_email(&app, &clinic, MARIA).await);
    let log = app.audit(clinic.tenant.id).await;
    let back = log.iter().find(|event| event.action == Action::EmailChanged && event.detail["detail"] == "not_me");
    assert_eq!(back.unwrap().detail["to"], "m•••@patients.example");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_only_the_mail_about_a_change_of_address_brings_the_former_one_back() {
    only_the_mail_about_the_change_brings_the_address_back(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_only_the_mail_about_a_change_of_address_brings_the_former_one_back_postgres() {
    only_the_mail_about_the_change_brings_the_address_back(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_u24_the_mail_to_the_new_address_secures_the_account_and_moves_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    home.move_to_new(&app).await;
    let (back, at_new) = (link(&app, MARIA).await, link(&app, NEW).await);
    let done = app.browser().post(&at_new, &[]).await;
    assert!(done.status == 200 && !done.text().contains("signs in to your account again"), "{}", done.text());
    assert!(has_email(&app, &clinic, NEW).await);
    assert!(home.page().await.location().unwrap().starts_with("/journey/"));
    let mut run = Run::at(app.browser(), &paths::account(&home.domain), Via::Form).await;
    let view = run.sign_in(NEW, PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "{view:?}");
    // It takes nothing from the one that was mailed to the old address in the same moment.
    assert_eq!(app.browser().post(&back, &[]).await.status, 200);
    assert!(has_email(&app, &clinic, MARIA).await);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_an_address_that_somebody_has_by_now_comes_not_back_and_nobody_gets_in() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut home = Home::nora(&app, &clinic).await;
    home.move_to_new(&app).await;
    let first = link(&app, NORA).await;
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_up(&app, NORA, "quiet marble 58 lantern").await;
    let done = app.browser().post(&first, &[]).await;
    assert!(done.status == 200 && done.text().contains("could not bring it back"), "{}", done.text());
    // The log has an event of its own for that (C1).
    assert_eq!(app.audited(clinic.tenant.id, Action::AccountDisabled, Outcome::Success).await, 1);
    app.drain().await;
    app.advance(MINUTE);
    let mut run = Run::at(app.browser(), &paths::account(&home.domain), Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", NEW)]).await;
    let answer = app.message(NEW).await;
    assert!(answer.body.contains("There is no account with this address"), "the account is closed: {}", answer.body);
    app.drain().await;

    // An operator who has made sure whose it is lets her in again, by an address that she reads.
    let (tenant, nora, third) = (clinic.tenant.id, clinic.nora, "nora@third.example");
    let by = || By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), browser: None, request: "command-line".to_owned() },
    };
    let address = |text: &str| Some(EmailAddress::parse(text).unwrap());
    let taken = accounts::enable(&app.app, tenant, (nora, address(NORA)), by()).await;
    assert!(matches!(taken, Err(PortalError::Taken)), "{taken:?}");
    assert_eq!(app.audited(tenant, Action::AccountEnabled, Outcome::Success).await, 0, "all of it or nothing");
    let other = app.world.mfa.tenant.id;
    let strange = accounts::enable(&app.app, other, (nora, address(third)), by()).await;
    assert!(matches!(strange, Err(PortalError::NotFound)), "a25: {strange:?}");
    let enabled = accounts::enable(&app.app, tenant, (nora, address(third)), by()).await.unwrap();
    assert_eq!((enabled.email.as_str(), enabled.disabled_at), (third, None));
    let again = accounts::enable(&app.app, tenant, (nora, None), by()).await;
    assert!(matches!(again, Err(PortalError::Unchanged)), "{again:?}");
    assert_eq!(app.audited(tenant, Action::AccountEnabled, Outcome::Success).await, 1);
    let mail = app.message(NEW).await.body;
    assert!(mail.contains("n•••@third.example") && !mail.contains("/not-me/"), "n20: {mail}");
    assert!(app.message(third).await.body.contains("/not-me/"), "u24");
    app.drain().await;
    app.advance(MINUTE);
    let mut run = Run::at(app.browser(), &paths::account(&home.domain), Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", third)]).await;
    let code = app.code(third).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(!matches!(view.stage, StageView::NewPassword { .. }), "a8: a factor is asked for: {view:?}");
    // And out again.
    let disabled = accounts::disable(&app.app, tenant, nora, by()).await.unwrap();
    assert!(disabled.disabled_at.is_some());
    assert_eq!(app.audited(tenant, Action::AccountDisabled, Outcome::Success).await, 2);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_u10_an_address_that_has_an_account_looks_like_any_other_and_its_owner_is_told() {
    let mut seen = Vec::new();
    for (address, taken) in [("free@new.example", false), (NORA, true)] {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut home = Home::maria(&app, &clinic).await;
        let before = app.rows(&["accounts", "factors", "grants"]).await;
        let asked = home.ask(address).await;
        let page = home.page().await;
        let refused = home.answer("000000").await;
        let again = home.post(&paths::account_email_resend(&home.domain.clone()), &[]).await;
        let plain = |page: &Page| {
            let text = page.text().replace(address, "ADDRESS").replace(&home.csrf, "CSRF");
            text.split("<script nonce").next().unwrap_or_default().to_owned()
        };
        let answers = (plain(&page), plain(&refused), plain(&again));
        seen.push((asked.status, asked.location(), page.status, refused.status, again.status, answers));
        let mail = app.message(address).await;
        assert_eq!(mail.body.contains("wanted to change their email address to this one"), taken, "{}", mail.body);
        assert_eq!(crate::support::app::code_in(&mail).is_none(), taken);
        assert_eq!(app.rows(&["accounts", "factors", "grants"]).await, before);
    }
    let [free, taken]: [_; 2] = seen.try_into().unwrap();
    assert_eq!(free, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_wrong_codes_are_counted_over_addresses_and_cancelled_changes() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    home.ask(NEW).await;
    let code = app.code(NEW).await;
    for _ in 0..4 {
        assert_eq!(home.answer(&wrong(&code)).await.status, 422);
    }
    let cancelled = home.post(&paths::account_email_cancel(&home.domain.clone()), &[]).await;
    assert_eq!(cancelled.location().unwrap(), home.done("called-off"));
    let late = home.answer(&code).await;
    assert_eq!(late.location().unwrap(), paths::account_email(&home.domain), "what was called off takes no code");
    home.ask("second@new.example").await;
    let code = app.code("second@new.example").await;
    let locked = home.answer(&wrong(&code)).await;
    assert!(locked.text().contains("too many wrong codes"), "{}", locked.text());
    let before = app.rows(&["accounts"]).await;
    assert_eq!(home.answer(&code).await.status, 422, "not even the right one");
    let other = home.ask("third@new.example").await;
    assert_eq!(other.status, 422, "{}", other.text());
    assert_eq!(app.rows(&["accounts"]).await, before);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u13_codes_for_new_addresses_are_limited_wherever_they_go() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    for n in 0..SEND_LIMIT {
        assert_eq!(home.ask(&format!("n{n}@new.example")).await.status, 303);
    }
    app.drain().await;
    let before = app.rows(&["outbox", "contact_changes"]).await;
    let refused = home.ask("one-too-many@new.example").await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    // Too soon is said, too.
    let soon = home.post(&paths::account_email_resend(&home.domain.clone()), &[]).await;
    assert_eq!(soon.status, 422);
    assert_eq!(app.rows(&["outbox", "contact_changes"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_a23_each_step_takes_a_fresh_sign_in_at_the_accounts_level_its_token_and_a_patient() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    home.ask(NEW).await;
    let code = app.code(NEW).await;
    let domain = home.domain.clone();
    let all = [
        (paths::account_email(&domain), vec![("email", "x@new.example")]),
        (paths::account_email_code(&domain), vec![("code", code.as_str())]),
        (paths::account_email_resend(&domain), vec![]),
        (paths::account_email_cancel(&domain), vec![]),
    ];
    let untouched = app.rows(&TABLES).await;
    for (path, fields) in &all {
        let forged: Vec<_> = [("csrf", "x")].into_iter().chain(fields.iter().copied()).collect();
        assert_eq!(home.browser.post(path, &forged).await.status, 403, "{path}");
    }
    assert_eq!(app.rows(&TABLES).await, untouched);
    let mut sam = staff(&app).await.browser;
    app.drain().await;
    let sams = token(&mut sam, &clinic).await;
    let before = app.rows(&["accounts", "contact_changes"]).await;
    assert_eq!(sam.get(&paths::account_email(&domain)).await.status, 404);
    assert_eq!(
        sam.post(&paths::account_email(&domain), &[("csrf", &sams), ("email", "s@x.example")]).await.status,
        404
    );
    for address in ["", "x", "a@b", &format!("{}@x.example", "a".repeat(300)), "a@x.example, b@x.example"] {
        assert_eq!(home.ask(address).await.status, 422, "{address}");
    }
    assert_eq!(home.ask(MARIA).await.status, 422, "the same");
    assert_eq!(app.rows(&["accounts", "contact_changes"]).await, before);

    app.advance(FRESH + 1);
    let before = app.rows(&["accounts", "contact_changes", "outbox", "audit"]).await;
    for (path, fields) in &all {
        let answer = home.post(path, fields).await;
        assert_eq!(answer.location().unwrap(), home.done("sign-in-again"), "{path}");
    }
    assert!(home.page().await.text().contains(&paths::account_sign_in_again(&domain)));
    assert_eq!(app.rows(&["accounts", "contact_changes", "outbox", "audit"]).await, before);
    // After a sign-in it goes on where it was; this code is too old, another one is not.
    let mut run = Run::at(home.browser, &paths::account_sign_in_again(&domain), Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    run.back().await;
    let mut home = Home::of(run.browser, &clinic).await;
    assert_eq!(home.answer(&code).await.status, 422);
    home.post(&paths::account_email_resend(&domain), &[]).await;
    let code = app.code(NEW).await;
    assert_eq!(home.answer(&code).await.location().unwrap(), home.done("email-changed"));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_a_password_alone_takes_no_mailbox_over() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::nora_by_password(&app, &clinic).await;
    let before = app.rows(&TABLES).await;
    let asked = home.ask(NEW).await;
    assert_eq!(asked.location().unwrap(), home.done("sign-in-again"));
    let page = home.page().await;
    assert!(page.says("can’t be changed here") && !page.text().contains("name=\"email\""), "{}", page.text());
    assert_eq!(app.rows(&TABLES).await, before);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_a_change_is_over_after_an_hour_and_its_code_after_ten_minutes() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    home.ask(NEW).await;
    let code = app.code(NEW).await;
    app.advance(CODE_LIFE);
    let late = home.answer(&code).await;
    assert!(late.status == 422 && late.text().contains("has run out"), "{}", late.text());
    app.advance(CHANGE_LIFE - CODE_LIFE);
    let mut run = Run::at(home.browser, &paths::account_sign_in_again(&home.domain), Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    run.back().await;
    let mut home = Home::of(run.browser, &clinic).await;
    assert!(home.page().await.text().contains("name=\"email\""), "the form again");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_a8_refresh_tokens_end_and_a_reset_that_proved_the_old_address_comes_to_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut device, tokens) = with_tokens(&app, &clinic).await;
    let mut reset = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
    reset.act("go-forgot-password", &[]).await;
    reset.act("request-code", &[("email", NORA)]).await;
    let code = app.code(NORA).await;
    let view = reset.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::NewPassword { .. }), "{view:?}");

    let mut home = Home::nora(&app, &clinic).await;
    home.move_to_new(&app).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&mut device.browser, &clinic, &clinic.flow, token).await.status, 400);
    let before = app.rows(&["accounts", "sessions"]).await;
    let view = reset.act("submit-new-password", &[("password", "quiet marble 58 lantern")]).await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert_eq!(app.rows(&["accounts", "sessions"]).await, before);
    app.drain().await;
}

/// Two people prove one address and submit their codes at once, twenty times each: one of them has it.
pub(crate) async fn one_address_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let mut tries = Vec::new();
    for mut home in [Home::maria(&app, &clinic).await, Home::nora(&app, &clinic).await] {
        assert_eq!(home.ask(NEW).await.status, 303);
        let code = app.code(NEW).await;
        tries.extend((0..20).map(|_| {
            let mut one = Home { browser: home.browser.clone(), csrf: home.csrf.clone(), domain: home.domain.clone() };
            let code = code.clone();
            async move { tokio::spawn(async move { one.answer(&code).await }).await.unwrap() }
        }));
    }
    let answers = futures::future::join_all(tries).await;
    let went = answers.iter().filter(|answer| answer.location().is_some_and(|to| to.ends_with("?email-changed")));
    assert_eq!(went.count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 303 || answer.status == 422));
    assert!(answers.iter().any(|answer| answer.text().contains("Another account uses this email address")));
    assert_eq!(app.audited(clinic.tenant.id, Action::EmailChanged, Outcome::Success).await, 1);
    let rows = app.rows(&["accounts"]).await;
    assert_eq!(rows.iter().filter(|row| row.contains(NEW)).count(), 1);
    app.drain().await;
}

async fn a_phone_gets_another_number(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let tenant = clinic.tenant.id;
    let mut other = maria_at_home(&app, &clinic).await;
    let mut home = Home::maria(&app, &clinic).await;
    let domain = home.domain.clone();
    let [old]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    let place = format!("{}?factor={old}", paths::account_phone(&domain));
    assert!(home.browser.get(&paths::account(&domain)).await.text().contains(&place), "the page says so");
    let page = home.browser.get(&place).await;
    assert_eq!(field(&page, "factor"), old);
    let mails = app.messages(MARIA).await;
    let send = async |home: &mut Home, number: &str, method: &str| {
        let fields = [("factor", old.as_str()), ("country", "US"), ("phone", number), ("method", method)];
        home.post(&paths::account_phone(&domain), &fields).await
    };
    for (number, method, status) in
        [("", "text_message", 422), ("12", "text_message", 422), (PHONE, "text_message", 422), (NUMBER, "passkey", 404)]
    {
        assert_eq!(send(&mut home, number, method).await.status, status, "{number} {method}");
    }
    assert_eq!(send(&mut home, "206 555 0188", "phone_call").await.location().unwrap(), paths::account_phone(&domain));
    let page = home.browser.get(&paths::account_phone(&domain)).await;
    assert!(page.text().contains("•••• 88") && !page.text().contains("0188"), "{}", page.text());
    let code = app.code(NUMBER).await;
    let before = app.rows(&["factors"]).await;
    let answer = paths::account_phone_code(&domain);
    assert_eq!(home.post(&answer, &[("code", &wrong(&code))]).await.status, 422);
    assert_eq!(app.rows(&["factors"]).await, before);
    let done = home.post(&answer, &[("code", &code)]).await;
    assert_eq!(done.location().unwrap(), home.done("phone-changed"));
    let [new]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    assert_ne!(new, old);
    assert_eq!(app.audited(tenant, Action::FactorRemoved, Outcome::Success).await, 1);
    assert_eq!(app.messages(MARIA).await, mails + 2, "n20: one came, one went");
    assert!(other.get(&paths::account(&domain)).await.location().unwrap().starts_with("/journey/"), "a19");
    let mut run = Run::at(app.browser(), &paths::account(&domain), Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    let code = app.code(NUMBER).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_n20_another_number_is_proved_and_takes_the_place_of_the_old_one() {
    a_phone_gets_another_number(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_n20_another_number_is_proved_and_takes_the_place_of_the_old_one_postgres() {
    a_phone_gets_another_number(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_a23_somebody_elses_phone_and_a_stale_session_change_no_number() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut home = Home::maria(&app, &clinic).await;
    let path = paths::account_phone(&home.domain);
    let [own]: [String; 1] = factors(&app, clinic.maria).await.try_into().unwrap();
    let [sams]: [String; 1] = factors(&app, clinic.sam).await.try_into().unwrap();
    let tables = ["accounts", "factors", "outbox", "audit", "contact_changes"];
    let before = app.rows(&tables).await;
    for factor in [sams.as_str(), "x", ""] {
        let fields = [("factor", factor), ("country", "US"), ("phone", NUMBER), ("method", "text_message")];
        assert_eq!(home.post(&path, &fields).await.status, 404, "{factor}");
        assert_eq!(home.browser.get(&format!("{path}?factor={factor}")).await.status, 404, "{factor}");
    }
    app.advance(FRESH + 1);
    let fields = [("factor", own.as_str()), ("country", "US"), ("phone", NUMBER), ("method", "text_message")];
    assert_eq!(home.post(&path, &fields).await.location().unwrap(), home.done("sign-in-again"));
    assert_eq!(app.rows(&tables).await, before);
}
