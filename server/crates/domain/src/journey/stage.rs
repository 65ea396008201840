//! The stages of a journey. Each carries what is known at that point, and nothing else.

use serde::{Deserialize, Serialize};

use super::{CodeProof, Completion, Return, Whose};
use crate::{
    account::{Account, AccountKind},
    assurance::{Authentication, Method},
    attribute::Attributes,
    consent::Items,
    email::EmailAddress,
    factor::{Factor, NewFactor},
    id::Id,
    invitation::Invitation,
    phone::PhoneNumber,
    recovery::CodeSeed,
    secret::Sealed,
    session::Session,
};

/// Where a journey stands.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
#[serde(tag = "stage", content = "data", rename_all = "snake_case")]
pub enum Stage {
    /// Asks for email and password.
    SignIn,
    /// Asks for the address of a new account.
    SignUpEmail,
    /// A code is on its way to that address.
    SignUpCode {
        /// The address.
        email: EmailAddress,
        /// The proof so far.
        proof: CodeProof,
    },
    /// Asks for password and attributes of a new account.
    Details(DetailsStage),
    /// Asks for the address of an account whose password is forgotten.
    ResetEmail,
    /// A code is on its way, if there is such an account.
    ResetCode {
        /// The address as typed.
        email: EmailAddress,
        /// The account that has it.
        account: Option<Id<Account>>,
        /// The proof so far.
        proof: CodeProof,
    },
    /// Asks for a new password; address and, where bound, a second factor are proved.
    NewPassword(Person),
    /// A code is on its way to the account's address, before a first factor is bound.
    ConfirmEmail {
        /// Who it is.
        person: Person,
        /// The proof so far.
        proof: CodeProof,
    },
    /// Asks which second method to set up.
    ChooseMethod(Person),
    /// Asks for a phone number.
    EnrolPhone {
        /// Who it is.
        person: Person,
        /// Text or call.
        method: Method,
    },
    /// A code is on its way to the new number.
    EnrolPhoneCode {
        /// Who it is.
        person: Person,
        /// The number.
        number: PhoneNumber,
        /// Text or call.
        method: Method,
        /// The proof so far.
        proof: CodeProof,
    },
    /// Shows the QR code of a new authenticator app and asks for a code of it.
    EnrolApp {
        /// Who it is.
        person: Person,
        /// The seed, sealed.
        seed: Sealed,
        /// Wrong codes so far.
        failures: u32,
    },
    /// Asks for a new passkey.
    EnrolPasskey(Person),
    /// Offers a passkey to who has shown all that was demanded (U25).
    OfferPasskey(Person),
    /// Shows recovery codes to who has shown all that was demanded (U20). They open nothing until their owner says
    /// that they are kept.
    OfferRecoveryCodes {
        /// Who it is.
        person: Person,
        /// What the codes come from, together with the browser's secret.
        seed: CodeSeed,
    },
    /// Asks for a code, or a passkey, of a bound factor.
    Challenge {
        /// Who it is.
        person: Person,
        /// The factor that is asked; any passkey of the account answers where it is one.
        factor: Id<Factor>,
        /// By which method.
        method: Method,
        /// For a phone: the proof so far.
        proof: Option<CodeProof>,
    },
    /// Asks for changed attributes.
    EditProfile(Person),
    /// Asks whether the application may have the person's data (U29).
    Consent {
        /// Who it is.
        person: Person,
        /// What the page shows.
        asked: Items,
    },
    /// Every demand is met.
    Complete(Completion),
    /// A session was made; the way back to the application is open once.
    Returning(Return),
    /// Over.
    Ended(Ended),
}

/// How a journey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The person turned back; the application is told `access_denied`.
    Cancelled,
    /// The person forgot the password and the application handles that itself; it is told.
    ForgotPassword,
    /// The way back was taken.
    Used,
}

/// What is known before a new account's details are given.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct DetailsStage {
    /// The address; `None` while the holder of a printed link has to give one.
    pub email: Option<EmailAddress>,
    /// Whether a code, or the link that was sent to it, proved the address.
    pub email_proved: bool,
    /// The kind of account.
    pub kind: AccountKind,
    /// The invitation that led here.
    pub invitation: Option<Id<Invitation>>,
}

/// A person on the way through the flow.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct Person {
    pub(crate) authentication: Authentication,
    pub(crate) new: Option<Box<NewAccount>>,
    pub(crate) then: Then,
    /// The version of the password that stood when the account was identified. A change in
    /// another journey ends this one: what it knew of the account is out of date.
    pub(crate) password_version: Option<i64>,
    /// The session that led here; it goes on at the end, rather than a new one with a new life.
    pub(crate) session: Option<Id<Session>>,
    /// The person asked to stay signed in, and the flow offers it.
    #[serde(default)]
    pub(crate) keep: bool,
    /// The person asked to have the browser remembered, and the flow lets them.
    #[serde(default)]
    pub(crate) remember: bool,
    /// A factor was set up in this journey.
    #[serde(default)]
    pub(crate) bound: bool,
    /// Something was offered in this journey: nothing else is (one offer a sign-in).
    #[serde(default)]
    pub(crate) offered: bool,
    /// The person came by a forgotten password: a mailbox alone leads nowhere by a grace period.
    #[serde(default)]
    pub(crate) reset: bool,
}

impl Person {
    /// Somebody who was just identified, and nothing more.
    pub(crate) const fn identified(authentication: Authentication, then: Then, password_version: Option<i64>) -> Self {
        Self {
            authentication,
            new: None,
            then,
            password_version,
            session: None,
            keep: false,
            remember: false,
            bound: false,
            offered: false,
            reset: false,
        }
    }

    /// What was proved so far.
    #[must_use]
    pub const fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// The account that is being made, if it is a new one.
    #[must_use]
    pub fn new_account(&self) -> Option<&NewAccount> {
        self.new.as_deref()
    }
}

/// What a person came for, once known well enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// To sign in.
    Finish,
    /// To choose a new password.
    NewPassword,
    /// To change attributes.
    EditProfile,
}

/// An account that comes into being when the journey completes, and not before: who turns back
/// leaves nothing behind.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct NewAccount {
    /// Its id.
    pub id: Id<Account>,
    /// Its kind.
    pub kind: AccountKind,
    /// Its address.
    pub email: EmailAddress,
    /// The PHC string of its password.
    pub phc: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its factors.
    pub factors: Vec<NewFactor>,
    /// The invitation that is used up by it.
    pub invitation: Option<Id<Invitation>>,
}

impl Stage {
    /// The name of the stage in addresses of events, logs and views.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignUpEmail => "sign_up_email",
            Self::SignUpCode { .. } => "sign_up_code",
            Self::Details(_) => "details",
            Self::ResetEmail => "reset_email",
            Self::ResetCode { .. } => "reset_code",
            Self::NewPassword(_) => "new_password",
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::ChooseMethod(_) => "choose_method",
            Self::EnrolPhone { .. } => "enrol_phone",
            Self::EnrolPhoneCode { .. } => "enrol_phone_code",
            Self::EnrolApp { .. } => "enrol_app",
            Self::EnrolPasskey(_) => "enrol_passkey",
            Self::OfferPasskey(_) => "offer_passkey",
            Self::OfferRecoveryCodes { .. } => "offer_recovery_codes",
            Self::Challenge { .. } => "challenge",
            Self::EditProfile(_) => "edit_profile",
            Self::Consent { .. } => "consent",
            Self::Complete(_) => "complete",
            Self::Returning(_) => "returning",
            Self::Ended(_) => "ended",
        }
    }

    /// Who stands at this stage, if anybody is known.
    #[must_use]
    pub const fn person(&self) -> Option<&Person> {
        match self {
            Self::NewPassword(person)
            | Self::ConfirmEmail { person, .. }
            | Self::ChooseMethod(person)
            | Self::EnrolPhone { person, .. }
            | Self::EnrolPhoneCode { person, .. }
            | Self::EnrolApp { person, .. }
            | Self::EnrolPasskey(person)
            | Self::OfferPasskey(person)
            | Self::OfferRecoveryCodes { person, .. }
            | Self::Challenge { person, .. }
            | Self::Consent { person, .. }
            | Self::EditProfile(person) => Some(person),
            Self::SignIn
            | Self::SignUpEmail
            | Self::SignUpCode { .. }
            | Self::Details(_)
            | Self::ResetEmail
            | Self::ResetCode { .. }
            | Self::Complete(_)
            | Self::Returning(_)
            | Self::Ended(_) => None,
        }
    }

    /// What was proved so far, where somebody is known.
    #[must_use]
    pub const fn authentication(&self) -> Option<&Authentication> {
        match self {
            Self::Complete(completion) => Some(completion.authentication()),
            Self::Returning(back) => Some(back.authentication()),
            other => match other.person() {
                Some(person) => Some(person.authentication()),
                None => None,
            },
        }
    }

    pub(crate) fn subject(&self) -> Whose {
        match self {
            // By the address even where the account is known: the same statements for an address
            // without one (A6).
            Self::SignUpCode { email, .. } | Self::ResetCode { email, .. } => Whose::Address(email.clone()),
            Self::Complete(completion) => Whose::Account(completion.authentication().account()),
            Self::Returning(back) => Whose::Account(back.authentication().account()),
            other => match other.person() {
                Some(person) if person.new.is_none() => Whose::Account(person.authentication.account()),
                Some(_) | None => Whose::Nobody,
            },
        }
    }

    /// The proof that a person leaves behind who goes elsewhere from here.
    pub(crate) fn into_proof(self) -> Option<CodeProof> {
        match self {
            Self::SignUpCode { proof, .. }
            | Self::ResetCode { proof, .. }
            | Self::ConfirmEmail { proof, .. }
            | Self::EnrolPhoneCode { proof, .. } => Some(proof),
            Self::Challenge { proof, .. } => proof,
            Self::SignIn
            | Self::SignUpEmail
            | Self::Details(_)
            | Self::ResetEmail
            | Self::NewPassword(_)
            | Self::ChooseMethod(_)
            | Self::EnrolPhone { .. }
            | Self::EnrolApp { .. }
            | Self::EnrolPasskey(_)
            | Self::OfferPasskey(_)
            | Self::OfferRecoveryCodes { .. }
            | Self::EditProfile(_)
            | Self::Consent { .. }
            | Self::Complete(_)
            | Self::Returning(_)
            | Self::Ended(_) => None,
        }
    }

    pub(crate) fn address(&self) -> Option<EmailAddress> {
        match self {
            Self::SignUpCode { email, .. } | Self::ResetCode { email, .. } => Some(email.clone()),
            other => other.person().and_then(Person::new_account).map(|new| new.email.clone()),
        }
    }
}
