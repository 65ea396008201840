//! User flows: what a person is asked for, what the application receives, and whether a second
//! factor is demanded. A flow is versioned; a journey keeps the version it began with.

mod conditions;
mod dry_run;
mod grace;
mod policy;
mod remember;
mod settings;
#[cfg(test)]
mod testing;

use serde::{Deserialize, Serialize};

pub use self::{
    conditions::{Conditions, KNOWN_LIFE, MAX_STRONG_DAYS, Signals},
    dry_run::{Affected, FactorKinds},
    grace::{Grace, MAX_GRACE_DAYS},
    policy::{Enforcement, MfaPolicy},
    remember::{RememberSettings, is_strict},
    settings::{FlowClaim, IssuerMode, SessionScope, SessionSettings, TokenSettings},
};
use crate::{clock::Timestamp, id::Id, tenant::Tenant};

/// What a flow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowType {
    /// People sign in, or sign up if they have no account.
    SignUpSignIn,
    /// People sign in only.
    SignIn,
    /// People change their attributes.
    ProfileEditing,
    /// People choose a new password.
    PasswordReset,
}

impl FlowType {
    /// Every type, in the order of the portal's form.
    pub const ALL: [Self; 4] = [Self::SignUpSignIn, Self::SignIn, Self::ProfileEditing, Self::PasswordReset];

    /// The name used in forms, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUpSignIn => "sign_up_sign_in",
            Self::SignIn => "sign_in",
            Self::ProfileEditing => "profile_editing",
            Self::PasswordReset => "password_reset",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whom a flow lets in, and to what. Operators create patient flows; the others are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Patients signing in to applications.
    Patients,
    /// Clinic staff signing in to `/clinic` (built-in flow `staff`).
    Staff,
    /// Operators signing in to `/portal` (built-in flow `operators` of `lanyard.system`).
    Operators,
    /// Anybody of the tenant signing in to `/account` (built-in flow `account`).
    SelfService,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Self; 4] = [Self::Patients, Self::Staff, Self::Operators, Self::SelfService];

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patients => "patients",
            Self::Staff => "staff",
            Self::Operators => "operators",
            Self::SelfService => "self_service",
        }
    }

    /// The audience of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|audience| audience.as_str() == text)
    }

    /// The name of the built-in flow for this audience; `None` for patients.
    #[must_use]
    pub const fn built_in_flow(self) -> Option<&'static str> {
        match self {
            Self::Patients => None,
            Self::Staff => Some("staff"),
            Self::Operators => Some("operators"),
            Self::SelfService => Some("account"),
        }
    }
}

/// A flow's name: letters, digits, `_`, `-`; 1 to 60; unique in its tenant regardless of case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowName(String);

/// The text is no flow name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("may have letters, digits, _ and - only, 60 at most")]
pub struct InvalidFlowName;

impl FlowName {
    /// Checks `input`.
    ///
    /// # Errors
    /// [`InvalidFlowName`] when another character is in it, or it is empty or too long.
    pub fn parse(input: &str) -> Result<Self, InvalidFlowName> {
        let text = input.trim();
        let ok =
            (1..=60).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if ok { Ok(Self(text.to_owned())) } else { Err(InvalidFlowName) }
    }

    /// The name as the operator wrote it: the `tfp` claim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case: the key in the database, and the form in every URL (`wire.md`).
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// An attribute that a flow collects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CollectedAttribute {
    /// The attribute's name.
    pub name: String,
    /// Whether it must be filled in.
    pub required: bool,
}

/// What an operator can edit in a flow. Each change makes a new version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlowSettings {
    /// The second-factor policy.
    pub mfa: MfaPolicy,
    /// What is asked for at sign-up and in profile editing, in order.
    pub attributes: Vec<CollectedAttribute>,
    /// The names of the claims that the application receives.
    pub claims: Vec<String>,
    /// How long tokens live, and how they look.
    #[serde(default)]
    pub tokens: TokenSettings,
    /// Single sign-on.
    #[serde(default)]
    pub session: SessionSettings,
}

/// A user flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFlow {
    /// Stable id.
    pub id: Id<UserFlow>,
    /// The tenant it belongs to.
    pub tenant: Id<Tenant>,
    /// Its name.
    pub name: FlowName,
    /// What it is for.
    pub kind: FlowType,
    /// Whom it lets in.
    pub audience: Audience,
    /// What the operator can edit.
    pub settings: FlowSettings,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case_and_compare_without_it() {
        let name = FlowName::parse("B2C_1_SignUp").unwrap();
        assert_eq!((name.as_str(), name.key().as_str()), ("B2C_1_SignUp", "b2c_1_signup"));
        for wrong in ["", "a b", "a/b", "ä", &"x".repeat(61)] {
            assert!(FlowName::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn types_and_audiences_have_the_names_that_stand_in_the_database() {
        let names = ["sign_up_sign_in", "sign_in", "profile_editing", "password_reset"];
        assert_eq!(FlowType::ALL.map(FlowType::as_str), names);
        assert_eq!(names.map(FlowType::parse), FlowType::ALL.map(Some));
        let names = ["patients", "staff", "operators", "self_service"];
        assert_eq!(Audience::ALL.map(Audience::as_str), names);
        assert_eq!(names.map(Audience::parse), Audience::ALL.map(Some));
        assert_eq!((FlowType::parse("sign_up"), Audience::parse("patient")), (None, None));
        let built_in = [None, Some("staff"), Some("operators"), Some("account")];
        assert_eq!(Audience::ALL.map(Audience::built_in_flow), built_in);
    }
}
