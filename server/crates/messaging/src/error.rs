//! Why a message was not delivered, in words that may stand in any log.
//!
//! A [`Reason`] is built from status numbers and fixed words only; a provider's own text,
//! which may quote the address or the code, never gets in (A50).

use std::fmt;

use thiserror::Error;

/// The three ways out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Email over SMTP.
    Email,
    /// Text message.
    Text,
    /// Phone call.
    Call,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::Text => "text message",
            Self::Call => "phone call",
        })
    }
}

/// What a provider (or the way to it) answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The mail server's reply code (RFC 5321, 4.2.1).
    Smtp(u16),
    /// The HTTP status and, when the body held one, Twilio's own error number.
    Twilio {
        /// HTTP status.
        status: u16,
        /// Twilio's error code, such as 21211 (invalid `To` number).
        code: Option<u32>,
    },
    /// The HTTP status of somebody else's endpoint.
    Http(u16),
    /// No answer within the configured time.
    Timeout,
    /// No connection, or it broke.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// The other side answered something that is not the protocol.
    Protocol,
    /// The other side lacks what is needed: STARTTLS, a way to sign in, SMTPUTF8.
    Unsupported,
    /// The message itself can't be sent: the field that is at fault.
    BadMessage(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp(code) => write!(f, "SMTP {code}"),
            Self::Twilio { status, code: Some(code) } => write!(f, "HTTP {status}, code {code}"),
            Self::Twilio { status, code: None } => write!(f, "HTTP {status}"),
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::Timeout => f.write_str("timed out"),
            Self::Unreachable => f.write_str("no connection"),
            Self::Tls => f.write_str("TLS failed"),
            Self::Protocol => f.write_str("answer not understood"),
            Self::Unsupported => f.write_str("provider lacks a needed feature"),
            Self::BadMessage(field) => write!(f, "bad {field}"),
        }
    }
}

/// A failed delivery. Safe to log and to store beside the outbox row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// Trying again can't help.
    #[error("delivery refused: {0}")]
    Permanent(Reason),
    /// Worth another try, see [`crate::retry::next_attempt`].
    #[error("delivery failed for now: {0}")]
    Transient(Reason),
    /// The operator configured no provider for this channel.
    #[error("no provider configured for {0}")]
    NotConfigured(Channel),
}

impl DeliveryError {
    /// Whether the outbox should try again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transient(_) => true,
            Self::Permanent(_) | Self::NotConfigured(_) => false,
        }
    }
}
