//! A25 as a matrix: who is signed in at one tenant, at every route that names a tenant or an object of another one.
//!
//! The routes are read out of the source ([`routes`]); one that names anything and has no line here fails the test.

mod endpoints;

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request},
};
use lanyard_app::paths;
use lanyard_domain::{
    account::Account,
    application::{Application, ApplicationKind},
    email::EmailAddress,
    id::Id,
    invitation::Invitation,
    registration::InitialAccessToken,
    role::Role,
    user_flow::{Enforcement, FlowType},
};
use lanyard_server::{
    http::client::Client,
    service::portal::{
        By, applications,
        posts::{self, Post},
        registration::{self, TokenDraft},
    },
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::{maria_at_home, one_more, token},
    account_not_me::link,
    portal::{boss, operator},
    routes::routes,
    sessions::staff,
    support::{
        Browser, Clinic, Page, Run, TestApp, Via,
        app::{Options, code_in},
        browser::encode,
        journey::authorize,
        world::{self, MARIA, NORA},
    },
};

/// What `{id}` stands for in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// The tenant alone, or a flow or secret that has a placeholder of its own.
    Tenant,
    Application,
    Patient,
    InitialToken,
    Operator,
    Invitation,
    Staff,
    StaffInvitation,
    /// A journey, which no path ties to a tenant: it is its browser's.
    Journey,
    /// A one-time link, good for whoever has it, at its own tenant.
    Link,
}

/// Every route that names a tenant or an object of one, and what it names. A new route needs a line here.
const MATRIX: [(&str, Names); 70] = [
    ("/invitation/{tenant}/{token}", Names::Link),
    ("/not-me/{tenant}/{token}", Names::Link),
    ("/journey/{id}", Names::Journey),
    ("/journey/{id}/return", Names::Journey),
    ("/journey/{id}/again", Names::Journey),
    ("/journey/{id}/deletion", Names::Journey),
    ("/journey/{id}/{event}", Names::Journey),
    ("/api/journeys/{id}", Names::Journey),
    ("/api/journeys/{id}/{event}", Names::Journey),
    ("/account/{tenant}", Names::Tenant),
    ("/account/{tenant}/profile", Names::Tenant),
    ("/account/{tenant}/remove-access", Names::Tenant),
    ("/account/{tenant}/end-sessions", Names::Tenant),
    ("/account/{tenant}/sign-in-again", Names::Tenant),
    ("/account/{tenant}/forget-browsers", Names::Tenant),
    ("/account/{tenant}/delete", Names::Tenant),
    ("/account/{tenant}/keep", Names::Tenant),
    ("/account/{tenant}/history", Names::Tenant),
    ("/account/{tenant}/data", Names::Tenant),
    ("/account/{tenant}/email", Names::Tenant),
    ("/account/{tenant}/email/code", Names::Tenant),
    ("/account/{tenant}/email/resend", Names::Tenant),
    ("/account/{tenant}/email/cancel", Names::Tenant),
    ("/account/{tenant}/phone", Names::Tenant),
    ("/account/{tenant}/phone/code", Names::Tenant),
    ("/account/{tenant}/phone/resend", Names::Tenant),
    ("/account/{tenant}/phone/cancel", Names::Tenant),
    ("/account/{tenant}/factors/rename", Names::Tenant),
    ("/account/{tenant}/factors/remove", Names::Tenant),
    ("/account/{tenant}/recovery-codes", Names::Tenant),
    ("/account/{tenant}/recovery-codes/remove", Names::Tenant),
    ("/account/{tenant}/passkeys", Names::Tenant),
    ("/account/{tenant}/passkeys/new", Names::Tenant),
    ("/clinic/{tenant}", Names::Tenant),
    ("/clinic/{tenant}/patients/{id}", Names::Patient),
    ("/clinic/{tenant}/patients/{id}/reset", Names::Patient),
    ("/clinic/{tenant}/patients/{id}/reset/decide", Names::Patient),
    ("/clinic/{tenant}/patients/{id}/reset/sign-in-again", Names::Patient),
    ("/clinic/{tenant}/patients/{id}/minimum", Names::Patient),
    ("/clinic/{tenant}/patients/{id}/minimum/sign-in-again", Names::Patient),
    ("/portal/{tenant}", Names::Tenant),
    ("/portal/{tenant}/settings", Names::Tenant),
    ("/portal/{tenant}/minimums", Names::Tenant),
    ("/portal/{tenant}/texts", Names::Tenant),
    ("/portal/{tenant}/cool-down", Names::Tenant),
    ("/portal/{tenant}/resets", Names::Tenant),
    ("/portal/{tenant}/passkeys", Names::Tenant),
    ("/portal/{tenant}/registration", Names::Tenant),
    ("/portal/{tenant}/registration/tokens", Names::Tenant),
    ("/portal/{tenant}/registration/tokens/{id}/revoke", Names::InitialToken),
    ("/portal/{tenant}/applications", Names::Tenant),
    ("/portal/{tenant}/applications/new", Names::Tenant),
    ("/portal/{tenant}/applications/{id}", Names::Application),
    ("/portal/{tenant}/applications/{id}/registration", Names::Application),
    ("/portal/{tenant}/applications/{id}/secret", Names::Application),
    ("/portal/{tenant}/applications/{id}/secret/{secret}", Names::Application),
    ("/portal/{tenant}/flows", Names::Tenant),
    ("/portal/{tenant}/flows/new", Names::Tenant),
    ("/portal/{tenant}/flows/{flow}", Names::Tenant),
    ("/portal/{tenant}/flows/{flow}/applications", Names::Tenant),
    ("/portal/{tenant}/flows/{flow}/mfa", Names::Tenant),
    ("/portal/{tenant}/flows/{flow}/run", Names::Tenant),
    ("/portal/{tenant}/run/result", Names::Tenant),
    ("/portal/{tenant}/attributes", Names::Tenant),
    ("/portal/{tenant}/staff", Names::Tenant),
    ("/portal/{tenant}/staff/{id}/revoke", Names::Staff),
    ("/portal/{tenant}/staff/{id}/withdraw", Names::StaffInvitation),
    ("/portal/{tenant}/operators", Names::Tenant),
    ("/portal/{tenant}/operators/{id}/revoke", Names::Operator),
    ("/portal/{tenant}/operators/{id}/withdraw", Names::Invitation),
];

/// A tenant's objects, such as paths and forms name them.
struct Objects {
    domain: String,
    application: Id<Application>,
    secret: String,
    patient: Id<Account>,
    initial_token: Id<InitialAccessToken>,
    operator: Id<Account>,
    invitation: Id<Invitation>,
    staff: Id<Account>,
    staff_invitation: Id<Invitation>,
    flow: String,
    factor: String,
    /// What only this tenant's pages may say.
    marks: Vec<String>,
}

fn by(operator: Id<Account>) -> By {
    By {
        operator: Some(operator),
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "test".to_owned() },
    }
}

/// One of each kind, under names that tell whose they are.
async fn objects(app: &TestApp, clinic: &Clinic, mark: &str) -> Objects {
    let tenant = clinic.tenant.clone();
    let mut application = world::application(&app.app, &tenant, &format!("{mark} records"), ApplicationKind::Web);
    application.created_at = app.now();
    let name = format!("B2C_1_{mark}");
    let flow = world::flow(&app.app, &tenant, &name, FlowType::SignUpSignIn, Enforcement::AlwaysOn);
    let (made, linked) = (application.clone(), flow.clone());
    let stored = app.app.store.write(move |tx| {
        Box::pin(async move {
            tx.create_application(&made).await?;
            tx.create_flow(&linked).await?;
            tx.link_flow(linked.tenant, made.id, linked.id).await
        })
    });
    stored.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    let (_, holder) = operator(app, &format!("{mark}op"), &[Role::TenantOperator(tenant.id)]).await;
    let by = || by(holder);
    applications::create_secret(&app.app, tenant.id, application.id, by()).await.unwrap();
    let shown = applications::show(&app.app, tenant.id, application.id).await.unwrap();
    let secret = applications::secret_key(&shown.registered.application.secrets[0]);
    let draft = TokenDraft { flow: flow.id, label: format!("{mark} partner"), uses: 1, days: 7 };
    let (token, _) = registration::mint(&app.app, tenant.id, draft, by()).await.unwrap();
    let invited = EmailAddress::parse(&format!("{mark}@invited.example")).unwrap();
    posts::invite(&app.app, &tenant, (Post::Operator, invited), by()).await.unwrap();
    let invitation = posts::list(&app.app, tenant.id, Post::Operator).await.unwrap().invited[0].id;
    let nurse = EmailAddress::parse(&format!("{mark}nurse@invited.example")).unwrap();
    posts::invite(&app.app, &tenant, (Post::Staff, nurse), by()).await.unwrap();
    let staff_invitation = posts::list(&app.app, tenant.id, Post::Staff).await.unwrap().invited[0].id;
    let factor = one_more(app, clinic.nora, if mark == "hilltop" { "+12065550141" } else { "+12065550142" }).await;
    Objects {
        domain: tenant.domain.as_str().to_owned(),
        application: application.id,
        secret,
        patient: clinic.maria,
        initial_token: token.id,
        operator: holder,
        invitation,
        staff: clinic.sam,
        staff_invitation,
        flow: name.to_lowercase(),
        factor,
        marks: vec![
            tenant.name.clone(),
            format!("{mark} records"),
            format!("{mark} partner"),
            format!("{mark}@invited.example"),
            format!("{mark}op@operators.example"),
            tenant.id.to_string(),
        ],
    }
}

impl Objects {
    fn id(&self, names: Names) -> String {
        match names {
            Names::Application => self.application.to_string(),
            Names::Patient => self.patient.to_string(),
            Names::InitialToken => self.initial_token.to_string(),
            Names::Operator => self.operator.to_string(),
            Names::Invitation => self.invitation.to_string(),
            Names::Staff => self.staff.to_string(),
            Names::StaffInvitation => self.staff_invitation.to_string(),
            Names::Tenant | Names::Journey | Names::Link => String::new(),
        }
    }

    fn path(&self, path: &str, names: Names, domain: &str) -> String {
        path.replace("{tenant}", domain)
            .replace("{id}", &self.id(names))
            .replace("{flow}", &self.flow)
            .replace("{secret}", &self.secret)
    }
}

/// Somebody of one tenant, and the token of their forms.
struct Actor {
    who: &'static str,
    browser: Browser,
    csrf: String,
}

impl Actor {
    /// `path` with a form that would do something, were it one's own.
    async fn asks(&mut self, method: &Method, path: &str, theirs: &Objects) -> Page {
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("accept", "text/html")
            .header("host", "id.example")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        let (application, patient) = (theirs.application.to_string(), theirs.patient.to_string());
        let fields = encode(&[
            ("csrf", &self.csrf),
            ("name", "Taken over"),
            ("label", "Taken over"),
            ("email", "thief@new.example"),
            ("factor", &theirs.factor),
            ("application", &application),
            ("patient", &patient),
            ("chosen", "true"),
            ("sure", "true"),
        ]);
        let body = if *method == Method::GET { Body::empty() } else { Body::from(fields) };
        self.browser.send(request.body(body).unwrap()).await
    }
}

/// What a page wants in its address beside the path.
fn query(path: &str) -> &'static str {
    if path.ends_with("/mfa") { "?to=off" } else { "" }
}

/// What a stranger's request may come to: nothing there, not allowed, or sign in first.
fn is_refused(page: &Page) -> bool {
    let away = || page.location().is_some_and(|to| to.starts_with("/journey/"));
    matches!(page.status.as_u16(), 403 | 404) || (page.status == 303 && away())
}

fn lines() -> Vec<(String, Names, Vec<Method>)> {
    let found = routes().into_iter().filter(|route| route.path.contains('{') && route.path != "/pkg/{file}");
    found
        .map(|route| {
            let line = MATRIX.iter().find(|(path, _)| *path == route.path);
            let (_, names) = line.unwrap_or_else(|| panic!("{} names something and has no line in MATRIX", route.path));
            (route.path, *names, route.methods)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_every_route_that_names_something_is_in_the_matrix_and_every_line_is_a_route() {
    let found: BTreeSet<String> = lines().into_iter().map(|(path, ..)| path).collect();
    let listed: BTreeSet<String> = MATRIX.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(found, listed);
}

async fn nobody_reaches_over(options: Options) {
    let app = TestApp::with(options).await;
    let (here, there) = (app.world.mfa.clone(), app.world.plain.clone());
    let (own, theirs) = (objects(&app, &here, "riverside").await, objects(&app, &there, "hilltop").await);
    app.drain().await;
    let (mut browser, _) = operator(&app, "Ann", &[Role::TenantOperator(here.tenant.id)]).await;
    let csrf = browser.get("/portal/riverside.example/attributes").await.csrf().unwrap();
    let ann = Actor { who: "an operator", browser, csrf };
    let mut run = staff(&app).await;
    let csrf = run.browser.get(&paths::clinic(&own.domain)).await.csrf().unwrap();
    let sam = Actor { who: "a member of staff", browser: run.browser.clone(), csrf };
    let mut browser = maria_at_home(&app, &here).await;
    let csrf = token(&mut browser, &here).await;
    let maria = Actor { who: "a patient", browser, csrf };
    app.drain().await;

    let tables = ["accounts", "factors", "sessions", "grants", "role_grants", "invitations", "applications"];
    let more = ["tenants", "user_flows", "flow_links", "initial_access_tokens", "resets", "contact_changes", "outbox"];
    let tables: Vec<&str> = tables.into_iter().chain(more).collect();
    let mut checked = 0;
    for mut actor in [ann, sam, maria] {
        for (path, names, methods) in lines() {
            if matches!(names, Names::Journey | Names::Link) {
                continue;
            }
            // At the other tenant, and at one's own with the other's objects.
            let at_theirs = format!("{}{}", theirs.path(&path, names, &theirs.domain), query(&path));
            let at_own = format!("{}{}", theirs.path(&path, names, &own.domain), query(&path));
            let names_an_object = path.contains("{id}") || path.contains("{flow}") || path.contains("{secret}");
            for method in &methods {
                for asked in [Some(&at_theirs), names_an_object.then_some(&at_own)].into_iter().flatten() {
                    let before = app.rows(&tables).await;
                    let page = actor.asks(method, asked, &theirs).await;
                    assert!(is_refused(&page), "{} {method} {asked}: {} {}", actor.who, page.status, page.text());
                    for mark in theirs.marks.iter().filter(|_| page.status != 303) {
                        assert!(!page.says(mark), "{} {method} {asked} tells {mark}", actor.who);
                    }
                    assert_eq!(app.rows(&tables).await, before, "{} {method} {asked}", actor.who);
                    checked += 1;
                }
            }
        }
        // They are still who they are, so that it was not for want of a session.
        let home = match actor.who {
            "an operator" => "/portal/riverside.example/attributes".to_owned(),
            "a member of staff" => paths::clinic(&own.domain),
            _ => paths::account(&own.domain),
        };
        assert_eq!(actor.browser.get(&home).await.status, 200, "{}", actor.who);
    }
    assert!(checked > 250, "{checked}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_nobody_of_one_tenant_reaches_anything_of_another_by_any_route() {
    nobody_reaches_over(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_nobody_of_one_tenant_reaches_anything_of_another_by_any_route_postgres() {
    nobody_reaches_over(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_the_matrix_is_no_empty_one_who_is_at_home_reaches_the_same_routes() {
    let app = TestApp::new().await;
    let here = app.world.mfa.clone();
    let own = objects(&app, &here, "riverside").await;
    app.drain().await;
    let mut ann = boss(&app, "Ann").await;
    let mut sam = staff(&app).await.browser;
    let mut maria = maria_at_home(&app, &here).await;
    for (path, names, methods) in lines() {
        // What waits for something, or begins a sign-in by itself, has nothing to show here.
        let without = ["/sign-in-again", "/run/result", "/phone", "/email/code"];
        let shows = methods.contains(&Method::GET) && !without.iter().any(|end| path.ends_with(end));
        if matches!(names, Names::Journey | Names::Link) || !shows {
            continue;
        }
        let browser = match path.split('/').nth(1) {
            Some("portal") => &mut ann,
            Some("clinic") => &mut sam,
            _ => &mut maria,
        };
        let asked = format!("{}{}", own.path(&path, names, &own.domain), query(&path));
        let page = browser.get(&asked).await;
        let away = page.location().is_some_and(|to| to.starts_with("/journey/"));
        assert!(page.status == 200 || (page.status == 303 && !away), "{asked}: {} {:?}", page.status, page.location());
    }
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_a_journey_is_its_browsers_and_a_link_its_tenants() {
    let app = TestApp::new().await;
    let (here, there) = (app.world.mfa.clone(), app.world.plain.clone());
    let mut run = Run::at(app.browser(), &authorize(&there, &there.flow, &[("login_hint", NORA)]), Via::Form).await;
    let id = run.id.clone();
    assert!(run.page().await.says(NORA));
    let mut maria = maria_at_home(&app, &here).await;
    let csrf = token(&mut maria, &here).await;
    let mut links = Vec::new();
    // A mail of the other tenant, with its link.
    let mut theirs = maria_at_home(&app, &there).await;
    let factor = one_more(&app, there.maria, "+12065550199").await;
    app.drain().await;
    let form = token(&mut theirs, &there).await;
    theirs
        .post(&paths::account_remove_factor(there.tenant.domain.as_str()), &[("csrf", &form), ("factor", &factor)])
        .await;
    links.push(link(&app, MARIA).await);
    let (mut ann, _) = operator(&app, "Ann", &[Role::TenantOperator(there.tenant.id)]).await;
    let staff = format!("/portal/{}/staff", there.tenant.domain.as_str());
    let form = ann.get(&staff).await.csrf().unwrap();
    ann.post(&staff, &[("csrf", &form), ("email", "new@staff.example")]).await;
    let mail = app.message("new@staff.example").await;
    assert!(code_in(&mail).is_none());
    let (_, rest) = mail.body.split_once("/invitation/").unwrap();
    links.push(format!("/invitation/{}", rest.split(|c: char| c.is_whitespace() || c == '"').next().unwrap()));
    app.drain().await;

    let tables = ["accounts", "factors", "sessions", "invitations", "repudiations", "role_grants"];
    let before = app.rows(&tables).await;
    for (path, names, methods) in lines() {
        for method in methods {
            let asked: Vec<String> = match names {
                Names::Journey => vec![path.replace("{id}", &id).replace("{event}", "sign-in")],
                Names::Link => links
                    .iter()
                    .filter(|link| link.split('/').nth(1) == path.split('/').nth(1))
                    .map(|link| link.replace(there.tenant.domain.as_str(), here.tenant.domain.as_str()))
                    .collect(),
                _ => continue,
            };
            assert!(!asked.is_empty(), "{path}");
            for asked in asked {
                let fields = [("csrf", csrf.as_str()), ("email", NORA), ("password", world::PASSWORD)];
                let page = match method {
                    Method::GET => maria.get(&asked).await,
                    _ => maria.post(&asked, &fields).await,
                };
                assert!(!page.says(NORA) && !page.says("lanyard.claims"), "{method} {asked}: {}", page.text());
                // To look is answered with why there is nothing to see.
                let refused = page.status.is_client_error() || page.status.is_redirection();
                assert!(refused || method == Method::GET, "{method} {asked}: {} {}", page.status, page.text());
            }
        }
    }
    assert_eq!(app.rows(&tables).await, before);
    assert!(run.page().await.says(NORA), "its own browser goes on");
}
