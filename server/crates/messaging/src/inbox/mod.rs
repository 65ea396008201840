//! The demo's inbox: what would have left the house, kept in memory to be looked at.
//!
//! Two listeners on loopback, one speaking SMTP and one Twilio's HTTP API, feed it; the
//! demo aims the very same clients at them that reach real providers. The newest 500
//! entries are kept. Never part of a server that faces real people.

mod command;
mod lines;
mod mime;
mod smtp;
mod twilio;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::NowFn;
use crate::error::Channel;
use crate::secret::Secret;
use crate::smtp::{SmtpConfig, SmtpTls};
use crate::twilio::TwilioConfig;

pub use smtp::{SmtpLimits, SmtpListener};
pub use twilio::TwilioListener;

/// Entries kept; the oldest make room.
pub const CAPACITY: usize = 500;

/// One message that arrived.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct InboxEntry {
    /// Counts up from 1, never used twice.
    pub id: u64,
    /// `email`, `text` or `call`.
    #[serde(serialize_with = "kind")]
    pub kind: Channel,
    /// The recipient's address or number.
    pub to: String,
    /// The subject of an email; empty for texts and calls.
    pub subject: String,
    /// The plain body, the text, or what the call says.
    pub body: String,
    /// When it arrived, in epoch milliseconds.
    pub at_ms: i64,
}

fn kind<S: serde::Serializer>(channel: &Channel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match channel {
        Channel::Email => "email",
        Channel::Text => "text",
        Channel::Call => "call",
    })
}

impl fmt::Debug for InboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxEntry").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The bounded store that both listeners share.
pub struct Inbox {
    now: NowFn,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    entries: VecDeque<InboxEntry>,
}

impl Inbox {
    /// An empty inbox; `now` stamps what arrives.
    #[must_use]
    pub fn new(now: NowFn) -> Self {
        Self { now, state: Mutex::default() }
    }

    /// The entries, newest first; with `filter_to`, those for exactly this recipient (email
    /// addresses compare without case).
    #[must_use]
    pub fn list(&self, filter_to: Option<&str>) -> Vec<InboxEntry> {
        let wanted = |e: &&InboxEntry| filter_to.is_none_or(|to| e.to.eq_ignore_ascii_case(to));
        self.lock().entries.iter().rev().filter(wanted).cloned().collect()
    }

    /// Keeps one more message and returns its id.
    pub fn add(&self, kind: Channel, to: &str, subject: &str, body: &str) -> u64 {
        let at_ms = (self.now)();
        let mut state = self.lock();
        state.last_id += 1;
        let id = state.last_id;
        if state.entries.len() >= CAPACITY {
            state.entries.pop_front();
        }
        state.entries.push_back(InboxEntry {
            id,
            kind,
            to: to.to_owned(),
            subject: subject.to_owned(),
            body: body.to_owned(),
            at_ms,
        });
        id
    }

    /// A panic elsewhere can't leave the queue half-changed, so a poisoned lock is usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("entries", &self.lock().entries.len()).finish()
    }
}

/// Both listeners on ports of the system's choosing, and the settings that aim the real
/// clients at them. They stop when this is dropped.
#[derive(Debug)]
pub struct InboxServers {
    smtp: SmtpListener,
    twilio: TwilioListener,
    account_sid: String,
    auth_token: Secret,
}

impl InboxServers {
    /// Starts both on 127.0.0.1. The token, random per start, keeps other programs of this
    /// machine from posting texts.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(inbox: Arc<Inbox>, auth_token: Secret) -> io::Result<Self> {
        let account_sid = "ACdemo".to_owned();
        let smtp = SmtpListener::start(Arc::clone(&inbox), SmtpLimits::default()).await?;
        let twilio = TwilioListener::start(inbox, &account_sid, auth_token.clone()).await?;
        Ok(Self { smtp, twilio, account_sid, auth_token })
    }

    /// Settings for [`crate::smtp::SmtpSender`].
    #[must_use]
    pub fn smtp_config(&self, from: &str, timeout: Duration) -> SmtpConfig {
        SmtpConfig {
            host: self.smtp.address().ip().to_string(),
            port: self.smtp.address().port(),
            tls: SmtpTls::None,
            ca_pem: None,
            credentials: None,
            from: from.to_owned(),
            timeout,
        }
    }

    /// Settings for [`crate::twilio::TwilioClient`].
    #[must_use]
    pub fn twilio_config(&self, from_number: &str, timeout: Duration) -> TwilioConfig {
        TwilioConfig {
            base_url: format!("http://{}", self.twilio.address()),
            account_sid: self.account_sid.clone(),
            auth_token: self.auth_token.clone(),
            from_number: Some(from_number.to_owned()),
            messaging_service_sid: None,
            timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_five_hundred_are_kept_newest_first() {
        let inbox = Inbox::new(Arc::new(|| 7));
        for n in 0..CAPACITY + 3 {
            inbox.add(Channel::Text, "+431234567", "", &n.to_string());
        }
        let all = inbox.list(None);
        assert_eq!(all.len(), CAPACITY);
        assert_eq!((all[0].id, all[0].body.as_str(), all[0].at_ms), (503, "502", 7));
        assert_eq!(all[CAPACITY - 1].id, 4);
    }

    #[test]
    fn the_filter_is_by_whole_recipient() {
        let inbox = Inbox::new(Arc::new(|| 0));
        inbox.add(Channel::Email, "Maria@example.com", "s", "b");
        inbox.add(Channel::Email, "xmaria@example.com", "s", "b");
        assert_eq!(inbox.list(Some("maria@example.com")).len(), 1);
        assert!(inbox.list(Some("maria")).is_empty());
        let json = serde_json::to_value(&inbox.list(None)[1]).unwrap();
        assert_eq!(json["kind"], "email");
    }
}
