//! Randomness as the domain sees it: a source that is handed in.
//!
//! [`OsEntropy`] asks the operating system; [`SeededEntropy`] is reproducible and for tests only.

use sha2::{Digest, Sha256};

/// A source of random bytes fit for keys and codes.
pub trait Entropy: Send {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The operating system's generator.
///
/// Aborts the process if the system cannot give random bytes: there is no safe way to go on.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

/// A reproducible stream, SHA-256 of (seed, counter). Never use it outside tests and demo data.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    seed: u64,
    counter: u64,
}

impl SeededEntropy {
    /// The stream that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_be_bytes());
            hash.update(self.counter.to_be_bytes());
            self.counter += 1;
            chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
        }
    }
}

/// `N` random bytes from `entropy`.
pub fn bytes<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut out = [0u8; N];
    entropy.fill(&mut out);
    out
}

/// A decimal code of `digits` digits (1 to 9), leading zeros included, without modulo bias
/// (NIST SP 800-63B-4, 3.1.3.2: at least six digits from an approved generator).
pub fn digits(entropy: &mut dyn Entropy, digits: u32) -> String {
    let bound = 10u32.pow(digits.clamp(1, 9));
    let zone = u32::MAX - u32::MAX % bound;
    let width = digits.clamp(1, 9) as usize;
    loop {
        let draw = u32::from_be_bytes(bytes::<4>(entropy));
        if draw < zone {
            return format!("{:0width$}", draw % bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n12_codes_have_six_digits_and_keep_leading_zeros() {
        let mut entropy = SeededEntropy::new(1);
        let mut leading_zero = false;
        for _ in 0..200 {
            let code = digits(&mut entropy, 6);
            assert_eq!(code.len(), 6);
            assert!(code.bytes().all(|b| b.is_ascii_digit()));
            leading_zero |= code.starts_with('0');
        }
        assert!(leading_zero, "200 draws must hold a leading zero");
    }

    #[test]
    fn the_system_source_does_not_repeat() {
        let mut entropy = OsEntropy;
        assert_ne!(bytes::<32>(&mut entropy), bytes::<32>(&mut entropy));
    }
}
