//! Initial access tokens in the portal: shown once, for operators of the tenant alone, revoked at once.

use axum::http::{Method, StatusCode};
use lanyard_domain::{audit::Action, role::Role};
use serde_json::json;

use crate::{
    portal::{RIVERSIDE, SETTINGS, fields, operator, save, send},
    registration,
    support::{TestApp, browser::Page, journey::place},
};

const TABLES: [&str; 2] = ["initial_access_tokens", "audit"];

// What the page shows in fixed letters behind "Token".
fn shown(page: &Page) -> Option<String> {
    let text = page.text();
    let (_, rest) = text.split_once("The new initial access token")?;
    let (_, rest) = rest.split_once("<code class=\"fixed\">")?;
    Some(rest.split('<').next()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_a_token_made_in_the_portal_registers_until_it_is_revoked() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(clinic.tenant.id)]).await;
    let path = format!("{RIVERSIDE}/registration/tokens");
    let first = ann.get(&path).await;
    assert!(first.says("Registration is off") && first.says("There is none yet."), "{}", first.text());
    save(&mut ann, SETTINGS, &format!("{RIVERSIDE}/registration"), &[("most", "7")]).await;

    let flow = clinic.flow.id.to_string();
    let changes = [("label", "Step <counter>"), ("flow", flow.as_str()), ("uses", "2"), ("days", "1")];
    let made = save(&mut ann, &path, &path, &changes).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.header("cache-control").as_deref(), Some("no-store"));
    let token = shown(&made).unwrap();
    let endpoint = format!("{}/oauth2/v2.0/register", place(&clinic, &clinic.flow));
    assert!(made.says(&format!("https://id.example{endpoint}")), "{}", made.text());
    let list = ann.get(&path).await;
    assert!(shown(&list).is_none() && !list.text().contains(&token), "shown once");
    assert!(list.text().contains("Step &lt;counter&gt;") && !list.says("Registration is off"), "{}", list.text());

    let mut program = app.browser();
    let body = json!({"client_name": "Steps", "redirect_uris": ["https://steps.example/back"]});
    let answer = registration::send(&mut program, Method::POST, &endpoint, &token, Some(&body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let list = ann.get(&path).await;
    let revoke = list.text().split("action=\"").find_map(|part| {
        let address = part.split('"').next().unwrap();
        address.ends_with("/revoke").then(|| address.to_owned())
    });
    let revoke = revoke.unwrap();
    let gone = save(&mut ann, &path, &revoke, &[]).await;
    assert_eq!(gone.location(), Some(format!("{path}?done=revoked")));
    let answer = registration::send(&mut program, Method::POST, &endpoint, &token, Some(&body)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
    let list = ann.get(&format!("{path}?done=revoked")).await;
    assert!(list.says("The token is revoked") && list.says("Revoked on") && !list.text().contains("/revoke\""));
    for action in [Action::InitialAccessTokenCreated, Action::InitialAccessTokenRevoked] {
        let events: Vec<_> =
            app.audit(clinic.tenant.id).await.into_iter().filter(|event| event.action == action).collect();
        assert_eq!((events.len(), events[0].actor), (1, Some(id)), "{action:?}");
        assert!(!serde_json::to_string(&events[0].detail).unwrap().contains(&token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_initial_tokens_are_made_and_revoked_by_operators_of_the_tenant_within_bounds() {
    let app = TestApp::new().await;
    let (own, other) = (app.world.mfa.clone(), app.world.plain.clone());
    let (mut ann, _) = operator(&app, "Ann", &[Role::TenantOperator(own.tenant.id)]).await;
    let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(other.tenant.id)]).await;
    let path = format!("{RIVERSIDE}/registration/tokens");
    let flow = own.flow.id.to_string();
    let good = [("label", "Partner"), ("flow", flow.as_str()), ("uses", "1"), ("days", "7")];
    assert_eq!(save(&mut ann, &path, &path, &good).await.status, StatusCode::OK);
    let page = ann.get(&path).await;
    let text = page.text();
    let revoke = text.split('"').find(|part| part.ends_with("/revoke")).unwrap().to_owned();
    let before = app.rows(&TABLES).await;

    let form = fields(&page, &path);
    let foreign = other.flow.id.to_string();
    for (change, wrong) in [
        (("label", " "), "Enter a name for whom it is."),
        (("uses", "101"), "Enter a whole number from 1 to 100."),
        (("days", "0"), "Enter a whole number from 1 to 90."),
        (("flow", "x"), "Choose a user flow."),
        (("flow", foreign.as_str()), "This user flow is gone."),
    ] {
        let mut changes = good.to_vec();
        changes.retain(|(name, _)| *name != change.0);
        changes.push(change);
        let refused = send(&mut ann, &path, form.clone(), &changes).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{change:?}");
        assert!(refused.says(wrong), "{change:?}: {}", refused.text());
        assert!(change.0 == "label" || refused.text().contains("value=\"Partner\""), "u4 what was typed stays");
    }
    assert_eq!(send(&mut ann, &path, form.clone(), &[("csrf", "x")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(ben.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(&mut ben, &path, form, &good).await.status, StatusCode::NOT_FOUND);
    // A token of another tenant, at one's own: the id alone opens nothing.
    let harbour = format!("/portal/{}", other.tenant.domain.as_str());
    let own_form = fields(&ben.get(&format!("{harbour}/settings")).await, &format!("{harbour}/registration"));
    let id = revoke.rsplit('/').nth(1).unwrap();
    let elsewhere = format!("{harbour}/registration/tokens/{id}/revoke");
    assert_eq!(send(&mut ben, &elsewhere, own_form, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.rows(&TABLES).await, before);
}
