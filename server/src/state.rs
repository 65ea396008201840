//! What the whole server shares. Nothing that matters lives here alone: several processes may
//! serve one database, and each can be killed at any time.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, RwLock},
};

use lanyard_crypto::{MacUse, MasterKey, PasswordQueue, RelyingParty, TenantKeys};
use lanyard_domain::{
    clock::Clock,
    entropy::Entropy,
    id::Id,
    password::Blocklist,
    secret::TokenHash,
    tenant::Tenant,
    user_flow::{IssuerMode, UserFlow},
};
use lanyard_messaging::{Channel, Transport, inbox::Inbox};
use lanyard_oidc::endpoints;
use lanyard_storage::{ReadTx, StorageError, Store};

use crate::{
    config::Config,
    http::{documents::Documents, limit::Limiter},
    jobs::delivery::Wake,
    outbound::Outbound,
    service::{
        journey::{self, JourneyError},
        left_out::LeftOut,
        oauth,
        pace::Pace,
        signing::SigningKeys,
    },
};

/// Where random bytes come from: one source for each use.
pub type EntropySource = Arc<dyn Fn() -> Box<dyn Entropy> + Send + Sync>;

/// Which channels have a provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct Channels {
    /// Email.
    pub email: bool,
    /// Text messages.
    pub text: bool,
    /// Phone calls.
    pub call: bool,
}

impl Channels {
    /// Whether this channel has a provider.
    #[must_use]
    pub const fn can(self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Text => self.text,
            Channel::Call => self.call,
        }
    }
}

/// The server. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What the server is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The public origin as text, without a slash at the end.
    pub origin: String,
    /// The same, for protocol addresses.
    pub public_origin: endpoints::PublicOrigin,
    /// The same, for links in messages.
    pub links: lanyard_messaging::PublicOrigin,
    /// The database.
    pub store: Store,
    /// Opens the tenants' keys.
    pub master: MasterKey,
    /// Hashes passwords.
    pub passwords: PasswordQueue,
    /// Asks for passkeys and checks them; `None` where the public origin is an IP address.
    pub passkeys: Option<RelyingParty>,
    /// Passwords that nobody may choose.
    pub blocklist: Arc<dyn Blocklist>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub randomness: EntropySource,
    /// Delivers messages.
    pub transport: Arc<dyn Transport>,
    /// Which channels there are.
    pub channels: Channels,
    /// The demo's inbox.
    pub inbox: Option<Arc<Inbox>>,
    /// The limit per network.
    pub limiter: Limiter,
    /// Failures that the log was not told of, counted.
    pub left_out: LeftOut,
    /// When answers come that must not tell whose an address is.
    pub pace: Pace,
    /// Whose turn it is to have a password judged.
    pub turns: journey::Turns,
    /// Wakes the delivery.
    pub outbox: Wake,
    /// Calls addresses that applications register.
    pub outbound: Outbound,
    /// The signing keys, opened.
    pub signing: SigningKeys,
    /// What stands around journeys, as it was last read.
    pub surroundings: journey::Known,
    /// What of the provider's configuration was last read.
    pub configured: oauth::Configured,
    /// Discovery and key sets, made.
    pub documents: Documents,
    /// The tenants' keys, opened.
    pub opened: RwLock<HashMap<Id<Tenant>, Arc<TenantKeys>>>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({})", self.origin)
    }
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Random bytes.
    #[must_use]
    pub fn entropy(&self) -> Box<dyn Entropy> {
        (self.randomness)()
    }

    /// The issuer of a flow, in the form that the flow's settings choose.
    #[must_use]
    pub fn issuer(&self, flow: &UserFlow) -> String {
        endpoints::issuer(&self.public_origin, flow.tenant, &flow.name.key(), flow.settings.tokens.issuer)
    }

    /// The address below which the discovery document of a flow is found, whatever its issuer.
    #[must_use]
    pub fn authority(&self, flow: &UserFlow) -> String {
        endpoints::issuer(&self.public_origin, flow.tenant, &flow.name.key(), IssuerMode::Flow)
    }

    /// The tenant's keys, opened; read within a transaction if they are not at hand.
    ///
    /// # Errors
    /// [`JourneyError::Internal`] when the master key does not open them.
    pub async fn tenant_keys(
        &self,
        tx: &mut (dyn ReadTx + '_),
        tenant: Id<Tenant>,
    ) -> Result<Arc<TenantKeys>, JourneyError> {
        if let Some(keys) = self.keys_at_hand(tenant) {
            return Ok(keys);
        }
        let sealed = tx.tenant_data_key(tenant).await?.ok_or(JourneyError::NotFound)?;
        self.open_keys(tenant, &sealed)
    }

    /// The same, outside a transaction.
    ///
    /// # Errors
    /// As [`App::tenant_keys`].
    pub async fn tenant_keys_of(&self, tenant: Id<Tenant>) -> Result<Arc<TenantKeys>, JourneyError> {
        if let Some(keys) = self.keys_at_hand(tenant) {
            return Ok(keys);
        }
        let sealed = self.store.read(move |tx| Box::pin(async move { tx.tenant_data_key(tenant).await })).await;
        let sealed = sealed.map_err(|error: StorageError| JourneyError::from(error))?.ok_or(JourneyError::NotFound)?;
        self.open_keys(tenant, &sealed)
    }

    fn keys_at_hand(&self, tenant: Id<Tenant>) -> Option<Arc<TenantKeys>> {
        let opened = self.opened.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        opened.get(&tenant).cloned()
    }

    fn open_keys(
        &self,
        tenant: Id<Tenant>,
        sealed: &lanyard_domain::secret::Sealed,
    ) -> Result<Arc<TenantKeys>, JourneyError> {
        let keys = self
            .master
            .open_tenant_key(tenant, sealed)
            .map_err(|_| JourneyError::Internal("the keys of a tenant cannot be opened".into()))?;
        let keys = Arc::new(keys);
        let mut opened = self.opened.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Arc::clone(opened.entry(tenant).or_insert(keys)))
    }

    /// The key under which a throttle or a history of sends is kept: a keyed hash, so that the
    /// table tells nobody's address.
    #[must_use]
    pub fn throttle_key(&self, tenant: Id<Tenant>, what: &str, parts: &[&str]) -> TokenHash {
        let tenant = tenant.uuid();
        let mut all: Vec<&[u8]> = vec![what.as_bytes(), tenant.as_bytes()];
        all.extend(parts.iter().map(|part| part.as_bytes()));
        TokenHash(self.master.mac_key(MacUse::Destination).mac(&all))
    }
}
