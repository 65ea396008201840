//! A flow that asks for a second factor under conditions: in a new browser, from a new network or country, some
//! days after the last one. Missing facts ask.

use axum::http::StatusCode;
use lanyard_app::api::journey::{ProblemCode, StageView};
use lanyard_domain::{
    assurance::Method,
    clock::DAY,
    user_flow::{Conditions, Enforcement, FlowType, KNOWN_LIFE, MfaPolicy, UserFlow},
};
use lanyard_storage::StorageError;

use crate::{
    oidc::{id_token, tokens},
    portal::{boss, save},
    support::{
        Browser, Clinic, Options, PASSWORD, Run, TestApp, Via,
        browser::parameter,
        journey::{authorize, refresh},
        problem,
        world::{self, MARIA, NORA, PHONE, SEED, TINA, totp},
    },
};

const ELSEWHERE: Conditions =
    Conditions { new_browser: true, new_network: true, new_country: false, strong_days: Some(30) };
const HOME: [u8; 4] = [203, 0, 113, 7];
const AROUND: [u8; 4] = [203, 0, 113, 200];
const CAFE: [u8; 4] = [198, 51, 100, 7];

/// The clinic without a second factor, whose flow asks under `conditions` from now on.
pub(crate) async fn asking(app: &TestApp, conditions: Conditions) -> Clinic {
    let clinic = app.world.plain.clone();
    let (tenant, id, now) = (clinic.tenant.id, clinic.flow.id, app.now());
    let changed = app.app.store.write(move |tx| {
        Box::pin(async move {
            let mut flow = tx.flow_by_id(tenant, id).await?.unwrap();
            flow.settings.mfa = MfaPolicy { conditions, ..MfaPolicy::new(Enforcement::Conditional, Method::ALL) };
            tx.update_flow_settings(tenant, id, flow.version, &flow.settings, now).await
        })
    });
    changed.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    clinic
}

/// The page after the right password of `email`, in a sign-in of its own.
async fn after_password(browser: &Browser, clinic: &Clinic, email: &str, more: &[(&str, &str)]) -> (Run, StageView) {
    let more: Vec<(&str, &str)> = more.iter().copied().chain([("prompt", "login")]).collect();
    let mut run = Run::at(browser.clone(), &authorize(clinic, &clinic.flow, &more), Via::Form).await;
    let view = run.sign_in(email, PASSWORD).await;
    (run, view.stage)
}

pub(crate) async fn is_asked(app: &TestApp, browser: &Browser, clinic: &Clinic) -> bool {
    let (_, stage) = after_password(browser, clinic, MARIA, &[]).await;
    app.advance(31_000);
    app.drain().await;
    match stage {
        StageView::Challenge { .. } => true,
        StageView::Done { .. } => false,
        other => panic!("{other:?}"),
    }
}

/// A browser in which Maria signed in with her phone, at home.
async fn known(app: &TestApp, clinic: &Clinic) -> Browser {
    let mut run = Run::at(app.browser().at_ip(HOME), &authorize(clinic, &clinic.flow, &[]), Via::Form).await;
    run.sign_in_with_phone(app, MARIA, PHONE).await;
    let back = run.back().await;
    assert_eq!(id_token(&tokens(&mut run, clinic, &back).await)["acr"], "aal2");
    app.advance(31_000);
    run.browser
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_ask_in_a_new_browser_from_a_new_network_and_after_days() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = asking(&app, ELSEWHERE).await;
        let browser = known(&app, &clinic).await;
        // Here a password is enough, and the token claims no more (decision 4, N22).
        let (mut run, stage) = after_password(&browser, &clinic, MARIA, &[]).await;
        assert!(matches!(stage, StageView::Done { .. }), "{stage:?}");
        let back = run.back().await;
        let claims = id_token(&tokens(&mut run, &clinic, &back).await);
        assert_eq!((&claims["acr"], &claims["amr"]), (&"aal1".into(), &serde_json::json!(["pwd"])));

        assert!(!is_asked(&app, &browser.clone().at_ip(AROUND), &clinic).await, "the same /24");
        assert!(is_asked(&app, &browser.clone().at_ip(CAFE), &clinic).await);
        assert!(is_asked(&app, &app.browser().at_ip(HOME), &clinic).await, "another browser");
        let mut emptied = browser.clone();
        assert!(emptied.jar.remove("__Host-known").is_some());
        assert!(is_asked(&app, &emptied, &clinic).await, "cookies were deleted");
        let own = browser.jar["__Host-known"].clone();
        let (mark, secret) = own.split_once('.').unwrap();
        let made_up = format!("{mark}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        for forged in ["x", made_up.as_str(), secret, &format!("AAAAAAAA.{secret}")] {
            emptied.jar.insert("__Host-known".to_owned(), forged.to_owned());
            assert!(is_asked(&app, &emptied, &clinic).await, "f26: {forged}");
        }
        // What a request asks for needs no condition.
        let (_, stage) = after_password(&browser, &clinic, MARIA, &[("acr_values", "aal2")]).await;
        assert!(matches!(stage, StageView::Challenge { .. }), "{stage:?}");
        app.advance(31_000);
        app.drain().await;
        // Nothing that was asked and not answered made a place known.
        assert_eq!(app.count("known_places").await, 2);

        app.advance(30 * DAY);
        assert!(is_asked(&app, &browser, &clinic).await, "30 days");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_f18_a_known_browser_is_not_kept_waiting_by_others_in_its_network_and_waits_for_its_own_tries() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = asking(&app, ELSEWHERE).await;
        let browser = known(&app, &clinic).await;
        let locked = async |browser: &Browser, email: &str, password: &str| {
            let address = authorize(&clinic, &clinic.flow, &[("prompt", "login")]);
            let mut run = Run::at(browser.clone(), &address, Via::Json).await;
            let view = run.sign_in(email, password).await;
            let code = problem(&view, "email").or_else(|| problem(&view, "")).cloned();
            matches!(code, Some(ProblemCode::SignInLocked { .. }))
        };
        let neighbour = app.browser().at_ip(HOME);
        for email in [MARIA, NORA] {
            for _ in 0..6 {
                locked(&neighbour, email, "a wrong password").await;
            }
            assert!(locked(&neighbour, email, PASSWORD).await, "{email}");
        }
        // Hers is known; it is so for nobody else's account, and a made-up one is not.
        assert!(!locked(&browser, MARIA, PASSWORD).await);
        assert!(locked(&browser, NORA, PASSWORD).await);
        let mut forged = browser.clone();
        let (mark, _) = browser.jar["__Host-known"].split_once('.').unwrap();
        let made_up = format!("{mark}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        forged.jar.insert("__Host-known".to_owned(), made_up);
        assert!(locked(&forged, MARIA, PASSWORD).await);
        // It ends nobody else's wait, and is no way to guess on at full speed.
        assert!(locked(&neighbour, MARIA, PASSWORD).await);
        for _ in 0..5 {
            assert!(!locked(&browser, MARIA, "a wrong password").await);
        }
        assert!(locked(&browser, MARIA, PASSWORD).await);
        app.advance(31_000);
        assert!(!locked(&browser, MARIA, PASSWORD).await);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_who_signs_out_everywhere_else_leaves_no_browser_known() {
    let app = TestApp::new().await;
    let clinic = asking(&app, ELSEWHERE).await;
    let stolen = known(&app, &clinic).await;
    assert!(!is_asked(&app, &stolen, &clinic).await);
    let mut home = crate::account_factors::maria_at_home(&app, &clinic).await;
    let csrf = crate::account_factors::token(&mut home, &clinic).await;
    let path = lanyard_app::paths::account_end_sessions(clinic.tenant.domain.as_str());
    assert_eq!(home.post(&path, &[("csrf", &csrf)]).await.status, 303);
    app.advance(31_000);
    app.drain().await;
    assert!(is_asked(&app, &stolen, &clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_judged_for_each_account_and_enrol_who_has_no_factor() {
    let app = TestApp::new().await;
    let clinic = asking(&app, ELSEWHERE).await;
    let browser = known(&app, &clinic).await;
    // The browser and the network are known, but not for Tina and not for Nora.
    let (mut run, stage) = after_password(&browser, &clinic, TINA, &[]).await;
    assert!(matches!(stage, StageView::Challenge { .. }), "{stage:?}");
    let view = run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let (_, stage) = after_password(&run.browser, &clinic, NORA, &[]).await;
    assert!(matches!(stage, StageView::ConfirmEmail(_)), "{stage:?}");
    // A17: the secret is another one with each such sign-in. What Maria's browser had before opens nothing for
    // Tina, and each of them is known where both were.
    app.drain().await;
    let planted = &browser.jar["__Host-known"];
    assert_ne!(&run.browser.jar["__Host-known"], planted);
    let (_, stage) = after_password(&browser, &clinic, TINA, &[]).await;
    assert!(matches!(stage, StageView::Challenge { .. }), "who planted the cookie has nothing: {stage:?}");
    let (_, stage) = after_password(&run.browser, &clinic, TINA, &[]).await;
    assert!(matches!(stage, StageView::Done { .. }), "{stage:?}");
    let (_, stage) = after_password(&run.browser, &clinic, MARIA, &[]).await;
    assert!(matches!(stage, StageView::Done { .. }), "{stage:?}");
    // Nobody is told by the table who shares a browser: four rows, and no hash twice.
    let rows = app.rows(&["known_places"]).await;
    assert_eq!(rows.len(), 4, "{rows:?}");
    let secrets: Vec<&str> = run.browser.jar["__Host-known"].split(['.', '~']).collect();
    assert_eq!(secrets.len(), 4, "two marks, two secrets");
    let told = |row: &String| secrets.iter().any(|secret| row.contains(secret)) || row.contains("203.0.113");
    assert!(!rows.iter().any(told), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_alone_makes_nothing_known_by_whatever_flow() {
    let app = TestApp::new().await;
    let clinic = asking(&app, ELSEWHERE).await;
    // Another flow of the same tenant that never asks.
    let lax = world::flow(&app.app, &clinic.tenant, "B2C_1_lax", FlowType::SignIn, Enforcement::Off);
    link(&app, &clinic, &lax).await;
    let mut run = Run::at(app.browser().at_ip(HOME), &authorize(&clinic, &lax, &[]), Via::Form).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert_eq!((run.browser.jar.get("__Host-known"), app.count("known_places").await), (None, 0));
    assert!(is_asked(&app, &run.browser, &clinic).await);
    // Nor does its session lead into the flow that asks.
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(back.contains("error=interaction_required"), "{back}");
}

async fn link(app: &TestApp, clinic: &Clinic, flow: &UserFlow) {
    let (made, application) = (flow.clone(), clinic.application.id);
    let stored = app.app.store.write(move |tx| {
        Box::pin(async move {
            tx.create_flow(&made).await?;
            tx.link_flow(made.tenant, application, made.id).await
        })
    });
    stored.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_judged_for_single_sign_on_and_not_for_a_refresh() {
    let app = TestApp::new().await;
    let clinic = asking(&app, ELSEWHERE).await;
    let browser = known(&app, &clinic).await;
    let (mut run, _) = after_password(&browser, &clinic, MARIA, &[]).await;
    let back = run.back().await;
    let answer = tokens(&mut run, &clinic, &back).await;
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    let back = run.browser.get(&silent).await.location().unwrap();
    assert!(parameter(&back, "code").is_some(), "the session of a password, at home: {back}");
    let mut cafe = run.browser.clone().at_ip(CAFE);
    let back = cafe.get(&silent).await.location().unwrap();
    assert!(back.contains("error=interaction_required"), "{back}");
    let mut again = Run::at(cafe, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
    assert!(matches!(again.stage().await, StageView::SignIn { .. }));
    // The application's own server refreshes, from wherever it stands.
    let mut server = app.browser().at_ip([192, 0, 2, 1]);
    let token = answer["refresh_token"].as_str().unwrap();
    let renewed = refresh(&mut server, &clinic, &clinic.flow, token).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    // Until a second factor is always asked for.
    crate::policy::toggle(&app, &clinic.flow, Enforcement::AlwaysOn).await;
    let token = renewed.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&mut server, &clinic, &clinic.flow, &token).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_come_between_completion_and_the_way_back_were_not_judged() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
    asking(&app, ELSEWHERE).await;
    let page = run.browser.get(&lanyard_app::paths::journey_return(&run.id)).await;
    assert_eq!(page.refresh().and_then(|back| parameter(&back, "code")), None);
    assert_eq!(app.count("grants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_forgotten_with_the_sessions_and_when_it_is_old() {
    let app = TestApp::new().await;
    let clinic = asking(&app, Conditions { strong_days: None, ..ELSEWHERE }).await;
    let browser = known(&app, &clinic).await;
    assert!(!is_asked(&app, &browser, &clinic).await);
    // "This wasn't me", a new password and the like end every session, and with them every place.
    let (own, maria, now) = (app.app.clone(), clinic.maria, app.now());
    let ended = app.app.store.write(move |tx| {
        Box::pin(async move { lanyard_server::service::sign_out::end_all(&own, tx, maria, None, now).await })
    });
    ended.await.unwrap();
    assert_eq!(app.count("known_places").await, 0);
    assert!(is_asked(&app, &browser, &clinic).await);

    known(&app, &clinic).await;
    app.advance(KNOWN_LIFE - 60_000);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("known_places").await, 2, "not a moment too early");
    app.advance(120_000);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("known_places").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn o2_conditions_are_chosen_in_the_portal_and_one_is_needed() {
    let app = TestApp::new().await;
    let mut ann = boss(&app, "Ann").await;
    let clinic = app.world.plain.clone();
    let path = format!("/portal/{}/flows/{}", clinic.tenant.domain.as_str(), clinic.flow.name.key());
    let (page, action) = (format!("{path}/mfa?to=conditional"), format!("{path}/mfa"));
    let before = app.rows(&["user_flows", "audit"]).await;
    for (changes, says) in [
        (&[("when_new_browser", ""), ("when_days", "")][..], "Choose at least one condition"),
        (&[("when_days", "91")], "Enter a whole number from 1 to 90"),
    ] {
        let refused = save(&mut ann, &page, &action, changes).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says(says), "{}", refused.text());
    }
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
    let saved = save(&mut ann, &page, &action, &[("when_new_network", "true"), ("when_days", "")]).await;
    assert_eq!(saved.location(), Some(format!("{path}?done=saved")), "{}", saved.text());
    let shown = ann.get(&format!("{path}?done=saved")).await;
    assert!(shown.says("Under conditions") && shown.says("a new browser, a new network"), "{}", shown.text());
    // It acts at the next sign-in.
    assert!(is_asked(&app, &app.browser(), &clinic).await);
}
