//! Files that are their owner's alone: how they are written, and whether they still are.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use crate::config::Config;

/// Makes a folder, its owner's alone; one that is there keeps what its owner chose.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        folder.mode(0o700);
    }
    folder.create(path)
}

/// Writes a file that only its owner reads, all of it or nothing: under another name first, which then becomes
/// `path`. What lies there, with whatever mode and wherever it leads, is not written through.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let half = PathBuf::from(name);
    gone(&half)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&half)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        gone(&half)?;
    }
    written
}

/// Removes a file, if it is there.
///
/// # Errors
/// When it is there and stays.
pub fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The embedded database's files that there are; none on PostgreSQL.
#[must_use]
pub fn of_database(config: &Config) -> Vec<PathBuf> {
    let Some(file) = config.sqlite_file() else { return Vec::new() };
    let beside = ["", "-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    beside.into_iter().filter(|path| path.exists()).collect()
}

/// The mode of a file that others than its owner may read or write; `None` where nobody may, or nobody knows.
#[must_use]
pub fn open_to_others(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Takes a file away from others than its owner, and says so; says it too where the server does not own it. A
/// server works all the same: what others may read they may have read already.
pub fn tighten(path: &Path) {
    let Some(mode) = open_to_others(path) else { return };
    let shown = path.display();
    match private(path) {
        Ok(()) => tracing::warn!("{shown} had mode {mode:04o}, so that others could read it: now it has 0600"),
        Err(error) => {
            tracing::warn!(%error, "{shown} has mode {mode:04o}: others can read it, and it is not ours to change. Set the mode to 0600");
        }
    }
}

fn private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// A certificate for `localhost` and the loopback addresses with its key, made once and kept in `data_dir`.
///
/// Of servers that start at once one makes the pair, and the others wait for it. The certificate is written last, and
/// what is half there is made anew: a certificate that is there fits its key.
///
/// # Errors
/// When it cannot be made or written.
pub fn development_certificate(data_dir: &Path) -> Result<(PathBuf, PathBuf), Box<dyn std::error::Error>> {
    let file = |name: &str| data_dir.join(name);
    let (certificate, key) = (file("development-certificate.pem"), file("development-key.pem"));
    private_folder(data_dir)?;
    // Held until the function ends, by a process that dies too.
    let turn = File::create(file("development-certificate.lock"))?;
    turn.lock()?;
    if !certificate.exists() || !key.exists() {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let made = rcgen::generate_simple_self_signed(names)?;
        gone(&certificate)?;
        write_private(&key, made.signing_key.serialize_pem().as_bytes())?;
        write_private(&certificate, made.cert.pem().as_bytes())?;
    }
    Ok((certificate, key))
}

/// Where the first operator's link stands while nobody has used it.
#[must_use]
pub fn first_operator_link(config: &Config) -> PathBuf {
    config.data_dir.join("first-operator.url")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lanyard-files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        private_folder(&folder).unwrap();
        folder
    }

    #[test]
    fn first_starts_at_once_leave_one_certificate_and_its_key() {
        let data = folder("certificate");
        for half in ["", "development-key.pem", "development-certificate.pem"] {
            for file in ["development-key.pem", "development-certificate.pem"] {
                gone(&data.join(file)).unwrap();
            }
            // Whatever an earlier start left half done.
            if !half.is_empty() {
                fs::write(data.join(half), "half").unwrap();
            }
            std::thread::scope(|scope| {
                let starts: Vec<_> = (0..16)
                    .map(|_| {
                        scope.spawn(|| {
                            let (certificate, key) = development_certificate(&data).unwrap();
                            (fs::read(certificate).unwrap(), fs::read(key).unwrap())
                        })
                    })
                    .collect();
                let mut pairs: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
                pairs.dedup();
                assert_eq!(pairs.len(), 1, "every start has the same pair");
                let (certificate, key) = pairs.remove(0);
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
                let chain = vec![CertificateDer::from_pem_slice(&certificate).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
                let made = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
                assert!(made.is_ok(), "the key is the certificate's: {made:?}");
            });
        }
        fs::remove_dir_all(data).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owners_alone_and_written_through_nothing() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
        let data = folder("private");
        let (target, link) = (data.join("target"), data.join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        write_private(&link, b"ours").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert_eq!(
            (fs::read(&link).unwrap(), fs::symlink_metadata(&link).unwrap().mode() & 0o7777),
            (b"ours".to_vec(), 0o600)
        );
        fs::set_permissions(&link, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(open_to_others(&link), Some(0o644));
        tighten(&link);
        assert_eq!(open_to_others(&link), None);
        assert_eq!(fs::metadata(&link).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(open_to_others(&data.join("missing")), None);
        fs::remove_dir_all(data).unwrap();
    }
}
