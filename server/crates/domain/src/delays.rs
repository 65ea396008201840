//! Growing delays after consecutive failures: N9 lets nobody guess on at full speed until the hundredth
//! try disables what was guessed at.

use crate::clock::{DAY, MINUTE, Millis, SECOND};

/// How long whoever failed so often in a row waits before the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// So many failures cost no wait.
    pub free: u32,
    /// The wait after the first failure past those, in milliseconds; each further one doubles it.
    pub first: Millis,
    /// The longest wait.
    pub longest: Millis,
    /// Failures are forgotten when none came for so long. More than `longest`, or sitting out the
    /// waits would be rewarded with free tries.
    pub memory: Millis,
}

/// Wrong passwords for one address from one network, and wrong codes of one factor: four are free,
/// then 30 s, 1 min, 2, 4, 8 and, from the tenth on, 15 min each: some hundred tries a day.
pub const GUESSES: Delays = Delays { free: 4, first: 30 * SECOND, longest: 15 * MINUTE, memory: DAY };

impl Delays {
    /// `limit` failures lock for `lock`, and so does each further one; forgotten after `lock`.
    #[must_use]
    pub const fn flat(limit: u32, lock: Millis) -> Self {
        Self { free: limit.saturating_sub(1), first: lock, longest: lock, memory: lock }
    }

    /// Counts what happens within `window` and never makes anybody wait.
    #[must_use]
    pub const fn counting(window: Millis) -> Self {
        Self { free: u32::MAX, first: 0, longest: 0, memory: window }
    }

    /// How long to wait after so many failures in a row; `None`: not at all.
    #[must_use]
    pub fn after(&self, failures: u32) -> Option<Millis> {
        let doublings = failures.checked_sub(self.free)?.checked_sub(1)?;
        // 2^20 times the first wait is past any longest one.
        Some(self.first.saturating_mul(1 << doublings.min(20)).min(self.longest))
    }

    /// How many more failures are free of a wait, the last of them being the one that brings it.
    #[must_use]
    pub const fn tries_left(&self, failures: u32) -> u32 {
        self.free.saturating_add(1).saturating_sub(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n9_waits_grow_from_the_fifth_failure_on_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = (0..=12).map(|failures| GUESSES.after(failures).map(|wait| wait / SECOND)).collect();
        let none = [None; 5];
        let some = [30, 60, 120, 240, 480, 900, 900, 900].map(Some);
        assert_eq!(waits, [&none[..], &some[..]].concat());
        assert_eq!(GUESSES.after(u32::MAX), Some(15 * MINUTE));
        assert_eq!((0..7).map(|failures| GUESSES.tries_left(failures)).collect::<Vec<_>>(), [5, 4, 3, 2, 1, 0, 0]);
    }

    #[test]
    fn n9_sitting_out_the_waits_is_not_rewarded_with_free_tries() {
        const { assert!(GUESSES.memory > GUESSES.longest) };
        // A day of guessing without a pause beyond what is demanded.
        let (mut at, mut failures) = (0, 0);
        while at < DAY && failures < 1000 {
            failures += 1;
            at += GUESSES.after(failures).unwrap_or_default();
        }
        assert!(failures <= 110, "{failures} tries a day");
    }

    #[test]
    fn flat_delays_lock_at_their_limit_and_counting_ones_never() {
        let flat = Delays::flat(3, MINUTE);
        assert_eq!([1, 2, 3, 4].map(|failures| flat.after(failures)), [None, None, Some(MINUTE), Some(MINUTE)]);
        assert_eq!(Delays::flat(1, MINUTE).after(1), Some(MINUTE));
        assert_eq!(Delays::counting(DAY).after(u32::MAX), None);
    }
}
