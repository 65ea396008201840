//! What whoever holds a role must show at every sign-in, whatever the built-in flows ask: the staff of a tenant and the
//! operators who manage it; in `lanyard.system` the operators of the whole instance.

use lanyard_domain::{assurance::Assurance, audit::Action, role::Role, tenant::Tenant};
use lanyard_storage::{ReadTx, StorageError};

use super::{By, PortalError, hold, record};
use crate::{service::minimum::is_reachable, state::App};

/// The minimums of a tenant's roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleMinimums {
    /// Of the clinic's staff; [`Assurance::Aal1`] where there is none.
    pub staff: Assurance,
    /// Of the operators who manage the tenant, or, of `lanyard.system`, the whole instance.
    pub operators: Assurance,
}

// Whom it is for; `lanyard.system` has no patients and no staff.
fn roles(tenant: &Tenant) -> (Option<Role>, Role) {
    match tenant.domain.is_system() {
        true => (None, Role::InstanceOperator),
        false => (Some(Role::ClinicStaff(tenant.id)), Role::TenantOperator(tenant.id)),
    }
}

async fn read(
    tx: &mut (dyn ReadTx + '_),
    (staff, operators): (Option<Role>, Role),
) -> Result<RoleMinimums, StorageError> {
    let staff = match staff {
        Some(role) => tx.role_minimum(role).await?,
        None => Assurance::Aal1,
    };
    Ok(RoleMinimums { staff, operators: tx.role_minimum(operators).await? })
}

/// The minimums of a tenant's roles.
///
/// # Errors
/// When the database does not answer.
pub async fn show(app: &App, tenant: &Tenant) -> Result<RoleMinimums, PortalError> {
    let roles = roles(tenant);
    Ok(app.store.read(move |tx| Box::pin(async move { read(tx, roles).await })).await?)
}

/// Sets them, if they are `present` now; `None`: whatever they are. What is so already is no change. It acts at the next
/// request: who signed in with less signs in again, by what they have, and sets up what is missing.
///
/// # Errors
/// [`PortalError::Conflict`] if they are others by now; [`PortalError::Unreachable`] where there are no passkeys and
/// one is demanded; [`PortalError::NotAllowed`] for staff of `lanyard.system`.
pub async fn set(
    app: &App,
    tenant: &Tenant,
    (present, wanted): (Option<RoleMinimums>, RoleMinimums),
    by: By,
) -> Result<RoleMinimums, PortalError> {
    let (staff, operators) = roles(tenant);
    if !is_reachable(app, wanted.staff.max(wanted.operators)) {
        return Err(PortalError::Unreachable);
    }
    if staff.is_none() && wanted.staff > Assurance::Aal1 {
        return Err(PortalError::NotAllowed);
    }
    let (own, tenant) = (app.clone(), tenant.id);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                hold(tx, tenant).await?;
                let now = read(tx, (staff, operators)).await?;
                // The same form once more is no conflict (U5).
                if now != wanted && present.is_some_and(|present| present != now) {
                    return Err(PortalError::Conflict);
                }
                let each = [(staff, now.staff, wanted.staff), (Some(operators), now.operators, wanted.operators)];
                for (role, before, after) in each {
                    if let Some(role) = role.filter(|_| before != after) {
                        tx.set_role_minimum(tenant, role, before, after).await?;
                        let detail = serde_json::json!({"role": role, "minimum": after, "before": before});
                        record(&own, tx, tenant, &by, Action::TenantChanged, tenant.to_string(), detail).await?;
                    }
                }
                Ok(wanted)
            })
        })
        .await
}
