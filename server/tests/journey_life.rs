//! The bounds of a journey: used once, in the browser that began it, for an hour; and what has no
//! page at all.

use lanyard_app::{
    api::journey::{OverReason, StageView},
    paths,
};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
    secret::Token,
};
use lanyard_server::http::csrf;

use crate::support::{
    PASSWORD, Run, TestApp, Via,
    world::{MARIA, NORA, PHONE},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_is_used_once() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    let grants = app.rows(&["grants", "sessions"]).await;
    for _ in 0..2 {
        let again = run.browser.get(&paths::journey_return(&run.id)).await;
        assert_eq!(again.refresh(), None);
        assert_eq!(app.rows(&["grants", "sessions"]).await, grants, "no second code");
    }
    let page = run.page().await;
    // The cookie went with the end of the journey: the page says the same as to any other browser.
    assert_eq!(page.status, 410);
    assert!(matches!(
        run.stage().await,
        StageView::Over { reason: OverReason::OtherBrowser | OverReason::Used, start_again: Some(_) }
    ));
    assert!(page.says(&format!("/{}/", clinic.tenant.domain.as_str())), "a link to start afresh: {}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_used_twice_in_its_own_browser_says_so() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Json).await;
    run.sign_in(NORA, PASSWORD).await;
    let jar = run.browser.jar.clone();
    run.code().await;
    run.browser.jar = jar;
    let before = app.durable().await;
    assert!(matches!(run.stage().await, StageView::Over { reason: OverReason::Used, start_again: Some(_) }));
    assert_eq!(run.page().await.status, 410);
    let view = run.sign_in(NORA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Over { reason: OverReason::Used, .. }), "{view:?}");
    assert_eq!(app.durable().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_stays_in_the_browser_that_began_it() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    let csrf = run.view().await.csrf;
    let code = app.code(PHONE).await;
    let journeys = app.rows(&["journeys"]).await;
    // Another browser, with no cookie and with a cookie of a journey of its own.
    let strangers = [app.browser(), Run::begin(&app, &app.world.plain, Via::Form).await.browser];
    let journeys_now = app.count("journeys").await;
    assert_eq!(journeys_now, journeys.len() + 1);
    for (mut stranger, refused) in strangers.into_iter().zip([303, 403]) {
        for via in Via::BOTH {
            let mut theirs = Run { browser: stranger.clone(), id: run.id.clone(), via, codes: false };
            let view = theirs.view().await;
            assert!(
                matches!(view.stage, StageView::Over { reason: OverReason::OtherBrowser, start_again: Some(_) }),
                "{view:?}"
            );
            assert!(view.csrf.is_empty() && view.values.is_empty() && view.application.is_none());
            let answer = theirs.post("submit-code", &csrf, &[("code", &code)]).await;
            let expected = if via == Via::Json && refused == 303 { 200 } else { refused };
            assert_eq!(answer.status, expected, "{}", answer.text());
            let back = theirs.browser.get(&paths::journey_return(&run.id)).await;
            assert_eq!(back.refresh(), None);
        }
        // Who holds a cookie can work out the token that fits it: the journey's own browser decides.
        if let Some(cookie) = stranger.jar.get("__Host-journey").and_then(|value| Token::parse(value)) {
            let own = csrf::token(&cookie, &run.id);
            for via in Via::BOTH {
                let mut theirs = Run { browser: stranger.clone(), id: run.id.clone(), via, codes: false };
                let answer = theirs.post("submit-code", &own, &[("code", &code)]).await;
                assert!(!answer.status.is_server_error());
                assert!(!answer.headers.contains_key("set-cookie"), "{via:?}: a session in another browser");
                assert_eq!(app.count("sessions").await, 0, "{via:?}");
            }
        }
        let page = stranger.get(&paths::journey(&run.id)).await;
        assert_eq!(page.status, 410);
        assert!(!page.says(MARIA) && !page.says("123"), "{}", page.text());
    }
    assert_eq!(app.count("sessions").await, 0);
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "its own browser goes on: {view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_lives_an_hour() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let mut young = Run::begin(&app, &app.world.plain, via).await;
        app.advance(59 * MINUTE);
        assert!(matches!(young.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));

        let mut old = Run::begin(&app, &app.world.plain, via).await;
        app.advance(60 * MINUTE + SECOND);
        let before = app.durable().await;
        let view = old.sign_in(NORA, PASSWORD).await;
        assert!(
            matches!(view.stage, StageView::Over { reason: OverReason::Expired, start_again: Some(_) }),
            "{view:?}"
        );
        assert_eq!(old.page().await.status, 410);
        assert_eq!(app.durable().await, before);
        // Finished in time, but taken too late.
        let late = young.browser.get(&paths::journey_return(&young.id)).await;
        assert_eq!(late.refresh(), None);
        assert_eq!(app.durable().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_tells_the_application_and_makes_nothing() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.act("cancel", &[]).await;
    let back = run.back().await;
    assert!(back.starts_with("https://app.example/callback?") && back.contains("error=access_denied"), "{back}");
    assert!(back.contains("AADB2C90091") && back.contains("state=st%3Da%7Cte"), "{back}");
    assert_eq!(app.durable().await, before);
    let cancelled = app.audited(app.world.mfa.tenant.id, Action::JourneyCancelled, Outcome::Success).await;
    assert!(cancelled <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_tenant_flow_or_journey_is_a_404_page() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    let mut browser = app.browser();
    let known = app.world.mfa.tenant.domain.as_str().to_owned();
    for place in [
        format!("/{known}/B2C_1_other"),
        "/nowhere.example/B2C_1_susi".to_owned(),
        "/00000000-0000-0000-0000-000000000001/B2C_1_susi".to_owned(),
        // Built-in flows have no protocol endpoints.
        format!("/{known}/staff"),
        format!("/{known}/account"),
        "/lanyard.system/operators".to_owned(),
    ] {
        for end in
            ["/oauth2/v2.0/authorize?client_id=x", "/v2.0/.well-known/openid-configuration", "/discovery/v2.0/keys"]
        {
            let page = browser.get(&format!("{place}{end}")).await;
            assert_eq!(page.status, 404, "{place}{end}");
            assert!(page.header("content-type").unwrap().starts_with("text/html"), "{place}{end}");
        }
        assert_eq!(browser.post_bare(&format!("{place}/oauth2/v2.0/token"), &[("a", "b")]).await.status, 404);
    }
    for path in [
        "/journey/x",
        "/journey/018f0000-0000-7000-8000-000000000000",
        "/clinic/nowhere.example",
        "/account/x.example",
        "/nothing",
    ] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(app.durable().await, before);
    assert_eq!(app.count("journeys").await, 0);
}
