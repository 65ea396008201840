//! What an operator takes away, or a person never gave, acts at the next request: A28, A24, C4, U29.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    application::{ApplicationKind, ClientSecret},
    reply_url::ReplyUrl,
    secret::Token,
};
use lanyard_storage::{Store, StoreOptions};

use super::{clients::*, resource::userinfo, *};
use crate::support::{
    journey::refresh,
    world::{MARIA, REPLY_TWO},
};

const KEPT: [&str; 4] = ["grants", "refresh_tokens", "consents", "audit"];

fn only_the_second(application: &mut Application) {
    application.reply_urls = vec![ReplyUrl::parse(REPLY_TWO, application.kind).unwrap()];
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_a_reply_url_that_was_removed_meanwhile_gets_no_code() {
    for (what, more) in [
        ("reply URL", vec![]),
        ("link", vec![]),
        ("hybrid", vec![("response_type", "code id_token"), ("response_mode", "fragment")]),
        ("implicit", vec![("response_type", "id_token"), ("response_mode", "fragment")]),
    ] {
        let app = TestApp::new().await;
        let clinic = clinic_with(&app, |own| {
            (own.settings.hybrid, own.settings.implicit_id_token) = (true, true);
        })
        .await;
        let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &more), Via::Form).await;
        let done = run.sign_in(NORA, PASSWORD).await;
        assert!(matches!(done.stage, StageView::Done { .. }), "{done:?}");
        match what {
            "reply URL" => drop(clinic_with(&app, only_the_second).await),
            "link" => unlink(&app, &clinic).await,
            _ => drop(
                clinic_with(&app, |own| (own.settings.hybrid, own.settings.implicit_id_token) = (false, false)).await,
            ),
        }
        let before = app.rows(&KEPT).await;
        let page = run.browser.get(&paths::journey_return(&run.id)).await;
        assert_eq!((page.refresh(), page.location()), (None, Some(paths::journey(&run.id))), "{what}");
        assert!(!page.text().contains("app.example"), "{what}: {}", page.text());
        assert_eq!(app.rows(&KEPT).await, before, "{what}");
        assert_eq!(run.page().await.status, 410, "{what}: the page says that it is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_a_reply_url_that_was_removed_is_not_told_of_a_cancelled_journey() {
    for event in ["cancel", "go-forgot-password"] {
        let app = TestApp::new().await;
        let clinic = clinic_with(&app, |own| own.settings.handles_password_reset = true).await;
        let mut run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
        run.act(event, &[]).await;
        assert!(matches!(run.stage().await, StageView::Done { .. }), "{event}");
        clinic_with(&app, only_the_second).await;
        let page = run.browser.get(&paths::journey_return(&run.id)).await;
        assert_eq!((page.refresh(), page.location()), (None, Some(paths::journey(&run.id))), "{event}");
        let view = run.stage().await;
        assert!(matches!(view, StageView::Over { .. }), "no loop: {view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_an_application_that_becomes_somebody_elses_asks_before_it_refreshes() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let before_it = tokens(&mut run, &clinic, &back).await;
    let waiting = run.browser.get(&authorize(&clinic, &clinic.flow, &[("prompt", "none")])).await.location().unwrap();
    let code = parameter(&waiting, "code").unwrap();
    let third = clinic_with(&app, |own| own.settings.third_party = true).await;
    let before = app.rows(&KEPT).await;
    let token = before_it["refresh_token"].as_str().unwrap();
    let refused = refresh(&mut run.browser, &third, &third.flow, token).await;
    assert_eq!(error(&refused), (400, "invalid_grant".into()));
    let refused = redeem(&mut run.browser, &third, &third.flow, &code, &[]).await;
    assert_eq!(error(&refused), (400, "invalid_grant".into()));
    let info = userinfo(&mut run, &third, &before_it["access_token"]).await;
    assert!(info.status == 401 && !info.says(NORA) && !info.says("nora"), "{}", info.text());
    assert_eq!(app.rows(&KEPT).await, before);
    // Who agrees to less has not agreed to that.
    let address = authorize(&third, &third.flow, &[("scope", "openid")]);
    let mut asked = Run::at(run.browser, &address, Via::Form).await;
    asked.act("agree", &[]).await;
    let back = asked.back().await;
    let less = tokens(&mut asked, &third, &back).await;
    assert_eq!(userinfo(&mut asked, &third, &less["access_token"]).await.status, 200);
    let refused = refresh(&mut asked.browser, &third, &third.flow, token).await;
    assert_eq!(error(&refused), (400, "invalid_grant".into()));
    assert_eq!(userinfo(&mut asked, &third, &before_it["access_token"]).await.status, 401);
    // And who agrees to it all has.
    let mut asked = Run::at(asked.browser, &authorize(&third, &third.flow, &[]), Via::Form).await;
    asked.act("agree", &[]).await;
    let back = asked.back().await;
    let all = tokens(&mut asked, &third, &back).await;
    for token in [all["refresh_token"].as_str().unwrap(), token] {
        let answer = refresh(&mut asked.browser, &third, &third.flow, token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // Somebody else's consent is not this person's.
    let mut maria = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
    let view = maria.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::Consent { .. }), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_userinfo_ends_with_the_link() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut run, back) = signed_in(&app, &clinic, &[]).await;
    let tokens = tokens(&mut run, &clinic, &back).await;
    assert_eq!(userinfo(&mut run, &clinic, &tokens["access_token"]).await.status, 200);
    unlink(&app, &clinic).await;
    let before = app.rows(&KEPT).await;
    let refused = userinfo(&mut run, &clinic, &tokens["access_token"]).await;
    assert_eq!(error(&refused), (401, "invalid_token".into()));
    let token = tokens["refresh_token"].as_str().unwrap();
    let refused = refresh(&mut run.browser, &clinic, &clinic.flow, token).await;
    assert_eq!(error(&refused), (400, "invalid_grant".into()));
    assert_eq!(app.rows(&KEPT).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_introspection_knows_withdrawn_permissions() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, api_secret) = web_api(&app, &plain, API_URI).await;
    let (clinic, secret) = register(&app, &plain, ApplicationKind::Web, |own| {
        own.settings.permissions = vec![permission(&api, &["read", "write"])];
        own.settings.client_credentials = true;
    })
    .await;
    let scope = format!("openid offline_access {API_URI}/read {API_URI}/write");
    let (mut run, code) = code(&app, &clinic, &scope).await;
    let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("client_secret", &secret)]).await;
    let tokens: Value = answer.json();
    let (id, api_id, whole) = (clinic.application.id.to_string(), api.id.to_string(), format!("{API_URI}/.default"));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("scope", whole.as_str()),
    ];
    let own: Value = post(&mut run, &clinic, "oauth2/v2.0/token", &fields).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let [access, renewal, own] =
        [text(&tokens["access_token"]), text(&tokens["refresh_token"]), text(&own["access_token"])];
    let set = async |names: &[&str]| {
        let mut changed = clinic.application.clone();
        changed.settings.permissions = vec![permission(&api, names)];
        let write = app.app.store.write(move |tx| Box::pin(async move { tx.update_application(&changed).await }));
        write.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    };
    let by_api = [("client_id", api_id.as_str()), ("client_secret", api_secret.as_str())];
    let by_client = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    let mut ask = async |who: [(&str, &str); 2], token: &str| {
        let answer = post(&mut run, &clinic, "oauth2/v2.0/introspect", &[who[0], who[1], ("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>()
    };
    let inactive = serde_json::json!({"active": false});
    assert_eq!(ask(by_api, &access).await["scope"], "read write");
    assert_eq!(ask(by_api, &own).await["roles"], serde_json::json!(["read", "write"]));
    let before = app.rows(&["grants", "refresh_tokens"]).await;
    set(&["read"]).await;
    assert_eq!(ask(by_api, &access).await["scope"], "read", "what is left");
    assert_eq!(ask(by_api, &own).await["roles"], serde_json::json!(["read"]));
    assert_eq!(ask(by_client, &renewal).await["scope"], format!("openid offline_access {API_URI}/read"));
    set(&[]).await;
    assert_eq!(ask(by_api, &access).await, inactive);
    assert_eq!(ask(by_api, &own).await, inactive);
    set(&["read", "write"]).await;
    assert_eq!(ask(by_api, &access).await["active"], true);
    unlink(&app, &clinic).await;
    for token in [&access, &own] {
        assert_eq!(ask(by_api, token).await, inactive);
    }
    assert_eq!(ask(by_client, &renewal).await, inactive);
    assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before, "to ask is not to use");
}

/// What a server knows of a configuration, once it has used it, judges nothing by itself: whoever changes it, on
/// whatever server, changes the next token request.
#[tokio::test(flavor = "multi_thread")]
async fn a24_a_secret_or_a_link_that_was_taken_away_ends_at_the_next_token_request() {
    for options in [crate::support::Options::default(), crate::support::Options::postgres()] {
        let app = TestApp::with(options).await;
        let plain = app.world.plain.clone();
        let (api, _) = web_api(&app, &plain, API_URI).await;
        let (clinic, old) = register(&app, &plain, ApplicationKind::Web, |own| {
            own.settings.permissions = vec![permission(&api, &["read"])];
            own.settings.client_credentials = true;
        })
        .await;
        let (id, whole) = (clinic.application.id, format!("{API_URI}/.default"));
        let (mut run, code) = code(&app, &clinic, "openid offline_access").await;
        let answer = redeem(&mut run.browser, &clinic, &clinic.flow, &code, &[("client_secret", &old)]).await;
        let mut token = answer.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();
        let client = id.to_string();
        let mut ask = async |secret: &str, token: Option<&str>| {
            let grant = match token {
                Some(token) => [("grant_type", "refresh_token"), ("refresh_token", token)],
                None => [("grant_type", "client_credentials"), ("scope", whole.as_str())],
            };
            let fields = [("client_id", client.as_str()), ("client_secret", secret), grant[0], grant[1]];
            post(&mut run, &clinic, "oauth2/v2.0/token", &fields).await
        };
        let next = |page: &Page| page.json::<Value>()["refresh_token"].as_str().map(str::to_owned);
        // Known by now, and used as known.
        for _ in 0..2 {
            token = next(&ask(&old, Some(&token)).await).unwrap();
            assert_eq!(ask(&old, None).await.status, 200);
        }
        // By another server: it shares the database alone.
        let store = Store::connect(&StoreOptions::new(app.database.url.clone())).await.unwrap();
        let new = Token::generate(app.app.entropy().as_mut());
        let (gone, made) = (clinic.application.secrets[0].hash, ClientSecret::of(&new, app.now()));
        let swap = store.write(move |tx| {
            Box::pin(async move {
                tx.add_client_secret(id, &made).await?;
                tx.remove_client_secret(id, &gone).await
            })
        });
        swap.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
        let before = app.rows(&["grants", "refresh_tokens"]).await;
        for asked in [Some(token.as_str()), None] {
            assert_eq!(error(&ask(&old, asked).await), (401, "invalid_client".into()));
        }
        assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
        for _ in 0..2 {
            token = next(&ask(new.expose(), Some(&token)).await).unwrap();
            assert_eq!(ask(new.expose(), None).await.status, 200);
        }
        let (own, flow) = (clinic.application.tenant, clinic.flow.id);
        let unlinked = store.write(move |tx| Box::pin(async move { tx.unlink_flow(own, id, flow).await }));
        unlinked.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
        let before = app.rows(&["grants", "refresh_tokens"]).await;
        assert_eq!(error(&ask(new.expose(), Some(&token)).await), (400, "invalid_grant".into()));
        assert_eq!(error(&ask(new.expose(), None).await), (400, "unauthorized_client".into()));
        assert_eq!(app.rows(&["grants", "refresh_tokens"]).await, before);
        store.close().await;
    }
}
