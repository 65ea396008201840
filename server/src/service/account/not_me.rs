//! "This wasn't me": a link in each mail about a change that secures the account (U24, A5).
//!
//! It takes what a stranger may have: every session, every token, the password, and the factors bound by
//! that change or since. It gives nothing: only a reset sets another password, by the code to the address
//! and an older factor (A8). Who has none needs the clinic.

use lanyard_app::paths;
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    clock::{MINUTE, Millis},
    id::Id,
    secret::Token,
    tenant::{Tenant, TenantDomain},
};
use lanyard_storage::{StorageError, WriteTx};

use super::access::lock;
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError, sign_out},
    state::App,
};

/// How long such a link works: as long as a deletion that a stranger asked for can be undone.
pub const LINK_LIFE: Millis = super::deletion::DELAY;

/// Makes a link for the mail to the owner of `account`: its path.
///
/// # Errors
/// When the database does not answer.
pub async fn link(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, domain): (Id<Tenant>, &str),
    account: Id<Account>,
) -> Result<String, StorageError> {
    let token = Token::generate(app.entropy().as_mut());
    tx.create_repudiation(tenant, account, &token.hash(), app.clock.now().plus(LINK_LIFE)).await?;
    Ok(paths::not_me(domain, token.expose()))
}

async fn tenant_of(app: &App, domain: &str) -> Result<Option<Tenant>, StorageError> {
    let Ok(domain) = TenantDomain::parse(domain) else { return Ok(None) };
    app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await
}

/// The tenant of a link that works. Looking changes nothing: mail scanners look, too.
///
/// # Errors
/// When the database does not answer.
pub async fn look(app: &App, domain: &str, token: &str) -> Result<Option<Tenant>, StorageError> {
    let (Some(tenant), Some(token)) = (tenant_of(app, domain).await?, Token::parse(token)) else { return Ok(None) };
    let (id, hash, now) = (tenant.id, token.hash(), app.clock.now());
    let found = app.store.read(move |tx| Box::pin(async move { tx.repudiation(id, &hash, now).await })).await;
    let found: Option<Id<Account>> = found.map_err(|error: StorageError| error)?;
    Ok(found.map(|_| tenant))
}

/// Uses a link: ends every session and token of the account and removes its password. The tenant;
/// `None` if the link does not work.
///
/// # Errors
/// When the database does not answer.
pub async fn secure(app: &App, domain: &str, token: &str, client: Client) -> Result<Option<Tenant>, JourneyError> {
    let (Some(tenant), Some(token)) = (tenant_of(app, domain).await?, Token::parse(token)) else { return Ok(None) };
    let (own, id, hash) = (app.clone(), tenant.id, token.hash());
    let secured = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                let (account, end) = tx.use_repudiation(id, &hash, now).await?;
                lock(&own, tx, account).await?;
                tx.clear_password(account).await?;
                sign_out::end_all(&own, tx, account, None, now).await?;
                tx.revoke_grants_of_account(account, now).await?;
                // What was bound by the change that the mail told of, or since: a stranger's, for all that is
                // known. Disabled and not removed: the mailbox alone must not take an account below MFA (A8).
                if tx.disable_factors_since(account, end.minus(LINK_LIFE).minus(MINUTE)).await? > 0 {
                    let event = audit::Event::of(Action::FactorDisabled, Outcome::Success);
                    audit::append(&own, tx, id, event.by(account).on(account).from(&client)).await?;
                }
                // Whoever asked for its end was somebody else, too.
                if tx.deletion_of(account).await?.is_some() {
                    tx.keep_account(account).await?;
                    let event = audit::Event::of(Action::DeletionUndone, Outcome::Success);
                    audit::append(&own, tx, id, event.by(account).on(account).from(&client)).await?;
                }
                let event = audit::Event::of(Action::AccountSecured, Outcome::Success);
                let event = event.by(account).on(account).from(&client);
                audit::append(&own, tx, id, event).await?;
                Ok::<_, JourneyError>(())
            })
        })
        .await;
    match secured {
        Ok(()) => {
            app.outbox.wake();
            Ok(Some(tenant))
        }
        Err(JourneyError::Storage(StorageError::Conflict)) => Ok(None),
        Err(error) => Err(error),
    }
}
