//! Another address for an account without a second factor: its present address is asked first. A5, A6, A8, N11, N18.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
    email::EmailAddress,
    journey::{MAX_TRIES, SEND_LIMIT},
    session::FRESH,
};
use lanyard_server::{
    http::client::Client,
    service::portal::{By, accounts},
};

use super::{Home, NEW, NUMBER, email_is, wrong};
use crate::{
    account_factors::one_more,
    account_not_me::link,
    support::{
        PASSWORD, Run, TestApp, Via,
        app::Options,
        world::{MARIA, NORA},
    },
};

/// What asking changes.
const ASKED: [&str; 4] = ["accounts", "contact_changes", "outbox", "audit"];

async fn both_addresses_are_proved(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let (tenant, nora) = (clinic.tenant.id, clinic.nora);
    let mut home = Home::nora_by_password(&app, &clinic).await;
    let mut other = Home::nora_by_password(&app, &clinic).await;
    let page = home.page().await;
    assert!(page.says("We send a code to this address first") && page.text().contains(NORA), "{}", page.text());
    let before = app.rows(&["accounts"]).await;

    assert_eq!(home.ask(NEW).await.status, 303);
    let page = home.page().await;
    assert!(page.says("First we make sure that it’s you") && page.text().contains(NORA), "{}", page.text());
    assert_eq!(app.messages(NEW).await, 0, "nothing goes to the new address before");
    let mail = app.message(NORA).await;
    assert!(mail.body.contains("another email address instead of this one"), "{}", mail.body);
    let first = app.code(NORA).await;
    let refused = home.answer(&wrong(&first)).await;
    assert!(refused.status == 422 && refused.text().contains("That code is not right"), "{}", refused.text());
    assert_eq!(app.audited(tenant, Action::EmailChanged, Outcome::Failure).await, 1);

    let own = paths::account_email(&home.domain);
    assert_eq!(home.answer(&first).await.location().unwrap(), own);
    assert_eq!(app.rows(&["accounts"]).await, before, "one code alone changes nothing");
    let page = home.page().await;
    assert!(page.text().contains(NEW) && page.says("Now the new address"), "{}", page.text());
    assert_eq!(home.answer(&first).await.status, 422, "the code of the present address proves no other");
    let second = app.code(NEW).await;
    assert_eq!(home.answer(&second).await.location().unwrap(), home.done("email-changed"));
    assert!(email_is(&app, &clinic, nora, NEW).await);
    assert_eq!(app.audited(tenant, Action::EmailChanged, Outcome::Success).await, 1);
    assert!(other.page().await.location().unwrap().starts_with("/journey/"), "a19");

    // Both are told, and the link in the mail to the old one brings it back.
    let back = link(&app, NORA).await;
    assert!(app.message(NEW).await.body.contains("/not-me/"), "n20");
    app.advance(MINUTE);
    let done = app.browser().post(&back, &[]).await;
    assert!(done.status == 200 && done.text().contains("signs in to your account again"), "{}", done.text());
    assert!(email_is(&app, &clinic, nora, NORA).await);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a5_without_a_second_factor_an_address_changes_by_codes_to_both_and_comes_back() {
    both_addresses_are_proved(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a5_without_a_second_factor_an_address_changes_by_codes_to_both_and_comes_back_postgres() {
    both_addresses_are_proved(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_a_password_alone_takes_no_mailbox_over_and_mails_no_stranger() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut thief = Home::nora_by_password(&app, &clinic).await;
    let before = app.rows(&["accounts"]).await;
    for n in 1..=MAX_TRIES {
        // Another address each time, the change called off in between: nothing sheds the count (N11).
        assert_eq!(thief.ask(&format!("thief{n}@new.example")).await.status, 303);
        let code = app.code(NORA).await;
        let refused = thief.answer(&wrong(&code)).await;
        assert_eq!(refused.text().contains("too many wrong codes"), n == MAX_TRIES, "{n}: {}", refused.text());
        thief.post(&paths::account_email_cancel(&thief.domain.clone()), &[]).await;
    }
    let refused = thief.ask(NEW).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    for n in 1..=MAX_TRIES {
        assert_eq!(app.messages(&format!("thief{n}@new.example")).await, 0);
    }
    assert_eq!(app.rows(&["accounts"]).await, before);
    app.drain().await;

    // The sign-in must be fresh, too.
    app.advance(FRESH + 1);
    let before = app.rows(&ASKED).await;
    let asked = thief.ask(NEW).await;
    assert_eq!(asked.location().unwrap(), thief.done("sign-in-again"));
    let page = thief.page().await;
    assert!(
        page.says("a sign-in of the last 10 minutes") && !page.text().contains("name=\"email\""),
        "{}",
        page.text()
    );
    assert_eq!(app.rows(&ASKED).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_an_address_that_has_an_account_looks_like_any_other_without_a_second_factor_too() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut home = Home::nora_by_password(&app, &clinic).await;
    home.ask(MARIA).await;
    let first = app.code(NORA).await;
    assert_eq!(home.answer(&first).await.status, 303);
    let page = home.page().await;
    assert!(page.text().contains(MARIA) && page.text().contains("name=\"code\""), "{}", page.text());
    let mail = app.message(MARIA).await;
    assert!(mail.body.contains("wanted to change their email address to this one"), "{}", mail.body);
    assert!(crate::support::app::code_in(&mail).is_none());
    assert_eq!(home.answer(&first).await.status, 422);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_a_factor_that_is_bound_meanwhile_is_asked_for() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut home = Home::nora_by_password(&app, &clinic).await;
    home.ask(NEW).await;
    let first = app.code(NORA).await;
    one_more(&app, clinic.nora, NUMBER).await;
    let late = home.answer(&first).await;
    assert_eq!(late.location().unwrap(), home.done("sign-in-again"));
    assert_eq!(app.messages(NEW).await, 0);
    assert!(email_is(&app, &clinic, clinic.nora, NORA).await);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_what_the_former_address_proved_proves_nothing_for_the_present_one() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (tenant, nora) = (clinic.tenant.id, clinic.nora);
    let by = || By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "command-line".to_owned() },
    };
    let mut thief = Home::nora_by_password(&app, &clinic).await;
    thief.ask(NEW).await;
    let first = app.code(NORA).await;
    thief.answer(&first).await;
    app.drain().await;
    // An operator stops the account and lets it in again by another address.
    accounts::disable(&app.app, tenant, nora, by()).await.unwrap();
    let third = EmailAddress::parse("nora@third.example").unwrap();
    accounts::enable(&app.app, tenant, (nora, Some(third)), by()).await.unwrap();
    app.drain().await;
    let mut run = Run::at(app.browser(), &paths::account(&thief.domain), Via::Form).await;
    run.sign_in("nora@third.example", PASSWORD).await;
    run.back().await;
    let mut thief = Home::of(run.browser, &clinic).await;
    assert!(thief.page().await.text().contains("name=\"email\""), "the form, from the beginning");
    thief.ask(NEW).await;
    assert!(thief.page().await.says("First we make sure that it’s you"));
    assert!(matches!(app.code("nora@third.example").await.len(), 6));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u13_codes_to_both_addresses_count_as_sends_of_the_account() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut home = Home::nora_by_password(&app, &clinic).await;
    for n in 1..SEND_LIMIT {
        assert_eq!(home.ask(&format!("n{n}@new.example")).await.status, 303);
        app.drain().await;
        app.advance(SECOND);
    }
    assert_eq!(home.ask(NEW).await.status, 303);
    let code = app.code(NORA).await;
    // It is right, and kept; the code to the new address has to wait.
    let waits = home.answer(&code).await;
    assert!(waits.status == 422 && waits.says("Now the new address"), "{}", waits.text());
    assert_eq!(app.messages(NEW).await, 0);
    app.advance(4 * MINUTE);
    let page = home.page().await;
    assert!(page.says("Now the new address"), "{}", page.text());
    app.drain().await;
    let mut run = Run::at(app.browser(), &paths::account(&home.domain), Via::Form).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    assert!(!matches!(view.stage, StageView::SignIn { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn u5_n11_the_code_of_the_present_address_sent_twice_costs_no_try_of_the_new_one() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut home = Home::nora_by_password(&app, &clinic).await;
    home.ask(NEW).await;
    let page = home.page().await;
    assert_eq!(page.hidden("of").as_deref(), Some("leave_email"), "{}", page.text());
    for said in ["10 minutes", "may take a few minutes", "Up to 5 codes in 15 minutes"] {
        assert!(page.says(said), "u12, u13: {said}");
    }
    let first = app.code(NORA).await;
    for _ in 0..=MAX_TRIES {
        let own = paths::account_email(&home.domain);
        assert_eq!(home.answer_as("leave_email", &first).await.location(), Some(own));
    }
    assert_eq!(app.messages(NEW).await, 1, "nor does it send another code");
    assert_eq!(app.audited(clinic.tenant.id, Action::EmailProved, Outcome::Success).await, 1);
    assert_eq!(app.audited(clinic.tenant.id, Action::EmailChanged, Outcome::Failure).await, 0);
    let page = home.page().await;
    assert_eq!(page.hidden("of").as_deref(), Some("change_email"), "{}", page.text());
    let second = app.code(NEW).await;
    assert_eq!(home.answer_as("change_email", &second).await.location().unwrap(), home.done("email-changed"));
    app.drain().await;
}

/// A hundred at once with the code of the present address: it is proved once, and one code goes to the new one.
async fn the_present_address_is_proved_once(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let mut home = Home::nora_by_password(&app, &clinic).await;
    home.ask(NEW).await;
    let first = app.code(NORA).await;
    let path = paths::account_email_code(&home.domain);
    let tries = (0..100).map(|_| {
        let (mut browser, csrf, code, path) = (home.browser.clone(), home.csrf.clone(), first.clone(), path.clone());
        let form = async move {
            browser.post(&path, &[("csrf", &csrf), ("of", "leave_email"), ("code", &code)]).await.status.as_u16()
        };
        tokio::spawn(form)
    });
    for answer in futures::future::join_all(tries).await {
        assert_eq!(answer.unwrap(), 303);
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::EmailProved, Outcome::Success).await, 1);
    let second = app.code(NEW).await;
    assert_eq!(app.messages(NEW).await, 1);
    assert_eq!(home.answer(&second).await.location().unwrap(), home.done("email-changed"));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_the_present_address_is_proved_once_of_a_hundred() {
    the_present_address_is_proved_once(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_the_present_address_is_proved_once_of_a_hundred_postgres() {
    the_present_address_is_proved_once(Options::postgres()).await;
}
