//! Another number in the place of the old one. A20, A23, N19, N20.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    session::FRESH,
};

use crate::{
    account_factors::{factors, field, maria_at_home},
    support::{
        PASSWORD, Run, TestApp, Via,
        app::Options,
        world::{MARIA, PHONE},
    },
};

use super::{Home, NUMBER, wrong};

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
