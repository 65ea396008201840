//! Phone numbers in E.164. Which national forms are read, and which ranges are refused, is
//! decided by the server with a numbering-plan library; the domain keeps only the result.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number in E.164: `+` and 7 to 15 digits. Personal data: `Debug` shows it masked.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// Why a number was refused (U17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneProblem {
    /// Not a number that can be reached.
    #[error("is not a phone number")]
    Invalid,
    /// Premium-rate and shared-cost ranges: a code sent there costs the clinic or the patient.
    #[error("is a premium-rate number")]
    PremiumRate,
}

impl PhoneNumber {
    /// Takes a number that is already in E.164.
    ///
    /// # Errors
    /// [`PhoneProblem::Invalid`] when the form is another.
    pub fn from_e164(text: &str) -> Result<Self, PhoneProblem> {
        let digits = text.strip_prefix('+').ok_or(PhoneProblem::Invalid)?;
        let ok =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if ok { Ok(Self(text.to_owned())) } else { Err(PhoneProblem::Invalid) }
    }

    /// The number in E.164.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as a page may show it: its last two digits (U19).
    #[must_use]
    pub fn masked(&self) -> String {
        format!("•••• {}", &self.0[self.0.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}
