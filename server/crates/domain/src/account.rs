//! Accounts: the people of a tenant.

use serde::{Deserialize, Serialize};

use crate::{
    assurance::Assurance,
    attribute::{self, AttributeValue, Attributes},
    clock::Timestamp,
    email::EmailAddress,
    id::Id,
    tenant::Tenant,
};

/// What an account is to its tenant. It never changes: a staff member who is also a patient has
/// two accounts with two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Signs in to applications.
    Patient,
    /// Works at the clinic, invited by an operator.
    Staff,
    /// Administers tenants; lives in `lanyard.system`.
    Operator,
}

impl AccountKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Patient, Self::Staff, Self::Operator];

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Staff => "staff",
            Self::Operator => "operator",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An account. The password and the factors are kept apart from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Stable id: the `sub` and `oid` claims.
    pub id: Id<Account>,
    /// The tenant it belongs to.
    pub tenant: Id<Tenant>,
    /// What it is to the tenant.
    pub kind: AccountKind,
    /// The address it signs in with; unique in the tenant.
    pub email: EmailAddress,
    /// What the person filled in.
    pub attributes: Attributes,
    /// What it must show at every sign-in, whatever flow and application say: the highest of its own minimum and
    /// those of the roles it holds.
    #[serde(default)]
    pub minimum: Assurance,
    /// Set while the account may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The last completed sign-in.
    pub last_sign_in_at: Option<Timestamp>,
}

impl Account {
    /// A text attribute, empty if it is absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        text_of(&self.attributes, name)
    }

    /// The display name, or given name and surname; `None` if all are absent.
    #[must_use]
    pub fn full_name(&self) -> Option<String> {
        let display = self.text(attribute::DISPLAY_NAME);
        if !display.is_empty() {
            return Some(display.to_owned());
        }
        let parts = [self.text(attribute::GIVEN_NAME), self.text(attribute::SURNAME)];
        let name = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    }
}

/// A text attribute out of `attributes`, empty if it is absent or of another type.
#[must_use]
pub fn text_of<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
    match attributes.get(name) {
        Some(AttributeValue::String(text)) => text,
        Some(AttributeValue::Boolean(_) | AttributeValue::Integer(_)) | None => "",
    }
}
