//! A second member of staff approves a request or refuses it; who asked can only take it back.

use lanyard_app::api::reset::ResetSaid;
use lanyard_domain::{
    account::Account,
    audit::Action,
    id::Id,
    reset::{Decision, Reset},
};
use lanyard_storage::WriteTx;

use super::{
    Helper, Outcome, can_be_helped,
    carry_out::{carry_out, record},
    may_help, patient, settled,
};
use crate::{service::journey::JourneyError, state::App};

/// Approves or refuses the request `reset` for the patient `id`. Of several at once one decides (D7).
///
/// # Errors
/// When the database does not answer.
pub async fn decide(
    app: &App,
    helper: Helper,
    (id, reset): (Id<Account>, Id<Reset>),
    approves: bool,
) -> Result<Outcome, JourneyError> {
    let own = app.clone();
    let decided =
        app.store.write(move |tx| Box::pin(async move { step(&own, tx, &helper, (id, reset), approves).await })).await;
    settled(app, decided, Outcome::Said(ResetSaid::Changed))
}

async fn step(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    (id, reset): (Id<Account>, Id<Reset>),
    approves: bool,
) -> Result<Outcome, JourneyError> {
    let (now, by) = (app.clock.now(), helper.looker.account);
    let fresh = may_help(app, tx, helper).await?;
    let Some((account, factors)) = patient(app, tx, helper.tenant.id, id).await? else {
        return Ok(Outcome::Missing);
    };
    let found = tx.reset(helper.tenant.id, reset).await?.filter(|reset| reset.account == id);
    let Some(reset) = found else { return Ok(Outcome::Missing) };
    // Taking one's own request back gives nothing to anybody.
    if !fresh && (approves || reset.asked_by != by) {
        return Ok(Outcome::Said(ResetSaid::SignInAgain));
    }
    if !approves {
        tx.decide_reset(&reset, Decision::Refused, by, now).await?;
        record(app, tx, helper, &reset, Action::ResetRefused).await?;
        return Ok(Outcome::Said(ResetSaid::Refused));
    }
    if reset.asked_by == by {
        return Ok(Outcome::Said(ResetSaid::Own));
    }
    if !can_be_helped(&account, &factors) {
        return Ok(Outcome::Said(ResetSaid::Changed));
    }
    tx.decide_reset(&reset, Decision::Approved, by, now).await?;
    record(app, tx, helper, &reset, Action::ResetApproved).await?;
    carry_out(app, tx, helper, &reset, (&account, &factors)).await
}
