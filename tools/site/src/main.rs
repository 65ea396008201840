//! `lanyard-site`: turns the compiled frontend, the style sheets and `public/` into the folder of
//! finished files that the server embeds (`target/site`).
//!
//! wasm-bindgen makes the JavaScript glue, wasm-opt shrinks the WASM, every file under `/pkg`
//! carries its content's hash in its name, and each file worth it gets a brotli twin.
//! `manifest.json` lists them; `server/build.rs` reads it. Run by `tools/site.sh`.

mod bindgen;
mod css;
mod error;
mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use error::SiteError;
use files::{Entry, Site};

/// What the command line says.
struct Options {
    /// The frontend as rustc compiled it.
    wasm: PathBuf,
    /// The repository: holds `style/main.css` and `public/`.
    root: PathBuf,
    /// Where the finished files go.
    out: PathBuf,
    /// npm binaryen's `wasm-opt`; without it the WASM stays as wasm-bindgen leaves it.
    wasm_opt: Option<PathBuf>,
    /// Quick compression for `make watch`.
    fast: bool,
}

const USAGE: &str = "usage: lanyard-site --wasm FRONTEND.WASM --root REPOSITORY --out TARGET/SITE \
                     [--wasm-opt PROGRAM] [--fast]";

fn options(args: impl Iterator<Item = String>) -> Result<Options, SiteError> {
    let (mut wasm, mut root, mut out, mut wasm_opt, mut fast) = (None, None, None, None, false);
    let mut args = args;
    while let Some(name) = args.next() {
        let slot = match name.as_str() {
            "--wasm" => &mut wasm,
            "--root" => &mut root,
            "--out" => &mut out,
            "--wasm-opt" => &mut wasm_opt,
            "--fast" => {
                fast = true;
                continue;
            }
            other => return Err(SiteError::Usage(format!("unknown option {other}; {USAGE}"))),
        };
        let value = args.next().ok_or_else(|| SiteError::Usage(format!("{name} needs a value")))?;
        *slot = Some(PathBuf::from(value));
    }
    let missing = || SiteError::Usage(USAGE.to_owned());
    Ok(Options {
        wasm: wasm.ok_or_else(missing)?,
        root: root.ok_or_else(missing)?,
        out: out.ok_or_else(missing)?,
        wasm_opt,
        fast,
    })
}

/// The small module that starts the islands: see its own comments.
const BOOT: &str = include_str!("boot.js");

fn build(options: &Options) -> Result<Site, SiteError> {
    let mut site = Site::new(options.out.clone(), options.fast);

    let glue = bindgen::generate(&options.wasm)?;
    let wasm = match &options.wasm_opt {
        Some(program) => bindgen::optimise(program, &glue.wasm)?,
        None => glue.wasm,
    };
    let wasm = site.hashed("lanyard", "wasm", &wasm)?;

    let mut js = glue.js;
    for (import, source) in &glue.snippets {
        let path = site.hashed("snippet", "js", source.as_bytes())?;
        js = js.replace(&format!("./snippets/{import}"), &path);
    }
    let js = site.hashed("lanyard", "js", js.as_bytes())?;

    let boot = BOOT.replace("__GLUE__", &js).replace("__WASM__", &wasm);
    let boot = site.hashed("boot", "js", css::strip_js_comments(&boot).as_bytes())?;

    let main = options.root.join("style/main.css");
    let sheet = if main.exists() { css::bundle(&main)? } else { String::new() };
    let css = site.hashed("lanyard", "css", sheet.as_bytes())?;

    site.public(&options.root.join("public"))?;
    site.finish(Entry { css, js, wasm, boot })?;
    Ok(site)
}

fn report(site: &Site, out: &Path) {
    eprintln!("{}: {} files", out.display(), site.files().len());
    for file in site.files() {
        eprintln!("  {:<42} {:>8} bytes, {:>8} brotli", file.path, file.bytes, file.wire_bytes);
    }
}

fn main() -> ExitCode {
    let outcome = options(std::env::args().skip(1)).and_then(|options| {
        let site = build(&options)?;
        report(&site, &options.out);
        Ok(())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lanyard-site: {error}");
            ExitCode::FAILURE
        }
    }
}
