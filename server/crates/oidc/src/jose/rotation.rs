//! When a signing key is published, signs, and is deleted (D12): pure arithmetic.
//!
//! Each algorithm of a tenant has keys in *generations*. A key is published from the moment it is
//! stored; it signs from its `signs_from` until the `signs_from` of the next generation, and stays
//! published until nothing that it signed can still be good. A rotation only stores one more key
//! whose `signs_from` lies ahead: nothing has to happen at that moment, so that no process can
//! miss it.
//!
//! **Ahead.** A client may hold the key set for [`JWKS_MAX_AGE`] (the answer's `max-age`), and got
//! it from a process that looks at the database again after [`CACHE_LIFE`] (twice that when it is
//! just looking); the clock of the process that signs may be [`SKEW`] ahead of the one that made
//! the key. So: `300 s + 2 × 5 s + 60 s = 370 s <` [`MIN_LEAD`] `= 600 s`. The default is a day,
//! for clients that keep key sets longer than they are told.
//!
//! **Behind.** A process may sign with the old key for `2 ×` [`CACHE_LIFE`] `+` [`SKEW`] longer,
//! and what it signs lives for [`MAX_TOKEN_LIFE`] at most, to which verifiers may add their own
//! skew. [`RETENTION`] is the sum.

use lanyard_domain::clock::{DAY, MINUTE, Millis, SECOND, Timestamp};

/// How long clients may keep a key set.
pub const JWKS_MAX_AGE: Millis = 300 * SECOND;
/// How old a process lets its own copy of a tenant's keys become.
pub const CACHE_LIFE: Millis = 5 * SECOND;
/// How far the clocks of two processes may be apart.
pub const SKEW: Millis = MINUTE;
/// The longest life of any token that we sign: the most a flow may set, 1440 minutes.
pub const MAX_TOKEN_LIFE: Millis = DAY;
/// The least time that a key is published before it signs.
pub const MIN_LEAD: Millis = 10 * MINUTE;
/// How long a key stays published after it signed for the last time by plan.
pub const RETENTION: Millis = MAX_TOKEN_LIFE + 2 * CACHE_LIFE + SKEW + 5 * MINUTE;

const _: () = assert!(MIN_LEAD > JWKS_MAX_AGE + 2 * CACHE_LIFE + SKEW, "a key must be known before it signs");

/// A key's place in the order of its algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    /// Counts up from 1; unique for each tenant and algorithm.
    pub number: i64,
    /// When it begins to sign.
    pub signs_from: Timestamp,
}

/// What a published key is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, and signs later.
    Next,
    /// Signs.
    Current,
    /// Signs nothing more; published for what it signed.
    Retired {
        /// When it is deleted.
        deleted_at: Timestamp,
    },
}

/// The state of `key` among `all` generations of its algorithm at `now`.
#[must_use]
pub fn state(key: Generation, all: &[Generation], now: Timestamp) -> KeyState {
    if key.signs_from > now {
        return KeyState::Next;
    }
    let successors = all.iter().filter(|other| other.number > key.number && other.signs_from <= now);
    match successors.map(|other| other.signs_from).min() {
        None => KeyState::Current,
        Some(since) => KeyState::Retired { deleted_at: since.plus(RETENTION) },
    }
}

/// The generation that signs at `now`. If all are to sign later, because the clock was set back,
/// it is the first to do so; `None` if there is no key.
#[must_use]
pub fn current(all: &[Generation], now: Timestamp) -> Option<Generation> {
    let signing = all.iter().copied().find(|key| state(*key, all, now) == KeyState::Current);
    signing.or_else(|| all.iter().copied().min_by_key(|key| (key.signs_from, key.number)))
}

/// When a rotation is due: the newest key of an algorithm that signs from this moment or earlier
/// gets its successor now, so that each signs for `interval`. `lead` is less than `interval`.
#[must_use]
pub fn due(interval: Millis, lead: Millis, now: Timestamp) -> Timestamp {
    now.minus(interval - lead)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn generations(starts: &[i64]) -> Vec<Generation> {
        (1..).zip(starts).map(|(number, at)| Generation { number, signs_from: Timestamp(*at) }).collect()
    }

    #[test]
    fn a_key_is_next_then_current_then_retired() {
        let all = generations(&[0, 1_000]);
        let states = |now: i64| all.iter().map(|key| state(*key, &all, Timestamp(now))).collect::<Vec<_>>();
        assert_eq!(states(999), [KeyState::Current, KeyState::Next]);
        let gone = KeyState::Retired { deleted_at: Timestamp(1_000).plus(RETENTION) };
        assert_eq!(states(1_000), [gone, KeyState::Current]);
        assert_eq!(states(-1), [KeyState::Next, KeyState::Next]);
        assert_eq!(current(&all, Timestamp(-1)), Some(all[0]), "d5: a clock that was set back");
        assert_eq!(current(&[], Timestamp(0)), None);
    }

    #[test]
    fn each_key_signs_for_the_interval() {
        let (interval, lead) = (90 * DAY, DAY);
        let first = Timestamp(1_000_000);
        let rotated_at = first.plus(interval - lead);
        assert!(first <= due(interval, lead, rotated_at));
        assert!(first > due(interval, lead, rotated_at.minus(1)));
        assert_eq!(rotated_at.plus(lead), first.plus(interval), "the successor signs then");
    }

    proptest! {
        // Whatever was rotated when: one key signs, and none goes that signed within a token's life.
        #[test]
        fn d12_one_key_signs_and_none_goes_too_early(
            gaps in prop::collection::vec(0..3 * DAY, 1..8), now in 0..30 * DAY,
        ) {
            let mut at = 0;
            let starts: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
            let (all, now) = (generations(&starts), Timestamp(starts[0] + now));
            let states: Vec<_> = all.iter().map(|key| state(*key, &all, now)).collect();
            prop_assert_eq!(states.iter().filter(|state| **state == KeyState::Current).count(), 1);
            for signed_at in [now, now.minus(MAX_TOKEN_LIFE)] {
                let Some(signer) = current(&all, signed_at) else { continue };
                let index = all.iter().position(|key| *key == signer).unwrap();
                match states[index] {
                    KeyState::Current => {}
                    KeyState::Retired { deleted_at } => prop_assert!(deleted_at > now),
                    KeyState::Next => prop_assert!(false, "it signed before"),
                }
            }
        }
    }
}
