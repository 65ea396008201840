//! The web: thin handlers that extract, call one service, and map the result.
//!
//! What every request passes is in [`security`], [`client`] and [`csrf`]; `router.rs` has the
//! one table of routes.

pub mod account;
pub mod assets;
pub mod claims;
pub mod client;
pub mod clinic;
pub mod console;
pub mod cookies;
pub mod csrf;
pub mod documents;
pub mod error;
pub mod form;
pub mod health;
pub mod home;
pub mod inbox;
pub mod journey;
pub mod limit;
pub mod oauth;
pub mod page;
pub mod portal;
pub mod security;

use axum::http::{HeaderMap, header};

/// Whether a request says that its body is JSON, with parameters or without.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
