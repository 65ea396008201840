//! Invitations: the operators' one-time link, and staff invited by email.

use lanyard_domain::{
    account::{Account, AccountKind},
    audit::{Action, Outcome},
    clock::MINUTE,
    email::EmailAddress,
    id::Id,
    invitation::{Invitation, OPERATOR_LINK_LIFE, STAFF_INVITATION_LIFE},
    role::Role,
    secret::Token,
    tenant::Tenant,
};
use lanyard_messaging::{self as messaging, Occasion};
use lanyard_storage::{StorageError, WriteTx};

use super::{audit, journey::JourneyError, outbox, tenants};
use crate::{files, http::client::Client, state::App};

/// Makes a link for a new operator of the whole instance. The link is shown once.
///
/// # Errors
/// When the database does not answer.
pub async fn operator_link(app: &App, system: &Tenant) -> Result<String, JourneyError> {
    let (own, tenant) = (app.clone(), system.id);
    let token = app
        .store
        .write(move |tx| Box::pin(async move { operator(&own, tx, tenant).await }))
        .await
        .map_err(|error: StorageError| JourneyError::from(error))?;
    Ok(format!("{}{}", app.origin, lanyard_app::paths::invitation(system.domain.as_str(), token.expose())))
}

/// The link of the first start: made by one process alone, and only while there is no operator
/// and no open link.
///
/// # Errors
/// When the database does not answer.
pub async fn first_operator_link(app: &App, system: &Tenant) -> Result<Option<String>, JourneyError> {
    let (own, tenant) = (app.clone(), system.id);
    let token = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                if tx.is_inhabited(tenant, now).await? {
                    return Ok(None);
                }
                // One winner among processes: the second one's key is taken.
                let name = format!("first operator link {}", now.0 / OPERATOR_LINK_LIFE);
                match tx.set_meta_once(&name, b"").await {
                    Ok(()) => operator(&own, tx, tenant).await.map(Some),
                    Err(StorageError::Unique(_)) => Ok(None),
                    Err(error) => Err(error),
                }
            })
        })
        .await
        .map_err(|error: StorageError| JourneyError::from(error))?;
    Ok(token.map(|token| {
        format!("{}{}", app.origin, lanyard_app::paths::invitation(system.domain.as_str(), token.expose()))
    }))
}

/// Removes the file with the first operator's link once the link opens nothing any more: used, or its time over.
///
/// # Errors
/// When the database does not answer; the file stays then.
pub async fn forget_first_link(app: &App) -> Result<(), StorageError> {
    let path = files::first_operator_link(&app.config);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let (token, now) = (text.trim().rsplit('/').next().and_then(Token::parse), app.clock.now());
    let open = match token {
        Some(token) => {
            let job = app.store.read(move |tx| {
                Box::pin(async move {
                    let Some(system) = tenants::system(tx).await? else { return Ok(false) };
                    let invitation = tx.invitation_by_token(system.id, &token.hash()).await?;
                    Ok::<_, StorageError>(invitation.is_some_and(|found| found.is_open(now)))
                })
            });
            job.await?
        }
        None => false,
    };
    if !open && let Err(error) = files::gone(&path) {
        tracing::warn!(%error, "{} is of no use any more and could not be removed", path.display());
    }
    Ok(())
}

async fn operator(app: &App, tx: &mut (dyn WriteTx + '_), tenant: Id<Tenant>) -> Result<Token, StorageError> {
    let now = app.clock.now();
    let token = Token::generate(app.entropy().as_mut());
    let invitation = Invitation {
        id: Id::new(now, app.entropy().as_mut()),
        tenant,
        token: token.hash(),
        email: None,
        kind: AccountKind::Operator,
        role: Role::InstanceOperator,
        invited_by: None,
        created_at: now,
        expires_at: now.plus(OPERATOR_LINK_LIFE),
        used_at: None,
    };
    tx.create_invitation(&invitation).await?;
    let event = audit::Event::of(Action::InvitationSent, Outcome::Success)
        .on(invitation.id)
        .with(serde_json::json!({"kind": "operator", "role": invitation.role.as_str()}));
    audit::append(app, tx, tenant, event).await?;
    Ok(token)
}

/// Whom an invitation by email is for.
#[derive(Debug, Clone)]
pub enum Invited {
    /// A member of the clinic's staff: the account will live in the clinic's own tenant.
    Staff,
    /// An operator of the clinic: the account will live in this tenant, `lanyard.system`.
    Operator(Tenant),
}

impl Invited {
    /// The tenant of the account, its kind, and the role that it gets in the clinic.
    fn account<'a>(&'a self, clinic: &'a Tenant) -> (&'a Tenant, AccountKind, Role) {
        match self {
            Self::Staff => (clinic, AccountKind::Staff, Role::ClinicStaff(clinic.id)),
            Self::Operator(system) => (system, AccountKind::Operator, Role::TenantOperator(clinic.id)),
        }
    }
}

/// Makes an invitation to `clinic` and puts its letter into the outbox, with its audit event. The
/// caller wakes the delivery once it is committed.
///
/// # Errors
/// When the database does not answer.
pub async fn send(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    clinic: &Tenant,
    (email, invited): (EmailAddress, Invited),
    (by, client): (Id<Account>, &Client),
) -> Result<(), JourneyError> {
    let now = app.clock.now();
    let token = Token::generate(app.entropy().as_mut());
    let (home, kind, role) = invited.account(clinic);
    let invitation = Invitation {
        id: Id::new(now, app.entropy().as_mut()),
        tenant: home.id,
        token: token.hash(),
        email: Some(email.clone()),
        kind,
        role,
        invited_by: Some(by),
        created_at: now,
        expires_at: now.plus(STAFF_INVITATION_LIFE),
        used_at: None,
    };
    tx.create_invitation(&invitation).await?;
    let path = lanyard_app::paths::invitation(home.domain.as_str(), token.expose());
    let minutes = u32::try_from(STAFF_INVITATION_LIFE / MINUTE).unwrap_or(u32::MAX);
    let (to, tenant, origin) = (email.as_str(), clinic.name.as_str(), &app.links);
    let (occasion, what) = match &invited {
        Invited::Staff => (Occasion::StaffInvitation { to, tenant, origin, path: &path, minutes }, "staff"),
        Invited::Operator(_) => {
            (Occasion::OperatorInvitation { to, tenant, origin, path: &path, minutes }, "tenant operator")
        }
    };
    let message = messaging::render(occasion).map_err(|error| JourneyError::Internal(format!("message: {error}")))?;
    let keys = app.tenant_keys(tx, clinic.id).await?;
    let letter =
        outbox::Letter { tenant: clinic.id, journey: None, message: &message, expires_at: invitation.expires_at };
    outbox::enqueue(app, tx, &keys, letter).await?;
    let event = audit::Event::of(Action::InvitationSent, Outcome::Success)
        .by(by)
        .on(invitation.id)
        .from(client)
        .with(serde_json::json!({"kind": what, "role": role.as_str(), "to": email.masked()}));
    Ok(audit::append(app, tx, clinic.id, event).await?)
}
