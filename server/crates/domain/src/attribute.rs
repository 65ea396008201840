//! Attributes: what a flow collects from a person. Built-in ones have fixed names and types;
//! a tenant adds its own.

use serde::{Deserialize, Serialize};

use crate::text;

/// The type of an attribute, and so of the claim made from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AttributeKind {
    /// Text, up to 250 characters.
    String,
    /// Yes or no.
    Boolean,
    /// A whole number (64 bits).
    Integer,
    /// One of the given choices.
    Dropdown {
        /// The choices, in order.
        options: Vec<String>,
    },
    /// An ISO 3166-1 alpha-2 country code, chosen by its name.
    Country,
}

/// An attribute of a tenant's catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attribute {
    /// The key under which accounts keep the value: `givenName`, or `extension_…` if custom.
    pub name: String,
    /// The label on pages.
    pub label: String,
    /// Its type.
    pub kind: AttributeKind,
}

/// The longest text value, in characters.
pub const MAX_TEXT: usize = 250;
/// The prefix of custom attributes, in storage and as a claim (`wire.md`).
pub const CUSTOM_PREFIX: &str = "extension_";

/// The key of the given name among the built-in attributes.
pub const GIVEN_NAME: &str = "givenName";
/// The key of the surname among the built-in attributes.
pub const SURNAME: &str = "surname";
/// The key of the country among the built-in attributes.
pub const COUNTRY: &str = "country";
/// The key of the display name among the built-in attributes.
pub const DISPLAY_NAME: &str = "displayName";

/// The built-in attributes, in the order in which forms ask for them.
#[must_use]
pub fn built_in() -> Vec<Attribute> {
    let text =
        |name: &str, label: &str| Attribute { name: name.into(), label: label.into(), kind: AttributeKind::String };
    vec![
        Attribute { name: COUNTRY.into(), label: "Country/Region".into(), kind: AttributeKind::Country },
        text(GIVEN_NAME, "Given name"),
        text(SURNAME, "Surname"),
        text(DISPLAY_NAME, "Display name"),
        text("jobTitle", "Job title"),
        text("streetAddress", "Street address"),
        text("postalCode", "Postal code"),
        text("city", "City"),
        text("state", "State or province"),
    ]
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text, a chosen option, or a country code.
    String(String),
}

/// The attributes of an account by name.
pub type Attributes = std::collections::BTreeMap<String, AttributeValue>;

/// Why a value was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AttributeProblem {
    /// Required and empty.
    #[error("is missing")]
    Missing,
    /// Longer than [`MAX_TEXT`].
    #[error("is too long")]
    TooLong,
    /// Unprintable characters.
    #[error("holds characters that cannot be shown")]
    Control,
    /// Not a whole number.
    #[error("is not a whole number")]
    NotInteger,
    /// None of the choices.
    #[error("is not one of the choices")]
    NotAnOption,
}

impl Attribute {
    /// Whether the tenant added it.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.name.starts_with(CUSTOM_PREFIX)
    }

    /// Reads what a form sent. `Ok(None)` when nothing was given and nothing is required; an
    /// absent checkbox is `false`.
    ///
    /// # Errors
    /// [`AttributeProblem`] says what is wrong with the value.
    pub fn read(&self, input: Option<&str>, required: bool) -> Result<Option<AttributeValue>, AttributeProblem> {
        let given = input.map(str::trim).filter(|text| !text.is_empty());
        if self.kind == AttributeKind::Boolean {
            let yes = matches!(given, Some("true" | "on" | "1" | "yes"));
            return if required && !yes {
                Err(AttributeProblem::Missing)
            } else {
                Ok(Some(AttributeValue::Boolean(yes)))
            };
        }
        let Some(given) = given else {
            return if required { Err(AttributeProblem::Missing) } else { Ok(None) };
        };
        let value = match &self.kind {
            AttributeKind::String => AttributeValue::String(read_text(given)?),
            AttributeKind::Integer => AttributeValue::Integer(given.parse().map_err(|_| AttributeProblem::NotInteger)?),
            AttributeKind::Dropdown { options } => {
                let chosen = options.iter().find(|option| option.as_str() == given);
                AttributeValue::String(chosen.ok_or(AttributeProblem::NotAnOption)?.clone())
            }
            AttributeKind::Country => {
                AttributeValue::String(crate::tenant::parse_region(given).ok_or(AttributeProblem::NotAnOption)?)
            }
            AttributeKind::Boolean => AttributeValue::Boolean(true),
        };
        Ok(Some(value))
    }
}

fn read_text(given: &str) -> Result<String, AttributeProblem> {
    text::clean(given, MAX_TEXT).map_err(|problem| match problem {
        text::TextProblem::Empty => AttributeProblem::Missing,
        text::TextProblem::TooLong(_) => AttributeProblem::TooLong,
        text::TextProblem::Control => AttributeProblem::Control,
    })
}

impl AttributeValue {
    /// The value as a page shows it.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Boolean(true) => "Yes".into(),
            Self::Boolean(false) => "No".into(),
            Self::Integer(number) => number.to_string(),
            Self::String(text) => text.clone(),
        }
    }
}

/// The name of a new custom attribute as typed by an operator: letters, digits and `_`, begun
/// with a letter, at most 60; returned with [`CUSTOM_PREFIX`].
#[must_use]
pub fn custom_name(input: &str) -> Option<String> {
    let text = input.trim();
    let ok = (1..=60).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    ok.then(|| format!("{CUSTOM_PREFIX}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: AttributeKind) -> Attribute {
        Attribute { name: "extension_X".into(), label: "X".into(), kind }
    }

    #[test]
    fn values_are_read_by_type() {
        let dropdown = attribute(AttributeKind::Dropdown { options: vec!["A".into(), "B".into()] });
        assert_eq!(dropdown.read(Some("B"), true), Ok(Some(AttributeValue::String("B".into()))));
        assert_eq!(dropdown.read(Some("C"), true), Err(AttributeProblem::NotAnOption));
        assert_eq!(attribute(AttributeKind::Integer).read(Some("12x"), false), Err(AttributeProblem::NotInteger));
        assert_eq!(attribute(AttributeKind::Integer).read(Some(" 12 "), false), Ok(Some(AttributeValue::Integer(12))));
        assert_eq!(attribute(AttributeKind::Boolean).read(None, false), Ok(Some(AttributeValue::Boolean(false))));
        assert_eq!(attribute(AttributeKind::String).read(None, true), Err(AttributeProblem::Missing));
        assert_eq!(attribute(AttributeKind::String).read(Some("a\0"), true), Err(AttributeProblem::Control));
        assert_eq!(
            attribute(AttributeKind::Country).read(Some("de"), true),
            Ok(Some(AttributeValue::String("DE".into())))
        );
    }

    #[test]
    fn custom_names_carry_the_prefix() {
        assert_eq!(custom_name("PatientNumber").as_deref(), Some("extension_PatientNumber"));
        assert_eq!(custom_name("1x"), None);
        assert_eq!(custom_name("a b"), None);
    }
}
