//! Recovery codes on the account page: a set is made as a whole and shown once (N15, N16, U22). It is removed
//! like any factor, by [`super::factors`]; the journey uses its codes.

use lanyard_domain::{
    audit::Action,
    factor::{Factor, FactorSecret, NewFactor},
    id::Id,
    recovery::{RecoveryCode, RecoveryCodes},
};
use lanyard_storage::StorageError;

use super::{
    Owner,
    factors::{event, holds_factors},
    notices::{self, News},
};
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError},
    state::App,
};

/// What came of asking for recovery codes.
#[derive(Debug)]
pub enum Made {
    /// They stand; nothing can show them again.
    Codes(Vec<RecoveryCode>),
    /// The session is below the account's level, too old for this, or over.
    SignInAgain,
    /// Another set stands there than the one that the page knew: it was reloaded, or its button pressed twice.
    /// Codes that are saved by now must not die of that.
    Already,
    /// The account has no second factor that they could stand beside.
    Alone,
}

/// Whether recovery codes can stand beside `factors`.
pub(super) fn may_have(factors: &[Factor]) -> bool {
    factors.iter().any(|factor| factor.stands_alone() && !factor.is_dead())
}

/// Makes a set in place of the one that the page knew (`replaces`), forgets the account's remembered browsers
/// and tells the owner (N20).
///
/// # Errors
/// When the database does not answer.
pub async fn make(app: &App, owner: Owner, client: Client, replaces: Option<Id<Factor>>) -> Result<Made, JourneyError> {
    let (own, now) = (app.clone(), app.clock.now());
    let (set, codes) = RecoveryCodes::generate(app.entropy().as_mut());
    let set = NewFactor {
        id: Id::new(now, app.entropy().as_mut()),
        secret: FactorSecret::RecoveryCodes(set),
        name: "Recovery codes".to_owned(),
        first_step: None,
    };
    let made = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = &owner.account;
                if !holds_factors(&own, tx, account.id, owner.session, |held| held.may_change_factors(now)).await? {
                    return Ok(Made::SignInAgain);
                }
                let factors = tx.factors_of_account(account.id).await?;
                if !may_have(&factors) {
                    return Ok(Made::Alone);
                }
                if factors.iter().find(|own| !own.stands_alone() && !own.is_issued()).map(|set| set.id) != replaces {
                    return Ok(Made::Already);
                }
                tx.replace_recovery_codes(account.id, &set, replaces, now).await?;
                tx.forget_all_remembered(account.id).await?;
                tx.outdate_journeys(account.id).await?;
                // The codes of before open nothing any more.
                if let Some(old) = replaces {
                    let gone = event(Action::FactorRemoved, account, &client, old, &set.secret);
                    audit::append(&own, tx, account.tenant, gone).await?;
                }
                audit::append(
                    &own,
                    tx,
                    account.tenant,
                    event(Action::FactorBound, account, &client, set.id, &set.secret),
                )
                .await?;
                notices::tell(&own, tx, &owner, &client, News::FactorAdded(&set.secret)).await?;
                Ok::<_, JourneyError>(Made::Codes(codes))
            })
        })
        .await;
    match made {
        // Somebody else came first after all.
        Err(JourneyError::Storage(StorageError::Conflict)) => Ok(Made::Already),
        Ok(made) => {
            app.outbox.wake();
            Ok(made)
        }
        Err(error) => Err(error),
    }
}
