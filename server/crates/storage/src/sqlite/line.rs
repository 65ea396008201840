//! A connection that can hold back changes and hand them to SQLite's thread together.
//!
//! Every statement is a message to the thread of its connection and one back, and that costs more
//! than the statement itself. Changes that nothing is read after can therefore be gathered
//! ([`crate::Gathering`]): they go as one text, in their order, and each one's count of rows is judged
//! when they come back. Whatever else is asked of the connection sends them first, so nothing ever
//! reads past them.

use std::{fmt::Write as _, mem};

use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _, future::BoxFuture, stream::BoxStream};
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
        Self { connection, gathering: false, held: Held::default() }
    }

    /// Holds back the changes that come from now on.
    pub(crate) fn gather(&mut self) {
        self.gathering = true;
    }

    /// Sends what was held back, and holds back no more.
    pub(crate) async fn scatter(&mut self) -> Result<()> {
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

    async fn send(&mut self) -> Result<(), sqlx::Error> {
        if self.held.is_empty() {
            return Ok(());
        }
        let Held { sql, arguments, expected, broken } = mem::take(&mut self.held);
        if let Some(error) = broken {
            return Err(sqlx::Error::Encode(error));
        }
        let mut done = (&mut self.connection).execute_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
        let mut hit = true;
        for expected in expected {
            let result = done.try_next().await?.ok_or(sqlx::Error::RowNotFound)?;
            hit &= expected == Expected::Any || result.rows_affected() == 1;
        }
        // Read to its end: the statement is done with, and no error is left unread.
        while done.try_next().await?.is_some() {}
        if hit { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
    }
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
        if self.held.is_empty() {
            return self.connection.fetch_many(query);
        }
        let sent = async move {
            self.send().await?;
            Ok(self.connection.fetch_many(query))
        };
        sent.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        if self.held.is_empty() {
            return self.connection.fetch_optional(query);
        }
        Box::pin(async move {
            self.send().await?;
            self.connection.fetch_optional(query).await
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
    use super::*;

    #[test]
    fn the_arguments_of_gathered_changes_follow_one_another() {
        let mut held = Held::default();
        held.push("UPDATE a SET b = $2 WHERE c = $1 OR $2 IS NULL", 0);
        held.push("INSERT INTO d VALUES ($1, $10, '$')", 2);
        assert_eq!(held.sql, "UPDATE a SET b = $2 WHERE c = $1 OR $2 IS NULL;\nINSERT INTO d VALUES ($3, $12, '$');\n");
    }
}
