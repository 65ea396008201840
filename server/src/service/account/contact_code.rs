//! The codes of a change of address or number: which one goes out, where to, and within which limits (A14).
//!
//! Each is noted in the audit log, and so is a wrong one that was typed.

use lanyard_app::paths;
use lanyard_domain::{
    assurance::Method,
    audit::{Action, Outcome},
    clock::MINUTE,
    contact::{Contact, ContactChange},
    journey::{CODE_LIFE, Refusal, SEND_WINDOW},
    secret::SecretString,
};
use lanyard_messaging::{CodePurpose, Occasion};
use lanyard_storage::{StorageError, WriteTx};

use super::{
    Owner,
    notices::{self, NOTICE_LIFE},
};
use crate::{
    http::client::Client,
    service::{
        audit,
        journey::{JourneyError, budget, facts::send_key},
        phone,
    },
    state::App,
};

// Sends a code, or says why not. The limits are those of the journey; beside the one for the destination
// there is one for the account, or it would send mail to the world.
pub(super) async fn send(
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
pub(super) async fn note(
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
