//! What a person (by form or by JSON) can do in a journey.

use crate::{
    assurance::Method,
    attribute::Attributes,
    email::EmailAddress,
    passkey::{PasskeyCheck, PasskeyCreation},
    password::PasswordCheck,
    phone::PhoneNumber,
    recovery::RecoveryCode,
    secret::Token,
};

/// An event. Passwords arrive hashed or checked: hashing is slow and belongs outside.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub enum Event {
    /// Email and password.
    SignIn {
        /// The address as typed, normalised.
        email: EmailAddress,
        /// The outcome of the check.
        check: PasswordCheck,
        /// "Keep me signed in"; counts only where the flow offers it.
        keep: bool,
    },
    /// To the sign-up pages.
    GoSignUp,
    /// Back to sign-in.
    GoSignIn,
    /// To the forgotten-password pages.
    GoForgotPassword,
    /// Back to the application, which handles a forgotten password itself.
    LeaveForReset,
    /// "Send verification code".
    RequestCode {
        /// To this address.
        email: EmailAddress,
    },
    /// Send another code to the same place.
    Resend,
    /// A code, stripped of spaces and dashes.
    SubmitCode {
        /// As typed.
        digits: String,
    },
    /// A code of a challenge ([`Event::SubmitCode`]), with the wish to have the browser remembered.
    Remembering(Box<Event>),
    /// A code of a new authenticator app.
    SubmitAppCode {
        /// As typed.
        digits: String,
        /// The name for the device.
        name: String,
    },
    /// A recovery code.
    SubmitRecoveryCode {
        /// As typed, in its plain form.
        code: RecoveryCode,
    },
    /// "I have kept my codes", of the recovery codes on the page.
    KeepRecoveryCodes {
        /// The secret of the browser that showed them.
        browser: Token,
    },
    /// An answer of an authenticator, checked: signs in, or answers a challenge.
    SubmitPasskey(PasskeyCheck),
    /// A new passkey, its making checked.
    CreatePasskey(Box<PasskeyCreation>),
    /// Another challenge for an authenticator: the page stood open for too long.
    RenewPasskey,
    /// Password and attributes of a new account, checked against policy.
    SubmitDetails(Box<NewDetails>),
    /// A new password, checked against policy and hashed.
    SubmitNewPassword {
        /// Its PHC string.
        phc: String,
    },
    /// Which second method to set up, or "Try another way".
    ChooseMethod {
        /// That one.
        method: Method,
    },
    /// A phone number to set up.
    EnterPhone {
        /// The number.
        number: PhoneNumber,
        /// Text or call.
        method: Method,
    },
    /// Changed attributes, checked.
    SubmitProfile {
        /// All attributes of the flow, as they should be.
        attributes: Attributes,
    },
    /// The person agrees to what the page showed.
    Agree,
    /// "Not now", to the offer of a passkey or of recovery codes, or to setting up a second factor while that can wait.
    NotNow,
    /// One page back, where there is one.
    Back,
    /// Leave the journey.
    Cancel,
}

/// A new account's details.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub struct NewDetails {
    /// Only where the stage asks for one.
    pub email: Option<EmailAddress>,
    /// The PHC string of the password.
    pub phc: String,
    /// The attributes.
    pub attributes: Attributes,
}

impl Event {
    /// The name of the event, as in addresses and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SignIn { .. } => "sign-in",
            Self::GoSignUp => "go-sign-up",
            Self::GoSignIn => "go-sign-in",
            Self::GoForgotPassword => "go-forgot-password",
            Self::LeaveForReset => "leave-for-reset",
            Self::RequestCode { .. } => "request-code",
            Self::Resend => "resend",
            Self::Remembering(event) => event.name(),
            Self::SubmitCode { .. } => "submit-code",
            Self::SubmitAppCode { .. } => "submit-app-code",
            Self::SubmitRecoveryCode { .. } => "submit-recovery-code",
            Self::KeepRecoveryCodes { .. } => "keep-recovery-codes",
            Self::SubmitPasskey(_) => "submit-passkey",
            Self::CreatePasskey(_) => "create-passkey",
            Self::RenewPasskey => "renew-passkey",
            Self::SubmitDetails(_) => "submit-details",
            Self::SubmitNewPassword { .. } => "submit-new-password",
            Self::ChooseMethod { .. } => "choose-method",
            Self::EnterPhone { .. } => "enter-phone",
            Self::SubmitProfile { .. } => "submit-profile",
            Self::Agree => "agree",
            Self::NotNow => "not-now",
            Self::Back => "back",
            Self::Cancel => "cancel",
        }
    }
}
