//! The OpenID provider as use cases: which flow is meant, authorize, token, userinfo, logout.
//!
//! The protocol's own rules are pure and live in `lanyard_oidc`; here they meet the database.

mod at_once;
mod authorize;
mod client;
mod client_credentials;
pub mod device;
pub mod dpop;
mod introspect;
mod logout;
mod pushed;
mod redeem;
mod refresh;
pub mod registration;
mod revoke;
mod standing;
mod userinfo;

use std::{ops::Deref, sync::Arc};

use lanyard_domain::{
    application::Application,
    id::Id,
    tenant::Tenant,
    user_flow::{Audience, UserFlow},
};
use lanyard_oidc::{
    endpoints::{Route, TenantRef},
    error::Refusal,
};
use lanyard_storage::ReadTx;

pub use at_once::at_once;
pub use authorize::{Authorization, Visitor, authorize};
pub use client::{allows_origin, authenticated};
pub use introspect::introspect;
pub use logout::{LogoutOutcome, is_dead, logout};
pub use pushed::{address as pushed_address, push};
pub use redeem::{TokenAnswer, token};
pub use revoke::revoke;
pub use userinfo::userinfo;

use super::{at_hand::AtHand, journey::JourneyError};
use crate::state::App;

/// The flow that an address names. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Place(Arc<PlaceParts>);

/// What a [`Place`] is.
#[derive(Debug)]
pub struct PlaceParts {
    /// The tenant.
    pub tenant: Tenant,
    /// Its flow.
    pub flow: UserFlow,
    /// The flow's issuer.
    pub issuer: String,
    /// The version of the tenant's configuration that this was read at.
    pub configuration: i64,
}

impl Place {
    /// The place of what is already at hand, of no known version of the configuration: whatever else
    /// belongs to it is read anew.
    #[must_use]
    pub fn of(tenant: Tenant, flow: UserFlow, issuer: String) -> Self {
        // The database counts from 1.
        Self(Arc::new(PlaceParts { tenant, flow, issuer, configuration: 0 }))
    }
}

impl Deref for Place {
    type Target = PlaceParts;

    fn deref(&self) -> &PlaceParts {
        &self.0
    }
}

/// What of the provider's configuration is at hand.
#[derive(Debug, Default)]
pub struct Configured {
    places: AtHand<(Id<Tenant>, String), PlaceParts>,
    // By how addresses name them: as they were last found, and to be judged by nothing without a look at the version.
    named: AtHand<(TenantRef, String), Place>,
    applications: AtHand<(Id<Tenant>, Id<Application>), Application>,
    standings: AtHand<standing::Key, standing::Standing>,
}

/// Why a protocol request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The client's fault, told in the protocol's words.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Too many of these came from one network.
    #[error("too many requests")]
    TooMany,
    /// Not the client's fault.
    #[error(transparent)]
    Failed(#[from] JourneyError),
}

impl From<lanyard_storage::StorageError> for ProtocolError {
    fn from(error: lanyard_storage::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refusal> for ProtocolError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The flow that `route` names; built-in flows have no protocol endpoints.
///
/// # Errors
/// [`JourneyError::NotFound`] if there is no such tenant or flow.
pub async fn place(app: &App, route: &Route) -> Result<Place, JourneyError> {
    let named = route.tenant.clone();
    let found = app.store.glance(move |tx| Box::pin(async move { version(tx, &named).await })).await?;
    let (tenant, version) = found.ok_or(JourneyError::NotFound)?;
    let key = (tenant, route.flow.clone());
    if let Some(parts) = app.configured.places.at(&key, version) {
        return Ok(as_named(app, route, Place(parts)));
    }
    let name = route.flow.clone();
    let found = app.store.read(move |tx| Box::pin(async move { find(tx, tenant, &name).await })).await?;
    let (tenant, flow, configuration) = found.ok_or(JourneyError::NotFound)?;
    let issuer = app.issuer(&flow);
    let parts = PlaceParts { tenant, flow, issuer, configuration };
    Ok(as_named(app, route, Place(app.configured.places.keep(key, configuration, parts))))
}

// Keeps how `route` names `place`.
fn as_named(app: &App, route: &Route, place: Place) -> Place {
    let key = (route.tenant.clone(), route.flow.clone());
    if app.configured.named.at(&key, place.configuration).is_none() {
        app.configured.named.keep(key, place.configuration, place.clone());
    }
    place
}

/// The flow that `route` names as it was last found. Whoever acts on it does so only while its version of the
/// configuration is the present one.
fn known_place(app: &App, route: &Route) -> Option<Place> {
    let key = (route.tenant.clone(), route.flow.clone());
    app.configured.named.good(&key, |_| true).map(|place| Place::clone(&place))
}

async fn version(tx: &mut (dyn ReadTx + '_), tenant: &TenantRef) -> Result<Option<(Id<Tenant>, i64)>, JourneyError> {
    Ok(match tenant {
        TenantRef::Domain(domain) => tx.configuration_by_domain(domain).await?,
        TenantRef::Guid(id) => tx.configuration_version(*id).await?.map(|version| (*id, version)),
    })
}

/// The applications that the flow of `place` signs people in to.
///
/// # Errors
/// When the database does not answer.
pub async fn linked_applications(app: &App, place: &Place) -> Result<Vec<Application>, JourneyError> {
    let (tenant, flow) = (place.tenant.id, place.flow.id);
    let linked = app.store.read(move |tx| Box::pin(async move { tx.applications_of_flow(tenant, flow).await })).await;
    linked.map_err(|error: lanyard_storage::StorageError| error.into())
}

async fn find(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    key: &str,
) -> Result<Option<(Tenant, UserFlow, i64)>, JourneyError> {
    // In the same snapshot as what it vouches for.
    let Some(version) = tx.configuration_version(tenant).await? else { return Ok(None) };
    let Some(tenant) = tx.tenant_by_id(tenant).await? else { return Ok(None) };
    let flow = tx.flow_by_key(tenant.id, key).await?.filter(|flow| flow.audience == Audience::Patients);
    Ok(flow.map(|flow| (tenant, flow, version)))
}

/// The application `id` of the tenant of `place`, with its secrets, as it was when `place` was read
/// or later.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn application(
    app: &App,
    place: &Place,
    id: Id<Application>,
) -> Result<Option<Arc<Application>>, JourneyError> {
    let tenant = place.tenant.id;
    if let Some(found) = known_application(app, place, id) {
        return Ok(Some(found));
    }
    let found = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let version = tx.configuration_version(tenant).await?;
                Ok::<_, JourneyError>(version.zip(tx.application_by_id(tenant, id).await?))
            })
        })
        .await?;
    Ok(found.map(|(version, found)| app.configured.applications.keep((tenant, id), version, found)))
}

// The same, if it was read at the version of `place`.
fn known_application(app: &App, place: &Place, id: Id<Application>) -> Option<Arc<Application>> {
    app.configured.applications.at(&(place.tenant.id, id), place.configuration)
}
