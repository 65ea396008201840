//! Of which makes passkeys of staff must be: attested by their makers, or not stored (N19).

use axum::http::StatusCode;
use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{
    assurance::Method,
    audit::{Action, Outcome},
    id::Id,
    makes::{Make, PasskeyMakes},
    role::Role,
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
    user_flow::{Audience, UserFlow},
};
use lanyard_server::service::invitations;
use lanyard_storage::StorageError;
use uuid::Uuid;

use crate::{
    account_passkeys::{begin, field, options},
    oidc::change_flow,
    passkeys::enrolled,
    portal::{RIVERSIDE, SETTINGS, fields, operator, send},
    support::{
        Browser, Options, PASSWORD, Run, TestApp, Via,
        authenticator::{Authenticator, Maker},
        problem,
        world::{PHONE, SAM},
    },
};

const KEY_5: Uuid = Uuid::from_u128(0x2fc0_579f_8113_47ea_b116_bb5a_8db9_202a);
const KEY_6: Uuid = Uuid::from_u128(6);

fn only(maker: &Maker, aaguid: Uuid) -> PasskeyMakes {
    PasskeyMakes { roots: maker.root(), makes: vec![Make::parse(&format!("{aaguid} Key 5")).unwrap()] }
}

// Behind everybody's back, as another server does.
async fn allow(app: &TestApp, tenant: Id<Tenant>, wanted: PasskeyMakes) {
    let set = app.app.store.write(move |tx| {
        Box::pin(async move {
            let now = tx.tenant_by_id(tenant).await?.unwrap().staff_passkeys;
            tx.set_staff_passkeys(tenant, &now, &wanted).await
        })
    });
    set.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
}

// Sam at his own account.
async fn sam_at_home(app: &TestApp) -> Browser {
    let home = paths::account(app.world.mfa.tenant.domain.as_str());
    let mut run = Run::at(app.browser(), &home, Via::Form).await;
    let view = run.sign_in_with_phone(app, SAM, PHONE).await;
    assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
    assert_eq!(run.back().await, home);
    run.browser
}

fn asked() -> Authenticator {
    Authenticator { asked_for: "direct", ..Authenticator::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_staff_set_up_passkeys_of_the_named_makes_only_and_of_others_nothing_is_stored() {
    for settings in [Options::default, Options::postgres] {
        let app = TestApp::with(settings()).await;
        let clinic = app.world.mfa.clone();
        let add = paths::account_passkeys(clinic.tenant.domain.as_str());
        let (maker, stranger) = (Maker::new(), Maker::new());
        allow(&app, clinic.tenant.id, only(&maker, KEY_5)).await;
        let mut sam = sam_at_home(&app).await;
        let lies: [(&str, Authenticator); 5] = [
            ("nothing attested", asked()),
            ("somebody else's root", Authenticator { made: Some(stranger.makes(KEY_5)), ..asked() }),
            ("another make of the same maker", Authenticator { made: Some(maker.makes(KEY_6)), ..asked() }),
            ("a certificate of another make", {
                let mut made = maker.makes(KEY_6);
                made.claimed = *KEY_5.as_bytes();
                Authenticator { made: Some(made), ..asked() }
            }),
            ("a key that leaves its device", {
                Authenticator { made: Some(maker.makes(KEY_5)), synced: true, ..asked() }
            }),
        ];
        let before = app.rows(&["factors"]).await;
        for (lie, mut device) in lies {
            let page = begin(&mut sam, &clinic).await;
            let made = device.create(&options(&page));
            let csrf = field(&page, "csrf");
            let form = [("csrf", csrf.as_str()), ("credential", &made), ("name", "Key")];
            let refused = sam.post(&add, &form).await;
            assert_eq!(app.rows(&["factors"]).await, before, "{lie}");
            if lie != "a certificate of another make" {
                assert!(
                    refused.says("is not of a kind that people who work here may use"),
                    "{lie}: {}",
                    refused.text()
                );
            }
            // Its challenge is used up: the same once more is too late.
            sam.post(&add, &form).await;
            assert_eq!(app.rows(&["factors"]).await, before, "{lie}");
        }
        assert!(app.audited(clinic.tenant.id, Action::FactorBound, Outcome::Failure).await >= 5);
        let page = begin(&mut sam, &clinic).await;
        let mut key = Authenticator { made: Some(maker.makes(KEY_5)), ..asked() };
        let made = key.create(&options(&page));
        let csrf = field(&page, "csrf");
        let added = sam.post(&add, &[("csrf", &csrf), ("credential", &made), ("name", "Key")]).await;
        assert!(added.location().is_some_and(|to| to.ends_with("?passkey-added")), "{}", added.text());
        assert_eq!(app.rows(&["factors"]).await.len(), before.len() + 1);
        // What is bound stays when other makes are named, and signs in.
        allow(&app, clinic.tenant.id, only(&stranger, KEY_6)).await;
        let mut run = Run::at(app.browser(), &paths::clinic(clinic.tenant.domain.as_str()), Via::Form).await;
        let view = run.use_passkey(&mut key).await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_a_form_that_was_drawn_before_makes_were_named_is_judged_by_them() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    let mut sam = sam_at_home(&app).await;
    let page = begin(&mut sam, &clinic).await;
    let made = Authenticator::default().create(&options(&page));
    allow(&app, clinic.tenant.id, only(&Maker::new(), KEY_5)).await;
    let before = app.rows(&["factors"]).await;
    let csrf = field(&page, "csrf");
    let add = paths::account_passkeys(clinic.tenant.domain.as_str());
    let refused = sam.post(&add, &[("csrf", &csrf), ("credential", &made), ("name", "Key")]).await;
    assert!(refused.says("is not of a kind"), "{}", refused.text());
    assert_eq!(app.rows(&["factors"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn patients_are_asked_for_no_attestation_whatever_is_named_for_staff() {
    let app = TestApp::new().await;
    let clinic = app.world.mfa.clone();
    allow(&app, clinic.tenant.id, only(&Maker::new(), KEY_5)).await;
    // The authenticator insists that it is asked for none.
    enrolled(&app, &clinic, Via::Form, &mut Authenticator::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_a_new_account_of_an_operator_comes_with_a_passkey_of_a_named_make_or_none() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let domain = TenantDomain::parse(SYSTEM_DOMAIN).unwrap();
        let system = app.app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await;
        let system = system.unwrap_or_else(|error: StorageError| panic!("{error}")).unwrap();
        let maker = Maker::new();
        allow(&app, system.id, only(&maker, KEY_5)).await;
        // As their flow may become some day: besides the app a passkey.
        let name = Audience::Operators.built_in_flow().unwrap();
        let flow = app.app.store.read(move |tx| Box::pin(async move { tx.flow_by_key(system.id, name).await })).await;
        let flow: Option<UserFlow> = flow.unwrap_or_else(|error: StorageError| panic!("{error}"));
        change_flow(&app, &flow.unwrap(), |settings| {
            settings.mfa.methods.insert(Method::Passkey);
        })
        .await;
        let link = invitations::first_operator_link(&app.app, &system).await.unwrap().unwrap();
        let mut run = Run::at(app.browser(), link.strip_prefix("https://id.example").unwrap(), via).await;
        run.details(PASSWORD, &[("email", "olga@operators.example")]).await;
        let view = run.act("choose-method", &[("method", "passkey")]).await;
        assert!(matches!(view.stage, StageView::EnrolPasskey { .. }), "{view:?}");
        let before = app.durable().await;
        let view = run.create_passkey(&mut asked(), "Phone").await;
        assert_eq!(problem(&view, ""), Some(&lanyard_app::api::journey::ProblemCode::PasskeyMake), "{view:?}");
        assert!(matches!(view.stage, StageView::EnrolPasskey { .. }), "{view:?}");
        assert_eq!(app.durable().await, before);
        let mut key = Authenticator { made: Some(maker.makes(KEY_5)), ..asked() };
        let view = run.create_passkey(&mut key, "Key").await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n19_makes_are_named_in_the_portal_with_their_roots_and_audited() {
    for settings in [Options::default, Options::postgres] {
        let app = TestApp::with(settings()).await;
        let tenant = app.world.mfa.tenant.id;
        let action = format!("{RIVERSIDE}/passkeys");
        let (mut ann, id) = operator(&app, "Ann", &[Role::TenantOperator(tenant)]).await;
        let (mut ben, _) = operator(&app, "Ben", &[Role::TenantOperator(app.world.plain.tenant.id)]).await;
        let page = ann.get(SETTINGS).await;
        assert!(page.says("Staff may set up passkeys of any make."), "{}", page.text());
        let form = fields(&page, &action);
        let (maker, make) = (Maker::new(), format!("{KEY_5} Key 5"));
        let root = maker.root();
        let cut = root.replace("-----END CERTIFICATE-----", "");
        let before = app.rows(&["tenants", "audit"]).await;
        for (makes, roots, why) in [
            ("Key 5", root.as_str(), "doesn’t begin with an AAGUID"),
            ("00000000-0000-0000-0000-000000000000 Any", root.as_str(), "doesn’t begin with an AAGUID"),
            (make.as_str(), "", "Paste the makers’ root certificates"),
            (make.as_str(), "nonsense", "Paste the makers’ root certificates"),
            (make.as_str(), cut.as_str(), "Paste the makers’ root certificates"),
        ] {
            let refused = send(&mut ann, &action, form.clone(), &[("makes", makes), ("roots", roots)]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{makes}");
            assert!(refused.says(why) && refused.says(makes), "{}", refused.text());
        }
        let wanted = [("makes", make.as_str()), ("roots", root.as_str())];
        assert_eq!(send(&mut ben, &action, form.clone(), &wanted).await.status, StatusCode::NOT_FOUND, "a25");
        let forged = [wanted[0], wanted[1], ("csrf", "x")];
        assert_eq!(send(&mut ann, &action, form.clone(), &forged).await.status, StatusCode::FORBIDDEN);
        send(&mut ann, &action, form.clone(), &[]).await;
        assert_eq!(app.rows(&["tenants", "audit"]).await, before);

        let saved = send(&mut ann, &action, form.clone(), &wanted).await;
        assert_eq!(
            saved.location().as_deref(),
            Some("/portal/riverside.example/settings?done=passkeys#staff-passkeys"),
            "{}",
            saved.text()
        );
        let page = ann.get(&saved.location().unwrap()).await;
        assert!(page.says("of these makes only: Key 5."), "{}", page.text());
        // A form that was drawn before does not undo it unseen.
        let stale = send(&mut ann, &action, form, &[("makes", &format!("{KEY_6} Key 6")), ("roots", &root)]).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(stale.says("Somebody else has changed the makes meanwhile."), "{}", stale.text());
        let off = send(&mut ann, &action, fields(&stale, &action), &[("makes", ""), ("roots", "")]).await;
        assert_eq!(
            off.location().as_deref(),
            Some("/portal/riverside.example/settings?done=passkeys#staff-passkeys"),
            "{}",
            off.text()
        );
        let events = app.audit(tenant).await.into_iter().filter(|event| event.action == Action::TenantChanged);
        let events: Vec<_> = events.collect();
        // c1: the roots by what every certificate viewer calls them.
        let der: String = root.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, der).unwrap();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(der);
        let print: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut roots: Vec<_> = events.iter().map(|event| event.detail["roots"].to_string()).collect();
        roots.sort();
        assert_eq!(roots, [format!("[\"{print}\"]"), "[]".to_owned()]);
        assert!(events.iter().any(|event| event.detail["roots_before"] == serde_json::json!([print])));
        let told = events.iter().map(|event| (event.actor, event.detail["staff_passkeys"].to_string()));
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|(actor, _)| *actor == Some(id)) && told.iter().any(|(_, makes)| makes == "[]"));
    }
}
