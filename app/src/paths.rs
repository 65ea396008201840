//! The addresses that pages, handlers and tests name, as functions.
//!
//! Fixed paths win over `/{tenant}/{flow}/…`, so no flow can shadow them. Names that go into a
//! path are ids, tenant domains and flow keys: none needs escaping.

/// The landing page.
pub const HOME: &str = "/";
/// The bundled "Patient portal", and its reply URL.
pub const CLAIMS: &str = "/claims";
/// The demo inbox.
pub const DEV_INBOX: &str = "/dev/inbox";
/// The operators' portal.
pub const PORTAL: &str = "/portal";
/// Ends a console session.
pub const CONSOLE_SIGN_OUT: &str = "/sign-out";

/// A journey's page.
#[must_use]
pub fn journey(id: &str) -> String {
    format!("/journey/{id}")
}

/// Where a form of a journey posts `event`.
#[must_use]
pub fn journey_event(id: &str, event: &str) -> String {
    format!("/journey/{id}/{event}")
}

/// The way back to the application, open once.
#[must_use]
pub fn journey_return(id: &str) -> String {
    format!("/journey/{id}/return")
}

/// What a person is told, before they go on, whose account is to be deleted.
#[must_use]
pub fn journey_deletion(id: &str) -> String {
    format!("/journey/{id}/deletion")
}

/// Where a journey that is over begins anew, for an application that pushes its requests.
#[must_use]
pub fn journey_again(id: &str) -> String {
    format!("/journey/{id}/again")
}

/// A journey as JSON.
#[must_use]
pub fn api_journey(id: &str) -> String {
    format!("/api/journeys/{id}")
}

/// Where the browser posts `event` as JSON.
#[must_use]
pub fn api_journey_event(id: &str, event: &str) -> String {
    format!("/api/journeys/{id}/{event}")
}

/// An invitation link into the tenant of this domain.
#[must_use]
pub fn invitation(domain: &str, token: &str) -> String {
    format!("/invitation/{domain}/{token}")
}

/// A tenant's pages in the portal.
#[must_use]
pub fn portal_tenant(domain: &str) -> String {
    format!("/portal/{domain}")
}

/// The patients of a tenant, for its staff.
#[must_use]
pub fn clinic(domain: &str) -> String {
    format!("/clinic/{domain}")
}

/// A person's own account.
#[must_use]
pub fn account(domain: &str) -> String {
    format!("/account/{domain}")
}

/// Where "Run user flow" ends: the page that redeems the code and shows the tokens.
#[must_use]
pub fn portal_run_result(domain: &str, code: &str) -> String {
    format!("/portal/{domain}/run/result?code={code}")
}

/// A patient, for the tenant's staff.
#[must_use]
pub fn clinic_patient(domain: &str, id: &str) -> String {
    format!("/clinic/{domain}/patients/{id}")
}

/// Help with signing in, for a patient of a clinic.
#[must_use]
pub fn clinic_reset(domain: &str, id: &str) -> String {
    format!("/clinic/{domain}/patients/{id}/reset")
}

/// Where a second member of staff decides about it.
#[must_use]
pub fn clinic_reset_decide(domain: &str, id: &str) -> String {
    format!("/clinic/{domain}/patients/{id}/reset/decide")
}

/// The way to a fresh sign-in, and back to it.
#[must_use]
pub fn clinic_reset_sign_in_again(domain: &str, id: &str) -> String {
    format!("/clinic/{domain}/patients/{id}/reset/sign-in-again")
}

/// What every sign-in of a patient must show.
#[must_use]
pub fn clinic_minimum(domain: &str, id: &str) -> String {
    format!("/clinic/{domain}/patients/{id}/minimum")
}

/// The way to a fresh sign-in, and back to it.
#[must_use]
pub fn clinic_minimum_sign_in_again(domain: &str, id: &str) -> String {
    format!("/clinic/{domain}/patients/{id}/minimum/sign-in-again")
}

/// Where a person takes access away from an application.
#[must_use]
pub fn account_remove_access(domain: &str) -> String {
    format!("/account/{domain}/remove-access")
}

/// Where a person signs out elsewhere: of one session, or of all but this one.
#[must_use]
pub fn account_end_sessions(domain: &str) -> String {
    format!("/account/{domain}/end-sessions")
}

/// Where a person's passkeys are added (POST), and what begins with it.
#[must_use]
pub fn account_passkeys(domain: &str) -> String {
    format!("/account/{domain}/passkeys")
}

/// The page that makes a passkey; a POST begins it.
#[must_use]
pub fn account_new_passkey(domain: &str) -> String {
    format!("/account/{domain}/passkeys/new")
}

/// Where one of a person's factors gets another name.
#[must_use]
pub fn account_rename_factor(domain: &str) -> String {
    format!("/account/{domain}/factors/rename")
}

/// Where a person removes a factor.
#[must_use]
pub fn account_remove_factor(domain: &str) -> String {
    format!("/account/{domain}/factors/remove")
}

/// Where a person changes their address.
#[must_use]
pub fn account_email(domain: &str) -> String {
    format!("/account/{domain}/email")
}

/// Where the code of a new address is typed.
#[must_use]
pub fn account_email_code(domain: &str) -> String {
    format!("/account/{domain}/email/code")
}

/// Where another code for a new address is asked for.
#[must_use]
pub fn account_email_resend(domain: &str) -> String {
    format!("/account/{domain}/email/resend")
}

/// Where the change of an address is called off.
#[must_use]
pub fn account_email_cancel(domain: &str) -> String {
    format!("/account/{domain}/email/cancel")
}

/// Where a person gives a phone another number; `?factor=` names the phone.
#[must_use]
pub fn account_phone(domain: &str) -> String {
    format!("/account/{domain}/phone")
}

/// Where the code of a new number is typed.
#[must_use]
pub fn account_phone_code(domain: &str) -> String {
    format!("/account/{domain}/phone/code")
}

/// Where another code for a new number is asked for.
#[must_use]
pub fn account_phone_resend(domain: &str) -> String {
    format!("/account/{domain}/phone/resend")
}

/// Where the change of a number is called off.
#[must_use]
pub fn account_phone_cancel(domain: &str) -> String {
    format!("/account/{domain}/phone/cancel")
}

/// Where a person makes recovery codes (POST).
#[must_use]
pub fn account_recovery_codes(domain: &str) -> String {
    format!("/account/{domain}/recovery-codes")
}

/// Where a person removes their recovery codes.
#[must_use]
pub fn account_remove_recovery_codes(domain: &str) -> String {
    format!("/account/{domain}/recovery-codes/remove")
}

/// Where a person has remembered browsers forgotten.
#[must_use]
pub fn account_forget_browsers(domain: &str) -> String {
    format!("/account/{domain}/forget-browsers")
}

/// Where a person signs in again, and comes back to the account (A20).
#[must_use]
pub fn account_sign_in_again(domain: &str) -> String {
    format!("/account/{domain}/sign-in-again")
}

/// Where a person asks for their account to be deleted.
#[must_use]
pub fn account_delete(domain: &str) -> String {
    format!("/account/{domain}/delete")
}

/// Where a person keeps an account that was to be deleted.
#[must_use]
pub fn account_keep(domain: &str) -> String {
    format!("/account/{domain}/keep")
}

/// Where the reader of a mail about a change says that it was somebody else.
#[must_use]
pub fn not_me(domain: &str, token: &str) -> String {
    format!("/not-me/{domain}/{token}")
}

/// What was done with a person's account, newest first.
#[must_use]
pub fn account_history(domain: &str) -> String {
    format!("/account/{domain}/history")
}

/// Where a person downloads what the server holds about them.
#[must_use]
pub fn account_data(domain: &str) -> String {
    format!("/account/{domain}/data")
}

/// Where a person changes their own details.
#[must_use]
pub fn account_profile(domain: &str) -> String {
    format!("/account/{domain}/profile")
}

/// Where a person types the code that a device shows (RFC 8628).
#[must_use]
pub fn device(domain: &str, flow: &str) -> String {
    format!("/{domain}/{flow}/device")
}

/// How the sign-in of a device ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceResult {
    /// It is signed in.
    Approved,
    /// The person said no.
    Denied,
    /// Its code was too old, or answered already.
    TooLate,
}

impl DeviceResult {
    /// The word in the address of [`device_result`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::TooLate => "too-late",
        }
    }

    /// The result of that word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Approved, Self::Denied, Self::TooLate].into_iter().find(|result| result.as_str() == text)
    }
}

/// Where the sign-in of a device ends.
#[must_use]
pub fn device_result(domain: &str, flow: &str, result: DeviceResult) -> String {
    format!("/{domain}/{flow}/device?result={}", result.as_str())
}
