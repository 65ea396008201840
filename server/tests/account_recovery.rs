//! Recovery codes: N9, N15, N16, N18, N19, N20, A8, A20, A23, U4, U20, U22, failures 8, 9 and 12, D7.

use lanyard_app::{
    api::journey::{Method, ProblemCode, StageView},
    paths,
};
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    clock::MINUTE,
    delays::GUESSES,
    factor::{Factor, MAX_CONSECUTIVE},
    id::Id,
    recovery::{CODES, RecoveryCodes},
    session::FRESH,
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::{factors, field, maria_at_home, one_more, token},
    account_not_me,
    support::{
        Browser, Clinic, PASSWORD, Page, Run, TestApp, Via,
        app::Options,
        journey::{authorize, problem, redeem},
        world::{MARIA, NORA, PHONE},
    },
};

/// A code that is nobody's.
const WRONG: &str = "0000-0000-0000-0000-0000-0000";

/// The codes that a page shows, in its order.
pub(crate) fn codes_on(page: &Page) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let text = page.text();
    let words = text.split(|c: char| !(c.is_ascii_digit() || c.is_ascii_uppercase() || c == '-'));
    for word in words.filter(|word| word.len() == 29 && word.split('-').all(|group| group.len() == 4)) {
        if !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

/// The present set of `account`, if it has one.
async fn set_of(app: &TestApp, account: Id<Account>) -> Option<Factor> {
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.factors_of_account(account).await })).await;
    let found = found.unwrap_or_else(|error: StorageError| panic!("{error}"));
    found.into_iter().find(|factor| factor.secret.recovery().is_some())
}

/// Presses the button of the account page that makes codes.
pub(crate) async fn press(browser: &mut Browser, clinic: &Clinic) -> Page {
    let domain = clinic.tenant.domain.as_str();
    let page = browser.get(&paths::account(domain)).await;
    let (csrf, replaces) = (field(&page, "csrf"), field(&page, "replaces"));
    browser.post(&paths::account_recovery_codes(domain), &[("csrf", &csrf), ("replaces", &replaces)]).await
}

/// Maria, signed in at home, and the codes that she made.
pub(crate) async fn with_recovery_codes(app: &TestApp, clinic: &Clinic) -> (Browser, Vec<String>) {
    let mut browser = maria_at_home(app, clinic).await;
    let page = press(&mut browser, clinic).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let codes = codes_on(&page);
    assert_eq!(codes.len(), CODES, "{}", page.text());
    app.drain().await;
    // Later than the next code to her phone may go out.
    app.advance(MINUTE);
    (browser, codes)
}

/// Maria's password, and on to the page of recovery codes.
async fn at_codes(app: &TestApp, clinic: &Clinic, via: Via) -> Run {
    let mut run = Run::begin(app, clinic, via).await;
    run.sign_in(MARIA, PASSWORD).await;
    let view = run.act("choose-method", &[("method", "recovery_code")]).await;
    assert!(matches!(view.stage, StageView::Challenge { method: Method::RecoveryCode, code: None, .. }), "{view:?}");
    app.drain().await;
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn n15_n20_u22_codes_are_made_shown_once_and_their_owner_is_told() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (domain, tenant) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
    let mut browser = maria_at_home(&app, &clinic).await;
    let home = browser.get(&paths::account(domain)).await;
    assert!(home.says("You have no recovery codes"), "u20: {}", home.text());
    app.drain().await;
    let mails = app.messages(MARIA).await;

    let shown = press(&mut browser, &clinic).await;
    let codes = codes_on(&shown);
    assert_eq!((shown.status.as_u16(), codes.len()), (200, CODES), "{}", shown.text());
    assert_eq!(shown.header("cache-control").unwrap(), "no-store");
    assert!(shown.says("only this once") && shown.text().contains("download=\"recovery-codes.txt\""));
    assert_eq!(app.audited(tenant, Action::FactorBound, Outcome::Success).await, 1);
    assert_eq!(app.audited(tenant, Action::FactorRemoved, Outcome::Success).await, 0, "there were none before");
    assert_eq!(app.messages(MARIA).await, mails + 1);
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("recovery codes") && mail.contains("This wasn't me"), "{mail}");

    // Nothing shows them again, and nothing keeps them in the clear.
    let leads = browser.get(&paths::account_recovery_codes(domain)).await;
    assert_eq!(leads.location().unwrap(), paths::account(domain));
    let home = browser.get(&paths::account(domain)).await;
    assert!(home.says("10 codes left") && codes_on(&home).is_empty(), "{}", home.text());
    let data = browser.get(&paths::account_data(domain)).await;
    let rows = app.rows(&["factors", "journeys", "audit", "outbox", "sessions"]).await.concat();
    for code in &codes {
        for form in [code.clone(), code.replace('-', "")] {
            assert!(!rows.contains(&form) && !mail.contains(&form) && !data.text().contains(&form), "{form}");
        }
    }
    // A reload of the page asks for the same once more: what is saved by now stays good.
    let csrf = field(&home, "csrf");
    let again = browser.post(&paths::account_recovery_codes(domain), &[("csrf", &csrf), ("replaces", "")]).await;
    assert_eq!(again.location().unwrap(), format!("{}?recovery-codes-made", paths::account(domain)));
    let mut run = at_codes(&app, &clinic, Via::Form).await;
    let view = run.act("submit-recovery-code", &[("code", &codes[0])]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n15_n16_a_recovery_code_signs_in_once_at_aal2_and_its_owner_is_told() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let tenant = clinic.tenant.id;
        let (_, codes) = with_recovery_codes(&app, &clinic).await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in(MARIA, PASSWORD).await;
        let StageView::Challenge { method: Method::TextMessage, other_ways, .. } = view.stage else {
            panic!("{view:?}")
        };
        assert_eq!(other_ways.last().map(|way| way.method), Some(Method::RecoveryCode), "u19: last");
        app.drain().await;
        let mails = app.messages(MARIA).await;
        run.act("choose-method", &[("method", "recovery_code")]).await;
        // As people copy them: small letters, spaces, no dashes.
        let typed = format!(" {} ", codes[3].to_lowercase().replace('-', "  "));
        let view = run.act("submit-recovery-code", &[("code", &typed)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "u4: {view:?}");
        assert!(view.values.is_empty(), "u4: no code is kept");
        let code = run.code().await;
        let tokens: serde_json::Value = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await.json();
        let claims = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]), "{claims}");
        assert_eq!(app.audited(tenant, Action::RecoveryCodeUsed, Outcome::Success).await, 1);
        assert_eq!(app.messages(MARIA).await, mails + 1);
        let mail = app.message(MARIA).await.body;
        assert!(mail.contains("9 codes left") && mail.contains("This wasn't me"), "{mail}");
        // Used up, in every journey.
        let before = app.rows(&["sessions", "grants", "factors"]).await;
        let mut again = at_codes(&app, &clinic, via).await;
        let view = again.act("submit-recovery-code", &[("code", &codes[3])]).await;
        assert_eq!(problem(&view, "code"), Some(&ProblemCode::RecoveryCodeUsed));
        assert_eq!(app.rows(&["sessions", "grants", "factors"]).await, before);
    }
}

fn claims(token: &str) -> serde_json::Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn u22_at_three_codes_left_the_page_and_the_mail_warn() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let home = paths::account(clinic.tenant.domain.as_str());
    let (mut browser, codes) = with_recovery_codes(&app, &clinic).await;
    let set = set_of(&app, clinic.maria).await.unwrap().id;
    let now = app.now();
    let spent = app.app.store.write(move |tx| {
        Box::pin(async move {
            for at in 0..6 {
                tx.use_recovery_code(set, at, now).await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    spent.await.unwrap();
    let page = browser.get(&home).await;
    assert!(page.says("4 codes left") && !page.says("You have only"), "{}", page.text());
    let mut run = at_codes(&app, &clinic, Via::Form).await;
    run.act("submit-recovery-code", &[("code", &codes[6])]).await;
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("3 codes left") && mail.contains("Make new codes"), "{mail}");
    let page = browser.get(&home).await;
    assert!(page.says("You have only 3 recovery codes left"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_n15_codes_made_anew_replace_the_old_ones_at_once() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut browser, old) = with_recovery_codes(&app, &clinic).await;
    // A challenge that stands open for the old set.
    let mut open = at_codes(&app, &clinic, Via::Json).await;
    let new = codes_on(&press(&mut browser, &clinic).await);
    assert_eq!(new.len(), CODES);
    assert!(new.iter().all(|code| !old.contains(code)));
    // The log tells of both sets (C1).
    let log = app.audit(clinic.tenant.id).await;
    let told: Vec<_> = log
        .iter()
        .filter(|event| event.detail["detail"] == "recovery_code")
        .map(|event| (event.action, event.detail["factor"].clone()))
        .collect();
    let of = |action| {
        told.iter().filter(|(own, _)| *own == action).map(|(_, set)| set.as_str().unwrap()).collect::<Vec<_>>()
    };
    let (bound, removed) = (of(Action::FactorBound), of(Action::FactorRemoved));
    let now = set_of(&app, clinic.maria).await.unwrap().id.to_string();
    assert!(bound.len() == 2 && removed.len() == 1, "{told:?}");
    assert!(bound.contains(&now.as_str()) && bound.contains(&removed[0]) && removed[0] != now, "{told:?}");
    let view = open.act("submit-recovery-code", &[("code", &old[0])]).await;
    assert!(!matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let mut run = at_codes(&app, &clinic, Via::Form).await;
    let view = run.act("submit-recovery-code", &[("code", &old[0])]).await;
    assert!(matches!(problem(&view, "code"), Some(ProblemCode::CodeWrong { .. })), "{view:?}");
    let view = run.act("submit-recovery-code", &[("code", &new[0])]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f9_n9_n16_wrong_recovery_codes_are_counted_over_journeys_lock_and_disable() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (_, codes) = with_recovery_codes(&app, &clinic).await;
    let limit = GUESSES.free + 1;
    for (via, tries) in [(Via::BOTH[0], 2), (Via::BOTH[1], limit - 2)] {
        let mut run = at_codes(&app, &clinic, via).await;
        for _ in 0..tries {
            run.act("submit-recovery-code", &[("code", WRONG)]).await;
        }
    }
    let mut run = at_codes(&app, &clinic, Via::Form).await;
    let view = run.act("submit-recovery-code", &[("code", &codes[0])]).await;
    assert!(matches!(problem(&view, "code"), Some(ProblemCode::FactorLocked { .. })), "the right one: {view:?}");
    // What is no code at all is no guess.
    app.advance(GUESSES.first);
    for (typed, said) in [
        ("", ProblemCode::CodeMissing),
        ("123456", ProblemCode::RecoveryCodeForm),
        (&"A".repeat(5000), ProblemCode::RecoveryCodeForm),
    ] {
        let view = run.act("submit-recovery-code", &[("code", typed)]).await;
        assert_eq!(problem(&view, "code"), Some(&said), "{typed:.20}");
    }
    let set = set_of(&app, clinic.maria).await.unwrap();
    assert_eq!(set.failures, limit);
    // The hundredth: told, and no code opens anything any more; the phone still does (f18).
    let (id, now, more) = (set.id, app.now().minus(GUESSES.longest), MAX_CONSECUTIVE - limit - 1);
    let failed = app.app.store.write(move |tx| {
        Box::pin(async move {
            for _ in 0..more {
                tx.factor_failed(id, now).await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    failed.await.unwrap();
    let mut run = at_codes(&app, &clinic, Via::Json).await;
    run.act("submit-recovery-code", &[("code", WRONG)]).await;
    let mail = app.message(MARIA).await.body;
    assert!(mail.contains("recovery codes"), "{mail}");
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorDisabled, Outcome::Success).await, 1);
    app.advance(GUESSES.longest);
    let view = run.act("submit-recovery-code", &[("code", &codes[0])]).await;
    assert!(problem(&view, "").is_some() && !matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_u20_codes_open_when_the_phone_is_disabled_and_never_count_as_the_last_factor() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    // What is removed below is so right after a recovery.
    crate::cool_down::set(&app, &clinic, 0).await;
    let domain = clinic.tenant.domain.as_str();
    let (mut browser, codes) = with_recovery_codes(&app, &clinic).await;
    let csrf = token(&mut browser, &clinic).await;
    let set = set_of(&app, clinic.maria).await.unwrap().id;
    let phone = factors(&app, clinic.maria).await.into_iter().find(|id| *id != set.to_string()).unwrap();
    let kept = browser.post(&paths::account_remove_factor(domain), &[("csrf", &csrf), ("factor", &phone)]).await;
    assert_eq!(kept.location().unwrap(), format!("{}?last-factor", paths::account(domain)));
    let named = [("csrf", csrf.as_str()), ("factor", &set.to_string()), ("name", "x")];
    assert_eq!(browser.post(&paths::account_rename_factor(domain), &named).await.status, 404);

    let (phone, now): (Id<Factor>, _) = (phone.parse().unwrap(), app.now());
    let failed = app.app.store.write(move |tx| {
        Box::pin(async move {
            for _ in 0..MAX_CONSECUTIVE {
                tx.factor_failed(phone, now).await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    failed.await.unwrap();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Challenge { method: Method::RecoveryCode, .. }), "{view:?}");
    let view = run.act("submit-recovery-code", &[("code", &codes[0])]).await;
    assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "n18: a new second step comes first: {view:?}");
    // They are what still opens: they stay until there is something else.
    let csrf = token(&mut browser, &clinic).await;
    let remove = paths::account_remove_recovery_codes(domain);
    let kept = browser.post(&remove, &[("csrf", &csrf), ("factor", &set.to_string())]).await;
    assert_eq!(kept.location().unwrap(), format!("{}?last-factor", paths::account(domain)));
    one_more(&app, clinic.maria, "+12065550177").await;
    let gone = browser.post(&remove, &[("csrf", &csrf), ("factor", &set.to_string())]).await;
    assert_eq!(gone.location().unwrap(), format!("{}?recovery-codes-removed", paths::account(domain)));
    assert!(set_of(&app, clinic.maria).await.is_none());
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_a8_a_reset_takes_the_mailbox_and_a_recovery_code() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (_, codes) = with_recovery_codes(&app, &clinic).await;
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Form).await;
    let view = run.prove(&app, MARIA).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "the mailbox alone is not enough: {view:?}");
    run.act("choose-method", &[("method", "recovery_code")]).await;
    let before = app.rows(&["accounts", "sessions"]).await;
    run.act("submit-recovery-code", &[("code", WRONG)]).await;
    assert_eq!(app.rows(&["accounts", "sessions"]).await, before);
    let view = run.act("submit-recovery-code", &[("code", &codes[5])]).await;
    assert!(matches!(view.stage, StageView::NewPassword { .. }), "{view:?}");
    let view = run.act("submit-new-password", &[("password", "quiet anchor 41 meadow")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_a20_a23_only_a_fresh_sign_in_at_aal2_makes_codes_and_only_ones_own() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let make = paths::account_recovery_codes(domain);
    let tables = ["factors", "audit", "outbox", "sessions"];
    // Nora has no second factor: nothing is offered, nothing is made.
    let mut nora = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    nora.sign_in(NORA, PASSWORD).await;
    nora.back().await;
    let page = nora.browser.get(&paths::account(domain)).await;
    assert!(!page.says("recovery codes"), "{}", page.text());
    let csrf = field(&page, "csrf");
    let before = app.rows(&tables).await;
    let refused = nora.browser.post(&make, &[("csrf", &csrf), ("replaces", "")]).await;
    assert_eq!(refused.status, 303);
    assert_eq!(app.rows(&tables).await, before);

    let (mut maria, _) = with_recovery_codes(&app, &clinic).await;
    let (csrf, set) = (token(&mut maria, &clinic).await, set_of(&app, clinic.maria).await.unwrap().id.to_string());
    let remove = paths::account_remove_recovery_codes(domain);
    let sams = factors(&app, clinic.sam).await.remove(0);
    let before = app.rows(&tables).await;
    for (path, csrf, name, value, status) in [
        (&make, "x", "replaces", set.as_str(), 403),
        (&make, csrf.as_str(), "replaces", "no id", 404),
        (&make, &csrf, "replaces", &sams, 303),
        (&remove, "", "factor", &set, 403),
        (&remove, &csrf, "factor", &sams, 404),
        (&remove, &csrf, "factor", "no id", 404),
    ] {
        assert_eq!(maria.post(path, &[("csrf", csrf), (name, value)]).await.status, status, "{path} {value}");
    }
    assert_eq!(app.rows(&tables).await, before);
    app.advance(FRESH);
    let again = format!("{}?sign-in-again", paths::account(domain));
    for (path, name) in [(&make, "replaces"), (&remove, "factor")] {
        assert_eq!(maria.post(path, &[("csrf", &csrf), (name, &set)]).await.location().unwrap(), again);
    }
    assert_eq!(app.count("factors").await, before_factors(&before));
    let page = maria.get(&paths::account(domain)).await;
    assert!(page.says("10 codes left") && !page.text().contains("name=\"replaces\""), "{}", page.text());
    app.drain().await;
}

// Rows of `factors` in what `rows` gave: it is the first table asked for.
fn before_factors(rows: &[String]) -> usize {
    rows.iter().filter(|row| row.starts_with("factors")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_n16_this_wasnt_me_in_the_mail_about_a_code_turns_the_codes_off() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (_, codes) = with_recovery_codes(&app, &clinic).await;
    app.advance(60 * MINUTE);
    let mut thief = at_codes(&app, &clinic, Via::Form).await;
    thief.act("submit-recovery-code", &[("code", &codes[0])]).await;
    let link = account_not_me::link(&app, MARIA).await;
    let done = app.browser().post(&link, &[]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    // The phone, which is older, stays: the codes open nothing any more.
    let set = set_of(&app, clinic.maria).await.unwrap();
    assert!(set.is_disabled());
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.reset, &[]), Via::Form).await;
    app.advance(MINUTE);
    let view = run.prove(&app, MARIA).await;
    let StageView::Challenge { method: Method::TextMessage, other_ways, .. } = view.stage else { panic!("{view:?}") };
    assert!(other_ways.iter().all(|way| way.method != Method::RecoveryCode), "{other_ways:?}");
    app.drain().await;
}

/// A hundred submissions of one code at once, in one journey and in a hundred, for five codes.
pub(crate) async fn recovery_code_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (_, codes) = with_recovery_codes(&app, &clinic).await;
    let tenant = clinic.tenant.id;
    for (round, code) in codes.iter().take(5).enumerate() {
        // Ten journeys, ten requests each, both transports.
        let mut runs = Vec::new();
        for _ in 0..10 {
            let mut run = at_codes(&app, &clinic, Via::Form).await;
            let csrf = run.view().await.csrf;
            runs.push((run, csrf));
            app.advance(MINUTE);
        }
        let sessions = app.count("sessions").await;
        let tries = (0..100_usize).map(|n| {
            let (run, csrf) = &runs[n % 10];
            let mut one =
                Run { browser: run.browser.clone(), id: run.id.clone(), via: Via::BOTH[n / 10 % 2], codes: false };
            let (csrf, code) = (csrf.clone(), code.clone());
            async move {
                tokio::spawn(async move { one.post("submit-recovery-code", &csrf, &[("code", &code)]).await })
                    .await
                    .unwrap()
            }
        });
        let answers = futures::future::join_all(tries).await;
        assert!(answers.iter().all(|answer| !answer.status.is_server_error()), "round {round}");
        let cookies = answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")).count();
        assert_eq!(cookies, 1, "round {round}: one of them got the session");
        assert_eq!(app.count("sessions").await, sessions + 1);
        assert_eq!(app.audited(tenant, Action::RecoveryCodeUsed, Outcome::Success).await, round + 1);
    }
    let set = set_of(&app, clinic.maria).await.unwrap();
    assert_eq!(set.secret.recovery().map(RecoveryCodes::left), Some(5));
    app.drain().await;
}

/// Fifty times the button at once: one set stands, and one page shows it.
pub(crate) async fn new_codes_have_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut browser = maria_at_home(&app, &clinic).await;
    let csrf = token(&mut browser, &clinic).await;
    let tries = (0..50).map(|_| {
        let (mut browser, csrf, path) = (browser.clone(), csrf.clone(), paths::account_recovery_codes(domain));
        async move {
            tokio::spawn(async move { browser.post(&path, &[("csrf", &csrf), ("replaces", "")]).await }).await.unwrap()
        }
    });
    let answers = futures::future::join_all(tries).await;
    let shown: Vec<&Page> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(shown.len(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 303));
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, 1);
    app.drain().await;
    app.advance(MINUTE);
    let mut run = at_codes(&app, &clinic, Via::Form).await;
    let view = run.act("submit-recovery-code", &[("code", &codes_on(shown[0])[9])]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "what is shown is what stands: {view:?}");
    app.drain().await;
}
