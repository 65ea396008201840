//! What the log is told of proofs (C1): each theft, and no flood.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_replayed_proof_is_an_event_and_one_that_wants_a_nonce_is_none() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path) = (ClientKey::generate("k"), token_path(&clinic));
    let proof = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let stale = key.proof(&Call::post(&app, &path, "b"), |_, claims| {
        claims["iat"] = (claims["iat"].as_i64().unwrap() - 61).into();
    });
    let second = code(&app, &clinic, &[]).await;
    assert_eq!(error(&redeemed(&app, &clinic, &second, Some(stale)).await), refused(400, "use_dpop_nonce"));
    let first = code(&app, &clinic, &[]).await;
    assert_eq!(redeemed(&app, &clinic, &first, Some(proof.clone())).await.status, 200);
    assert_eq!(told(&app, &clinic).await, [], "nothing is wrong with that");
    assert_eq!(error(&redeemed(&app, &clinic, &second, Some(proof)).await), refused(400, "invalid_dpop_proof"));
    let events = told(&app, &clinic).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].0, Some(clinic.application.id.to_string()));
    assert!(events[0].1.is_some(), "from where");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_replayed_proof_is_one_event_a_minute_for_each_client_and_network() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let first = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(first.clone())).await.json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    // A nonce that is wanted is every client's way: nothing to tell.
    let stale = key.proof(&Call::post(&app, &path, "s"), |_, claims| claims["iat"] = 1.into());
    assert_eq!(error(&refreshed(&app, &clinic, refresh, Some(stale)).await), refused(400, "use_dpop_nonce"));
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(access), at: app.now().as_seconds() };
    let proof = key.proof(&call, |_, _| {});
    let mut browser = app.browser();
    assert_eq!(userinfo(&mut browser, &clinic, "DPoP", access, Some(proof.clone())).await.status, 200);
    assert!(told(&app, &clinic).await.is_empty());

    for network in [[203, 0, 113, 7], [198, 51, 100, 4]] {
        let mut thief = app.browser().at_ip(network);
        for _ in 0..3 {
            let page = userinfo(&mut thief, &clinic, "DPoP", access, Some(proof.clone())).await;
            assert_eq!(error(&page), refused(401, "invalid_dpop_proof"));
        }
    }
    // At the token endpoint too: it is the same client and network, so nothing more is told.
    assert_eq!(
        error(&refreshed(&app, &clinic, refresh, Some(first.clone())).await),
        refused(400, "invalid_dpop_proof")
    );
    let mut events = told(&app, &clinic).await;
    events.sort();
    let (id, why) = (Some(clinic.application.id.to_string()), "The DPoP proof has been used already.");
    let expected = ["198.51.100.4", "203.0.113.7"].map(|ip| (id.clone(), Some(ip.to_owned()), why.to_owned()));
    assert_eq!(events, expected);
    let log = app.rows(&["audit"]).await.concat();
    for secret in [access, refresh, proof.as_str(), first.as_str()] {
        assert!(!log.contains(secret), "c5: nothing that could be used");
    }
}

// Public clients prove nothing: proofs that are wrong come from anybody, and from any number of networks.
#[tokio::test(flavor = "multi_thread")]
async fn c1_proofs_that_anybody_can_spoil_neither_fill_the_log_nor_hide_a_stolen_one() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, path, info) = (ClientKey::generate("k"), token_path(&clinic), userinfo_path(&clinic));
    let proof = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(proof)).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(access), at: app.now().as_seconds() };
    let stolen = key.proof(&call, |_, _| {});
    let mut browser = app.browser();
    assert_eq!(userinfo(&mut browser, &clinic, "DPoP", access, Some(stolen.clone())).await.status, 200);

    let spare = code(&app, &clinic, &[]).await;
    let spoilt = key.proof(&Call::post(&app, &path, "c"), |header, _| header["alg"] = "none".into());
    let most = u8::try_from(TOLD_PER_HOUR.get()).unwrap();
    for network in 0..most + 20 {
        let mut anybody = app.browser().at_ip([203, 0, network, 7]);
        anybody.extra = vec![("dpop", spoilt.clone())];
        let page = redeem(&mut anybody, &clinic, &clinic.flow, &spare, &[]).await;
        assert_eq!(error(&page), refused(400, "invalid_dpop_proof"));
    }
    let spoils = told(&app, &clinic).await;
    assert_eq!(spoils.len(), usize::from(most), "bounded, whatever the networks");
    // From a network that has just been told of, and beyond every bound of the others.
    let mut thief = app.browser().at_ip([203, 0, 1, 7]);
    let page = userinfo(&mut thief, &clinic, "DPoP", access, Some(stolen)).await;
    assert_eq!(error(&page), refused(401, "invalid_dpop_proof"));
    let all = told(&app, &clinic).await;
    let news: Vec<_> = all.iter().filter(|event| !spoils.contains(event)).collect();
    assert_eq!(news.len(), 1, "{news:?}");
    assert_eq!(
        (news[0].1.as_deref(), news[0].2.as_str()),
        (Some("203.0.1.7"), "The DPoP proof has been used already.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_grant_in_the_hands_of_another_key_is_an_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, thief, path) = (ClientKey::generate("k"), ClientKey::generate("t"), token_path(&clinic));
    let own = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(own)).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let before = app.durable().await;
    let stolen = thief.proof(&Call::post(&app, &path, "b"), |_, _| {});
    assert_eq!(error(&refreshed(&app, &clinic, refresh, Some(stolen)).await), refused(400, "invalid_grant"));
    assert_eq!(app.durable().await, before);
    let events = told(&app, &clinic).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].2, "The grant is bound to another key.");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_access_token_in_the_hands_of_another_key_is_an_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (key, thief) = (ClientKey::generate("k"), ClientKey::generate("t"));
    let (path, info) = (token_path(&clinic), userinfo_path(&clinic));
    let own = key.proof(&Call::post(&app, &path, "a"), |_, _| {});
    let tokens: Value = redeemed(&app, &clinic, &code(&app, &clinic, &[]).await, Some(own)).await.json();
    let bound = tokens["access_token"].as_str().unwrap();
    let call = Call { jti: "b", method: "GET", path: &info, token: Some(bound), at: app.now().as_seconds() };
    let stolen = thief.proof(&call, |_, _| {});
    let page = userinfo(&mut app.browser(), &clinic, "DPoP", bound, Some(stolen)).await;
    assert_eq!(error(&page), refused(401, "invalid_token"));
    let events = told(&app, &clinic).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].2, "The access token is bound to another key.");
}
