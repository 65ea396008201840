//! The one suite for both databases: every test is stamped twice.
//!
//! PostgreSQL comes from `LANYARD_TEST_POSTGRES_URL` (an administrator's address; each test makes
//! a database of its own and drops it). Without it these tests fail: they are never skipped.

mod accounts;
mod applications;
mod consents;
mod contacts;
mod cool_down;
mod device_codes;
mod exchanges;
mod factors;
mod grants;
mod journeys;
mod known_places;
mod message_providers;
mod minimum;
mod outbox;
mod passkeys;
mod patients;
mod plans;
mod pushed_requests;
mod records;
mod recovery;
mod registrations;
mod remembered;
mod repudiations;
mod resets;
mod sessions;
mod signing_keys;
mod steps;
mod store;
mod support;

/// Stamps tests for both databases out of `async fn name(db: &Db)`.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::contract::support::on_sqlite(|db| Box::pin(super::$name(db))).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::contract::support::on_postgres(|db| Box::pin(super::$name(db))).await;
            }
        )*}
    };
}
use contract;
