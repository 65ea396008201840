//! The file of the master key: 32 random bytes in base64, readable by its owner only.
//!
//! It is written whole or not at all, and never over another: the bytes go into a file beside it
//! (created with `O_EXCL` and mode 0600, synced), which then gets the name by a hard link. A file
//! that group or others may read is refused: a key that was readable must be taken for known.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanyard_domain::entropy::{self, Entropy};
use zeroize::Zeroizing;

/// Why there is no master key. The server must not start.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is not there.
    #[error("there is no key file at {0}")]
    Missing(PathBuf),
    /// It could not be read or written.
    #[error("the key file {path} could not be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("the key file {path} has mode {mode:04o}: others can read it. Make a new key, or set the mode to 0600")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no regular file with 32 bytes in base64.
    #[error("the key file {0} does not hold 32 bytes in base64")]
    Malformed(PathBuf),
}

// 44 characters and a line end; some room for spaces.
const LONGEST: u64 = 128;

/// Reads the key at `path`.
///
/// # Errors
/// [`KeyFileError`].
pub(crate) fn load(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Io { path: path.to_owned(), source },
    })?;
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    // Of the open file, so that nobody can swap it in between.
    check(&file.metadata().map_err(failed)?, path)?;
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|_| KeyFileError::Malformed(path.to_owned()))?;
    // Room for what 44 characters may hold; only exactly 32 bytes are a key.
    let mut decoded = Zeroizing::new([0u8; LONGEST as usize]);
    let length = STANDARD.decode_slice(text.trim(), &mut decoded[..]).unwrap_or(0);
    let key = decoded.get(..length).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.map(Zeroizing::new).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
}

/// Reads the key at `path`, or makes one if there is none.
///
/// # Errors
/// [`KeyFileError`].
pub(crate) fn load_or_create(path: &Path, entropy: &mut dyn Entropy) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    match load(path) {
        Err(KeyFileError::Missing(_)) => {}
        other => return other,
    }
    create(path, entropy).map_err(|source| KeyFileError::Io { path: path.to_owned(), source })?;
    // Also when another process was first: both then read the same key.
    load(path)
}

fn create(path: &Path, entropy: &mut dyn Entropy) -> io::Result<()> {
    let key = Zeroizing::new(entropy::bytes::<32>(entropy));
    let suffix = u64::from_be_bytes(entropy::bytes(entropy));
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{suffix:016x}.new"));
    let new = path.with_file_name(name);
    let written = write_new(&new, &key).and_then(|()| match std::fs::hard_link(&new, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = std::fs::remove_file(&new);
    written.and(removed)?;
    sync_directory(path)
}

fn write_new(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let mut text = Zeroizing::new(STANDARD.encode(key));
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn check(metadata: &std::fs::Metadata, path: &Path) -> Result<(), KeyFileError> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777;
    if !metadata.is_file() {
        return Err(KeyFileError::Malformed(path.to_owned()));
    }
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::TooOpen { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check(metadata: &std::fs::Metadata, path: &Path) -> Result<(), KeyFileError> {
    if metadata.is_file() { Ok(()) } else { Err(KeyFileError::Malformed(path.to_owned())) }
}

// The name of a file is durable once its directory is.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    };

    use lanyard_domain::entropy::{OsEntropy, SeededEntropy};

    use super::*;

    // A directory of its own, removed at the end.
    struct Scratch(PathBuf);
    impl Scratch {
        fn new() -> Self {
            let unique = u64::from_be_bytes(entropy::bytes(&mut OsEntropy));
            let path = std::env::temp_dir().join(format!("lanyard-key-{unique:016x}"));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
        fn key(&self) -> PathBuf {
            self.0.join("master.key")
        }
    }
    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a41_key_file_is_made_once_and_for_its_owner_only() {
        let scratch = Scratch::new();
        assert!(matches!(load(&scratch.key()), Err(KeyFileError::Missing(_))));
        let made = load_or_create(&scratch.key(), &mut SeededEntropy::new(1)).unwrap();
        assert_eq!(fs::metadata(scratch.key()).unwrap().mode() & 0o7777, 0o600);
        let again = load_or_create(&scratch.key(), &mut SeededEntropy::new(2)).unwrap();
        assert_eq!(*made, *again, "never overwritten");
        assert_eq!(*load(&scratch.key()).unwrap(), *made);
        // Two processes at their first start: the second finds the name taken.
        create(&scratch.key(), &mut SeededEntropy::new(3)).unwrap();
        assert_eq!(*load(&scratch.key()).unwrap(), *made);
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a41_key_file_that_others_can_read_is_refused() {
        let scratch = Scratch::new();
        load_or_create(&scratch.key(), &mut SeededEntropy::new(1)).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o644, 0o601] {
            fs::set_permissions(scratch.key(), fs::Permissions::from_mode(mode)).unwrap();
            let refused = load_or_create(&scratch.key(), &mut SeededEntropy::new(1));
            assert!(matches!(refused, Err(KeyFileError::TooOpen { mode: found, .. }) if found == mode), "{mode:o}");
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(scratch.key(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(load(&scratch.key()).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn a41_anything_but_32_bytes_is_refused_and_left_alone() {
        let scratch = Scratch::new();
        for text in ["", "\n", "not base64!", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), &"A".repeat(4096)] {
            let _ = fs::remove_file(scratch.key());
            fs::write(scratch.key(), text).unwrap();
            fs::set_permissions(scratch.key(), fs::Permissions::from_mode(0o600)).unwrap();
            let refused = load_or_create(&scratch.key(), &mut SeededEntropy::new(1));
            assert!(matches!(refused, Err(KeyFileError::Malformed(_))), "{text:?}");
            assert_eq!(fs::read_to_string(scratch.key()).unwrap(), text);
        }
        assert!(matches!(load(&scratch.0), Err(KeyFileError::TooOpen { .. } | KeyFileError::Malformed(_))));
        let nowhere = scratch.0.join("no/such/directory/master.key");
        assert!(matches!(load_or_create(&nowhere, &mut SeededEntropy::new(1)), Err(KeyFileError::Io { .. })));
    }

    #[test]
    fn a41_a_line_end_or_none_is_the_same_key() {
        let scratch = Scratch::new();
        for text in [STANDARD.encode([5; 32]), format!("{}\r\n", STANDARD.encode([5; 32]))] {
            fs::write(scratch.key(), text).unwrap();
            fs::set_permissions(scratch.key(), fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(*load(&scratch.key()).unwrap(), [5; 32]);
        }
    }
}
