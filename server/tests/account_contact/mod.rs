//! Another address and another number at `/account`: A5, A6, A8, A19, A20, A23, N11, N19, N20, U10, U13, U24.

mod alone;
mod back;
mod phone;

use std::time::{Duration, Instant};

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    contact::CHANGE_LIFE,
    id::Id,
    journey::{CODE_LIFE, SEND_LIMIT},
    session::FRESH,
};
use lanyard_server::service::pace::Pace;

use crate::{
    account_factors::{maria_at_home, one_more, token},
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

    /// The same from the page that asked for the code `of`.
    async fn answer_as(&mut self, of: &str, code: &str) -> Page {
        let path = paths::account_email_code(&self.domain);
        self.post(&path, &[("of", of), ("code", code)]).await
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
    email_is(app, clinic, clinic.maria, email).await
}

async fn email_is(app: &TestApp, clinic: &Clinic, account: Id<Account>, email: &str) -> bool {
    let tenant = clinic.tenant.id;
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.account_by_id(tenant, account).await })).await;
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
async fn a6_d11_a_change_of_address_is_answered_at_its_time_whoever_has_the_address() {
    const PACE: Duration = Duration::from_secs(1);
    let options = Options { adjust: |parts| parts.pace = Pace::of(PACE), ..Options::default() };
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (maria, nora) = (Home::maria(&app, &clinic).await, Home::nora(&app, &clinic).await);
    let at_their_time = |mut home: Home, address| async move {
        let mut took = Vec::new();
        let asked = Instant::now();
        assert_eq!(home.ask(address).await.status, 303);
        took.push(asked.elapsed());
        let asked = Instant::now();
        assert_eq!(home.answer("000000").await.status, 422);
        took.push(asked.elapsed());
        let asked = Instant::now();
        let again = paths::account_email_resend(&home.domain);
        assert_eq!(home.post(&again, &[]).await.status, 422, "too soon");
        took.push(asked.elapsed());
        assert!(took.iter().all(|took| *took >= PACE), "{address}: {took:?}");
    };
    // One has an account, one has none.
    at_their_time(maria, NORA).await;
    at_their_time(nora, NEW).await;
    app.drain().await;
    // What fails may fail because of what was found.
    let mut maria = Home::maria(&app, &clinic).await;
    app.database.execute("ALTER TABLE contact_changes RENAME TO elsewhere").await;
    let asked = Instant::now();
    assert_eq!(maria.ask("third@new.example").await.status, 503);
    assert!(asked.elapsed() >= PACE);
    app.database.execute("ALTER TABLE elsewhere RENAME TO contact_changes").await;
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
