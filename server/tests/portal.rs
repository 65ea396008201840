//! What operators do in the portal, over HTTP: changes of two at once, secrets, roles, settings.

use axum::http::StatusCode;
use futures::future::join_all;
use lanyard_domain::{
    account::{Account, AccountKind},
    application::{Application, ApplicationKind},
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

use crate::support::{Browser, Page, TestApp, app::Options, world};

pub(crate) const RIVERSIDE: &str = "/portal/riverside.example";

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

fn application_path(id: Id<Application>) -> String {
    format!("{RIVERSIDE}/applications/{id}")
}

async fn application_of(app: &TestApp, id: Id<Application>) -> Application {
    let tenant = app.world.mfa.tenant.id;
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.application_by_id(tenant, id).await })).await;
    let found: Result<_, StorageError> = found;
    found.unwrap().unwrap()
}

/// A further application of the clinic.
async fn registered(app: &TestApp, name: &str, kind: ApplicationKind) -> Id<Application> {
    let own = world::application(&app.app, &app.world.mfa.tenant, name, kind);
    let id = own.id;
    let made = app.app.store.write(move |tx| Box::pin(async move { tx.create_application(&own).await })).await;
    let made: Result<(), StorageError> = made;
    made.unwrap();
    id
}

async fn two_operators(options: Options) {
    let app = TestApp::with(options).await;
    let id = app.world.mfa.application.id;
    let path = application_path(id);
    let (mut ann, mut ben) = (boss(&app, "Ann").await, boss(&app, "Ben").await);
    let stale = fields(&ben.get(&path).await, &path);
    let saved = save(&mut ann, &path, &path, &[("name", "Renamed by Ann")]).await;
    assert_eq!(saved.location(), Some(format!("{path}?done=saved")));
    let before = app.rows(&["applications", "flow_links", "audit"]).await;
    let answer = send(&mut ben, &path, stale, &[("name", "Renamed by Ben")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.says("Somebody else changed this while you were editing"), "{}", answer.text());
    assert!(answer.says("ann@operators.example changed it on") && answer.says("Renamed by Ann"));
    assert_eq!(app.rows(&["applications", "flow_links", "audit"]).await, before);
    // What changes nothing makes no version: the other one's form is still good.
    let form = fields(&ben.get(&path).await, &path);
    let same = save(&mut ann, &path, &path, &[]).await;
    assert_eq!(same.location(), Some(format!("{path}?done=unchanged")));
    // Ten at once from one page: one is saved, nine are told.
    let tries = (0..10).map(|n| {
        let (mut browser, path, form) = (ben.clone(), path.clone(), form.clone());
        tokio::spawn(async move { send(&mut browser, &path, form, &[("name", &format!("Try {n}"))]).await.status })
    });
    let answers: Vec<StatusCode> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 9, "{answers:?}");
    assert_eq!(app.audited(app.world.mfa.tenant.id, Action::ApplicationChanged, Outcome::Success).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_of_two_operators_one_wins_and_the_other_is_told_who() {
    two_operators(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_of_two_operators_one_wins_and_the_other_is_told_who_on_postgres() {
    two_operators(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_a_link_that_another_operator_changed_stays_as_they_left_it() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = application_path(clinic.application.id);
    let flow_page = format!("{RIVERSIDE}/flows/{}", clinic.edit.name.key());
    let (mut ann, mut ben) = (boss(&app, "Ann").await, boss(&app, "Ben").await);
    let stale = fields(&ben.get(&path).await, &path);
    // Ann unlinks the flow on its own page; Ben, who still sees it ticked, renames the application.
    let action = format!("{flow_page}/applications");
    let box_name = format!("application-{}", clinic.application.id);
    let mut form = fields(&ann.get(&flow_page).await, &action);
    form.retain(|(name, _)| *name != box_name);
    assert_eq!(send(&mut ann, &action, form, &[]).await.location(), Some(format!("{flow_page}?done=saved")));
    assert_eq!(app.count("flow_links").await, 5);
    let saved = send(&mut ben, &path, stale, &[("name", "Renamed by Ben")]).await;
    assert_eq!(saved.location(), Some(format!("{path}?done=saved")));
    assert_eq!(app.count("flow_links").await, 5, "Ben did not touch that box");
}

#[tokio::test(flavor = "multi_thread")]
async fn o9_a_client_secret_is_removed_once_its_end_is_typed_and_the_other_stays() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let id = registered(&app, "Server", ApplicationKind::Web).await;
    let path = application_path(id);
    let mut ann = boss(&app, "Ann").await;
    for _ in 0..2 {
        let made = save(&mut ann, &path, &format!("{path}/secret"), &[]).await;
        assert!(made.status == StatusCode::OK && made.says("The new client secret"));
    }
    let [old, new] = <[_; 2]>::try_from(application_of(&app, id).await.secrets).unwrap();
    let page = ann.get(&path).await;
    assert!(page.says("then remove the old one"));
    let removal =
        page.text().split("href=\"").find(|part| part.starts_with(&format!("{path}/secret/"))).unwrap().to_owned();
    let removal = removal.split('"').next().unwrap().to_owned();
    let before = app.rows(&["client_secrets", "audit"]).await;
    for typed in ["", "nope", &old.hint.to_lowercase().repeat(2)] {
        let refused = save(&mut ann, &removal, &removal, &[("confirm", typed)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(refused.says("exactly as they are shown"));
    }
    assert_eq!(app.rows(&["client_secrets", "audit"]).await, before);
    // Not by who manages another tenant only.
    let (mut stranger, _) = operator(&app, "Sly", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    assert_eq!(stranger.get(&removal).await.status, StatusCode::NOT_FOUND);
    let hint = if removal.ends_with(&lanyard_server::service::portal::applications::secret_key(&old)) {
        old.hint.clone()
    } else {
        new.hint.clone()
    };
    let form = fields(&ann.get(&removal).await, &removal);
    let removed = send(&mut ann, &removal, form.clone(), &[("confirm", &hint)]).await;
    assert_eq!(removed.location(), Some(format!("{path}?done=removed")));
    let left = application_of(&app, id).await.secrets;
    assert_eq!(left.len(), 1);
    assert_ne!(left[0].hint, hint);
    assert_eq!(app.audited(tenant, Action::ClientSecretRemoved, Outcome::Success).await, 1);
    assert_eq!(send(&mut ann, &removal, form, &[("confirm", &hint)]).await.status, StatusCode::NOT_FOUND, "once");
    let last = format!("{path}/secret/{}", lanyard_server::service::portal::applications::secret_key(&left[0]));
    assert!(ann.get(&last).await.says("the only secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7662_a_web_api_gets_a_secret_in_the_portal() {
    let app = TestApp::new().await;
    let mut ann = boss(&app, "Ann").await;
    for (kind, secrets) in [(ApplicationKind::WebApi, 1), (ApplicationKind::SinglePage, 0)] {
        let id = registered(&app, "Records", kind).await;
        let path = application_path(id);
        let secret = format!("{path}/secret");
        if secrets == 1 {
            let made = save(&mut ann, &path, &secret, &[]).await;
            assert!(made.status == StatusCode::OK && made.says("The new client secret"), "{}", made.text());
        } else {
            assert!(!ann.get(&path).await.text().contains(&secret), "a public client keeps none");
        }
        assert_eq!(application_of(&app, id).await.secrets.len(), secrets);
    }
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
    assert_eq!(ben.get(RIVERSIDE).await.status, StatusCode::NOT_FOUND);
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
async fn o2_required_without_collected_changes_nothing_and_says_why() {
    let app = TestApp::new().await;
    let path = format!("{RIVERSIDE}/flows/{}", app.world.mfa.flow.name.key());
    let mut ann = boss(&app, "Ann").await;
    let before = app.rows(&["user_flows", "audit"]).await;
    let mut form = fields(&ann.get(&path).await, &path);
    form.retain(|(name, _)| name != "collect-country");
    let refused = send(&mut ann, &path, form, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("Country/Region is required but not collected."), "{}", refused.text());
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_registration_is_switched_in_the_portal_and_audited() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let action = format!("{RIVERSIDE}/registration");
    let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
    let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    const TABLES: [&str; 2] = ["registration_switches", "audit"];
    let page = ann.get(RIVERSIDE).await;
    assert!(page.says("Off: only operators register applications."), "{}", page.text());
    let form = fields(&page, &action);
    let before = app.rows(&TABLES).await;
    // Out of bounds, another tenant's operator, a form of another site, a word that is none.
    for most in ["0", "1001", "many", ""] {
        let refused = send(&mut ann, &action, form.clone(), &[("most", most)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{most}");
        assert!(refused.says("Enter a whole number from 1 to 1000."), "{}", refused.text());
    }
    assert_eq!(send(&mut ben, &action, form.clone(), &[]).await.status, StatusCode::NOT_FOUND, "a25");
    assert_eq!(send(&mut ann, &action, form.clone(), &[("csrf", "x")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&mut ann, &action, form.clone(), &[("to", "x")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.rows(&TABLES).await, before);

    let on = send(&mut ann, &action, form.clone(), &[("most", "7")]).await;
    assert_eq!(on.location().as_deref(), Some("/portal/riverside.example?done=registration-on"));
    let page = ann.get(&on.location().unwrap()).await;
    assert!(page.says("Programs may register applications") && page.says("7 at most"), "{}", page.text());
    let switch = async || {
        let read = app.app.store.read(move |tx| Box::pin(async move { tx.registration_switch(tenant).await })).await;
        read.map(|switch| (switch.on, switch.most)).unwrap_or_else(|error: StorageError| panic!("{error}"))
    };
    assert_eq!(switch().await, (true, 7));
    // Once more changes nothing, and is no event.
    send(&mut ann, &action, form, &[("most", "7")]).await;
    let off = save(&mut ann, RIVERSIDE, &action, &[]).await;
    assert_eq!(off.location().as_deref(), Some("/portal/riverside.example?done=registration-off"));
    assert_eq!(switch().await, (false, 7), "the limit is kept");
    let events = app.audit(tenant).await.into_iter().filter(|event| event.action == Action::RegistrationSwitched);
    let mut told: Vec<_> = events.map(|event| (event.actor, event.detail["on"].clone())).collect();
    told.sort_by_key(|(_, on)| on.to_string());
    assert_eq!(told, [(Some(id), false.into()), (Some(id), true.into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_the_countries_of_texts_and_calls_are_set_in_the_portal_and_audited() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let tenant = app.world.mfa.tenant.id;
        let action = format!("{RIVERSIDE}/texts");
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        let page = ann.get(RIVERSIDE).await;
        assert!(page.says("Codes by text and call go to phones in every country."), "{}", page.text());
        let form = fields(&page, &action);
        let before = app.rows(&["tenants", "audit"]).await;
        let refused = send(&mut ann, &action, form.clone(), &[("countries", "Canada, Narnia")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("“Narnia” is no country on our list."), "{}", refused.text());
        assert!(refused.says("Canada, Narnia"), "what was typed stays");
        let canada = [("countries", "Canada")];
        assert_eq!(send(&mut ben, &action, form.clone(), &canada).await.status, StatusCode::NOT_FOUND, "a25");
        let forged = [canada[0], ("csrf", "x")];
        assert_eq!(send(&mut ann, &action, form.clone(), &forged).await.status, StatusCode::FORBIDDEN);
        // As it is already: no change and no event.
        send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(app.rows(&["tenants", "audit"]).await, before);

        let saved = send(&mut ann, &action, form.clone(), &[("countries", "united states, CA")]).await;
        assert_eq!(saved.location().as_deref(), Some("/portal/riverside.example?done=texts"));
        let page = ann.get(&saved.location().unwrap()).await;
        assert!(page.says("go to phones in Canada, United States only."), "{}", page.text());
        // A form that was drawn before does not undo it unseen.
        let stale = send(&mut ann, &action, form, &canada).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(stale.says("Somebody else has changed the countries meanwhile."), "{}", stale.text());
        let again = send(&mut ann, &action, fields(&stale, &action), &[]).await;
        assert_eq!(again.location().as_deref(), Some("/portal/riverside.example?done=texts"));
        let events = app.audit(tenant).await.into_iter().filter(|event| event.action == Action::TenantChanged);
        let mut told: Vec<_> = events.map(|event| (event.actor, event.detail["phone_countries"].to_string())).collect();
        told.sort();
        assert_eq!(told, [(Some(id), "[\"CA\",\"US\"]".to_owned()), (Some(id), "[\"CA\"]".to_owned())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n20_c1_the_hours_of_the_cool_down_are_set_within_bounds_and_told() {
    for options in [Options::default, Options::postgres] {
        let app = TestApp::with(options()).await;
        let tenant = app.world.mfa.tenant.id;
        let action = format!("{RIVERSIDE}/cool-down");
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        let page = ann.get(RIVERSIDE).await;
        assert!(page.says("For 24 hours nobody can remove a second step"), "{}", page.text());
        let form = fields(&page, &action);
        let before = app.rows(&["tenants", "audit"]).await;
        for wrong in ["169", "-1", "1.5", "a day", ""] {
            let refused = send(&mut ann, &action, form.clone(), &[("hours", wrong)]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
            assert!(refused.says("Enter a whole number of hours from 0 to 168."), "{}", refused.text());
        }
        let two = [("hours", "2")];
        assert_eq!(send(&mut ben, &action, form.clone(), &two).await.status, StatusCode::NOT_FOUND, "a25");
        assert_eq!(send(&mut ann, &action, form.clone(), &[two[0], ("csrf", "x")]).await.status, StatusCode::FORBIDDEN);
        send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(app.rows(&["tenants", "audit"]).await, before, "as it is already");

        let saved = send(&mut ann, &action, form.clone(), &two).await;
        assert_eq!(saved.location().as_deref(), Some("/portal/riverside.example?done=cool-down"));
        let page = ann.get(&saved.location().unwrap()).await;
        assert!(page.says("For 2 hours nobody can remove a second step"), "{}", page.text());
        let stale = send(&mut ann, &action, form, &[("hours", "0")]).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(stale.says("Somebody else has changed this meanwhile."), "{}", stale.text());
        let again = send(&mut ann, &action, fields(&stale, &action), &[]).await;
        assert_eq!(again.location().as_deref(), Some("/portal/riverside.example?done=cool-down"));
        let log = app.audit(tenant).await;
        let told = log.iter().filter(|event| event.action == Action::TenantChanged && event.actor == Some(id));
        let mut told: Vec<_> = told.map(|event| event.detail["cool_down_hours"].as_u64().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, [0, 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_the_page_says_whom_it_counts() {
    let app = TestApp::new().await;
    let mut ann = boss(&app, "Ann").await;
    let page = ann.get(&format!("{RIVERSIDE}/flows/{}/mfa?to=off", app.world.mfa.flow.name.key())).await;
    assert!(page.says("1 of 3 patients has no second factor."), "{}", page.text());
    assert!(page.says("All patients of Riverside Clinic are counted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_a_dry_run_says_who_would_be_affected_and_saves_nothing() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let mut ann = boss(&app, "Ann").await;
        // Maria has a phone, Tina an app, Nora nothing.
        let path = format!("{RIVERSIDE}/flows/{}", app.world.mfa.flow.name.key());
        let before = app.rows(&["user_flows", "audit"]).await;
        for to in ["on", "conditional"] {
            let (page, action) = (format!("{path}/mfa?to={to}"), format!("{path}/mfa"));
            let asked = ann.get(&page).await;
            assert!(asked.says("1 patient has none, and is asked to set one up."), "{}", asked.text());
            assert!(!asked.says("not good enough"), "{}", asked.text());
            for (minimum, weaker) in
                [("aal2_strict", "1 patient has only"), ("phishing_resistant", "2 patients have only")]
            {
                let tried = save(&mut ann, &page, &action, &[("minimum", minimum), ("dry_run", "true")]).await;
                assert_eq!(tried.status, StatusCode::OK, "{}", tried.text());
                assert!(tried.says(weaker) && tried.says("1 of 3 patients has no second factor."), "{}", tried.text());
                // What was chosen stays chosen.
                let form = fields(&tried, &action);
                assert!(form.contains(&("minimum".to_owned(), minimum.to_owned())), "{form:?}");
            }
        }
        // With nothing to choose from it is an error, tried or not.
        let none =
            ["passkey", "authenticator_app", "text_message", "phone_call"].map(|method| format!("method-{method}"));
        let mut none: Vec<(&str, &str)> = none.iter().map(|name| (name.as_str(), "")).collect();
        none.push(("dry_run", "true"));
        let refused = save(&mut ann, &format!("{path}/mfa?to=on"), &format!("{path}/mfa"), &none).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_an_application_are_saved_audited_and_refused_field_by_field() {
    let app = TestApp::new().await;
    let tenant = app.world.mfa.tenant.id;
    let mut ann = boss(&app, "Ann").await;
    let api = registered(&app, "Records", ApplicationKind::WebApi).await;
    let api_path = application_path(api);
    let saved = save(
        &mut ann,
        &api_path,
        &api_path,
        &[("app_id_uri", "https://records.example/api"), ("scopes", "read See your visits\nwrite")],
    )
    .await;
    assert_eq!(saved.location(), Some(format!("{api_path}?done=saved")), "{}", saved.text());

    // Another web API cannot take its name.
    let second = registered(&app, "Other", ApplicationKind::WebApi).await;
    let second = application_path(second);
    let before = app.rows(&["applications", "audit"]).await;
    let taken = save(&mut ann, &second, &second, &[("app_id_uri", "https://records.example/api")]).await;
    assert!(taken.status == StatusCode::UNPROCESSABLE_ENTITY && taken.says("Another web API"), "{}", taken.status);
    assert_eq!(app.rows(&["applications", "audit"]).await, before);

    let id = registered(&app, "Server", ApplicationKind::Web).await;
    let path = application_path(id);
    let permit = format!("permit-{api}-read");
    let all = [
        ("signing", "ES256"),
        ("hybrid", "true"),
        ("third_party", "true"),
        ("client_credentials", "true"),
        ("back_channel_logout", "https://app.example/out"),
        (permit.as_str(), "true"),
    ];
    assert_eq!(save(&mut ann, &path, &path, &all).await.location(), Some(format!("{path}?done=saved")));
    let settings = application_of(&app, id).await.settings;
    assert!(settings.hybrid && settings.third_party && settings.client_credentials);
    assert_eq!(
        settings.permissions.iter().map(|it| (it.api, it.scopes.clone())).collect::<Vec<_>>(),
        [(api, vec!["read".into()])]
    );
    let page = ann.get(&format!("{path}?done=saved")).await;
    for said in ["Tokens are signed with", "RS256", "ES256", "Belongs to another organisation", "read of"] {
        assert!(page.says(said), "{said}");
    }
    let events = app.audit(tenant).await;
    // Events of one millisecond have no order among them: by what it is about.
    let event = events.iter().find(|event| event.target == Some(id.to_string())).unwrap();
    let changes = event.detail["changes"].to_string();
    assert!(changes.contains("Back-channel logout URL") && changes.contains("https://app.example/out"), "{changes}");

    let before = app.rows(&["applications", "audit"]).await;
    for (field, value, why) in [
        ("front_channel_logout", "https://elsewhere.example/out", "same scheme, host and port"),
        ("back_channel_logout", "http://app.example/out", "begin with https"),
        ("client_keys", r#"{"kty":"RSA","d":"AQAB"}"#, "private key"),
        ("signing", "none", "Choose an algorithm"),
    ] {
        let refused = save(&mut ann, &path, &path, &[(field, value)]).await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.says(why), "{field}: {}", refused.status);
        assert!(refused.says(&format!("id=\"f-{field}-error\"")), "{field}");
    }
    assert_eq!(app.rows(&["applications", "audit"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lives_and_the_issuer_of_a_flow_are_saved_and_o8_the_exact_issuer_is_shown() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = format!("{RIVERSIDE}/flows/{}", clinic.flow.name.key());
    let mut ann = boss(&app, "Ann").await;
    let shared = format!("https://id.example/{}/v2.0/", clinic.tenant.id);
    assert!(ann.get(&path).await.says(&shared), "to be copied before it is chosen");
    let changes = [
        ("token_minutes", "30"),
        ("refresh_window_days", ""),
        ("issuer", "tenant"),
        ("session_minutes", "60"),
        ("session_end", "rolling"),
        ("session_scope", "application"),
        ("keep_days", "7"),
    ];
    assert_eq!(save(&mut ann, &path, &path, &changes).await.location(), Some(format!("{path}?done=saved")));
    let page = ann.get(&format!("{path}?done=saved")).await;
    for said in ["60 minutes", "30 minutes", "no end", "the same for all flows", "after the last use", "7 days"] {
        assert!(page.says(said), "{said}");
    }
    let form = fields(&page, &path);
    for (name, value) in changes {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name}: {form:?}");
    }
    let before = app.rows(&["user_flows", "audit"]).await;
    let refused = save(&mut ann, &path, &path, &[("token_minutes", "4"), ("session_minutes", "x")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("from 5 to 1440") && refused.says("from 15 to 1440"));
    assert_eq!(app.rows(&["user_flows", "audit"]).await, before);
}
