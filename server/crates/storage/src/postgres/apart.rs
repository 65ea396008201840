//! Connections of PostgreSQL that are set apart for what many ask together ([`crate::together`]).

use std::sync::{Arc, atomic::AtomicU64};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::time::{Instant, timeout_at};

use super::{Connections, Counted, PostgresTx};
use crate::{
    error::{Result, StorageError},
    pool::Pool,
    store::too_slow,
    together::{Carried, Carrier, Shared},
};

/// What can be asked for many callers in one statement, which is a transaction by itself.
pub(crate) trait InOne: Shared {
    /// Whether it changes anything.
    const CHANGES: bool;
    /// Asks for `all`: an answer for each, in their order.
    fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [Self::Asked]) -> BoxFuture<'t, Result<Vec<Self::Answer>>>;
}

/// The connections.
#[derive(Clone)]
pub(super) struct Apart {
    pub(super) pool: Arc<Pool<Connections>>,
    /// Counts statements that change something.
    pub(super) commits: Arc<AtomicU64>,
}

impl<S: InOne> Carrier<S> for Apart {
    fn carry(&self, all: Arc<[S::Asked]>, until: Instant) -> BoxFuture<'_, Carried<S::Answer>> {
        let carry = async move {
            let mut own = self.pool.take().await?;
            // Counted whatever becomes of the answer.
            let _counted = S::CHANGES.then(|| Counted(&self.commits));
            let answers = S::ask(&mut PostgresTx { db: &mut own.connection }, &all).await;
            if answers.as_ref().err().is_none_or(is_refusal) {
                own.keep();
            }
            answers
        };
        let carried = async move {
            // What is too late already would still be asked once.
            let carry = async { if Instant::now() < until { carry.await } else { Err(too_slow()) } };
            match timeout_at(until, carry).await.unwrap_or_else(|_| Err(too_slow())) {
                Ok(answers) => Carried::Done(answers),
                Err(error) if is_refusal(&error) => Carried::Refused(error),
                Err(error) => {
                    // The others that stand idle are as old, and as likely to be lost.
                    self.pool.forget();
                    Carried::Lost(error)
                }
            }
        };
        carried.boxed()
    }
}

// Any other error may be the connection's: its plan, its server, its state.
fn is_refusal(error: &StorageError) -> bool {
    match error {
        StorageError::Raced | StorageError::Inconsistent(_) => true,
        StorageError::Driver(sqlx::Error::Database(error)) => {
            // Data exceptions, and violations of constraints.
            error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::Ordering, time::Duration};

    use sqlx::ConnectOptions as _;

    use super::{super::AS_IT_IS, *};
    use crate::together::Together;

    const LIMIT: Duration = Duration::from_secs(30);

    // Ten over a number: PostgreSQL refuses the zero.
    enum Division {}

    impl Shared for Division {
        type Asked = i32;
        type Answer = i32;
        const AT_ONCE: usize = 1;
    }

    impl InOne for Division {
        const CHANGES: bool = true;

        fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [i32]) -> BoxFuture<'t, Result<Vec<i32>>> {
            let ask = async move {
                let rows = sqlx::query_scalar("SELECT 10 / n FROM unnest($1) AS a (n)").bind(all);
                Ok(rows.fetch_all(&mut *tx.db).await?)
            };
            ask.boxed()
        }
    }

    fn apart() -> Apart {
        let options = std::env::var("LANYARD_TEST_POSTGRES_URL").unwrap().parse().unwrap();
        let source = Connections { options, limit: LIMIT, settings: AS_IT_IS };
        Apart { pool: Arc::new(Pool::new(source, 1)), commits: Arc::default() }
    }

    #[tokio::test]
    async fn a_statement_that_is_refused_is_told_apart_from_a_connection_that_is_lost() {
        let apart = apart();
        let carry = |numbers: &[i32]| {
            let (apart, numbers) = (apart.clone(), Arc::from(numbers));
            async move { Carrier::<Division>::carry(&apart, numbers, Instant::now() + LIMIT).await }
        };
        assert!(matches!(carry(&[2, 5]).await, Carried::Done(tens) if tens == [5, 2]));
        assert!(matches!(carry(&[2, 0]).await, Carried::Refused(StorageError::Driver(_))));
        assert!(matches!(carry(&[10]).await, Carried::Done(tens) if tens == [1]), "the connection goes on");
        assert_eq!(apart.commits.load(Ordering::SeqCst), 3);
        let over = Carrier::<Division>::carry(&apart, Arc::from([2]), Instant::now()).await;
        assert!(matches!(over, Carried::Lost(StorageError::Unavailable(_))), "too late");
        assert_eq!(apart.commits.load(Ordering::SeqCst), 3, "not begun");
    }

    #[tokio::test]
    async fn d4_a_connection_that_is_lost_fails_those_who_shared_it_and_nobody_after() {
        let apart = apart();
        let together = Together::<Division>::start(apart.clone(), LIMIT, Some(LIMIT));
        assert_eq!(together.ask(2).await.unwrap(), 5);
        let mut own = apart.pool.take().await.unwrap();
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut own.connection).await.unwrap();
        own.keep();
        let mut admin = apart.pool.source().options.connect().await.unwrap();
        let end = sqlx::query_scalar::<_, bool>("SELECT pg_terminate_backend($1, 10000)").bind(pid);
        assert!(end.fetch_one(&mut admin).await.unwrap());
        let lost = together.ask(2).await;
        assert!(matches!(lost, Err(StorageError::Unavailable(_))), "{lost:?}");
        assert_eq!(together.ask(5).await.unwrap(), 2);
    }
}
