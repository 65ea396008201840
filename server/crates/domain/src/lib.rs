//! The domain of Lanyard: tenants, applications, user flows, accounts, factors and the journey.
//!
//! Everything here is pure: no async, no I/O, no clock and no randomness of its own. What the
//! outside must supply comes in as an argument ([`clock::Clock`], [`entropy::Entropy`],
//! [`journey::Tools`]). The heart is [`journey`]: the state machine that alone can produce a
//! [`journey::Completion`], from which sessions and authorization codes are made.

pub mod account;
pub mod allowance;
pub mod application;
pub mod assurance;
pub mod attribute;
pub mod audit;
pub mod claims;
pub mod clock;
pub mod consent;
pub mod contact;
pub mod cool_down;
pub mod delays;
mod demand;
pub mod device;
pub mod email;
pub mod entropy;
pub mod factor;
pub mod grant;
pub mod id;
pub mod invitation;
pub mod journey;
pub mod makes;
pub mod passkey;
pub mod password;
pub mod phone;
pub mod recovery;
pub mod registration;
pub mod remembered;
pub mod reply_url;
pub mod reset;
pub mod role;
pub mod secret;
pub mod session;
pub mod tenant;
pub mod text;
pub mod user_flow;
