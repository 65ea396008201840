//! The connections that jobs read with: a few, made when they are wanted, kept for ever.
//!
//! A connection whose job did not come to its end (cancelled, timed out, panicked) is closed
//! rather than used again, so none has to be asked whether it is still well.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::line::Line;
use crate::error::{Result, StorageError};

#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    most: u32,
    places: Semaphore,
    idle: Mutex<VecDeque<Line>>,
}

/// A connection in use. Given back by [`Reader::keep`], closed otherwise.
pub(super) struct Reader<'r> {
    pub(super) line: Line,
    idle: &'r Mutex<VecDeque<Line>>,
    _place: SemaphorePermit<'r>,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions, most: u32) -> Self {
        let most = most.max(1);
        Self { options, most, places: Semaphore::new(most as usize), idle: Mutex::default() }
    }

    pub(super) async fn take(&self) -> Result<Reader<'_>> {
        let place = self.places.acquire().await.map_err(|_| super::writer::gone())?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let line = match idle {
            Some(line) => line,
            None => Line::new(self.options.connect().await.map_err(StorageError::from)?),
        };
        Ok(Reader { line, idle: &self.idle, _place: place })
    }

    /// Waits for the jobs under way, then closes.
    pub(super) async fn close(&self) {
        // An error means closed already.
        let all = self.places.acquire_many(self.most).await;
        self.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for line in idle {
            // Nothing is lost: it only read.
            let _ = line.close().await;
        }
    }
}

impl Reader<'_> {
    pub(super) fn keep(self) {
        // The last used is used next: its thread and cache are warm.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_front(self.line);
    }
}
