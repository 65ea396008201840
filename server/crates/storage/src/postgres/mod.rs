//! PostgreSQL: a pool of connections, a transaction a job.
//!
//! Writers run at READ COMMITTED: every change is one conditional statement, which waits for a
//! concurrent change of the same row and then looks again. Readers see one snapshot.

pub(crate) mod dialect;

use std::{panic::AssertUnwindSafe, str::FromStr as _, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{
    Connection as _, Encode, PgConnection, PgPool, Postgres as Driver, Type,
    migrate::{Migrate as _, Migrator},
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions},
    query::Query,
};

use crate::{
    error::{OpenError, Result, StorageError},
    repository::{Gathering, ReadTx, WriteTx, hit},
    store::{Schema, StoreOptions, compare, too_slow},
};

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a connection may stand idle before it is asked whether it is still there.
const ASK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// A transaction, or a snapshot for reading.
pub(crate) struct PostgresTx<'c> {
    pub(crate) db: &'c mut PgConnection,
}

impl PostgresTx<'_> {
    /// A change that SQLite may hold back with others. Here each is made at once.
    pub(crate) fn later<'t>(&'t mut self, sql: &'static str) -> Later<'t> {
        Later { db: self.db, query: sqlx::query(sql) }
    }
}

/// A change in the making.
pub(crate) struct Later<'t> {
    db: &'t mut PgConnection,
    query: Query<'t, Driver, PgArguments>,
}

impl<'t> Later<'t> {
    /// Binds the next argument.
    pub(crate) fn bind<T: 't + Encode<'t, Driver> + Type<Driver>>(self, value: T) -> Self {
        Self { db: self.db, query: self.query.bind(value) }
    }

    /// The change must hit one row: else Conflict.
    pub(crate) async fn one(self) -> Result<()> {
        hit(self.query.execute(self.db).await?.rows_affected())
    }

    /// The change may hit any number of rows.
    pub(crate) async fn any(self) -> Result<()> {
        self.query.execute(self.db).await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Gathering for PostgresTx<'_> {
    fn gather(&mut self) {}

    async fn scatter(&mut self) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    limit: Duration,
}

impl Postgres {
    pub(crate) async fn connect(options: &StoreOptions) -> Result<Self, OpenError> {
        let connect =
            PgConnectOptions::from_str(&options.url)?.application_name("lanyard").statement_cache_capacity(256);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(options.job_limit)
            // A connection that was just in use is alive; asking each time would cost every job a
            // round trip. After a failover the idle ones are asked, and replaced (D4).
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for >= ASK_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(connect)
            .await?;
        let store = Self { pool, limit: options.job_limit };
        store.schema().await?;
        Ok(store)
    }

    pub(crate) async fn schema(&self) -> Result<Schema, OpenError> {
        let mut connection = self.pool.acquire().await?;
        let table_name = &*MIGRATIONS.table_name;
        let table = "SELECT 1 WHERE to_regclass($1) IS NOT NULL";
        if sqlx::query(table).bind(table_name).fetch_optional(&mut *connection).await?.is_none() {
            return Ok(Schema::Empty);
        }
        let applied = connection.list_applied_migrations(table_name).await?;
        compare(&applied.iter().map(|migration| migration.version).collect::<Vec<_>>(), &MIGRATIONS)
    }

    pub(crate) async fn migrate(&self) -> Result<(), OpenError> {
        let mut connection = self.pool.acquire().await?;
        // `Migrator::run` would make this future one that cannot be sent between threads.
        Ok(MIGRATIONS.run_direct(None, &mut *connection, false).await?)
    }

    pub(crate) async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StorageError>,
        F: for<'t> FnOnce(&'t mut dyn ReadTx) -> BoxFuture<'t, Result<T, E>>,
    {
        let run = async {
            let begin = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
            let mut snapshot = begin.map_err(StorageError::from)?;
            let done = job(&mut PostgresTx { db: &mut snapshot }).await;
            snapshot.commit().await.map_err(StorageError::from)?;
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
            let mut connection = self.pool.acquire().await.map_err(StorageError::from)?;
            job(&mut PostgresTx { db: &mut connection }).await
        };
        match tokio::time::timeout(self.limit, run).await {
            Ok(done) => done,
            Err(_) => Err(too_slow().into()),
        }
    }

    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StorageError>,
        F: for<'t> FnOnce(&'t mut dyn WriteTx) -> BoxFuture<'t, Result<T, E>>,
    {
        let run = async {
            let mut transaction = self.pool.begin().await.map_err(StorageError::from)?;
            let ran = AssertUnwindSafe(async { job(&mut PostgresTx { db: &mut transaction }).await }).catch_unwind();
            match ran.await {
                Ok(Ok(value)) => {
                    // After a failed statement COMMIT would quietly roll back: this fails instead.
                    sqlx::query("SELECT 1").execute(&mut *transaction).await.map_err(StorageError::from)?;
                    transaction.commit().await.map_err(StorageError::from)?;
                    Ok(value)
                }
                Ok(Err(error)) => {
                    // What cannot be rolled back now is rolled back when the connection drops.
                    let _ = transaction.rollback().await;
                    Err(error)
                }
                Err(_) => {
                    let _ = transaction.rollback().await;
                    Err(StorageError::Inconsistent("a write job panicked").into())
                }
            }
        };
        match tokio::time::timeout(self.limit, run).await {
            Ok(done) => done,
            Err(_) => Err(too_slow().into()),
        }
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        let ping = sqlx::query("SELECT 1").execute(&self.pool);
        match tokio::time::timeout(self.limit, ping).await {
            Ok(done) => done.map(drop).map_err(StorageError::from),
            Err(_) => Err(too_slow()),
        }
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
