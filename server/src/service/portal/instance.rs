//! The operators of the whole instance. They come by a one-time link of the command line, and go by it: whoever
//! has the machine decides who administers it.

use lanyard_domain::{account::Account, audit::Action, email::EmailAddress, id::Id, role::Role};

use super::{
    By, PortalError, gone,
    posts::{Holder, holders},
    record,
};
use crate::{
    service::{account::lock, sign_out, tenants},
    state::App,
};

/// Who operates the whole instance, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn operators(app: &App) -> Result<Vec<Holder>, PortalError> {
    app.store
        .read(|tx| {
            Box::pin(async move {
                let Some(system) = tenants::system(tx).await? else { return Ok(Vec::new()) };
                Ok(holders(tx, system.id, Role::InstanceOperator).await?)
            })
        })
        .await
}

/// The operator with this address.
///
/// # Errors
/// [`PortalError::NotFound`] if there is none, or when the database does not answer.
pub async fn find(app: &App, email: EmailAddress) -> Result<Account, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let system = tenants::system(tx).await?.ok_or(PortalError::NotFound)?;
                let found = tx.account_by_email(system.id, &email).await?;
                found.map(|(account, _)| account).ok_or(PortalError::NotFound)
            })
        })
        .await
}

/// What is left after an operator lost the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Operators of the whole instance who may sign in.
    pub operators: usize,
    /// Other roles of the account, such as for single tenants: these stand until they are taken away, too.
    pub roles: usize,
}

/// Takes the role away from `account` and ends its sessions and sign-ins on their way (A19, A24). The last operator may go
/// too: the command line makes a link for another.
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold the role.
pub async fn revoke(app: &App, account: Id<Account>, by: By) -> Result<Left, PortalError> {
    let own = app.clone();
    let left = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let system = tenants::system(tx).await?.ok_or(PortalError::NotFound)?;
                let now = own.clock.now();
                // A sign-in that completes at the same moment comes before this or after it.
                lock(&own, tx, account).await?;
                gone(tx.revoke_role(account, Role::InstanceOperator, now).await)?;
                tx.outdate_journeys(account).await?;
                sign_out::end_all(&own, tx, account, None, now).await?;
                let detail = serde_json::json!({ "role": Role::InstanceOperator.as_str() });
                record(&own, tx, system.id, &by, Action::RoleRevoked, account.to_string(), detail).await?;
                let operators = holders(tx, system.id, Role::InstanceOperator).await?;
                let operators = operators.iter().filter(|holder| holder.account.disabled_at.is_none()).count();
                Ok::<_, PortalError>(Left { operators, roles: tx.roles_of_account(account).await?.len() })
            })
        })
        .await?;
    app.outbox.wake();
    Ok(left)
}
