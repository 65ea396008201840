//! When an undelivered message is tried again. Pure: the outbox passes times in.
//!
//! The waits grow quickly (2 s, 5 s, 15 s, 60 s, 5 min, 20 min, 60 min), so that a code is
//! tried often while somebody waits for it and an invitation survives an hour's outage.
//! Nothing is sent after the message's own expiry: a dead code only confuses.

/// Most attempts for one message, the first included (D6: retries are capped).
pub const MAX_ATTEMPTS: u32 = 8;

/// Wait in milliseconds after the 1st, 2nd, … failed attempt.
const WAITS_MS: [i64; MAX_ATTEMPTS as usize - 1] = [2_000, 5_000, 15_000, 60_000, 300_000, 1_200_000, 3_600_000];

/// The time of the next attempt, or `None` when there is to be no more.
///
/// `attempt` counts the attempts already made (0: not tried yet, so it is due at once);
/// `first_at` is when the message entered the outbox, `expires_at` when it loses its
/// meaning (a code's end of life). All times are epoch milliseconds. A clock that was set
/// back never yields a time before `first_at`.
#[must_use]
pub fn next_attempt(attempt: u32, first_at: i64, now: i64, expires_at: i64) -> Option<i64> {
    let wait = match attempt.checked_sub(1) {
        None => 0,
        Some(failed) => *WAITS_MS.get(usize::try_from(failed).ok()?)?,
    };
    let at = now.max(first_at).saturating_add(wait);
    (at < expires_at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEN_MINUTES: i64 = 600_000;

    #[test]
    fn d6_a_code_is_tried_six_times_in_its_ten_minutes() {
        let (mut now, mut times) = (0, Vec::new());
        let mut made = 0;
        while let Some(at) = next_attempt(made, 0, now, TEN_MINUTES) {
            now = at;
            made += 1;
            times.push(at);
        }
        assert_eq!(times, [0, 2_000, 7_000, 22_000, 82_000, 382_000]);
    }

    #[test]
    fn d6_a_long_lived_message_is_tried_eight_times() {
        assert!(next_attempt(7, 0, 0, i64::MAX).is_some());
        assert_eq!(next_attempt(MAX_ATTEMPTS, 0, 0, i64::MAX), None);
        assert_eq!(next_attempt(u32::MAX, 0, 0, i64::MAX), None);
    }

    proptest! {
        #[test]
        fn d6_no_attempt_after_expiry_or_before_first(
            attempt in 0u32..20, first in any::<i64>(), now in any::<i64>(), expires in any::<i64>()
        ) {
            if let Some(at) = next_attempt(attempt, first, now, expires) {
                prop_assert!(at < expires && at >= now && at >= first);
                prop_assert!(attempt < MAX_ATTEMPTS);
            }
        }

        #[test]
        fn d6_waits_grow_and_end(first in 0i64..1_000_000_000, expires in 0i64..20_000_000_000) {
            let (mut now, mut made, mut last_wait) = (first, 0u32, -1i64);
            while let Some(at) = next_attempt(made, first, now, expires) {
                prop_assert!(at - now > last_wait);
                last_wait = at - now;
                now = at;
                made += 1;
                prop_assert!(made <= MAX_ATTEMPTS);
            }
        }
    }
}
