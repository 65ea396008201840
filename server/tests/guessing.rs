//! Stolen lists of passwords, tried from one network or from many (credential stuffing): what a network and a tenant may
//! get wrong, on every server and over restarts, and that nobody is locked out by it (failure 18).

use std::sync::Arc;

use lanyard_app::{
    api::journey::{ProblemCode, StageView},
    paths,
};
use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{DAY, HOUR, MINUTE},
    id::Id,
    role::Role,
    tenant::Tenant,
};
use lanyard_server::router::router;
use lanyard_storage::StorageError;

use crate::{
    enumeration::{STRANGER, assert_same, seen_in},
    limits::another_server,
    portal::operator,
    support::{
        Browser, Options, PASSWORD, Run, TestApp, Via,
        authenticator::Authenticator,
        journey::authorize,
        problem,
        world::{Clinic, MARIA, NORA, PHONE, SAM, SEED, TINA, totp},
    },
};

pub(crate) const WRONG: &str = "a wrong password";
/// In which somebody guesses.
pub(crate) const CAFE: [u8; 4] = [198, 51, 100, 7];
const HOME: [u8; 4] = [203, 0, 113, 9];

// A network may get so many wrong in a tenant, and ten an hour.
pub(crate) fn with(wrong: u32, mut options: Options) -> Options {
    options.config.limits.wrong_passwords_per_address = wrong;
    options
}

pub(crate) fn both(wrong: u32) -> [Options; 2] {
    [Options::default(), Options::postgres()].map(|options| with(wrong, options))
}

pub(crate) async fn typed(
    browser: Browser,
    clinic: &Clinic,
    email: &str,
    password: &str,
) -> (Run, Option<ProblemCode>) {
    let address = authorize(clinic, &clinic.flow, &[("prompt", "login")]);
    let mut run = Run::at(browser, &address, Via::Json).await;
    let view = run.sign_in(email, password).await;
    let code = problem(&view, "email").or_else(|| problem(&view, "")).cloned();
    (run, code)
}

pub(crate) async fn guess(app: &TestApp, ip: [u8; 4], email: &str) -> Option<ProblemCode> {
    typed(app.browser().at_ip(ip), &app.world.mfa, email, WRONG).await.1
}

async fn right(app: &TestApp, ip: [u8; 4], email: &str) -> Option<ProblemCode> {
    typed(app.browser().at_ip(ip), &app.world.mfa, email, PASSWORD).await.1
}

fn locked(seconds: u32) -> Option<ProblemCode> {
    Some(ProblemCode::NetworkLocked { seconds })
}

pub(crate) fn nobody(n: usize) -> String {
    format!("nobody{n}@patients.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn stuffing_of_a_network_waits_whatever_addresses_it_tries_on_every_server_and_after_a_restart() {
    for options in both(6) {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        let other = another_server(&app).await;
        let there = Browser::new(router(other.clone()), Arc::default()).at_ip(CAFE);
        // No address twice, half of them here and half there; one has an account.
        for n in 0..6 {
            let email = if n == 3 { NORA.to_owned() } else { nobody(n) };
            let code = match n % 2 {
                0 => guess(&app, CAFE, &email).await,
                _ => typed(there.clone(), &clinic, &email, WRONG).await.1,
            };
            assert_eq!(code, Some(ProblemCode::WrongCredentials), "{n}");
        }
        // Not even the right one, to the last moment; what is not judged changes nothing.
        let before = app.rows(&["throttles", "allowances", "accounts", "sessions"]).await;
        let (mut run, code) = typed(there, &clinic, TINA, PASSWORD).await;
        assert_eq!(code, locked(360));
        let page = run.page().await;
        for words in ["perhaps typed by somebody else. Wait 6 minutes", "Forgot your password?"] {
            assert!(page.says(words), "u14: {words}: {}", page.text());
        }
        assert_eq!(guess(&app, CAFE, &nobody(7)).await, locked(360));
        other.store.close().await;
        let begun = another_server(&app).await;
        let later = Browser::new(router(begun.clone()), Arc::default()).at_ip(CAFE);
        assert_eq!(typed(later, &clinic, TINA, PASSWORD).await.1, locked(360));
        begun.store.close().await;
        app.advance(6 * MINUTE - 1);
        assert_eq!(right(&app, CAFE, TINA).await, locked(1));
        assert_eq!(app.rows(&["throttles", "allowances", "accounts", "sessions"]).await, before);
        // Everybody elsewhere, and in another tenant, is let in.
        assert_eq!(right(&app, HOME, TINA).await, None);
        assert_eq!(typed(app.browser().at_ip(CAFE), &app.world.plain, NORA, PASSWORD).await.1, None);
        app.advance(1);
        // Whoever is right uses nothing of it and restores nothing of it: an attacker has an account of their own.
        for _ in 0..3 {
            assert_eq!(right(&app, CAFE, TINA).await, None);
        }
        assert_eq!(guess(&app, CAFE, &nobody(8)).await, Some(ProblemCode::WrongCredentials));
        assert_eq!(right(&app, CAFE, TINA).await, locked(360));
        // Days later nothing of it is left.
        app.advance(2 * DAY);
        lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
        assert_eq!(app.count("allowances").await, 0);
        assert_eq!(right(&app, CAFE, TINA).await, None);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_nobody_is_locked_out_by_who_guesses_in_the_same_network() {
    for options in both(6) {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        // Maria was here with her phone, Nora set up a passkey.
        let mut run = Run::at(app.browser().at_ip(CAFE), &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
        run.sign_in_with_phone(&app, MARIA, PHONE).await;
        let known = run.browser;
        let mut device = Authenticator::default();
        crate::passkeys::enrolled(&app, &clinic, Via::Json, &mut device).await;
        app.advance(MINUTE);
        for n in 0..6 {
            guess(&app, CAFE, &nobody(n)).await;
        }
        assert_eq!(right(&app, CAFE, MARIA).await, locked(360));
        // The browser that is known is judged by its own tries, with her account alone.
        assert_eq!(typed(known.clone(), &clinic, MARIA, PASSWORD).await.1, None);
        assert_eq!(typed(known.clone(), &clinic, TINA, PASSWORD).await.1, locked(360));
        for _ in 0..5 {
            assert_eq!(typed(known.clone(), &clinic, MARIA, WRONG).await.1, Some(ProblemCode::WrongCredentials));
        }
        let code = typed(known, &clinic, MARIA, PASSWORD).await.1;
        assert!(matches!(code, Some(ProblemCode::SignInLocked { .. })), "n9: {code:?}");
        assert_eq!(right(&app, CAFE, TINA).await, locked(360), "no wrong one of the network");
        // A passkey is no password.
        let mut run = Run::at(app.browser().at_ip(CAFE), &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
        let view = run.use_passkey(&mut device).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        // Neither is the code to the address, with the factor.
        let mut run = Run::at(app.browser().at_ip(CAFE), &authorize(&clinic, &clinic.flow, &[]), Via::Json).await;
        run.act("go-forgot-password", &[]).await;
        run.act("request-code", &[("email", TINA)]).await;
        let code = app.code(TINA).await;
        run.act("submit-code", &[("code", &code)]).await;
        run.act("submit-code", &[("code", &totp(SEED, app.now()))]).await;
        let view = run.act("submit-new-password", &[("password", "plum otter 94 ladder")]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_a_network_that_waits_learns_nothing_of_an_address() {
    for via in Via::BOTH {
        let mut all = Vec::new();
        for email in [MARIA, STRANGER] {
            let app = TestApp::with(with(3, Options::default())).await;
            let run = Run::begin(&app, &app.world.mfa, via).await;
            // Right and wrong ones, before and while it waits.
            let fields: Vec<[(&str, &str); 2]> = [WRONG, WRONG, WRONG, PASSWORD, WRONG, PASSWORD]
                .map(|password| [("email", "EMAIL"), ("password", password)])
                .to_vec();
            let events: Vec<(&str, &[(&str, &str)])> = fields.iter().map(|fields| ("sign-in", &fields[..])).collect();
            all.push(seen_in(&app, run, email, &events).await);
            assert_eq!(app.count("outbox").await, 0);
        }
        let [(one, hashes), (two, others)] = &all[..] else { unreachable!() };
        assert_eq!((one.len(), hashes), (two.len(), others));
        for (n, (one, two)) in one.iter().zip(two).enumerate() {
            assert_same(one, two, &format!("answer {n}, {via:?}"));
        }
        assert!(one.last().unwrap().contains("network_locked"), "{:?}", one.last());
    }
}

// How often the tenant's log has it.
async fn detected(app: &TestApp, tenant: Id<Tenant>) -> usize {
    app.audited(tenant, Action::GuessingDetected, Outcome::Failure).await
}

pub(crate) const fn network(n: u8) -> [u8; 4] {
    // No two of them in one wider network.
    [198, 18, n, 1]
}

#[tokio::test(flavor = "multi_thread")]
async fn stuffing_from_many_networks_tightens_what_each_may_get_wrong_from_then_on() {
    for mut options in both(20) {
        options.config.limits.wrong_passwords_per_tenant_per_hour = 10;
        let app = TestApp::with(options).await;
        let wrong = Some(ProblemCode::WrongCredentials);
        // Three from one network, one from each of seven.
        for (n, at) in [1, 1, 1, 2, 3, 4, 5, 6, 7, 8].into_iter().enumerate() {
            assert_eq!(guess(&app, network(at), &nobody(n)).await, wrong, "{n}");
        }
        // What was mistyped before counts for no more than it did. A tenth of twenty are two, and then it waits.
        for at in [1, 99] {
            for expected in [&wrong, &wrong, &locked(360), &locked(360)] {
                assert_eq!(guess(&app, network(at), &nobody(20)).await, *expected, "{at}");
            }
            assert_eq!(right(&app, network(at), TINA).await, locked(360), "{at}");
        }
        // Nobody else is shut out; neither are staff in that network, nor the other tenant's patients.
        assert_eq!(right(&app, network(2), TINA).await, None);
        let mut sam =
            Run::at(app.browser().at_ip(network(99)), &paths::clinic(app.world.mfa.tenant.domain.as_str()), Via::Json)
                .await;
        let view = sam.sign_in(SAM, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
        assert_eq!(typed(app.browser().at_ip(network(99)), &app.world.plain, NORA, PASSWORD).await.1, None);
        // When it is over, networks have all of theirs again.
        app.advance(2 * HOUR);
        for n in 0..3 {
            assert_eq!(guess(&app, network(99), &nobody(40 + n)).await, wrong);
        }
        assert_eq!(right(&app, network(99), TINA).await, None);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stuffing_is_told_to_the_tenants_operators_and_the_log_once_a_day_while_it_goes_on() {
    for mut options in both(20) {
        options.config.limits.wrong_passwords_per_tenant_per_hour = 3;
        let app = TestApp::with(options).await;
        let tenant = app.world.mfa.tenant.id;
        operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        operator(&app, "Ira", &[Role::InstanceOperator]).await;
        const ANN: &str = "ann@operators.example";
        for n in 0..2 {
            guess(&app, network(n), &nobody(1)).await;
        }
        assert_eq!((detected(&app, tenant).await, app.messages(ANN).await), (0, 0));
        for n in 2..6 {
            guess(&app, network(n), &nobody(1)).await;
        }
        assert_eq!((detected(&app, tenant).await, app.messages(ANN).await), (1, 1));
        let mail = app.message(ANN).await;
        let portal = paths::portal_tenant(app.world.mfa.tenant.domain.as_str());
        for words in ["3 or more wrong passwords were typed at Riverside Clinic", &portal] {
            assert!(mail.body.contains(words), "{words}: {}", mail.body);
        }
        for other in ["ben@operators.example", "ira@operators.example"] {
            assert_eq!(app.messages(other).await, 0, "{other}");
        }
        // It never ends: told again after a day, and no sooner.
        for hour in 1..=25 {
            app.advance(HOUR);
            for n in 0..4 {
                guess(&app, network(10 * n + hour % 10), &nobody(1)).await;
            }
            let days = 1 + usize::from(hour >= 24);
            assert_eq!((detected(&app, tenant).await, app.messages(ANN).await), (days, days), "{hour}");
            lanyard_server::jobs::clean_up::once(&app.app, app.now()).await.unwrap();
        }
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stuffing_is_told_to_the_operators_of_the_instance_where_the_tenant_has_none_who_may_sign_in() {
    let mut options = Options::default();
    options.config.limits.wrong_passwords_per_tenant_per_hour = 2;
    let app = TestApp::with(options).await;
    let (_, ann) = operator(&app, "Ann", &[Role::TenantOperator(app.world.mfa.tenant.id)]).await;
    operator(&app, "Ira", &[Role::InstanceOperator]).await;
    let now = app.now();
    let stop = app.app.store.write(move |tx| Box::pin(async move { tx.set_disabled(ann, Some(now)).await }));
    stop.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    for n in 0..2 {
        guess(&app, network(n), &nobody(1)).await;
    }
    assert_eq!(app.messages("ira@operators.example").await, 1);
    assert_eq!(app.messages("ann@operators.example").await, 0);
}

/// No second place to guess at the same people.
#[tokio::test(flavor = "multi_thread")]
async fn stuffing_at_the_account_page_counts_with_the_patients() {
    let app = TestApp::with(with(3, Options::default())).await;
    let domain = app.world.mfa.tenant.domain.clone();
    let (account, clinic) = (paths::account(domain.as_str()), paths::clinic(domain.as_str()));
    let at = async |path: &str, email: &str, password: &str| {
        let mut run = Run::at(app.browser().at_ip(CAFE), path, Via::Json).await;
        let view = run.sign_in(email, password).await;
        let code = problem(&view, "email").or_else(|| problem(&view, "")).cloned();
        (code, view.stage)
    };
    let wrong = Some(ProblemCode::WrongCredentials);
    assert_eq!(guess(&app, CAFE, &nobody(1)).await, wrong);
    assert_eq!(at(&account, &nobody(2), WRONG).await.0, wrong);
    assert_eq!(guess(&app, CAFE, &nobody(3)).await, wrong);
    assert_eq!(at(&account, TINA, PASSWORD).await.0, locked(360));
    assert_eq!(right(&app, CAFE, TINA).await, locked(360));
    // Staff at their own page go on.
    let (code, stage) = at(&clinic, SAM, PASSWORD).await;
    assert!(code.is_none() && matches!(stage, StageView::Challenge { .. }), "{code:?} {stage:?}");
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stuffing_from_one_wide_network_waits_however_many_addresses_it_has() {
    let app = TestApp::with(with(2, Options::default())).await;
    let clinic = app.world.mfa.clone();
    // Twenty, in twenty /64 of one /48, and one more.
    let from = |n: u16| app.browser().at_ip([0x2001, 0xdb8, 7, n, 0, 0, 0, 1]);
    for n in 0..20 {
        let code = typed(from(n), &clinic, &nobody(usize::from(n)), WRONG).await.1;
        assert_eq!(code, Some(ProblemCode::WrongCredentials), "{n}");
    }
    assert_eq!(typed(from(999), &clinic, TINA, PASSWORD).await.1, locked(36));
    let elsewhere = app.browser().at_ip([0x2001, 0xdb8, 8, 0, 0, 0, 0, 1]);
    assert_eq!(typed(elsewhere, &clinic, TINA, PASSWORD).await.1, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a45_a_proxy_that_does_not_say_for_whom_it_asks_is_no_network_that_waits() {
    let mut options = with(2, Options::default());
    options.config.trusted_proxies = vec![CAFE.into()].into();
    let app = TestApp::with(options).await;
    for n in 0..4 {
        assert_eq!(guess(&app, CAFE, &nobody(n)).await, Some(ProblemCode::WrongCredentials), "{n}");
    }
    assert_eq!(right(&app, CAFE, TINA).await, None);
}
