//! What stands around the journeys of a flow, kept at hand.

use std::sync::Arc;

use lanyard_domain::{
    application::Application,
    assurance::Demand,
    attribute::{self, Attribute},
    id::Id,
    journey::{Header, Target},
    tenant::Tenant,
    user_flow::UserFlow,
};
use lanyard_storage::ReadTx;

use super::{JourneyError, scene};
use crate::{service::at_hand::AtHand, state::App};

/// What stands around every journey of one flow to one application.
#[derive(Debug)]
pub struct Surroundings {
    /// The tenant.
    pub tenant: Tenant,
    /// The application, where the journey leads to one.
    pub application: Option<Application>,
    /// The flow as it is now.
    pub flow: UserFlow,
    /// Built-in and custom attributes.
    pub catalogue: Vec<Attribute>,
    /// What is demanded now.
    pub demand: Demand,
    /// The least length of a new password (decision 3).
    pub min_password_length: usize,
}

/// Which surroundings: of which flow and application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    tenant: Id<Tenant>,
    flow: Id<UserFlow>,
    application: Option<Id<Application>>,
}

impl Place {
    pub(super) fn of(header: &Header) -> Self {
        let application = match &header.target {
            Target::Application(request) | Target::Run { request, .. } | Target::Device { request, .. } => {
                Some(request.application)
            }
            Target::Console { .. } => None,
        };
        Self { tenant: header.tenant, flow: header.flow.id, application }
    }
}

/// The copies at hand.
pub type Known = AtHand<Place, Surroundings>;

/// What stands around `place` at `version` of the configuration, or at a later one.
///
/// # Errors
/// [`JourneyError::NotFound`] when tenant, flow or application is gone.
pub(super) async fn at(app: &App, place: Place, version: i64) -> Result<Arc<Surroundings>, JourneyError> {
    if let Some(copy) = app.surroundings.at(&place, version) {
        return Ok(copy);
    }
    let (version, read) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                // In the same snapshot as what it vouches for.
                let version = tx.configuration_version(place.tenant).await?.ok_or(JourneyError::NotFound)?;
                Ok::<_, JourneyError>((version, read(tx, place).await?))
            })
        })
        .await?;
    Ok(app.surroundings.keep(place, version, read))
}

async fn read(tx: &mut (dyn ReadTx + '_), place: Place) -> Result<Surroundings, JourneyError> {
    let tenant = tx.tenant_by_id(place.tenant).await?.ok_or(JourneyError::NotFound)?;
    let flow = tx.flow_by_id(place.tenant, place.flow).await?.ok_or(JourneyError::NotFound)?;
    let application = match place.application {
        Some(id) => Some(tx.application_by_id(place.tenant, id).await?.ok_or(JourneyError::NotFound)?),
        None => None,
    };
    let demand = scene::demand(tx, &flow, application.as_ref()).await?;
    let mut catalogue = attribute::built_in();
    catalogue.extend(tx.custom_attributes(place.tenant).await?);
    let min_password_length = scene::min_password_length(tx, place.tenant, flow.audience).await?;
    Ok(Surroundings { tenant, application, flow, catalogue, demand, min_password_length })
}
