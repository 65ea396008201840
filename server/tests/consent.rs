//! Consent to applications of somebody else (U29), and taking it back (A32).

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    user_flow::UserFlow,
};

use crate::{
    oidc::{change_flow, clinic_with, id_token, refused, tokens},
    support::{
        Clinic, Options, PASSWORD, Run, TestApp, Via,
        browser::parameter,
        journey::{authorize, refresh},
        world::NORA,
    },
};

async fn third_party(app: &TestApp) -> Clinic {
    clinic_with(app, |application| application.settings.third_party = true).await
}

async fn begin(app: &TestApp, clinic: &Clinic, more: &[(&str, &str)], via: Via) -> Run {
    Run::at(app.browser(), &authorize(clinic, &clinic.flow, more), via).await
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_no_code_and_no_session_before_the_person_allows_it() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = third_party(&app).await;
        let mut run = begin(&app, &clinic, &[], via).await;
        let before = app.durable().await;
        let view = run.sign_in(NORA, PASSWORD).await;
        let StageView::Consent { email, details, rights, host } = view.stage else { panic!("{view:?}") };
        assert_eq!(host.as_deref(), Some("app.example"), "where it leads, whatever it is called");
        assert_eq!(email, NORA);
        assert_eq!(details, ["Email address", "Given name", "Whether your account is new"]);
        assert_eq!(rights, ["Get these details again while you’re away"]);
        let page = run.page().await;
        assert!(
            page.says("Patient app") && page.says("app.example") && page.says("Allow") && page.says("Given name"),
            "{}",
            page.text()
        );
        // Nothing leads past it.
        let back = run.browser.get(&paths::journey_return(&run.id)).await;
        assert_eq!((back.refresh(), back.location()), (None, Some(paths::journey(&run.id))));
        for event in ["submit-code", "go-sign-in", "resend"] {
            run.act(event, &[("code", "123456")]).await;
        }
        assert_eq!(app.durable().await, before);
        assert_eq!(app.count("consents").await, 0);
        let view = run.act("agree", &[]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        run.code().await;
        assert_eq!(app.audited(clinic.tenant.id, Action::ConsentGiven, Outcome::Success).await, 1);
        // The next time nobody is asked.
        let mut again = begin(&app, &clinic, &[], via).await;
        assert!(matches!(again.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
        again.code().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_whoever_cancels_gives_nothing() {
    let app = TestApp::new().await;
    let clinic = third_party(&app).await;
    let mut run = begin(&app, &clinic, &[], Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.act("cancel", &[]).await;
    let back = run.back().await;
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"), "{back}");
    assert!(parameter(&back, "error_description").unwrap().starts_with("AADB2C90091: "), "{back}");
    assert_eq!((app.count("consents").await, app.count("sessions").await, app.count("grants").await), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_the_tenants_own_applications_show_no_such_page() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = begin(&app, &clinic, &[], Via::Form).await;
    assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Done { .. }));
    run.code().await;
    assert_eq!(app.count("consents").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_prompt_none_says_consent_required_until_it_is_given_and_when_more_is_asked() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // Signed in while the application was the tenant's own.
    let mut run = begin(&app, &clinic, &[("scope", "openid")], Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.code().await;
    let clinic = third_party(&app).await;
    let silent = |scope: &'static str| authorize(&clinic, &clinic.flow, &[("prompt", "none"), ("scope", scope)]);
    let before = app.rows(&["grants", "sessions"]).await;
    let page = run.browser.get(&silent("openid")).await;
    assert_eq!(refused(&page, &clinic).0, "consent_required");
    assert_eq!(app.rows(&["grants", "sessions"]).await, before);
    // The session leads straight to the question.
    let mut asked = Run::at(run.browser, &authorize(&clinic, &clinic.flow, &[("scope", "openid")]), Via::Form).await;
    assert!(matches!(asked.stage().await, StageView::Consent { .. }));
    asked.act("agree", &[]).await;
    asked.code().await;
    let back = asked.browser.get(&silent("openid")).await.location().unwrap();
    assert!(parameter(&back, "code").is_some(), "{back}");
    // More: by the request, and by the flow.
    let page = asked.browser.get(&silent("openid offline_access")).await;
    assert_eq!(refused(&page, &clinic).0, "consent_required");
    change_flow(&app, &clinic.flow, |settings| settings.claims.push("country".to_owned())).await;
    let page = asked.browser.get(&silent("openid")).await;
    assert_eq!(refused(&page, &clinic).0, "consent_required");
    // `prompt=consent` asks even about what was agreed to.
    let again = authorize(&clinic, &clinic.flow, &[("scope", "openid"), ("prompt", "consent")]);
    let mut again = Run::at(asked.browser, &again, Via::Form).await;
    assert!(matches!(again.stage().await, StageView::Consent { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a32_access_that_is_removed_ends_consent_and_refresh_at_once() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = third_party(&app).await;
        let mut run = begin(&app, &clinic, &[], Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.act("agree", &[]).await;
        let back = run.back().await;
        let answer = tokens(&mut run, &clinic, &back).await;
        let token = answer["refresh_token"].as_str().unwrap().to_owned();

        let domain = clinic.tenant.domain.as_str();
        let mut own = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
        own.sign_in(NORA, PASSWORD).await;
        assert_eq!(own.back().await, paths::account(domain));
        let page = own.browser.get(&paths::account(domain)).await;
        for said in ["Apps with access", "Patient app", "Remove access", "Given name", "while you’re away"] {
            assert!(page.says(said), "{said}: {}", page.text());
        }
        let (csrf, id) = (page.csrf().unwrap(), clinic.application.id.to_string());
        let remove = paths::account_remove_access(domain);
        // Not without the token of the form, and not what there is not.
        let before = app.rows(&["consents", "grants", "sessions"]).await;
        let forged = own.browser.post(&remove, &[("application", &id), ("csrf", "x")]).await;
        assert_eq!(forged.status, 403);
        for odd in ["", "x", &clinic.flow.id.to_string()] {
            assert_eq!(own.browser.post(&remove, &[("application", odd), ("csrf", &csrf)]).await.status, 404, "{odd}");
        }
        assert_eq!(app.rows(&["consents", "grants", "sessions"]).await, before);
        let done = own.browser.post(&remove, &[("application", &id), ("csrf", &csrf)]).await;
        assert_eq!(done.status, 303, "{}", done.text());
        assert!(own.browser.get(&done.location().unwrap()).await.says("Access removed"));
        assert_eq!(app.count("consents").await, 0);
        let refused = refresh(&mut run.browser, &clinic, &clinic.flow, &token).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json::<serde_json::Value>()["error"].as_str().unwrap()),
            (400, "invalid_grant")
        );
        assert_eq!(app.audited(clinic.tenant.id, Action::ConsentWithdrawn, Outcome::Success).await, 1);
        assert_eq!(own.browser.post(&remove, &[("application", &id), ("csrf", &csrf)]).await.status, 404, "once");
        // The session stands, and the person is asked anew.
        let again = Run::at(run.browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await.stage().await;
        assert!(matches!(again, StageView::Consent { .. }), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a32_a_consent_taken_back_before_the_way_back_leads_to_no_code() {
    let app = TestApp::new().await;
    let clinic = third_party(&app).await;
    let mut run = begin(&app, &clinic, &[], Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.act("agree", &[]).await;
    let (nora, application) = (clinic.nora, clinic.application.id);
    let gone = app.app.store.write(move |tx| Box::pin(async move { tx.delete_consent(nora, application).await }));
    assert!(gone.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}")));
    let page = run.browser.get(&paths::journey_return(&run.id)).await;
    assert_eq!(page.refresh(), None, "{}", page.text());
    assert_eq!(app.count("grants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_a_third_party_gets_what_was_agreed_to_and_no_more_at_refresh_and_userinfo() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = third_party(&app).await;
        let flow = selecting(&app, &clinic, &["given_name", "country"]).await;
        let wish = r#"{"id_token":{"email":null,"address":null},"userinfo":{"email":null}}"#;
        let mut run = begin(&app, &clinic, &[("claims", wish)], Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.act("agree", &[]).await;
        let back = run.back().await;
        let first = tokens(&mut run, &clinic, &back).await;
        let told = id_token(&first);
        assert!(told["given_name"].is_string(), "{told}");
        for hidden in ["email", "emails", "family_name"] {
            assert!(told.get(hidden).is_none(), "asked by name, but not selected by the flow: {told}");
        }
        // The flow selects more by now; nobody was asked about that.
        let more = ["given_name", "family_name", "emails", "country"];
        change_flow(&app, &flow, |settings| settings.claims = more.map(str::to_owned).to_vec()).await;
        let token = first["refresh_token"].as_str().unwrap();
        let next = refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
        assert_eq!(next.status, 200, "{}", next.text());
        let next: serde_json::Value = next.json();
        let userinfo = format!("{}/openid/v2.0/userinfo", crate::support::journey::place(&clinic, &clinic.flow));
        let mut client = app.browser();
        client.extra = vec![("authorization", format!("Bearer {}", next["access_token"].as_str().unwrap()))];
        let info: serde_json::Value = client.get(&userinfo).await.json();
        for told in [id_token(&next), info] {
            assert!(told["given_name"].is_string(), "{told}");
            for hidden in ["family_name", "emails"] {
                assert!(told.get(hidden).is_none(), "{hidden}: {told}");
            }
        }
        // Asked anew, the person agrees to it all.
        let mut again = Run::at(run.browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
        assert!(matches!(again.stage().await, StageView::Consent { .. }));
        again.act("agree", &[]).await;
        let back = again.back().await;
        let all = id_token(&tokens(&mut again, &clinic, &back).await);
        assert!(all["family_name"].is_string() && all["emails"].is_array(), "{all}");
        let info: serde_json::Value = client.get(&userinfo).await.json();
        assert!(info["family_name"].is_string(), "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_in_the_front_channel_a_third_party_is_told_no_more_than_was_agreed_to() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| {
        application.settings.third_party = true;
        application.settings.hybrid = true;
    })
    .await;
    let flow = selecting(&app, &clinic, &["given_name"]).await;
    let hybrid = [("response_type", "code id_token"), ("response_mode", "fragment")];
    let mut run = begin(&app, &clinic, &hybrid, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.act("agree", &[]).await;
    // Between the answer and the way back the flow comes to select more.
    change_flow(&app, &flow, |settings| settings.claims = vec!["given_name".to_owned(), "family_name".to_owned()])
        .await;
    // Then there is no way back: nothing is told, and whoever starts again is asked about it all.
    let answer = run.browser.get(&paths::journey_return(&run.id)).await;
    assert_eq!((answer.refresh(), answer.location()), (None, Some(paths::journey(&run.id))));
    assert_eq!(app.count("grants").await, 0);
    let stage = run.stage().await;
    let StageView::Over { start_again: Some(again), .. } = stage else { panic!("over: {stage:?}") };
    let mut run = Run::at(run.browser, &again, Via::Form).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    let StageView::Consent { details, .. } = view.stage else { panic!("asked anew: {view:?}") };
    assert!(details.iter().any(|detail| detail == "Surname"), "{details:?}");
    run.act("agree", &[]).await;
    let back = run.back().await;
    let told = id_token(&serde_json::json!({"id_token": parameter(&back, "id_token").unwrap()}));
    assert!(told["given_name"].is_string() && told["family_name"].is_string(), "{told}");
}

// Lets the flow select these claims; the flow as it is then.
async fn selecting(app: &TestApp, clinic: &Clinic, claims: &[&str]) -> UserFlow {
    change_flow(app, &clinic.flow, |settings| settings.claims = claims.iter().map(|it| (*it).to_owned()).collect())
        .await;
    let (tenant, id) = (clinic.tenant.id, clinic.flow.id);
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.flow_by_id(tenant, id).await })).await;
    found.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}")).unwrap()
}
