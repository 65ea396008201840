//! A registered client that changes itself many times at once, and is deleted or loses its token meanwhile: D7.

use lanyard_domain::role::Role;

use super::*;
use crate::portal::{self, operator};

const AT_ONCE: usize = 40;

/// One of two changes, of the name and the reply URL together.
fn change(new: &Made, n: usize) -> Value {
    let (name, url) = [("Left", "https://app.example/left"), ("Right", "https://app.example/right")][n % 2];
    json!({"client_id": new.told["client_id"], "client_name": name, "redirect_uris": [url]})
}

/// Whether name and reply URL are of one change, or of none.
fn is_whole(application: &Application) -> bool {
    let urls: Vec<String> = application.reply_urls.iter().map(|url| url.as_str().to_owned()).collect();
    let pairs = [("Left", "https://app.example/left"), ("Right", "https://app.example/right"), ("Step counter", REPLY)];
    pairs.iter().any(|(name, url)| application.name == *name && urls == [*url])
}

/// With the client's own token, all at once.
async fn all_at_once(app: &TestApp, new: &Made, asked: Vec<(Method, Option<Value>)>) -> Vec<(Method, Page)> {
    let tries = asked.into_iter().map(|(method, body)| {
        let (mut client, uri, token) = (app.browser(), new.uri.clone(), new.token.clone());
        tokio::spawn(async move {
            let answer = send(&mut client, method.clone(), &uri, &token, body.as_ref()).await;
            (method, answer)
        })
    });
    join_all(tries).await.into_iter().map(Result::unwrap).collect()
}

fn of<'a>(answers: &'a [(Method, Page)], method: &Method) -> Vec<&'a Page> {
    answers.iter().filter(|(own, _)| own == method).map(|(_, page)| page).collect()
}

async fn opens_nothing(app: &TestApp, new: &Made) {
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = send(&mut app.browser(), method, &new.uri, &new.token, Some(&change(new, 0))).await;
        assert_eq!(error(&answer), refused(401, "invalid_token"));
    }
}

async fn updates_are_whole(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let asked = (0..AT_ONCE).map(|n| (Method::PUT, Some(change(&new, n)))).collect();
    let answers = all_at_once(&app, &new, asked).await;
    // Each waits for the one before it, and nobody is told that an operator was at it.
    for (_, page) in &answers {
        assert_eq!(page.status, 200, "{}", page.text());
        let told: Value = page.json();
        assert_eq!(told["registration_access_token"], new.token.as_str(), "one token, whatever happens");
        let own = [change(&new, 0), change(&new, 1)];
        assert!(own.iter().any(|own| ["client_name", "redirect_uris"].iter().all(|name| told[name] == own[name])));
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::ApplicationChanged, Outcome::Success).await, AT_ONCE);
    let id = new.clinic.application.id;
    let now = stored(&app, &clinic, id).await.unwrap();
    assert!(is_whole(&now) && now.name != "Step counter", "{now:?}");
    assert_eq!((app.count("client_registrations").await, now.secrets.len()), (1, 1));
    // Nobody has locked themselves out.
    let mut client = app.browser();
    let read = send(&mut client, Method::GET, &new.uri, &new.token, None).await;
    assert_eq!((read.status.as_u16(), &read.json::<Value>()["client_name"]), (200, &now.name.as_str().into()));
    let last = send(&mut client, Method::PUT, &new.uri, &new.token, Some(&change(&new, 0))).await;
    assert_eq!(last.status, 200, "{}", last.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_rfc7592_updates_of_a_client_at_once_are_whole_and_leave_one_token() {
    updates_are_whole(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_rfc7592_updates_of_a_client_at_once_are_whole_and_leave_one_token_postgres() {
    updates_are_whole(Options::postgres()).await;
}

async fn what_is_deleted_stays_deleted(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let tables = ["applications", "client_secrets", "flow_links", "client_registrations", "consents"];
    let before = app.rows(&tables).await;
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    // Somebody has signed in with it.
    let mut run = Run::at(app.browser(), &authorize(&new.clinic, &clinic.flow, &[]), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.act("agree", &[]).await;
    let code = run.code().await;
    let mut client = app.browser();
    client.extra = vec![basic(&new)];
    let tokens: Value = redeem(&mut client, &new.clinic, &clinic.flow, &code, &[]).await.json();

    let asked = (0..AT_ONCE).map(|n| match n % 4 {
        3 => (Method::DELETE, None),
        _ => (Method::PUT, Some(change(&new, n))),
    });
    let answers = all_at_once(&app, &new, asked.collect()).await;
    let (puts, deletes) = (of(&answers, &Method::PUT), of(&answers, &Method::DELETE));
    let ended = |pages: &[&Page], status: u16| pages.iter().filter(|page| page.status == status).count();
    // One of them deletes it; whoever comes after that knows nothing of it.
    assert_eq!((ended(&deletes, 204), ended(&deletes, 401)), (1, deletes.len() - 1));
    assert_eq!(ended(&puts, 200) + ended(&puts, 401), puts.len());
    let changed = ended(&puts, 200);
    let audited = async |action| app.audited(clinic.tenant.id, action, Outcome::Success).await;
    assert_eq!((audited(Action::ApplicationChanged).await, audited(Action::ApplicationDeleted).await), (changed, 1));
    assert_eq!(app.rows(&tables).await, before, "nothing of it is back");
    let counted = "SELECT count(*) FROM registration_switches WHERE registered = 0";
    assert_eq!(app.database.number(counted).await, 1, "it is counted off once");
    opens_nothing(&app, &new).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(error(&refresh(&mut client, &new.clinic, &clinic.flow, token).await).1, "invalid_client");
    assert_eq!(app.rows(&tables).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_rfc7592_a_client_that_is_deleted_while_it_changes_itself_stays_deleted() {
    what_is_deleted_stays_deleted(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_rfc7592_a_client_that_is_deleted_while_it_changes_itself_stays_deleted_postgres() {
    what_is_deleted_stays_deleted(Options::postgres()).await;
}

async fn a_revoked_token_is_dead(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    let (tenant, domain) = (clinic.tenant.id, clinic.tenant.domain.as_str());
    let bearer = open(&app, &clinic, 1).await;
    let new = made(&app, &clinic, &bearer, &wanted()).await;
    let id = new.clinic.application.id;
    let (mut ann, _) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
    let path = format!("/portal/{domain}/applications/{id}");
    let action = format!("{path}/registration");
    let form = portal::fields(&ann.get(&path).await, &action);
    let revocations = (0..AT_ONCE / 4).map(|_| {
        let (mut ann, action, form) = (ann.clone(), action.clone(), form.clone());
        tokio::spawn(async move { portal::send(&mut ann, &action, form, &[]).await.location() })
    });
    let asked = (0..AT_ONCE * 3 / 4).map(|n| (Method::PUT, Some(change(&new, n)))).collect();
    let revoking = async { join_all(revocations).await.into_iter().map(Result::unwrap).collect::<Vec<_>>() };
    let (answers, revoked) = tokio::join!(all_at_once(&app, &new, asked), revoking);
    let said = |word: &str| {
        let there = Some(format!("{path}?done={word}"));
        revoked.iter().filter(|location| **location == there).count()
    };
    assert_eq!((said("token-revoked"), said("unchanged")), (1, AT_ONCE / 4 - 1), "{revoked:?}");
    assert_eq!(app.audited(tenant, Action::RegistrationTokenRevoked, Outcome::Success).await, 1);
    assert!(answers.iter().all(|(_, page)| page.status == 200 || page.status == 401));
    let changed = answers.iter().filter(|(_, page)| page.status == 200).count();
    assert_eq!(app.audited(tenant, Action::ApplicationChanged, Outcome::Success).await, changed);
    assert_eq!(app.count("client_registrations").await, 0, "no token comes back");
    let now = stored(&app, &clinic, id).await.expect("the application stays");
    assert!(is_whole(&now), "{now:?}");
    opens_nothing(&app, &new).await;
    assert_eq!(stored(&app, &clinic, id).await, Some(now));
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_rfc7592_a_token_that_is_revoked_while_a_client_changes_itself_is_dead() {
    a_revoked_token_is_dead(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_rfc7592_a_token_that_is_revoked_while_a_client_changes_itself_is_dead_postgres() {
    a_revoked_token_is_dead(Options::postgres()).await;
}
