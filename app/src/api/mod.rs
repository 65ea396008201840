//! The types that the server and the browser share, one file a noun.

pub mod account;
pub mod clinic;
pub mod inbox;
pub mod journey;
pub mod minimum;
#[cfg(feature = "ssr")]
pub mod portal;
pub mod reset;
