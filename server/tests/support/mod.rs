//! A whole server in a test: [`TestApp`], the [`Browser`] that talks to it, and the [`world`] that
//! it begins with.

pub(crate) mod app;
pub(crate) mod authenticator;
pub(crate) mod browser;
pub(crate) mod client_key;
pub(crate) mod database;
pub(crate) mod journey;
mod maker;
pub(crate) mod statements;
pub(crate) mod world;

pub(crate) use app::{Options, TestApp};
pub(crate) use browser::{Browser, Page};
pub(crate) use journey::{Run, Via, problem};
pub(crate) use world::{Clinic, PASSWORD};
