//! A new address or number of an account, proved by a code before it counts (A20, N19).
//!
//! The codes are those of the journey ([`CodeProof`]): keyed hashes, ten minutes, five tries. Wrong tries
//! are counted for the account, so that neither a cancelled change nor another destination sheds them (N11).

use serde::{Deserialize, Serialize};

use crate::{
    assurance::Method,
    clock::{HOUR, Millis, Timestamp},
    email::EmailAddress,
    entropy::Entropy,
    factor::Factor,
    id::Id,
    journey::{self, CodeMac, CodeProof, CodePurpose, Journey, Refusal},
    phone::PhoneNumber,
    secret::SecretString,
};

/// How long a change that is not carried out is kept.
pub const CHANGE_LIFE: Millis = HOUR;

/// What kind of contact is changed; an account has one change of each at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactKind {
    /// The address that the account signs in with.
    Email,
    /// The number of a phone.
    Phone,
}

impl ContactKind {
    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }
}

/// What is to take the place of what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Contact {
    /// Another address.
    Email {
        /// The new one.
        address: EmailAddress,
    },
    /// Another number.
    Phone {
        /// The new one.
        number: PhoneNumber,
        /// How it gets its codes.
        method: Method,
        /// The phone that goes when the new one is proved.
        replaces: Id<Factor>,
    },
}

impl Contact {
    /// Of what kind it is.
    #[must_use]
    pub const fn kind(&self) -> ContactKind {
        match self {
            Self::Email { .. } => ContactKind::Email,
            Self::Phone { .. } => ContactKind::Phone,
        }
    }

    /// Where codes go.
    #[must_use]
    pub fn destination(&self) -> &str {
        match self {
            Self::Email { address } => address.as_str(),
            Self::Phone { number, .. } => number.as_str(),
        }
    }

    /// What its codes are for.
    #[must_use]
    pub const fn purpose(&self) -> CodePurpose {
        match self {
            Self::Email { .. } => CodePurpose::ChangeEmail,
            Self::Phone { .. } => CodePurpose::EnrolPhone,
        }
    }

    const fn by(&self) -> Option<Method> {
        match self {
            Self::Email { .. } => None,
            Self::Phone { method, .. } => Some(*method),
        }
    }
}

/// A change that waits for its code. One that was called off stays for its count of wrong tries.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactChange {
    // Stands where a journey's id stands in the hash of a code, so that a code fits this change alone.
    scope: Id<Journey>,
    contact: Contact,
    open: bool,
    proof: CodeProof,
    begun_at: Timestamp,
}

impl ContactChange {
    /// A change to `contact` for which nothing was sent yet. What was tried in vain for `earlier` counts on;
    /// if that was about the same contact and stands, it goes on.
    pub fn begin(contact: Contact, earlier: Option<Self>, now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        let proof = match earlier {
            Some(earlier) if earlier.contact == contact && earlier.is_open(now) => return earlier,
            Some(earlier) => earlier.proof.elsewhere(contact.purpose(), contact.destination().to_owned()),
            None => CodeProof::new(contact.purpose(), contact.destination().to_owned()),
        };
        Self { scope: Id::new(now, entropy), contact, open: true, proof, begun_at: now }
    }

    /// What is to be proved.
    #[must_use]
    pub const fn contact(&self) -> &Contact {
        &self.contact
    }

    /// The codes that were sent, for what a page says of them.
    #[must_use]
    pub const fn proof(&self) -> &CodeProof {
        &self.proof
    }

    /// When it is over at the latest.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.begun_at.plus(CHANGE_LIFE)
    }

    /// Whether it waits for its code at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open && now >= self.begun_at && now < self.ends_at()
    }

    /// Whether a code may go out at `now`, given the sends to the destination and those for
    /// the account, wherever they went.
    ///
    /// # Errors
    /// Locked, too soon, or too many.
    pub fn may_send(&mut self, now: Timestamp, histories: &[Vec<Timestamp>; 2]) -> Result<(), Refusal> {
        let by = self.contact.by();
        histories.iter().try_for_each(|history| self.proof.may_resend(now, history, by))
    }

    /// Makes a code. A `decoy` looks the same and is fitted by no code.
    pub fn issue(
        &mut self,
        now: Timestamp,
        entropy: &mut dyn Entropy,
        codes: &dyn CodeMac,
        decoy: bool,
    ) -> SecretString {
        self.proof.issue(self.scope, now, entropy, codes, self.contact.by(), decoy)
    }

    /// Whether `digits` is a code that was sent and still good. A right one ends the change: it is
    /// carried out in the transaction that asked, or not at all.
    ///
    /// # Errors
    /// Why it is not; the count of wrong tries is to be stored.
    pub fn answer(&mut self, digits: &str, now: Timestamp, codes: &dyn CodeMac) -> Result<(), Refusal> {
        if !self.is_open(now) {
            return Err(Refusal::CodeExpired);
        }
        self.proof.check(self.scope, digits, now, codes, &mut Vec::new())?;
        self.open = false;
        Ok(())
    }

    /// The change, called off.
    #[must_use]
    pub fn called_off(self) -> Self {
        Self { open: false, ..self }
    }
}

// The longest that anything of a change matters: its lock may outlive it.
const _: () = assert!(journey::CODE_LOCK <= CHANGE_LIFE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{MINUTE, SECOND},
        entropy::SeededEntropy,
        journey::{CODE_LIFE, CODE_LOCK, MAX_TRIES, RESEND_AFTER, SEND_LIMIT},
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    struct Plain;

    impl CodeMac for Plain {
        fn mac(&self, journey: Id<Journey>, purpose: CodePurpose, destination: &str, digits: &str) -> [u8; 32] {
            let mut mac = [0_u8; 32];
            let all = [journey.to_string().as_bytes(), purpose.as_str().as_bytes(), destination.as_bytes()].concat();
            for (at, byte) in all.into_iter().chain(digits.bytes()).enumerate() {
                mac[at % 32] = mac[at % 32].wrapping_mul(31).wrapping_add(byte);
            }
            mac
        }
    }

    fn to(address: &str) -> Contact {
        Contact::Email { address: EmailAddress::parse(address).unwrap() }
    }

    fn sent(contact: Contact, earlier: Option<ContactChange>, random: &mut SeededEntropy) -> (ContactChange, String) {
        let mut change = ContactChange::begin(contact, earlier, NOW, random);
        let code = change.issue(NOW, random, &Plain, false);
        (change, code.expose().to_owned())
    }

    fn wrong(code: &str) -> String {
        let flipped = code.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10));
        flipped.collect()
    }

    #[test]
    fn n12_a_code_lives_ten_minutes_and_is_of_its_own_change() {
        let mut random = SeededEntropy::new(1);
        let (mut change, code) = sent(to("new@example.com"), None, &mut random);
        assert_eq!(change.answer(&code, NOW.plus(CODE_LIFE), &Plain), Err(Refusal::CodeExpired));
        let (_, other) = sent(to("new@example.com"), None, &mut random);
        assert!(matches!(change.answer(&other, NOW, &Plain), Err(Refusal::CodeWrong { .. })), "another change's");
        assert_eq!(change.answer(&code, NOW.plus(CODE_LIFE - 1), &Plain), Ok(()));
        assert_eq!(change.answer(&code, NOW, &Plain), Err(Refusal::CodeExpired), "once");
    }

    #[test]
    fn n11_neither_calling_off_nor_another_destination_sheds_wrong_tries() {
        let mut random = SeededEntropy::new(2);
        let (mut change, code) = sent(to("a@example.com"), None, &mut random);
        for _ in 1..MAX_TRIES {
            assert!(matches!(change.answer(&wrong(&code), NOW, &Plain), Err(Refusal::CodeWrong { .. })));
        }
        let (mut change, code) = sent(to("b@example.com"), Some(change.called_off()), &mut random);
        let until = NOW.plus(CODE_LOCK);
        assert_eq!(change.answer(&wrong(&code), NOW, &Plain), Err(Refusal::CodeLocked { until }));
        let mut change = ContactChange::begin(to("c@example.com"), Some(change), NOW, &mut random);
        let none = [Vec::new(), Vec::new()];
        assert_eq!(change.may_send(NOW.plus(MINUTE), &none), Err(Refusal::CodeLocked { until }));
        assert_eq!(change.may_send(until, &none), Ok(()));
    }

    #[test]
    fn u13_codes_go_out_after_a_wait_and_five_times_whatever_history_says_so() {
        let mut random = SeededEntropy::new(3);
        let (mut change, _) = sent(to("a@example.com"), None, &mut random);
        let from = NOW.plus(RESEND_AFTER);
        assert_eq!(change.may_send(NOW.plus(SECOND), &[Vec::new(), Vec::new()]), Err(Refusal::ResendTooSoon { from }));
        let many = vec![NOW; SEND_LIMIT];
        for histories in [[many.clone(), Vec::new()], [Vec::new(), many]] {
            assert!(matches!(change.may_send(from, &histories), Err(Refusal::TooManySends { .. })));
        }
        // The same again is the same: the code that was sent stays good.
        let (mut change, code) = sent(to("a@example.com"), None, &mut random);
        change = ContactChange::begin(to("a@example.com"), Some(change), NOW.plus(SECOND), &mut random);
        assert_eq!(change.answer(&code, NOW.plus(SECOND), &Plain), Ok(()));
    }

    #[test]
    fn a6_no_code_fits_a_decoy_and_what_was_called_off_or_is_over_takes_none() {
        let mut random = SeededEntropy::new(4);
        let mut change = ContactChange::begin(to("a@example.com"), None, NOW, &mut random);
        let code = change.issue(NOW, &mut random, &Plain, true);
        assert!(matches!(change.answer(code.expose(), NOW, &Plain), Err(Refusal::CodeWrong { .. })));
        let (change, code) = sent(to("b@example.com"), None, &mut random);
        let mut change = change.called_off();
        assert_eq!(change.answer(&code, NOW, &Plain), Err(Refusal::CodeExpired));
        let (change, _) = sent(to("b@example.com"), None, &mut random);
        assert!(change.is_open(NOW) && !change.is_open(NOW.plus(CHANGE_LIFE)) && !change.is_open(NOW.minus(1)));
    }
}
