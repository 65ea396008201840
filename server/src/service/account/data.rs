//! All that the server holds about a person, for that person, as one JSON document. No passwords, seeds
//! or keys.

use lanyard_domain::{
    account::Account,
    audit::{Action, AuditEvent, Outcome},
    claims,
    clock::Timestamp,
    contact::ContactKind,
    factor::{Factor, FactorSecret},
    recovery::RecoveryCodes,
    remembered::RememberedBrowser,
    session::{ConsoleKind, Session},
};
use lanyard_storage::{AuditCursor, ReadTx, StorageError};
use serde_json::{Value, json};

use super::{Owner, access, custom, factors::holds_all, history, words::moment};
use crate::{http::client::Client, service::audit, state::App};

/// Events read at once.
const PAGE: u32 = 500;
/// The most events in a file; the newest of them.
const MAX_EVENTS: usize = 20_000;

/// The document; `None`: sign in again first (A20). That it went out is audited (C1).
///
/// # Errors
/// When the database does not answer.
pub async fn export(app: &App, owner: Owner, client: Client) -> Result<Option<Value>, StorageError> {
    let (own, id, tenant) = (app.clone(), owner.account.id, owner.account.tenant);
    let allowed = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let allowed = holds_all(&own, tx, id, owner.session).await?;
                if allowed {
                    let event = audit::Event::of(Action::DataExported, Outcome::Success).by(id).on(id).from(&client);
                    audit::append(&own, tx, tenant, event).await?;
                }
                Ok::<_, StorageError>(allowed)
            })
        })
        .await?;
    if !allowed {
        return Ok(None);
    }
    // Read apart, from a snapshot: a long history holds up nobody who writes.
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let factors = tx.factors_of_account(id).await?;
                let account = tx.account_by_id(tenant, id).await?.ok_or(StorageError::Conflict)?;
                let custom = custom(tx.custom_attributes(tenant).await?);
                let sessions = tx.live_sessions_of_account(id, now).await?;
                let browsers = tx.remembered_of_account(id, now).await?;
                let apps = access::apps(tx, tenant, id, &custom, now).await?;
                let events = events(tx, &account).await?;
                let mut waiting = Vec::new();
                for kind in [ContactKind::Email, ContactKind::Phone] {
                    let change = super::contact::pending(tx, id, kind, now).await?;
                    waiting.extend(change.map(|change| change.contact().destination().to_owned()));
                }
                let names: Vec<String> = claims::catalogue(&custom).into_iter().map(|claim| claim.name).collect();
                Ok(Some(json!({
                    "made_at": iso(now),
                    "clinic": owner.visitor.tenant,
                    "account": profile(&account),
                    "claims": claims::select(&account, &names, "", false),
                    "apps_with_access": apps.iter().map(|app| json!({
                        "app": app.name,
                        "gets": app.details,
                        "may_also": app.rights,
                        "since": app.since.iso,
                        "last_used": app.last_used.as_ref().map(|at| &at.iso),
                    })).collect::<Vec<_>>(),
                    "waiting_for_a_code": waiting,
                    "second_steps": factors.iter().map(factor).collect::<Vec<_>>(),
                    "signed_in": sessions.iter().map(session).collect::<Vec<_>>(),
                    "remembered_browsers": browsers.iter().map(browser).collect::<Vec<_>>(),
                    "history": events.iter().map(|event| told(event, &account)).collect::<Vec<_>>(),
                })))
            })
        })
        .await
}

fn iso(at: Timestamp) -> String {
    moment(at).iso
}

async fn events(tx: &mut (dyn ReadTx + '_), account: &Account) -> Result<Vec<AuditEvent>, StorageError> {
    let mut events: Vec<AuditEvent> = Vec::new();
    loop {
        let before = events.last().map(|last| AuditCursor { at: last.at, id: last.id });
        let page = tx.history_of(account.id, before.as_ref(), PAGE).await?;
        let more = page.len() == PAGE as usize;
        events.extend(page);
        if !more || events.len() >= MAX_EVENTS {
            return Ok(events);
        }
    }
}

fn profile(account: &Account) -> Value {
    json!({
        "id": account.id.to_string(),
        "email": account.email.as_str(),
        "kind": account.kind.as_str(),
        "created": iso(account.created_at),
        "last_sign_in": account.last_sign_in_at.map(iso),
        "details": account.attributes,
    })
}

fn factor(factor: &Factor) -> Value {
    let (kind, number, backed_up) = match &factor.secret {
        FactorSecret::Phone { number, .. } => ("phone", Some(number.as_str()), None),
        FactorSecret::AuthenticatorApp { .. } => ("authenticator_app", None, None),
        FactorSecret::Passkey(passkey) => ("passkey", None, Some(passkey.backed_up)),
        FactorSecret::RecoveryCodes(_) => ("recovery_codes", None, None),
    };
    json!({
        "kind": kind,
        "name": factor.name,
        "number": number,
        "backed_up": backed_up,
        "codes_left": factor.secret.recovery().map(RecoveryCodes::left),
        "added": iso(factor.created_at),
        "last_used": factor.last_used_at.map(iso),
    })
}

fn session(session: &Session) -> Value {
    json!({
        "opens": session.console.map_or("apps", ConsoleKind::as_str),
        "signed_in": iso(session.created_at),
        "last_used": iso(session.last_seen_at),
        "ends": iso(session.expires_at),
    })
}

fn browser(browser: &RememberedBrowser) -> Value {
    json!({
        "browser": browser.label,
        "network_address": browser.network,
        "remembered": iso(browser.created_at),
        "last_used": browser.last_used_at.map(iso),
        "ends": iso(browser.expires_at),
    })
}

fn told(event: &AuditEvent, account: &Account) -> Value {
    json!({
        "at": iso(event.at),
        "what": history::words(event, account.id),
        "worked": event.outcome == Outcome::Success,
        "by_you": !history::by_others(event, account.id),
        "browser": history::browser(event, account.id),
        "network_address": event.ip.as_ref().filter(|_| !history::by_others(event, account.id)),
    })
}
