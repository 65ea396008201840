//! The time after a recovery in which what protects an account cannot be taken away: whoever got in by the mailbox or
//! by a recovery code must not be able to put the owner out before the owner has read the mail about it (A5, N20).

use crate::clock::{HOUR, Timestamp};

/// How long after a recovery factors stay and address and numbers do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoolDown(u32);

impl CoolDown {
    /// The most hours: a week.
    pub const MOST: u32 = 168;
    /// A day: long enough for somebody who looks at their mail once a day, and no loss for whoever has recovered
    /// their own account, as a factor can be added and used at once.
    pub const USUAL: Self = Self(24);

    /// So many hours, 0 to [`Self::MOST`]; 0 switches it off.
    #[must_use]
    pub const fn of_hours(hours: u32) -> Option<Self> {
        if hours <= Self::MOST { Some(Self(hours)) } else { None }
    }

    /// How many hours.
    #[must_use]
    pub const fn hours(self) -> u32 {
        self.0
    }

    /// Until when it lasts at `now`, after a recovery at `recovered`; `None`: it is over. A clock that was set back
    /// ends nothing early.
    #[must_use]
    pub fn until(self, recovered: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let end = recovered.plus(i64::from(self.0) * HOUR);
        (self.0 > 0 && now < end).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n20_a_cool_down_lasts_its_hours_and_is_bounded() {
        let (at, hour) = (Timestamp(1_800_000_000_000), 3_600_000);
        let day = CoolDown::USUAL;
        assert_eq!(day.hours(), 24);
        for (age, lasts) in [(-hour, true), (0, true), (24 * hour - 1, true), (24 * hour, false), (48 * hour, false)] {
            assert_eq!(day.until(at, at.plus(age)), lasts.then(|| at.plus(24 * hour)), "{age}");
        }
        for age in [-1, 0, 1] {
            assert_eq!(CoolDown::of_hours(0).unwrap().until(at, at.plus(age)), None, "off, whatever the clock says");
        }
        assert_eq!(CoolDown::of_hours(168).unwrap().until(at, at), Some(at.plus(168 * hour)));
        assert_eq!(CoolDown::of_hours(169), None);
    }
}
