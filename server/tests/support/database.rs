//! A database of its own for each test: a copy of a template that is made once per process.

use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use lanyard_storage::{Store, StoreOptions};
use sqlx::{Connection as _, Row as _};

use super::world::{self, World};

/// Which database a test wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A test's own database; removed when dropped.
pub(crate) struct Database {
    pub(crate) url: String,
    name: String,
    folder: Option<PathBuf>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) fn temp_dir() -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let dir = std::env::temp_dir().join(format!("lanyard-test-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// The PostgreSQL of the test run; its absence fails the test, it does not skip it.
fn server() -> String {
    std::env::var("LANYARD_TEST_POSTGRES_URL")
        .expect("LANYARD_TEST_POSTGRES_URL: run through `tools/postgres.sh run …`")
}

fn with_name(name: &str) -> String {
    let url = server();
    let (base, _) = url.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

async fn administer(sql: String) {
    let mut connection = sqlx::PgConnection::connect(&server()).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// Runs on a runtime of its own, so that nothing is tied to the test that happens to be first.
fn apart<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(task)
    });
    thread.join().unwrap()
}

static SQLITE: OnceLock<(PathBuf, World)> = OnceLock::new();
static POSTGRES: OnceLock<(String, World)> = OnceLock::new();

async fn make(url: String) -> World {
    let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    let world = world::make(&store).await;
    store.close().await;
    world
}

impl Database {
    /// A fresh copy of the world.
    pub(crate) async fn copy(kind: Kind) -> (Self, World) {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        match kind {
            Kind::Sqlite => {
                let (template, world) = SQLITE.get_or_init(|| {
                    let file = temp_dir().join("template.db");
                    let url = format!("sqlite:{}", file.display());
                    (file, apart(make(url)))
                });
                let folder = temp_dir();
                let file = folder.join("lanyard.db");
                std::fs::copy(template, &file).unwrap();
                let url = format!("sqlite:{}", file.display());
                (Self { url, name: String::new(), folder: Some(folder) }, world.clone())
            }
            Kind::Postgres => {
                let (template, world) = POSTGRES.get_or_init(|| {
                    let name = format!("template_{}", std::process::id());
                    let own = name.clone();
                    let world = apart(async move {
                        administer(format!("CREATE DATABASE {own}")).await;
                        make(with_name(&own)).await
                    });
                    (name, world)
                });
                let name = format!("test_{}_{number}", std::process::id());
                let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
                apart(administer(sql));
                (Self { url: with_name(&name), name, folder: None }, world.clone())
            }
        }
    }

    /// Every row of `tables` as text, in a fixed order: what "the database did not change" means.
    pub(crate) async fn rows(&self, tables: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        if self.folder.is_some() {
            let mut db = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            for table in tables {
                let columns: Vec<String> =
                    sqlx::query(sqlx::AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')")))
                        .fetch_all(&mut db)
                        .await
                        .unwrap()
                        .iter()
                        .map(|row| format!("quote({})", row.get::<String, _>(0)))
                        .collect();
                let sql = format!("SELECT '{table} ' || {} FROM {table} ORDER BY 1", columns.join(" || ',' || "));
                let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut db).await.unwrap();
                all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            }
        } else {
            let mut db = sqlx::PgConnection::connect(&self.url).await.unwrap();
            for table in tables {
                let sql = format!("SELECT '{table} ' || row_to_json(t)::text FROM {table} t ORDER BY 1");
                let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut db).await.unwrap();
                all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            }
        }
        all
    }
}

impl Database {
    /// The one number that a query gives.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        if self.folder.is_some() {
            let mut db = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
        } else {
            let mut db = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
        }
    }

    /// Runs a statement, as an administrator would.
    pub(crate) async fn execute(&self, sql: &'static str) {
        if self.folder.is_some() {
            let mut db = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut db).await.unwrap();
        } else {
            let mut db = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut db).await.unwrap();
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            remove(folder);
        } else {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            apart(administer(sql));
        }
    }
}

pub(crate) fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
