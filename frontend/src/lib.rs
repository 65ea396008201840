//! The WASM entry of the browser's half: links the islands of `lanyard_app` and starts them.
//!
//! `boot.js` (tools/site) calls [`hydrate`] once, then hands each `<leptos-island>` of the page to
//! the function that the island's macro exports.

// Links the crate, whose islands are reached from JavaScript only.
use lanyard_app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Starts the reactive runtime that the page's islands share. Call it once, before any of them.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
