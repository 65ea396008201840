//! OpenID Connect and OAuth 2.0 as pure functions: what a request means, whether it is allowed,
//! and what the answer says, byte for byte.
//!
//! No async, no I/O and no clock: the caller loads the rows, hands in the time, and sends the
//! result. The order of a sign-in is [`params`] → [`endpoints`] → [`authorize`] → the journey
//! (`lanyard_domain::journey`) → [`response`] → [`token`] → [`claims`] and [`jose`] → [`userinfo`]
//! → [`logout`]. Every refusal is a [`error::Refusal`], which carries B2C's code.

pub mod authorize;
pub mod claims;
pub mod device;
pub mod dpop;
pub mod endpoints;
pub mod error;
pub mod front_channel;
pub mod jose;
pub mod logout;
pub mod metadata;
pub mod params;
pub mod registration;
pub mod response;
pub mod scope;
pub mod standard;
pub mod token;
pub mod userinfo;

#[cfg(test)]
mod attack_vectors;
#[cfg(test)]
mod fixtures;
