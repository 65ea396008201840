//! Printing for people and pipes: a reader that has seen enough (`lanyard config show | head`) ends the
//! command quietly.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, ErrorKind, Write as _},
};

use lanyard_domain::text::is_invisible;

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
    Ok(writeln!(io::stdout().lock(), "{}", safe(&text.to_string()))?)
}

/// A line to standard error, for people; nothing hangs on whether they read it.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{}", safe(&text.to_string()));
}

// What strangers named must not move the cursor of who reads it: as JSON escapes, which JSON stays JSON with.
fn safe(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| is_invisible(c) && c != '\n' && c != '\t';
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut units = [0; 2];
    let escaped = text.chars().map(|c| match harmful(c) {
        false => c.to_string(),
        true => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_moves_the_cursor_of_a_terminal_and_json_stays_json() {
        let name = "a\u{1b}[2Jb\u{9b}c\u{202e}d\u{e0001}é\n";
        let shown = safe(name);
        assert_eq!(shown, "a\\u001b[2Jb\\u009bc\\u202ed\\udb40\\udc01é\n");
        let json = serde_json::json!({"kid": name});
        let read: serde_json::Value = serde_json::from_str(&safe(&json.to_string())).unwrap();
        assert_eq!(read, json);
        assert!(matches!(safe("plain\ttext\n"), Cow::Borrowed(_)));
    }
}
