//! "Second step for this patient": staff say what every sign-in of one patient must show, whatever the application
//! asks. It takes the same sign-in as a reset, judged in the transaction of the change.

use lanyard_app::api::minimum::{MinimumSaid, MinimumState, MinimumView};
use lanyard_domain::{
    account::Account,
    assurance::Assurance,
    audit::{Action, Outcome as How},
    id::Id,
};
use lanyard_storage::{StorageError, WriteTx};

use super::reset::{Helper, looked_at, may_help, name_of, patient, settled};
use crate::{
    service::{audit, journey::JourneyError, minimum},
    state::App,
};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing to show but that.
    Said(MinimumSaid),
    /// Nobody could reach it here.
    Unreachable,
    /// There is no such patient of this clinic.
    Missing,
}

/// The page for the patient `id`; `None` for anybody else, staff and patients of other clinics included. Looking at a
/// patient is audited (O11).
///
/// # Errors
/// When the database does not answer; then nothing is shown.
pub async fn show(
    app: &App,
    helper: Helper,
    id: Id<Account>,
    (said, problem): (Option<MinimumSaid>, Option<String>),
) -> Result<Option<MinimumView>, StorageError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let Some((account, _)) = looked_at(tx, helper.tenant.id, id).await? else { return Ok(None) };
                let looker = helper.looker;
                let event = audit::Event::of(Action::PatientViewed, How::Success).by(looker.account).on(id);
                audit::append(&own, tx, helper.tenant.id, event.from(&looker.client)).await?;
                let present = tx.own_minimum(id).await?.unwrap_or_default().as_str().to_owned();
                let passkeys = minimum::is_reachable(&own, Assurance::PhishingResistant);
                Ok(Some(MinimumView {
                    visitor: looker.visitor,
                    patient: id.to_string(),
                    name: name_of(&account),
                    email: account.email.as_str().to_owned(),
                    said,
                    state: if helper.fresh {
                        MinimumState::Form { passkeys, problem }
                    } else {
                        MinimumState::SignInAgain
                    },
                    present,
                }))
            })
        })
        .await
}

/// Sets the minimum of the patient `id`, if it is `present` now.
///
/// # Errors
/// When the database does not answer.
pub async fn set(
    app: &App,
    helper: Helper,
    id: Id<Account>,
    change: (Assurance, Assurance),
) -> Result<Outcome, JourneyError> {
    let own = app.clone();
    let done = app.store.write(move |tx| Box::pin(async move { step(&own, tx, &helper, id, change).await })).await;
    settled(app, done, Outcome::Said(MinimumSaid::Changed))
}

async fn step(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    id: Id<Account>,
    (present, wanted): (Assurance, Assurance),
) -> Result<Outcome, JourneyError> {
    let fresh = may_help(app, tx, helper).await?;
    let Some((account, _)) = patient(app, tx, helper.tenant.id, id).await? else { return Ok(Outcome::Missing) };
    if !fresh {
        return Ok(Outcome::Said(MinimumSaid::SignInAgain));
    }
    if !minimum::is_reachable(app, wanted) {
        return Ok(Outcome::Unreachable);
    }
    // The same form once more (U5), or a colleague who wanted the same: it is so.
    let now = tx.own_minimum(id).await?;
    if now == Some(wanted) {
        return Ok(Outcome::Said(MinimumSaid::Saved));
    }
    if now != Some(present) {
        return Ok(Outcome::Said(MinimumSaid::Changed));
    }
    let by = (Some(helper.looker.account), &helper.looker.client);
    minimum::set(app, tx, (&helper.tenant, &account), (present, wanted), by).await?;
    Ok(Outcome::Said(MinimumSaid::Saved))
}
