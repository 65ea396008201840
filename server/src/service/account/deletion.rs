//! The end of an account at its owner's wish: planned, undone, carried out by a job.

use lanyard_app::paths;
use lanyard_domain::{
    account::{Account, AccountKind},
    audit::{Action, Outcome},
    clock::{DAY, Millis, Timestamp},
};
use lanyard_messaging::{Change, Occasion};
use lanyard_storage::{StorageError, WriteTx};

use super::{
    Owner,
    access::lock,
    factors::{holds, holds_all},
    not_me,
    notices::{self, NOTICE_LIFE, Told},
};
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError, sign_out},
    state::App,
};

/// How long an account whose owner asked for its end can still be kept.
pub const DELAY: Millis = 14 * DAY;
/// Accounts deleted by one run of the job.
const BATCH: u32 = 100;

/// What came of a wish.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// It stands, or stood already.
    Granted,
    /// The session is too old for this, or over.
    SignInAgain,
    /// Staff and operators are removed by those who appointed them.
    NotHere,
}

/// Whether the owner of such an account may delete it alone.
#[must_use]
pub const fn may_ask(kind: AccountKind) -> bool {
    matches!(kind, AccountKind::Patient)
}

/// Plans the end of the account and signs its owner out everywhere else.
///
/// # Errors
/// When the database does not answer.
pub async fn plan(app: &App, owner: Owner, client: Client) -> Result<Wish, JourneyError> {
    if !may_ask(owner.account.kind) {
        return Ok(Wish::NotHere);
    }
    let own = app.clone();
    let wish = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (account, now) = (&owner.account, own.clock.now());
                if !holds_all(&own, tx, account.id, owner.session).await? {
                    return Ok(Wish::SignInAgain);
                }
                let at = now.plus(DELAY);
                match tx.plan_deletion(account.id, at).await {
                    Ok(()) => {}
                    Err(StorageError::Conflict) => return Ok(Wish::Granted),
                    Err(error) => return Err(error.into()),
                }
                sign_out::end_all(&own, tx, account.id, Some(owner.session), now).await?;
                tx.outdate_journeys(account.id).await?;
                tx.revoke_grants_of_account(account.id, now).await?;
                note(&own, tx, account, Action::DeletionRequested, Some(&client)).await?;
                tell(&own, tx, &owner, &client, Change::DeletionPlanned(at.0)).await?;
                Ok::<_, JourneyError>(Wish::Granted)
            })
        })
        .await?;
    app.outbox.wake();
    Ok(wish)
}

/// Keeps an account whose end was planned.
///
/// # Errors
/// When the database does not answer.
pub async fn undo(app: &App, owner: Owner, client: Client) -> Result<Wish, JourneyError> {
    let own = app.clone();
    let wish = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = &owner.account;
                if !holds(&own, tx, account.id, owner.session, |_| true).await? {
                    return Ok(Wish::SignInAgain);
                }
                match tx.keep_account(account.id).await {
                    Ok(()) => {}
                    Err(StorageError::Conflict) => return Ok(Wish::Granted),
                    Err(error) => return Err(error.into()),
                }
                note(&own, tx, account, Action::DeletionUndone, Some(&client)).await?;
                tell(&own, tx, &owner, &client, Change::DeletionUndone).await?;
                Ok::<_, JourneyError>(Wish::Granted)
            })
        })
        .await?;
    app.outbox.wake();
    Ok(wish)
}

async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: &Account,
    action: Action,
    client: Option<&Client>,
) -> Result<(), StorageError> {
    let mut event = audit::Event::of(action, Outcome::Success).on(account.id);
    // The job acts for nobody.
    if let Some(client) = client {
        event = event.by(account.id).from(client);
    }
    audit::append(app, tx, account.tenant, event).await
}

async fn tell(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    owner: &Owner,
    client: &Client,
    change: Change<'_>,
) -> Result<(), JourneyError> {
    let (account, domain) = (&owner.account, owner.visitor.domain.as_str());
    let (path, not_me) = (paths::account(domain), not_me::link(app, tx, (account.tenant, domain), account.id).await?);
    let told = Told { to: &account.email, change, not_me_path: Some(&not_me), account_path: Some(&path) };
    notices::protection(app, tx, (account.tenant, &owner.visitor.tenant), client, told).await
}

/// Deletes the accounts whose time has come, each in a transaction of its own; how many.
///
/// # Errors
/// When the database does not answer.
pub async fn carry_out(app: &App, now: Timestamp) -> Result<u64, JourneyError> {
    let due: Vec<Account> = app
        .store
        .read(move |tx| Box::pin(async move { tx.due_deletions(now, BATCH).await }))
        .await
        .map_err(|error: StorageError| error)?;
    let (mut gone, mut failed) = (0, None);
    for account in due {
        let own = app.clone();
        let done = app.store.write(move |tx| Box::pin(async move { delete(&own, tx, &account, now).await })).await;
        match done {
            Ok(()) => gone += 1,
            // Its owner keeps it, or another server was first: nothing of this happened.
            Err(JourneyError::Storage(StorageError::Conflict)) => {}
            // What is the matter with one holds up none of the others.
            Err(error) => failed = Some(error),
        }
    }
    if gone > 0 {
        app.outbox.wake();
    }
    failed.map_or(Ok(gone), Err)
}

async fn delete(app: &App, tx: &mut (dyn WriteTx + '_), account: &Account, now: Timestamp) -> Result<(), JourneyError> {
    lock(app, tx, account.id).await?;
    // The applications are told while it is still known which they are.
    sign_out::end_all(app, tx, account.id, None, now).await?;
    let tenant = tx.tenant_by_id(account.tenant).await?.ok_or(StorageError::Conflict)?;
    note(app, tx, account, Action::AccountDeleted, None).await?;
    let occasion = Occasion::AccountDeleted { to: account.email.as_str(), tenant: &tenant.name };
    notices::send(app, tx, account.tenant, (occasion, NOTICE_LIFE)).await?;
    Ok(tx.delete_account(account.id, now).await?)
}
