//! Where a person signs in: what a flow that asks under conditions needs to know of it, and keeps.
//!
//! Hashes are keyed, and differ from account to account: the table tells of nobody that they share a
//! browser, a network or a country.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
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
use crate::{
    http::{client::Client, cookies::KnownCookie},
    state::App,
};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Whence {
    network: String,
    country: Option<&'static str>,
    browser: KnownCookie,
}

impl Whence {
    /// From `client`, by a browser that may have kept a cookie of us.
    #[must_use]
    pub fn of(client: &Client, browser: KnownCookie) -> Self {
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
    let secret = whence.browser.of(&mark(app, tenant, account)).map_or("", Token::expose);
    let browser = key(app, tenant, account, "known-browser", secret);
    let network = key(app, tenant, account, "known-network", &whence.network);
    let country = whence.country.map(|country| key(app, tenant, account, "known-country", country));
    let since = app.clock.now().minus(KNOWN_LIFE);
    tx.signals(account, &browser, &network, country.as_ref(), since).await
}

/// Under whose name wrong passwords of `account` are counted and waited for: a browser that is known for it stands
/// for itself, so that nobody else in the same network keeps it waiting (failure 18); every other one is
/// `elsewhere`. One statement where a cookie came along, whether there is an account or not (D11); what it told
/// is given back for [`signals`].
///
/// # Errors
/// When the database does not answer.
pub(super) async fn source(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    (tenant, account): (Id<Tenant>, Option<Id<Account>>),
    whence: &Whence,
    elsewhere: Source,
) -> Result<(Source, Option<Seen>), StorageError> {
    if whence.browser.is_empty() {
        return Ok((elsewhere, None));
    }
    let signals = read(app, tx, (tenant, account), whence).await?;
    let secret = whence.browser.of(&mark(app, tenant, account)).filter(|_| signals.browser_known);
    Ok((secret.cloned().map_or(elsewhere, Source::Browser), Some(Seen { account, signals })))
}

/// Notes a sign-in of `account` with a second factor; gives the cookie that makes the browser known from
/// now on. Its secret for this account is a new one each time, and the one that the browser came with counts no more: whoever put it there, or copied it, has nothing (A17).
///
/// # Errors
/// When the database does not answer.
pub(super) async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, account): (Id<Tenant>, Id<Account>),
    whence: &Whence,
    now: Timestamp,
) -> Result<KnownCookie, StorageError> {
    let secret = Token::generate(app.entropy().as_mut());
    let mark = mark(app, tenant, Some(account));
    let came = whence.browser.of(&mark).map_or("", Token::expose);
    let key = |what, place: &str| key(app, tenant, Some(account), what, place);
    let [former, browser] = [came, secret.expose()].map(|secret| key("known-browser", secret));
    let network = key("known-network", &whence.network);
    let country = whence.country.map(|country| key("known-country", country));
    tx.note_places(account, [&former, &browser], &network, country.as_ref(), now).await?;
    Ok(whence.browser.with(&mark, &secret))
}

// By what an account's secret is found in the cookie. It is the same in every browser and opens nothing.
fn mark(app: &App, tenant: Id<Tenant>, account: Option<Id<Account>>) -> String {
    URL_SAFE_NO_PAD.encode(&key(app, tenant, account, "known-mark", "").0[..6])
}

fn key(app: &App, tenant: Id<Tenant>, account: Option<Id<Account>>, what: &str, place: &str) -> TokenHash {
    let account = account.map(|account| account.to_string()).unwrap_or_default();
    app.throttle_key(tenant, what, &[&account, place])
}
