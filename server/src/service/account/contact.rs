//! Another address or another number, by its owner: asked for, proved by a code, called off (A20, N19).
//!
//! All of it takes a fresh sign-in at AAL2, by the best that the account has, judged in the transaction of each
//! step. An account without a second factor changes its address by a fresh sign-in, a code to the present address, and then one
//! to the new one (A8): its password alone moves nothing, and sends nothing to strangers. A new
//! address that belongs to somebody else looks like any other (A6, U10): its owner is told by mail, and no
//! code that could be typed exists. What is made of a right code is in [`super::contact_change`].

use lanyard_app::{
    api::{
        account::{ContactPage, ContactProblem, ContactStep, ContactView},
        journey::{Problem, ProblemCode},
    },
    countries, paths,
};
use lanyard_domain::{
    account::AccountKind,
    assurance::Method,
    audit::{Action, Outcome},
    clock::{MINUTE, Timestamp},
    contact::{Contact, ContactChange, ContactKind, Proved},
    email::EmailAddress,
    factor::{Factor, FactorSecret},
    id::Id,
    journey::{CODE_LIFE, Refusal, SEND_WINDOW},
    phone::PhoneCountries,
    secret::SecretString,
};
use lanyard_messaging::{CodePurpose, Occasion};
use lanyard_storage::{Constraint, ReadTx, StorageError, WriteTx};

use super::{
    Owner,
    contact_change::{self, Made},
    factors::holds_contact,
    notices::{self, NOTICE_LIFE},
    words::moment,
};
use crate::{
    http::{client::Client, form::Fields},
    service::{
        audit,
        journey::{JourneyError, budget, code_of, facts::send_key, input},
        phone,
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
    let (again, by) = (owner.clone(), client.clone());
    let came = in_transaction(app, owner, client, kind, move |app, tx, (owner, client), present| {
        Box::pin(async move {
            let waits = waiting(app, tx, owner, (kind, present)).await?;
            let Some((version, mut change)) = waits else { return Ok(Came::Missing) };
            let (id, now) = (owner.account.id, app.clock.now());
            if cools_down(app, tx, owner).await? {
                return Ok(Came::CoolingDown);
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
    let own = app.clone();
    let came = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                if !holds_contact(&own, tx, owner.account.id, owner.session, kind).await? {
                    return Ok(Came::SignInAgain);
                }
                let present = present_first(tx, &owner, kind).await?;
                step(&own, tx, (&owner, &client), present.as_ref()).await
            })
        })
        .await?;
    app.outbox.wake();
    Ok(came)
}

// The address whose code comes first: that of an account that has no factor.
async fn present_first(
    tx: &mut (dyn ReadTx + '_),
    owner: &Owner,
    kind: ContactKind,
) -> Result<Option<EmailAddress>, StorageError> {
    if kind != ContactKind::Email || !tx.factors_of_account(owner.account.id).await?.is_empty() {
        return Ok(None);
    }
    let account = tx.account_by_id(owner.account.tenant, owner.account.id).await?.ok_or(StorageError::Conflict)?;
    Ok(Some(account.email))
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

// Sends a code, or says why not. The limits are those of the journey; beside the one for the destination
// there is one for the account, or it would send mail to the world.
async fn send(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (owner, client): (&Owner, &Client),
    change: &mut ContactChange,
) -> Result<Option<Refusal>, JourneyError> {
    let (account, now) = (&owner.account, app.clock.now());
    let (contact, present) = (change.contact().clone(), change.asks_present());
    let destination = send_key(app, account.tenant, change.purpose().as_str(), change.destination());
    let anywhere = send_key(app, account.tenant, "contact", &account.id.to_string());
    let histories = tx.recent_sends([&destination, &anywhere], now.minus(SEND_WINDOW)).await?;
    if let Err(refusal) = change.may_send(now, &histories) {
        return Ok(Some(refusal));
    }
    if let Contact::Phone { number, .. } = &contact {
        let tenant = tx.tenant_by_id(account.tenant).await?.ok_or(StorageError::Conflict)?;
        if !phone::is_served(&tenant.phone_countries, number) {
            return Ok(Some(Refusal::PhoneUnserved));
        }
    }
    let taken = match &contact {
        Contact::Email { .. } if present => false,
        Contact::Email { address } => tx.account_by_email(account.tenant, address).await?.is_some(),
        Contact::Phone { .. } => {
            let network = client.network();
            if let Some(from) = budget::barred_until(app, tx, account.tenant, &network, now).await? {
                return Ok(Some(Refusal::TooManySends { from }));
            }
            budget::spend(app, tx, account.tenant, &network, now).await?;
            false
        }
    };
    tx.note_send(&destination, now).await?;
    tx.note_send(&anywhere, now).await?;
    let keys = app.tenant_keys(tx, account.tenant).await?;
    let code = change.issue(now, app.entropy().as_mut(), &*keys, taken);
    let own = paths::account(&owner.visitor.domain);
    let life = if taken { NOTICE_LIFE } else { CODE_LIFE };
    let message = match present {
        true => present_code(owner, change.destination(), &code),
        false => message(app, owner, (&contact, taken), &code, &own),
    };
    notices::send(app, tx, account.tenant, (message, life)).await?;
    note(app, tx, (owner, client), change, Outcome::Success).await?;
    Ok(None)
}

// The code to the present address.
fn present_code<'a>(owner: &'a Owner, to: &'a str, code: &'a SecretString) -> Occasion<'a> {
    let purpose = CodePurpose::ChangeEmail;
    Occasion::EmailCode { purpose, to, tenant: &owner.visitor.tenant, code: code.expose(), minutes: code_minutes() }
}

fn code_minutes() -> u32 {
    u32::try_from(CODE_LIFE / MINUTE).unwrap_or(10)
}

fn message<'a>(
    app: &'a App,
    owner: &'a Owner,
    (contact, taken): (&'a Contact, bool),
    code: &'a SecretString,
    own: &'a str,
) -> Occasion<'a> {
    let (tenant, origin) = (owner.visitor.tenant.as_str(), &app.links);
    let minutes = code_minutes();
    match contact {
        Contact::Email { address } if taken => {
            Occasion::AddressWanted { to: address.as_str(), tenant, origin, sign_in_path: Some(own) }
        }
        Contact::Email { address } => {
            let (purpose, to) = (CodePurpose::VerifyEmail, address.as_str());
            Occasion::EmailCode { purpose, to, tenant, code: code.expose(), minutes }
        }
        Contact::Phone { number, method: Method::PhoneCall, .. } => {
            Occasion::MfaCall { to_e164: number.as_str(), tenant, code: code.expose(), language: "en" }
        }
        Contact::Phone { number, .. } => {
            Occasion::MfaText { to_e164: number.as_str(), tenant, origin, code: code.expose(), minutes }
        }
    }
}

// A code was sent, or a wrong one typed.
async fn note(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (owner, client): (&Owner, &Client),
    change: &ContactChange,
    outcome: Outcome,
) -> Result<(), StorageError> {
    let (action, detail) = match (change.contact(), outcome) {
        (Contact::Email { .. }, Outcome::Success) => (Action::EmailCodeSent, change.purpose().as_str()),
        (Contact::Email { .. }, Outcome::Failure) => (Action::EmailChanged, "code"),
        (Contact::Phone { method, .. }, Outcome::Success) => (Action::FactorChallenged, method.as_str()),
        (Contact::Phone { method, .. }, Outcome::Failure) => (Action::FactorBound, method.as_str()),
    };
    let id = owner.account.id;
    let event = audit::Event::of(action, outcome).by(id).on(id).from(client);
    audit::append(app, tx, owner.account.tenant, event.with(serde_json::json!({"detail": detail}))).await
}

const fn field_of(kind: ContactKind) -> &'static str {
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

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That of the address.
    Email,
    /// That of a phone; `None`: of the one whose change waits for a code.
    Phone(Option<Id<Factor>>),
}

impl Wanted {
    /// Of what kind it is.
    #[must_use]
    pub const fn kind(self) -> ContactKind {
        match self {
            Self::Email => ContactKind::Email,
            Self::Phone(_) => ContactKind::Phone,
        }
    }
}

/// The page: the code where one is waited for, else the form with what was typed. `None` if there is nothing
/// to change.
///
/// # Errors
/// When the database does not answer.
pub async fn view(
    app: &App,
    owner: Owner,
    wanted: Wanted,
    (typed, problem): (Fields, Option<ContactProblem>),
) -> Result<Option<ContactView>, StorageError> {
    if wanted == Wanted::Email && !may_change_email(owner.account.kind) {
        return Ok(None);
    }
    let (id, tenant, now) = (owner.account.id, owner.account.tenant, app.clock.now());
    let (present, factors, waits, cooling) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let present = tx.account_by_id(tenant, id).await?;
                let factors = tx.factors_of_account(id).await?;
                let cooling = tx.cooling_until(id, now).await?;
                Ok::<_, StorageError>((present, factors, pending(tx, id, wanted.kind(), now).await?, cooling))
            })
        })
        .await?;
    let present = present.map_or(owner.account.email, |present| present.email);
    // The address is all that such an account has beside its password: its code comes first.
    let alone = factors.is_empty();
    let waits = waits.filter(|change| wanted != Wanted::Email || change.is_behind(alone.then_some(&present)));
    let fresh = if alone { owner.recent } else { owner.fresh };
    let page = match wanted {
        Wanted::Email => ContactPage::Email { present: present.as_str().to_owned(), both: alone },
        Wanted::Phone(factor) => {
            let factor = factor.or(waits.as_ref().and_then(|change| match change.contact() {
                Contact::Phone { replaces, .. } => Some(*replaces),
                Contact::Email { .. } => None,
            }));
            let Some(phone) = factors.iter().find(|own| Some(own.id) == factor) else { return Ok(None) };
            let FactorSecret::Phone { number, preferred } = &phone.secret else { return Ok(None) };
            let method = Method::parse(typed.get("method")).filter(|method| method.is_phone());
            ContactPage::Phone {
                factor: phone.id.to_string(),
                present: number.masked(),
                call: method.unwrap_or(*preferred) == Method::PhoneCall,
                countries: countries::options(),
            }
        }
    };
    let step = match waits {
        _ if cooling.is_some() => ContactStep::CoolingDown { until: moment(cooling.unwrap_or(now)) },
        _ if !fresh || !owner.authentication.measures_up_to(&factors) => ContactStep::SignInAgain,
        Some(change) if change.asks_present() => ContactStep::PresentCode { to: shown(&change) },
        Some(change) => ContactStep::Code { to: shown(&change) },
        None => ContactStep::Form {
            typed: typed.get(field_of(wanted.kind())).to_owned(),
            country: match typed.get("country") {
                "" => {
                    owner.account.attributes.get("country").map(crate::service::journey::form_value).unwrap_or_default()
                }
                country => country.to_owned(),
            },
        },
    };
    Ok(Some(ContactView { visitor: owner.visitor, page, step, problem }))
}

/// The change of this kind that waits for its code.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn pending(
    tx: &mut (dyn ReadTx + '_),
    account: Id<lanyard_domain::account::Account>,
    kind: ContactKind,
    now: Timestamp,
) -> Result<Option<ContactChange>, StorageError> {
    let found = tx.contact_change(account, kind).await?.map(|(_, change)| change);
    Ok(found.filter(|change| change.is_open(now)))
}

/// Where the code goes that is waited for, as the page of whoever asked for the change may show it.
#[must_use]
pub(super) fn shown(change: &ContactChange) -> String {
    match change.contact() {
        Contact::Email { .. } => change.destination().to_owned(),
        Contact::Phone { number, .. } => number.masked(),
    }
}
