//! "This wasn't me" in the mails about a minimum, and what is said where nobody could reach one. N20, N23, U24, A5.

use lanyard_app::paths;
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{DAY, SECOND},
    role::Role,
};
use lanyard_server::service::portal::minimums::{self, RoleMinimums};

use super::*;
use crate::{
    account_factors::factors,
    account_not_me::{changed, link},
    portal::{RIVERSIDE, SETTINGS, fields, operator, send},
    staff_reset::staff,
    support::world::SAM,
};

pub(crate) async fn own(app: &TestApp, account: Id<Account>) -> Assurance {
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.own_minimum(account).await })).await;
    found.unwrap_or_else(|error: StorageError| panic!("{error}")).unwrap()
}

// Staff set Maria's minimum from `before` to `after` while somebody is signed in as her; then her link is used.
async fn the_link_secures_the_account(options: Options, (before, after): (Assurance, Assurance), left: bool) {
    let tables = ["accounts", "sessions", "grants", "refresh_tokens", "factors", "repudiations", "audit"];
    let app = TestApp::with(options).await;
    let clinic = app.world.mfa.clone();
    let (tenant, maria) = (clinic.tenant.id, clinic.maria);
    if before > Assurance::Aal1 {
        silently(&app, maria, before).await;
    }
    // Somebody is signed in as Maria, with her phone: that is enough either way.
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.sign_in_with_phone(&app, MARIA, PHONE).await;
    let back = run.back().await;
    let given = tokens(&mut run, &clinic, &back).await;
    let (mut hana, _) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
    let path = paths::clinic_minimum(clinic.tenant.domain.as_str(), &maria.to_string());
    let form = fields(&hana.get(&path).await, &path);
    let saved = send(&mut hana, &path, form, &[("minimum", after.as_str())]).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert!(is_let_in(&mut run.browser, &clinic).await);
    let link = link(&app, MARIA).await;
    let mut reader = app.browser();
    let stood = app.rows(&tables).await;
    let page = reader.get(&link).await;
    assert_eq!(page.status, 200);
    assert_eq!(app.rows(&tables).await, stood, "looking changes nothing");
    let lowered = after < before;
    assert_eq!(page.says("Less is asked for when you sign in"), lowered, "{}", page.text());

    let form: &[(&str, &str)] = if left { &[("chosen", "true")] } else { &[] };
    let done = reader.post(&link, form).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(!is_let_in(&mut run.browser, &clinic).await, "whoever was signed in is out");
    let token = given["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&mut run.browser, &clinic, &clinic.flow, token).await.status, 400);
    let view = Run::begin(&app, &clinic, Via::Form).await.sign_in(MARIA, PASSWORD).await;
    assert!(matches!(view.stage, StageView::SignIn { .. }), "the password is gone: {view:?}");
    assert_eq!(app.audited(tenant, Action::AccountSecured, Outcome::Success).await, 1);
    assert!(app.message(MARIA).await.body.contains("secured your account"));
    // Her phone is older than that. What staff ask for is theirs to say; that they ask for less is not.
    let raised = lowered && !left;
    assert_eq!(done.says("From now on you are asked for a second step"), raised, "{}", done.text());
    let stands = if raised { before } else { after };
    assert_eq!((factors(&app, maria).await.len(), own(&app, maria).await), (1, stands));
    assert_eq!(app.audited(tenant, Action::FactorDisabled, Outcome::Success).await, 0);
    assert_eq!(app.audited(tenant, Action::MinimumChanged, Outcome::Success).await, 1 + usize::from(raised));
    assert_eq!(reader.post(&link, &[]).await.status, 410, "once");
    app.drain().await;
}

const LESS: (Assurance, Assurance) = (Assurance::Aal2Legacy, Assurance::Aal1);
const MORE: (Assurance, Assurance) = (Assurance::Aal1, Assurance::Aal2Legacy);

#[tokio::test(flavor = "multi_thread")]
async fn n20_n23_u24_a5_the_link_in_the_mail_about_a_minimum_secures_the_account_and_takes_back_that_less_is_asked() {
    for options in [Options::default, Options::postgres] {
        the_link_secures_the_account(options(), MORE, false).await;
        the_link_secures_the_account(options(), LESS, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u24_a5_who_says_that_less_was_their_own_wish_is_asked_for_less() {
    the_link_secures_the_account(Options::default(), LESS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_each_link_asks_for_what_stood_before_its_own_change() {
    // Somebody talks the clinic into less twice, days apart; then the first or the second mail is used.
    for (used, raised) in [(0, Assurance::Aal2Strict), (1, Assurance::Aal2Legacy)] {
        let app = TestApp::new().await;
        let clinic = app.world.mfa.clone();
        let (tenant, maria) = (clinic.tenant.id, clinic.maria);
        silently(&app, maria, Assurance::Aal2Strict).await;
        require(&app, &clinic, maria, Assurance::Aal2Legacy).await;
        let first = link(&app, MARIA).await;
        app.advance(10 * DAY);
        require(&app, &clinic, maria, Assurance::Aal1).await;
        let links = [first, link(&app, MARIA).await];
        let mut reader = app.browser();
        let done = reader.post(&links[used], &[]).await;
        assert_eq!(done.status, 200);
        assert_eq!(own(&app, maria).await, raised, "{}", done.text());
        assert!(app.message(MARIA).await.body.contains("From now on you are asked for a"), "the mail says it, too");
        assert_eq!(app.audited(tenant, Action::MinimumChanged, Outcome::Success).await, 3);
        for link in &links {
            assert_eq!(reader.post(link, &[]).await.status, 410, "one is enough");
        }
        assert_eq!(own(&app, maria).await, raised);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_raise_and_a_lowering_within_a_minute_are_two_changes() {
    let app = TestApp::new().await;
    let (clinic, maria) = (app.world.mfa.clone(), app.world.mfa.maria);
    silently(&app, maria, Assurance::Aal2Legacy).await;
    require(&app, &clinic, maria, Assurance::Aal2Strict).await;
    app.advance(10 * SECOND);
    require(&app, &clinic, maria, Assurance::Aal1).await;
    let link = link(&app, MARIA).await;
    assert_eq!(app.browser().post(&link, &[]).await.status, 200);
    assert_eq!(own(&app, maria).await, Assurance::Aal2Strict, "what stood before the lowering");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_u24_a_later_link_about_something_else_lists_a_lowering_and_leaves_the_tick_to_the_person() {
    for (form, stands) in [
        (&[][..], Assurance::Aal1),
        (&[("chosen", "true")][..], Assurance::Aal1),
        (&[("chosen", "true"), ("minimum", "true")][..], Assurance::Aal2Legacy),
    ] {
        let app = TestApp::new().await;
        let (clinic, maria) = (app.world.mfa.clone(), app.world.mfa.maria);
        silently(&app, maria, Assurance::Aal2Legacy).await;
        require(&app, &clinic, maria, Assurance::Aal1).await;
        app.advance(3 * DAY);
        let (_, link) = changed(&app, &clinic).await;
        let mut reader = app.browser();
        let page = reader.get(&link).await;
        assert!(page.says("Less is asked for when you sign in than before"), "{}", page.text());
        assert_eq!(reader.post(&link, form).await.status, 200);
        assert_eq!(own(&app, maria).await, stands, "{form:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_where_staff_ask_for_more_by_now_the_link_leaves_it() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let (tenant, maria) = (clinic.tenant.id, clinic.maria);
    silently(&app, maria, Assurance::Aal2Legacy).await;
    require(&app, &clinic, maria, Assurance::Aal1).await;
    let link = link(&app, MARIA).await;
    require(&app, &clinic, maria, Assurance::PhishingResistant).await;
    let mut reader = app.browser();
    let page = reader.get(&link).await;
    assert!(!page.says("Less is asked for when you sign in"), "{}", page.text());
    assert_eq!(reader.post(&link, &[("chosen", "true"), ("minimum", "true")]).await.status, 200);
    assert_eq!(own(&app, maria).await, Assurance::PhishingResistant);
    assert_eq!(app.audited(tenant, Action::MinimumChanged, Outcome::Success).await, 2);
    app.drain().await;
}

/// A server at an address of numbers alone, which has no passkeys.
async fn without_passkeys() -> TestApp {
    let mut options = Options::default();
    options.config.public_origin = Some("https://192.0.2.7".to_owned());
    let app = TestApp::with(options).await;
    assert!(app.app.passkeys.is_none());
    app
}

fn at_home(mut browser: Browser) -> Browser {
    browser.extra = vec![("host", "192.0.2.7".to_owned()), ("origin", "https://192.0.2.7".to_owned())];
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn n23_where_there_are_no_passkeys_staff_and_operators_read_why_none_is_asked_for() {
    let app = without_passkeys().await;
    let clinic = app.world.mfa.clone();
    let (hana, _) = staff(&app, &clinic, "Hana", &["authenticator_app"]).await;
    let (mut hana, maria) = (at_home(hana), clinic.maria);
    let path = paths::clinic_minimum(clinic.tenant.domain.as_str(), &maria.to_string());
    let page = hana.get(&path).await;
    assert!(!page.says("phishing_resistant"), "nor is it offered: {}", page.text());
    let before = app.rows(&["accounts", "outbox", "repudiations"]).await;
    let refused = send(&mut hana, &path, fields(&page, &path), &[("minimum", "phishing_resistant")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.says("Passkeys can’t be used at this address."), "{}", refused.text());
    assert_eq!(app.rows(&["accounts", "outbox", "repudiations"]).await, before);

    let (ann, _) = operator(&app, "Ann", &[Role::TenantOperator(clinic.tenant.id)]).await;
    let (mut ann, action) = (at_home(ann), format!("{RIVERSIDE}/minimums"));
    let page = ann.get(SETTINGS).await;
    let form = fields(&page, &action);
    for role in ["staff", "operators"] {
        let refused = send(&mut ann, &action, form.clone(), &[(role, "phishing_resistant")]).await;
        assert_eq!(refused.status, 422);
        let words = "Passkeys can’t be used at this address, so nobody could sign in any more.";
        assert!(refused.says(words), "{role}: {}", refused.text());
    }
    assert_eq!(app.count("role_minimums").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_n23_where_there_are_no_passkeys_by_now_the_link_asks_for_what_can_be_reached() {
    let app = without_passkeys().await;
    let (clinic, maria) = (app.world.mfa.clone(), app.world.mfa.maria);
    silently(&app, maria, Assurance::PhishingResistant).await;
    require(&app, &clinic, maria, Assurance::Aal1).await;
    let mail = app.message(MARIA).await.body;
    let (_, link) = mail.split_once("https://192.0.2.7").unwrap_or_else(|| panic!("no link: {mail}"));
    let link = link.split(|c: char| c.is_whitespace() || c == '"').next().unwrap();
    let done = at_home(app.browser()).post(link, &[]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(own(&app, maria).await, Assurance::Aal2Strict);
    assert!(done.says("a passkey or a code from an authenticator app every time"), "{}", done.text());
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_what_a_role_demands_stays_and_is_what_the_link_says() {
    let app = TestApp::new().await;
    let (clinic, sam) = (app.world.mfa.clone(), app.world.mfa.sam);
    let staff = RoleMinimums { staff: Assurance::PhishingResistant, operators: Assurance::Aal1 };
    minimums::set(&app.app, &clinic.tenant, (None, staff), by()).await.unwrap();
    silently(&app, sam, Assurance::Aal2Strict).await;
    require(&app, &clinic, sam, Assurance::Aal1).await;
    let link = link(&app, SAM).await;
    let done = app.browser().post(&link, &[]).await;
    assert_eq!(own(&app, sam).await, Assurance::Aal2Strict);
    assert!(done.says("From now on you are asked for a passkey every time you sign in."), "{}", done.text());
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_stranger_who_burns_the_link_about_less_leaves_it_to_a_later_one() {
    let app = TestApp::new().await;
    let (clinic, maria) = (app.world.mfa.clone(), app.world.mfa.maria);
    silently(&app, maria, Assurance::Aal2Legacy).await;
    require(&app, &clinic, maria, Assurance::Aal1).await;
    let burnt = link(&app, MARIA).await;
    app.advance(MINUTE);
    // Somebody at her account has a mail with a link of its own, and uses that one for nothing.
    let (_, strangers) = changed(&app, &clinic).await;
    assert_eq!(app.browser().post(&strangers, &[("chosen", "true")]).await.status, 200);
    assert_eq!(app.browser().get(&burnt).await.status, 410);
    assert_eq!(own(&app, maria).await, Assurance::Aal1);
    app.advance(DAY);
    // The mail about her next password has a link, too.
    let mut run = Run::begin(&app, &clinic, Via::Json).await;
    run.act("go-forgot-password", &[]).await;
    run.act("request-code", &[("email", MARIA)]).await;
    for to in [MARIA, PHONE] {
        let code = app.code(to).await;
        run.act("submit-code", &[("code", &code)]).await;
    }
    let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    let later = link(&app, MARIA).await;
    assert_eq!(app.browser().post(&later, &[("chosen", "true"), ("minimum", "true")]).await.status, 200);
    assert_eq!(own(&app, maria).await, Assurance::Aal2Legacy);
    app.drain().await;
}
