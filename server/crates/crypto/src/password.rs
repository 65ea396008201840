//! argon2id (RFC 9106) for passwords: 19 MiB, 2 passes, 1 lane (A36, OWASP's first choice).
//!
//! A hash is stored as a PHC string with its own parameters, so they can be raised later (N8):
//! verification uses those of the string, [`Argon2Passwords::needs_rehash`] tells old ones. A
//! pepper, kept apart from the database, goes in as argon2's secret; `keyid` in the PHC string
//! says with which pepper a hash was made, so one can be brought in while old hashes remain.
//! Hashing is slow and takes 19 MiB: the server goes through [`crate::PasswordQueue`].

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use lanyard_domain::{
    entropy::{self, Entropy},
    password::{Password, PasswordVerifier},
};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::mac::MacKey;

/// Memory of one hash in KiB.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSES: u32 = 2;
/// Lanes, each a thread in implementations that have several.
pub const LANES: u32 = 1;
/// Bytes of salt (N8 asks for 4).
pub const SALT_BYTES: usize = 16;

const OUTPUT_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
// What a PHC string may ask for; more would let a row of the database exhaust the server.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 4;

/// A hash could not be made: no memory. The password is not at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashFailed;

/// Hashes and verifies passwords. Keeps the memory of finished hashes for the next ones: as many
/// blocks of 19 MiB as there were hashes at the same time.
pub struct Argon2Passwords {
    pepper: Option<Pepper>,
    decoy: String,
    idle_memory: Mutex<Vec<Vec<Block>>>,
    hashes_done: AtomicU64,
}

struct Pepper {
    secret: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID_BYTES],
}

// What a PHC string says, within the bounds above.
struct Stored {
    params: Params,
    salt: Salt,
    output: Output,
}

impl Argon2Passwords {
    /// With `pepper` from the key ring, or without one.
    #[must_use]
    pub fn new(pepper: Option<Zeroizing<[u8; 32]>>, entropy: &mut dyn Entropy) -> Self {
        let pepper = pepper.map(|secret| {
            let mut id = [0; KEY_ID_BYTES];
            id.copy_from_slice(&MacKey::from_bytes(*secret).derive("pepper id")[..KEY_ID_BYTES]);
            Pepper { secret, id }
        });
        let mut passwords =
            Self { pepper, decoy: String::new(), idle_memory: Mutex::new(Vec::new()), hashes_done: AtomicU64::new(0) };
        // A random output: to find a password for it is to break argon2.
        let (salt, output) = (entropy::bytes::<SALT_BYTES>(entropy), entropy::bytes::<OUTPUT_BYTES>(entropy));
        passwords.decoy = passwords.phc(&salt, &output).unwrap_or_default();
        passwords
    }

    /// The PHC string of `password` with a fresh salt.
    ///
    /// # Errors
    /// [`HashFailed`] when there is no memory.
    pub fn hash(&self, password: &Password, entropy: &mut dyn Entropy) -> Result<String, HashFailed> {
        self.hash_with_salt(password, &entropy::bytes(entropy))
    }

    pub(crate) fn hash_with_salt(&self, password: &Password, salt: &[u8; SALT_BYTES]) -> Result<String, HashFailed> {
        let params = self.params().ok_or(HashFailed)?;
        let output = self.compute(&params, password.expose().as_bytes(), salt, OUTPUT_BYTES).ok_or(HashFailed)?;
        self.phc(salt, &output).ok_or(HashFailed)
    }

    /// Whether a hash was made with other parameters or another pepper than the present ones. The
    /// right moment to make it anew is after a right password.
    #[must_use]
    pub fn needs_rehash(&self, phc: &str) -> bool {
        let (Some(stored), Some(present)) = (Stored::parse(phc), self.params()) else { return true };
        stored.params != present || stored.salt.len() < SALT_BYTES
    }

    /// How many hashes were computed: one for each check and each new password.
    #[must_use]
    pub fn hashes_done(&self) -> u64 {
        self.hashes_done.load(Ordering::SeqCst)
    }

    /// Bytes of memory that finished hashes left for the next ones.
    #[must_use]
    pub fn idle_memory_bytes(&self) -> usize {
        let idle = self.idle_memory.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().map(|blocks| blocks.capacity() * Block::SIZE).sum()
    }

    fn params(&self) -> Option<Params> {
        let mut builder = ParamsBuilder::new();
        builder.m_cost(MEMORY_KIB).t_cost(PASSES).p_cost(LANES).output_len(OUTPUT_BYTES);
        if let Some(pepper) = &self.pepper {
            builder.keyid(KeyId::new(&pepper.id).ok()?);
        }
        builder.build().ok()
    }

    fn phc(&self, salt: &[u8], output: &[u8]) -> Option<String> {
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params()?).ok()?,
            salt: Some(Salt::new(salt).ok()?),
            hash: Some(Output::new(output).ok()?),
        };
        Some(hash.to_string())
    }

    // The secret for a hash with this `keyid`; `None` if it was made with a pepper that is not ours.
    fn secret_for(&self, key_id: &[u8]) -> Option<&[u8]> {
        match &self.pepper {
            _ if key_id.is_empty() => Some(&[]),
            Some(pepper) if pepper.id == key_id => Some(&pepper.secret[..]),
            Some(_) | None => None,
        }
    }

    // The one place that hashes. An empty secret and none are the same to argon2 (RFC 9106, 3.2).
    fn compute(&self, params: &Params, password: &[u8], salt: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let secret = self.secret_for(params.keyid())?;
        let argon2 = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params.clone()).ok()?;
        let mut memory = self.idle_memory.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let blocks = params.block_count();
        memory.try_reserve_exact(blocks.saturating_sub(memory.len())).ok()?;
        if memory.len() < blocks {
            memory.resize(blocks, Block::new());
        }
        let mut output = Zeroizing::new(vec![0; length]);
        let done = argon2.hash_password_into_with_memory(password, salt, &mut output, &mut memory[..blocks]);
        self.hashes_done.fetch_add(1, Ordering::SeqCst);
        // A hash of other parameters may have wanted more: that is not kept.
        memory.truncate(MEMORY_KIB as usize);
        memory.shrink_to(MEMORY_KIB as usize);
        self.idle_memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        done.is_ok().then_some(output)
    }

    fn verify_stored(&self, password: &Password, stored: &Stored) -> Option<bool> {
        let expected = stored.output.as_bytes();
        let salt: &[u8] = stored.salt.as_ref();
        let output = self.compute(&stored.params, password.expose().as_bytes(), salt, expected.len())?;
        // In constant time (A39).
        Some(output.ct_eq(expected).into())
    }
}

impl PasswordVerifier for Argon2Passwords {
    fn verify(&self, password: &Password, phc: &str) -> bool {
        let verdict = Stored::parse(phc).and_then(|stored| self.verify_stored(password, &stored));
        verdict.unwrap_or_else(|| {
            // Nothing to compare with: refused, at the cost of any other refusal (A6).
            if let Some(decoy) = Stored::parse(&self.decoy) {
                self.verify_stored(password, &decoy);
            }
            false
        })
    }

    fn decoy(&self) -> &str {
        &self.decoy
    }
}

impl Stored {
    fn parse(phc: &str) -> Option<Self> {
        let hash = PasswordHash::new(phc).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let bounded =
            params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_LANES;
        let known = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
        if !bounded || !known {
            return None;
        }
        Some(Self { params, salt: hash.salt?, output: hash.hash? })
    }
}

impl std::fmt::Debug for Argon2Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pepper = if self.pepper.is_some() { "with pepper" } else { "without pepper" };
        write!(f, "Argon2Passwords({pepper})")
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::entropy::SeededEntropy;

    use super::*;

    fn plain() -> Argon2Passwords {
        Argon2Passwords::new(None, &mut SeededEntropy::new(1))
    }

    fn peppered(byte: u8) -> Argon2Passwords {
        Argon2Passwords::new(Some(Zeroizing::new([byte; 32])), &mut SeededEntropy::new(1))
    }

    fn typed(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    #[test]
    fn a36_argon2id_with_19_mib_two_passes_one_lane() {
        let (passwords, mut entropy) = (plain(), SeededEntropy::new(2));
        let phc = passwords.hash(&typed("seventeen tame otters"), &mut entropy).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(passwords.decoy().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(passwords.decoy().len(), phc.len());
        assert!(passwords.verify(&typed("seventeen tame otters"), &phc));
        assert!(!passwords.verify(&typed("seventeen tame otterS"), &phc));
        assert!(!passwords.verify(&typed("seventeen tame otters "), &phc));
        assert!(!passwords.needs_rehash(&phc));
    }

    #[test]
    fn a36_a_hash_of_the_reference_implementation_verifies() {
        // phc-winner-argon2, test.c: argon2id, 64 MiB, 2 passes. Its parameters are its own (N8).
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let passwords = plain();
        assert!(passwords.verify(&typed("password"), phc));
        assert!(!passwords.verify(&typed("differentpassword"), phc));
        assert!(passwords.needs_rehash(phc));
        assert!(passwords.idle_memory_bytes() <= MEMORY_KIB as usize * 1024, "the surplus is given back");
    }

    #[test]
    fn n8_every_hash_has_its_own_salt_of_128_bits() {
        let (passwords, mut entropy) = (plain(), SeededEntropy::new(2));
        let one = passwords.hash(&typed("the same password"), &mut entropy).unwrap();
        let two = passwords.hash(&typed("the same password"), &mut entropy).unwrap();
        assert_ne!(one, two);
        assert_eq!(Stored::parse(&one).unwrap().salt.len(), SALT_BYTES);
    }

    #[test]
    fn n8_pepper_is_needed_and_can_be_brought_in_later() {
        let mut entropy = SeededEntropy::new(2);
        let password = typed("seventeen tame otters");
        let old = plain().hash(&password, &mut entropy).unwrap();
        let passwords = peppered(1);
        assert!(passwords.verify(&password, &old), "hashes from before the pepper still open");
        assert!(passwords.needs_rehash(&old));
        let new = passwords.hash(&password, &mut entropy).unwrap();
        assert!(!passwords.needs_rehash(&new));
        assert!(passwords.verify(&password, &new));
        assert!(!plain().verify(&password, &new), "the database alone is not enough to try passwords");
        assert!(!peppered(2).verify(&password, &new));
    }

    #[test]
    fn a6_a_broken_hash_is_refused_at_the_cost_of_one() {
        let (passwords, password) = (peppered(1), typed("seventeen tame otters"));
        let other_pepper = peppered(2).decoy().to_owned();
        let greedy = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let other_kind = passwords.decoy().replace("argon2id", "argon2i");
        for broken in ["", "\0", "$argon2id$", "plain text", greedy, &other_kind, &other_pepper] {
            let before = passwords.hashes_done();
            assert!(!passwords.verify(&password, broken), "{broken}");
            assert_eq!(passwords.hashes_done() - before, 1, "{broken}");
        }
    }

    #[test]
    fn d10_a_stored_hash_cannot_ask_for_more_than_the_bounds() {
        let with = |costs: &str| plain().decoy().replace("m=19456,t=2,p=1", costs);
        for most in ["m=65536,t=2,p=1", "m=19456,t=10,p=1", "m=19456,t=2,p=4"] {
            assert!(Stored::parse(&with(most)).is_some(), "{most}");
        }
        for greedy in ["m=65537,t=2,p=1", "m=19456,t=11,p=1", "m=19456,t=2,p=5"] {
            assert!(Stored::parse(&with(greedy)).is_none(), "{greedy}");
        }
    }

    #[test]
    fn c5_debug_shows_no_pepper() {
        assert_eq!(format!("{:?}", peppered(7)), "Argon2Passwords(with pepper)");
    }
}
