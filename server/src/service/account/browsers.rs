//! Remembered browsers at the account page: listed, and forgotten by their owner (U23).

use lanyard_app::api::account::BrowserView;
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    id::Id,
    remembered::RememberedBrowser,
    session::Session,
};
use lanyard_storage::{StorageError, WriteTx};

use super::{Owner, access::lock, words::moment};
use crate::{http::client::Client, service::audit, state::App};

/// The browsers, the latest first.
#[must_use]
pub fn words(browsers: &[RememberedBrowser]) -> Vec<BrowserView> {
    let newest_first = browsers.iter().rev();
    newest_first
        .map(|browser| BrowserView {
            id: browser.id.to_string(),
            label: if browser.label.is_empty() { "A browser".to_owned() } else { browser.label.clone() },
            network: browser.network.clone(),
            created: moment(browser.created_at),
            last_used: browser.last_used_at.map(moment),
            expires: moment(browser.expires_at),
        })
        .collect()
}

/// Forgets one of the owner's browsers, or all of them; how many there were. It takes something away from
/// whoever has the account and gives nothing, so that it asks for no fresh sign-in.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(
    app: &App,
    owner: Owner,
    client: Client,
    browser: Option<Id<RememberedBrowser>>,
) -> Result<u64, StorageError> {
    let (own, account) = (app.clone(), owner.account);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                lock(&own, tx, account.id).await?;
                let Some(browser) = browser else { return forget_all(&own, tx, &account, &client).await };
                // Only the owner's own are looked at, whatever the form names.
                if !tx.forget_remembered(account.id, browser).await? {
                    return Ok(0);
                }
                note(&own, tx, &account, &client, 1).await?;
                Ok(1)
            })
        })
        .await
}

/// Forgets all of them in a transaction that does more; how many there were.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn forget_all(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: &Account,
    client: &Client,
) -> Result<u64, StorageError> {
    let forgotten = tx.forget_all_remembered(account.id).await?;
    if forgotten > 0 {
        note(app, tx, account, client, forgotten).await?;
    }
    Ok(forgotten)
}

/// Forgets the browser in which `session` of the account was: the one that stood in for a second factor, or was
/// remembered then. Whoever ends a session from afar has lost that browser, or never had it.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn forget_of_session(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (account, session): (&Account, &Session),
    client: &Client,
) -> Result<(), StorageError> {
    let mut forgotten = tx.forget_remembered_by(account.id, session.id).await?;
    if let Some(browser) = session.authentication.remembered() {
        forgotten += u64::from(tx.forget_remembered(account.id, browser).await?);
    }
    if forgotten > 0 {
        note(app, tx, account, client, forgotten).await?;
    }
    Ok(())
}

async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: &Account,
    client: &Client,
    count: u64,
) -> Result<(), StorageError> {
    let event = audit::Event::of(Action::BrowserForgotten, Outcome::Success).by(account.id).on(account.id);
    audit::append(app, tx, account.tenant, event.from(client).with(serde_json::json!({"browsers": count}))).await
}
