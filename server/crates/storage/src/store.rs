//! The store: opens a database and runs jobs on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use lanyard_domain::{audit::AuditEvent, grant::RefreshToken, secret::TokenHash};
use tracing::Instrument as _;

use crate::{
    error::{OpenError, Result, StorageError},
    postgres::Postgres,
    repository::{Exchange, GrantAtHand, Note, ReadTx, WriteTx},
    sqlite::Sqlite,
};

/// How to open a database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:path` or `sqlite://path`, or `postgres://…`.
    pub url: String,
    /// Connections: of PostgreSQL in all, of SQLite for readers (it has one writer besides).
    pub max_connections: u32,
    /// How long a job may take, the wait for a connection included; then it is rolled back and
    /// the caller told [`StorageError::Unavailable`] (D4). PostgreSQL gives a single statement up after as long.
    pub job_limit: Duration,
}

impl StoreOptions {
    /// The options for `url`: 10 connections for PostgreSQL, 4 readers for SQLite.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let url = url.into();
        let (max_connections, limit) = if url.starts_with("sqlite:") { (4, 10) } else { (10, 2) };
        Self { url, max_connections, job_limit: Duration::from_secs(limit) }
    }
}

/// How the schema of a database compares with the migrations of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Nothing was applied yet: the database is new.
    Empty,
    /// Some migrations are still to be applied.
    Behind,
    /// All of them are applied.
    Current,
}

/// A database. Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    commits: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Box<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Store {
    /// Opens the database; an SQLite file is created if it is missing, readable to its owner only.
    ///
    /// # Errors
    /// [`OpenError::FromTheFuture`] when a newer release made the database.
    pub async fn connect(options: &StoreOptions) -> Result<Self, OpenError> {
        let commits = Arc::<AtomicU64>::default();
        let backend = if options.url.starts_with("sqlite:") {
            Backend::Sqlite(Box::new(Sqlite::connect(options, Arc::clone(&commits)).await?))
        } else if options.url.starts_with("postgres:") || options.url.starts_with("postgresql:") {
            Backend::Postgres(Arc::new(Postgres::connect(options, Arc::clone(&commits)).await?))
        } else {
            // The address may hold a password: name only its scheme.
            let scheme = options.url.split(':').next().unwrap_or_default();
            return Err(OpenError::Address(scheme.to_owned()));
        };
        Ok(Self(Arc::new(Inner { backend, commits })))
    }

    /// Whether this is PostgreSQL, which several servers share.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        match &self.0.backend {
            Backend::Sqlite(_) => false,
            Backend::Postgres(_) => true,
        }
    }

    /// How the schema stands.
    ///
    /// # Errors
    /// [`OpenError::FromTheFuture`], or the database cannot be reached.
    pub async fn schema(&self) -> Result<Schema, OpenError> {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.schema().await,
            Backend::Postgres(backend) => backend.schema().await,
        }
    }

    /// Applies the migrations that are missing, each in a transaction (D13). Several servers may
    /// do so at once: PostgreSQL takes a lock.
    ///
    /// # Errors
    /// [`OpenError`] says what stood in the way.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.migrate().await,
            Backend::Postgres(backend) => backend.migrate().await,
        }
    }

    /// Runs `job` on one snapshot of the database. It cannot change anything.
    ///
    /// # Errors
    /// Whatever the job returns, and [`StorageError::Unavailable`].
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn ReadTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.read(job).await,
            Backend::Postgres(backend) => backend.read(job).await,
        }
    }

    /// Runs a `job` of a single statement, which is a snapshot by itself: it costs neither a
    /// beginning nor an end. A job of more statements wants [`Store::read`].
    ///
    /// # Errors
    /// Whatever the job returns, and [`StorageError::Unavailable`].
    pub async fn glance<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn ReadTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.glance(job).await,
            Backend::Postgres(backend) => backend.glance(job).await,
        }
    }

    /// Runs `job` in a transaction. `Ok` is returned after the commit, and only then; `Err` or a
    /// panic rolls everything back that the job did. A result that is a refusal to the caller but
    /// must still be stored (a counted failure) is an `Ok` here.
    ///
    /// On SQLite, jobs that wait at the same time share one commit. A job must not wait for
    /// anything but the database: hash and sign outside.
    ///
    /// A job that began ends in its commit or its error, whether or not anybody still waits for it: who hangs up takes
    /// no counted guess back.
    ///
    /// # Errors
    /// Whatever the job returns, and [`StorageError::Unavailable`] when the commit failed.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn WriteTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.write(job).await,
            Backend::Postgres(backend) => {
                let backend = Arc::clone(backend);
                to_its_end(async move { backend.write(job).await }).await
            }
        }
    }

    /// [`crate::RedemptionReads::refresh_token_at_hand`] by itself. Where the database gains by it, those who ask at the
    /// same moment share a statement.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn refresh_token_at_hand(&self, hash: TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>> {
        match &self.0.backend {
            Backend::Sqlite(backend) => {
                backend.glance(move |tx| async move { tx.refresh_token_at_hand(&hash).await }.boxed()).await
            }
            Backend::Postgres(backend) => backend.looks.ask(hash).await,
        }
    }

    /// Carries out a refresh that was judged by what is known of it: all of it while that stands, or nothing. Those that
    /// come at the same moment share a commit.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the token was used, its grant revoked or the configuration changed since, and
    /// where somebody else is about to change the grant; [`StorageError::Unavailable`].
    pub async fn exchange(&self, exchange: Exchange) -> Result<()> {
        let exchanges = match &self.0.backend {
            Backend::Sqlite(backend) => &backend.exchanges,
            Backend::Postgres(backend) => &backend.exchanges,
        };
        done(exchanges.ask(exchange).await?)
    }

    /// Notes down what was judged by the version `configuration` of its tenant's configuration, while that stands: for
    /// what happens by being noted. A transaction by itself, shared as with [`Store::exchange`].
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the configuration changed since; [`StorageError::Unavailable`].
    pub async fn note(&self, event: AuditEvent, configuration: i64) -> Result<()> {
        let note = Note { event, configuration };
        match &self.0.backend {
            Backend::Sqlite(backend) => {
                backend.write(move |tx| async move { tx.append_audit_while(&note).await }.boxed()).await
            }
            Backend::Postgres(backend) => done(backend.notes.ask(note).await?),
        }
    }

    /// Counts the commits of this process, those included whose answer was lost or whose caller
    /// went away: while it stands, whatever was read is out of date by the doing of other processes
    /// alone. A job that was taken back is none.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::SeqCst)
    }

    /// Asks the database for a sign of life; SQLite's writer included.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn ping(&self) -> Result<()> {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.ping().await,
            Backend::Postgres(backend) => backend.ping().await,
        }
    }

    /// Finishes what is under way and closes every connection. Later jobs get
    /// [`StorageError::Unavailable`].
    pub async fn close(&self) {
        match &self.0.backend {
            Backend::Sqlite(backend) => backend.close().await,
            Backend::Postgres(backend) => backend.close().await,
        }
    }
}

// What a change that was to hit a row came to.
fn done(hit: bool) -> Result<()> {
    if hit { Ok(()) } else { Err(StorageError::Conflict) }
}

// A task of its own goes on when its caller is dropped, as SQLite's writer does.
async fn to_its_end<T, E>(change: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    // Jobs catch their panics: it may end otherwise only with the whole process.
    let ended = tokio::spawn(change.in_current_span()).await;
    ended.unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string()).into()))
}

/// The error of a job that took longer than [`StoreOptions::job_limit`].
pub(crate) fn too_slow() -> StorageError {
    StorageError::Unavailable("no answer in time".into())
}

/// Compares what was applied (in order) with what this program knows.
pub(crate) fn compare(applied: &[i64], known: &sqlx::migrate::Migrator) -> Result<Schema, OpenError> {
    let newest = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    if let Some(found) = applied.iter().copied().filter(|version| !known.version_exists(*version)).max() {
        return Err(OpenError::FromTheFuture { found, known: newest });
    }
    Ok(match applied.iter().max() {
        None => Schema::Empty,
        Some(version) if *version < newest => Schema::Behind,
        Some(_) => Schema::Current,
    })
}
