//! Printing for people and pipes: a reader that has seen enough (`lanyard config show | head`) ends the
//! command quietly.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _},
};

/// Standard output takes nothing more.
#[derive(Debug, thiserror::Error)]
#[error("standard output: {0}")]
pub(super) struct PrintError(#[from] io::Error);

impl PrintError {
    /// Whether nobody reads on: no failure of ours.
    pub(super) fn is_closed(&self) -> bool {
        self.0.kind() == ErrorKind::BrokenPipe
    }
}

/// A line to standard output.
///
/// # Errors
/// [`PrintError`] when it is closed, or cannot be written to.
pub(super) fn line(text: impl Display) -> Result<(), PrintError> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// A line to standard error, for people; nothing hangs on whether they read it.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
