//! The pages, as functions from data to views.

#[cfg(feature = "ssr")]
pub mod account;
#[cfg(any(not(feature = "hydrate"), feature = "claims"))]
pub mod claims;
#[cfg(feature = "ssr")]
pub mod clinic;
#[cfg(feature = "ssr")]
pub mod device;
#[cfg(feature = "ssr")]
pub mod home;
#[cfg(feature = "ssr")]
pub mod inbox;
#[cfg(any(not(feature = "hydrate"), feature = "journey"))]
pub mod journey;
#[cfg(feature = "ssr")]
pub mod portal;
#[cfg(feature = "ssr")]
pub mod system;
