//! Applications: register, change, secrets, links to flows.

use std::collections::BTreeSet;

use lanyard_domain::{
    application::{Application, ApplicationKind, ApplicationSettings, ClientSecret, Minimum},
    audit::Action,
    id::Id,
    reply_url::ReplyUrl,
    secret::Token,
    tenant::Tenant,
    user_flow::{Audience, UserFlow},
};
use lanyard_storage::{ReadTx, WriteTx};
use sha2::{Digest as _, Sha256};

use super::{
    By, PortalError, changes,
    listing::{BATCH, Page, Wanted},
    record,
};
use crate::state::App;

/// What an operator sets of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationDraft {
    /// Its name.
    pub name: String,
    /// Its kind; fixed once it is registered.
    pub kind: ApplicationKind,
    /// Its reply URLs.
    pub reply_urls: Vec<ReplyUrl>,
    /// What it demands at least.
    pub minimum: Minimum,
    /// The flows that are linked to it.
    pub flows: BTreeSet<Id<UserFlow>>,
}

/// An application with its flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The application, with its secrets.
    pub application: Application,
    /// The linked flows.
    pub linked: Vec<UserFlow>,
}

impl Registered {
    /// A mark of everything that the form edits: it differs when somebody changed any of it.
    #[must_use]
    pub fn seen(&self) -> String {
        let own = &self.application;
        let flows: BTreeSet<Id<UserFlow>> = self.linked.iter().map(|flow| flow.id).collect();
        let all = serde_json::json!([own.name, own.reply_urls, own.minimum, flows]);
        Sha256::digest(all.to_string().as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Registers an application. Links to flows of other tenants are refused.
///
/// # Errors
/// [`PortalError::Conflict`] if a flow is not the tenant's.
pub async fn register(
    app: &App,
    tenant: Id<Tenant>,
    draft: ApplicationDraft,
    by: By,
) -> Result<Id<Application>, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                let application = Application {
                    id: Id::new(now, own.entropy().as_mut()),
                    tenant,
                    name: draft.name,
                    kind: draft.kind,
                    reply_urls: draft.reply_urls,
                    minimum: draft.minimum,
                    secrets: Vec::new(),
                    settings: ApplicationSettings::default(),
                    created_at: now,
                };
                tx.create_application(&application).await?;
                let names = link(tx, tenant, application.id, &draft.flows).await?;
                let detail = serde_json::json!({
                    "name": application.name, "kind": application.kind, "reply_urls": application.reply_urls,
                    "minimum": application.minimum, "flows": names,
                });
                let id = application.id;
                record(&own, tx, tenant, &by, Action::ApplicationRegistered, id.to_string(), detail).await?;
                Ok(id)
            })
        })
        .await
}

// Links exactly `wanted` of the tenant's patient flows; their names.
async fn link(
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    id: Id<Application>,
    wanted: &BTreeSet<Id<UserFlow>>,
) -> Result<Vec<String>, PortalError> {
    for flow in tx.flows_of_application(tenant, id).await? {
        if !wanted.contains(&flow.id) {
            tx.unlink_flow(tenant, id, flow.id).await?;
        }
    }
    let mut names = Vec::with_capacity(wanted.len());
    for flow in wanted {
        let flow = tx.flow_by_id(tenant, *flow).await?.filter(|flow| flow.audience == Audience::Patients);
        let flow = flow.ok_or(PortalError::NotFound)?;
        tx.link_flow(tenant, id, flow.id).await?;
        names.push(flow.name.as_str().to_owned());
    }
    names.sort();
    Ok(names)
}

/// Changes an application that still stands as `seen`; whether there was anything to change.
///
/// # Errors
/// [`PortalError::Conflict`] if somebody else changed it in the meantime.
pub async fn change(
    app: &App,
    tenant: Id<Tenant>,
    id: Id<Application>,
    seen: String,
    draft: ApplicationDraft,
    by: By,
) -> Result<bool, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let before = find(tx, tenant, id).await?.ok_or(PortalError::NotFound)?;
                if before.seen() != seen {
                    return Err(PortalError::Conflict);
                }
                let mut after = before.application.clone();
                after.name = draft.name;
                after.reply_urls = draft.reply_urls;
                after.minimum = draft.minimum;
                let mut old: Vec<String> = before.linked.iter().map(|flow| flow.name.as_str().to_owned()).collect();
                old.sort();
                tx.update_application(&after).await?;
                let new = link(tx, tenant, id, &draft.flows).await?;
                let changes = changes::of_application(&before.application, &after, (&old, &new));
                if changes.is_empty() {
                    return Ok(false);
                }
                let detail = serde_json::json!({ "changes": changes });
                record(&own, tx, tenant, &by, Action::ApplicationChanged, id.to_string(), detail).await?;
                Ok(true)
            })
        })
        .await
}

/// Makes a client secret; the text is shown once and kept as a hash only.
///
/// # Errors
/// [`PortalError::NotAllowed`] for an application that can keep no secret.
pub async fn create_secret(app: &App, tenant: Id<Tenant>, id: Id<Application>, by: By) -> Result<Token, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let application = tx.application_by_id(tenant, id).await?.ok_or(PortalError::NotFound)?;
                if application.kind != ApplicationKind::Web {
                    return Err(PortalError::NotAllowed);
                }
                if application.secrets.len() >= MAX_SECRETS {
                    return Err(PortalError::TooMany);
                }
                let token = Token::generate(own.entropy().as_mut());
                let text = token.expose();
                let hint = text[text.len().saturating_sub(4)..].to_owned();
                let secret = ClientSecret { hash: token.hash(), hint: hint.clone(), created_at: own.clock.now() };
                tx.add_client_secret(id, &secret).await?;
                let detail = serde_json::json!({ "hint": hint });
                record(&own, tx, tenant, &by, Action::ClientSecretCreated, id.to_string(), detail).await?;
                Ok(token)
            })
        })
        .await
}

/// The most secrets of an application: each costs a comparison at the token endpoint.
pub const MAX_SECRETS: usize = 10;

async fn find(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    id: Id<Application>,
) -> Result<Option<Registered>, PortalError> {
    let Some(application) = tx.application_by_id(tenant, id).await? else { return Ok(None) };
    let linked = tx.flows_of_application(tenant, id).await?;
    Ok(Some(Registered { application, linked }))
}

/// The application of this id, and every patient flow of the tenant.
///
/// # Errors
/// [`PortalError::NotFound`] if the tenant has no such application.
pub async fn show(
    app: &App,
    tenant: Id<Tenant>,
    id: Id<Application>,
) -> Result<(Registered, Vec<UserFlow>), PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let found = find(tx, tenant, id).await?.ok_or(PortalError::NotFound)?;
                Ok((found, patient_flows(tx, tenant).await?))
            })
        })
        .await
}

async fn patient_flows(tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>) -> Result<Vec<UserFlow>, PortalError> {
    let mut flows = tx.list_flows(tenant, None, BATCH).await?;
    flows.retain(|flow| flow.audience == Audience::Patients);
    Ok(flows)
}

/// The flows that an application can be linked to.
///
/// # Errors
/// When the database does not answer.
pub async fn linkable(app: &App, tenant: Id<Tenant>) -> Result<Vec<UserFlow>, PortalError> {
    app.store.read(move |tx| Box::pin(async move { patient_flows(tx, tenant).await })).await
}

/// A page of the tenant's applications by name.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App, tenant: Id<Tenant>, wanted: Wanted) -> Result<Page<Application>, PortalError> {
    let cursor = wanted.cursor::<Application>();
    let batch = app
        .store
        .read(move |tx| Box::pin(async move { tx.list_applications(tenant, cursor.as_ref(), BATCH).await }))
        .await?;
    Ok(wanted.page(batch, |row| row.name.clone(), |row| (row.name.clone(), row.id)))
}
