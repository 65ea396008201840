//! PostgreSQL: a pool of connections, a transaction a job.
//!
//! Writers run at READ COMMITTED: every change is one conditional statement, which waits for a
//! concurrent change of the same row and then looks again. Readers see one snapshot.

pub(crate) mod apart;
pub(crate) mod dialect;

use std::{
    panic::AssertUnwindSafe,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{
    ConnectOptions as _, Connection as _, Encode, PgConnection, Postgres as Driver, Type,
    migrate::{Migrate as _, Migrator},
    postgres::{PgArguments, PgConnectOptions},
    query::Query,
};

use crate::{
    error::{OpenError, Result, StorageError},
    pool::{Pool, Source},
    repository::{Exchanges, Gathering, Looks, Notes, ReadTx, WriteTx, hit},
    store::{Schema, StoreOptions, compare, too_slow},
    together::Together,
};
use apart::Apart;

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

/// Connections to the server, which gives a statement up by itself when its job was given up: one that waits for a lock
/// and is a transaction by itself would change something long after its caller was told that it did not.
struct Connections {
    options: PgConnectOptions,
    limit: Duration,
    settings: &'static str,
}

/// Nothing besides what the server has.
const AS_IT_IS: &str = "SELECT set_config('statement_timeout', $1, false)";

/// For statements that carry many callers: they find each row by its key. A plan that was made while the tables were
/// small, and read them whole, would be kept when they have grown; and none is made again for each set of values.
pub(crate) const BY_KEY: &str = "SELECT set_config('statement_timeout', $1, false), set_config('enable_seqscan', 'off', false), \
    set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false), \
    set_config('jit', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false)";

impl Source for Connections {
    type Connection = PgConnection;

    fn open(&self) -> BoxFuture<'_, Result<PgConnection, sqlx::Error>> {
        async {
            let mut connection = self.options.connect().await?;
            let limit = i64::try_from(self.limit.as_millis()).unwrap_or(i64::MAX);
            let set = sqlx::query(self.settings).persistent(false);
            set.bind(limit.min(i64::from(i32::MAX)).to_string()).execute(&mut connection).await?;
            Ok(connection)
        }
        .boxed()
    }

    fn close(connection: PgConnection) -> BoxFuture<'static, Result<(), sqlx::Error>> {
        connection.close().boxed()
    }

    // One that was just in use is alive. After a failover the idle ones are asked, and replaced (D4).
    fn is_well<'c>(connection: &'c mut PgConnection, idle: Duration) -> BoxFuture<'c, bool> {
        async move { idle < ASK_AFTER_IDLE || connection.ping().await.is_ok() }.boxed()
    }
}

/// Counts a commit when it is over, or given up in the middle.
struct Counted<'a>(&'a AtomicU64);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Arc<Pool<Connections>>,
    // For what is asked together; the same connections where there are too few.
    apart: Arc<Pool<Connections>>,
    limit: Duration,
    commits: Arc<AtomicU64>,
    pub(crate) exchanges: Together<Exchanges>,
    pub(crate) looks: Together<Looks>,
    pub(crate) notes: Together<Notes>,
}

/// Of how many connections one is set apart for what is asked together, and the most that are.
const APART: (u32, u32) = (3, 4);

impl Postgres {
    pub(crate) async fn connect(options: &StoreOptions, commits: Arc<AtomicU64>) -> Result<Self, OpenError> {
        let connect =
            PgConnectOptions::from_str(&options.url)?.application_name("lanyard").statement_cache_capacity(256);
        let limit = options.job_limit;
        let pool =
            |settings, most| Arc::new(Pool::new(Connections { options: connect.clone(), limit, settings }, most));
        let few = (options.max_connections / APART.0).min(APART.1);
        let common = pool(AS_IT_IS, options.max_connections - few);
        let apart = if few == 0 { Arc::clone(&common) } else { pool(BY_KEY, few) };
        let carrier = || Apart { pool: Arc::clone(&apart), commits: Arc::clone(&commits) };
        let store = Self {
            exchanges: Together::start(carrier(), limit, Some(limit)),
            looks: Together::start(carrier(), limit, Some(limit)),
            notes: Together::start(carrier(), limit, Some(limit)),
            pool: common,
            apart,
            limit,
            commits,
        };
        store.schema().await?;
        // A server that does not know the settings of these is told of at the start.
        open(&store.apart, limit).await?.close().await?;
        Ok(store)
    }

    async fn open(&self) -> Result<PgConnection, OpenError> {
        open(&self.pool, self.limit).await
    }

    pub(crate) async fn schema(&self) -> Result<Schema, OpenError> {
        let mut connection = self.open().await?;
        let table_name = &*MIGRATIONS.table_name;
        let table = "SELECT 1 WHERE to_regclass($1) IS NOT NULL";
        if sqlx::query(table).bind(table_name).fetch_optional(&mut connection).await?.is_none() {
            return Ok(Schema::Empty);
        }
        let applied = connection.list_applied_migrations(table_name).await?;
        connection.close().await?;
        compare(&applied.iter().map(|migration| migration.version).collect::<Vec<_>>(), &MIGRATIONS)
    }

    pub(crate) async fn migrate(&self) -> Result<(), OpenError> {
        let mut connection = self.open().await?;
        // A migration takes as long as it takes.
        sqlx::raw_sql("SET statement_timeout = 0").execute(&mut connection).await?;
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
        let read = async {
            let mut own = self.pool.take().await?;
            run(&mut own.connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let done = job(&mut PostgresTx { db: &mut own.connection }).await;
            run(&mut own.connection, "COMMIT").await?;
            own.keep();
            done
        };
        match tokio::time::timeout(self.limit, read).await {
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
        let read = async {
            let mut own = self.pool.take().await?;
            let done = job(&mut PostgresTx { db: &mut own.connection }).await;
            // What failed may be the connection.
            if done.is_ok() || own.connection.ping().await.is_ok() {
                own.keep();
            }
            done
        };
        match tokio::time::timeout(self.limit, read).await {
            Ok(done) => done,
            Err(_) => Err(too_slow().into()),
        }
    }

    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StorageError>,
        F: for<'t> FnOnce(&'t mut dyn WriteTx) -> BoxFuture<'t, Result<T, E>>,
    {
        let write = async {
            let mut own = self.pool.take().await?;
            run(&mut own.connection, "BEGIN").await?;
            let ran = AssertUnwindSafe(async { job(&mut PostgresTx { db: &mut own.connection }).await }).catch_unwind();
            let result = ran.await.unwrap_or_else(|_| Err(StorageError::Inconsistent("a write job panicked").into()));
            if result.is_ok() {
                // Counted whatever becomes of the answer, and of who waits for it.
                let _counted = Counted(&self.commits);
                // After a failed statement COMMIT would quietly roll back: the SELECT fails instead.
                run(&mut own.connection, "SELECT 1; COMMIT").await?;
                own.keep();
            } else if run(&mut own.connection, "ROLLBACK").await.is_ok() {
                own.keep();
            }
            // What cannot be rolled back now is rolled back when the connection drops.
            result
        };
        match tokio::time::timeout(self.limit, write).await {
            Ok(done) => done,
            Err(_) => Err(too_slow().into()),
        }
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        let common = self.glance(|tx| {
            async {
                tx.meta("").await?;
                Ok(())
            }
            .boxed()
        });
        // What is set apart is well, too.
        let apart = async {
            let mut own = self.apart.take().await?;
            own.connection.ping().await?;
            own.keep();
            Ok(())
        };
        let apart = async { tokio::time::timeout(self.limit, apart).await.unwrap_or_else(|_| Err(too_slow())) };
        futures::try_join!(common, apart).map(drop)
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
        self.apart.close().await;
    }
}

// A connection outside the pool; a server that accepts and stays silent is given up.
async fn open(pool: &Pool<Connections>, limit: Duration) -> Result<PgConnection, OpenError> {
    match tokio::time::timeout(limit, pool.source().open()).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
    }
}

// Without a prepared statement: one round trip, whatever is in it.
async fn run(connection: &mut PgConnection, sql: &'static str) -> Result<()> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connect() -> (Postgres, PgConnection) {
        let url = std::env::var("LANYARD_TEST_POSTGRES_URL").unwrap();
        let mut options = StoreOptions::new(url.clone());
        options.job_limit = Duration::from_secs(30);
        (Postgres::connect(&options, Arc::default()).await.unwrap(), PgConnection::connect(&url).await.unwrap())
    }

    // The server's process behind the connection that the next job gets.
    async fn process(store: &Postgres) -> i32 {
        let mut own = store.pool.take().await.unwrap();
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut own.connection).await.unwrap();
        own.keep();
        pid
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d4_an_idle_connection_whose_server_process_died_is_replaced() {
        let (store, mut admin) = connect().await;
        let first = process(&store).await;
        assert_eq!(process(&store).await, first, "kept, and used again");
        store.pool.age(2 * ASK_AFTER_IDLE);
        assert_eq!(process(&store).await, first, "asked, and well");
        // Waits until it is gone.
        let end = sqlx::query_scalar::<_, bool>("SELECT pg_terminate_backend($1, 10000)").bind(first);
        assert!(end.fetch_one(&mut admin).await.unwrap());
        store.pool.age(2 * ASK_AFTER_IDLE);
        let second = process(&store).await;
        assert_ne!(second, first, "nobody meets the dead one");
        assert_eq!(process(&store).await, second);
        store.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d4_a_statement_whose_job_was_given_up_ends_by_itself() {
        let mut options = StoreOptions::new(std::env::var("LANYARD_TEST_POSTGRES_URL").unwrap());
        options.job_limit = Duration::from_millis(200);
        let store = Postgres::connect(&options, Arc::default()).await.unwrap();
        let mut own = store.pool.take().await.unwrap();
        let slept = run(&mut own.connection, "SELECT pg_sleep(600)").await;
        assert!(matches!(slept, Err(StorageError::Unavailable(_))), "{slept:?}");
        drop(own);
        store.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn closing_waits_for_the_job_under_way_and_takes_no_more() {
        let (store, _) = connect().await;
        let mut own = store.pool.take().await.unwrap();
        let closing = store.close();
        futures::pin_mut!(closing);
        assert!(closing.as_mut().now_or_never().is_none());
        run(&mut own.connection, "SELECT 1").await.unwrap();
        own.keep();
        closing.await;
        assert!(matches!(store.pool.take().await, Err(StorageError::Unavailable(_))));
    }

    // Not a row that somebody else had first: whoever is told so may try again.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_that_the_server_gave_up_is_no_conflict() {
        let (store, mut admin) = connect().await;
        for sql in [
            "DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$",
            "DO $$ BEGIN RAISE EXCEPTION 'serialization' USING ERRCODE = '40001'; END $$",
        ] {
            let given_up = run(&mut admin, sql).await;
            assert!(matches!(given_up, Err(StorageError::Raced)), "{given_up:?}");
        }
        store.close().await;
    }
}
