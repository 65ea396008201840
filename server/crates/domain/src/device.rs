//! The device grant (RFC 8628): a device without a browser shows a short code, a person types it
//! on their phone, signs in there, and the device receives its tokens.

use serde::{Deserialize, Serialize};

use crate::{
    application::Application,
    clock::{MINUTE, Millis, SECOND, Timestamp},
    entropy::{self, Entropy},
    grant::{CLOCK_AHEAD, Grant},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
    user_flow::UserFlow,
};

/// How long a device code and its user code live.
pub const DEVICE_CODE_LIFE: Millis = 15 * MINUTE;
/// How long a device waits between two questions, at first.
pub const POLL_INTERVAL: Millis = 5 * SECOND;
/// How much longer it must wait each time it asks too soon (RFC 8628, 3.5).
pub const SLOW_DOWN: Millis = 5 * SECOND;

// Consonants only, so that no word comes out; none looks like a digit (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// What a person types: eight letters, 34 bits. Guesses are throttled, and it is short-lived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A fresh code, each letter equally likely.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let [draw] = entropy::bytes::<1>(entropy);
            // 240 is the largest multiple of 20 that a byte holds.
            if draw < 240 {
                code.push(char::from(LETTERS[usize::from(draw) % LETTERS.len()]));
            }
        }
        Self(code)
    }

    /// A code as a person typed it: any case, with or without spaces and dashes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let kept = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'));
        let code: String = kept.map(|c| c.to_ascii_uppercase()).collect();
        let ok = code.len() == LENGTH && code.bytes().all(|b| LETTERS.contains(&b));
        ok.then_some(Self(code))
    }

    /// The eight letters: what is hashed.
    #[must_use]
    pub fn letters(&self) -> &str {
        &self.0
    }

    /// As shown: two groups of four.
    #[must_use]
    pub fn shown(&self) -> String {
        let (left, right) = self.0.split_at(LENGTH / 2);
        format!("{left}-{right}")
    }
}

/// What a device waits for, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCode {
    /// The hash of the device code, 256 random bits.
    pub hash: TokenHash,
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The flow that the person goes through.
    pub flow: Id<UserFlow>,
    /// The application on the device.
    pub application: Id<Application>,
    /// The keyed hash of the user code.
    pub user_code: TokenHash,
    /// The scopes.
    pub scope: String,
    /// How long the device must wait between two questions.
    pub poll_interval: Millis,
    /// When the device asked.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When the device last asked how things stand.
    pub polled_at: Option<Timestamp>,
    /// What the person's journey led to. Only a completed journey makes a grant.
    pub grant: Option<Id<Grant>>,
    /// When the person said no.
    pub denied_at: Option<Timestamp>,
    /// When the device got its tokens.
    pub redeemed_at: Option<Timestamp>,
}

impl DeviceCode {
    /// Whether a person can still decide about it.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.grant.is_none() && self.denied_at.is_none() && self.is_in_time(now)
    }

    /// Whether `now` is within its life. The clock of the server that made it may have been ahead
    /// by [`CLOCK_AHEAD`].
    #[must_use]
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.plus(CLOCK_AHEAD) >= self.created_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn rfc8628_user_codes_have_eight_unambiguous_letters_and_come_back_as_typed() {
        let mut entropy = SeededEntropy::new(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let code = UserCode::generate(&mut entropy);
            seen.extend(code.letters().bytes());
            let shown = code.shown();
            assert_eq!((shown.len(), shown.as_bytes()[4]), (9, b'-'));
            for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), format!(" {} ", code.letters())]
            {
                assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed}");
            }
        }
        assert_eq!(seen.len(), LETTERS.len(), "every letter is drawn");
        for wrong in ["", "BCDF", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "ＢCDFGHJK", &"B".repeat(1_000)] {
            assert_eq!(UserCode::parse(wrong), None, "{wrong}");
        }
    }
}
