//! Who carries mails, texts and calls.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// An SMTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host name.
    pub host: String,
    /// Port; 587 by default.
    #[serde(default = "submission_port")]
    pub port: u16,
    /// `starttls` (default), `implicit`, or `none` for a relay on this machine.
    #[serde(default)]
    pub tls: SmtpTls,
    /// User name, if the server wants one.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// Certificates, PEM, of authorities that are trusted for this server besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// The sender's address.
    pub from: String,
}

/// How mail is encrypted on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Upgraded after the greeting.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// A Twilio-compatible provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twilio {
    /// Its address.
    #[serde(default = "twilio_base")]
    pub base_url: String,
    /// Account SID.
    pub account_sid: String,
    /// Auth token.
    pub auth_token: Option<Secret>,
    /// A file that holds the auth token.
    pub auth_token_file: Option<PathBuf>,
    /// The number that texts and calls come from, E.164.
    pub from_number: String,
}

impl Smtp {
    /// What is set and would do nothing.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match (&self.username, &self.password) {
            (Some(_), None) => Some("there is a username, but no password or password_file"),
            (None, Some(_)) => Some("there is a password, but no username"),
            (Some(_), Some(_)) | (None, None) => (self.tls == SmtpTls::None && self.ca_file.is_some())
                .then_some("ca_file is for TLS: set tls to starttls or implicit"),
        }
    }

    /// Whether `other` leads to the same server.
    pub(super) fn is_same_server(&self, other: &Self) -> bool {
        (self.host.as_str(), self.port) == (other.host.as_str(), other.port)
    }
}

impl Twilio {
    /// Whether there is an auth token.
    pub(super) fn has_token(&self) -> bool {
        self.auth_token.as_ref().is_some_and(|token| !token.0.is_empty())
    }

    /// Whether `other` is the same account of the same provider.
    pub(super) fn is_same_account(&self, other: &Self) -> bool {
        (&self.base_url, &self.account_sid) == (&other.base_url, &other.account_sid)
    }
}

fn twilio_base() -> String {
    "https://api.twilio.com".into()
}

const fn submission_port() -> u16 {
    587
}
