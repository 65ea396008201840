//! Tenants: what comes into being with one (keys, built-in flows).

use lanyard_domain::{
    application::SigningAlgorithm,
    assurance::Method,
    attribute,
    clock::Timestamp,
    entropy::Entropy,
    id::Id,
    makes::PasskeyMakes,
    phone::PhoneCountries,
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
    user_flow::{
        Audience, CollectedAttribute, Enforcement, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings,
        TokenSettings, UserFlow,
    },
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use super::signing;
use crate::state::App;

/// A tenant in the making: everything that is slow (its signing keys) is done before the
/// transaction begins.
pub struct Blueprint {
    tenant: Tenant,
    // One of each algorithm: an application that is set to another finds a key that clients know.
    signing: [signing::NewKey; 3],
}

impl Blueprint {
    /// Draws up a tenant.
    ///
    /// # Errors
    /// When a signing key cannot be made.
    pub fn draw(app: &App, name: String, domain: TenantDomain, region: String) -> Result<Self, signing::KeyError> {
        let now = app.clock.now();
        let (id, phone_countries) = (Id::new(now, app.entropy().as_mut()), PhoneCountries::default());
        let staff_passkeys = PasskeyMakes::default();
        let tenant = Tenant {
            id,
            name,
            domain,
            region,
            phone_countries,
            second_approver: false,
            staff_passkeys,
            created_at: now,
        };
        let [rsa, ec, ed] = SigningAlgorithm::ALL.map(|algorithm| signing::NewKey::generate(app, algorithm));
        Ok(Self { tenant, signing: [rsa?, ec?, ed?] })
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// Creates the tenant with its keys and its built-in flows. Must stand in a transaction with its
/// audit event.
///
/// # Errors
/// [`StorageError::Unique`] if the domain is taken.
pub async fn create(app: &App, tx: &mut (dyn WriteTx + '_), blueprint: Blueprint) -> Result<Tenant, StorageError> {
    let Blueprint { tenant, signing } = blueprint;
    let mut entropy = app.entropy();
    let (keys, sealed) = app.master.new_tenant_key(tenant.id, entropy.as_mut());
    tx.create_tenant(&tenant, &sealed).await?;
    for key in signing {
        // Nothing could be signed before: the first key signs at once.
        let key = key.seal(tenant.id, &keys, tenant.created_at, tenant.created_at, entropy.as_mut())?;
        tx.add_signing_key(&key, tenant.created_at).await?;
    }
    for audience in Audience::ALL {
        if let Some(flow) = built_in_flow(&tenant, audience, tenant.created_at, entropy.as_mut()) {
            tx.create_flow(&flow).await?;
        }
    }
    Ok(tenant)
}

// Operators only in `lanyard.system`, and never by text or call; staff everywhere else, with the
// methods that the operator sets; everybody's own account asks for the factor that they have.
fn built_in_flow(tenant: &Tenant, audience: Audience, now: Timestamp, entropy: &mut dyn Entropy) -> Option<UserFlow> {
    let system = tenant.domain.is_system();
    let (enforcement, methods): (_, &[Method]) = match audience {
        Audience::Patients => return None,
        Audience::Operators if system => (Enforcement::AlwaysOn, &[Method::AuthenticatorApp]),
        Audience::Staff if !system => (Enforcement::AlwaysOn, &Method::ALL),
        Audience::SelfService => (Enforcement::Off, &Method::ALL),
        Audience::Operators | Audience::Staff => return None,
    };
    let name = audience.built_in_flow()?;
    Some(UserFlow {
        id: Id::new(now, entropy),
        tenant: tenant.id,
        name: FlowName::parse(name).ok()?,
        kind: FlowType::SignIn,
        audience,
        settings: FlowSettings {
            mfa: MfaPolicy::new(enforcement, methods.iter().copied()),
            attributes: [attribute::GIVEN_NAME, attribute::SURNAME]
                .map(|name| CollectedAttribute { name: name.to_owned(), required: true })
                .to_vec(),
            claims: Vec::new(),
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        },
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// The tenant, if there is just one besides `lanyard.system`.
///
/// # Errors
/// When the database does not answer.
pub async fn only(app: &App) -> Result<Option<Tenant>, StorageError> {
    // One more than is to be found, and the built-in one.
    let all = app.store.read(move |tx| Box::pin(async move { tx.list_tenants(None, 3).await })).await?;
    let mut own = all.into_iter().filter(|tenant: &Tenant| !tenant.domain.is_system());
    Ok(own.next().filter(|_| own.next().is_none()))
}

/// `lanyard.system`, the tenant of the operators; `None` where no server was ever started.
///
/// # Errors
/// When the database does not answer.
pub async fn system(tx: &mut (dyn ReadTx + '_)) -> Result<Option<Tenant>, StorageError> {
    let domain = TenantDomain::parse(SYSTEM_DOMAIN).map_err(|_| StorageError::Inconsistent("the system domain"))?;
    tx.tenant_by_domain(&domain).await
}

/// Makes sure that `lanyard.system` is there; several processes may try at once.
///
/// # Errors
/// When the database does not answer or the key cannot be made.
pub async fn ensure_system(app: &App) -> Result<Tenant, super::journey::JourneyError> {
    let domain = TenantDomain::parse(SYSTEM_DOMAIN).map_err(|_| internal("the system domain"))?;
    let wanted = domain.clone();
    let found = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&wanted).await })).await;
    if let Some(tenant) = found.map_err(|error: StorageError| super::journey::JourneyError::from(error))? {
        return Ok(tenant);
    }
    let blueprint = Blueprint::draw(app, "Lanyard operators".to_owned(), domain.clone(), "ZZ".to_owned())
        .map_err(|error| internal(&error.to_string()))?;
    let own = app.clone();
    let made = app.store.write(move |tx| Box::pin(async move { create(&own, tx, blueprint).await })).await;
    match made {
        Ok(tenant) => Ok(tenant),
        // Another process was quicker.
        Err(StorageError::Unique(_)) => {
            let found = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await;
            found
                .map_err(|error: StorageError| super::journey::JourneyError::from(error))?
                .ok_or_else(|| internal("the system tenant"))
        }
        Err(error) => Err(error.into()),
    }
}

fn internal(what: &str) -> super::journey::JourneyError {
    super::journey::JourneyError::Internal(what.to_owned())
}
