//! What leaves the house: emails, text messages and phone calls.
//!
//! [`templates::render`] turns an [`Occasion`] into a [`Message`]; a [`Transport`] hands
//! the message to a provider: SMTP by [`smtp`], texts and calls by a Twilio-compatible
//! HTTP client, [`twilio`]. [`fallback`] asks a second provider where the first one fails;
//! [`retry`] says when to try again. [`inbox`] is the demo's pair
//! of loopback listeners that speak the same two protocols.
//!
//! No database here: the storage layer keeps the (sealed) messages in its outbox. Time and
//! uniqueness are passed in as closures, so that nothing here reads a clock of its own.

pub mod address;
pub mod error;
pub mod fallback;
pub mod inbox;
pub mod line;
pub mod message;
pub mod origin;
pub mod retry;
pub mod secret;
pub mod sender;
pub mod smtp;
pub mod templates;
pub mod twilio;
pub mod twiml;

use std::sync::Arc;

pub use error::{Channel, DeliveryError, Reason};
pub use fallback::{Attempt, Provider, Rank};
pub use message::Message;
pub use origin::PublicOrigin;
pub use secret::Secret;
pub use sender::{Providers, Receipt, Transport};
pub use templates::{Change, CodePurpose, Occasion, Protection, SecondStep, TemplateError, render};

/// The injected clock: milliseconds since the Unix epoch.
pub type NowFn = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The injected source of values that never repeat (128 random bits), for `Message-ID`.
pub type UniqueFn = Arc<dyn Fn() -> u128 + Send + Sync>;
