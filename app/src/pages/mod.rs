//! The pages, as functions from data to views.

pub mod claims;
pub mod journey;
