//! Who manages a tenant: operators of it alone, invited by email, listed, taken away again.
//!
//! Only an operator of the whole instance may change who does. Roles are read anew with every
//! request, so that a role that is taken away is gone at the next one (A24).

use lanyard_domain::{
    account::{Account, AccountKind},
    audit::Action,
    clock::Timestamp,
    email::EmailAddress,
    id::Id,
    invitation::Invitation,
    role::{Role, RoleGrant},
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
};
use lanyard_storage::{ReadTx, StorageError};

use super::{By, PortalError, record};
use crate::{
    service::invitations::{self, Invited},
    state::App,
};

/// The most operators and invitations of a tenant that the page shows: a handful is the rule.
pub const MAX_SHOWN: u32 = 200;

/// An operator of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The account, in `lanyard.system`.
    pub account: Account,
    /// Since when.
    pub since: Timestamp,
}

/// Who manages a tenant, besides the operators of the whole instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operators {
    /// Those who hold the role, oldest first.
    pub holders: Vec<Holder>,
    /// Invitations that can still be used.
    pub invited: Vec<Invitation>,
}

/// What an invitation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A letter is on its way.
    Sent,
    /// The address belongs to an operator already, who has the role now.
    Granted,
}

async fn system(tx: &mut (dyn ReadTx + '_)) -> Result<Tenant, PortalError> {
    let domain = TenantDomain::parse(SYSTEM_DOMAIN).map_err(|_| PortalError::NotFound)?;
    tx.tenant_by_domain(&domain).await?.ok_or(PortalError::NotFound)
}

/// The operators of `tenant` and the open invitations.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App, tenant: Id<Tenant>) -> Result<Operators, PortalError> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let (system, role) = (system(tx).await?, Role::TenantOperator(tenant));
                let mut holders = Vec::new();
                for grant in tx.holders_of_role(role, MAX_SHOWN).await? {
                    let account = tx.account_by_id(system.id, grant.account).await?;
                    holders.extend(account.map(|account| Holder { account, since: grant.granted_at }));
                }
                let invited = tx.open_invitations(system.id, role, now, MAX_SHOWN).await?;
                Ok(Operators { holders, invited })
            })
        })
        .await
}

/// Invites somebody to manage `tenant`. Who is an operator already gets the role at once.
///
/// # Errors
/// [`PortalError::Taken`] if they have it.
pub async fn invite(app: &App, tenant: &Tenant, email: EmailAddress, by: By) -> Result<Outcome, PortalError> {
    let (own, tenant) = (app.clone(), tenant.clone());
    let outcome = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let system = system(tx).await?;
                let known = tx.account_by_email(system.id, &email).await?;
                let known = known.map(|(account, _)| account);
                let Some(account) = known.filter(|account| account.kind == AccountKind::Operator) else {
                    let invited = (email, Invited::Operator(system));
                    invitations::send(&own, tx, &tenant, invited, (by.operator, &by.client)).await?;
                    return Ok(Outcome::Sent);
                };
                let role = Role::TenantOperator(tenant.id);
                let grant =
                    RoleGrant { account: account.id, role, granted_at: own.clock.now(), granted_by: Some(by.operator) };
                tx.grant_role(&grant).await?;
                let detail = serde_json::json!({ "role": "tenant_operator" });
                record(&own, tx, tenant.id, &by, Action::RoleGranted, account.id.to_string(), detail).await?;
                Ok::<_, PortalError>(Outcome::Granted)
            })
        })
        .await?;
    app.outbox.wake();
    Ok(outcome)
}

/// The operator `account` of `tenant`.
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold the role.
pub async fn find(app: &App, tenant: Id<Tenant>, account: Id<Account>) -> Result<Account, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let system = system(tx).await?;
                let roles = tx.roles_of_account(account).await?;
                if !roles.iter().any(|grant| grant.role == Role::TenantOperator(tenant)) {
                    return Err(PortalError::NotFound);
                }
                tx.account_by_id(system.id, account).await?.ok_or(PortalError::NotFound)
            })
        })
        .await
}

/// Takes the role away from `account`.
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold it (any more).
pub async fn revoke(app: &App, tenant: Id<Tenant>, account: Id<Account>, by: By) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                gone(tx.revoke_role(account, Role::TenantOperator(tenant), own.clock.now()).await)?;
                let detail = serde_json::json!({ "role": "tenant_operator" });
                Ok(record(&own, tx, tenant, &by, Action::RoleRevoked, account.to_string(), detail).await?)
            })
        })
        .await
}

/// Ends an invitation that was not used yet.
///
/// # Errors
/// [`PortalError::NotFound`] if it was used, is over, or invites to something else.
pub async fn withdraw(app: &App, tenant: Id<Tenant>, id: Id<Invitation>, by: By) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (system, role) = (system(tx).await?, Role::TenantOperator(tenant));
                gone(tx.withdraw_invitation(system.id, id, role, own.clock.now()).await)?;
                let detail = serde_json::json!({ "kind": "tenant operator" });
                Ok(record(&own, tx, tenant, &by, Action::InvitationWithdrawn, id.to_string(), detail).await?)
            })
        })
        .await
}

// What is not there can neither be taken away nor ended.
fn gone(result: Result<(), StorageError>) -> Result<(), PortalError> {
    match result {
        Err(StorageError::Conflict) => Err(PortalError::NotFound),
        other => Ok(other?),
    }
}
