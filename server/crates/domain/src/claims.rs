//! Claims: what an application receives about a person. Only what the flow selects goes out;
//! names follow B2C (`wire.md`).

use serde_json::{Map, Value};

use crate::{
    account::Account,
    attribute::{self, AttributeValue},
};

/// The claim that lists the email addresses.
pub const EMAILS: &str = "emails";
/// The claim that names where the identity comes from.
pub const IDENTITY_PROVIDER: &str = "idp";
/// The claim that is true right after sign-up.
pub const NEW_USER: &str = "newUser";
/// The claim that repeats the subject under Azure's name.
pub const OBJECT_ID: &str = "oid";

/// A claim that a flow can select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimDefinition {
    /// The name in the token.
    pub name: String,
    /// The plain label on pages (U30).
    pub label: String,
    /// The attribute it is made from, if it is made from one.
    pub attribute: Option<String>,
}

// The names that differ between an attribute and its claim.
const RENAMED: [(&str, &str); 3] =
    [(attribute::GIVEN_NAME, "given_name"), (attribute::SURNAME, "family_name"), (attribute::DISPLAY_NAME, "name")];

/// The claim made from the attribute `name`.
#[must_use]
pub fn claim_of_attribute(name: &str) -> &str {
    RENAMED.iter().find(|(attribute, _)| *attribute == name).map_or(name, |(_, claim)| claim)
}

/// Every claim a flow of a tenant can select, given the tenant's custom attributes.
#[must_use]
pub fn catalogue(custom: &[attribute::Attribute]) -> Vec<ClaimDefinition> {
    let plain = |name: &str, label: &str| ClaimDefinition { name: name.into(), label: label.into(), attribute: None };
    let mut claims = vec![plain(EMAILS, "Email address")];
    claims.extend(attribute::built_in().iter().chain(custom).map(|a| ClaimDefinition {
        name: claim_of_attribute(&a.name).to_owned(),
        label: a.label.clone(),
        attribute: Some(a.name.clone()),
    }));
    claims.push(plain(IDENTITY_PROVIDER, "Identity provider"));
    claims.push(plain(OBJECT_ID, "User's object ID"));
    claims.push(plain(NEW_USER, "User is new"));
    claims
}

/// The selected claims of `account`, typed. A claim without a value is left out.
#[must_use]
pub fn select(account: &Account, selected: &[String], issuer: &str, new_user: bool) -> Map<String, Value> {
    let mut claims = Map::new();
    for name in selected {
        let value = match name.as_str() {
            EMAILS => Some(Value::from(vec![account.email.as_str()])),
            IDENTITY_PROVIDER => Some(Value::from(issuer)),
            OBJECT_ID => Some(Value::from(account.id.to_string())),
            NEW_USER => new_user.then_some(Value::Bool(true)),
            other => attribute_claim(account, other),
        };
        if let Some(value) = value {
            claims.insert(name.clone(), value);
        }
    }
    claims
}

fn attribute_claim(account: &Account, claim: &str) -> Option<Value> {
    let attribute = RENAMED.iter().find(|(_, c)| *c == claim).map_or(claim, |(attribute, _)| attribute);
    let value = account.attributes.get(attribute);
    match value {
        Some(AttributeValue::String(text)) => Some(Value::from(text.as_str())),
        Some(AttributeValue::Integer(number)) => Some(Value::from(*number)),
        Some(AttributeValue::Boolean(yes)) => Some(Value::Bool(*yes)),
        None if attribute == attribute::DISPLAY_NAME => account.full_name().map(Value::from),
        None => None,
    }
}
