//! What the owner of an account is told by mail of what was done at the account page (N20, U24).

use lanyard_app::paths;
use lanyard_domain::{
    account::Account,
    assurance::Method,
    clock::{DAY, Millis},
    email::EmailAddress,
    factor::FactorSecret,
    id::Id,
    tenant::Tenant,
};
use lanyard_messaging::{self as messaging, Change, Occasion, Protection, SecondStep};
use lanyard_storage::WriteTx;

use super::{Owner, not_me};
use crate::{
    http::client::Client,
    service::{journey::JourneyError, outbox},
    state::App,
};

/// How long a notice is worth sending.
pub(in crate::service) const NOTICE_LIFE: Millis = DAY;

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(super) enum News<'a> {
    /// A factor was bound.
    FactorAdded(&'a FactorSecret),
    /// A factor was removed.
    FactorRemoved(&'a FactorSecret),
}

/// A factor as mails name it.
pub(in crate::service) fn step(secret: &FactorSecret) -> SecondStep<'_> {
    match secret {
        FactorSecret::Phone { number, preferred: Method::PhoneCall } => SecondStep::PhoneCall(number.as_str()),
        FactorSecret::Phone { number, .. } => SecondStep::TextMessage(number.as_str()),
        FactorSecret::AuthenticatorApp { .. } => SecondStep::AuthenticatorApp,
        FactorSecret::Passkey(_) => SecondStep::Passkey,
        FactorSecret::RecoveryCodes(_) => SecondStep::RecoveryCodes,
    }
}

/// Puts the mail into the outbox, with a link "This wasn't me"; wake it after the commit.
///
/// # Errors
/// When the database does not answer; then what it tells of does not happen either.
pub(super) async fn tell(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    owner: &Owner,
    client: &Client,
    news: News<'_>,
) -> Result<(), JourneyError> {
    let account = &owner.account;
    let path = not_me::link(app, tx, (account.tenant, &owner.visitor.domain), account.id).await?;
    let change = match news {
        News::FactorAdded(secret) => Change::StepAdded(step(secret)),
        News::FactorRemoved(secret) => Change::StepRemoved(step(secret)),
    };
    let told = Told { to: &account.email, change, not_me_path: Some(&path), account_path: None };
    protection(app, tx, (account.tenant, &owner.visitor.tenant), client, told).await
}

/// A change of what protects an account, told to one of its addresses.
pub(in crate::service) struct Told<'a> {
    pub(in crate::service) to: &'a EmailAddress,
    pub(in crate::service) change: Change<'a>,
    pub(in crate::service) not_me_path: Option<&'a str>,
    pub(in crate::service) account_path: Option<&'a str>,
}

/// Puts the mail into the outbox, with time and device; wake it after the commit.
///
/// # Errors
/// As [`tell`].
pub(in crate::service) async fn protection(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, name): (Id<Tenant>, &str),
    client: &Client,
    told: Told<'_>,
) -> Result<(), JourneyError> {
    let news = Protection {
        to: told.to.as_str(),
        tenant: name,
        origin: &app.links,
        change: told.change,
        at_ms: app.clock.now().0,
        device: client.browser.as_deref().unwrap_or_default(),
        not_me_path: told.not_me_path,
        quiet_hours: 0,
        account_path: told.account_path,
        contact: None,
    };
    send(app, tx, tenant, (Occasion::Protection(news), NOTICE_LIFE)).await
}

/// Tells both addresses of `account` that an operator gave it another one; wake the outbox after the commit.
///
/// # Errors
/// As [`tell`].
pub(in crate::service) async fn readdressed(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    client: &Client,
    (account, address): (&Account, &EmailAddress),
) -> Result<(), JourneyError> {
    let domain = tenant.domain.as_str();
    let not_me = not_me::link(app, tx, (tenant.id, domain), account.id).await?;
    let (own, masked) = (paths::account(domain), address.masked());
    // The mailbox of before may be in other hands: its mail has no link.
    let old = Told { to: &account.email, change: Change::EmailChanged(&masked), not_me_path: None, account_path: None };
    let new = Told { to: address, change: Change::EmailIsNew, not_me_path: Some(&not_me), account_path: Some(&own) };
    for told in [old, new] {
        protection(app, tx, (tenant.id, &tenant.name), client, told).await?;
    }
    Ok(())
}

/// Tells the owner of `account` that an operator stopped it; wake the outbox after the commit. Nobody can act by
/// that mail: who reads the mailbox may be why.
///
/// # Errors
/// As [`tell`].
pub(in crate::service) async fn stopped(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    client: &Client,
    account: &Account,
) -> Result<(), JourneyError> {
    let told = Told { to: &account.email, change: Change::AccountStopped, not_me_path: None, account_path: None };
    protection(app, tx, (tenant.id, &tenant.name), client, told).await
}

/// Tells the owner of `account` that an operator let it be signed in to again; wake the outbox after the commit.
///
/// # Errors
/// As [`tell`].
pub(in crate::service) async fn let_in(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    client: &Client,
    account: &Account,
) -> Result<(), JourneyError> {
    let domain = tenant.domain.as_str();
    let (own, not_me) = (paths::account(domain), not_me::link(app, tx, (tenant.id, domain), account.id).await?);
    let change = Change::AccountLetIn;
    let told = Told { to: &account.email, change, not_me_path: Some(&not_me), account_path: Some(&own) };
    protection(app, tx, (tenant.id, &tenant.name), client, told).await
}

/// Puts a message into the outbox that is worth sending for so long; wake it after the commit.
///
/// # Errors
/// As [`tell`].
pub(in crate::service) async fn send(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    (occasion, life): (Occasion<'_>, Millis),
) -> Result<(), JourneyError> {
    let message = messaging::render(occasion).map_err(|error| JourneyError::Internal(format!("message: {error}")))?;
    let keys = app.tenant_keys(tx, tenant).await?;
    let letter = outbox::Letter { tenant, journey: None, message: &message, expires_at: app.clock.now().plus(life) };
    outbox::enqueue(app, tx, &keys, letter).await
}
