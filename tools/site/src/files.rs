//! The finished files: names with content hashes, brotli twins, and the manifest of them all.
//!
//! A file is rewritten only when its content changed, the manifest likewise: the server, which
//! embeds them, is then compiled anew only for a reason. Left-overs of earlier builds are removed
//! at the end, after the manifest has ceased to name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::SiteError;

/// One servable file, as `server/build.rs` reads it.
#[derive(Debug, Serialize)]
pub(crate) struct File {
    /// The URL's path.
    pub(crate) path: String,
    /// The file below the site folder.
    file: String,
    /// Its brotli twin, where that is at least a tenth smaller.
    brotli_file: Option<String>,
    content_type: &'static str,
    /// The name carries the content's hash: a cache may keep it for ever.
    immutable: bool,
    /// Hexadecimal, without quotes: of the plain content.
    etag: String,
    /// Size as it is.
    pub(crate) bytes: usize,
    /// Size as a browser that takes brotli receives it.
    pub(crate) wire_bytes: usize,
}

/// The paths that pages name: everything else is reached from these.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    /// The one style sheet.
    pub(crate) css: String,
    /// By name, the scripts of the pages that have islands of one kind.
    pub(crate) bundles: BTreeMap<String, Bundle>,
}

/// The scripts of a page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bundle {
    /// wasm-bindgen's ES module (for `modulepreload`).
    pub(crate) js: String,
    /// The WASM (for `preload as=fetch`).
    pub(crate) wasm: String,
    /// The module that starts it all (for `<script type=module>`).
    pub(crate) boot: String,
}

#[derive(Serialize)]
struct Manifest<'a> {
    entry: &'a Entry,
    files: &'a [File],
}

/// The site folder while it is being filled.
pub(crate) struct Site {
    out: PathBuf,
    fast: bool,
    files: Vec<File>,
}

impl Site {
    /// A site below `out`; `fast` trades compression for speed.
    pub(crate) fn new(out: PathBuf, fast: bool) -> Self {
        Site { out, fast, files: Vec::new() }
    }

    /// What has been added so far.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// Adds `/pkg/{stem}.{hash}.{extension}` and returns that path.
    pub(crate) fn hashed(&mut self, stem: &str, extension: &str, content: &[u8]) -> Result<String, SiteError> {
        let path = format!("/pkg/{stem}.{}.{extension}", &fingerprint(content)[..12]);
        self.add(&path, content, true)?;
        Ok(path)
    }

    /// Adds every file of `folder` under its own name, recursively; no folder is no files.
    pub(crate) fn public(&mut self, folder: &Path) -> Result<(), SiteError> {
        if folder.is_dir() { self.public_below(folder, "") } else { Ok(()) }
    }

    fn public_below(&mut self, folder: &Path, prefix: &str) -> Result<(), SiteError> {
        let mut entries =
            fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(SiteError::at(folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let at = entry.path();
            let name = entry.file_name();
            let name = name.to_str().filter(|name| servable(name)).ok_or(SiteError::Name {
                path: at.clone(),
                reason: "use only letters, digits, dots, hyphens and underscores",
            })?;
            if at.is_dir() {
                self.public_below(&at, &format!("{prefix}/{name}"))?;
            } else {
                let content = fs::read(&at).map_err(SiteError::at(&at))?;
                self.add(&format!("{prefix}/{name}"), &content, false)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, content: &[u8], immutable: bool) -> Result<(), SiteError> {
        let file = path.trim_start_matches('/').to_owned();
        if self.files.iter().any(|known| known.path == path) {
            return Ok(());
        }
        let content_type = content_type(path).ok_or_else(|| SiteError::Name {
            path: PathBuf::from(path),
            reason: "no content type is known for this extension",
        })?;
        self.write(&file, content)?;
        let (brotli_file, wire_bytes) = self.compressed(&file, content_type, content)?;
        self.files.push(File {
            path: path.to_owned(),
            file,
            brotli_file,
            content_type,
            immutable,
            etag: fingerprint(content)[..24].to_owned(),
            bytes: content.len(),
            wire_bytes,
        });
        Ok(())
    }

    fn compressed(&self, file: &str, content_type: &str, content: &[u8]) -> Result<(Option<String>, usize), SiteError> {
        if content_type.starts_with("image/") && content_type != "image/svg+xml" {
            return Ok((None, content.len()));
        }
        let name = format!("{file}.br");
        let small = brotli(content, if self.fast { 4 } else { 11 }).map_err(SiteError::at(&self.out.join(&name)))?;
        if small.len() * 10 > content.len() * 9 {
            return Ok((None, content.len()));
        }
        self.write(&name, &small)?;
        Ok((Some(name), small.len()))
    }

    /// Writes a file below the site folder, unless it holds just that already.
    fn write(&self, file: &str, content: &[u8]) -> Result<(), SiteError> {
        let path = self.out.join(file);
        if fs::read(&path).is_ok_and(|old| old == content) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(SiteError::at(folder))?;
        }
        fs::write(&path, content).map_err(SiteError::at(&path))
    }

    /// Writes `manifest.json` and removes what it does not name.
    pub(crate) fn finish(&mut self, entry: Entry) -> Result<(), SiteError> {
        let manifest = Manifest { entry: &entry, files: &self.files };
        let mut json = serde_json::to_vec_pretty(&manifest)?;
        json.push(b'\n');
        self.write("manifest.json", &json)?;
        let mut keep: BTreeSet<PathBuf> = [self.out.join("manifest.json")].into();
        for file in &self.files {
            keep.insert(self.out.join(&file.file));
            keep.extend(file.brotli_file.iter().map(|name| self.out.join(name)));
        }
        sweep(&self.out, &keep)
    }
}

/// Removes the files below `folder` that are not to be kept (dot files, the stamp, stay).
fn sweep(folder: &Path, keep: &BTreeSet<PathBuf>) -> Result<(), SiteError> {
    for entry in fs::read_dir(folder).map_err(SiteError::at(folder))? {
        let entry = entry.map_err(SiteError::at(folder))?;
        let path = entry.path();
        if path.is_dir() {
            sweep(&path, keep)?;
        } else if !keep.contains(&path) && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            fs::remove_file(&path).map_err(SiteError::at(&path))?;
        }
    }
    Ok(())
}

fn servable(name: &str) -> bool {
    !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// SHA-256, hexadecimal.
fn fingerprint(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Packed by brotli at a quality of 0 to 11.
pub(crate) fn brotli(content: &[u8], quality: u32) -> Result<Vec<u8>, std::io::Error> {
    let mut small = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut small, 65_536, quality, 22);
    writer.write_all(content)?;
    drop(writer);
    Ok(small)
}

fn content_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lanyard-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn entry(path: &str) -> Entry {
        Entry { css: path.into(), bundles: BTreeMap::new() }
    }

    #[test]
    fn a_name_follows_the_content_and_left_overs_go() {
        let out = folder("names");
        let mut first = Site::new(out.clone(), true);
        let old = first.hashed("a", "css", b"one").unwrap();
        first.finish(entry(&old)).unwrap();
        let mut second = Site::new(out.clone(), true);
        let new = second.hashed("a", "css", b"two").unwrap();
        second.finish(entry(&new)).unwrap();
        assert_ne!(old, new);
        assert!(!out.join(&old[1..]).exists());
        assert_eq!(fs::read(out.join(&new[1..])).unwrap(), b"two");
        fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn an_unchanged_manifest_is_not_touched() {
        let out = folder("manifest");
        let written = || {
            let mut site = Site::new(out.clone(), true);
            let path = site.hashed("a", "css", b"same").unwrap();
            site.finish(entry(&path)).unwrap();
            fs::metadata(out.join("manifest.json")).unwrap().modified().unwrap()
        };
        assert_eq!(written(), written());
        fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn a_public_file_of_unknown_type_or_odd_name_is_refused() {
        let out = folder("public");
        let public = folder("public-in");
        fs::write(public.join("a.exe"), b"x").unwrap();
        assert!(Site::new(out.clone(), true).public(&public).is_err());
        fs::remove_file(public.join("a.exe")).unwrap();
        fs::write(public.join("a b.txt"), b"x").unwrap();
        assert!(Site::new(out.clone(), true).public(&public).is_err());
        fs::remove_dir_all(out).unwrap();
        fs::remove_dir_all(public).unwrap();
    }

    #[test]
    fn brotli_comes_back_as_it_was() {
        let text = "the quick brown fox ".repeat(100);
        let small = brotli(text.as_bytes(), 11).unwrap();
        assert!(small.len() < 100);
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut small.as_slice(), &mut back).unwrap();
        assert_eq!(back, text.as_bytes());
    }
}
