//! The pages of Lanyard and the types they share with the server.

pub mod api;
pub mod paths;
