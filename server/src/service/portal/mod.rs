//! What operators do in the portal, one file a noun. Each change is one transaction with its audit
//! event; the rules of what may be changed stand here, whatever a form offers.

pub mod accounts;
pub mod applications;
pub mod attributes;
pub mod changes;
pub mod cool_down;
mod flow_edit;
pub mod flows;
pub mod instance;
pub mod listing;
pub mod minimums;
pub mod posts;
pub mod registration;
pub mod tenants;

use lanyard_app::api::portal::Change;
use lanyard_domain::{
    account::Account,
    audit::{Action, AuditEvent, Outcome},
    clock::Timestamp,
    id::Id,
    tenant::Tenant,
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use super::{audit, journey::JourneyError};
use crate::{http::client::Client, state::App};

/// Who does something, and from where.
#[derive(Debug, Clone)]
pub struct By {
    /// The operator; `None`: whoever has the command line, who can read the keys anyway.
    pub operator: Option<Id<Account>>,
    /// The request.
    pub client: Client,
}

impl By {
    /// The operator, where only an operator can do it.
    ///
    /// # Errors
    /// [`JourneyError::NotFound`] on the command line.
    pub fn operator(&self) -> Result<Id<Account>, JourneyError> {
        self.operator.ok_or(JourneyError::NotFound)
    }
}

/// Why a change came to nothing; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// There is no such tenant, application or flow.
    #[error("not found")]
    NotFound,
    /// The name or domain is taken.
    #[error("the name is taken")]
    Taken,
    /// Somebody else changed it since the page was loaded.
    #[error("changed in the meantime")]
    Conflict,
    /// A built-in flow does not allow this.
    #[error("not allowed for a built-in flow")]
    NotAllowed,
    /// A second factor is demanded and no method for it is left.
    #[error("no method is chosen")]
    NoMethod,
    /// A second factor is demanded under conditions, and there is none.
    #[error("no condition is chosen")]
    NoCondition,
    /// A second factor is demanded under conditions that a stolen password meets in any browser.
    #[error("the conditions would let a stolen password in from any browser")]
    EveryBrowser,
    /// None of the methods is as good as the minimum.
    #[error("none of the methods reaches the minimum assurance")]
    Unreachable,
    /// The flow keeps to the strict methods, and remembers browsers.
    #[error("a flow with strict methods, or a minimum above aal2_legacy, remembers no browser: switch remember off")]
    Strict,
    /// There was nothing to change; the transaction is given up, so that no version is made of it.
    #[error("nothing was changed")]
    Unchanged,
    /// What was typed to confirm it is something else.
    #[error("not confirmed")]
    NotConfirmed,
    /// The tenant has as many as a form can show.
    #[error("too many")]
    TooMany,
    /// Not the operator's doing.
    #[error(transparent)]
    Failed(#[from] JourneyError),
}

impl From<StorageError> for PortalError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unique(_) => Self::Taken,
            StorageError::Conflict | StorageError::Raced => Self::Conflict,
            StorageError::Inconsistent(_) | StorageError::Unavailable(_) | StorageError::Driver(_) => {
                Self::Failed(JourneyError::Storage(error))
            }
        }
    }
}

/// How far back the log is looked through for what just happened.
const RECENT: u32 = 100;

// What is not there (any more) can be neither changed nor taken away.
fn gone(result: Result<(), StorageError>) -> Result<(), PortalError> {
    match result {
        Err(StorageError::Conflict) => Err(PortalError::NotFound),
        other => Ok(other?),
    }
}

// Whoever changes a setting that stands in the tenant's row, or is counted in the tenant, holds the tenant before looking
// at it: of the same form sent twice at once, the second one then finds what it wants in place, and is told so instead of a
// conflict (U5, D7). Not the switch of registration, whose row a registration takes before the tenant's.
async fn hold(tx: &mut (dyn WriteTx + '_), tenant: Id<Tenant>) -> Result<(), PortalError> {
    gone(tx.lock_tenant(tenant).await)
}

// The audit event of a change.
async fn record(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    by: &By,
    action: Action,
    target: String,
    detail: serde_json::Value,
) -> Result<(), StorageError> {
    let event = audit::Event::of(action, Outcome::Success).on(target).from(&by.client).with(detail);
    let event = match by.operator {
        Some(operator) => event.by(operator),
        None => event,
    };
    audit::append(app, tx, tenant, event).await
}

async fn newest(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    target: &str,
) -> Result<Option<AuditEvent>, StorageError> {
    let changed = |action: Action| matches!(action, Action::ApplicationChanged | Action::FlowChanged);
    let events = tx.list_audit(tenant, None, RECENT).await?;
    Ok(events.into_iter().find(|event| changed(event.action) && event.target.as_deref() == Some(target)))
}

/// What the newest change of `target` changed, from the audit log: shown after saving (O3).
///
/// # Errors
/// When the database does not answer.
pub async fn latest_changes(app: &App, tenant: Id<Tenant>, target: String) -> Result<Vec<Change>, PortalError> {
    let event = app.store.read(move |tx| Box::pin(async move { newest(tx, tenant, &target).await })).await?;
    let changes = event.map(|event| serde_json::from_value(event.detail["changes"].clone()).unwrap_or_default());
    Ok(changes.unwrap_or_default())
}

/// Who made the newest change of `target`, by name, and when (O9).
///
/// # Errors
/// When the database does not answer.
pub async fn last_changed(
    app: &App,
    tenant: Id<Tenant>,
    target: String,
) -> Result<Option<(String, Timestamp)>, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let Some(event) = newest(tx, tenant, &target).await? else { return Ok(None) };
                let name = match event.actor {
                    Some(actor) => operator_name(tx, actor).await?,
                    None => Some("The command line".to_owned()),
                };
                Ok(Some((name.unwrap_or_else(|| "Somebody".to_owned()), event.at)))
            })
        })
        .await
}

async fn operator_name(tx: &mut (dyn ReadTx + '_), operator: Id<Account>) -> Result<Option<String>, PortalError> {
    let Some(system) = super::tenants::system(tx).await? else { return Ok(None) };
    let account = tx.account_by_id(system.id, operator).await?;
    Ok(account.map(|account| account.full_name().unwrap_or_else(|| account.email.as_str().to_owned())))
}
