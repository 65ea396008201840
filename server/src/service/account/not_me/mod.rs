//! "This wasn't me": a link in each mail about a change that secures the account (U24, A5).
//!
//! It takes what a stranger may have: every session, every token, the password, and of the factors and the
//! change of address of the last two weeks those that the person says were not theirs. It gives nothing: only
//! a reset sets another password, by the code to the address and an older factor (A8). Who has none needs the
//! clinic. The link in the mail about another address brings the former one back; every other link leaves the
//! address, so that who reads a mailbox that its owner gave up cannot take the account by a mail of before. Where
//! less is asked of the account since than before, it is asked for as much as before again ([`lowered`]).

mod lowered;
mod making;

use std::collections::BTreeSet;

use lanyard_app::{
    api::{
        account::{NotMeThing, NotMeView, SecuredView},
        minimum::rule,
    },
    paths,
};
use lanyard_domain::{
    account::Account,
    assurance::Method,
    audit::{Action, Outcome},
    clock::{MINUTE, Timestamp},
    email::EmailAddress,
    factor::Factor,
    id::Id,
    secret::Token,
    tenant::{Tenant, TenantDomain},
};
use lanyard_messaging::Change;
use lanyard_storage::{Constraint, Repudiation, StorageError, WriteTx};

pub(super) use making::link_back;
pub use making::{LINK_LIFE, link, link_of_minimum};

use super::{
    access::lock,
    factors::method_of,
    history,
    notices::{self, Told},
    words::{self, moment},
};
use crate::{
    http::{client::Client, form::Fields},
    service::{audit, journey::JourneyError, sign_out},
    state::App,
};

async fn tenant_of(app: &App, domain: &str) -> Result<Option<Tenant>, StorageError> {
    let Ok(domain) = TenantDomain::parse(domain) else { return Ok(None) };
    app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await
}

/// The field of the address on the page; a factor's is [`field_of`].
const ADDRESS: &str = "address";

fn field_of(factor: Id<Factor>) -> String {
    format!("factor-{factor}")
}

/// What the person says was not theirs. A form that says nothing about it means what the page ticks by itself.
#[derive(Debug, Clone, Default)]
pub struct Chosen(Option<BTreeSet<String>>);

impl Chosen {
    /// What the form says.
    #[must_use]
    pub fn read(fields: &Fields) -> Self {
        let ticked = || fields.0.keys().filter(|name| fields.ticked(name)).cloned().collect();
        Self(fields.ticked("chosen").then(ticked))
    }

    fn takes(&self, field: &str, preselected: bool) -> bool {
        self.0.as_ref().map_or(preselected, |chosen| chosen.contains(field))
    }
}

// The change that the mail told of. A minute more, or what happened in the same moment would be missed.
const fn change_of(link: &Repudiation) -> Timestamp {
    link.ends_at.minus(LINK_LIFE).minus(MINUTE)
}

// From when on the page lists what was done: two weeks back, and the mail's own change in any case.
fn listed_from(link: &Repudiation, now: Timestamp) -> Timestamp {
    now.minus(LINK_LIFE).min(change_of(link))
}

// The address that the link brings back, if the account has another one now.
fn former<'a>(link: &'a Repudiation, account: &Account) -> Option<&'a EmailAddress> {
    link.address.as_ref().filter(|address| link.brings_back && **address != account.email)
}

// The account's address, if it is another one than the mail went to and this link leaves it.
fn elsewhere(link: &Repudiation, account: &Account) -> Option<String> {
    let moved = !link.brings_back && link.address.as_ref().is_some_and(|address| *address != account.email);
    moved.then(|| account.email.masked())
}

/// The page of a link that works, and its tenant. Looking changes nothing: mail scanners look, too.
///
/// # Errors
/// When the database does not answer.
pub async fn look(app: &App, domain: &str, token: &str) -> Result<Option<(Tenant, NotMeView)>, StorageError> {
    let (Some(tenant), Some(token)) = (tenant_of(app, domain).await?, Token::parse(token)) else { return Ok(None) };
    let (id, hash, now, action) = (tenant.id, token.hash(), app.clock.now(), paths::not_me(domain, token.expose()));
    let own = app.clone();
    let found = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let Some(link) = tx.repudiation(id, &hash, now).await? else { return Ok(None) };
                let Some(account) = tx.account_by_id(id, link.account).await? else { return Ok(None) };
                let factors = tx.factors_of_account(account.id).await?;
                let events = tx.changes_of(account.id, listed_from(&link, now)).await?;
                let lowered = lowered::find(&own, tx, (&link, &account)).await?;
                Ok::<_, StorageError>(Some((link, account, factors, events, lowered)))
            })
        })
        .await?;
    Ok(found.map(|(link, account, factors, events, lowered)| {
        let from = listed_from(&link, now);
        let mut things: Vec<NotMeThing> = factors
            .iter()
            .filter(|factor| factor.created_at >= from && !factor.is_disabled())
            .map(|factor| thing(factor, now, change_of(&link)))
            .collect();
        if former(&link, &account).is_some() {
            let at = events.iter().find(|event| event.action == Action::EmailChanged).map(|event| moment(event.at));
            things.push(NotMeThing {
                field: ADDRESS.to_owned(),
                what: format!("The email address was changed to {}", account.email.masked()),
                at,
                ticked: true,
            });
        }
        things.extend(lowered.map(|lowered| lowered.thing()));
        let also = events.iter().map(|event| history::view(event, account.id)).collect();
        let moved = elsewhere(&link, &account);
        (tenant.clone(), NotMeView { tenant: tenant.name, action, things, moved, also })
    }))
}

fn thing(factor: &Factor, now: Timestamp, change: Timestamp) -> NotMeThing {
    let method = words::method(factor, now);
    let detail = if method.detail.is_empty() { String::new() } else { format!(" ({})", method.detail) };
    NotMeThing {
        field: field_of(factor.id),
        what: format!("{}{detail} was added", method.label),
        at: Some(method.created),
        ticked: factor.created_at >= change,
    }
}

/// Uses a link: ends every session and token of the account, removes its password, disables what was
/// `chosen`, and brings the address back. `None` if the link does not work.
///
/// # Errors
/// When the database does not answer.
pub async fn secure(
    app: &App,
    domain: &str,
    token: &str,
    (client, chosen): (Client, Chosen),
) -> Result<Option<(Tenant, SecuredView)>, JourneyError> {
    let (Some(tenant), Some(token)) = (tenant_of(app, domain).await?, Token::parse(token)) else { return Ok(None) };
    let mut secured = in_transaction(app, &tenant, &token, (&client, &chosen)).await;
    // Somebody took the address in the same moment: now it is seen.
    if matches!(secured, Err(JourneyError::Storage(StorageError::Unique(Constraint::AccountEmail)))) {
        secured = in_transaction(app, &tenant, &token, (&client, &chosen)).await;
    }
    match secured {
        Ok(view) => {
            app.outbox.wake();
            Ok(Some((tenant, view)))
        }
        Err(JourneyError::Storage(StorageError::Conflict)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn in_transaction(
    app: &App,
    tenant: &Tenant,
    token: &Token,
    (client, chosen): (&Client, &Chosen),
) -> Result<SecuredView, JourneyError> {
    let (own, tenant, hash) = (app.clone(), tenant.clone(), token.hash());
    let (client, chosen) = (client.clone(), chosen.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                // The account first, as everywhere: two links of one account wait for each other in one order.
                let link = tx.repudiation(tenant.id, &hash, now).await?.ok_or(StorageError::Conflict)?;
                lock(&own, tx, link.account).await?;
                let link = tx.use_repudiation(tenant.id, &hash, now).await?;
                // One link is enough, and none of those that a stranger got may undo it.
                tx.use_siblings(&link, now).await?;
                let account = tx.account_by_id(tenant.id, link.account).await?.ok_or(StorageError::Conflict)?;
                tx.clear_password(account.id).await?;
                sign_out::end_all(&own, tx, account.id, None, now).await?;
                tx.revoke_grants_of_account(account.id, now).await?;
                tx.drop_contact_changes(account.id).await?;
                // What somebody told the clinic in the owner's name is not approved any more.
                if tx.refuse_waiting_reset(account.id, now).await? {
                    let detail = serde_json::json!({"detail": "not_me"});
                    note(&own, tx, (&account, &client), Action::ResetRefused, detail).await?;
                }
                disable(&own, tx, (&link, &chosen), (&account, &client)).await?;
                let asked = match lowered::find(&own, tx, (&link, &account)).await? {
                    Some(lowered) => lowered.raise(&own, tx, (&account, &client), &chosen).await?,
                    None => None,
                };
                let asked = asked.map(|minimum| rule(minimum.as_str()));
                let address = readdress(&own, tx, (&link, &chosen), (&account, &client)).await?;
                // Whoever asked for its end was somebody else, too.
                if tx.deletion_of(account.id).await?.is_some() {
                    tx.keep_account(account.id).await?;
                    note(&own, tx, (&account, &client), Action::DeletionUndone, serde_json::json!({})).await?;
                }
                let detail = match address {
                    Address::Same => serde_json::json!({}),
                    Address::Back(_) => serde_json::json!({"address": "brought_back"}),
                    // Nobody gets in until the clinic has looked at it.
                    Address::Lost => serde_json::json!({"address": "lost", "disabled": true}),
                };
                note(&own, tx, (&account, &client), Action::AccountSecured, detail).await?;
                tell(&own, tx, &tenant, (&account, &client), (&link, &address, asked)).await?;
                Ok::<_, JourneyError>(SecuredView {
                    domain: tenant.domain.as_str().to_owned(),
                    tenant: tenant.name,
                    brought_back: matches!(address, Address::Back(_)).then(|| account.email.masked()),
                    moved: elsewhere(&link, &account),
                    asked: asked.map(str::to_owned),
                    stopped: account.disabled_at.is_some() || matches!(address, Address::Lost),
                })
            })
        })
        .await
}

async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (account, client): (&Account, &Client),
    action: Action,
    detail: serde_json::Value,
) -> Result<(), StorageError> {
    let event = audit::Event::of(action, Outcome::Success).by(account.id).on(account.id).from(client);
    audit::append(app, tx, account.tenant, event.with(detail)).await
}

// Disabled and not removed: the mailbox alone must not take an account below MFA (A8).
async fn disable(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (link, chosen): (&Repudiation, &Chosen),
    (account, client): (&Account, &Client),
) -> Result<(), StorageError> {
    let from = listed_from(link, app.clock.now());
    for factor in tx.factors_of_account(account.id).await? {
        let theirs = chosen.takes(&field_of(factor.id), factor.created_at >= change_of(link));
        if theirs && tx.disable_factor(account.id, factor.id, from).await? {
            let detail =
                serde_json::json!({"detail": method_of(&factor.secret).as_str(), "factor": factor.id.to_string()});
            note(app, tx, (account, client), Action::FactorDisabled, detail).await?;
        }
    }
    // Whoever has used one of the recovery codes since may have the others.
    if tx.disable_used_recovery_codes(account.id, change_of(link)).await? {
        let detail = serde_json::json!({"detail": Method::RecoveryCode.as_str()});
        note(app, tx, (account, client), Action::FactorDisabled, detail).await?;
    }
    Ok(())
}

// What became of the account's address.
enum Address {
    // Nothing: it is as it was, or the change was the person's own.
    Same,
    // It is the one again that the mail went to.
    Back(EmailAddress),
    // Another account has that one by now.
    Lost,
}

async fn readdress(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (link, chosen): (&Repudiation, &Chosen),
    (account, client): (&Account, &Client),
) -> Result<Address, StorageError> {
    let Some(former) = former(link, account).filter(|_| chosen.takes(ADDRESS, true)) else {
        return Ok(Address::Same);
    };
    // A reset would go to whoever has the address now: nobody gets in until an operator has looked at it and enabled
    // it again (`lanyard account enable`).
    if tx.account_by_email(account.tenant, former).await?.is_some() {
        if account.disabled_at.is_none() {
            tx.set_disabled(account.id, Some(app.clock.now())).await?;
            let detail = serde_json::json!({"detail": "not_me"});
            note(app, tx, (account, client), Action::AccountDisabled, detail).await?;
        }
        return Ok(Address::Lost);
    }
    tx.change_email(account.id, &account.email, former).await?;
    let mut detail = audit::addresses(&account.email, former);
    detail["detail"] = "not_me".into();
    note(app, tx, (account, client), Action::EmailChanged, detail).await?;
    Ok(Address::Back(former.clone()))
}

// Every address is told (N20): the one that the account has, the one that it had, the one of the link.
async fn tell(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    (account, client): (&Account, &Client),
    (link, address, asked): (&Repudiation, &Address, Option<&str>),
) -> Result<(), JourneyError> {
    let present = if let Address::Back(address) = address { address } else { &account.email };
    let all: BTreeSet<&EmailAddress> = [present, &account.email].into_iter().chain(link.address.as_ref()).collect();
    let own = paths::account(tenant.domain.as_str());
    for to in all {
        let account_path = (to == present).then_some(own.as_str());
        let told = Told { to, change: Change::Secured(asked), not_me_path: None, account_path };
        notices::protection(app, tx, (tenant.id, &tenant.name), client, told).await?;
    }
    Ok(())
}
