//! Embeds the site: turns `target/site/manifest.json` (made by `tools/site.sh`) into
//! `$OUT_DIR/assets.rs`, which `src/http/assets.rs` includes, and packs the server's own scripts.
//!
//! Without a manifest the server still compiles, with no assets: its pages then work as plain,
//! unstyled forms. `LANYARD_SITE_DIR` names another folder.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A text of the manifest, by its key.
fn text<'a>(value: &'a serde_json::Value, key: &str) -> Result<&'a str, Box<dyn Error>> {
    value[key].as_str().ok_or_else(|| format!("manifest.json: no text under \"{key}\"").into())
}

/// An `include_bytes!` of a file below the site folder.
fn include(site: &Path, file: &str) -> Result<String, Box<dyn Error>> {
    let path = site.join(file);
    if !path.is_file() {
        return Err(format!("{} is named by manifest.json but missing", path.display()).into());
    }
    println!("cargo:rerun-if-changed={}", path.display());
    Ok(format!("include_bytes!({:?})", path.display().to_string()))
}

fn asset(site: &Path, file: &serde_json::Value) -> Result<String, Box<dyn Error>> {
    let brotli = match file["brotli_file"].as_str() {
        Some(name) => format!("Some({})", include(site, name)?),
        None => "None".to_owned(),
    };
    Ok(format!(
        "    Asset {{ path: {:?}, content_type: {:?}, etag: {:?}, immutable: {}, plain: {}, brotli: {} }},\n",
        text(file, "path")?,
        text(file, "content_type")?,
        text(file, "etag")?,
        file["immutable"].as_bool().unwrap_or(false),
        include(site, text(file, "file")?)?,
        brotli,
    ))
}

/// The source text of `assets.rs`: the table, sorted by path, and the entry points.
fn assets(site: &Path) -> Result<String, Box<dyn Error>> {
    let path = site.join("manifest.json");
    println!("cargo:rerun-if-changed={}", path.display());
    let (mut files, mut entry) = (Vec::new(), serde_json::Value::Null);
    if path.is_file() {
        let manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
        files = manifest["files"].as_array().cloned().unwrap_or_default();
        entry = manifest["entry"].clone();
    } else {
        println!(
            "cargo:warning=no {}: the server is built without its style sheet and scripts (make site builds them)",
            path.display()
        );
    }
    files.sort_by(|a, b| a["path"].as_str().cmp(&b["path"].as_str()));

    let mut source =
        String::from("/// Every embedded file, sorted by path.\npub(crate) static ASSETS: &[Asset] = &[\n");
    for file in &files {
        source.push_str(&asset(site, file)?);
    }
    let css = if entry.is_null() { "" } else { text(&entry, "css")? };
    write!(source, "];\n\n/// What pages link to.\npub(crate) static ENTRY: Entry = Entry {{\n    css: {css:?},\n")?;
    for name in ["journey", "claims"] {
        writeln!(source, "    {name}: Bundle {{")?;
        for key in ["js", "wasm", "boot"] {
            let path = if entry.is_null() { "" } else { text(&entry["bundles"][name], key)? };
            writeln!(source, "        {key}: {path:?},")?;
        }
        source.push_str("    },\n");
    }
    source.push_str("};\n");
    Ok(source)
}

/// FNV-1a, in hexadecimal: enough to tell one build's script from the next one's.
fn hash(content: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", content.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// Writes the brotli twins of the scripts that `src/http` brings along to `out`, their hashes, and the paths
/// that carry them.
fn pack_scripts(out: &Path) -> Result<(), Box<dyn Error>> {
    for (name, shown) in [("form_post.js", "form-post"), ("passkey.js", "passkey"), ("session.js", "session")] {
        let source = Path::new("src/http").join(name);
        println!("cargo:rerun-if-changed={}", source.display());
        let plain = fs::read(source)?;
        let mut packed = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, 11, 22);
        writer.write_all(&plain)?;
        drop(writer);
        fs::write(out.join(format!("{name}.br")), packed)?;
        fs::write(out.join(format!("{name}.hash")), hash(&plain))?;
        fs::write(out.join(format!("{name}.path")), format!("/pkg/{shown}.{}.js", hash(&plain)))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=LANYARD_SITE_DIR");
    let site = match env::var_os("LANYARD_SITE_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../target/site"),
    };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    pack_scripts(&out)?;
    fs::write(out.join("assets.rs"), assets(&site)?)?;
    Ok(())
}
