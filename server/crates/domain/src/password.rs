//! Passwords: the text as typed, the policy (NIST SP 800-63B-4, 3.1.1.2), and the check that
//! costs the same whether or not the account exists.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::{account::Account, id::Id, secret::SecretString};

/// The least length where the password is the only factor (N1).
pub const MIN_SINGLE_FACTOR: usize = 15;
/// The least length while every flow of the tenant always asks for a second factor (N1).
pub const MIN_WITH_MFA: usize = 8;
/// The longest password in bytes; longer input is refused before hashing (N2).
pub const MAX_BYTES: usize = 1024;

/// A password as typed, in NFC (N3). Never stored.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// Why a new password was refused. The text goes to the person (U9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum PasswordProblem {
    /// Nothing was typed.
    #[error("is missing")]
    Missing,
    /// Shorter than the tenant's minimum.
    #[error("is too short")]
    TooShort,
    /// Over [`MAX_BYTES`].
    #[error("is too long")]
    TooLong,
    /// On the list of common and leaked passwords (N6).
    #[error("is on a list of common passwords")]
    Common,
    /// One or two characters repeated, or a keyboard or alphabet sequence.
    #[error("repeats one pattern")]
    Pattern,
    /// Built from the email address, the name or the clinic's name (A1).
    #[error("contains your name or the name of this service")]
    Context,
}

impl Password {
    /// Takes what was typed, in NFC. White space counts: nothing is trimmed.
    ///
    /// # Errors
    /// [`PasswordProblem::Missing`] or [`PasswordProblem::TooLong`].
    pub fn new(typed: &str) -> Result<Self, PasswordProblem> {
        if typed.is_empty() {
            return Err(PasswordProblem::Missing);
        }
        if typed.len() > MAX_BYTES {
            return Err(PasswordProblem::TooLong);
        }
        let normal: String = typed.nfc().collect();
        if normal.len() > MAX_BYTES { Err(PasswordProblem::TooLong) } else { Ok(Self(SecretString::new(normal))) }
    }

    /// The text to hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Its length in characters as a person counts them: one code point each (N3).
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.expose().chars().count()
    }

    /// Whether it is long enough to be the only factor (N1).
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        self.length() >= MIN_SINGLE_FACTOR
    }
}

/// The list of passwords that nobody may choose.
pub trait Blocklist: Send + Sync {
    /// Whether `folded` (lower case) is on the list, as a whole (N6).
    fn contains(&self, folded: &str) -> bool;
}

/// What a new password is held against.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// The least number of characters.
    pub min_length: usize,
    /// The list.
    pub blocklist: &'a dyn Blocklist,
    /// Words that must not make up the password: email, names, the tenant's name.
    pub context: &'a [&'a str],
}

impl Policy<'_> {
    /// Checks `password`.
    ///
    /// # Errors
    /// The first [`PasswordProblem`] found. Composition is never one (N4).
    pub fn check(&self, password: &Password) -> Result<(), PasswordProblem> {
        if password.length() < self.min_length {
            return Err(PasswordProblem::TooShort);
        }
        let folded = password.expose().to_lowercase();
        if self.blocklist.contains(&folded) {
            return Err(PasswordProblem::Common);
        }
        if is_repetition(&folded) || is_sequence(&folded) {
            return Err(PasswordProblem::Pattern);
        }
        if self.context.iter().any(|word| is_mostly(&folded, word)) {
            return Err(PasswordProblem::Context);
        }
        Ok(())
    }
}

// A unit of up to a quarter of the text, said again and again.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=chars.len() / 4).any(|unit| chars.iter().zip(&chars[unit..]).all(|(a, b)| a == b))
}

// Each character follows its neighbour by the same step (abcdef, 987654), or stands beside it on
// a keyboard row.
fn is_sequence(text: &str) -> bool {
    const ROWS: [&str; 5] = [
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "123456789012345678901234567890",
    ];
    let backwards: String = text.chars().rev().collect();
    text.len() >= 4 && ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

// The word, with at most four more characters around it, makes up the whole password.
fn is_mostly(text: &str, word: &str) -> bool {
    let compact = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let (text, word) = (compact(text), compact(word));
    word.chars().count() >= 4 && text.contains(&word) && text.chars().count() <= word.chars().count() + 4
}

/// A stored password: the PHC string of argon2id, parameters and salt included (N8).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredPassword {
    /// `$argon2id$v=19$m=…`.
    pub phc: String,
    /// Counts the changes from 1 ([`next_version`]); a reset names the version that it replaces.
    pub version: i64,
}

/// The version of a password that replaces `replaced`.
#[must_use]
pub const fn next_version(replaced: Option<i64>) -> i64 {
    match replaced {
        Some(version) => version.saturating_add(1),
        None => 1,
    }
}

impl std::fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredPassword(version {})", self.version)
    }
}

/// Compares a password with a PHC string. Slow on purpose; never call it inside a transaction.
pub trait PasswordVerifier {
    /// Whether `password` is the one that was hashed.
    fn verify(&self, password: &Password, phc: &str) -> bool;
    /// A PHC string with the present parameters that no password matches: it is verified when
    /// there is no account, so that both cases cost one hash (A6).
    fn decoy(&self) -> &str;
}

/// The result of a password check. Only [`check`] can make one, so a journey cannot be told that
/// a password was right.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct PasswordCheck {
    matched: Option<(Id<Account>, i64)>,
    stands_alone: bool,
}

impl PasswordCheck {
    /// The account and the password version that matched.
    pub(crate) const fn matched(&self) -> Option<(Id<Account>, i64)> {
        self.matched
    }

    /// Whether a password matched that is long enough to be the only factor (N1). It is known at this moment
    /// alone: a hash tells no length.
    pub(crate) const fn stands_alone(&self) -> bool {
        self.stands_alone
    }

    #[cfg(test)]
    pub(crate) const fn for_model(matched: Option<(Id<Account>, i64)>, stands_alone: bool) -> Self {
        Self { matched, stands_alone }
    }
}

/// Checks `typed` against what is stored; exactly one verification, account or not.
pub fn check(
    verifier: &dyn PasswordVerifier,
    typed: &Password,
    stored: Option<(Id<Account>, &StoredPassword)>,
) -> PasswordCheck {
    let phc = stored.map_or(verifier.decoy(), |(_, password)| password.phc.as_str());
    let right = verifier.verify(typed, phc);
    let matched = stored.filter(|_| right).map(|(account, password)| (account, password.version));
    PasswordCheck { matched, stands_alone: matched.is_some() && typed.stands_alone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct List;
    impl Blocklist for List {
        fn contains(&self, folded: &str) -> bool {
            folded == "correcthorsebattery"
        }
    }

    fn policy(min_length: usize) -> Policy<'static> {
        Policy { min_length, blocklist: &List, context: &["maria.lopez@example.com", "Riverside Clinic", "Lopez"] }
    }

    fn verdict(text: &str, min: usize) -> Result<(), PasswordProblem> {
        Password::new(text).and_then(|p| policy(min).check(&p))
    }

    #[test]
    fn n1_fourteen_characters_refused_and_fifteen_accepted() {
        assert_eq!(verdict("mydogatecheese", MIN_SINGLE_FACTOR), Err(PasswordProblem::TooShort));
        assert_eq!(verdict("mydogatecheeses", MIN_SINGLE_FACTOR), Ok(()));
        assert_eq!(verdict("dogatec", MIN_WITH_MFA), Err(PasswordProblem::TooShort));
        assert_eq!(verdict("dogatech", MIN_WITH_MFA), Ok(()));
    }

    struct Plain;
    impl PasswordVerifier for Plain {
        fn verify(&self, password: &Password, phc: &str) -> bool {
            password.expose() == phc
        }
        fn decoy(&self) -> &str {
            ""
        }
    }

    #[test]
    fn n1_a_check_tells_whether_the_right_password_may_be_the_only_factor() {
        let account = Id::from_uuid(uuid::Uuid::from_u128(1));
        for (typed, long) in [("mydogatecheese", false), ("mydogatecheeses", true), ("dogatech", false)] {
            let password = Password::new(typed).unwrap();
            let stored = StoredPassword { phc: typed.into(), version: 3 };
            let checked = check(&Plain, &password, Some((account, &stored)));
            assert_eq!((checked.matched(), checked.stands_alone()), (Some((account, 3)), long), "{typed}");
            let other = StoredPassword { phc: "another".into(), version: 3 };
            for stored in [None, Some((account, &other))] {
                let checked = check(&Plain, &password, stored);
                assert_eq!((checked.matched(), checked.stands_alone()), (None, false), "a wrong one tells nothing");
            }
        }
    }

    #[test]
    fn n2_long_passwords_are_accepted_and_a_megabyte_is_refused() {
        let long = "a quick brown fox ".repeat(20);
        assert_eq!(verdict(&format!("{}x1", &long[..62]), 15), Ok(()));
        assert_eq!(verdict(&format!("xk{}x1", &long[..124]), 15).err(), None);
        assert_eq!(verdict(&"x".repeat(1_000_000), 15), Err(PasswordProblem::TooLong));
    }

    #[test]
    fn n3_characters_count_as_people_see_them() {
        let emoji = "🐶🐱🐭🐹🐰🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵";
        assert_eq!(Password::new(emoji).unwrap().length(), 15);
        assert_eq!(verdict(emoji, 15), Ok(()));
        let (nfc, nfd) = (
            Password::new("Zo\u{eb} war hier gestern").unwrap(),
            Password::new("Zoe\u{308} war hier gestern").unwrap(),
        );
        assert_eq!(nfc.expose(), nfd.expose());
    }

    #[test]
    fn n4_no_composition_rules() {
        assert_eq!(verdict("lettersonlyhere", 15), Ok(()));
    }

    #[test]
    fn n6_blocklist_repetitions_sequences_and_context_words() {
        assert_eq!(verdict("CorrectHorseBattery", 15), Err(PasswordProblem::Common));
        assert_eq!(verdict("correcthorsebatteryx", 15), Ok(()), "whole password only");
        assert_eq!(verdict("aaaaaaaaaaaaaaaa", 15), Err(PasswordProblem::Pattern));
        assert_eq!(verdict("abcabcabcabcabcabc", 15), Err(PasswordProblem::Pattern));
        assert_eq!(verdict("abcdefghijklmnop", 15), Err(PasswordProblem::Pattern));
        assert_eq!(verdict("098765432109876", 15), Err(PasswordProblem::Pattern));
        assert_eq!(verdict("Riverside-Clinic1", 15), Err(PasswordProblem::Context));
        assert_eq!(verdict("maria.lopez@example.com", 15), Err(PasswordProblem::Context));
        // Four characters around the word are nothing; five make it a part of something else.
        assert_eq!(verdict("7k-Lopez-2w", 8), Err(PasswordProblem::Context));
        assert_eq!(verdict("7k-Lopez-2wq", 8), Ok(()));
    }

    #[test]
    fn f8_a_changed_password_has_the_next_version_and_the_first_one_is_1() {
        assert_eq!([None, Some(1), Some(7), Some(i64::MAX)].map(next_version), [1, 2, 8, i64::MAX]);
    }

    struct Counting(std::cell::Cell<u32>);
    impl PasswordVerifier for Counting {
        fn verify(&self, password: &Password, phc: &str) -> bool {
            self.0.set(self.0.get() + 1);
            phc == password.expose()
        }
        fn decoy(&self) -> &'static str {
            "\0"
        }
    }

    #[test]
    fn a6_unknown_accounts_cost_one_hash_too() {
        let verifier = Counting(std::cell::Cell::new(0));
        let typed = Password::new("right").unwrap();
        let id = Id::from_uuid(uuid::Uuid::from_u128(1));
        let stored = StoredPassword { phc: "right".into(), version: 3 };
        assert_eq!(check(&verifier, &typed, None).matched(), None);
        assert_eq!(verifier.0.get(), 1);
        assert_eq!(check(&verifier, &typed, Some((id, &stored))).matched(), Some((id, 3)));
        assert_eq!(verifier.0.get(), 2);
    }
}
