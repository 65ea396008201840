//! `lanyard-site`: turns the compiled frontend, the style sheets and `public/` into the folder of
//! finished files that the server embeds (`target/site`).
//!
//! wasm-bindgen makes the JavaScript glue, wasm-opt shrinks the WASM, every file under `/pkg`
//! carries its content's hash in its name, and each file worth it gets a brotli twin. Pages with
//! different islands have bundles of their own; the sign-in page's has a budget ([`budget`]).
//! `manifest.json` lists them; `server/build.rs` reads it. Run by `tools/site.sh`.

mod bindgen;
mod budget;
mod css;
mod error;
mod files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use error::SiteError;
use files::{Bundle, Entry, Site};

/// What the command line says.
struct Options {
    /// Name and file of each bundle, as rustc compiled it.
    bundles: Vec<(String, PathBuf)>,
    /// The repository: holds `style/main.css` and `public/`.
    root: PathBuf,
    /// Where the finished files go.
    out: PathBuf,
    /// npm binaryen's `wasm-opt`; without it the WASM stays as wasm-bindgen leaves it.
    wasm_opt: Option<PathBuf>,
    /// Quick compression for `make watch`, and no look at the budget.
    fast: bool,
}

/// The bundle of the sign-in page.
const JOURNEY: &str = "journey";

const USAGE: &str = "usage: lanyard-site --bundle NAME=FRONTEND.WASM… --root REPOSITORY --out TARGET/SITE \
                     [--wasm-opt PROGRAM] [--fast]";

fn options(args: impl Iterator<Item = String>) -> Result<Options, SiteError> {
    let (mut bundles, mut root, mut out, mut wasm_opt, mut fast) = (Vec::new(), None, None, None, false);
    let mut args = args;
    while let Some(name) = args.next() {
        if name == "--fast" {
            fast = true;
            continue;
        }
        let value = args.next().ok_or_else(|| SiteError::Usage(format!("{name} needs a value; {USAGE}")))?;
        match name.as_str() {
            "--bundle" => {
                let (name, file) = value.split_once('=').ok_or_else(|| SiteError::Usage(USAGE.to_owned()))?;
                bundles.push((name.to_owned(), PathBuf::from(file)));
            }
            "--root" => root = Some(PathBuf::from(value)),
            "--out" => out = Some(PathBuf::from(value)),
            "--wasm-opt" => wasm_opt = Some(PathBuf::from(value)),
            other => return Err(SiteError::Usage(format!("unknown option {other}; {USAGE}"))),
        }
    }
    let missing = || SiteError::Usage(USAGE.to_owned());
    if !bundles.iter().any(|(name, _)| name == JOURNEY) {
        return Err(missing());
    }
    Ok(Options { bundles, root: root.ok_or_else(missing)?, out: out.ok_or_else(missing)?, wasm_opt, fast })
}

/// The small module that starts the islands: see its own comments.
const BOOT: &str = include_str!("boot.js");

fn build(options: &Options) -> Result<(), SiteError> {
    let mut site = Site::new(options.out.clone(), options.fast);

    let main = options.root.join("style/main.css");
    let sheet = if main.exists() { css::bundle(&main)? } else { String::new() };
    let css = site.hashed("lanyard", "css", sheet.as_bytes())?;

    let mut bundles: BTreeMap<String, Bundle> = BTreeMap::new();
    for (at, (name, module)) in options.bundles.iter().enumerate() {
        // `make watch` compiles one module for all.
        let same = options.bundles[..at].iter().find(|(_, other)| other == module);
        let bundle = match same.and_then(|(other, _)| bundles.get(other)) {
            Some(made) => made.clone(),
            None => bundle(&mut site, options, module)?,
        };
        bundles.insert(name.clone(), bundle);
    }

    site.public(&options.root.join("public"))?;
    let passkeys = budget::passkeys().map_err(SiteError::at(Path::new("passkey.js")))?;
    report(&site, &options.out, &css, &bundles, passkeys);
    if !options.fast {
        let journey = bundles.get(JOURNEY).map_or(0, |bundle| budget::weight(site.files(), &css, bundle, passkeys));
        budget::check(journey)?;
    }
    site.finish(Entry { css, bundles })
}

/// Makes one bundle's files of a compiled module.
fn bundle(site: &mut Site, options: &Options, module: &Path) -> Result<Bundle, SiteError> {
    let glue = bindgen::generate(module)?;
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
    Ok(Bundle { js, wasm, boot })
}

fn report(site: &Site, out: &Path, css: &str, bundles: &BTreeMap<String, Bundle>, passkeys: usize) {
    eprintln!("{}: {} files", out.display(), site.files().len());
    for file in site.files() {
        eprintln!("  {:<42} {:>8} bytes, {:>8} brotli", file.path, file.bytes, file.wire_bytes);
    }
    for (name, bundle) in bundles {
        let bytes = budget::weight(site.files(), css, bundle, passkeys);
        eprintln!("a cold {name} page loads {bytes} bytes (style sheet, scripts, WASM) and its HTML");
    }
    eprintln!(
        "the sign-in (journey) page may load {} bytes, {} of them for its HTML and for headers",
        budget::LIMIT,
        budget::HTML
    );
}

fn main() -> ExitCode {
    let outcome = options(std::env::args().skip(1)).and_then(|options| build(&options));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lanyard-site: {error}");
            ExitCode::FAILURE
        }
    }
}
