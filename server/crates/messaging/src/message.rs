//! One message, ready to be sent: what the outbox keeps (sealed) and a transport delivers.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::address::{mask_email, mask_phone};
use crate::error::Channel;
use crate::twiml;

/// A finished message. It may hold a code: `Debug` hides every body and masks the
/// destination, and the text is wiped from memory when the value is dropped. As JSON it is
/// tagged by `kind`: `email`, `text` or `call`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// An email with a plain and an HTML body of the same content.
    Email {
        /// One address; checked again before it is sent.
        to: String,
        /// One line.
        subject: String,
        /// The plain body.
        text: String,
        /// The HTML body.
        html: String,
    },
    /// A text message.
    Text {
        /// The number in E.164 form.
        to_e164: String,
        /// The whole text.
        body: String,
    },
    /// A phone call that speaks.
    Call {
        /// The number in E.164 form.
        to_e164: String,
        /// What the provider performs: a TwiML document.
        twiml: String,
    },
}

impl Message {
    /// Which provider takes it.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email { .. } => Channel::Email,
            Self::Text { .. } => Channel::Text,
            Self::Call { .. } => Channel::Call,
        }
    }

    /// The destination as pages and logs may show it: `m••••@example.com`, `•••• 42`.
    #[must_use]
    pub fn masked_destination(&self) -> String {
        match self {
            Self::Email { to, .. } => mask_email(to),
            Self::Text { to_e164, .. } | Self::Call { to_e164, .. } => mask_phone(to_e164),
        }
    }

    /// What the person reads or hears: the plain body, the text, or the spoken words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Email { text, .. } => text.clone(),
            Self::Text { body, .. } => body.clone(),
            Self::Call { twiml, .. } => twiml::transcript(twiml),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Email { .. } => "Email",
            Self::Text { .. } => "Text",
            Self::Call { .. } => "Call",
        };
        f.debug_struct(name).field("to", &self.masked_destination()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> [Message; 3] {
        [
            Message::Email {
                to: "maria@example.com".into(),
                subject: "Acme 123456".into(),
                text: "Your code is 123456".into(),
                html: "<p>123456</p>".into(),
            },
            Message::Text { to_e164: "+436601234542".into(), body: "123456".into() },
            Message::Call { to_e164: "+436601234542".into(), twiml: "<Response><Say>123456</Say></Response>".into() },
        ]
    }

    #[test]
    fn a50_debug_hides_codes_and_destinations() {
        let shown: Vec<String> = each().iter().map(|m| format!("{m:?}")).collect();
        assert_eq!(shown[0], r#"Email { to: "m••••@example.com", .. }"#);
        assert_eq!(shown[1], r#"Text { to: "•••• 42", .. }"#);
        assert_eq!(shown[2], r#"Call { to: "•••• 42", .. }"#);
    }

    #[test]
    fn outbox_json_round_trips_and_refuses_strangers() {
        for message in each() {
            let json = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
        }
        let json = r#"{"kind":"text","to_e164":"+1234567","body":"x","cc":"+7654321"}"#;
        assert!(serde_json::from_str::<Message>(json).is_err());
    }

    #[test]
    fn words_are_what_reaches_eye_or_ear() {
        let words: Vec<String> = each().iter().map(Message::words).collect();
        assert_eq!(words, ["Your code is 123456", "123456", "123456"]);
    }
}
