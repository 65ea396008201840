//! Email by SMTP: one connection per message, bounded in time as a whole.
//!
//! The connection is driven step by step rather than through lettre's transport, because
//! the outcome is settled by the reply to the message itself: a server that is slow to say
//! goodbye must not make us send it twice.

use std::fmt;
use std::time::{Duration, SystemTime};

use lettre::Message as Mail;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use serde::Deserialize;
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

use crate::address::parse_email;
use crate::error::{DeliveryError, Reason};
use crate::line::has_control;
use crate::origin::is_loopback;
use crate::secret::Secret;
use crate::sender::Receipt;
use crate::{NowFn, UniqueFn};

/// Longest wait for the goodbye after the message was accepted.
const QUIT_TIMEOUT: Duration = Duration::from_millis(250);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Not at all: for a relay on this machine or an own network.
    None,
    /// Plain at first, then STARTTLS, which must succeed (RFC 3207; port 587).
    Starttls,
    /// TLS from the first byte (RFC 8314; port 465).
    Implicit,
}

/// The mail server and how to sign in to it.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection of the connection.
    pub tls: SmtpTls,
    /// Certificates (PEM) of an authority of the operator's own, trusted besides the public
    /// ones.
    pub ca_pem: Option<String>,
    /// User name and password, when the server wants them.
    pub credentials: Option<(String, Secret)>,
    /// The sender: `address` or `Name <address>`.
    pub from: String,
    /// Longest time for one whole delivery.
    pub timeout: Duration,
}

/// A configuration that can't work, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SmtpConfigError {
    /// The sender is no mailbox.
    #[error("the mail sender must be one address, such as Clinic <no-reply@example.com>")]
    BadSender,
    /// A password would cross a network unprotected.
    #[error("a mail password needs TLS: set tls to starttls or implicit")]
    PasswordInClear,
    /// The authority's certificate can't be read, or the TLS library refused the host name.
    #[error("TLS can't be set up for this mail host: check its name and the certificate file")]
    Tls,
    /// The authority's file holds no certificate.
    #[error("the certificate file has no certificate in it: it must be PEM")]
    NoCertificate,
}

/// Sends emails. Cheap to share by reference; holds no connection between messages.
pub struct SmtpSender {
    config: SmtpConfig,
    from: Mailbox,
    tls: Option<TlsParameters>,
    now: NowFn,
    unique: UniqueFn,
}

impl SmtpSender {
    /// Checks the configuration; connects to nothing. `now` dates the messages, `unique`
    /// makes their `Message-ID`.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub fn new(config: SmtpConfig, now: NowFn, unique: UniqueFn) -> Result<Self, SmtpConfigError> {
        let from: Mailbox = config.from.parse().map_err(|_| SmtpConfigError::BadSender)?;
        if parse_email(from.email.as_ref()).is_none() || has_control(&config.from) {
            return Err(SmtpConfigError::BadSender);
        }
        let tls = match config.tls {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => Some(tls_parameters(&config)?),
        };
        if tls.is_none() && config.credentials.is_some() && !is_this_machine(&config.host) {
            return Err(SmtpConfigError::PasswordInClear);
        }
        Ok(Self { config, from, tls, now, unique })
    }

    /// Sends one email; `text` and `html` are alternatives of the same content.
    ///
    /// # Errors
    /// A 4xx reply, a broken or hanging connection are transient; a 5xx reply and a message
    /// that can't be sent (bad address, line break in the subject) are permanent.
    pub async fn send(&self, to: &str, subject: &str, text: &str, html: &str) -> Result<Receipt, DeliveryError> {
        let (mail, id) = self.compose(to, subject, text, html)?;
        let mut connection = timeout(self.config.timeout, self.transmit(&mail))
            .await
            .map_err(|_| DeliveryError::Transient(Reason::Timeout))?
            .map_err(classify)?;
        // Accepted. The goodbye is a courtesy: neither its failure nor its delay counts.
        let _ = timeout(QUIT_TIMEOUT, connection.abort()).await;
        Ok(Receipt { provider_id: Some(id) })
    }

    fn compose(&self, to: &str, subject: &str, text: &str, html: &str) -> Result<(Mail, String), DeliveryError> {
        let bad = |field| DeliveryError::Permanent(Reason::BadMessage(field));
        let to = parse_email(to).ok_or(bad("recipient"))?;
        if has_control(subject) {
            return Err(bad("subject"));
        }
        let id = format!("<{:032x}@{}>", (self.unique)(), self.from.email.domain());
        let date = u64::try_from((self.now)()).map_err(|_| bad("date"))?;
        let mail = Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(date))
            .message_id(Some(id.clone()))
            // RFC 3834: no out-of-office answers to a code.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(text.to_owned(), html.to_owned()))
            .map_err(|_| bad("message"))?;
        Ok((mail, id))
    }

    async fn transmit(&self, mail: &Mail) -> Result<AsyncSmtpConnection, Failure> {
        let hello = ClientId::default();
        let address = (self.config.host.as_str(), self.config.port);
        let implicit = match self.config.tls {
            SmtpTls::Implicit => self.tls.clone(),
            SmtpTls::None | SmtpTls::Starttls => None,
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &hello, implicit, None).await?;
        if self.config.tls == SmtpTls::Starttls
            && let Some(tls) = self.tls.clone()
        {
            connection.starttls(tls, &hello).await?;
        }
        if let Some((user, password)) = &self.config.credentials {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        hand_over(&mut connection, mail).await?;
        Ok(connection)
    }
}

/// One mail transaction. Unlike lettre's own, it returns at the first refusal without
/// waiting for a goodbye, so that a server which refuses and then hangs is still a refusal.
async fn hand_over(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<(), Failure> {
    let raw = mail.formatted();
    let server = connection.server_info();
    let mut parameters = Vec::new();
    let addresses = mail.envelope().to().iter().chain(mail.envelope().from());
    if !addresses.map(AsRef::<str>::as_ref).all(str::is_ascii) {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Unsupported);
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !raw.is_ascii() {
        if !server.supports_feature(Extension::EightBitMime) {
            return Err(Failure::Unsupported);
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let from = mail.envelope().from().cloned();
    connection.command(commands::Mail::new(from, parameters)).await?;
    for to in mail.envelope().to() {
        connection.command(commands::Rcpt::new(to.clone(), Vec::new())).await?;
    }
    connection.command(commands::Data).await?;
    connection.message(&raw).await?;
    Ok(())
}

/// Why a conversation ended early.
enum Failure {
    /// What lettre reports.
    Smtp(SmtpError),
    /// The server offers no way to carry this message.
    Unsupported,
}

impl From<SmtpError> for Failure {
    fn from(error: SmtpError) -> Self {
        Self::Smtp(error)
    }
}

impl fmt::Debug for SmtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSender").field("config", &self.config).finish_non_exhaustive()
    }
}

fn tls_parameters(config: &SmtpConfig) -> Result<TlsParameters, SmtpConfigError> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(pem) = &config.ca_pem {
        // To lettre a file without any is one of no authority.
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(SmtpConfigError::NoCertificate);
        }
        let authority = Certificate::from_pem(pem.as_bytes()).map_err(|_| SmtpConfigError::Tls)?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build().map_err(|_| SmtpConfigError::Tls)
}

fn is_this_machine(host: &str) -> bool {
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("http://{bracketed}/")).is_ok_and(|url| is_loopback(&url))
}

fn classify(failure: Failure) -> DeliveryError {
    let error = match failure {
        Failure::Smtp(error) => error,
        Failure::Unsupported => return DeliveryError::Permanent(Reason::Unsupported),
    };
    if let Some(code) = error.status() {
        let reason = Reason::Smtp(code.into());
        return if error.is_permanent() { DeliveryError::Permanent(reason) } else { DeliveryError::Transient(reason) };
    }
    if error.is_timeout() {
        DeliveryError::Transient(Reason::Timeout)
    } else if error.is_tls() {
        DeliveryError::Transient(Reason::Tls)
    } else if error.is_client() {
        DeliveryError::Permanent(Reason::Unsupported)
    } else if error.is_response() {
        DeliveryError::Transient(Reason::Protocol)
    } else {
        DeliveryError::Transient(Reason::Unreachable)
    }
}
