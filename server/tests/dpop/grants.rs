//! Other ways to tokens follow the same rules: demands of an application, client credentials, devices, replays at once.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_an_application_can_demand_a_key_and_a_nonce() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    strict(&app, &clinic, true).await;
    let (key, path) = (ClientKey::generate("k"), token_path(&clinic));
    let code = code(&app, &clinic, &[]).await;
    assert_eq!(error(&redeemed(&app, &clinic, &code, None).await), refused(400, "invalid_dpop_proof"));
    let asked = redeemed(&app, &clinic, &code, Some(key.proof(&Call::post(&app, &path, "a"), |_, _| {}))).await;
    assert_eq!(error(&asked), refused(400, "use_dpop_nonce"));
    let nonce = asked.header("dpop-nonce").unwrap();
    let with_nonce = |jti| {
        let nonce = nonce.clone();
        // The clock of this client is a year slow: the nonce stands for it.
        Some(key.proof(&Call::post(&app, &path, jti), move |_, claims| {
            claims["nonce"] = nonce.clone().into();
            claims["iat"] = (claims["iat"].as_i64().unwrap() - 31_536_000).into();
        }))
    };
    let proof = with_nonce("b");
    let tokens = redeemed(&app, &clinic, &code, proof.clone()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let refresh = tokens.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(error(&refreshed(&app, &clinic, &refresh, proof).await), refused(400, "invalid_dpop_proof"), "replayed");
    app.advance(5 * MINUTE);
    assert_eq!(error(&refreshed(&app, &clinic, &refresh, with_nonce("c")).await), refused(400, "use_dpop_nonce"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_client_credentials_follow_the_same_rules() {
    let app = TestApp::new().await;
    let plain = app.world.plain.clone();
    let (api, _) = web_api(&app, &plain, "api://records").await;
    let allowed = permission(&api, &["read"]);
    let (clinic, secret) = register(&app, &plain, ApplicationKind::Web, |own| {
        own.settings.client_credentials = true;
        own.settings.require_dpop = true;
        own.settings.permissions = vec![allowed];
    })
    .await;
    let (key, path, id) = (ClientKey::generate("k"), token_path(&clinic), clinic.application.id.to_string());
    let ask = |proof: Option<String>| {
        let mut browser = app.browser();
        browser.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
        let (path, id, secret) = (path.clone(), id.clone(), secret.clone());
        async move {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", id.as_str()),
                ("client_secret", secret.as_str()),
                ("scope", "api://records/.default"),
            ];
            browser.post_bare(&path, &fields).await
        }
    };
    let with = |jti| key.proof(&Call::post(&app, &path, jti), |_, _| {});
    assert_eq!(error(&ask(None).await), refused(400, "invalid_dpop_proof"));
    let elsewhere = key.proof(&Call::post(&app, &userinfo_path(&clinic), "a"), |_, _| {});
    assert_eq!(error(&ask(Some(elsewhere)).await), refused(400, "invalid_dpop_proof"));
    let issued = || app.audited(clinic.tenant.id, Action::ApplicationTokenIssued, Outcome::Success);
    assert_eq!(issued().await, 0);
    let proof = with("b");
    let given = ask(Some(proof.clone())).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let given: Value = given.json();
    assert_eq!(given["token_type"], "DPoP");
    let claims = URL_SAFE_NO_PAD.decode(given["access_token"].as_str().unwrap().split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    assert_eq!(error(&ask(Some(proof)).await), refused(400, "invalid_dpop_proof"), "replayed_proof");
    assert_eq!(issued().await, 1);
}

async fn a_proof_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let proof = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(proof)).await.json();
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(&access), at: app.now().as_seconds() };
    let proof = key.proof(&call, |_, _| {});
    let tries = (0..100).map(|_| {
        let (mut browser, clinic, access, proof) = (app.browser(), clinic.clone(), access.clone(), proof.clone());
        async move {
            tokio::spawn(async move { userinfo(&mut browser, &clinic, "DPoP", &access, Some(proof)).await })
                .await
                .unwrap()
        }
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 401));
    // D5: kept an hour beyond its life, for a server whose clock is behind; then forgotten.
    app.advance(HOUR - SECOND);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("dpop_proofs").await, 2, "a server whose clock is behind would still take it");
    app.advance(MINUTE + 3 * SECOND);
    lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
    assert_eq!(app.count("dpop_proofs").await, 0, "remembered no longer than that");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_concurrent_replays_one_winner() {
    a_proof_has_one_winner(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_concurrent_replays_one_winner_postgres() {
    a_proof_has_one_winner(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_a_device_follows_the_same_rules() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    change_application(&app, &clinic, |own| (own.settings.device, own.settings.require_dpop) = (true, true)).await;
    let (key, other, path) = (ClientKey::generate("k"), ClientKey::generate("k"), token_path(&clinic));
    let (code, user_code) = crate::device::codes(&app, &clinic).await;
    let mut run = crate::device::begin(&app, &clinic, &user_code).await;
    run.sign_in(NORA, PASSWORD).await;
    run.browser.get(&lanyard_app::paths::journey_return(&run.id)).await;
    let id = clinic.application.id.to_string();
    let ask = async |proof: Option<String>| {
        let mut device = app.browser();
        device.extra = proof.into_iter().map(|proof| ("dpop", proof)).collect();
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        device.post_bare(&path, &[("grant_type", grant), ("client_id", &id), ("device_code", &code)]).await
    };
    let before = app.rows(&["grants", "device_codes", "refresh_tokens"]).await;
    assert_eq!(error(&ask(None).await), refused(400, "invalid_dpop_proof"));
    assert_eq!(app.rows(&["grants", "device_codes", "refresh_tokens"]).await, before, "the code is as good as it was");
    let tokens = ask(Some(key.proof(&Call::post(&app, &path, "a"), |_, _| {}))).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let tokens: Value = tokens.json();
    assert_eq!(tokens["token_type"], "DPoP");
    let access = tokens["access_token"].as_str().unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(access.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let stolen = refreshed(&app, &clinic, refresh, Some(other.proof(&Call::post(&app, &path, "b"), |_, _| {}))).await;
    assert_eq!(stolen.status, 400, "{}", stolen.text());
    let own = refreshed(&app, &clinic, refresh, Some(key.proof(&Call::post(&app, &path, "c"), |_, _| {}))).await;
    assert_eq!(own.status, 200, "{}", own.text());
}
