//! Recovery codes: look-up secrets on paper for the day on which a phone is lost (NIST SP 800-63B-4, 3.1.2
//! and 4.2; N15, N16). A set of ten stands beside the other factors of an account and never alone.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    clock::{DAY, MINUTE, Millis, Timestamp},
    entropy::{self, Entropy},
    secret::{SecretString, Token, TokenHash},
};

/// Codes of a set (U22).
pub const CODES: usize = 10;
/// Symbols of a code: 24 of 5 bits are 120 bits, so that a fast hash is enough (N15 asks for 112).
pub const SYMBOLS: usize = 24;
/// Symbols of a group, as codes are shown.
pub const GROUP: usize = 4;
/// With so many codes left, or fewer, their owner is warned (U22).
pub const FEW: u32 = 3;
/// How long a code is good at most that staff issued to a person who lost the other factors (N17).
pub const ISSUED_LIFE: Millis = DAY;
/// How long one is good that was told on the phone (N17).
pub const ISSUED_BY_VOICE_LIFE: Millis = 10 * MINUTE;

/// Digits and letters, less those that look alike: no I, L, O, U (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The half of the codes of a page that the server keeps. The other half is the secret of the browser that sees the
/// page, of which the server has a hash: nothing that is kept can show the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeSeed(pub [u8; 32]);

/// A recovery code in the clear: 24 symbols of the alphabet, upper case, without separators.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub struct RecoveryCode(SecretString);

impl RecoveryCode {
    /// A fresh code.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self::of_bytes(entropy::bytes::<SYMBOLS>(entropy).into_iter())
    }

    // The n-th code of a page. Every input has one length, and the browser's secret has 256 bits: SHA-256 of them
    // is as good as a draw, and says nothing about the secret.
    fn derive(browser: &Token, seed: &CodeSeed, number: u8) -> Self {
        let mut hash = Sha256::new();
        hash.update("recovery codes of a page ");
        hash.update(browser.expose());
        hash.update(seed.0);
        hash.update([number]);
        Self::of_bytes(hash.finalize().into_iter().take(SYMBOLS))
    }

    // 256 is a multiple of 32: the low five bits of a random byte are even.
    fn of_bytes(bytes: impl Iterator<Item = u8>) -> Self {
        let symbol = |byte: u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(SecretString::new(bytes.map(symbol).collect()))
    }

    /// The code that somebody typed: in any case, with or without spaces and dashes; O is read as 0, I and L as
    /// 1 (U4). `None` if that leaves no code.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let mut code = String::with_capacity(SYMBOLS);
        for symbol in typed.chars().filter(|c| !c.is_whitespace() && !"-–—_.,".contains(*c)) {
            let symbol = match symbol.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let known = u8::try_from(symbol).is_ok_and(|byte| ALPHABET.contains(&byte));
            if !known || code.len() == SYMBOLS {
                return None;
            }
            code.push(symbol);
        }
        (code.len() == SYMBOLS).then(|| Self(SecretString::new(code)))
    }

    /// As it is shown: `7K3M-…`, six groups of four.
    #[must_use]
    pub fn grouped(&self) -> String {
        let symbols: Vec<char> = self.0.expose().chars().collect();
        symbols.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    }

    /// What the database keeps.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let mut hash = Sha256::new();
        hash.update("recovery code ");
        hash.update(self.0.expose());
        TokenHash(hash.finalize().into())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(redacted)")
    }
}

/// A set of codes as stored: the hashes, and which of them were used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecoveryCodes {
    hashes: Vec<TokenHash>,
    /// Bit n: the n-th code was used. It changes with use, so that the database keeps it apart.
    #[serde(skip)]
    pub used: u32,
    /// When a code ends that staff issued; `None` for a set that its owner made. It stands apart like `used`:
    /// the statement that uses a code asks for it.
    #[serde(skip)]
    pub until: Option<Timestamp>,
}

/// What a code is to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The n-th code, never used.
    Fresh(u32),
    /// It was used before.
    Used,
    /// It is none of them.
    Unknown,
}

impl RecoveryCodes {
    /// A fresh set, and its codes for the one page that shows them.
    pub fn generate(entropy: &mut dyn Entropy) -> (Self, Vec<RecoveryCode>) {
        let codes: Vec<RecoveryCode> = (0..CODES).map(|_| RecoveryCode::generate(entropy)).collect();
        (Self::of(&codes), codes)
    }

    /// The set that a page shows to `browser`, and its codes: the same for the same two halves, so that a page that
    /// is loaded again shows them again.
    #[must_use]
    pub fn derive(browser: &Token, seed: &CodeSeed) -> (Self, Vec<RecoveryCode>) {
        let codes: Vec<RecoveryCode> =
            (0u8..).take(CODES).map(|number| RecoveryCode::derive(browser, seed, number)).collect();
        (Self::of(&codes), codes)
    }

    /// The set of these codes; 32 at most count.
    #[must_use]
    pub fn of(codes: &[RecoveryCode]) -> Self {
        Self { hashes: codes.iter().take(32).map(RecoveryCode::hash).collect(), used: 0, until: None }
    }

    /// A set of one code for staff to tell a person, good until `until`; and that code, for the one page that
    /// shows it.
    pub fn issue(until: Timestamp, entropy: &mut dyn Entropy) -> (Self, RecoveryCode) {
        let code = RecoveryCode::generate(entropy);
        let set = Self::of(std::slice::from_ref(&code));
        (Self { until: Some(until), ..set }, code)
    }

    /// Whether staff issued it, rather than its owner making it.
    #[must_use]
    pub const fn is_issued(&self) -> bool {
        self.until.is_some()
    }

    /// Whether its time is over at `now`; that of a set without an end never is.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Looks `code` up, in constant time for each hash (A39).
    #[must_use]
    pub fn find(&self, code: &RecoveryCode) -> Found {
        let hash = code.hash();
        let matches = self.hashes.iter().zip(0u32..).filter(|(stored, _)| stored.matches(&hash));
        match matches.last() {
            Some((_, at)) if self.used & (1 << at) == 0 => Found::Fresh(at),
            Some(_) => Found::Used,
            None => Found::Unknown,
        }
    }

    /// How many codes were never used.
    #[must_use]
    pub fn left(&self) -> u32 {
        let of = u32::try_from(self.hashes.len()).unwrap_or(u32::MAX);
        of.saturating_sub(self.used.count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn n15_a_code_has_120_bits_in_six_groups_and_codes_differ() {
        let (set, codes) = RecoveryCodes::generate(&mut SeededEntropy::new(5));
        assert_eq!((codes.len(), set.left()), (CODES, 10));
        let shown: std::collections::BTreeSet<String> = codes.iter().map(RecoveryCode::grouped).collect();
        assert_eq!(shown.len(), CODES);
        let mut symbols = std::collections::BTreeSet::new();
        for code in &shown {
            assert_eq!((code.len(), code.split('-').count()), (29, 6), "{code}");
            symbols.extend(code.bytes().filter(|byte| *byte != b'-'));
        }
        assert!(symbols.iter().all(|byte| ALPHABET.contains(byte)));
        assert_eq!(symbols.len(), 32, "240 draws meet every symbol, or 5 bits are not what a symbol holds");
    }

    #[test]
    fn n15_the_codes_of_a_page_take_both_halves_and_come_again_with_them() {
        let random = &mut SeededEntropy::new(11);
        let (browser, other) = (Token::generate(random), Token::generate(random));
        let (seed, later) = (CodeSeed([1; 32]), CodeSeed([2; 32]));
        let (set, codes) = RecoveryCodes::derive(&browser, &seed);
        assert_eq!(RecoveryCodes::derive(&browser, &seed).1, codes);
        assert_eq!((set.left(), set.find(&codes[9])), (10, Found::Fresh(9)));
        let mut all: Vec<String> = codes.iter().map(RecoveryCode::grouped).collect();
        assert!(all.iter().all(|code| code.len() == 29 && RecoveryCode::read(code).is_some()), "{all:?}");
        for (browser, seed) in [(&other, &seed), (&browser, &later), (&other, &later)] {
            all.extend(RecoveryCodes::derive(browser, seed).1.iter().map(RecoveryCode::grouped));
        }
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4 * CODES);
    }

    #[test]
    fn u4_case_spaces_dashes_and_look_alikes_do_not_matter() {
        let code = RecoveryCode::read("0123 4567-89ab-cdef-ghjk-mnpq").unwrap();
        assert_eq!(code.grouped(), "0123-4567-89AB-CDEF-GHJK-MNPQ");
        assert_eq!(RecoveryCode::read(" o l23–4567 89AB cdef\tGHJK\nmnpq"), Some(code.clone()));
        assert_eq!(RecoveryCode::read(&code.grouped()), Some(code));
        let unfit = [
            "",
            "0123",
            "0123-4567-89AB-CDEF-GHJK-MNP",
            "0123-4567-89AB-CDEF-GHJK-MNPQR",
            "0123-4567-89AB-CDEF-GHJK-MNPU",
            "０123-4567-89AB-CDEF-GHJK-MNP",
        ];
        for typed in unfit {
            assert_eq!(RecoveryCode::read(typed), None, "{typed}");
        }
        assert_eq!(RecoveryCode::read(&"A".repeat(100_000)), None);
    }

    #[test]
    fn n15_a_used_code_is_known_as_used_and_the_others_stay() {
        let (mut set, codes) = RecoveryCodes::generate(&mut SeededEntropy::new(6));
        assert_eq!(set.find(&codes[9]), Found::Fresh(9));
        set.used |= 1 << 9;
        assert_eq!((set.find(&codes[9]), set.find(&codes[0]), set.left()), (Found::Used, Found::Fresh(0), 9));
        assert_eq!(set.find(&RecoveryCode::generate(&mut SeededEntropy::new(7))), Found::Unknown);
    }

    #[test]
    fn n17_an_issued_code_is_one_and_ends_to_the_millisecond() {
        let (set, code) = RecoveryCodes::issue(Timestamp(5), &mut SeededEntropy::new(9));
        assert_eq!((set.find(&code), set.left(), set.is_issued()), (Found::Fresh(0), 1, true));
        assert_eq!([0, 4, 5].map(|now| set.is_over(Timestamp(now))), [false, false, true]);
        let (own, _) = RecoveryCodes::generate(&mut SeededEntropy::new(9));
        assert!(!own.is_issued() && !own.is_over(Timestamp(i64::MAX)));
    }

    #[test]
    fn n15_only_hashes_are_stored_and_nothing_prints_a_code() {
        let (set, codes) = RecoveryCodes::generate(&mut SeededEntropy::new(8));
        let stored = serde_json::to_string(&set).unwrap();
        for code in &codes {
            let plain = code.grouped().replace('-', "");
            assert!(!stored.contains(&plain) && !format!("{code:?} {set:?}").contains(&plain));
        }
    }
}
