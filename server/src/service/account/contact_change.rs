//! What is made of a new address or number that was proved, in the transaction of the right code.
//!
//! Everybody else is signed out and every token ends, as with each change of what protects an account
//! (A19, failure 8), and every address is told (N20).

use lanyard_app::paths;
use lanyard_domain::{
    audit::{Action, Outcome},
    contact::Contact,
    email::EmailAddress,
    factor::{Factor, FactorSecret, NewFactor},
    id::Id,
};
use lanyard_messaging::Change;
use lanyard_storage::{StorageError, WriteTx};

use super::{
    Owner,
    factors::method_of,
    not_me,
    notices::{self, News, Told},
};
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError, sign_out},
    state::App,
};

/// What came of it.
pub(super) enum Made {
    /// It is done.
    Done,
    /// The phone that it was to replace is gone.
    Missing,
}

/// Makes `contact` the account's.
///
/// # Errors
/// When the database does not answer; if another account has the address by now, the transaction is lost.
pub(super) async fn make(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (owner, client): (&Owner, &Client),
    contact: &Contact,
) -> Result<Made, JourneyError> {
    let made = match contact {
        Contact::Email { address } => address_of(app, tx, (owner, client), address).await?,
        Contact::Phone { number, method, replaces } => {
            let secret = FactorSecret::Phone { number: number.clone(), preferred: *method };
            phone(app, tx, (owner, client), (secret, number.masked(), *replaces)).await?
        }
    };
    if matches!(made, Made::Done) {
        let (account, now) = (owner.account.id, app.clock.now());
        sign_out::end_all(app, tx, account, Some(owner.session), now).await?;
        tx.revoke_grants_of_account(account, now).await?;
    }
    Ok(made)
}

async fn address_of(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (owner, client): (&Owner, &Client),
    address: &EmailAddress,
) -> Result<Made, JourneyError> {
    let (id, tenant) = (owner.account.id, owner.account.tenant);
    let domain = owner.visitor.domain.as_str();
    let present = tx.account_by_id(tenant, id).await?.ok_or(StorageError::Conflict)?.email;
    // Before the change: the link brings the address back that the account has now.
    let back = not_me::link_back(app, tx, (tenant, domain), id).await?;
    tx.change_email(id, &present, address).await?;
    // Who reads the new address may say that it was not them, too; that moves nothing.
    let not_me = not_me::link(app, tx, (tenant, domain), id).await?;
    let event = audit::Event::of(Action::EmailChanged, Outcome::Success).by(id).on(id).from(client);
    audit::append(app, tx, tenant, event.with(audit::addresses(&present, address))).await?;
    let (own, masked) = (paths::account(domain), address.masked());
    let old = Change::EmailChanged(&masked);
    for told in [
        Told { to: &present, change: old, not_me_path: Some(&back), account_path: None },
        Told { to: address, change: Change::EmailIsNew, not_me_path: Some(&not_me), account_path: Some(&own) },
    ] {
        notices::protection(app, tx, (tenant, &owner.visitor.tenant), client, told).await?;
    }
    Ok(Made::Done)
}

async fn phone(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (owner, client): (&Owner, &Client),
    (secret, name, replaces): (FactorSecret, String, Id<Factor>),
) -> Result<Made, JourneyError> {
    let (account, now) = (&owner.account, app.clock.now());
    let own = tx.factors_of_account(account.id).await?;
    let Some(old) = own.into_iter().find(|own| own.id == replaces) else { return Ok(Made::Missing) };
    let new = NewFactor { id: Id::new(now, app.entropy().as_mut()), secret, name, first_step: None };
    tx.bind_factor(account.id, &new, now).await?;
    // The new one is left, whatever else there is.
    tx.remove_factor(account.id, old.id, 1).await?;
    let told = [
        (Action::FactorBound, new.id, &new.secret, News::FactorAdded(&new.secret)),
        (Action::FactorRemoved, old.id, &old.secret, News::FactorRemoved(&old.secret)),
    ];
    for (action, factor, secret, news) in told {
        let detail = serde_json::json!({"detail": method_of(secret).as_str(), "factor": factor.to_string()});
        let event = audit::Event::of(action, Outcome::Success).by(account.id).on(account.id).from(client);
        audit::append(app, tx, account.tenant, event.with(detail)).await?;
        notices::tell(app, tx, owner, client, news).await?;
    }
    Ok(Made::Done)
}
