//! What a reset does: the lost factors are off, everybody is signed out, one code is issued, and the patient is told
//! on every channel (N20). All of it in the transaction of the decision.

use std::collections::BTreeSet;

use lanyard_app::{api::reset::RECOGNISED, paths};
use lanyard_domain::{
    account::Account,
    audit::{Action, Outcome as How},
    clock::Timestamp,
    factor::{Factor, FactorSecret, NewFactor},
    id::Id,
    phone::PhoneNumber,
    recovery::RecoveryCodes,
    reset::Reset,
};
use lanyard_messaging::{Change, Occasion, SecondStep};
use lanyard_storage::{StorageError, WriteTx};

use super::{Helper, Outcome, detail, name_of};
use crate::{
    service::{
        account::{
            factors::method_of,
            not_me,
            notices::{self, NOTICE_LIFE, Told},
        },
        audit,
        journey::{JourneyError, budget},
        phone, sign_out,
    },
    state::App,
};

/// Writes down what was done for whom, and why.
pub(super) async fn record(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    reset: &Reset,
    action: Action,
) -> Result<(), StorageError> {
    note(app, tx, helper, (reset.account, action, detail(reset))).await
}

async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    (account, action, detail): (Id<Account>, Action, serde_json::Value),
) -> Result<(), StorageError> {
    let looker = &helper.looker;
    let event = audit::Event::of(action, How::Success).by(looker.account).on(account).from(&looker.client);
    audit::append(app, tx, looker.tenant, event.with(detail)).await
}

/// Carries out a reset that needs nobody's word any more.
pub(super) async fn carry_out(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    reset: &Reset,
    (account, factors): (&Account, &[Factor]),
) -> Result<Outcome, JourneyError> {
    let now = app.clock.now();
    let mut off = Vec::new();
    // Off and not deleted: the account stays at its level (A8).
    for factor in factors.iter().filter(|factor| reset.lost.contains(&factor.id)) {
        if tx.disable_factor(account.id, factor.id, Timestamp(0)).await? {
            let detail =
                serde_json::json!({"detail": method_of(&factor.secret).as_str(), "factor": factor.id.to_string()});
            note(app, tx, helper, (account.id, Action::FactorDisabled, detail)).await?;
            off.push(notices::step(&factor.secret));
        }
    }
    let until = now.plus(reset.recognised.code_life());
    let (codes, code) = RecoveryCodes::issue(until, app.entropy().as_mut());
    let set = NewFactor {
        id: Id::new(now, app.entropy().as_mut()),
        secret: FactorSecret::RecoveryCodes(codes),
        name: "Code from the clinic".to_owned(),
        first_step: None,
    };
    tx.issue_recovery_code(account.id, &set, until, now).await?;
    sign_out::end_all(app, tx, account.id, None, now).await?;
    tx.revoke_grants_of_account(account.id, now).await?;
    // An address or a number that somebody began to bind before is not bound behind the reset.
    tx.drop_contact_changes(account.id).await?;
    record(app, tx, helper, reset, Action::ResetIssued).await?;
    mail(app, tx, helper, reset, (account, &off)).await?;
    text(app, tx, helper, (account, factors)).await?;
    Ok(Outcome::Issued(code, name_of(account), until))
}

async fn mail(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    reset: &Reset,
    (account, off): (&Account, &[SecondStep<'_>]),
) -> Result<(), JourneyError> {
    let (tenant, domain) = (&helper.tenant, helper.tenant.domain.as_str());
    let way = RECOGNISED.iter().find(|(value, _, _)| *value == reset.recognised.as_str());
    let change = Change::Reset { off, recognised: way.map_or("", |(_, _, words)| words) };
    let path = not_me::link(app, tx, (tenant.id, domain), account.id).await?;
    let own = paths::account(domain);
    let told = Told { to: &account.email, change, not_me_path: Some(&path), account_path: Some(&own) };
    notices::protection(app, tx, (tenant.id, &tenant.name), &helper.looker.client, told).await
}

// Every phone, those that are off as well: whoever lost it may have got the number back, and whoever did not lose it
// must learn of this.
async fn text(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    helper: &Helper,
    (account, factors): (&Account, &[Factor]),
) -> Result<(), JourneyError> {
    if !app.channels.text {
        return Ok(());
    }
    let (tenant, now) = (&helper.tenant, app.clock.now());
    let numbers: BTreeSet<&str> = factors
        .iter()
        .filter_map(|factor| factor.secret.number())
        .filter(|number| phone::is_served(&tenant.phone_countries, number))
        .map(PhoneNumber::as_str)
        .collect();
    for to_e164 in numbers {
        budget::spend(app, tx, account.tenant, &helper.looker.client.network(), now).await?;
        let occasion = Occasion::ResetText { to_e164, tenant: &tenant.name, at_ms: now.0 };
        notices::send(app, tx, tenant.id, (occasion, NOTICE_LIFE)).await?;
    }
    Ok(())
}
