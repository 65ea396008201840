//! The operators of the whole instance. They come by a one-time link of the command line, and go by it: whoever
//! has the machine decides who administers it.

use lanyard_domain::{
    account::Account,
    audit::Action,
    id::Id,
    role::Role,
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
};
use lanyard_storage::ReadTx;

use super::{
    By, PortalError, gone,
    posts::{Holder, MAX_SHOWN},
    record,
};
use crate::{service::sign_out, state::App};

/// The tenant of the operators.
///
/// # Errors
/// When the database does not answer, or was never started.
pub async fn system(app: &App) -> Result<Id<Tenant>, PortalError> {
    app.store.read(|tx| Box::pin(async move { system_of(tx).await })).await
}

async fn system_of(tx: &mut (dyn ReadTx + '_)) -> Result<Id<Tenant>, PortalError> {
    let domain = TenantDomain::parse(SYSTEM_DOMAIN).map_err(|_| PortalError::NotFound)?;
    Ok(tx.tenant_by_domain(&domain).await?.ok_or(PortalError::NotFound)?.id)
}

/// Who operates the whole instance, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn operators(app: &App) -> Result<Vec<Holder>, PortalError> {
    app.store
        .read(|tx| {
            Box::pin(async move {
                match system_of(tx).await {
                    // Where no server was ever started, there is nobody yet.
                    Err(PortalError::NotFound) => Ok(Vec::new()),
                    system => holders(tx, system?).await,
                }
            })
        })
        .await
}

async fn holders(tx: &mut (dyn ReadTx + '_), system: Id<Tenant>) -> Result<Vec<Holder>, PortalError> {
    let mut holders = Vec::new();
    for grant in tx.holders_of_role(Role::InstanceOperator, MAX_SHOWN).await? {
        let account = tx.account_by_id(system, grant.account).await?;
        holders.extend(account.map(|account| Holder { account, since: grant.granted_at }));
    }
    Ok(holders)
}

/// Takes the role away from `account` and ends its sessions and sign-ins on their way (A19, A24); says how many operators
/// are left that may sign in. The last one may go too: the command line makes a link for another.
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold the role.
pub async fn revoke(app: &App, account: Id<Account>, by: By) -> Result<usize, PortalError> {
    let own = app.clone();
    let left = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (system, now) = (system_of(tx).await?, own.clock.now());
                // A sign-in that completes at the same moment comes before this or after it.
                if own.store.is_postgres() {
                    tx.lock_account(account).await?;
                }
                gone(tx.revoke_role(account, Role::InstanceOperator, now).await)?;
                tx.outdate_journeys(account).await?;
                sign_out::end_all(&own, tx, account, None, now).await?;
                let detail = serde_json::json!({ "role": Role::InstanceOperator.as_str() });
                record(&own, tx, system, &by, Action::RoleRevoked, account.to_string(), detail).await?;
                let left = holders(tx, system).await?;
                Ok::<_, PortalError>(left.iter().filter(|holder| holder.account.disabled_at.is_none()).count())
            })
        })
        .await?;
    app.outbox.wake();
    Ok(left)
}
