//! What needs a secret key, a slow hash or a signature: passwords, the key ring, sealing,
//! authenticator apps, passkeys.
//!
//! The database holds only what this crate sealed, hashed or keyed. The one key that opens it,
//! the [`MasterKey`], lies in a file outside the database (failure C6: a stolen database alone
//! is worth nothing). [`PasswordQueue`] is the only way in which the server should hash
//! passwords: it bounds memory and time (D10). Time and randomness are handed in.

pub mod blocklist;
pub mod hasher;
pub mod keyfile;
pub mod keyring;
pub mod mac;
pub mod passkey;
pub mod password;
mod qr;
pub mod seal;
pub mod totp;

pub use blocklist::CommonPasswords;
pub use hasher::{Busy, PasswordQueue};
pub use keyfile::KeyFileError;
pub use keyring::{MacUse, MasterKey, TenantKeys, WrongKey};
pub use mac::MacKey;
pub use passkey::RelyingParty;
pub use password::Argon2Passwords;
pub use seal::{CannotOpen, DataKey, Purpose};
