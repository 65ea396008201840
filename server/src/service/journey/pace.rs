//! Answers that must not tell whose an address is all come at the same time (D11).
//!
//! A known and an unknown address cost the same hashes and statements, but what a statement finds differs, and a
//! tenth of a millisecond shows to whoever asks some thousand times. Such an answer therefore waits until a fixed
//! time after its question, which is more than the work takes. Waiting holds no thread, lock or transaction.

use std::time::Duration;

use lanyard_domain::journey::{Event, Journey, Whose};
use tokio::time::Instant;

/// How long after its question an answer about an address comes, at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(Duration);

impl Default for Pace {
    /// A quarter of a second: several times a hash on a slow machine, and nothing to who reads that a code is on
    /// its way.
    fn default() -> Self {
        Self(Duration::from_millis(250))
    }
}

impl Pace {
    /// At once, for tests of everything else.
    pub const NONE: Self = Self(Duration::ZERO);

    /// A pace of this length.
    #[must_use]
    pub const fn of(length: Duration) -> Self {
        Self(length)
    }

    /// Waits for the time at which a question that came at `since` is answered.
    pub(super) async fn keep(self, since: Instant) {
        if self != Self::NONE {
            tokio::time::sleep_until(since + self.0).await;
        }
    }
}

/// Whether the answer to `event` in `journey` could tell whose an address is, or that a password is right which does
/// not let anybody in just now. Whoever has proved with it who they are learns nothing.
pub(super) fn could_tell(journey: &Journey, event: &Event) -> bool {
    matches!(event, Event::SignIn { .. }) || matches!(journey.whose(event), Whose::Address(_))
}
