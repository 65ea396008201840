//! A tenant: one clinic, with its own accounts, applications, user flows and keys.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, id::Id, makes::PasskeyMakes, phone::PhoneCountries, text};

/// The domain of the built-in tenant in which operators live.
pub const SYSTEM_DOMAIN: &str = "lanyard.system";

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Stable id; also the GUID form in URLs and the issuer.
    pub id: Id<Tenant>,
    /// The name that people see, 1 to 80 characters.
    pub name: String,
    /// Unique among all tenants; part of every URL of the tenant. Needs no DNS.
    pub domain: TenantDomain,
    /// ISO 3166-1 alpha-2 code of the region, shown and audited, without other effect.
    pub region: String,
    /// Where its texts and calls go.
    pub phone_countries: PhoneCountries,
    /// Whether a reset of a patient's second step takes a second member of staff ([`crate::reset`]).
    pub second_approver: bool,
    /// What new passkeys of its staff must be.
    pub staff_passkeys: PasskeyMakes,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A tenant's domain: lower case, with a dot, host-name letters only, at most 80 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantDomain(String);

/// The text is no tenant domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a domain name with a dot")]
pub struct InvalidDomain;

impl TenantDomain {
    /// Parses and lower-cases `input`.
    ///
    /// # Errors
    /// [`InvalidDomain`] when it is not a host name with at least one dot.
    pub fn parse(input: &str) -> Result<Self, InvalidDomain> {
        let text = input.trim().to_ascii_lowercase();
        let label_ok = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let ok = text.len() <= 80 && text.contains('.') && text.split('.').all(label_ok);
        if ok { Ok(Self(text)) } else { Err(InvalidDomain) }
    }

    /// The domain in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the built-in tenant of the operators.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0 == SYSTEM_DOMAIN
    }
}

/// A region code: two ASCII letters, returned in upper case.
#[must_use]
pub fn parse_region(input: &str) -> Option<String> {
    let text = input.trim();
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

/// A display name of 1 to 80 characters.
///
/// # Errors
/// [`text::TextProblem`] says which bound was broken.
pub fn parse_name(input: &str) -> Result<String, text::TextProblem> {
    text::clean(input, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_a_dot_and_are_lower_case() {
        assert_eq!(TenantDomain::parse("Clinic.Example").unwrap().as_str(), "clinic.example");
        for wrong in ["clinic", "", ".", "a..b", "-a.b", "a b.c", "a/b.c", "ü.de"] {
            assert!(TenantDomain::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
