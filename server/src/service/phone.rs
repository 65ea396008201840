//! Phone numbers as people type them, read with the numbering plan (U17).

use lanyard_domain::phone::{PhoneCountries, PhoneNumber, PhoneProblem};
use phonenumber::{Mode, Type, country};

/// Reads `typed`, in national form for the two-letter `country`, or with `+` in any.
///
/// # Errors
/// [`PhoneProblem::Invalid`] if it cannot be reached; [`PhoneProblem::PremiumRate`] for premium
/// and shared-cost ranges.
pub fn parse(typed: &str, country: &str) -> Result<PhoneNumber, PhoneProblem> {
    if typed.len() > 64 {
        return Err(PhoneProblem::Invalid);
    }
    let region: Option<country::Id> = country.trim().to_ascii_uppercase().parse().ok();
    // `00` is how most of the world dials `+`.
    let text = match typed.trim().strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => typed.trim().to_owned(),
    };
    let number = phonenumber::parse(region, &text).map_err(|_| PhoneProblem::Invalid)?;
    match number.number_type(&phonenumber::metadata::DATABASE) {
        Type::PremiumRate | Type::SharedCost => return Err(PhoneProblem::PremiumRate),
        Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile | Type::Voip | Type::PersonalNumber | Type::Uan => {}
        _ if !phonenumber::is_valid(&number) => return Err(PhoneProblem::Invalid),
        _ => {}
    }
    PhoneNumber::from_e164(&number.format().mode(Mode::E164).to_string())
}

/// Whether `countries` have texts and calls go to `number`.
#[must_use]
pub fn is_served(countries: &PhoneCountries, number: &PhoneNumber) -> bool {
    let parsed = phonenumber::parse(None, number.as_str()).ok();
    let country = parsed.and_then(|parsed| parsed.country().id());
    countries.admit(country.as_ref().map(AsRef::as_ref))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u17_any_national_form_is_taken() {
        for (typed, country) in
            [("+49 30 901820", "US"), ("030 / 90 18 20", "DE"), ("0049 30 901820", "DE"), ("(030) 90-1820", "DE")]
        {
            assert_eq!(parse(typed, country).map(|n| n.as_str().to_owned()), Ok("+4930901820".to_owned()), "{typed}");
        }
        assert_eq!(parse("(206) 555-0142", "US").unwrap().as_str(), "+12065550142");
    }

    #[test]
    fn u17_premium_rate_numbers_are_refused() {
        for typed in ["+1 900 555 0142", "+49 900 1 234567", "+44 909 879 0000"] {
            assert_eq!(parse(typed, "US"), Err(PhoneProblem::PremiumRate), "{typed}");
        }
    }

    #[test]
    fn a14_a_number_is_served_by_the_country_it_belongs_to() {
        let of = |text: &str| PhoneNumber::from_e164(text).unwrap();
        let america = PhoneCountries::only(["US".to_owned(), "CA".to_owned()]);
        // One country code, many countries: the islands are what toll fraud lives on.
        for (number, everywhere, in_america) in [
            ("+12065550142", true, true),
            ("+14165550142", true, true),
            ("+18095550142", true, false),
            ("+18765550142", true, false),
            ("+4930901820", true, false),
            // Satellites and networks of no country.
            ("+881612345678", false, false),
            ("+870773111632", false, false),
            ("+88213300655", false, false),
        ] {
            assert_eq!(is_served(&PhoneCountries::default(), &of(number)), everywhere, "{number}");
            assert_eq!(is_served(&america, &of(number)), in_america, "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for typed in ["", "12", "abc", "+999 12345", "+1 206", &"1".repeat(500)] {
            assert_eq!(parse(typed, "US"), Err(PhoneProblem::Invalid), "{typed}");
        }
    }
}
