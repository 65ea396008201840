//! Answers that must not tell whose an address is all come at the same time (D11).
//!
//! A known and an unknown address cost the same hashes and statements, but what a statement finds differs, and a
//! tenth of a millisecond shows to whoever asks some thousand times. Such an answer therefore waits for a beat that was
//! set when its question came and is later than the work takes. Waiting holds no thread, lock or transaction.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long after its question an answer about an address comes, or so many times that.
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

    /// A question came: sets its beat.
    pub(super) async fn begin(self) -> Beat {
        let asked = Instant::now();
        let mut sleep = Box::pin(sleep_until(asked + self.0));
        // Set now and not when the work is done: of two answers with one beat, the first question's is the first.
        let _ = futures::poll!(sleep.as_mut());
        Beat { pace: self.0, asked, sleep }
    }
}

/// When a question is to be answered.
pub(super) struct Beat {
    pace: Duration,
    asked: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Beat {
    /// Waits for it. Work that took longer than one beat waits for the next: how much longer does not show either.
    pub(super) async fn keep(self) {
        let Self { pace, asked, sleep } = self;
        if pace.is_zero() {
            return;
        }
        let late = asked.elapsed().as_nanos() / pace.as_nanos();
        sleep.await;
        if late > 0 {
            let beats = u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1);
            sleep_until(asked + pace.saturating_mul(beats)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // How long after its question an answer comes whose work takes `work`.
    async fn answered(pace: Pace, work: Duration) -> Duration {
        let asked = Instant::now();
        let beat = pace.begin().await;
        tokio::time::sleep(work).await;
        beat.keep().await;
        asked.elapsed()
    }

    #[tokio::test]
    async fn d11_an_answer_comes_at_its_beat_or_at_the_next_if_the_work_outlasts_it() {
        let pace = Pace::of(Duration::from_millis(500));
        let quick = answered(pace, Duration::ZERO).await;
        assert!(quick >= Duration::from_millis(500), "{quick:?}");
        let slow = answered(pace, Duration::from_millis(600)).await;
        assert!(slow >= Duration::from_millis(1000), "{slow:?}");
        let none = answered(Pace::NONE, Duration::ZERO).await;
        assert!(none < Duration::from_millis(500), "{none:?}");
    }

    #[test]
    fn d11_the_servers_beat_outlasts_a_hash_on_a_slow_machine() {
        assert!(Pace::default().0 >= Duration::from_millis(200));
    }
}
