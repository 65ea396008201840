//! What many callers ask at the same moment, carried out together.
//!
//! A statement costs more than the rows it touches, and a commit more than both. Callers that ask the same thing while it
//! is under way therefore share the next: with one caller nothing waits, with many each statement carries more of them.
//! Each caller is answered for itself, and what one of them asked in a way that the database refuses is nobody else's
//! failure ([`one_by_one`]).

use std::{iter, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{
    error::{Result, StorageError},
    store::too_slow,
};

/// The most that are carried together, which bounds how long it takes.
const MOST: usize = 64;

/// The most that wait for the next: more are told that the database does not answer.
const WAITING: usize = 4096;

/// What can be asked for many callers at once.
pub(crate) trait Shared: Send + 'static {
    /// What a caller asks.
    type Asked: Clone + Send + Sync + 'static;
    /// What it is told.
    type Answer: Send + 'static;
    /// How many may be under way: one of two is on its way to the disk while the other is worked on.
    const AT_ONCE: usize;
}

/// A database that carries out what was asked.
pub(crate) trait Carrier<S: Shared>: Send + Sync + 'static {
    /// Carries out `all` or nothing; begins nothing after `until`.
    fn carry(&self, all: Arc<[S::Asked]>, until: Instant) -> BoxFuture<'_, Carried<S::Answer>>;
}

/// What came of it.
pub(crate) enum Carried<A> {
    /// An answer for each, in their order.
    Done(Vec<A>),
    /// The database refused what was asked, by its values or the rows that are there, and took all of it back.
    Refused(StorageError),
    /// It cannot be known, or cannot be done just now.
    Lost(StorageError),
}

struct Call<S: Shared> {
    asked: S::Asked,
    reply: Reply<S>,
}

type Reply<S> = oneshot::Sender<Result<<S as Shared>::Answer>>;

/// Where callers of one kind meet.
pub(crate) struct Together<S: Shared> {
    calls: mpsc::Sender<Call<S>>,
    patience: Option<Duration>,
}

impl<S: Shared> std::fmt::Debug for Together<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Together")
    }
}

impl<S: Shared> Together<S> {
    /// Starts the tasks that ask `carrier`, which has `limit` for each time; they end when this is dropped. A caller waits
    /// for its answer as long as `patience`, or until it comes.
    pub(crate) fn start(carrier: impl Carrier<S>, limit: Duration, patience: Option<Duration>) -> Self {
        let (calls, queue) = mpsc::channel(WAITING);
        let (queue, carrier) = (Arc::new(Mutex::new(queue)), Arc::new(carrier));
        for _ in 0..S::AT_ONCE {
            tokio::spawn(work::<S, _>(Arc::clone(&queue), Arc::clone(&carrier), limit));
        }
        Self { calls, patience }
    }

    /// Asks, with others that ask now. What was taken up comes to its end whether or not the caller still waits; what was
    /// not, by the time the caller gave up, is not taken up any more.
    ///
    /// # Errors
    /// Those of the database, [`StorageError::Unavailable`] when there was no answer in time.
    pub(crate) async fn ask(&self, asked: S::Asked) -> Result<S::Answer> {
        let (reply, answer) = oneshot::channel();
        self.calls.try_send(Call { asked, reply }).map_err(|_| too_many())?;
        let answered = match self.patience {
            Some(patience) => timeout(patience, answer).await.map_err(|_| too_slow())?,
            None => answer.await,
        };
        answered.unwrap_or_else(|_| Err(gone()))
    }
}

type Queue<S> = Mutex<mpsc::Receiver<Call<S>>>;

async fn work<S: Shared, C: Carrier<S>>(queue: Arc<Queue<S>>, carrier: Arc<C>, limit: Duration) {
    loop {
        match AssertUnwindSafe(round::<S>(&queue, &*carrier, limit)).catch_unwind().await {
            Ok(true) => {}
            Ok(false) => return,
            // Those who asked are told by their channel; whoever comes next is served.
            Err(_) => tracing::error!("what many asked panicked"),
        }
    }
}

// Once; false when nobody can ask any more.
async fn round<S: Shared>(queue: &Queue<S>, carrier: &dyn Carrier<S>, limit: Duration) -> bool {
    let calls = {
        let mut waiting = queue.lock().await;
        let Some(first) = waiting.recv().await else { return false };
        let mut calls = Vec::from_iter(Some(first).filter(is_wanted));
        while calls.len() < MOST
            && let Ok(next) = waiting.try_recv()
        {
            calls.extend(Some(next).filter(is_wanted));
        }
        calls
    };
    if !calls.is_empty() {
        carry_out(carrier, calls, Instant::now() + limit).await;
    }
    true
}

// Whether somebody still waits for it.
fn is_wanted<S: Shared>(call: &Call<S>) -> bool {
    !call.reply.is_closed()
}

async fn carry_out<S: Shared>(carrier: &dyn Carrier<S>, calls: Vec<Call<S>>, until: Instant) {
    let (all, mut replies): (Vec<_>, Vec<_>) = calls.into_iter().map(|call| (call.asked, call.reply)).unzip();
    let all = Arc::from(all);
    match carrier.carry(Arc::clone(&all), until).await {
        Carried::Done(answers) if answers.len() == all.len() => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Nobody waits any more when the caller gave up.
                let _ = reply.send(Ok(answer));
            }
        }
        Carried::Done(_) => refuse(replies, &StorageError::Unavailable("answers are missing".into())),
        Carried::Lost(error) => refuse(replies, &error),
        Carried::Refused(error) if all.len() == 1 => {
            let _ = replies.pop().map(|reply| reply.send(Err(error)));
        }
        Carried::Refused(_) => one_by_one(carrier, (&all, replies), until).await,
    }
}

// One of them was refused: each is asked for by itself, as long as somebody waits for it.
async fn one_by_one<S: Shared>(carrier: &dyn Carrier<S>, (all, replies): (&[S::Asked], Vec<Reply<S>>), until: Instant) {
    let mut replies = replies.into_iter();
    for asked in all {
        let Some(reply) = replies.next().filter(|reply| !reply.is_closed()) else { continue };
        let answer = match carrier.carry(Arc::from([asked.clone()]), until).await {
            Carried::Done(answers) => answers.into_iter().next().ok_or_else(gone),
            Carried::Refused(error) => Err(error),
            Carried::Lost(error) => return refuse(iter::once(reply).chain(replies), &error),
        };
        let _ = reply.send(answer);
    }
}

fn refuse<A>(replies: impl IntoIterator<Item = oneshot::Sender<Result<A>>>, error: &StorageError) {
    tracing::error!(%error, "what many asked failed");
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    // Ten over a number, and how many were divided together.
    enum Division {}

    impl Shared for Division {
        type Asked = i32;
        type Answer = (usize, i32);
        const AT_ONCE: usize = 1;
    }

    // Refuses a zero, is lost with a minus, panics with a hundred; goes on only as often as it is let.
    #[derive(Clone, Default)]
    struct Divider {
        begun: Arc<AtomicUsize>,
        let_go: Arc<Option<Semaphore>>,
    }

    impl Carrier<Division> for Divider {
        fn carry(&self, all: Arc<[i32]>, _: Instant) -> BoxFuture<'_, Carried<(usize, i32)>> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let carry = async move {
                if let Some(places) = &*self.let_go {
                    places.acquire().await.unwrap().forget();
                }
                assert!(!all.contains(&100), "a hundred");
                if all.contains(&0) {
                    return Carried::Refused(StorageError::Inconsistent("a zero"));
                }
                if all.iter().any(|number| *number < 0) {
                    return Carried::Lost(StorageError::Unavailable("a minus".into()));
                }
                Carried::Done(all.iter().map(|number| (all.len(), 10 / number)).collect())
            };
            carry.boxed()
        }
    }

    // One is under way, and the others ask meanwhile, in this order.
    async fn meanwhile<const N: usize>(
        divider: &Divider,
        together: &Together<Division>,
        numbers: [i32; N],
    ) -> (oneshot::Receiver<Result<(usize, i32)>>, [oneshot::Receiver<Result<(usize, i32)>>; N]) {
        let ask = |number| {
            let (reply, answer) = oneshot::channel();
            assert!(together.calls.try_send(Call { asked: number, reply }).is_ok());
            answer
        };
        let first = ask(1);
        while divider.begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        (first, numbers.map(ask))
    }

    fn held() -> (Divider, Together<Division>) {
        let divider = Divider { let_go: Arc::new(Some(Semaphore::new(0))), ..Divider::default() };
        (divider.clone(), Together::start(divider, LIMIT, None))
    }

    fn release(divider: &Divider) {
        divider.let_go.as_ref().as_ref().unwrap().add_permits(100);
    }

    #[tokio::test]
    async fn those_who_ask_while_one_is_under_way_share_the_next() {
        let (divider, together) = held();
        let (first, others) = meanwhile(&divider, &together, [1, 2, 5, 10, 2]).await;
        release(&divider);
        assert_eq!(first.await.unwrap().unwrap(), (1, 10), "alone: nobody waits for company");
        let answers = futures::future::join_all(others).await.into_iter().map(|answer| answer.unwrap().unwrap());
        assert_eq!(Vec::from_iter(answers), [(5, 10), (5, 5), (5, 2), (5, 1), (5, 5)], "each its own");
    }

    #[tokio::test]
    async fn what_one_asked_wrongly_is_nobody_elses_failure() {
        let (divider, together) = held();
        let (_, [five, zero, two]) = meanwhile(&divider, &together, [5, 0, 2]).await;
        release(&divider);
        assert_eq!(five.await.unwrap().unwrap(), (1, 2), "by itself");
        assert!(matches!(zero.await.unwrap(), Err(StorageError::Inconsistent("a zero"))));
        assert_eq!(two.await.unwrap().unwrap(), (1, 5));
        assert!(matches!(together.ask(0).await, Err(StorageError::Inconsistent("a zero"))), "alone it is told at once");
        assert_eq!(divider.begun.load(Ordering::SeqCst), 1 + 1 + 3 + 1);
    }

    // It would be carried out long after its caller was told that it was not.
    #[tokio::test]
    async fn who_gave_up_is_left_out_together_and_one_by_one() {
        let (divider, together) = held();
        let (first, [zero, two]) = meanwhile(&divider, &together, [0, 2]).await;
        drop(zero);
        release(&divider);
        assert_eq!(first.await.unwrap().unwrap(), (1, 10));
        assert_eq!(two.await.unwrap().unwrap(), (1, 5));
        assert_eq!(divider.begun.load(Ordering::SeqCst), 2, "nobody asked for the zero");

        let (replies, mut answers): (Vec<_>, Vec<_>) = [0, 1, 2].map(|_| oneshot::channel()).into_iter().unzip();
        drop(answers.remove(1));
        one_by_one::<Division>(&divider, (&[0, 1, 2], replies), Instant::now() + LIMIT).await;
        assert!(matches!(answers.remove(0).await.unwrap(), Err(StorageError::Inconsistent("a zero"))));
        assert_eq!(answers.remove(0).await.unwrap().unwrap(), (1, 5));
        assert_eq!(divider.begun.load(Ordering::SeqCst), 4, "nor for the one");
    }

    #[tokio::test]
    async fn d4_when_the_database_is_lost_all_who_shared_it_are_told_and_the_next_are_served() {
        let (divider, together) = held();
        let (_, [one, minus, zero]) = meanwhile(&divider, &together, [1, -1, 3]).await;
        release(&divider);
        for answer in [one, minus, zero] {
            assert!(matches!(answer.await.unwrap(), Err(StorageError::Unavailable(_))));
        }
        assert_eq!(together.ask(2).await.unwrap(), (1, 5));
        let panicked = together.ask(100).await;
        assert!(matches!(panicked, Err(StorageError::Unavailable(_))), "{panicked:?}");
        assert_eq!(together.ask(5).await.unwrap(), (1, 2));
    }

    #[tokio::test]
    async fn d4_no_more_wait_than_can() {
        let (divider, together) = held();
        let (_first, _others) = meanwhile(&divider, &together, [2; WAITING]).await;
        assert!(matches!(together.ask(2).await, Err(StorageError::Unavailable(_))), "at once");
    }
}
