//! Keyed hashes: HMAC-SHA-256 (RFC 2104, FIPS 198-1) over several parts, and keys made from keys.
//!
//! Every part goes in with its length before it, so that ("ab", "c") and ("a", "bc") differ.
//! A sub-key is the HMAC of a label, which is HKDF-Expand (RFC 5869, 2.3) with one block.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A key of 256 bits for keyed hashes. Wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MacKey([u8; 32]);

impl MacKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The keyed hash of `parts`, each with its length before it.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.keyed(parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the keyed hash of `parts`; compared in constant time (A39).
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.mac(parts)[..].ct_eq(tag).into()
    }

    /// Another key, for one use only: that which `label` names.
    #[must_use]
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac(&[b"lanyard sub-key 1", label.as_bytes()]))
    }

    fn keyed(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut block = Zeroizing::new([0u8; 64]);
        // A key shorter than the block is filled up with zeros (RFC 2104, 2): 32 bytes always fit.
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut hmac = Hmac::<Sha256>::new(&(*block).into());
        for part in parts {
            hmac.update(&(part.len() as u64).to_be_bytes());
            hmac.update(part);
        }
        hmac
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_the_one_of_rfc_2104() {
        // By definition: H(K ^ opad, H(K ^ ipad, length || part)).
        use sha2::Digest as _;
        let key = [7u8; 32];
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
            block
        };
        let inner =
            Sha256::new().chain_update(pad(0x36)).chain_update(3u64.to_be_bytes()).chain_update(b"abc").finalize();
        let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        assert_eq!(MacKey::from_bytes(key).mac(&[b"abc"])[..], outer[..]);
    }

    #[test]
    fn a39_tags_are_compared_whole_and_parts_cannot_be_shifted() {
        let key = MacKey::from_bytes([7; 32]);
        let tag = key.mac(&[b"ab", b"c"]);
        assert!(key.verify(&[b"ab", b"c"], &tag));
        assert!(!key.verify(&[b"a", b"bc"], &tag));
        assert!(!key.verify(&[b"ab", b"c"], &tag[..31]));
        assert!(!key.verify(&[b"ab", b"c"], &[]));
        for i in 0..32 {
            let mut wrong = tag;
            wrong[i] ^= 1;
            assert!(!key.verify(&[b"ab", b"c"], &wrong), "byte {i}");
        }
        assert_ne!(*key.derive("one use"), *key.derive("another"));
    }
}
