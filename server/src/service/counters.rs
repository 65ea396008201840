//! The counts behind the clinic's figures, kept in the transaction of what they count, so that
//! no page ever has to count rows. `spread` picks one of several rows, so that writers do not queue.

use lanyard_domain::{clock::Timestamp, id::Id, tenant::Tenant};
use lanyard_storage::{StorageError, WriteTx};

/// Completed sign-ins, by day.
pub const SIGN_INS: &str = "sign_ins";
/// Accounts made, by day.
pub const SIGN_UPS: &str = "sign_ups";
/// Wrong passwords, by day.
pub const SIGN_IN_FAILURES: &str = "sign_in_failures";

/// A patient's account was made; the storage layer itself keeps the totals.
///
/// # Errors
/// When the database does not take it.
pub async fn patient_created(
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    now: Timestamp,
    spread: u8,
) -> Result<(), StorageError> {
    tx.bump_counter(tenant, SIGN_UPS, now.day(), 1, spread).await
}

/// Somebody signed in.
///
/// # Errors
/// When the database does not take it.
pub async fn signed_in(
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    now: Timestamp,
    spread: u8,
) -> Result<(), StorageError> {
    tx.bump_counter(tenant, SIGN_INS, now.day(), 1, spread).await
}

/// A wrong password was given.
///
/// # Errors
/// When the database does not take it.
pub async fn sign_in_failed(
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    now: Timestamp,
    spread: u8,
) -> Result<(), StorageError> {
    tx.bump_counter(tenant, SIGN_IN_FAILURES, now.day(), 1, spread).await
}
