//! What an account itself must show, whatever its user flow says: N14, N18, N19, N22, N23, A14, A19, A24, D11; staff who
//! set it, and the minimums of roles, are in the modules below.

mod clinic;
pub(crate) mod not_me;
mod roles;

use lanyard_app::api::journey::{Method, StageView};
use lanyard_domain::{account::Account, assurance::Assurance, clock::MINUTE, id::Id};
use lanyard_server::{
    http::client::Client,
    service::portal::{By, accounts},
};
use lanyard_storage::StorageError;

use crate::{
    device, grace,
    oidc::{id_token, tokens},
    remembered,
    support::{
        Browser, Clinic, Options, PASSWORD, Run, TestApp, Via,
        journey::{authorize, is_let_in, place, redeem, refresh, with_code, with_tokens},
        world::{MARIA, NORA, PHONE, SEED, TINA, totp},
    },
};

pub(crate) use clinic::a_change_has_one_winner;

pub(crate) fn by() -> By {
    By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "test".to_owned() },
    }
}

/// As an operator does on the command line.
pub(crate) async fn require(app: &TestApp, clinic: &Clinic, account: Id<Account>, minimum: Assurance) {
    accounts::require(&app.app, clinic.tenant.clone(), (account, minimum), by()).await.unwrap();
    app.drain().await;
}

/// Behind everybody's back: nothing ends, as where a role's minimum rises.
pub(crate) async fn silently(app: &TestApp, account: Id<Account>, minimum: Assurance) {
    let done = app.app.store.write(move |tx| {
        Box::pin(async move {
            let now = tx.own_minimum(account).await?.unwrap();
            tx.set_own_minimum(account, now, minimum).await
        })
    });
    done.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

async fn userinfo(browser: &mut Browser, clinic: &Clinic, token: &str) -> u16 {
    let address = format!("{}/openid/v2.0/userinfo", place(clinic, &clinic.flow));
    browser.post_bare(&address, &[("access_token", token)]).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_n23_a_flow_that_is_off_asks_an_account_with_a_minimum_and_nobody_else() {
    for (options, via) in [(Options::default(), Via::Form), (Options::postgres(), Via::Json)] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        require(&app, &clinic, clinic.maria, Assurance::Aal2Legacy).await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let back = run.back().await;
        assert_eq!(id_token(&tokens(&mut run, &clinic, &back).await)["acr"], "aal2");
        assert!(is_let_in(&mut run.browser, &clinic).await, "what was shown carries over");
        // Nobody else is asked for more.
        let mut other = Run::begin(&app, &clinic, via).await;
        let view = other.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        // Who has none sets one up, and only such as counts, behind the code to the address.
        require(&app, &clinic, clinic.nora, Assurance::Aal2Strict).await;
        let mut bare = Run::begin(&app, &clinic, via).await;
        let view = bare.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)) && view.postpone_until.is_none(), "{view:?}");
        let code = app.code(NORA).await;
        let view = bare.act("submit-code", &[("code", &code)]).await;
        let StageView::ChooseMethod { methods } = view.stage else { panic!("{view:?}") };
        let offered: Vec<_> = methods.iter().map(|choice| choice.method).collect();
        assert_eq!(offered, [Method::Passkey, Method::AuthenticatorApp]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n23_a19_raising_it_ends_what_came_of_less_and_leaves_what_came_of_enough() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (mut run, given) = with_tokens(&app, &clinic).await;
        let (access, token) = (given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap());
        assert!(is_let_in(&mut run.browser, &clinic).await);
        assert_eq!(userinfo(&mut run.browser, &clinic, access).await, 200);
        require(&app, &clinic, clinic.nora, Assurance::Aal2Legacy).await;
        assert!(!is_let_in(&mut run.browser, &clinic).await);
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, token).await.status, 400);
        assert_eq!(userinfo(&mut run.browser, &clinic, access).await, 401);
        // It is over, and does not come back where less is asked again.
        require(&app, &clinic, clinic.nora, Assurance::Aal1).await;
        assert!(!is_let_in(&mut run.browser, &clinic).await);
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, token).await.status, 400);

        let clinic = app.world.mfa.clone();
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        run.sign_in_with_phone(&app, MARIA, PHONE).await;
        let back = run.back().await;
        let given = tokens(&mut run, &clinic, &back).await;
        require(&app, &clinic, clinic.maria, Assurance::Aal2Legacy).await;
        assert!(is_let_in(&mut run.browser, &clinic).await, "a text message is enough");
        let token = given["refresh_token"].as_str().unwrap();
        let refreshed = refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.text());
        require(&app, &clinic, clinic.maria, Assurance::Aal2Strict).await;
        assert!(!is_let_in(&mut run.browser, &clinic).await);
        let next: serde_json::Value = refreshed.json();
        let token = next["refresh_token"].as_str().unwrap();
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, token).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n23_what_still_stands_from_before_counts_for_nothing_wherever_it_is_used() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (mut run, given) = with_tokens(&app, &clinic).await;
        let (access, token) = (given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap());
        let (mut coded, code) = with_code(&app, &clinic).await;
        // On the way back, and at the last page before it.
        let mut returning = Run::begin(&app, &clinic, Via::Form).await;
        returning.sign_in(NORA, PASSWORD).await;
        device::switched_on(&app, &clinic).await;
        let (device_code, user_code) = device::codes(&app, &clinic).await;
        let mut approving = device::begin(&app, &clinic, &user_code).await;
        approving.sign_in(NORA, PASSWORD).await;
        approving.browser.get(&lanyard_app::paths::journey_return(&approving.id)).await;

        silently(&app, clinic.nora, Assurance::Aal2Legacy).await;
        assert!(!is_let_in(&mut run.browser, &clinic).await, "single sign-on");
        let refused = refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
        assert_eq!((refused.status.as_u16(), device::error(&refused).as_str()), (400, "invalid_grant"));
        assert_eq!(userinfo(&mut run.browser, &clinic, access).await, 401);
        let refused = redeem(&mut coded.browser, &clinic, &clinic.flow, &code, &[]).await;
        assert_eq!((refused.status.as_u16(), device::error(&refused).as_str()), (400, "invalid_grant"), "code");
        let page = returning.browser.get(&lanyard_app::paths::journey_return(&returning.id)).await;
        assert!(page.refresh().is_none(), "the way back: {}", page.text());
        let refused = device::poll(&app, &clinic, &device_code).await;
        assert_ne!(refused.status, 200, "the device: {}", refused.text());
        // Nothing was ended: where as much as before is enough again, so is what stands.
        silently(&app, clinic.nora, Assurance::Aal1).await;
        assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, token).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_neither_a_remembered_browser_nor_a_grace_period_stands_against_it() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        remembered::switch(&app, &clinic, true).await;
        let known = remembered::remember(&app, &clinic, app.browser(), via).await.browser;
        remembered::much_later(&app).await;
        let begin =
            async |browser: &Browser| Run::at(browser.clone(), &authorize(&clinic, &clinic.flow, &[]), via).await;
        silently(&app, clinic.maria, Assurance::Aal2Legacy).await;
        let mut run = begin(&known).await;
        let view = run.sign_in(MARIA, PASSWORD).await;
        let StageView::Challenge { remember_days, .. } = view.stage else { panic!("{view:?}") };
        assert_eq!(remember_days, None, "nor is it offered to remember one");
        app.advance(MINUTE);
        app.drain().await;
        silently(&app, clinic.maria, Assurance::Aal1).await;
        let view = begin(&known).await.sign_in(MARIA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "its secret was not used up: {view:?}");

        let clinic = grace::switched_on(&app, 14).await;
        silently(&app, clinic.nora, Assurance::Aal2Legacy).await;
        let mut run = Run::begin(&app, &clinic, via).await;
        let view = run.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
        assert_eq!(view.postpone_until, None);
        let view = run.act("not-now", &[]).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_it_acts_at_the_next_step_of_a_sign_in_on_its_way() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let mut run = Run::begin(&app, &clinic, via).await;
        run.sign_in(MARIA, PASSWORD).await;
        let code = app.code(PHONE).await;
        require(&app, &clinic, clinic.maria, Assurance::Aal2Strict).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "a phone does not reach it: {view:?}");
        let view = run.prove_address(&app, MARIA).await;
        let StageView::ChooseMethod { methods } = view.stage else { panic!("{view:?}") };
        assert!(methods.iter().all(|choice| !choice.restricted), "{methods:?}");
        // Who has what reaches it is asked for that.
        let mut run = Run::begin(&app, &clinic, via).await;
        run.sign_in(TINA, PASSWORD).await;
        let view = run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}

impl Run {
    /// The code to the address of an account.
    async fn prove_address(&mut self, app: &TestApp, email: &str) -> lanyard_app::api::journey::JourneyView {
        let code = app.code(email).await;
        self.act("submit-code", &[("code", &code)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_texts_to_an_account_with_a_minimum_count_at_a_flow_that_is_off_too() {
    let mut options = Options::default();
    options.config.limits.texts_per_address_per_hour = 2;
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    require(&app, &clinic, clinic.maria, Assurance::Aal2Legacy).await;
    for texts in [1, 2, 2] {
        app.advance(MINUTE);
        let view = Run::begin(&app, &clinic, Via::Form).await.sign_in(MARIA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
        assert_eq!(app.messages(PHONE).await, texts, "the network's budget");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_whoever_resets_the_password_comes_no_further_than_the_minimum_lets() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    require(&app, &clinic, clinic.nora, Assurance::Aal2Strict).await;
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.act("go-forgot-password", &[]).await;
    run.prove(&app, NORA).await;
    let view = run.act("submit-new-password", &[("password", "quartz 17 lantern meadow")]).await;
    assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
    assert_eq!(app.count("sessions").await, 0);
    app.drain().await;
}
