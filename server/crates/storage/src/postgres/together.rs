//! What many callers ask at the same moment, as one statement.
//!
//! A statement costs PostgreSQL more than the rows it touches, and a commit more than both. Callers that ask the same
//! thing while it is busy therefore share the next statement: with one caller nothing waits, with many each statement
//! carries more of them. Each caller is answered for itself, and what one of them asked in a way that the database
//! refuses is nobody else's failure ([`one_by_one`]).

use std::{
    iter,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::PgConnection;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

use super::{Connections, Counted, PostgresTx};
use crate::{
    error::{Result, StorageError},
    pool::{InUse, Pool},
    store::too_slow,
};

/// The most that one statement carries, which bounds how long it takes.
const MOST: usize = 64;

/// The most that wait for the next: more are told that the database does not answer.
const WAITING: usize = 4096;

/// What can be asked for many callers in one statement, which is a transaction by itself.
pub(crate) trait Shared: Send + 'static {
    /// What a caller asks.
    type Asked: Send + Sync + 'static;
    /// What it is told.
    type Answer: Send + 'static;
    /// How many statements may be under way: one of two is on its way to the disk while the other is worked on.
    const AT_ONCE: usize;
    /// Whether it changes anything.
    const CHANGES: bool;
    /// Asks for `all`: an answer for each, in their order.
    fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [Self::Asked]) -> BoxFuture<'t, Result<Vec<Self::Answer>>>;
}

struct Call<S: Shared> {
    asked: S::Asked,
    reply: oneshot::Sender<Result<S::Answer>>,
}

/// Where callers of one kind meet.
pub(crate) struct Together<S: Shared> {
    calls: mpsc::Sender<Call<S>>,
    limit: Duration,
}

impl<S: Shared> std::fmt::Debug for Together<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Together")
    }
}

impl<S: Shared> Together<S> {
    /// Starts the tasks that ask; they end when this is dropped. `commits` counts statements that change something.
    pub(super) fn start(pool: &Arc<Pool<Connections>>, commits: &Arc<AtomicU64>, limit: Duration) -> Self {
        let (calls, queue) = mpsc::channel(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..S::AT_ONCE {
            tokio::spawn(work::<S>(Arc::clone(&queue), Arc::clone(pool), Arc::clone(commits), limit));
        }
        Self { calls, limit }
    }

    /// Asks, with others that ask now. What was begun comes to its end whether or not the caller still waits; what was
    /// not, by the time the caller gave up, is not begun any more.
    ///
    /// # Errors
    /// Those of the statement, [`StorageError::Unavailable`] when there was no answer in time.
    pub(crate) async fn ask(&self, asked: S::Asked) -> Result<S::Answer> {
        let (reply, answer) = oneshot::channel();
        self.calls.try_send(Call { asked, reply }).map_err(|_| too_many())?;
        match timeout(self.limit, answer).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(too_slow()),
        }
    }
}

type Queue<S> = Arc<Mutex<mpsc::Receiver<Call<S>>>>;

async fn work<S: Shared>(queue: Queue<S>, pool: Arc<Pool<Connections>>, commits: Arc<AtomicU64>, limit: Duration) {
    loop {
        match AssertUnwindSafe(round::<S>(&queue, &pool, &commits, limit)).catch_unwind().await {
            Ok(true) => {}
            Ok(false) => return,
            // Those who asked are told by their channel; whoever comes next is served.
            Err(_) => tracing::error!("a statement for many panicked"),
        }
    }
}

// One statement; false when nobody can ask any more.
async fn round<S: Shared>(
    queue: &Mutex<mpsc::Receiver<Call<S>>>,
    pool: &Pool<Connections>,
    commits: &AtomicU64,
    limit: Duration,
) -> bool {
    // Whoever holds the queue waits for its first call and for a connection: meanwhile others come.
    let mut waiting = queue.lock().await;
    let Some(first) = waiting.recv().await else { return false };
    let taken = timeout(limit, pool.take()).await.unwrap_or_else(|_| Err(too_slow()));
    let mut calls = Vec::from_iter(Some(first).filter(is_wanted));
    while calls.len() < MOST
        && let Ok(next) = waiting.try_recv()
    {
        calls.extend(Some(next).filter(is_wanted));
    }
    drop(waiting);
    match taken {
        Ok(mut own) => match carry_out(&mut own, calls, commits, Instant::now() + limit).await {
            Ok(()) => own.keep(),
            // The others are as old, and as likely to be lost.
            Err(Lost) => pool.forget(),
        },
        Err(error) => {
            pool.forget();
            refuse(calls.into_iter().map(|call| call.reply), &error);
        }
    }
    true
}

// Whether somebody still waits for it.
fn is_wanted<S: Shared>(call: &Call<S>) -> bool {
    !call.reply.is_closed()
}

/// The connection must not be used again.
struct Lost;

async fn carry_out<S: Shared>(
    own: &mut InUse<'_, Connections>,
    calls: Vec<Call<S>>,
    commits: &AtomicU64,
    until: Instant,
) -> Result<(), Lost> {
    if calls.is_empty() {
        return Ok(());
    }
    let (all, replies): (Vec<_>, Vec<_>) = calls.into_iter().map(|call| (call.asked, call.reply)).unzip();
    match attempt::<S>(&mut own.connection, &all, commits, until).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Nobody waits any more when the caller gave up.
                let _ = reply.send(Ok(answer));
            }
            Ok(())
        }
        Err(error) if !is_refusal(&error) => {
            refuse(replies.into_iter(), &error);
            Err(Lost)
        }
        Err(error) if all.len() == 1 => {
            if let Some(reply) = replies.into_iter().next() {
                let _ = reply.send(Err(error));
            }
            Ok(())
        }
        // All of it was taken back.
        Err(_) => one_by_one::<S>(own, (all, replies), commits, until).await,
    }
}

// One of them was refused: each is asked for by itself, as long as somebody waits for it.
async fn one_by_one<S: Shared>(
    own: &mut InUse<'_, Connections>,
    (all, replies): (Vec<S::Asked>, Vec<oneshot::Sender<Result<S::Answer>>>),
    commits: &AtomicU64,
    until: Instant,
) -> Result<(), Lost> {
    let mut replies = replies.into_iter();
    for asked in all.chunks(1) {
        let Some(reply) = replies.next().filter(|reply| !reply.is_closed()) else { continue };
        match attempt::<S>(&mut own.connection, asked, commits, until).await {
            Ok(answers) => {
                if let Some(answer) = answers.into_iter().next() {
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(error) if is_refusal(&error) => {
                let _ = reply.send(Err(error));
            }
            Err(error) => {
                refuse(iter::once(reply).chain(replies), &error);
                return Err(Lost);
            }
        }
    }
    Ok(())
}

// An answer for each.
async fn attempt<S: Shared>(
    connection: &mut PgConnection,
    all: &[S::Asked],
    commits: &AtomicU64,
    until: Instant,
) -> Result<Vec<S::Answer>> {
    // Counted whatever becomes of the answer.
    let _counted = S::CHANGES.then(|| Counted(commits));
    let mut tx = PostgresTx { db: connection };
    let answers = timeout_at(until, S::ask(&mut tx, all)).await.unwrap_or_else(|_| Err(too_slow()))?;
    if answers.len() == all.len() { Ok(answers) } else { Err(StorageError::Unavailable("answers are missing".into())) }
}

// Whether the database refused what was asked, by its values or the rows that are there, and took all of it back. Any
// other error may be the connection's: its plan, its server, its state.
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

fn refuse<A>(replies: impl Iterator<Item = oneshot::Sender<Result<A>>>, error: &StorageError) {
    tracing::error!(%error, "a statement for many failed");
    for reply in replies {
        let _ = reply.send(Err(StorageError::Unavailable(error.to_string())));
    }
}

fn gone() -> StorageError {
    StorageError::Unavailable("the database is closed".into())
}

fn too_many() -> StorageError {
    StorageError::Unavailable("too many wait for the database".into())
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;

    use super::{super::AS_IT_IS, *};

    // Ten over a number, and how many were divided by together: PostgreSQL refuses the zero. First of all it waits for
    // a lock that the test holds.
    enum Division {}

    impl Shared for Division {
        type Asked = (i64, i32);
        type Answer = (usize, i32);
        const AT_ONCE: usize = 1;
        const CHANGES: bool = true;

        fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [(i64, i32)]) -> BoxFuture<'t, Result<Vec<(usize, i32)>>> {
            let ask = async move {
                let (locks, numbers): (Vec<i64>, Vec<i32>) = all.iter().copied().unzip();
                let rows = sqlx::query_as::<_, (String, i32)>(
                    "SELECT pg_advisory_xact_lock_shared(l)::text, 10 / n FROM unnest($1, $2) AS a (l, n)",
                );
                let rows = rows.bind(locks).bind(numbers).fetch_all(&mut *tx.db).await?;
                Ok(rows.into_iter().map(|(_, ten)| (all.len(), ten)).collect())
            };
            ask.boxed()
        }
    }

    const LIMIT: Duration = Duration::from_secs(30);

    fn source() -> Connections {
        let options = std::env::var("LANYARD_TEST_POSTGRES_URL").unwrap().parse().unwrap();
        Connections { options, limit: LIMIT, settings: AS_IT_IS }
    }

    struct World {
        together: Arc<Together<Division>>,
        commits: Arc<AtomicU64>,
        admin: PgConnection,
        lock: i64,
    }

    impl World {
        async fn new() -> Self {
            let commits = Arc::<AtomicU64>::default();
            let together = Arc::new(Together::start(&Arc::new(Pool::new(source(), 1)), &commits, LIMIT));
            let mut admin = source().options.connect().await.unwrap();
            // Its own process's number: no other test has it.
            let lock: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut admin).await.unwrap();
            let lock = i64::from(lock);
            sqlx::query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut admin).await.unwrap();
            Self { together, commits, admin, lock }
        }

        fn ask(&self, number: i32) -> tokio::task::JoinHandle<Result<(usize, i32)>> {
            let (together, lock) = (Arc::clone(&self.together), self.lock);
            tokio::spawn(async move { together.ask((lock, number)).await })
        }

        // One that is under way, and waits.
        async fn first(&mut self) -> tokio::task::JoinHandle<Result<(usize, i32)>> {
            let first = self.ask(1);
            while self.waiting().await.is_none() {
                assert!(!first.is_finished());
            }
            first
        }

        // The process that waits for the lock.
        async fn waiting(&mut self) -> Option<i32> {
            let sql =
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1::bigint::oid";
            sqlx::query_scalar(sql).bind(self.lock).fetch_optional(&mut self.admin).await.unwrap()
        }

        // Those that ask now, in this order, while the first is under way.
        fn others<const N: usize>(&self, numbers: [i32; N]) -> [oneshot::Receiver<Result<(usize, i32)>>; N] {
            numbers.map(|number| {
                let (reply, answer) = oneshot::channel();
                assert!(self.together.calls.try_send(Call { asked: (self.lock, number), reply }).is_ok());
                answer
            })
        }

        async fn release(&mut self) {
            sqlx::query("SELECT pg_advisory_unlock($1)").bind(self.lock).execute(&mut self.admin).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn those_who_ask_while_a_statement_is_under_way_share_the_next() {
        let mut world = World::new().await;
        let first = world.first().await;
        let others = world.others([1, 2, 5, 10, 2]);
        world.release().await;
        assert_eq!(first.await.unwrap().unwrap(), (1, 10));
        let mut answers = Vec::new();
        for other in others {
            answers.push(other.await.unwrap().unwrap());
        }
        assert_eq!(answers, [(5, 10), (5, 5), (5, 2), (5, 1), (5, 5)], "each its own");
        assert_eq!(world.commits.load(std::sync::atomic::Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_one_asked_wrongly_is_nobody_elses_failure() {
        let mut world = World::new().await;
        let first = world.first().await;
        let others = world.others([5, 0, 2]);
        world.release().await;
        assert_eq!(first.await.unwrap().unwrap(), (1, 10));
        let mut answers = Vec::new();
        for other in others {
            answers.push(other.await.unwrap());
        }
        assert!(
            matches!(&answers[..], [Ok((1, 2)), Err(StorageError::Driver(_)), Ok((1, 5))]),
            "each by itself: {answers:?}"
        );
        assert_eq!(world.ask(10).await.unwrap().unwrap(), (1, 1), "the connection goes on");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_gave_up_before_it_was_begun_is_left_out() {
        let mut world = World::new().await;
        let first = world.first().await;
        let [given_up, other] = world.others([0, 2]);
        drop(given_up);
        world.release().await;
        assert_eq!(first.await.unwrap().unwrap(), (1, 10));
        assert_eq!(other.await.unwrap().unwrap(), (1, 5));
    }

    // A call that nobody waits for any more would be carried out long after its caller was told that it was not.
    #[tokio::test(flavor = "multi_thread")]
    async fn who_gave_up_is_left_out_of_what_is_asked_one_by_one_as_well() {
        let mut world = World::new().await;
        let (all, replies): (Vec<_>, Vec<_>) =
            [0, 1, 2].map(|n| ((world.lock, n), oneshot::channel())).into_iter().unzip();
        let (replies, answers): (Vec<_>, Vec<_>) = replies.into_iter().unzip();
        world.release().await;
        let pool = Pool::new(source(), 1);
        let mut own = pool.take().await.unwrap();
        let mut answers = answers.into_iter();
        let refused = answers.next().unwrap();
        drop(answers.next());
        let until = Instant::now() + LIMIT;
        assert!(one_by_one::<Division>(&mut own, (all, replies), &world.commits, until).await.is_ok());
        assert!(matches!(refused.await.unwrap(), Err(StorageError::Driver(_))));
        assert_eq!(answers.next().unwrap().await.unwrap().unwrap(), (1, 5));
        assert_eq!(world.commits.load(std::sync::atomic::Ordering::SeqCst), 2, "the second was not asked");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d4_a_connection_that_is_lost_fails_those_who_shared_it_and_nobody_after() {
        let mut world = World::new().await;
        let first = world.first().await;
        let pid = world.waiting().await.unwrap();
        sqlx::query("SELECT pg_terminate_backend($1, 10000)").bind(pid).execute(&mut world.admin).await.unwrap();
        let lost = first.await.unwrap();
        assert!(matches!(lost, Err(StorageError::Unavailable(_))), "{lost:?}");
        world.release().await;
        assert_eq!(world.ask(2).await.unwrap().unwrap(), (1, 5));
    }
}
