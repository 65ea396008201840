//! What the owner of an account is told by mail of what was done at the account page (N20, U24).

use lanyard_domain::{account::Account, assurance::Method, clock::DAY, factor::FactorSecret};
use lanyard_messaging::{self as messaging, Change, Occasion, Protection, SecondStep};
use lanyard_storage::WriteTx;

use super::{Owner, not_me};
use crate::{
    http::client::Client,
    service::{journey::JourneyError, outbox},
    state::App,
};

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(super) enum News<'a> {
    /// A factor was bound.
    FactorAdded(&'a FactorSecret),
    /// A factor was removed.
    FactorRemoved(&'a FactorSecret),
}

fn step(secret: &FactorSecret) -> SecondStep<'_> {
    match secret {
        FactorSecret::Phone { number, preferred: Method::PhoneCall } => SecondStep::PhoneCall(number.as_str()),
        FactorSecret::Phone { number, .. } => SecondStep::TextMessage(number.as_str()),
        FactorSecret::AuthenticatorApp { .. } => SecondStep::AuthenticatorApp,
        FactorSecret::Passkey(_) => SecondStep::Passkey,
        FactorSecret::RecoveryCodes(_) => SecondStep::RecoveryCodes,
    }
}

/// Puts the mail into the outbox; wake it after the commit.
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
    let (account, now) = (&owner.account, app.clock.now());
    let path = not_me::link(app, tx, (account.tenant, &owner.visitor.domain), account.id).await?;
    let news = Protection {
        to: account.email.as_str(),
        tenant: owner.visitor.tenant.as_str(),
        origin: &app.links,
        change: match news {
            News::FactorAdded(secret) => Change::StepAdded(step(secret)),
            News::FactorRemoved(secret) => Change::StepRemoved(step(secret)),
        },
        at_ms: now.0,
        device: client.browser.as_deref().unwrap_or_default(),
        not_me_path: Some(&path),
        account_path: None,
        contact: None,
    };
    send(app, tx, account, Occasion::Protection(news)).await
}

/// Puts a mail to the owner of `account` into the outbox; wake it after the commit.
///
/// # Errors
/// As [`tell`].
pub(super) async fn send(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: &Account,
    occasion: Occasion<'_>,
) -> Result<(), JourneyError> {
    let message = messaging::render(occasion).map_err(|error| JourneyError::Internal(format!("message: {error}")))?;
    let keys = app.tenant_keys(tx, account.tenant).await?;
    let letter = outbox::Letter {
        tenant: account.tenant,
        journey: None,
        message: &message,
        expires_at: app.clock.now().plus(DAY),
    };
    outbox::enqueue(app, tx, &keys, letter).await
}
