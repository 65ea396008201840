//! SQLite: a pool of readers and one writer.
//!
//! WAL, `synchronous=FULL`: what a commit acknowledged survives a crash (D1, D2). Readers cannot
//! write (`query_only`), each reads one snapshot.

pub(crate) mod dialect;
pub(crate) mod line;
mod writer;

use std::{
    panic::AssertUnwindSafe,
    path::Path,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    migrate::{Migrate as _, MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::time::Instant;

use crate::{
    error::{OpenError, Result, StorageError},
    pool::{Pool, Source},
    repository::{Exchange, Exchanges, Gathering, ReadTx, WriteTx},
    store::{Schema, StoreOptions, compare, too_slow},
    together::{Carried, Carrier, Together},
};

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The file that `url` names, if it is one of SQLite that can be read.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<std::path::PathBuf> {
    let options = SqliteConnectOptions::from_str(url).ok().filter(|_| url.starts_with("sqlite:"))?;
    Some(options.get_filename().to_path_buf())
}

/// How long a writer of another process (a backup, the command line) is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages that a connection keeps, in KiB and negative, as SQLite wants it: indexes stay at hand, and what is not
/// read takes no memory.
const CACHE: &str = "-16384";

/// Pages of the WAL (16 MiB) at which a commit moves them to the database. A page that changes with every sign-in
/// is moved once for all of them; what a crash leaves is read at the next start in some milliseconds.
const CHECKPOINT: &str = "4096";

/// A transaction, or a snapshot for reading.
pub(crate) struct SqliteTx<'c> {
    pub(crate) db: &'c mut line::Line,
}

impl SqliteTx<'_> {
    /// A change that may be held back with others; made at once unless changes are gathered.
    pub(crate) fn later(&mut self, sql: &'static str) -> line::Later<'_> {
        line::Later::new(self.db, sql)
    }
}

#[async_trait::async_trait]
impl Gathering for SqliteTx<'_> {
    fn gather(&mut self) {
        self.db.gather();
    }

    async fn scatter(&mut self) -> Result<()> {
        self.db.scatter().await.map(drop)
    }
}

/// The readers' connections.
struct Readers(SqliteConnectOptions);

impl Source for Readers {
    type Connection = line::Line;

    fn open(&self) -> BoxFuture<'_, Result<line::Line, sqlx::Error>> {
        async { Ok(line::Line::new(self.0.connect().await?)) }.boxed()
    }

    fn close(connection: line::Line) -> BoxFuture<'static, Result<(), sqlx::Error>> {
        connection.close().boxed()
    }

    fn is_well<'c>(_: &'c mut line::Line, _: Duration) -> BoxFuture<'c, bool> {
        std::future::ready(true).boxed()
    }
}

#[derive(Debug)]
pub(crate) struct Sqlite {
    readers: Pool<Readers>,
    writer: writer::Writer,
    pub(crate) exchanges: Together<Exchanges>,
    options: SqliteConnectOptions,
    limit: Duration,
    commits: Arc<AtomicU64>,
}

impl Sqlite {
    pub(crate) async fn connect(options: &StoreOptions, commits: Arc<AtomicU64>) -> Result<Self, OpenError> {
        let connect = SqliteConnectOptions::from_str(&options.url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("temp_store", "MEMORY")
            .pragma("journal_size_limit", "67108864")
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT)
            .statement_cache_capacity(256);
        create_private(connect.get_filename())?;
        let mut first = connect.connect().await?;
        let known = schema_of(&mut first).await;
        first.close().await?;
        known?;
        let readers = Pool::new(Readers(connect.clone().pragma("query_only", "ON")), options.max_connections);
        let limit = options.job_limit;
        let writer = writer::Writer::start(connect.clone(), limit);
        let carrier = OneJob { writer: writer.clone(), commits: Arc::clone(&commits) };
        let exchanges = Together::start(carrier, limit, None);
        Ok(Self { readers, writer, exchanges, options: connect, limit, commits })
    }

    pub(crate) async fn schema(&self) -> Result<Schema, OpenError> {
        let mut connection = self.options.connect().await?;
        let schema = schema_of(&mut connection).await;
        connection.close().await?;
        schema
    }

    pub(crate) async fn migrate(&self) -> Result<(), OpenError> {
        let mut connection = self.options.connect().await?;
        // `Migrator::run` would make this future one that cannot be sent between threads.
        let done = MIGRATIONS.run_direct(None, &mut connection, false).await;
        connection.close().await?;
        Ok(done?)
    }

    pub(crate) async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StorageError>,
        F: for<'t> FnOnce(&'t mut dyn ReadTx) -> BoxFuture<'t, Result<T, E>>,
    {
        let run = async {
            let mut reader = self.readers.take().await?;
            reader.connection.run("BEGIN").await?;
            let done = job(&mut SqliteTx { db: &mut reader.connection }).await;
            reader.connection.run("COMMIT").await?;
            reader.keep();
            done
        };
        match tokio::time::timeout(self.limit, run).await {
            Ok(done) => done,
            Err(_) => Err(too_slow().into()),
        }
    }

    /// A job of a single statement: that is a snapshot by itself.
    pub(crate) async fn glance<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StorageError>,
        F: for<'t> FnOnce(&'t mut dyn ReadTx) -> BoxFuture<'t, Result<T, E>>,
    {
        let run = async {
            let mut reader = self.readers.take().await?;
            let done = job(&mut SqliteTx { db: &mut reader.connection }).await;
            reader.keep();
            done
        };
        match tokio::time::timeout(self.limit, run).await {
            Ok(done) => done,
            Err(_) => Err(too_slow().into()),
        }
    }

    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn WriteTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        write(&self.writer, &self.commits, job).await
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        write(&self.writer, &Arc::default(), |_| async { Ok(()) }.boxed()).await
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn write<T, E, F>(writer: &writer::Writer, commits: &Arc<AtomicU64>, job: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn WriteTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let commits = Arc::clone(commits);
    let (send, receive) = tokio::sync::oneshot::channel::<Result<T, E>>();
    let job: writer::Job = Box::new(move |tx: &mut dyn WriteTx| {
        async move {
            // The call itself may panic as well as the future that it makes.
            let run = async {
                let done = job(tx).await?;
                // What is still held back belongs to the job, and so does its failure.
                tx.scatter().await?;
                Ok(done)
            };
            let ran = AssertUnwindSafe(run).catch_unwind().await;
            let result = ran.unwrap_or_else(|_| Err(StorageError::Inconsistent("a write job panicked").into()));
            let keep = result.is_ok();
            let reply = move |committed: Result<()>| {
                // Whoever waits or not, and before they know.
                if keep {
                    commits.fetch_add(1, Ordering::SeqCst);
                }
                // Nobody waits any more when the caller was cancelled: the commit stands.
                let _ = send.send(committed.map_err(E::from).and(result));
            };
            writer::Ran { keep, reply: Box::new(reply) }
        }
        .boxed()
    });
    writer.run(job).await?;
    receive.await.unwrap_or_else(|_| Err(writer::gone().into()))
}

/// The writer, for what many ask together: one job, whose changes go to SQLite's thread in few messages.
struct OneJob {
    writer: writer::Writer,
    commits: Arc<AtomicU64>,
}

impl Carrier<Exchanges> for OneJob {
    fn carry(&self, all: Arc<[Exchange]>, until: Instant) -> BoxFuture<'_, Carried<bool>> {
        let carry = async move {
            // Each gets its true answer, however late: who is told that there is none may come again after the grace for
            // lost answers, and would be taken for a thief. What waited too long is not begun.
            let job = write(&self.writer, &self.commits, move |tx| {
                async move { if Instant::now() < until { tx.exchange_judged(&all).await } else { Err(too_slow()) } }
                    .boxed()
            });
            match job.await {
                Ok(answers) => Carried::Done(answers),
                Err(error @ StorageError::Unavailable(_)) => Carried::Lost(error),
                // A job that fails takes its changes back.
                Err(error) => Carried::Refused(error),
            }
        };
        carry.boxed()
    }
}

// The file must not be readable to others even for a moment (C6); SQLite gives its WAL the same mode.
fn create_private(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

async fn schema_of(connection: &mut SqliteConnection) -> Result<Schema, OpenError> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1";
    let table_name = &*MIGRATIONS.table_name;
    if sqlx::query(table).bind(table_name).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(Schema::Empty);
    }
    let applied = connection.list_applied_migrations(table_name).await.map_err(unwrap_driver)?;
    compare(&applied.iter().map(|migration| migration.version).collect::<Vec<_>>(), &MIGRATIONS)
}

fn unwrap_driver(error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(error) => OpenError::Driver(error),
        other => OpenError::Migrate(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn d4_what_waited_too_long_is_not_begun() {
        let writer = writer::Writer::start(SqliteConnectOptions::new().in_memory(true), Duration::from_secs(30));
        let carrier = OneJob { writer, commits: Arc::default() };
        let late = carrier.carry(Arc::from([]), Instant::now()).await;
        assert!(matches!(late, Carried::Lost(StorageError::Unavailable(_))));
        assert_eq!(carrier.commits.load(Ordering::SeqCst), 0);
        let in_time = carrier.carry(Arc::from([]), Instant::now() + Duration::from_secs(30)).await;
        assert!(matches!(in_time, Carried::Done(answers) if answers.is_empty()));
        assert_eq!(carrier.commits.load(Ordering::SeqCst), 1);
    }
}
