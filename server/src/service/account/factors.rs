//! The factors of an account, by its owner: another name, away with it.
//!
//! Both take the account's own level by a fresh sign-in (N19, A20), judged in the transaction of the
//! change: a session that was ended meanwhile changes nothing.

use lanyard_domain::{
    account::Account,
    assurance::{Level, Method},
    audit::{Action, Outcome},
    contact::ContactKind,
    factor::{Factor, FactorSecret},
    id::Id,
    session::Session,
};
use lanyard_storage::{StorageError, WriteTx};

use super::{
    Owner,
    access::lock,
    notices::{self, News},
};
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError, sign_out},
    state::App,
};

/// What came of a change of factors.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done.
    Done,
    /// The session is below the account's level, too old for this, or over.
    SignInAgain,
    /// The last factor stays.
    Last,
    /// The account was recovered a short while ago: what protects it stays for now.
    CoolingDown,
    /// There is no such factor.
    Missing,
}

/// Holds the account and the session that asks, and judges it as it stands now.
pub(in crate::service) async fn holds(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    session: Id<Session>,
    enough: impl Fn(&Session) -> bool + Send,
) -> Result<bool, StorageError> {
    lock(app, tx, account).await?;
    stands(app, tx, account, session, enough).await
}

// The same behind the lock.
async fn stands(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    session: Id<Session>,
    enough: impl Fn(&Session) -> bool + Send,
) -> Result<bool, StorageError> {
    let (held, now) = (tx.hold_session(session).await?, app.clock.now());
    Ok(held.is_some_and(|held| held.account == account && held.is_live(now) && enough(&held)))
}

/// [`holds`], for what all of an account's data takes, and its end: a fresh sign-in (A20) at the account's
/// own level, which is AAL2 once a factor is bound (N19). The factors are read behind the lock, or one that
/// is bound meanwhile would not count.
pub(super) async fn holds_all(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    session: Id<Session>,
) -> Result<bool, StorageError> {
    lock(app, tx, account).await?;
    let (alone, now) = (tx.factors_of_account(account).await?.is_empty(), app.clock.now());
    stands(app, tx, account, session, move |held| held.is_fresh(now) && (alone || held.level(now) == Level::Aal2)).await
}

/// [`holds`], for what changes the protection of an account: `enough`, and a sign-in by a factor as good as the
/// best that is bound.
pub(super) async fn holds_factors(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    session: Id<Session>,
    enough: impl Fn(&Session) -> bool + Send,
) -> Result<bool, StorageError> {
    lock(app, tx, account).await?;
    let factors = tx.factors_of_account(account).await?;
    stands(app, tx, account, session, move |held| enough(held) && held.authentication.measures_up_to(&factors)).await
}

/// [`holds_factors`], for another address or number; whether the account has nothing but its address and password, or
/// `None` if the session is not enough. An account without any factor, not even one that is turned off, changes its
/// address by a fresh sign-in; the caller asks for a code to the present address as well.
pub(super) async fn holds_contact(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    session: Id<Session>,
    kind: ContactKind,
) -> Result<Option<bool>, StorageError> {
    lock(app, tx, account).await?;
    let (factors, now) = (tx.factors_of_account(account).await?, app.clock.now());
    let alone = kind == ContactKind::Email && factors.is_empty();
    let enough = move |held: &Session| {
        let recent = if alone { held.is_fresh(now) } else { held.may_change_factors(now) };
        recent && held.authentication.measures_up_to(&factors)
    };
    Ok(stands(app, tx, account, session, enough).await?.then_some(alone))
}

// The factor, if the session may change it now.
async fn found(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (account, session): (Id<Account>, Id<Session>),
    factor: Id<Factor>,
) -> Result<Result<Factor, Changed>, StorageError> {
    let now = app.clock.now();
    if !holds_factors(app, tx, account, session, |held| held.may_change_factors(now)).await? {
        return Ok(Err(Changed::SignInAgain));
    }
    let own = tx.factors_of_account(account).await?;
    Ok(own.into_iter().find(|own| own.id == factor).ok_or(Changed::Missing))
}

/// Which method a factor stands for: a phone for the one that its owner chose last.
#[must_use]
pub const fn method_of(secret: &FactorSecret) -> Method {
    match secret {
        FactorSecret::Phone { preferred, .. } => *preferred,
        FactorSecret::AuthenticatorApp { .. } => Method::AuthenticatorApp,
        FactorSecret::Passkey(_) => Method::Passkey,
        FactorSecret::RecoveryCodes(_) => Method::RecoveryCode,
    }
}

pub(super) fn event(
    action: Action,
    account: &Account,
    client: &Client,
    factor: Id<Factor>,
    secret: &FactorSecret,
) -> audit::Event {
    audit::Event::of(action, Outcome::Success)
        .by(account.id)
        .on(account.id)
        .from(client)
        .with(serde_json::json!({"detail": method_of(secret).as_str(), "factor": factor.to_string()}))
}

/// Gives a factor another name.
///
/// # Errors
/// When the database does not answer.
pub async fn rename(
    app: &App,
    owner: Owner,
    client: Client,
    factor: Id<Factor>,
    name: String,
) -> Result<Changed, StorageError> {
    let (own, account, session) = (app.clone(), owner.account, owner.session);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let factor = match found(&own, tx, (account.id, session), factor).await? {
                    Ok(factor) => factor,
                    Err(changed) => return Ok(changed),
                };
                // Recovery codes have no name of their own.
                if !factor.stands_alone() {
                    return Ok(Changed::Missing);
                }
                tx.rename_factor(account.id, factor.id, &name).await?;
                audit::append(
                    &own,
                    tx,
                    account.tenant,
                    event(Action::FactorRenamed, &account, &client, factor.id, &factor.secret),
                )
                .await?;
                Ok(Changed::Done)
            })
        })
        .await
}

/// Removes a factor, unless it is the last one (recovery codes do not count as one that is left) or the account was
/// recovered a short while ago ([`lanyard_domain::cool_down`]). Whoever else is signed in must sign in anew (failure
/// 8, A19), and the owner is told (N20).
///
/// # Errors
/// When the database does not answer.
pub async fn remove(app: &App, owner: Owner, client: Client, factor: Id<Factor>) -> Result<Changed, JourneyError> {
    let own = app.clone();
    let removed = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (account, now) = (&owner.account, own.clock.now());
                let factor = match found(&own, tx, (account.id, owner.session), factor).await? {
                    Ok(factor) => factor,
                    Err(changed) => return Ok(changed),
                };
                if tx.cooling_until(account.id, now).await?.is_some() {
                    return Ok(Changed::CoolingDown);
                }
                match tx.remove_factor(account.id, factor.id, 1).await {
                    Ok(()) => {}
                    // The statement found no other factor left.
                    Err(StorageError::Conflict) => return Ok(Changed::Last),
                    Err(error) => return Err(error.into()),
                }
                sign_out::end_all(&own, tx, account.id, Some(owner.session), now).await?;
                tx.revoke_grants_of_account(account.id, now).await?;
                let event = event(Action::FactorRemoved, account, &client, factor.id, &factor.secret);
                audit::append(&own, tx, account.tenant, event).await?;
                notices::tell(&own, tx, &owner, &client, News::FactorRemoved(&factor.secret)).await?;
                Ok::<_, JourneyError>(Changed::Done)
            })
        })
        .await?;
    app.outbox.wake();
    Ok(removed)
}
