//! What staff and operators must show: set by an operator for everybody who holds the role. A23, A24, A25, C1, N19, N26.

use axum::http::StatusCode;
use lanyard_app::{
    api::journey::{Method, StageView},
    paths,
};
use lanyard_domain::{
    account::Account,
    assurance::Assurance,
    audit::Action,
    id::Id,
    role::{Role, RoleGrant},
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
};
use lanyard_server::service::{
    invitations,
    portal::minimums::{self, RoleMinimums},
};
use lanyard_storage::StorageError;

use super::by;
use crate::{
    factors::base32,
    portal::{RIVERSIDE, SETTINGS, fields, operator, send},
    staff_reset::staff,
    support::{
        Options, PASSWORD, Run, TestApp, Via,
        authenticator::Authenticator,
        world::{PHONE, SAM, totp},
    },
};

const NONE: RoleMinimums = RoleMinimums { staff: Assurance::Aal1, operators: Assurance::Aal1 };

async fn set(app: &TestApp, tenant: &Tenant, wanted: RoleMinimums) {
    minimums::set(&app.app, tenant, (None, wanted), by()).await.unwrap();
}

async fn system(app: &TestApp) -> Tenant {
    let domain = TenantDomain::parse(SYSTEM_DOMAIN).unwrap();
    let found = app.app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await;
    found.unwrap_or_else(|error: StorageError| panic!("{error}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_n26_staff_who_have_a_phone_set_a_passkey_up_behind_it_and_come_back() {
    for (options, via) in [(Options::default(), Via::Form), (Options::postgres(), Via::Json)] {
        let app = TestApp::with(options).await;
        let clinic = app.world.mfa.clone();
        let home = paths::clinic(clinic.tenant.domain.as_str());
        let mut run = Run::at(app.browser(), &home, via).await;
        run.sign_in_with_phone(&app, SAM, PHONE).await;
        assert_eq!(run.back().await, home);
        assert_eq!(run.browser.get(&home).await.status, 200);
        app.advance(60_000);
        let staff = Assurance::PhishingResistant;
        set(&app, &clinic.tenant, RoleMinimums { staff, ..NONE }).await;
        // At the next page: the session came of less than is asked for by now.
        let mut run = Run::at(run.browser, &home, via).await;
        run.sign_in_with_phone(&app, SAM, PHONE).await;
        let code = app.code(SAM).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::EnrolPasskey { .. }), "{view:?}");
        let mut key = Authenticator::default();
        let view = run.create_passkey(&mut key, "Key").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(run.back().await, home);
        assert_eq!(run.browser.get(&home).await.status, 200, "and stays");
        // From now on it is asked for, and nothing else is enough.
        let mut again = Run::at(app.browser(), &home, via).await;
        let view = again.sign_in(SAM, PASSWORD).await;
        let StageView::Challenge { method: Method::Passkey, other_ways, .. } = &view.stage else { panic!("{view:?}") };
        assert!(other_ways.is_empty(), "{other_ways:?}");
        assert!(matches!(again.use_passkey(&mut key).await.stage, StageView::Done { .. }));
        // His account page is no way round it.
        let mut run = Run::at(app.browser(), &paths::account(clinic.tenant.domain.as_str()), via).await;
        let view = run.sign_in(SAM, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { method: Method::Passkey, .. }), "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_n26_an_operator_who_raises_it_above_their_own_factor_is_not_locked_out() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let system = system(&app).await;
        let link = invitations::first_operator_link(&app.app, &system).await.unwrap().unwrap();
        let mut run = Run::at(app.browser(), link.strip_prefix("https://id.example").unwrap(), via).await;
        let email = "olga@operators.example";
        let mut view = run.details(PASSWORD, &[("email", email)]).await;
        if matches!(view.stage, StageView::ChooseMethod { .. }) {
            view = run.act("choose-method", &[("method", "authenticator_app")]).await;
        }
        let StageView::EnrolApp { secret, .. } = view.stage else { panic!("{view:?}") };
        let seed: [u8; 20] = base32(&secret.replace([' ', '-'], "")).try_into().unwrap();
        let code = totp(seed, app.now());
        let view = run.act("submit-app-code", &[("code", &code), ("name", "Phone")]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(run.back().await, paths::PORTAL);
        assert_eq!(run.browser.get(paths::PORTAL).await.status, 200);
        app.advance(60_000);
        set(&app, &system, RoleMinimums { operators: Assurance::PhishingResistant, ..NONE }).await;

        let mut run = Run::at(run.browser, paths::PORTAL, via).await;
        run.sign_in(email, PASSWORD).await;
        let view = run.act("submit-code", &[("code", &totp(seed, app.now()))]).await;
        assert!(matches!(view.stage, StageView::ConfirmEmail(_)), "n18: behind two proofs: {view:?}");
        let code = app.code(email).await;
        let view = run.act("submit-code", &[("code", &code)]).await;
        assert!(matches!(view.stage, StageView::EnrolPasskey { .. }), "{view:?}");
        let view = run.create_passkey(&mut Authenticator::default(), "Key").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        assert_eq!(run.back().await, paths::PORTAL);
        assert_eq!(run.browser.get(paths::PORTAL).await.status, 200);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_who_is_invited_to_a_role_comes_with_what_it_asks_for_from_the_first_day() {
    let app = TestApp::new().await;
    let system = system(&app).await;
    set(&app, &system, RoleMinimums { operators: Assurance::PhishingResistant, ..NONE }).await;
    let link = invitations::first_operator_link(&app.app, &system).await.unwrap().unwrap();
    let mut run = Run::at(app.browser(), link.strip_prefix("https://id.example").unwrap(), Via::Form).await;
    let view = run.details(PASSWORD, &[("email", "olga@operators.example")]).await;
    assert!(matches!(view.stage, StageView::EnrolPasskey { .. }), "{view:?}");
    let view = run.act("choose-method", &[("method", "authenticator_app")]).await;
    assert!(!matches!(view.stage, StageView::EnrolApp { .. }), "{view:?}");
    let view = run.create_passkey(&mut Authenticator::default(), "Key").await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    run.back().await;
    assert_eq!(run.browser.get(paths::PORTAL).await.status, 200);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_of_several_roles_the_most_is_asked_and_a_role_that_is_gone_asks_for_nothing() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let (own, other) = (app.world.mfa.tenant.clone(), app.world.plain.tenant.clone());
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(own.id)]).await;
        let raised = RoleMinimums { operators: Assurance::PhishingResistant, ..NONE };
        set(&app, &other, raised).await;
        set(&app, &own, RoleMinimums { operators: Assurance::Aal2Strict, staff: Assurance::PhishingResistant }).await;
        assert_eq!(ann.get(RIVERSIDE).await.status, StatusCode::OK, "another's role, and an app reaches this one");
        let second = Role::TenantOperator(other.id);
        hold(&app, id, second, true).await;
        assert_eq!(ann.get(RIVERSIDE).await.status, StatusCode::SEE_OTHER, "a second role asks for more");
        hold(&app, id, second, false).await;
        assert_eq!(ann.get(RIVERSIDE).await.status, StatusCode::OK);
        // Staff of a clinic by its own setting alone.
        let (mut hana, _) = staff(&app, &app.world.plain.clone(), "Hana", &["authenticator_app"]).await;
        let (mut ines, _) = staff(&app, &app.world.mfa.clone(), "Ines", &["authenticator_app"]).await;
        assert_eq!(hana.get(&paths::clinic(other.domain.as_str())).await.status, StatusCode::OK);
        assert_eq!(ines.get(&paths::clinic(own.domain.as_str())).await.status, StatusCode::SEE_OTHER);
    }
}

async fn hold(app: &TestApp, account: Id<Account>, role: Role, holds: bool) {
    let now = app.now();
    let done = app.app.store.write(move |tx| {
        Box::pin(async move {
            match holds {
                true => tx.grant_role(&RoleGrant { account, role, granted_at: now, granted_by: None }).await,
                false => tx.revoke_role(account, role, now).await,
            }
        })
    });
    done.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a25_it_is_set_in_the_portal_by_operators_of_the_tenant_and_audited() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let tenant = app.world.mfa.tenant.id;
        let action = format!("{RIVERSIDE}/minimums");
        let (mut ann, id): (_, Id<Account>) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        let page = ann.get(SETTINGS).await;
        assert!(page.says("Second factor of staff and operators"), "{}", page.text());
        let form = fields(&page, &action);
        let wanted = [("staff", "aal2_strict"), ("operators", "aal2_strict")];
        assert_eq!(send(&mut ben, &action, form.clone(), &wanted).await.status, StatusCode::NOT_FOUND, "a25");
        let forged = [wanted[0], wanted[1], ("csrf", "x")];
        assert_eq!(send(&mut ann, &action, form.clone(), &forged).await.status, StatusCode::FORBIDDEN);
        let wrong = send(&mut ann, &action, form.clone(), &[("staff", "aal9")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(app.count("role_minimums").await, 0, "nothing was changed");

        let saved = send(&mut ann, &action, form.clone(), &wanted).await;
        let there = format!("{SETTINGS}?done=minimums#minimums");
        assert_eq!(saved.location(), Some(there), "{}", saved.text());
        // The same once more is no conflict, and is not written down again (u5).
        let again = send(&mut ann, &action, form.clone(), &wanted).await;
        assert_eq!(again.location(), saved.location(), "{}", again.text());
        // A form that was drawn before does not undo it unseen.
        let stale = send(&mut ann, &action, form, &[("staff", "aal2_legacy")]).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(stale.says("Somebody else has changed this meanwhile."), "{}", stale.text());
        let now = minimums::show(&app.app, &app.world.mfa.tenant).await.unwrap();
        assert_eq!(now, RoleMinimums { staff: Assurance::Aal2Strict, operators: Assurance::Aal2Strict });
        let log = app.audit(tenant).await;
        let told: Vec<_> = log.iter().filter(|event| event.action == Action::TenantChanged).collect();
        assert!(told.len() == 2 && told.iter().all(|event| event.actor == Some(id)), "{told:?}");
        assert!(told.iter().all(|event| event.detail["before"] == "aal1" && event.detail["minimum"] == "aal2_strict"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_could_reach_is_not_asked_for() {
    let mut options = Options::default();
    options.config.public_origin = Some("https://192.0.2.7".to_owned());
    let app = TestApp::with(options).await;
    assert!(app.app.passkeys.is_none(), "an address of numbers has no passkeys");
    let tenant = app.world.mfa.tenant.clone();
    let wanted = RoleMinimums { staff: Assurance::PhishingResistant, ..NONE };
    let refused = minimums::set(&app.app, &tenant, (None, wanted), by()).await;
    assert!(matches!(refused, Err(lanyard_server::service::portal::PortalError::Unreachable)), "{refused:?}");
    assert_eq!(minimums::show(&app.app, &tenant).await.unwrap(), NONE);
}
