//! Passkeys at `/account`: N19, N20, failure 19, and what may not be removed.

use lanyard_app::paths;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{HOUR, MINUTE, SECOND},
    passkey::CEREMONY_LIFE,
};

use crate::{
    passkeys::enrolled,
    support::{
        Browser, Clinic, PASSWORD, Page, Run, TestApp, Via,
        authenticator::Authenticator,
        world::{MARIA, NORA},
    },
};

/// A browser signed in to one's own account by a passkey.
async fn at_home(app: &TestApp, clinic: &Clinic, device: &mut Authenticator) -> Browser {
    let domain = clinic.tenant.domain.as_str();
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.use_passkey(device).await;
    assert_eq!(run.back().await, paths::account(domain));
    run.browser
}

pub(crate) fn field(page: &Page, name: &str) -> String {
    page.hidden(name).unwrap_or_else(|| panic!("no {name}: {}", page.text()))
}

/// The options on the page that makes a passkey.
pub(crate) fn options(page: &Page) -> String {
    let text = page.text();
    let (_, after) = text.split_once("data-options=\"").unwrap_or_else(|| panic!("no options: {text}"));
    after.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&")
}

pub(crate) async fn begin(browser: &mut Browser, clinic: &Clinic) -> Page {
    let domain = clinic.tenant.domain.as_str();
    let csrf = field(&browser.get(&paths::account(domain)).await, "csrf");
    let begun = browser.post(&paths::account_new_passkey(domain), &[("csrf", &csrf)]).await;
    assert_eq!(begun.location().unwrap(), paths::account_new_passkey(domain));
    browser.get(&paths::account_new_passkey(domain)).await
}

async fn ids(app: &TestApp, clinic: &Clinic) -> Vec<String> {
    let nora = clinic.nora;
    let factors = app.app.store.read(move |tx| Box::pin(async move { tx.factors_of_account(nora).await }));
    let factors = factors.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
    factors.iter().map(|factor| factor.id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn u25_passkeys_are_added_named_and_removed_and_the_last_one_stays() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut phone = Authenticator { synced: true, ..Authenticator::default() };
    enrolled(&app, &clinic, Via::Form, &mut phone).await;
    // What is bound later stands later in the list.
    app.advance(SECOND);
    let mut browser = at_home(&app, &clinic, &mut phone).await;
    let page = browser.get(&paths::account(domain)).await;
    assert!(page.text().contains("Nora’s laptop") && page.text().contains("Backed up"), "{}", page.text());

    let page = begin(&mut browser, &clinic).await;
    assert!(options(&page).contains("excludeCredentials"), "the same authenticator makes no second one");
    let mut key = Authenticator::default();
    let made = key.create(&options(&page));
    let csrf = field(&page, "csrf");
    let mails = app.messages(NORA).await;
    let fields = [("csrf", csrf.as_str()), ("credential", &made), ("name", "Work key")];
    let added = browser.post(&paths::account_passkeys(domain), &fields).await;
    assert_eq!(added.location().unwrap(), format!("{}?passkey-added", paths::account(domain)));
    assert_eq!(app.messages(NORA).await, mails + 1, "N20");
    assert!(app.message(NORA).await.body.contains("a passkey"));
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Success).await, 2);
    // Its answer counts once.
    let again = browser.post(&paths::account_passkeys(domain), &fields).await;
    assert_eq!(again.status, 422, "{}", again.text());
    assert_eq!(ids(&app, &clinic).await.len(), 2);
    // It signs in.
    at_home(&app, &clinic, &mut key).await;

    let [first, second]: [String; 2] = ids(&app, &clinic).await.try_into().unwrap();
    let fields = [("csrf", csrf.as_str()), ("factor", &second), ("name", "  Blue   key ")];
    browser.post(&paths::account_rename_factor(domain), &fields).await;
    let page = browser.get(&format!("{}?factor-renamed", paths::account(domain))).await;
    assert!(page.text().contains("Blue") && !page.text().contains("Work key"), "{}", page.text());

    let remove = paths::account_remove_factor(domain);
    let removed = browser.post(&remove, &[("csrf", &csrf), ("factor", &first)]).await;
    assert_eq!(removed.location().unwrap(), format!("{}?factor-removed", paths::account(domain)));
    assert_eq!(app.audited(clinic.tenant.id, Action::FactorRemoved, Outcome::Success).await, 1);
    let last = browser.post(&remove, &[("csrf", &csrf), ("factor", &second)]).await;
    assert_eq!(last.location().unwrap(), format!("{}?last-factor", paths::account(domain)));
    assert_eq!(ids(&app, &clinic).await, [second]);
    assert!(app.message(NORA).await.body.contains("removed"), "N20");
    let gone = browser.post(&remove, &[("csrf", &csrf), ("factor", &first)]).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_f19_factors_change_at_the_accounts_own_level_and_by_their_owner_alone() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    let [factor]: [String; 1] = ids(&app, &clinic).await.try_into().unwrap();

    // Maria cannot touch Nora's.
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, crate::support::world::PHONE).await;
    run.back().await;
    let csrf = field(&run.browser.get(&paths::account(domain)).await, "csrf");
    let before = app.rows(&["factors"]).await;
    for path in [paths::account_rename_factor(domain), paths::account_remove_factor(domain)] {
        let answer = run.browser.post(&path, &[("csrf", &csrf), ("factor", &factor), ("name", "mine")]).await;
        assert_eq!(answer.status, 404, "{path}");
        let foreign = run.browser.post(&path, &[("csrf", "x"), ("factor", &factor), ("name", "mine")]).await;
        assert_eq!(foreign.status, 403, "{path}");
    }
    assert_eq!(app.rows(&["factors"]).await, before);

    // An hour of silence takes the second factor's worth (N21): sign in again first.
    let mut browser = at_home(&app, &clinic, &mut device).await;
    let csrf = field(&browser.get(&paths::account(domain)).await, "csrf");
    let page = begin(&mut browser, &clinic).await;
    let made = Authenticator::default().create(&options(&page));
    app.advance(HOUR);
    let before = app.rows(&["factors"]).await;
    let again = format!("{}?sign-in-again", paths::account(domain));
    for (path, fields) in [
        (paths::account_new_passkey(domain), vec![]),
        (paths::account_passkeys(domain), vec![("credential", made.as_str())]),
        (paths::account_rename_factor(domain), vec![("factor", factor.as_str()), ("name", "x")]),
        (paths::account_remove_factor(domain), vec![("factor", factor.as_str())]),
    ] {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        let answer = browser.post(&path, &all).await;
        // The console may be over by now as well: then it is the sign-in page.
        let to = answer.location().unwrap();
        assert!(to == again || to.starts_with("/journey/"), "{path}: {to}");
    }
    assert_eq!(app.rows(&["factors"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_who_has_no_factor_adds_none_here_and_a_challenge_lives_ten_minutes() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let domain = clinic.tenant.domain.as_str();
    // The password alone: no first factor without the code to the address.
    let mut run = Run::at(app.browser(), &paths::account(domain), Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    run.back().await;
    let page = run.browser.get(&paths::account(domain)).await;
    assert!(!page.text().contains("Add a passkey"), "{}", page.text());
    let csrf = field(&page, "csrf");
    let begun = run.browser.post(&paths::account_new_passkey(domain), &[("csrf", &csrf)]).await;
    assert_eq!(begun.location().unwrap(), format!("{}?sign-in-again", paths::account(domain)));

    let mut device = Authenticator::default();
    enrolled(&app, &clinic, Via::Form, &mut device).await;
    let mut browser = at_home(&app, &clinic, &mut device).await;
    let page = begin(&mut browser, &clinic).await;
    let (made, csrf) = (Authenticator::default().create(&options(&page)), field(&page, "csrf"));
    app.advance(CEREMONY_LIFE - MINUTE);
    browser.get(&paths::account(domain)).await;
    app.advance(MINUTE);
    let before = app.rows(&["factors"]).await;
    let late = browser.post(&paths::account_passkeys(domain), &[("csrf", &csrf), ("credential", &made)]).await;
    assert_eq!(late.status, 422);
    assert!(late.text().contains("took too long"), "{}", late.text());
    // A lie is refused, and the page asks anew.
    let mut liar = Authenticator { verifies: false, ..Authenticator::default() };
    let lie = liar.create(&options(&late));
    let refused = browser.post(&paths::account_passkeys(domain), &[("csrf", &csrf), ("credential", &lie)]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(app.rows(&["factors"]).await, before);
    assert_ne!(options(&refused), options(&late));
    // Another session's challenge is no good here.
    let mut other = at_home(&app, &clinic, &mut device).await;
    let theirs = options(&begin(&mut other, &clinic).await);
    let made = Authenticator::default().create(&theirs);
    let before = app.rows(&["factors"]).await;
    let crossed = browser.post(&paths::account_passkeys(domain), &[("csrf", &csrf), ("credential", &made)]).await;
    assert_eq!(crossed.status, 422);
    assert_eq!(app.rows(&["factors"]).await, before);
}
