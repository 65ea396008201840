//! Two providers for one errand: which one is asked first, and when the other one is asked as well.
//!
//! One attempt asks each provider at most once, so that it is bounded by both their timeouts together.
//! A provider whose circuit is open (it failed [`OPENS_AT`] times in a row) is asked last, not never: a
//! message that nobody else takes has nothing to lose.
//!
//! Where a provider may have taken the message and the answer was lost, the other one is asked all the
//! same. What then comes twice is the same message with the same code, which works once: that harms
//! nobody, and the next attempt by the one provider would have done the same. What never comes keeps a
//! patient out.

use crate::error::{Channel, DeliveryError, Reason};
use crate::message::Message;
use crate::sender::Transport;

/// So many failures in a row open a provider's circuit.
pub const OPENS_AT: u32 = 5;
/// For so long (milliseconds) it stays open after a failure. Then one message tries the provider again.
pub const OPEN_FOR_MS: i64 = 60_000;

/// Twilio's refusals that stand whoever sends: the person said STOP (21610), or the operator has closed
/// that country at the provider (21408, 21215, 13227), which a second provider must not open again.
/// <https://www.twilio.com/docs/api/errors>
const FINAL: [u32; 4] = [21610, 21408, 21215, 13227];

/// Which of two providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rank {
    /// The one that is asked first while it works.
    First,
    /// The one behind it.
    Second,
}

impl Rank {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];
}

/// A provider of this installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// A mail server.
    Mail(Rank),
    /// A provider of texts and calls.
    Phone(Rank),
}

impl Provider {
    /// All that there can be.
    pub const ALL: [Self; 4] =
        [Self::Mail(Rank::First), Self::Mail(Rank::Second), Self::Phone(Rank::First), Self::Phone(Rank::Second)];

    /// The one that takes messages of `channel`.
    #[must_use]
    pub const fn of(channel: Channel, rank: Rank) -> Self {
        match channel {
            Channel::Email => Self::Mail(rank),
            Channel::Text | Channel::Call => Self::Phone(rank),
        }
    }

    /// First or second.
    #[must_use]
    pub const fn rank(self) -> Rank {
        match self {
            Self::Mail(rank) | Self::Phone(rank) => rank,
        }
    }

    /// Its section in the configuration, under which its health is kept.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail(Rank::First) => "smtp",
            Self::Mail(Rank::Second) => "second_smtp",
            Self::Phone(Rank::First) => "twilio",
            Self::Phone(Rank::Second) => "second_twilio",
        }
    }
}

/// What one provider said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Who.
    pub provider: Provider,
    /// What.
    pub result: Result<(), DeliveryError>,
}

/// One attempt at a message: what each provider that was asked said, in the order of asking. Empty
/// where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    channel: Channel,
    answers: Vec<Answer>,
}

impl Attempt {
    /// What each one said.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// What came of it: a success of any; else an error that another attempt may mend, if there is one;
    /// else the last one.
    ///
    /// # Errors
    /// As said.
    pub fn result(&self) -> Result<(), DeliveryError> {
        let said = || self.answers.iter().map(|answer| answer.result);
        if said().any(|result| result.is_ok()) {
            return Ok(());
        }
        let worth_another = said().find(|result| result.is_err_and(|error| error.is_retryable()));
        worth_another.or_else(|| said().next_back()).unwrap_or(Err(DeliveryError::NotConfigured(self.channel)))
    }

    /// All errors in words, each with its provider where there were several.
    #[must_use]
    pub fn errors(&self) -> String {
        let failed = self.answers.iter().filter_map(|answer| Some((answer.provider, answer.result.err()?)));
        match &self.answers[..] {
            [] => DeliveryError::NotConfigured(self.channel).to_string(),
            [_] => failed.map(|(_, error)| error.to_string()).collect(),
            [..] => {
                let all: Vec<_> = failed.map(|(provider, error)| format!("{}: {error}", provider.name())).collect();
                all.join("; ")
            }
        }
    }
}

/// Whether another provider may do better. Not where the message itself cannot be sent, nor where the
/// refusal stands whoever sends.
#[must_use]
pub fn another_may_mend(error: DeliveryError) -> bool {
    match error {
        DeliveryError::Permanent(Reason::Twilio { code: Some(code), .. }) => !FINAL.contains(&code),
        DeliveryError::Permanent(reason) => !matches!(reason, Reason::BadMessage(_)),
        DeliveryError::Transient(_) | DeliveryError::NotConfigured(_) => true,
    }
}

/// Whether an error tells of the provider, and so counts towards its circuit. A refusal of one number or
/// address does not: else whoever types five wrong numbers would decide who sends for everybody.
#[must_use]
pub fn blames_provider(error: DeliveryError) -> bool {
    match error {
        DeliveryError::Transient(Reason::Smtp(450)) | DeliveryError::NotConfigured(_) => false,
        DeliveryError::Transient(_) => true,
        DeliveryError::Permanent(reason) => match reason {
            // The mailbox, or the address as a text (RFC 5321, 4.2.3).
            Reason::Smtp(code) => !matches!(code, 501 | 550..=556),
            Reason::Twilio { status, .. } | Reason::Http(status) => status != 400,
            Reason::BadMessage(_) | Reason::Unsupported => false,
            Reason::Timeout | Reason::Unreachable | Reason::Tls | Reason::Protocol => true,
        },
    }
}

/// Makes one attempt at `message`: asks the providers of its channel in order, those in `open` last, until
/// one takes it or none can do better.
pub async fn attempt(transport: &dyn Transport, message: &Message, open: &[Provider]) -> Attempt {
    let channel = message.channel();
    let mut order = transport.providers(channel);
    order.sort_by_key(|provider| open.contains(provider));
    let mut answers = Vec::new();
    for provider in order {
        let result = transport.deliver(provider, message).await.map(drop);
        answers.push(Answer { provider, result });
        if result.is_ok() || result.is_err_and(|error| !another_may_mend(error)) {
            break;
        }
    }
    Attempt { channel, answers }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Provider = Provider::Phone(Rank::First);
    const SECOND: Provider = Provider::Phone(Rank::Second);

    fn refused(status: u16, code: Option<u32>) -> DeliveryError {
        DeliveryError::Permanent(Reason::Twilio { status, code })
    }

    fn attempt_of(results: &[Result<(), DeliveryError>]) -> Attempt {
        let both = [FIRST, SECOND].into_iter().zip(results);
        let answers = both.map(|(provider, result)| Answer { provider, result: *result }).collect();
        Attempt { channel: Channel::Text, answers }
    }

    #[test]
    fn a14_a_refusal_that_stands_whoever_sends_goes_to_nobody_else() {
        for code in FINAL {
            assert!(!another_may_mend(refused(400, Some(code))), "{code}");
        }
        assert!(!another_may_mend(DeliveryError::Permanent(Reason::BadMessage("recipient"))));
        for error in [
            refused(401, Some(20003)),
            refused(400, Some(21211)),
            refused(404, None),
            DeliveryError::Permanent(Reason::Smtp(554)),
            DeliveryError::Transient(Reason::Timeout),
        ] {
            assert!(another_may_mend(error), "{error}");
        }
    }

    #[test]
    fn a14_what_a_stranger_types_opens_no_circuit() {
        for error in [
            refused(400, Some(21211)),
            refused(400, None),
            DeliveryError::Permanent(Reason::Smtp(550)),
            DeliveryError::Permanent(Reason::Smtp(501)),
            DeliveryError::Permanent(Reason::Smtp(553)),
            DeliveryError::Transient(Reason::Smtp(450)),
            DeliveryError::Permanent(Reason::BadMessage("subject")),
        ] {
            assert!(!blames_provider(error), "{error}");
        }
        for error in [
            refused(401, Some(20003)),
            refused(404, None),
            DeliveryError::Permanent(Reason::Smtp(535)),
            DeliveryError::Transient(Reason::Smtp(421)),
            DeliveryError::Transient(Reason::Twilio { status: 429, code: None }),
            DeliveryError::Transient(Reason::Timeout),
            DeliveryError::Transient(Reason::Unreachable),
        ] {
            assert!(blames_provider(error), "{error}");
        }
    }

    #[test]
    fn d6_an_attempt_is_as_good_as_its_best_answer() {
        let (now, never) = (DeliveryError::Transient(Reason::Timeout), refused(400, Some(21211)));
        assert_eq!(attempt_of(&[Err(now), Ok(())]).result(), Ok(()));
        assert_eq!(attempt_of(&[Err(now), Err(never)]).result(), Err(now), "the first one may come back");
        assert_eq!(attempt_of(&[Err(never), Err(now)]).result(), Err(now));
        assert_eq!(attempt_of(&[Err(refused(401, None)), Err(never)]).result(), Err(never));
        assert_eq!(attempt_of(&[]).result(), Err(DeliveryError::NotConfigured(Channel::Text)));
        assert_eq!(attempt_of(&[Err(now)]).errors(), "delivery failed for now: timed out");
        assert_eq!(
            attempt_of(&[Err(now), Err(never)]).errors(),
            "twilio: delivery failed for now: timed out; second_twilio: delivery refused: HTTP 400, code 21211"
        );
    }

    #[test]
    fn names_are_the_sections_of_the_configuration() {
        let names: Vec<_> = Provider::ALL.map(Provider::name).to_vec();
        assert_eq!(names, ["smtp", "second_smtp", "twilio", "second_twilio"]);
    }
}
