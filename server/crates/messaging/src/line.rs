//! Text that must stay on one line: subjects, names in sentences, spoken words.
//!
//! An operator types a tenant's name and a browser chooses how it calls itself; both end
//! in mail headers, text messages and XML. [`single_line`] is the one place that makes
//! them harmless (A49: no header injection; XML 1.0 section 2.2: no forbidden characters).

/// Longest name (in characters) that goes into a message; the rest is cut off.
pub const MAX_NAME: usize = 80;

/// `text` on one line: runs of white space and control characters become one space,
/// invisible direction marks and non-characters vanish, at most `max` characters remain.
#[must_use]
pub fn single_line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut gap = false;
    for c in text.chars() {
        if is_invisible(c) {
            continue;
        }
        if c.is_control() || c.is_whitespace() {
            gap = length > 0;
            continue;
        }
        let needed = 1 + usize::from(gap);
        if length + needed > max {
            break;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(c);
        length += needed;
    }
    out
}

/// Whether `text` would break out of a header line or carries what no name may carry.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Direction overrides, zero-width marks and the non-characters of Unicode. The joiners
/// U+200C and U+200D stay: Persian and several Indian scripts are spelt with them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'
            ..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FDD0}'..='\u{FDEF}'
    ) || (c as u32) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a49_line_breaks_become_spaces() {
        assert_eq!(single_line(" Acme\r\nBcc: all@evil.example \u{2028}x\0y ", 80), "Acme Bcc: all@evil.example x y");
    }

    #[test]
    fn direction_overrides_vanish_and_length_is_capped() {
        assert_eq!(single_line("a\u{202E}b\u{FFFE}c", 80), "abc");
        assert_eq!(single_line("abc def", 4), "abc");
        assert_eq!(single_line("abc def", 5), "abc d");
    }

    proptest! {
        #[test]
        fn a49_no_input_leaves_a_control_character(text in ".*", max in 0usize..100) {
            let line = single_line(&text, max);
            prop_assert!(!has_control(&line));
            prop_assert!(line.chars().count() <= max);
            prop_assert_eq!(line.trim(), line.as_str());
        }
    }
}
