//! What every test begins with: two clinics, one whose flows always ask for a second factor, and
//! one whose flows never do.

use std::sync::Arc;

use lanyard_crypto::{MasterKey, Purpose};
use lanyard_domain::{
    account::{Account, AccountKind},
    application::{Application, ApplicationKind, ApplicationSettings, Minimum},
    assurance::Method,
    attribute::{self, AttributeValue, Attributes},
    clock::{DAY, MockClock, Timestamp},
    email::EmailAddress,
    factor::{FactorSecret, NewFactor},
    id::Id,
    journey::NewAccount,
    password::Password,
    phone::PhoneNumber,
    reply_url::ReplyUrl,
    role::{Role, RoleGrant},
    tenant::{Tenant, TenantDomain},
    user_flow::{
        Audience, CollectedAttribute, Enforcement, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings,
        TokenSettings, UserFlow,
    },
};
use lanyard_messaging::Providers;
use lanyard_server::{
    config::Config,
    service::{journey::JourneyError, tenants},
    start::{self, Outside},
    state::App,
};
use lanyard_storage::{Store, WriteTx};

use super::app::{ORIGIN, randomness};

/// When every test begins: 2 September 2026, 15:20 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_788_362_400_000);
pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];
/// Everybody's password.
pub(crate) const PASSWORD: &str = "plum otter 93 ladder";
/// Maria's number.
pub(crate) const PHONE: &str = "+12065550123";
/// The seed of Tina's authenticator app.
pub(crate) const SEED: [u8; 20] = *b"12345678901234567890";
/// The applications' reply URL.
pub(crate) const REPLY: &str = "https://app.example/callback";
/// A second registered reply URL.
pub(crate) const REPLY_TWO: &str = "https://app.example/Callback2?x=1";

/// Both clinics.
#[derive(Clone)]
pub(crate) struct World {
    /// Riverside: a second factor, always.
    pub(crate) mfa: Clinic,
    /// Hilltop: never.
    pub(crate) plain: Clinic,
}

/// A tenant with an application that is linked to three flows, and its people.
#[derive(Clone)]
pub(crate) struct Clinic {
    pub(crate) tenant: Tenant,
    pub(crate) application: Application,
    /// Sign-up and sign-in.
    pub(crate) flow: UserFlow,
    pub(crate) edit: UserFlow,
    pub(crate) reset: UserFlow,
    /// Has a phone.
    pub(crate) maria: Id<Account>,
    /// Has a password only.
    pub(crate) nora: Id<Account>,
    /// Works here; has a phone.
    pub(crate) sam: Id<Account>,
}

pub(crate) const MARIA: &str = "maria@patients.example";
pub(crate) const TINA: &str = "tina@patients.example";
pub(crate) const NORA: &str = "nora@patients.example";
pub(crate) const SAM: &str = "sam@staff.example";

/// Fills an empty database.
pub(crate) async fn make(store: &Store) -> World {
    let outside = Outside {
        clock: Arc::new(MockClock::at(NOW.minus(30 * DAY))),
        randomness: randomness(),
        providers: Providers::default(),
        inbox: None,
    };
    let mut config = Config { public_origin: Some(ORIGIN.to_owned()), ..Config::default() };
    config.limits.hashing_threads = 1;
    let parts = start::parts(config, store.clone(), MasterKey::from_bytes(&MASTER_KEY), outside).unwrap();
    let app = App::new(parts);
    let password = app.passwords.hash(Password::new(PASSWORD).unwrap()).await.unwrap();
    tenants::ensure_system(&app).await.unwrap();
    let mfa = clinic(&app, "Riverside Clinic", "riverside.example", Enforcement::AlwaysOn, &password).await;
    let plain = clinic(&app, "Hilltop Clinic", "hilltop.example", Enforcement::Off, &password).await;
    World { mfa, plain }
}

async fn clinic(app: &App, name: &str, domain: &str, enforcement: Enforcement, phc: &str) -> Clinic {
    let domain = TenantDomain::parse(domain).unwrap();
    let blueprint = tenants::Blueprint::draw(app, name.to_owned(), domain, "US".to_owned()).unwrap();
    let (own, phc) = (app.clone(), phc.to_owned());
    let made = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let tenant = tenants::create(&own, tx, blueprint).await?;
                let mut flows = Vec::new();
                for (name, kind) in [
                    ("B2C_1_susi", FlowType::SignUpSignIn),
                    ("B2C_1_edit", FlowType::ProfileEditing),
                    ("B2C_1_reset", FlowType::PasswordReset),
                ] {
                    let flow = flow(&own, &tenant, name, kind, enforcement);
                    tx.create_flow(&flow).await?;
                    flows.push(flow);
                }
                let application = application(&own, &tenant, "Patient app", ApplicationKind::SinglePage);
                tx.create_application(&application).await?;
                for flow in &flows {
                    tx.link_flow(tenant.id, application.id, flow.id).await?;
                }
                let keys = own.tenant_keys(tx, tenant.id).await?;
                let seed = keys.seal(Purpose::TotpSeed, "", &SEED, own.entropy().as_mut());
                let number = PhoneNumber::from_e164(PHONE).unwrap();
                let phone = FactorSecret::Phone { number, preferred: Method::TextMessage };
                let app_factor = FactorSecret::AuthenticatorApp { seed };
                let maria = person(&own, tx, &tenant, MARIA, AccountKind::Patient, Some(phone.clone()), &phc).await?;
                person(&own, tx, &tenant, TINA, AccountKind::Patient, Some(app_factor), &phc).await?;
                let nora = person(&own, tx, &tenant, NORA, AccountKind::Patient, None, &phc).await?;
                let sam = person(&own, tx, &tenant, SAM, AccountKind::Staff, Some(phone), &phc).await?;
                let role = Role::ClinicStaff(tenant.id);
                tx.grant_role(&RoleGrant { account: sam, role, granted_at: tenant.created_at, granted_by: None })
                    .await?;
                let [flow, edit, reset]: [UserFlow; 3] = flows.try_into().unwrap();
                Ok::<_, JourneyError>(Clinic { tenant, application, flow, edit, reset, maria, nora, sam })
            })
        })
        .await;
    made.unwrap()
}

/// A flow of patients.
pub(crate) fn flow(app: &App, tenant: &Tenant, name: &str, kind: FlowType, enforcement: Enforcement) -> UserFlow {
    let collect = |name: &str, required| CollectedAttribute { name: name.to_owned(), required };
    UserFlow {
        id: Id::new(tenant.created_at, app.entropy().as_mut()),
        tenant: tenant.id,
        name: FlowName::parse(name).unwrap(),
        kind,
        audience: Audience::Patients,
        settings: FlowSettings {
            mfa: MfaPolicy::new(enforcement, Method::ALL),
            attributes: vec![
                collect(attribute::COUNTRY, true),
                collect(attribute::GIVEN_NAME, true),
                collect(attribute::SURNAME, true),
            ],
            claims: ["emails", "given_name", "newUser"].map(str::to_owned).to_vec(),
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        },
        version: 1,
        created_at: tenant.created_at,
        updated_at: tenant.created_at,
    }
}

/// An application that is not registered yet.
pub(crate) fn application(app: &App, tenant: &Tenant, name: &str, kind: ApplicationKind) -> Application {
    Application {
        id: Id::new(tenant.created_at, app.entropy().as_mut()),
        tenant: tenant.id,
        name: name.to_owned(),
        kind,
        reply_urls: [REPLY, REPLY_TWO].map(|url| ReplyUrl::parse(url, kind).unwrap()).to_vec(),
        minimum: Minimum::StrongestLinked,
        secrets: Vec::new(),
        settings: ApplicationSettings::default(),
        created_at: tenant.created_at,
    }
}

async fn person(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    email: &str,
    kind: AccountKind,
    secret: Option<FactorSecret>,
    phc: &str,
) -> Result<Id<Account>, JourneyError> {
    let factors = secret.into_iter().map(|secret| NewFactor {
        id: Id::new(tenant.created_at, app.entropy().as_mut()),
        secret,
        name: "Authenticator app".to_owned(),
        first_step: None,
    });
    let given = email.split('@').next().unwrap_or_default();
    let attributes: Attributes =
        [(attribute::GIVEN_NAME, given), (attribute::SURNAME, "Lopez"), (attribute::COUNTRY, "US")]
            .map(|(name, value)| (name.to_owned(), AttributeValue::String(value.to_owned())))
            .into();
    let new = NewAccount {
        id: Id::new(tenant.created_at, app.entropy().as_mut()),
        kind,
        email: EmailAddress::parse(email).unwrap(),
        phc: phc.to_owned(),
        attributes,
        factors: factors.collect(),
        invitation: None,
    };
    tx.create_account(tenant.id, &new, tenant.created_at).await?;
    Ok(new.id)
}

/// The code that an authenticator app with `seed` shows at `now`.
pub(crate) fn totp(seed: [u8; 20], now: Timestamp) -> String {
    let totp = totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_skew(0)
        .with_secret(totp_rs::Secret::new_stack(seed));
    totp.build().unwrap().generate(u64::try_from(now.as_seconds()).unwrap()).to_string()
}
