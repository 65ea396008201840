//! What can go wrong while the site is built; each says which file or program it was about.

use std::path::{Path, PathBuf};

/// A reason why the site was not built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// wasm-bindgen refused the module: most often its version differs from the crate's.
    #[error("wasm-bindgen: {0}")]
    Bindgen(String),
    /// wasm-opt could not be run, or refused the module.
    #[error("wasm-opt ({program}): {reason}")]
    Optimiser {
        /// The program that was run.
        program: PathBuf,
        /// Its message, or why it did not start.
        reason: String,
    },
    /// A style sheet that cannot be bundled.
    #[error("{path}: {reason}")]
    Css {
        /// The sheet.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A name that cannot be served.
    #[error("{path}: {reason}")]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong with its name.
        reason: &'static str,
    },
    /// The sign-in page has grown beyond what a slow phone loads in time.
    #[error(
        "a cold visit to the sign-in page would load {bytes} bytes and may load {limit}: {html} for its HTML and headers, \
         {files} in brotli. Look at what the journey's bundle has gained (tools/site/src/budget.rs)"
    )]
    Budget {
        /// All of it.
        bytes: usize,
        /// What it may be.
        limit: usize,
        /// The part of it that is set aside for the HTML and headers.
        html: usize,
        /// What of it is counted here.
        files: usize,
    },
    /// The manifest could not be written as JSON.
    #[error("manifest.json: {0}")]
    Manifest(#[from] serde_json::Error),
}

impl SiteError {
    /// For `map_err`: an I/O error with the path it was about.
    pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> SiteError {
        let path = path.to_owned();
        move |source| SiteError::File { path, source }
    }
}
