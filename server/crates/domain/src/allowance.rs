//! Allowances: so many at once, and one more after each pause. They limit what comes from many who cannot be told
//! apart, such as everybody in one network, and heal by time alone: nothing that an attacker can do restores them.
//!
//! One moment says how much is used (the generic cell rate algorithm, ITU-T I.371): when all of it is restored.

use crate::clock::{HOUR, Millis, Timestamp};

/// So many at once, and one more after each pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    size: u32,
    each: Millis,
}

/// A network of a tenant that is beset ([`Allowance::tightened`]) has a tenth of its allowance.
const TIGHTER: u32 = 10;

impl Allowance {
    /// `size` at once, and `per_hour` in an hour from then on; of each one at least.
    #[must_use]
    pub fn new(size: u32, per_hour: u32) -> Self {
        Self { size: size.max(1), each: HOUR / i64::from(per_hour.max(1)) }
    }

    /// The same for a time in which less is trusted: a tenth at once, and as many in an hour as before.
    #[must_use]
    pub fn tightened(self) -> Self {
        Self { size: (self.size / TIGHTER).max(1), ..self }
    }

    /// Until when nothing is left of an allowance that is wholly restored at `restored_at`; `None`: something is.
    #[must_use]
    pub fn used_up_until(self, restored_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let all_but_one = self.each.saturating_mul(i64::from(self.size - 1));
        restored_at.map(|at| at.minus(all_but_one)).filter(|until| *until > now)
    }

    /// When an allowance that was used at `now` and would have been restored at `restored_at` is restored then. What is
    /// used beyond it counts up to as much again: the wait for all of it is twice that of the allowance at most.
    #[must_use]
    pub fn used(self, restored_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let from = restored_at.map_or(now, |at| at.max(now));
        from.plus(self.pause()).min(now.plus(self.longest()))
    }

    /// Whether the use that has it restored at `restored_at` used up the last of it at `now`: not those before, nor those
    /// beyond.
    #[must_use]
    pub fn was_the_last(self, restored_at: Timestamp, now: Timestamp) -> bool {
        let left = self.each.saturating_mul(i64::from(self.size - 1));
        let span = restored_at.since(now);
        span > left && span <= left.saturating_add(self.each)
    }

    /// The time after which one more is restored, in milliseconds.
    #[must_use]
    pub const fn pause(self) -> Millis {
        self.each
    }

    /// The longest time until all is restored, in milliseconds.
    #[must_use]
    pub const fn longest(self) -> Millis {
        self.each.saturating_mul(self.size as Millis).saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn after(allowance: Allowance, times: u32) -> Option<Timestamp> {
        (0..times).fold(None, |restored, _| Some(allowance.used(restored, NOW)))
    }

    #[test]
    fn an_allowance_gives_its_size_at_once_and_then_one_after_each_pause() {
        let ten = Allowance::new(10, 6);
        assert_eq!(ten.used_up_until(None, NOW), None);
        assert_eq!(ten.used_up_until(after(ten, 9), NOW), None);
        let all = after(ten, 10);
        assert_eq!(ten.used_up_until(all, NOW), Some(NOW.plus(10 * MINUTE)));
        assert_eq!(ten.used_up_until(all, NOW.plus(10 * MINUTE - 1)), Some(NOW.plus(10 * MINUTE)));
        let later = NOW.plus(10 * MINUTE);
        assert_eq!(ten.used_up_until(all, later), None);
        // That one, and no second one.
        let again = Some(ten.used(all, later));
        assert_eq!(ten.used_up_until(again, later), Some(later.plus(10 * MINUTE)));
        // Wholly restored, it gives all of it.
        assert_eq!(all, Some(NOW.plus(100 * MINUTE)));
        assert_eq!(ten.used(all, NOW.plus(100 * MINUTE)), NOW.plus(110 * MINUTE));
        assert_eq!(ten.used(all, NOW.plus(200 * MINUTE)), NOW.plus(210 * MINUTE));
    }

    #[test]
    fn what_is_used_beyond_it_counts_up_to_as_much_again() {
        let ten = Allowance::new(10, 6);
        assert_eq!(ten.longest(), 200 * MINUTE);
        assert_eq!(after(ten, 19), Some(NOW.plus(190 * MINUTE)));
        assert_eq!(after(ten, 20), Some(NOW.plus(200 * MINUTE)));
        assert_eq!(after(ten, 1_000), Some(NOW.plus(200 * MINUTE)));
        assert_eq!(ten.used_up_until(after(ten, 1_000), NOW), Some(NOW.plus(110 * MINUTE)));
    }

    #[test]
    fn the_last_use_is_told_from_those_before_and_beyond() {
        let ten = Allowance::new(10, 6);
        let last = |times| ten.was_the_last(after(ten, times).unwrap(), NOW);
        assert_eq!((1..=25).filter(|times| last(*times)).collect::<Vec<_>>(), [10]);
        // One that was restored can be the last again.
        let later = NOW.plus(10 * MINUTE);
        assert!(ten.was_the_last(ten.used(after(ten, 10), later), later));
        assert!(ten.was_the_last(ten.used(after(ten, 10), later.plus(1)), later.plus(1)));
        assert!(!ten.was_the_last(ten.used(after(ten, 10), later.plus(10 * MINUTE)), later.plus(10 * MINUTE)));
    }

    #[test]
    fn tightened_it_gives_a_tenth_at_once_and_one_at_least() {
        let tight = Allowance::new(100, 10).tightened();
        assert_eq!(tight, Allowance::new(10, 10));
        assert_eq!(Allowance::new(5, 10).tightened(), Allowance::new(1, 10));
        // Judged by what was used before it was tightened.
        let used = after(Allowance::new(100, 10), 10);
        assert_eq!(Allowance::new(100, 10).used_up_until(used, NOW), None);
        assert_eq!(tight.used_up_until(used, NOW), Some(NOW.plus(6 * MINUTE)));
    }

    #[test]
    fn there_is_no_allowance_of_nothing() {
        assert_eq!(Allowance::new(0, 0), Allowance::new(1, 1));
        assert_eq!(Allowance::new(1, 1).used_up_until(after(Allowance::new(1, 1), 1), NOW), Some(NOW.plus(HOUR)));
    }
}
