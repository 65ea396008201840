//! The list of common and leaked passwords (NIST SP 800-63B-4, 3.1.1.2; N6), built in.
//!
//! `data/common-passwords.bin` holds the first 48 bits of the SHA-256 of each entry in lower
//! case, sorted. A lookup is a binary search. A password that is not on the list is taken for
//! one with a chance of less than one in a thousand million. `data/README.md` names the sources
//! and licences; `examples/build_blocklist.rs` makes the file from them.

use lanyard_domain::password::Blocklist;
use sha2::{Digest, Sha256};

/// Bytes of one fingerprint.
pub const FINGERPRINT_BYTES: usize = 6;

static FINGERPRINTS: &[u8] = include_bytes!("../data/common-passwords.bin");

/// The list that is built in.
#[derive(Debug, Default, Clone, Copy)]
pub struct CommonPasswords;

impl CommonPasswords {
    /// How many passwords are on it.
    #[must_use]
    pub fn count(self) -> usize {
        FINGERPRINTS.as_chunks::<FINGERPRINT_BYTES>().0.len()
    }
}

impl Blocklist for CommonPasswords {
    fn contains(&self, folded: &str) -> bool {
        FINGERPRINTS.as_chunks().0.binary_search(&fingerprint(folded)).is_ok()
    }
}

/// What stands in the file for `folded`, which is in lower case already.
#[must_use]
pub fn fingerprint(folded: &str) -> [u8; FINGERPRINT_BYTES] {
    let hash: [u8; 32] = Sha256::digest(folded.as_bytes()).into();
    let mut short = [0; FINGERPRINT_BYTES];
    short.copy_from_slice(&hash[..FINGERPRINT_BYTES]);
    short
}

#[cfg(test)]
mod tests {
    use lanyard_domain::password::{MIN_SINGLE_FACTOR, Password, PasswordProblem, Policy};

    use super::*;

    #[test]
    fn n6_blocklist_has_a_hundred_thousand_entries_and_is_well_formed() {
        let (entries, rest) = FINGERPRINTS.as_chunks::<FINGERPRINT_BYTES>();
        assert!(rest.is_empty());
        assert!(CommonPasswords.count() >= 100_000, "{}", CommonPasswords.count());
        assert!(entries.is_sorted_by(|a, b| a < b), "sorted and each once");
    }

    #[test]
    fn n6_blocklist_knows_what_everybody_chooses() {
        for common in ["123456", "password", "qwerty123", "iloveyou", "p@ssw0rd", "correcthorsebatterystaple"] {
            assert!(CommonPasswords.contains(common), "{common}");
        }
        for long in ["1qaz2wsx3edc4rfv", "passwordpassword", "qwerty123456789", "the quick brown fox"] {
            assert!(long.len() >= MIN_SINGLE_FACTOR && CommonPasswords.contains(long), "{long}");
        }
        for fine in ["", "seventeen tame otters", "Kuckucksuhr im Treppenhaus", "passwordpassword of mine"] {
            assert!(!CommonPasswords.contains(fine), "{fine}");
        }
    }

    #[test]
    fn n6_policy_refuses_a_listed_password_in_any_case() {
        let policy = Policy { min_length: MIN_SINGLE_FACTOR, blocklist: &CommonPasswords, context: &[] };
        let verdict = |typed| policy.check(&Password::new(typed).unwrap());
        assert_eq!(verdict("PasswordPassword"), Err(PasswordProblem::Common));
        assert_eq!(verdict("seventeen tame otters"), Ok(()));
    }
}
