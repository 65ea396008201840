//! A bounded queue in front of the password hashes (D10).
//!
//! A hash takes 19 MiB and tens of milliseconds of a core. A few threads of its own do this work,
//! first come, first served; when too many wait, the next caller is told [`Busy`] at once instead
//! of making everybody slow. Work whose caller went away is skipped. So memory is bounded by
//! threads × 19 MiB and waiting by places × one hash.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use lanyard_domain::{
    account::Account,
    entropy::{self, Entropy},
    id::Id,
    password::{Password, PasswordCheck, StoredPassword, check},
};
use tokio::sync::oneshot;

use crate::password::Argon2Passwords;

/// The queue is full (or closed). The server answers 503 with `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Checks and hashes passwords on its own threads. Dropping it ends them.
pub struct PasswordQueue {
    passwords: Arc<Argon2Passwords>,
    work: WorkQueue,
    salts: Mutex<Box<dyn Entropy>>,
}

impl PasswordQueue {
    /// A queue with `workers` threads (usually [`cores`]) and places for `max_waiting` more
    /// callers than there are threads. `salts` gives the salt of each new hash.
    ///
    /// # Errors
    /// The system's error when it gives no thread.
    pub fn new(
        passwords: Argon2Passwords,
        workers: NonZeroUsize,
        max_waiting: usize,
        salts: Box<dyn Entropy>,
    ) -> std::io::Result<Self> {
        let work = WorkQueue::start(workers, max_waiting)?;
        Ok(Self { passwords: Arc::new(passwords), work, salts: Mutex::new(salts) })
    }

    /// Checks `typed` against what is stored: one hash, whether or not there is an account (A6).
    ///
    /// # Errors
    /// [`Busy`], at once.
    pub async fn check(
        &self,
        typed: Password,
        stored: Option<(Id<Account>, StoredPassword)>,
    ) -> Result<PasswordCheck, Busy> {
        let passwords = Arc::clone(&self.passwords);
        let work = move || check(&*passwords, &typed, stored.as_ref().map(|(account, password)| (*account, password)));
        self.work.run(work).await
    }

    /// The PHC string of `password`, to be stored.
    ///
    /// # Errors
    /// [`Busy`], at once; also when there is no memory for a hash.
    pub async fn hash(&self, password: Password) -> Result<String, Busy> {
        let salt = entropy::bytes(&mut **self.salts.lock().unwrap_or_else(PoisonError::into_inner));
        let passwords = Arc::clone(&self.passwords);
        let hash = self.work.run(move || passwords.hash_with_salt(&password, &salt)).await?;
        hash.map_err(|_| Busy)
    }

    /// Whether a stored hash should be made anew; see [`Argon2Passwords::needs_rehash`].
    #[must_use]
    pub fn needs_rehash(&self, phc: &str) -> bool {
        self.passwords.needs_rehash(phc)
    }

    /// How many hashes were computed since the start.
    #[must_use]
    pub fn hashes_done(&self) -> u64 {
        self.passwords.hashes_done()
    }

    /// How many callers are being served or wait.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let state = self.work.shared.state();
        state.running + state.waiting.len()
    }
}

impl std::fmt::Debug for PasswordQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordQueue({} in flight)", self.in_flight())
    }
}

/// How many hashes this machine can compute at the same time.
#[must_use]
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

// Work of any kind; the tests use it with work that waits for them.
struct WorkQueue {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    // Threads and places together.
    most: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Job>>,
    running: usize,
    closed: bool,
}

trait Job: Send {
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>);
}

struct Task<F, T> {
    work: F,
    answer: oneshot::Sender<T>,
}

impl<T: Send, F: FnOnce() -> T + Send> Job for Task<F, T> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) {
        // The caller may leave meanwhile: then nobody wants the answer.
        let _ = self.answer.send((self.work)());
    }
}

impl WorkQueue {
    fn start(workers: NonZeroUsize, max_waiting: usize) -> std::io::Result<Self> {
        let most = workers.get().saturating_add(max_waiting);
        let shared = Arc::new(Shared { state: Mutex::default(), wake: Condvar::new(), most });
        // Made first: if a thread cannot be had, dropping it ends those that were.
        let queue = Self { shared: Arc::clone(&shared) };
        for number in 0..workers.get() {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("password-{number}")).spawn(move || shared.serve())?;
        }
        Ok(queue)
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Busy> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.shared.state();
        if state.running + state.waiting.len() >= self.shared.most {
            state.waiting.retain(|job| !job.is_abandoned());
        }
        if state.running + state.waiting.len() >= self.shared.most {
            return Err(Busy);
        }
        state.waiting.push_back(Box::new(Task { work, answer }));
        drop(state);
        self.shared.wake.notify_one();
        Ok(receiver)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        // No answer means that the work failed or the queue was closed: never taken for a success.
        self.submit(work)?.await.map_err(|_| Busy)
    }
}

impl Drop for WorkQueue {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.waiting.clear();
        drop(state);
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The life of one thread.
    fn serve(&self) {
        while let Some(job) = self.next() {
            // A panic costs its own caller the answer, and nobody the thread.
            let _ = catch_unwind(AssertUnwindSafe(|| job.run()));
            self.state().running -= 1;
        }
    }

    fn next(&self) -> Option<Box<dyn Job>> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            match state.waiting.pop_front() {
                Some(job) if job.is_abandoned() => {}
                Some(job) => {
                    state.running += 1;
                    return Some(job);
                }
                None => state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use lanyard_domain::entropy::SeededEntropy;

    use super::*;
    use crate::password::MEMORY_KIB;

    fn some(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    fn passwords(workers: usize, max_waiting: usize) -> PasswordQueue {
        let argon2 = Argon2Passwords::new(None, &mut SeededEntropy::new(1));
        PasswordQueue::new(argon2, some(workers), max_waiting, Box::new(SeededEntropy::new(2))).unwrap()
    }

    // A queue of one thread that is held up until something is sent.
    fn held_up(max_waiting: usize) -> (WorkQueue, mpsc::Sender<()>, oneshot::Receiver<()>) {
        let queue = WorkQueue::start(some(1), max_waiting).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel();
        let first = queue.submit(move || {
            started.send(()).unwrap();
            held.recv().unwrap();
        });
        has_started.recv().unwrap();
        (queue, release, first.unwrap())
    }

    #[test]
    fn d10_excess_is_refused_at_once_and_the_rest_is_served_in_order() {
        let (queue, release, first) = held_up(2);
        let (sender, order) = mpsc::channel();
        let waiting: Vec<_> = (0..2)
            .map(|n| {
                let sender = sender.clone();
                queue.submit(move || sender.send(n).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(queue.submit(|| ()).err(), Some(Busy));
        release.send(()).unwrap();
        first.blocking_recv().unwrap();
        waiting.into_iter().for_each(|answer| answer.blocking_recv().unwrap());
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn d10_work_of_callers_who_left_is_skipped_and_frees_its_place() {
        let (queue, release, _first) = held_up(1);
        let (sender, ran) = mpsc::channel();
        let left = queue.submit(move || sender.send(()).unwrap()).unwrap();
        assert_eq!(queue.submit(|| ()).err(), Some(Busy));
        drop(left);
        let stayed = queue.submit(|| 7).unwrap();
        release.send(()).unwrap();
        assert_eq!(stayed.blocking_recv(), Ok(7));
        assert!(ran.try_recv().is_err(), "nobody waited for it");
    }

    #[test]
    fn d10_work_is_skipped_when_its_caller_leaves_while_it_waits() {
        let (queue, release, _first) = held_up(9);
        let (sender, ran) = mpsc::channel();
        drop(queue.submit(move || sender.send(()).unwrap()).unwrap());
        let last = queue.submit(|| 7).unwrap();
        release.send(()).unwrap();
        assert_eq!(last.blocking_recv(), Ok(7));
        assert!(ran.try_recv().is_err(), "nobody waited for it");
    }

    #[test]
    fn d10_a_panic_costs_no_thread() {
        let queue = WorkQueue::start(some(1), 4).unwrap();
        let broken = queue.submit(|| -> u8 { panic!("on purpose, in a test") }).unwrap();
        assert!(broken.blocking_recv().is_err());
        assert_eq!(queue.submit(|| 7).unwrap().blocking_recv(), Ok(7));
    }

    #[test]
    fn d10_a_closed_queue_answers_nobody() {
        let (queue, release, first) = held_up(1);
        let waiting = queue.submit(|| 7).unwrap();
        drop(queue);
        assert!(waiting.blocking_recv().is_err());
        release.send(()).unwrap();
        assert_eq!(first.blocking_recv(), Ok(()));
    }

    #[tokio::test]
    async fn d10_memory_is_bounded_by_the_threads() {
        let queue = passwords(2, 100);
        let hashes = (0..6).map(|n| queue.hash(Password::new(&format!("password number {n}")).unwrap()));
        let mut answers = Vec::new();
        for hash in hashes.map(Box::pin).collect::<Vec<_>>() {
            answers.push(hash.await.unwrap());
        }
        assert_eq!(queue.hashes_done(), 6);
        let (a, b, c) = tokio::join!(
            queue.hash(Password::new("one").unwrap()),
            queue.hash(Password::new("two").unwrap()),
            queue.hash(Password::new("three").unwrap())
        );
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(queue.hashes_done(), 9);
        let bytes = queue.passwords.idle_memory_bytes();
        assert!(bytes > 0 && bytes <= 2 * MEMORY_KIB as usize * 1024, "{bytes}");
        answers.sort();
        answers.dedup();
        assert_eq!(answers.len(), 6);
    }

    #[tokio::test]
    async fn a6_an_unknown_account_costs_exactly_one_hash() {
        let queue = passwords(1, 4);
        let right = || Password::new("seventeen tame otters").unwrap();
        let phc = queue.hash(right()).await.unwrap();
        assert!(!queue.needs_rehash(&phc));
        let account = Id::from_uuid(uuid::Uuid::from_u128(1));
        let stored = || Some((account, StoredPassword { phc: phc.clone(), version: 3 }));

        let before = queue.hashes_done();
        let unknown = queue.check(right(), None).await.unwrap();
        assert_eq!(queue.hashes_done() - before, 1);
        let wrong = queue.check(Password::new("another password").unwrap(), stored()).await.unwrap();
        assert_eq!(queue.hashes_done() - before, 2);
        let found = queue.check(right(), stored()).await.unwrap();
        assert_eq!(queue.hashes_done() - before, 3);
        assert_eq!(unknown, wrong, "both say the same: no");
        assert_ne!(found, unknown);
    }
}
