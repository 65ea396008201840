//! What operators do to one account: what it must show at every sign-in, and accounts that may not sign in, stopped and let in again by an operator, who has made sure whose they are.
//!
//! Letting one in again can give it another address: an account is stopped where the mailbox of its own is in
//! other hands ([`crate::service::account::not_me`]), and whoever reads it would get the code for a new password.

use lanyard_domain::{
    account::Account, assurance::Assurance, audit::Action, email::EmailAddress, id::Id, tenant::Tenant,
};
use lanyard_storage::WriteTx;

use super::{By, PortalError, record};
use crate::{
    service::{
        account::{lock, notices},
        audit, minimum, sign_out,
    },
    state::App,
};

/// The account with this address.
///
/// # Errors
/// [`PortalError::NotFound`] if the tenant has none, or the database does not answer.
pub async fn find(app: &App, tenant: Id<Tenant>, email: EmailAddress) -> Result<Account, PortalError> {
    let found: Result<_, lanyard_storage::StorageError> =
        app.store.read(move |tx| Box::pin(async move { tx.account_by_email(tenant, &email).await })).await;
    found?.map(|(account, _)| account).ok_or(PortalError::NotFound)
}

/// Stops every sign-in to an account, those on their way too, and ends its sessions and tokens (A19). Its owner is
/// told (N20).
///
/// # Errors
/// [`PortalError::Unchanged`] if it is stopped already, [`PortalError::NotFound`].
pub async fn disable(app: &App, tenant: Id<Tenant>, id: Id<Account>, by: By) -> Result<Account, PortalError> {
    let own = app.clone();
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (account, now) = (held(&own, tx, tenant, id).await?, own.clock.now());
                if account.disabled_at.is_some() {
                    return Err(PortalError::Unchanged);
                }
                tx.set_disabled(id, Some(now)).await?;
                tx.outdate_journeys(id).await?;
                sign_out::end_all(&own, tx, id, None, now).await?;
                tx.revoke_grants_of_account(id, now).await?;
                record(&own, tx, tenant, &by, Action::AccountDisabled, id.to_string(), serde_json::json!({})).await?;
                let of = tx.tenant_by_id(tenant).await?.ok_or(PortalError::NotFound)?;
                notices::stopped(&own, tx, &of, &by.client, &account).await?;
                Ok(Account { disabled_at: Some(now), ..account })
            })
        })
        .await?;
    app.outbox.wake();
    Ok(done)
}

/// Lets an account be signed in to again, by another address where one is given; its owner is told, at both
/// addresses then (N20). Password and factors are as they were.
///
/// # Errors
/// [`PortalError::Unchanged`] if it is not stopped, [`PortalError::Taken`] if another account has that address,
/// [`PortalError::NotFound`].
pub async fn enable(
    app: &App,
    tenant: Id<Tenant>,
    (id, address): (Id<Account>, Option<EmailAddress>),
    by: By,
) -> Result<Account, PortalError> {
    let own = app.clone();
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = held(&own, tx, tenant, id).await?;
                if account.disabled_at.is_none() {
                    return Err(PortalError::Unchanged);
                }
                tx.set_disabled(id, None).await?;
                record(&own, tx, tenant, &by, Action::AccountEnabled, id.to_string(), serde_json::json!({})).await?;
                let of = tx.tenant_by_id(tenant).await?.ok_or(PortalError::NotFound)?;
                let Some(address) = address.filter(|address| *address != account.email) else {
                    notices::let_in(&own, tx, &of, &by.client, &account).await?;
                    return Ok(Account { disabled_at: None, ..account });
                };
                tx.change_email(id, &account.email, &address).await?;
                tx.drop_contact_changes(id).await?;
                let detail = audit::addresses(&account.email, &address);
                record(&own, tx, tenant, &by, Action::EmailChanged, id.to_string(), detail).await?;
                notices::readdressed(&own, tx, &of, &by.client, (&account, &address)).await?;
                Ok(Account { disabled_at: None, email: address, ..account })
            })
        })
        .await?;
    app.outbox.wake();
    Ok(done)
}

/// Sets what an account must show at every sign-in, whatever its flow says; the account, and what it was before.
/// Where it rises, what came of less ends. The owner is told.
///
/// # Errors
/// [`PortalError::Unchanged`] if it is so already, [`PortalError::Unreachable`] where there are no passkeys and one is
/// demanded, [`PortalError::NotFound`].
pub async fn require(
    app: &App,
    tenant: Tenant,
    (id, wanted): (Id<Account>, Assurance),
    by: By,
) -> Result<(Account, Assurance), PortalError> {
    if !minimum::is_reachable(app, wanted) {
        return Err(PortalError::Unreachable);
    }
    let own = app.clone();
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = held(&own, tx, tenant.id, id).await?;
                let before = tx.own_minimum(id).await?.ok_or(PortalError::NotFound)?;
                if before == wanted {
                    return Err(PortalError::Unchanged);
                }
                minimum::set(&own, tx, (&tenant, &account), (before, wanted), (by.operator, &by.client)).await?;
                Ok((account, before))
            })
        })
        .await?;
    app.outbox.wake();
    Ok(done)
}

async fn held(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    id: Id<Account>,
) -> Result<Account, PortalError> {
    lock(app, tx, id).await?;
    tx.account_by_id(tenant, id).await?.ok_or(PortalError::NotFound)
}
