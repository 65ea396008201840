//! Where texts and calls go (A14): a tenant's countries, in the portal and before anything is sent.

use lanyard_app::api::journey::{Delivery, ProblemCode, StageView};
use lanyard_domain::{clock::SECOND, phone::PhoneCountries};
use lanyard_storage::StorageError;

use crate::support::{
    Clinic, Options, PASSWORD, Run, TestApp, Via, problem,
    world::{MARIA, PHONE, TINA},
};

// Behind everybody's back, as another server does.
async fn serve_only(app: &TestApp, clinic: &Clinic, codes: &[&str]) {
    let tenant = clinic.tenant.id;
    let wanted = PhoneCountries::only(codes.iter().map(|code| (*code).to_owned()));
    let set = app.app.store.write(move |tx| {
        Box::pin(async move {
            let now = tx.tenant_by_id(tenant).await?.unwrap().phone_countries;
            tx.set_phone_countries(tenant, &now, &wanted).await
        })
    });
    set.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_u17_a_number_of_another_country_is_refused_at_the_field_and_gets_nothing() {
    for options in [Options::default, Options::postgres] {
        for via in Via::BOTH {
            let app = TestApp::with(options()).await;
            let clinic = app.world.mfa.clone();
            serve_only(&app, &clinic, &["CA", "GB"]).await;
            let mut run = Run::begin(&app, &clinic, via).await;
            run.sign_up(&app, "ada@new.example", PASSWORD).await;
            run.act("choose-method", &[("method", "text_message")]).await;
            let before = app.rows(&["outbox", "sends", "throttles", "factors"]).await;
            for (phone, country) in [
                ("(206) 555-0166", "US"),
                // The country that is chosen is for national forms: the number itself counts.
                ("+1 206 555 0166", "CA"),
                ("+1 809 555 0142", "CA"),
                ("+49 30 901820", "GB"),
                ("+881 6 1234 5678", "GB"),
            ] {
                for method in ["text_message", "phone_call"] {
                    let fields = [("phone", phone), ("country", country), ("method", method)];
                    let view = run.act("enter-phone", &fields).await;
                    let said = problem(&view, "phone");
                    assert!(
                        matches!(said, Some(ProblemCode::PhoneUnserved | ProblemCode::PhoneInvalid)),
                        "{phone}: {said:?}"
                    );
                    assert!(matches!(view.stage, StageView::EnrolPhone { .. }), "{view:?}");
                }
            }
            assert_eq!(app.rows(&["outbox", "sends", "throttles", "factors"]).await, before);
            if via == Via::Form {
                run.act("enter-phone", &[("phone", "+1 206 555 0166"), ("country", "US"), ("method", "text_message")])
                    .await;
                let page = run.page().await;
                assert!(page.says("We don’t send codes to phones in this country."), "{}", page.text());
            }
            let fields = [("phone", "(416) 555-0142"), ("country", "CA"), ("method", "text_message")];
            let view = run.act("enter-phone", &fields).await;
            assert!(matches!(view.stage, StageView::EnrolPhoneCode { .. }), "{view:?}");
            // The list is narrowed meanwhile: not even the number that waits for its code gets another.
            let code = app.code("+14165550142").await;
            serve_only(&app, &clinic, &["GB"]).await;
            app.advance(31 * SECOND);
            let view = run.act("resend", &[]).await;
            assert_eq!(problem(&view, ""), Some(&ProblemCode::PhoneUnserved), "{view:?}");
            assert_eq!(app.messages("+14165550142").await, 1);
            let view = run.act("submit-code", &[("code", &code)]).await;
            assert!(matches!(view.stage, StageView::Done { .. }), "what was sent counts: {view:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_u19_a_bound_phone_of_another_country_gets_no_code_and_the_page_says_so() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let clinic = app.world.mfa.clone();
        serve_only(&app, &clinic, &["CA"]).await;
        let before = app.rows(&["outbox", "sends", "throttles"]).await;
        let mut run = Run::begin(&app, &clinic, Via::Json).await;
        let view = run.sign_in(MARIA, PASSWORD).await;
        let StageView::Challenge { code: Some(code), .. } = &view.stage else { panic!("{view:?}") };
        assert_eq!(code.delivery, Delivery::Failed);
        for (event, fields) in [("resend", &[][..]), ("choose-method", &[("method", "phone_call")])] {
            let view = run.act(event, fields).await;
            assert_eq!(problem(&view, ""), Some(&ProblemCode::PhoneUnserved), "{event}: {view:?}");
        }
        assert_eq!(app.rows(&["outbox", "sends", "throttles"]).await, before);
        // Who has an app is not concerned, and the next change acts at the next request.
        let mut other = Run::begin(&app, &clinic, Via::Json).await;
        assert!(matches!(other.sign_in(TINA, PASSWORD).await.stage, StageView::Challenge { code: None, .. }));
        serve_only(&app, &clinic, &[]).await;
        let view = run.act("resend", &[]).await;
        assert!(view.problems.is_empty(), "{view:?}");
        let code = app.code(PHONE).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    }
}
