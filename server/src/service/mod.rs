//! The use cases, one a file or folder. A service owns its transaction; handlers only call it.

pub mod account;
pub mod at_hand;
pub mod audit;
pub mod clinic;
pub mod consents;
pub mod counters;
pub mod invitations;
pub mod journey;
pub mod key_rotation;
pub mod left_out;
pub mod minimum;
pub mod oauth;
pub mod outbox;
pub mod pace;
pub mod patient_portal;
pub mod phone;
pub mod portal;
pub mod run;
pub mod sign_out;
pub mod signing;
pub mod tenants;
