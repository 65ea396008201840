//! A member of staff asks for a reset; where no second one is wanted, it is carried out at once.

use std::collections::BTreeSet;

use lanyard_app::api::reset::ResetSaid;
use lanyard_domain::{
    account::Account,
    audit::Action,
    factor::Factor,
    id::Id,
    reset::{
        Decision, MOST_PER_PATIENT, MOST_PER_STAFF, PATIENT_WINDOW, Reason, Recognised, Reset, STAFF_WINDOW, WAITS,
    },
};
use lanyard_storage::{StorageError, WriteTx};

use super::{
    Helper, Outcome, can_be_helped,
    carry_out::{carry_out, record},
    live, may_help, patient, settled,
};
use crate::{service::journey::JourneyError, state::App};

/// What was filled in.
#[derive(Debug, Clone)]
pub struct Draft {
    /// How the patient was recognised.
    pub recognised: Recognised,
    /// Why.
    pub reason: Reason,
    /// What is lost.
    pub lost: BTreeSet<Id<Factor>>,
    /// The newest reset that the form knew of: a form that is sent twice acts once.
    pub known: Option<Id<Reset>>,
}

/// Asks for a reset of the patient `id`, and carries it out where that is all it takes.
///
/// # Errors
/// When the database does not answer.
pub async fn ask(app: &App, helper: Helper, id: Id<Account>, draft: Draft) -> Result<Outcome, JourneyError> {
    let own = app.clone();
    let asked = app.store.write(move |tx| Box::pin(async move { step(&own, tx, &helper, id, draft).await })).await;
    settled(app, asked, Outcome::Said(ResetSaid::Changed))
}

async fn step(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    id: Id<Account>,
    draft: Draft,
) -> Result<Outcome, JourneyError> {
    let (now, staff, tenant) = (app.clock.now(), helper.looker.account, helper.tenant.id);
    let fresh = may_help(app, tx, helper).await?;
    let Some((account, factors)) = patient(app, tx, tenant, id).await? else { return Ok(Outcome::Missing) };
    if !fresh {
        return Ok(Outcome::Said(ResetSaid::SignInAgain));
    }
    let newest = tx.newest_reset(id).await?;
    if !can_be_helped(&account, &factors) || newest.as_ref().map(|newest| newest.id) != draft.known {
        return Ok(Outcome::Said(ResetSaid::Changed));
    }
    let lost: Vec<Id<Factor>> = live(&factors, now).map(|f| f.id).filter(|own| draft.lost.contains(own)).collect();
    if lost.is_empty() && live(&factors, now).any(Factor::stands_alone) {
        return Ok(Outcome::NothingLost);
    }
    if tx.resets_of_account(id, now.minus(PATIENT_WINDOW)).await? >= MOST_PER_PATIENT {
        return Ok(Outcome::Said(ResetSaid::TooManyForPatient));
    }
    if tx.resets_of_staff(staff, now.minus(STAFF_WINDOW)).await? >= MOST_PER_STAFF {
        return Ok(Outcome::Said(ResetSaid::TooManyByStaff));
    }
    // As the tenant stands in this transaction, not as it stood when the page was asked for.
    let stored = tx.tenant_by_id(tenant).await?.ok_or(StorageError::Conflict)?;
    let reset = Reset {
        id: Id::new(now, app.entropy().as_mut()),
        tenant,
        account: id,
        asked_by: staff,
        asked_at: now,
        ends_at: now.plus(WAITS),
        recognised: draft.recognised,
        reason: draft.reason,
        lost,
        decision: (!stored.second_approver).then_some(Decision::Direct),
    };
    tx.ask_reset(&reset).await?;
    // One that was never decided has made room.
    if let Some(undecided) = newest.filter(|newest| newest.decision.is_none()) {
        record(app, tx, helper, &undecided, Action::ResetRefused).await?;
    }
    record(app, tx, helper, &reset, Action::ResetAsked).await?;
    if stored.second_approver {
        return Ok(Outcome::Said(ResetSaid::Asked));
    }
    carry_out(app, tx, helper, &reset, (&account, &factors)).await
}
