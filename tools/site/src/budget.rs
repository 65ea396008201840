//! How much a person loads before the sign-in page is live, and how much that may be.

use crate::error::SiteError;
use crate::files::{self, Bundle, File};

/// What a cold visit to the sign-in page may load, in bytes: its HTML, style sheet and scripts.
pub(crate) const LIMIT: usize = 150_000;

/// The part of [`LIMIT`] that is set aside for the HTML, which is sent as it is, and for the headers
/// of all answers. In November 2026 they were 8.4 kB.
pub(crate) const HTML: usize = 10_000;

/// The script of passkeys, which the server brings along by itself.
const PASSKEYS: &[u8] = include_bytes!("../../../server/src/http/passkey.js");

/// The bytes of [`PASSKEYS`] as `server/build.rs` packs them.
///
/// # Errors
///
/// None in practice: it is packed in memory.
pub(crate) fn passkeys() -> Result<usize, std::io::Error> {
    Ok(files::brotli(PASSKEYS, 11)?.len())
}

/// What a page with this bundle loads cold, in bytes as they are sent, without its HTML; `passkeys` are
/// the bytes of the script that comes apart from the bundle.
pub(crate) fn weight(files: &[File], css: &str, bundle: &Bundle, passkeys: usize) -> usize {
    let paths = [css, &bundle.js, &bundle.wasm, &bundle.boot];
    let sent = files.iter().filter(|file| paths.contains(&file.path.as_str())).map(|file| file.wire_bytes);
    sent.sum::<usize>() + passkeys
}

/// Refuses files that make the sign-in page too heavy.
///
/// # Errors
///
/// When they and the HTML's part are more than [`LIMIT`].
pub(crate) fn check(files: usize) -> Result<(), SiteError> {
    let bytes = files + HTML;
    if bytes > LIMIT {
        return Err(SiteError::Budget { bytes, limit: LIMIT, html: HTML, files });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_at_the_limit_passes_and_one_byte_more_does_not() {
        assert!(check(LIMIT - HTML).is_ok());
        let refused = check(LIMIT - HTML + 1).unwrap_err().to_string();
        assert!(refused.contains("150001 bytes") && refused.contains("sign-in page"), "{refused}");
    }
}
