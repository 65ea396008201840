//! RFC 8628: a device is signed in by a person's completed journey, and by nothing else.

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{MINUTE, SECOND},
    user_flow::Enforcement,
};
use serde_json::Value;

use crate::oidc::{change_application, clinic_with, unlink};
use crate::support::{
    Clinic, PASSWORD, Page, Run, TestApp, Via,
    app::Options,
    browser::Browser,
    journey::place,
    world::{MARIA, NORA, PHONE},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

// The application of `clinic` with the grant switched on.
pub(crate) async fn switched_on(app: &TestApp, clinic: &Clinic) {
    change_application(app, clinic, |application| application.settings.device = true).await;
}

async fn ask(app: &TestApp, clinic: &Clinic) -> Page {
    let client = clinic.application.id.to_string();
    let fields = [("client_id", client.as_str()), ("scope", "openid offline_access")];
    app.browser().post_bare(&format!("{}/oauth2/v2.0/devicecode", place(clinic, &clinic.flow)), &fields).await
}

pub(crate) async fn codes(app: &TestApp, clinic: &Clinic) -> (String, String) {
    let answer = ask(app, clinic).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: Value = answer.json();
    (answer["device_code"].as_str().unwrap().to_owned(), answer["user_code"].as_str().unwrap().to_owned())
}

pub(crate) async fn poll(app: &TestApp, clinic: &Clinic, code: &str) -> Page {
    let client = clinic.application.id.to_string();
    let fields = [("grant_type", GRANT), ("client_id", client.as_str()), ("device_code", code)];
    app.browser().post_bare(&format!("{}/oauth2/v2.0/token", place(clinic, &clinic.flow)), &fields).await
}

pub(crate) fn error(page: &Page) -> String {
    page.json::<Value>()["error"].as_str().unwrap_or_default().to_owned()
}

fn page_path(clinic: &Clinic) -> String {
    paths::device(clinic.tenant.domain.as_str(), &clinic.flow.name.key())
}

// Types a code on the page, as a person does; `confirm` is the button of the second page.
async fn type_code(browser: &mut Browser, clinic: &Clinic, code: &str, confirm: Option<&str>) -> Page {
    let page = browser.get(&page_path(clinic)).await;
    let csrf = page.csrf().unwrap();
    let mut fields = vec![("csrf", csrf.as_str()), ("user_code", code)];
    fields.extend(confirm.map(|word| ("confirm", word)));
    browser.post(&page_path(clinic), &fields).await
}

// The journey of a person who says that the device is theirs.
pub(crate) async fn begin(app: &TestApp, clinic: &Clinic, user_code: &str) -> Run {
    let mut browser = app.browser();
    let answer = type_code(&mut browser, clinic, user_code, Some("yes")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.location().unwrap();
    let id = location.strip_prefix("/journey/").unwrap().to_owned();
    Run { browser, id, via: Via::Form, codes: false }
}

async fn go_back(run: &mut Run) -> String {
    run.browser.get(&paths::journey_return(&run.id)).await.location().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_to_ask_for_a_code_in_a_public_clients_name_is_to_begin_a_journey() {
    let mut options = Options::default();
    (options.config.limits.per_address_per_second, options.config.limits.per_address_burst) = (1, 2);
    let app = TestApp::with(options).await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    for expected in [200, 200, 429] {
        let answer = ask(&app, &clinic).await;
        assert_eq!(answer.status, expected, "{}", answer.text());
        assert_eq!(answer.header("retry-after").as_deref(), (expected == 429).then_some("1"));
    }
    assert_eq!(app.count("device_codes").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_a_device_gets_its_tokens_after_the_persons_journey() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    switched_on(&app, &clinic).await;
    let answer: Value = ask(&app, &clinic).await.json();
    assert_eq!((answer["expires_in"].clone(), answer["interval"].clone()), (900.into(), 5.into()));
    assert_eq!(answer["verification_uri"], format!("https://id.example{}", page_path(&clinic)));
    let (code, user_code) = (answer["device_code"].as_str().unwrap(), answer["user_code"].as_str().unwrap());
    assert_eq!(error(&poll(&app, &clinic, code).await), "authorization_pending");

    // The device's own link fills the code in, and no more: the person presses two buttons.
    let link = answer["verification_uri_complete"].as_str().unwrap().strip_prefix("https://id.example").unwrap();
    let mut browser = app.browser();
    let entered = browser.get(link).await;
    assert!(entered.status == 200 && entered.says(user_code), "{}", entered.text());
    let csrf = entered.csrf().unwrap();
    let typed = user_code.to_lowercase().replace('-', " ");
    let asked = browser.post(&page_path(&clinic), &[("csrf", &csrf), ("user_code", &typed)]).await;
    assert!(asked.says("Patient app") && asked.says("Did somebody send you this code"), "{}", asked.text());
    let fields = [("csrf", csrf.as_str()), ("user_code", user_code), ("confirm", "yes")];
    let begun = browser.post(&page_path(&clinic), &fields).await.location().unwrap();
    let id = begun.strip_prefix("/journey/").unwrap().to_owned();
    let mut run = Run { browser, id, via: Via::Form, codes: false };
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    app.advance(5 * SECOND);
    assert_eq!(error(&poll(&app, &clinic, code).await), "authorization_pending", "signed in is not yet approved");
    let end = go_back(&mut run).await;
    assert!(run.browser.get(&end).await.says("Your device is signed in"), "{end}");

    let tokens = poll(&app, &clinic, code).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let tokens: Value = tokens.json();
    assert!(tokens["refresh_token"].is_string() && tokens["id_token"].is_string());
    let tenant = clinic.tenant.id;
    assert_eq!(app.audited(tenant, Action::DeviceApproved, Outcome::Success).await, 1);
    let mut device = app.browser();
    device.extra = vec![("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
    let info = format!("{}/openid/v2.0/userinfo", place(&clinic, &clinic.flow));
    assert_eq!(device.get(&info).await.json::<Value>()["sub"], clinic.maria.to_string());

    // A code used twice is in two hands: what it gave ends.
    assert_eq!(error(&poll(&app, &clinic, code).await), "invalid_grant");
    assert_eq!(app.audited(tenant, Action::DeviceCodeReused, Outcome::Failure).await, 1);
    assert_eq!(device.get(&info).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_approval_without_mfa_is_impossible() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    switched_on(&app, &clinic).await;
    // A browser with a session of full strength.
    let mut first = Run::begin(&app, &clinic, Via::Form).await;
    first.sign_in_with_phone(&app, MARIA, PHONE).await;
    first.code().await;
    let (code, user_code) = codes(&app, &clinic).await;
    let begun = type_code(&mut first.browser, &clinic, &user_code, Some("yes")).await.location().unwrap();
    let id = begun.strip_prefix("/journey/").unwrap().to_owned();
    let mut run = Run { browser: first.browser, id, via: Via::Form, codes: false };
    let before = app.rows(&["grants", "device_codes"]).await;
    assert_eq!(go_back(&mut run).await, paths::journey(&run.id), "no session alone approves");
    run.sign_in(MARIA, PASSWORD).await;
    assert_eq!(go_back(&mut run).await, paths::journey(&run.id), "nor a password alone");
    assert_eq!(app.rows(&["grants", "device_codes"]).await, before);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "authorization_pending");
    // Another browser cannot finish what this one began.
    let given = app.code(PHONE).await;
    run.act("submit-code", &[("code", &given)]).await;
    let before = app.rows(&["grants", "device_codes", "audit"]).await;
    let mut other = Run { browser: app.browser(), id: run.id.clone(), via: Via::Form, codes: false };
    assert_eq!(go_back(&mut other).await, paths::journey(&run.id));
    assert_eq!(app.rows(&["grants", "device_codes", "audit"]).await, before);
    assert!(go_back(&mut run).await.ends_with("approved"));
}

// Takes away what an approved device needs, in one of the ways there are.
async fn take_away(app: &TestApp, clinic: &Clinic, what: &str) {
    let (nora, now) = (clinic.nora, app.now());
    match what {
        "toggle" => crate::policy::toggle(app, &clinic.flow, Enforcement::AlwaysOn).await,
        "link" => unlink(app, clinic).await,
        "consent" => drop(change_application(app, clinic, |own| own.settings.third_party = true).await),
        "switch" => drop(change_application(app, clinic, |own| own.settings.device = false).await),
        "f37 account" => {
            let done = app.app.store.write(move |tx| Box::pin(async move { tx.set_disabled(nora, Some(now)).await }));
            done.await.unwrap();
        }
        "f28 grant" => {
            let done =
                app.app.store.write(move |tx| Box::pin(async move { tx.revoke_grants_of_account(nora, now).await }));
            assert_eq!(done.await.unwrap(), 1);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_what_was_taken_away_since_the_persons_yes_ends_the_devices_code() {
    for what in ["toggle", "link", "consent", "switch", "f37 account", "f28 grant"] {
        let app = TestApp::new().await;
        let clinic = clinic_with(&app, |own| own.settings.device = true).await;
        let (code, user_code) = codes(&app, &clinic).await;
        let mut run = begin(&app, &clinic, &user_code).await;
        run.sign_in(NORA, PASSWORD).await;
        assert!(go_back(&mut run).await.ends_with("approved"));
        take_away(&app, &clinic, what).await;
        let before = app.rows(&["grants", "device_codes", "refresh_tokens", "audit"]).await;
        let refused = error(&poll(&app, &clinic, &code).await);
        assert_eq!(refused, if what == "switch" { "unauthorized_client" } else { "invalid_grant" }, "{what}");
        assert_eq!(error(&poll(&app, &clinic, &code).await), refused, "{what}: asking again is no theft");
        assert_eq!(app.rows(&["grants", "device_codes", "refresh_tokens", "audit"]).await, before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_what_was_taken_away_before_the_way_back_approves_no_device() {
    for what in ["toggle", "link", "consent", "switch", "f37 account"] {
        let app = TestApp::new().await;
        let clinic = clinic_with(&app, |own| own.settings.device = true).await;
        let (_, user_code) = codes(&app, &clinic).await;
        let mut run = begin(&app, &clinic, &user_code).await;
        run.sign_in(NORA, PASSWORD).await;
        take_away(&app, &clinic, what).await;
        let before = app.rows(&["grants", "device_codes", "audit"]).await;
        let end = go_back(&mut run).await;
        assert!(!end.contains("approved"), "{what}: {end}");
        assert_eq!(app.rows(&["grants", "device_codes", "audit"]).await, before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_device_code_that_is_replayed_twice_is_one_event() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    let (code, user_code) = codes(&app, &clinic).await;
    let mut run = begin(&app, &clinic, &user_code).await;
    run.sign_in(NORA, PASSWORD).await;
    go_back(&mut run).await;
    assert_eq!(poll(&app, &clinic, &code).await.status, 200);
    for _ in 0..3 {
        assert_eq!(error(&poll(&app, &clinic, &code).await), "invalid_grant");
    }
    assert_eq!(app.audited(clinic.tenant.id, Action::DeviceCodeReused, Outcome::Failure).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_who_cancels_a_device_that_was_approved_elsewhere_is_not_told_that_it_was_denied() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    let (code, user_code) = codes(&app, &clinic).await;
    let (mut first, mut second) = (begin(&app, &clinic, &user_code).await, begin(&app, &clinic, &user_code).await);
    first.sign_in(NORA, PASSWORD).await;
    assert!(go_back(&mut first).await.ends_with("approved"));
    second.act("cancel", &[]).await;
    assert!(go_back(&mut second).await.ends_with("too-late"));
    assert_eq!(app.audited(clinic.tenant.id, Action::DeviceDenied, Outcome::Success).await, 0);
    assert_eq!(poll(&app, &clinic, &code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_signing_out_everywhere_else_signs_devices_out() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    let (code, user_code) = codes(&app, &clinic).await;
    let mut run = begin(&app, &clinic, &user_code).await;
    run.sign_in(NORA, PASSWORD).await;
    go_back(&mut run).await;
    let tokens: Value = poll(&app, &clinic, &code).await.json();
    let token = tokens["refresh_token"].as_str().unwrap();
    let home = paths::account(clinic.tenant.domain.as_str());
    let mut own = Run::at(app.browser(), &home, Via::Form).await;
    own.sign_in(NORA, PASSWORD).await;
    own.back().await;
    let csrf = own.browser.get(&home).await.csrf().unwrap();
    let path = paths::account_end_sessions(clinic.tenant.domain.as_str());
    assert_eq!(own.browser.post(&path, &[("csrf", &csrf)]).await.status, 303);
    let answer = crate::support::journey::refresh(&mut app.browser(), &clinic, &clinic.flow, token).await;
    assert_eq!(error(&answer), "invalid_grant", "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_a_no_reaches_the_device_from_either_page() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    let (code, user_code) = codes(&app, &clinic).await;
    let mut browser = app.browser();
    let said = type_code(&mut browser, &clinic, &user_code, Some("no")).await.location().unwrap();
    assert!(browser.get(&said).await.says("The device is not signed in"));
    assert_eq!(error(&poll(&app, &clinic, &code).await), "access_denied");
    // U5: a second press, of either button, leads to the same place and counts as no guess.
    for button in ["no", "yes"] {
        let again = type_code(&mut browser, &clinic, &user_code, Some(button)).await;
        assert_eq!(again.location().as_deref(), Some(said.as_str()), "{button}: {}", again.text());
    }
    assert_eq!(app.count("throttles").await, 0);

    let (code, user_code) = codes(&app, &clinic).await;
    let mut run = begin(&app, &clinic, &user_code).await;
    run.act("cancel", &[]).await;
    assert!(go_back(&mut run).await.ends_with("denied"));
    assert_eq!(error(&poll(&app, &clinic, &code).await), "access_denied");
    assert_eq!(app.audited(clinic.tenant.id, Action::DeviceDenied, Outcome::Success).await, 2);
    assert_eq!(app.count("grants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_slow_down_and_expired_token() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    let (code, user_code) = codes(&app, &clinic).await;
    let mut run = begin(&app, &clinic, &user_code).await;
    assert_eq!(error(&poll(&app, &clinic, &code).await), "authorization_pending");
    app.advance(4 * SECOND);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "slow_down");
    app.advance(9 * SECOND);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "slow_down", "the interval has grown to ten seconds");
    app.advance(15 * SECOND);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "authorization_pending");
    app.advance(15 * MINUTE);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "expired_token");
    run.sign_in(NORA, PASSWORD).await;
    assert!(go_back(&mut run).await.ends_with("too-late"));
    assert_eq!(app.count("grants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_brute_force_of_user_codes_is_throttled_by_network() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    switched_on(&app, &clinic).await;
    let (_, user_code) = codes(&app, &clinic).await;
    let mut browser = app.browser().at_ip([198, 51, 100, 1]);
    // What cannot be a code is told apart, and is no guess.
    for (typed, says) in [("", "Type the code that your device shows."), ("BBBB", "A code has 8 letters.")] {
        for _ in 0..10 {
            let page = type_code(&mut browser, &clinic, typed, None).await;
            assert!(page.status == 200 && page.says(says) && page.says("There is a problem"), "{}", page.text());
        }
    }
    for guess in 0..10 {
        let wrong = type_code(&mut browser, &clinic, "BBBB-BBBB", None).await;
        assert!(wrong.status == 200 && wrong.says("This code does not work"), "{guess}: {}", wrong.text());
    }
    let locked = type_code(&mut browser, &clinic, &user_code, None).await;
    assert!(locked.status == 429 && !locked.says("Patient app"), "the right one is not even looked at");
    assert!(locked.says("Wait 15 minutes, then try again."), "{}", locked.text());
    app.advance(10 * MINUTE + SECOND);
    let locked = type_code(&mut browser, &clinic, &user_code, None).await;
    assert!(locked.says("Wait 4 minutes 59 seconds, then try again."), "u14: {}", locked.text());
    let mut elsewhere = app.browser().at_ip([198, 51, 100, 2]);
    assert!(
        type_code(&mut elsewhere, &clinic, &user_code, None).await.says("Patient app"),
        "nobody else is locked out"
    );
    app.advance(5 * MINUTE);
    let (_, user_code) = codes(&app, &clinic).await;
    assert!(type_code(&mut browser, &clinic, &user_code, None).await.says("Patient app"));
    // A code of another flow or tenant is no code here.
    let other = app.world.mfa.clone();
    assert!(type_code(&mut elsewhere, &other, &user_code, None).await.says("This code does not work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_only_applications_with_the_grant_switched_on_and_their_own_codes() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    assert_eq!(error(&ask(&app, &clinic).await), "unauthorized_client");
    assert_eq!(app.count("device_codes").await, 0);
    switched_on(&app, &clinic).await;
    let (code, _) = codes(&app, &clinic).await;
    // f38: at another tenant's endpoint, or by another application, it is unknown.
    let other = app.world.mfa.clone();
    switched_on(&app, &other).await;
    assert_eq!(error(&poll(&app, &other, &code).await), "invalid_grant");
    assert_eq!(error(&poll(&app, &clinic, "nonsense").await), "invalid_grant");
    assert_eq!(error(&poll(&app, &clinic, &code).await), "authorization_pending");
    // f31: it is no authorization code, nor a refresh token.
    let mut browser = app.browser();
    let redeemed = crate::support::journey::redeem(&mut browser, &clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(error(&redeemed), "invalid_grant");
    // n25: a form of another site decides nothing.
    let page = page_path(&clinic);
    let forged = app.browser().post_bare(&page, &[("user_code", "BBBB-BBBB"), ("confirm", "no")]).await;
    assert_eq!(forged.location().as_deref(), Some(page.as_str()));
    let mut browser = app.browser();
    browser.get(&page).await;
    assert_eq!(browser.post(&page, &[("csrf", "x"), ("user_code", "BBBB-BBBB")]).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_u29_an_application_of_somebody_else_gets_nothing_without_consent() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| {
        application.settings.device = true;
        application.settings.third_party = true;
    })
    .await;
    let (code, user_code) = codes(&app, &clinic).await;
    let mut run = begin(&app, &clinic, &user_code).await;
    let before = app.rows(&["grants", "sessions", "consents", "device_codes"]).await;
    let view = run.sign_in(NORA, PASSWORD).await;
    let StageView::Consent { rights, .. } = view.stage else { panic!("{view:?}") };
    assert_eq!(rights, ["Get these details again while you’re away"]);
    assert_eq!(go_back(&mut run).await, paths::journey(&run.id), "nothing leads past it");
    assert_eq!(app.rows(&["grants", "sessions", "consents", "device_codes"]).await, before);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "authorization_pending");
    run.act("agree", &[]).await;
    assert_eq!(app.count("consents").await, 1);
    assert!(go_back(&mut run).await.ends_with("approved"));
    app.advance(5 * SECOND);
    assert_eq!(poll(&app, &clinic, &code).await.status, 200);

    // Taken back between the yes and the way back: there is no grant.
    let (code, user_code) = codes(&app, &clinic).await;
    let mut run = begin(&app, &clinic, &user_code).await;
    run.sign_in(NORA, PASSWORD).await;
    let (nora, id) = (clinic.nora, clinic.application.id);
    let taken = app.app.store.write(move |tx| Box::pin(async move { tx.delete_consent(nora, id).await }));
    taken.await.unwrap();
    let grants = app.count("grants").await;
    assert!(!go_back(&mut run).await.ends_with("approved"));
    assert_eq!(app.count("grants").await, grants);
    assert_eq!(error(&poll(&app, &clinic, &code).await), "authorization_pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8628_discovery_lists_the_endpoint_only_when_switched_on() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let path = format!("{}/v2.0/.well-known/openid-configuration", place(&clinic, &clinic.flow));
    let document: Value = app.browser().get(&path).await.json();
    assert!(document.get("device_authorization_endpoint").is_none());
    assert!(!document["grant_types_supported"].as_array().unwrap().contains(&GRANT.into()));
    switched_on(&app, &clinic).await;
    let document: Value = app.browser().get(&path).await.json();
    let endpoint = format!("https://id.example{}/oauth2/v2.0/devicecode", place(&clinic, &clinic.flow));
    assert_eq!(document["device_authorization_endpoint"], endpoint);
    assert!(document["grant_types_supported"].as_array().unwrap().contains(&GRANT.into()));
}
