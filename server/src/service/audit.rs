//! Writes audit events (C1), always in the transaction of what they tell of.

use lanyard_domain::{
    account::Account,
    audit::{Action, AuditEvent, Outcome},
    email::EmailAddress,
    id::Id,
    tenant::Tenant,
};
use lanyard_storage::{StorageError, WriteTx};

use super::left_out::Kind;
use crate::{http::client::Client, state::App};

/// An event in the making.
#[derive(Debug, Clone)]
pub struct Event {
    action: Action,
    outcome: Outcome,
    actor: Option<Id<Account>>,
    target: Option<String>,
    client: Option<Client>,
    detail: serde_json::Value,
}

impl Event {
    /// An event of nobody on nothing.
    #[must_use]
    pub fn of(action: Action, outcome: Outcome) -> Self {
        Self { action, outcome, actor: None, target: None, client: None, detail: serde_json::json!({}) }
    }

    /// Who did it.
    #[must_use]
    pub fn by(mut self, actor: Id<Account>) -> Self {
        self.actor = Some(actor);
        self
    }

    /// On whom or what.
    #[must_use]
    pub fn on(mut self, target: impl ToString) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// From where.
    #[must_use]
    pub fn from(mut self, client: &Client) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// What kind of failure it is, for the count of those that the log is not told of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let why = self.detail.get("why").and_then(serde_json::Value::as_str);
        Kind { action: self.action, target: self.target.clone(), why: why.map(str::to_owned) }
    }

    /// More. Never a password, code, token or seed (C5).
    #[must_use]
    pub fn with(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}

/// Which address an account had and has, as the log may tell it: masked. The log outlives the account, and names it
/// by its id alone.
#[must_use]
pub fn addresses(from: &EmailAddress, to: &EmailAddress) -> serde_json::Value {
    serde_json::json!({"from": from.masked(), "to": to.masked()})
}

/// Appends `event` for `tenant`.
///
/// # Errors
/// When the database does not take it; then the caller's change does not happen either.
pub async fn append(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    event: Event,
) -> Result<(), StorageError> {
    tx.append_audit(&record(app, tenant, event)).await
}

/// `event` of `tenant` as the log keeps it, for a change that brings its event with it.
#[must_use]
pub fn record(app: &App, tenant: Id<Tenant>, event: Event) -> AuditEvent {
    let now = app.clock.now();
    let mut detail = event.detail;
    // Which browser it was, for the history that a person sees of their own account.
    let browser = event.client.as_ref().and_then(|client| client.browser.as_deref());
    if let (Some(browser), Some(detail)) = (browser, detail.as_object_mut()) {
        detail.insert("browser".to_owned(), browser.into());
    }
    AuditEvent {
        id: Id::new(now, app.entropy().as_mut()),
        tenant,
        at: now,
        actor: event.actor,
        action: event.action,
        target: event.target,
        outcome: event.outcome,
        ip: event.client.as_ref().map(|client| client.ip.to_string()),
        request: event.client.map(|client| client.request),
        detail,
    }
}
