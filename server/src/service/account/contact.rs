//! Another address or another number, by its owner: asked for, proved by a code, called off (A20, N19).
//!
//! All of it takes a fresh sign-in at AAL2, by the best that the account has, judged in the transaction of each
//! step. An account without a second factor changes its address by a fresh sign-in, a code to the present address, and then one
//! to the new one (A8): its password alone moves nothing, and sends nothing to strangers. A new
//! address that belongs to somebody else looks like any other (A6, U10): its owner is told by mail, and no
//! code that could be typed exists. Codes go out by [`super::contact_code`], the page is in [`super::contact_page`],
//! and what is made of a right code is in [`super::contact_change`].

use lanyard_app::api::{
    account::ContactProblem,
    journey::{Problem, ProblemCode},
};
use lanyard_domain::{
    account::AccountKind,
    assurance::Method,
    audit::{Action, Outcome},
    clock::Timestamp,
    contact::{Contact, ContactChange, ContactKind, Proved},
    email::EmailAddress,
    factor::{Factor, FactorSecret},
    journey::Refusal,
    phone::PhoneCountries,
};
use lanyard_storage::{Constraint, ReadTx, StorageError, WriteTx};

pub use super::contact_page::{Wanted, view};
pub(super) use super::contact_page::{pending, shown};
use super::{
    Owner,
    contact_change::{self, Made},
    contact_code::{note, send},
    factors::holds_contact,
};
use crate::{
    http::{client::Client, form::Fields},
    service::{
        audit,
        journey::{JourneyError, code_of, input},
    },
    state::App,
};

/// What came of a form.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// A code is on its way; the page asks for it.
    Waiting,
    /// The change is made.
    Changed,
    /// Nothing is changed, as was wished.
    CalledOff,
    /// The session is below the account's level, too old for this, or over.
    SignInAgain,
    /// The account was recovered a short while ago: address and numbers stay for now.
    CoolingDown,
    /// There is no such phone, no change that waits for a code, or it is not for this kind of account.
    Missing,
    /// The page again.
    Refused(ContactProblem),
}

/// Whether the owner of such an account changes its address alone. Staff and operators are known by the
/// address that they were invited by.
#[must_use]
pub const fn may_change_email(kind: AccountKind) -> bool {
    matches!(kind, AccountKind::Patient)
}

/// What was typed into the form for `kind`, or what is wrong with it; texts and calls go to `countries`.
///
/// # Errors
/// The problem; `None`: what nobody can have typed.
pub fn read(kind: ContactKind, countries: &PhoneCountries, fields: &Fields) -> Result<Contact, Option<Problem>> {
    match kind {
        ContactKind::Email => Ok(Contact::Email { address: input::email(fields)? }),
        ContactKind::Phone => {
            let replaces = fields.get("factor").parse().map_err(|_| None)?;
            let method = Method::parse(fields.get("method")).filter(|method| method.is_phone()).ok_or(None)?;
            Ok(Contact::Phone { number: input::phone_of(countries, fields)?, method, replaces })
        }
    }
}

/// Asks for `wanted`: a code goes to it.
///
/// # Errors
/// When the database does not answer.
pub async fn ask(app: &App, owner: Owner, client: Client, wanted: Contact) -> Result<Came, JourneyError> {
    let kind = wanted.kind();
    if kind == ContactKind::Email && !may_change_email(owner.account.kind) {
        return Ok(Came::Missing);
    }
    let can = match &wanted {
        Contact::Email { .. } => app.channels.email.then_some(()).ok_or(ProblemCode::EmailUnavailable),
        Contact::Phone { method: Method::PhoneCall, .. } => {
            app.channels.call.then_some(()).ok_or(ProblemCode::MethodUnavailable)
        }
        Contact::Phone { .. } => app.channels.text.then_some(()).ok_or(ProblemCode::MethodUnavailable),
    };
    if let Err(code) = can {
        return Ok(refused(field_of(kind), code));
    }
    in_transaction(app, owner, client, kind, move |app, tx, (owner, client), present| {
        Box::pin(async move {
            if cools_down(app, tx, owner).await? {
                return Ok(Came::CoolingDown);
            }
            match fits(tx, owner, &wanted).await? {
                None => {}
                Some(came) => return Ok(came),
            }
            let (version, earlier) = tx.contact_change(owner.account.id, kind).await?.unzip();
            let mut change = ContactChange::begin(wanted, present, earlier, app.clock.now(), app.entropy().as_mut());
            match send(app, tx, (owner, client), &mut change).await? {
                // The same again within seconds: its code is underway.
                None | Some(Refusal::ResendTooSoon { .. }) => {
                    tx.save_contact_change(owner.account.id, version, &change).await?;
                    Ok(Came::Waiting)
                }
                Some(refusal) => Ok(said(field_of(kind), &refusal, app.clock.now())),
            }
        })
    })
    .await
}

/// Another code for the change of this kind that waits for one.
///
/// # Errors
/// When the database does not answer.
pub async fn resend(app: &App, owner: Owner, client: Client, kind: ContactKind) -> Result<Came, JourneyError> {
    in_transaction(app, owner, client, kind, move |app, tx, (owner, client), present| {
        Box::pin(async move {
            let waits = waiting(app, tx, owner, (kind, present)).await?;
            let Some((version, mut change)) = waits else { return Ok(Came::Missing) };
            if cools_down(app, tx, owner).await? {
                return Ok(Came::CoolingDown);
            }
            match send(app, tx, (owner, client), &mut change).await? {
                None => {
                    tx.save_contact_change(owner.account.id, Some(version), &change).await?;
                    Ok(Came::Waiting)
                }
                Some(refusal) => Ok(said("", &refusal, app.clock.now())),
            }
        })
    })
    .await
}

/// Calls the change of this kind off.
///
/// # Errors
/// When the database does not answer.
pub async fn call_off(app: &App, owner: Owner, client: Client, kind: ContactKind) -> Result<Came, JourneyError> {
    in_transaction(app, owner, client, kind, move |app, tx, (owner, _), _| {
        Box::pin(async move {
            if let Some((version, change)) = waiting(app, tx, owner, (kind, None)).await? {
                tx.save_contact_change(owner.account.id, Some(version), &change.called_off()).await?;
            }
            Ok(Came::CalledOff)
        })
    })
    .await
}

/// The code. A right one makes the change, there and then.
///
/// # Errors
/// When the database does not answer.
pub async fn answer(
    app: &App,
    owner: Owner,
    client: Client,
    kind: ContactKind,
    fields: &Fields,
) -> Result<Came, JourneyError> {
    let digits = match input::code(fields) {
        Ok(digits) => digits,
        Err(problem) => return Ok(Came::Refused(ContactProblem::Field(problem))),
    };
    let (again, by, of) = (owner.clone(), client.clone(), fields.get("of").to_owned());
    let came = in_transaction(app, owner, client, kind, move |app, tx, (owner, client), present| {
        Box::pin(async move {
            let waits = waiting(app, tx, owner, (kind, present)).await?;
            let Some((version, mut change)) = waits else { return Ok(Came::Missing) };
            let (id, now) = (owner.account.id, app.clock.now());
            if cools_down(app, tx, owner).await? {
                return Ok(Came::CoolingDown);
            }
            // The code before, sent once more (U5): no try of the one that is waited for by now.
            if !of.is_empty() && of != change.purpose().as_str() {
                return Ok(Came::Waiting);
            }
            let keys = app.tenant_keys(tx, owner.account.tenant).await?;
            match change.answer(&digits, now, &*keys) {
                Ok(Proved::All) => {}
                Ok(Proved::Present) => return go_on(app, tx, (owner, client), (version, change)).await,
                Err(refusal) => {
                    tx.save_contact_change(id, Some(version), &change).await?;
                    note(app, tx, (owner, client), &change, Outcome::Failure).await?;
                    return Ok(said("code", &refusal, now));
                }
            }
            tx.drop_contact_change(id, kind, version).await?;
            match contact_change::make(app, tx, (owner, client), change.contact()).await? {
                Made::Done => Ok(Came::Changed),
                Made::Missing => Ok(Came::Missing),
            }
        })
    })
    .await;
    match came {
        // Whoever proved that they read that mailbox may know that somebody else was first.
        Err(JourneyError::Storage(StorageError::Unique(Constraint::AccountEmail))) => {
            call_off(app, again, by, kind).await?;
            Ok(Came::Refused(ContactProblem::Taken))
        }
        other => other,
    }
}

// The present address is proved: the code of the new one goes out, or the page says when it can.
async fn go_on(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (owner, client): (&Owner, &Client),
    (version, mut change): (i64, ContactChange),
) -> Result<Came, JourneyError> {
    let (id, now) = (owner.account.id, app.clock.now());
    let event = audit::Event::of(Action::EmailProved, Outcome::Success).by(id).on(id).from(client);
    let event = event.with(serde_json::json!({"detail": "leave_email"}));
    audit::append(app, tx, owner.account.tenant, event).await?;
    let refused = send(app, tx, (owner, client), &mut change).await?;
    tx.save_contact_change(id, Some(version), &change).await?;
    Ok(refused.map_or(Came::Waiting, |refusal| said("", &refusal, now)))
}

type Step<'t> = std::pin::Pin<Box<dyn Future<Output = Result<Came, JourneyError>> + Send + 't>>;

// One step: the account is held and its session judged before anything else is done. The step is told the
// present address if a code to it must come first.
async fn in_transaction<F>(
    app: &App,
    owner: Owner,
    client: Client,
    kind: ContactKind,
    step: F,
) -> Result<Came, JourneyError>
where
    F: for<'t> FnOnce(
            &'t App,
            &'t mut (dyn WriteTx + 't),
            (&'t Owner, &'t Client),
            Option<&'t EmailAddress>,
        ) -> Step<'t>
        + Send
        + 'static,
{
    let beat = app.pace.begin().await;
    let own = app.clone();
    let came = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let Some(alone) = holds_contact(&own, tx, owner.account.id, owner.session, kind).await? else {
                    return Ok(Came::SignInAgain);
                };
                let present = if alone { Some(present_address(tx, &owner).await?) } else { None };
                step(&own, tx, (&owner, &client), present.as_ref()).await
            })
        })
        .await;
    app.outbox.wake();
    // Whether somebody else has the address is not told, nor by the time it takes to look (D11), whatever comes of it.
    if kind == ContactKind::Email {
        beat.keep().await;
    }
    came
}

// The address whose code comes first, as it stands now.
async fn present_address(tx: &mut (dyn ReadTx + '_), owner: &Owner) -> Result<EmailAddress, StorageError> {
    let account = tx.account_by_id(owner.account.tenant, owner.account.id).await?.ok_or(StorageError::Conflict)?;
    Ok(account.email)
}

async fn waiting(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    owner: &Owner,
    (kind, present): (ContactKind, Option<&EmailAddress>),
) -> Result<Option<(i64, ContactChange)>, StorageError> {
    let found = tx.contact_change(owner.account.id, kind).await?;
    Ok(found.filter(|(_, change)| change.is_open(app.clock.now()) && change.is_behind(present)))
}

async fn cools_down(app: &App, tx: &mut (dyn WriteTx + '_), owner: &Owner) -> Result<bool, StorageError> {
    Ok(tx.cooling_until(owner.account.id, app.clock.now()).await?.is_some())
}

// Whether there is something to change; else what to say.
async fn fits(tx: &mut (dyn WriteTx + '_), owner: &Owner, wanted: &Contact) -> Result<Option<Came>, JourneyError> {
    let same = Some(Came::Refused(ContactProblem::Same));
    match wanted {
        Contact::Email { address } => {
            let present = tx.account_by_id(owner.account.tenant, owner.account.id).await?;
            Ok(present.is_none_or(|present| present.email == *address).then_some(same).flatten())
        }
        Contact::Phone { number, replaces, .. } => {
            let factors = tx.factors_of_account(owner.account.id).await?;
            if !factors.iter().any(|own| own.id == *replaces && is_phone(own)) {
                return Ok(Some(Came::Missing));
            }
            let has = |own: &Factor| matches!(&own.secret, FactorSecret::Phone { number: one, .. } if one == number);
            Ok(factors.iter().any(has).then_some(same).flatten())
        }
    }
}

const fn is_phone(factor: &Factor) -> bool {
    matches!(factor.secret, FactorSecret::Phone { .. })
}

pub(super) const fn field_of(kind: ContactKind) -> &'static str {
    match kind {
        ContactKind::Email => "email",
        ContactKind::Phone => "phone",
    }
}

fn refused(field: &str, code: ProblemCode) -> Came {
    Came::Refused(ContactProblem::Field(Problem { field: field.to_owned(), code }))
}

fn said(field: &str, refusal: &Refusal, now: Timestamp) -> Came {
    refused(field, code_of(refusal, now).unwrap_or(ProblemCode::OutOfStep))
}
