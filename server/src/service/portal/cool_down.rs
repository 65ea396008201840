//! How long after a recovery what protects an account stays as it is.

use lanyard_domain::{audit::Action, cool_down::CoolDown, id::Id, tenant::Tenant};
use lanyard_storage::StorageError;

use super::{By, PortalError, hold, record};
use crate::state::App;

/// The cool-down of a tenant.
///
/// # Errors
/// [`PortalError::NotFound`], or the database does not answer.
pub async fn show(app: &App, tenant: Id<Tenant>) -> Result<CoolDown, PortalError> {
    let found: Result<_, StorageError> =
        app.store.read(move |tx| Box::pin(async move { tx.cool_down(tenant).await })).await;
    found?.ok_or(PortalError::NotFound)
}

/// Sets it, if it is `present` now; `None`: whatever it is. What is so already is no change. It counts for
/// recoveries of before, too.
///
/// # Errors
/// [`PortalError::Conflict`] if it is another one by now.
pub async fn set(
    app: &App,
    tenant: Id<Tenant>,
    (present, wanted): (Option<CoolDown>, CoolDown),
    by: By,
) -> Result<CoolDown, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                hold(tx, tenant).await?;
                let now = tx.cool_down(tenant).await?.ok_or(PortalError::NotFound)?;
                if now == wanted {
                    return Ok(wanted);
                }
                tx.set_cool_down(tenant, present.unwrap_or(now), wanted).await?;
                let detail = serde_json::json!({"cool_down_hours": wanted.hours(), "before": now.hours()});
                record(&own, tx, tenant, &by, Action::TenantChanged, tenant.to_string(), detail).await?;
                Ok(wanted)
            })
        })
        .await
}
