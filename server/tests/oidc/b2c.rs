//! What clients written for Azure AD B2C take apart (`wire.md`, table of errors).

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::audit::{Action, Outcome};

use super::*;

// `AADB2C…: text`, then the two lines with the correlation id and the time.
fn assert_b2c(description: &str, code: &str) {
    let lines: Vec<&str> = description.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "{description:?}");
    assert!(lines[0].starts_with(&format!("{code}: ")), "{description:?}");
    assert!(uuid::Uuid::try_parse(lines[1].strip_prefix("Correlation ID: ").unwrap()).is_ok(), "{description:?}");
    assert_eq!(lines[2], "Timestamp: 2026-09-02 15:20:00Z");
    assert_eq!(lines[3], "");
    for word in ["interaction_required", "consent_required", "login_required", "bad_token"] {
        assert!(!description.contains(word), "MSAL searches for {word}: {description}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_is_told_as_aadb2c90091() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    for via in Via::BOTH {
        let mut run = Run::begin(&app, &clinic, via).await;
        assert!(matches!(run.act("cancel", &[]).await.stage, StageView::Done { .. }));
        let back = run.back().await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
        assert_b2c(&parameter(&back, "error_description").unwrap(), "AADB2C90091");
        assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
        assert_eq!(parameter(&back, "iss"), Some(issuer(&clinic)));
    }
    assert_eq!(app.rows(&["grants", "sessions"]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_told_as_aadb2c90118_where_the_application_handles_it() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| application.settings.handles_password_reset = true).await;
    for via in Via::BOTH {
        let mut run = Run::begin(&app, &clinic, via).await;
        assert!(run.page().await.says("Forgot your password?"), "the page is the same");
        assert!(matches!(run.act("go-forgot-password", &[]).await.stage, StageView::Done { .. }));
        let back = run.back().await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
        assert_b2c(&parameter(&back, "error_description").unwrap(), "AADB2C90118");
        assert_eq!(parameter(&back, "state").as_deref(), Some("st=a|te"));
        assert_eq!(parameter(&back, "iss"), Some(issuer(&clinic)));
        // It is over: the old page takes no password any more.
        run.sign_in(NORA, PASSWORD).await;
        assert!(matches!(run.stage().await, StageView::Done { .. } | StageView::Over { .. }));
    }
    assert_eq!(app.rows(&["grants", "sessions"]).await, Vec::<String>::new());
    assert_eq!(app.audited(clinic.tenant.id, Action::JourneyCancelled, Outcome::Success).await, 2);
    // The reset flow of the same application asks for the address, as ever.
    let reset = authorize(&clinic, &clinic.reset, &[]);
    let mut run = Run::at(app.browser(), &reset, Via::Form).await;
    assert!(matches!(run.stage().await, StageView::ResetEmail { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_stays_here_where_the_application_does_not_handle_it() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    assert!(matches!(run.act("go-forgot-password", &[]).await.stage, StageView::ResetEmail { .. }));
    let csrf = run.view().await.csrf;
    let forged = run.post("leave-for-reset", &csrf, &[]).await;
    assert_eq!(forged.status, 404, "no event that a form could name");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_and_an_unknown_reply_url_are_pages_with_their_codes() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let unknown = "018f0000-0000-7000-8000-000000000000";
    for (more, code) in [
        (("client_id", unknown), "AADB2C90018"),
        (("client_id", ""), "AADB2C90008"),
        (("redirect_uri", "https://app.example/other"), "AADB2C90006"),
    ] {
        for prompt in ["", "none"] {
            let page = app.browser().get(&authorize(&clinic, &clinic.flow, &[more, ("prompt", prompt)])).await;
            assert_eq!((page.status.as_u16(), page.location(), page.refresh()), (400, None, None), "{more:?}");
            assert!(page.says(code), "{more:?}: {}", page.text());
        }
    }
    assert_eq!(app.rows(&UNTOUCHED).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn start_again_repeats_the_request_as_it_was() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| application.settings.hybrid = true).await;
    let more = [
        ("response_type", "code id_token"),
        ("response_mode", "form_post"),
        ("acr_values", "aal2"),
        ("claims", r#"{"userinfo":{"name":null}}"#),
        ("prompt", "create"),
    ];
    let run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &more), Via::Form).await;
    // Another browser: the page says so and offers to begin anew.
    let mut other = app.browser();
    let view: lanyard_app::api::journey::JourneyView = other.get(&paths::api_journey(&run.id)).await.json();
    let StageView::Over { start_again: Some(address), .. } = view.stage else { panic!("{view:?}") };
    let mut again = Run::at(other, &address, Via::Form).await;
    assert!(matches!(again.stage().await, StageView::SignUpEmail));
    let requests: Vec<String> = app.rows(&["journeys"]).await;
    let request = |row: &String| {
        let (_, rest) = row.split_once("\"target\":").unwrap();
        rest.split_once("\"browser\"").unwrap().0.to_owned()
    };
    assert_eq!(request(&requests[0]), request(&requests[1]));
}
