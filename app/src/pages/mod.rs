//! The pages, as functions from data to views.

pub mod claims;
#[cfg(feature = "ssr")]
pub mod inbox;
pub mod journey;
#[cfg(feature = "ssr")]
pub mod system;
