//! What a flow's session settings do: scope, life, "Keep me signed in";
//! sessions that a person ends; what a first factor ends.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    application::{Application, ApplicationKind, Minimum},
    audit::{Action, Outcome},
    clock::{DAY, MINUTE},
    user_flow::{Enforcement, FlowType, SessionScope},
};
use lanyard_storage::StorageError;

use crate::{
    oidc::{change_application, change_flow, signed_in, tokens},
    support::{
        Clinic, Options, PASSWORD, Run, TestApp, Via,
        browser::parameter,
        journey::{authorize, place, with_tokens},
        world::{self, MARIA, NORA, PHONE},
    },
};

/// A second application and a second flow of the clinic, linked to each other and to the first.
async fn another(app: &TestApp, clinic: &Clinic) -> (Application, Clinic) {
    let application = world::application(&app.app, &clinic.tenant, "Second app", ApplicationKind::SinglePage);
    let flow = world::flow(&app.app, &clinic.tenant, "B2C_1_second", FlowType::SignIn, Enforcement::Off);
    let (tenant, first, first_flow) = (clinic.tenant.id, clinic.application.id, clinic.flow.id);
    let (made, new_flow) = (application.clone(), flow.clone());
    app.app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_flow(&new_flow).await?;
                tx.create_application(&made).await?;
                for (application, flow) in [(made.id, first_flow), (made.id, new_flow.id), (first, new_flow.id)] {
                    tx.link_flow(tenant, application, flow).await?;
                }
                Ok::<_, StorageError>(())
            })
        })
        .await
        .unwrap();
    (application, Clinic { flow, ..clinic.clone() })
}

#[tokio::test(flavor = "multi_thread")]
async fn sso_a_session_is_shared_within_its_scope_and_no_further() {
    for (scope, [same, other_application, other_flow]) in [
        (SessionScope::Tenant, [true, true, true]),
        (SessionScope::Application, [true, false, true]),
        (SessionScope::Flow, [true, true, false]),
        (SessionScope::None, [false, false, false]),
    ] {
        let app = TestApp::new().await;
        let clinic = app.world.plain.clone();
        let (second, elsewhere) = another(&app, &clinic).await;
        change_flow(&app, &clinic.flow, |settings| settings.session.scope = scope).await;
        let (mut run, _) = signed_in(&app, &clinic, &[]).await;
        let id = second.id.to_string();
        let silent = ("prompt", "none");
        for (address, shared) in [
            (authorize(&clinic, &clinic.flow, &[silent]), same),
            (authorize(&clinic, &clinic.flow, &[silent, ("client_id", &id)]), other_application),
            (authorize(&elsewhere, &elsewhere.flow, &[silent]), other_flow),
        ] {
            let back = run.browser.get(&address).await.location().unwrap();
            assert_eq!(parameter(&back, "code").is_some(), shared, "{scope:?} {address}: {back}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_the_flow_says_how_long_a_session_lives_and_whether_use_renews_it() {
    for (rolling, alive) in [(false, false), (true, true)] {
        let app = TestApp::new().await;
        let clinic = app.world.plain.clone();
        change_flow(&app, &clinic.flow, |settings| {
            (settings.session.minutes, settings.session.rolling) = (30, rolling);
        })
        .await;
        let (mut run, _) = signed_in(&app, &clinic, &[]).await;
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        app.advance(20 * MINUTE);
        let back = run.browser.get(&silent).await.location().unwrap();
        assert!(parameter(&back, "code").is_some(), "{back}");
        app.advance(20 * MINUTE);
        let back = run.browser.get(&silent).await.location().unwrap();
        assert_eq!(parameter(&back, "code").is_some(), alive, "rolling {rolling}: {back}");
        app.advance(31 * MINUTE);
        let back = run.browser.get(&silent).await.location().unwrap();
        assert!(parameter(&back, "error").is_some(), "not used for its whole life: {back}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_me_signed_in_keeps_the_cookie_and_the_session_for_the_days_of_the_flow() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let clinic = app.world.plain.clone();
        let cookie = |page: &crate::support::Page| {
            page.headers
                .get_all("set-cookie")
                .iter()
                .map(|line| line.to_str().unwrap().to_owned())
                .find(|line| line.starts_with("__Host-sso"))
                .unwrap()
        };
        let sign_in = [("email", NORA), ("password", PASSWORD), ("keep", "true")];
        // Not offered: an edited form asks in vain.
        let mut run = Run::begin(&app, &clinic, via).await;
        assert!(!run.page().await.says("Keep me signed in"));
        let csrf = run.view().await.csrf;
        let answer = run.post("sign-in", &csrf, &sign_in).await;
        assert!(!cookie(&answer).contains("Max-Age"));
        change_flow(&app, &clinic.flow, |settings| settings.session.keep_days = Some(14)).await;
        // Offered and not ticked.
        let mut run = Run::begin(&app, &clinic, via).await;
        assert!(run.page().await.says("Keep me signed in"));
        let csrf = run.view().await.csrf;
        let answer = run.post("sign-in", &csrf, &sign_in[..2]).await;
        assert!(!cookie(&answer).contains("Max-Age"));
        // Ticked.
        let mut run = Run::begin(&app, &clinic, via).await;
        let csrf = run.view().await.csrf;
        let answer = run.post("sign-in", &csrf, &sign_in).await;
        assert!(cookie(&answer).ends_with("; Max-Age=1209600"), "{}", cookie(&answer));
        run.code().await;
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        app.advance(14 * DAY - 1);
        assert!(run.browser.get(&silent).await.location().unwrap().contains("code="));
        app.advance(1);
        assert!(run.browser.get(&silent).await.location().unwrap().contains("error="));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_people_sign_out_elsewhere_and_nobody_elses_session_is_touched() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let home = paths::account(clinic.tenant.domain.as_str());
    let end = paths::account_end_sessions(clinic.tenant.domain.as_str());
    let (mut phone, back) = signed_in(&app, &clinic, &[]).await;
    let answer = tokens(&mut phone, &clinic, &back).await;
    // Somebody else, and their session.
    let mut maria = Run::begin(&app, &clinic, Via::Form).await;
    maria.sign_in(MARIA, PASSWORD).await;
    let of_maria = app
        .app
        .store
        .read({
            let (id, now) = (clinic.maria, app.now());
            move |tx| Box::pin(async move { tx.live_sessions_of_account(id, now).await })
        })
        .await
        .unwrap_or_else(|error: StorageError| panic!("{error}"))
        .remove(0);
    let mut own = Run::at(app.browser(), &home, Via::Form).await;
    own.sign_in(NORA, PASSWORD).await;
    own.back().await;
    let csrf = own.browser.get(&home).await.csrf().unwrap();
    let before = app.rows(&["sessions", "grants"]).await;
    let foreign = own.browser.post(&end, &[("session", &of_maria.id.to_string()), ("csrf", &csrf)]).await;
    assert_eq!(foreign.status, 404);
    assert_eq!(own.browser.post(&end, &[("csrf", "x")]).await.status, 403);
    assert_eq!(app.rows(&["sessions", "grants"]).await, before);
    assert_eq!(own.browser.post(&end, &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(app.audited(clinic.tenant.id, Action::SessionEnded, Outcome::Success).await, 1);
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    assert!(phone.browser.get(&silent).await.location().unwrap().contains("error="));
    let token = answer["refresh_token"].as_str().unwrap();
    let refused = crate::support::journey::refresh(&mut phone.browser, &clinic, &clinic.flow, token).await;
    assert_eq!(refused.status, 400, "what came from the session goes with it");
    assert_eq!(own.browser.get(&home).await.status, 200, "this one stays");
    assert!(maria.browser.get(&silent).await.location().unwrap().contains("code="));
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_sign_out_ends_the_refresh_tokens_of_a_session_that_was_replaced() {
    for (options, elsewhere) in [(Options::default(), false), (Options::default(), true), (Options::postgres(), true)] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (mut run, back) = signed_in(&app, &clinic, &[]).await;
        let first = tokens(&mut run, &clinic, &back).await;
        // Twice: each takes the place of the one before.
        let mut given = vec![first];
        for _ in 0..2 {
            run = Run::at(run.browser, &authorize(&clinic, &clinic.flow, &[("prompt", "login")]), Via::Form).await;
            run.sign_in(NORA, PASSWORD).await;
            let back = run.back().await;
            given.push(tokens(&mut run, &clinic, &back).await);
        }
        // Another browser of the same person keeps what is its own.
        let (mut other, back) = signed_in(&app, &clinic, &[]).await;
        let others = tokens(&mut other, &clinic, &back).await;
        if elsewhere {
            let domain = clinic.tenant.domain.as_str();
            let mut own = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
            own.sign_in(NORA, PASSWORD).await;
            own.back().await;
            let csrf = own.browser.get(&paths::account(domain)).await.csrf().unwrap();
            let done = own.browser.post(&paths::account_end_sessions(domain), &[("csrf", &csrf)]).await;
            assert_eq!(done.status, 303, "{}", done.text());
        } else {
            let hint = given[2]["id_token"].as_str().unwrap();
            let logout = format!("{}/oauth2/v2.0/logout?id_token_hint={hint}", place(&clinic, &clinic.flow));
            assert_eq!(run.browser.get(&logout).await.status, 200);
        }
        for answer in &given {
            let token = answer["refresh_token"].as_str().unwrap();
            let refused = crate::support::journey::refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
            assert_eq!(refused.status, 400, "{}", refused.text());
        }
        let live = crate::support::journey::refresh(
            &mut other.browser,
            &clinic,
            &clinic.flow,
            others["refresh_token"].as_str().unwrap(),
        );
        assert_eq!(live.await.status, if elsewhere { 400 } else { 200 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_who_signs_in_in_another_persons_place_ends_their_refresh_tokens() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let noras = tokens(&mut run, &clinic, &back).await;
    let mut run = Run::at(run.browser, &authorize(&clinic, &clinic.flow, &[("prompt", "login")]), Via::Form).await;
    run.sign_in(MARIA, PASSWORD).await;
    let back = run.back().await;
    let marias = tokens(&mut run, &clinic, &back).await;
    for (answer, expected) in [(noras, 400), (marias, 200)] {
        let token = answer["refresh_token"].as_str().unwrap();
        let answer = crate::support::journey::refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
        assert_eq!(answer.status, expected, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_sessions_below_the_accounts_level_end_when_a_first_factor_is_bound() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        let home = paths::account(clinic.tenant.domain.as_str());
        // Nora has a password only, so her account page opens with it.
        let mut own = Run::at(app.browser(), &home, Via::Form).await;
        own.sign_in(NORA, PASSWORD).await;
        own.back().await;
        assert_eq!(own.browser.get(&home).await.status, 200);
        // While the flow asks for no second factor, an application gets tokens for her.
        change_application(&app, &clinic, |own| own.minimum = Minimum::None).await;
        crate::policy::toggle(&app, &clinic.flow, Enforcement::Off).await;
        let (mut weak, tokens) = with_tokens(&app, &clinic).await;
        crate::policy::toggle(&app, &clinic.flow, Enforcement::AlwaysOn).await;
        // Elsewhere a first factor is bound.
        let mut run = Run::begin(&app, &clinic, Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        let code = app.code(NORA).await;
        run.act("submit-code", &[("code", &code)]).await;
        let view = run.enrol_phone(&app, "+12065550177").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        run.code().await;
        app.drain().await;
        assert!(own.browser.get(&home).await.status.is_redirection(), "the old session is below her level");
        crate::policy::toggle(&app, &clinic.flow, Enforcement::Off).await;
        let token = tokens["refresh_token"].as_str().unwrap();
        let answer = crate::support::journey::refresh(&mut weak.browser, &clinic, &clinic.flow, token).await;
        assert_eq!(answer.status, 400, "f28 what was given before is over: {}", answer.text());
        crate::policy::toggle(&app, &clinic.flow, Enforcement::AlwaysOn).await;
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        assert!(run.browser.get(&silent).await.location().unwrap().contains("code="), "the new one stands");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_stranger_who_begins_a_reset_or_a_sign_up_does_not_stop_the_owner() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    // A stranger uses up what there is: resets and sign-ups with Nora's address.
    for begin in ["go-forgot-password", "go-sign-up"] {
        for n in 0..6 {
            let browser = app.browser().at_ip([198, 51, 100, n]);
            let mut run = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
            run.act(begin, &[]).await;
            run.act("request-code", &[("email", NORA)]).await;
        }
    }
    assert_eq!(app.messages(NORA).await, 10, "five of each");
    // Her own sign-in sends its code all the same.
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");
    assert_eq!(app.messages(NORA).await, 11);
    let code = app.code(NORA).await;
    let view = run.act("submit-code", &[("code", &code)]).await;
    assert!(matches!(view.stage, StageView::ChooseMethod { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_numbers_that_a_stranger_enters_do_not_use_up_the_texts_of_their_owner() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    for n in 0..6u8 {
        let browser = app.browser().at_ip([198, 51, 100, n]);
        let mut run = Run::at(browser, &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
        let email = format!("stranger{n}@evil.example");
        run.sign_up(&app, &email, PASSWORD).await;
        run.act("choose-method", &[("method", "text_message")]).await;
        run.act("enter-phone", &[("phone", PHONE), ("country", "US"), ("method", "text_message")]).await;
    }
    assert_eq!(app.messages(PHONE).await, 5);
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let view = run.sign_in_with_phone(&app, MARIA, PHONE).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_texts_and_calls_have_a_budget_for_each_network_and_tenant() {
    for (per_network, per_tenant) in [(3, 100), (100, 3)] {
        let mut options = Options::default();
        options.config.limits.texts_per_address_per_hour = per_network;
        options.config.limits.texts_per_tenant_per_day = per_tenant;
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        let ask = async |ip: [u8; 4], number: &str| {
            let mut run = Run::at(app.browser().at_ip(ip), &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
            let email = format!("p{}@evil.example", &number[8..]);
            run.sign_up(&app, &email, PASSWORD).await;
            run.act("choose-method", &[("method", "text_message")]).await;
            run.act("enter-phone", &[("phone", number), ("country", "US"), ("method", "text_message")]).await.stage
        };
        for n in 0..3 {
            let stage = ask([198, 51, 100, 1], &format!("+1206555010{n}")).await;
            assert!(matches!(stage, StageView::EnrolPhoneCode { .. }), "{stage:?}");
        }
        let texts = app.count("outbox").await;
        let stage = ask([198, 51, 100, 1], "+12065550104").await;
        assert!(matches!(stage, StageView::EnrolPhone { .. }), "{stage:?}");
        assert_eq!(app.messages("+12065550104").await, 0);
        assert_eq!(app.count("outbox").await, texts + 1, "the mail alone");
        // Another network: only the tenant's budget stops it. The next day begins anew.
        let elsewhere = ask([192, 0, 2, 9], "+12065550105").await;
        assert_eq!(matches!(elsewhere, StageView::EnrolPhoneCode { .. }), per_network == 3, "{elsewhere:?}");
        app.advance(DAY);
        let stage = ask([198, 51, 100, 1], "+12065550106").await;
        assert!(matches!(stage, StageView::EnrolPhoneCode { .. }), "{stage:?}");
        app.drain().await;
    }
}
