//! Sealing: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random 192-bit nonce.
//!
//! Format 1: `01`, 24 bytes of nonce, then the cipher text with its 16-byte tag. What the bytes
//! are for, whose they are and of which tenant is authenticated with them, so a sealed value
//! that is moved to another row, tenant or column does not open (C6).

use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead as _, KeyInit as _, Payload},
};
use lanyard_domain::{
    entropy::{self, Entropy},
    id::Id,
    secret::Sealed,
    tenant::Tenant,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// What sealed bytes are for. Bytes sealed for one purpose do not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A tenant's data key.
    TenantKey,
    /// The seed of an authenticator app.
    TotpSeed,
    /// A private key that signs tokens; the owner is its key id.
    SigningKey,
    /// A message that waits to be sent, code included; the owner is its id.
    OutboxPayload,
    /// An authorization request that waits to be used; the owner is its application.
    PushedRequest,
    /// A setting that is a secret, such as the password of a mail server; the owner is its name.
    Setting,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::TenantKey => "tenant_key",
            Self::TotpSeed => "totp_seed",
            Self::SigningKey => "signing_key",
            Self::OutboxPayload => "outbox_payload",
            Self::PushedRequest => "pushed_request",
            Self::Setting => "setting",
        }
    }
}

/// The bytes are not what was sealed: another key, purpose, tenant or owner, an unknown format,
/// or tampering. Which of them is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open with this key")]
pub struct CannotOpen;

/// Where sealed bytes belong.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What they are for.
    pub purpose: Purpose,
    /// Of which tenant.
    pub tenant: Id<Tenant>,
    /// Whose, in words that the purpose defines; empty when nobody's yet.
    pub owner: &'a str,
}

impl Context<'_> {
    // Fixed lengths first and the only free text last: no two contexts give the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let purpose = self.purpose.as_str();
        let mut data = vec![FORMAT, purpose.len() as u8];
        data.extend_from_slice(purpose.as_bytes());
        data.extend_from_slice(self.tenant.uuid().as_bytes());
        data.extend_from_slice(self.owner.as_bytes());
        data
    }
}

/// A key of 256 bits for sealing. Wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals `plain` for `context`.
    ///
    /// The cipher refuses nothing below 256 GiB; above, the result is empty and opens for nobody.
    pub fn seal(&self, context: &Context<'_>, plain: &[u8], entropy: &mut dyn Entropy) -> Sealed {
        let nonce = entropy::bytes::<NONCE_BYTES>(entropy);
        let payload = Payload { msg: plain, aad: &context.associated_data() };
        let Ok(mut cipher_text) = self.cipher().encrypt(&nonce.into(), payload) else { return Sealed(Vec::new()) };
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + cipher_text.len());
        out.push(FORMAT);
        out.extend_from_slice(&nonce);
        out.append(&mut cipher_text);
        Sealed(out)
    }

    /// Opens what was sealed for the same `context`.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&self, context: &Context<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (&format, rest) = sealed.0.split_first().ok_or(CannotOpen)?;
        let (nonce, cipher_text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen)?;
        if format != FORMAT {
            return Err(CannotOpen);
        }
        let payload = Payload { msg: cipher_text, aad: &context.associated_data() };
        self.cipher().decrypt(&(*nonce).into(), payload).map(Zeroizing::new).map_err(|_| CannotOpen)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::entropy::SeededEntropy;

    use super::*;

    fn tenant(n: u128) -> Id<Tenant> {
        Id::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn at(purpose: Purpose, n: u128, owner: &str) -> Context<'_> {
        Context { purpose, tenant: tenant(n), owner }
    }

    #[test]
    fn xchacha20_poly1305_test_vector() {
        // draft-irtf-cfrg-xchacha-03, A.3.1.
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let nonce: [u8; 24] = std::array::from_fn(|i| 0x40 + i as u8);
        let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let plain: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let cipher = DataKey::from_bytes(key.try_into().unwrap()).cipher();
        let out = cipher.encrypt(&nonce.into(), Payload { msg: plain, aad: &aad }).unwrap();
        assert_eq!(out[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        assert_eq!(out[plain.len()..plain.len() + 4], [0xc0, 0x87, 0x59, 0x24]);
    }

    #[test]
    fn a41_sealed_bytes_reveal_nothing_and_open_again() {
        let (key, mut entropy) = (DataKey::from_bytes([9; 32]), SeededEntropy::new(1));
        let context = at(Purpose::TotpSeed, 1, "");
        let plain = b"a seed of twenty byt";
        let (one, two) = (key.seal(&context, plain, &mut entropy), key.seal(&context, plain, &mut entropy));
        assert_ne!(one, two, "a fresh nonce every time");
        assert!(!one.0.windows(4).any(|w| plain.windows(4).any(|p| p == w)));
        assert_eq!(one.0.len(), 1 + 24 + plain.len() + 16);
        assert_eq!(**key.open(&context, &one).unwrap(), plain[..]);
        assert_eq!(**key.open(&context, &two).unwrap(), plain[..]);
    }

    #[test]
    fn c6_another_key_tenant_purpose_or_owner_cannot_open() {
        let (key, mut entropy) = (DataKey::from_bytes([9; 32]), SeededEntropy::new(1));
        let context = at(Purpose::SigningKey, 1, "kid");
        let sealed = key.seal(&context, b"private", &mut entropy);
        assert!(key.open(&context, &sealed).is_ok());
        assert_eq!(DataKey::from_bytes([8; 32]).open(&context, &sealed), Err(CannotOpen));
        assert_eq!(key.open(&at(Purpose::SigningKey, 2, "kid"), &sealed), Err(CannotOpen));
        for other in [Purpose::TenantKey, Purpose::TotpSeed, Purpose::OutboxPayload, Purpose::Setting] {
            assert_eq!(key.open(&at(other, 1, "kid"), &sealed), Err(CannotOpen), "{other:?}");
        }
        assert_eq!(key.open(&at(Purpose::SigningKey, 1, "kid2"), &sealed), Err(CannotOpen));
    }

    #[test]
    fn c6_tampering_and_truncation_are_refused() {
        let (key, mut entropy) = (DataKey::from_bytes([9; 32]), SeededEntropy::new(1));
        let context = at(Purpose::Setting, 1, "smtp");
        let sealed = key.seal(&context, b"secret", &mut entropy);
        for i in 0..sealed.0.len() {
            let mut other = sealed.clone();
            other.0[i] ^= 1;
            assert_eq!(key.open(&context, &other), Err(CannotOpen), "byte {i}");
            assert_eq!(key.open(&context, &Sealed(sealed.0[..i].to_vec())), Err(CannotOpen), "cut at {i}");
        }
    }

    #[test]
    fn c5_keys_and_sealed_bytes_are_not_printed() {
        let shown = format!("{:?} {:?}", DataKey::from_bytes([0xab; 32]), crate::MacKey::from_bytes([0xab; 32]));
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab, ab"), "{shown}");
    }
}
