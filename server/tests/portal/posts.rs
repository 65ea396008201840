//! Who comes to have a post and who loses it, as the log tells it. A19, A24, C1, C7.

use axum::http::StatusCode;
use lanyard_app::api::journey::StageView;
use lanyard_domain::{
    audit::{Action, AuditEvent, Outcome},
    email::EmailAddress,
    id::Id,
    role::{Role, RoleGrant},
    tenant::Tenant,
};
use lanyard_server::{
    http::client::Client,
    service::{
        portal::{By, PortalError, instance},
        tenants,
    },
};
use lanyard_storage::StorageError;

use super::{RIVERSIDE, boss, operator, save};
use crate::support::{
    PASSWORD, Run, TestApp, Via,
    app::{ORIGIN, Options},
    world::totp,
};

async fn link_to(app: &TestApp, address: &str) -> String {
    let letter = app.message(address).await;
    let link = letter.body.split_whitespace().find(|word| word.contains("/invitation/")).unwrap();
    link.strip_prefix(ORIGIN).unwrap().to_owned()
}

async fn grants_of(app: &TestApp, home: Id<Tenant>, role: Role) -> Vec<RoleGrant> {
    let read = app.app.store.read(move |tx| {
        Box::pin(async move {
            let mut grants = Vec::new();
            for (account, _) in tx.holders_of_role(home, role, 10).await? {
                grants.extend(tx.roles_of_account(account.id).await?.into_iter().filter(|grant| grant.role == role));
            }
            Ok(grants)
        })
    });
    read.await.unwrap_or_else(|error: StorageError| panic!("{error}"))
}

fn only(log: &[AuditEvent], action: Action) -> &AuditEvent {
    let found: Vec<_> = log.iter().filter(|event| event.action == action).collect();
    assert_eq!(found.len(), 1, "{action:?}: {found:?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_who_let_somebody_into_the_staff_is_on_record() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let (home, tenant) = (format!("{RIVERSIDE}/staff"), app.world.mfa.tenant.id);
        let (mut ben, id) = operator(&app, "Ben", &[Role::TenantOperator(tenant)]).await;
        let address = "new.nurse@staff.example";
        let sent = save(&mut ben, &home, &home, &[("email", address)]).await;
        assert_eq!(sent.location(), Some(format!("{home}?done=invited")));
        let mut run = Run::at(app.browser(), &link_to(&app, address).await, Via::Form).await;
        run.details(PASSWORD, &[]).await;
        let view = run.enrol_phone(&app, "+12065550144").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;

        let grants = grants_of(&app, tenant, Role::ClinicStaff(tenant)).await;
        let grant = grants.iter().find(|grant| grant.account != app.world.mfa.sam).expect("the new one");
        assert_eq!(grant.granted_by, Some(id), "by whom");
        let log = app.audit(tenant).await;
        let invited = only(&log, Action::InvitationSent);
        assert_eq!((invited.actor, &invited.detail["role"]), (Some(id), &"clinic_staff".into()));
        let masked = EmailAddress::parse(address).unwrap().masked();
        assert_eq!(invited.detail["to"], masked.as_str());
        let whole = serde_json::to_string(&log.iter().map(|event| &event.detail).collect::<Vec<_>>()).unwrap();
        assert!(masked != address && !whole.contains(address), "masked: the log outlives the account");
        let (used, granted) = (only(&log, Action::InvitationUsed), only(&log, Action::RoleGranted));
        for event in [used, granted] {
            assert_eq!(event.detail["invitation"].as_str(), invited.target.as_deref(), "{:?}", event.action);
            assert_eq!(event.target, Some(grant.account.to_string()));
        }
        assert_eq!(granted.detail["invited_by"], id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_a_clinics_own_log_says_who_came_to_manage_it_by_invitation() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let (home, tenant) = (format!("{RIVERSIDE}/operators"), app.world.mfa.tenant.id);
        let (mut ann, id) = operator(&app, "Ann", &[Role::InstanceOperator]).await;
        let address = "cleo@operators.example";
        save(&mut ann, &home, &home, &[("email", address)]).await;
        let mut run = Run::at(app.browser(), &link_to(&app, address).await, Via::Form).await;
        let mut view = run.details(PASSWORD, &[]).await;
        if matches!(view.stage, StageView::ChooseMethod { .. }) {
            view = run.act("choose-method", &[("method", "authenticator_app")]).await;
        }
        let StageView::EnrolApp { secret, .. } = view.stage else { panic!("{view:?}") };
        let seed = crate::factors::base32(&secret.replace(' ', "")).try_into().unwrap();
        let view = run.act("submit-app-code", &[("code", &totp(seed, app.now())), ("name", "Phone")]).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;

        let system = tenants::ensure_system(&app.app).await.unwrap().id;
        let grants = grants_of(&app, system, Role::TenantOperator(tenant)).await;
        assert_eq!((grants.len(), grants[0].granted_by), (1, Some(id)));
        let log = app.audit(tenant).await;
        let invited = only(&log, Action::InvitationSent);
        let granted = only(&log, Action::RoleGranted);
        assert_eq!(granted.target, Some(grants[0].account.to_string()));
        assert_eq!(granted.detail["role"], "tenant_operator");
        assert_eq!(granted.detail["invitation"].as_str(), invited.target.as_deref());
        assert_eq!(granted.detail["invited_by"], id.to_string());
        // And that of the operators, as before.
        let system = tenants::ensure_system(&app.app).await.unwrap().id;
        let theirs = app.audit(system).await;
        assert_eq!(only(&theirs, Action::InvitationUsed).target, granted.target);
        assert_eq!(only(&theirs, Action::RoleGranted).target, granted.target);
    }
}

fn command_line() -> By {
    By {
        operator: None,
        client: Client { ip: [127, 0, 0, 1].into(), country: None, browser: None, request: "test".to_owned() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_a24_an_operator_of_the_instance_who_goes_is_out_everywhere_at_once() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let mut ann = boss(&app, "Ann").await;
        let (mut ben, id) = operator(&app, "Ben", &[Role::InstanceOperator]).await;
        let mut other = ben.clone();
        assert_eq!(ben.get(RIVERSIDE).await.status, StatusCode::OK);
        let left = instance::revoke(&app.app, id, command_line()).await.unwrap();
        assert_eq!((left.operators, left.roles), (1, 0), "Ann is left");
        for browser in [&mut ben, &mut other] {
            assert!(browser.get(RIVERSIDE).await.status.is_redirection(), "signed out");
        }
        assert_eq!(ann.get(RIVERSIDE).await.status, StatusCode::OK);
        let once = instance::revoke(&app.app, id, command_line()).await;
        assert!(matches!(once, Err(PortalError::NotFound)), "{once:?}");
        let nobody = Id::new(app.now(), app.app.entropy().as_mut());
        assert!(matches!(instance::revoke(&app.app, nobody, command_line()).await, Err(PortalError::NotFound)));
        // Taken in again, the former session is not.
        let now = app.now().plus(1);
        let grant = RoleGrant { account: id, role: Role::InstanceOperator, granted_at: now, granted_by: None };
        let granted = app.app.store.write(move |tx| Box::pin(async move { tx.grant_role(&grant).await })).await;
        granted.unwrap_or_else(|error: StorageError| panic!("{error}"));
        assert!(ben.get(RIVERSIDE).await.status.is_redirection());
        let system = tenants::ensure_system(&app.app).await.unwrap().id;
        assert_eq!(app.audited(system, Action::RoleRevoked, Outcome::Success).await, 1);
        let log = app.audit(system).await;
        let revoked = only(&log, Action::RoleRevoked);
        assert_eq!((revoked.actor, revoked.target.clone()), (None, Some(id.to_string())));
        assert_eq!(revoked.detail["role"], "instance_operator");
        // Who may not sign in is not counted as left.
        let account = app.app.store.write(move |tx| Box::pin(async move { tx.set_disabled(id, Some(now)).await }));
        account.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
        let ann_id = grants_of(&app, system, Role::InstanceOperator)
            .await
            .iter()
            .map(|grant| grant.account)
            .find(|it| *it != id);
        let left = instance::revoke(&app.app, ann_id.unwrap(), command_line()).await.unwrap();
        assert_eq!((left.operators, left.roles), (0, 0));
    }
}
