//! "Help with signing in": staff turn off the second factors that a patient lost and get a code to tell them
//! ([`lanyard_domain::reset`]). Where the tenant wants it, a second member of staff decides.
//!
//! Each takes a sign-in at AAL2 of the last ten minutes, judged in the transaction of the change, like a change of
//! one's own factors (A20, A21). Who asks and who decides is locked before the patient, so that two at once wait
//! for each other in one order.

mod ask;
mod carry_out;
mod decide;
mod show;

use lanyard_app::api::reset::ResetSaid;
use lanyard_domain::{
    account::{Account, AccountKind},
    clock::Timestamp,
    factor::Factor,
    id::Id,
    recovery::RecoveryCode,
    reset::Reset,
    role::Role,
    session::Session,
    tenant::Tenant,
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

pub use ask::{Draft, ask};
pub use decide::decide;
pub use show::{Typed, show, waiting};

use super::Looker;
use crate::{
    service::{
        account::{factors::holds, words},
        journey::JourneyError,
    },
    state::App,
};

/// A member of staff who helps.
#[derive(Debug, Clone)]
pub struct Helper {
    /// Who, and from where.
    pub looker: Looker,
    /// The clinic.
    pub tenant: Tenant,
    /// The session that asks.
    pub session: Id<Session>,
    /// Whether it is fresh and at AAL2; the transaction of a change judges that once more.
    pub fresh: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, and this is the code: nothing shows it again. The patient's name, and until when it works.
    Issued(RecoveryCode, String, Timestamp),
    /// There is nothing to show but that.
    Said(ResetSaid),
    /// A factor that works has to be chosen.
    NothingLost,
    /// There is no such patient of this clinic.
    Missing,
}

/// What a change came to; `changed` where somebody else was first, be it by a conflict or by a transaction that the
/// database gave up, or where a role was taken away.
pub(super) fn settled<O>(app: &App, done: Result<O, JourneyError>, changed: O) -> Result<O, JourneyError> {
    match done {
        Err(JourneyError::Storage(StorageError::Conflict | StorageError::Raced)) => Ok(changed),
        Ok(outcome) => {
            app.outbox.wake();
            Ok(outcome)
        }
        Err(error) => Err(error),
    }
}

/// The patient, with the factors; `None` for anybody else.
pub(super) async fn looked_at(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    id: Id<Account>,
) -> Result<Option<(Account, Vec<Factor>)>, StorageError> {
    let found = tx.account_by_id(tenant, id).await?.filter(|account| account.kind == AccountKind::Patient);
    let Some(account) = found else { return Ok(None) };
    let factors = tx.factors_of_account(id).await?;
    Ok(Some((account, factors)))
}

/// The same behind the lock.
pub(super) async fn patient(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    id: Id<Account>,
) -> Result<Option<(Account, Vec<Factor>)>, StorageError> {
    // Nobody else's account is held: colleagues who name one another would wait for each other.
    if !tx.account_by_id(tenant, id).await?.is_some_and(|account| account.kind == AccountKind::Patient) {
        return Ok(None);
    }
    crate::service::account::lock(app, tx, id).await?;
    looked_at(tx, tenant, id).await
}

/// Whether there is anything to reset: a factor of its own, whatever its state, and an account that may sign in.
fn can_be_helped(account: &Account, factors: &[Factor]) -> bool {
    account.disabled_at.is_none() && factors.iter().any(Factor::stands_alone)
}

/// Whether the member of staff may change something now; behind a lock on their account and session. The role is read
/// again: it may have gone since the request began (A24).
pub(super) async fn may_help(app: &App, tx: &mut (dyn WriteTx + '_), helper: &Helper) -> Result<bool, StorageError> {
    let now = app.clock.now();
    let held = holds(app, tx, helper.looker.account, helper.session, |held| held.may_change_factors(now)).await?;
    let role = Role::ClinicStaff(helper.tenant.id);
    Ok(held && tx.roles_of_account(helper.looker.account).await?.iter().any(|grant| grant.role == role))
}

/// What can be lost: what opens something now, less the code that staff issued.
fn live(factors: &[Factor], now: Timestamp) -> impl Iterator<Item = &Factor> {
    factors.iter().filter(move |factor| factor.opens(now) && !factor.is_issued())
}

/// A factor in a few words, as staff see it: numbers are masked (O11).
fn what(factor: &Factor, now: Timestamp) -> String {
    let method = words::method(factor, now);
    if method.detail.is_empty() { method.label } else { format!("{} ({})", method.label, method.detail) }
}

pub(super) fn name_of(account: &Account) -> String {
    account.full_name().unwrap_or_else(|| account.email.as_str().to_owned())
}

/// What the log says of a reset. The reason is in the words of staff, and the patient reads it.
fn detail(reset: &Reset) -> serde_json::Value {
    serde_json::json!({
        "reset": reset.id,
        "recognised": reset.recognised.as_str(),
        "reason": reset.reason.as_str(),
    })
}
