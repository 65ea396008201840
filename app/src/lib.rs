//! The pages of Lanyard and the types they share with the server.
//!
//! A page is a plain function from data to a view: the server loads the data, calls the function
//! and sends the HTML ([`shell::render`]). Everything works as plain forms and links; the islands
//! ([`islands`]) take over in browsers that run WASM. `ssr` builds the server's half, `hydrate` the
//! browser's; the same components serve both.
//!
//! Where to look: [`api`] the data, [`components`] the parts, [`pages`] what is made of them.

#![recursion_limit = "256"]

pub mod api;
pub mod browser;
pub mod components;
#[cfg(feature = "ssr")]
pub mod countries;
#[cfg(any(feature = "journey", feature = "claims"))]
mod fetch;
pub mod islands;
pub mod pages;
pub mod paths;
#[cfg(feature = "ssr")]
pub mod shell;
