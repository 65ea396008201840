//! Email addresses, normalised in one place so that both databases see the same bytes.
//!
//! The accepted form is narrower than RFC 5321: no quoted local part (failure 45), no comma
//! or list (46), ASCII `@` only (47). What is refused here never reaches a mail header.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest address accepted, in bytes (RFC 5321, 4.5.3.1.3 less the brackets).
pub const MAX_LEN: usize = 254;

/// A well-formed address in lower case. It is personal data: `Debug` shows it masked.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// The text is not an address that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an email address")]
pub struct InvalidEmail;

impl EmailAddress {
    /// Parses and normalises `input`: surrounding space dropped, lower case.
    ///
    /// # Errors
    /// [`InvalidEmail`] when the text is not one plain address.
    pub fn parse(input: &str) -> Result<Self, InvalidEmail> {
        let text = input.trim().to_lowercase();
        if text.len() > MAX_LEN {
            return Err(InvalidEmail);
        }
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let local_ok = (1..=64).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain_ok = domain.contains('.') && domain.split('.').all(is_label);
        if local_ok && domain_ok { Ok(Self(text)) } else { Err(InvalidEmail) }
    }

    /// The address in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as a page may show it: `m•••@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first = local.chars().next().unwrap_or('•');
        format!("{first}•••@{domain}")
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f45_f46_f47_odd_addresses_are_refused() {
        for wrong in [
            "\"a b\"@example.com",
            "\"a@b\"@example.com",
            "a@example.com,b@example.com",
            "a@example.com;b@example.com",
            "a\u{ff20}example.com",
            "a@exam ple.com",
            "a@b@example.com",
            "a\r\nBcc: b@example.com",
            "@example.com",
            "a@",
            "a@localhost",
            "a@-x.com",
            "a..b@example.com",
            "<a@example.com>",
            "a@example.com\0",
            "",
        ] {
            assert_eq!(EmailAddress::parse(wrong), Err(InvalidEmail), "{wrong:?}");
        }
    }

    #[test]
    fn addresses_are_lower_case_and_trimmed() {
        assert_eq!(EmailAddress::parse(" Ada.O'Neil+x@Example.COM ").unwrap().as_str(), "ada.o'neil+x@example.com");
    }

    #[test]
    fn debug_masks_the_address() {
        assert_eq!(format!("{:?}", EmailAddress::parse("maria@example.com").unwrap()), "m•••@example.com");
    }
}
