//! One face for all providers: a [`Transport`] takes any [`Message`], by the provider that it is told.

use async_trait::async_trait;

use crate::error::{Channel, DeliveryError};
use crate::fallback::{Provider, Rank};
use crate::message::Message;
use crate::smtp::SmtpSender;
use crate::twilio::TwilioClient;

/// A provider has taken responsibility for the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's name for it: the `Message-ID` of an email, Twilio's `sid`.
    pub provider_id: Option<String>,
}

/// Something that delivers messages. One call makes one attempt, bounded by the
/// provider's configured timeout.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Which providers take messages of `channel`, the one to ask first in front.
    fn providers(&self, channel: Channel) -> Vec<Provider>;

    /// Delivers `message` by `provider`.
    ///
    /// # Errors
    /// Says whether another attempt makes sense; never quotes addresses or codes.
    async fn deliver(&self, provider: Provider, message: &Message) -> Result<Receipt, DeliveryError>;
}

/// The configured providers, any of which may be missing.
#[derive(Debug, Default)]
pub struct Providers {
    /// Takes emails.
    pub smtp: Option<SmtpSender>,
    /// Takes text messages and phone calls.
    pub twilio: Option<TwilioClient>,
    /// Takes emails where the first one does not.
    pub second_smtp: Option<SmtpSender>,
    /// Takes text messages and phone calls where the first one does not.
    pub second_twilio: Option<TwilioClient>,
}

impl Providers {
    /// Whether messages of this channel have a provider at all, so that a page can offer
    /// only what works.
    #[must_use]
    pub fn can(&self, channel: Channel) -> bool {
        !self.providers(channel).is_empty()
    }

    fn mail(&self, rank: Rank) -> Option<&SmtpSender> {
        match rank {
            Rank::First => self.smtp.as_ref(),
            Rank::Second => self.second_smtp.as_ref(),
        }
    }

    fn phone(&self, rank: Rank) -> Option<&TwilioClient> {
        match rank {
            Rank::First => self.twilio.as_ref(),
            Rank::Second => self.second_twilio.as_ref(),
        }
    }
}

#[async_trait]
impl Transport for Providers {
    fn providers(&self, channel: Channel) -> Vec<Provider> {
        let able = |rank: &Rank| match channel {
            Channel::Email => self.mail(*rank).is_some(),
            Channel::Text => self.phone(*rank).is_some_and(TwilioClient::can_text),
            Channel::Call => self.phone(*rank).is_some_and(TwilioClient::can_call),
        };
        Rank::BOTH.into_iter().filter(able).map(|rank| Provider::of(channel, rank)).collect()
    }

    async fn deliver(&self, provider: Provider, message: &Message) -> Result<Receipt, DeliveryError> {
        let missing = DeliveryError::NotConfigured(message.channel());
        let rank = provider.rank();
        match message {
            Message::Email { to, subject, text, html } => match self.mail(rank) {
                Some(smtp) => smtp.send(to, subject, text, html).await,
                None => Err(missing),
            },
            Message::Text { to_e164, body } => match self.phone(rank) {
                Some(twilio) => twilio.text(to_e164, body).await,
                None => Err(missing),
            },
            Message::Call { to_e164, twiml } => match self.phone(rank) {
                Some(twilio) => twilio.call(to_e164, twiml).await,
                None => Err(missing),
            },
        }
    }
}
