//! One face for all providers: a [`Transport`] takes any [`Message`].

use async_trait::async_trait;

use crate::error::{Channel, DeliveryError};
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
    /// Delivers `message`.
    ///
    /// # Errors
    /// Says whether another attempt makes sense; never quotes addresses or codes.
    async fn deliver(&self, message: &Message) -> Result<Receipt, DeliveryError>;
}

/// The configured providers, either of which may be missing.
#[derive(Debug, Default)]
pub struct Providers {
    /// Takes emails.
    pub smtp: Option<SmtpSender>,
    /// Takes text messages and phone calls.
    pub twilio: Option<TwilioClient>,
}

impl Providers {
    /// Whether messages of this channel have a provider at all, so that a page can offer
    /// only what works.
    #[must_use]
    pub fn can(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.smtp.is_some(),
            Channel::Text => self.twilio.as_ref().is_some_and(TwilioClient::can_text),
            Channel::Call => self.twilio.as_ref().is_some_and(TwilioClient::can_call),
        }
    }
}

#[async_trait]
impl Transport for Providers {
    async fn deliver(&self, message: &Message) -> Result<Receipt, DeliveryError> {
        let missing = DeliveryError::NotConfigured(message.channel());
        match message {
            Message::Email { to, subject, text, html } => match &self.smtp {
                Some(smtp) => smtp.send(to, subject, text, html).await,
                None => Err(missing),
            },
            Message::Text { to_e164, body } => match &self.twilio {
                Some(twilio) => twilio.text(to_e164, body).await,
                None => Err(missing),
            },
            Message::Call { to_e164, twiml } => match &self.twilio {
                Some(twilio) => twilio.call(to_e164, twiml).await,
                None => Err(missing),
            },
        }
    }
}
