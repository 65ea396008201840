//! A25 at the provider's endpoints: what a client of one tenant holds opens nothing at another tenant.

use lanyard_domain::role::Role;
use lanyard_oidc::endpoints::Endpoint;
use lanyard_server::service::portal::registration::{self, TokenDraft};

use super::by;
use crate::{
    portal::operator,
    support::{
        TestApp,
        browser::encode,
        journey::{authorize, place, with_code, with_tokens},
        world::REPLY,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a25_what_one_tenants_client_has_opens_nothing_at_another_tenants_endpoints() {
    let app = TestApp::new().await;
    let (own, other) = (app.world.plain.clone(), app.world.mfa.clone());
    let (_, code) = with_code(&app, &own).await;
    let (_, tokens) = with_tokens(&app, &own).await;
    let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
    let (access, refresh, hint) = (text("access_token"), text("refresh_token"), text("id_token"));
    let (_, holder) = operator(&app, "Ann", &[Role::InstanceOperator]).await;
    let by = || by(holder);
    // Who asks: the client that was given them, and one of the tenant where it asks.
    let [client, theirs] = [&own, &other].map(|clinic| clinic.application.id.to_string());
    let base = place(&other, &other.flow);
    let tables =
        ["accounts", "sessions", "grants", "refresh_tokens", "applications", "device_codes", "pushed_requests"];
    let before = app.rows(&tables).await;
    let id = ("client_id", client.as_str());
    let askers = [id, ("client_id", theirs.as_str())];
    for endpoint in Endpoint::ALL {
        let mut browser = app.browser();
        match endpoint {
            // They tell of the tenant and its flow, to everybody.
            Endpoint::Discovery | Endpoint::Keys | Endpoint::Device => {}
            Endpoint::Authorize => {
                let address = authorize(&own, &own.flow, &[]).replace(&place(&own, &own.flow), &base);
                assert!(address.starts_with(&base), "{address}");
                let page = browser.get(&address).await;
                assert!(page.status == 400 && page.location().is_none(), "{} {}", page.status, page.text());
            }
            Endpoint::Token => {
                let address = format!("{base}/oauth2/v2.0/token");
                for id in askers {
                    let code = [("grant_type", "authorization_code"), id, ("code", &code), ("redirect_uri", REPLY)];
                    let refresh = [("grant_type", "refresh_token"), id, ("refresh_token", &refresh)];
                    for page in [browser.post_bare(&address, &code).await, browser.post_bare(&address, &refresh).await]
                    {
                        assert!(page.status == 400 || page.status == 401, "{} {}", page.status, page.text());
                    }
                }
            }
            Endpoint::Logout => {
                let asked = encode(&[("id_token_hint", &hint), ("post_logout_redirect_uri", REPLY)]);
                let page = browser.get(&format!("{base}/oauth2/v2.0/logout?{asked}")).await;
                assert!(page.location().is_none_or(|to| !to.starts_with(REPLY)), "{:?}", page.location());
            }
            Endpoint::UserInfo => {
                browser.extra = vec![("authorization", format!("Bearer {access}"))];
                let page = browser.get(&format!("{base}/openid/v2.0/userinfo")).await;
                assert_eq!(page.status, 401, "{}", page.text());
            }
            Endpoint::Revocation
            | Endpoint::Introspection
            | Endpoint::PushedRequest
            | Endpoint::DeviceAuthorization => {
                let last = match endpoint {
                    Endpoint::Revocation => "revoke",
                    Endpoint::Introspection => "introspect",
                    Endpoint::PushedRequest => "par",
                    _ => "devicecode",
                };
                let address = format!("{base}/oauth2/v2.0/{last}");
                let fields = [id, ("token", refresh.as_str()), ("scope", "openid"), ("redirect_uri", REPLY)];
                let page = browser.post_bare(&address, &fields).await;
                assert!(page.status == 400 || page.status == 401, "{last}: {} {}", page.status, page.text());
                if matches!(endpoint, Endpoint::Revocation | Endpoint::Introspection) {
                    // A client of that tenant may ask, and there is no such token: it is told nothing of it (RFC 7009,
                    // 2.2; RFC 7662, 2.2), and the rows below say that it still stands.
                    let page = browser.post_bare(&address, &[askers[1], ("token", refresh.as_str())]).await;
                    assert!(!page.says("\"active\":true"), "{last}: {}", page.text());
                    assert!(page.status.as_u16() < 500, "{last}: {} {}", page.status, page.text());
                }
            }
            Endpoint::Registration => {
                let draft = TokenDraft { flow: own.flow.id, label: "Partner".to_owned(), uses: 1, days: 7 };
                let (_, initial) = registration::mint(&app.app, own.tenant.id, draft, by()).await.unwrap();
                registration::switch(&app.app, other.tenant.id, Some(5), by()).await.unwrap();
                browser.extra = vec![("authorization", format!("Bearer {}", initial.expose()))];
                let body = serde_json::json!({"redirect_uris": [REPLY], "client_name": "Taken over"});
                let page = browser.post_json(&format!("{base}/oauth2/v2.0/register"), &body).await;
                assert!(page.status == 401 || page.status == 403, "{} {}", page.status, page.text());
            }
        }
    }
    assert_eq!(app.rows(&tables).await, before);
    app.drain().await;
}
