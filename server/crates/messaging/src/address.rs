//! Where a message goes: one strict email address or one E.164 number, and how a log or a
//! page may show it.
//!
//! The domain layer has normalised addresses long before; the checks here are the last
//! fence before a header or a form field, so they are narrower than the RFCs allow:
//! no quoted local part (failure 45), no list (46), no look-alike `@` (47), no control.

use lettre::Address;

/// Longest address of RFC 5321, 4.5.3.1.3 (a path of 256 octets less its brackets).
const MAX_EMAIL: usize = 254;

/// The one mailbox that `text` names, or `None` when it is anything else.
#[must_use]
pub fn parse_email(text: &str) -> Option<Address> {
    let plain = |c: char| c.is_alphanumeric() || (c.is_ascii_graphic() && !"\"(),:;<>[\\]".contains(c));
    if text.len() > MAX_EMAIL || text.chars().filter(|c| *c == '@').count() != 1 || !text.chars().all(plain) {
        return None;
    }
    text.parse().ok()
}

/// Whether `text` is an E.164 number: `+`, then 2 to 15 digits, the first not a zero
/// (ITU-T E.164, 6.1).
#[must_use]
pub fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `m••••@example.com`: enough to recognise one's own address, for pages and logs.
/// A local part of one character is hidden as well.
#[must_use]
pub fn mask_email(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return "••••".to_owned();
    };
    let mut letters = local.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(_)) => format!("{first}••••@{domain}"),
        (Some(_), None) | (None, _) => format!("••••@{domain}"),
    }
}

/// `•••• 42`: the last two digits (U19). Numbers of fewer than six digits stay hidden.
#[must_use]
pub fn mask_phone(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    match digits.as_slice() {
        [.., a, b] if digits.len() >= 6 => format!("•••• {a}{b}"),
        _ => "••••".to_owned(), // a slice, not an enum of ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f46_a_list_is_no_address() {
        assert!(parse_email("maria@example.com").is_some());
        assert!(parse_email("o'neil+x@clinic.example").is_some());
        for bad in [
            "a@example.com,b@example.com",
            "a@example.com b@example.com",
            "a@example.com;b@example.com",
            "a@b@example.com",
            "<a@example.com>",
            "Maria <a@example.com>",
            "",
            "@example.com",
            "a@",
        ] {
            assert!(parse_email(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn f45_f47_quoted_local_parts_and_look_alike_signs_are_refused() {
        for bad in [
            "\"a b\"@example.com",
            "\"a@evil.example\"@example.com",
            "a\u{FF20}evil.example@example.com",
            "a\u{FE6B}evil.example@example.com",
        ] {
            assert!(parse_email(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a49_line_breaks_in_an_address_are_refused() {
        for bad in ["a@example.com\r\nBcc: b@evil.example", "a\n@example.com", "a@example.com\0"] {
            assert!(parse_email(bad).is_none(), "{bad:?}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        assert!(parse_email(&long).is_none());
    }

    #[test]
    fn numbers_are_strict_e164() {
        assert!(is_e164("+436601234567"));
        for bad in ["436601234567", "+0660", "+", "+1", "+12 34", "+1234567890123456", "+१२३४५"] {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn u19_masks_show_just_enough() {
        assert_eq!(mask_email("maria@example.com"), "m••••@example.com");
        assert_eq!(mask_email("m@example.com"), "••••@example.com");
        assert_eq!(mask_email("nonsense"), "••••");
        assert_eq!(mask_phone("+436601234542"), "•••• 42");
        assert_eq!(mask_phone("+1234"), "••••");
    }
}
