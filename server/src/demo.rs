//! The demonstration clinic: a tenant, the patient portal, user flows, staff, and 200 synthetic
//! patients. Deterministic but for ids, keys and passwords.

use lanyard_domain::{
    account::AccountKind,
    application::{Application, ApplicationKind, ApplicationSettings, Minimum},
    assurance::Method,
    attribute::{self, Attribute, AttributeKind, AttributeValue, Attributes},
    audit::{Action, Outcome},
    clock::{DAY, HOUR, Timestamp},
    email::EmailAddress,
    entropy::{self, Entropy, SeededEntropy},
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
use lanyard_storage::{StorageError, WriteTx};
use serde::{Deserialize, Serialize};

use crate::{
    service::{
        audit::{self, Event},
        counters,
        journey::JourneyError,
        patient_portal, tenants,
    },
    state::App,
};

/// The demo tenant's domain.
pub const TENANT_DOMAIN: &str = "riverside.example";
/// The flow that the patient portal asks.
pub const FLOW: &str = "B2C_1_sign_up_sign_in";

const META_ACCOUNTS: &str = "demo_accounts";
const PATIENTS: usize = 200;

/// An account to try things with. Its password is random per installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DemoAccount {
    /// What it is.
    pub role: String,
    /// Its address.
    pub email: String,
    /// Its password, in clear: a demonstration account.
    pub password: String,
}

/// Seeds the demo if it is not there yet, and tells its accounts.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure(app: &App) -> Result<Vec<DemoAccount>, JourneyError> {
    let stored = app.store.read(|tx| Box::pin(async move { tx.meta(META_ACCOUNTS).await })).await;
    if let Some(text) = stored.map_err(|error: StorageError| JourneyError::from(error))? {
        portal_is_here(app).await?;
        return serde_json::from_slice(&text).map_err(|_| internal("the demo accounts"));
    }
    let accounts = vec![
        account(app, "patient", "maria.lopez@patients.example"),
        account(app, "staff", "sam.okafor@riverside.example"),
    ];
    let domain = TenantDomain::parse(TENANT_DOMAIN).map_err(|_| internal("the demo domain"))?;
    let blueprint = tenants::Blueprint::draw(app, "Riverside Clinic".into(), domain, "US".into())
        .map_err(|error| internal(&error.to_string()))?;
    let mut hashes = Vec::new();
    for account in &accounts {
        hashes.push(hash(app, &account.password).await?);
    }
    // Nobody knows this one: the synthetic patients cannot sign in.
    let unknown = hash(app, &random_password(app)).await?;
    let (own, told) = (app.clone(), accounts.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let tenant = tenants::create(&own, tx, blueprint).await?;
                let flows = flows(&own, tx, &tenant).await?;
                portal(&own, tx, &tenant, &flows).await?;
                people(&own, tx, &tenant, &told, &hashes).await?;
                synthetic(&own, tx, &tenant, &unknown).await?;
                let text = serde_json::to_vec(&told).map_err(|_| StorageError::Inconsistent("the demo accounts"))?;
                tx.set_meta_once(META_ACCOUNTS, &text).await?;
                Ok::<_, JourneyError>(())
            })
        })
        .await?;
    Ok(accounts)
}

fn internal(what: &str) -> JourneyError {
    JourneyError::Internal(what.to_owned())
}

fn account(app: &App, role: &str, email: &str) -> DemoAccount {
    DemoAccount { role: role.to_owned(), email: email.to_owned(), password: random_password(app) }
}

// Four groups of five letters: easy to type, 94 bits.
fn random_password(app: &App) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut source = app.entropy();
    let groups: Vec<String> = (0..4)
        .map(|_| {
            (0..5)
                .map(|_| char::from(LETTERS[usize::from(entropy::bytes::<1>(source.as_mut())[0]) % LETTERS.len()]))
                .collect()
        })
        .collect();
    groups.join("-")
}

async fn hash(app: &App, password: &str) -> Result<String, JourneyError> {
    let password = Password::new(password).map_err(|_| internal("a demo password"))?;
    app.passwords.hash(password).await.map_err(|_| JourneyError::Busy)
}

async fn flows(app: &App, tx: &mut (dyn WriteTx + '_), tenant: &Tenant) -> Result<Vec<UserFlow>, JourneyError> {
    let insurance = Attribute {
        name: format!("{}InsuranceType", attribute::CUSTOM_PREFIX),
        label: "Type of insurance".into(),
        kind: AttributeKind::Dropdown { options: ["Public", "Private", "None"].map(str::to_owned).to_vec() },
    };
    tx.create_attribute(tenant.id, &insurance, tenant.created_at).await?;
    let mut made = Vec::new();
    for (name, kind) in [
        (FLOW, FlowType::SignUpSignIn),
        ("B2C_1_edit_profile", FlowType::ProfileEditing),
        ("B2C_1_password_reset", FlowType::PasswordReset),
    ] {
        let flow = UserFlow {
            id: Id::new(tenant.created_at, app.entropy().as_mut()),
            tenant: tenant.id,
            name: FlowName::parse(name).map_err(|_| internal("a demo flow"))?,
            kind,
            audience: Audience::Patients,
            settings: settings(&insurance.name),
            version: 1,
            created_at: tenant.created_at,
            updated_at: tenant.created_at,
        };
        tx.create_flow(&flow).await?;
        made.push(flow);
    }
    Ok(made)
}

fn settings(custom: &str) -> FlowSettings {
    let collect = |name: &str, required| CollectedAttribute { name: name.to_owned(), required };
    FlowSettings {
        mfa: MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL),
        attributes: vec![
            collect(attribute::COUNTRY, true),
            collect(attribute::GIVEN_NAME, true),
            collect(attribute::SURNAME, true),
            collect(custom, false),
        ],
        claims: ["emails", "given_name", "family_name", "country", custom, "newUser"].map(str::to_owned).to_vec(),
        tokens: TokenSettings::default(),
        session: SessionSettings::default(),
    }
}

const PORTAL_KIND: ApplicationKind = ApplicationKind::SinglePage;

fn portal_url(app: &App) -> Result<ReplyUrl, JourneyError> {
    let url = format!("{}{}", app.origin, lanyard_app::paths::CLAIMS);
    ReplyUrl::parse(&url, PORTAL_KIND).map_err(|_| internal("the demo reply URL"))
}

// A demo that is begun again at another address: its patient portal is found there too.
async fn portal_is_here(app: &App) -> Result<(), JourneyError> {
    let (own, url) = (app.clone(), portal_url(app)?);
    let work = app.store.write(move |tx| {
        Box::pin(async move {
            let Some(set) = patient_portal::setting(tx).await? else { return Ok(()) };
            let Some(application) = tx.application_by_id(set.tenant, set.application).await? else { return Ok(()) };
            if application.reply_urls.contains(&url) {
                return Ok(());
            }
            let detail = serde_json::json!({"reply_url": url.as_str()});
            let reply_urls = [application.reply_urls.as_slice(), &[url]].concat();
            tx.update_application(&Application { reply_urls, ..application }).await?;
            let event = Event::of(Action::ApplicationChanged, Outcome::Success).on(set.application).with(detail);
            audit::append(&own, tx, set.tenant, event).await
        })
    });
    work.await.map_err(|error: StorageError| JourneyError::from(error))
}

async fn portal(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    flows: &[UserFlow],
) -> Result<(), JourneyError> {
    let application = Application {
        id: Id::new(tenant.created_at, app.entropy().as_mut()),
        tenant: tenant.id,
        name: "Patient portal".into(),
        kind: PORTAL_KIND,
        reply_urls: vec![portal_url(app)?],
        minimum: Minimum::StrongestLinked,
        secrets: Vec::new(),
        settings: ApplicationSettings::default(),
        created_at: tenant.created_at,
    };
    tx.create_application(&application).await?;
    for flow in flows {
        tx.link_flow(tenant.id, application.id, flow.id).await?;
    }
    let Some(first) = flows.first() else { return Err(internal("the demo flows")) };
    let set = patient_portal::PatientPortal { tenant: tenant.id, application: application.id, flow: first.id };
    Ok(patient_portal::set(tx, set).await?)
}

async fn people(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    accounts: &[DemoAccount],
    hashes: &[String],
) -> Result<(), JourneyError> {
    let names = [("Maria", "Lopez", AccountKind::Patient), ("Sam", "Okafor", AccountKind::Staff)];
    for ((account, phc), (given, surname, kind)) in accounts.iter().zip(hashes).zip(names) {
        let new = NewAccount {
            id: Id::new(tenant.created_at, app.entropy().as_mut()),
            kind,
            email: EmailAddress::parse(&account.email).map_err(|_| internal("a demo address"))?,
            phc: phc.clone(),
            attributes: attributes(given, surname, "US"),
            factors: Vec::new(),
            invitation: None,
        };
        tx.create_account(tenant.id, &new, tenant.created_at).await?;
        if kind == AccountKind::Staff {
            let role = Role::ClinicStaff(tenant.id);
            tx.grant_role(&RoleGrant { account: new.id, role, granted_at: tenant.created_at, granted_by: None })
                .await?;
        }
    }
    Ok(())
}

fn attributes(given: &str, surname: &str, country: &str) -> Attributes {
    [(attribute::GIVEN_NAME, given), (attribute::SURNAME, surname), (attribute::COUNTRY, country)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::String(value.to_owned())))
        .into()
}

const GIVEN: [&str; 20] = [
    "Amara", "Ben", "Chiara", "David", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Mei",
    "Noah", "Olga", "Priya", "Quinn", "Rosa", "Samuel", "Tariq",
];
const SURNAMES: [&str; 20] = [
    "Abe",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nguyen",
    "Osei",
    "Patel",
    "Rossi",
    "Silva",
    "Tanaka",
    "Weber",
];
const COUNTRIES: [&str; 6] = ["US", "GB", "DE", "FR", "ES", "CA"];

// Two thirds of them have a second factor, and the last month has sign-ins.
async fn synthetic(app: &App, tx: &mut (dyn WriteTx + '_), tenant: &Tenant, phc: &str) -> Result<(), JourneyError> {
    let mut dice = SeededEntropy::new(2026);
    for number in 0..PATIENTS {
        let (given, surname) =
            (GIVEN[number % GIVEN.len()], SURNAMES[(number * 7 + number / GIVEN.len()) % SURNAMES.len()]);
        let days = i64::from(roll(&mut dice, 180)) + 1;
        let created = tenant.created_at.minus(days * DAY + i64::from(roll(&mut dice, 24)) * HOUR);
        let email = format!("{}.{}{number}@patients.example", given.to_lowercase(), surname.to_lowercase());
        let factors = if roll(&mut dice, 3) < 2 { vec![phone(app, number, created)?] } else { Vec::new() };
        let new = NewAccount {
            id: Id::new(created, app.entropy().as_mut()),
            kind: AccountKind::Patient,
            email: EmailAddress::parse(&email).map_err(|_| internal("a demo address"))?,
            phc: phc.to_owned(),
            attributes: attributes(given, surname, COUNTRIES[number % COUNTRIES.len()]),
            factors,
            invitation: None,
        };
        tx.create_account(tenant.id, &new, created).await?;
        if roll(&mut dice, 4) > 0 {
            let ago = i64::from(roll(&mut dice, 14.min(u32::try_from(days).unwrap_or(1)))) * DAY;
            let at = tenant.created_at.minus(ago + HOUR);
            tx.note_sign_in(new.id, at).await?;
            counters::signed_in(tx, tenant.id, at, 0).await?;
        }
    }
    Ok(())
}

fn phone(app: &App, number: usize, at: Timestamp) -> Result<NewFactor, JourneyError> {
    let number =
        PhoneNumber::from_e164(&format!("+1206555{:04}", 100 + number % 100)).map_err(|_| internal("a demo number"))?;
    let name = number.masked();
    Ok(NewFactor {
        id: Id::new(at, app.entropy().as_mut()),
        secret: FactorSecret::Phone { number, preferred: Method::TextMessage },
        name,
        first_step: None,
    })
}

fn roll(dice: &mut dyn Entropy, sides: u32) -> u32 {
    u32::from_be_bytes(entropy::bytes::<4>(dice)) % sides.max(1)
}
