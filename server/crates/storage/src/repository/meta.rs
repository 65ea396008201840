//! Facts about the database itself: key and value.

use async_trait::async_trait;

use super::{both, unique};
use crate::error::{Constraint, Result};

/// The key of the sealed value that shows whether the master key fits this database.
pub const META_KEY_CHECK: &str = "master_key_check";
/// The key that is set in a database made by the demo; the demo refuses any other.
pub const META_DEMO: &str = "created_by_demo";

/// Reads facts about the database.
#[async_trait]
pub trait MetaReads {
    /// The value of `key`.
    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>>;
}

/// Sets facts about the database.
#[async_trait]
pub trait MetaWrites {
    /// Sets `key` for the first and only time; else [`Constraint::MetaKey`].
    async fn set_meta_once(&mut self, key: &str, value: &[u8]) -> Result<()>;
    /// Sets `key`, whatever it was.
    async fn set_meta(&mut self, key: &str, value: &[u8]) -> Result<()>;
}

both!(MetaReads {
    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>> {
        let value = sqlx::query_as::<_, (Vec<u8>,)>("SELECT value FROM meta WHERE key = $1");
        Ok(value.bind(key).fetch_optional(&mut *self.db).await?.map(|row| row.0))
    }
});

both!(MetaWrites {
    async fn set_meta_once(&mut self, key: &str, value: &[u8]) -> Result<()> {
        let insert = sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING");
        unique(insert.bind(key).bind(value).execute(&mut *self.db).await?.rows_affected(), Constraint::MetaKey)
    }

    async fn set_meta(&mut self, key: &str, value: &[u8]) -> Result<()> {
        let upsert = sqlx::query(
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        );
        upsert.bind(key).bind(value).execute(&mut *self.db).await?;
        Ok(())
    }
});
