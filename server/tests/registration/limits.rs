//! What strangers at the registration cannot do to the server: every limit, also when many come at once.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_initial_access_token_that_is_over_is_one_event_a_minute() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let used = open(&app, &clinic, 1).await;
    made(&app, &clinic, &used, &wanted()).await;
    let (id, revoked) = mint(&app, &clinic, 5).await;
    registration::revoke(&app.app, clinic.tenant.id, id, by()).await.unwrap();
    let (tenant, action) = (clinic.tenant.id, Action::InitialAccessTokenRefused);
    let foreign = open(&app, &app.world.mfa.clone(), 5).await;
    for bearer in ["", "x", &foreign] {
        assert_eq!(error(&post(&app, &clinic, bearer, &wanted()).await), refused(401, "invalid_token"));
    }
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 0, "nobody's here");
    let before = app.rows(&TABLES).await;
    for _ in 0..3 {
        for bearer in [&used, &revoked] {
            assert_eq!(error(&post(&app, &clinic, bearer, &wanted()).await), refused(401, "invalid_token"));
        }
    }
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 2, "one for each");
    assert_eq!(app.rows(&TABLES).await, before);
    let events = app.audit(tenant).await;
    assert!(events.iter().any(|event| event.action == action && event.target == Some(id.to_string())));
    let log = app.rows(&["audit"]).await.concat();
    assert!(!log.contains(&used) && !log.contains(&revoked), "c5");
}

// SQLite has one writer: whoever needed it would wait for the one who holds it.
#[tokio::test(flavor = "multi_thread")]
async fn a14_strangers_at_the_registration_get_no_write_transaction() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let nobodys = lanyard_domain::secret::Token::generate(app.app.entropy().as_mut()).expose().to_owned();
    let (began, begun) = tokio::sync::oneshot::channel::<()>();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (store, tenant) = (app.app.store.clone(), clinic.tenant.id);
    let holder = tokio::spawn(async move {
        let held = store.write(move |tx| {
            Box::pin(async move {
                tx.count_registration(tenant).await?;
                began.send(()).unwrap();
                released.await.unwrap();
                Ok::<_, StorageError>(())
            })
        });
        held.await.unwrap();
    });
    begun.await.unwrap();
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": [REPLY]});
    for token in ["", "x", &nobodys] {
        assert_eq!(error(&post(&app, &clinic, token, &wanted()).await), refused(401, "invalid_token"));
        let nobody = Id::<Application>::new(app.now(), app.app.entropy().as_mut());
        let uri = format!("{}?client_id={nobody}", path(&clinic));
        for method in [Method::PUT, Method::DELETE] {
            let answer = send(&mut app.browser(), method, &uri, token, Some(&change)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"));
        }
    }
    release.send(()).unwrap();
    holder.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_requests_to_register_are_limited_by_network() {
    let mut options = Options::default();
    (options.config.limits.per_address_per_second, options.config.limits.per_address_burst) = (1, 2);
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    switch(&app, &clinic, true, 50).await;
    for expected in [401, 401, 429] {
        let answer = post(&app, &clinic, "", &wanted()).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (expected, expected == 429));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_switch_and_tokens_are_held_to_their_bounds_and_to_flows_of_patients() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let before = app.rows(&["registration_switches", "initial_access_tokens", "audit"]).await;
    for most in [0, 1_001] {
        let refused = registration::switch(&app.app, clinic.tenant.id, Some(most), by()).await;
        assert!(matches!(refused, Err(PortalError::NotAllowed)), "{most}");
    }
    let draft = |uses, days| TokenDraft { flow: clinic.flow.id, label: "Partner".to_owned(), uses, days };
    for (uses, days) in [(0, 7), (101, 7), (1, 0), (1, 91)] {
        let refused = registration::mint(&app.app, clinic.tenant.id, draft(uses, days), by()).await;
        assert!(matches!(refused, Err(PortalError::NotAllowed)), "{uses} {days}");
    }
    let (tenant, system) = (clinic.tenant.id, app.app.clone());
    let staff = system.store.read(move |tx| Box::pin(async move { tx.flow_by_key(tenant, "staff").await })).await;
    let staff: Option<lanyard_domain::user_flow::UserFlow> =
        staff.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let of_staff = TokenDraft { flow: staff.expect("the staff flow").id, ..draft(1, 7) };
    let refused = registration::mint(&app.app, clinic.tenant.id, of_staff, by()).await;
    assert!(matches!(refused, Err(PortalError::NotFound)));
    assert_eq!(app.rows(&["registration_switches", "initial_access_tokens", "audit"]).await, before);
}

async fn every_limit_holds(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 3).await;
    let at_first = app.count("applications").await;
    let body = json!({"redirect_uris": [REPLY]});
    let all = join_all((0..50).map(|_| post(&app, &clinic, &bearer, &body))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 201).count(), 3);
    assert!(all.iter().all(|answer| answer.status == 201 || answer.status == 401));
    assert_eq!(app.count("applications").await, at_first + 3);
    // The tenant's own limit: a refusal takes no use away.
    switch(&app, &clinic, true, 4).await;
    let (_, bearer) = mint(&app, &clinic, 50).await;
    let last = made(&app, &clinic, &bearer, &wanted()).await;
    let before = app.rows(&TABLES).await;
    assert_eq!(error(&post(&app, &clinic, &bearer, &wanted()).await), refused(403, "access_denied"));
    assert_eq!(app.rows(&TABLES).await, before);
    // Whoever goes makes room.
    let gone = send(&mut app.browser(), Method::DELETE, &last.uri, &last.token, None).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    made(&app, &clinic, &bearer, &wanted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_concurrent_registrations_keep_every_limit() {
    every_limit_holds(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_concurrent_registrations_keep_every_limit_postgres() {
    every_limit_holds(Options::postgres()).await;
}
