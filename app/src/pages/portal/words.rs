//! Words made of figures.

use crate::api::portal::MfaMode;

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

/// Whom a change of MFA touches, line by line: of so many patients those without a second factor, those
/// who have only one that would not count, and the rest.
#[must_use]
pub fn touched(to: MfaMode, (patients, without, weaker): (u64, u64, u64)) -> Vec<String> {
    let asked = match to {
        MfaMode::Off => return Vec::new(),
        MfaMode::Conditional => "where a condition holds",
        MfaMode::On => "at every sign-in",
    };
    let rest = patients.saturating_sub(without).saturating_sub(weaker);
    let line = |number: u64, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 patient {one}")),
        _ => Some(format!("{} patients {many}", thousands(number))),
    };
    let lines = [
        line(without, "has none, and is asked to set one up.", "have none, and are asked to set one up."),
        line(
            weaker,
            "has only one that is not good enough here: it is asked for once more, and then a better one is set up.",
            "have only one that is not good enough here: it is asked for once more, and then a better one is set up.",
        ),
        line(
            rest,
            &format!("has one that counts, and is asked for it {asked}."),
            &format!("have one that counts, and are asked for it {asked}."),
        ),
    ];
    lines.into_iter().flatten().collect()
}

/// How many of those without a second factor may put it off, and until which day.
#[must_use]
pub fn waiting(number: u64, until: &str) -> String {
    match number {
        1 => format!("1 of those without one may put it off until {until}, if they had an account before."),
        _ => format!(
            "Up to {} of those without one may put it off until {until}: all who had an account before.",
            thousands(number)
        ),
    }
}

/// Who have a rule of their own, if anybody has.
#[must_use]
pub fn raised(number: u64) -> Option<String> {
    let line = |who: &str| {
        format!("{who} of their own, set by the clinic’s staff: at least that is asked, whatever is chosen here.")
    };
    match number {
        0 => None,
        1 => Some(line("1 patient has a rule")),
        _ => Some(line(&format!("{} patients have a rule", thousands(number)))),
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
    fn o3_a_dry_run_says_who_sets_something_up() {
        assert_eq!(touched(MfaMode::Off, (10, 4, 0)), Vec::<String>::new());
        let on = touched(MfaMode::On, (1904, 312, 40));
        assert_eq!(on.len(), 3);
        assert_eq!(on[0], "312 patients have none, and are asked to set one up.");
        assert!(on[1].starts_with("40 patients have only one that is not good enough here"));
        assert_eq!(on[2], "1,552 patients have one that counts, and are asked for it at every sign-in.");
        let one = touched(MfaMode::Conditional, (1, 0, 0));
        assert_eq!(one, ["1 patient has one that counts, and is asked for it where a condition holds."]);
        assert_eq!(touched(MfaMode::On, (0, 0, 0)), Vec::<String>::new());
        assert_eq!(raised(0), None);
        assert!(raised(1).unwrap().starts_with("1 patient has a rule of their own"));
        assert!(raised(1_200).unwrap().starts_with("1,200 patients have a rule of their own"));
    }

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
