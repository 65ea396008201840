//! What goes on beside requests: delivery of the outbox, clean-up, and
//! rotation of the signing keys; how the providers of messages are doing.
//!
//! Each job stops with the server. Several processes may run them on one database at once: the
//! outbox hands each message to one worker (a lease), clean-up deletes what is dead anyway, and of two
//! rotations one finds nothing to do.

pub mod clean_up;
pub mod delivery;
pub mod key_rotation;
pub mod providers;
pub mod slots;
