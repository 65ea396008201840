//! What was done with an account, by its owner and by others, for its owner.

use lanyard_app::{
    api::account::{EventView, HistoryView},
    paths,
};
use lanyard_domain::{
    account::Account,
    assurance::Method,
    audit::{Action, AuditEvent, Outcome},
    clock::Timestamp,
    id::Id,
};
use lanyard_storage::{AuditCursor, StorageError};

use super::{Owner, words::moment};
use crate::state::App;

/// Events on a page.
const PAGE: usize = 25;

/// Where the list goes on, as it stands in an address: `1788362400000.018f…`. It leads nowhere but into
/// the own list, so that it needs no tag.
fn write(event: &AuditEvent) -> String {
    format!("{}.{}", event.at.0, event.id)
}

/// The place that `text` stands for.
#[must_use]
pub fn cursor(text: &str) -> Option<AuditCursor> {
    let (at, id) = text.split_once('.')?;
    let id: Id<AuditEvent> = id.parse().ok()?;
    Some(AuditCursor { at: Timestamp(at.parse().ok()?), id })
}

/// A page of the history, from `before` on.
///
/// # Errors
/// When the database does not answer.
pub async fn page(app: &App, owner: Owner, before: Option<AuditCursor>) -> Result<HistoryView, StorageError> {
    let (account, newest) = (owner.account.id, before.is_none());
    let limit = u32::try_from(PAGE + 1).unwrap_or(u32::MAX);
    let mut events = app
        .store
        .read(move |tx| Box::pin(async move { tx.history_of(account, before.as_ref(), limit).await }))
        .await
        .map_err(|error: StorageError| error)?;
    let more = events.len() > PAGE;
    events.truncate(PAGE);
    let home = paths::account_history(&owner.visitor.domain);
    let older = events.last().filter(|_| more).map(|last| format!("{home}?before={}", write(last)));
    let events = events.iter().map(|event| view(event, account)).collect();
    Ok(HistoryView { visitor: owner.visitor, events, older, newest })
}

pub(super) fn view(event: &AuditEvent, owner: Id<Account>) -> EventView {
    EventView {
        what: words(event, owner),
        failed: event.outcome == Outcome::Failure,
        at: moment(event.at),
        browser: browser(event, owner).map(str::to_owned),
        by_others: by_others(event, owner),
    }
}

/// Whether somebody else did it, or nobody.
pub(super) fn by_others(event: &AuditEvent, owner: Id<Account>) -> bool {
    event.actor != Some(owner)
}

/// The browser that an event was made with, if it is the owner's: those of others are their own affair.
pub(super) fn browser(event: &AuditEvent, owner: Id<Account>) -> Option<&str> {
    let own = event.detail.get("browser").and_then(serde_json::Value::as_str);
    own.filter(|_| !by_others(event, owner))
}

fn method(event: &AuditEvent) -> &'static str {
    let named = event.detail.get("detail").and_then(serde_json::Value::as_str).and_then(Method::parse);
    match named {
        Some(Method::Passkey) => "a passkey",
        Some(Method::AuthenticatorApp) => "an authenticator app",
        Some(Method::TextMessage) => "a phone for text messages",
        Some(Method::PhoneCall) => "a phone for calls",
        Some(Method::RecoveryCode) => "recovery codes",
        None => "a second step",
    }
}

fn address(event: &AuditEvent) -> String {
    let told = |which: &str| event.detail.get(which).and_then(serde_json::Value::as_str);
    match (told("from"), told("to")) {
        (Some(from), Some(to)) => format!("Changed the email address from {from} to {to}"),
        // A wrong code changes nothing.
        _ => "Changed the email address".to_owned(),
    }
}

// With the reason that staff gave: it is about the owner, who may read it.
fn because(what: &str, event: &AuditEvent) -> String {
    let reason = event.detail.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default();
    format!("{what}. Reason: {reason}")
}

/// An event as a sentence. What was done to somebody or something else is work, and said as that.
pub(super) fn words(event: &AuditEvent, owner: Id<Account>) -> String {
    let own = event.target.as_deref().is_none_or(|target| target == owner.to_string());
    let text = match event.action {
        Action::SignIn => "Signed in",
        Action::SignUp => "Created the account",
        Action::SignOut => "Signed out",
        Action::PasswordChecked => "The password was typed",
        Action::FactorChecked => "The second step was tried",
        Action::RecoveryCodeUsed if event.detail.get("issued").is_some() => "Used the code from the clinic",
        Action::RecoveryCodeUsed => "Used a recovery code",
        Action::ResetAsked if own => return because("Staff asked to help you sign in", event),
        Action::ResetApproved if own => "A second member of staff approved that",
        Action::ResetRefused if own => "Staff refused that, or took it back",
        Action::ResetIssued if own => return because("Staff gave out a code to sign in", event),
        Action::PasswordReset => "Set a new password",
        Action::FactorBound => return format!("Added {}", method(event)),
        Action::EnrolmentPostponed => "Put off setting up a second step",
        Action::FactorRemoved => return format!("Removed {}", method(event)),
        Action::FactorRenamed => return format!("Gave {} another name", method(event)),
        Action::FactorDisabled => "Turned off a second step",
        Action::MinimumChanged if own && !by_others(event, owner) => "Put back what you are asked for when you sign in",
        Action::MinimumChanged if own => "The clinic changed what you are asked for when you sign in",
        Action::BrowserRemembered => "Had the browser remembered",
        Action::BrowserRecognised if event.outcome == Outcome::Failure => {
            "An old copy of a remembered browser was used: it was forgotten"
        }
        Action::BrowserRecognised => "Came from a remembered browser",
        Action::BrowserForgotten => "Forgot a remembered browser",
        Action::ProfileChanged => "Changed your details",
        Action::EmailChanged => return address(event),
        Action::AccountSecured => "Said “This wasn’t me”: everybody was signed out",
        Action::AccountDisabled => "Stopped every sign-in to the account",
        Action::AccountEnabled => "Let the account be signed in to again",
        Action::DeletionRequested => "Asked to delete the account",
        Action::DeletionUndone => "Kept the account",
        Action::AccountDeleted => "The account was deleted",
        Action::DataExported => "Downloaded your data",
        Action::ConsentGiven => "Allowed an app to see details",
        Action::ConsentWithdrawn => "Removed an app’s access",
        Action::SessionEnded => "Signed out another browser or device",
        Action::DeviceApproved => "Signed a device in",
        Action::DeviceDenied => "Refused to sign a device in",
        Action::CodeReused | Action::RefreshReused | Action::DeviceCodeReused | Action::ProofRefused => {
            "Stopped an app that used an old sign-in twice"
        }
        Action::EmailCodeSent | Action::EmailProved | Action::FactorChallenged => "Asked for a code",
        Action::GuessingDetected => "Many wrong passwords were typed here",
        Action::MessageFailed => "A message could not be delivered",
        Action::ProviderFailing | Action::ProviderRecovered => "How messages are sent was changed",
        Action::InvitationUsed => "Accepted an invitation",
        Action::PatientViewed if own => "Somebody who works here looked at your details",
        Action::RoleGranted if own => "Got another role",
        Action::RoleRevoked if own => "Lost a role",
        Action::CodeIssued
        | Action::IdTokenIssued
        | Action::CodeRedeemed
        | Action::TokenRefreshed
        | Action::TokenRevoked
        | Action::ApplicationTokenIssued
        | Action::ClientAuthenticationFailed
        | Action::FailuresLeftOut
        | Action::JourneyCancelled => "An app was at work",
        Action::TenantCreated
        | Action::TenantChanged
        | Action::ApplicationRegistered
        | Action::ApplicationChanged
        | Action::ApplicationDeleted
        | Action::ClientSecretCreated
        | Action::ClientSecretRemoved
        | Action::FlowCreated
        | Action::FlowChanged
        | Action::FlowRun
        | Action::AttributeDefined
        | Action::InvitationSent
        | Action::InvitationWithdrawn
        | Action::RoleGranted
        | Action::RoleRevoked
        | Action::PatientViewed
        | Action::ResetAsked
        | Action::ResetApproved
        | Action::ResetRefused
        | Action::ResetIssued
        | Action::MinimumChanged
        | Action::PatientsListed
        | Action::SigningKeyCreated
        | Action::SigningKeyRevoked
        | Action::SigningKeyDeleted
        | Action::RegistrationSwitched
        | Action::InitialAccessTokenCreated
        | Action::InitialAccessTokenRevoked
        | Action::InitialAccessTokenRefused
        | Action::RegistrationTokenRevoked => "Worked in a console",
    };
    text.to_owned()
}
