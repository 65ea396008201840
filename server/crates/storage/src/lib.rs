//! Storage of Lanyard: one set of repository traits, carried out by SQLite and by PostgreSQL.
//!
//! A [`Store`] runs *jobs*: [`Store::read`] hands a job a [`ReadTx`], which cannot change
//! anything, and [`Store::write`] a [`WriteTx`]. A job is one transaction; `Err` rolls it back.
//! The queries are in `repository/`, one file a noun, in the SQL that both databases share; what
//! differs is in `sqlite/` and `postgres/`. `contract/` is the one test suite for both.
//!
//! To add a repository: a table in a new pair of migrations, a file in `repository/` with a trait
//! for reading and one for writing, both named in [`ReadTx`] and [`WriteTx`], and its contract.

mod error;
mod pool;
mod postgres;
mod repository;
mod sqlite;
mod store;
mod together;

#[cfg(test)]
mod contract;

pub use error::{Constraint, OpenError, Result, StorageError};
pub use repository::*;
pub use sqlite::sqlite_file;
pub use store::{Schema, Store, StoreOptions};
