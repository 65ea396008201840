//! Passwords for one address are judged one after the other (N9, D11): on PostgreSQL by a lock in the database, for which
//! only one request of each server waits, here. Otherwise guesses at one address, of anybody's or nobody's, would hold
//! all of a server's connections while they wait, and keep every tenant out.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::JourneyError;

/// Addresses share these; which of them do follows from keyed hashes, so nobody chooses whom to wait with.
const PLACES: usize = 1024;
/// Who waited for so long is asked to come back.
const LIMIT: Duration = Duration::from_secs(2);

/// Whose turn it is.
#[derive(Debug)]
pub struct Turns([Arc<Mutex<()>>; PLACES]);

/// A turn, until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Arc::default()))
    }
}

impl Turns {
    /// The turn of whoever signs in under `number`, first come, first served.
    ///
    /// # Errors
    /// [`JourneyError::Busy`] after two seconds.
    pub(super) async fn take(&self, number: i64) -> Result<Turn, JourneyError> {
        self.within(LIMIT, number).await
    }

    async fn within(&self, limit: Duration, number: i64) -> Result<Turn, JourneyError> {
        let place = usize::try_from(number.rem_euclid(PLACES as i64)).unwrap_or_default();
        let turn = Arc::clone(&self.0[place]).lock_owned();
        tokio::time::timeout(limit, turn).await.map_err(|_| JourneyError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_number_takes_turns_and_another_does_not_wait() {
        let turns = Turns::default();
        let first = turns.take(-1).await.unwrap();
        assert!(turns.take(7).now_or_never().is_some());
        let late = turns.within(Duration::from_millis(1), -1).await;
        assert!(matches!(late, Err(JourneyError::Busy)), "not for ever");
        let second = turns.take(-1);
        futures::pin_mut!(second);
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.await.is_ok());
    }
}
