//! The one writer of SQLite: group commit.
//!
//! It takes a waiting job, begins a transaction, and runs that job and every other that waits,
//! each in a savepoint; then one COMMIT for all, and only then the replies. A job that fails
//! takes back its own savepoint and nobody else's. What stands before a job travels with the job's first
//! statement ([`Opening`]): a message of its own to SQLite's thread would cost more than what it says. When the transaction itself is lost (disk
//! full, I/O error), every job of the batch is told so and the connection is made anew.

use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};

use super::{
    SqliteTx,
    line::{Line, Opening},
};
use crate::{
    error::{Result, StorageError},
    repository::WriteTx,
    store::too_slow,
};

/// Jobs that share one commit at most: bounds how long the first of them waits.
const BATCH: usize = 128;
/// Jobs that may wait; who comes later waits to be let in.
const QUEUE: usize = 1024;

/// What a job left behind.
pub(super) struct Ran {
    /// Whether its changes are to be kept.
    pub(super) keep: bool,
    /// Tells the caller, once it is known whether the commit succeeded.
    pub(super) reply: Box<dyn FnOnce(Result<()>) + Send>,
}

pub(super) type Job = Box<dyn for<'t> FnOnce(&'t mut dyn WriteTx) -> BoxFuture<'t, Ran> + Send>;

enum Message {
    Job(Job),
    Close(oneshot::Sender<()>),
}

#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<Message>);

pub(super) fn gone() -> StorageError {
    StorageError::Unavailable("the database is closed, or a commit failed".into())
}

impl Writer {
    pub(super) fn start(options: SqliteConnectOptions, limit: Duration) -> Self {
        let (send, receive) = mpsc::channel(QUEUE);
        tokio::spawn(work(receive, options, limit));
        Self(send)
    }

    pub(super) async fn run(&self, job: Job) -> Result<()> {
        self.0.send(Message::Job(job)).await.map_err(|_| gone())
    }

    pub(super) async fn close(&self) {
        let (send, receive) = oneshot::channel();
        if self.0.send(Message::Close(send)).await.is_ok() {
            // An error means that the writer is gone: closed all the same.
            let _ = receive.await;
        }
    }
}

async fn work(mut queue: mpsc::Receiver<Message>, options: SqliteConnectOptions, limit: Duration) {
    let mut connection: Option<Line> = None;
    let mut closing = None;
    // A batch may have taken the order to close: then nothing more is waited for.
    while closing.is_none()
        && let Some(message) = queue.recv().await
    {
        let first = match message {
            Message::Job(job) => job,
            Message::Close(reply) => {
                closing = Some(reply);
                break;
            }
        };
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => options.connect().await.map(Line::new).map_err(StorageError::from),
        };
        let mut replies = Vec::new();
        let done = match open {
            Ok(mut open) => {
                let done = batch(&mut open, first, &mut queue, &mut replies, &mut closing, limit).await;
                match &done {
                    Ok(()) => connection = Some(open),
                    // Dropping it takes back whatever is still open.
                    Err(_) => drop(open.close_hard().await),
                }
                done
            }
            // The job is dropped with its reply: the caller reads `gone`.
            Err(error) => Err(error),
        };
        if let Err(error) = &done {
            tracing::error!(%error, jobs = replies.len(), "a batch of writes was rolled back");
        }
        for reply in replies {
            reply(match &done {
                Ok(()) => Ok(()),
                Err(error) => Err(StorageError::Unavailable(error.to_string())),
            });
        }
    }
    queue.close();
    if let Some(mut open) = connection {
        // Best effort: the WAL is replayed at the next start otherwise.
        let _ = open.run("PRAGMA optimize").await;
        let _ = open.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = open.close().await;
    }
    if let Some(reply) = closing {
        let _ = reply.send(());
    }
}

type Replies = Vec<Box<dyn FnOnce(Result<()>) + Send>>;

// One transaction. `Err` means that nothing of it was kept.
async fn batch(
    line: &mut Line,
    first: Job,
    queue: &mut mpsc::Receiver<Message>,
    replies: &mut Replies,
    closing: &mut Option<oneshot::Sender<()>>,
    limit: Duration,
) -> Result<()> {
    line.open(Opening::Begin);
    let mut next = Some(first);
    while let Some(job) = next.take() {
        one(line, job, replies, limit).await?;
        if replies.len() < BATCH {
            next = match queue.try_recv() {
                Ok(Message::Job(job)) => Some(job),
                Ok(Message::Close(reply)) => {
                    *closing = Some(reply);
                    None
                }
                Err(_) => None,
            };
        }
        if next.is_some() {
            line.open(Opening::Next);
        }
    }
    line.run("RELEASE job; COMMIT").await
}

// Runs within a savepoint. After an error that made SQLite roll the whole transaction back, the
// savepoint is gone: then RELEASE or ROLLBACK TO fails, and with it the batch.
async fn one(line: &mut Line, job: Job, replies: &mut Replies, limit: Duration) -> Result<()> {
    let ran = tokio::time::timeout(limit, job(&mut SqliteTx { db: &mut *line })).await;
    line.forget();
    let keep = match ran {
        Ok(ran) => {
            replies.push(ran.reply);
            ran.keep
        }
        Err(_) => {
            tracing::error!(error = %too_slow(), "a write job was given up");
            false
        }
    };
    if !keep {
        line.run("ROLLBACK TO job").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The order to close waits in the queue while a batch runs: the batch takes it.
    #[tokio::test]
    async fn d1_closing_ends_the_writer_when_a_batch_is_under_way() {
        let options = SqliteConnectOptions::new().in_memory(true);
        let writer = Writer::start(options, Duration::from_secs(30));
        let (started, has_started) = oneshot::channel();
        let (release, held) = oneshot::channel::<()>();
        let job: Job = Box::new(move |_| {
            Box::pin(async move {
                started.send(()).unwrap();
                held.await.unwrap();
                Ran { keep: true, reply: Box::new(|committed| committed.unwrap()) }
            })
        });
        writer.run(job).await.unwrap();
        has_started.await.unwrap();
        let (reply, closed) = oneshot::channel();
        writer.0.send(Message::Close(reply)).await.unwrap();
        release.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap().unwrap();
    }
}
