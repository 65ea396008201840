//! A registered client about itself (RFC 7592).

use lanyard_domain::role::Role;

use super::*;
use crate::portal::{self, operator};

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_a_client_reads_changes_and_deletes_itself() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let bearer = open(&app, &clinic, 1).await;
        let new = made(&app, &clinic, &bearer, &wanted()).await;
        let mut client = app.browser();
        let read = send(&mut client, Method::GET, &new.uri, &new.token, None).await;
        assert_eq!(read.status, 200, "{}", read.text());
        let read: Value = read.json();
        assert!(read.get("client_secret").is_none(), "kept as a hash: not told again");
        assert_eq!((&read["client_id"], &read["client_name"]), (&new.told["client_id"], &"Step counter".into()));

        // oidcc_redirect_uri_query_OK, _mismatch, _added: the query belongs to the URL.
        let exact = "https://app.example/callback?foo=bar";
        let change = json!({
            "client_id": new.told["client_id"], "client_secret": new.told["client_secret"], "client_name": "Steps",
            "redirect_uris": [exact], "backchannel_logout_uri": "https://hooks.example/out",
        });
        let changed = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let changed: Value = changed.json();
        assert_eq!((&changed["client_name"], &changed["redirect_uris"]), (&"Steps".into(), &json!([exact])));
        assert_eq!(changed["grant_types"], json!(["authorization_code", "refresh_token"]), "what it has");
        assert_eq!(changed["backchannel_logout_uri"], "https://hooks.example/out");
        // A client whose answer was lost asks again with the token that it has.
        assert_eq!(changed["registration_access_token"], new.token.as_str(), "a_lost_answer_locks_nobody_out");
        let again = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change)).await;
        assert_eq!((again.status.as_u16(), again.json::<Value>()), (200, changed), "{}", again.text());
        assert_eq!(app.audited(clinic.tenant.id, Action::ApplicationChanged, Outcome::Success).await, 2);
        for bad in [REPLY, "https://app.example/callback?foo=bar&x=y", "https://app.example/callback?foo=baz"] {
            let page = client.get(&authorize(&new.clinic, &clinic.flow, &[("redirect_uri", bad)])).await;
            assert_eq!((page.status.as_u16(), page.location()), (400, None), "{bad}");
        }
        let begin = authorize(&new.clinic, &clinic.flow, &[("redirect_uri", exact)]);
        let mut run = Run::at(app.browser(), &begin, Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.act("agree", &[]).await;
        let back = run.back().await;
        assert!(back.starts_with(&format!("{exact}&")), "{back}");
        client.extra = vec![basic(&new)];
        let code = parameter(&back, "code").unwrap();
        let tokens = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[("redirect_uri", exact)]).await;
        let tokens: Value = tokens.json();

        client.extra.clear();
        let before = app.rows(&TABLES).await;
        let bad = |name: &str, value: Value| {
            let mut body = change.clone();
            body[name] = value;
            body
        };
        for body in [
            bad("client_id", Id::<Application>::new(app.now(), app.app.entropy().as_mut()).to_string().into()),
            bad("client_secret", new.token.clone().into()),
            bad("registration_access_token", new.token.clone().into()),
            bad("token_endpoint_auth_method", "none".into()),
            bad("jwks_uri", "https://x.example".into()),
        ] {
            let answer = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&body)).await;
            assert_eq!(error(&answer), refused(400, "invalid_client_metadata"), "{body}");
        }
        assert_eq!(app.rows(&TABLES).await, before);

        assert_eq!(send(&mut client, Method::DELETE, &new.uri, &new.token, None).await.status, 204);
        assert_eq!(stored(&app, &clinic, new.clinic.application.id).await, None);
        assert_eq!((app.count("client_registrations").await, app.count("consents").await), (0, 0));
        assert_eq!(app.audited(clinic.tenant.id, Action::ApplicationDeleted, Outcome::Success).await, 1);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = send(&mut client, method, &new.uri, &new.token, Some(&change)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"));
        }
        // What it was given is worth nothing any more.
        client.extra = vec![("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
        let info = format!("{}/openid/v2.0/userinfo", place(&clinic, &clinic.flow));
        assert_eq!(client.get(&info).await.status, 401);
        client.extra = vec![basic(&new)];
        let token = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(error(&refresh(&mut client, &new.clinic, &clinic.flow, token).await).1, "invalid_client");
        assert_eq!(app.browser().get(&begin).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_the_token_of_another_client_flow_or_kind_opens_nothing() {
    let app = TestApp::new().await;
    let (clinic, other) = (app.world.plain.clone(), app.world.mfa.clone());
    let bearer = open(&app, &clinic, 2).await;
    let theirs = open(&app, &other, 1).await;
    let (one, two) = (made(&app, &clinic, &bearer, &wanted()).await, made(&app, &clinic, &bearer, &wanted()).await);
    let far = made(&app, &other, &theirs, &wanted()).await;
    let query = one.uri.split_once('?').unwrap().1;
    let elsewhere = format!("{}/oauth2/v2.0/register?{query}", place(&clinic, &clinic.edit));
    let abroad = format!("{}?{query}", path(&other));
    let own = format!("{}?client_id={}", path(&clinic), clinic.application.id);
    let change = |id: &Value| json!({"client_id": id, "redirect_uris": ["https://evil.example/cb"]});
    let before = app.rows(&TABLES).await;
    let mut client = app.browser();
    for (attack, uri, token) in [
        ("registration_token_of_another_client", &one.uri, &two.token),
        ("of_another_tenant", &one.uri, &far.token),
        ("initial_access_token", &one.uri, &bearer),
        ("no_token", &one.uri, &String::new()),
        ("at_another_flow", &elsewhere, &one.token),
        ("at_another_tenant", &abroad, &one.token),
        ("an_operators_application", &own, &one.token),
        ("no_client", &path(&clinic), &one.token),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let body = change(&one.told["client_id"]);
            let answer = send(&mut client, method.clone(), uri, token, Some(&body)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"), "{attack} {method}");
        }
    }
    assert_eq!(app.rows(&TABLES).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_once_an_operator_has_changed_it_a_client_only_looks() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    // An operator vouches for it: nobody is asked any more.
    let mut vouched = new.clinic.application.clone();
    vouched.settings.third_party = false;
    let done = app.app.store.write(move |tx| {
        Box::pin(async move {
            tx.advance_application(vouched.tenant, vouched.id, 1).await?;
            tx.update_application(&vouched).await
        })
    });
    done.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let before = app.rows(&TABLES).await;
    let mut client = app.browser();
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": ["https://evil.example/cb"]});
    for method in [Method::PUT, Method::DELETE] {
        let answer = send(&mut client, method, &new.uri, &new.token, Some(&change)).await;
        assert_eq!(error(&answer), refused(403, "access_denied"), "escalation_to_first_party");
    }
    assert_eq!(app.rows(&TABLES).await, before);
    assert_eq!(send(&mut client, Method::GET, &new.uri, &new.token, None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_registration_token_that_is_not_the_clients_is_one_event_a_minute() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let mut client = app.browser();
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": [REPLY]});
    let (tenant, action) = (clinic.tenant.id, Action::ClientAuthenticationFailed);
    let own = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change)).await;
    assert_eq!((own.status.as_u16(), app.audited(tenant, action, Outcome::Failure).await), (200, 0), "{}", own.text());
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = send(&mut client, method, &new.uri, "nobody's", Some(&change)).await;
        assert_eq!(error(&answer), refused(401, "invalid_token"));
    }
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 1);
    // Of a client that nobody registered the log is told nothing.
    let nobody = Id::<Application>::new(app.now(), app.app.entropy().as_mut());
    let uri = format!("{}?client_id={nobody}", path(&clinic));
    assert_eq!(error(&send(&mut client, Method::GET, &uri, &new.token, None).await), refused(401, "invalid_token"));
    assert_eq!(app.audited(tenant, action, Outcome::Failure).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_every_change_that_a_client_makes_is_named_in_the_log() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let body = |key: &ClientKey| {
        let jwks: Value = serde_json::from_str(&key.jwks).unwrap();
        json!({"redirect_uris": [REPLY], "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks})
    };
    let new = made(&app, &clinic, &bearer, &body(&ClientKey::generate("k"))).await;
    let mut change = body(&ClientKey::generate("k"));
    change["client_id"] = new.told["client_id"].clone();
    let answer = send(&mut app.browser(), Method::PUT, &new.uri, &new.token, Some(&change)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = app.audit(clinic.tenant.id).await;
    let event = events.iter().find(|event| event.action == Action::ApplicationChanged).unwrap();
    let changes = event.detail["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "the keys, and not the reply URLs, which stayed: {changes:?}");
    assert!(changes[0].to_string().to_lowercase().contains("key"), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_an_operator_revokes_a_registration_access_token_and_the_application_stays() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let bearer = open(&app, &clinic, 1).await;
        let new = made(&app, &clinic, &bearer, &wanted()).await;
        let (tenant, domain) = (clinic.tenant.id, clinic.tenant.domain.as_str());
        let path = format!("/portal/{domain}/applications/{}", new.clinic.application.id);
        let action = format!("{path}/registration");
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.mfa.tenant.id)]).await;
        let page = ann.get(&path).await;
        assert!(page.says("Revoke registration access token"), "{}", page.text());
        let form = portal::fields(&page, &action);
        let before = app.rows(&["client_registrations", "audit"]).await;
        assert_eq!(portal::send(&mut ben, &action, form.clone(), &[]).await.status, 404, "a25");
        assert_eq!(portal::send(&mut ann, &action, form.clone(), &[("csrf", "x")]).await.status, 403);
        assert_eq!(app.rows(&["client_registrations", "audit"]).await, before);

        let done = portal::send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(done.location(), Some(format!("{path}?done=token-revoked")));
        let again = portal::send(&mut ann, &action, form, &[]).await;
        assert_eq!(again.location(), Some(format!("{path}?done=unchanged")));
        let page = ann.get(&path).await;
        assert!(!page.says("Revoke registration access token"), "{}", page.text());
        let log = app.audit(tenant).await;
        let told: Vec<_> = log.iter().filter(|event| event.action == Action::RegistrationTokenRevoked).collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].actor, told[0].target.clone()), (Some(id), Some(new.clinic.application.id.to_string())));
        // The token opens nothing any more; the application is what it was.
        let mut client = app.browser();
        let change = json!({"client_id": new.told["client_id"], "redirect_uris": ["https://evil.example/"]});
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = send(&mut client, method, &new.uri, &new.token, Some(&change)).await;
            assert_eq!(error(&answer), refused(401, "invalid_token"));
        }
        assert!(stored(&app, &clinic, new.clinic.application.id).await.is_some());
        // One that an operator registered has none.
        let page = ann.get(&format!("/portal/{domain}/applications/{}", clinic.application.id)).await;
        assert!(page.status == 200 && !page.says("Revoke registration access token"), "{}", page.text());
    }
}

// What the provider answers to a request that shows no page and leads to `redirect`.
async fn silently(browser: &mut Browser, clinic: &Clinic, redirect: &str) -> String {
    let silent = authorize(clinic, &clinic.flow, &[("redirect_uri", redirect), ("prompt", "none")]);
    let back = browser.get(&silent).await.location().unwrap();
    assert!(back.starts_with(redirect), "{back}");
    parameter(&back, "error").unwrap_or_else(|| format!("code {}", parameter(&back, "code").unwrap().len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_a_consent_to_one_host_is_none_to_another_that_a_client_comes_to_lead_to() {
    const EVIL: &str = "https://evil.example/cb";
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let bearer = open(&app, &clinic, 1).await;
        let new = made(&app, &clinic, &bearer, &wanted()).await;
        let (mut program, mut client) = (app.browser(), app.browser());
        client.extra = vec![basic(&new)];
        let put = async |program: &mut Browser, urls: &[&str]| {
            let change = json!({"client_id": new.told["client_id"], "redirect_uris": urls});
            let answer = send(program, Method::PUT, &new.uri, &new.token, Some(&change)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        let mut run = Run::at(app.browser(), &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
        run.sign_in(NORA, PASSWORD).await;
        run.act("agree", &[]).await;
        let code = run.code().await;
        let tokens: Value = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[]).await.json();
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();

        // Another path of the same host asks nobody.
        put(&mut program, &[REPLY, "https://app.example/other"]).await;
        assert!(silently(&mut run.browser, &new.clinic, "https://app.example/other").await.starts_with("code"));
        assert_eq!(app.audited(clinic.tenant.id, Action::ConsentWithdrawn, Outcome::Success).await, 0);
        let answer = refresh(&mut client, &new.clinic, &clinic.flow, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();

        // Whoever has the registration access token adds a host of their own.
        put(&mut program, &[REPLY, EVIL]).await;
        assert_eq!(app.count("consents").await, 0);
        assert_eq!(silently(&mut run.browser, &new.clinic, EVIL).await, "consent_required", "a code to another host");
        let answer = refresh(&mut client, &new.clinic, &clinic.flow, &token).await;
        assert_eq!(error(&answer), refused(400, "invalid_grant"));
        let log = app.audit(clinic.tenant.id).await;
        let told: Vec<_> = log.iter().filter(|event| event.action == Action::ConsentWithdrawn).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].target, Some(new.clinic.application.id.to_string()));
        assert_eq!((&told[0].detail["to"], &told[0].detail["consents"]), (&json!(["https://evil.example"]), &json!(1)));

        // Asked anew at the old host, the person agrees to that host, and to no other that stands beside it.
        let mut again = Run::at(run.browser, &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
        let stage = again.stage().await;
        assert!(
            matches!(&stage, StageView::Consent { host, .. } if host.as_deref() == Some("app.example")),
            "{stage:?}"
        );
        again.act("agree", &[]).await;
        again.code().await;
        assert_eq!(silently(&mut again.browser, &new.clinic, EVIL).await, "consent_required", "the host beside it");
        assert!(silently(&mut again.browser, &new.clinic, REPLY).await.starts_with("code"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_a_consent_page_that_was_drawn_before_the_change_agrees_to_nothing_new() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let mut run = Run::at(app.browser(), &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
    assert!(matches!(run.sign_in(NORA, PASSWORD).await.stage, StageView::Consent { .. }));
    let change = json!({"client_id": new.told["client_id"], "redirect_uris": [REPLY, "https://evil.example/cb"]});
    assert_eq!(send(&mut app.browser(), Method::PUT, &new.uri, &new.token, Some(&change)).await.status, 200);
    run.act("agree", &[]).await;
    run.code().await;
    let answer = silently(&mut run.browser, &new.clinic, "https://evil.example/cb").await;
    assert_eq!(answer, "consent_required", "the page named app.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7592_once_an_operator_has_linked_it_or_given_it_a_secret_a_client_only_looks() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (tenant, domain) = (clinic.tenant.id, clinic.tenant.domain.as_str());
        let bearer = open(&app, &clinic, 4).await;
        let (mut ann, _) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        for what in ["linked", "unlinked", "a new secret", "a secret less"] {
            let new = made(&app, &clinic, &bearer, &wanted()).await;
            let id = new.clinic.application.id;
            let path = format!("/portal/{domain}/applications/{id}");
            // A form that is open meanwhile: none of these is a field of it.
            let form = portal::fields(&ann.get(&path).await, &path);
            let done = match what {
                "linked" | "unlinked" => {
                    let flow = if what == "linked" { &clinic.edit } else { &clinic.flow };
                    let flow = format!("/portal/{domain}/flows/{}", flow.name.key());
                    let action = format!("{flow}/applications");
                    let mut links = portal::fields(&ann.get(&flow).await, &action);
                    let name = format!("application-{id}");
                    links.retain(|(field, _)| *field != name);
                    let more = [(name.as_str(), "true")];
                    let done = portal::send(&mut ann, &action, links, if what == "linked" { &more } else { &[] }).await;
                    done.location() == Some(format!("{flow}?done=saved"))
                }
                "a new secret" => portal::save(&mut ann, &path, &format!("{path}/secret"), &[]).await.status == 200,
                _ => {
                    let secret = &new.clinic.application.secrets[0];
                    let key = lanyard_server::service::portal::applications::secret_key(secret);
                    let removal = format!("{path}/secret/{key}");
                    let typed = [("confirm", secret.hint.as_str())];
                    portal::save(&mut ann, &removal, &removal, &typed).await.location()
                        == Some(format!("{path}?done=removed"))
                }
            };
            assert!(done, "{what}");
            let before = app.rows(&TABLES).await;
            let mut client = app.browser();
            let change = json!({"client_id": new.told["client_id"], "redirect_uris": ["https://evil.example/cb"]});
            for method in [Method::PUT, Method::DELETE] {
                let answer = send(&mut client, method.clone(), &new.uri, &new.token, Some(&change)).await;
                assert_eq!(error(&answer), refused(403, "access_denied"), "{what} {method}");
            }
            assert_eq!(app.rows(&TABLES).await, before);
            assert_eq!(send(&mut client, Method::GET, &new.uri, &new.token, None).await.status, 200);
            let saved = portal::send(&mut ann, &path, form, &[("name", "Vouched for")]).await;
            assert_eq!(saved.location(), Some(format!("{path}?done=saved")), "o9: {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_registration_tells_the_log_of_every_address_and_key() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 2).await;
    let key = ClientKey::generate("k");
    let jwks: Value = serde_json::from_str(&key.jwks).unwrap();
    let body = json!({
        "redirect_uris": [REPLY], "post_logout_redirect_uris": ["https://app.example/bye"],
        "frontchannel_logout_uri": "https://app.example/front", "backchannel_logout_uri": "https://hooks.example/back",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks,
    });
    let first = made(&app, &clinic, &bearer, &body).await;
    let mut other = body.clone();
    other["jwks"] = serde_json::from_str(&ClientKey::generate("k").jwks).unwrap();
    made(&app, &clinic, &bearer, &other).await;
    let log = app.audit(clinic.tenant.id).await;
    let told: Vec<String> = log
        .iter()
        .filter(|event| event.action == Action::ApplicationRegistered)
        .map(|event| event.detail["settings"].to_string())
        .collect();
    assert_eq!(told.len(), 2);
    for said in ["https://app.example/bye", "https://app.example/front", "https://hooks.example/back", "k ("] {
        assert!(told.iter().all(|settings| settings.contains(said)), "{said}: {told:?}");
    }
    assert_ne!(told[0], told[1], "two keys of one name are told apart");
    assert!(!told.concat().contains(first.told["registration_access_token"].as_str().unwrap()), "c5");
}

#[tokio::test(flavor = "multi_thread")]
async fn u29_who_is_told_of_sign_outs_elsewhere_asks_everybody_anew() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let mut run = Run::at(app.browser(), &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.act("agree", &[]).await;
    run.code().await;
    let mut change = json!({"client_id": new.told["client_id"], "redirect_uris": [REPLY]});
    for (told, consents) in [("https://app.example/out", 1), ("https://evil.example/out", 0)] {
        change["backchannel_logout_uri"] = told.into();
        let answer = send(&mut app.browser(), Method::PUT, &new.uri, &new.token, Some(&change)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(app.count("consents").await, consents, "{told}");
    }
    assert_eq!(silently(&mut run.browser, &new.clinic, REPLY).await, "consent_required");
}
