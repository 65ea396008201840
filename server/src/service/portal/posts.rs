//! Who has a post in a tenant: the operators that manage it alone, and the clinic's staff. Both are invited by
//! email, listed, and have their role taken away again.
//!
//! Only an operator of the whole instance may change who manages a tenant; who manages it changes its
//! staff. Roles are read anew with every request, so that a role that is taken away is gone at the next one (A24).

use lanyard_domain::{
    account::{Account, AccountKind},
    audit::Action,
    clock::Timestamp,
    email::EmailAddress,
    id::Id,
    invitation::Invitation,
    role::{Role, RoleGrant},
    tenant::Tenant,
};
use lanyard_storage::{ReadTx, StorageError};

use super::{By, PortalError, gone, record};
use crate::{
    service::{
        account::lock,
        invitations::{self, Invited},
        sign_out, tenants,
    },
    state::App,
};

/// The most people and invitations of a tenant that a page shows.
pub const MAX_SHOWN: u32 = 500;

/// A post in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Manages the tenant; the account is in `lanyard.system`.
    Operator,
    /// Looks after the tenant's patients; the account is in the tenant itself.
    Staff,
}

impl Post {
    const fn role(self, tenant: Id<Tenant>) -> Role {
        match self {
            Self::Operator => Role::TenantOperator(tenant),
            Self::Staff => Role::ClinicStaff(tenant),
        }
    }

    const fn kind(self) -> AccountKind {
        match self {
            Self::Operator => AccountKind::Operator,
            Self::Staff => AccountKind::Staff,
        }
    }

    fn invited(self, home: Tenant) -> Invited {
        match self {
            Self::Operator => Invited::Operator(home),
            Self::Staff => Invited::Staff,
        }
    }

    // Where the accounts of those who have it live.
    async fn home(self, tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>) -> Result<Tenant, PortalError> {
        let found = match self {
            Self::Operator => tenants::system(tx).await?,
            Self::Staff => tx.tenant_by_id(tenant).await?,
        };
        found.ok_or(PortalError::NotFound)
    }
}

/// Somebody who has a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The account.
    pub account: Account,
    /// Since when.
    pub since: Timestamp,
}

/// Who has a post in a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders {
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
    /// The address belongs to somebody with such an account already, who has the role now.
    Granted,
}

/// Who has `post` in `tenant`, and the open invitations.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App, tenant: Id<Tenant>, post: Post) -> Result<Holders, PortalError> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let (home, role) = (post.home(tx, tenant).await?, post.role(tenant));
                let holders = holders(tx, home.id, role).await?;
                let invited = tx.open_invitations(home.id, role, now, MAX_SHOWN).await?;
                Ok(Holders { holders, invited })
            })
        })
        .await
}

/// Who of the accounts in `home` holds `role`, oldest first.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn holders(
    tx: &mut (dyn ReadTx + '_),
    home: Id<Tenant>,
    role: Role,
) -> Result<Vec<Holder>, StorageError> {
    let found = tx.holders_of_role(home, role, MAX_SHOWN).await?;
    Ok(found.into_iter().map(|(account, since)| Holder { account, since }).collect())
}

/// Invites somebody to `post` in `tenant`. Who has such an account already gets the role at once.
///
/// # Errors
/// [`PortalError::Taken`] if they have it.
pub async fn invite(
    app: &App,
    tenant: &Tenant,
    (post, email): (Post, EmailAddress),
    by: By,
) -> Result<Outcome, PortalError> {
    let (own, tenant) = (app.clone(), tenant.clone());
    let outcome = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let home = post.home(tx, tenant.id).await?;
                let known = tx.account_by_email(home.id, &email).await?;
                let known = known.map(|(account, _)| account);
                let Some(account) = known.filter(|account| account.kind == post.kind()) else {
                    let invited = (email, post.invited(home));
                    invitations::send(&own, tx, &tenant, invited, (by.operator()?, &by.client)).await?;
                    return Ok(Outcome::Sent);
                };
                let (role, granted_at) = (post.role(tenant.id), own.clock.now());
                tx.grant_role(&RoleGrant { account: account.id, role, granted_at, granted_by: by.operator }).await?;
                let detail = serde_json::json!({ "role": role.as_str() });
                record(&own, tx, tenant.id, &by, Action::RoleGranted, account.id.to_string(), detail).await?;
                Ok::<_, PortalError>(Outcome::Granted)
            })
        })
        .await?;
    app.outbox.wake();
    Ok(outcome)
}

/// The account that has `post` in `tenant`.
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold the role.
pub async fn find(app: &App, tenant: Id<Tenant>, (post, account): (Post, Id<Account>)) -> Result<Account, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let home = post.home(tx, tenant).await?;
                let roles = tx.roles_of_account(account).await?;
                if !roles.iter().any(|grant| grant.role == post.role(tenant)) {
                    return Err(PortalError::NotFound);
                }
                tx.account_by_id(home.id, account).await?.ok_or(PortalError::NotFound)
            })
        })
        .await
}

/// Takes the role away from `account`. Whoever has no role left is signed out, and begins anew once taken in again
/// (A19, A24).
///
/// # Errors
/// [`PortalError::NotFound`] if the account does not hold it (any more).
pub async fn revoke(
    app: &App,
    tenant: Id<Tenant>,
    (post, account): (Post, Id<Account>),
    by: By,
) -> Result<(), PortalError> {
    let own = app.clone();
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                // A sign-in that completes at the same moment comes before this or after it.
                lock(&own, tx, account).await?;
                gone(tx.revoke_role(account, post.role(tenant), now).await)?;
                if tx.roles_of_account(account).await?.is_empty() {
                    tx.outdate_journeys(account).await?;
                    sign_out::end_all(&own, tx, account, None, now).await?;
                }
                let detail = serde_json::json!({ "role": post.role(tenant).as_str() });
                record(&own, tx, tenant, &by, Action::RoleRevoked, account.to_string(), detail).await?;
                if post == Post::Operator {
                    return Ok(());
                }
                // What they asked for needs no colleague's approval any more, is none's to approve once they are taken
                // in again, and stands in no colleague's way (A10, A24).
                for (patient, reset) in tx.refuse_resets_of_staff(tenant, account, now).await? {
                    let detail = serde_json::json!({"reset": reset, "detail": "left_the_staff"});
                    record(&own, tx, tenant, &by, Action::ResetRefused, patient.to_string(), detail).await?;
                }
                Ok(())
            })
        })
        .await;
    app.outbox.wake();
    done
}

/// Ends an invitation that was not used yet.
///
/// # Errors
/// [`PortalError::NotFound`] if it was used, is over, or invites to something else.
pub async fn withdraw(
    app: &App,
    tenant: Id<Tenant>,
    (post, id): (Post, Id<Invitation>),
    by: By,
) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (home, role) = (post.home(tx, tenant).await?, post.role(tenant));
                gone(tx.withdraw_invitation(home.id, id, role, own.clock.now()).await)?;
                let detail = serde_json::json!({ "role": role.as_str() });
                Ok(record(&own, tx, tenant, &by, Action::InvitationWithdrawn, id.to_string(), detail).await?)
            })
        })
        .await
}
