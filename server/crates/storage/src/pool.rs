//! Connections for jobs: a few, made when they are wanted, kept for ever.
//!
//! A connection is given back by a job that came to its end. One whose job did not (cancelled, timed
//! out, panicked, lost) is closed, so none has to be asked whether it is still well before and after
//! each use: that would be two round trips a job.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Result, StorageError};

/// How connections of one kind are made and unmade.
pub(crate) trait Source: Send + Sync {
    type Connection: Send;
    fn open(&self) -> BoxFuture<'_, Result<Self::Connection, sqlx::Error>>;
    fn close(connection: Self::Connection) -> BoxFuture<'static, Result<(), sqlx::Error>>;
    /// Whether a connection that stood idle for `idle` is still there.
    fn is_well<'c>(connection: &'c mut Self::Connection, idle: Duration) -> BoxFuture<'c, bool>;
}

pub(crate) struct Pool<S: Source> {
    source: S,
    most: u32,
    places: Semaphore,
    idle: Mutex<Idle<S>>,
}

type Idle<S> = VecDeque<(<S as Source>::Connection, Instant)>;

impl<S: Source> std::fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({} of {} free)", self.places.available_permits(), self.most)
    }
}

/// A connection in use. Given back by [`InUse::keep`], closed otherwise.
pub(crate) struct InUse<'p, S: Source> {
    pub(crate) connection: S::Connection,
    idle: &'p Mutex<Idle<S>>,
    _place: SemaphorePermit<'p>,
}

impl<S: Source> Pool<S> {
    pub(crate) fn new(source: S, most: u32) -> Self {
        let most = most.max(1);
        Self { source, most, places: Semaphore::new(most as usize), idle: Mutex::default() }
    }

    /// Makes connections that are not of the pool.
    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    pub(crate) async fn take(&self) -> Result<InUse<'_, S>> {
        let place = self.places.acquire().await.map_err(|_| gone())?;
        while let Some((mut connection, since)) = self.next() {
            if S::is_well(&mut connection, since.elapsed()).await {
                return Ok(InUse { connection, idle: &self.idle, _place: place });
            }
        }
        let connection = self.source.open().await?;
        Ok(InUse { connection, idle: &self.idle, _place: place })
    }

    // The last used is used next: its thread and its cache are warm.
    fn next(&self) -> Option<(S::Connection, Instant)> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Drops what stands idle: it is likely to be lost.
    pub(crate) fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lets what stands idle have stood so for longer.
    #[cfg(test)]
    pub(crate) fn age(&self, by: Duration) {
        for (_, since) in self.idle.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            *since -= by;
        }
    }

    /// Waits for the jobs under way, then closes.
    pub(crate) async fn close(&self) {
        // An error means closed already.
        let all = self.places.acquire_many(self.most).await;
        self.places.close();
        drop(all);
        while let Some((connection, _)) = self.next() {
            // It holds nothing that was not committed.
            let _ = S::close(connection).await;
        }
    }
}

impl<S: Source> InUse<'_, S> {
    pub(crate) fn keep(self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_front((self.connection, Instant::now()));
    }
}

fn gone() -> StorageError {
    StorageError::Unavailable("the database is closed".into())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures::FutureExt as _;

    use super::*;

    // Connections that are numbered.
    #[derive(Default)]
    struct Numbered {
        opened: AtomicUsize,
        closed: Arc<AtomicUsize>,
    }

    struct Connection {
        number: usize,
        dead: bool,
        closed: Arc<AtomicUsize>,
    }

    impl Source for Numbered {
        type Connection = Connection;

        fn open(&self) -> BoxFuture<'_, Result<Connection, sqlx::Error>> {
            let number = self.opened.fetch_add(1, Ordering::SeqCst);
            async move { Ok(Connection { number, dead: false, closed: Arc::clone(&self.closed) }) }.boxed()
        }

        fn close(connection: Connection) -> BoxFuture<'static, Result<(), sqlx::Error>> {
            connection.closed.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }.boxed()
        }

        fn is_well<'c>(connection: &'c mut Connection, _: Duration) -> BoxFuture<'c, bool> {
            async move { !connection.dead }.boxed()
        }
    }

    #[tokio::test]
    async fn a_dead_idle_connection_is_replaced_and_one_that_was_not_given_back_is_not_used_again() {
        let pool = Pool::new(Numbered::default(), 2);
        pool.take().await.unwrap().keep();
        let mut again = pool.take().await.unwrap();
        assert_eq!(again.connection.number, 0, "the same one, again");
        again.connection.dead = true;
        again.keep();
        let next = pool.take().await.unwrap();
        assert_eq!(next.connection.number, 1, "dead, and replaced");
        // A job that did not come to its end: its connection may be in any state.
        drop(next);
        assert_eq!(pool.take().await.unwrap().connection.number, 2);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_not_used_again() {
        let pool = Pool::new(Numbered::default(), 2);
        let (one, two) = (pool.take().await.unwrap(), pool.take().await.unwrap());
        one.keep();
        two.keep();
        pool.forget();
        assert_eq!(pool.take().await.unwrap().connection.number, 2);
    }

    #[tokio::test]
    async fn there_are_never_more_connections_than_places_and_closing_waits_for_all() {
        let pool = Pool::new(Numbered::default(), 2);
        let (one, two) = (pool.take().await.unwrap(), pool.take().await.unwrap());
        assert!(pool.take().now_or_never().is_none(), "the third waits");
        let closing = pool.close();
        futures::pin_mut!(closing);
        assert!(closing.as_mut().now_or_never().is_none(), "jobs are under way");
        one.keep();
        assert!(closing.as_mut().now_or_never().is_none(), "one is still under way");
        two.keep();
        closing.await;
        assert_eq!(pool.source().closed.load(Ordering::SeqCst), 2, "each was closed");
        assert!(matches!(pool.take().await, Err(StorageError::Unavailable(_))));
        pool.close().await;
    }
}
