//! The parts of pages that WASM takes over.
//!
//! An island is drawn by the server like any component and made live by `boot.js`. What it does
//! only in the browser stands in modules under `#[cfg(feature = "hydrate")]`.
//!
//! The browser's half is built twice, once for each kind of page, so that no page loads what another
//! one needs: the features `journey` and `claims` say which islands are in. The server has them all.

#[cfg(any(not(feature = "hydrate"), feature = "claims"))]
pub mod claims_viewer;
#[cfg(any(not(feature = "hydrate"), feature = "claims"))]
pub mod copy_button;
#[cfg(any(test, feature = "journey"))]
mod decode;
#[cfg(any(not(feature = "hydrate"), feature = "journey"))]
pub mod journey;
#[cfg(feature = "journey")]
mod journey_live;
#[cfg(feature = "claims")]
mod oidc_client;

#[cfg(any(not(feature = "hydrate"), feature = "claims"))]
pub use claims_viewer::{ClaimLabel, ClaimsConfig, ClaimsViewer};
#[cfg(any(not(feature = "hydrate"), feature = "claims"))]
pub use copy_button::CopyButton;
#[cfg(any(not(feature = "hydrate"), feature = "journey"))]
pub use journey::JourneyIsland;
