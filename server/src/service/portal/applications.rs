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
use lanyard_storage::{NameCursor, ReadTx, WriteTx};

use super::{
    By, PortalError, changes, gone,
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
    /// What it may ask of the provider.
    pub settings: ApplicationSettings,
}

/// An application with its flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The application, with its secrets.
    pub application: Application,
    /// Its version: a change says which one it was made on (O9).
    pub version: i64,
    /// The linked flows.
    pub linked: Vec<UserFlow>,
}

/// A change of an application, as a form makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationEdit {
    /// The version that the form was drawn from.
    pub version: i64,
    /// The flows that were linked then. Only boxes that differ from it are changed.
    pub shown: BTreeSet<Id<UserFlow>>,
    /// What shall be.
    pub draft: ApplicationDraft,
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
                    settings: draft.settings,
                    created_at: now,
                };
                tx.create_application(&application).await?;
                let names = link(tx, tenant, application.id, (&BTreeSet::new(), &draft.flows)).await?;
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

// Links what is ticked now and was not when the form was drawn, and the other way about: a link that
// another operator made or took away meanwhile stays as they left it. The names of the linked flows.
async fn link(
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    id: Id<Application>,
    (shown, wanted): (&BTreeSet<Id<UserFlow>>, &BTreeSet<Id<UserFlow>>),
) -> Result<Vec<String>, PortalError> {
    for flow in shown.difference(wanted) {
        tx.unlink_flow(tenant, id, *flow).await?;
    }
    for flow in wanted.difference(shown) {
        let flow = tx.flow_by_id(tenant, *flow).await?.filter(|flow| flow.audience == Audience::Patients);
        tx.link_flow(tenant, id, flow.ok_or(PortalError::NotFound)?.id).await?;
    }
    Ok(names(&tx.flows_of_application(tenant, id).await?))
}

fn names(flows: &[UserFlow]) -> Vec<String> {
    let mut names: Vec<String> = flows.iter().map(|flow| flow.name.as_str().to_owned()).collect();
    names.sort();
    names
}

/// Changes an application that still is at the version of `edit`; whether there was anything to
/// change.
///
/// # Errors
/// [`PortalError::Conflict`] if somebody else changed it in the meantime, [`PortalError::Taken`] if
/// another web API has its identifier.
pub async fn change(
    app: &App,
    tenant: Id<Tenant>,
    id: Id<Application>,
    edit: ApplicationEdit,
    by: By,
) -> Result<bool, PortalError> {
    let own = app.clone();
    let result = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let ApplicationEdit { version, shown, draft } = edit;
                // First of all: from here on the application is this transaction's.
                tx.advance_application(tenant, id, version).await?;
                let before = find(tx, tenant, id).await?.ok_or(PortalError::NotFound)?;
                let mut after = before.application.clone();
                after.name = draft.name;
                after.reply_urls = draft.reply_urls;
                after.minimum = draft.minimum;
                after.settings = draft.settings;
                if !is_free(tx, &after).await? {
                    return Err(PortalError::Taken);
                }
                tx.update_application(&after).await?;
                let old = names(&before.linked);
                let new = link(tx, tenant, id, (&shown, &draft.flows)).await?;
                let changes = changes::of_application(&before.application, &after, (&old, &new));
                if changes.is_empty() {
                    return Err(PortalError::Unchanged);
                }
                let detail = serde_json::json!({ "changes": changes });
                Ok(record(&own, tx, tenant, &by, Action::ApplicationChanged, id.to_string(), detail).await?)
            })
        })
        .await;
    match result {
        Ok(()) => Ok(true),
        Err(PortalError::Unchanged) => Ok(false),
        Err(error) => Err(error),
    }
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
                held(tx, tenant, id).await?;
                let application = tx.application_by_id(tenant, id).await?.ok_or(PortalError::NotFound)?;
                // A web API asks about tokens, and proves for that who it is (RFC 7662, 2.1).
                if application.kind.is_public() {
                    return Err(PortalError::NotAllowed);
                }
                if application.secrets.len() >= MAX_SECRETS {
                    return Err(PortalError::TooMany);
                }
                let token = Token::generate(own.entropy().as_mut());
                let secret = ClientSecret::of(&token, own.clock.now());
                tx.add_client_secret(id, &secret).await?;
                let detail = serde_json::json!({ "hint": secret.hint });
                record(&own, tx, tenant, &by, Action::ClientSecretCreated, id.to_string(), detail).await?;
                Ok(token)
            })
        })
        .await
}

/// Takes a client secret away; it stops working at once. `typed` is what the operator typed to
/// confirm it: the end of the secret, as the list shows it (O9).
///
/// # Errors
/// [`PortalError::NotFound`] if there is no such secret (any more), [`PortalError::NotConfirmed`] if
/// something else was typed.
pub async fn remove_secret(
    app: &App,
    tenant: Id<Tenant>,
    id: Id<Application>,
    key: String,
    typed: String,
    by: By,
) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                held(tx, tenant, id).await?;
                let application = tx.application_by_id(tenant, id).await?.ok_or(PortalError::NotFound)?;
                let secret = secret_of(&application, &key).ok_or(PortalError::NotFound)?;
                if typed.trim() != secret.hint {
                    return Err(PortalError::NotConfirmed);
                }
                tx.remove_client_secret(id, &secret.hash).await?;
                let detail = serde_json::json!({ "hint": secret.hint, "left": application.secrets.len() - 1 });
                Ok(record(&own, tx, tenant, &by, Action::ClientSecretRemoved, id.to_string(), detail).await?)
            })
        })
        .await
}

// Held for a change of its secrets, so that they are counted as they are (A47); and the operators' own from here on. Forms
// that are open stay good: a secret is none of their fields.
async fn held(tx: &mut (dyn WriteTx + '_), tenant: Id<Tenant>, id: Id<Application>) -> Result<(), PortalError> {
    tx.take_over_registration(tenant, id).await?;
    gone(tx.lock_application(tenant, id).await)
}

/// The name of a secret in addresses: the begin of its hash, which tells nothing about it.
#[must_use]
pub fn secret_key(secret: &ClientSecret) -> String {
    secret.hash.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The secret of that [`secret_key`].
#[must_use]
pub fn secret_of<'a>(application: &'a Application, key: &str) -> Option<&'a ClientSecret> {
    application.secrets.iter().find(|secret| secret_key(secret) == key)
}

/// The most secrets of an application: each costs a comparison at the token endpoint.
pub const MAX_SECRETS: usize = 10;

async fn find(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    id: Id<Application>,
) -> Result<Option<Registered>, PortalError> {
    let Some(application) = tx.application_by_id(tenant, id).await? else { return Ok(None) };
    let version = tx.application_version(tenant, id).await?.ok_or(PortalError::NotFound)?;
    let linked = tx.flows_of_application(tenant, id).await?;
    Ok(Some(Registered { application, version, linked }))
}

/// An application with what its page needs.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The application.
    pub registered: Registered,
    /// Every patient flow of the tenant.
    pub flows: Vec<UserFlow>,
    /// The tenant's web APIs that expose scopes, by name.
    pub apis: Vec<Application>,
    /// Whether it has a registration access token, by which it changes itself (RFC 7592).
    pub manages_itself: bool,
}

/// The application of this id.
///
/// # Errors
/// [`PortalError::NotFound`] if the tenant has no such application.
pub async fn show(app: &App, tenant: Id<Tenant>, id: Id<Application>) -> Result<Shown, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let registered = find(tx, tenant, id).await?.ok_or(PortalError::NotFound)?;
                let flows = patient_flows(tx, tenant).await?;
                let mut apis = tx.list_applications(tenant, None, BATCH).await?;
                apis.retain(|api| api.kind == ApplicationKind::WebApi && !api.settings.scopes.is_empty());
                let manages_itself = tx.manages_itself(tenant, id).await?;
                Ok(Shown { registered, flows, apis, manages_itself })
            })
        })
        .await
}

// Scopes are asked for by the identifier: it must mean one web API only.
async fn is_free(tx: &mut (dyn WriteTx + '_), own: &Application) -> Result<bool, PortalError> {
    let Some(uri) = &own.settings.app_id_uri else { return Ok(true) };
    // Of two that take it at once, the other one waits here until the first has it.
    tx.lock_tenant(own.tenant).await?;
    let mut after = None;
    loop {
        let batch = tx.list_applications(own.tenant, after.as_ref(), BATCH).await?;
        if batch.iter().any(|other| other.id != own.id && other.settings.app_id_uri.as_ref() == Some(uri)) {
            return Ok(false);
        }
        let Some(last) = batch.last() else { return Ok(true) };
        after = Some(NameCursor::after(&last.name, last.id));
    }
}

/// The flows of a tenant that patients go through, which alone an application can be linked to.
pub(super) async fn patient_flows(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
) -> Result<Vec<UserFlow>, PortalError> {
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
