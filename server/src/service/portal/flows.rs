//! User flows: create, edit, the one switch for MFA, links to applications.
//!
//! What may be edited depends on the flow's audience, and [`FlowEdit::apply`] alone decides it.

use std::collections::BTreeSet;

use lanyard_domain::{
    application::Application,
    attribute::Attribute,
    audit::Action,
    claims,
    id::Id,
    tenant::Tenant,
    user_flow::{Audience, Enforcement, FlowName, FlowSettings, FlowType, UserFlow},
};
use lanyard_storage::ReadTx;

pub use super::flow_edit::{Factors, FlowEdit, collects, remark};
use super::{
    By, PortalError, changes,
    flow_edit::{check, check_remember},
    listing::{BATCH, Page, Wanted},
    record,
};
use crate::state::App;

/// A flow to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowDraft {
    /// Its name.
    pub name: FlowName,
    /// Its type.
    pub kind: FlowType,
    /// Its settings.
    pub settings: FlowSettings,
}

/// Creates a flow for patients.
///
/// # Errors
/// [`PortalError::Taken`] if the tenant has a flow of that name, whatever its case; for its settings as
/// [`FlowEdit::apply`].
pub async fn create(app: &App, tenant: Id<Tenant>, mut draft: FlowDraft, by: By) -> Result<String, PortalError> {
    check(&draft.settings)?;
    check_remember(&draft.settings)?;
    if !collects(draft.kind) {
        draft.settings.attributes.clear();
    }
    if !draft.kind.signs_in() {
        draft.settings.mfa.grace_days = 0;
    }
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                // Nothing was demanded before there was such a flow.
                draft.settings.mfa = draft.settings.mfa.noted(Enforcement::Off, now);
                let flow = UserFlow {
                    id: Id::new(now, own.entropy().as_mut()),
                    tenant,
                    name: draft.name,
                    kind: draft.kind,
                    audience: Audience::Patients,
                    settings: draft.settings,
                    version: 1,
                    created_at: now,
                    updated_at: now,
                };
                tx.create_flow(&flow).await?;
                let detail = serde_json::json!({"name": flow.name, "type": flow.kind, "settings": flow.settings});
                record(&own, tx, tenant, &by, Action::FlowCreated, flow.id.to_string(), detail).await?;
                Ok(flow.name.key())
            })
        })
        .await
}

/// Changes version `version` of the flow `key`; whether there was anything to change.
///
/// # Errors
/// [`PortalError::Conflict`] if somebody made another version in the meantime; what
/// [`FlowEdit::apply`] refuses.
pub async fn change(
    app: &App,
    tenant: Id<Tenant>,
    key: String,
    version: i64,
    edit: FlowEdit,
    by: By,
) -> Result<bool, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_key(tenant, &key).await?.ok_or(PortalError::NotFound)?;
                if flow.version != version {
                    return Err(PortalError::Conflict);
                }
                let now = own.clock.now();
                let settings = edit.apply(&flow, now)?;
                let custom = tx.custom_attributes(tenant).await?;
                let changes = changes::of_flow(&flow.settings, &settings, &claims::catalogue(&custom));
                if changes.is_empty() {
                    return Ok(false);
                }
                let made = tx.update_flow_settings(tenant, flow.id, version, &settings, now).await?;
                let detail = serde_json::json!({
                    "version": made, "changes": changes, "before": flow.settings, "after": settings,
                });
                record(&own, tx, tenant, &by, Action::FlowChanged, flow.id.to_string(), detail).await?;
                Ok(true)
            })
        })
        .await
}

/// Links the flow `key` to the applications that are in `wanted` and were not in `shown`, and takes
/// away the links the other way about; whether anything changed. A link that another operator made
/// meanwhile is in neither, and stays.
///
/// # Errors
/// [`PortalError::NotAllowed`] for a built-in flow, [`PortalError::NotFound`] for an application
/// that is not the tenant's.
pub async fn set_applications(
    app: &App,
    tenant: Id<Tenant>,
    key: String,
    (shown, wanted): (BTreeSet<Id<Application>>, BTreeSet<Id<Application>>),
    by: By,
) -> Result<bool, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_key(tenant, &key).await?.ok_or(PortalError::NotFound)?;
                if flow.audience != Audience::Patients {
                    return Err(PortalError::NotAllowed);
                }
                let before = tx.applications_of_flow(tenant, flow.id).await?;
                // Whoever decides where an application signs people in vouches for it from here on (RFC 7592).
                for id in shown.symmetric_difference(&wanted) {
                    tx.take_over_registration(tenant, *id).await?;
                }
                for id in shown.difference(&wanted) {
                    tx.unlink_flow(tenant, *id, flow.id).await?;
                }
                for id in wanted.difference(&shown) {
                    tx.application_by_id(tenant, *id).await?.ok_or(PortalError::NotFound)?;
                    tx.link_flow(tenant, *id, flow.id).await?;
                }
                let after = tx.applications_of_flow(tenant, flow.id).await?;
                if before.iter().map(|one| one.id).eq(after.iter().map(|one| one.id)) {
                    return Ok(false);
                }
                let change =
                    serde_json::json!({"what": "Linked applications", "before": names(&before), "after": names(&after)});
                let detail = serde_json::json!({"version": flow.version, "changes": [change]});
                record(&own, tx, tenant, &by, Action::FlowChanged, flow.id.to_string(), detail).await?;
                Ok(true)
            })
        })
        .await
}

fn names(applications: &[Application]) -> String {
    changes::listed(applications.iter().map(|application| application.name.as_str()))
}

/// A flow with what its page needs.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The flow.
    pub flow: UserFlow,
    /// The tenant's custom attributes.
    pub custom: Vec<Attribute>,
    /// The tenant's applications.
    pub applications: Vec<Application>,
    /// Those that are linked.
    pub linked: Vec<Application>,
}

/// The flow `key` of `tenant`.
///
/// # Errors
/// [`PortalError::NotFound`] if there is none.
pub async fn show(app: &App, tenant: Id<Tenant>, key: String) -> Result<Shown, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_key(tenant, &key).await?.ok_or(PortalError::NotFound)?;
                let custom = tx.custom_attributes(tenant).await?;
                let applications = tx.list_applications(tenant, None, BATCH).await?;
                let linked = tx.applications_of_flow(tenant, flow.id).await?;
                Ok(Shown { flow, custom, applications, linked })
            })
        })
        .await
}

/// A page of the tenant's own flows by name, and its built-in flows.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    app: &App,
    tenant: Id<Tenant>,
    wanted: Wanted,
) -> Result<(Page<UserFlow>, Vec<UserFlow>), PortalError> {
    let cursor = wanted.cursor::<UserFlow>();
    let (batch, built_in) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let batch = tx.list_flows(tenant, cursor.as_ref(), BATCH).await?;
                Ok::<_, PortalError>((batch, built_in(tx, tenant).await?))
            })
        })
        .await?;
    let words = |flow: &UserFlow| flow.name.as_str().to_owned();
    let mut page = wanted.page(batch, words, |flow| (flow.name.as_str().to_owned(), flow.id));
    page.rows.retain(|flow| flow.audience == Audience::Patients);
    Ok((page, built_in))
}

async fn built_in(tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>) -> Result<Vec<UserFlow>, PortalError> {
    let mut flows = Vec::new();
    for name in Audience::ALL.into_iter().filter_map(Audience::built_in_flow) {
        flows.extend(tx.flow_by_key(tenant, name).await?.filter(|flow| flow.audience != Audience::Patients));
    }
    Ok(flows)
}
