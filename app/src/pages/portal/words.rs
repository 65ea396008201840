//! Words made of figures.

/// A figure with commas between the thousands.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How many patients have no second factor (O3): "312 of 1,904 patients have no second factor."
#[must_use]
pub fn blast_radius(patients: u64, with_mfa: u64) -> String {
    let without = patients.saturating_sub(with_mfa);
    match (patients, without) {
        (0, _) => "There are no patients yet.".to_owned(),
        (1, 0) => "The only patient has a second factor.".to_owned(),
        (1, _) => "The only patient has no second factor.".to_owned(),
        (_, 0) => format!("All {} patients have a second factor.", thousands(patients)),
        (_, 1) => format!("1 of {} patients has no second factor.", thousands(patients)),
        (_, _) => format!("{} of {} patients have no second factor.", thousands(without), thousands(patients)),
    }
}

/// "1 reply URL", "3 reply URLs".
#[must_use]
pub fn counted(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_the_blast_radius_is_said_in_words() {
        assert_eq!(blast_radius(1904, 1592), "312 of 1,904 patients have no second factor.");
        assert_eq!(blast_radius(0, 0), "There are no patients yet.");
        assert_eq!(blast_radius(1, 0), "The only patient has no second factor.");
        assert_eq!(blast_radius(1, 1), "The only patient has a second factor.");
        assert_eq!(blast_radius(12, 12), "All 12 patients have a second factor.");
        assert_eq!(blast_radius(1_000_000, 999_999), "1 of 1,000,000 patients has no second factor.");
        // Counters of two moments may disagree for a blink: never a negative number.
        assert_eq!(blast_radius(3, 5), "All 3 patients have a second factor.");
    }
}
