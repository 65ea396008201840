//! A tenant to measure, made by the server's own services: keys, a flow without second factor, an
//! application, 10,000 patients who know their password.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use lanyard_domain::{
    account::AccountKind,
    application::{Application, ApplicationKind, ApplicationSettings, Minimum},
    attribute::{self, AttributeValue, Attributes},
    email::EmailAddress,
    entropy::OsEntropy,
    id::Id,
    journey::NewAccount,
    password::Password,
    reply_url::ReplyUrl,
    tenant::{Tenant, TenantDomain},
    user_flow::{
        Audience, Enforcement, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings, TokenSettings, UserFlow,
    },
};
use lanyard_server::{
    config::{Config, Secret},
    service::{journey::JourneyError, tenants},
    start,
    state::App,
};
use lanyard_storage::WriteTx;

use crate::{Outcome, server::Place};

/// Patients who sign in.
pub(crate) const ACCOUNTS: usize = 10_000;
/// What all of them typed when they signed up.
pub(crate) const PASSWORD: &str = "seventeen tame otters";
/// The tenant's domain.
pub(crate) const DOMAIN: &str = "bench.example";
/// Accounts made in one transaction.
const BATCH: usize = 500;
/// The flow's name.
pub(crate) const FLOW: &str = "sign_in";
const REPLY_URL: &str = "https://app.bench.example/signed-in";

/// The tenant, ready to be signed in to.
pub(crate) struct World {
    /// Its database.
    pub(crate) place: Place,
    /// The path of an authorization request.
    pub(crate) authorize: String,
    /// The PHC string that is stored for everybody.
    pub(crate) phc: String,
}

/// Opens the services on `place` without listening.
pub(crate) async fn open(place: &Place) -> Outcome<App> {
    std::fs::create_dir_all(&place.folder)?;
    let config = Config {
        data_dir: place.folder.clone(),
        database_url: place.postgres.clone().map(Secret),
        master_key_file: place.postgres.as_ref().map(|_| place.folder.join("master.key")),
        ..Config::default()
    };
    Ok(start::open(config).await?.app)
}

/// Creates the tenant with its built-in flows.
pub(crate) async fn tenant(app: &App) -> Outcome<Tenant> {
    let blueprint = tenants::Blueprint::draw(app, "Bench".into(), TenantDomain::parse(DOMAIN)?, "US".into())?;
    let own = app.clone();
    let made = app.store.write(move |tx| Box::pin(async move { tenants::create(&own, tx, blueprint).await })).await;
    Ok(made?)
}

/// Somebody's names.
pub(crate) fn names(given: &str, surname: &str) -> Attributes {
    [(attribute::GIVEN_NAME, given), (attribute::SURNAME, surname), (attribute::COUNTRY, "US")]
        .map(|(name, value)| (name.to_owned(), AttributeValue::String(value.to_owned())))
        .into()
}

/// The address of patient `number`.
pub(crate) fn email(number: usize) -> String {
    format!("patient{number}@bench.example")
}

/// The network address from which patient `number` signs in: each has their own in 127.0.0.0/8.
pub(crate) fn address(number: usize) -> Ipv4Addr {
    let octet = |value: usize| u8::try_from(1 + value % 250).unwrap_or(1);
    Ipv4Addr::new(127, octet(number / 62_500), octet(number / 250), octet(number))
}

impl World {
    /// Makes it in `folder`, on SQLite.
    pub(crate) async fn make(folder: &Path) -> Outcome<Self> {
        let place = Place::sqlite(folder);
        let app = open(&place).await?;
        let tenant = Arc::new(tenant(&app).await?);
        let password = Password::new(PASSWORD).map_err(|_| "the password")?;
        // One hash for all: to check it costs the same, and 10,000 of them would take minutes.
        let phc = app.passwords.hash(password).await?;
        let (application, flow) = (application(&tenant)?, flow(&tenant)?);
        let authorize = format!(
            "/{DOMAIN}/{FLOW}/oauth2/v2.0/authorize?client_id={}&response_type=code&redirect_uri={REPLY_URL}\
             &scope=openid&state=bench&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
             &code_challenge_method=S256",
            application.id
        );
        let own = Arc::clone(&tenant);
        let ready = app.store.write(move |tx| {
            Box::pin(async move {
                tx.create_flow(&flow).await?;
                tx.create_application(&application).await?;
                tx.link_flow(own.id, application.id, flow.id).await?;
                Ok::<_, JourneyError>(())
            })
        });
        ready.await?;
        for first in (0..ACCOUNTS).step_by(BATCH) {
            let (tenant, phc) = (Arc::clone(&tenant), phc.clone());
            let made = app.store.write(move |tx| Box::pin(async move { accounts(tx, &tenant, first, &phc).await }));
            made.await?;
        }
        app.store.close().await;
        Ok(Self { place, authorize, phc })
    }
}

fn application(tenant: &Tenant) -> Outcome<Application> {
    let kind = ApplicationKind::SinglePage;
    Ok(Application {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        tenant: tenant.id,
        name: "Bench".into(),
        kind,
        reply_urls: vec![ReplyUrl::parse(REPLY_URL, kind)?],
        minimum: Minimum::StrongestLinked,
        secrets: Vec::new(),
        settings: ApplicationSettings::default(),
        created_at: tenant.created_at,
    })
}

/// A flow without a second factor.
pub(crate) fn flow(tenant: &Tenant) -> Outcome<UserFlow> {
    Ok(UserFlow {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        tenant: tenant.id,
        name: FlowName::parse(FLOW)?,
        kind: FlowType::SignUpSignIn,
        audience: Audience::Patients,
        settings: FlowSettings {
            mfa: MfaPolicy::new(Enforcement::Off, []),
            attributes: Vec::new(),
            claims: ["emails", "given_name", "family_name"].map(str::to_owned).to_vec(),
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        },
        version: 1,
        created_at: tenant.created_at,
        updated_at: tenant.created_at,
    })
}

/// Patient `number`, whose password has the hash `phc`.
pub(crate) fn patient(tenant: &Tenant, number: usize, phc: &str) -> Outcome<NewAccount> {
    Ok(NewAccount {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        kind: AccountKind::Patient,
        email: EmailAddress::parse(&email(number))?,
        phc: phc.to_owned(),
        attributes: names("Pat", &format!("Bench{number}")),
        factors: Vec::new(),
        invitation: None,
    })
}

async fn accounts(tx: &mut (dyn WriteTx + '_), tenant: &Tenant, first: usize, phc: &str) -> Result<(), JourneyError> {
    for number in first..first + BATCH {
        let new = patient(tenant, number, phc).map_err(|error| JourneyError::Internal(error.to_string()))?;
        tx.create_account(tenant.id, &new, tenant.created_at).await?;
    }
    Ok(())
}
