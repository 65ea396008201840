//! What operators do in the portal, over HTTP: changes of two at once, secrets, roles, settings.

mod applications;
mod counted;
mod flows;
mod posts;
mod settings;

use axum::http::StatusCode;
use lanyard_domain::{
    account::{Account, AccountKind},
    assurance::Authentication,
    audit::{Action, Outcome},
    clock::HOUR,
    email::EmailAddress,
    id::Id,
    journey::NewAccount,
    role::{Role, RoleGrant},
    secret::Token,
    session::{ConsoleKind, Session},
    tenant::{SYSTEM_DOMAIN, TenantDomain},
};
use lanyard_storage::StorageError;

use crate::support::{Browser, Page, TestApp};

pub(crate) const RIVERSIDE: &str = "/portal/riverside.example";
/// What is set for all of it.
pub(crate) const SETTINGS: &str = "/portal/riverside.example/settings";

/// An operator who is signed in to the portal and holds these roles.
pub(crate) async fn operator(app: &TestApp, name: &str, roles: &[Role]) -> (Browser, Id<Account>) {
    let (own, now, roles) = (app.app.clone(), app.now(), roles.to_vec());
    let email = EmailAddress::parse(&format!("{}@operators.example", name.to_lowercase())).unwrap();
    let token = Token::generate(app.app.entropy().as_mut());
    let hash = token.hash();
    let made = app.app.store.write(move |tx| {
        Box::pin(async move {
            let system = tx.tenant_by_domain(&TenantDomain::parse(SYSTEM_DOMAIN).unwrap()).await?.unwrap();
            let account = NewAccount {
                id: Id::new(now, own.entropy().as_mut()),
                kind: AccountKind::Operator,
                email,
                phc: "$none".to_owned(),
                attributes: Default::default(),
                factors: Vec::new(),
                invitation: None,
            };
            tx.create_account(system.id, &account, now).await?;
            for role in roles {
                tx.grant_role(&RoleGrant { account: account.id, role, granted_at: now, granted_by: None }).await?;
            }
            let authentication: Authentication = serde_json::from_value(serde_json::json!({
                "account": account.id, "at": now, "password": true, "email_proved": false,
                "second": ["authenticator_app"], "new_account": false,
            }))
            .unwrap();
            tx.create_session(&Session {
                id: Id::new(now, own.entropy().as_mut()),
                tenant: system.id,
                account: account.id,
                token: hash,
                console: Some(ConsoleKind::Portal),
                terms: lanyard_domain::session::SessionTerms::default(),
                authentication,
                created_at: now,
                last_seen_at: now,
                expires_at: now.plus(HOUR),
                ended_at: None,
            })
            .await?;
            Ok::<_, StorageError>(account.id)
        })
    });
    let id = made.await.unwrap();
    let mut browser = app.browser();
    browser.jar.insert("__Host-console".to_owned(), token.expose().to_owned());
    (browser, id)
}

pub(crate) async fn boss(app: &TestApp, name: &str) -> Browser {
    operator(app, name, &[Role::InstanceOperator]).await.0
}

/// The fields of the page's form that posts to `action`, as the browser would send them.
pub(crate) fn fields(page: &Page, action: &str) -> Vec<(String, String)> {
    let text = page.text();
    let form = text.split("<form").find(|form| form.contains(&format!("action=\"{action}\""))).unwrap();
    let form = form.split("</form>").next().unwrap();
    let mut found = Vec::new();
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(unescaped(rest.split('"').next().unwrap()))
    };
    for tag in form.split("<input").skip(1).map(|tag| tag.split('>').next().unwrap()) {
        let kind = attribute(tag, "type").unwrap_or_default();
        if matches!(kind.as_str(), "checkbox" | "radio") && !tag.contains(" checked") {
            continue;
        }
        found.extend(attribute(tag, "name").map(|name| (name, attribute(tag, "value").unwrap_or_default())));
    }
    for select in form.split("<select").skip(1).map(|part| part.split("</select>").next().unwrap()) {
        let chosen =
            select.split("<option").skip(1).find(|option| option.split('>').next().unwrap().contains(" selected"));
        found.extend(attribute(select, "name").zip(chosen.and_then(|option| attribute(option, "value"))));
    }
    for area in form.split("<textarea").skip(1).map(|part| part.split("</textarea>").next().unwrap()) {
        let (tag, value) = area.split_once('>').unwrap();
        let value = value.replace("<!>", "");
        found.extend(attribute(tag, "name").map(|name| (name, unescaped(value.trim()))));
    }
    found
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'").replace("&amp;", "&")
}

/// Opens `path` and sends its form to `action` with `changes` (an empty value unticks a box).
pub(crate) async fn save(browser: &mut Browser, path: &str, action: &str, changes: &[(&str, &str)]) -> Page {
    let form = fields(&browser.get(path).await, action);
    send(browser, action, form, changes).await
}

pub(crate) async fn send(
    browser: &mut Browser,
    action: &str,
    mut form: Vec<(String, String)>,
    changes: &[(&str, &str)],
) -> Page {
    form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    form.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(action, &pairs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_an_operator_gets_a_tenant_and_loses_it_at_the_next_click() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let home = format!("{RIVERSIDE}/operators");
    let mut ann = boss(&app, "Ann").await;
    let (mut ben, id) = operator(&app, "Ben", &[]).await;
    assert_eq!(ben.get(RIVERSIDE).await.status, StatusCode::NOT_FOUND);
    let invite = [("email", "Ben@Operators.example")];
    assert_eq!(save(&mut ann, &home, &home, &invite).await.location(), Some(format!("{home}?done=granted")));
    assert_eq!(ben.get(RIVERSIDE).await.status, StatusCode::OK);
    assert_eq!(ben.get("/portal/hilltop.example").await.status, StatusCode::NOT_FOUND, "a25: no other tenant");
    assert!(ann.get(&home).await.says("ben@operators.example"));
    let twice = save(&mut ann, &home, &home, &invite).await;
    assert!(twice.status == StatusCode::UNPROCESSABLE_ENTITY && twice.says("manages this tenant already"));

    // Who manages the tenant sees who else does, and changes nothing of it.
    let revoke = format!("{home}/{id}/revoke");
    let seen = ben.get(&home).await;
    assert!(seen.says("Only an operator of the whole system") && !seen.says("Invite operator<"));
    let (csrf, before) = (seen.csrf().unwrap(), app.rows(&["role_grants", "invitations", "outbox"]).await);
    for path in [&home, &revoke, &format!("{home}/{id}/withdraw")] {
        let answer = ben.post(path, &[("csrf", &csrf), ("email", "friend@operators.example")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(ben.get(&revoke).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.rows(&["role_grants", "invitations", "outbox"]).await, before);

    let form = fields(&ann.get(&revoke).await, &revoke);
    assert_eq!(send(&mut ann, &revoke, form.clone(), &[]).await.location(), Some(format!("{home}?done=revoked")));
    assert!(ben.get(RIVERSIDE).await.location().is_some_and(|to| to.starts_with("/journey/")), "a19: signed out");
    assert_eq!(send(&mut ann, &revoke, form, &[]).await.status, StatusCode::NOT_FOUND, "once");
    for action in [Action::RoleGranted, Action::RoleRevoked] {
        assert_eq!(app.audited(clinic.tenant.id, action, Outcome::Success).await, 1, "{action:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f50_an_operator_is_invited_by_email_and_a_withdrawn_link_opens_nothing() {
    let app = TestApp::new().await;
    let home = format!("{RIVERSIDE}/operators");
    let mut ann = boss(&app, "Ann").await;
    for (address, why) in [("", "Enter the email address"), ("cleo", "not a complete email address")] {
        let refused = save(&mut ann, &home, &home, &[("email", address)]).await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.says(why), "{address}");
    }
    assert_eq!(app.count("invitations").await, 0);
    let sent = save(&mut ann, &home, &home, &[("email", "cleo@operators.example")]).await;
    assert_eq!(sent.location(), Some(format!("{home}?done=invited")));
    let letter = app.message("cleo@operators.example").await;
    assert!(letter.body.contains("Riverside Clinic") && letter.body.contains("authenticator app"), "{}", letter.body);
    let link = letter.body.split_whitespace().find(|word| word.contains("/invitation/lanyard.system/")).unwrap();
    let link = link.strip_prefix(crate::support::app::ORIGIN).unwrap().to_owned();
    let opened = app.browser().get(&link).await;
    assert!(opened.location().is_some_and(|to| to.starts_with("/journey/")), "{}", opened.status);
    let listed = ann.get(&home).await;
    assert!(listed.says("cleo@operators.example"));
    let withdraw = listed.text().split("action=\"").find(|part| part.contains("/withdraw\"")).unwrap().to_owned();
    let withdraw = withdraw.split('"').next().unwrap().to_owned();
    let gone = save(&mut ann, &home, &withdraw, &[]).await;
    assert_eq!(gone.location(), Some(format!("{home}?done=withdrawn")));
    assert_eq!(app.browser().get(&link).await.status, StatusCode::NOT_FOUND);
    assert!(!ann.get(&home).await.says("cleo@operators.example"));
    let tenant = app.world.mfa.tenant.id;
    assert_eq!(app.audited(tenant, Action::InvitationSent, Outcome::Success).await, 1);
    assert_eq!(app.audited(tenant, Action::InvitationWithdrawn, Outcome::Success).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_a_member_of_staff_is_listed_removed_and_taken_in_again() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (home, tenant) = (format!("{RIVERSIDE}/staff"), clinic.tenant.id);
    let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(tenant)]).await;
    let (mut stranger, _) = operator(&app, "Cleo", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    let revoke = format!("{home}/{}/revoke", clinic.sam);
    let listed = ben.get(&home).await;
    assert!(listed.says("sam@") && listed.says(&revoke), "{}", listed.text());
    // a25: another tenant's operator finds nothing, and another tenant's address names nobody here.
    assert_eq!(stranger.get(&revoke).await.status, StatusCode::NOT_FOUND);
    let elsewhere = format!("/portal/{}/staff/{}/revoke", app.world.plain.tenant.domain.as_str(), clinic.sam);
    assert_eq!(stranger.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
    let csrf = stranger.get("/portal").await.csrf().unwrap();
    for path in [&revoke, &elsewhere] {
        assert_eq!(stranger.post(path, &[("csrf", &csrf)]).await.status, StatusCode::NOT_FOUND, "{path}");
    }

    let form = fields(&ben.get(&revoke).await, &revoke);
    assert_eq!(send(&mut ben, &revoke, form.clone(), &[]).await.location(), Some(format!("{home}?done=revoked")));
    assert_eq!(send(&mut ben, &revoke, form, &[]).await.status, StatusCode::NOT_FOUND, "once");
    assert!(!ben.get(&home).await.says("sam@"));
    let account = app.app.store.read(move |tx| Box::pin(async move { tx.account_by_id(tenant, clinic.sam).await }));
    let account: Result<_, StorageError> = account.await;
    let address = account.unwrap().expect("the account stays").email;
    let invite = [("email", address.as_str())];
    assert_eq!(save(&mut ben, &home, &home, &invite).await.location(), Some(format!("{home}?done=granted")));
    let twice = save(&mut ben, &home, &home, &invite).await;
    assert!(twice.status == StatusCode::UNPROCESSABLE_ENTITY && twice.says("belongs to the staff already"));
    for action in [Action::RoleGranted, Action::RoleRevoked] {
        assert_eq!(app.audited(tenant, action, Outcome::Success).await, 1, "{action:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f50_an_invitation_to_the_staff_is_listed_and_withdrawn() {
    let app = TestApp::new().await;
    let (home, tenant) = (format!("{RIVERSIDE}/staff"), app.world.mfa.tenant.id);
    let mut ann = boss(&app, "Ann").await;
    let sent = save(&mut ann, &home, &home, &[("email", "new.nurse@staff.example")]).await;
    assert_eq!(sent.location(), Some(format!("{home}?done=invited")));
    let letter = app.message("new.nurse@staff.example").await;
    let link = letter.body.split_whitespace().find(|word| word.contains("/invitation/")).unwrap();
    let link = link.strip_prefix(crate::support::app::ORIGIN).unwrap().to_owned();
    let listed = ann.get(&home).await;
    assert!(listed.says("new.nurse@staff.example"));
    let withdraw = listed.text().split("action=\"").find(|part| part.contains("/withdraw\"")).unwrap().to_owned();
    let withdraw = withdraw.split('"').next().unwrap().to_owned();
    // The address of an operator's invitation is none of staff's.
    let other = withdraw.replace("/staff/", "/operators/");
    let csrf = listed.csrf().unwrap();
    assert_eq!(ann.post(&other, &[("csrf", &csrf)]).await.status, StatusCode::NOT_FOUND);
    let gone = save(&mut ann, &home, &withdraw, &[]).await;
    assert_eq!(gone.location(), Some(format!("{home}?done=withdrawn")));
    assert_eq!(app.browser().get(&link).await.status, StatusCode::NOT_FOUND);
    assert!(!ann.get(&home).await.says("new.nurse@staff.example"));
    assert_eq!(app.audited(tenant, Action::InvitationWithdrawn, Outcome::Success).await, 1);
}
