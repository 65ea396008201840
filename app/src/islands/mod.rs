//! The parts of pages that WASM takes over.
//!
//! An island is drawn by the server like any component and made live by `boot.js`. What it does
//! only in the browser stands in modules under `#[cfg(feature = "hydrate")]`.

mod carried;
pub mod claims_viewer;
pub mod copy_button;
pub mod journey;
#[cfg(feature = "hydrate")]
mod journey_live;
#[cfg(feature = "hydrate")]
mod oidc_client;

pub use carried::Carried;
pub use claims_viewer::{ClaimsConfig, ClaimsViewer};
pub use copy_button::CopyButton;
pub use journey::JourneyIsland;
