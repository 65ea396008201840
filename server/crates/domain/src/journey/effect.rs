//! What a step wants done outside, in the transaction that stores the journey.

use super::{CodePurpose, NewAccount};
use crate::{
    account::Account,
    application::Application,
    assurance::Method,
    attribute::Attributes,
    audit::{Action, Outcome},
    clock::Timestamp,
    consent::Items,
    email::EmailAddress,
    factor::{Factor, NewFactor},
    id::Id,
    phone::PhoneNumber,
    remembered::RememberedBrowser,
    secret::{SecretString, TokenHash},
};

/// A message without a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Somebody tried to sign up with the address of an account (U10).
    AlreadyRegistered,
    /// Somebody asked for a new password, and there is no account (U10).
    NoAccount,
    /// A second factor was bound (N20).
    FactorBound(Method),
    /// The password was changed (N20).
    PasswordChanged,
    /// The password was disabled after too many wrong ones (N9).
    PasswordDisabled,
    /// A factor was disabled after too many wrong codes (N9).
    FactorDisabled(Method),
    /// A passkey was turned off, because there seem to be two of it (A5).
    PasskeyCopied,
    /// A recovery code was used (N16).
    RecoveryCodeUsed {
        /// How many are left.
        left: u32,
    },
    /// A code that staff issued was used (N16).
    IssuedCodeUsed,
    /// A browser is remembered from now on (U23, U24).
    BrowserRemembered,
    /// A remembered browser was forgotten, because there seem to be two of it (U24).
    BrowserCopied,
}

/// An effect.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub enum Effect {
    /// Send a code by email, and note the send.
    SendEmailCode {
        /// Where to.
        to: EmailAddress,
        /// What for.
        purpose: CodePurpose,
        /// The code.
        code: SecretString,
    },
    /// Send a code by text or call, and note the send.
    SendPhoneCode {
        /// Where to.
        to: PhoneNumber,
        /// What for.
        purpose: CodePurpose,
        /// Text or call.
        method: Method,
        /// The code.
        code: SecretString,
    },
    /// Send a notice. Instead of a code it counts as a send, so that both look the same.
    SendNotice {
        /// Where to.
        to: EmailAddress,
        /// Which.
        notice: Notice,
    },
    /// Create the account with its password and factors; use up its invitation and grant its
    /// role. Fails as a whole if the address is taken or the invitation was used.
    CreateAccount(Box<NewAccount>),
    /// Replace the password of this version; end every session and refresh token of the account and forget
    /// its browsers. Its cool-down begins ([`crate::cool_down`]).
    SetPassword {
        /// Whose.
        account: Id<Account>,
        /// The version that is replaced; `None` if there was none.
        replaces: Option<i64>,
        /// The new PHC string.
        phc: String,
    },
    /// Bind a factor to an existing account and forget its browsers.
    BindFactor {
        /// Whose.
        account: Id<Account>,
        /// The factor.
        factor: NewFactor,
        /// It is the account's first: every session so far is below the account's own level from
        /// now on, and ends.
        first: bool,
    },
    /// Remember all that the person agreed to give to an application, now and before.
    GiveConsent {
        /// Whose.
        account: Id<Account>,
        /// To which.
        application: Id<Application>,
        /// What.
        items: Items,
    },
    /// A challenge was answered: clear the failures and note the use.
    FactorUsed {
        /// The factor.
        factor: Id<Factor>,
        /// By which method.
        method: Method,
        /// For an authenticator app: the step, for a passkey that counts: the counter. It must be
        /// later than the last one stored.
        step: Option<i64>,
    },
    /// A recovery code was used: it is used up, once and for all (N15), the set's failures are cleared, it is
    /// written down, the account's browsers are forgotten, and the owner is told (N16). Its cool-down begins ([`crate::cool_down`]).
    RecoveryCodeUsed {
        /// The set.
        factor: Id<Factor>,
        /// Which code of it.
        at: u32,
        /// Whose.
        account: Id<Account>,
        /// The owner's address.
        to: EmailAddress,
        /// How many are left after it.
        left: u32,
        /// Whether it is the code that staff issued.
        issued: bool,
    },
    /// A passkey is backed up now, or no more.
    PasskeyBackedUp {
        /// The factor.
        factor: Id<Factor>,
        /// Whether it is.
        backed_up: bool,
    },
    /// The counter of a passkey went back: from now on it opens nothing, every session and refresh
    /// token of the account ends, and the owner is told.
    PasskeyCopied {
        /// The factor.
        factor: Id<Factor>,
        /// Whose.
        account: Id<Account>,
        /// The owner's address.
        to: EmailAddress,
    },
    /// Somebody does not want a passkey now: note it, so that they are not asked again soon.
    PasskeyDeclined {
        /// Who.
        account: Id<Account>,
    },
    /// Offer recovery codes at sign-ins from then on, and not before, as long as there are none.
    OfferRecoveryCodesFrom {
        /// Whom.
        account: Id<Account>,
        /// From when on.
        at: Timestamp,
    },
    /// Make the account's first set of recovery codes, forget its browsers, and end what other journeys have
    /// proved for it.
    MakeRecoveryCodes {
        /// Whose.
        account: Id<Account>,
        /// The set.
        set: NewFactor,
    },
    /// A wrong code: count it; [`crate::delays::GUESSES`] says how long the factor is locked then.
    FactorFailed {
        /// The factor.
        factor: Id<Factor>,
    },
    /// That wrong code was one too many (N9): write it down, forget the account's browsers, and tell the owner.
    FactorDisabled {
        /// Whose.
        account: Id<Account>,
        /// The owner's address.
        to: EmailAddress,
        /// How the factor was asked.
        method: Method,
    },
    /// A wrong password: count it for this address and network, and for the account that has the address,
    /// if one has. When that count comes to [`crate::factor::MAX_CONSECUTIVE`], the owner is told.
    SignInFailed {
        /// The address as typed.
        email: EmailAddress,
    },
    /// The right password, or another one by a reset: clear the counts and the wait of this address here.
    SignInSucceeded {
        /// The address.
        email: EmailAddress,
        /// The account, where wrong ones were counted for it.
        counted: Option<Id<Account>>,
    },
    /// A remembered browser stood in for the second factor: its secret is used up, and the cookie gets the next
    /// one.
    BrowserRecognised {
        /// The browser.
        browser: Id<RememberedBrowser>,
        /// The hash of the cookie that came.
        shown: TokenHash,
        /// The hash of the cookie that is replaced: the same, or the successor that was lost.
        replaces: TokenHash,
        /// When the browser's time ends; the use does not prolong it.
        until: Timestamp,
    },
    /// A secret of a remembered browser came that was used up before: forget the browser, and end every session
    /// and grant that it opened.
    BrowserCopied {
        /// Whose.
        account: Id<Account>,
        /// The browser.
        browser: Id<RememberedBrowser>,
    },
    /// Replace the attributes.
    UpdateProfile {
        /// Whose.
        account: Id<Account>,
        /// The new values, merged over the old ones.
        attributes: Attributes,
    },
    /// The person is signed in: note the time and count it.
    SignedIn {
        /// Who.
        account: Id<Account>,
        /// When.
        at: Timestamp,
        /// Whether the account is new.
        new_account: bool,
    },
    /// Write an audit event.
    Audit {
        /// What happened.
        action: Action,
        /// How it ended.
        outcome: Outcome,
        /// On whom.
        account: Option<Id<Account>>,
        /// One closed word more.
        detail: &'static str,
    },
}
