//! Which application `/claims` is: a tenant, an application and a flow, set in demo mode or by an
//! operator.

use lanyard_domain::{application::Application, attribute::Attribute, id::Id, tenant::Tenant, user_flow::UserFlow};
use lanyard_storage::{ReadTx, StorageError, WriteTx};
use serde::{Deserialize, Serialize};

use super::journey::JourneyError;
use crate::state::App;

const META: &str = "patient_portal";

/// The setting.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PatientPortal {
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The application.
    pub application: Id<Application>,
    /// The flow it asks.
    pub flow: Id<UserFlow>,
}

/// The patient portal as it stands.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tenant.
    pub tenant: Tenant,
    /// The application's client id.
    pub application: Id<Application>,
    /// The flow it asks.
    pub flow: UserFlow,
    /// The tenant's custom attributes, for the labels.
    pub attributes: Vec<Attribute>,
}

/// The patient portal, if there is one.
///
/// # Errors
/// When the database does not answer.
pub async fn find(app: &App) -> Result<Option<Found>, JourneyError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let Some(set) = setting(tx).await? else { return Ok(None) };
                let tenant = tx.tenant_by_id(set.tenant).await?;
                let flow = tx.flow_by_id(set.tenant, set.flow).await?;
                let attributes = tx.custom_attributes(set.tenant).await?;
                Ok(tenant.zip(flow).map(|(tenant, flow)| Found {
                    tenant,
                    application: set.application,
                    flow,
                    attributes,
                }))
            })
        })
        .await
}

/// The setting, if there is one.
///
/// # Errors
/// When the database does not answer.
pub async fn setting(tx: &mut (dyn ReadTx + '_)) -> Result<Option<PatientPortal>, StorageError> {
    Ok(tx.meta(META).await?.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// Sets the patient portal.
///
/// # Errors
/// When the database does not take it.
pub async fn set(tx: &mut (dyn WriteTx + '_), portal: PatientPortal) -> Result<(), StorageError> {
    let text = serde_json::to_vec(&portal).map_err(|_| StorageError::Inconsistent("the patient portal"))?;
    tx.set_meta(META, &text).await
}
