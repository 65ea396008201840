//! The OpenID provider as use cases: which flow is meant, authorize, token, userinfo, logout.
//!
//! The protocol's own rules are pure and live in `lanyard_oidc`; here they meet the database.

mod authorize;
mod client;
pub mod device;
pub mod dpop;
mod logout;
mod pushed;
mod redeem;
mod refresh;
mod userinfo;

use lanyard_domain::{
    application::Application,
    tenant::Tenant,
    user_flow::{Audience, UserFlow},
};
use lanyard_oidc::{
    endpoints::{Route, TenantRef},
    error::Refusal,
};
use lanyard_storage::ReadTx;

pub use authorize::{Authorization, Visitor, authorize};
pub use client::authenticated;
pub use logout::{LogoutOutcome, logout};
pub use pushed::{address as pushed_address, push};
pub use redeem::token;
pub use userinfo::userinfo;

use super::journey::JourneyError;
use crate::state::App;

/// The flow that an address names.
#[derive(Debug, Clone)]
pub struct Place {
    /// The tenant.
    pub tenant: Tenant,
    /// Its flow.
    pub flow: UserFlow,
    /// The flow's issuer.
    pub issuer: String,
}

/// Why a protocol request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The client's fault, told in the protocol's words.
    #[error("refused: {0}")]
    Refused(Refusal),
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
    let (tenant, key) = (route.tenant.clone(), route.flow.clone());
    let found = app.store.read(move |tx| Box::pin(async move { find(tx, &tenant, &key).await })).await?;
    let (tenant, flow) = found.ok_or(JourneyError::NotFound)?;
    let issuer = app.issuer(tenant.id, &flow.name.key());
    Ok(Place { tenant, flow, issuer })
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
    tenant: &TenantRef,
    key: &str,
) -> Result<Option<(Tenant, UserFlow)>, JourneyError> {
    let tenant = match tenant {
        TenantRef::Domain(domain) => tx.tenant_by_domain(domain).await?,
        TenantRef::Guid(id) => tx.tenant_by_id(*id).await?,
    };
    let Some(tenant) = tenant else { return Ok(None) };
    let flow = tx.flow_by_key(tenant.id, key).await?.filter(|flow| flow.audience == Audience::Patients);
    Ok(flow.map(|flow| (tenant, flow)))
}
