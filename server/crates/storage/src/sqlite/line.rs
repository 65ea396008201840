//! A connection that can hold back changes and hand them to SQLite's thread together.
//!
//! Every statement is a message to the thread of its connection and one back, and that costs more
//! than the statement itself. Changes that nothing is read after can therefore be gathered
//! ([`crate::Gathering`]): they go as one text, in their order, and each one's count of rows is judged
//! when they come back. Whatever else is asked of the connection sends them first, so nothing ever
//! reads past them. What begins a job ([`Opening`]) travels with the job's first statement for the same reason.

use std::{fmt::Write as _, future, mem};

use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Describe, Either, Encode, Execute, Executor, SqlStr, Sqlite,
    SqliteConnection, Type,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo},
};

use crate::error::Result;

/// A connection with what it holds back.
#[derive(Debug)]
pub(crate) struct Line {
    connection: SqliteConnection,
    gathering: bool,
    held: Held,
    opening: Option<Opening>,
    // Why an opening that was taken has not been seen to succeed: what would follow might be outside of its job.
    doubt: Option<String>,
}

/// What stands before the first statement of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The first job of a transaction.
    Begin,
    /// A later one: the job before it is done with.
    Next,
}

impl Opening {
    // How many statements each is.
    const LENGTH: usize = 2;

    const fn sql(self) -> &'static str {
        match self {
            Self::Begin => "BEGIN IMMEDIATE; SAVEPOINT job; ",
            Self::Next => "RELEASE job; SAVEPOINT job; ",
        }
    }
}

// Changes as one text, their arguments in one row.
#[derive(Debug, Default)]
struct Held {
    sql: String,
    arguments: SqliteArguments,
    expected: Vec<Expected>,
    broken: Option<BoxDynError>,
}

/// How many rows a change must have hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    One,
    Any,
}

impl Line {
    pub(crate) fn new(connection: SqliteConnection) -> Self {
        Self { connection, gathering: false, held: Held::default(), opening: None, doubt: None }
    }

    /// Begins a job, together with whatever is asked first: a job that asks nothing leaves its opening to the next.
    /// If that fails, or is given up before its answer, nothing more can be asked of this connection.
    pub(crate) fn open(&mut self, opening: Opening) {
        self.opening.get_or_insert(opening);
    }

    /// Holds back the changes that come from now on.
    pub(crate) fn gather(&mut self) {
        self.gathering = true;
    }

    /// Sends what was held back, and holds back no more: how many rows each of the changes hit.
    pub(crate) async fn scatter(&mut self) -> Result<Vec<u64>> {
        self.gathering = false;
        Ok(self.send().await?)
    }

    /// Drops what was held back: its job was given up.
    pub(crate) fn forget(&mut self) {
        self.gathering = false;
        self.held = Held::default();
    }

    /// Runs statements without arguments, as one message.
    pub(crate) async fn run(&mut self, sql: &'static str) -> Result<()> {
        sqlx::query(sql).execute(&mut *self).await?;
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }

    pub(crate) async fn close_hard(self) -> Result<(), sqlx::Error> {
        self.connection.close_hard().await
    }

    async fn send(&mut self) -> Result<Vec<u64>, sqlx::Error> {
        if self.held.is_empty() {
            return Ok(Vec::new());
        }
        let Held { sql, arguments, expected, broken } = mem::take(&mut self.held);
        if let Some(error) = broken {
            return Err(sqlx::Error::Encode(error));
        }
        let mut done = self.ask(sqlx::query_with(AssertSqlSafe(sql), arguments));
        let (mut hit, mut rows) = (true, Vec::with_capacity(expected.len()));
        for expected in expected {
            let Either::Left(result) = done.try_next().await?.ok_or(sqlx::Error::RowNotFound)? else {
                return Err(sqlx::Error::Protocol("a change that was held back returned a row".into()));
            };
            hit &= expected == Expected::Any || result.rows_affected() == 1;
            rows.push(result.rows_affected());
        }
        // Read to its end: the statement is done with, and no error is left unread.
        while done.try_next().await?.is_some() {}
        if hit { Ok(rows) } else { Err(sqlx::Error::RowNotFound) }
    }

    // Asks for one thing, and opens the job with it where that is still to be done.
    fn ask<'e, 'q: 'e, E>(&'e mut self, mut query: E) -> BoxStream<'e, Step>
    where
        E: 'q + Execute<'q, Sqlite>,
    {
        if let Some(doubt) = &self.doubt {
            let why = format!("the transaction of this job could not be begun: {doubt}");
            return failed(sqlx::Error::Protocol(why));
        }
        let Some(opening) = self.opening else {
            return self.connection.fetch_many(query);
        };
        // What cannot be asked opens nothing either.
        let arguments = match query.take_arguments() {
            Ok(arguments) => arguments.unwrap_or_default(),
            Err(error) => return failed(sqlx::Error::Encode(error)),
        };
        self.opening = None;
        self.doubt = Some("there was no answer".into());
        let sql = [opening.sql(), query.sql().as_str()].concat();
        let Self { connection, doubt, .. } = self;
        let mut opened = 0;
        // The results of the opening itself are nobody's business, but for why it failed.
        let own = move |step: Step| {
            if opened == Opening::LENGTH {
                return future::ready(Some(step));
            }
            opened += 1;
            *doubt = match &step {
                Ok(_) if opened == Opening::LENGTH => None,
                Ok(_) => return future::ready(None),
                Err(error) => Some(error.to_string()),
            };
            future::ready(step.is_err().then_some(step))
        };
        connection.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments)).filter_map(own).boxed()
    }

    // Whether the next statement can go as it is.
    fn is_clear(&self) -> bool {
        self.held.is_empty() && self.opening.is_none() && self.doubt.is_none()
    }
}

fn failed(error: sqlx::Error) -> BoxStream<'static, Step> {
    stream::once(future::ready(Err(error))).boxed()
}

impl Held {
    fn is_empty(&self) -> bool {
        self.expected.is_empty() && self.broken.is_none()
    }

    // `$n` names the n-th of all arguments, those of the changes before included.
    fn push(&mut self, sql: &str, before: usize) {
        let mut rest = sql;
        while let Some((text, tail)) = rest.split_once('$') {
            self.sql.push_str(text);
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            // Writing to a string cannot fail.
            let _ = match tail[..digits].parse::<usize>() {
                Ok(number) => write!(self.sql, "${}", number + before),
                Err(_) => write!(self.sql, "${}", &tail[..digits]),
            };
            rest = &tail[digits..];
        }
        self.sql.push_str(rest);
        self.sql.push_str(";\n");
    }
}

/// A change in the making; see [`super::SqliteTx::later`].
pub(crate) struct Later<'t> {
    line: &'t mut Line,
    sql: &'static str,
    before: usize,
}

impl<'t> Later<'t> {
    pub(super) fn new(line: &'t mut Line, sql: &'static str) -> Self {
        let before = line.held.arguments.len();
        Self { line, sql, before }
    }

    /// Binds the next argument.
    pub(crate) fn bind<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(self, value: T) -> Self {
        if let Err(error) = self.line.held.arguments.add(value) {
            self.line.held.broken = Some(error);
        }
        self
    }

    /// The change must hit one row: else Conflict.
    pub(crate) async fn one(self) -> Result<()> {
        self.hold(Expected::One).await
    }

    /// The change may hit any number of rows.
    pub(crate) async fn any(self) -> Result<()> {
        self.hold(Expected::Any).await
    }

    async fn hold(self, expected: Expected) -> Result<()> {
        self.line.held.push(self.sql, self.before);
        self.line.held.expected.push(expected);
        if !self.line.gathering {
            self.line.send().await?;
        }
        Ok(())
    }
}

type Step = Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>;

impl<'c> Executor<'c> for &'c mut Line {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        if self.is_clear() {
            return self.connection.fetch_many(query);
        }
        let sent = async move {
            self.send().await?;
            Ok(self.ask(query))
        };
        sent.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        if self.is_clear() {
            return self.connection.fetch_optional(query);
        }
        Box::pin(async move {
            self.send().await?;
            if self.is_clear() {
                return self.connection.fetch_optional(query).await;
            }
            let mut steps = self.ask(query);
            while let Some(step) = steps.try_next().await? {
                if let Either::Right(row) = step {
                    return Ok(Some(row));
                }
            }
            Ok(None)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    // For the library's own checks at compile time.
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Sqlite>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::encode::IsNull;

    use super::*;

    #[test]
    fn the_arguments_of_gathered_changes_follow_one_another() {
        let mut held = Held::default();
        held.push("UPDATE a SET b = $2 WHERE c = $1 OR $2 IS NULL", 0);
        held.push("INSERT INTO d VALUES ($1, $10, '$')", 2);
        assert_eq!(held.sql, "UPDATE a SET b = $2 WHERE c = $1 OR $2 IS NULL;\nINSERT INTO d VALUES ($3, $12, '$');\n");
    }

    async fn line() -> Line {
        let mut line = Line::new(SqliteConnection::connect("sqlite::memory:").await.unwrap());
        line.run("CREATE TABLE a (b INTEGER)").await.unwrap();
        line
    }

    async fn rows(line: &mut Line) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM a").fetch_one(line).await.unwrap()
    }

    #[tokio::test]
    async fn what_opens_a_job_goes_with_its_first_statement_and_is_no_part_of_its_answer() {
        let mut line = line().await;
        line.open(Opening::Begin);
        let done = sqlx::query("INSERT INTO a VALUES ($1), ($1)").bind(7).execute(&mut line).await.unwrap();
        assert_eq!(done.rows_affected(), 2, "of its own change alone");
        line.open(Opening::Next);
        let row = sqlx::query_scalar::<_, i64>("SELECT b FROM a WHERE b = $1").bind(7).fetch_optional(&mut line).await;
        assert_eq!(row.unwrap(), Some(7));
        line.gather();
        Later::new(&mut line, "INSERT INTO a VALUES ($1)").bind(8).one().await.unwrap();
        line.scatter().await.unwrap();
        // What the third job holds back is judged without the results of its opening.
        line.run("RELEASE job; SAVEPOINT job").await.unwrap();
        line.open(Opening::Next);
        line.gather();
        Later::new(&mut line, "UPDATE a SET b = $1 WHERE b = 99").bind(9).one().await.unwrap();
        assert!(line.scatter().await.is_err(), "no row");
        line.run("ROLLBACK TO job").await.unwrap();
        line.run("RELEASE job; COMMIT").await.unwrap();
        assert_eq!(rows(&mut line).await, 3);
    }

    #[tokio::test]
    async fn d2_nothing_is_done_outside_of_a_transaction_that_could_not_be_begun() {
        let mut line = line().await;
        // There is no job before it whose savepoint could be released.
        line.open(Opening::Next);
        assert!(sqlx::query("INSERT INTO a VALUES ($1)").bind(1).execute(&mut line).await.is_err());
        // Whatever the job makes of the error, nothing of it is written, held back or not.
        assert!(sqlx::query("INSERT INTO a VALUES ($1)").bind(2).execute(&mut line).await.is_err());
        assert!(Later::new(&mut line, "INSERT INTO a VALUES ($1)").bind(3).any().await.is_err());
        assert!(line.run("RELEASE job; COMMIT").await.is_err());
        line.doubt = None;
        assert_eq!(rows(&mut line).await, 0);
    }

    #[tokio::test]
    async fn d2_why_a_transaction_could_not_be_begun_is_said_to_all_of_its_jobs() {
        let mut line = line().await;
        line.open(Opening::Next);
        for asked in ["SELECT 1", "RELEASE job; COMMIT"] {
            let why = format!("{:?}", line.run(asked).await.unwrap_err());
            assert!(why.contains("no such savepoint"), "{why}");
        }
    }

    #[tokio::test]
    async fn d2_a_job_that_asks_nothing_leaves_the_beginning_to_the_next() {
        let mut line = line().await;
        line.open(Opening::Begin);
        // The first job asked nothing, nor did the second.
        line.open(Opening::Next);
        line.open(Opening::Next);
        line.run("INSERT INTO a VALUES (1)").await.unwrap();
        line.open(Opening::Next);
        line.open(Opening::Next);
        line.run("INSERT INTO a VALUES (2)").await.unwrap();
        line.run("ROLLBACK TO job").await.unwrap();
        line.run("RELEASE job; COMMIT").await.unwrap();
        assert_eq!(rows(&mut line).await, 1, "the last one alone was taken back");
    }

    // What no database takes.
    struct Unwritable;

    impl Type<Sqlite> for Unwritable {
        fn type_info() -> SqliteTypeInfo {
            <i64 as Type<Sqlite>>::type_info()
        }
    }

    impl Encode<'_, Sqlite> for Unwritable {
        fn encode_by_ref(&self, _: &mut sqlx::sqlite::SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
            Err("unwritable".into())
        }
    }

    #[tokio::test]
    async fn d1_a_first_statement_that_cannot_be_written_takes_nothing_of_the_job_before_back() {
        let mut line = line().await;
        line.open(Opening::Begin);
        line.run("INSERT INTO a VALUES (1)").await.unwrap();
        line.open(Opening::Next);
        let unwritable = sqlx::query("INSERT INTO a VALUES ($1)").bind(Unwritable).execute(&mut line).await;
        assert!(matches!(unwritable, Err(sqlx::Error::Encode(_))), "{unwritable:?}");
        line.run("ROLLBACK TO job").await.unwrap();
        line.run("RELEASE job; COMMIT").await.unwrap();
        assert_eq!(rows(&mut line).await, 1);
    }
}
