//! Where a person signs in: what a flow that asks under conditions needs to know of it, and keeps.
//!
//! Hashes are keyed, and differ from account to account: the table tells of nobody that they share a
//! browser, a network or a country.

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

use super::guessing::Source;
use crate::{http::client::Client, state::App};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Whence {
    network: String,
    country: Option<&'static str>,
    browser: Option<Token>,
}

impl Whence {
    /// From `client`, by a browser that may have kept a cookie of us.
    #[must_use]
    pub fn of(client: &Client, browser: Option<Token>) -> Self {
        Self { network: client.wide_network(), country: client.country, browser }
    }
}

/// What was read for [`source`], and of which account: [`signals`] reads nothing twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    account: Option<Id<Account>>,
    signals: Signals,
}

/// What is known of `account` there, as it was `seen` in this transaction or is read now; `None` where neither of
/// the demands asks under conditions, so that nobody needs to know.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn signals(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    demands: [&Demand; 2],
    (tenant, account): (Id<Tenant>, Option<Id<Account>>),
    (whence, seen): (&Whence, Option<Seen>),
) -> Result<Option<Signals>, StorageError> {
    if demands.iter().all(|demand| demand.conditions.is_none()) {
        return Ok(None);
    }
    match seen.filter(|seen| seen.account == account) {
        Some(seen) => Ok(Some(seen.signals)),
        None => Ok(Some(read(app, tx, (tenant, account), whence).await?)),
    }
}

async fn read(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    (tenant, account): (Id<Tenant>, Option<Id<Account>>),
    whence: &Whence,
) -> Result<Signals, StorageError> {
    let browser = key(app, tenant, account, "known-browser", whence.browser.as_ref().map_or("", Token::expose));
    let network = key(app, tenant, account, "known-network", &whence.network);
    let country = whence.country.map(|country| key(app, tenant, account, "known-country", country));
    let since = app.clock.now().minus(KNOWN_LIFE);
    tx.signals(account, &browser, &network, country.as_ref(), since).await
}

/// Under whose name wrong passwords of `account` are counted and waited for: a browser that is known for it stands
/// for itself, so that nobody else in the same network keeps it waiting (failure 18); every other one stands for
/// its `network`. One statement where a cookie came along, whether there is an account or not (D11); what it told
/// is given back for [`signals`].
///
/// # Errors
/// When the database does not answer.
pub(super) async fn source(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    (tenant, account): (Id<Tenant>, Option<Id<Account>>),
    whence: &Whence,
    network: String,
) -> Result<(Source, Option<Seen>), StorageError> {
    let Some(secret) = &whence.browser else { return Ok((Source::Network(network), None)) };
    let signals = read(app, tx, (tenant, account), whence).await?;
    let source = if signals.browser_known { Source::Browser(secret.clone()) } else { Source::Network(network) };
    Ok((source, Some(Seen { account, signals })))
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
    let key = |what, place: &str| key(app, tenant, Some(account), what, place);
    let [former, browser] = [came, secret.expose()].map(|secret| key("known-browser", secret));
    let network = key("known-network", &whence.network);
    let country = whence.country.map(|country| key("known-country", country));
    tx.note_places(account, [&former, &browser], &network, country.as_ref(), now).await?;
    Ok(secret)
}

fn key(app: &App, tenant: Id<Tenant>, account: Option<Id<Account>>, what: &str, place: &str) -> TokenHash {
    let account = account.map(|account| account.to_string()).unwrap_or_default();
    app.throttle_key(tenant, what, &[&account, place])
}
