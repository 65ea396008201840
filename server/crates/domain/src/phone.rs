//! Phone numbers in E.164. Which national forms are read, and which ranges are refused, is
//! decided by the server with a numbering-plan library; the domain keeps only the result.

use std::{collections::BTreeSet, fmt};

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
    /// The tenant sends nothing to its country, or it belongs to none (A14).
    #[error("is of a country to which no codes go")]
    Country,
}

/// The countries to whose numbers a tenant sends texts and calls (A14): who rents numbers where they
/// are dear has codes sent there, and shares what the tenant pays. Numbers of no country (satellites,
/// international networks) get none in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneCountries(BTreeSet<String>);

impl PhoneCountries {
    /// These alone: ISO 3166-1 alpha-2 codes in upper case. None at all stands for every country.
    #[must_use]
    pub fn only(codes: impl IntoIterator<Item = String>) -> Self {
        Self(codes.into_iter().collect())
    }

    /// Whether codes go to numbers of `country`.
    #[must_use]
    pub fn admit(&self, country: Option<&str>) -> bool {
        country.is_some_and(|country| self.0.is_empty() || self.0.contains(country))
    }

    /// The codes of the countries, in order; none if every country is served.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// As the database and the form have it: the codes with commas.
    #[must_use]
    pub fn listed(&self) -> String {
        self.codes().collect::<Vec<_>>().join(", ")
    }

    /// From what [`PhoneCountries::listed`] gave.
    #[must_use]
    pub fn from_listed(text: &str) -> Self {
        Self::only(text.split(',').map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_plus_and_seven_to_fifteen_digits_and_is_shown_by_its_last_two() {
        for right in ["+1234567", "+123456789012345"] {
            let number = PhoneNumber::from_e164(right).unwrap();
            assert_eq!(number.as_str(), right);
            assert_eq!(number.masked(), format!("•••• {}", &right[right.len() - 2..]));
            assert_eq!(format!("{number:?}"), number.masked());
        }
        for wrong in
            ["", "+", "1234567", "+123456", "+1234567890123456", "+0123456", "+12 34567", "+123456a", "+١٢٣٤٥٦٧"]
        {
            assert_eq!(PhoneNumber::from_e164(wrong), Err(PhoneProblem::Invalid), "{wrong}");
        }
    }

    #[test]
    fn a14_a_list_of_countries_admits_those_alone_and_an_empty_one_every_country() {
        let all = PhoneCountries::default();
        let some = PhoneCountries::only(["US".to_owned(), "CA".to_owned()]);
        assert!(all.admit(Some("CU")) && some.admit(Some("CA")) && !some.admit(Some("CU")));
        // What belongs to no country gets nothing in any case.
        assert!(!all.admit(None) && !some.admit(None));
        for countries in [all, some] {
            assert_eq!(PhoneCountries::from_listed(&countries.listed()), countries);
        }
        let some = PhoneCountries::only(["US".to_owned(), "CA".to_owned()]);
        assert_eq!(some.listed(), "CA, US", "as the database compares it");
        assert_eq!(some.codes().collect::<Vec<_>>(), ["CA", "US"]);
        assert_eq!(PhoneCountries::from_listed("").codes().count(), 0);
    }
}
