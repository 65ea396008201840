//! "This wasn't me" and an address that was changed: what brings it back, and what does not. A5, A8, N20, U24.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    assurance::Assurance,
    audit::{Action, Outcome},
    clock::{DAY, MINUTE},
    email::EmailAddress,
};
use lanyard_server::{
    http::client::Client,
    service::portal::{By, PortalError, accounts},
};

use crate::{
    account_factors::{factors, one_more},
    account_not_me::link,
    own_minimum::{not_me::own, require, silently},
    support::{
        PASSWORD, Run, TestApp, Via,
        app::Options,
        world::{MARIA, NORA, PHONE},
    },
};

use super::{Home, NEW, NUMBER, has_email};

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
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "command-line".to_owned() },
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

async fn an_owner_is_told_what_an_operator_does(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let (tenant, nora) = (clinic.tenant.id, clinic.nora);
    let by = || By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "command-line".to_owned() },
    };
    accounts::disable(&app.app, tenant, nora, by()).await.unwrap();
    let mail = app.message(NORA).await.body;
    assert!(mail.contains("stopped your account") && !mail.contains("/not-me/"), "{mail}");
    accounts::enable(&app.app, tenant, (nora, None), by()).await.unwrap();
    let mail = app.message(NORA).await.body;
    assert!(mail.contains("lets it be signed in to again"), "{mail}");
    let secure = link(&app, NORA).await;
    assert_eq!(app.browser().post(&secure, &[]).await.status, 200);
    let mut run = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "the password is gone: {view:?}");
    let mails = app.messages(NORA).await;
    let again = accounts::enable(&app.app, tenant, (nora, None), by()).await;
    assert!(matches!(again, Err(PortalError::Unchanged)), "{again:?}");
    assert_eq!(app.messages(NORA).await, mails, "what changed nothing tells nobody");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_the_owner_is_told_when_an_operator_stops_an_account_and_lets_it_in_again() {
    an_owner_is_told_what_an_operator_does(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_the_owner_is_told_when_an_operator_stops_an_account_and_lets_it_in_again_postgres() {
    an_owner_is_told_what_an_operator_does(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_u24_the_former_address_and_what_was_asked_before_come_back_by_one_link() {
    for (form, address, minimum) in [
        (&[][..], MARIA, Assurance::Aal2Legacy),
        (&[("chosen", "true"), ("address", "true")][..], MARIA, Assurance::Aal1),
        (&[("chosen", "true"), ("minimum", "true")][..], NEW, Assurance::Aal2Legacy),
    ] {
        let app = TestApp::new().await;
        let (clinic, maria) = (app.world.mfa.clone(), app.world.mfa.maria);
        silently(&app, maria, Assurance::Aal2Legacy).await;
        // Somebody moves the account, and then has the clinic ask for less.
        Home::maria(&app, &clinic).await.move_to_new(&app).await;
        let link = link(&app, MARIA).await;
        app.advance(DAY);
        require(&app, &clinic, maria, Assurance::Aal1).await;
        assert_eq!(app.browser().post(&link, form).await.status, 200);
        assert!(has_email(&app, &clinic, address).await, "{form:?}");
        assert_eq!(own(&app, maria).await, minimum, "{form:?}");
        app.drain().await;
    }
}
