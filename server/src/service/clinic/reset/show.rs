//! The page of "Help with signing in", and the requests that wait. Looking at a patient is audited (O11).

use std::collections::{BTreeMap, BTreeSet};

use lanyard_app::{
    api::reset::{LostFactor, ResetForm, ResetSaid, ResetState, ResetView, WaitingReset, WaitingRow},
    components::ErrorItem,
};
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome},
    clock::Timestamp,
    factor::Factor,
    id::Id,
    reset::Reset,
    tenant::Tenant,
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use super::{Helper, live, looked_at, name_of, what};
use crate::{
    service::{account::words::moment, audit},
    state::App,
};

/// Requests on the list of patients.
const WAITING: u32 = 20;

/// What was filled in, what was wrong, and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// How the patient was recognised.
    pub recognised: String,
    /// The reason.
    pub reason: String,
    /// What was ticked.
    pub lost: BTreeSet<String>,
    /// What is wrong.
    pub problems: Vec<ErrorItem>,
    /// What came of it.
    pub said: Option<ResetSaid>,
}

/// The page for the patient `id`; `None` for anybody else, staff and patients of other clinics included.
///
/// # Errors
/// When the database does not answer; then nothing is shown.
pub async fn show(app: &App, helper: Helper, id: Id<Account>, typed: Typed) -> Result<Option<ResetView>, StorageError> {
    let own = app.clone();
    app.store.write(move |tx| Box::pin(async move { page(&own, tx, helper, id, typed).await })).await
}

async fn page(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: Helper,
    id: Id<Account>,
    typed: Typed,
) -> Result<Option<ResetView>, StorageError> {
    let (now, tenant) = (app.clock.now(), &helper.tenant);
    let Some((account, factors)) = looked_at(tx, tenant.id, id).await? else { return Ok(None) };
    let newest = tx.newest_reset(id).await?;
    let event = audit::Event::of(Action::PatientViewed, Outcome::Success).by(helper.looker.account).on(id);
    audit::append(app, tx, tenant.id, event.from(&helper.looker.client)).await?;
    let said = typed.said;
    let state = match newest {
        Some(newest) if newest.waits(now) => {
            let asked_by = asker(tx.account_by_id(tenant.id, newest.asked_by).await?.as_ref());
            ResetState::Waits(waits(&newest, &factors, (asked_by, &helper), now))
        }
        newest => state(&account, &factors, (newest.as_ref(), &helper), typed, now),
    };
    let open = factors.iter().filter(|factor| factor.is_issued() && factor.opens(now));
    let open_until = open.filter_map(|factor| factor.secret.recovery()?.until).next().map(moment);
    Ok(Some(ResetView {
        patient: id.to_string(),
        name: name_of(&account),
        email: account.email.as_str().to_owned(),
        said,
        state,
        open_until,
        second_approver: tenant.second_approver,
        visitor: helper.looker.visitor,
    }))
}

fn state(
    account: &Account,
    factors: &[Factor],
    (newest, helper): (Option<&Reset>, &Helper),
    typed: Typed,
    now: Timestamp,
) -> ResetState {
    if !factors.iter().any(Factor::stands_alone) {
        return ResetState::Nothing;
    }
    if account.disabled_at.is_some() {
        return ResetState::Disabled;
    }
    if !helper.fresh {
        return ResetState::SignInAgain { typed: typed.reason };
    }
    let off = factors.iter().filter(|factor| factor.stands_alone() && factor.is_dead());
    ResetState::Form(ResetForm {
        known: newest.map(|newest| newest.id.to_string()).unwrap_or_default(),
        live: live(factors, now)
            .map(|factor| LostFactor {
                id: factor.id.to_string(),
                what: what(factor, now),
                ticked: typed.lost.contains(&factor.id.to_string()),
            })
            .collect(),
        off: off.map(|factor| what(factor, now)).collect(),
        recognised: typed.recognised,
        reason: typed.reason,
        problems: typed.problems,
    })
}

fn waits(reset: &Reset, factors: &[Factor], (asked_by, helper): (String, &Helper), now: Timestamp) -> WaitingReset {
    let lost = factors.iter().filter(|factor| reset.lost.contains(&factor.id));
    WaitingReset {
        id: reset.id.to_string(),
        asked_by,
        asked: moment(reset.asked_at),
        until: moment(reset.ends_at),
        recognised: reset.recognised.as_str().to_owned(),
        reason: reset.reason.as_str().to_owned(),
        lost: lost.map(|factor| what(factor, now)).collect(),
        own: reset.asked_by == helper.looker.account,
        fresh: helper.fresh,
    }
}

fn asker(found: Option<&Account>) -> String {
    found.map_or_else(|| "Somebody who left".to_owned(), name_of)
}

/// The requests of `tenant` that wait at `now`, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn waiting(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    now: Timestamp,
) -> Result<Vec<WaitingRow>, StorageError> {
    let resets = tx.waiting_resets(tenant, now, WAITING).await?;
    if resets.is_empty() {
        return Ok(Vec::new());
    }
    let people = tx.people_of_waiting_resets(tenant, now, WAITING).await?;
    let people: BTreeMap<_, _> = people.iter().map(|person| (person.id, person)).collect();
    let row = |reset: Reset| {
        people.get(&reset.account).map(|patient| WaitingRow {
            patient: reset.account.to_string(),
            name: name_of(patient),
            asked_by: asker(people.get(&reset.asked_by).copied()),
            asked: moment(reset.asked_at),
        })
    };
    Ok(resets.into_iter().filter_map(row).collect())
}
