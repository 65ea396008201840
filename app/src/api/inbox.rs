//! The demo inbox as data.

/// What kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxKind {
    /// An email.
    Email,
    /// A text message.
    Text,
    /// A phone call; the body is what was said.
    Call,
}

/// A message that the demo sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxMessage {
    /// What kind.
    pub kind: InboxKind,
    /// To whom.
    pub to: String,
    /// The subject of an email, else empty.
    pub subject: String,
    /// The text.
    pub body: String,
    /// How long ago it arrived.
    pub seconds_ago: u64,
}
