//! Where a person signs in: what a flow that asks under conditions needs to know of it, and keeps.
//!
//! Hashes are keyed, and differ from account to account: the table tells of nobody that they share a
//! browser or a network.

use lanyard_domain::{
    account::Account,
    assurance::Demand,
    clock::Timestamp,
    id::Id,
    secret::{Token, TokenHash},
    tenant::Tenant,
    user_flow::{KNOWN_LIFE, Signals},
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use crate::{http::client::Client, state::App};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Whence {
    network: String,
    browser: Option<Token>,
}

impl Whence {
    /// From `client`, by a browser that may have kept a cookie of us.
    #[must_use]
    pub fn of(client: &Client, browser: Option<Token>) -> Self {
        Self { network: client.wide_network(), browser }
    }
}

/// What is known of `account` there; `None` where neither of the demands asks under conditions, so that
/// nobody needs to know.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn signals(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    demands: [&Demand; 2],
    (tenant, account): (Id<Tenant>, Option<Id<Account>>),
    whence: &Whence,
) -> Result<Option<Signals>, StorageError> {
    if demands.iter().all(|demand| demand.conditions.is_none()) {
        return Ok(None);
    }
    let browser = whence.browser.as_ref().map_or("", Token::expose);
    let [browser, network] = places(app, tenant, account, [browser, &whence.network]);
    let since = app.clock.now().minus(KNOWN_LIFE);
    Ok(Some(tx.signals(account, &browser, &network, since).await?))
}

/// Under whose name wrong passwords of `account` are counted and waited for: a browser that is known for it stands
/// for itself, so that nobody else in the same network keeps it waiting (failure 18); every other one stands for
/// its `network`. One statement where a cookie came along, whether there is an account or not (D11).
///
/// # Errors
/// When the database does not answer.
pub(super) async fn source(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    (tenant, account): (Id<Tenant>, Option<Id<Account>>),
    whence: &Whence,
    network: String,
) -> Result<String, StorageError> {
    let Some(secret) = &whence.browser else { return Ok(network) };
    let [browser, wide] = places(app, tenant, account, [secret.expose(), &whence.network]);
    let signals = tx.signals(account, &browser, &wide, app.clock.now().minus(KNOWN_LIFE)).await?;
    Ok(if signals.browser_known { format!("browser {}", secret.expose()) } else { network })
}

/// Notes a sign-in of `account` with a second factor; gives the secret that makes the browser known from
/// now on. It is a new one each time, and the one that the browser came with counts no more for this
/// account: whoever put it there, or copied it, has nothing (A17).
///
/// # Errors
/// When the database does not answer.
pub(super) async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, account): (Id<Tenant>, Id<Account>),
    whence: &Whence,
    now: Timestamp,
) -> Result<Token, StorageError> {
    let secret = Token::generate(app.entropy().as_mut());
    let came = whence.browser.as_ref().map_or("", Token::expose);
    let [former, _] = places(app, tenant, Some(account), [came, &whence.network]);
    let [browser, network] = places(app, tenant, Some(account), [secret.expose(), &whence.network]);
    tx.note_places(account, [&former, &browser], &network, now).await?;
    Ok(secret)
}

fn places(
    app: &App,
    tenant: Id<Tenant>,
    account: Option<Id<Account>>,
    [browser, network]: [&str; 2],
) -> [TokenHash; 2] {
    let account = account.map(|account| account.to_string()).unwrap_or_default();
    [("known-browser", browser), ("known-network", network)]
        .map(|(what, place)| app.throttle_key(tenant, what, &[&account, place]))
}
