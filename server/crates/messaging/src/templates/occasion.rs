//! The occasions on which a message goes out, each with what it needs to be told.

use crate::origin::PublicOrigin;

/// What an emailed code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePurpose {
    /// Sign-up: the address belongs to whoever reads this.
    VerifyEmail,
    /// Forgotten password.
    ResetPassword,
    /// First second factor on an existing account: the owner must be the one who adds it.
    ConfirmIdentity,
    /// Another address for an account without a second factor: goes to the one that it has.
    ChangeEmail,
}

/// A kind of second step, as its owner knows it. Numbers are masked before they are shown.
#[derive(Clone, Copy)]
pub enum SecondStep<'a> {
    /// Text messages to this number (E.164).
    TextMessage(&'a str),
    /// Phone calls to this number (E.164).
    PhoneCall(&'a str),
    /// An authenticator app.
    AuthenticatorApp,
    /// A passkey.
    Passkey,
    /// A set of recovery codes.
    RecoveryCodes,
}

/// What happened to what protects an account.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// A second step was bound.
    StepAdded(SecondStep<'a>),
    /// A second step was removed.
    StepRemoved(SecondStep<'a>),
    /// A second step was disabled after too many wrong codes (N9).
    StepDisabled(SecondStep<'a>),
    /// The password was changed.
    PasswordChanged,
    /// The password was disabled after too many wrong ones (N9).
    PasswordDisabled,
    /// A passkey was turned off because there seem to be two of it.
    PasskeyCopied,
    /// The account has another address now, which is shown masked; goes to the one it had.
    EmailChanged(&'a str),
    /// The account has this address now; goes to it.
    EmailIsNew,
    /// Somebody said "This wasn't me", and the account was secured; where more is asked for again, the end of "From now
    /// on …".
    Secured(Option<&'a str>),
    /// The owner asked for the account to be deleted; then, in epoch milliseconds.
    DeletionPlanned(i64),
    /// The account will not be deleted.
    DeletionUndone,
    /// A recovery code was used; so many are left (N16).
    RecoveryCodeUsed(u32),
    /// A browser is remembered: the password alone signs in there for a while.
    BrowserRemembered,
    /// A remembered browser was forgotten because there seem to be two of it, and what it had opened was ended.
    BrowserCopied,
    /// Staff of the clinic turned second steps off and gave a code for one sign-in.
    Reset {
        /// What was turned off; empty where it was off before.
        off: &'a [SecondStep<'a>],
        /// How the person was recognised, as the end of "The clinic's staff say that they recognised you …".
        recognised: &'a str,
    },
    /// The code that staff gave was used (N16).
    IssuedCodeUsed,
    /// The clinic set what every sign-in must show, whatever the application asks: the end of "From now on …".
    MinimumRaised(&'a str),
    /// The clinic takes less than before: the end of "From now on …".
    MinimumLowered(&'a str),
    /// An operator stopped every sign-in to the account.
    AccountStopped,
    /// An operator let the account be signed in to again.
    AccountLetIn,
}

/// A change of what protects an account, and what its owner needs to judge it. Paths begin with `/` and become
/// links on `origin`.
#[derive(Clone, Copy)]
pub struct Protection<'a> {
    /// One of the account's addresses.
    pub to: &'a str,
    /// The clinic.
    pub tenant: &'a str,
    /// Root of the links.
    pub origin: &'a PublicOrigin,
    /// What happened.
    pub change: Change<'a>,
    /// When, in epoch milliseconds.
    pub at_ms: i64,
    /// The browser and system, such as "Firefox on Linux"; empty where none is known.
    pub device: &'a str,
    /// The path with the one-time token that secures the account.
    pub not_me_path: Option<&'a str>,
    /// After a recovery: for so many hours no second step can be removed, and neither address nor number changed;
    /// 0: at once.
    pub quiet_hours: u32,
    /// The account page: sign in another way, choose another password.
    pub account_path: Option<&'a str>,
    /// How to reach the clinic: a number, an address.
    pub contact: Option<&'a str>,
}

/// Something has happened that somebody must be told. Names are shown on one line and cut
/// at 80 characters; nothing that a patient typed is ever part of a message, so that
/// nobody can have words of their own mailed to a stranger in the clinic's name.
///
/// `tenant` is the clinic's display name, `to` an email address, `to_e164` a number;
/// paths begin with `/` and become links on `origin`.
#[derive(Clone, Copy)]
pub enum Occasion<'a> {
    /// An emailed code.
    EmailCode {
        /// What it is for.
        purpose: CodePurpose,
        /// Recipient.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// 4 to 10 digits.
        code: &'a str,
        /// Minutes until it expires.
        minutes: u32,
    },
    /// Somebody signed up with an address that has an account: the owner is told, the
    /// page is not (U10).
    AccountExists {
        /// The owner.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Root of the links.
        origin: &'a PublicOrigin,
        /// Where to sign in.
        sign_in_path: Option<&'a str>,
        /// Where to choose a new password.
        reset_path: Option<&'a str>,
    },
    /// Somebody wants the address of one account for another: its owner is told, the page is not (U10).
    AddressWanted {
        /// The owner.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Root of the link.
        origin: &'a PublicOrigin,
        /// Where to sign in.
        sign_in_path: Option<&'a str>,
    },
    /// Somebody asked for a new password for an address without account (U10).
    NoAccount {
        /// Whoever reads that address.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Root of the link.
        origin: &'a PublicOrigin,
        /// Where to sign up.
        sign_up_path: Option<&'a str>,
    },
    /// What protects the account was changed; its address is told, and how to repudiate it (N20, U24, A5).
    Protection(Protection<'a>),
    /// The account was deleted, as its owner asked.
    AccountDeleted {
        /// The account's address.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
    },
    /// An invitation to join the clinic's staff.
    StaffInvitation {
        /// The invited person.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Root of the link.
        origin: &'a PublicOrigin,
        /// The path with the one-time token.
        path: &'a str,
        /// Minutes until the link expires; shown as hours or days when it is even.
        minutes: u32,
    },
    /// An invitation to manage the clinic's applications and user flows.
    OperatorInvitation {
        /// The invited person.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Root of the link.
        origin: &'a PublicOrigin,
        /// The path with the one-time token.
        path: &'a str,
        /// Minutes until the link expires; shown as hours or days when it is even.
        minutes: u32,
    },
    /// Many more wrong passwords than usual are typed at the clinic; to those who run it.
    GuessingDetected {
        /// An operator.
        to: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Root of the link.
        origin: &'a PublicOrigin,
        /// The path of the clinic's page in the portal.
        portal_path: &'a str,
        /// When, in milliseconds since 1970 (UTC).
        at_ms: i64,
        /// So many in an hour.
        many: u32,
    },
    /// A code by text message (U15); browsers read its last line and offer the code only
    /// on `origin`'s host.
    MfaText {
        /// Recipient.
        to_e164: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// Names the host in the last line.
        origin: &'a PublicOrigin,
        /// 4 to 10 digits.
        code: &'a str,
        /// Minutes until it expires.
        minutes: u32,
    },
    /// Staff of the clinic gave somebody a code for signing in: told to each phone of the account (N20).
    ResetText {
        /// Recipient.
        to_e164: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// When, in epoch milliseconds.
        at_ms: i64,
    },
    /// A code by phone call (U16).
    MfaCall {
        /// Recipient.
        to_e164: &'a str,
        /// The clinic.
        tenant: &'a str,
        /// 4 to 10 digits.
        code: &'a str,
        /// The person's language, a BCP 47 tag; English where a translation is missing.
        language: &'a str,
    },
}
