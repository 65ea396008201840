//! An invitation's link in many hands at once: one account, one role, one session. A7, F50, D7.

use futures::future::join_all;
use lanyard_app::{
    api::journey::{OverReason, StageView},
    paths,
};
use lanyard_domain::{
    audit::{Action, Outcome},
    id::Id,
    role::Role,
    tenant::Tenant,
};
use lanyard_server::service::{invitations, tenants};

use crate::{
    factors::base32,
    portal::{RIVERSIDE, operator, save},
    support::{
        Browser, PASSWORD, Page, Run, TestApp, Via,
        app::{ORIGIN, Options},
        world::totp,
    },
};

const AT_ONCE: usize = 100;
/// What an invitation gives.
const GIVEN: [&str; 4] = ["accounts", "factors", "role_grants", "sessions"];

async fn counts(app: &TestApp) -> [usize; 4] {
    let mut all = [0; 4];
    for (count, table) in all.iter_mut().zip(GIVEN) {
        *count = app.count(table).await;
    }
    all
}

/// All of them send `event`, each with a code of their own: a hundred times in sum, by form and by JSON.
async fn at_once(ready: &mut [(Run, String)], event: &'static str) -> Vec<(Browser, Page)> {
    let mut all = Vec::new();
    for (run, code) in ready.iter_mut() {
        let csrf = run.view().await.csrf;
        all.push((run.browser.clone(), run.id.clone(), csrf, code.clone()));
    }
    let tries = (0..AT_ONCE).map(|n| {
        let (browser, id, csrf, code) = all[n % all.len()].clone();
        let via = Via::BOTH[n / all.len() % 2];
        tokio::spawn(async move {
            let mut run = Run { browser, id, via, codes: false };
            let answer = run.post(event, &csrf, &[("code", &code), ("name", "Phone")]).await;
            assert!(!answer.status.is_server_error(), "{}", answer.text());
            (run.browser, answer)
        })
    });
    join_all(tries).await.into_iter().map(Result::unwrap).collect()
}

/// They send the last code of the set-up at once, and then answer the offer of recovery codes at once: one account comes
/// of it, and one session.
async fn one_gets_in(
    app: &TestApp,
    tenant: Id<Tenant>,
    ready: &mut [(Run, String)],
    event: &'static str,
) -> Vec<(Browser, Page)> {
    let [accounts, factors, roles, sessions] = counts(app).await;
    at_once(ready, event).await;
    // Whoever was first goes on, however often the form was sent.
    let mut ahead = 0;
    for (run, _) in ready.iter_mut() {
        ahead += usize::from(matches!(run.stage().await, StageView::OfferRecoveryCodes { .. }));
    }
    assert_eq!(ahead, 1);
    assert_eq!(counts(app).await, [accounts + 1, factors + 1, roles + 1, sessions], "{GIVEN:?}");
    let answers = at_once(ready, "not-now").await;
    assert_eq!(counts(app).await, [accounts + 1, factors + 1, roles + 1, sessions + 1], "{GIVEN:?}");
    for action in [Action::InvitationUsed, Action::RoleGranted, Action::SignIn] {
        assert_eq!(app.audited(tenant, action, Outcome::Success).await, 1, "{action:?}");
    }
    assert_eq!(answers.iter().filter(|(_, page)| page.headers.contains_key("set-cookie")).count(), 1);
    answers
}

async fn one_operator_comes_of_the_first_link(options: Options) {
    let app = TestApp::with(options).await;
    let system = tenants::ensure_system(&app.app).await.unwrap();
    // Of servers that start at the same moment one makes the link.
    let made = (0..20).map(|_| {
        let (own, system) = (app.app.clone(), system.clone());
        tokio::spawn(async move { invitations::first_operator_link(&own, &system).await.unwrap() })
    });
    let links: Vec<String> = join_all(made).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!((links.len(), app.count("invitations").await), (1, 1));
    let link = links[0].strip_prefix(ORIGIN).unwrap().to_owned();
    // Opening it uses nothing up.
    let opened = (0..AT_ONCE).map(|_| {
        let (mut browser, link) = (app.browser(), link.clone());
        tokio::spawn(async move { browser.get(&link).await })
    });
    for page in join_all(opened).await {
        assert!(page.unwrap().location().is_some_and(|to| to.starts_with("/journey/")));
    }
    assert_eq!(app.count("journeys").await, AT_ONCE);
    // Ten go on, half of them with one address and half with another, and set up an app each.
    let mut ready = Vec::new();
    for n in 0..10 {
        let email = ["olga@operators.example", "otto@operators.example"][n % 2];
        let mut run = Run::at(app.browser(), &link, Via::BOTH[n / 2 % 2]).await;
        let mut view = run.details(PASSWORD, &[("email", email)]).await;
        if matches!(view.stage, StageView::ChooseMethod { .. }) {
            view = run.act("choose-method", &[("method", "authenticator_app")]).await;
        }
        let StageView::EnrolApp { secret, .. } = view.stage else { panic!("{view:?}") };
        let seed: [u8; 20] = base32(&secret.replace([' ', '-'], "")).try_into().unwrap();
        ready.push((run, totp(seed, app.now())));
    }
    let answers = one_gets_in(&app, system.id, &mut ready, "submit-app-code").await;
    let mut inside = 0;
    for (mut browser, _) in answers {
        inside += usize::from(browser.get(paths::PORTAL).await.status == 200);
    }
    assert_eq!(inside, 1, "one of them is in the portal");
    // Nobody comes after them, neither by the link nor from where they stand.
    assert_eq!(app.browser().get(&link).await.status, 404);
    let stood = counts(&app).await;
    for event in ["submit-app-code", "not-now"] {
        at_once(&mut ready, event).await;
    }
    assert_eq!(counts(&app).await, stood);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_f50_the_first_operators_link_in_many_hands_makes_one_operator() {
    one_operator_comes_of_the_first_link(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_f50_the_first_operators_link_in_many_hands_makes_one_operator_postgres() {
    one_operator_comes_of_the_first_link(Options::postgres()).await;
}

const NURSE: &str = "new.nurse@staff.example";
const NUMBERS: [&str; 2] = ["+12065550144", "+12065550145"];

/// The same event in both browsers at once.
async fn both(runs: &mut [Run; 2], event: &str, fields: [&[(&str, &str)]; 2]) {
    let [one, two] = runs;
    tokio::join!(one.act(event, fields[0]), two.act(event, fields[1]));
}

async fn one_member_of_staff_comes_of_an_invitation(options: Options) {
    let app = TestApp::with(options).await;
    let (home, tenant) = (format!("{RIVERSIDE}/staff"), app.world.mfa.tenant.id);
    let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(tenant)]).await;
    let sent = save(&mut ben, &home, &home, &[("email", NURSE)]).await;
    assert_eq!(sent.location(), Some(format!("{home}?done=invited")));
    let letter = app.message(NURSE).await.body;
    let link = letter.split_whitespace().find(|word| word.contains("/invitation/")).unwrap();
    let link = link.strip_prefix(ORIGIN).unwrap().to_owned();
    // Both open it at once and go side by side, each with a phone of their own.
    let opened = tokio::join!(Run::at(app.browser(), &link, Via::Form), Run::at(app.browser(), &link, Via::Json));
    let mut runs: [Run; 2] = opened.into();
    let [one, two] = &mut runs;
    tokio::join!(one.details(PASSWORD, &[]), two.details(PASSWORD, &[("givenName", "Eve")]));
    both(&mut runs, "choose-method", [&[("method", "text_message")]; 2]).await;
    let number = |n: usize| [("phone", NUMBERS[n]), ("country", "US"), ("method", "text_message")];
    both(&mut runs, "enter-phone", [&number(0), &number(1)]).await;
    let codes = [app.code(NUMBERS[0]).await, app.code(NUMBERS[1]).await];
    let mut ready: Vec<_> = runs.into_iter().zip(codes).collect();
    one_gets_in(&app, tenant, &mut ready, "submit-code").await;
    // One is through, and the other is told why not.
    let mut ends = Vec::new();
    for (run, _) in &mut ready {
        ends.push(run.stage().await);
    }
    let through = |end: &StageView| matches!(end, StageView::Done { .. });
    let late = |end: &StageView| matches!(end, StageView::Over { reason: OverReason::AddressTaken, .. });
    assert!(ends.iter().any(through) && ends.iter().any(late), "{ends:?}");
    // The one factor is the phone of who was quicker.
    let winner = usize::from(through(&ends[1]));
    let clinic = paths::clinic(app.world.mfa.tenant.domain.as_str());
    app.advance(60_000);
    app.drain().await;
    let mut run = Run::at(app.browser(), &clinic, Via::Form).await;
    let view = run.sign_in_with_phone(&app, NURSE, NUMBERS[winner]).await;
    assert!(through(&view.stage), "{view:?}");
    assert_eq!(app.browser().get(&link).await.status, 404);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_f50_two_browsers_with_one_invitation_make_one_account() {
    one_member_of_staff_comes_of_an_invitation(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_f50_two_browsers_with_one_invitation_make_one_account_postgres() {
    one_member_of_staff_comes_of_an_invitation(Options::postgres()).await;
}
