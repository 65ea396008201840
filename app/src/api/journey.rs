//! A journey's page as data. The server renders it as HTML; the browser receives the same as
//! JSON and renders it in place ("one journey, two transports").
//!
//! Nothing here is secret from the person who sees it, and nothing here decides anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One page of a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyView {
    /// The journey's id, part of the address of every form.
    pub id: String,
    /// Goes back with every form, as the field `csrf`.
    pub csrf: String,
    /// The tenant's name, in the title and the header.
    pub tenant: String,
    /// The application's name, where the journey leads to one.
    pub application: Option<String>,
    /// What the page shows.
    pub stage: StageView,
    /// Until which day setting up a second step can wait ("3 July 2026"); `None`: it cannot. Button `not-now`.
    #[serde(default)]
    pub postpone_until: Option<String>,
    /// How many characters a password needs for this browser to be remembered, or for setting up to be put off,
    /// where the one that was typed has fewer; `None`: it has them, or neither is on offer.
    #[serde(default)]
    pub longer_password: Option<u32>,
    /// What was wrong with the last thing sent, in the order of the fields.
    pub problems: Vec<Problem>,
    /// What was typed, by field name; never passwords or codes.
    pub values: BTreeMap<String, String>,
    /// Whether a link to the demo inbox is shown.
    pub demo: bool,
}

/// What a page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageView {
    /// Email and password. Event `sign-in` {email, password, keep?}; buttons `go-sign-up`,
    /// `go-forgot-password`, `cancel`.
    SignIn {
        /// Whether "Create an account" is offered.
        can_sign_up: bool,
        /// Whether "Cancel" leads back to an application.
        can_cancel: bool,
        /// For how many days "Keep me signed in" (`keep`) would keep the person; not offered
        /// where there is none.
        keep_days: Option<u32>,
        /// "Sign in with a passkey", where the flow takes one. Event `submit-passkey` {credential}.
        #[serde(default)]
        passkey: Option<PasskeyPrompt>,
    },
    /// The address of a new account. Event `request-code` {email}; button `go-sign-in`.
    SignUpEmail,
    /// The code sent there. Events `submit-code` {code}, `resend`, `back` (change the address).
    SignUpCode(CodeView),
    /// Password and attributes. Event `submit-details` {email?, password, <attribute names>}.
    Details {
        /// The proved address, shown and handed to password managers.
        email: Option<String>,
        /// Whether the form must ask for an address (printed operator link).
        ask_email: bool,
        /// The least length of a password.
        min_length: usize,
        /// What else is asked.
        attributes: Vec<AttributeField>,
    },
    /// The address of a forgotten password. Event `request-code` {email}; button `go-sign-in`.
    ResetEmail {
        /// Whether "Back to sign in" is offered.
        can_sign_in: bool,
    },
    /// The code sent there. Events `submit-code` {code}, `resend`, `back`.
    ResetCode(CodeView),
    /// A new password. Event `submit-new-password` {password}.
    NewPassword {
        /// The address, for password managers.
        email: String,
        /// The least length of a password.
        min_length: usize,
    },
    /// A code sent to the account's own address, before a first factor is set up. Events
    /// `submit-code` {code}, `resend`.
    ConfirmEmail(CodeView),
    /// Which second method to set up. Event `choose-method` {method}.
    ChooseMethod {
        /// The choices, strongest first.
        methods: Vec<MethodChoice>,
    },
    /// A phone number. Event `enter-phone` {phone, country, method}; button `back` if offered.
    EnrolPhone {
        /// The chosen method.
        method: Method,
        /// The phone methods that the flow allows (one or both), as radios.
        methods: Vec<Method>,
        /// Two-letter country code that national forms are read in.
        country: String,
        /// The countries to choose from, code and name (`crate::countries::options()`); empty
        /// where `country` is not open to choice.
        #[serde(default)]
        countries: Vec<(String, String)>,
        /// Whether there was a choice to go back to.
        can_go_back: bool,
    },
    /// The code sent to the new number. Events `submit-code` {code}, `resend`, `back` (change
    /// number).
    EnrolPhoneCode {
        /// Text or call.
        method: Method,
        /// The code.
        code: CodeView,
    },
    /// A new authenticator app. Event `submit-app-code` {code, name}; button `back` if offered.
    EnrolApp {
        /// The QR code as SVG markup made by the server.
        qr_svg: String,
        /// The same as an `otpauth:` link.
        uri: String,
        /// The secret in groups of four.
        secret: String,
        /// Whether there was a choice to go back to.
        can_go_back: bool,
    },
    /// A passkey for who has just signed in (U25). Event `create-passkey` {credential, name}; button
    /// `not-now`.
    OfferPasskey {
        /// What the browser is asked for; `None` if none can be made by now.
        #[serde(default)]
        passkey: Option<PasskeyPrompt>,
    },
    /// Recovery codes for who has just signed in (U20, U22). They open nothing until event `keep-recovery-codes`;
    /// button `not-now`.
    OfferRecoveryCodes {
        /// The codes in groups of four.
        codes: Vec<String>,
        /// The file with them, as a link that holds it.
        file: String,
    },
    /// A new passkey. Event `create-passkey` {credential, name}; button `back` if offered.
    EnrolPasskey {
        /// What the browser is asked for.
        passkey: PasskeyPrompt,
        /// Whether there was a choice to go back to.
        can_go_back: bool,
    },
    /// A code of a bound factor, or a passkey. Events `submit-code` {code}, `submit-recovery-code` {code},
    /// `resend` (phones), `choose-method` {method} for another way.
    Challenge {
        /// The method asked for.
        method: Method,
        /// For a phone: where the code went.
        code: Option<CodeView>,
        /// The name of the authenticator app, for one.
        factor_name: String,
        /// For a passkey: what the browser is asked for. Event `submit-passkey` {credential}.
        #[serde(default)]
        passkey: Option<PasskeyPrompt>,
        /// Every other way, with hints.
        other_ways: Vec<OtherWay>,
        /// For how many days the browser can be remembered; `None`: it is not offered. Field `remember`.
        #[serde(default)]
        remember_days: Option<u32>,
    },
    /// Changed attributes. Event `submit-profile` {<attribute names>}; button `cancel`.
    EditProfile {
        /// What can be changed, with present values.
        attributes: Vec<AttributeField>,
    },
    /// Whether the application may have the person's data. Event `agree`; button `cancel`.
    Consent {
        /// Who is asked: the address that signed in.
        email: String,
        /// The details that go to it, as plain labels.
        details: Vec<String>,
        /// What else it may do, as whole sentences.
        rights: Vec<String>,
        /// The host that the person goes on to: an application may call itself anything, but not this.
        /// `None` where it has none: on a device, or by a scheme of its own.
        #[serde(default)]
        host: Option<String>,
    },
    /// Done: go to this address (one of ours, begun with `/`).
    Done {
        /// Where to.
        location: String,
    },
    /// Over, or not ours: says why and how to start afresh.
    Over {
        /// Why.
        reason: OverReason,
        /// Where a new attempt begins, if that is known.
        start_again: Option<String>,
    },
}

/// Why a journey cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverReason {
    /// Older than an hour.
    Expired,
    /// Finished already: a reload, the back button, a second tab.
    Used,
    /// Begun in another browser, or the cookie is gone.
    OtherBrowser,
    /// The account was switched off.
    AccountUnavailable,
    /// Somebody made an account with this address meanwhile.
    AddressTaken,
    /// The person turned back and there is no application to go to.
    Cancelled,
}

/// A second-factor method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A passkey.
    Passkey,
    /// An authenticator app.
    AuthenticatorApp,
    /// A text message.
    TextMessage,
    /// A phone call.
    PhoneCall,
    /// A recovery code: to answer with, never to set up in a journey.
    RecoveryCode,
}

impl Method {
    /// The name used in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::AuthenticatorApp => "authenticator_app",
            Self::TextMessage => "text_message",
            Self::PhoneCall => "phone_call",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// What a browser hands to its authenticators. Event `renew-passkey` makes another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyPrompt {
    /// The options as JSON (WebAuthn, 5.1.8 and 5.1.10).
    pub options: String,
    /// For how many seconds an answer is taken; 0: no longer, and a new one must be made.
    pub lives_seconds: u32,
}

/// A method that can be set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodChoice {
    /// Which.
    pub method: Method,
    /// Whether it is marked "less secure" (restricted: text and call).
    pub restricted: bool,
}

/// Another way to answer a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherWay {
    /// Which.
    pub method: Method,
    /// The masked number or the app's name.
    pub hint: String,
}

/// A code on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// Where it went, masked (numbers just typed by the person are shown in full).
    pub sent_to: String,
    /// How long it lives, in minutes.
    pub lives_minutes: u32,
    /// Seconds until "Send again" is taken; 0 when it is taken now.
    pub resend_in_seconds: u32,
    /// Seconds until codes are taken again, after too many wrong ones; 0 when they are.
    pub locked_for_seconds: u32,
    /// How the message fares.
    pub delivery: Delivery,
}

/// How a message fares on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Waiting or handed over: nothing wrong so far.
    OnItsWay,
    /// The provider fails; we go on trying.
    Delayed,
    /// Given up, or no provider is set up.
    Failed,
}

/// A field for an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeField {
    /// Its name in the form.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Its type.
    pub kind: AttributeFieldKind,
    /// Whether it must be filled in.
    pub required: bool,
    /// The present value.
    pub value: String,
}

/// The type of an attribute field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeFieldKind {
    /// One line of text.
    Text,
    /// A checkbox; sends `true`.
    Checkbox,
    /// A whole number.
    Integer,
    /// A native select.
    Select {
        /// The choices: value and label.
        options: Vec<(String, String)>,
    },
}

/// Something wrong with what was sent. Closed codes: never free text in an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The field it belongs to; empty for the page as a whole.
    pub field: String,
    /// What is wrong.
    pub code: ProblemCode,
}

/// What is wrong. Each has its own words (U14), written in `pages::journey::words`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names and the words on the page say it
pub enum ProblemCode {
    EmailMissing,
    EmailInvalid,
    PasswordMissing,
    PasswordTooShort {
        min: usize,
    },
    PasswordTooLong,
    PasswordCommon,
    PasswordPattern,
    PasswordContext,
    CodeMissing,
    CodeLength,
    CodeWrong {
        tries_left: u32,
    },
    CodeExpired,
    CodeUsed,
    CodeLocked {
        seconds: u32,
    },
    FactorLocked {
        seconds: u32,
    },
    ResendTooSoon {
        seconds: u32,
    },
    TooManySends {
        seconds: u32,
    },
    WrongCredentials,
    SignInLocked {
        seconds: u32,
    },
    /// Too many wrong passwords came from the network.
    NetworkLocked {
        seconds: u32,
    },
    PhoneMissing,
    PhoneInvalid,
    PhonePremiumRate,
    /// No codes go to the country of this number (A14).
    PhoneUnserved,
    MethodMissing,
    MethodUnavailable,
    AttributeMissing {
        label: String,
    },
    AttributeTooLong {
        label: String,
    },
    AttributeCharacters {
        label: String,
    },
    AttributeNotInteger {
        label: String,
    },
    AttributeNotAnOption {
        label: String,
    },
    OutOfStep,
    Busy,
    EmailUnavailable,
    PasswordChangedMeanwhile,
    PasskeyWrong,
    PasskeyMake,
    PasskeyExpired,
    PasskeyCopied,
    /// No recovery code could look like that.
    RecoveryCodeForm,
    RecoveryCodeUsed,
    /// The method was guessed at too often and opens nothing any more (N9).
    FactorDisabled,
}

/// What the browser posts to `POST /api/journeys/{id}/{event}`: the fields of the form, as the
/// plain form would have sent them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBody {
    /// The view's `csrf`.
    pub csrf: String,
    /// The fields by name.
    pub fields: BTreeMap<String, String>,
}
