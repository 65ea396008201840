//! Reading CRLF lines from a stream within bounds (RFC 5321, 2.3.8 and 4.5.3.1).

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A line is skipped to its end when too long, but only so far; then the peer is cut off.
const MAX_SKIPPED: usize = 64 * 1024;

/// What was found up to the next line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, its CRLF removed, is in the buffer.
    Complete,
    /// The line was longer than allowed; it was skipped.
    TooLong,
    /// A CR or LF on its own: the root of mail smuggling, never tolerated.
    Bare,
    /// The peer is gone, or sends without end.
    Closed,
}

/// Reads one line of at most `max` bytes (CRLF included) into `buffer`.
pub(super) async fn read_line<R>(reader: &mut R, buffer: &mut Vec<u8>, max: usize) -> io::Result<Line>
where
    R: AsyncBufRead + Unpin,
{
    buffer.clear();
    let mut total = 0;
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(Line::Closed);
        }
        let end = available.iter().position(|b| *b == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(available.len());
        total += taken;
        if total <= max {
            buffer.extend_from_slice(&available[..taken]);
        }
        reader.consume(taken);
        if total > MAX_SKIPPED {
            return Ok(Line::Closed);
        }
        if end.is_some() {
            break;
        }
    }
    if total > max {
        return Ok(Line::TooLong);
    }
    let terminated = buffer.ends_with(b"\r\n");
    buffer.truncate(buffer.len().saturating_sub(2));
    if !terminated || buffer.contains(&b'\r') {
        return Ok(Line::Bare);
    }
    Ok(Line::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], max: usize) -> Vec<(Line, String)> {
        let (mut reader, mut buffer, mut out) = (input, Vec::new(), Vec::new());
        loop {
            let line = read_line(&mut reader, &mut buffer, max).await.unwrap();
            if line == Line::Closed {
                return out;
            }
            out.push((line, String::from_utf8_lossy(&buffer).into_owned()));
        }
    }

    #[tokio::test]
    async fn lines_end_with_crlf_alone() {
        let found = lines(b"ab\r\nc\nd\re\r\n\r\nunfinished", 10).await;
        let kinds: Vec<Line> = found.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Line::Complete, Line::Bare, Line::Bare, Line::Complete]);
        assert_eq!(found[0].1, "ab");
    }

    #[tokio::test]
    async fn the_limit_is_exact_and_endless_lines_are_cut_off() {
        let found = lines(b"12345678\r\n123456789\r\nok\r\n", 10).await;
        let kinds: Vec<Line> = found.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Line::Complete, Line::TooLong, Line::Complete]);
        let endless = vec![b'x'; MAX_SKIPPED + 10_000];
        assert!(lines(&endless, 10).await.is_empty());
    }
}
