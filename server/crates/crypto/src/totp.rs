//! Authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of 30 seconds, which is
//! what every app understands.
//!
//! Seeds have 160 bits (RFC 4226, 4, R6) and are sealed by the tenant's keys from the first
//! moment. A code is taken in its own step and in the one after it (N13: one neighbour); that
//! it is taken only once is for the caller to see to, who stores the step that matched.

use lanyard_domain::{
    clock::Timestamp,
    entropy::{self, Entropy},
    journey::Totp,
    secret::Sealed,
};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use totp_rs::{Algorithm, Builder, Secret};
use zeroize::Zeroizing;

use crate::{
    keyring::TenantKeys,
    qr,
    seal::{CannotOpen, Purpose},
};

/// Length of a step in seconds (RFC 6238, 4.1).
pub const STEP_SECONDS: i64 = 30;
/// Digits of a code.
pub const DIGITS: u8 = 6;
/// Bytes of a seed.
pub const SEED_BYTES: usize = 20;

/// What a person needs to put a seed into an app. All of it is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Provisioning {
    /// The `otpauth:` link.
    pub uri: String,
    /// The seed in base32, in groups of four, for typing.
    pub secret_groups: String,
    /// The link as a QR code: a whole `<svg>` element without styles or scripts.
    pub qr_svg: String,
}

impl std::fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provisioning(redacted)")
    }
}

/// What to show for `seed`: `issuer` is the tenant's name, `account_label` the email address.
/// Colons separate the two in the link, so they become spaces; long texts are cut at 80.
///
/// # Errors
/// [`CannotOpen`] when the seed does not open with `keys`.
pub fn provisioning(
    keys: &TenantKeys,
    seed: &Sealed,
    issuer: &str,
    account_label: &str,
) -> Result<Provisioning, CannotOpen> {
    let seed = open(keys, seed)?;
    let totp = with_seed(*seed).with_issuer(Some(label(issuer))).with_account_name(label(account_label));
    let totp = totp.build().map_err(|_| CannotOpen)?;
    let uri = totp.to_url().map_err(|_| CannotOpen)?;
    let secret = Zeroizing::new(totp.secret().to_base32());
    // Base32 is ASCII: a byte is a character.
    let groups: Vec<_> = secret.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    let qr_svg = qr::svg(&uri).ok_or(CannotOpen)?;
    Ok(Provisioning { secret_groups: groups.join(" "), uri, qr_svg })
}

impl Totp for TenantKeys {
    fn new_seed(&self, entropy: &mut dyn Entropy) -> Sealed {
        let seed = Zeroizing::new(entropy::bytes::<SEED_BYTES>(entropy));
        // No owner: the account may not exist yet.
        self.seal(Purpose::TotpSeed, "", &seed[..], entropy)
    }

    fn matched_step(&self, seed: &Sealed, digits: &str, now: Timestamp) -> Option<i64> {
        matched(&*open(self, seed).ok()?, digits, now.as_seconds())
    }
}

fn open(keys: &TenantKeys, seed: &Sealed) -> Result<Zeroizing<[u8; SEED_BYTES]>, CannotOpen> {
    let opened = keys.open(Purpose::TotpSeed, "", seed)?;
    <[u8; SEED_BYTES]>::try_from(&opened[..]).map(Zeroizing::new).map_err(|_| CannotOpen)
}

fn with_seed(seed: [u8; SEED_BYTES]) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP_SECONDS.unsigned_abs())
        .with_skew(0)
        .with_secret(Secret::new_stack(seed))
}

// Both steps are computed and compared whatever matches (A39).
fn matched(seed: &[u8; SEED_BYTES], digits: &str, seconds: i64) -> Option<i64> {
    let present = seconds.div_euclid(STEP_SECONDS);
    let totp = with_seed(*seed).build().ok()?;
    let (mut found, mut step) = (Choice::from(0), 0i64);
    for candidate in [present - 1, present] {
        let Ok(begin) = u64::try_from(candidate.saturating_mul(STEP_SECONDS)) else { continue };
        let code = Zeroizing::new(totp.generate(begin).to_string());
        let same = code.as_bytes().ct_eq(digits.as_bytes());
        step.conditional_assign(&candidate, same);
        found |= same;
    }
    bool::from(found).then_some(step)
}

fn label(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c == ':' || c.is_control() { ' ' } else { c }).take(80).collect();
    if clean.trim().is_empty() { "Lanyard".to_owned() } else { clean.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{entropy::SeededEntropy, id::Id};

    use super::*;
    use crate::keyring::MasterKey;

    const RFC_SEED: [u8; 20] = *b"12345678901234567890";

    fn keys(n: u128) -> TenantKeys {
        let tenant = Id::from_uuid(uuid::Uuid::from_u128(n));
        MasterKey::from_bytes(&[1; 32]).new_tenant_key(tenant, &mut SeededEntropy::new(1)).0
    }

    fn sealed(keys: &TenantKeys) -> Sealed {
        keys.seal(Purpose::TotpSeed, "", &RFC_SEED, &mut SeededEntropy::new(3))
    }

    // RFC 6238, appendix B, SHA-1: the last six of the eight digits (RFC 4226, 5.3).
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn n13_vectors_of_rfc_6238_match() {
        let keys = keys(1);
        for (seconds, digits) in VECTORS {
            let step = keys.matched_step(&sealed(&keys), digits, Timestamp(seconds * 1000 + 999));
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn n13_a_code_is_taken_in_its_step_and_the_next_and_in_no_other() {
        let (keys, (seconds, digits)) = (keys(1), VECTORS[3]);
        let seed = sealed(&keys);
        let step = seconds / 30;
        let at = |seconds: i64| keys.matched_step(&seed, digits, Timestamp(seconds * 1000));
        assert_eq!(at(step * 30 - 1), None, "a clock that runs ahead: not yet");
        assert_eq!(at(step * 30), Some(step));
        assert_eq!(at(step * 30 + 29), Some(step));
        assert_eq!(at(step * 30 + 30), Some(step), "the one neighbour");
        assert_eq!(at(step * 30 + 59), Some(step));
        assert_eq!(at(step * 30 + 60), None);
        assert_eq!(at(-30), None);
    }

    #[test]
    fn n13_only_six_ascii_digits_of_the_right_seed_match() {
        let keys = keys(1);
        let seed = sealed(&keys);
        let now = Timestamp(1_234_567_890_000);
        for wrong in ["", "5924", "05924", "+05924", "0005924", "005925", " 005924", "００５９２４", "89005924"] {
            assert_eq!(keys.matched_step(&seed, wrong, now), None, "{wrong:?}");
        }
        let other = keys.new_seed(&mut SeededEntropy::new(9));
        assert_eq!(keys.matched_step(&other, "005924", now), None);
    }

    #[test]
    fn n13_new_seeds_have_160_bits_and_differ() {
        let (keys, mut entropy) = (keys(1), SeededEntropy::new(4));
        let (one, two) = (keys.new_seed(&mut entropy), keys.new_seed(&mut entropy));
        let (one, two) = (open(&keys, &one).unwrap(), open(&keys, &two).unwrap());
        assert_eq!(one.len() * 8, 160);
        assert_ne!(*one, *two);
    }

    #[test]
    fn c6_a_seed_serves_its_own_tenant_only() {
        let (keys, other) = (keys(1), MasterKey::from_bytes(&[1; 32]));
        let tenant = Id::from_uuid(uuid::Uuid::from_u128(2));
        let other = other.new_tenant_key(tenant, &mut SeededEntropy::new(1)).0;
        let seed = sealed(&keys);
        assert!(!seed.0.windows(5).any(|w| RFC_SEED.windows(5).any(|s| s == w)));
        assert_eq!(other.matched_step(&seed, "005924", Timestamp(1_234_567_890_000)), None);
        assert_eq!(provisioning(&other, &seed, "Clinic", "maria@example.com"), Err(CannotOpen));
    }

    #[test]
    fn provisioning_gives_a_link_that_apps_read_and_the_same_secret_to_type() {
        let keys = keys(1);
        let shown = provisioning(&keys, &sealed(&keys), "Riverside: Klinik Ö", "maria@example.com").unwrap();
        assert_eq!(shown.secret_groups, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(shown.uri.starts_with("otpauth://totp/"), "{}", shown.uri);
        let parsed = totp_rs::Totp::from_url(&shown.uri).unwrap();
        assert_eq!(parsed.issuer(), Some("Riverside  Klinik Ö"));
        assert_eq!(parsed.account_name(), "maria@example.com");
        assert_eq!(parsed.secret().as_bytes(), RFC_SEED);
        assert_eq!((parsed.digits(), parsed.step()), (6, 30));
        assert!(shown.qr_svg.starts_with("<svg ") && shown.qr_svg.ends_with("</svg>"));
        assert!(provisioning(&keys, &sealed(&keys), "", &"ö".repeat(500)).is_ok());
    }

    #[test]
    fn c5_debug_shows_no_seed() {
        let keys = keys(1);
        let shown = provisioning(&keys, &sealed(&keys), "Clinic", "maria@example.com").unwrap();
        assert_eq!(format!("{shown:?}"), "Provisioning(redacted)");
    }
}
