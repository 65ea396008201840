//! The minimum assurance of one account, whatever its user flow says: set by staff of the clinic and on the command
//! line. Nobody lowers their own; "This wasn't me" raises it to what it was (`account/not_me/lowered.rs`).

use lanyard_app::{api::minimum::rule, paths};
use lanyard_domain::{
    account::Account,
    assurance::Assurance,
    audit::{Action, Outcome},
    id::Id,
    tenant::Tenant,
};
use lanyard_messaging::Change;
use lanyard_storage::WriteTx;

use super::{
    account::{
        not_me,
        notices::{self, Told},
    },
    audit,
    journey::JourneyError,
    sign_out,
};
use crate::{http::client::Client, state::App};

/// Whether `minimum` can be reached here at all: without passkeys, which an address of numbers alone cannot have,
/// nobody shows one, and everybody of whom it is asked would be shut out.
#[must_use]
pub fn is_reachable(app: &App, minimum: Assurance) -> bool {
    minimum < Assurance::PhishingResistant || app.passkeys.is_some()
}

/// Sets the own minimum of `account`, which the caller holds, from `present` to `wanted`, with its event in the log and
/// the mail to its owner. Where it rises, every session and every grant ends that comes of less. Wake the outbox after
/// the commit.
///
/// # Errors
/// A conflict if it is not `present` now; or the database does not answer.
pub async fn set(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, account): (&Tenant, &Account),
    (present, wanted): (Assurance, Assurance),
    (actor, client): (Option<Id<Account>>, &Client),
) -> Result<(), JourneyError> {
    tx.set_own_minimum(account.id, present, wanted).await?;
    if wanted > present {
        end_weaker(app, tx, account.id, wanted).await?;
    }
    let detail = serde_json::json!({"minimum": wanted, "before": present});
    let event = audit::Event::of(Action::MinimumChanged, Outcome::Success).on(account.id).from(client).with(detail);
    let event = match actor {
        Some(actor) => event.by(actor),
        None => event,
    };
    audit::append(app, tx, tenant.id, event).await?;
    tell(app, tx, (tenant, account), (present, wanted), client).await
}

async fn end_weaker(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    minimum: Assurance,
) -> Result<(), JourneyError> {
    let now = app.clock.now();
    for session in tx.live_sessions_of_account(account, now).await? {
        if !session.authentication.reaches(minimum) {
            sign_out::end(app, tx, &session, now).await?;
        }
    }
    for grant in tx.grants_of_account(account).await? {
        if !grant.authentication.reaches(minimum) {
            tx.revoke_grant(grant.id, now).await?;
        }
    }
    Ok(())
}

async fn tell(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, account): (&Tenant, &Account),
    (present, wanted): (Assurance, Assurance),
    client: &Client,
) -> Result<(), JourneyError> {
    let rule = rule(wanted.as_str());
    let change = if wanted > present { Change::MinimumRaised(rule) } else { Change::MinimumLowered(rule) };
    let domain = tenant.domain.as_str();
    let of = (tenant.id, domain);
    let path = not_me::link_of_minimum(app, tx, of, (account.id, present)).await?;
    let own = paths::account(domain);
    let told = Told { to: &account.email, change, not_me_path: Some(&path), account_path: Some(&own) };
    notices::protection(app, tx, (tenant.id, &tenant.name), client, told).await
}
