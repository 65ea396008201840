//! Where a second member of staff has to approve. A10, A23, A24, D7.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    clock::DAY,
    id::Id,
    role::Role,
};
use lanyard_storage::StorageError;

use super::{REASON, ask, audited, code_on, hana, page_of, staff, with_issued};
use crate::{
    account_factors::{maria_at_home, one_more},
    account_not_me,
    account_recovery::codes_on,
    portal,
    support::{Browser, Clinic, Page, TestApp, Via, app::Options, world::MARIA},
};

async fn second_approver(app: &TestApp, clinic: &Clinic) {
    let tenant = clinic.tenant.id;
    let set = app.app.store.write(move |tx| Box::pin(async move { tx.set_second_approver(tenant, true).await }));
    set.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

async fn decide(browser: &mut Browser, clinic: &Clinic, patient: Id<Account>, decision: &str) -> Page {
    let page = browser.get(&page_of(clinic, patient)).await;
    let (csrf, request) = (page.hidden("csrf").unwrap(), page.hidden("request").unwrap_or_default());
    let path = paths::clinic_reset_decide(clinic.tenant.domain.as_str(), &patient.to_string());
    browser.post(&path, &[("csrf", &csrf), ("request", &request), ("decision", decision)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_a_second_member_of_staff_approves_and_gets_the_code() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let home = paths::clinic(clinic.tenant.domain.as_str());
    second_approver(&app, &clinic).await;
    let (mut asks, _) = hana(&app, &clinic).await;
    let (mut approves, ines) = staff(&app, &clinic, "Ines", &["passkey"]).await;
    let mails = app.messages(MARIA).await;
    assert!(!approves.get(&home).await.says("waits for approval"));

    let asked = ask(&app, &mut asks, &clinic, clinic.maria).await;
    assert_eq!(asked.location().unwrap(), format!("{}?asked", page_of(&clinic, clinic.maria)));
    assert_eq!((audited(&app, &clinic).await, app.messages(MARIA).await), ([1, 0, 0, 0], mails));
    let own = asks.get(&page_of(&clinic, clinic.maria)).await;
    assert!(own.says("Take the request back") && !own.says("Approve and show the code"), "{}", own.text());
    assert!(approves.get(&home).await.says("waits for approval"));
    let page = approves.get(&page_of(&clinic, clinic.maria)).await;
    for said in ["hana@staff.example", REASON, "In person, with a passport", "•••• 23"] {
        assert!(page.says(said), "{said}: {}", page.text());
    }
    // Nobody approves what they asked for, whatever the form says.
    let before = app.rows(&["resets", "factors"]).await;
    let refused = decide(&mut asks, &clinic, clinic.maria, "approve").await;
    assert!(refused.status == 409 && refused.says("You asked for this yourself"), "{}", refused.text());
    // Nor by a sign-in with a password alone.
    let (mut weak, _) = staff(&app, &clinic, "Will", &[]).await;
    let csrf = weak.get(&page_of(&clinic, clinic.maria)).await.hidden("csrf").unwrap();
    let path = paths::clinic_reset_decide(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    let request = page.hidden("request").unwrap();
    for decision in ["approve", "refuse"] {
        let form = [("csrf", csrf.as_str()), ("request", &request), ("decision", decision)];
        assert!(weak.post(&path, &form).await.says("Sign in again first"));
    }
    assert_eq!(app.rows(&["resets", "factors"]).await, before);

    let code = code_on(&decide(&mut approves, &clinic, clinic.maria, "approve").await);
    assert_eq!((audited(&app, &clinic).await, app.messages(MARIA).await), ([1, 1, 0, 1], mails + 1));
    let log = app.audit(clinic.tenant.id).await;
    assert!(log.iter().any(|event| event.action == Action::ResetApproved && event.actor == Some(ines)));
    assert!(!asks.get(&page_of(&clinic, clinic.maria)).await.says(&code), "who asked does not see it");
    assert!(!approves.get(&home).await.says("waits for approval"));
    let mut run = with_issued(&app, &clinic, Via::Form, &code).await;
    assert!(matches!(run.stage().await, StageView::ConfirmEmail(_)));
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_a_request_is_refused_taken_back_or_over_and_then_does_nothing() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    second_approver(&app, &clinic).await;
    let (mut asks, _) = hana(&app, &clinic).await;
    let (mut other, _) = staff(&app, &clinic, "Ines", &["passkey"]).await;
    let path = paths::clinic_reset_decide(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    let mut last = String::new();
    for (round, by_other) in [true, false].into_iter().enumerate() {
        ask(&app, &mut asks, &clinic, clinic.maria).await;
        let decider = if by_other { &mut other } else { &mut asks };
        let page = decider.get(&page_of(&clinic, clinic.maria)).await;
        last = page.hidden("request").unwrap();
        let refused = decide(decider, &clinic, clinic.maria, "refuse").await;
        assert_eq!(refused.location().unwrap(), format!("{}?refused", page_of(&clinic, clinic.maria)));
        assert_eq!(audited(&app, &clinic).await, [round + 1, 0, round + 1, 0]);
    }
    // Once decided, nothing revives it.
    let csrf = other.get(&page_of(&clinic, clinic.maria)).await.hidden("csrf").unwrap();
    let dead = other.post(&path, &[("csrf", &csrf), ("request", &last), ("decision", "approve")]).await;
    assert!(dead.status == 409 && codes_on(&dead).is_empty(), "{}", dead.text());
    // Nobody decided in time.
    ask(&app, &mut asks, &clinic, clinic.maria).await;
    let waits = other.get(&page_of(&clinic, clinic.maria)).await.hidden("request").unwrap();
    app.advance(DAY);
    let (mut later, _) = staff(&app, &clinic, "Lea", &["passkey"]).await;
    let page = later.get(&page_of(&clinic, clinic.maria)).await;
    assert!(!page.says("Approve and show the code"), "{}", page.text());
    let csrf = page.hidden("csrf").unwrap();
    let over = later.post(&path, &[("csrf", &csrf), ("request", &waits), ("decision", "approve")]).await;
    assert!(over.status == 409 && codes_on(&over).is_empty(), "{}", over.text());
    assert_eq!(audited(&app, &clinic).await[3], 0, "no code was given out");
    // And it stands in nobody's way.
    let asked = ask(&app, &mut later, &clinic, clinic.maria).await;
    assert!(asked.location().unwrap().ends_with("?asked"), "{}", asked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_this_wasnt_me_refuses_a_request_that_waits() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    one_more(&app, clinic.maria, "+12065550177").await;
    let link = not_me_after_recovery_codes(&app, &clinic).await;
    second_approver(&app, &clinic).await;
    let (mut asks, _) = hana(&app, &clinic).await;
    let (mut approves, _) = staff(&app, &clinic, "Ines", &["passkey"]).await;
    ask(&app, &mut asks, &clinic, clinic.maria).await;
    assert_eq!(audited(&app, &clinic).await, [1, 0, 0, 0]);
    let waits = approves.get(&page_of(&clinic, clinic.maria)).await.hidden("request").unwrap();
    assert_eq!(app.browser().post(&link, &[]).await.status, 200);
    assert_eq!(audited(&app, &clinic).await, [1, 0, 1, 0]);
    let page = approves.get(&page_of(&clinic, clinic.maria)).await;
    let form = [("csrf", page.hidden("csrf").unwrap()), ("request", waits), ("decision", "approve".to_owned())];
    let path = paths::clinic_reset_decide(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    let late = approves.post(&path, &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert!(late.status == 409 && codes_on(&late).is_empty(), "{}", late.text());
    app.drain().await;
}

// A mail about recovery codes that were made, and its link.
async fn not_me_after_recovery_codes(app: &TestApp, clinic: &Clinic) -> String {
    let domain = clinic.tenant.domain.as_str();
    let mut home = maria_at_home(app, clinic).await;
    let page = home.get(&paths::account(domain)).await;
    let (csrf, replaces) = (page.hidden("csrf").unwrap(), page.hidden("replaces").unwrap());
    let made = home.post(&paths::account_recovery_codes(domain), &[("csrf", &csrf), ("replaces", &replaces)]).await;
    assert_eq!(made.status, 200, "{}", made.text());
    account_not_me::link(app, MARIA).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_who_lost_the_role_neither_asks_nor_approves_nor_is_approved() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    second_approver(&app, &clinic).await;
    let (mut asks, hana) = hana(&app, &clinic).await;
    let (mut approves, ines) = staff(&app, &clinic, "Ines", &["passkey"]).await;
    ask(&app, &mut asks, &clinic, clinic.maria).await;
    let (tenant, now) = (clinic.tenant.id, app.now());
    let revoke = async |who: Id<Account>| {
        let revoked = app
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.revoke_role(who, Role::ClinicStaff(tenant), now).await }));
        revoked.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    };
    revoke(hana).await;
    let refused = decide(&mut approves, &clinic, clinic.maria, "approve").await;
    assert!(refused.status == 409 && codes_on(&refused).is_empty(), "{}", refused.text());
    assert_eq!(audited(&app, &clinic).await, [1, 0, 0, 0]);
    revoke(ines).await;
    let path = paths::clinic_reset_decide(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    assert_eq!(approves.get(&page_of(&clinic, clinic.maria)).await.status, 404);
    assert_eq!(approves.post(&path, &[("csrf", "x")]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_a24_what_a_removed_member_of_staff_asked_for_is_refused_and_stays_so() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        let (domain, tenant) = (clinic.tenant.domain.as_str(), clinic.tenant.id);
        second_approver(&app, &clinic).await;
        let (mut asks, hana) = hana(&app, &clinic).await;
        let (mut approves, _) = staff(&app, &clinic, "Ines", &["passkey"]).await;
        let (mut ben, ben_id) = portal::operator(&app, "Ben", &[Role::TenantOperator(tenant)]).await;
        ask(&app, &mut asks, &clinic, clinic.maria).await;
        let page = approves.get(&page_of(&clinic, clinic.maria)).await;
        let (csrf, request) = (page.hidden("csrf").unwrap(), page.hidden("request").unwrap());
        let factors = app.rows(&["factors"]).await;

        let home = format!("/portal/{domain}/staff");
        let revoke = format!("{home}/{hana}/revoke");
        let gone = portal::save(&mut ben, &revoke, &revoke, &[]).await;
        assert_eq!(gone.location(), Some(format!("{home}?done=revoked")));
        assert_eq!(audited(&app, &clinic).await, [1, 0, 1, 0]);
        let log = app.audit(tenant).await;
        let refused = log.iter().find(|event| event.action == Action::ResetRefused).unwrap();
        assert_eq!((refused.actor, refused.target.clone()), (Some(ben_id), Some(clinic.maria.to_string())));
        assert!(!approves.get(&paths::clinic(domain)).await.says("waits for approval"));
        // Neither while they are away nor once they are back does anybody approve it.
        let path = paths::clinic_reset_decide(domain, &clinic.maria.to_string());
        let form = [("csrf", csrf.as_str()), ("request", &request), ("decision", "approve")];
        for back in [false, true] {
            if back {
                let invite = [("email", "hana@staff.example")];
                app.advance(1);
                let again = portal::save(&mut ben, &home, &home, &invite).await;
                assert_eq!(again.location(), Some(format!("{home}?done=granted")));
            }
            let refused = approves.post(&path, &form).await;
            assert!(refused.status == 409 && codes_on(&refused).is_empty(), "{back}: {}", refused.text());
            let shut = asks.get(&paths::clinic(domain)).await;
            assert!(shut.location().is_some_and(|to| to.starts_with("/journey/")), "a19: {back}: {}", shut.status);
        }
        assert_eq!(app.rows(&["factors"]).await, factors);
        // And no colleague has to wait for its end.
        let asked = ask(&app, &mut approves, &clinic, clinic.maria).await;
        assert_eq!(asked.location().unwrap(), format!("{}?asked", page_of(&clinic, clinic.maria)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a23_operators_set_whether_a_second_person_is_needed() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut boss = portal::boss(&app, "Olga").await;
    let action = format!("{}/resets", portal::RIVERSIDE);
    let (mut staff, _) = hana(&app, &clinic).await;
    for (to, waits) in [("on", true), ("off", false)] {
        let page = boss.get(portal::SETTINGS).await;
        assert_eq!(portal::fields(&page, &action).last().unwrap(), &("to".to_owned(), to.to_owned()));
        let saved = portal::save(&mut boss, portal::SETTINGS, &action, &[]).await;
        assert!(saved.location().unwrap().contains(&format!("resets-{to}")), "{:?}", saved.location());
        // Sent again it changes nothing and is not written down.
        let again = portal::send(&mut boss, &action, portal::fields(&page, &action), &[]).await;
        assert_eq!(again.status, 303);
        let page = staff.get(&page_of(&clinic, clinic.maria)).await;
        assert_eq!(page.says("Ask for approval"), waits, "{}", page.text());
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::TenantChanged, Outcome::Success).await, 2);
    let (mut stranger, _) = portal::operator(&app, "Pia", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
    assert_eq!(stranger.post(&action, &[("to", "on")]).await.status, 404);
}

/// Of many who approve at once one gets a code, and one code there is.
pub(crate) async fn an_approval_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    second_approver(&app, &clinic).await;
    let (mut asks, _) = hana(&app, &clinic).await;
    ask(&app, &mut asks, &clinic, clinic.maria).await;
    let mut deciders = Vec::new();
    for name in ["Ines", "Jana"] {
        let (mut browser, _) = staff(&app, &clinic, name, &["passkey"]).await;
        let page = browser.get(&page_of(&clinic, clinic.maria)).await;
        deciders.push((browser, page.hidden("csrf").unwrap(), page.hidden("request").unwrap()));
    }
    let path = paths::clinic_reset_decide(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    let tries = (0..50_usize).map(|n| {
        let ((mut browser, csrf, request), path) = (deciders[n % 2].clone(), path.clone());
        let decision = if n % 10 == 9 { "refuse" } else { "approve" };
        async move {
            let task = async move {
                browser.post(&path, &[("csrf", &csrf), ("request", &request), ("decision", decision)]).await
            };
            tokio::spawn(task).await.unwrap()
        }
    });
    let answers = futures::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
    let codes = answers.iter().filter(|answer| answer.status == 200).count();
    let [asked, approved, refused, issued] = audited(&app, &clinic).await;
    assert_eq!((asked, approved + refused, approved, issued), (1, 1, codes, codes));
    app.drain().await;
}
