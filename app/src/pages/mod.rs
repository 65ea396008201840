//! The pages, as functions from data to views.

#[cfg(feature = "ssr")]
pub mod account;
pub mod claims;
#[cfg(feature = "ssr")]
pub mod clinic;
#[cfg(feature = "ssr")]
pub mod home;
#[cfg(feature = "ssr")]
pub mod inbox;
pub mod journey;
#[cfg(feature = "ssr")]
pub mod portal;
#[cfg(feature = "ssr")]
pub mod system;
