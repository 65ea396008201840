//! Text messages and phone calls through Twilio's REST API, or anything that speaks it.
//!
//! Two requests: `Messages.json` and `Calls.json` under
//! `{base}/2010-04-01/Accounts/{sid}/`, forms with HTTP Basic authentication
//! (<https://www.twilio.com/docs/usage/api>). Redirects are not followed, and of an answer
//! at most 64 KB are read.

use std::fmt;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::address::is_e164;
use crate::error::{Channel, DeliveryError, Reason};
use crate::origin::is_loopback;
use crate::secret::Secret;
use crate::sender::Receipt;

/// Most bytes of an answer that are looked at.
const MAX_ANSWER: usize = 64 * 1024;
/// Twilio's limit for the `Twiml` parameter, in characters.
const MAX_TWIML: usize = 4000;
/// Twilio's limit for the body of a text message, in characters.
const MAX_BODY: usize = 1600;

/// The account and its senders.
#[derive(Debug, Clone)]
pub struct TwilioConfig {
    /// `https://api.twilio.com`, or another server with the same API. Plain `http` is
    /// accepted for loopback hosts alone, since the token travels in a header.
    pub base_url: String,
    /// The account, `AC…`.
    pub account_sid: String,
    /// The account's token.
    pub auth_token: Secret,
    /// The sending number in E.164 form; calls need one.
    pub from_number: Option<String>,
    /// A messaging service `MG…`; when set, texts go through it rather than the number.
    pub messaging_service_sid: Option<String>,
    /// Longest time for one whole request.
    pub timeout: Duration,
}

/// A configuration that can't work, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TwilioConfigError {
    /// The base URL is none, or carries a user, a query or a fragment.
    #[error("the text message provider's base_url must be a URL like https://api.twilio.com")]
    BadBaseUrl,
    /// The token would cross a network unprotected.
    #[error("the text message provider's base_url must begin with https (http only on this machine)")]
    TokenInClear,
    /// The account is not letters and digits.
    #[error("the text message provider's account_sid must be letters and digits")]
    BadAccount,
    /// Neither a number nor a service to send from, or the number is not E.164.
    #[error("set from_number (such as +15005550006) or messaging_service_sid")]
    NoSender,
    /// The HTTP client could not be made (no system certificates, for instance).
    #[error("the HTTP client for the text message provider could not start")]
    Client,
}

/// The client. Keeps connections alive between requests.
pub struct TwilioClient {
    config: TwilioConfig,
    base: String,
    http: Client,
}

impl TwilioClient {
    /// Checks the configuration; connects to nothing.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub fn new(config: TwilioConfig) -> Result<Self, TwilioConfigError> {
        let url = Url::parse(&config.base_url).map_err(|_| TwilioConfigError::BadBaseUrl)?;
        let local = is_loopback(&url);
        let bare = url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare || !matches!(url.scheme(), "https" | "http") {
            return Err(TwilioConfigError::BadBaseUrl);
        }
        if url.scheme() == "http" && !local {
            return Err(TwilioConfigError::TokenInClear);
        }
        let sid = &config.account_sid;
        if sid.is_empty() || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(TwilioConfigError::BadAccount);
        }
        let number_fits = config.from_number.as_deref().is_none_or(is_e164);
        if !number_fits || (config.from_number.is_none() && config.messaging_service_sid.is_none()) {
            return Err(TwilioConfigError::NoSender);
        }
        let http = http_client(&url, local, config.timeout)?;
        let base = format!("{}/2010-04-01/Accounts/{sid}", url.as_str().trim_end_matches('/'));
        Ok(Self { config, base, http })
    }

    /// Whether text messages can be sent: always, once configured.
    #[must_use]
    pub fn can_text(&self) -> bool {
        self.config.messaging_service_sid.is_some() || self.config.from_number.is_some()
    }

    /// Whether calls can be made: they need a number, a messaging service has none.
    #[must_use]
    pub fn can_call(&self) -> bool {
        self.config.from_number.is_some()
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// 429, 5xx, timeouts and broken connections are transient; every other refusal is
    /// permanent.
    pub async fn text(&self, to_e164: &str, body: &str) -> Result<Receipt, DeliveryError> {
        check_length("body", body, MAX_BODY)?;
        let sender = match (&self.config.messaging_service_sid, &self.config.from_number) {
            (Some(service), Some(_) | None) => ("MessagingServiceSid", service.as_str()),
            (None, Some(number)) => ("From", number.as_str()),
            (None, None) => return Err(DeliveryError::NotConfigured(Channel::Text)),
        };
        self.post("Messages.json", to_e164, [sender, ("Body", body)]).await
    }

    /// Makes a phone call that performs `twiml`.
    ///
    /// # Errors
    /// As [`TwilioClient::text`]; without a number, [`DeliveryError::NotConfigured`].
    pub async fn call(&self, to_e164: &str, twiml: &str) -> Result<Receipt, DeliveryError> {
        check_length("twiml", twiml, MAX_TWIML)?;
        let Some(number) = &self.config.from_number else {
            return Err(DeliveryError::NotConfigured(Channel::Call));
        };
        self.post("Calls.json", to_e164, [("From", number), ("Twiml", twiml)]).await
    }

    async fn post(&self, resource: &str, to: &str, fields: [(&str, &str); 2]) -> Result<Receipt, DeliveryError> {
        if !is_e164(to) {
            return Err(DeliveryError::Permanent(Reason::BadMessage("recipient")));
        }
        let response = self
            .http
            .post(format!("{}/{resource}", self.base))
            .basic_auth(&self.config.account_sid, Some(self.config.auth_token.expose()))
            .form(&[("To", to), fields[0], fields[1]])
            .send()
            .await
            .map_err(|error| {
                let reason = if error.is_timeout() { Reason::Timeout } else { Reason::Unreachable };
                DeliveryError::Transient(reason)
            })?;
        let status = response.status();
        let answer = read_answer(response).await;
        if status.is_success() {
            // Taken. An answer that can't be read costs the receipt, not the message.
            return Ok(Receipt { provider_id: answer.sid.filter(|sid| is_sid(sid)) });
        }
        let reason = Reason::Twilio { status: status.as_u16(), code: answer.code };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Err(DeliveryError::Transient(reason))
        } else {
            Err(DeliveryError::Permanent(reason))
        }
    }
}

impl fmt::Debug for TwilioClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioClient").field("config", &self.config).finish_non_exhaustive()
    }
}

/// On loopback neither a proxy of the environment may step in between, nor does a machine
/// without system certificates matter.
fn http_client(url: &Url, local: bool, timeout: Duration) -> Result<Client, TwilioConfigError> {
    let mut builder = Client::builder().redirect(Policy::none()).timeout(timeout);
    if local {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|_| TwilioConfigError::Client)
}

/// The parts of Twilio's answers that matter here: the id of what was created, or the
/// number of the error.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    code: Option<u32>,
}

async fn read_answer(mut response: Response) -> Answer {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Answer::default();
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn is_sid(sid: &str) -> bool {
    (1..=64).contains(&sid.len()) && sid.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn check_length(field: &'static str, value: &str, max: usize) -> Result<(), DeliveryError> {
    if value.is_empty() || value.chars().count() > max {
        return Err(DeliveryError::Permanent(Reason::BadMessage(field)));
    }
    Ok(())
}
