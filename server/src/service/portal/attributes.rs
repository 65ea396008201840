//! Custom attributes.

use lanyard_domain::{attribute::Attribute, audit::Action, id::Id, tenant::Tenant};

use super::{By, PortalError, hold, record};
use crate::state::App;

/// The most custom attributes of a tenant: three checkboxes each fit into the bounds of a form.
pub const MAX_CUSTOM: usize = 50;

/// Defines an attribute.
///
/// # Errors
/// [`PortalError::Taken`] if there is one of that name, [`PortalError::TooMany`] beyond
/// [`MAX_CUSTOM`].
pub async fn define(app: &App, tenant: Id<Tenant>, attribute: Attribute, by: By) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                // Several at once are counted one after the other (A47).
                hold(tx, tenant).await?;
                if tx.custom_attributes(tenant).await?.len() >= MAX_CUSTOM {
                    return Err(PortalError::TooMany);
                }
                tx.create_attribute(tenant, &attribute, own.clock.now()).await?;
                let detail = serde_json::json!({"label": attribute.label, "kind": attribute.kind});
                record(&own, tx, tenant, &by, Action::AttributeDefined, attribute.name, detail).await?;
                Ok(())
            })
        })
        .await
}

/// The custom attributes of `tenant`, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn custom(app: &App, tenant: Id<Tenant>) -> Result<Vec<Attribute>, PortalError> {
    Ok(app.store.read(move |tx| Box::pin(async move { tx.custom_attributes(tenant).await })).await?)
}
