//! A new address or number of an account, proved by a code before it counts (A20, N19).
//!
//! An account without a second factor has nothing but its address beside the password, so there a code to the
//! present address comes first (A8): the password alone moves nothing.
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

/// What a right code proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proved {
    /// The present address: now the new one is to be proved.
    Present,
    /// All there is to prove: the change is carried out in the transaction that asked, or not at all.
    All,
}

// The present address, whose code comes before anything goes to the new one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PresentFirst {
    proof: CodeProof,
    proved: bool,
}

/// A change that waits for its code. One that was called off stays for its count of wrong tries.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactChange {
    // Stands where a journey's id stands in the hash of a code, so that a code fits this change alone.
    scope: Id<Journey>,
    contact: Contact,
    open: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    present: Option<PresentFirst>,
    proof: CodeProof,
    begun_at: Timestamp,
}

impl ContactChange {
    /// A change to `contact` for which nothing was sent yet; `present` is the address whose code comes first, if
    /// one must. What was tried in vain for `earlier` counts on; if that was about the same and stands, it goes on.
    pub fn begin(
        contact: Contact,
        present: Option<&EmailAddress>,
        earlier: Option<Self>,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Self {
        let (before, first) = match earlier {
            Some(own) if own.contact == contact && own.is_open(now) && own.is_behind(present) => return own,
            Some(own) => (Some(own.proof), own.present.map(|first| first.proof)),
            None => (None, None),
        };
        let again = |proof: Option<CodeProof>, purpose, to: &str| match proof {
            Some(proof) => proof.elsewhere(purpose, to.to_owned()),
            None => CodeProof::new(purpose, to.to_owned()),
        };
        Self {
            scope: Id::new(now, entropy),
            open: true,
            present: present.map(|present| PresentFirst {
                proof: again(first, CodePurpose::LeaveEmail, present.as_str()),
                proved: false,
            }),
            proof: again(before, contact.purpose(), contact.destination()),
            contact,
            begun_at: now,
        }
    }

    /// Whether the address whose code must come first, if one must, is the one that this change asks.
    #[must_use]
    pub fn is_behind(&self, present: Option<&EmailAddress>) -> bool {
        let asked = self.present.as_ref();
        present.is_none_or(|present| {
            asked.is_some_and(|first| first.proof.is_for(CodePurpose::LeaveEmail, present.as_str()))
        })
    }

    /// Whether it is the present address whose code is waited for.
    #[must_use]
    pub fn asks_present(&self) -> bool {
        self.present.as_ref().is_some_and(|first| !first.proved)
    }

    fn awaited(&mut self) -> &mut CodeProof {
        match &mut self.present {
            Some(first) if !first.proved => &mut first.proof,
            _ => &mut self.proof,
        }
    }

    // By which method of the phone network the awaited code travels.
    fn by(&self) -> Option<Method> {
        if self.asks_present() { None } else { self.contact.by() }
    }

    /// Where the code goes that is waited for.
    #[must_use]
    pub fn destination(&self) -> &str {
        match &self.present {
            Some(first) if !first.proved => first.proof.destination(),
            _ => self.contact.destination(),
        }
    }

    /// What that code is for.
    #[must_use]
    pub fn purpose(&self) -> CodePurpose {
        if self.asks_present() { CodePurpose::LeaveEmail } else { self.contact.purpose() }
    }

    /// What is to be proved.
    #[must_use]
    pub const fn contact(&self) -> &Contact {
        &self.contact
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
        let by = self.by();
        histories.iter().try_for_each(|history| self.awaited().may_resend(now, history, by))
    }

    /// Makes a code. A `decoy` looks the same and is fitted by no code.
    pub fn issue(
        &mut self,
        now: Timestamp,
        entropy: &mut dyn Entropy,
        codes: &dyn CodeMac,
        decoy: bool,
    ) -> SecretString {
        let (scope, by) = (self.scope, self.by());
        self.awaited().issue(scope, now, entropy, codes, by, decoy)
    }

    /// Whether `digits` is a code that was sent and still good, and what it proves. The last right one ends the
    /// change: it is carried out in the transaction that asked, or not at all.
    ///
    /// # Errors
    /// Why it is not; the count of wrong tries is to be stored.
    pub fn answer(&mut self, digits: &str, now: Timestamp, codes: &dyn CodeMac) -> Result<Proved, Refusal> {
        if !self.is_open(now) {
            return Err(Refusal::CodeExpired);
        }
        let scope = self.scope;
        self.awaited().check(scope, digits, now, codes, &mut Vec::new())?;
        match &mut self.present {
            Some(first) if !first.proved => {
                first.proved = true;
                Ok(Proved::Present)
            }
            _ => {
                self.open = false;
                Ok(Proved::All)
            }
        }
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
        let mut change = ContactChange::begin(contact, None, earlier, NOW, random);
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
        assert_eq!(change.answer(&code, NOW.plus(CODE_LIFE - 1), &Plain), Ok(Proved::All));
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
        let mut change = ContactChange::begin(to("c@example.com"), None, Some(change), NOW, &mut random);
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
        change = ContactChange::begin(to("a@example.com"), None, Some(change), NOW.plus(SECOND), &mut random);
        assert_eq!(change.answer(&code, NOW.plus(SECOND), &Plain), Ok(Proved::All));
    }

    #[test]
    fn a6_no_code_fits_a_decoy_and_what_was_called_off_or_is_over_takes_none() {
        let mut random = SeededEntropy::new(4);
        let mut change = ContactChange::begin(to("a@example.com"), None, None, NOW, &mut random);
        let code = change.issue(NOW, &mut random, &Plain, true);
        assert!(matches!(change.answer(code.expose(), NOW, &Plain), Err(Refusal::CodeWrong { .. })));
        let (change, code) = sent(to("b@example.com"), None, &mut random);
        let mut change = change.called_off();
        assert_eq!(change.answer(&code, NOW, &Plain), Err(Refusal::CodeExpired));
        let (change, _) = sent(to("b@example.com"), None, &mut random);
        assert!(change.is_open(NOW) && !change.is_open(NOW.plus(CHANGE_LIFE)) && !change.is_open(NOW.minus(1)));
    }

    fn email(address: &str) -> EmailAddress {
        EmailAddress::parse(address).unwrap()
    }

    #[test]
    fn a8_where_the_present_address_comes_first_the_code_of_one_is_none_of_the_other() {
        let mut random = SeededEntropy::new(5);
        let (present, none) = (email("old@example.com"), [Vec::new(), Vec::new()]);
        let mut change = ContactChange::begin(to("new@example.com"), Some(&present), None, NOW, &mut random);
        assert_eq!((change.destination(), change.purpose()), ("old@example.com", CodePurpose::LeaveEmail));
        let first = change.issue(NOW, &mut random, &Plain, false);
        assert_eq!(change.answer(first.expose(), NOW, &Plain), Ok(Proved::Present));
        assert!(change.is_open(NOW) && !change.asks_present());
        assert_eq!((change.destination(), change.purpose()), ("new@example.com", CodePurpose::ChangeEmail));
        // The first code opens nothing further, and the second goes out at once.
        assert!(matches!(change.answer(first.expose(), NOW, &Plain), Err(Refusal::CodeWrong { .. })));
        assert_eq!(change.may_send(NOW, &none), Ok(()));
        let second = change.issue(NOW, &mut random, &Plain, false);
        // The same again goes on; another new address begins with the present one anew.
        let mut change = ContactChange::begin(to("new@example.com"), Some(&present), Some(change), NOW, &mut random);
        assert!(!change.asks_present());
        assert_eq!(change.answer(second.expose(), NOW, &Plain), Ok(Proved::All));
        let (change, _) = sent(to("a@example.com"), None, &mut random);
        assert!(!change.is_behind(Some(&present)) && change.is_behind(None), "begun while there was a factor");
        let change = ContactChange::begin(to("a@example.com"), Some(&present), Some(change), NOW, &mut random);
        assert!(change.asks_present() && change.is_behind(Some(&present)));
        assert!(!change.is_behind(Some(&email("other@example.com"))), "the account has another address by now");
        let proved = ContactChange { present: change.present.map(|p| PresentFirst { proved: true, ..p }), ..change };
        let other = ContactChange::begin(to("b@example.com"), Some(&present), Some(proved), NOW, &mut random);
        assert!(other.asks_present());
    }

    #[test]
    fn a8_a_code_is_made_for_the_address_it_goes_to_and_a_phones_for_the_way_it_goes() {
        let mut random = SeededEntropy::new(8);
        let present = email("old@example.com");
        let mut change = ContactChange::begin(to("new@example.com"), Some(&present), None, NOW, &mut random);
        let of_present = |change: &ContactChange| change.present.as_ref().map(|first| first.proof.clone());
        let (untouched, before) = (change.proof.clone(), of_present(&change));
        let _ = change.issue(NOW, &mut random, &Plain, false);
        assert_eq!(change.proof, untouched, "the new address has had none");
        assert_ne!(of_present(&change), before);
        assert_eq!(change.by(), None);
        let number = PhoneNumber::from_e164("+12025550123").unwrap();
        let replaces = Id::new(NOW, &mut random);
        for method in [Method::TextMessage, Method::PhoneCall] {
            let phone = Contact::Phone { number: number.clone(), method, replaces };
            assert_eq!((phone.by(), phone.kind().as_str()), (Some(method), "phone"));
            let change = ContactChange::begin(phone.clone(), None, None, NOW, &mut random);
            assert_eq!(change.by(), Some(method));
            let change = ContactChange::begin(phone, Some(&present), None, NOW, &mut random);
            assert_eq!(change.by(), None, "the present address has its code by mail");
        }
        assert_eq!(to("a@example.com").kind().as_str(), "email");
    }

    #[test]
    fn n11_wrong_codes_of_the_present_address_are_counted_over_changes() {
        let mut random = SeededEntropy::new(6);
        let present = email("old@example.com");
        let mut change = ContactChange::begin(to("a@example.com"), Some(&present), None, NOW, &mut random);
        for n in 1..=MAX_TRIES {
            let code = change.issue(NOW, &mut random, &Plain, false);
            let refused = change.answer(&wrong(code.expose()), NOW, &Plain);
            assert_eq!(matches!(refused, Err(Refusal::CodeLocked { .. })), n == MAX_TRIES, "{refused:?}");
            let next = to(&format!("a{n}@example.com"));
            change = ContactChange::begin(next, Some(&present), Some(change.called_off()), NOW, &mut random);
        }
        let until = NOW.plus(CODE_LOCK);
        assert_eq!(change.may_send(NOW.plus(MINUTE), &[Vec::new(), Vec::new()]), Err(Refusal::CodeLocked { until }));
    }

    #[test]
    fn a_change_that_was_stored_before_is_read() {
        let mut random = SeededEntropy::new(7);
        let (change, _) = sent(to("a@example.com"), None, &mut random);
        let stored = serde_json::to_string(&change).unwrap();
        assert!(!stored.contains("present"));
        assert_eq!(serde_json::from_str::<ContactChange>(&stored).unwrap(), change);
    }
}
