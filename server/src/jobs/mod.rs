//! What goes on beside requests: delivery of the outbox, and clean-up.
//!
//! Each job stops with the server. Several processes may run them on one database at once: the
//! outbox hands each message to one worker (a lease), and clean-up deletes what is dead anyway.

pub mod clean_up;
pub mod delivery;
