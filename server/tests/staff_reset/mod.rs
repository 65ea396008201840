//! Help with signing in by staff: who may, what is wanted, how often. N9, N15, A9, A20, A21, A23, A24, A25, U3, U4, failure
//! 12; the rest is in the modules below.

mod approval;
mod code;

pub(crate) use approval::an_approval_has_one_winner;
pub(crate) use code::{a_code_from_staff_leads_to_a_new_factor, an_issued_code_has_one_winner};
use lanyard_app::{
    api::journey::{Method, StageView},
    paths,
};
use lanyard_domain::{
    account::{Account, AccountKind},
    assurance::Authentication,
    audit::{Action, Outcome},
    clock::{DAY, HOUR},
    email::EmailAddress,
    id::Id,
    journey::NewAccount,
    reset::{Decision, MOST_PER_PATIENT, MOST_PER_STAFF, Reason, Recognised, Reset},
    role::{Role, RoleGrant},
    secret::Token,
    session::{ConsoleKind, FRESH, Session},
};
use lanyard_storage::StorageError;

use crate::{
    account_factors::{factors, maria_at_home},
    account_recovery::codes_on,
    factors::base32,
    portal,
    support::{
        Browser, Clinic, PASSWORD, Page, Run, TestApp, Via,
        world::{MARIA, NORA, TINA, totp},
    },
};

const REASON: &str = "Lost the phone on the bus";
/// What a reset must not change where it is refused.
const TABLES: [&str; 7] = ["resets", "factors", "accounts", "sessions", "refresh_tokens", "repudiations", "outbox"];

/// A member of staff of `clinic`, signed in just now with a password and `second`.
pub(crate) async fn staff(app: &TestApp, clinic: &Clinic, name: &str, second: &[&str]) -> (Browser, Id<Account>) {
    let (own, now, tenant) = (app.app.clone(), app.now(), clinic.tenant.id);
    let email = EmailAddress::parse(&format!("{}@staff.example", name.to_lowercase())).unwrap();
    let token = Token::generate(app.app.entropy().as_mut());
    let (hash, second) = (token.hash(), serde_json::json!(second));
    let made = app.app.store.write(move |tx| {
        Box::pin(async move {
            let account = NewAccount {
                id: Id::new(now, own.entropy().as_mut()),
                kind: AccountKind::Staff,
                email,
                phc: "$none".to_owned(),
                attributes: Default::default(),
                factors: Vec::new(),
                invitation: None,
            };
            tx.create_account(tenant, &account, now).await?;
            let role = Role::ClinicStaff(tenant);
            tx.grant_role(&RoleGrant { account: account.id, role, granted_at: now, granted_by: None }).await?;
            let authentication: Authentication = serde_json::from_value(serde_json::json!({
                "account": account.id, "at": now, "password": true, "email_proved": false,
                "second": second, "new_account": false,
            }))
            .unwrap();
            tx.create_session(&Session {
                id: Id::new(now, own.entropy().as_mut()),
                tenant,
                account: account.id,
                token: hash,
                console: Some(ConsoleKind::Clinic),
                terms: lanyard_domain::session::SessionTerms::default(),
                authentication,
                created_at: now,
                last_seen_at: now,
                expires_at: now.plus(12 * HOUR),
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

async fn hana(app: &TestApp, clinic: &Clinic) -> (Browser, Id<Account>) {
    staff(app, clinic, "Hana", &["authenticator_app"]).await
}

fn page_of(clinic: &Clinic, patient: Id<Account>) -> String {
    paths::clinic_reset(clinic.tenant.domain.as_str(), &patient.to_string())
}

/// The form as it stands, with everything that can be lost ticked.
async fn filled(app: &TestApp, browser: &mut Browser, clinic: &Clinic, patient: Id<Account>) -> Vec<(String, String)> {
    let path = page_of(clinic, patient);
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let mut form = portal::fields(&page, &path);
    form.retain(|(name, _)| !["recognised", "reason"].contains(&name.as_str()));
    form.push(("recognised".to_owned(), "document".to_owned()));
    form.push(("reason".to_owned(), REASON.to_owned()));
    for factor in factors(app, patient).await {
        form.push((format!("lost-{factor}"), "true".to_owned()));
    }
    form
}

async fn send(browser: &mut Browser, path: &str, form: &[(String, String)]) -> Page {
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &pairs).await
}

async fn ask(app: &TestApp, browser: &mut Browser, clinic: &Clinic, patient: Id<Account>) -> Page {
    let form = filled(app, browser, clinic, patient).await;
    send(browser, &page_of(clinic, patient), &form).await
}

/// The one code that the page shows.
fn code_on(page: &Page) -> String {
    let codes = codes_on(page);
    assert_eq!((page.status.as_u16(), codes.len()), (200, 1), "{}", page.text());
    codes[0].clone()
}

/// Password and issued code, up to the code to the address.
async fn with_issued(app: &TestApp, clinic: &Clinic, via: Via, code: &str) -> Run {
    let mut run = Run::begin(app, clinic, via).await;
    let view = run.sign_in(MARIA, PASSWORD).await;
    let StageView::Challenge { method: Method::RecoveryCode, other_ways, .. } = &view.stage else { panic!("{view:?}") };
    assert!(other_ways.is_empty(), "what is off is no way: {view:?}");
    run.act("submit-recovery-code", &[("code", code)]).await;
    run
}

/// A new authenticator app, from the choice of a method on.
async fn set_up_app(app: &TestApp, run: &mut Run) -> StageView {
    let view = run.act("choose-method", &[("method", "authenticator_app")]).await;
    let StageView::EnrolApp { secret, .. } = view.stage else { panic!("{view:?}") };
    let seed: [u8; 20] = base32(&secret.replace([' ', '-'], "")).try_into().unwrap();
    run.act("submit-app-code", &[("code", &totp(seed, app.now())), ("name", "New phone")]).await.stage
}

async fn audited(app: &TestApp, clinic: &Clinic) -> [usize; 4] {
    let mut found = [0; 4];
    let actions = [Action::ResetAsked, Action::ResetApproved, Action::ResetRefused, Action::ResetIssued];
    for (at, action) in actions.into_iter().enumerate() {
        found[at] = app.audited(clinic.tenant.id, action, Outcome::Success).await;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_a21_only_a_fresh_sign_in_at_aal2_helps() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = page_of(&clinic, clinic.maria);
    let (mut weak, _) = staff(&app, &clinic, "Will", &[]).await;
    let (mut browser, _) = hana(&app, &clinic).await;
    let form = filled(&app, &mut browser, &clinic, clinic.maria).await;
    let page = weak.get(&path).await;
    assert!(page.says("Sign in again") && !page.says("name=\"reason\""), "{}", page.text());
    let mut weakly = form.clone();
    weakly.retain(|(name, _)| name != "csrf");
    weakly.push(("csrf".to_owned(), page.hidden("csrf").unwrap()));
    let before = app.rows(&TABLES).await;
    let refused = send(&mut weak, &path, &weakly).await;
    assert!(refused.status == 409 && refused.says("Sign in again first"), "{}", refused.text());
    assert!(refused.says(REASON), "u4: what was typed is not lost");
    assert_eq!(app.rows(&TABLES).await, before);

    app.advance(FRESH + 1);
    let refused = send(&mut browser, &path, &form).await;
    assert!(refused.status == 409 && codes_on(&refused).is_empty(), "{}", refused.text());
    assert_eq!(audited(&app, &clinic).await, [0; 4]);
    let again = paths::clinic_reset_sign_in_again(clinic.tenant.domain.as_str(), &clinic.maria.to_string());
    assert!(refused.says(&again));
    let mut run = Run::at(browser, &again, Via::Form).await;
    assert!(matches!(run.stage().await, StageView::SignIn { .. }), "no session counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_u3_u4_how_and_why_are_wanted_and_what_was_typed_stays() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = page_of(&clinic, clinic.maria);
    let (mut browser, _) = hana(&app, &clinic).await;
    let good = filled(&app, &mut browser, &clinic, clinic.maria).await;
    let with = |name: &str, value: &str| {
        let mut form: Vec<(String, String)> = good.iter().filter(|(own, _)| own != name).cloned().collect();
        form.push((name.to_owned(), value.to_owned()));
        form
    };
    let untouched = good.iter().filter(|(name, _)| !name.starts_with("lost-")).cloned().collect::<Vec<_>>();
    let long = "x".repeat(501);
    let before = app.rows(&TABLES).await;
    for (form, said) in [
        (with("recognised", ""), "Choose how you recognised"),
        (with("recognised", "security_question"), "Choose how you recognised"),
        (with("reason", "too short"), "at least 10 characters"),
        (with("reason", ""), "at least 10 characters"),
        (with("reason", &long), "at most 500 characters"),
        (untouched, "Tick what the patient lost"),
    ] {
        let page = send(&mut browser, &path, &form).await;
        assert!(page.status == 422 && page.says(said) && page.says("There is a problem"), "{said}: {}", page.text());
        let typed = form.iter().find(|(name, _)| name == "reason").map_or("", |(_, reason)| reason);
        assert!(page.says(typed), "u4: {typed}");
    }
    assert_eq!(app.rows(&TABLES).await, before);
    // What only differs in white space is fine.
    code_on(&send(&mut browser, &path, &with("reason", "  lost\r\n\r\nthe phone  ")).await);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a23_a25_only_patients_of_the_own_clinic_with_a_second_step_are_helped_and_by_staff_alone() {
    let app = TestApp::new().await;
    let (clinic, other) = (app.world.mfa.clone(), app.world.plain.clone());
    let (mut browser, hana) = hana(&app, &clinic).await;
    let form = filled(&app, &mut browser, &clinic, clinic.maria).await;
    // Another clinic's patient, staff, oneself, nobody: not there.
    let nobody = "018f0000-0000-7000-8000-000000000000".parse().unwrap();
    for account in [other.maria, clinic.sam, hana, nobody] {
        let path = page_of(&clinic, account);
        assert_eq!(browser.get(&path).await.status, 404, "{account}");
        assert_eq!(send(&mut browser, &path, &form).await.status, 404, "{account}");
    }
    assert_eq!(send(&mut browser, &page_of(&other, other.maria), &form).await.status, 303, "a sign-in there");
    // Who has no second step has nothing to reset.
    let page = browser.get(&page_of(&clinic, clinic.nora)).await;
    assert!(page.says("nothing to reset") && !page.says("name=\"reason\""), "{}", page.text());
    let page = send(&mut browser, &page_of(&clinic, clinic.nora), &form).await;
    assert!(page.status == 409 && codes_on(&page).is_empty(), "{}", page.text());
    // No token, another's token, a form of elsewhere.
    let path = page_of(&clinic, clinic.maria);
    for csrf in ["", "x"] {
        let mut forged = form.clone();
        forged.retain(|(name, _)| name != "csrf");
        forged.push(("csrf".to_owned(), csrf.to_owned()));
        assert_eq!(send(&mut browser, &path, &forged).await.status, 403);
    }
    // Operators and patients are no staff.
    let mut boss = portal::boss(&app, "Olga").await;
    assert_eq!(send(&mut boss, &path, &form).await.status, 303);
    let mut maria = maria_at_home(&app, &clinic).await;
    let before = app.rows(&TABLES).await;
    assert_eq!(send(&mut maria, &path, &form).await.status, 303);
    assert_eq!(app.rows(&TABLES).await, before);
    assert_eq!(audited(&app, &clinic).await, [0; 4]);
    // A role that was taken away is gone at once (A24).
    let (tenant, now) = (clinic.tenant.id, app.now());
    let revoked = app
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.revoke_role(hana, Role::ClinicStaff(tenant), now).await }));
    revoked.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    assert_eq!(send(&mut browser, &path, &form).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_a_form_that_is_sent_twice_acts_once_and_a_new_code_takes_the_place_of_the_old() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let path = page_of(&clinic, clinic.maria);
    let (mut browser, _) = hana(&app, &clinic).await;
    let form = filled(&app, &mut browser, &clinic, clinic.maria).await;
    let old = code_on(&send(&mut browser, &path, &form).await);
    let again = send(&mut browser, &path, &form).await;
    assert!(again.status == 409 && again.says("Something has changed"), "{}", again.text());
    assert!(codes_on(&again).is_empty() && again.says("Turned off already"), "{}", again.text());
    let new = code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    assert_ne!(old, new);
    app.drain().await;
    let mut run = with_issued(&app, &clinic, Via::Form, &old).await;
    assert!(matches!(run.stage().await, StageView::Challenge { .. }), "n15: the old one is dead");
    run.act("submit-recovery-code", &[("code", &new)]).await;
    assert!(matches!(run.stage().await, StageView::ConfirmEmail(_)));
    // Used up, in every journey.
    let mut again = Run::begin(&app, &clinic, Via::Form).await;
    again.sign_in(MARIA, PASSWORD).await;
    let view = again.act("submit-recovery-code", &[("code", &new)]).await;
    assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a21_a_patient_is_helped_three_times_a_day_and_a_member_of_staff_helps_ten_an_hour() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (mut browser, hana) = hana(&app, &clinic).await;
    for _ in 0..MOST_PER_PATIENT {
        code_on(&ask(&app, &mut browser, &clinic, clinic.maria).await);
    }
    let before = app.rows(&["factors", "resets"]).await;
    let (mut other, _) = staff(&app, &clinic, "Ines", &["passkey"]).await;
    for browser in [&mut browser, &mut other] {
        let refused = ask(&app, browser, &clinic, clinic.maria).await;
        assert!(refused.status == 409 && refused.says("Too many for this patient"), "{}", refused.text());
        assert!(refused.says(REASON), "u4");
    }
    assert_eq!(app.rows(&["factors", "resets"]).await, before);
    let (own, now, clinic_id, nora) = (app.app.clone(), app.now(), clinic.tenant.id, clinic.nora);
    let more = app.app.store.write(move |tx| {
        Box::pin(async move {
            for _ in MOST_PER_PATIENT..MOST_PER_STAFF {
                tx.ask_reset(&Reset {
                    id: Id::new(now, own.entropy().as_mut()),
                    tenant: clinic_id,
                    account: nora,
                    asked_by: hana,
                    asked_at: now,
                    ends_at: now,
                    recognised: Recognised::Known,
                    reason: Reason::parse(REASON).unwrap(),
                    lost: Vec::new(),
                    decision: Some(Decision::Direct),
                })
                .await?;
            }
            Ok::<_, StorageError>(())
        })
    });
    more.await.unwrap();
    let tina = tina_of(&app, &clinic).await;
    let refused = ask(&app, &mut browser, &clinic, tina).await;
    assert!(refused.status == 409 && refused.says("Too many in a short time"), "{}", refused.text());
    // Somebody else still may, and after an hour (a day, for the patient) so may who helped.
    code_on(&ask(&app, &mut other, &clinic, tina).await);
    app.advance(DAY + 1);
    let (mut later, _) = staff(&app, &clinic, "Lea", &["passkey"]).await;
    code_on(&ask(&app, &mut later, &clinic, clinic.maria).await);
    app.drain().await;
}

async fn tina_of(app: &TestApp, clinic: &Clinic) -> Id<Account> {
    let (tenant, email) = (clinic.tenant.id, EmailAddress::parse(TINA).unwrap());
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.account_by_email(tenant, &email).await })).await;
    found.unwrap_or_else(|error: StorageError| panic!("{error}")).unwrap().0.id
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_who_has_only_a_factor_that_was_turned_off_is_helped_without_a_tick() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    app.database.execute("UPDATE factors SET failures = 100").await;
    let (mut browser, _) = staff(&app, &clinic, "Ines", &["passkey"]).await;
    let path = page_of(&clinic, clinic.maria);
    let page = browser.get(&path).await;
    assert!(page.says("Turned off already") && !page.says("name=\"lost-"), "{}", page.text());
    assert!(page.says("Give a code") && !page.says("Turn these off"), "{}", page.text());
    let mut form = portal::fields(&page, &path);
    form.retain(|(name, _)| !["recognised", "reason"].contains(&name.as_str()));
    form.extend([("recognised", "call_back"), ("reason", REASON)].map(|(a, b)| (a.to_owned(), b.to_owned())));
    let code = code_on(&send(&mut browser, &path, &form).await);
    app.drain().await;
    let mut run = with_issued(&app, &clinic, Via::Json, &code).await;
    assert!(matches!(run.stage().await, StageView::ConfirmEmail(_)));
    // Nora, who has none at all, is not.
    assert!(browser.get(&page_of(&clinic, clinic.nora)).await.says("nothing to reset"), "{NORA}");
    app.drain().await;
}
