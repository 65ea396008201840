//! `POST /authorize` and `response_mode=form_post` (`oidcc-formpost-basic-certification-test-plan`).

use axum::{
    body::Body,
    http::{Method, Request},
};

use super::*;
use crate::support::world::REPLY;

const FORM: (&str, &str) = ("response_mode", "form_post");

// The form's target and the values that it carries; nothing stands in a query or fragment.
fn assert_form(page: &Page) {
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!((page.location(), page.refresh()), (None, None));
    assert!(page.says(&format!("action=\"{REPLY}\"")), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action https://app.example") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(page.says("data-submit-at-once") && page.says("src=\"/pkg/form-post."), "it goes on by itself");
    assert!(page.says(">Continue<"), "and by a button, without scripting");
}

async fn returned(run: &mut Run) -> Page {
    run.browser.get(&lanyard_app::paths::journey_return(&run.id)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn formpost_oidcc_server() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let state = "\"><script>alert(1)</script>&|=";
    let address = authorize(&clinic, &clinic.flow, &[FORM, ("state", state)]);
    let mut run = Run::at(app.browser(), &address, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let page = returned(&mut run).await;
    assert_form(&page);
    assert!(!page.says("<script>alert"), "escaped");
    assert_eq!(page.hidden("iss"), Some(issuer(&clinic)));
    let code = page.hidden("code").unwrap();
    let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The script that the page names is there.
    let form = page.text();
    let (_, script) = form.split_once("src=\"/pkg/form-post.").unwrap();
    let script = app.browser().get(&format!("/pkg/form-post.{}", script.split('"').next().unwrap())).await;
    assert_eq!(script.header("content-type").unwrap(), "text/javascript; charset=utf-8");
    assert!(script.says("submit()"));
}

#[tokio::test(flavor = "multi_thread")]
async fn formpost_oidcc_prompt_none_logged_in_and_not_logged_in() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let silent = authorize(&clinic, &clinic.flow, &[FORM, ("prompt", "none")]);
    let page = app.browser().get(&silent).await;
    assert_form(&page);
    assert_eq!((page.hidden("error").as_deref(), page.hidden("code")), (Some("interaction_required"), None));
    assert_eq!(page.hidden("state").as_deref(), Some("st=a|te"));
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    let page = run.browser.get(&silent).await;
    assert_form(&page);
    assert!(page.hidden("code").is_some() && page.hidden("error").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn formpost_errors_and_cancel_travel_by_form() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[FORM, ("scope", "email")])).await;
    assert_form(&page);
    assert_eq!(page.hidden("error").as_deref(), Some("invalid_scope"));
    assert_eq!(page.hidden("iss"), Some(issuer(&clinic)));
    let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[FORM]), Via::Form).await;
    run.act("cancel", &[]).await;
    let page = returned(&mut run).await;
    assert_form(&page);
    assert_eq!(page.hidden("error").as_deref(), Some("access_denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn formpost_code_id_token_as_classic_b2c_web_apps_ask_for_it() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| application.settings.hybrid = true).await;
    let address = authorize(&clinic, &clinic.flow, &[FORM, ("response_type", "code id_token")]);
    let mut run = Run::at(app.browser(), &address, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let page = returned(&mut run).await;
    assert_form(&page);
    let token = claims(&page.hidden("id_token").unwrap());
    assert_eq!((&token["nonce"], token["c_hash"].is_string()), (&"n-1".into(), true));
    assert!(page.hidden("code").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ensure_post_request_succeeds() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let address = authorize(&clinic, &clinic.flow, &[]);
    let (path, form) = address.split_once('?').unwrap();
    let by_query = format!("/{}/oauth2/v2.0/authorize?p=B2C_1_SUSI", clinic.tenant.domain.as_str());
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    for to in [path, &path.to_uppercase(), &format!("/tfp{path}"), &by_query] {
        // As another site's form posts it: a cookie with SameSite=None comes along.
        let request = Request::post(to)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "https://app.example")
            .header("sec-fetch-site", "cross-site");
        let page = app.browser().send(request.body(Body::from(form.to_owned())).unwrap()).await;
        assert_eq!(page.status, 303, "never 307: {to}: {}", page.text());
        assert!(page.location().unwrap().starts_with("/journey/"), "{to}");
        let request = Request::post(to).header("content-type", "application/x-www-form-urlencoded");
        let silent = run.browser.send(request.body(Body::from(format!("{form}&prompt=none"))).unwrap()).await;
        assert_eq!(silent.status, 303, "{to}");
        assert!(parameter(&silent.location().unwrap(), "code").is_some(), "{to}");
    }
    // No form, or parameters that are none: 4xx, and nothing happens.
    let before = app.rows(&UNTOUCHED).await;
    for (kind, body) in [("application/json", "{}"), ("application/x-www-form-urlencoded", "client_id=%zz")] {
        let page = app.browser().post_raw(path, Method::POST, kind, body).await;
        assert!(page.status.is_client_error() && page.location().is_none(), "{kind}: {}", page.status);
    }
    assert_eq!(app.rows(&UNTOUCHED).await, before);
}
