//! The operators of the whole instance. They come by a one-time link of the command line, and go by it: whoever
//! has the machine decides who administers it.

use lanyard_domain::{
    account::Account,
    audit::Action,
    id::Id,
    role::Role,
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
};
use lanyard_storage::{ReadTx, StorageError};

use super::{
    By, PortalError,
    posts::{Holder, MAX_SHOWN},
    record,
};
use crate::state::App;

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
                let system = system_of(tx).await?;
                let mut holders = Vec::new();
                for grant in tx.holders_of_role(Role::InstanceOperator, MAX_SHOWN).await? {
                    let account = tx.account_by_id(system, grant.account).await?;
                    holders.extend(account.map(|account| Holder { account, since: grant.granted_at }));
                }
                Ok(holders)
            })
        })
        .await
}

/// Takes the role away from `account`, at its next request (A24), and says how many operators are left. The last
/// one may go too: the command line makes a link for another.
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold the role.
pub async fn revoke(app: &App, account: Id<Account>, by: By) -> Result<usize, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let system = system_of(tx).await?;
                match tx.revoke_role(account, Role::InstanceOperator, own.clock.now()).await {
                    Err(StorageError::Conflict) => return Err(PortalError::NotFound),
                    other => other?,
                }
                let detail = serde_json::json!({ "role": "instance_operator" });
                record(&own, tx, system, &by, Action::RoleRevoked, account.to_string(), detail).await?;
                Ok(tx.holders_of_role(Role::InstanceOperator, MAX_SHOWN).await?.len())
            })
        })
        .await
}
