//! Staff say what a patient must show: who may, what is told, and of two at once one. A9, A20, A21, A23, A25, C1, D7, N20.

use futures::future::join_all;
use lanyard_app::{
    api::{journey::StageView, minimum::MinimumSaid},
    paths,
};
use lanyard_domain::{
    account::Account,
    assurance::Assurance,
    audit::{Action, Outcome},
    id::Id,
    role::Role,
    session::{ConsoleKind, FRESH},
};
use lanyard_server::{
    http::client::Client,
    service::{
        account,
        clinic::{Looker, minimum, reset::Helper},
    },
};
use lanyard_storage::StorageError;

use super::is_let_in;
use crate::{
    account_factors::maria_at_home,
    portal::{boss, fields, send},
    staff_reset::staff,
    support::{
        Browser, Clinic, Options, PASSWORD, Page, Run, TestApp, Via,
        journey::with_tokens,
        world::{MARIA, NORA},
    },
};

fn page_of(clinic: &Clinic, patient: Id<Account>) -> String {
    paths::clinic_minimum(clinic.tenant.domain.as_str(), &patient.to_string())
}

async fn ask(browser: &mut Browser, clinic: &Clinic, patient: Id<Account>, minimum: &str) -> Page {
    let path = page_of(clinic, patient);
    let form = fields(&browser.get(&path).await, &path);
    send(browser, &path, form, &[("minimum", minimum)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_n20_staff_raise_and_lower_it_the_log_says_who_and_the_patient_is_told() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (mut hana, id) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
        let patient = paths::clinic_patient(clinic.tenant.domain.as_str(), &clinic.nora.to_string());
        let (mut nora, _) = with_tokens(&app, &clinic).await;
        assert!(hana.get(&patient).await.says("As the sign-in page asks."));
        let saved = ask(&mut hana, &clinic, clinic.nora, "aal2_strict").await;
        assert_eq!(saved.location(), Some(format!("{}?saved", page_of(&clinic, clinic.nora))), "{}", saved.text());
        assert!(hana.get(&saved.location().unwrap()).await.says("Saved"));
        assert!(hana.get(&patient).await.says("Always: a passkey, an authenticator app or a recovery code."));
        let mail = app.message(NORA).await.body;
        assert!(mail.contains("From now on you are asked for a passkey or a code") && mail.contains("This wasn't me"));
        assert!(!is_let_in(&mut nora.browser, &clinic).await, "a19: what came of less is over");
        let view = Run::begin(&app, &clinic, Via::Form).await.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "{view:?}");

        app.drain().await;
        let lowered = ask(&mut hana, &clinic, clinic.nora, "aal1").await;
        assert_eq!(lowered.status, 303, "{}", lowered.text());
        let mail = app.message(NORA).await.body;
        assert!(mail.contains("less is asked for than before") && mail.contains("This wasn't me"), "{mail}");
        let view = Run::begin(&app, &clinic, Via::Form).await.sign_in(NORA, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let log = app.audit(clinic.tenant.id).await;
        let told: Vec<_> = log.iter().filter(|event| event.action == Action::MinimumChanged).collect();
        assert!(told.iter().all(|event| event.actor == Some(id) && event.target == Some(clinic.nora.to_string())));
        let mut words: Vec<_> =
            told.iter().map(|event| format!("{} {}", event.detail["before"], event.detail["minimum"])).collect();
        words.sort();
        assert_eq!(words, [r#""aal1" "aal2_strict""#, r#""aal2_strict" "aal1""#]);
        // The patient reads of it, too.
        app.drain().await;
        let mut home = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), Via::Form).await;
        home.sign_in(NORA, PASSWORD).await;
        home.back().await;
        let history = home.browser.get(&paths::account_history(clinic.tenant.domain.as_str())).await;
        assert!(history.says("The clinic changed what you are asked for when you sign in"), "{}", history.text());
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_a21_it_takes_a_fresh_sign_in_of_staff_at_aal2() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = page_of(&clinic, clinic.maria);
    let (mut weak, _) = staff(&app, &clinic, "Will", &[]).await;
    let (mut hana, _) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
    let form = fields(&hana.get(&path).await, &path);
    let page = weak.get(&path).await;
    assert!(page.says("Sign in again") && !page.says("name=\"minimum\""), "{}", page.text());
    let tables = ["accounts", "outbox", "repudiations"];
    let before = app.rows(&tables).await;
    let csrf = page.csrf().unwrap();
    let refused = send(&mut weak, &path, form.clone(), &[("minimum", "aal2_strict"), ("csrf", &csrf)]).await;
    assert!(refused.status == 409 && refused.says("Sign in again first"), "{}", refused.text());
    app.advance(FRESH + 1);
    let refused = send(&mut hana, &path, form, &[("minimum", "aal2_strict")]).await;
    assert!(refused.status == 409 && refused.says("Sign in again first"), "{}", refused.text());
    assert_eq!(app.rows(&tables).await, before);
    let again = paths::clinic_minimum_sign_in_again(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    assert!(refused.says(&again));
    let mut run = Run::at(hana, &again, Via::Form).await;
    assert!(matches!(run.stage().await, StageView::SignIn { .. }), "no session counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a23_a25_nobody_but_staff_of_the_own_clinic_sets_it_and_of_patients_alone() {
    let app = TestApp::new().await;
    let (clinic, other) = (app.world.mfa.clone(), app.world.plain.clone());
    let (mut hana, id) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
    let path = page_of(&clinic, clinic.maria);
    let form = fields(&hana.get(&path).await, &path);
    let raised = [("minimum", "phishing_resistant")];
    let nobody = "018f0000-0000-7000-8000-000000000000".parse().unwrap();
    for account in [other.maria, clinic.sam, id, nobody] {
        assert_eq!(hana.get(&page_of(&clinic, account)).await.status, 404, "{account}");
        assert_eq!(send(&mut hana, &page_of(&clinic, account), form.clone(), &raised).await.status, 404, "{account}");
    }
    let elsewhere = send(&mut hana, &page_of(&other, other.maria), form.clone(), &raised).await;
    assert_eq!(elsewhere.status, 303, "a sign-in there");
    for csrf in ["", "x"] {
        let forged = send(&mut hana, &path, form.clone(), &[raised[0], ("csrf", csrf)]).await;
        assert_eq!(forged.status, 403);
    }
    let before = app.rows(&["accounts", "outbox"]).await;
    for (field, value) in [("minimum", "aal9"), ("minimum", "")] {
        let page = send(&mut hana, &path, form.clone(), &[(field, value)]).await;
        assert!(page.status == 422 && page.says("There is a problem"), "{}", page.text());
    }
    assert_eq!(send(&mut hana, &path, form.clone(), &[raised[0], ("was", "x")]).await.status, 404);
    assert_eq!(app.rows(&["accounts", "outbox"]).await, before);
    // Operators and patients are no staff, the patient herself included.
    let mut olga = boss(&app, "Olga").await;
    assert_eq!(send(&mut olga, &path, form.clone(), &raised).await.status, 303);
    let mut maria = maria_at_home(&app, &clinic).await;
    assert_eq!(send(&mut maria, &path, form.clone(), &raised).await.status, 303);
    assert_eq!(app.audited(clinic.tenant.id, Action::MinimumChanged, Outcome::Success).await, 0);
    app.drain().await;
}

/// Of two members of staff at once one is carried out, whatever both ask for.
pub(crate) async fn a_change_has_one_winner(options: Options) {
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let path = page_of(&clinic, clinic.maria);
    let mails = app.messages(MARIA).await;
    let mut asking = Vec::new();
    for (name, minimum) in [("Ines", "aal2_strict"), ("Jana", "phishing_resistant")] {
        let (mut browser, _) = staff(&app, &clinic, name, &["passkey"]).await;
        let form = fields(&browser.get(&path).await, &path);
        asking.push((browser, form, minimum));
    }
    let tries = (0..50_usize).map(|n| {
        let ((mut browser, form, minimum), path) = (asking[n % 2].clone(), path.clone());
        async move {
            let task = async move { send(&mut browser, &path, form, &[("minimum", minimum)]).await };
            tokio::spawn(task).await.unwrap()
        }
    });
    let answers = join_all(tries).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    // Those who wanted the same as the winner are told that it is so.
    assert_eq!((count(303), count(409)), (25, 25), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    app.drain().await;
    assert_eq!(app.messages(MARIA).await, mails + 1);
    assert_eq!(app.audited(clinic.tenant.id, Action::MinimumChanged, Outcome::Success).await, 1);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn u5_the_same_form_sent_twice_is_saved_and_told_once() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let (mut hana, _) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
    let path = page_of(&clinic, clinic.nora);
    let form = fields(&hana.get(&path).await, &path);
    app.drain().await;
    let mails = app.messages(NORA).await;
    for _ in 0..2 {
        let saved = send(&mut hana, &path, form.clone(), &[("minimum", "aal2_legacy")]).await;
        assert_eq!(saved.location(), Some(format!("{path}?saved")), "{}", saved.text());
    }
    app.drain().await;
    assert_eq!(app.audited(clinic.tenant.id, Action::MinimumChanged, Outcome::Success).await, 1);
    assert_eq!(app.messages(NORA).await, mails + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_whose_role_goes_while_the_form_is_on_its_way_changes_nothing() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let clinic = app.world.plain.clone();
        let (mut hana, id) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
        hana.get(&page_of(&clinic, clinic.nora)).await;
        // The request has been let in; the role goes before its transaction.
        let (tenant, now) = (clinic.tenant.clone(), app.now());
        let role = Role::ClinicStaff(tenant.id);
        let gone = app.app.store.write(move |tx| {
            Box::pin(async move {
                tx.revoke_role(id, role, now).await?;
                Ok(tx.live_sessions_of_account(id, now).await?.remove(0).id)
            })
        });
        let session = gone.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
        let client = Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "test".to_owned() };
        let visitor = account::visitor(&app.app, ConsoleKind::Clinic, &tenant, "Hana".to_owned(), "token");
        let looker = Looker { account: id, tenant: tenant.id, client, visitor };
        let helper = Helper { looker, tenant, session, fresh: true };
        let wanted = (Assurance::Aal1, Assurance::Aal2Legacy);
        let refused = minimum::set(&app.app, helper, clinic.nora, wanted).await.unwrap();
        assert_eq!(refused, minimum::Outcome::Said(MinimumSaid::SignInAgain));
        assert_eq!(app.audited(clinic.tenant.id, Action::MinimumChanged, Outcome::Success).await, 0);
    }
}
