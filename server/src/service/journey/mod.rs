//! The journey as use cases: begin, show, act, go back.
//!
//! [`act`] is the heart: it reads the form outside any transaction, then runs
//! `load -> facts -> step -> effects -> save` in one. The pure machine decides; this module
//! carries out.

mod act;
mod again;
mod answer;
mod begin;
pub(super) mod budget;
mod effects;
pub mod facts;
mod finish;
mod guessing;
pub(super) mod input;
mod known;
mod messages;
mod passkeys;
mod problems;
mod remember;
mod scene;
mod settle;
mod show;
mod surroundings;
mod turns;
mod view;

use lanyard_domain::secret::Token;
use lanyard_storage::StorageError;

pub use act::{Act, Done, Transport, act};
pub use again::again;
pub use answer::Reply;
pub use begin::{Begun, SignOn, begin_console, begin_device, begin_for, begin_invited, begin_run, single_sign_on};
pub use finish::{Back, take_return};
pub use known::Whence;
pub use problems::{code_of, seconds_until};
pub use scene::{Scene, demand, is_too_weak};
pub use show::{farewell, show};
pub use surroundings::{Known, Surroundings};
pub use turns::Turns;
pub use view::{field, form_value};

/// Why a journey's use case came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// There is no such journey, event or invitation.
    #[error("not found")]
    NotFound,
    /// The hashing queue is full; nothing was changed.
    #[error("busy")]
    Busy,
    /// The database refused or did not answer; nothing was changed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

/// The browser's secret: the one it has, or a new one.
pub(crate) fn browser_secret(app: &crate::state::App, present: Option<Token>) -> Token {
    present.unwrap_or_else(|| Token::generate(app.entropy().as_mut()))
}
