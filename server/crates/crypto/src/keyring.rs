//! The key ring: one master key outside the database, one data key for each tenant inside it.
//!
//! The master key only makes other keys ([`MacKey::derive`]): the one that seals the tenants'
//! data keys, and those for keyed hashes across tenants. A tenant's data key in turn makes the
//! key that seals its seeds and signing keys, and the key of its codes. A check value in the
//! database tells a wrong master key at the start, before anything is sealed with it.

use std::path::Path;

use lanyard_domain::{
    entropy::{self, Entropy},
    id::Id,
    journey::{CodeMac, CodePurpose, Journey},
    secret::Sealed,
    tenant::Tenant,
};
use zeroize::Zeroizing;

use crate::{
    keyfile::{self, KeyFileError},
    mac::MacKey,
    seal::{CannotOpen, Context, DataKey, Purpose},
};

/// The database was made with another master key. The server must not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this database was made with another master key")]
pub struct WrongKey;

/// What a keyed hash across tenants is for; each has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacUse {
    /// Tokens in forms, against requests forged by other sites.
    CsrfToken,
    /// Cursors of lists, so that nobody makes up a position.
    Cursor,
    /// Addresses and numbers in counters and throttles, so that these hold no personal data.
    Destination,
    /// Nonces for proofs of possession (RFC 9449, 8), so that no process has to remember them.
    DpopNonce,
}

/// The master key. Never stored in the database, never printed, wiped when dropped.
pub struct MasterKey {
    root: MacKey,
    tenant_keys: DataKey,
}

impl MasterKey {
    /// Reads the key file at `path`: for a server with a database, which must have its key.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        keyfile::load(path).map(|key| Self::from_bytes(&key))
    }

    /// Reads the key file at `path`, or makes one if there is none: for a new database only.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load_or_create(path: &Path, entropy: &mut dyn Entropy) -> Result<Self, KeyFileError> {
        keyfile::load_or_create(path, entropy).map(|key| Self::from_bytes(&key))
    }

    /// The master key with these bytes (tests, or a key that came in another way).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let root = MacKey::from_bytes(*bytes);
        let tenant_keys = DataKey::from_bytes(*root.derive("seal tenant keys"));
        Self { root, tenant_keys }
    }

    /// What the database keeps to recognise this key; the key cannot be found from it.
    #[must_use]
    pub fn check_value(&self) -> [u8; 32] {
        *self.root.derive("database check value")
    }

    /// Holds the check value of a database against this key.
    ///
    /// # Errors
    /// [`WrongKey`].
    pub fn check(&self, stored: &[u8]) -> Result<(), WrongKey> {
        use subtle::ConstantTimeEq as _;
        if self.check_value()[..].ct_eq(stored).into() { Ok(()) } else { Err(WrongKey) }
    }

    /// A fresh data key for a new tenant, open and sealed; the sealed form is to be stored.
    pub fn new_tenant_key(&self, tenant: Id<Tenant>, entropy: &mut dyn Entropy) -> (TenantKeys, Sealed) {
        let key = Zeroizing::new(entropy::bytes::<32>(entropy));
        let sealed = self.tenant_keys.seal(&tenant_key(tenant), &key[..], entropy);
        (TenantKeys::from_bytes(tenant, &key), sealed)
    }

    /// Opens the data key of `tenant`.
    ///
    /// # Errors
    /// [`CannotOpen`]: it was sealed by another master key or for another tenant.
    pub fn open_tenant_key(&self, tenant: Id<Tenant>, sealed: &Sealed) -> Result<TenantKeys, CannotOpen> {
        let opened = self.tenant_keys.open(&tenant_key(tenant), sealed)?;
        let key = <&[u8; 32]>::try_from(&opened[..]).map_err(|_| CannotOpen)?;
        Ok(TenantKeys::from_bytes(tenant, key))
    }

    /// The key for keyed hashes of one kind.
    #[must_use]
    pub fn mac_key(&self, purpose: MacUse) -> MacKey {
        let label = match purpose {
            MacUse::CsrfToken => "csrf tokens",
            MacUse::Cursor => "list cursors",
            MacUse::Destination => "destinations",
            MacUse::DpopNonce => "dpop nonces",
        };
        MacKey::from_bytes(*self.root.derive(label))
    }

    /// The pepper of password hashes (N8), for [`crate::Argon2Passwords::new`].
    #[must_use]
    pub fn pepper(&self) -> Zeroizing<[u8; 32]> {
        self.root.derive("password pepper")
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

const fn tenant_key(tenant: Id<Tenant>) -> Context<'static> {
    Context { purpose: Purpose::TenantKey, tenant, owner: "" }
}

/// The keys of one tenant, opened. Never printed, wiped when dropped.
pub struct TenantKeys {
    tenant: Id<Tenant>,
    sealing: DataKey,
    codes: MacKey,
}

impl TenantKeys {
    fn from_bytes(tenant: Id<Tenant>, bytes: &[u8; 32]) -> Self {
        let root = MacKey::from_bytes(*bytes);
        Self {
            tenant,
            sealing: DataKey::from_bytes(*root.derive("seal")),
            codes: MacKey::from_bytes(*root.derive("codes")),
        }
    }

    /// Whose keys they are.
    #[must_use]
    pub const fn tenant(&self) -> Id<Tenant> {
        self.tenant
    }

    /// Seals `plain`; it opens for the same `purpose` and `owner` only (see [`Purpose`]).
    pub fn seal(&self, purpose: Purpose, owner: &str, plain: &[u8], entropy: &mut dyn Entropy) -> Sealed {
        self.sealing.seal(&Context { purpose, tenant: self.tenant, owner }, plain, entropy)
    }

    /// Opens what [`TenantKeys::seal`] sealed.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&self, purpose: Purpose, owner: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.sealing.open(&Context { purpose, tenant: self.tenant, owner }, sealed)
    }
}

impl CodeMac for TenantKeys {
    fn mac(&self, journey: Id<Journey>, purpose: CodePurpose, destination: &str, digits: &str) -> [u8; 32] {
        let journey = journey.uuid();
        self.codes.mac(&[journey.as_bytes(), purpose.as_str().as_bytes(), destination.as_bytes(), digits.as_bytes()])
    }
}

impl std::fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantKeys({}, redacted)", self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::entropy::SeededEntropy;

    use super::*;

    fn id<T>(n: u128) -> Id<T> {
        Id::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn c6_tenant_keys_open_with_their_master_key_and_tenant_only() {
        let (master, mut entropy) = (MasterKey::from_bytes(&[1; 32]), SeededEntropy::new(1));
        let (keys, stored) = master.new_tenant_key(id(1), &mut entropy);
        let sealed = keys.seal(Purpose::SigningKey, "kid", b"private key", &mut entropy);

        let again = MasterKey::from_bytes(&[1; 32]).open_tenant_key(id(1), &stored).unwrap();
        assert_eq!(**again.open(Purpose::SigningKey, "kid", &sealed).unwrap(), b"private key"[..]);

        assert_eq!(MasterKey::from_bytes(&[2; 32]).open_tenant_key(id(1), &stored).err(), Some(CannotOpen));
        assert_eq!(master.open_tenant_key(id(2), &stored).err(), Some(CannotOpen));
        let (others, _) = master.new_tenant_key(id(2), &mut entropy);
        assert_eq!(others.open(Purpose::SigningKey, "kid", &sealed).err(), Some(CannotOpen));
        // Another key of the very same tenant.
        let (newer, _) = master.new_tenant_key(id(1), &mut entropy);
        assert_eq!(newer.open(Purpose::SigningKey, "kid", &sealed).err(), Some(CannotOpen));
    }

    #[test]
    fn a41_a_wrong_master_key_is_told_by_the_check_value() {
        let master = MasterKey::from_bytes(&[1; 32]);
        let stored = master.check_value();
        assert_eq!(master.check(&stored), Ok(()));
        assert_eq!(MasterKey::from_bytes(&[2; 32]).check(&stored), Err(WrongKey));
        assert_eq!(master.check(&stored[..31]), Err(WrongKey));
        assert_eq!(master.check(&[]), Err(WrongKey));
        assert_ne!(stored, [1; 32]);
    }

    #[test]
    fn a41_every_use_has_its_own_key() {
        let master = MasterKey::from_bytes(&[1; 32]);
        let tags = [MacUse::CsrfToken, MacUse::Cursor, MacUse::Destination, MacUse::DpopNonce]
            .map(|u| master.mac_key(u).mac(&[b"x"]));
        let mut all = vec![master.check_value(), *master.pepper(), tags[0], tags[1], tags[2], tags[3]];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn n12_the_hash_of_a_code_depends_on_journey_purpose_destination_digits_and_tenant() {
        let (master, mut entropy) = (MasterKey::from_bytes(&[1; 32]), SeededEntropy::new(1));
        let (keys, stored) = master.new_tenant_key(id(1), &mut entropy);
        let (other, _) = master.new_tenant_key(id(2), &mut entropy);
        let base = keys.mac(id(7), CodePurpose::SignUp, "a@b.example", "123456");
        let reopened = master.open_tenant_key(id(1), &stored).unwrap();
        assert_eq!(reopened.mac(id(7), CodePurpose::SignUp, "a@b.example", "123456"), base);
        let different = [
            keys.mac(id(8), CodePurpose::SignUp, "a@b.example", "123456"),
            keys.mac(id(7), CodePurpose::Reset, "a@b.example", "123456"),
            keys.mac(id(7), CodePurpose::SignUp, "b@b.example", "123456"),
            keys.mac(id(7), CodePurpose::SignUp, "a@b.example", "123457"),
            keys.mac(id(7), CodePurpose::SignUp, "a@b.example1", "23456"),
            other.mac(id(7), CodePurpose::SignUp, "a@b.example", "123456"),
        ];
        assert!(different.iter().all(|mac| *mac != base));
    }

    #[test]
    fn c5_debug_shows_no_key() {
        let (keys, _) = MasterKey::from_bytes(&[1; 32]).new_tenant_key(id(1), &mut SeededEntropy::new(1));
        assert_eq!(format!("{:?}", MasterKey::from_bytes(&[1; 32])), "MasterKey(redacted)");
        assert_eq!(format!("{keys:?}"), "TenantKeys(00000000-0000-0000-0000-000000000001, redacted)");
    }
}
