//! Free text from outside, made safe once: trimmed, normalised (NFC), bounded, no control
//! characters (failure 53: NUL and overlong strings).

use unicode_normalization::UnicodeNormalization as _;

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// More characters than the field holds.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// A control character, NUL included, or a character that only changes direction.
    #[error("holds a character that cannot be shown")]
    Control,
}

/// `input` trimmed and in NFC, if it has 1 to `max` characters and nothing invisible in it.
///
/// # Errors
/// [`TextProblem`] says which bound was broken.
pub fn clean(input: &str, max: usize) -> Result<String, TextProblem> {
    // A cheap bound first: NFC may shrink a text, but not by more than this.
    if input.len() > max.saturating_mul(16) {
        return Err(TextProblem::TooLong(max));
    }
    let text: String = input.trim().nfc().collect();
    if text.is_empty() {
        return Err(TextProblem::Empty);
    }
    if text.chars().any(is_invisible) {
        return Err(TextProblem::Control);
    }
    if text.chars().count() > max {
        return Err(TextProblem::TooLong(max));
    }
    Ok(text)
}

/// The form in which names are compared and searched: NFKC, lower case.
#[must_use]
pub fn fold(input: &str) -> String {
    input.trim().nfkc().collect::<String>().to_lowercase()
}

/// Whether it is a control character, or one that nobody sees and that can turn the text around it: no part of
/// a name, and no matter for a terminal.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f53_nul_and_overlong_text_is_refused() {
        assert_eq!(clean("a\0b", 10), Err(TextProblem::Control));
        assert_eq!(clean(&"x".repeat(11), 10), Err(TextProblem::TooLong(10)));
        assert_eq!(clean(&"x".repeat(1_000_000), 10), Err(TextProblem::TooLong(10)));
        assert_eq!(clean("  ", 10), Err(TextProblem::Empty));
        assert_eq!(clean(" Zoë\u{301} ", 10).as_deref(), Ok("Zoë\u{301}"));
    }

    #[test]
    fn decomposed_and_composed_names_are_the_same() {
        assert_eq!(clean("Zoe\u{308}", 10), clean("Zo\u{eb}", 10));
        assert_eq!(fold("  ÉMILE "), "émile");
    }
}
