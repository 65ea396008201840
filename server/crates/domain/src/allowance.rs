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

/// A network has a tenth of its allowance for what comes while its tenant is beset.
const TIGHTER: u32 = 10;
/// All the addresses of a wider network together have so many times the allowance of one.
const WIDER: u32 = 10;

impl Allowance {
    /// The most in an hour that can be told from no limit at all: one a millisecond.
    pub const MOST_PER_HOUR: u32 = 3_600_000;

    /// `size` at once, and `per_hour` in an hour from then on; of each one at least, and
    /// [`Allowance::MOST_PER_HOUR`] at most.
    #[must_use]
    pub fn new(size: u32, per_hour: u32) -> Self {
        Self { size: size.max(1), each: HOUR / i64::from(per_hour.clamp(1, Self::MOST_PER_HOUR)) }
    }

    /// The same for a time in which less is trusted: a tenth at once, and as many in an hour as before.
    #[must_use]
    pub fn tightened(self) -> Self {
        Self { size: (self.size / TIGHTER).max(1), ..self }
    }

    /// The same for a wider network: ten times as much at once, and in an hour.
    #[must_use]
    pub fn widened(self) -> Self {
        Self { size: self.size.saturating_mul(WIDER), each: (self.each / i64::from(WIDER)).max(1) }
    }

    /// Until when nothing is left of an allowance that is wholly restored at `restored_at`; `None`: something is. A moment
    /// that no use can have set was set by a clock that went wrong (D5), and counts for nothing.
    #[must_use]
    pub fn used_up_until(self, restored_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let restored_at = restored_at.filter(|at| at.since(now) <= self.most());
        restored_at.map(|at| at.minus(self.all_but_one())).filter(|until| *until > now)
    }

    /// When an allowance that was used at `now` and would have been restored at `restored_at` is restored then. What is
    /// used beyond it counts up to as much again: the wait for all of it is twice that of the allowance at most.
    #[must_use]
    pub fn used(self, restored_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let from = restored_at.filter(|at| at.since(now) <= self.most()).unwrap_or(now).max(now);
        // Never less than it was: others may have used it a moment later, or by a clock that is ahead.
        from.plus(self.pause()).min(now.plus(self.longest())).max(from)
    }

    /// The longest time until all is restored that is taken at its word, in milliseconds: clocks differ.
    #[must_use]
    pub const fn most(self) -> Millis {
        self.longest().saturating_add(HOUR)
    }

    const fn all_but_one(self) -> Millis {
        self.each.saturating_mul(self.size as Millis - 1)
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
    fn d5_what_a_clock_that_went_wrong_has_set_counts_for_nothing() {
        let ten = Allowance::new(10, 6);
        let (most, beyond) = (NOW.plus(ten.longest() + HOUR), NOW.plus(ten.longest() + HOUR + 1));
        assert!(ten.used_up_until(Some(most), NOW).is_some());
        assert_eq!(ten.used_up_until(Some(beyond), NOW), None);
        assert_eq!((ten.used(Some(most), NOW), ten.used(Some(beyond), NOW)), (most, NOW.plus(10 * MINUTE)));
    }

    #[test]
    fn a_use_by_a_clock_that_is_behind_takes_nothing_back() {
        let ten = Allowance::new(10, 6);
        let all = after(ten, 1_000);
        for behind in [1, 999, MINUTE, HOUR] {
            let earlier = NOW.minus(behind);
            assert_eq!(Some(ten.used(all, earlier)), all, "{behind}");
            assert!(ten.used_up_until(all, earlier).is_some(), "{behind}");
        }
    }

    #[test]
    fn widened_it_gives_ten_times_as_much_at_once_and_in_an_hour() {
        assert_eq!(Allowance::new(10, 6).widened(), Allowance::new(100, 60));
        assert_eq!(Allowance::new(u32::MAX, u32::MAX).widened().pause(), 1);
        assert_eq!(Allowance::new(u32::MAX, 1).widened().longest(), 2 * 360_000 * i64::from(u32::MAX));
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
        assert_eq!(Allowance::new(1, u32::MAX), Allowance::new(1, Allowance::MOST_PER_HOUR));
        assert_eq!(Allowance::new(1, 1).used_up_until(after(Allowance::new(1, 1), 1), NOW), Some(NOW.plus(HOUR)));
    }
}
