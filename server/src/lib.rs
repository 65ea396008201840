//! The Lanyard server: configuration, services, HTTP, jobs and command line around the domain.
//!
//! Data flows one way: `router` -> `http` (thin handlers) -> `service` (one use case a file, owns
//! the transaction) -> `lanyard_domain` (pure rules) and `lanyard_storage`. Start reading at
//! [`router`] and [`service::journey`].

pub mod cli;
pub mod config;
pub mod demo;
pub mod files;
pub mod http;
pub mod jobs;
pub mod outbound;
pub mod router;
pub mod service;
pub mod start;
pub mod state;
