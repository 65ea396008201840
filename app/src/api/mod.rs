//! The types that the server and the browser share, one file a noun.

pub mod inbox;
pub mod journey;
